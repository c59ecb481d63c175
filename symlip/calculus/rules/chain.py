"""Lower bounds: a chain of single neurons, each held where its activation is steepest, the last curved one where it bends most."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ...errors import SymlipError
from ...networks import Network, Size
from ...suprema import reaches
from ..arrays import BallMonomial, ChainShares, Indicator, ProductTable
from ..claims import Bound, Reached, indexed, nonnegative
from ..obligations import Decided, Identity, Inequality, Obligation
from ..quantities import ActivationDerivative, Quantity
from ..rule import Given, Rule
from ..witness import CANCELLED, GATHERED, NOTHING, Best, Witness, WitnessLayer
from .activation_constants import identifier
from .any_depth import i
from .budget import WEIGHTED_AM_GM

x, h, q, v, a, e, w, S, Z, s1, t = sympy.symbols("x h q v a e w S Z s1 t", real=True)

BEST_DIRECTION = Inequality(
    "the best direction",
    (v > 0, sympy.Eq(v**2, 1 + h**2 + q**2), sympy.Eq(a * v, h), sympy.Eq(e * v, 1), sympy.Eq(w * v, q)),
    sympy.And(sympy.Eq(a * h + e + w * q, v), sympy.Eq(a**2 + e**2 + w**2, 1)),
)


def norm_of(given: Given, layer: int) -> sympy.Expr:
    """The norm of the chain's weights: the layer's bound, or the scale of a family."""
    return given.bound("weight", layer) if given.has("weight", layer) else given.bound("scale")


class ConstantReached(Rule):
    name = "constants are reached"
    title = "Where an activation is steepest, and where it bends most"
    statement = r"""There is a point, or a sequence of points $z_n$, at which $|s'|$ is or tends to $S_1$; one can be chosen with $s''(z_n)\to0$, or with $s''$ of one sign for all $n$ where $s''$ jumps. Likewise for $|s''|$ and $S_2$. Where a constant is an enclosure, $\underline{S}_k\le S_k$ is its lower end, and $|s^{(k)}|\ge\underline{S}_k$ is reached."""
    proof = r"""By definition of the supremum. Where $|s'|$ has its largest value at a point near which $s$ is twice continuously differentiable, $s''=0$ there; where the supremum is approached only, Ekeland's variational principle gives points $z_n$ with $|s'(z_n)|\to S_1$, $s''(z_n)\to0$."""

    def conclude(self, given: Given, *, activation: Activation, order: int, **_: Any) -> Reached:
        quantity = ActivationDerivative(activation, order)
        supremum = activation.supremum(order)
        if supremum.value == sympy.oo:
            raise SymlipError(f"|s^({order})| of {activation.name} is unbounded")
        if supremum.exact:
            return Reached(quantity, given.bound_symbol(quantity), None, NOTHING)
        return Reached(quantity, nonnegative(f"S{order}low_{identifier(activation)}"), supremum.lower, NOTHING)

    def obligations_of(self, *, activation: Activation, order: int, **_: Any) -> tuple[Obligation, ...]:
        def holds() -> bool:
            return reaches(activation.name, activation.expression, order, activation.supremum(order))

        return (Decided(f"{activation.name}, S{order}: the value at the point", holds, rf"|s^{{({order})}}|\to S_{order}"),)


