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
from . import chain
from .flow_limits import held_slope
from .global_constant import jump_of

a, d, s, h, x, y, w, r, n = sympy.symbols("a d s h x y w r n", real=True)


def norm_of(given: Given, group: int | None) -> sympy.Expr:
    """|A_u| of a group's lines: as along a chain, or the common norm on the parameter ball."""
    return chain.norm_of(given, group) if given.has("weight", group) or given.has("scale") else given.symbol("w")  # type: ignore[arg-type]


def passed(given: Given, network: Network, line: int) -> sympy.Expr:
    """f_u, by which a line multiplies the derivative of the neuron that is held."""
    unit = network.units[line - 1]
    grown = unit.factor * held_slope(unit.activation) * norm_of(given, unit.group)  # type: ignore[arg-type]
    if unit.group == network.units[0].group and starts_recurrent(network):
        grown /= sympy.sqrt(2)
    return grown if unit.step is None else 1 + grown


def starts_recurrent(network: Network) -> bool:
    """Whether the first layer is a dense one that is used again: its neuron is held by weights that do not see the input."""
    return network.units[0].step is None and len(network.lines_with(network.units[0].group)) > 1


class HeldProducts(Rule):
    name = "products along a held neuron"
    title = "Products along a held neuron"
    statement = r"""$P_u=\prod_{u<i\le m}f_i$ and, where the last line that is not affine is line $v$ \textup{(}$v=m$ if all are\textup{)}, $K_u=\prod_{u<i<v}f_i$, with $f_i=\varepsilon_i+|d_i|\varsigma_ia_i$, $\varsigma_i=|s_i'(0)|$, where $\varepsilon_i=1$ for a residual line, $\varepsilon_i=0$ and $d_i=1$ for a dense one; in the lines of a dense layer that is the first and is used again $a_i/\sqrt2$ stands for $a_i$."""
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


def first_dense(network: Network) -> int:
    """The first dense line, or the number after the last line."""
    return next((line for line, unit in enumerate(network.units, 1) if unit.step is None), len(network.units) + 1)


class HeldSums(Rule):
    name = "sums along a held neuron"
    title = "Sums along a held neuron"
    statement = r"""$Y_g=\sum_{u\in g}\rho_u$ and $Z_g=\sum_{u\in g}\rho_uD_{u-1}$ for a group $g$ of lines that share their parameters, named by its first line, with $\rho_u=|d_u|\varsigma_uP_u$, $D_0=0$, $D_u=\varepsilon_uD_{u-1}+|d_u|S_0$ \textup{(}$S_0$ is left out where it is infinite\textup{)}."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, group: int, far: bool, **_: Any) -> Bound:
        lines = network.lines_with(group)
        if not far:
            return Bound(None, nonnegative(f"Y_{group}"), sympy.Add(*(_share(given, network, line) for line in lines)))
        before, total = sympy.Integer(0), sympy.Integer(0)
        for number, unit in enumerate(network.units, 1):
            if number in lines:
                total += _share(given, network, number) * before
            top = given.constant(unit.activation, 0)  # type: ignore[arg-type]
            before = (before if unit.step is not None else 0) + (unit.factor * top if top != sympy.oo else 0)
        return Bound(None, nonnegative(f"Z_{group}"), total)


class HeldShares(Rule):
    name = "shares along a held neuron"
    title = "Shares of the groups along a held neuron"
    statement = r"""With $Y_g,Z_g$ of @[sums along a held neuron] and $l$ neurons in the states that the lines of $g$ see, $W_g=Y_g^2(1+|x|^2)+(l-1)Z_g^2+2X\,Y_gZ_g$ if no line before them is dense, where $X=\sum_{i\ne j}|x_i|$ if the entries of $x$ are known, $|x_j|=\min_i|x_i|$, else $X=0$; and $W_g=Y_g^2+(l-1)Z_g^2$ after a dense line. On the parameter ball, and if the first layer is a dense one that is used again, no neuron is saturated and $Z_g=0$; for that layer $W_1=Y_1^2+\rho_1^2|x|^2$."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, group: int, pushed: bool, **_: Any) -> Bound:
        near, far, first = given.symbol(f"Y_{group}"), given.symbol(f"Z_{group}") if pushed else sympy.Integer(0), network.lines_with(group)[0]
        symbol, width = nonnegative(f"W_{group}"), network.widths[first - 1]
        if first == 1 and starts_recurrent(network):
            return Bound(None, symbol, near**2 + (_share(given, network, 1) * given.bound("input")) ** 2)
        if first > first_dense(network):
            return Bound(None, symbol, near**2 + (width - 1) * far**2)
        share = near**2 * (1 + given.bound("input") ** 2)
        if not pushed or (first == 1 and len(network.lines_with(group)) == 1):
            return Bound(None, symbol, share)  # D_0 = 0
        return Bound(None, symbol, share + (width - 1) * far**2 + 2 * near * far * IfKnown(given.bound("input_rest")))


