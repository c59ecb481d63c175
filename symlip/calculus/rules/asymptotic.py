"""Asymptotic sharpness: upper over lower bound tends to 1."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ...errors import DerivationError
from ..arrays import BallMonomial, Below, BudgetSum, SumRange, SymmetricEntries
from ..claims import Bound, Comparison, Limit, nonnegative
from ..obligations import Inequality
from ..rule import Given, Rule
from .global_constant import at_infinity, unrolled
from .ordering import BlockBelowPaired, PairedBelowSeparate
from .separate import Separate

NORM = nonnegative("a")
"""The norm of all weights."""

sg, F, D, L, H, E, S1, S2, a, n, k, q, S = sympy.symbols("sigma F D L H E S1 S2 a n kappa q S", real=True)


class GrowthFirst(Rule):
    name = "growth of the first derivative"
    title = "Growth of the first derivative"
    statement = r"""Let $|A_u|_2\le a$ in every layer, all hidden activations be bounded and all $S_1>0$. If $L_{u-1}/D_{u-1}\to1$ as $a\to\infty$ \textup{(}nothing for $u=1$\textup{)}, where $D_{u-1}=\delta a^{u-2}$ with a constant $\delta>0$, then $L_u/D_u\to1$."""
    proof = r"""$L_u=S_1\sqrt{1+B_{u-1}^2+a^2L_{u-1}^2}$ and $D_u=S_1aD_{u-1}$ give $(L_u/D_u)^2=(1+B_{u-1}^2)/(aD_{u-1})^2+(L_{u-1}/D_{u-1})^2$, in which $B_{u-1}$ does not depend on $a$ and $aD_{u-1}=\delta a^{u-1}\to\infty$. For $u=1$ both are $S_1\sqrt{1+|x|^2}$. The limit is taken with these definitions put in, $L_{u-1}$ replaced by $D_{u-1}$:
this is allowed, as the square is a polynomial in $L_{u-1}/D_{u-1}$."""

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Limit:
        upper, lower = given.named(f"L_{layer}"), given.named(f"D_{layer}")
        kept = {given.named(name) for name in (f"L_{layer - 1}", f"D_{layer - 1}", f"B_{layer - 1}")} if layer > 1 else set()
        ratio = unrolled(given, upper, kept) / unrolled(given, lower, kept)
        _one(given, _put_in(ratio, layer), f"L_{layer} / D_{layer}")
        return Limit(upper / lower, NORM, sympy.Integer(1))


class GrowthSecond(Rule):
    name = "growth of the second derivative"
    title = "Growth of the second derivative"
    statement = r"""In the situation of @[growth of the first derivative] let $S_2>0$ in all layers but perhaps the last \textup{(}if $m\ge2$\textup{)}, $C_u$ the lower bound of @[chain, second derivative] \textup{(}or, if the last layer is affine, of @[chain, affine layers above]\textup{)} and $H_u$ the upper bound of @[separate]. If $H_{u-1}/C_{u-1}\to1$, then $H_u/C_u\to1$; the same then holds for the smaller bounds of the paired and the block
method, and for $|D^2N|$ itself."""
    proof = r"""$C_u=S_2(aD_{u-1})^2$, and $H_u=S_2Q_u^2+S_1(L_{u-1}+aH_{u-1})$ with $Q_u/(aD_{u-1})\to1$ by @[growth of the first derivative], while $L_{u-1}$ grows like $a^{u-2}$ and $aH_{u-1}$ like $aC_{u-1}=\kappa a^{2u-3}$, less than $C_u$, which grows like $a^{2u-2}$. For an affine last layer, $C_u=S_1aC_{u-1}$ and $H_u=S_1(L_{u-1}+aH_{u-1})$, in which $L_{u-1}$ grows less than $aC_{u-1}$. For $u=1$ both are
