"""The size of the input, and the size of the last output read off a bound for all layers."""

from __future__ import annotations

from typing import Any

import sympy

from ...networks import Size
from ..claims import Bound, nonnegative
from ..quantities import Quantity
from ..rule import Given, Rule
from .any_depth import u


class InputValue(Rule):
    name = "input"
    title = "The input"
    statement = r"""$h_0=x$, so $|h_0|\le B_0=|x|$."""
    proof = r"""By definition."""

    def conclude(self, given: Given, **_: Any) -> Bound:
        return Bound(Quantity("value", 0), nonnegative("B_0"), given.bound("input"))


class LastValue(Rule):
    name = "output"
    title = "The output"
    statement = r"""$N_\theta(x)=h_m$, so a bound on $|h_u|$ for all $u$ bounds it."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, depth: Size, **_: Any) -> Bound:
        family = given.bound("value", u)
        value = family[depth] if isinstance(family, sympy.IndexedBase) else family
        return Bound(Quantity("value", depth), nonnegative("Bm"), value)