class HeldLinesFirst(Rule):
    name = "a held neuron, first derivative"
    title = "The first derivative along a held neuron"
    statement = r"""Let each line be residual, $h_u=h_{u-1}+d_us_u(z_u)$, or dense, $h_u=s_u(z_u)$, with $s_u(0)=0$, free biases and parameters shared among residual lines with the same step between which no line is dense, or among dense lines of which none, or the first line of all, is the first dense one. Let $A_u=\pm a_u\,e_je_j^{\top}$ and $b_{u,j}=-A_{u,jj}x_j$ up to the first dense line, so that $h_{u,j}=x_j$ before it; from there on neuron $1$ takes the place of $j$ \textup{(}but $j$ stays $j$ in dense layers that are used again\textup{)}, with $h_{u,1}=0$ and $b_{u,1}=0$. Let the other neurons be saturated, pushing away from $0$ \textup{(}if $S_0<\infty$; else let them add $0$\textup{)}. If the first layer is a dense one that is used again, $l_0\ge2$, let instead its $A=\pm\tfrac{a}{\sqrt2}e_j(e_j-\tfrac{x_j}{x_k}e_k)^{\top}$, $|x_k|=\max_i|x_i|$, $k\ne j$ \textup{(}without $e_k$ if $x=0$\textup{)}, $b=0$, and let no neuron be saturated, so that all states are $0$. With $W_g$ of @[shares along a held neuron], $|DN|\ge D=\sqrt{\sum_gW_g}$ in the limit."""
    proof = r"""Let $j$ stand for $1$ after the first dense line. $z_{u,j}=0$ for all $u$. Along $dA_u=e_jv_g^{\top}$, $db_u=\beta_ge_j$, $h_{u,j}'=\varepsilon_uh_{u-1,j}'+d_us_u'(0)(\langle v_g,h_{u-1}\rangle+\beta_g+A_{u,jj}h_{u-1,j}')$. With the sign of $A_{u,jj}$ for which $d_us_u'(0)A_{u,jj}\ge0$, $|h_{m,j}'|=|\sum_u\pm\rho_u(\langle v_g,h_{u-1}\rangle+\beta_g)|$ with one sign for each group. Its largest value for $\sum_g(|v_g|^2+\beta_g^2)=1$ is the root of $\sum_g\bigl[(\sum_{u\in g}\rho_u)^2+|\sum_{u\in g}\rho_uh_{u-1}|^2\bigr]$.
Before the first dense line the entries of the $h_{u-1}$ have the signs of those of $x$ and the moduli $|x_j|$ and $|x_i|+D_{u-1}$, $i\ne j$, in the limit, and $(p|x_i|+q)^2=p^2x_i^2+2pq|x_i|+q^2$, whose middle term may be left out for $p,q\ge0$; after it they have the moduli $0$ and $D_{u-1}$ and signs of their own, the same in all lines. If the first layer is used again, $|x_j|\le|x_k|$ gives $|A|_2\le a$, $Ax=0$ gives $z_1=0$, all later states are $0$, and $\sum_{u\in1}\rho_uh_{u-1}=\rho_1x$."""
    obligations = (
        Identity("one more line", h + d * s * (x + a * h), (1 + d * s * a) * h + d * s * x),
        Inequality("squares of nonnegative terms", (x >= 0, y >= 0), (x + y) ** 2 >= x**2 + y**2),
    )

    pushed = True

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Reached:
        check_lines(network)
        total = sympy.Add(*(given.symbol(f"W_{group}") for group in network.groups))
        return Reached(
            Quantity("first", network.depth), nonnegative("D"), sympy.sqrt(total), HeldWitness(1, False, self.pushed and not starts_recurrent(network))
        )


