"""The norm of a layer's output."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ...errors import SymlipError
from ...networks import Size
from ..claims import Bound, nonnegative
from ..obligations import Inequality
from ..quantities import Quantity
from ..rule import Given, Rule

x, y, S, n, w = sympy.symbols("x y S n w", real=True)


class Value(Rule):
    name = "value"
    title = "Size of a layer's output"
    statement = r"""Let $h_u=s(z_u)\in\mathbb{R}^{l}$ componentwise, $z_u=A_uh_{u-1}+b_u$. Then $|h_u|\le\sqrt{l}\,S_0$, and
$|h_u|\le\sqrt{l}\,|s(0)|+S_1\bigl(|A_u|_2|h_{u-1}|+|b_u|\bigr)$."""
    proof = r"""Each of the $l$ components of $h_u$ is at most $S_0$ in modulus, so $|h_u|^2\le l\,S_0^2$. As $s$ is Lipschitz with constant $S_1$,
$|s(\zeta)-s(0)|\le S_1|\zeta|$ for every component $\zeta$ of $z_u$, hence by the triangle inequality
\[|h_u|\le|s(0)(1,\dots,1)|+S_1|z_u|\le\sqrt{l}\,|s(0)|+S_1\bigl(|A_u|_2|h_{u-1}|+|b_u|\bigr).\qedhere\]"""
    obligations = (
        Inequality("two bounded components", (x >= -S, x <= S, y >= -S, y <= S), x**2 + y**2 <= 2 * S**2),
        Inequality("triangle inequality, squared", (x**2 <= n**2, y**2 <= w**2, n >= 0, w >= 0), (x + y) ** 2 <= (n + w) ** 2),
    )

    def conclude(self, given: Given, *, layer: int, width: Size, activation: Activation, group: int | None = None, **_: Any) -> Bound:
        grown, group = None, group or layer
        if given.has("bias", group):
            grown = given.bound("weight", group) * given.bound("value", layer - 1) + given.bound("bias", group)
        return Bound(Quantity("value", layer), nonnegative(f"B_{layer}"), size_of(given, f"layer {layer}", width, activation, grown))


def size_of(given: Given, where: str, width: Size, activation: Activation, grown: sympy.Expr | None) -> sympy.Expr:
    """The smaller of the lemma's bounds that apply: by S_0 where it is finite, by growth where |A||h| + |b| <= grown is bounded."""
    root = sympy.sqrt(width)
    branches = []
    top = given.constant(activation, 0)
    if top != sympy.oo:
        branches.append(root * top)
    if grown is not None:
        slope, start = given.constant(activation, 1), given.constant(activation, 0, at_zero=True)
        branches.append(root * start + slope * grown)
    if not branches:
        raise SymlipError(unbounded_value(activation, where))
    return sympy.Min(*branches, evaluate=len(branches) == 1)


def unbounded_value(activation: Activation, where: str) -> str:
    return (
        f"{where}: {activation.name} is unbounded, so with free biases its output is too; "
        "bound the biases: LayerBalls(biases='bounded'), or take a ParameterBall"
    )
