"""The joint bound where biases are bounded, and on the parameter ball: one number by a certified search."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation, z
from ...networks import Network
from ..arrays import JointBall, JointBounded
from ..claims import Bound, Reached, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from ..witness import NOTHING, Best, WitnessLayer
from .pre_activation import PreActivation
from .slope import Slope, slope_of

s1, s2, d1, d2, x, y, c, w, t, f1, f2, q, k, r = sympy.symbols("s1 s2 d1 d2 x y c w t f1 f2 q k r", real=True)

ELIMINATION = r"""\emph{The search.} Every number is rounded up by more than the rounding errors of its few operations. A path is the sequence of the states $|h_{u-1}|$ \textup{(}on the ball, with what is left of the budget\textup{)} and values $|Dz_u|^2$ of a network. States and controls are divided into cells, and a state is replaced by the corner of its cell at which everything that follows is largest. Forward, this gives for
every cell the largest value of a path that passes it, or any larger state; backward, the smallest value from which the target can be reached. Cells in which the former is below the latter hold no path to the target and are dropped, the others halved. When none is left, no network reaches the target. On a cell of width $\omega$, $|s|$ is at most its larger end value plus
$\min\{S_2\omega^2/8,S_1\omega/2\}$, and $|s'|$ likewise with $S_3$ and $S_2$."""


def numeric(given: Given, activation: Activation) -> sympy.Tuple:
    """The constants and the formulas of an activation, as the search takes them."""
    constants = [given.constant(activation, 0, at_zero=True), *(given.constant(activation, order) for order in range(4))]
    functions = [sympy.Lambda(z, activation.derivative(order)) for order in (0, 1)]
    return sympy.Tuple(*constants, *functions)


class JointBoundedFirst(Rule):
    name = "joint bound, bounded biases"
    title = "Output and slope together, bounded biases"
    statement = r"""Let $|A_u|_2\le a_u$, $|b_u|\le\bar b_u$. For $\rho\ge0$, $\tau=a_u\rho+\bar b_u$ and $|\zeta|\le\tau$ put
\[r_u(\rho,\zeta)^2=s(\zeta)^2+(l_u-1)f\Bigl(\frac{\tau^2-\zeta^2}{l_u-1}\Bigr)\quad\textup{(no second term if }l_u=1\textup{)},\]
$f$ any nondecreasing concave function on $[0,\max\tau^2]$ with $f(v)\ge s(\pm\sqrt v)^2$, and $V_1=1+|x|^2$ for $\rho=|x|$,
\[V_{u+1}(r)=\sup\bigl\{1+r_u(\rho,\zeta)^2+a_{u+1}^2s'(\zeta)^2V_u(\rho):\ r_u(\rho,\zeta)\ge r\bigr\}.\]
Then $|Dz_u|^2\le V_u(|h_{u-1}|)$, and $|Dh_m|\le\sup_{|\zeta|\le\tau_m}|s'(\zeta)|\,\sqrt{\sup V_m}$, the joint bound. The theorem's number is above it, as a certified search has proved, and not above the bound of @[slope]."""
    proof = (
        r"""Let $\rho=|h_{u-1}|$, so that $|z_u|\le\tau$, and let $\zeta$ be the entry of $z_u$ where $|s'|$ is largest. Then $|Dh_u|\le|s'(\zeta)||Dz_u|$, and the other entries have squares that add up to at most $\tau^2-\zeta^2$; by the concavity of $f$ \textup{(Jensen)} and its monotonicity the squares of their
outputs add up to at most $(l_u-1)f((\tau^2-\zeta^2)/(l_u-1))$. So $|h_u|\le r_u(\rho,\zeta)$, and by @[pre-activation] with $|h_u|$, $|Dh_u|$ themselves $|Dz_{u+1}|^2\le1+r_u^2+a_{u+1}^2s'(\zeta)^2V_u(\rho)$, where $r_u\ge|h_u|$: this is at most $V_{u+1}(|h_u|)$. """
        + ELIMINATION
    )
    obligations = (
        *PreActivation.obligations,
        *Slope.obligations,
        Inequality(
            "two other neurons: concavity",
            (x >= 0, y >= 0, s1 <= f1, s2 <= f2, f1 + f2 <= 2 * q, q <= r),
            s1 + s2 <= 2 * r,
        ),
        Identity("a chord's error: the parabola with second derivative -S", sympy.diff(k * t * (w - t) / 2, t, 2), -k),
        Inequality("a chord's error: its largest value", (k >= 0, t >= 0, t <= w), k * t * (w - t) / 2 <= k * w**2 / 8),
    )

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        depth = len(network.dense)
        layers = range(1, depth + 1)
        weights, biases = (sympy.Tuple(*(given.bound(kind, u) for u in layers)) for kind in ("weight", "bias"))
        widths = sympy.Tuple(*(layer.width for layer in network.dense))
        activations = sympy.Tuple(*(numeric(given, layer.activation) for layer in network.dense))
        value = JointBounded(given.bound("first", depth), given.bound("input"), weights, biases, widths, activations)
        return Bound(Quantity("first", depth), nonnegative("L"), value)


