"""The budget bound on the parameter ball: all layers share |theta| <= R."""

from __future__ import annotations

from typing import Any

import sympy

from ...networks import Network, Size
from ..arrays import BallMonomial, Below, BlockEntries, BudgetSum, ProductTable, Recursion, SumRange, SymmetricEntries, Table
from ..claims import Bound, indexed, nonnegative
from ..obligations import Inequality, Obligation
from ..quantities import Quantity
from ..rule import Given, Rule
from .any_depth import i, j, k, u
from .block_second import BlockSecond
from .pre_activation import PreActivation
from .slope import curvature_of, slope_of
from .value import Value

PREVIOUS = sympy.Symbol("V_previous", nonnegative=True)
x, y, w, R, t = sympy.symbols("x y w R t", real=True)

WEIGHTED_AM_GM: tuple[Obligation, ...] = (
    Inequality("two coordinates", (x**2 + y**2 <= R**2,), x * y <= R**2 / 2),
    Inequality("a coordinate and a square", (x >= 0, w >= 0, x + w <= t), x * w**2 <= sympy.Rational(4, 27) * t**3),
    Inequality("two squares", (x >= 0, w >= 0, x + w <= t), x * w <= t**2 / 4),
)


class LayerConstants:
    """The constants of the layers as functions of the index: one symbol where all layers are alike, else tables."""

    def __init__(self, given: Given, network: Network) -> None:
        self.given, self.network = given, network
        self.depth = network.depth
        self.alike = len(network.activations) == 1

    def slopes(self, first: sympy.Expr, last: sympy.Expr) -> sympy.Expr:
        """prod of S_1 over the layers first + 1 .. last."""
        if self.alike:
            return slope_of(self.given, 1, self.network.activations[0]) ** (last - first)
        return self.given.symbol("T")[first, last]

    def slope(self) -> sympy.Expr:
        """S_1 of layer u."""
        if self.alike:
            return slope_of(self.given, 1, self.network.activations[0])
        return self.given.symbol("S1")[u]

    def table(self, order: int, at_zero: bool = False) -> sympy.Expr:
        """S_order at index u, or |s(0)|."""
        if self.alike:
            return self.given.constant(self.network.activations[0], order, at_zero)
        return self.given.symbol("s0" if at_zero else f"S{order}")[u]


class ConstantTable(Rule):
    name = "constants by layer"
    title = "Constants by layer"
    statement = r"""The constants of the activations, listed by layer: $S_k^{(u)}$ is the constant $S_k$ of layer $u$, $s_0^{(u)}=|s_u(0)|$, and $l^{(u)}$ is its width."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, order: int, at_zero: bool = False, **_: Any) -> Bound:
        check = {1: slope_of, 2: curvature_of}.get(order, lambda g, _, a: g.constant(a, order, at_zero))
        values = [check(given, position, layer.activation) for position, layer in enumerate(network.dense, 1)]
        return Bound(None, indexed("s0" if at_zero else f"S{order}"), Table(*values))


class WidthTable(Rule):
    name = "widths by layer"
    title = "Widths by layer"
    statement = r"""$l^{(u)}$ is the width of layer $u$."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        return Bound(None, indexed("width"), Table(*(sympy.sympify(layer.width) for layer in network.dense)))


class SlopeProducts(Rule):
    name = "products of the activations' slopes"
    title = "Products of slopes"
    statement = r"""$T_{j,u}=\prod_{i=j+1}^uS_1^{(i)}$ for $j\le u$."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, depth: Size, **_: Any) -> Bound:
        return Bound(None, indexed("T"), ProductTable(given.symbol("S1")[i], i, depth))


class BudgetValues(Rule):
    name = "values on the parameter ball"
    title = "Sizes of the outputs on the parameter ball"
    statement = r"""Let $|\theta|\le R$, $|h_0|\le V_0=|x|$ and $|h_{u-1}|\le V_{u-1}$. Then $|h_u|$ is at most each of
