"""Output and slope of a layer bounded together: no neuron is saturated and steep at once."""

from __future__ import annotations

from typing import Any

import sympy

from ... import peaks
from ...activations import Activation
from ...errors import SymlipError
from ...networks import Size
from ..arrays import Apply, Chords
from ..claims import Bound, Reached, nonnegative
from ..obligations import Decided, Inequality, Obligation
from ..quantities import ActivationPeak, Quantity
from ..rule import Given, Rule
from ..witness import NOTHING, Best, PeakAt, WitnessLayer
from .activation_constants import identifier
from .chain import BEST_DIRECTION
from .pre_activation import PreActivation
from .slope import Slope, slope_of

s1, s2, d1, d2, S0, J, c, x, y, M = sympy.symbols("s1 s2 d1 d2 S0 J c x y M", real=True)
w = sympy.Symbol("w", real=True)


_AT_ONE_WEIGHT = (x >= 0, y >= 0, c >= 0, x <= S0, y <= M, w >= 0, sympy.Eq(w * M, S0), x + w * y <= S0)
"""x = s^2 <= S0 = S_0^2, y = s'^2 <= M = S_1^2, and x + w y <= S0 at the one weight w = S0 / M."""


class Peak(Rule):
    name = "value and slope"
    title = "Value and slope of one neuron"
    statement = r"""For an activation $s$ with finite $S_0,S_1$ let $J(c)=\sup_z\bigl(s(z)^2+c\,s'(z)^2\bigr)$, $c\ge0$. It does not decrease with $c$, and $S_0^2\le J(c)\le S_0^2+c\,S_1^2$. The theorem lists it, or a function above it that is as good as equal."""
    proof = r"""A supremum of nondecreasing affine functions of $c$ is nondecreasing \textup{(}and convex\textup{)}. Where $J(c)=\max\{S_0^2,c\,S_1^2\}$: by $(s/S_0)^2+(s'/S_1)^2\le1$ the affine function $s^2+c\,s'^2$ of $c$ is at most $S_0^2$ at $c_*=S_0^2/S_1^2$ and, as $s^2\le S_0^2$, for $0\le c\le c_*$;
for $c\ge c_*$ it has grown by $(c-c_*)s'^2\le(c-c_*)S_1^2$, and $S_0^2+(c-c_*)S_1^2=c\,S_1^2$. Conversely $s^2+c\,s'^2$ comes near $S_0^2$ where $|s|$ does and near $c\,S_1^2$ where $|s'|$ does. Where the derivative in $z$ has the sign of a quadratic in an increasing function of $z$ \textup{(}or, for $z>0$ and $s^2$ even, of $z^2$\textup{)},
the supremum is the largest of the limits and of the value where the derivative turns from $+$ to $-$. Where $J$ has chords, $J(c)/(1+c)$ is a convex function of $c/(1+c)$, as a supremum of affine ones, and lies below the chords of any upper bounds at the nodes."""

    def conclude(self, given: Given, *, activation: Activation, **_: Any) -> Bound:
        found = peaks.peak(activation)
        variable = sympy.Symbol("c", positive=True)
        body = found.expression if found.expression is not None else None
        symbol = nonnegative(f"J_{identifier(activation)}")
        if body is None:
            return Bound(ActivationPeak(activation), symbol, Chords(*(number for line in found.lines for number in line)))
        return Bound(ActivationPeak(activation), symbol, sympy.Lambda(variable, body))

    def obligations_of(self, *, activation: Activation, **_: Any) -> tuple[Obligation, ...]:
        found = peaks.peak(activation)
        if found.way == 1:
            return (
                Decided(f"{activation.name}: not saturated and steep at once", lambda: peaks.exclusive(activation), r"(s/S_0)^2+(s'/S_1)^2\le1"),
                Inequality("small weights", (*_AT_ONE_WEIGHT, c <= w), x + c * y <= S0),
                Inequality("large weights", (*_AT_ONE_WEIGHT, c >= w), x + c * y <= c * M),
            )
        name = "quadratic derivative" if found.way == 2 else "chords"
        return (Decided(f"{activation.name}: {name}", lambda: peaks.peak.__wrapped__(activation) == found, r"J(c)"),)


