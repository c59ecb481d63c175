"""Lower bounds of residual networks, mixed with dense layers, tied or not: one neuron is held still at 0, where its activation is linear."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import z
from ...errors import SymlipError
from ...networks import Network
from ..arrays import IfKnown
from ..claims import Bound, Reached, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from ..witness import HeldWitness
from .chain import norm_of
from .flow_limits import held_slope
from .global_constant import jump_of

a, d, s, h, x, y, w, r, n = sympy.symbols("a d s h x y w r n", real=True)


def passed(given: Given, network: Network, line: int) -> sympy.Expr:
    """f_u, by which a line multiplies the derivative of the neuron that is held."""
    unit = network.units[line - 1]
    grown = unit.factor * held_slope(unit.activation) * norm_of(given, unit.group)  # type: ignore[arg-type]
    return grown if unit.step is None else 1 + grown


class HeldProducts(Rule):
    name = "products along a held neuron"
    title = "Products along a held neuron"
    statement = r"""$P_u=\prod_{u<i\le m}f_i$ and $K_u=\prod_{u<i<v}f_i$ with $f_i=\varepsilon_i+|d_i|\varsigma_ia_i$, $\varsigma_i=|s_i'(0)|$, where $\varepsilon_i=1$ for a residual line, $\varepsilon_i=0$ and $d_i=1$ for a dense one."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, letter: str, line: int, end: int, **_: Any) -> Bound:
        symbol = nonnegative(f"{letter}_{line}")
        if line == end:
            return Bound(None, symbol, sympy.Integer(1))
        return Bound(None, symbol, given.symbol(f"{letter}_{line + 1}") * passed(given, network, line + 1))


def _share(given: Given, network: Network, line: int, letter: str = "P") -> sympy.Expr:
    """rho_u = |d_u| s_u'(0) P_u, or kappa_u with K_u."""
    unit = network.units[line - 1]
    return unit.factor * held_slope(unit.activation) * given.symbol(f"{letter}_{line}")  # type: ignore[arg-type]


def _lines_of(network: Network, group: int | None, before: int | None = None) -> list[int]:
    """The lines with the parameters of a group, before that line."""
    return [line for line, unit in enumerate(network.units[: None if before is None else before - 1], 1) if unit.group == group]


def first_dense(network: Network) -> int:
    """The first dense line, or the number after the last line."""
    return next((line for line, unit in enumerate(network.units, 1) if unit.step is None), len(network.units) + 1)


class HeldSums(Rule):
    name = "sums along a held neuron"
    title = "Sums along a held neuron"
    statement = r"""$Y_g=\sum_{u\in g}\rho_u$ and $Z_g=\sum_{u\in g}\rho_uD_{u-1}$ for a group $g$ of lines that share their parameters, named by its first line, with $\rho_u=|d_u|\varsigma_uP_u$, $D_0=0$, $D_u=\varepsilon_uD_{u-1}+|d_u|S_0$ \textup{(}$S_0$ is left out where it is infinite\textup{)}."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, group: int, far: bool, **_: Any) -> Bound:
        before, total = sympy.Integer(0), sympy.Integer(0)
        for number, unit in enumerate(network.units, 1):
            if unit.group == group:
                total += _share(given, network, number) * (before if far else 1)
            top = given.constant(unit.activation, 0)  # type: ignore[arg-type]
            before = (before if unit.step is not None else 0) + (unit.factor * top if top != sympy.oo else 0)
        return Bound(None, nonnegative(f"{'Z' if far else 'Y'}_{group}"), total)


class HeldShares(Rule):
    name = "shares along a held neuron"
    title = "Shares of the groups along a held neuron"
    statement = r"""With $Y_g,Z_g$ of @[sums along a held neuron] and $l$ neurons in the states that the lines of $g$ see, $W_g=Y_g^2(1+|x|^2)+(l-1)Z_g^2+2X\,Y_gZ_g$ if no line before them is dense, where $X=\sum_{i\ne j}|x_i|$ if the entries of $x$ are known, $|x_j|=\min_i|x_i|$, else $X=0$; and $W_g=Y_g^2+(l-1)Z_g^2$ after a dense line."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, group: int, **_: Any) -> Bound:
        near, far, first = given.symbol(f"Y_{group}"), given.symbol(f"Z_{group}"), _lines_of(network, group)[0]
        symbol, width = nonnegative(f"W_{group}"), network.widths[first - 1]
        if first > first_dense(network):
            return Bound(None, symbol, near**2 + (width - 1) * far**2)
        share = near**2 * (1 + given.bound("input") ** 2)
        if first == 1 and len(_lines_of(network, group)) == 1:
            return Bound(None, symbol, share)  # D_0 = 0
        return Bound(None, symbol, share + (width - 1) * far**2 + 2 * near * far * IfKnown(given.bound("input_rest")))


