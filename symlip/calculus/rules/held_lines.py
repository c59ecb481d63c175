"""Lower bounds of residual networks, tied or not: one neuron is held still at 0, where its activation is linear."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import z
from ...errors import DerivationError, SymlipError
from ...networks import Network
from ..arrays import IfKnown
from ..claims import Bound, Reached, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from ..witness import HeldWitness
from .flow_limits import held_slope

a, d, s, h, x, y, w, r, n = sympy.symbols("a d s h x y w r n", real=True)


class HeldProducts(Rule):
    name = "products along a held neuron"
    title = "Products along a held neuron"
    statement = r"""$P_m=1$ and $P_{u-1}=(1+|d_u|\varsigma_ua_u)P_u$ with $\varsigma_u=|s_u'(0)|$, so that $P_u=\prod_{i>u}(1+|d_i|\varsigma_ia_i)$."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, layer: int, **_: Any) -> Bound:
        symbol = nonnegative(f"P_{layer}")
        if layer == network.depth:
            return Bound(None, symbol, sympy.Integer(1))
        unit = network.units[layer]  # the line after it
        return Bound(None, symbol, given.symbol(f"P_{layer + 1}") * (1 + unit.step * held_slope(unit.activation) * given.bound("weight", unit.group)))  # type: ignore[arg-type]


def _share(given: Given, network: Network, layer: int) -> sympy.Expr:
    """rho_u = |d_u| s_u'(0) P_u."""
    unit = network.units[layer - 1]
    return unit.step * held_slope(unit.activation) * given.symbol(f"P_{layer}")  # type: ignore[arg-type]


class HeldSums(Rule):
    name = "sums along a held neuron"
    title = "Sums along a held neuron"
    statement = r"""$Y_g=\sum_{u\in g}\rho_u$ and $Z_g=\sum_{u\in g}\rho_uD_{u-1}$ for a group $g$ of lines that share their parameters, named by its first line, with $\rho_u=|d_u|\varsigma_uP_u$ and $D_u=\sum_{k\le u}|d_k|S_0$ \textup{(}$D_u=0$ where $S_0=\infty$\textup{)}."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, group: int, far: bool, **_: Any) -> Bound:
        before, total = sympy.Integer(0), sympy.Integer(0)
        for number, unit in enumerate(network.units, 1):
            if unit.group == group:
                total += _share(given, network, number) * (before if far else 1)
            top = given.constant(unit.activation, 0)  # type: ignore[arg-type]
            before += unit.step * top if top != sympy.oo else 0
        return Bound(None, nonnegative(f"{'Z' if far else 'Y'}_{group}"), total)


class HeldShares(Rule):
    name = "shares along a held neuron"
    title = "Shares of the groups along a held neuron"
    statement = r"""$W_g=Y_g^2(1+|x|^2)+(l-1)Z_g^2+2X\,Y_gZ_g$ with $Y_g,Z_g$ of @[sums along a held neuron], $X=\sum_{i\ne j}|x_i|$ if the entries of $x$ are known, $|x_j|=\min_i|x_i|$, else $X=0$."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, group: int, **_: Any) -> Bound:
        near, far, rest = given.symbol(f"Y_{group}"), given.symbol(f"Z_{group}"), given.bound("input_rest")
        share = near**2 * (1 + given.bound("input") ** 2) + (network.units[0].width - 1) * far**2
        return Bound(None, nonnegative(f"W_{group}"), share + 2 * near * far * IfKnown(rest))


class HeldLinesFirst(Rule):
    name = "a held neuron, first derivative"
    title = "The first derivative along a held neuron"
    statement = r"""Let all lines be residual, $h_u=h_{u-1}+d_us_u(z_u)\in\mathbb{R}^l$, with $s_u(0)=0$, free biases and parameters shared in any way among lines with the same step. Let $A_u=\pm a_u\,e_je_j^{\top}$ and $b_{u,j}=-A_{u,jj}x_j$, so that $h_{u,j}=x_j$, and let the other neurons be saturated, pushing away from $0$ \textup{(}if $S_0<\infty$; else let them be $0$, and $D_u=0$\textup{)}, $D_u=\sum_{k\le u}|d_k|S_0$. With $W_g$ of @[shares along a held neuron], $|DN|\ge D=\sqrt{\sum_gW_g}$ in the limit."""
    proof = r"""$z_{u,j}=0$ for all $u$. Along $dA_u=e_jv_g^{\top}$, $db_u=\beta_ge_j$, $h_{u,j}'=h_{u-1,j}'+d_us_u'(0)(\langle v_g,h_{u-1}\rangle+\beta_g+A_{u,jj}h_{u-1,j}')$. With the sign of $A_{u,jj}$ for which $d_us_u'(0)A_{u,jj}\ge0$, $|h_{m,j}'|=|\sum_u\pm\rho_u(\langle v_g,h_{u-1}\rangle+\beta_g)|$ with one sign for each group. Its largest value for $\sum_g(|v_g|^2+\beta_g^2)=1$ is the root of $\sum_g\bigl[(\sum_{u\in g}\rho_u)^2+|\sum_{u\in g}\rho_uh_{u-1}|^2\bigr]$.
The entries of the $h_{u-1}$ have the signs of those of $x$ and the moduli $|x_j|$ and $|x_i|+D_{u-1}$, $i\ne j$, in the limit, and $(p|x_i|+q)^2=p^2x_i^2+2pq|x_i|+q^2$, whose middle term may be left out for $p,q\ge0$."""
    obligations = (
        Identity("one more line", h + d * s * (x + a * h), (1 + d * s * a) * h + d * s * x),
        Inequality("squares of nonnegative terms", (x >= 0, y >= 0), (x + y) ** 2 >= x**2 + y**2),
    )

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Reached:
        check_lines(network)
        total = sympy.Add(*(given.symbol(f"W_{group}") for group in network.groups))
        return Reached(Quantity("first", network.depth), nonnegative("D"), sympy.sqrt(total), HeldWitness(1, False))