class JointBallFirst(Rule):
    name = "joint bound on the parameter ball"
    title = "Output and slope together, on the parameter ball"
    statement = r"""On $|\theta|\le R$, $|Dh_m|\le S_1\sqrt{\sup V_m}$, where $V_m$ is the function of @[joint bound, bounded biases] with $|A_1,b_1|_F^2=c_1$, $\tau_1=\sqrt{c_1(1+|x|^2)}$, and the supremum is also over $c_1+\sum_{u\ge2}(a_u^2+\bar b_u^2)\le R^2$. The theorem's number is above it, as a certified search has proved, and not above the budget bound."""
    proof = (
        r"""For each network take $c_1=|A_1|_F^2+|b_1|^2$, $a_u=|A_u|_F$, $\bar b_u=|b_u|$: $|z_1|\le\sqrt{c_1}\sqrt{1+|x|^2}$, and the proof of @[joint bound, bounded biases] applies. In the search the values are multiplied by $e^{-\kappa\sigma}$, $\sigma$ being what is spent of the budget so far and $\kappa>0$ any price, and the state holds $e^{-\kappa\sigma}\ge e^{-\kappa R^2}$; a network that reaches $V_m\ge T^2$ has
a last value of at least $T^2e^{-\kappa R^2}$, since $\sigma\le R^2$. """
        + ELIMINATION
    )
    obligations = (*JointBoundedFirst.obligations, Inequality("weights and bias of the first layer", (), (x * w + y) ** 2 <= (x**2 + y**2) * (w**2 + 1)))

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        depth = network.depth
        widths = sympy.Tuple(*(layer.width for layer in network.dense))
        activations = sympy.Tuple(*(numeric(given, layer.activation) for layer in network.dense))
        return Bound(
            Quantity("first", depth), nonnegative("J"), JointBall(given.bound("first", depth), given.bound("input"), given.bound("radius"), widths, activations)
        )


class BallTwoLayers(Rule):
    name = "two layers on the parameter ball"
    title = "Two layers on the parameter ball"
    statement = r"""Let $m=2$ and $s_1(0)=0$. On $|\theta|\le R$, $|DN|\le L_2=S_1^{(2)}\sqrt{1+(S_1^{(1)})^2R^2(1+|x|^2)}$."""
    proof = r"""Let $c_1=|A_1|_F^2+|b_1|^2$ and $n^2=1+|x|^2$. $|h_1|\le S_1|z_1|\le S_1\sqrt{c_1}\,n$, as $s_1(0)=0$, and $|Dh_1|\le S_1n$. By @[pre-activation] $|Dz_2|^2\le1+S_1^2n^2(c_1+|A_2|^2)\le1+S_1^2n^2R^2$; then @[slope]."""
    obligations = (*PreActivation.obligations, *Slope.obligations, Inequality("shared budget", (c + w <= r, k >= 0), 1 + k * c + k * w <= 1 + k * r))

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        first, second = (slope_of(given, u, layer.activation) for u, layer in enumerate(network.dense, 1))
        total = 1 + first**2 * given.bound("radius") ** 2 * (1 + given.bound("input") ** 2)
        return Bound(Quantity("first", 2), nonnegative("L_2"), second * sympy.sqrt(total))


class BallTwoLayersReached(Rule):
    name = "two layers on the parameter ball, reached"
    title = "Two layers on the parameter ball: the bound is reached"
    statement = (
        r"""If moreover $|s_1'(0)|=S_1^{(1)}$ and $|s_2'(0)|=S_1^{(2)}$, then $L_2$ is $|DN|$ at $A_2=R\,e_1e_1^{\top}$, all other parameters being $0$."""
    )
    proof = r"""There $h_1=0$, $z_2=0$ and $|Dz_2|^2=1+|h_1|^2+R^2|Dh_{1,1}|^2=1+R^2(S_1^{(1)})^2(1+|x|^2)$."""

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Reached:
        zero = sympy.Integer(0)
        first, second = (Best(layer.activation, 1) for layer in network.dense)
        witness = NOTHING.then(WitnessLayer(zero, first, None)).then(WitnessLayer(given.bound("radius"), second, None))
        return Reached(Quantity("first", 2), given.bound("first", 2), None, witness)
