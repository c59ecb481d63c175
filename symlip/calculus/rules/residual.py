"""Residual layers h_u = h_{u-1} + d s(A_u h_{u-1} + b_u): what the skip adds to the bounds of the branch."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ...networks import Size
from ..arrays import ExtendMatrix, ExtendVector, PairedEigenvalue
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from .block_second import BlockSecond, branch_second
from .paired import Paired
from .pre_activation import PreActivation
from .separate import Separate
from .slope import Slope, curvature_of, slope_of
from .value import Value, size_of

x, y, f, k, S, a, L, B, r, si, al, be, n = sympy.symbols("x y f k S a L B r sigma alpha beta n", real=True)
t, e = sympy.symbols("t e", real=True)
h, g = sympy.Function("h")(t), sympy.Function("f")(t)

SUM_ALONG_A_LINE = (
    Identity("first derivative of h + d f along a line", sympy.diff(h + e * g, t), sympy.diff(h, t) + e * sympy.diff(g, t)),
    Identity("second derivative of h + d f along a line", sympy.diff(h + e * g, t, 2), sympy.diff(h, t, 2) + e * sympy.diff(g, t, 2)),
    Inequality("triangle inequality with a step", (x >= 0, x <= n, y >= 0, y <= f, k >= 0), x + k * y <= n + k * f),
)


class ResidualValue(Rule):
    name = "value, residual layer"
    title = "Size of a residual layer's output"
    statement = r"""Let $h_u=h_{u-1}+d\,s(z_u)\in\mathbb{R}^l$, $z_u=A_uh_{u-1}+b_u$, $|h_{u-1}|\le B_{u-1}$. Then $|h_u|\le B_{u-1}+|d|\beta$ with $\beta$ each of the bounds of @[value] on $|s(z_u)|$."""
    proof = r"""The triangle inequality."""
    obligations = (*Value.obligations, SUM_ALONG_A_LINE[2])

    def conclude(self, given: Given, *, layer: int, width: Size, activation: Activation, step: sympy.Expr, group: int | None = None, **_: Any) -> Bound:
        below = given.bound("value", layer - 1)
        group = group or layer
        grown = given.bound("weight", group) * below + given.bound("bias", group) if given.has("bias", group) else None
        size = size_of(given, f"layer {layer}", width, activation, grown)
        return Bound(Quantity("value", layer), nonnegative(f"B_{layer}"), below + step * size)


class ResidualBlockSlope(Rule):
    name = "block slope, residual layer"
    title = "Derivative of a residual layer, block by block"
    statement = r"""Let $h_u=h_{u-1}+d\,s(z_u)$ componentwise, $|h_{u-1}'|\le\langle\boldsymbol{\ell}_{u-1},p\rangle$ and $|z_u'|\le\langle\boldsymbol{q}_u,p\rangle$ along every line. Then $|h_u'|\le\langle\boldsymbol{\ell}_u,p\rangle$ with $\boldsymbol{\ell}_u=[\boldsymbol{\ell}_{u-1}]+|d|S_1\boldsymbol{q}_u$, where $[\cdot]$ pads with zeros
for the blocks that are new \textup{(}for $u=1$ and a fixed input the first term is absent\textup{)}."""
    proof = r"""$h_u'=h_{u-1}'+d\,s'(z_u)z_u'$ and @[slope]."""
    obligations = (*Slope.obligations, *SUM_ALONG_A_LINE)

    def conclude(self, given: Given, *, layer: int, activation: Activation, step: sympy.Expr, **_: Any) -> Bound:
        pre = given.bound("pre_blocks", layer)
        vector = step * slope_of(given, layer, activation) * pre
        if given.has("blocks", layer - 1):
            vector += ExtendVector(given.bound("blocks", layer - 1), pre)
        return Bound(Quantity("blocks", layer), nonnegative(f"lvec_{layer}"), vector)


class ResidualBlockSecond(Rule):
    name = "block second derivative, residual layer"
    title = "Second derivative of a residual layer, block by block"
    statement = r"""In the situation of @[block second derivative] let $h_u=h_{u-1}+d\,s(z_u)$ instead. Then $|D^2h_u[\eta,\zeta]|\le p^{\top}G_u\,\pi$ with
