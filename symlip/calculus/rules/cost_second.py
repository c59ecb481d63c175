"""The Hessian of a cost, and of its average over a data set."""

from __future__ import annotations

from typing import Any

import sympy

from ..arrays import LargestEigenvalue, Mean, Outer
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Index, Quantity
from ..rule import Given, Rule

t = sympy.Symbol("t", real=True)
g, N = sympy.Function("g"), sympy.Function("N")(t)
x, y, u, v, X, U, g1, g2, a, b, c, d, L, M = sympy.symbols("x y u v X U g1 g2 a b c d L M", real=True)

_SECOND = Identity(
    "second derivative of g(N)",
    sympy.diff(g(N), t, 2),
    g(N).diff(N, 2) * sympy.diff(N, t) ** 2 + g(N).diff(N) * sympy.diff(N, t, 2),
)
_SUM = Inequality(
    "sum of the two terms",
    (x >= 0, x <= X, u >= 0, u <= U, a >= 0, a <= g2, b >= 0, b <= g1),
    a * x**2 + b * u <= g2 * X**2 + g1 * U,
)


class CostSecondScalar(Rule):
    name = "cost Hessian"
    title = "The cost on top, second derivative"
    statement = r"""Let $\varphi=g(N,y)$ with $|D_og|\le g_1$, $|D_o^2g|\le g_2$ on the outputs that are reached, $|DN|\le L$ and $|D^2N|\le H$. Then $|D^2\varphi|\le g_2L^2+g_1H$."""
    proof = r"""$\varphi''=D_o^2g[N',N']+D_og[N'']$ along every line."""
    obligations = (_SECOND, _SUM)

    def conclude(self, given: Given, *, layer: Index, **_: Any) -> Bound:
        g1, g2 = given.bound("cost_slope"), given.bound("cost_curvature")
        return Bound(Quantity("cost_second"), nonnegative("Hcost"), g2 * given.bound("first", layer) ** 2 + g1 * given.bound("second", layer))


class CostSecondBlock(Rule):
    name = "cost Hessian, block by block"
    title = "The cost on top, second derivative, block by block"
    statement = r"""Let $\varphi=g(N,y)$ with $|D_og|\le g_1$ and $|D_o^2g|\le g_2$ on the outputs that are reached, and along every line $|N'|\le\langle\boldsymbol{\ell},p\rangle$, $|N''|\le p^{\top}Gp$, $p$ the block norms of its direction. Then
$|D^2\varphi|\le\lambda_{\max}\bigl(g_2\boldsymbol{\ell}\boldsymbol{\ell}^{\top}+g_1G\bigr)$."""
    proof = r"""$\varphi''=D_o^2g[N',N']+D_og[N'']$, so $|\varphi''|\le p^{\top}(g_2\boldsymbol{\ell}\boldsymbol{\ell}^{\top}+g_1G)p$, and $|p|=|\eta|$."""
    obligations = (_SECOND, _SUM)

    def conclude(self, given: Given, *, layer: Index, **_: Any) -> Bound:
        return Bound(Quantity("cost_second"), nonnegative("Hcost"), LargestEigenvalue(_cost_matrix(given, layer)))


class RiskSecondScalar(Rule):
    name = "risk Hessian"
    title = "The average over the data, second derivative"
    statement = r"""Let $\Phi=\mathbb{E}\,\varphi$ and $|D^2\varphi|\le\Lambda^{\varphi}$ for each sample, with a bound that may depend on it. Then $|D^2\Phi|\le\mathbb{E}\,\Lambda^{\varphi}$."""
    proof = r"""$D^2\Phi=\mathbb{E}\,D^2\varphi$ and the triangle inequality."""
    obligations = (Inequality("triangle inequality", (x**2 <= X**2, u**2 <= U**2, X >= 0, U >= 0), (x + u) ** 2 <= (X + U) ** 2),)

    def conclude(self, given: Given, **_: Any) -> Bound:
        return Bound(Quantity("risk_second"), nonnegative("Hrisk"), Mean(given.bound("cost_second")))


class RiskSecondBlock(Rule):
    name = "risk Hessian, block by block"
    title = "The average over the data, second derivative, block by block"
    statement = r"""Let $\Phi=\mathbb{E}\,\varphi$ with $\varphi=g(N,y)$, and for each sample the bounds $g_1,g_2,\boldsymbol{\ell},G$ of @[cost Hessian, block by block], which may depend on it. Then
$|D^2\Phi|\le\lambda_{\max}\bigl(\mathbb{E}[g_2\boldsymbol{\ell}\boldsymbol{\ell}^{\top}+g_1G]\bigr)\le\mathbb{E}\,\lambda_{\max}\bigl(g_2\boldsymbol{\ell}\boldsymbol{\ell}^{\top}+g_1G\bigr)$."""
    proof = r"""Along a line with direction $\eta$ all samples have the same block norms $p$. So $|\Phi''|\le\mathbb{E}|\varphi''|\le p^{\top}\,\mathbb{E}[g_2\boldsymbol{\ell}\boldsymbol{\ell}^{\top}+g_1G]\,p$: the matrices are averaged first,
and the largest eigenvalue is taken last. It is a convex function of the matrix, hence the second inequality."""
    obligations = (
        _SECOND,
        _SUM,
        Inequality(
            "the largest eigenvalue of a sum",
            (a * x**2 + 2 * b * x * y + c * y**2 <= L, u * x**2 + 2 * v * x * y + d * y**2 <= M),
            (a + u) * x**2 + 2 * (b + v) * x * y + (c + d) * y**2 <= L + M,
        ),
    )

    def conclude(self, given: Given, *, layer: Index, **_: Any) -> Bound:
        return Bound(Quantity("risk_second"), nonnegative("Hrisk"), LargestEigenvalue(Mean(_cost_matrix(given, layer))))


def _cost_matrix(given: Given, layer: Index) -> sympy.Expr:
    slope, curvature = given.bound("cost_slope"), given.bound("cost_curvature")
    return curvature * Outer(given.bound("blocks", layer)) + slope * given.bound("second_blocks", layer)
