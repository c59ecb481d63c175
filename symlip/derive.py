"""Walk a network, apply rules, return the derivation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import sympy

from .activations import Activation, z
from .calculus.claims import Bound, Hypothesis, indexed, nonnegative
from .calculus.derivation import Derivation, Problem
from .calculus.quantities import Quantity
from .calculus.rule import Rule
from .calculus.rules import any_depth, bending, bending_states, budget, budget_lines, equal_layers
from .calculus.rules.activation_constants import ActivationConstants, identifier
from .calculus.rules.block_norms import BlockFirstNorm, BlockSecondNorm
from .calculus.rules.block_pre_activation import BlockPreActivation
from .calculus.rules.block_second import BlockSecond
from .calculus.rules.block_slope import BlockSlope
from .calculus.rules.cost_constants import constants_rule
from .calculus.rules.cost_first import CostFirst, RiskFirst
from .calculus.rules.cost_second import CostSecondBlock, CostSecondScalar, RiskSecondBlock, RiskSecondScalar
from .calculus.rules.held_lines import HeldProducts, HeldShares, HeldSums, bent_line, can_be_held
from .calculus.rules.higher import CostHigher, HigherDerivative, RiskHigher, cost_third, derivative_kind
from .calculus.rules.input_block import InputBlock, InputPreActivation, InputSecond
from .calculus.rules.input_value import InputValue, LastValue
from .calculus.rules.joint import Joint, JointFirst, JointFirstReached, JointInput, JointReached, Peak
from .calculus.rules.joint_lines import JointLinesFirst, JointLinesReached, JointLinesSecond, JointTiedReached
from .calculus.rules.joint_sets import BallTwoLayers, BallTwoLayersReached, JointBallFirst, JointBoundedFirst
from .calculus.rules.ordering import BlockBelowPaired, BudgetBelowBall, PairedBelowSeparate
from .calculus.rules.paired import Paired
from .calculus.rules.parameter_ball import ParameterBallNorms
from .calculus.rules.pre_activation import PreActivation
from .calculus.rules.residual import (
    ResidualBlockSecond,
    ResidualBlockSlope,
    ResidualFirst,
    ResidualInputs,
    ResidualPaired,
    ResidualSeparate,
    ResidualValue,
    SkipEnd,
)
from .calculus.rules.separate import Separate
from .calculus.rules.slope import Slope
from .calculus.rules.value import Value, unbounded_value
from .costs import Cost, HalfSquaredError, Risk
from .derive_flow import check_field, flow_bounds, joint_flow_cost
from .derive_near import METHODS as LOCAL_METHODS
from .derive_near import check_local, local_bounds
from .errors import SymlipError
from .fields import Field
from .networks import Network, Unit
from .parameter_sets import LayerBalls, LocalSet, ParameterBall, ParameterSet
from .peaks import peak
from .tradeoff import tradeoff

VARIABLES = ("parameters", "inputs", "both")
METHODS = ("separate", "paired", "block", "joint")


def derive(
    network: Network | Field,
    parameters: ParameterSet | LocalSet | None = None,
    method: str = "block",
    order: int = 2,
    cost: Cost | Risk | None = None,
    variables: str = "parameters",
) -> Derivation:
    """Derive bounds on the Lipschitz constants of a network and of its gradient in the parameters.

    network, parameters: what the theorem is about. method: "separate", "paired" or "block" (each at most the one before
    it), or "joint", the sharpest certified bound known for the set: on LayerBalls() exact for the network, and for its
    gradient with tanh, arctan, sine and what else satisfies two conditions (`derivation.exact` says where), near it with
    other bounded activations; on ParameterBall() with residual or tied layers it is the block bound. order: 1 for the network only, 2 for its gradient too, 3 for its second derivative too
    (`hessian_lipschitz`), and so on. cost: a cost on top, or Risk(cost), its
    average over data. variables: "parameters" (the default), "inputs" (derivatives in the input instead) or "both" (in input
    and parameters together, as a composition of modules needs).
    Raises SymlipError where no such bound exists, saying what can be had instead.
    Source: C. Herrera, F. Krach, J. Teichmann, arXiv 2004.13135, Theorem 1, with per-layer norms; paired, block and budget bounds are this package's.
    """
    if isinstance(network, Field):
        if isinstance(parameters, LocalSet):
            raise SymlipError(f"{type(parameters).__name__} is about the weights of a Network, not of a controlled ODE")
        check_field(network, parameters, method, order, variables)
        derivation = Derivation(Problem(network, parameters or LayerBalls(), cost, method, order, variables))
        end = flow_bounds(derivation)
        if derivation.problem.sample_cost is not None:
            _cost(derivation, end, derivation.problem.sample_cost)
        return derivation
    if isinstance(parameters, LocalSet):
        method = LOCAL_METHODS[type(parameters)][0] if method == "block" else method  # the default of sets of parameters is none here
        if order != 2 or variables != "parameters":
            raise SymlipError(f"{type(parameters).__name__} has order=2 and variables='parameters' only")
        check_local(network, parameters, method, cost)
        derivation = Derivation(Problem(network, parameters, cost, method))
        local_bounds(derivation)
        return derivation
    parameters = LayerBalls() if parameters is None else parameters
    check_arguments(network, parameters, method, order, cost, variables)
    derivation = Derivation(Problem(network, parameters, cost, method, order, variables))
    if isinstance(parameters, ParameterBall) and parameters.shared_budget:
        last = budget_bounds(derivation)
        if method == "joint" and network.plain:  # else the block bound is the sharpest known, and the report says so
            _joint_ball(derivation)
    elif network.symbolic_depth or (isinstance(parameters, LayerBalls) and parameters.equal):
        last = any_depth_bounds(derivation)
    else:
        _, last = layer_bounds(derivation, method)
    if derivation.problem.sample_cost is not None:
        _cost(derivation, last, derivation.problem.sample_cost)
    return derivation


def exact_lipschitz(network: Network, order: int = 2) -> Derivation:
    """The exact Lipschitz constants of a network and of its gradient in the parameters, on layer balls with free biases: derive(.., method="joint").

    `derivation.exact` says which constants are equalities; where one is not, the sharpest bound known stands in. Compiled, the result
    has `lower_gradient_lipschitz` too: what an explicit network reaches (`witness(order=2)` returns it).
    Source: this package; the value by a recursion on output and slope together, the gradient by the cost of bending each layer.
    """
    return derive(network, LayerBalls(), method="joint", order=order)


def ordering(network: Network, parameters: ParameterSet | None = None) -> Derivation:
    """Derive that for this network each method is at most the coarser one: block <= paired <= separate.

    On ParameterBall(): that the budget bound is at most the bound with a_u = R.
    """
    parameters = LayerBalls() if parameters is None else parameters
    check_arguments(network, parameters, "block", 2, None)
    if network.symbolic_depth:
        raise SymlipError("the ordering is derived layer by layer: give the depth as a number")
    if isinstance(parameters, ParameterBall) and not network.plain:
        raise SymlipError("the ordering on the parameter ball is derived for dense layers with their own parameters")
    derivation = Derivation(Problem(network, parameters, None, "ordering", 2))
    if isinstance(parameters, ParameterBall):
        _ball_ordering(derivation)
    else:
        _method_ordering(derivation)
    return derivation


def check_arguments(network: Network, parameters: ParameterSet, method: str, order: int, cost: Cost | Risk | None, variables: str = "parameters") -> None:
    """Raise SymlipError for arguments that no derivation can start from."""
    if not isinstance(network, Network):
        raise SymlipError(f"the first argument is a Network, not {network!r}")
    if not isinstance(parameters, ParameterSet):
        raise SymlipError(f"the second argument is a parameter set such as LayerBalls(), not {parameters!r}")
    if method not in METHODS:
        raise SymlipError(f"unknown method {method!r}: it is one of {', '.join(METHODS)}")
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise SymlipError(f"order={order!r}: it is a positive integer: 1 (the network), 2 (its gradient, too), 3 (its second derivative, too), ..")
    if order > HIGHEST:
        raise SymlipError(f"order={order}: Bell's polynomials are written out here, up to order {HIGHEST}")
    if order > 2:
        _check_higher(network, parameters, method, variables)
    if cost is not None and not isinstance(cost, Cost | Risk):
        raise SymlipError(f"{cost!r} is not a cost; use HalfSquaredError(), SoftmaxCrossEntropy(), Logistic(), Huber(delta) or Risk(cost)")
    if not network.plain:
        _check_tied(network, method)
    equal = isinstance(parameters, LayerBalls) and parameters.equal
    if variables not in VARIABLES:
        raise SymlipError(f"unknown variables {variables!r}: they are one of {', '.join(VARIABLES)}")
    if variables != "parameters":
        if method == "joint":
            raise SymlipError(f"method='joint' is about the parameters: with variables={variables!r} use method='block'")
        if network.symbolic_depth or equal or (isinstance(parameters, ParameterBall) and parameters.shared_budget):
            raise SymlipError(
                f"variables={variables!r} is derived layer by layer: give the depth as a number, and LayerBalls() or ParameterBall(shared_budget=False)"
            )
    if equal and len(set(network.dense)) > 1:
        raise SymlipError("LayerBalls(equal=True) needs equal layers: Network.uniform(depth, activation, width)")
    if method == "joint" and (network.symbolic_depth or equal):
        raise SymlipError("method='joint' is derived layer by layer: give the depth as a number and LayerBalls() or ParameterBall(), or use method='block'")
    if method == "joint" and isinstance(parameters, ParameterBall) and not parameters.shared_budget:
        raise SymlipError("method='joint' lets the layers share the radius: use ParameterBall(), or method='block'")
    if method not in ("block", "joint") and (network.symbolic_depth or equal or (isinstance(parameters, ParameterBall) and parameters.shared_budget)):
        what = "a symbolic depth" if network.symbolic_depth else "equal layers" if equal else "a shared budget"
        raise SymlipError(f"method={method!r} has no closed form for {what}: use method='block', which is never larger")
    if network.symbolic_depth and isinstance(parameters, ParameterBall) and not parameters.shared_budget:
        raise SymlipError("with a symbolic depth use ParameterBall(), whose budget bound is never larger, or LayerBalls(equal=True)")
    sizes = [size for size in (*network.widths, network.depth, *network.steps) if isinstance(size, sympy.Symbol)]
    for size in sizes:
        if size.name in RESERVED or any(size.name.startswith(f"{prefix}_") and size.name.split("_", 1)[1].isdigit() for prefix in CHAINS):
            raise SymlipError(f"the name {size.name!r} of a width, depth or step is used by the derivation itself: choose another, such as l_1 or m")
    labels: dict[str, Activation] = {}
    for activation in network.activations:
        if labels.setdefault(identifier(activation), activation) != activation:
            raise SymlipError(f"two activations are both called {activation.name!r}: give them different names")


HIGHEST = 12
"""The highest order that is derived."""


def _check_higher(network: Network, parameters: ParameterSet, method: str, variables: str) -> None:
    """Orders from three on are derived layer by layer, for layers with their own parameters."""
    shared = isinstance(parameters, ParameterBall) and parameters.shared_budget
    equal = isinstance(parameters, LayerBalls) and parameters.equal
    if method == "joint":
        raise SymlipError("method='joint' has orders 1 and 2; from order 3 on use method='block' or 'paired'")
    if variables != "parameters":
        raise SymlipError(f"variables={variables!r} has orders 1 and 2; higher orders are derived in the parameters")
    if network.tied:
        raise SymlipError("orders from 3 on are derived for layers with their own parameters, not for tied ones; order=2 has them")
    if network.symbolic_depth or equal or shared:
        raise SymlipError("orders from 3 on are derived layer by layer: give the depth as a number, and LayerBalls() or ParameterBall(shared_budget=False)")


def _check_tied(network: Network, method: str) -> None:
    """Raise SymlipError for a method that holds for layers with their own parameters only."""
    if network.tied and method in ("separate", "paired"):
        raise SymlipError(f"method={method!r} is wrong for tied layers, whose parameters act more than once: use method='block'")


RESERVED = {
    "i", "j", "k", "u", "B", "P", "T", "V", "q", "L", "G", "a", "b", "c", "rho", "lvec", "Lambda", "Lcost", "Hcost", "Lrisk", "Hrisk",
    "radius", "x_norm", "y_norm", "width", "g1", "g2", "S0", "S1", "S2", "s0",
}  # fmt: skip
CHAINS = ("a", "b", "B", "Q", "L", "H", "G", "E", "Hs", "Hp", "lvec", "qvec")


# --- activations ----------------------------------------------------------------------------------------------------


def _constants(derivation: Derivation, orders: int) -> Callable[[Activation], list[str]]:
    """Add the constants of all activations as steps; return the names of those of one activation."""
    names: dict[Activation, list[str]] = {}
    for activation in derivation.problem.network.activations:
        rule = ActivationConstants()
        names[activation] = [derivation.apply(rule, activation=activation, order=order) for order in range(orders + 1)]
        names[activation].append(derivation.apply(rule, activation=activation, order=0, at_zero=True))
        if activation.constant(1) == 0:
            raise SymlipError(f"activation {activation.name!r} is constant: its network does not depend on the parameters")
    return lambda activation: names[activation]


# --- layer by layer -------------------------------------------------------------------------------------------------


class Walk:
    """The common start of the layer-by-layer derivations: norms, constants and sizes."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.network = derivation.problem.network
        parameters = derivation.problem.parameters
        self.input = derivation.assume(Hypothesis(Quantity("input"), nonnegative("x_norm")))
        self.weights: dict[int, str] = {}
        self.biases: dict[int, str] = {}
        self.bounded = isinstance(parameters, ParameterBall) or (isinstance(parameters, LayerBalls) and parameters.biases == "bounded")
        layers = self.network.groups
        if isinstance(parameters, ParameterBall):
            radius = derivation.assume(Hypothesis(Quantity("radius"), nonnegative("radius")))
            for kind, names in (("weight", self.weights), ("bias", self.biases)):
                for layer in layers:
                    names[layer] = derivation.apply(ParameterBallNorms(), radius, kind=kind, layer=layer)
        else:
            for layer in layers:
                self.weights[layer] = derivation.assume(Hypothesis(Quantity("weight", layer), nonnegative(f"a_{layer}")))
            for layer in layers if self.bounded else ():
                self.biases[layer] = derivation.assume(Hypothesis(Quantity("bias", layer), nonnegative(f"b_{layer}")))
        for step in self.network.steps:
            derivation.assume(Hypothesis(Quantity("step", step), step))
        self.constants = _constants(derivation, derivation.problem.order)
        self.values: dict[int, str | None] = {0: derivation.apply(InputValue(), self.input)}

    def value(self, layer: int) -> str | None:
        """The size of a line's output; None for the last where it is not finite."""
        unit, last = self.network.units[layer - 1], layer == len(self.network.units)
        apply = self.derivation.apply
        if unit.activation is None:
            assert unit.start is not None
            below = (self.values[unit.start], self.values[layer - 1])
            self.values[layer] = None if None in below else apply(SkipEnd(), *below, layer=layer, start=unit.start, step=unit.step, kind="value")
            if self.values[layer] is None and not last:
                raise SymlipError(unbounded_value(self.network.units[layer - 2].activation, f"layer {layer - 1}"))
            return self.values[layer]
        if not self.bounded and unit.activation.constant(0) == sympy.oo and (last or self._only_added(layer)):
            self.values[layer] = None
            return None
        grows: list[str | None] = [self.weights[unit.group], self.biases[unit.group]] if self.bounded else []
        grows += [self.values[layer - 1]] if self.bounded or unit.step is not None else []
        rule: Rule = Value() if unit.step is None else ResidualValue()
        self.values[layer] = apply(rule, *grows, *self.constants(unit.activation), width=unit.width, **self.here(layer))
        return self.values[layer]

    def _only_added(self, layer: int) -> bool:
        """Whether the line's output is only added to another, by the last line."""
        return layer == len(self.network.units) - 1 and self.network.units[layer].activation is None

    def here(self, layer: int) -> dict[str, Any]:
        """What the rules are told of a line with an activation."""
        unit = self.network.units[layer - 1]
        detail: dict[str, Any] = {"layer": layer, "activation": unit.activation}
        if unit.group != layer:
            detail["group"] = unit.group
            detail["position"] = 2 * self.network.groups.index(unit.group) + (self.derivation.problem.variables == "both")
        if unit.step is not None:
            detail["step"] = unit.step
        return detail


