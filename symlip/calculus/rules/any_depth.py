"""Closed forms for any number of layers, by induction on the depth."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ...networks import Size
from ..arrays import BorderAt, Outer, ProductTable, Recursion, SumRange, VectorTable
from ..claims import Bound, indexed, nonnegative
from ..obligations import Decided
from ..quantities import Quantity
from ..rule import Given, Rule
from .block_second import BlockSecond
from .pre_activation import PreActivation
from .slope import Slope, curvature_of, slope_of
from .value import Value, size_of

i, j, k, u = (sympy.Symbol(name, integer=True, positive=True) for name in ("i", "j", "k", "u"))
PREVIOUS = sympy.Symbol("B_previous", nonnegative=True)


def induction_step(term: sympy.Expr, factor: sympy.Expr, last: sympy.Expr, index: sympy.Symbol, depth: sympy.Symbol) -> bool:
    """Whether sum_{index=1}^{depth} term obeys S(depth + 1) = factor * S(depth) + last, exactly.

    `term` depends on the depth through products up to it. Each product up to depth + 1 is split off its last factor
    (prod_{i=lo}^{m+1} f = f(m+1) prod_{i=lo}^{m} f, the empty product being 1); what is left is compared term by term.
    """

    def split(expression: sympy.Expr) -> sympy.Expr:
        def one(product: sympy.Product) -> sympy.Expr:
            function, (variable, low, high) = product.function, product.limits[0]
            if sympy.simplify(high - low) == -1:
                return sympy.Integer(1)
            if high == depth + 1:
                return function.subs(variable, depth + 1) * sympy.Product(function, (variable, low, depth))
            return product

        return expression.replace(lambda node: isinstance(node, sympy.Product), one)

    later = split(term.subs(depth, depth + 1))
    inner = sympy.simplify(sympy.expand(later - factor * term)) == 0
    newest = split(term.subs(depth, depth + 1).subs(index, depth + 1))
    return bool(inner and sympy.simplify(sympy.expand(newest - last)) == 0)


def _first_order_step() -> bool:
    m = sympy.Symbol("m", integer=True, positive=True)
    a, B, s = sympy.Function("a"), sympy.Function("B"), sympy.Symbol("S1", positive=True)
    product = sympy.Product(s * a(i), (i, j + 1, m))
    term = (1 + B(j - 1) ** 2) * s**2 * product**2
    return induction_step(term, s**2 * a(m + 1) ** 2, s**2 * (1 + B(m) ** 2), j, m)


def _block_step() -> bool:
    m = sympy.Symbol("m", integer=True, positive=True)
    a, s = sympy.Function("a"), sympy.Symbol("S1", positive=True)
    curvature, cross = sympy.Function("C"), sympy.Function("X")
    product = sympy.Product(s * a(i), (i, u + 1, m))
    term = product * (curvature(u) + s**2 * cross(u))
    return induction_step(term, s * a(m + 1), curvature(m + 1) + s**2 * cross(m + 1), u, m)


def _table_step() -> bool:
    """q_{m+1}[beta_j] = a_{m+1} S_1 q_m[beta_j] for j <= m, and 1 for j = m + 1: the recursion of the block lemma."""
    m = sympy.Symbol("m", integer=True, positive=True)
    a, s = sympy.Function("a"), sympy.Symbol("S1", positive=True)
    entry = sympy.Product(s * a(i), (i, j + 1, m))
    return induction_step(entry, s * a(m + 1), sympy.Integer(1), j, m)


class AnyDepthValues(Rule):
    name = "values at any depth"
    title = "Sizes of all outputs"
    statement = r"""For layers of equal width $l$ put $B_0=|x|$ and let $B_u$ be the smaller of the two bounds of @[value] that apply, with $B_{u-1}$ for $|h_{u-1}|$. Then $|h_u|\le B_u$ for every $u\ge0$."""
    proof = r"""Induction on $u$; the step is @[value], whose bounds increase with the bound on $|h_{u-1}|$."""
    obligations = Value.obligations

    def conclude(self, given: Given, *, depth: Size, width: Size, activation: Activation, bounded: bool, **_: Any) -> Bound:
        grown = given.bound("weight", u).base[u] * PREVIOUS + given.bound("bias", u).base[u] if bounded else None
        term = size_of(given, "every layer", width, activation, grown)
        return Bound(Quantity("value", u), indexed("B"), Recursion(term, u, PREVIOUS, given.bound("input"), depth))


class AnyDepthProducts(Rule):
    name = "products of slopes"
    title = "Products"
    statement = r"""$P_{j,u}=\prod_{i=j+1}^{u}S_1a_i$ for $j\le u$ \textup{(}$1$ for $j=u$\textup{)} and $P_{j,u}=0$ for $j>u$, so that $P_{j,u}=S_1a_uP_{j,u-1}$ for $j<u$."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, depth: Size, activation: Activation, **_: Any) -> Bound:
        factor = slope_of(given, 1, activation) * given.bound("weight", u).base[i]
        return Bound(None, indexed("P"), ProductTable(factor, i, depth))