\[G_u=[G_{u-1}]+|d|\Bigl(S_2\,\boldsymbol{q}_u\boldsymbol{q}_u^{\top}+S_1\bigl(a_u[G_{u-1}]+e[\boldsymbol{\ell}_{u-1}]^{\top}+[\boldsymbol{\ell}_{u-1}]e^{\top}\bigr)\Bigr).\]"""
    proof = r"""$D^2h_u=D^2h_{u-1}+d\,D^2s(z_u)$, and @[block second derivative] bounds the second term's factor."""
    obligations = (*BlockSecond.obligations, *SUM_ALONG_A_LINE)

    def conclude(self, given: Given, *, layer: int, activation: Activation, step: sympy.Expr, **detail: Any) -> Bound:
        total = step * branch_second(given, layer, activation, **detail)
        if given.has("second_blocks", layer - 1):
            total += ExtendMatrix(given.bound("second_blocks", layer - 1), given.bound("pre_blocks", layer))
        return Bound(Quantity("second_blocks", layer), nonnegative(f"G_{layer}"), total)


# --- numbers instead of blocks: parameters of this layer (r) and of the earlier ones (sigma) -------------------------------


class ResidualFirst(Rule):
    name = "first derivative, residual layer"
    title = "First derivative of a residual layer"
    statement = r"""Let $h_u=h_{u-1}+d\,s(A_uh_{u-1}+b_u)$, where $A_u,b_u$ are no parameters of earlier layers, $|A_u|_2\le a_u$, $|h_{u-1}|\le B_{u-1}$ and $|Dh_{u-1}|\le L_{u-1}$ \textup{(}$L_0=0$\textup{)}. Then
$|Dh_u|\le L_u=\sqrt{(1+|d|S_1a_u)^2L_{u-1}^2+d^2S_1^2(1+B_{u-1}^2)}$."""
    proof = r"""Along a line with direction $\eta$, let $\alpha=|dA_u|_F$, $\beta=|db_u|$ and $\sigma$ be the norm of the earlier part of $\eta$. Then
$|h_u'|\le\sigma L_{u-1}+|d|S_1(B_{u-1}\alpha+\beta+a_uL_{u-1}\sigma)$, a linear form in $(\alpha,\beta,\sigma)$; Cauchy and Schwarz."""
    obligations = (
        *SUM_ALONG_A_LINE,
        *Slope.obligations,
        Identity(
            "the linear form",
            si * L + k * S * (B * al + be + a * L * si),
            (1 + k * S * a) * L * si + k * S * B * al + k * S * be,
        ),
        PreActivation.obligations[1],
    )

    def conclude(self, given: Given, *, layer: int, activation: Activation, step: sympy.Expr, **_: Any) -> Bound:
        factor = step * slope_of(given, layer, activation)
        square = factor**2 * (1 + given.bound("value", layer - 1) ** 2)
        if given.has("first", layer - 1):
            square += (1 + factor * given.bound("weight", layer)) ** 2 * given.bound("first", layer - 1) ** 2
        return Bound(Quantity("first", layer), nonnegative(f"L_{layer}"), sympy.sqrt(square))


class ResidualSeparate(Rule):
    name = "separate, residual layer"
    title = "Second derivative of a residual layer, term by term"
    statement = r"""In the situation of @[first derivative, residual layer] let $s$ be twice continuously differentiable and $|D^2h_{u-1}|\le H_{u-1}$ \textup{(}$H_0=0$\textup{)}. Then $|D^2h_u|\le H_{u-1}+|d|\bigl(S_2Q_u^2+S_1(L_{u-1}+a_uH_{u-1})\bigr)$ with $Q_u^2=1+B_{u-1}^2+a_u^2L_{u-1}^2$."""
    proof = r"""$h_u''=h_{u-1}''+d\,(s(z_u))''$, @[pre-activation] and @[separate]."""
    obligations = (*Separate.obligations, *PreActivation.obligations, *SUM_ALONG_A_LINE)

    def conclude(self, given: Given, *, layer: int, activation: Activation, step: sympy.Expr, **_: Any) -> Bound:
        slope, curvature = given.constant(activation, 1), curvature_of(given, layer, activation)
        square = 1 + given.bound("value", layer - 1) ** 2
        if not given.has("first", layer - 1):
            return Bound(Quantity("second", layer), nonnegative(f"H_{layer}"), step * curvature * square)
        a, first, second = given.bound("weight", layer), given.bound("first", layer - 1), given.bound("second", layer - 1)
        total = second + step * (curvature * (square + a**2 * first**2) + slope * (first + a * second))
        return Bound(Quantity("second", layer), nonnegative(f"H_{layer}"), total)


