"""The order of the methods: block <= paired <= separate, and the budget bound <= the ball bound with a_u = R."""

from __future__ import annotations

from typing import Any

import sympy

from ..claims import Comparison, nonnegative
from ..obligations import Inequality
from ..quantities import Quantity
from ..rule import Given, Rule

S1, S2, v1, v2, r, s, L, a, H, K, B, al, be, x, g, R, n = sympy.symbols("S1 S2 v1 v2 r s L a H K B alpha beta x g R n", real=True)
_NONNEGATIVE = tuple(symbol >= 0 for symbol in (S1, S2, v1, v2, r, s, L, a, H, K))


class PairedBelowSeparate(Rule):
    name = "paired below separate"
    title = "The paired bound is at most the separate one"
    statement = r"""Let $H^{\mathrm{sep}}_u$ be the bound of @[separate] and $H^{\mathrm{pair}}_u$ that of @[paired], $v=(v_1,v_2)=(\sqrt{1+B_{u-1}^2},a_uL_{u-1})$. If $H^{\mathrm{pair}}_{u-1}\le H^{\mathrm{sep}}_{u-1}$ \textup{(}nothing for $u=1$\textup{)}, then $H^{\mathrm{pair}}_u\le H^{\mathrm{sep}}_u$, for all nonnegative constants."""
    proof = r"""At a unit vector $(r,\sigma)$ the paired form is at most $S_2(v_1r+v_2\sigma)^2+S_1(2L_{u-1}r\sigma+a_uH^{\mathrm{sep}}_{u-1}\sigma^2)\le S_2(v_1^2+v_2^2)+S_1(L_{u-1}+a_uH^{\mathrm{sep}}_{u-1})=H^{\mathrm{sep}}_u$, since $v_1^2+v_2^2=Q_u^2$: the
supremum of a sum is at most the sum of the suprema."""
    obligations = (
        Inequality("first term", (*_NONNEGATIVE, r**2 + s**2 <= 1), (v1 * r + v2 * s) ** 2 <= v1**2 + v2**2),
        Inequality("second term", (*_NONNEGATIVE, H <= K, r**2 + s**2 <= 1), 2 * L * r * s + a * H * s**2 <= L + a * K),
    )

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Comparison:
        if layer > 1:
            given.comparison(nonnegative(f"Hp_{layer - 1}"), nonnegative(f"Hs_{layer - 1}"))
        return _compare(given, "second", layer, f"Hp_{layer}", f"Hs_{layer}")


class BlockBelowPaired(Rule):
    name = "block below paired"
    title = "The block bound is at most the paired one"
    statement = r"""If $\lambda_{\max}(G_{u-1})\le H^{\mathrm{pair}}_{u-1}$ \textup{(}nothing for $u=1$\textup{)}, then $\lambda_{\max}(G_u)\le H^{\mathrm{pair}}_u$, for all nonnegative constants."""
    proof = r"""First, $|\boldsymbol{\ell}_u|=L_u$ for every $u$, by induction: both are $S_1$ times the root of $1+B_{u-1}^2+a_u^2L_{u-1}^2$. The largest eigenvalue of a symmetric matrix with nonnegative entries is attained at a unit vector $p\ge0$. Let $r$ be the norm of its last two entries $(\alpha,\beta)$ and $\sigma$ that of the others, $p_<$. With $\xi=\langle\boldsymbol{\ell}_{u-1},p_<\rangle\le L_{u-1}\sigma$, $\omega=p_<^{\top}G_{u-1}p_<\le H^{\mathrm{pair}}_{u-1}\sigma^2$ and
$B_{u-1}\alpha+\beta\le v_1r$, $\alpha\le r$ we have $p^{\top}G_up=S_2(a_u\xi+B_{u-1}\alpha+\beta)^2+S_1(2\alpha\xi+a_u\omega)\le S_2(v_1r+v_2\sigma)^2+S_1(2rL_{u-1}\sigma+a_uH^{\mathrm{pair}}_{u-1}\sigma^2)$, the paired form at $(r,\sigma)$."""
    obligations = (
        Inequality(
            "square",
            (*_NONNEGATIVE, x >= 0, al >= 0, be >= 0, x <= L * s, n >= 0, n <= v1 * r),
            (a * x + n) ** 2 <= (v1 * r + a * L * s) ** 2,
        ),
        Inequality(
            "this layer",
            (al >= 0, be >= 0, B >= 0, r >= 0, r**2 >= al**2 + be**2, v1 >= 0, v1**2 >= 1 + B**2),
            B * al + be <= v1 * r,
        ),
        Inequality(
            "cross and earlier terms",
            (*_NONNEGATIVE, x >= 0, al >= 0, al <= r, x <= L * s, g <= H * s**2),
            2 * al * x + a * g <= 2 * r * L * s + a * H * s**2,
        ),
    )

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Comparison:
        if layer > 1:
            given.comparison(nonnegative(f"E_{layer - 1}"), nonnegative(f"Hp_{layer - 1}"))
        return _compare(given, "second", layer, f"E_{layer}", f"Hp_{layer}")


class BudgetBelowBall(Rule):
    name = "budget below ball"
    title = "The budget bound is at most the ball bound"
    statement = r"""On $|\theta|\le R$ the budget bounds are at most the bounds with $a_u=b_u=R$ in every layer."""
    proof = r"""Entry by entry both are the same polynomial with nonnegative coefficients in the norms, with value bounds $V_u\le B_u$ \textup{(}by induction, since $\sqrt{1+V^2}\le1+B$ for $0\le V\le B$\textup{)}. A monomial
$\prod_ja_j^{k_j}$ is replaced by its maximum over the ball, $R^K\prod_j(k_j/K)^{k_j/2}\le R^K$, its value at $a_j=R$. The Euclidean norm and the largest eigenvalue are monotone in nonnegative entries."""
    obligations = (
        Inequality("value bounds", (x >= 0, x <= B, n >= 0, n**2 <= 1 + x**2), n <= 1 + B),
        Inequality("two coordinates", (x**2 + a**2 <= R**2,), x * a <= R**2 / 2),
        Inequality("a coordinate and a square", (x >= 0, x + g <= n, g >= 0), x * g**2 <= sympy.Rational(4, 27) * n**3),
    )

    def conclude(self, given: Given, *, smaller: str, larger: str, kind: str, layer: int, **_: Any) -> Comparison:
        return _compare(given, kind, layer, smaller, larger)


def _compare(given: Given, kind: str, layer: int, smaller: str, larger: str) -> Comparison:
    for name in (smaller, larger):
        if not any(getattr(p, "quantity", None) == Quantity(kind, layer) and str(p.symbol) == name for p in given.premises):  # type: ignore[union-attr]
            given.symbol(name)  # raises, naming it
    return Comparison(nonnegative(smaller), nonnegative(larger))