class AnyDepthPreActivations(Rule):
    name = "pre-activations at any depth"
    title = "First derivatives of all pre-activations, block by block"
    statement = r"""For every $u\ge1$ and every direction with block norms $p$, $|z_u'|\le\langle\boldsymbol{q}_u,p\rangle$, where $\boldsymbol{q}_u$ has, with the products of @[products of slopes] and the sizes of @[values at any depth], the entry $B_{j-1}P_{j,u}$ at the block $\alpha_j$ and $P_{j,u}$ at $\beta_j$, $j\ge1$; and
$|h_u'|\le\langle S_1\boldsymbol{q}_u,p\rangle$."""
    proof = r"""Induction on $u$. @[block pre-activation] gives $\boldsymbol{q}_u=(a_uS_1\boldsymbol{q}_{u-1},B_{u-1},1)$, and $a_uS_1P_{j,u-1}=P_{j,u}$ for $j<u$, $P_{u,u}=1$. The second claim is @[block slope]."""
    obligations = (
        PreActivation.obligations[0],
        *Slope.obligations,
        Decided("induction step", _table_step, r"P_{j,m+1}=a_{m+1}S_1P_{j,m}\ (j\le m),\ P_{m+1,m+1}=1"),
    )

    def conclude(self, given: Given, *, depth: Size, **_: Any) -> Bound:
        B, P = given.bound("value", u), given.symbol("P")
        return Bound(Quantity("pre_blocks", u), indexed("q"), VectorTable(B[j - 1] * P[j, u], P[j, u], j, u, depth))


class AnyDepthFirst(Rule):
    name = "first derivative at any depth"
    title = "The first derivative at any depth"
    statement = r"""$|DN_\theta|^2\le L_m^2=\sum_{j=1}^{m}(1+B_{j-1}^2)S_1^2P_{j,m}^2$ for every depth $m\ge1$."""
    proof = r"""By @[pre-activations at any depth], $|N'|\le\langle S_1\boldsymbol{q}_m,p\rangle\le|S_1\boldsymbol{q}_m||p|$, and the squares of the entries of $S_1\boldsymbol{q}_m$ add up to $L_m^2$. The same by induction: $L_1^2=S_1^2(1+|x|^2)$ and
$L_{m+1}^2=S_1^2(1+B_m^2+a_{m+1}^2L_m^2)$, as $P_{j,m+1}=S_1a_{m+1}P_{j,m}$."""
    obligations = (
        *PreActivation.obligations,
        Decided("induction step", _first_order_step, r"L_{m+1}^2=S_1^2(1+B_m^2+a_{m+1}^2L_m^2)"),
    )

    def conclude(self, given: Given, *, depth: Size, activation: Activation, **_: Any) -> Bound:
        slope = slope_of(given, 1, activation)
        B, P = given.bound("value", u), given.symbol("P")
        term = (1 + B[j - 1] ** 2) * slope**2 * P[j, depth] ** 2
        return Bound(Quantity("first", depth), nonnegative("L"), sympy.sqrt(SumRange(term, j, sympy.Integer(1), depth)))


class AnyDepthBlocks(Rule):
    name = "first derivative at any depth, block by block"
    title = "The first derivative at any depth, block by block"
    statement = r"""$|N'|\le\langle\boldsymbol{\ell},p\rangle$ with $\boldsymbol{\ell}=S_1\boldsymbol{q}_m$, along every line with block norms $p$."""
    proof = r"""This is @[pre-activations at any depth] for $u=m$."""
    obligations = Slope.obligations

    def conclude(self, given: Given, *, depth: Size, activation: Activation, **_: Any) -> Bound:
        return Bound(Quantity("blocks", depth), nonnegative("lvec"), slope_of(given, 1, activation) * given.bound("pre_blocks", u)[depth])


class AnyDepthSecond(Rule):
    name = "second derivative at any depth"
    title = "The second derivative at any depth, block by block"
    statement = r"""For every depth $m\ge1$ and directions with block norms $p,\pi$, $|D^2N_\theta[\eta,\zeta]|\le p^{\top}G\,\pi$ with
\[G=\sum_{u=1}^{m}P_{u,m}\Bigl(S_2\,\boldsymbol{q}_u\boldsymbol{q}_u^{\top}+S_1^2\bigl(e_{\alpha_u}\boldsymbol{q}_{u-1}^{\top}+\boldsymbol{q}_{u-1}e_{\alpha_u}^{\top}\bigr)\Bigr),\qquad\boldsymbol{q}_0=0.\]"""
    proof = r"""Induction on $m$. @[block second derivative] gives $G_{m+1}=S_1a_{m+1}[G_m]+S_2\boldsymbol{q}_{m+1}\boldsymbol{q}_{m+1}^{\top}+S_1(e_{\alpha_{m+1}}\boldsymbol{\ell}_m^{\top}+\boldsymbol{\ell}_me_{\alpha_{m+1}}^{\top})$ with $\boldsymbol{\ell}_m=S_1\boldsymbol{q}_m$; and
$S_1a_{m+1}P_{u,m}=P_{u,m+1}$ for $u\le m$, $P_{m+1,m+1}=1$."""
    obligations = (*BlockSecond.obligations, Decided("induction step", _block_step, r"G_{m+1}=S_1a_{m+1}[G_m]+\cdots"))

    def conclude(self, given: Given, *, depth: Size, activation: Activation, **_: Any) -> Bound:
        slope, curvature = slope_of(given, 1, activation), curvature_of(given, 1, activation)
        q, P = given.bound("pre_blocks", u), given.symbol("P")
        term = P[u, depth] * (curvature * Outer(q[u]) + slope**2 * BorderAt(q[u - 1], u))
        return Bound(Quantity("second_blocks", depth), nonnegative("G"), SumRange(term, u, sympy.Integer(1), depth))