def _joint(derivation: Derivation, walk: Walk) -> None:
    """The exact constant of the network; for its gradient the block bound stands in."""
    network, depth = walk.network, len(walk.network.dense)
    if not network.plain:
        _joint_lines(derivation, walk)
        return
    if walk.bounded:
        _joint_bounded(derivation, walk)
        return
    hidden = list(enumerate(network.dense[:-1], 1))
    for layer, data in hidden:
        if data.activation.constant(0) == sympy.oo:
            raise SymlipError(unbounded_value(data.activation, f"layer {layer}"))
    peaks = {data.activation: derivation.apply(Peak(), *walk.constants(data.activation), activation=data.activation) for _, data in hidden}
    bounds = [derivation.apply(JointInput(), walk.input)]
    for layer, data in hidden:
        premises = (walk.weights[layer + 1], bounds[-1], peaks[data.activation], *walk.constants(data.activation))
        bounds.append(derivation.apply(Joint(), *premises, layer=layer, width=data.width, activation=data.activation))
    last = network.dense[-1].activation
    first = derivation.apply(JointFirst(), bounds[-1], *walk.constants(last), layer=depth, activation=last)
    if all(attained(data.activation, 0) and peak(data.activation).exact for _, data in hidden) and attained(last, 1):
        reached = derivation.apply(JointReached(), bounds[0], layer=0)
        for layer, data in hidden:
            premises = (walk.weights[layer], walk.weights[layer + 1], bounds[layer - 1], bounds[layer], reached)
            reached = derivation.apply(JointReached(), *premises, layer=layer, activation=data.activation)
        derivation.apply(JointFirstReached(), walk.weights[depth], first, reached, layer=depth, activation=last)
    results: dict[str, str | None]
    if derivation.problem.order >= 2 and (not bending.exact_network(network) or derivation.problem.cost is not None):
        results = _block(derivation, walk, first=False)
    else:
        results = {"value": walk.value(depth)}
    _bending(derivation, walk, results)
    _set_results(derivation, {"value": results.pop("value"), "lipschitz": first, **results})


