"""Lower bounds with witnesses, and what holds for all parameters at once: a global constant, or that there is none."""

from __future__ import annotations

import sympy

from .calculus.claims import Hypothesis, indexed, is_constant, nonnegative
from .calculus.derivation import Derivation, Problem
from .calculus.quantities import Quantity
from .calculus.rules import any_depth
from .calculus.rules.activation_constants import ActivationConstants
from .calculus.rules.asymptotic import BallGrowth, BelowRateFirst, BelowRateSecond, GrowthFirst, GrowthSecond, RateFirst, RateLimit, RateSecond
from .calculus.rules.chain import (
    BallChain,
    ChainAffine,
    ChainAnyDepth,
    ChainCurvature,
    ChainMixed,
    ChainProducts,
    ChainShare,
    ChainSize,
    ChainSlope,
    ChainThird,
    ConstantReached,
    ZeroChain,
    centred,
)
from .calculus.rules.global_constant import Jump, NoGlobalBound, OneLayerReached, TwoAffine, TwoAffineReached, jump_of
from .calculus.rules.held_lines import HeldBallFirst, HeldBallNorm, HeldBallSecond, HeldLinesFirst, HeldLinesSecond, can_be_held, check_lines, starts_recurrent
from .calculus.rules.input_value import InputValue
from .calculus.rules.joint import JointFirst, JointFirstReached, JointInput, JointReached
from .calculus.rules.pre_activation import PreActivation
from .calculus.rules.separate import Separate
from .derive import any_depth_bounds, attained, budget_bounds, check_arguments, held_premises, layer_bounds
from .derive_flow import flow_global_bound, flow_lower_bound
from .errors import SymlipError
from .fields import Field
from .networks import Network
from .parameter_sets import AllParameters, LayerBalls, ParameterBall, ParameterSet


def lower_bound(network: Network | Field, parameters: ParameterSet | None = None, order: int = 2) -> Derivation:
    """Derive lower bounds on the Lipschitz constants of a network and of its gradient, with networks that reach them.

    network: dense layers, the depth a number or a symbol, or residual layers, tied or not, mixed with dense ones. parameters:
    LayerBalls() (the default, free biases) or ParameterBall(). order: 1 for the network only, 2 for its gradient, too, 3 for its
    second derivative, too (LayerBalls(), dense layers).
    `derivation.witness(...)` returns the weights and biases that reach a bound.
    Raises SymlipError where there is no such bound, saying what can be had instead.
    Source: Herrera, Krach, Teichmann, arXiv 2004.13135 (lower bounds); the parameter ball's are this package's.
    """
    if isinstance(network, Field):
        return flow_lower_bound(network, parameters, order)
    parameters = LayerBalls() if parameters is None else parameters
    check_arguments(network, parameters, "block", order, None)
    if isinstance(parameters, LayerBalls) and parameters.biases != "free":
        raise SymlipError("lower_bound needs free biases, LayerBalls(), or a ParameterBall(): bounded biases may not reach the steepest points")
    if order > 3 or (order == 3 and not isinstance(parameters, LayerBalls)):
        raise SymlipError(f"order={order}: lower bounds are known for the orders 1, 2 and, on LayerBalls(), 3")
    if not network.plain:
        return _held_lines(network, parameters, order)
    third: str | None = None
    derivation = Derivation(Problem(network, parameters, None, "lower", order))
    inputs = derivation.assume(Hypothesis(Quantity("input"), nonnegative("x_norm")))
    if isinstance(parameters, ParameterBall):
        radius = derivation.assume(Hypothesis(Quantity("radius"), nonnegative("radius")))
        first, second = _ball(derivation, inputs, radius)
    elif network.symbolic_depth or parameters.equal:
        first, second = _any_depth(derivation, inputs, parameters)
    else:
        weights = {u: derivation.assume(Hypothesis(Quantity("weight", u), nonnegative(f"a_{u}"))) for u in range(1, len(network.dense) + 1)}
        first, second = chain(derivation, inputs, weights, min(order, 2))
        third = _chain_third(derivation, inputs, weights) if order == 3 else None
    for result, name in (("lipschitz", first), ("gradient_lipschitz", second), ("hessian_lipschitz", third)):
        if name is not None:
            derivation.results[result] = derivation.steps[name].claim.symbol  # type: ignore[union-attr]
    return derivation