$S_2(1+|x|^2)$. The order of the bounds is @[paired below separate] and @[block below paired]."""
    obligations = (*PairedBelowSeparate.obligations, *BlockBelowPaired.obligations)

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Limit:
        upper, lower = given.named(f"H_{layer}"), given.named(f"C_{layer}")
        kept = {given.named(f"{name}_{layer - 1}") for name in ("L", "H", "D", "B", "C")} if layer > 1 else set()
        ratio = unrolled(given, upper, kept) / unrolled(given, lower, kept)
        _one(given, _put_in(ratio, layer), f"H_{layer} / C_{layer}")
        return Limit(upper / lower, NORM, sympy.Integer(1))


def _put_in(ratio: sympy.Expr, layer: int) -> sympy.Expr:
    """All norms a; the layer below by its lower bounds, which grow like powers of a."""
    delta, kappa = sympy.symbols("delta kappa", positive=True)
    power = NORM ** (layer - 2)
    known = {nonnegative(f"a_{layer}"): NORM}
    for name in ("L", "D"):
        known[nonnegative(f"{name}_{layer - 1}")] = delta * power
    for name in ("H", "C"):
        known[nonnegative(f"{name}_{layer - 1}")] = kappa * power**2
    return ratio.xreplace(known)


def _one(given: Given, ratio: sympy.Expr, what: str) -> None:
    value = sympy.simplify(at_infinity(ratio, NORM) if ratio.has(NORM) else ratio)
    if value != 1:
        raise DerivationError(f"rule {given.rule!r}: {what} tends to {value}, not to 1")


class BallGrowth(Rule):
    name = "growth on the parameter ball"
    title = "Growth on the parameter ball"
    statement = r"""On $|\theta|\le R$ let all hidden activations be bounded. As $R\to\infty$, the budget bounds over the lower bounds of @[chain on the parameter ball] tend to $1$."""
    proof = r"""The sizes $V_u$ are bounded in $R$, by constants. $L^2$ is a sum of powers of $R$, of which the term of the first layer, $R^{2(m-1)}$, is the largest; it is $D^2$ but for the replacement of $R^2$ by $R^2-\mathrm{const}$. Every entry of $G$ is a sum of powers of $R$; divided by $C$, all entries tend to $0$ but those at the blocks of the first layer, which tend to those of