\[\sqrt{l_u}\,S_0^{(u)},\qquad\sqrt{l_u}\,|s_u(0)|+S_1^{(u)}R\sqrt{1+V_{u-1}^2},\]
and, with $T_{j,u}$ the product of the constants $S_1$ of the layers $j+1,\dots,u$ and $\mu_R(n,0)=(R^2/n)^{n/2}$ \textup{(}$\mu_R(0,0)=1$\textup{)}, at most
\[|x|\,T_{0,u}\,\mu_R(u,0)+\sum_{i=1}^{u}\Bigl(\sqrt{l_i}\,|s_i(0)|\,T_{i,u}\,\mu_R(u-i,0)+T_{i-1,u}\,\mu_R(u-i+1,0)\Bigr).\]
$V_u$ is the minimum of those of the three that are used."""
    proof = r"""The first is @[value]; for the second, $|z_u|\le|A_u||h_{u-1}|+|b_u|\le\sqrt{|A_u|^2+|b_u|^2}\sqrt{|h_{u-1}|^2+1}\le R\sqrt{1+V_{u-1}^2}$. For the third, unrolling $|h_u|\le\sqrt{l_u}|s_u(0)|+S_1^{(u)}(|A_u||h_{u-1}|+|b_u|)$ gives a sum of products of distinct
norms, and a product of $n$ norms whose squares add up to at most $R^2$ is at most $(R^2/n)^{n/2}$, by the inequality of the arithmetic and geometric means."""
    obligations = (
        *Value.obligations,
        *WEIGHTED_AM_GM,
        Inequality("weights and bias together", (), (x * w + y) ** 2 <= (x**2 + y**2) * (w**2 + 1)),
    )

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        of = LayerConstants(given, network)
        root = sympy.sqrt(network.dense[0].width) if len(set(network.widths[1:])) == 1 else sympy.sqrt(given.symbol("width")[u])
        radius, slope = given.bound("radius"), of.slope()
        tops = [given.constant(activation, 0) for activation in network.activations]
        start = root * of.table(0, at_zero=True)
        branches = [start + slope * radius * sympy.sqrt(1 + PREVIOUS**2)]
        if not all(top == sympy.oo for top in tops):
            branches.append(root * of.table(0))
        if sympy.oo in tops:
            at = {u: i}
            paths = BudgetSum(
                BallMonomial((start.xreplace(at) if start else 0) * of.slopes(i, u), radius, u - i, sympy.Integer(0))
                + BallMonomial(of.slopes(i - 1, u), radius, u - i + 1, sympy.Integer(0)),
                i, sympy.Integer(1), u,
            )  # fmt: skip
            branches.append(given.bound("input") * BallMonomial(of.slopes(sympy.Integer(0), u), radius, u, sympy.Integer(0)) + paths)
        term = sympy.Min(*branches, evaluate=len(branches) == 1)
        return Bound(Quantity("value", u), indexed("V"), Recursion(term, u, PREVIOUS, given.bound("input"), network.depth))


class BudgetBlocks(Rule):
    name = "budget, first derivative, block by block"
    title = "The first derivative on the parameter ball, block by block"
    statement = r"""Let $|\theta|\le R$ with the values $V_u$ of @[values on the parameter ball], let $\mu_R(n_1,n_2)=R^{K}K^{-n_1/2}(2/K)^{n_2}$, $K=n_1+2n_2$ \textup{(}$1$ for $K=0$\textup{)}, and $T_{j,m}$ the product of the constants $S_1$ of the layers $j+1,\dots,m$. Then $|N'|\le\langle\boldsymbol{\ell},p\rangle$ with
$\boldsymbol{\ell}_{\alpha_j}=V_{j-1}\boldsymbol{\ell}_{\beta_j}$ and $\boldsymbol{\ell}_{\beta_j}=T_{j-1,m}\,\mu_R(m-j,0)$."""
    proof = r"""Take @[block pre-activation] and @[block slope] at a fixed $\theta$ of the ball, with $a_u=|A_u|_2$ and $B_u=V_u$: there $\boldsymbol{\ell}_{\beta_j}=T_{j-1,m}\prod_{i>j}|A_i|$ and $\boldsymbol{\ell}_{\alpha_j}=V_{j-1}\boldsymbol{\ell}_{\beta_j}$, with $V_{j-1}$ a constant on the ball. A product of $n_1$ distinct norms and of the squares of $n_2$ others,