def _held_lines(network: Network, parameters: ParameterSet, order: int) -> Derivation:
    """Residual layers, tied or not, mixed with dense ones: one neuron is held still."""
    if order > 2:
        raise SymlipError(f"order={order}: lower bounds of networks with residual or tied layers are known for the orders 1 and 2")
    derivation = Derivation(Problem(network, parameters, None, "lower", order))
    inputs = derivation.assume(Hypothesis(Quantity("input"), nonnegative("x_norm")))
    if isinstance(parameters, ParameterBall):
        if not isinstance(network.inputs, int):
            raise SymlipError(f"on the parameter ball the number of inputs must be a number, not {network.inputs}")
        radius = derivation.assume(Hypothesis(Quantity("radius"), nonnegative("radius")))
        sizes = [derivation.apply(HeldBallNorm(), inputs, radius, network=network)]
    else:
        sizes = [derivation.assume(Hypothesis(Quantity("weight", group), nonnegative(f"a_{group}"))) for group in network.groups]
    for result, name in zip(("lipschitz", "gradient_lipschitz"), _held(derivation, [inputs, *sizes])):
        derivation.results[result] = derivation.steps[name].claim.symbol  # type: ignore[union-attr]
    return derivation


def _held(derivation: Derivation, given: list[str]) -> list[str]:
    """The steps that bound the first and the second derivative from below by a neuron that is held."""
    network, order = derivation.problem.network, derivation.problem.order
    check_lines(network, bends=order >= 2)
    premises = [*given, *(derivation.assume(Hypothesis(Quantity("step", step), step)) for step in network.steps)]
    premises += [name for names in constants_reached(derivation, order).values() for name in names]
    ball = isinstance(derivation.problem.parameters, ParameterBall)
    pushed = not ball and not starts_recurrent(network)
    if pushed:
        premises += [derivation.apply(ActivationConstants(), activation=activation, order=0) for activation in network.activations]
        premises += [derivation.assume(Hypothesis(Quantity(f"input_{kind}"), nonnegative(f"x_{kind}"))) for kind in ("least", "rest")]
    rules = (HeldBallFirst(), HeldBallSecond()) if ball else (HeldLinesFirst(), HeldLinesSecond())
    along = held_premises(derivation, premises, order, pushed)
    return [derivation.apply(rule, *given, network=network) for rule, given in zip(rules[:order], along)]


def _only_dense(network: Network, what: str) -> None:
    if not network.plain:
        raise SymlipError(
            f"{what} is about dense layers with their own parameters; for residual layers see derive(.., method='joint'), which says where it is exact"
        )


def constants_reached(derivation: Derivation, orders: int) -> dict[object, list[str]]:
    """The constants of the activations, each with the claim that it is reached; names by activation."""
    names: dict[object, list[str]] = {}
    for activation in derivation.problem.network.activations:
        found = []
        if activation.constant(1) == 0:
            raise SymlipError(f"activation {activation.name!r} is constant: its network does not depend on the parameters")
        for order in range(1, orders + 1):
            if activation.constant(order) == sympy.oo:
                raise SymlipError(
                    f"the derivative of {activation.name} jumps, so the gradient has no Lipschitz constant, not even locally: "
                    "global_bound(network) shows the jump; order=1 has a lower bound"
                    if order == 2
                    else f"the derivative of {activation.name} is unbounded: its network has no Lipschitz constant"
                )
            bound = derivation.apply(ActivationConstants(), activation=activation, order=order)
            found += [bound, derivation.apply(ConstantReached(), bound, activation=activation, order=order)]
        names[activation] = found
    return names


