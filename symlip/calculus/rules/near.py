"""Certificates near given weights: what moves, and by how much, while the parameters stay near a centre; the norm certificate."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.core.symbol import Str

from ...activations import Activation
from ...costs import Cost, HalfSquaredError, Huber, Logistic, SoftmaxCrossEntropy
from ...errors import SymlipError
from ...suprema import turning_points, turning_points_hold
from ..arrays import AppendBlocks, Blocks, Border, EuclideanNorm, LargestEigenvalue, Mean, Outer, Pad, ZeroMatrix
from ..claims import Bound, nonnegative
from ..obligations import Decided, Identity, Inequality, Obligation
from ..quantities import Quantity
from ..rule import Given, Rule
from ..samples import (
    Affine,
    At,
    ColumnNorms,
    CovarianceBound,
    Largest,
    Length,
    RowNorms,
    ScaledNorm,
    Softmax,
    SpectralNorm,
    SupremumNear,
)
from .activation_constants import identifier
from .separate import SECOND_ALONG_A_LINE

a, b, c, d, e, g, h, l1, l2, m, n, p, p1, p2, q, r, s, t, u, v, w, x, y, A, B, C, D, M, N, S, V = sympy.symbols(
    "a b c d e g h l1 l2 m n p p1 p2 q r s t u v w x y A B C D M N S V", real=True
)


def real(name: str) -> sympy.Symbol:
    """The symbol of an array whose entries have either sign."""
    return sympy.Symbol(name, real=True)


def label(activation: Activation) -> Str:
    """What names an activation inside an operation; it is no symbol."""
    return Str(identifier(activation))


def is_identity(activation: Activation) -> bool:
    return bool(activation.derivative(1) == 1)


# --- the centre -------------------------------------------------------------------------------------------------------


class CentrePre(Rule):
    name = "pre-activations at the centre"
    title = "The network at the centre"
    statement = r"""A bar marks the centre $\bar\theta=(\bar A_1,\bar b_1,\dots,\bar A_m,\bar b_m)$: $\bar h_0=x$, $\bar z_u=\bar A_u\bar h_{u-1}+\bar b_u$, $\bar h_u=s_u(\bar z_u)$, and $\bar a_u=|\bar A_u|_2$. A vector of a sample has one entry for each neuron."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, layer: int, group: int | None = None, **_: Any) -> Bound:
        weights, bias = (given.bound(f"centre_{kind}", group or layer) for kind in ("weight", "bias"))
        return Bound(None, real(f"zc_{layer}"), Affine(weights, centre_output(given, layer - 1), bias))


def centre_output(given: Given, layer: int) -> sympy.Expr:
    """The output of a line at the centre; of line 0 the input."""
    return given.bound("inputs") if layer == 0 else given.symbol(f"hc_{layer}")


class CentreOutput(CentrePre):
    name = "outputs at the centre"
    title = "Outputs at the centre"
    statement = r"""$\bar h_u=s_u(\bar z_u)$, entry by entry; for a residual layer $\bar h_u=\bar h_{u-1}+d\,s_u(\bar z_u)$, and at the end of a skip from line $k$ $\bar h_u=\bar h_k+d\,\bar h_{u-1}$."""

    def conclude(
        self, given: Given, *, layer: int, activation: Activation | None, signed: sympy.Expr | None = None, start: int | None = None, **_: Any
    ) -> Bound:
        if activation is None:
            total = centre_output(given, layer - 1)
        else:
            total = At(label(activation), sympy.Integer(layer), sympy.Integer(0), given.symbol(f"zc_{layer}"))
        return Bound(None, real(f"hc_{layer}"), total if start is None else centre_output(given, start) + signed * total)


class CentreNorm(CentrePre):
    name = "spectral norms at the centre"
    title = "Spectral norms at the centre"
    statement = r"""$\bar a_u=|\bar A_u|_2$, the largest singular value."""

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        return Bound(None, nonnegative(f"an_{layer}"), SpectralNorm(given.bound("centre_weight", layer)))


