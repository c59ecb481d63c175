"""The input as one more block, or as the only one."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ..arrays import OneBlock, ZeroMatrix
from ..claims import Bound, nonnegative
from ..obligations import Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from .separate import SECOND_ALONG_A_LINE
from .slope import curvature_of

a, y, d, L, H = sympy.symbols("a y d L H", real=True)


class InputBlock(Rule):
    name = "input as a block"
    title = "The input as one more block"
    statement = r"""Let the input move, too: along a line $h_0=x+t\,dx$. Then $|h_0'|=\xi$ with $\xi=|dx|$, the norm of the block $\xi$, which stands before all others: $|Dh_0|\le L_0=1$, $\boldsymbol{\ell}_0=(1)$; and $h_0''=0$. In the lemmas on layers the earlier directions then include $dx$, and layer $1$ is no exception."""
    proof = r"""$h_0'=dx$. The lemmas use of $h_{u-1}$ only that it does not depend on $(A_u,b_u)$, and bounds on $|h_{u-1}'|$ and $|h_{u-1}''|$ along lines."""

    def conclude(self, given: Given, *, kind: str, **_: Any) -> Bound:
        if kind == "first":
            return Bound(Quantity("first", 0), nonnegative("L_0"), sympy.Integer(1))
        if kind == "second":
            return Bound(Quantity("second", 0), nonnegative("H_0"), sympy.Integer(0))
        if kind == "blocks":
            return Bound(Quantity("blocks", 0), nonnegative("lvec_0"), OneBlock(given.bound("value", 0)))
        return Bound(Quantity("second_blocks", 0), nonnegative("G_0"), ZeroMatrix(given.bound("blocks", 0)))


class InputPreActivation(Rule):
    name = "pre-activation, input only"
    title = "Derivative of a pre-activation in the input"
    statement = r"""Let only the input move. If $|A_u|_2\le a_u$ and $|Dh_{u-1}|\le L_{u-1}$, then $|Dz_u|\le Q_u=a_uL_{u-1}$."""
    proof = r"""$z_u'=A_uh_{u-1}'$, as $dA_u=0$ and $db_u=0$."""
    obligations = (Inequality("product", (a >= 0, d >= 0, d <= a, y >= 0, y <= L), d * y <= a * L),)

    def conclude(self, given: Given, *, layer: int, group: int | None = None, **_: Any) -> Bound:
        return Bound(Quantity("pre_first", layer), nonnegative(f"Q_{layer}"), given.bound("weight", group or layer) * given.bound("first", layer - 1))


class InputSecond(Rule):
    name = "second derivative, input only"
    title = "Second derivative in the input"
    statement = r"""Let only the input move, $s$ be twice continuously differentiable, $|Dz_u|\le Q_u$, $|A_u|_2\le a_u$ and $|D^2h_{u-1}|\le H_{u-1}$. Then $|D^2h_u|\le S_2Q_u^2+S_1a_uH_{u-1}$."""
    proof = r"""As in @[separate], with $z_u''=A_uh_{u-1}''$: the direction has no part in this layer, so nothing is left of the cross term. There is one block only, so the paired and the block method give the same."""
    obligations = SECOND_ALONG_A_LINE

    def conclude(self, given: Given, *, layer: int, activation: Activation, group: int | None = None, **_: Any) -> Bound:
        slope, curvature = given.constant(activation, 1), curvature_of(given, layer, activation)
        total = curvature * given.bound("pre_first", layer) ** 2 + slope * given.bound("weight", group or layer) * given.bound("second", layer - 1)
        return Bound(Quantity("second", layer), nonnegative(f"H_{layer}"), total)