def chain(derivation: Derivation, inputs: str, weights: dict[int, str], order: int) -> tuple[str, str | None]:
    """The lower bounds along a chain, layer by layer: the steps of the first and of the second derivative."""
    network = derivation.problem.network
    constants = constants_reached(derivation, order)
    slopes: list[str] = []
    for layer, data in enumerate(network.dense, 1):
        below = slopes[-1] if slopes else None
        slopes.append(derivation.apply(ChainSlope(), inputs, weights.get(layer), below, *constants[data.activation], layer=layer, activation=data.activation))
    if order < 2:
        return slopes[-1], None
    curved = [layer for layer, data in enumerate(network.dense, 1) if data.activation.constant(2) != 0]
    if not curved and len(network.dense) == 1:
        start, rule = 1, ChainCurvature()
    elif not curved:
        start, rule = 2, ChainMixed()  # type: ignore[assignment]
    else:
        start, rule = curved[-1], ChainCurvature()
    data = network.dense[start - 1]
    below = slopes[start - 2] if start > 1 else None
    second = derivation.apply(rule, inputs, weights.get(start), below, *constants[data.activation], layer=start, activation=data.activation)
    for layer, data in list(enumerate(network.dense, 1))[start:]:
        second = derivation.apply(ChainAffine(), weights[layer], second, *constants[data.activation], layer=layer, activation=data.activation)
    return slopes[-1], second


def _chain_third(derivation: Derivation, inputs: str, weights: dict[int, str]) -> str:
    """The third derivative along the chain, after the first: its last step."""
    constants = constants_reached(derivation, 1)
    third: str | None = None
    for layer, data in enumerate(derivation.problem.network.dense, 1):
        below = (weights[layer], f"D_{layer - 1}", third) if layer > 1 else ()
        third = derivation.apply(ChainThird(), inputs, *below, *constants[data.activation], layer=layer, activation=data.activation)
    assert third is not None
    return third


def _any_depth(derivation: Derivation, inputs: str, parameters: LayerBalls) -> tuple[str, str | None]:
    network, order = derivation.problem.network, derivation.problem.order
    activation, u = network.dense[0].activation, any_depth.u
    if order >= 2 and activation.constant(2) == 0:
        raise SymlipError(f"every layer is affine ({activation.name}): ask for order=1, or give the depth as a number")
    constants = constants_reached(derivation, order)[activation]
    if parameters.equal:
        weight = derivation.assume(Hypothesis(Quantity("weight", u), nonnegative("a")))
        premises = [inputs, weight]
    else:
        weight = derivation.assume(Hypothesis(Quantity("weight", u), indexed("a")[u], network.depth))
        products = derivation.apply(ChainProducts(), weight, *constants, activation=activation, depth=network.depth, index=u)
        premises = [inputs, weight, products]
    here = {"activation": activation, "depth": network.depth, "index": u, "equal": parameters.equal}
    found = [derivation.apply(ChainAnyDepth(), *premises, *constants, order=k, **here) for k in range(1, order + 1)]
    return found[0], found[1] if order >= 2 else None


def _ball(derivation: Derivation, inputs: str, radius: str) -> tuple[str, str | None]:
    network, order = derivation.problem.network, derivation.problem.order
    if order >= 2 and _affine(network):
        raise SymlipError("every layer is affine: ask for order=1, or take LayerBalls()")
    constants = [name for names in constants_reached(derivation, order).values() for name in names]
    first = _zero_chain(derivation, inputs, radius, constants) if _at_zero(network) else None
    if first is None:
        first = derivation.apply(BallChain(), inputs, radius, *constants, network=network, order=1)
    return first, derivation.apply(BallChain(), inputs, radius, *constants, network=network, order=2) if order >= 2 else None


def _at_zero(network: Network) -> bool:
    """Whether a chain with all pre-activations 0 is as steep as can be, with hidden outputs 0."""
    if network.symbolic_depth or len(network.dense) == 1:
        return False
    *hidden, last = network.dense
    return all(centred(layer.activation) for layer in hidden) and last.activation.supremum(1).attained_at == 0


def _zero_chain(derivation: Derivation, inputs: str, radius: str, constants: list[str]) -> str:
    network = derivation.problem.network
    share = derivation.apply(ChainShare(), inputs, radius, *constants, network=network)
    sizes: list[str] = []
    for layer in range(1, len(network.dense) + 1):
        sizes.append(derivation.apply(ChainSize(), inputs, radius, share, *sizes[-1:], *constants, network=network, layer=layer))
    return derivation.apply(ZeroChain(), radius, share, sizes[-1], *constants, network=network)


# --- all parameters at once -------------------------------------------------------------------------------------------