# --- movement on a ball -----------------------------------------------------------------------------------------------


class MovedNorm(Rule):
    name = "movement of the pre-activations"
    title = "Movement of a layer's pre-activations"
    statement = r"""Let $|\theta-\bar\theta|\le r$, $\delta=\theta-\bar\theta$, and on this ball $|h_{u-1}|\le V_{u-1}$, $|z_{u-1}-\bar z_{u-1}|\le\nu_{u-1}|\delta|$ and $|s_{u-1}'|\le(\sigma_{u-1})_j$ between the $j$-th entries of $\bar z_{u-1}$ and $z_{u-1}$. Then
$|z_u-\bar z_u|\le\nu_u|\delta|$ with $\nu_u=\bigl(1+V_{u-1}^2+K^2\nu_{u-1}^2\bigr)^{1/2}$ for any $K\ge|\bar A_u\operatorname{diag}\sigma_{u-1}|_2$, such as the smaller of $\bar a_u\max_j(\sigma_{u-1})_j$ and the Frobenius norm; $\nu_1=(1+|x|^2)^{1/2}$."""
    proof = r"""$z_u-\bar z_u=\Delta A_uh_{u-1}+\Delta b_u+\bar A_u(h_{u-1}-\bar h_{u-1})$, with $h_{u-1}$ at $\theta$. By the mean value theorem $h_{u-1}-\bar h_{u-1}=D(z_{u-1}-\bar z_{u-1})$ with a diagonal matrix $D$, $|D_{jj}|\le(\sigma_{u-1})_j$, and $|\bar A_uD|_2\le\bar a_u\max_j\sigma_j$, $|\bar A_uD|_2\le|\bar A_uD|_F\le|\bar A_u\operatorname{diag}\sigma|_F$. Let $\delta_u$ be the part of $\delta$ in layer $u$
and $\delta_<$ that in the layers before. Then $|z_u-\bar z_u|\le|\delta_u|(1+|h_{u-1}|^2)^{1/2}+K\nu_{u-1}|\delta_<|\le\nu_u|\delta|$ (Cauchy--Schwarz, twice)."""
    obligations = (
        Identity("difference of two products", (A + a) * (B + b) - A * B, a * (B + b) + A * b),
        Inequality("Cauchy-Schwarz", (), (l1 * p1 + l2 * p2) ** 2 <= (l1**2 + l2**2) * (p1**2 + p2**2)),
        Inequality("one entry is at most the largest", (x**2 <= a**2, y**2 <= a**2), x**2 * p1**2 + y**2 * p2**2 <= a**2 * (p1**2 + p2**2)),
    )

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        size = given.bound("value", layer - 1)
        total = 1 + size**2
        if layer > 1:
            below = ScaledNorm(given.bound("centre_weight", layer), given.symbol(f"an_{layer}"), given.bound("near_slope", layer - 1))
            total += below**2 * given.bound("moved_norm", layer - 1) ** 2
        return Bound(Quantity("moved_norm", layer), nonnegative(f"nu_{layer}"), sympy.sqrt(total))


class MovedPre(Rule):
    name = "movement of each pre-activation"
    title = "Movement of each pre-activation"
    statement = r"""In the situation of @[movement of the pre-activations], $|z_u-\bar z_u|_j\le(\rho_u)_j=r\bigl(1+V_{u-1}^2+|e_j^{\top}\bar A_u\operatorname{diag}\sigma_{u-1}|^2\nu_{u-1}^2\bigr)^{1/2}$."""
    proof = r"""The $j$-th row of the equation in that proof: the row of $(\Delta A_u,\Delta b_u)$ is at most $|\delta_u|$ long, and $|e_j^{\top}\bar A_uD\,v|\le|e_j^{\top}\bar A_u\operatorname{diag}\sigma||v|$."""
    obligations = (MovedNorm.obligations[1],)

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        total = 1 + given.bound("value", layer - 1) ** 2
        if layer > 1:
            total += RowNorms(given.bound("centre_weight", layer), given.bound("near_slope", layer - 1)) ** 2 * given.bound("moved_norm", layer - 1) ** 2
        return Bound(Quantity("moved_pre", layer), nonnegative(f"mv_{layer}"), given.bound("distance") * sympy.sqrt(total))


