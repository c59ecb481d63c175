"""The first derivatives of a pre-activation, one bound for every parameter block."""

from __future__ import annotations

from typing import Any

import sympy

from ..arrays import AddAt, AppendBlocks, Blocks
from ..claims import Bound, nonnegative
from ..obligations import Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from .pre_activation import PreActivation

al, be, x, B, a, g, h = sympy.symbols("alpha beta x B a g h", real=True)


class BlockPreActivation(Rule):
    name = "block pre-activation"
    title = "Derivative of a pre-activation, block by block"
    statement = r"""For a direction $\eta$ let $p=(\alpha_1,\beta_1,\alpha_2,\beta_2,\dots)$ be the vector of its block norms, $\alpha_j=|dA_j|_F$, $\beta_j=|db_j|$. Let $z_u=A_uh_{u-1}+b_u$ with $|A_u|_2\le a_u$ and $|h_{u-1}|\le B_{u-1}$. If
$|h_{u-1}'|\le\langle\boldsymbol{\ell}_{u-1},p\rangle$ along every line, then $|z_u'|\le\langle\boldsymbol{q}_u,p\rangle$ with
$\boldsymbol{q}_u=\bigl(a_u\boldsymbol{\ell}_{u-1},\,B_{u-1},\,1\bigr)$, the last two entries at the blocks $\alpha_u$ and $\beta_u$; and, if $A_u,b_u$ are parameters of earlier layers, too, with $\boldsymbol{q}_u=a_u\boldsymbol{\ell}_{u-1}+B_{u-1}e_{\alpha}+e_{\beta}$, $e_{\alpha}$ and $e_{\beta}$ the unit vectors of their blocks."""
    proof = r"""$z_u'=dA_u\,h_{u-1}+db_u+A_uh_{u-1}'$ and the triangle inequality give $|z_u'|\le\alpha B_{u-1}+\beta+a_u\langle\boldsymbol{\ell}_{u-1},p\rangle$, $\alpha=|dA_u|_F$, $\beta=|db_u|$."""
    obligations = (
        PreActivation.obligations[0],
        Inequality(
            "triangle inequality with bounds",
            (al >= 0, h >= 0, h <= B, a >= 0, g >= 0, g <= x),
            al * h + be + a * g <= al * B + be + a * x,
        ),
    )

    def conclude(self, given: Given, *, layer: int, group: int | None = None, position: int | None = None, **_: Any) -> Bound:
        """group: the number of the first unit with these parameters; position: where their blocks are, if it is an earlier one."""
        below = given.bound("value", layer - 1)
        weight = given.bound("weight", group or layer) if given.has("blocks", layer - 1) else None
        if not given.has("blocks", layer - 1):
            vector = Blocks(below, sympy.Integer(1))
        elif position is None:
            vector = AppendBlocks(weight * given.bound("blocks", layer - 1), below, sympy.Integer(1))
        else:
            vector = AddAt(weight * given.bound("blocks", layer - 1), below, sympy.Integer(1), sympy.Integer(position))
        return Bound(Quantity("pre_blocks", layer), nonnegative(f"qvec_{layer}"), vector)