def _bending(derivation: Derivation, walk: Walk, results: dict[str, str | None]) -> None:
    """The gradient's constant by the cost of bending, over the block bound, where the activations allow it."""
    network, depth = walk.network, len(walk.network.dense)
    rules = [bending.rule_of(network, layer) for layer in range(1, depth)]
    if derivation.problem.order < 2 or None in rules or not bending.last_layer_known(network):
        return
    if not all(bending.has_cells(activation) for activation in network.activations):
        return
    cells = {activation: derivation.apply(bending.Cells(), activation=activation) for activation in network.activations}
    function = derivation.apply(bending.FirstLayer(), walk.input)
    for layer, (rule, data) in enumerate(zip(rules, network.dense), 1):
        assert rule is not None
        premises = (function, walk.weights[layer + 1], cells[data.activation])
        function = derivation.apply(rule, *premises, layer=layer, width=data.width, activation=data.activation)
    last = network.dense[-1]
    here = {"layer": depth, "activation": last.activation, "scalar": last.width == 1}
    premises = (function, results.pop("gradient_lipschitz", None), cells[last.activation])  # type: ignore[assignment]
    second = derivation.apply(bending.BendingLast(), *premises, **here)
    below = derivation.apply(bending.BendingBelow(), *premises, **here)
    if not bending.exact_network(network) and bending.two_layers_known(network, ball=False):
        given = (walk.input, walk.weights[2], function, second, *cells.values())
        second = derivation.apply(bending.TwoLayersLayers(), *given, network=network, high=second)
    if bending.exact_network(network):
        derivation.apply(bending.BendingReached(), second, *walk.weights.values(), network=network)
    results.pop("layer_lipschitz", None)
    results.update(gradient_lipschitz=second, lower_gradient_lipschitz=below)