class NearSlope(Rule):
    name = "suprema near a point"
    title = "Derivatives of the activation near a point"
    statement = r"""If $|z-\bar z|\le\rho$, then $|s^{(k)}(z)|$ is at most the supremum of $|s^{(k)}|$ on $[\bar z-\rho,\bar z+\rho]$. It is the largest of the moduli at the two ends and at the zeros of $s^{(k+1)}$ \textup{(}and kinks\textup{)} between them; where these zeros are not known, $|s^{(k)}(\bar z)|+\rho S_{k+1}$ stands in, and never more than $S_k$."""
    proof = r"""Between two neighbouring zeros of $s^{(k+1)}$ the function $s^{(k)}$ is monotone, and $|s^{(k)}|$ is largest at an end of such an interval. The other bound is the mean value theorem."""

    def conclude(self, given: Given, *, layer: int, activation: Activation, order: int, **_: Any) -> Bound:
        kind, name = {1: ("near_slope", "sl"), 2: ("near_curvature", "cu"), 3: ("near_third", "th"), 4: ("near_fourth", "fo")}[order]
        return Bound(
            Quantity(kind, layer),
            nonnegative(f"{name}_{layer}"),
            SupremumNear(label(activation), sympy.Integer(layer), sympy.Integer(order), given.symbol(f"zc_{layer}"), given.bound("moved_pre", layer)),
        )

    def obligations_of(self, *, activation: Activation, order: int, **_: Any) -> tuple[Obligation, ...]:
        found = turning_points(activation.name, activation.expression, order)
        if not found:
            return ()
        return (
            Decided(
                f"{activation.name}: turning points of derivative {order}",
                lambda: turning_points_hold(activation.name, activation.expression, order),
                rf"s^{{({order + 1})}}=0",
            ),
        )


class Moved(Rule):
    name = "movement of the outputs"
    title = "Movement of a layer's outputs"
    statement = r"""$|h_u-\bar h_u|\le\Delta_u=\min\bigl(|\sigma_u\rho_u|,\ r\nu_u\max_j(\sigma_u)_j\bigr)$, the product $\sigma_u\rho_u$ entry by entry, and $|h_u|\le V_u=|\bar h_u|+\Delta_u$."""
    proof = r"""$h_u-\bar h_u=D(z_u-\bar z_u)$ with $|D_{jj}|\le(\sigma_u)_j$, by the mean value theorem; use the bound of each entry, or that of the whole vector."""
    obligations = (MovedNorm.obligations[2],)

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        slopes = given.bound("near_slope", layer)
        whole = given.bound("distance") * given.bound("moved_norm", layer) * Largest(slopes)
        return Bound(Quantity("moved", layer), nonnegative(f"dh_{layer}"), sympy.Min(Length(slopes * given.bound("moved_pre", layer)), whole))


class NearValue(Rule):
    name = "size of the outputs near the centre"
    title = "Size of a layer's outputs"
    statement = r"""$|h_u|\le V_u=|\bar h_u|+\Delta_u$ on the set, with @[movement of the outputs]; $V_0=|x|$."""
    proof = r"""The triangle inequality."""

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        if layer == 0:
            return Bound(Quantity("value", 0), nonnegative("V_0"), Length(given.bound("inputs")))
        return Bound(Quantity("value", layer), nonnegative(f"V_{layer}"), Length(given.symbol(f"hc_{layer}")) + given.bound("moved", layer))