whose squares add up to at most $R^2$, is at most $\mu_R(n_1,n_2)$: by the weighted inequality of the arithmetic and geometric means, $\prod_j(a_j^2)^{k_j/K}\le\prod_j(k_j/K)^{k_j/K}\sum_ja_j^2$ with $k_j\in\{1,2\}$, $K=\sum_jk_j$; equality holds at $a_j^2=k_jR^2/K$."""
    obligations = (*PreActivation.obligations, *WEIGHTED_AM_GM)

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        of, m = LayerConstants(given, network), network.depth
        bias = BallMonomial(of.slopes(j - 1, m), given.bound("radius"), m - j, sympy.Integer(0))
        return Bound(Quantity("blocks", m), nonnegative("lvec"), BlockEntries(given.bound("value", u)[j - 1] * bias, bias, j, m))


class BudgetFirst(Rule):
    name = "budget, first derivative"
    title = "The first derivative on the parameter ball"
    statement = r"""On $|\theta|\le R$, $|DN_\theta|^2\le L^2=\sum_{u=1}^m(1+V_{u-1}^2)\,T_{u-1,m}^2\,\mu_R(0,m-u)$, and $\mu_R(0,n)=(R^2/n)^n$."""
    proof = r"""In the proof of @[budget, first derivative, block by block] the squares of the entries of the block vector add up to the sum over $u$ of $(1+V_{u-1}^2)T_{u-1,m}^2\prod_{i>u}|A_i|^2$; and a product of $n$ squares with sum at most $R^2$ is at most $(R^2/n)^n$."""
    obligations = (*PreActivation.obligations, *WEIGHTED_AM_GM)

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        of, m = LayerConstants(given, network), network.depth
        square = BallMonomial(of.slopes(u - 1, m) ** 2, given.bound("radius"), sympy.Integer(0), m - u)
        total = SumRange((1 + given.bound("value", u)[u - 1] ** 2) * square, u, sympy.Integer(1), m)
        return Bound(Quantity("first", m), nonnegative("L"), sympy.sqrt(total))


class BudgetSecond(Rule):
    name = "budget, second derivative"
    title = "The second derivative on the parameter ball"
    statement = r"""On $|\theta|\le R$, $|D^2N_\theta[\eta,\zeta]|\le p^{\top}G\,\pi$ for directions with block norms $p,\pi$, where $G$ is symmetric and for $j\le k$ the entry of $G$ at a block of layer $j$ and one of layer $k$ is
\[cc'\sum_{u=k}^{m}S_2^{(u)}T_{u,m}T_{j-1,u-1}T_{k-1,u-1}\,\mu_R(k-j+m-u,\,u-k)+[j<k]\,c\,T_{j-1,m}\,\mu_R(m-1-j,\,0),\]
the second term for the weights of layer $k$ only; $c=V_{j-1}$ for the weights of layer $j$ and $1$ for its bias, $c'$ likewise for $k$."""
    proof = r"""Unrolled, @[block second derivative] gives
\[G_m=\sum_u\bigl({\textstyle\prod_{i>u}}S_1^{(i)}a_i\bigr)\bigl(S_2^{(u)}\boldsymbol{q}_u\boldsymbol{q}_u^{\top}+S_1^{(u)}(e_{\alpha_u}\boldsymbol{\ell}_{u-1}^{\top}+\boldsymbol{\ell}_{u-1}e_{\alpha_u}^{\top})\bigr).\]
The entry of $\boldsymbol{q}_u\boldsymbol{q}_u^{\top}$ is $cc'T_{j-1,u-1}T_{k-1,u-1}\prod_{i=j+1}^ua_i\prod_{i=k+1}^ua_i$: with the factor in front the norms of the layers $j+1,\dots,k$ and $u+1,\dots,m$ stand once and those of $k+1,\dots,u$ are squared. The cross term at $u=k$ holds the norms of
$j+1,\dots,k-1$ and $k+1,\dots,m$ once. Each monomial is at most its maximum on the ball, by the proof of @[budget, first derivative, block by block], and the largest eigenvalue is monotone in nonnegative entries."""
    obligations = (*BlockSecond.obligations, *WEIGHTED_AM_GM)

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        of, m, radius = LayerConstants(given, network), network.depth, given.bound("radius")
        V = given.bound("value", u)
        curvature = of.table(2) if not of.alike else curvature_of(given, 1, network.activations[0])
        coefficient = curvature * of.slopes(u, m) * of.slopes(j - 1, u - 1) * of.slopes(k - 1, u - 1)
        pair = BudgetSum(BallMonomial(coefficient, radius, k - j + m - u, u - k), u, k, m)
        cross = Below(j, k) * BallMonomial(of.slopes(j - 1, m), radius, sympy.Max(m - 1 - j, 0), sympy.Integer(0))
        first, second = V[j - 1], V[k - 1]
        entries = (first * second * pair + first * cross, first * pair, second * pair + cross, pair)
        return Bound(Quantity("second_blocks", m), nonnegative("G"), SymmetricEntries(*entries, j, k, m))