def bent_line(network: Network) -> int:
    """v, the last line that is not affine; the last of all where all are."""
    curved = [line for line, unit in enumerate(network.units, 1) if unit.activation is not None and unit.activation.constant(2) != 0]
    return curved[-1] if curved else len(network.units)


class HeldLinesSecond(Rule):
    name = "a held neuron, second derivative"
    title = "The second derivative along a held neuron"
    statement = r"""In the situation of @[a held neuron, first derivative] let all $s_u''(0)=0$, let $v$ be the last line that is not affine \textup{(}$m$ if all are\textup{)}, $\kappa_u=|d_u|\varsigma_uK_u$ and $P_v,K_u$ as in @[products along a held neuron]. If line $v$ is not affine and has parameters of its own, $|D^2N|\ge C=P_v|d_v|S_2\bigl(1+a_v^2\sum_g(\sum_{k\in g,k<v}\kappa_k)^2\bigr)$ in the limit, where neuron $j$ of line $v$ is held where $|s_v''|$ is, or is near, $S_2$, and $1+|x|^2$ stands for the bracket if $v=1$; else $|D^2N|\ge C=P_v|d_v|\varsigma_v\sqrt{\sum_g(\sum_{k\in g,k<v}\kappa_k)^2}$."""
    proof = r"""Lines after $v$ are affine, and their parameters do not move: they multiply $h_{v,j}''$ by $f_i$. $|h_{v-1,j}'|=|\sum_{k<v}\kappa_k\beta_g|$ along directions that only move biases $b_{u,j}$, $u<v$, by @[a held neuron, first derivative] for depth $v-1$; and $h_{u}''=0$ for $u<v$, as $s_u''(0)=0$ and all $dA_u=0$. In the first case, with $db_v=\beta_ve_j$, $h_{v,j}''=d_vs_v''(z_{v,j})z_{v,j}'^2$, and $z_{v,j}'=\beta_v\pm a_vh_{v-1,j}'$ has the largest square $1+a_v^2\sum_g(\sum_{k\in g}\kappa_k)^2$; for $v=1$, $z_{1,j}'=\langle v_1,x\rangle+\beta_1$ has the largest square $1+|x|^2$. In the second case let $dA_v=\pm\tfrac1{\sqrt2}e_je_j^{\top}$
and let the biases move by the $\beta_g\ge0$ of the sum of squares $\tfrac12$ for which $\sum_k\kappa_k\beta_g$ is largest: $z_{u,j}''=2\,dA_{u,jj}h_{u-1,j}'+A_{u,jj}h_{u-1,j}''$ in the lines of line $v$'s group, all terms push one way with the sign for which $dA_{v,jj}$ times the held value is not negative, and line $v$ alone gives $|d_v|\varsigma_v\cdot\tfrac2{\sqrt2}\cdot\tfrac1{\sqrt2}$ times the root of $\sum_g(\sum_{k\in g}\kappa_k)^2$."""
    obligations = (
        Identity("second derivative of s(z) where z'' = 0", sympy.diff(s * (x + y * w) ** 2 / 2, w, 2), s * y**2),
        Inequality("the best direction for the last line", (r**2 + n**2 <= 1,), (r + a * h * n) ** 2 <= 1 + a**2 * h**2),
    )

    pushed = True

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Reached:
        check_lines(network, bends=True)
        bent, quantity, symbol = bent_line(network), Quantity("second", network.depth), nonnegative("C")
        pushed = self.pushed and not starts_recurrent(network)
        line = network.units[bent - 1]
        assert line.activation is not None
        outside = given.symbol(f"P_{bent}") * line.factor
        sums = (sympy.Add(*(_share(given, network, u, "K") for u in network.lines_with(group, bent))) for group in network.groups)
        squares = sympy.Add(*(total**2 for total in sums))
        if self.pushed and line.activation.constant(2) != 0 and len(network.lines_with(line.group)) == 1:
            square = given.bound("input") ** 2 if bent == 1 else norm_of(given, line.group) ** 2 * squares
            return Reached(quantity, symbol, outside * given.reached_constant(line.activation, 2) * (1 + square), HeldWitness(2, True, pushed))
        return Reached(quantity, symbol, outside * held_slope(line.activation) * sympy.sqrt(squares), HeldWitness(2, False, pushed))