# --- the norm certificate ---------------------------------------------------------------------------------------------


class NearMatrix(Rule):
    name = "weights times slopes"
    title = "Weights times the slopes below"
    statement = r"""On the ball of radius $r$, $|A_u\operatorname{diag}s'(z_{u-1})|_2\le M_u=K+r\max_j(\sigma_{u-1})_j$, $K$ as in @[movement of the pre-activations]."""
    proof = r"""$A_u=\bar A_u+\Delta A_u$ with $|\Delta A_u|_2\le|\Delta A_u|_F\le r$."""
    obligations = (Inequality("triangle inequality", (x**2 <= A**2, y**2 <= r**2, A >= 0, r >= 0), (x + y) ** 2 <= (A + r) ** 2),)

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        slopes = given.bound("near_slope", layer - 1)
        total = ScaledNorm(given.bound("centre_weight", layer), given.symbol(f"an_{layer}"), slopes) + given.bound("distance") * Largest(slopes)
        return Bound(Quantity("near_matrix", layer), nonnegative(f"mat_{layer}"), total)


class NearCurving(Rule):
    name = "weights times second derivatives"
    title = "Weights times the second derivatives below"
    statement = r"""On the ball, $|A_u(s''(z_{u-1})\,v\,w)|\le\tau_u|v||w|$ for all vectors $v,w$ \textup{(}products entry by entry\textup{)} with $\tau_u=\max_j\bigl(|\bar A_ue_j|+r\bigr)(\kappa_{u-1})_j$."""
    proof = r"""$A_u(s''vw)=\sum_js_j''v_jw_jA_ue_j$, $|A_ue_j|\le|\bar A_ue_j|+r$ and $\sum_j|v_jw_j|\le|v||w|$."""
    obligations = (
        Inequality("products of entries", (), (v * x + w * y) ** 2 <= (v**2 + w**2) * (x**2 + y**2)),
        Inequality("weights at most the largest", (a >= 0, b >= 0, a <= m, b <= m, p >= 0, q >= 0), a * p + b * q <= m * (p + q)),
    )

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        lengths = ColumnNorms(given.bound("centre_weight", layer)) + given.bound("distance")
        return Bound(Quantity("near_curving", layer), nonnegative(f"ta_{layer}"), Largest(lengths * given.bound("near_curvature", layer - 1)))


class NearPreBlocks(Rule):
    name = "first derivatives near the centre"
    title = "First derivatives of a pre-activation, block by block"
    statement = r"""Let $p$ be the block norms of a direction. On the ball $|z_u'|\le\langle\boldsymbol{q}_u,p\rangle$ with $\boldsymbol{q}_1=(|x|,1)$ and $\boldsymbol{q}_u=\bigl(M_u\boldsymbol{q}_{u-1},\,V_{u-1},\,1\bigr)$."""
    proof = r"""$z_u'=dA_uh_{u-1}+db_u+A_u\operatorname{diag}s'(z_{u-1})\,z_{u-1}'$, and the triangle inequality."""
    obligations = (NearMatrix.obligations[0],)

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        below, one = given.bound("value", layer - 1), sympy.Integer(1)
        vector = Blocks(below, one) if layer == 1 else AppendBlocks(given.bound("near_matrix", layer) * given.bound("pre_blocks", layer - 1), below, one)
        return Bound(Quantity("pre_blocks", layer), nonnegative(f"qvec_{layer}"), vector)


