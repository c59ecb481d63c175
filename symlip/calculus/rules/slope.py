"""The first derivative of a layer's output, in operator norm."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ...errors import SymlipError
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule

t = sympy.Symbol("t", real=True)
s, z = sympy.Function("s"), sympy.Function("z")(t)
d1, d2, x, y, S = sympy.symbols("d1 d2 x y S", real=True)


class Slope(Rule):
    name = "slope"
    title = "Derivative of a layer"
    statement = r"""Let $h=s(z)$ componentwise, $s$ continuously differentiable. Then $|Dh|\le S_1|Dz|$."""
    proof = r"""Along a line, $h'=s'(z)z'$ componentwise, so $|h'|^2=\sum_i s'(z_i)^2z_i'^2\le S_1^2|z'|^2$."""
    obligations = (
        Identity("chain rule", sympy.diff(s(z), t), s(z).diff(z) * sympy.diff(z, t)),
        Inequality("two components", (d1**2 <= S**2, d2**2 <= S**2), d1**2 * x**2 + d2**2 * y**2 <= S**2 * (x**2 + y**2)),
    )

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Bound:
        slope = slope_of(given, layer, activation)
        return Bound(Quantity("first", layer), nonnegative(f"L_{layer}"), slope * given.bound("pre_first", layer))


def slope_of(given: Given, layer: int, activation: Activation) -> sympy.Expr:
    slope = given.constant(activation, 1)
    if slope == sympy.oo:
        raise SymlipError(
            f"layer {layer}: the derivative of {activation.name} is unbounded, so its network has no Lipschitz constant "
            "on this set; use an activation with bounded derivative, such as softplus or tanh"
        )
    return slope


def curvature_of(given: Given, layer: int, activation: Activation) -> sympy.Expr:
    curvature = given.constant(activation, 2)
    if curvature == sympy.oo:
        if activation.name in ("relu", "leaky_relu"):
            raise SymlipError(
                f"{activation.name} is not differentiable at 0: its network's gradient jumps and has no Lipschitz constant in "
                "the parameters. Ask for order=1, or use softplus"
            )
        raise SymlipError(
            f"layer {layer}: the derivative of {activation.name} is not Lipschitz, so the network's gradient has no Lipschitz "
            "constant. Ask for order=1, or use a smoother activation"
        )
    return curvature