class HeldLinesFirst(Rule):
    name = "a held neuron, first derivative"
    title = "The first derivative along a held neuron"
    statement = r"""Let each line be residual, $h_u=h_{u-1}+d_us_u(z_u)$, or dense, $h_u=s_u(z_u)$, with $s_u(0)=0$, free biases and parameters shared in any way among residual lines with the same step between which no line is dense. Let $A_u=\pm a_u\,e_je_j^{\top}$ and $b_{u,j}=-A_{u,jj}x_j$ up to the first dense line, so that $h_{u,j}=x_j$ before it; from there on neuron $1$ takes the place of $j$, with $h_{u,1}=0$ and $b_{u,1}=0$. Let the other neurons be saturated, pushing away from $0$ \textup{(}if $S_0<\infty$; else let them add $0$\textup{)}. With $W_g$ of @[shares along a held neuron], $|DN|\ge D=\sqrt{\sum_gW_g}$ in the limit."""
    proof = r"""Let $j$ stand for $1$ after the first dense line. $z_{u,j}=0$ for all $u$. Along $dA_u=e_jv_g^{\top}$, $db_u=\beta_ge_j$, $h_{u,j}'=\varepsilon_uh_{u-1,j}'+d_us_u'(0)(\langle v_g,h_{u-1}\rangle+\beta_g+A_{u,jj}h_{u-1,j}')$. With the sign of $A_{u,jj}$ for which $d_us_u'(0)A_{u,jj}\ge0$, $|h_{m,j}'|=|\sum_u\pm\rho_u(\langle v_g,h_{u-1}\rangle+\beta_g)|$ with one sign for each group. Its largest value for $\sum_g(|v_g|^2+\beta_g^2)=1$ is the root of $\sum_g\bigl[(\sum_{u\in g}\rho_u)^2+|\sum_{u\in g}\rho_uh_{u-1}|^2\bigr]$.
Before the first dense line the entries of the $h_{u-1}$ have the signs of those of $x$ and the moduli $|x_j|$ and $|x_i|+D_{u-1}$, $i\ne j$, in the limit, and $(p|x_i|+q)^2=p^2x_i^2+2pq|x_i|+q^2$, whose middle term may be left out for $p,q\ge0$; after it they have the moduli $0$ and $D_{u-1}$ and signs of their own, the same in all lines."""
    obligations = (
        Identity("one more line", h + d * s * (x + a * h), (1 + d * s * a) * h + d * s * x),
        Inequality("squares of nonnegative terms", (x >= 0, y >= 0), (x + y) ** 2 >= x**2 + y**2),
    )

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Reached:
        check_lines(network)
        total = sympy.Add(*(given.symbol(f"W_{group}") for group in network.groups))
        return Reached(Quantity("first", network.depth), nonnegative("D"), sympy.sqrt(total), HeldWitness(1, False))


def bent_line(network: Network) -> int:
    """v, the last line that is not affine; the last of all where all are."""
    curved = [line for line, unit in enumerate(network.units, 1) if unit.activation is not None and unit.activation.constant(2) != 0]
    return curved[-1] if curved else len(network.units)