class NearPreSecond(Rule):
    name = "second derivatives near the centre"
    title = "Second derivatives of a pre-activation, block by block"
    statement = r"""On the ball $|D^2z_u[\eta,\zeta]|\le p^{\top}\Gamma^z_u\pi$, $p,\pi$ the block norms of $\eta,\zeta$, with $\Gamma^z_1=0$ and
\[\Gamma^z_u=M_u[\Gamma^z_{u-1}]+\tau_u[\boldsymbol{q}_{u-1}\boldsymbol{q}_{u-1}^{\top}]+\max_j(\sigma_{u-1})_j\bigl(e[\boldsymbol{q}_{u-1}]^{\top}+[\boldsymbol{q}_{u-1}]e^{\top}\bigr),\]
$[\cdot]$ padding with zeros for the new blocks and $e$ the unit vector of the block of $A_u$."""
    proof = r"""With $Dh_{u-1}=s'Dz_{u-1}$,
\[D^2z_u[\eta,\zeta]=dA_u^{\eta}\,Dh_{u-1}[\zeta]+dA_u^{\zeta}\,Dh_{u-1}[\eta]+A_u\bigl(s''\,Dz_{u-1}[\eta]\,Dz_{u-1}[\zeta]\bigr)+A_u\operatorname{diag}s'\,D^2z_{u-1}[\eta,\zeta].\] Bound the terms with @[first derivatives near the centre], @[weights times second derivatives] and @[weights times slopes]."""
    obligations = SECOND_ALONG_A_LINE

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        if layer == 1:
            matrix = ZeroMatrix(given.bound("pre_blocks", 1))
        else:
            below = given.bound("pre_blocks", layer - 1)
            matrix = Border(Largest(given.bound("near_slope", layer - 1)) * below) + Pad(
                given.bound("near_matrix", layer) * given.bound("pre_second_blocks", layer - 1) + given.bound("near_curving", layer) * Outer(below)
            )
        return Bound(Quantity("pre_second_blocks", layer), nonnegative(f"Gz_{layer}"), matrix)


class NearOutput(Rule):
    name = "outputs near the centre"
    title = "Derivatives of the outputs"
    statement = r"""On the ball $|Dh_m[\eta]|\le\langle\boldsymbol{\ell}_m,p\rangle$ and $|D^2h_m[\eta,\zeta]|\le p^{\top}G_m\pi$ with $\boldsymbol{\ell}_m=\max_j(\sigma_m)_j\,\boldsymbol{q}_m$ and $G_m=\max_j(\sigma_m)_j\,\Gamma^z_m+\max_j(\kappa_m)_j\,\boldsymbol{q}_m\boldsymbol{q}_m^{\top}$; for an affine last layer $\boldsymbol{\ell}_m=\boldsymbol{q}_m$, $G_m=\Gamma^z_m$."""
    proof = r"""$Dh_m=s'Dz_m$ and $D^2h_m=s''\,Dz_m\,Dz_m+s'D^2z_m$, entry by entry, and $|vw|\le|v||w|$ for products of entries."""
    obligations = SECOND_ALONG_A_LINE

    def conclude(self, given: Given, *, layer: int, activation: Activation, order: int, **_: Any) -> Bound:
        vector = given.bound("pre_blocks", layer)
        plain = is_identity(activation)
        slope = sympy.Integer(1) if plain else Largest(given.bound("near_slope", layer))
        if order == 1:
            return Bound(Quantity("blocks", layer), nonnegative(f"lvec_{layer}"), slope * vector)
        total = slope * given.bound("pre_second_blocks", layer)
        if not plain:
            total += Largest(given.bound("near_curvature", layer)) * Outer(vector)
        return Bound(Quantity("second_blocks", layer), nonnegative(f"G_{layer}"), total)


class OutputMoved(Rule):
    name = "movement of each output"
    title = "Movement of each output"
    statement = r"""$|h_m-\bar h_m|_j\le\varrho_j=(\sigma_m)_j(\rho_m)_j$; for an affine last layer $\varrho=\rho_m$."""
    proof = r"""The mean value theorem."""
    obligations = ()

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Bound:
        moved = given.bound("moved_pre", layer)
        return Bound(Quantity("output_moved", layer), nonnegative("dout"), moved if is_identity(activation) else given.bound("near_slope", layer) * moved)


# --- the cost near the centre -----------------------------------------------------------------------------------------


