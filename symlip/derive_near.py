"""Derivations about a concrete network: while its parameters stay near the given ones, or along one direction."""

from __future__ import annotations

from .calculus.claims import Bound, Hypothesis, nonnegative
from .calculus.derivation import Derivation
from .calculus.quantities import Quantity
from .calculus.rules.line import (
    LineDerivative,
    LineFourthOutput,
    LineFourthPre,
    LineMoments,
    LineOutput,
    LinePre,
    LineProbabilities,
    LineRisk,
    LineThirdOutput,
    line_cost,
)
from .calculus.rules.near import (
    CentreNorm,
    CentreOutput,
    CentrePre,
    Moved,
    MovedNorm,
    MovedPre,
    NearCurving,
    NearMatrix,
    NearOutput,
    NearPreBlocks,
    NearPreSecond,
    NearSlope,
    NearSoftmaxProbabilities,
    NearValue,
    OutputMoved,
    RiskBlocks,
    RiskNorm,
    is_identity,
    near_cost,
    real,
)
from .costs import Logistic, Risk, SoftmaxCrossEntropy
from .errors import SymlipError
from .networks import Network
from .parameter_sets import LocalSet, Neighbourhood, Segment

METHODS = {Neighbourhood: ("norm",), Segment: ("line",)}


def check_local(network: Network, parameters: LocalSet, method: str, cost: object) -> None:
    """Raise SymlipError for arguments that no local derivation can start from."""
    if not isinstance(network, Network):
        raise SymlipError(f"a neighbourhood of given weights is derived for a Network, not for {network!r}")
    known = METHODS[type(parameters)]
    if method not in known:
        raise SymlipError(f"method={method!r} is not one for {type(parameters).__name__}: it is one of {', '.join(known)}")
    if not isinstance(cost, Risk):
        raise SymlipError(f"{type(parameters).__name__} speaks of the average cost over data: give cost=Risk(SoftmaxCrossEntropy()) or another")
    if network.symbolic_depth or any(not isinstance(width, int) for width in network.widths):
        raise SymlipError("a neighbourhood of given weights needs widths and depth as numbers")
    if not network.plain:
        raise SymlipError(
            "a neighbourhood of given weights is derived for dense layers with their own parameters; skips and tied layers: LayerBalls(), method='block'"
        )


def local_bounds(derivation: Derivation) -> None:
    """Add the steps of a local derivation to a new one."""
    {"norm": _norm, "line": _line}[derivation.problem.method](derivation)