def global_bound(network: Network | Field) -> Derivation:
    """Decide whether a network and its gradient have Lipschitz constants on the space of all parameters, and prove it.

    Returns a Derivation. Where there is a constant (one layer; the gradient of two affine layers) it is exact, a result like
    any other. Where there is none, the result is that of a family of networks of scale t, and `derivation.limits` says oo.
    Residual layers, tied or not, may be mixed with dense ones where s(0) = 0; without s''(0) = 0 the result is about N alone.
    Where an activation's derivative jumps (ReLU), the gradient has no constant even locally: the result is the jump.
    Source: Herrera, Krach, Teichmann, arXiv 2004.13135 (no global bound).
    """
    if isinstance(network, Field):
        return flow_global_bound(network)
    check_arguments(network, LayerBalls(), "block", 2, None)
    order = 2 if all(activation.constant(2).is_finite for activation in network.activations) else 1
    if not network.plain and (not can_be_held(network, bends=True) or (len(network.units) == 2 and _affine(network))):
        order = 1  # of two affine lines the second derivative is a constant
    derivation = Derivation(Problem(network, AllParameters(), None, "global", order))
    inputs = derivation.assume(Hypothesis(Quantity("input"), nonnegative("x_norm")))
    if not network.plain:
        _family_of_lines(derivation, inputs)
        return derivation
    if network.symbolic_depth:
        _family_of_any_depth(derivation, inputs)
    elif len(network.dense) == 1:
        _one_layer(derivation, inputs)
    else:
        _family(derivation, inputs)
    if order == 1:
        _jump(derivation)
    return derivation


def _one_layer(derivation: Derivation, inputs: str) -> None:
    activation = derivation.problem.network.dense[0].activation
    constants = [derivation.apply(ActivationConstants(), activation=activation, order=k) for k in range(1, derivation.problem.order + 1)]
    here = {"layer": 1, "activation": activation}
    start = derivation.apply(JointInput(), inputs)
    first = derivation.apply(JointFirst(), start, *constants, **here)
    if attained(activation, 1):
        reached = derivation.apply(JointReached(), start, layer=0)
        derivation.apply(JointFirstReached(), first, reached, **here)
    derivation.results["lipschitz"] = derivation.steps[first].claim.symbol  # type: ignore[union-attr]
    if derivation.problem.order >= 2:
        value = derivation.apply(InputValue(), inputs)
        pre = derivation.apply(PreActivation(), value, layer=1)
        second = derivation.apply(Separate(), pre, *constants, **here)
        if attained(activation, 2):
            derivation.apply(OneLayerReached(), second, activation=activation)
        derivation.results["gradient_lipschitz"] = derivation.steps[second].claim.symbol  # type: ignore[union-attr]


def _family(derivation: Derivation, inputs: str) -> None:
    network = derivation.problem.network
    affine = _affine(network)
    scale = derivation.assume(Hypothesis(Quantity("scale"), nonnegative("t")))
    weights = dict.fromkeys(range(2, len(network.dense) + 1), scale)
    exception = affine and len(network.dense) == 2 and derivation.problem.order >= 2
    first, second = chain(derivation, inputs, weights, 1 if exception else derivation.problem.order)
    for result, name in (("lipschitz", first), ("gradient_lipschitz", second)):
        if name is not None:
            derivation.apply(NoGlobalBound(), scale, *_definitions(derivation), symbol=name, depth=network.depth)
            derivation.results[result] = derivation.steps[name].claim.symbol  # type: ignore[union-attr]
    if exception:
        below, above = (layer.activation for layer in network.dense)
        constants = [derivation.apply(ActivationConstants(), activation=a, order=1) for a in (below, above)]
        start = derivation.apply(JointInput(), inputs)
        slope = derivation.apply(JointFirst(), start, *constants, layer=1, activation=below)
        bound = derivation.apply(TwoAffine(), slope, *constants, activation=above)
        derivation.apply(TwoAffineReached(), bound, activations=(below, above))
        derivation.results["gradient_lipschitz"] = derivation.steps[bound].claim.symbol  # type: ignore[union-attr]