class ChainSlope(Rule):
    name = "chain, first derivative"
    title = "The first derivative along a chain"
    statement = r"""Let $A_u=a_ue_1e_1^{\top}$ \textup{(}$A_1=0$\textup{)} and let the biases hold neuron $1$ of every layer where $|s'|$ is, or is near, $S_1$. If for $u\ge2$ a direction $\eta_<$ has $|\eta_<|=1$ and $Dh_{u-1}[\eta_<]$ a multiple of $e_1$ of length \textup{(}nearly\textup{)} at least $D_{u-1}$, then one has
$Dh_u[\eta]$ a multiple of $e_1$ of length \textup{(}nearly\textup{)} at least $D_u=S_1a_uD_{u-1}$, and more precisely at least $S_1\sqrt{1+|h_{u-1}|^2+a_u^2D_{u-1}^2}$; $D_1=S_1\sqrt{1+|x|^2}$."""
    proof = r"""The inputs of the neurons can be chosen at will, since $b_u=z_u-A_uh_{u-1}$. With $dA_u=\alpha\,e_1h_{u-1}^{\top}/|h_{u-1}|$ \textup{(}$0$ if $h_{u-1}=0$\textup{)}, $db_u=\beta e_1$ and $\sigma\eta_<$, $\alpha^2+\beta^2+\sigma^2=1$, $Dz_u[\eta]=(\alpha|h_{u-1}|+\beta\pm\sigma a_u|Dh_{u-1}[\eta_<]|)e_1$ \textup{(}no last term for $u=1$\textup{)}. The largest modulus is
$\sqrt{1+|h_{u-1}|^2+a_u^2|Dh_{u-1}[\eta_<]|^2}$, at least the same with $D_{u-1}$ for $|Dh_{u-1}[\eta_<]|$, and that is at least $a_uD_{u-1}$; and $Dh_u[\eta]=s'(z_{u,1})Dz_u[\eta]$."""
    obligations = (
        BEST_DIRECTION,
        Inequality("the last term alone", (v >= 0, q >= 0, v**2 >= 1 + h**2 + q**2), v >= q),
    )

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Reached:
        slope = given.reached_constant(activation, 1)
        steep = Best(activation, 1)
        if layer == 1:
            length = slope * sympy.sqrt(1 + given.bound("input") ** 2)
            return Reached(Quantity("first", 1), nonnegative("D_1"), length, NOTHING.then(WitnessLayer(sympy.Integer(0), steep, steep)))
        below, norm = given.reached("first", layer - 1), norm_of(given, layer)
        witness = below.witness.then(WitnessLayer(norm, steep, steep))
        return Reached(Quantity("first", layer), nonnegative(f"D_{layer}"), slope * norm * below.symbol, witness)


class ChainCurvature(Rule):
    name = "chain, second derivative"
    title = "The second derivative at the end of a chain"
    statement = r"""In the situation of @[chain, first derivative] hold neuron $1$ of layer $u$ where $|s''|$ is, or is near, $S_2$ instead. Then $|D^2h_u|\ge C_u=S_2(a_uD_{u-1})^2$ in the limit, and $C_1=S_2(1+|x|^2)$."""
    proof = r"""Take $\eta$ with $dA_1,db_1$ as there and all other blocks $0$: then $|h_k'|=|s'(z_{k,1})|a_k|h_{k-1}'|$ for $2\le k<u$, so that $|h_{u-1}'|$ is still at least $D_{u-1}$, and along it $z_k''=A_kh_{k-1}''$ in every layer, and $h_u''=s''(z_u)z_u'^2+s'(z_u)z_u''$. In the layers below, $s''(z)$ is $0$ at the steepest points, or tends to $0$, so that $h_{u-1}''$ does;
where $s''$ jumps there, take the points on one side of the jump, so that the two terms have the same sign \textup{(}for layer $u$ choose the side or, by $A_u\mapsto-A_u$, the sign\textup{)}. Hence $|h_u''|$ is near $S_2z_{u,1}'^2$ or above, and $|z_{u,1}'|=a_uD_{u-1}$."""
    obligations = (
        Identity("second derivative of s(z)", (S * Z**2 + s1 * t).subs(t, 0), S * Z**2),
        Inequality("terms of the same sign", (S >= 0, s1 * t >= 0), S * Z**2 + s1 * t >= S * Z**2),
    )

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Reached:
        curvature = given.reached_constant(activation, 2)
        bent = Best(activation, 2)
        if layer == 1:
            size = curvature * (1 + given.bound("input") ** 2)
            return Reached(Quantity("second", 1), nonnegative("C_1"), size, NOTHING.then(WitnessLayer(sympy.Integer(0), bent, bent)))
        below, norm = given.reached("first", layer - 1), norm_of(given, layer)
        witness = below.witness.then(WitnessLayer(norm, bent, bent))
        return Reached(Quantity("second", layer), nonnegative(f"C_{layer}"), curvature * norm**2 * below.symbol**2, witness)