class Centre:
    """The hypotheses and the network at the centre."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation, self.network = derivation, derivation.problem.network
        assume, apply = derivation.assume, derivation.apply
        self.inputs = assume(Hypothesis(Quantity("inputs"), real("xs")))
        self.targets = assume(Hypothesis(Quantity("targets"), real("ys")))
        self.weights, self.biases = {}, {}
        for layer in range(1, self.network.depth + 1):
            self.weights[layer] = assume(Hypothesis(Quantity("centre_weight", layer), real(f"Aw_{layer}")))
            self.biases[layer] = assume(Hypothesis(Quantity("centre_bias", layer), real(f"bw_{layer}")))
        self.pre, self.outputs = {}, {0: self.inputs}
        for layer, unit in enumerate(self.network.units, 1):
            self.pre[layer] = apply(CentrePre(), self.outputs[layer - 1], self.weights[layer], self.biases[layer], layer=layer)
            self.outputs[layer] = apply(CentreOutput(), self.pre[layer], layer=layer, activation=unit.activation)


def _norm(derivation: Derivation) -> None:
    centre = Centre(derivation)
    apply, network = derivation.apply, derivation.problem.network
    radius = derivation.assume(Hypothesis(Quantity("distance"), nonnegative("rad")))
    norms = {layer: apply(CentreNorm(), centre.weights[layer], layer=layer) for layer in range(2, network.depth + 1)}
    sizes = {0: apply(NearValue(), centre.inputs, layer=0)}
    moved_norm: dict[int, str] = {}
    moved_pre: dict[int, str] = {}
    slopes: dict[int, str] = {}
    curvatures: dict[int, str] = {}
    moved: dict[int, str] = {}
    for layer, unit in enumerate(network.units, 1):
        below = (centre.weights[layer], norms[layer], slopes[layer - 1], moved_norm[layer - 1]) if layer > 1 else ()
        moved_norm[layer] = apply(MovedNorm(), *below, sizes[layer - 1], layer=layer)
        moved_pre[layer] = apply(MovedPre(), *below, radius, sizes[layer - 1], layer=layer)
        here = {"layer": layer, "activation": unit.activation}
        slopes[layer] = apply(NearSlope(), centre.pre[layer], moved_pre[layer], order=1, **here)
        curvatures[layer] = apply(NearSlope(), centre.pre[layer], moved_pre[layer], order=2, **here)
        moved[layer] = apply(Moved(), radius, moved_norm[layer], slopes[layer], moved_pre[layer], layer=layer)
        sizes[layer] = apply(NearValue(), centre.outputs[layer], moved[layer], layer=layer)
    first, second = apply(NearPreBlocks(), sizes[0], layer=1), ""
    second = apply(NearPreSecond(), first, layer=1)
    for layer in range(2, network.depth + 1):
        matrix = apply(NearMatrix(), radius, centre.weights[layer], norms[layer], slopes[layer - 1], layer=layer)
        curving = apply(NearCurving(), radius, centre.weights[layer], curvatures[layer - 1], layer=layer)
        before = first
        first = apply(NearPreBlocks(), matrix, before, sizes[layer - 1], layer=layer)
        second = apply(NearPreSecond(), slopes[layer - 1], before, matrix, second, curving, layer=layer)
    _risk(centre, first, second, slopes, curvatures, moved, moved_pre)


def _risk(
    centre: Centre, first: str, second: str, slopes: dict[int, str], curvatures: dict[int, str], moved: dict[int, str], moved_pre: dict[int, str]
) -> None:
    """The cost on top and its average."""
    derivation, network = centre.derivation, centre.network
    apply, depth = derivation.apply, network.depth
    last = {"layer": depth, "activation": network.units[-1].activation}
    outer = () if is_identity(network.units[-1].activation) else (slopes[depth], curvatures[depth])
    blocks = apply(NearOutput(), first, *outer, order=1, **last)
    second_blocks = apply(NearOutput(), first, second, *outer, order=2, **last)
    cost = derivation.problem.sample_cost
    assert cost is not None
    rule, premises = near_cost(cost), [centre.outputs[depth], centre.targets, moved[depth]]
    if isinstance(cost, SoftmaxCrossEntropy):
        premises.append(apply(NearSoftmaxProbabilities(), centre.outputs[depth], layer=depth))
    if isinstance(cost, Logistic):
        premises.append(apply(OutputMoved(), moved_pre[depth], *outer[:1], **last))
    curvature = apply(rule, *premises, layer=depth, curvature=True, cost=cost)
    slope = apply(rule, *premises, curvature, layer=depth, curvature=False, cost=cost)
    risk = [
        apply(RiskBlocks(), slope, blocks, layer=depth, order=1),
        apply(RiskBlocks(), slope, curvature, blocks, second_blocks, layer=depth, order=2),
    ]
    names = [apply(RiskNorm(), risk[order - 1], order=order) for order in (1, 2)]
    for result, name in (("cost_lipschitz", names[0]), ("cost_gradient_lipschitz", names[1]), ("layer_lipschitz", risk[1])):
        claim = derivation.steps[name].claim
        assert isinstance(claim, Bound)
        derivation.results[result] = claim.symbol


def _line(derivation: Derivation) -> None:
    rule = line_cost(derivation.problem.sample_cost)
    centre = Centre(derivation)
    apply, network, assume = derivation.apply, derivation.problem.network, derivation.assume
    depth = network.depth
    moves = {
        layer: (
            assume(Hypothesis(Quantity("direction_weight", layer), real(f"Ud_{layer}"))),
            assume(Hypothesis(Quantity("direction_bias", layer), real(f"wd_{layer}"))),
        )
        for layer in range(1, depth + 1)
    }
    length = assume(Hypothesis(Quantity("length"), nonnegative("len")))
    jets: dict[int, list[str]] = {0: [centre.inputs]}
    bounds: dict[int, list[str]] = {}
    moved: list[str] = []
    for layer, unit in enumerate(network.units, 1):
        here = {"layer": layer, "activation": unit.activation}
        orders = (1, 2, 3) if layer > 1 else (1,)
        pre = [apply(LinePre(), centre.weights[layer], *moves[layer], *jets[layer - 1], order=order, **here) for order in orders]
        jets[layer] = [centre.outputs[layer], *(apply(LineOutput(), centre.pre[layer], *pre, order=order, **here) for order in (1, 2, 3))]
        fourth = [apply(LineFourthPre(), length, centre.weights[layer], moves[layer][0], *bounds[layer - 1], layer=layer)] if layer > 1 else []
        moved_pre = apply(LineDerivative(), length, *pre, *fourth, layer=layer, order=0)
        if is_identity(unit.activation):
            inner, near = fourth, []
        else:
            inner = [*(apply(LineDerivative(), length, *pre, *fourth, layer=layer, order=order) for order in orders), *fourth]
            near = [apply(NearSlope(), centre.pre[layer], moved_pre, order=order, **here) for order in (1, 2, 3, 4)]
        output = apply(LineFourthOutput(), *inner, *near, **here)
        bounds[layer] = [output]
        if layer < depth:
            bounds[layer].append(apply(LineThirdOutput(), length, output, *jets[layer], layer=layer, order=3))
        else:
            moved = [apply(LineThirdOutput(), length, output, *jets[layer], layer=layer, order=order, last=True) for order in range(4)]
    cost, last = derivation.problem.sample_cost, jets[depth]
    extra = []
    if isinstance(cost, SoftmaxCrossEntropy):
        extra = [apply(LineProbabilities(), *last, layer=depth, moving=False), apply(LineProbabilities(), *moved, layer=depth, moving=True)]
    if isinstance(cost, SoftmaxCrossEntropy):
        moments = [(order, variance) for order in (1, 2, 3) for variance in (False, True) if variance or order < 3]
        extra += [apply(LineMoments(), *last, *moved, *extra, layer=depth, order=order, variance=variance) for order, variance in moments]
    found = [apply(rule, centre.targets, *last, *extra[:1], layer=depth, order=order, cost=cost) for order in range(4)]
    found.append(apply(rule, centre.targets, *last, *extra, *moved, bounds[depth][0], layer=depth, order=4, cost=cost))
    averages = [apply(LineRisk(), name, order=order) for order, name in enumerate(found)]
    curvature = apply(LineRisk(), length, *averages[2:], order=5)
    names = ("cost", "slope", "second_derivative", "third_derivative", "fourth_derivative", "curvature")
    for result, name in zip(names, [*averages, curvature]):
        claim = derivation.steps[name].claim
        assert isinstance(claim, Bound)
        derivation.results[result] = claim.symbol