class NearSoftmaxProbabilities(Rule):
    name = "softmax at the centre"
    title = "Probabilities at the centre"
    statement = r"""$\pi=\operatorname{softmax}(\bar h_m)$."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        return Bound(None, nonnegative("pc"), Softmax(given.symbol(f"hc_{layer}")))


class NearSoftmax(Rule):
    name = "softmax near the centre"
    title = "The softmax cross-entropy near the centre"
    statement = r"""Let $g(o,y)=\log\sum_je^{o_j}-\langle y,o\rangle$, $y$ a probability vector, $\pi=\operatorname{softmax}(\bar o)$ and $|o-\bar o|\le\Delta$. Then
\begin{gather*}|D_o^2g(o)|\le g_2=\min\Bigl(\tfrac12,\ e^{\sqrt2\Delta}\min\bigl(\max_j\pi_j,\ \max_j2\pi_j(1-\pi_j)\bigr)\Bigr),\\|D_og(o)|\le g_1=\min\bigl(\sqrt2,\ |\pi-y|+g_2\Delta\bigr).\end{gather*}
Both tend to $0$ as the loss does, at a small $\Delta$."""
    proof = r"""$D_o^2g(o)=C(o)=\operatorname{diag}(q)-qq^{\top}$ with $q=\operatorname{softmax}(o)$; its form is the variance under $q$. Let $w=o-\bar o$. By Jensen's inequality $q_j/\pi_j=e^{w_j}/\mathbb{E}_{\pi}e^{w}\le e^{w_j-\mathbb{E}_{\pi}w}\le e^{\sqrt2|w|}$, as $w_j-\mathbb{E}_{\pi}w$ is an average of differences