def _joint_lines(derivation: Derivation, walk: Walk) -> None:
    """Residual and tied layers: the sharper bounds over the block bounds."""
    network, order = walk.network, derivation.problem.order
    for activation in network.activations:
        tradeoff(activation)  # raises where it is not known
    _numeric_sizes(network)
    least = derivation.assume(Hypothesis(Quantity("input_least"), nonnegative("x_least")))
    rest = derivation.assume(Hypothesis(Quantity("input_rest"), nonnegative("x_rest")))
    results = _block(derivation, walk)
    sizes = [name for number, name in walk.values.items() if number < len(network.units)]
    steps = [str(step) for step in network.steps]
    premises = [walk.input, least, rest, *walk.weights.values(), *steps, *sizes]
    first = derivation.apply(JointLinesFirst(), *premises, results["lipschitz"], network=network)
    free = isinstance(derivation.problem.parameters, LayerBalls) and not walk.bounded and not network.long_skips
    if free and not network.tied and all(unit.step is not None and tradeoff(unit.activation).odd for unit in network.units):
        derivation.apply(JointLinesReached(), *premises, first, network=network)
    results["lipschitz"] = first
    if free and network.tied and all(unit.step is not None for unit in network.units) and can_be_held(network):
        constants = [name for activation in network.activations for name in walk.constants(activation) if name]
        results["lower_lipschitz"] = derivation.apply(JointTiedReached(), *held_premises(derivation, [*premises, *constants])[0], network=network)
    if order >= 2:
        results.pop("layer_lipschitz")
        results["gradient_lipschitz"] = derivation.apply(JointLinesSecond(), *premises, results["gradient_lipschitz"], network=network)
        if free and bending_states.states_known(network):
            given = [*premises, results["gradient_lipschitz"]]
            if bending_states.one_neuron(network):
                results["gradient_lipschitz"] = derivation.apply(bending_states.StatesSecond(), *given, network=network)
            results["lower_gradient_lipschitz"] = derivation.apply(bending_states.StatesBelow(), *given, network=network)
    _set_results(derivation, results)


def held_premises(derivation: Derivation, premises: Sequence[str | None], order: int = 1, pushed: bool = True) -> tuple[list[str | None], list[str | None]]:
    """What the lower bounds of the first and of the second derivative by a held neuron start from: premises, products and shares along it."""
    network = derivation.problem.network
    products: dict[str, dict[int, str]] = {"P": {}, "K": {}}
    for letter, end in [("P", len(network.units))] + ([("K", bent_line(network) - 1)] if order >= 2 else []):
        for line in range(end, 0, -1):
            above = products[letter].get(line + 1)
            products[letter][line] = derivation.apply(HeldProducts(), *premises, above, network=network, letter=letter, line=line, end=end)
    shares: list[str | None] = []
    for group in network.groups:
        along = [products["P"][line] for line in network.lines_with(group)]
        here = {"network": network, "group": group}
        sums = [derivation.apply(HeldSums(), *premises, *along, far=far, **here) for far in (False, True)[: 1 + pushed]]
        shares.append(derivation.apply(HeldShares(), *premises, *along[:1], *sums, pushed=pushed, **here))
    return [*premises, *shares], [*premises, products["P"][bent_line(network)], *products["K"].values()]