the matrix $\tfrac1{1+|x|^2}\bigl(\begin{smallmatrix}|x|^2&|x|\\|x|&1\end{smallmatrix}\bigr)$, whose largest eigenvalue is $1$; eigenvalues are continuous. The limits of all terms are taken, with arbitrary constants for the $V_u$, $u\ge1$."""

    def conclude(self, given: Given, *, depth: int, order: int, **_: Any) -> Limit:
        radius = given.bound("radius")
        upper, lower = (given.named("L"), given.named("D")) if order == 1 else (given.named("Lambda"), given.named("C"))
        below = _explicit(unrolled(given, lower, {radius}), depth, given)
        if order == 1:
            total = _explicit(unrolled(given, upper, {radius}), depth, given)
            _limit_is(given, total / below, radius, sympy.Integer(1), "L / D")
        else:
            x = given.bound("input")
            matrix = given.definition(given.bound("second_blocks", depth))
            assert isinstance(matrix, SymmetricEntries)
            ww, wb, bw, bb, first, second, _length = matrix.args
            expected = {ww: x**2, wb: x, bw: x, bb: sympy.Integer(1)}
            for j in range(1, depth + 1):
                for i in range(j, depth + 1):
                    for part in (ww, wb, bw, bb):
                        entry = _explicit(part.xreplace({first: sympy.Integer(j), second: sympy.Integer(i)}), depth, given)
                        goal = expected[part] / (1 + x**2) if i == 1 else sympy.Integer(0)
                        _limit_is(given, entry / below, radius, goal, f"the entry of layers {j}, {i}")
        return Limit(upper / lower, radius, sympy.Integer(1))


def _limit_is(given: Given, ratio: sympy.Expr, variable: sympy.Symbol, goal: sympy.Expr, what: str) -> None:
    value = at_infinity(sympy.expand(ratio), variable) if ratio.has(variable) else ratio
    target = goal.xreplace({s: sympy.Symbol(s.name, positive=True) for s in goal.free_symbols})
    value = value.xreplace({s: sympy.Symbol(s.name, positive=True) for s in value.free_symbols})
    if sympy.simplify(value - target) != 0:
        raise DerivationError(f"rule {given.rule!r}: {what} tends to {value}, not to {target}")


def _explicit(expression: sympy.Expr, depth: int, given: Given) -> sympy.Expr:
    """Sums written out, monomials and tables evaluated, sizes V_u as constants."""

    def written(e: sympy.Expr) -> sympy.Expr:
        if isinstance(e, SumRange | BudgetSum):
            term, index, low, high = e.args
            return sympy.Add(*(written(term.xreplace({index: sympy.Integer(i)})) for i in range(int(low), int(high) + 1)))
        if isinstance(e, BallMonomial):
            c, radius, ones, twos = (written(argument) for argument in e.args)
            degree = ones + 2 * twos
            return c * radius**degree * (sympy.Rational(1, degree) ** (ones / sympy.Integer(2)) * sympy.Rational(2, degree) ** twos if degree != 0 else 1)
        if isinstance(e, Below):
            return e.func(*map(written, e.args))
        if isinstance(e, sympy.Indexed):
            return _entry(e, given)
        if isinstance(e, sympy.Max) and any(argument.is_number for argument in e.args):  # Max(0, R^2 - const), R large; exponents
            rest = [argument for argument in e.args if not argument.is_number]
            return written(rest[0]) if rest else e
        if not e.args:
            return e
        return e.func(*map(written, e.args))

    return written(expression)


def _entry(e: sympy.Indexed, given: Given) -> sympy.Expr:
    name, indices = str(e.base.label), e.indices
    if name == "V":
        return given.bound("input") if indices[0] == 0 else sympy.Symbol(f"V_{indices[0]}", positive=True)
    table = next(p.expression for p in given.premises if isinstance(p, Bound) and str(p.symbol) == name)
    if name in ("S0", "S1", "S2", "s0", "width"):
        return table.args[int(indices[0]) - 1]
    factor, index, _ = table.args  # a table of products
    j, last = (int(i) for i in indices)
    return sympy.Mul(*(_entry(factor.xreplace({index: sympy.Integer(i)}), given) for i in range(j + 1, last + 1)))


# --- any depth: explicit rates ------------------------------------------------------------------------------------------


class RateFirst(Rule):
    name = "rate, first derivative"
    title = "How near the bounds of the first derivative are"
    statement = r"""For equal layers with $\rho=S_1a>1$ and every depth $m$, $L\le F_1D$ with
\[F_1=\sqrt{1+\frac{1+B^2}{(1+|x|^2)(\rho^2-1)}}.\]"""
    proof = r"""By @[first derivative, equal layers] and @[chain of any length] with $P_{1,m}=\rho^{m-1}$,
$(L/D)^2=1+\tfrac{1+B^2}{1+|x|^2}\sum_{j=2}^m\rho^{-2(j-1)}$, and the geometric sum is at most $1/(\rho^2-1)$. By induction: $r_1=1\le F_1^2$, and $r_{m+1}=r_m+\tfrac{1+B^2}{1+|x|^2}\rho^{-2m}$ for $r_m=(L/D)^2$."""
    obligations = (Inequality("geometric sum below its limit", (q > 0, q < 1, S >= 0, S * (1 - q) <= q), (q + q * S) * (1 - q) <= q),)

    def conclude(self, given: Given, *, activation: Activation, **_: Any) -> Bound:
        rho, B, x = given.symbol("rho"), given.named("B"), given.bound("input")
        return Bound(None, nonnegative("F1"), sympy.sqrt(1 + (1 + B**2) / ((1 + x**2) * (rho**2 - 1))))


class BelowRateFirst(Rule):
    name = "first derivative within the rate"
    title = "The bounds of the first derivative"
    statement = r"""In the situation of @[rate, first derivative], $L\le F_1D$, with the same $F_1$ for every depth."""
    proof = r"""This is @[rate, first derivative]."""

    def conclude(self, given: Given, **_: Any) -> Comparison:
        return Comparison(given.named("L"), given.named("F1") * given.named("D"))


class RateSecond(Rule):
    name = "rate, second derivative"
    title = "How near the bounds of the second derivative are"
    statement = r"""For equal layers with $\rho=S_1a>1$, $S_2>0$ and every depth $m$, $\Lambda\le F_2C$ with
