"""Lower bounds with witnesses, and what holds for all parameters at once: a global constant, or that there is none."""

from __future__ import annotations

import sympy

from .calculus.claims import Hypothesis, indexed, nonnegative
from .calculus.derivation import Derivation, Problem
from .calculus.quantities import Quantity
from .calculus.rules import any_depth
from .calculus.rules.activation_constants import ActivationConstants
from .calculus.rules.chain import BallChain, ChainAffine, ChainAnyDepth, ChainCurvature, ChainMixed, ChainProducts, ChainSlope, ConstantReached
from .derive import check_arguments
from .errors import SymlipError
from .networks import Network
from .parameter_sets import LayerBalls, ParameterBall, ParameterSet


def lower_bound(network: Network, parameters: ParameterSet | None = None, order: int = 2) -> Derivation:
    """Derive lower bounds on the Lipschitz constants of a network and of its gradient, with networks that reach them.

    network: dense layers, the depth a number or a symbol. parameters: LayerBalls() (the default, free biases) or
    ParameterBall(). order: 1 for the network only, 2 for its gradient, too.
    `derivation.witness(...)` returns the weights and biases that reach a bound.
    Raises SymlipError where there is no such bound, saying what can be had instead.
    Source: Herrera, Krach, Teichmann, arXiv 2004.13135 (lower bounds); the parameter ball's are this package's.
    """
    parameters = LayerBalls() if parameters is None else parameters
    check_arguments(network, parameters, "block", order, None)
    if isinstance(parameters, LayerBalls) and parameters.biases != "free":
        raise SymlipError("lower_bound needs free biases, LayerBalls(), or a ParameterBall(): bounded biases may not reach the steepest points")
    derivation = Derivation(Problem(network, parameters, None, "lower", order))
    inputs = derivation.assume(Hypothesis(Quantity("input"), nonnegative("x_norm")))
    if isinstance(parameters, ParameterBall):
        radius = derivation.assume(Hypothesis(Quantity("radius"), nonnegative("radius")))
        first, second = _ball(derivation, inputs, radius)
    elif network.symbolic_depth or parameters.equal:
        first, second = _any_depth(derivation, inputs, parameters)
    else:
        weights = {u: derivation.assume(Hypothesis(Quantity("weight", u), nonnegative(f"a_{u}"))) for u in range(1, len(network.layers) + 1)}
        first, second = chain(derivation, inputs, weights)
    for result, name in (("lipschitz", first), ("gradient_lipschitz", second)):
        if name is not None:
            derivation.results[result] = derivation.steps[name].claim.symbol  # type: ignore[union-attr]
    return derivation


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


def chain(derivation: Derivation, inputs: str, weights: dict[int, str]) -> tuple[str, str | None]:
    """The lower bounds along a chain, layer by layer: the steps of the first and of the second derivative."""
    network, order = derivation.problem.network, derivation.problem.order
    constants = constants_reached(derivation, order)
    slopes: list[str] = []
    for layer, data in enumerate(network.layers, 1):
        below = slopes[-1] if slopes else None
        slopes.append(derivation.apply(ChainSlope(), inputs, weights.get(layer), below, *constants[data.activation], layer=layer, activation=data.activation))
    if order < 2:
        return slopes[-1], None
    curved = [layer for layer, data in enumerate(network.layers, 1) if data.activation.constant(2) != 0]
    if not curved and len(network.layers) == 1:
        start, rule = 1, ChainCurvature()
    elif not curved:
        start, rule = 2, ChainMixed()  # type: ignore[assignment]
    else:
        start, rule = curved[-1], ChainCurvature()
    data = network.layers[start - 1]
    below = slopes[start - 2] if start > 1 else None
    second = derivation.apply(rule, inputs, weights.get(start), below, *constants[data.activation], layer=start, activation=data.activation)
    for layer, data in list(enumerate(network.layers, 1))[start:]:
        second = derivation.apply(ChainAffine(), weights[layer], second, *constants[data.activation], layer=layer, activation=data.activation)
    return slopes[-1], second


def _any_depth(derivation: Derivation, inputs: str, parameters: LayerBalls) -> tuple[str, str | None]:
    network, order = derivation.problem.network, derivation.problem.order
    activation, u = network.layers[0].activation, any_depth.u
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
    if order >= 2 and all(activation.constant(2) == 0 for activation in network.activations):
        raise SymlipError("every layer is affine: ask for order=1, or take LayerBalls()")
    constants = [name for names in constants_reached(derivation, order).values() for name in names]
    found = [derivation.apply(BallChain(), inputs, radius, *constants, network=network, order=k) for k in range(1, order + 1)]
    return found[0], found[1] if order >= 2 else None
