"""The first derivative of a pre-activation, in operator norm."""

from __future__ import annotations

from typing import Any

import sympy

from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule

t = sympy.Symbol("t", real=True)
A, h, b = (sympy.Function(name)(t) for name in ("A", "h", "b"))
al, be, si, B, a, L, p, d = sympy.symbols("alpha beta sigma B a L p d", real=True)


class PreActivation(Rule):
    name = "pre-activation"
    title = "Derivative of a pre-activation"
    statement = r"""Let $z=Ah+b$ with $|A|_2\le a$, where $h$ depends on the earlier parameters only, not on $(A,b)$, $|h|\le B$ and $|Dh|\le L$. Then $|Dz|\le\sqrt{1+B^2+a^2L^2}$ with respect to all parameters."""
    proof = r"""Along a line with direction $\eta=(dA,db,\eta_{<})$, let $\alpha=|dA|_F$, $\beta=|db|$, $\sigma=|\eta_{<}|$ and write $'$ for the derivative.
Then $z'=dA\,h+db+A\,h'$, so $|z'|\le B\alpha+\beta+aL\sigma\le\sqrt{B^2+1+a^2L^2}\,\sqrt{\alpha^2+\beta^2+\sigma^2}$ by the
inequality of Cauchy and Schwarz, and the last root is $|\eta|$."""
    obligations = (
        Identity(
            "derivative of A h + b along a line",
            sympy.diff(A * h + b, t),
            sympy.diff(A, t) * h + sympy.diff(b, t) + A * sympy.diff(h, t),
        ),
        Inequality(
            "Cauchy-Schwarz",
            (al >= 0, be >= 0, si >= 0, B >= 0, p >= 0),
            (B * al + be + p * si) ** 2 <= (1 + B**2 + p**2) * (al**2 + be**2 + si**2),
        ),
    )

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        below = given.bound("value", layer - 1)
        square = 1 + below**2
        if given.has("first", layer - 1):
            square += given.bound("weight", layer) ** 2 * given.bound("first", layer - 1) ** 2
        return Bound(Quantity("pre_first", layer), nonnegative(f"Q_{layer}"), sympy.sqrt(square))