class JointInput(Rule):
    name = "joint bound of the input"
    title = "Output and slope of the input"
    statement = r"""$1+|h_0|^2+a_1^2|Dh_0|^2=M_0=1+|x|^2$."""
    proof = r"""$h_0=x$ does not depend on $\theta$."""

    def conclude(self, given: Given, **_: Any) -> Bound:
        return Bound(Quantity("joint", 0), nonnegative("M_0"), 1 + given.bound("input") ** 2)


class Joint(Rule):
    name = "joint bound"
    title = "Output and slope of a layer together"
    statement = r"""Let $h_u=s(z_u)\in\mathbb{R}^l$, $z_u=A_uh_{u-1}+b_u$, $|A_u|_2\le a_u$, $|A_{u+1}|_2\le a_{u+1}$, $1+|h_{u-1}|^2+a_u^2|Dh_{u-1}|^2\le M_{u-1}$ and $J$ as in @[value and slope]. Then
\[1+|h_u|^2+a_{u+1}^2|Dh_u|^2\le M_u=1+(l-1)S_0^2+J\bigl(a_{u+1}^2M_{u-1}\bigr).\]"""
    proof = r"""By @[pre-activation] at the network at hand, with $|h_{u-1}|$ and $|Dh_{u-1}|$ themselves for the bounds, $|Dz_u|^2\le1+|h_{u-1}|^2+a_u^2|Dh_{u-1}|^2\le M_{u-1}$. Let $j$ be the neuron at which $|s'(z_{u,i})|$ is largest. Then $|Dh_u|\le|s'(z_{u,j})||Dz_u|$, hence
$|h_u|^2+a_{u+1}^2|Dh_u|^2\le\sum_{i\ne j}s(z_{u,i})^2+s(z_{u,j})^2+a_{u+1}^2M_{u-1}\,s'(z_{u,j})^2$. The last two terms are at most $J(a_{u+1}^2M_{u-1})$, and each of the other $l-1$ is at most $S_0^2$."""
    obligations = (
        *PreActivation.obligations,
        *Slope.obligations,
        Inequality(
            "two neurons, the first is the steeper",
            (s2**2 <= S0, d2**2 <= d1**2, s1**2 + c * d1**2 <= J, c >= 0, x**2 + y**2 <= 1),
            s1**2 + s2**2 + c * (d1**2 * x**2 + d2**2 * y**2) <= S0 + J,
        ),
    )

    def conclude(self, given: Given, *, layer: int, width: Size, activation: Activation, **_: Any) -> Bound:
        weight = joint_weight(given, layer)
        others = (width - 1) * given.constant(activation, 0) ** 2
        return Bound(Quantity("joint", layer), nonnegative(f"M_{layer}"), 1 + others + Apply(given.peak(activation), weight))


def joint_weight(given: Given, layer: int) -> sympy.Expr:
    """a_{u+1}^2 M_{u-1}: how much the slope counts beside the value."""
    return given.bound("weight", layer + 1) ** 2 * given.bound("joint", layer - 1)


class JointFirst(Rule):
    name = "joint bound, first derivative"
    title = "The first derivative by the joint bound"
    statement = r"""If $1+|h_{m-1}|^2+a_m^2|Dh_{m-1}|^2\le M_{m-1}$, then $|Dh_m|\le S_1\sqrt{M_{m-1}}$."""
    proof = r"""@[pre-activation] with $|h_{m-1}|$ and $|Dh_{m-1}|$ themselves, then @[slope]."""
    obligations = (*PreActivation.obligations, *Slope.obligations)

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Bound:
        return Bound(Quantity("first", layer), nonnegative(f"L_{layer}"), slope_of(given, layer, activation) * sympy.sqrt(given.bound("joint", layer - 1)))