class HeldLinesSecond(Rule):
    name = "a held neuron, second derivative"
    title = "The second derivative along a held neuron"
    statement = r"""In the situation of @[a held neuron, first derivative] let all $s_u''(0)=0$, let $v$ be the last line that is not affine \textup{(}$m$ if all are\textup{)}, $\kappa_u=|d_u|\varsigma_uK_u$ and $P_v,K_u$ as in @[products along a held neuron]. If line $v$ is not affine and has parameters of its own, $|D^2N|\ge C=P_v|d_v|S_2\bigl(1+a_v^2\sum_g(\sum_{k\in g,k<v}\kappa_k)^2\bigr)$ in the limit, where neuron $j$ of line $v$ is held where $|s_v''|$ is, or is near, $S_2$, and $1+|x|^2$ stands for the bracket if $v=1$; else $|D^2N|\ge C=P_v|d_v|\varsigma_v\sum_{k<v}\kappa_k$, the sum over the lines with the parameters of the first line."""
    proof = r"""Lines after $v$ are affine, and their parameters do not move: they multiply $h_{v,j}''$ by $f_i$. $|h_{v-1,j}'|=|\sum_{k<v}\kappa_k\beta_g|$ along directions that only move biases $b_{u,j}$, $u<v$, by @[a held neuron, first derivative] for depth $v-1$; and $h_{u}''=0$ for $u<v$, as $s_u''(0)=0$ and all $dA_u=0$. In the first case, with $db_v=\beta_ve_j$, $h_{v,j}''=d_vs_v''(z_{v,j})z_{v,j}'^2$, and $z_{v,j}'=\beta_v\pm a_vh_{v-1,j}'$ has the largest square $1+a_v^2\sum_g(\sum_{k\in g}\kappa_k)^2$; for $v=1$, $z_{1,j}'=\langle v_1,x\rangle+\beta_1$ has the largest square $1+|x|^2$. In the second case let $dA_v=\pm\tfrac1{\sqrt2}e_je_j^{\top}$
and the biases of the first line's group move by $\tfrac1{\sqrt2}$: $z_{u,j}''=2\,dA_{u,jj}h_{u-1,j}'+A_{u,jj}h_{u-1,j}''$ in the lines of the last one's group, all terms push one way, and line $v$ alone gives $|d_v|\varsigma_v\cdot2\cdot\tfrac12\sum_k\kappa_k$."""
    obligations = (
        Identity("second derivative of s(z) where z'' = 0", sympy.diff(s * (x + y * w) ** 2 / 2, w, 2), s * y**2),
        Inequality("the best direction for the last line", (r**2 + n**2 <= 1,), (r + a * h * n) ** 2 <= 1 + a**2 * h**2),
    )

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Reached:
        check_lines(network, bends=True)
        bent, quantity, symbol = bent_line(network), Quantity("second", network.depth), nonnegative("C")
        line = network.units[bent - 1]
        assert line.activation is not None
        outside = given.symbol(f"P_{bent}") * line.factor
        if line.activation.constant(2) != 0 and len(_lines_of(network, line.group)) == 1:
            square = given.bound("input") ** 2
            if bent > 1:
                sums = (sympy.Add(*(_share(given, network, u, "K") for u in _lines_of(network, group, bent))) for group in network.groups)
                square = norm_of(given, line.group) ** 2 * sympy.Add(*(total**2 for total in sums))  # type: ignore[arg-type]
            return Reached(quantity, symbol, outside * given.reached_constant(line.activation, 2) * (1 + square), HeldWitness(2, True))
        shares = [_share(given, network, u, "K") for u in _lines_of(network, network.units[0].group, bent)]
        return Reached(quantity, symbol, outside * held_slope(line.activation) * sympy.Add(*shares), HeldWitness(2, False))


def can_be_held(network: Network, bends: bool = False) -> bool:
    """Whether the lower bound of the first derivative is known, or that of the second, too."""
    try:
        check_lines(network, bends)
    except SymlipError:
        return False
    return True


def check_lines(network: Network, bends: bool = False) -> None:
    """Raise SymlipError where the lower bounds are not known."""
    steps: dict[Any, Any] = {}
    for number, unit in enumerate(network.units, 1):
        if unit.activation is None:
            raise SymlipError(f"line {number} ends a skip around several layers: lower bounds by a held neuron are those of dense and residual layers")
        if held_slope(unit.activation) == 0 or jump_of(unit.activation) is not None:
            raise SymlipError(f"line {number}: {unit.activation.name} is not steep and smooth at 0, where the lower bound holds the state still")
        if bends and unit.activation.derivative(2).subs(z, 0) != 0:
            raise SymlipError(f"line {number}: {unit.activation.name} bends at 0; ask for order=1")
        if unit.step is None and unit.group in steps:
            raise SymlipError(f"line {number} is a tied dense layer: lower bounds by a held neuron are those of tied residual layers")
        if steps.setdefault(unit.group, unit.step) != unit.step:
            raise SymlipError(f"line {number} shares its parameters with a line of another step")
    if bends and all(unit.activation.constant(2) == 0 for unit in network.units if unit.activation is not None) and len(network.units) < 2:
        raise SymlipError("the gradient of one affine layer is constant")