class ChainMixed(Rule):
    name = "chain, mixed second derivative"
    title = "The second derivative of two layers"
    statement = r"""In the situation of @[chain, first derivative], $|D^2h_u|\ge C_u=S_1D_{u-1}$ in the limit, for $u\ge2$ and affine layers \textup{(}$s''=0$\textup{)}."""
    proof = r"""Take $dA_u=\tfrac1{\sqrt2}e_1e_1^{\top}$, $db_u=0$ and $\tfrac1{\sqrt2}\eta_<$, where $\eta_<$ has only the blocks $dA_1,db_1$, as in @[chain, second derivative]. Then $z_u''=2\,dA_uh_{u-1}'+A_uh_{u-1}''$ with $h_{u-1}''=0$, and $2\,dA_uh_{u-1}'=2\cdot\tfrac12D_{u-1}e_1$ up to the sign."""
    obligations = (Identity("twice the half", 2 * sympy.sqrt(sympy.Rational(1, 2)) ** 2, sympy.Integer(1)),)

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Reached:
        below = given.reached("first", layer - 1)
        norm = norm_of(given, layer)
        witness = below.witness.then(WitnessLayer(norm, Best(activation, 1), Best(activation, 1)))
        return Reached(Quantity("second", layer), nonnegative(f"C_{layer}"), given.reached_constant(activation, 1) * below.symbol, witness)


class ChainAffine(Rule):
    name = "chain, affine layers above"
    title = "Affine layers above a curved one"
    statement = r"""If $s_u$ is affine, $A_u=a_ue_1e_1^{\top}$ and $|h_{u-1,1}''|$ is \textup{(}nearly\textup{)} at least $C_{u-1}$ along a line with $dA_u=0$, then $|h_{u,1}''|$ is \textup{(}nearly\textup{)} at least $C_u=S_1a_uC_{u-1}$."""
    proof = r"""$h_u''=s'\,A_uh_{u-1}''$."""
    obligations = (Identity("affine", sympy.diff(s1 * (a * t**2 + e), t, 2), 2 * s1 * a),)

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Reached:
        below, norm = given.reached("second", layer - 1), norm_of(given, layer)
        witness = below.witness.then(WitnessLayer(norm, Best(activation, 1), Best(activation, 1)))
        return Reached(Quantity("second", layer), nonnegative(f"C_{layer}"), given.reached_constant(activation, 1) * norm * below.symbol, witness)