class ResidualPaired(Rule):
    name = "paired, residual layer"
    title = "Second derivative of a residual layer, as a quadratic form"
    statement = r"""In the situation of @[separate, residual layer] let $v=\bigl(\sqrt{1+B_{u-1}^2},\,a_uL_{u-1}\bigr)$. Then
\[|D^2h_u|\le\lambda_{\max}\left(\begin{pmatrix}0&0\\0&H_{u-1}\end{pmatrix}+|d|S_2\,vv^{\top}+|d|S_1\begin{pmatrix}0&L_{u-1}\\L_{u-1}&a_uH_{u-1}\end{pmatrix}\right).\]"""
    proof = r"""$|h_{u-1}''|\le H_{u-1}\sigma^2$, and the proof of @[paired] bounds $|(s(z_u))''|$ by the form of the other two matrices at $(r,\sigma)$."""
    obligations = (*Paired.obligations, *SUM_ALONG_A_LINE)

    def conclude(self, given: Given, *, layer: int, activation: Activation, step: sympy.Expr, **_: Any) -> Bound:
        slope, curvature = given.constant(activation, 1), curvature_of(given, layer, activation)
        below = given.bound("value", layer - 1)
        corner = step * curvature * (1 + below**2)
        if not given.has("first", layer - 1):
            return Bound(Quantity("second", layer), nonnegative(f"H_{layer}"), corner)
        a, first, second = given.bound("weight", layer), given.bound("first", layer - 1), given.bound("second", layer - 1)
        side = step * first * (curvature * sympy.sqrt(1 + below**2) * a + slope)
        earlier = second + step * (curvature * a**2 * first**2 + slope * a * second)
        return Bound(Quantity("second", layer), nonnegative(f"H_{layer}"), PairedEigenvalue(corner, side, earlier))


class ResidualInputs(Rule):
    name = "residual layer, input only"
    title = "A residual layer's derivatives in the input"
    statement = r"""Let only the input move, $h_u=h_{u-1}+d\,s(z_u)$, $|Dz_u|\le Q_u$, $|A_u|_2\le a_u$, $|Dh_{u-1}|\le L_{u-1}$ and $|D^2h_{u-1}|\le H_{u-1}$. Then $|Dh_u|\le L_{u-1}+|d|S_1Q_u$ and $|D^2h_u|\le H_{u-1}+|d|(S_2Q_u^2+S_1a_uH_{u-1})$."""
    proof = r"""The triangle inequality, @[slope] and @[second derivative, input only]."""
    obligations = (*Slope.obligations, *Separate.obligations[:3], *SUM_ALONG_A_LINE)

    def conclude(self, given: Given, *, layer: int, activation: Activation, step: sympy.Expr, order: int, group: int | None = None, **_: Any) -> Bound:
        pre, slope = given.bound("pre_first", layer), slope_of(given, layer, activation)
        if order == 1:
            return Bound(Quantity("first", layer), nonnegative(f"L_{layer}"), given.bound("first", layer - 1) + step * slope * pre)
        below, a = given.bound("second", layer - 1), given.bound("weight", group or layer)
        total = below + step * (curvature_of(given, layer, activation) * pre**2 + slope * a * below)
        return Bound(Quantity("second", layer), nonnegative(f"H_{layer}"), total)


# --- the end of a skip around several layers ------------------------------------------------------------------------------


class SkipEnd(Rule):
    name = "end of a skip"
    title = "The end of a skip"
    statement = r"""Let $h_u=h_k+d\,h_{u-1}$, $k<u-1$. Bounds on $|h_k|$ and $|h_{u-1}|$, on $|Dh_k|$ and $|Dh_{u-1}|$, on $|D^2h_k|$ and $|D^2h_{u-1}|$, on their block vectors and on their block matrices give bounds on those of $h_u$: the one of $h_k$ plus $|d|$ times the one of $h_{u-1}$, block vectors and matrices padded with zeros $[\cdot]$."""
    proof = r"""The triangle inequality; $h_u'=h_k'+d\,h_{u-1}'$ and $D^2h_u=D^2h_k+d\,D^2h_{u-1}$."""
    obligations = SUM_ALONG_A_LINE

    def conclude(self, given: Given, *, layer: int, start: int, step: sympy.Expr, kind: str, **_: Any) -> Bound:
        branch = given.bound(kind, layer - 1)
        total = step * branch
        if given.has(kind, start):
            below = given.bound(kind, start)
            extend = {"blocks": ExtendVector, "second_blocks": ExtendMatrix}.get(kind)
            total += extend(below, branch) if extend else below
        symbol = {"value": "B", "first": "L", "second": "H", "blocks": "lvec", "second_blocks": "G"}.get(kind, f"Hk{kind.rsplit('_', 1)[-1]}")
        return Bound(Quantity(kind, layer), nonnegative(f"{symbol}_{layer}"), total)