$w_j-w_k\le\sqrt2|w|$. So $\operatorname{Var}_q(v)\le\mathbb{E}_q(v-\mathbb{E}_{\pi}v)^2\le e^{\sqrt2|w|}\operatorname{Var}_{\pi}(v)$. The largest eigenvalue of $C(\bar o)$ is at most $\max_j\pi_j$, since $C(\bar o)\le\operatorname{diag}\pi$, and at most $\max_j2\pi_j(1-\pi_j)$, since the moduli in row $j$ add up to that (Gershgorin). It is at most $\frac12$ everywhere (@[softmax cross-entropy]).
The gradient at $\bar o$ is $\pi-y$ and changes by at most $g_2|w|$ on the segment from $\bar o$ to $o$; it is at most $\sqrt2$ everywhere."""
    obligations = (
        Inequality("range and norm", (), (a - b) ** 2 <= 2 * (a**2 + b**2)),
        Inequality(
            "variance below any second moment: two points",
            (p >= 0, q >= 0, p + q == 1),
            p * v**2 + q * w**2 - (p * v + q * w) ** 2 <= p * (v - c) ** 2 + q * (w - c) ** 2,
        ),
        Identity("moduli in a row", p * (1 - p) + p * (1 - p), 2 * p * (1 - p)),
        Inequality("the covariance is below its diagonal", (), p * v**2 + q * w**2 - (p * v + q * w) ** 2 <= p * v**2 + q * w**2),
    )

    def conclude(self, given: Given, *, layer: int, curvature: bool, **_: Any) -> Bound:
        moved = given.bound("moved", layer)
        if curvature:
            local = sympy.exp(sympy.sqrt(2) * moved) * CovarianceBound(given.symbol("pc"))
            return Bound(Quantity("cost_curvature"), nonnegative("g2"), sympy.Min(sympy.Rational(1, 2), local))
        size = Length(given.symbol("pc") - given.bound("targets")) + given.bound("cost_curvature") * moved
        return Bound(Quantity("cost_slope"), nonnegative("g1"), sympy.Min(sympy.sqrt(2), size))


class NearSquaredError(Rule):
    name = "half squared error near the centre"
    title = "The half squared error near the centre"
    statement = r"""For $g(o,y)=\frac12|o-y|^2$ and $|o-\bar o|\le\Delta$: $|D_og|\le g_1=|\bar o-y|+\Delta$ and $|D_o^2g|=g_2=1$."""
    proof = r"""$D_og=o-y$ and $D_o^2g$ is the identity."""
    obligations = (Identity("gradient", sympy.diff((x - y) ** 2 / 2, x), x - y), Identity("Hessian", sympy.diff((x - y) ** 2 / 2, x, 2), sympy.Integer(1)))

    def conclude(self, given: Given, *, layer: int, curvature: bool, **_: Any) -> Bound:
        if curvature:
            return Bound(Quantity("cost_curvature"), nonnegative("g2"), sympy.Integer(1))
        return Bound(Quantity("cost_slope"), nonnegative("g1"), Length(given.symbol(f"hc_{layer}") - given.bound("targets")) + given.bound("moved", layer))


class NearHuber(Rule):
    name = "Huber cost near the centre"
    title = "Huber's cost near the centre"
    statement = r"""For $g(o,y)=\rho_\delta(|o-y|)$ and $|o-\bar o|\le\Delta$: $|D_og|\le g_1=\min(\delta,|\bar o-y|+\Delta)$, and $D_og$ is Lipschitz with constant $g_2=1$."""
    proof = (
        r"""$D_og=(o-y)\min(1,\delta/|o-y|)$ is the projection of $o-y$ onto the ball of radius $\delta$, see @[Huber cost]; so $|D_og|=\min(\delta,|o-y|)$."""
    )
    obligations = (Inequality("triangle inequality", (x**2 <= A**2, y**2 <= r**2, A >= 0, r >= 0), (x + y) ** 2 <= (A + r) ** 2),)

    def conclude(self, given: Given, *, layer: int, curvature: bool, cost: Huber, **_: Any) -> Bound:
        if curvature:
            return Bound(Quantity("cost_curvature"), nonnegative("g2"), sympy.Integer(1))
        size = Length(given.symbol(f"hc_{layer}") - given.bound("targets")) + given.bound("moved", layer)
        return Bound(Quantity("cost_slope"), nonnegative("g1"), sympy.Min(sympy.sympify(cost.delta), size))


class NearLogistic(Rule):
    name = "logistic cost near the centre"
    title = "The logistic cost near the centre"
    statement = r"""For $g(o,y)=\sum_j\psi(-y_jo_j)$, $\psi(v)=\log(1+e^v)$, $y_j=\pm1$, and $|o-\bar o|_j\le\varrho_j$: $|D_og|\le g_1$, the length of the vector of $\sup|\psi'|$ on $|v+y_j\bar o_j|\le\varrho_j$, and $|D_o^2g|\le g_2$, the largest of $\sup|\psi''|$ there."""
    proof = r"""The $j$-th partial derivative is $-y_j\psi'(-y_jo_j)$, and the Hessian is diagonal with entries $\psi''(-y_jo_j)$, as $y_j^2=1$. The suprema are those of @[suprema near a point]."""
    obligations = (Identity("second derivative", sympy.diff(sympy.log(1 + sympy.exp(-y * x)), x, 2).subs(x, 0), y**2 / 4),)

    def conclude(self, given: Given, *, layer: int, curvature: bool, **_: Any) -> Bound:
        margin = -given.bound("targets") * given.symbol(f"hc_{layer}")
        order = sympy.Integer(2 if curvature else 1)
        sizes = SupremumNear(Str("softplus"), sympy.Integer(0), order, margin, given.bound("output_moved", layer))
        if curvature:
            return Bound(Quantity("cost_curvature"), nonnegative("g2"), Largest(sizes))
        return Bound(Quantity("cost_slope"), nonnegative("g1"), Length(sizes))