def _joint_bounded(derivation: Derivation, walk: Walk) -> None:
    network = walk.network
    _numeric_sizes(network)
    results = _block(derivation, walk)
    premises = [walk.input, *walk.weights.values(), *walk.biases.values(), *_up_to_third(derivation), results["lipschitz"]]
    joint = derivation.apply(JointBoundedFirst(), *premises, network=network)
    _set_results(derivation, {**results, "lipschitz": joint})


def _joint_ball(derivation: Derivation) -> None:
    """The sharper bound of the first derivative, over the budget bounds."""
    network = derivation.problem.network
    assert isinstance(network.depth, int)
    centred = [peak_point(layer.activation) == 0 for layer in network.dense]
    if network.depth == 2 and network.dense[0].activation.expression.subs(z, 0) == 0:
        constants = [f"S1_{identifier(activation)}" for activation in network.activations]
        first = derivation.apply(BallTwoLayers(), "x_norm", "radius", *constants, network=network)
        if all(centred):
            derivation.apply(BallTwoLayersReached(), "x_norm", "radius", first, network=network)
    elif network.depth == 1:
        return
    else:
        _numeric_sizes(network)
        first = derivation.apply(JointBallFirst(), "x_norm", "radius", *_up_to_third(derivation), "L", network=network)
    derivation.results["lipschitz"] = derivation.steps[first].claim.symbol  # type: ignore[union-attr]
    if derivation.problem.order >= 2:
        _simplex(derivation)


def _simplex(derivation: Derivation) -> None:
    """The second derivative on the ball by the shares of the layers, where the cost of bending is known."""
    network, results = derivation.problem.network, derivation.results
    depth = len(network.dense)
    rules = [bending.rule_of(network, layer) for layer in range(1, depth)]
    if None in rules or not bending.last_layer_known(network) or not all(bending.has_cells(activation) for activation in network.activations):
        return
    if any(not isinstance(layer.width, int) for layer in network.dense):
        return
    weights = {layer: derivation.apply(ParameterBallNorms(), "radius", kind="weight", layer=layer) for layer in range(2, depth + 1)}
    cells = {activation: derivation.apply(bending.Cells(), activation=activation) for activation in network.activations}
    function = derivation.apply(bending.FirstLayer(), "x_norm")
    for layer, (rule, data) in enumerate(zip(rules, network.dense), 1):
        assert rule is not None
        function = derivation.apply(rule, function, weights[layer + 1], cells[data.activation], layer=layer, width=data.width, activation=data.activation)
    high = str(results["gradient_lipschitz"])
    last = network.dense[-1]
    whole = derivation.apply(bending.BendingLast(), function, high, cells[last.activation], layer=depth, activation=last.activation, scalar=last.width == 1)
    found = derivation.apply(bending.SimplexSecond(), "x_norm", "radius", high, whole, *cells.values(), network=network, high=high)
    if bending.two_layers_known(network, ball=True):
        found = derivation.apply(bending.TwoLayersBall(), "x_norm", "radius", function, whole, found, *cells.values(), network=network, high=found)
    results.pop("layer_lipschitz", None)
    results["gradient_lipschitz"] = derivation.steps[found].claim.symbol  # type: ignore[union-attr]


def peak_point(activation: Activation) -> sympy.Expr | None:
    """Where |s'| is S1, if that is known exactly and attained."""
    supremum = activation.supremum(1)
    return supremum.attained_at if supremum.exact else None


def _numeric_sizes(network: Network) -> None:
    if any(isinstance(width, sympy.Symbol) for width in network.widths[1:]):
        raise SymlipError("on this set method='joint' needs the widths as numbers; use method='block' for symbols")


def _up_to_third(derivation: Derivation) -> list[str]:
    """The constants S0 .. S3 and |s(0)| of all activations, which the search needs whatever the order."""
    found = []
    for activation in derivation.problem.network.activations:
        found += [derivation.apply(ActivationConstants(), activation=activation, order=order) for order in range(4)]
        found.append(derivation.apply(ActivationConstants(), activation=activation, order=0, at_zero=True))
    return found


def attained(activation: Activation, order: int) -> bool:
    """Whether S_order is known exactly, not as an enclosure only."""
    return activation.supremum(order).exact


def layer_bounds(derivation: Derivation, method: str) -> tuple[Walk, int]:
    """The bounds of a concrete network, layer by layer; what they started from, and the depth."""
    walk = Walk(derivation)
    if method == "joint":
        _joint(derivation, walk)
    elif derivation.problem.variables == "inputs":
        _set_results(derivation, _inputs(derivation, walk))
    else:
        higher = derivation.problem.order > 2
        results = _block(derivation, walk, first=not higher) if method == "block" else {}
        if method != "block" or higher:  # from order three on the recursions need a number for each layer and order
            results = {**_scalars(derivation, walk, "paired" if method == "block" else method), **results}
        _set_results(derivation, results)
    return walk, len(walk.network.units)


