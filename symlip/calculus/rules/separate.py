"""The second derivative of a layer's output, each term by its own supremum."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from .slope import curvature_of

t = sympy.Symbol("t", real=True)
A0, A1, b0, b1 = sympy.symbols("A0 A1 b0 b1", real=True)
h = sympy.Function("h")(t)
s, z = sympy.Function("s"), sympy.Function("z")(t)
zeta, c1, c2, x1, x2, S, r, si, L, aH = sympy.symbols("zeta c1 c2 x1 x2 S r sigma L H", real=True)

SECOND_ALONG_A_LINE = (
    Identity(
        "second derivative of A h + b along a line",
        sympy.diff((A0 + t * A1) * h + b0 + t * b1, t, 2),
        2 * A1 * sympy.diff(h, t) + (A0 + t * A1) * sympy.diff(h, t, 2),
    ),
    Identity(
        "second derivative of s(z)",
        sympy.diff(s(z), t, 2),
        sympy.diff(s(z), t, 2).coeff(sympy.diff(z, t), 2) * sympy.diff(z, t) ** 2 + s(z).diff(z) * sympy.diff(z, t, 2),
    ),
    Inequality(
        "norm of the squares: two components",
        (c1**2 <= S**2, c2**2 <= S**2),
        (c1 * x1**2) ** 2 + (c2 * x2**2) ** 2 <= S**2 * (x1**2 + x2**2) ** 2,
    ),
)


class Separate(Rule):
    name = "separate"
    title = "Second derivative, term by term"
    statement = r"""Let $s$ be twice continuously differentiable, $h_u=s(z_u)$, $z_u=A_uh_{u-1}+b_u$ with $|A_u|_2\le a_u$, $|Dz_u|\le Q_u$, $|Dh_{u-1}|\le L_{u-1}$ and $|D^2h_{u-1}|\le H_{u-1}$
\textup{(}$L_0=H_0=0$\textup{)}, where $A_u,b_u$ are no parameters of earlier layers. Then $|D^2h_u|\le S_2Q_u^2+S_1\bigl(L_{u-1}+a_uH_{u-1}\bigr)$."""
    proof = r"""For symmetric bilinear maps on a Hilbert space the norm is the supremum on the diagonal, so it is enough to bound $h_u''$ along a line with
direction $\eta$, $|\eta|=1$. There $z_u''=2\,dA_u\,h_{u-1}'+A_uh_{u-1}''$ and $h_u''=s''(z_u)z_u'^2+s'(z_u)z_u''$ componentwise. The norm of the
vector of squares $z_u'^2$ is at most $|z_u'|^2$, so the first term is at most $S_2Q_u^2$. With $\alpha=|dA_u|_F$ and $\sigma$ the norm of the earlier part of
$\eta$, $\alpha^2+\sigma^2\le1$, we have $|z_u''|\le2\alpha\sigma L_{u-1}+a_u\sigma^2H_{u-1}\le L_{u-1}+a_uH_{u-1}$."""
    obligations = (
        *SECOND_ALONG_A_LINE,
        Inequality(
            "cross term",
            (r >= 0, si >= 0, r**2 + si**2 <= 1, L >= 0, aH >= 0),
            2 * r * si * L + si**2 * aH <= L + aH,
        ),
    )

    def conclude(self, given: Given, *, layer: int, activation: Activation, chain: str = "H", **_: Any) -> Bound:
        slope, curvature = given.constant(activation, 1), curvature_of(given, layer, activation)
        total = curvature * given.bound("pre_first", layer) ** 2
        if given.has("first", layer - 1):
            total += slope * (given.bound("first", layer - 1) + given.bound("weight", layer) * given.bound("second", layer - 1))
        return Bound(Quantity("second", layer), nonnegative(f"{chain}_{layer}"), total)