def _family_of_lines(derivation: Derivation, inputs: str) -> None:
    """Residual layers, tied or not, mixed with dense ones: the family of a neuron that is held, its weight t in every line."""
    network = derivation.problem.network
    if len(network.units) == 1:
        raise SymlipError("the bounds of one residual layer do not contain the norm of its weights: derive(network) holds for all parameters")
    scale = derivation.assume(Hypothesis(Quantity("scale"), nonnegative("t")))
    for result, name in zip(("lipschitz", "gradient_lipschitz"), _held(derivation, [inputs, scale])):
        derivation.apply(NoGlobalBound(), scale, *_definitions(derivation), symbol=name, depth=network.depth)
        derivation.results[result] = derivation.steps[name].claim.symbol  # type: ignore[union-attr]


def _affine(network: Network) -> bool:
    return all(activation.constant(2) == 0 for activation in network.activations)


def _definitions(derivation: Derivation) -> list[str]:
    """All steps that define a symbol, but the constants."""
    return [step.name for step, claim in derivation.bounds if not is_constant(claim)]


def _family_of_any_depth(derivation: Derivation, inputs: str) -> None:
    network, order = derivation.problem.network, derivation.problem.order
    activation = network.dense[0].activation
    scale = derivation.assume(Hypothesis(Quantity("scale"), nonnegative("t")))
    constants = constants_reached(derivation, order)[activation]
    here = {"activation": activation, "depth": network.depth, "index": any_depth.u, "equal": True}
    for k in range(1, 2 if activation.constant(2) == 0 else order + 1):
        name = derivation.apply(ChainAnyDepth(), inputs, scale, *constants, order=k, **here)
        derivation.apply(NoGlobalBound(), scale, name, symbol=name, depth=network.depth)
        derivation.results["lipschitz" if k == 1 else "gradient_lipschitz"] = derivation.steps[name].claim.symbol  # type: ignore[union-attr]


def _jump(derivation: Derivation) -> None:
    network = derivation.problem.network
    layers = tuple(layer.activation for layer in network.dense)
    if network.symbolic_depth or all(jump_of(activation) is None for activation in layers):
        return
    constants = [name for names in constants_reached(derivation, 1).values() for name in names]
    name = derivation.apply(Jump(), *constants, layers=layers)
    derivation.results["gradient_jump"] = derivation.steps[name].claim.symbol  # type: ignore[union-attr]


# --- sharpness ----------------------------------------------------------------------------------------------------------


def sharpness(network: Network, parameters: ParameterSet | None = None) -> Derivation:
    """Derive that the upper bounds over the lower bounds tend to 1: all weight norms (LayerBalls) or the radius (ParameterBall) to oo.

    At a concrete depth by limits, layer by layer; at symbolic depth (equal layers) by an explicit rate that does not depend on the
    depth. Needs bounded hidden activations, S1 > 0, and S2 > 0 (the last layer may be affine); raises SymlipError, naming the
    layer where one of these fails.
    Source: this package; the bounds are those of `derive` and `lower_bound`.
    """
    parameters = LayerBalls() if parameters is None else parameters
    check_arguments(network, parameters, "block", 2, None)
    _only_dense(network, "sharpness")
    if isinstance(parameters, LayerBalls) and parameters.biases != "free":
        raise SymlipError("sharpness is proved for free biases, LayerBalls(), and for the ParameterBall()")
    _sharpness_hypotheses(network)
    ball = isinstance(parameters, ParameterBall)
    if network.symbolic_depth and ball:
        raise SymlipError("on the parameter ball sharpness is proved for each depth: give the depth as a number")
    if network.symbolic_depth:
        return _rates(network)
    return _ball_sharpness(network) if ball else _layer_sharpness(network)


def _sharpness_hypotheses(network: Network) -> None:
    layers = network.dense if network.symbolic_depth else network.dense[:-1]
    for number, layer in enumerate(layers, 1):
        if layer.activation.constant(0) == sympy.oo:
            raise SymlipError(f"sharpness needs bounded hidden activations, and layer {number} has {layer.activation.name}, whose S0 is infinite")
    if all(layer.activation.constant(2) == 0 for layer in network.dense):
        raise SymlipError(f"sharpness needs S2 > 0, and every layer is affine ({network.dense[0].activation.name})")
    for number, layer in enumerate(network.dense, 1):
        if layer.activation.constant(2) == sympy.oo:
            raise SymlipError(f"sharpness needs finite S2, and the derivative of {layer.activation.name} in layer {number} jumps")
        for order in (1, 2):
            if not attained(layer.activation, order):
                raise SymlipError(f"sharpness needs exact constants, and S{order} of {layer.activation.name} in layer {number} is an enclosure")