class HeldLinesSecond(Rule):
    name = "a held neuron, second derivative"
    title = "The second derivative along a held neuron"
    statement = r"""In the situation of @[a held neuron, first derivative] let all $s_u''(0)=0$ and $\rho_k'=\rho_k/P_{m-1}$. If the last line has parameters of its own, $|D^2N|\ge C=|d_m|S_2\bigl(1+a_m^2\sum_g(\sum_{k\in g,k<m}\rho_k')^2\bigr)$ in the limit, where neuron $j$ of the last line is held where $|s_m''|$ is, or is near, $S_2$; else $|D^2N|\ge C=|d_m|\varsigma_m\sum_{k<m}\rho_k'$, the sum over the lines with the parameters of the first line."""
    proof = r"""$|h_{m-1,j}'|=\sum_{k<m}\rho_k'\beta_g$ along directions that only move biases $b_{u,j}$, $u<m$, by @[a held neuron, first derivative] for depth $m-1$; and $h_{u}''=0$ for $u<m$, as $s_u''(0)=0$ and all $dA_u=0$. In the first case, with $db_m=\beta_me_j$, $h_{m,j}''=d_ms_m''(z_{m,j})z_{m,j}'^2$, and $z_{m,j}'=\beta_m\pm a_mh_{m-1,j}'$ has the largest square $1+a_m^2\sum_g(\sum_{k\in g}\rho_k')^2$. In the second case let $dA_m=\pm\tfrac1{\sqrt2}e_je_j^{\top}$
and the biases of the first line's group move by $\tfrac1{\sqrt2}$: $z_{u,j}''=2\,dA_{u,jj}h_{u-1,j}'+A_{u,jj}h_{u-1,j}''$ in the lines of the last one's group, all terms push one way, and the last line alone gives $|d_m|\varsigma_m\cdot2\cdot\tfrac12\sum_k\rho_k'$."""
    obligations = (
        Identity("second derivative of s(z) where z'' = 0", sympy.diff(s * (x + y * w) ** 2 / 2, w, 2), s * y**2),
        Inequality("the best direction for the last line", (r**2 + n**2 <= 1,), (r + a * h * n) ** 2 <= 1 + a**2 * h**2),
    )

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Reached:
        check_lines(network, bends=True)
        last, depth = network.units[-1], network.depth
        assert isinstance(depth, int) and last.activation is not None and last.step is not None
        if depth < 2:
            raise DerivationError("the lower bound of the gradient needs two lines")
        passed = given.symbol(f"P_{depth - 1}")
        own = sum(unit.group == last.group for unit in network.units) == 1
        quantity, symbol = Quantity("second", depth), nonnegative("C")
        if own:
            squares = sympy.Integer(0)
            for group in network.groups:
                shares = [_share(given, network, u) for u, unit in enumerate(network.units[:-1], 1) if unit.group == group]
                squares += (sympy.Add(*shares) / passed) ** 2
            curvature = given.reached_constant(last.activation, 2)
            return Reached(quantity, symbol, last.step * curvature * (1 + given.bound("weight", last.group) ** 2 * squares), HeldWitness(2, True))
        lines = [u for u, unit in enumerate(network.units[:-1], 1) if unit.group == network.units[0].group]
        total = last.step * held_slope(last.activation) * sympy.Add(*(_share(given, network, u) for u in lines)) / passed
        return Reached(quantity, symbol, total, HeldWitness(2, False))


def can_be_held(network: Network) -> bool:
    """Whether the lower bound of the first derivative is known."""
    try:
        check_lines(network)
    except SymlipError:
        return False
    return True


def check_lines(network: Network, bends: bool = False) -> None:
    """Raise SymlipError where the lower bounds are not known."""
    steps: dict[Any, Any] = {}
    for number, unit in enumerate(network.units, 1):
        if unit.step is None or unit.activation is None:
            raise SymlipError(f"line {number} is not residual: lower bounds by a held neuron are those of residual layers throughout")
        held_slope(unit.activation)
        if bends and unit.activation.derivative(2).subs(z, 0) != 0:
            raise SymlipError(f"line {number}: {unit.activation.name} bends at 0; ask for order=1")
        if steps.setdefault(unit.group, unit.step) != unit.step:
            raise SymlipError(f"line {number} shares its parameters with a line of another step")