class ChainThird(Rule):
    name = "chain, third derivative"
    title = "The third derivative along a chain"
    statement = r"""In the situation of @[chain, first derivative] let $|s_u'|$ take its largest value $S_1$ at a point $z_u$ near which $s_u$ is three times continuously differentiable, and hold neuron $1$ of every layer there. Then $|D^3h_u|\ge T_u=|s_u'''(z_u)|(a_uD_{u-1})^3+S_1a_uT_{u-1}$, and $T_1=|s_1'''(z_1)|(1+|x|^2)^{3/2}$."""
    proof = r"""Take $\eta$ with $dA_1,db_1$ as there and all other blocks $0$. At a largest value of $|s'|$, $s''=0$ and $s'''$ has the sign opposite to $s'$, or is $0$. So all $h_k''$ and $z_k''$ vanish, and $h_u'''=s'''(z_u)z_u'^3+s'(z_u)z_u'''$ with $|z_u'|=a_uD_{u-1}$ and $z_u'''=A_uh_{u-1}'''$. The two terms have the same sign: by induction $h_{u-1}'''$ has the sign opposite to $h_{u-1}'$, or is $0$; so $z_u'''$ has the sign opposite to $z_u'$, and $s'z_u'''$ that of $-s'z_u'$, which is also that of $s'''z_u'^3$ and opposite to that of $h_u'=s'z_u'$."""
    obligations = (
        Identity("third derivative of s(z), z'' = 0", sympy.diff(sympy.exp(e * (Z * t + w * t**3 / 6)), t, 3).subs(t, 0), e**3 * Z**3 + e * w),
        Inequality("terms of the same sign", (S * s1 <= 0, Z * w <= 0), (S * Z) * (s1 * w) >= 0),
    )

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Reached:
        bend = third_at_steepest(activation)
        steep = Best(activation, 1)
        kind, symbol = Quantity("derivative_3", layer), nonnegative(f"Tk_{layer}")
        if layer == 1:
            size = bend * sympy.sqrt(1 + given.bound("input") ** 2) ** 3
            return Reached(kind, symbol, size, NOTHING.then(WitnessLayer(sympy.Integer(0), steep, steep)))
        below, norm = given.reached("derivative_3", layer - 1), norm_of(given, layer)
        size = bend * (norm * given.reached("first", layer - 1).symbol) ** 3 + given.reached_constant(activation, 1) * norm * below.symbol
        return Reached(kind, symbol, size, below.witness.then(WitnessLayer(norm, steep, steep)))


def third_at_steepest(activation: Activation) -> sympy.Expr:
    """|s'''| at the point where |s'| is largest. Raises SymlipError where there is no such point that is known exactly."""
    if activation.derivative(2) == 0:
        return sympy.Integer(0)
    supremum = activation.supremum(1)
    at = supremum.attained_at
    if not supremum.exact or at is None or not at.is_finite or activation.derivative(1).has(sympy.Piecewise):
        raise SymlipError(
            f"the lower bound of order 3 holds the neurons where |s'| is largest; {activation.name} has no such point that is known exactly: ask for order=2"
        )
    (symbol,) = activation.derivative(1).free_symbols
    return sympy.Abs(sympy.simplify(activation.derivative(3).subs(symbol, at)))


# --- any depth ------------------------------------------------------------------------------------------------------