def _block(derivation: Derivation, walk: Walk, first: bool = True) -> dict[str, str | None]:
    """The block bounds; first: whether that of the first derivative, too."""
    blocks: str | None = None
    second: str | None = None
    if derivation.problem.variables == "both":
        blocks = derivation.apply(InputBlock(), walk.values[0], kind="blocks")
        second = derivation.apply(InputBlock(), blocks, kind="second_blocks") if derivation.problem.order >= 2 else None
    known: list[tuple[str | None, str | None]] = [(blocks, second)]
    for layer, unit in enumerate(walk.network.units, 1):
        if unit.activation is None:
            blocks, second = (
                derivation.apply(SkipEnd(), below, branch, layer=layer, start=unit.start, step=unit.step, kind=kind) if branch else None
                for kind, below, branch in zip(("blocks", "second_blocks"), known[unit.start], known[-1])
            )
        else:
            constants, here, weight = walk.constants(unit.activation), walk.here(layer), walk.weights[unit.group]
            pre = derivation.apply(BlockPreActivation(), weight, walk.values[layer - 1], blocks, **here)
            slope, bend = (BlockSlope(), BlockSecond()) if unit.step is None else (ResidualBlockSlope(), ResidualBlockSecond())
            below = blocks
            blocks = derivation.apply(slope, pre, below if unit.step is not None else None, *constants, **here)
            if derivation.problem.order >= 2:
                second = derivation.apply(bend, weight, pre, below, second, *constants, **here)
        known.append((blocks, second))
        value = walk.value(layer)
    results: dict[str, str | None] = {"value": value}
    if first:
        results["lipschitz"] = derivation.apply(BlockFirstNorm(), blocks, layer=layer)
    if second is not None:
        results["gradient_lipschitz"] = derivation.apply(BlockSecondNorm(), second, layer=layer)
        results["layer_lipschitz"] = second
    return results


def _scalars(derivation: Derivation, walk: Walk, method: str) -> dict[str, str | None]:
    """The separate or the paired bounds."""
    first: str | None = None
    second: str | None = None
    if derivation.problem.variables == "both":
        first, second = _moving_input(derivation)
    orders = range(3, derivation.problem.order + 1)
    higher: list[str | None] = [None for _ in orders]
    known: list[tuple[str | None, ...]] = [(first, second, *higher)]
    for layer, unit in enumerate(walk.network.units, 1):
        if unit.activation is None:
            first, second, *higher = _end_of_skip(derivation, layer, unit, known)
        else:
            weight, value, constants, here = walk.weights[unit.group], walk.values[layer - 1], walk.constants(unit.activation), walk.here(layer)
            below = first
            if unit.step is not None:
                first = derivation.apply(ResidualFirst(), weight, value, below, *constants, **here)
                if derivation.problem.order >= 2:
                    rule: Rule = ResidualSeparate() if method == "separate" else ResidualPaired()
                    second = derivation.apply(rule, weight, value, below, second, *constants, **here)
            else:
                pre = derivation.apply(PreActivation(), weight, value, below, **here)
                first = derivation.apply(Slope(), pre, *constants, **here)
                if derivation.problem.order >= 2:
                    rule = Separate() if method == "separate" else Paired()
                    premises = (pre,) if method == "separate" else (value,)
                    second = derivation.apply(rule, weight, *premises, below, second, *constants, **here)
            before = known[-1]
            higher = [
                derivation.apply(HigherDerivative(), weight, value, *before[:order], *constants, **{**here, "order": order, "step": unit.step})
                for order in orders
            ]
        known.append((first, second, *higher))
        last = walk.value(layer)
    found = {"value": last, "lipschitz": first, "gradient_lipschitz": second}
    return {**found, **{higher_result(order): name for order, name in zip(orders, higher)}}


def higher_result(order: int) -> str:
    """The name of the constant Lip(D^(order-1) N) in results, order 3 or more."""
    return "hessian_lipschitz" if order == 3 else f"derivative_{order - 1}_lipschitz"


def _end_of_skip(derivation: Derivation, layer: int, unit: Unit, known: Sequence[tuple[str | None, ...]]) -> tuple[str | None, ...]:
    """The derivatives of a sum h_start + d h_{u-1}, by the triangle inequality."""
    assert unit.start is not None
    return tuple(
        derivation.apply(SkipEnd(), below, branch, layer=layer, start=unit.start, step=unit.step, kind=kind) if branch else None
        for kind, below, branch in zip((derivative_kind(order) for order in itertools.count(1)), known[unit.start], known[-1])
    )


def _moving_input(derivation: Derivation) -> tuple[str, str | None]:
    first = derivation.apply(InputBlock(), kind="first")
    return first, derivation.apply(InputBlock(), kind="second") if derivation.problem.order >= 2 else None


def _inputs(derivation: Derivation, walk: Walk) -> dict[str, str | None]:
    """The derivatives in the input alone: one block, so that all methods agree."""
    first: str | None
    first, second = _moving_input(derivation)
    known: list[tuple[str | None, str | None]] = [(first, second)]
    for layer, unit in enumerate(walk.network.units, 1):
        if unit.activation is None:
            first, second = _end_of_skip(derivation, layer, unit, known)
        else:
            constants, here, weight = walk.constants(unit.activation), walk.here(layer), walk.weights[unit.group]
            pre = derivation.apply(InputPreActivation(), weight, first, **here)
            if unit.step is not None:
                below = first
                first = derivation.apply(ResidualInputs(), pre, below, *constants, order=1, **here)
                if second is not None:
                    second = derivation.apply(ResidualInputs(), weight, pre, second, *constants, order=2, **here)
            else:
                if second is not None:
                    second = derivation.apply(InputSecond(), weight, pre, second, *constants, **here)
                first = derivation.apply(Slope(), pre, *constants, **here)
        known.append((first, second))
    if derivation.problem.cost is not None:
        for layer in range(1, len(walk.network.units) + 1):
            walk.value(layer)
    return {"lipschitz": first, "gradient_lipschitz": second}


def _set_results(derivation: Derivation, results: dict[str, str | None]) -> None:
    for result, name in results.items():
        if name is not None:
            claim = derivation.steps[name].claim
            derivation.results[result] = claim.symbol  # type: ignore[union-attr]


# --- ordering -------------------------------------------------------------------------------------------------------


