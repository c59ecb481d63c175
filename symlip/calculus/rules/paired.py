"""The second derivative of a layer's output, as one quadratic form in this layer's and the earlier directions."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ..arrays import PairedEigenvalue
from ..claims import Bound, nonnegative
from ..obligations import Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from .separate import SECOND_ALONG_A_LINE
from .slope import curvature_of

p, q, k, r, si, lam, al, be, B, v1, v2, n = sympy.symbols("p q k r sigma lambda alpha beta B v1 v2 n", real=True)


class Paired(Rule):
    name = "paired"
    title = "Second derivative, as a quadratic form"
    statement = r"""In the situation of @[separate], let $B_{u-1}\ge|h_{u-1}|$ and $v=\bigl(\sqrt{1+B_{u-1}^2},\,a_uL_{u-1}\bigr)$. Then
\[|D^2h_u|\le\lambda_{\max}\left(S_2\,vv^{\top}+S_1\begin{pmatrix}0&L_{u-1}\\L_{u-1}&a_uH_{u-1}\end{pmatrix}\right).\]"""
    proof = r"""Let $\alpha=|dA_u|_F$, $\beta=|db_u|$, $r^2=\alpha^2+\beta^2$ and let $\sigma$ be the norm of the earlier part of the direction, $r^2+\sigma^2=1$. Then
$|z_u'|\le B_{u-1}\alpha+\beta+a_uL_{u-1}\sigma\le v_1r+v_2\sigma$ and $|z_u''|\le2rL_{u-1}\sigma+a_uH_{u-1}\sigma^2$. Hence $|h_u''|\le S_2(v_1r+v_2\sigma)^2+S_1(2L_{u-1}r\sigma+a_uH_{u-1}\sigma^2)$,
which is the quadratic form of the matrix at the unit vector $(r,\sigma)$, and at most its largest eigenvalue."""
    obligations = (
        *SECOND_ALONG_A_LINE,
        Inequality(
            "first derivative in two directions",
            (al >= 0, be >= 0, B >= 0, r >= 0, r**2 >= al**2 + be**2, v1 >= 0, v1**2 >= 1 + B**2),
            B * al + be <= v1 * r,
        ),
        Inequality(
            "a form is at most its largest eigenvalue",
            (lam >= p, lam >= q, (lam - p) * (lam - q) >= k**2, r**2 + si**2 <= 1, p >= 0, q >= 0),
            p * r**2 + 2 * k * r * si + q * si**2 <= lam,
        ),
        Inequality(
            "the closed form is an eigenvalue's bound",
            (n >= 0, 4 * n**2 >= (p - q) ** 2 + 4 * k**2),
            (n + (p + q) / 2 - p) * (n + (p + q) / 2 - q) >= k**2,
        ),
    )

    def conclude(self, given: Given, *, layer: int, activation: Activation, chain: str = "H", **_: Any) -> Bound:
        slope, curvature = given.constant(activation, 1), curvature_of(given, layer, activation)
        below = given.bound("value", layer - 1)
        corner = curvature * (1 + below**2)
        if not given.has("first", layer - 1):
            total = corner
        else:
            a, first, second = given.bound("weight", layer), given.bound("first", layer - 1), given.bound("second", layer - 1)
            side = curvature * sympy.sqrt(1 + below**2) * a * first + slope * first
            earlier = curvature * a**2 * first**2 + slope * a * second
            total = PairedEigenvalue(corner, side, earlier)
        return Bound(Quantity("second", layer), nonnegative(f"{chain}_{layer}"), total)
