"""The first derivatives of a layer's output, one bound for every parameter block."""

from __future__ import annotations

from typing import Any

from ...activations import Activation
from ..claims import Bound, nonnegative
from ..quantities import Quantity
from ..rule import Given, Rule
from .slope import Slope, slope_of


class BlockSlope(Rule):
    name = "block slope"
    title = "Derivative of a layer, block by block"
    statement = r"""Let $h_u=s(z_u)$ componentwise and $|z_u'|\le\langle\boldsymbol{q}_u,p\rangle$ along every line. Then
$|h_u'|\le\langle\boldsymbol{\ell}_u,p\rangle$ with $\boldsymbol{\ell}_u=S_1\boldsymbol{q}_u$."""
    proof = r"""$h_u'=s'(z_u)z_u'$ componentwise, so $|h_u'|\le S_1|z_u'|$."""
    obligations = Slope.obligations

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Bound:
        slope = slope_of(given, layer, activation)
        return Bound(Quantity("blocks", layer), nonnegative(f"lvec_{layer}"), slope * given.bound("pre_blocks", layer))