def _method_ordering(derivation: Derivation) -> None:
    walk = Walk(derivation)
    names: dict[str, str | None] = dict.fromkeys(("first", "separate", "paired", "blocks", "block", "below"))
    compared: dict[str, str | None] = {"paired": None, "block": None}
    for layer, data in enumerate(walk.network.dense, 1):
        weight, value, constants = walk.weights[layer], walk.values[layer - 1], walk.constants(data.activation)
        here = {"layer": layer, "activation": data.activation}
        pre = derivation.apply(PreActivation(), weight, value, names["first"], layer=layer)
        block_pre = derivation.apply(BlockPreActivation(), weight, value, names["blocks"], layer=layer)
        separate = derivation.apply(Separate(), weight, pre, names["first"], names["separate"], *constants, chain="Hs", **here)
        paired = derivation.apply(Paired(), weight, value, names["first"], names["paired"], *constants, chain="Hp", **here)
        block = derivation.apply(BlockSecond(), weight, block_pre, names["blocks"], names["block"], *constants, **here)
        eigenvalue = derivation.apply(BlockSecondNorm(), block, layer=layer, name=f"E_{layer}")
        compared["paired"] = derivation.apply(PairedBelowSeparate(), paired, separate, compared["paired"], layer=layer)
        compared["block"] = derivation.apply(BlockBelowPaired(), eigenvalue, paired, compared["block"], layer=layer)
        names.update(separate=separate, paired=paired, block=block)
        names["first"] = derivation.apply(Slope(), pre, *constants, **here)
        names["blocks"] = derivation.apply(BlockSlope(), block_pre, *constants, **here)
        if layer < len(walk.network.dense):
            walk.value(layer)
    _set_results(derivation, {"lipschitz": names["first"], "gradient_lipschitz": eigenvalue, "paired": names["paired"], "separate": names["separate"]})


def _ball_ordering(derivation: Derivation) -> None:
    network = derivation.problem.network
    depth = len(network.dense)
    layer_bounds(derivation, "block")
    ball = dict(derivation.results)
    derivation.results.clear()
    budget_bounds(derivation)
    derivation.apply(BudgetBelowBall(), f"L_{depth}", "L", smaller="L", larger=f"L_{depth}", kind="first", layer=depth)
    derivation.apply(BudgetBelowBall(), "Lambda", "Lambda_0", smaller="Lambda_0", larger="Lambda", kind="second", layer=depth)
    derivation.results.update({f"ball_{name}": symbol for name, symbol in ball.items() if name in ("lipschitz", "gradient_lipschitz")})


# --- any depth ------------------------------------------------------------------------------------------------------


def any_depth_bounds(derivation: Derivation) -> int | sympy.Symbol:
    problem = derivation.problem
    network, order = problem.network, problem.order
    parameters = problem.parameters
    assert isinstance(parameters, LayerBalls)
    layer, depth = network.dense[0], network.depth
    here = {"depth": depth, "activation": layer.activation}
    u = any_depth.u
    input_norm = derivation.assume(Hypothesis(Quantity("input"), nonnegative("x_norm")))
    if parameters.equal:
        weight = derivation.assume(Hypothesis(Quantity("weight", u), nonnegative("a")))
        constants = _constants(derivation, order)(layer.activation)
        value = derivation.apply(equal_layers.EqualLayerValues(), *constants, width=layer.width, activation=layer.activation)
        ratio = derivation.apply(equal_layers.SlopeRatio(), weight, *constants, activation=layer.activation)
        sizes = derivation.apply(equal_layers.SizesBefore(), input_norm, value, depth=depth)
        premises = (input_norm, value, sizes, ratio, *constants)
        first = derivation.apply(equal_layers.EqualLayersFirst(), *premises, **here)
        derivation.apply(equal_layers.EqualLayersBlocks(), *premises, **here)
        second = derivation.apply(equal_layers.EqualLayersSecond(), *premises, **here) if order >= 2 else None
    else:
        weight = derivation.assume(Hypothesis(Quantity("weight", u), indexed("a")[u], depth))
        bias = derivation.assume(Hypothesis(Quantity("bias", u), indexed("b")[u], depth)) if parameters.biases == "bounded" else None
        constants = _constants(derivation, order)(layer.activation)
        value = derivation.apply(
            any_depth.AnyDepthValues(), weight, bias, input_norm, *constants,
            depth=depth, width=layer.width, activation=layer.activation, bounded=bias is not None,
        )  # fmt: skip
        products = derivation.apply(any_depth.AnyDepthProducts(), weight, *constants, **here)
        pre = derivation.apply(any_depth.AnyDepthPreActivations(), value, products, depth=depth)
        first = derivation.apply(any_depth.AnyDepthFirst(), value, products, *constants, **here)
        derivation.apply(any_depth.AnyDepthBlocks(), pre, *constants, **here)
        second = derivation.apply(any_depth.AnyDepthSecond(), pre, products, *constants, **here) if order >= 2 else None
    _finish(derivation, value, first, second)
    return depth


def _finish(derivation: Derivation, value: str, first: str, second: str | None) -> None:
    last = derivation.apply(LastValue(), value, depth=derivation.problem.network.depth)
    results: dict[str, str | None] = {"value": last, "lipschitz": first}
    if second is not None:
        results["layer_lipschitz"] = second
        name = "Lambda_0" if "Lambda" in derivation.steps else "Lambda"
        depth = derivation.problem.network.depth
        results["gradient_lipschitz"] = derivation.apply(BlockSecondNorm(), second, layer=depth, name=name)
    _set_results(derivation, results)


# --- the shared budget ----------------------------------------------------------------------------------------------