\[F_2=\frac{\rho}{\rho-1}\Bigl(F_1^2+\frac{F_1}{S_2a^2\sqrt{1+|x|^2}}\Bigr).\]"""
    proof = r"""By @[block below paired] and @[paired below separate], $\Lambda\le H_m$, the bound of @[separate]. Let $D_u$, $C_u$ be the lower bounds for depth $u$ and $h_u=H_u/C_u$; $h_1=1$. With $C_u=S_2(aD_{u-1})^2$ and $D_u=\rho D_{u-1}$ the three terms of $H_u=S_2Q_u^2+S_1L_{u-1}+S_1aH_{u-1}$ are at most
$C_u$ times $F_1^2$ \textup{(}as $Q_u=L_u/S_1\le F_1D_u/S_1=F_1aD_{u-1}$\textup{)}, $S_1F_1/(S_2a^2D_{u-1})\le F_1/(S_2a^2\sqrt{1+|x|^2})$ \textup{(}as $D_{u-1}\ge D_1=S_1\sqrt{1+|x|^2}$\textup{)} and $h_{u-1}/\rho$ \textup{(}as $C_{u-1}=C_u/\rho^2$ and $S_1a=\rho$\textup{)}.
So $h_u\le g+h_{u-1}/\rho$ with $g=F_1^2+\cdots\ge1$, and $F_2=g\rho/(\rho-1)$ is the fixed point: $h_{u-1}\le F_2$ implies $h_u\le F_2$, and $h_1=1\le F_2$."""
    obligations = (
        *Separate.obligations,
        *BlockBelowPaired.obligations,
        *PairedBelowSeparate.obligations,
        Inequality("fixed point", (sg > 1, F * (sg - 1) >= k * sg, F * (sg - 1) <= k * sg, H <= F, k >= 1), k * sg + H <= F * sg),
        Inequality("start", (sg > 1, F * (sg - 1) >= k * sg, k >= 1), F >= 1),
        Inequality("cross term", (S1 * n <= D, S1 > 0, S2 > 0, a > 0, n > 0, F >= 1, L <= F * D, E * n * a**2 * S2 >= F), E * S2 * a**2 * D * D >= S1 * L),
    )

    def conclude(self, given: Given, *, activation: Activation, **_: Any) -> Bound:
        rho, x, F1, weight = given.symbol("rho"), given.bound("input"), given.named("F1"), given.named("a")
        curvature = given.reached_constant(activation, 2)
        return Bound(None, nonnegative("F2"), rho / (rho - 1) * (F1**2 + F1 / (curvature * weight**2 * sympy.sqrt(1 + x**2))))


class BelowRateSecond(Rule):
    name = "second derivative within the rate"
    title = "The bounds of the second derivative"
    statement = r"""In the situation of @[rate, second derivative], $\Lambda\le F_2C$, with the same $F_2$ for every depth."""
    proof = r"""This is @[rate, second derivative]."""

    def conclude(self, given: Given, **_: Any) -> Comparison:
        return Comparison(given.named("Lambda"), given.named("F2") * given.named("C"))


class RateLimit(Rule):
    name = "the rate tends to one"
    title = "The rates tend to one"
    statement = r"""$F_1\to1$ and $F_2\to1$ as $a\to\infty$."""
    proof = r"""The limits of the expressions in $a$, with $\rho=S_1a$; they do not depend on the depth."""

    def conclude(self, given: Given, *, symbol: str, **_: Any) -> Limit:
        weight = given.named("a")
        value = sympy.simplify(at_infinity(unrolled(given, given.named(symbol), {weight}), weight))
        if value != 1:
            raise DerivationError(f"{symbol} tends to {value}, not to 1")
        return Limit(given.named(symbol), weight, sympy.Integer(1))