def _layer_sharpness(network: Network) -> Derivation:
    derivation = Derivation(Problem(network, LayerBalls(), None, "sharpness", 2))
    walk, _ = layer_bounds(derivation, "separate")
    constants = constants_reached(derivation, 2)
    upper = dict(derivation.results)
    derivation.results.clear()
    slopes: list[str] = []
    second: str | None = None
    limits: list[str] = []
    for layer, data in enumerate(network.dense, 1):
        own = constants[data.activation]
        below = slopes[-1] if slopes else None
        slopes.append(derivation.apply(ChainSlope(), walk.input, walk.weights[layer], below, *own, layer=layer, activation=data.activation))
        if data.activation.constant(2) == 0:
            second = derivation.apply(ChainAffine(), walk.weights[layer], second, *own, layer=layer, activation=data.activation)
        else:
            second = derivation.apply(ChainCurvature(), walk.input, walk.weights[layer], below, *own, layer=layer, activation=data.activation)
        definitions = [f"{name}_{u}" for u in (layer - 1, layer) for name in "BQLDHC" if f"{name}_{u}" in derivation.steps]
        limits.append(derivation.apply(GrowthFirst(), *definitions, *own, *limits[-2:-1], layer=layer))
        limits.append(derivation.apply(GrowthSecond(), *definitions, *own, *limits[-2:], layer=layer))
    for name, lower in (("lipschitz", slopes[-1]), ("gradient_lipschitz", second)):
        derivation.results[name] = upper[name]
        derivation.results[f"lower_{name}"] = derivation.steps[lower].claim.symbol  # type: ignore[index, union-attr]
    return derivation


def _ball_sharpness(network: Network) -> Derivation:
    derivation = Derivation(Problem(network, ParameterBall(), None, "sharpness", 2))
    budget_bounds(derivation)
    upper = dict(derivation.results)
    derivation.results.clear()
    constants = [name for names in constants_reached(derivation, 2).values() for name in names]
    definitions = _definitions(derivation)
    for order, name in ((1, "lipschitz"), (2, "gradient_lipschitz")):
        lower = derivation.apply(BallChain(), "x_norm", "radius", *constants, network=network, order=order)
        derivation.apply(BallGrowth(), "x_norm", "radius", *definitions, lower, depth=network.depth, order=order)
        derivation.results[name] = upper[name]
        derivation.results[f"lower_{name}"] = derivation.steps[lower].claim.symbol  # type: ignore[union-attr]
    return derivation


def _rates(network: Network) -> Derivation:
    derivation = Derivation(Problem(network, LayerBalls(equal=True), None, "sharpness", 2))
    any_depth_bounds(derivation)
    upper = dict(derivation.results)
    derivation.results.clear()
    activation = network.dense[0].activation
    constants = constants_reached(derivation, 2)[activation]
    here = {"activation": activation, "depth": network.depth, "index": any_depth.u, "equal": True}
    lower = [derivation.apply(ChainAnyDepth(), "x_norm", "a", *constants, order=k, **here) for k in (1, 2)]
    first = derivation.apply(RateFirst(), "x_norm", "rho", "B", activation=activation)
    second = derivation.apply(RateSecond(), "x_norm", "rho", "a", first, *constants, activation=activation)
    derivation.apply(BelowRateFirst(), "L", lower[0], first)
    derivation.apply(BelowRateSecond(), "Lambda", lower[1], second)
    for symbol in (first, second):
        derivation.apply(RateLimit(), "a", "rho", "B", first, second, symbol=symbol)
    for name, below in (("lipschitz", lower[0]), ("gradient_lipschitz", lower[1])):
        derivation.results[name] = upper[name]
        derivation.results[f"lower_{name}"] = derivation.steps[below].claim.symbol  # type: ignore[union-attr]
    return derivation
