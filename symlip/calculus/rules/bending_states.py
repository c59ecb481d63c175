"""The exact constant of the gradient of residual layers of width one: what it costs to bend a state, for each state."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation, z
from ...errors import DerivationError
from ...networks import Network
from ...tradeoff import states, tradeoff
from ..arrays import StateBending, float_function
from ..claims import Bound, Reached, nonnegative
from ..obligations import Identity, Inequality, Obligation
from ..quantities import Quantity
from ..rule import Given, Rule
from ..witness import StatesWitness
from .joint_lines import equations_decided

g, k, p, q, h, w, n, y, c, b, m, u, v, t = sympy.symbols("g k p q h w n y c b m u v t", real=True)

_FORM = sympy.Matrix([[g - q * b**2, -q * b * n], [-q * b * n, 1 - n**2 * q]])
"""The form in (h', c) of one more line: g stands for Gamma - k^2 p^2, q for k step s'', b for beta, p for step s'."""
_ROW = sympy.Matrix([1 + p * b, p * n])

RECURSION = r"""\[\frac1{\Gamma_{u+1}(k,h')}=\sup\frac{(1+p\beta)^2+n^2\bigl(p^2\hat g-\kappa\bigr)}{\hat g\,(1-n^2\kappa)-\kappa\beta^2},\qquad\hat g=\Gamma_u\bigl(k(1+pw),h\bigr)-k^2p^2,\]
$p=ds'(z)$, $\kappa=k\,ds''(z)$, $\beta=w+kph$, $n^2=1+h^2$, over $|w|\le a_{u+1}$ and all $(h,z)$ with $h+ds(z)=h'$, $d=d_{u+1}$, $s=s_{u+1}$, $h$ a state of line $u$"""


class StatesSecond(Rule):
    name = "cost of bending a state"
    title = "The exact second derivative of residual layers of width one"
    statement = (
        r"""Let $h_u=h_{u-1}+d_us_u(A_uh_{u-1}+b_u)\in\mathbb{R}$, $h_0=x$, $|A_u|\le a_u$, free biases, each line with parameters of its own, and let $\Gamma_u(k,h)=\inf\,(|\eta_{\le u}|^2-k\,h_u'')/h_u'^2$ over the networks with $h_u=h$ and all directions with $h_u'\ne0$, for $k$ of both signs; $\eta_{\le u}$ is the part of $\eta$ in the lines up to $u$. $\Gamma_u$ is concave in $k$. $1/\Gamma_1(k,h)=n^2p^2/(1-n^2\kappa)$ with $n^2=1+x^2$, $x+d_1s_1(z)=h$, and"""
        + RECURSION
        + r""", where all $1-n^2\kappa>0$ and all denominators are positive; elsewhere $\Gamma\le0$, and $-\infty$ is put for it. Then
\[|D^2h_m|\le\Lambda^{\Gamma}=\inf\{\lambda>0:\Gamma_m(\pm1/\lambda,h)>0\text{ for all }h\},\]
and $\Lambda^{\Gamma}$ is the Lipschitz constant of the gradient if all $a_u>0$ \textup{(}of the worse one of $x$ and $-x$, if an activation is not odd; then all steps are equal\textup{)}. With a cost on top, $|D_og|\le g_1$, $|D_o^2g|\le g_2$, $|D^2\varphi|\le\inf\{\lambda>0:\lambda\,\Gamma_m(\pm g_1/\lambda,h)>g_2\text{ for all }h\}$. The theorem's numbers are at least these, and not above the bound among the premises."""
    )
    proof = r"""\emph{One more line.} $h_{u+1}''=(1+pw)h_u''+d\,s''z'^2+2p\,\alpha h_u'$, where $z'=wh_u'+\alpha h+\beta_0$ and $(\alpha,\beta_0)$ is the direction in the line. By the definition of $\Gamma_u$ at $k(1+pw)$, best possible as an infimum, what remains of $|\eta_{\le u+1}|^2-k\,h_{u+1}''$ is $\Gamma_u h_u'^2+\alpha^2+\beta_0^2-\kappa z'^2-2kp\,\alpha h_u'$. With $\alpha=kph_u'+C$ it is $\hat g\,h_u'^2+C^2+\beta_0^2-\kappa(\beta h_u'+Ch+\beta_0)^2$, and as only $Ch+\beta_0=nc$ is seen elsewhere, $C^2+\beta_0^2\ge c^2$ with equality for the best $(C,\beta_0)$: a form in $(h_u',c)$, to be compared with the square of $h_{u+1}'=(1+p\beta)h_u'+pnc$. The least ratio is the reciprocal of $v^{\top}Q^{-1}v$, $Q$ the form's matrix and $v$ that row, if $Q$ is positive definite, which gives the recursion; if $Q$ is not, the infimum is at most $0$: $-\infty$, or $\det Q/(v^{\top}\operatorname{adj}(Q)\,v)$. To put $-\infty$ there changes nothing in the end: where $\hat g\le0$ because of $\Gamma_u\le0$, either $z$ or its mirror image about the centre of $s$, which has the same $s'$ and the opposite $s''$, has $\kappa\ge0$, so that the first entry $\hat g-\kappa\beta^2$ of $Q$ is not positive; then $\Gamma_{u+1}(k,\cdot)\le0$ at one of the two states, and so on up to $\Gamma_m(\pm1/\lambda,h)\le0$ for some $h$. For $u=0$ $h_0'=0$ and only $c$ is left. An infimum of affine functions of $k$ is concave. \emph{The end.} $\lambda|\eta|^2\mp h_m''\ge0$ for all directions if $\Gamma_m(\pm1/\lambda,\cdot)>0$ \textup{(}directions with $h_m'=0$ by continuity\textup{)}; for smaller $\lambda$, by concavity and $\Gamma_m(0,\cdot)>0$, some network and direction have $\lambda|\eta|^2<\pm h_m''$. The set is the closure of its interior. For the cost, $\varphi''=D_og\,h_m''+D_o^2g\,h_m'^2$.
\emph{The number.} $P_u=1/\Gamma_u$ is convex in $k$, as $\Gamma_u$ is concave and, in the range that matters, positive. It is kept at nodes $(k,h)$, from above, and is below the surface $\overline P_u$ that is linear in $k$ and in $h$ between them. That $\overline P_{u+1}$ is such a surface follows from $Q\ge vv^{\top}/\overline P_{u+1}$ at its nodes $k$ and for all $h,z,w$: from the sign of a determinant and of a corner. On a cell of $(h',z)$ both are at least their values in the middle less the cell's size times bounds on their derivatives, by interval arithmetic; cells where this is not enough are halved, and where it never is, the value at the node grows. In $w$ the form is concave where $\kappa+p^2/\overline P\ge0$, so that $w=\pm a$ are enough; else it is between two $w$ not below the smaller end by more than $-(\kappa+p^2/\overline P)h_u'^2$ times a quarter of their squared distance. Finally $\lambda$ is raised until the cells at $\pm1/\lambda$ pass. A relative change $\varepsilon$ of steps, weights and input changes $\Lambda^{\Gamma}$ by a few $\varepsilon$ \textup{(}biases take back what it does to the $z_u$, the direction in $b_u$ what it does to $\alpha h$\textup{)}, and the number is raised by more than the roundings of these."""
    obligations = (
        Identity("completing the square", (k * p * y + c) ** 2 - 2 * k * p * y * (k * p * y + c), c**2 - k**2 * p**2 * y**2),
        Identity("z' in the new variable", sympy.expand(w * y + (k * p * y + c) * h + v), sympy.expand((w + k * p * h) * y + c * h + v)),
        Inequality("the best direction in a line", (sympy.Eq(m, n * c), sympy.Eq(n**2, 1 + h**2), sympy.Eq(u * h + v, m)), c**2 <= u**2 + v**2),
        Identity("the form's determinant", sympy.expand(_FORM.det()), sympy.expand(g * (1 - n**2 * q) - q * b**2)),
        Identity(
            "the row against the form",
            sympy.expand((_ROW.T * _FORM.adjugate() * _ROW)[0]),
            sympy.expand((1 + p * b) ** 2 + n**2 * (p**2 * g - q)),
        ),
        Identity("a square and its chord", t * u**2 + (1 - t) * v**2 - (t * u + (1 - t) * v) ** 2, t * (1 - t) * (u - v) ** 2),
        Inequality("a quarter", (t >= 0, t <= 1), t * (1 - t) <= sympy.Rational(1, 4)),
        Inequality(
            "the reciprocal of a positive concave function is convex",
            (u > 0, v > 0, t >= 0, t <= 1, g >= t * u + (1 - t) * v),
            u * v <= (t * v + (1 - t) * u) * g,
        ),
    )

    def conclude(self, given: Given, *, network: Network, cost: bool = False, **_: Any) -> Bound:
        _check(network, width_one=True)
        if cost:
            value = _value(given, network, given.bound("cost_second"), 0, given.bound("cost_slope"), given.bound("cost_curvature"))
            return Bound(Quantity("cost_second"), nonnegative("Lstatescost"), value)
        one, zero = sympy.Integer(1), sympy.Integer(0)
        return Bound(Quantity("second", network.depth), nonnegative("Lstates"), _value(given, network, given.bound("second", network.depth), 0, one, zero))

    def obligations_of(self, *, network: Network, **_: Any) -> tuple[Obligation, ...]:
        return (*self.obligations, *equations_decided(network.activations))


class StatesBelow(Rule):
    name = "residual networks that bend"
    title = "Residual networks whose one neuron bends"
    statement = r"""Let all lines be residual of width $l$, with parameters of their own, free biases and, if $l>1$, odd activations, and let $|x_j|=\min_i|x_i|$. For all $z_u$ and $|w_u|\le a_u$ the network with $A_u=w_u\,e_je_j^{\top}$, neuron $j$ of line $u$ at $z_u$ and the others saturated, pushing away from $0$, has in the limit, over the unit directions that move neuron $j$ only, the largest $|h_{m,j}''|$, the norm of the quadratic form in $\alpha_u,\beta_u$: $z_u'=\alpha_uh_{u-1,j}+\sqrt{1+K_{u-1}}\,\beta_u+w_uh_{u-1,j}'$, $z_u''=2\alpha_uh_{u-1,j}'+w_uh_{u-1,j}''$, $h_{u,j}'=h_{u-1,j}'+d_us'z_u'$, $h_{u,j}''=h_{u-1,j}''+d_u(s''z_u'^2+s'z_u'')$, $K_u=\sum_{i\ne j}(|x_i|+D_u)^2$, $D_u=\sum_{k\le u}|d_k|S_0$. The theorem's number is that of the best $z_u,w_u$ that a search found, rounded down \textup{(}for an activation that is not odd, the smaller one of those for $x$ and $-x$\textup{)}; $0$ if $l>1$ and the entries of $x$ are not known."""
    proof = r"""$dA_u=e_jv_u^{\top}$ acts on $h_{u-1}$, whose entry $j$ is $h_{u-1,j}$ and whose others have the moduli $|x_i|+D_{u-1}$ in the limit; these and $db_u$ see the rest of $(v_u,db_u)$, of length $\beta_u$ say, with the factor $\sqrt{1+K_{u-1}}$ at best, and only the entry $\alpha_u$ of $v_u$ meets $h_{u-1,j}'$. Biases put the $z_u$ where they should be. Each network of the set bounds the Lipschitz constant of the gradient from below, the set being the closure of its interior."""
    obligations = (Inequality("two entries as one", (u**2 + v**2 <= 1,), (u * h + v * k) ** 2 <= h**2 + k**2),)

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Reached:
        _check(network, width_one=False)
        value = _value(given, network, given.bound("second", network.depth), 1, sympy.Integer(1), sympy.Integer(0))
        return Reached(Quantity("second", network.depth), nonnegative("Cstates"), value, StatesWitness())


def _check(network: Network, width_one: bool) -> None:
    if not states_known(network) or (width_one and not one_neuron(network)):
        raise DerivationError("the cost of bending a state is known for untied residual lines of tanh, logistic or sine type, of width one from above")


def states_known(network: Network) -> bool:
    """Whether all lines are residual, at least two, untied, and of an activation whose states are known: odd, or of one step and width."""
    lines = network.units
    if len(lines) < 2 or network.tied or any(unit.step is None or unit.activation is None or not states(unit.activation) for unit in lines):
        return False
    odd = all(unit.activation and tradeoff(unit.activation).odd for unit in lines)
    return odd or (one_neuron(network) and len({(unit.step, unit.negative) for unit in lines}) == 1)  # steps of both signs are alike for odd activations alone


def one_neuron(network: Network) -> bool:
    """Whether the lines have width one."""
    return network.units[0].width == 1


def _value(given: Given, network: Network, high: sympy.Expr, which: int, slope: sympy.Expr, curvature: sympy.Expr) -> StateBending:
    units = network.units
    numbers = given.bound("input"), given.bound("input_least"), given.bound("input_rest"), sympy.Integer(which), slope, curvature
    weights = sympy.Tuple(*(given.bound("weight", unit.group) for unit in units))
    steps = sympy.Tuple(*(unit.step for unit in units))
    charts = sympy.Tuple(*(_chart(unit.activation) for unit in units if unit.activation is not None))
    return StateBending(high, *numbers, weights, steps, sympy.Tuple(*(sympy.Integer(unit.width) for unit in units)), charts)


def _chart(activation: Activation) -> sympy.Tuple:
    """The states of an activation, as the search takes them: a little more than all, and bounds rounded up."""
    found = states(activation)
    assert found is not None
    low, high = (sympy.Float(sympy.N(end, 17)) for end in found.ends)
    more = (high - low) * sympy.Float(1e-12)
    values = [sympy.Float(sympy.N(end, 17)) for end in found.values]
    values = [values[0] - more, values[1] + more]
    functions = [
        sympy.Lambda(z, part.xreplace({found.parameter: z})) for part in (*found.functions, *(sympy.diff(f, found.parameter) for f in found.functions))
    ]
    most = [sympy.Float(sympy.N(bound, 17)) * sympy.Float(1 + 1e-9) for bound in found.bends]
    steep = sympy.Float(sympy.N(activation.constant(1), 17)) * sympy.Float(1 + 1e-15)
    return sympy.Tuple(low - more, high + more, steep, *functions, *most, sympy.Lambda(z, found.place.xreplace({found.value: z})), *values)


def state_cells(activation: Activation) -> list[Any]:
    """The same as numbers and functions of floats."""
    return [float_function(part) if isinstance(part, sympy.Lambda) else float(part) for part in _chart(activation)]