class ChainProducts(Rule):
    name = "products along the chain"
    title = "Products"
    statement = r"""$P_{j,u}=\prod_{i=j+1}^uS_1a_i$ for $j\le u$ \textup{(}$1$ for $j=u$\textup{)}."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, activation: Activation, depth: Size, index: sympy.Symbol, **_: Any) -> Bound:
        return Bound(None, indexed("P"), ProductTable(given.reached_constant(activation, 1) * given.bound("weight", index).base[i], i, depth))


class ChainAnyDepth(Rule):
    name = "chain of any length"
    title = "Chains of any length"
    statement = r"""For every $m\ge1$ the network of @[chain, first derivative] has $|DN|\ge D=S_1P_{1,m}\sqrt{1+|x|^2}$ in the limit, and that of @[chain, second derivative] has $|D^2N|\ge C=S_2P_{1,m}^2(1+|x|^2)$, where $P_{1,m}=\prod_{i=2}^mS_1a_i$."""
    proof = r"""Induction on $m$: $D_1=S_1\sqrt{1+|x|^2}$, $P_{1,1}=1$, and $D_m=S_1a_mD_{m-1}$, $P_{1,m}=S_1a_mP_{1,m-1}$. So $a_mD_{m-1}=P_{1,m}\sqrt{1+|x|^2}$, which gives $C_m=S_2(a_mD_{m-1})^2$."""
    obligations = (
        Identity("step of the induction", s1 * a * (s1 * e * v), s1 * (s1 * a * e) * v),
        Identity("a D", (a * (s1 * e * v)) ** 2, ((s1 * a * e) * v) ** 2),
    )

    def conclude(self, given: Given, *, activation: Activation, depth: Size, order: int, index: sympy.Symbol, equal: bool, **_: Any) -> Reached:
        slope, length = given.reached_constant(activation, 1), given.bound("input")
        if equal:
            norm = given.bound("weight", index) if given.has("weight", index) else given.bound("scale")
            product = (slope * norm) ** (depth - 1)
        else:
            norm = given.bound("weight", index).base[index]
            product = given.symbol("P")[1, depth]
        steep = Best(activation, 1)
        last = steep if order == 1 else Best(activation, 2)
        zero = sympy.Integer(0)
        end = norm.subs(index, depth) if not equal else norm
        witness = Witness((WitnessLayer(zero, steep, steep), WitnessLayer(norm, steep, steep), WitnessLayer(end, last, last)), True, index)
        if order == 1:
            return Reached(Quantity("first", depth), nonnegative("D"), slope * product * sympy.sqrt(1 + length**2), witness)
        return Reached(Quantity("second", depth), nonnegative("C"), given.reached_constant(activation, 2) * product**2 * (1 + length**2), witness)


# --- the parameter ball -----------------------------------------------------------------------------------------------


def point_of(activation: Activation, order: int) -> sympy.Expr:
    """Where |s^(order)| is largest, a finite point (or the kink where it is approached). Raises SymlipError if there is none."""
    supremum = activation.supremum(order)
    at = supremum.attained_at if supremum.attained_at is not None else supremum.approached_at
    if at is None or not at.is_finite:
        raise SymlipError(
            f"S_{order} of {activation.name} is only approached at infinity, and no ball of parameters reaches there; "
            "LayerBalls() with free biases has a lower bound"
        )
    return at


def cost_of(activation: Activation, order: int) -> sympy.Expr:
    """The square of a bias that holds a neuron there; a little more where the point is an enclosure's."""
    at = point_of(activation, order)
    return at**2 if activation.supremum(order).exact else (sympy.Abs(at) + sympy.Rational(1, 10**6)) ** 2


def centred(activation: Activation) -> bool:
    """Whether the activation vanishes where it is steepest, at 0: a layer without bias then passes a chain on."""
    return bool(point_of(activation, 1) == 0 and activation.expression.subs(*activation.expression.free_symbols, 0) == 0)


