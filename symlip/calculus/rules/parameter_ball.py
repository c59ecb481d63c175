"""On |theta| <= R every layer's norms are at most R."""

from __future__ import annotations

from typing import Any

from sympy import symbols

from ..claims import Bound, nonnegative
from ..obligations import Inequality
from ..quantities import Index, Quantity
from ..rule import Given, Rule

a11, a12, a21, a22, x, y, R = symbols("a11 a12 a21 a22 x y R", real=True)


class ParameterBallNorms(Rule):
    name = "parameter ball"
    title = "Layer norms on the parameter ball"
    statement = r"""If $|\theta|\le R$, then $|A_u|_2\le R$ and $|b_u|\le R$ for every $u$."""
    proof = r"""$|A_u|_2\le|A_u|_F\le|\theta|$ and $|b_u|\le|\theta|$."""
    obligations = (
        Inequality(
            "the spectral norm is at most Frobenius', two by two",
            (),
            (a11 * x + a12 * y) ** 2 + (a21 * x + a22 * y) ** 2 <= (a11**2 + a12**2 + a21**2 + a22**2) * (x**2 + y**2),
        ),
    )

    def conclude(self, given: Given, *, kind: str, layer: Index, **_: Any) -> Bound:
        symbol = nonnegative(f"{'a' if kind == 'weight' else 'b'}_{layer}")
        return Bound(Quantity(kind, layer), symbol, given.bound("radius"))