class JointReached(Rule):
    name = "joint bound is reached"
    title = "The joint bound is reached"
    statement = r"""Let $A_1=0$ and $A_u=a_u\,e_1e_1^{\top}$ for $u\ge2$, let the biases hold neuron $1$ of layer $u$ where $s^2+c_u\,s'^2$ is \textup{(}or comes near\textup{)} $J(c_u)$, $c_u=a_{u+1}^2M_{u-1}$, and all other neurons where $|s|$ is \textup{(}or comes near\textup{)} $S_0$. Then
$1+|h_u|^2+a_{u+1}^2|Dh_u[\eta]|^2$ comes as near as one likes to $M_u$ for a direction $\eta$, $|\eta|=1$, for which $Dh_u[\eta]$ is a multiple of $e_1$; for $u=0$ it is equal to $M_0$."""
    proof = r"""Induction on $u$; for $u=0$ both are $1+|x|^2$. The inputs of the neurons can be chosen at will: $b_u=z_u-A_uh_{u-1}$. Let $\eta_<$, $|\eta_<|=1$, be the direction for $u-1$, so that $A_uDh_{u-1}[\eta_<]=\pm a_u|Dh_{u-1}[\eta_<]|e_1$. With
$dA_u=\alpha\,e_1h_{u-1}^{\top}/|h_{u-1}|$ \textup{(}$0$ if $h_{u-1}=0$\textup{)}, $db_u=\beta e_1$ and $\sigma\eta_<$, $\alpha^2+\beta^2+\sigma^2=1$, $Dz_u[\eta]=(\alpha|h_{u-1}|+\beta\pm\sigma a_u|Dh_{u-1}[\eta_<]|)\,e_1$, whose largest modulus is $\sqrt{1+|h_{u-1}|^2+a_u^2|Dh_{u-1}[\eta_<]|^2}$, which is near $\sqrt{M_{u-1}}$. So
$|h_u|^2+a_{u+1}^2|Dh_u[\eta]|^2$ is near $(l-1)S_0^2+s(z_{u,1})^2+c_u\,s'(z_{u,1})^2$, which is near $(l-1)S_0^2+J(c_u)$."""
    obligations = (BEST_DIRECTION,)

    def conclude(self, given: Given, *, layer: int, activation: Activation | None = None, **_: Any) -> Reached:
        symbol = given.bound("joint", layer)
        if layer == 0:
            return Reached(Quantity("joint", 0), symbol, None, NOTHING)
        assert activation is not None
        below = given.reached("joint", layer - 1)
        if not peaks.peak(activation).exact or not activation.supremum(0).exact:
            raise SymlipError(f"layer {layer}: the constants of {activation.name} are enclosures, so the bound is not known to be reached")
        norm = given.bound("weight", layer) if layer > 1 else sympy.Integer(0)
        point = PeakAt(activation, joint_weight(given, layer))
        return Reached(Quantity("joint", layer), symbol, None, below.witness.then(WitnessLayer(norm, point, Best(activation, 0))))


class JointFirstReached(Rule):
    name = "joint bound of the first derivative is reached"
    title = "The bound of the first derivative is reached"
    statement = r"""In @[joint bound is reached] let the last layer be $A_m=a_m\,e_1e_1^{\top}$ \textup{(}$A_1=0$ if $m=1$\textup{)}, held where $|s'|$ is \textup{(}or comes near\textup{)} $S_1$. Then $|Dh_m|$ comes as near as one likes to $S_1\sqrt{M_{m-1}}$. If all $a_u>0$, the set of parameters is the closure of its interior, and $S_1\sqrt{M_{m-1}}$ is the
Lipschitz constant."""
    proof = r"""As in the proof of @[joint bound is reached], $|Dz_m[\eta]|$ is near $\sqrt{M_{m-1}}$ for a direction with $Dz_m[\eta]$ a multiple of $e_1$, and $|Dh_m[\eta]|=|s'(z_{m,1})||Dz_m[\eta]|$. A Lipschitz function's difference quotients come near $|DN_\theta[\eta]|$ at every $\theta$ in the interior, and $DN$ is continuous \textup{(}if $s'$ jumps,
it is so near the witness, or at points near it\textup{)}: so $\operatorname{Lip}(N)\ge|DN_\theta|$ for every $\theta$ in the closure of the interior. For $a_u>0$ a network of the set is a limit of networks with $|A_u|_2<a_u$."""
    obligations = JointReached.obligations

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Reached:
        if not activation.supremum(1).exact:
            raise SymlipError(f"layer {layer}: the constant S1 of {activation.name} is an enclosure, so the bound is not known to be reached")
        below = given.reached("joint", layer - 1)
        norm = given.bound("weight", layer) if layer > 1 else sympy.Integer(0)
        steep = Best(activation, 1)
        return Reached(Quantity("first", layer), given.bound("first", layer), None, below.witness.then(WitnessLayer(norm, steep, steep)))