class BallChain(Rule):
    name = "chain on the parameter ball"
    title = "Chains on the parameter ball"
    statement = r"""Let $z_0$ be a point at which $|s'|$ is $S_1$ \textup{(}for each activation\textup{)}, for $C$ let layer $k$ be held where $|s_k''|$ is $S_2$, and $\mu_R(n_1,n_2)=R^KK^{-n_1/2}(2/K)^{n_2}$, $K=n_1+2n_2$, $\mu_R(0,0)=1$. On $|\theta|\le R$ there is a network with $|DN|\ge D$, and one with $|D^2N|\ge C$,
\[D=\sqrt{1+|x|^2}\,\Bigl(\prod_uS_1^{(u)}\Bigr)\mu_{R_1}(m-1,0),\qquad C=(1+|x|^2)\,S_2^{(k)}\Bigl(\prod_{u<k}S_1^{(u)}\Bigr)^2\Bigl(\prod_{u>k}S_1^{(u)}\Bigr)\mu_{R_2}(m-k,k-1),\]
where $k$ is the last layer that is not affine and $R^2-R_1^2$, $R^2-R_2^2$ are the squares of the biases that hold the neurons at their points \textup{(}if these are above $R^2$ there is nothing to claim\textup{)}. If $s(0)=0$ and $z_0=0$ in the hidden layers, these are the bias of the last layer or of layer $k$ alone. Otherwise the hidden layers must have at least two neurons, $l_u\ge2$."""
    proof = r"""First let $s(0)=z_0=0$ in all hidden layers: $A_1=0$, $A_u=a_ue_1e_1^{\top}$, no biases below layer $k$, so that $h_u=0$ there and every neuron on the chain is at $z_0=0$. Otherwise let $v=(1,-1,0,\dots)/\sqrt2$, $A_u=a_uvv^{\top}$ in the layers $2,\dots,k-1$, $A_k=a_ke_1v^{\top}$, and let the biases hold neurons $1$ and $2$ of the layers below $k$ at $z_0$: their outputs are equal, so $A_uh_{u-1}=0$, and the
derivative $h_{u-1}'$, a multiple of $v$, is passed on with the factor $a_uS_1$. In both cases the derivatives multiply as in @[chain, first derivative], and below layer $k$ all $h_u''$ vanish, or have the sign of the last term. Above layer $k$, $A_u=a_ue_1e_1^{\top}$. With $a_u^2=R_1^2/(m-1)$ for $D$, and for $C$ with $a_u^2=2R_2^2/K$ for $u\le k$ and $R_2^2/K$ for $u>k$, $K=2(k-1)+m-k$,
the squares of all norms add up to $R^2$, and the products are the values of $\mu$."""
    obligations = (
        *ChainSlope.obligations,
        *WEIGHTED_AM_GM,
        Identity("equal outputs cancel", sympy.Matrix([1, -1]).dot(sympy.Matrix([t, t])), sympy.Integer(0)),
        Identity("the difference is passed on", sympy.Matrix([1, -1]).dot(sympy.Matrix([t, -t])) / 2, t),
    )

    def conclude(self, given: Given, *, network: Network, order: int, **_: Any) -> Reached:
        depth = network.depth
        layers = list(network.dense)
        repeated = network.symbolic_depth
        curved = [number for number, layer in enumerate(layers, 1) if layer.activation.constant(2) != 0]
        k: Any = depth if repeated or order == 1 else curved[-1]
        plain = all(centred(layer.activation) for layer in layers[: (None if repeated else k - 1)])
        narrow = [u for u, layer in enumerate(layers[: (None if repeated else k - 1)], 1) if layer.width == 1]
        if not plain and narrow:
            raise SymlipError(
                f"layer {narrow[0]} has one neuron, and {layers[narrow[0] - 1].activation.name} does not vanish where it is steepest: on the ball "
                "the lower bound needs hidden widths of at least 2; LayerBalls() has one"
            )
        radius, length = given.bound("radius"), given.bound("input")
        zero = sympy.Integer(0)
        # the biases' squares: hidden ones by twos where outputs cancel, and that of layer k
        hidden = [cost_of(layer.activation, 1) * (0 if plain else 2) for layer in layers[: (None if repeated else k - 1)]]
        end = layers[-1].activation if repeated else layers[k - 1].activation
        spent = (hidden[0] * (depth - 1) if repeated else sum(hidden, zero)) + cost_of(end, order)
        left = radius if spent == 0 else sympy.sqrt(sympy.Max(0, radius**2 - spent))
        slopes = [given.reached_constant(layer.activation, 1) for layer in layers]
        ones, twos = (depth - 1, zero) if order == 1 else (depth - k, k - 1)
        if order == 1:
            factor = slopes[0] ** depth if repeated else sympy.Mul(*slopes)
        elif repeated:
            factor = given.reached_constant(end, 2) * slopes[0] ** (2 * (depth - 1))
        else:
            factor = given.reached_constant(end, 2) * sympy.Mul(*slopes[: k - 1]) ** 2 * sympy.Mul(*slopes[k:])
        total = BallMonomial(factor, left, sympy.sympify(ones), sympy.sympify(twos))
        if spent != 0 and (repeated or depth == 1):
            total = total * Indicator(radius**2 - spent)
        total = total * (sympy.sqrt(1 + length**2) if order == 1 else 1 + length**2)
        degree = ones + 2 * twos
        once = left * sympy.sqrt(1 / sympy.Max(1, degree)) if degree != 0 else zero
        twice = once * sympy.sqrt(2) if order == 2 else once
        steep = [Best(layer.activation, 1) for layer in layers]

        def recipe(number: int, norm: sympy.Expr, last: bool) -> WitnessLayer:
            if last:
                return WitnessLayer(norm, Best(end, order), None, "along" if plain else GATHERED)
            return WitnessLayer(norm, steep[number - 1], None, "along" if plain else CANCELLED)

        recipes: tuple[WitnessLayer, ...]
        if repeated:
            recipes = (recipe(1, zero, False), recipe(1, twice, False), recipe(1, twice, True))
        else:
            recipes = tuple(recipe(u, zero if u == 1 else twice, u == k) if u <= k else WitnessLayer(once, None, None) for u in range(1, depth + 1))
        name, kind = ("D", "first") if order == 1 else ("C", "second")
        return Reached(Quantity(kind, depth), nonnegative(name), total, Witness(recipes, repeated))