class HeldBallNorm(Rule):
    name = "norm of the weights of a held neuron on the parameter ball"
    title = "The norm of the weights of a held neuron on the parameter ball"
    statement = r"""$w=R/\sqrt{n_1(1+|x|^2/l_0)+n_2}$, where $n_1$ is the number of groups of lines with the same parameters up to the first dense line, that line included if it is not the first, and $n_2$ that of the other groups; the group of a dense layer that is the first and is used again is one of those $n_2$. With $|A_u|=w$ in all of them, and $A_1=0$ if the first line is dense and used once, the network of @[a held neuron, first derivative] without saturated neurons has $|\theta|\le R$."""
    proof = r"""Up to the first dense line a group has the entry $\pm w$ and the bias $-A_{u,jj}x_j$, of the square $w^2(1+x_j^2)\le w^2(1+|x|^2/l_0)$, as $|x_j|$ is the least of $l_0$ moduli; after it a group has the entry $\pm w$ alone, and a first layer that is used again a row of norm at most $w$."""
    obligations = (Inequality("the least of two", (x**2 <= y**2,), 2 * x**2 <= x**2 + y**2),)

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        first = first_dense(network)
        again = starts_recurrent(network)
        groups = [group for group in network.groups if again or not (first == 1 and group == network.units[0].group)]
        early = 0 if again else sum(network.lines_with(group)[0] <= first for group in groups)
        paid = early * (1 + given.bound("input") ** 2 / network.inputs) + len(groups) - early
        return Bound(None, nonnegative("w"), given.bound("radius") / sympy.sqrt(paid) if groups else given.bound("radius"))


class HeldBallFirst(HeldLinesFirst):
    name = "a held neuron on the parameter ball, first derivative"
    title = "The first derivative along a held neuron, parameter ball"
    statement = r"""In the situation of @[a held neuron, first derivative] let the other neurons have no weights and no biases, $D_u=0$ and $|A_u|=w$ as in @[norm of the weights of a held neuron on the parameter ball]. Then $|\theta|\le R$ and $|DN|\ge D=\sqrt{\sum_gW_g}$."""
    proof = r"""As there: the other entries of the states are those of $x$ before the first dense line, and $0$ after it."""
    pushed = False


class HeldBallSecond(HeldLinesSecond):
    name = "a held neuron on the parameter ball, second derivative"
    title = "The second derivative along a held neuron, parameter ball"
    statement = r"""In the situation of @[a held neuron on the parameter ball, first derivative] let all $s_u''(0)=0$, and let $v$, $\kappa_u$ and $P_v$ be as in @[a held neuron, second derivative]. Then $|D^2N|\ge C=P_v|d_v|\varsigma_v\sqrt{\sum_g(\sum_{k\in g,k<v}\kappa_k)^2}$."""
    proof = r"""The second case there, which needs no bias but those that hold the neuron."""
    pushed = False


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
        if steps.setdefault(unit.group, unit.step) != unit.step:
            raise SymlipError(f"line {number} shares its parameters with a line of another step")
    first = first_dense(network)
    if 1 < first <= len(network.units) and len(network.lines_with(network.units[first - 1].group)) > 1:
        raise SymlipError(
            f"line {first} is the first of a tied dense layer after residual ones: lower bounds by a held neuron need it to be the first line, or a dense line before it"
        )
    if starts_recurrent(network) and network.inputs == 1:
        raise SymlipError("lower bounds of a recurrent network of one neuron are not known: its state moves with the input")
    if bends and all(unit.activation.constant(2) == 0 for unit in network.units if unit.activation is not None) and len(network.units) < 2:
        raise SymlipError("the gradient of one affine layer is constant")