def budget_bounds(derivation: Derivation) -> int | sympy.Symbol:
    problem = derivation.problem
    network, order = problem.network, problem.order
    input_norm = derivation.assume(Hypothesis(Quantity("input"), nonnegative("x_norm")))
    radius = derivation.assume(Hypothesis(Quantity("radius"), nonnegative("radius")))
    for step in network.steps:
        derivation.assume(Hypothesis(Quantity("step", step), step))
    of = _constants(derivation, order)
    constants = [name for activation in network.activations for name in of(activation)]
    if not network.plain:
        given = [*(str(step) for step in network.steps), radius, *constants]
        value = derivation.apply(budget_lines.SharedBudgetValues(), input_norm, *given, network=network)
        blocks = derivation.apply(budget_lines.SharedBudgetBlocks(), value, *given, network=network)
        first = derivation.apply(BlockFirstNorm(), blocks, layer=network.depth)
        second = derivation.apply(budget_lines.SharedBudgetSecond(), value, *given, network=network) if order >= 2 else None
        _finish(derivation, value, first, second)
        return network.depth
    if len(network.activations) > 1:
        tables = [derivation.apply(budget.ConstantTable(), *constants, network=network, order=k) for k in range(order + 1)]
        tables.append(derivation.apply(budget.ConstantTable(), *constants, network=network, order=0, at_zero=True))
        tables.append(derivation.apply(budget.SlopeProducts(), tables[1], depth=network.depth))
        constants += tables
    if len(set(network.widths[1:])) > 1:
        constants.append(derivation.apply(budget.WidthTable(), network=network))
    value = derivation.apply(budget.BudgetValues(), input_norm, radius, *constants, network=network)
    premises = (radius, value, *constants)
    derivation.apply(budget.BudgetBlocks(), *premises, network=network)
    first = derivation.apply(budget.BudgetFirst(), *premises, network=network)
    second = derivation.apply(budget.BudgetSecond(), *premises, network=network) if order >= 2 else None
    _finish(derivation, value, first, second)
    return network.depth


# --- the cost on top ------------------------------------------------------------------------------------------------


def _cost(derivation: Derivation, depth: int | sympy.Symbol, inner: Cost) -> None:
    network = derivation.problem.network
    averaged = derivation.problem.averaged
    rule = constants_rule(inner)
    outputs = network.widths[-1]
    by_kind = {
        claim.quantity.kind: step.name
        for step, claim in derivation.bounds
        if isinstance(claim, Bound) and isinstance(claim.quantity, Quantity) and claim.quantity.layer == depth
    }
    target: str | None = None
    value: str | None = None
    if isinstance(inner, HalfSquaredError):
        target = derivation.assume(Hypothesis(Quantity("target"), nonnegative("y_norm")))
        value = by_kind.get("value")
        if value is None:
            value = _last_value(derivation, depth)
    here = {"layer": depth, "width": outputs, "cost": inner}
    slope = derivation.apply(rule, value, target, curvature=False, **here)
    first = derivation.apply(CostFirst(), slope, by_kind["first"], layer=depth)
    results: dict[str, str | None] = {"cost_lipschitz": first}
    if averaged:
        results["cost_lipschitz"] = derivation.apply(RiskFirst(), first)
    if derivation.problem.order >= 2:
        curvature = derivation.apply(rule, value, target, curvature=True, **here)
        if "second_blocks" in by_kind:
            premises = (slope, curvature, by_kind["blocks"], by_kind["second_blocks"])
            second_rule = RiskSecondBlock() if averaged else CostSecondBlock()
            results["cost_gradient_lipschitz"] = derivation.apply(second_rule, *premises, layer=depth)
            if "bending" in by_kind:
                last = network.dense[-1]
                block = derivation.apply(CostSecondBlock(), *premises, layer=depth) if averaged else results["cost_gradient_lipschitz"]
                cells = f"cells_{identifier(last.activation)}"
                sharp = derivation.apply(bending.BendingCost(), slope, curvature, by_kind["bending"], cells, block, layer=depth, activation=last.activation)
                results["cost_gradient_lipschitz"] = derivation.apply(bending.RiskBending(), sharp, results["cost_gradient_lipschitz"]) if averaged else sharp
        else:
            second = derivation.apply(CostSecondScalar(), slope, curvature, by_kind["first"], by_kind["second"], layer=depth)
            results["cost_gradient_lipschitz"] = derivation.apply(RiskSecondScalar(), second) if averaged else second
        if derivation.problem.method == "joint" and not network.plain and not averaged:
            given, outer = [str(h.symbol) for h in derivation.hypotheses.values()], [slope, curvature]
            name = results["cost_gradient_lipschitz"]
            if isinstance(network, Field):
                sharp = joint_flow_cost(derivation, *given, *outer, name)
            else:
                sizes = [step.name for step, claim in derivation.bounds if isinstance(claim.quantity, Quantity) and claim.quantity.kind == "value"]
                sharp = derivation.apply(JointLinesSecond(), *given, *sizes, *outer, name, network=network, cost=True)
                if "Lstates" in derivation.steps:
                    sharp = derivation.apply(bending_states.StatesSecond(), *given, *outer, sharp, network=network, cost=True)
            results["cost_gradient_lipschitz"] = sharp
    third = cost_third(inner, derivation.problem.order) if derivation.problem.order > 2 else None
    for order in range(3, derivation.problem.order + 1):
        assert third is not None
        known = [step.name for step, claim in derivation.bounds if claim.quantity in [Quantity(derivative_kind(k), depth) for k in range(1, order + 1)]]
        highest = derivation.apply(CostHigher(), slope, curvature, derivation.apply(third, cost=inner), *known, layer=depth, order=order)
        results[f"cost_{higher_result(order)}"] = derivation.apply(RiskHigher(), highest, order=order) if averaged else highest
    _set_results(derivation, results)


def _last_value(derivation: Derivation, depth: int | sympy.Symbol) -> str:
    """The size of the outputs where the derivation has it for all layers at once."""
    for step, claim in derivation.bounds:
        if claim.quantity == Quantity("value", any_depth.u):
            return derivation.apply(LastValue(), step.name, depth=depth)
    raise SymlipError(
        "the half squared error needs bounded outputs, and with free biases an unbounded last layer has none; "
        "bound the biases: LayerBalls(biases='bounded'), or use Huber(delta)"
    )