class ChainShare(Rule):
    name = "shares of a chain"
    title = "Shares"
    statement = r"""$\omega_2,\dots,\omega_m\ge0$ with $\sum_u\omega_u\le1$, any; the closer $y_m$ of @[sizes along a chain at zero] is to its maximum, the better. \textup{(}At the maximum $\omega_{u+1}R^2=\omega_uR^2+1/y_{u-1}$ if all $S_1=1$ and no share is $0$.\textup{)}"""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        slopes = [given.reached_constant(layer.activation, 1) for layer in network.dense]
        return Bound(None, indexed("omega"), ChainShares(given.bound("radius"), given.bound("input"), *slopes))


class ChainSize(Rule):
    name = "sizes along a chain at zero"
    title = "Sizes along a chain at zero"
    statement = r"""$y_1=1+|x|^2$ and $y_u=1+(S_1^{(u-1)})^2\omega_uR^2y_{u-1}$."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, network: Network, layer: int, **_: Any) -> Bound:
        if layer == 1:
            return Bound(None, nonnegative("y_1"), 1 + given.bound("input") ** 2)
        slope = given.reached_constant(network.dense[layer - 2].activation, 1)
        share = given.symbol("omega")[layer]
        return Bound(None, nonnegative(f"y_{layer}"), 1 + slope**2 * given.bound("radius") ** 2 * share * given.symbol(f"y_{layer - 1}"))


class ZeroChain(Rule):
    name = "chain at zero"
    title = "A chain at zero"
    statement = r"""Let $s_u(0)=0$ and $|s_u'(0)|=S_1^{(u)}$ for $u<m$, and $|s_m'(0)|=S_1^{(m)}$. The network with $A_u=R\sqrt{\omega_u}\,e_1e_1^{\top}$ for $u\ge2$, all other parameters $0$, has $|\theta|\le R$ and $|DN|=D=S_1^{(m)}\sqrt{y_m}$."""
    proof = r"""All $h_u$, $u<m$, and all $z_u$ vanish. $|Dz_1|^2=1+|x|^2=y_1$, and $|Dz_u|^2=1+|h_{u-1}|^2+|A_u|^2|s_{u-1}'(0)|^2|Dz_{u-1}|^2=y_u$, with equality by the choice of direction in @[chain, first derivative]; $|DN|=|s_m'(0)||Dz_m|$."""
    obligations = (BEST_DIRECTION,)

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Reached:
        layers, radius = network.dense, given.bound("radius")
        share = given.symbol("omega")
        recipes = [WitnessLayer(sympy.Integer(0), Best(layers[0].activation, 1), None)]
        recipes += [WitnessLayer(radius * sympy.sqrt(share[u]), Best(layer.activation, 1), None) for u, layer in enumerate(layers[1:], 2)]
        depth = len(layers)
        total = given.reached_constant(layers[-1].activation, 1) * sympy.sqrt(given.symbol(f"y_{depth}"))
        return Reached(Quantity("first", depth), nonnegative("D"), total, Witness(tuple(recipes)))
