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

    def conclude(self, given: Given, *, layer: int, width: Size, activation: Activation, **_: Any) -> Bound:
        branches = value_branches(given, layer, width, activation)
        if not branches:
            raise SymlipError(unbounded_value(activation, layer))
        return Bound(Quantity("value", layer), nonnegative(f"B_{layer}"), sympy.Min(*branches, evaluate=len(branches) == 1))


def value_branches(given: Given, layer: int, width: Size, activation: Activation) -> list[sympy.Expr]:
    """The bounds of |h_u| that the premises allow: by S_0 where it is finite, by growth where the bias is bounded."""
    root = sympy.sqrt(width)
    branches = []
    top = given.constant(activation, 0)
    if top != sympy.oo:
        branches.append(root * top)
    if given.has("bias", layer):
        slope, start = given.constant(activation, 1), given.constant(activation, 0, at_zero=True)
        a, b, below = given.bound("weight", layer), given.bound("bias", layer), given.bound("value", layer - 1)
        branches.append(root * start + slope * (a * below + b))
    return branches


def unbounded_value(activation: Activation, layer: int) -> str:
    return (
        f"layer {layer}: {activation.name} is unbounded, so with free biases its output is too; "
        "bound the biases: LayerBalls(biases='bounded'), or take a ParameterBall"
    )