def near_cost(cost: Cost) -> Rule:
    """The lemma of a cost's constants near the centre."""
    rules: dict[type, Rule] = {SoftmaxCrossEntropy: NearSoftmax(), HalfSquaredError: NearSquaredError(), Huber: NearHuber(), Logistic: NearLogistic()}
    if type(cost) not in rules:
        raise SymlipError(f"{cost!r} is not a cost; use HalfSquaredError(), SoftmaxCrossEntropy(), Logistic() or Huber(delta)")
    return rules[type(cost)]


# --- the average over the data ----------------------------------------------------------------------------------------


class RiskBlocks(Rule):
    name = "risk, block by block"
    title = "The average over the data, block by block"
    statement = r"""Let $\Phi=\mathbb{E}\,\varphi$, $\varphi=g(N,y)$, with $g_1,g_2,\boldsymbol{\ell}_m,G_m$ sample by sample. Then on the ball $|D\Phi[\eta]|\le\langle\mathbb{E}[g_1\boldsymbol{\ell}_m],p\rangle$ and $|D^2\Phi[\eta,\zeta]|\le p^{\top}G^{\Phi}\pi$ with $G^{\Phi}=\mathbb{E}\bigl[g_2\boldsymbol{\ell}_m\boldsymbol{\ell}_m^{\top}+g_1G_m\bigr]$. The entries of $G^{\Phi}$ at the blocks of two layers bound the mixed second derivatives in them."""
    proof = r"""$D^2\varphi[\eta,\zeta]=D_o^2g[DN[\eta],DN[\zeta]]+D_og[D^2N[\eta,\zeta]]$; all samples have the same block norms $p,\pi$, so that the vectors and matrices are averaged."""
    obligations = (Inequality("triangle inequality", (x**2 <= A**2, y**2 <= B**2, A >= 0, B >= 0), (x + y) ** 2 <= (A + B) ** 2),)

    def conclude(self, given: Given, *, layer: int, order: int, **_: Any) -> Bound:
        slope, vector = given.bound("cost_slope"), given.bound("blocks", layer)
        if order == 1:
            return Bound(Quantity("risk_blocks"), nonnegative("rfirst"), Mean(slope * vector))
        return Bound(
            Quantity("risk_second_blocks"),
            nonnegative("rsecond"),
            Mean(given.bound("cost_curvature") * Outer(vector) + slope * given.bound("second_blocks", layer)),
        )


class RiskNorm(Rule):
    name = "risk, from blocks to the whole"
    title = "From blocks to the whole"
    statement = r"""$|D\Phi|\le|\boldsymbol{\ell}^{\Phi}|$ and $|D^2\Phi|\le\lambda_{\max}(G^{\Phi})$ on the ball, with @[risk, block by block]."""
    proof = r"""$\langle\boldsymbol{\ell}^{\Phi},p\rangle\le|\boldsymbol{\ell}^{\Phi}||p|$ and $p^{\top}G^{\Phi}p\le\lambda_{\max}(G^{\Phi})|p|^2$ with $|p|=|\eta|$; the norm of a symmetric bilinear map is its supremum on the diagonal."""
    obligations = (
        Inequality("Cauchy-Schwarz", (), (l1 * p1 + l2 * p2) ** 2 <= (l1**2 + l2**2) * (p1**2 + p2**2)),
        Inequality(
            "a form is at most its largest eigenvalue",
            (t >= a, t >= c, (t - a) * (t - c) >= b**2),
            a * p1**2 + 2 * b * p1 * p2 + c * p2**2 <= t * (p1**2 + p2**2),
        ),
    )

    def conclude(self, given: Given, *, order: int, **_: Any) -> Bound:
        if order == 1:
            return Bound(Quantity("risk_first"), nonnegative("Lrisk"), EuclideanNorm(given.bound("risk_blocks")))
        return Bound(Quantity("risk_second"), nonnegative("Hrisk"), LargestEigenvalue(given.bound("risk_second_blocks")))
