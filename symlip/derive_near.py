"""Derivations about a concrete network: while its parameters stay near the given ones, or along one direction."""

from __future__ import annotations

from typing import Any

from .calculus.claims import Bound, Hypothesis, nonnegative
from .calculus.derivation import Derivation
from .calculus.quantities import Quantity
from .calculus.rules.block_pre_activation import BlockPreActivation
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
from .calculus.rules.majorant import (
    Adjoint,
    ChangedAdjoint,
    ChangedDerivative,
    ChangedNorms,
    ChangedOutput,
    ChangeForm,
    ConeMoved,
    ConeNorm,
    ConeRest,
    ConeStability,
    ConeWeights,
    CostStability,
    DiagonalForm,
    Majorant,
    OutputGram,
    OutputRest,
    OutputSpreads,
    Reference,
    SlopeChange,
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
from .calculus.rules.near_skips import (
    NearBlockSecond,
    NearBlockSlope,
    NearResidualSecond,
    NearResidualSlope,
    NearWeight,
    SkipMovedOutput,
    SkipMovedPre,
    SkipOutputMoved,
)
from .calculus.rules.residual import SkipEnd
from .costs import Huber, Logistic, Risk, SoftmaxCrossEntropy
from .errors import SymlipError
from .networks import Network
from .parameter_sets import Cone, LocalSet, Neighbourhood, Segment

METHODS = {Neighbourhood: ("norm", "majorant"), Segment: ("line",), Cone: ("cone",)}


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
    if network.steps:
        raise SymlipError("a neighbourhood of given weights needs the steps of residual layers as numbers")
    if not network.plain and method not in ("line", "norm"):
        raise SymlipError(
            f"method={method!r} is derived for dense layers with their own parameters; with skips or tied layers there are method='norm' and 'line'"
        )


def local_bounds(derivation: Derivation) -> None:
    """Add the steps of a local derivation to a new one."""
    {"norm": _norm, "majorant": _majorant, "cone": _majorant, "line": _line}[derivation.problem.method](derivation)


class Centre:
    """The hypotheses and the network at the centre."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation, self.network = derivation, derivation.problem.network
        assume, apply = derivation.assume, derivation.apply
        self.inputs = assume(Hypothesis(Quantity("inputs"), real("xs")))
        self.targets = assume(Hypothesis(Quantity("targets"), real("ys")))
        self.weights, self.biases = {}, {}
        for layer in self.network.groups:
            self.weights[layer] = assume(Hypothesis(Quantity("centre_weight", layer), real(f"Aw_{layer}")))
            self.biases[layer] = assume(Hypothesis(Quantity("centre_bias", layer), real(f"bw_{layer}")))
        self.pre, self.outputs = {}, {0: self.inputs}
        for layer, unit in enumerate(self.network.units, 1):
            here = self.here(layer)
            if unit.group is not None:
                self.pre[layer] = apply(CentrePre(), self.outputs[layer - 1], self.weights[unit.group], self.biases[unit.group], **here)
            start = [] if unit.start is None else [self.outputs[unit.start]]
            branch = self.pre[layer] if unit.group is not None else self.outputs[layer - 1]
            self.outputs[layer] = apply(CentreOutput(), branch, *start, **here)

    def here(self, layer: int) -> dict[str, Any]:
        """What rules are told of a line."""
        unit = self.network.units[layer - 1]
        found: dict[str, Any] = {"layer": layer, "activation": unit.activation}
        if not self.network.plain:
            found |= {"group": unit.group, "step": unit.step, "signed": unit.signed_step, "start": unit.start}
        return found


class Ball(Centre):
    """What moves on the ball about the centre, layer by layer."""

    def __init__(self, derivation: Derivation, orders: tuple[int, ...]) -> None:
        super().__init__(derivation)
        apply, network = derivation.apply, self.network
        self.radius = derivation.assume(Hypothesis(Quantity("distance"), nonnegative("rad")))
        self.norms = {layer: apply(CentreNorm(), self.weights[layer], layer=layer) for layer in range(2, network.depth + 1)}
        self.sizes = {0: apply(NearValue(), self.inputs, layer=0)}
        self.moved_norm: dict[int, str] = {}
        self.moved_pre: dict[int, str] = {}
        self.moved: dict[int, str] = {}
        self.directions: list[str] = []
        self.reach = dict.fromkeys(range(1, network.depth + 1), self.radius)
        """What bounds the movement of each layer's weights."""

        self.suprema: dict[int, list[str]] = {}
        """By layer, of the derivatives of the orders asked for."""
        for layer, unit in enumerate(network.units, 1):
            below = (self.weights[layer], self.norms[layer], self.suprema[layer - 1][0], self.moved_norm[layer - 1]) if layer > 1 else ()
            self.moved_norm[layer] = apply(MovedNorm(), *below, self.sizes[layer - 1], layer=layer)
            self.moved_pre[layer] = apply(MovedPre(), *below, self.radius, self.sizes[layer - 1], layer=layer)
            here = {"layer": layer, "activation": unit.activation}
            chosen = orders if layer < network.depth or not is_identity(unit.activation) else (1,)
            self.suprema[layer] = [apply(NearSlope(), self.pre[layer], self.moved_pre[layer], order=order, **here) for order in chosen]
            self.moved[layer] = apply(Moved(), self.radius, self.moved_norm[layer], self.suprema[layer][0], self.moved_pre[layer], layer=layer)
            if layer < network.depth:
                self.sizes[layer] = apply(NearValue(), self.outputs[layer], self.moved[layer], layer=layer)


class ConeAbout(Centre):
    """What moves in a cone about an axis: exact derivatives along the axis, and a ball about each of its points."""

    def __init__(self, derivation: Derivation) -> None:
        super().__init__(derivation)
        apply, network, assume = derivation.apply, self.network, derivation.assume
        self.axis = {
            group: tuple(assume(Hypothesis(Quantity(f"direction_{kind}", group), real(f"{name}_{group}"))) for kind, name in (("weight", "Ud"), ("bias", "wd")))
            for group in network.groups
        }
        length, angle = assume(Hypothesis(Quantity("length"), nonnegative("len"))), assume(Hypothesis(Quantity("angle"), nonnegative("ang")))
        self.norms = {layer: apply(CentreNorm(), self.weights[layer], layer=layer) for layer in range(2, network.depth + 1)}
        self.sizes = {0: apply(NearValue(), self.inputs, layer=0)}
        self.size = (length, angle)
        self.directions: list[str] = []
        self.reach: dict[int, str] = {}
        self.suprema: dict[int, list[str]] = {}
        self.moved_pre: dict[int, str] = {}
        self.moved: dict[int, str] = {}
        self.away: dict[int, str] = {}
        self.first: dict[int, list[str]] = {}
        """The derivatives of the pre-activations along the axis, at the centre; with the fourth on the segment."""
        jets, bounds, moves = {0: [self.inputs]}, {0: [""]}, self.axis
        for layer, unit in enumerate(network.units, 1):
            here = {"layer": layer, "activation": unit.activation}
            norm = apply(ConeWeights(), moves[layer][0], layer=layer, kind="norm")
            self.reach[layer] = apply(ConeWeights(), norm, *self.size, layer=layer, kind="reach")
            orders = (1, 2, 3) if layer > 1 else (1,)
            pre = [apply(LinePre(), self.weights[layer], *moves[layer], *jets[layer - 1], order=order, **here) for order in orders]
            jets[layer] = [self.outputs[layer], *(apply(LineOutput(), self.pre[layer], *pre, order=order, **here) for order in (1, 2, 3))]
            fourth = [apply(LineFourthPre(), length, self.weights[layer], moves[layer][0], *bounds[layer - 1], layer=layer)] if layer > 1 else []
            self.first[layer] = [*pre, *fourth]
            along = apply(LineDerivative(), length, *pre, *fourth, layer=layer, order=0, axis=True)
            below = (self.weights[layer], moves[layer][0], norm, self.norms[layer], self.suprema[layer - 1][0], self.away[layer - 1]) if layer > 1 else ()
            self.away[layer] = apply(ConeNorm(), *below, *self.size, self.sizes[layer - 1], layer=layer, kind="norm")
            self.moved_pre[layer] = apply(ConeNorm(), *below, *self.size, along, self.sizes[layer - 1], layer=layer, kind="entries")
            affine = is_identity(unit.activation)
            chosen = (1,) if affine and layer == network.depth else (1, 2, 3, 4)
            self.suprema[layer] = [apply(NearSlope(), self.pre[layer], self.moved_pre[layer], order=order, **here) for order in chosen]
            self.moved[layer] = apply(ConeMoved(), self.suprema[layer][0], self.moved_pre[layer], layer=layer)
            if layer < network.depth:
                self.sizes[layer] = apply(NearValue(), self.outputs[layer], self.moved[layer], layer=layer)
                inner = fourth if affine else [*(apply(LineDerivative(), length, *pre, *fourth, layer=layer, order=order) for order in orders), *fourth]
                output = apply(LineFourthOutput(), *inner, *([] if affine else self.suprema[layer]), **here)
                bounds[layer] = [output, apply(LineThirdOutput(), length, output, *jets[layer], layer=layer, order=3)]


class BallWithSkips(Centre):
    """What moves on the ball, line by line, in a network with skips or shared parameters."""

    def __init__(self, derivation: Derivation) -> None:
        super().__init__(derivation)
        apply, network = derivation.apply, self.network
        self.radius = derivation.assume(Hypothesis(Quantity("distance"), nonnegative("rad")))
        self.norms = {group: apply(CentreNorm(), self.weights[group], layer=group) for group in network.groups}
        self.balls = {group: apply(NearWeight(), self.norms[group], self.radius, layer=group) for group in network.groups}
        self.sizes = {0: apply(NearValue(), self.inputs, layer=0)}
        self.suprema: dict[int, list[str]] = {}
        self.moved: dict[int, str] = {}
        output: dict[int, str] = {}
        for layer, unit in enumerate(network.units, 1):
            here, sources = self.here(layer), [output[index] for index in (layer - 1, unit.start) if index]
            shifts = [self.moved[index] for index in (layer - 1, unit.start) if index]
            entries: list[str] = []
            pre: list[str] = []
            if unit.group is not None:
                given = (self.sizes[layer - 1], *sources)
                pre = [apply(SkipMovedPre(), self.norms[unit.group], *given, kind="norm", **here), self.norms[unit.group], self.sizes[layer - 1]]
                moved_pre = apply(SkipMovedPre(), self.weights[unit.group], self.radius, *given, kind="entries", **here)
                self.suprema[layer] = [apply(NearSlope(), self.pre[layer], moved_pre, layer=layer, activation=unit.activation, order=order) for order in (1, 2)]
                entries = [self.suprema[layer][0], moved_pre]
                pre.append(self.suprema[layer][0])
            output[layer] = apply(SkipMovedOutput(), *pre, *sources, kind="norm", **here)
            self.moved[layer] = apply(SkipMovedOutput(), self.radius, output[layer], *entries, *shifts, kind="size", **here)
            self.sizes[layer] = apply(NearValue(), self.outputs[layer], self.moved[layer], layer=layer)


def _norm_with_skips(derivation: Derivation) -> None:
    ball = BallWithSkips(derivation)
    apply, network = derivation.apply, derivation.problem.network
    known: list[tuple[str | None, str | None]] = [(None, None)]
    for layer, unit in enumerate(network.units, 1):
        if unit.group is None:
            pairs = zip(("blocks", "second_blocks"), known[unit.start], known[-1])
            known.append(tuple(apply(SkipEnd(), below, branch, layer=layer, start=unit.start, step=unit.step, kind=kind) for kind, below, branch in pairs))  # type: ignore[arg-type]
            continue
        here = {"layer": layer, "activation": unit.activation, "step": unit.step}
        if unit.group != layer:
            here |= {"group": unit.group, "position": 2 * network.groups.index(unit.group)}
        (blocks, second), weight = known[-1], ball.balls[unit.group]
        pre = apply(BlockPreActivation(), weight, ball.sizes[layer - 1], blocks, **here)
        slope, bend = (NearBlockSlope, NearBlockSecond) if unit.step is None else (NearResidualSlope, NearResidualSecond)
        first = apply(slope(), pre, blocks if unit.step is not None else None, ball.suprema[layer][0], **here)
        known.append((first, apply(bend(), weight, pre, blocks, second, *ball.suprema[layer], **here)))
    blocks, second = known[-1]
    assert blocks is not None and second is not None
    _on_top(ball, blocks, second, [ball.moved[network.depth]])


def _norm(derivation: Derivation) -> None:
    if not derivation.problem.network.plain:
        _norm_with_skips(derivation)
        return
    ball = Ball(derivation, (1, 2))
    apply, network = derivation.apply, derivation.problem.network
    first = apply(NearPreBlocks(), ball.sizes[0], layer=1)
    second = apply(NearPreSecond(), first, layer=1)
    for layer in range(2, network.depth + 1):
        slopes, curvatures = ball.suprema[layer - 1]
        matrix = apply(NearMatrix(), ball.radius, ball.weights[layer], ball.norms[layer], slopes, layer=layer)
        curving = apply(NearCurving(), ball.radius, ball.weights[layer], curvatures, layer=layer)
        before = first
        first = apply(NearPreBlocks(), matrix, before, ball.sizes[layer - 1], layer=layer)
        second = apply(NearPreSecond(), slopes, before, matrix, second, curving, layer=layer)
    _risk(ball, first, second)


def _majorant(derivation: Derivation) -> None:
    network, cost = derivation.problem.network, derivation.problem.sample_cost
    if not is_identity(network.units[-1].activation):
        raise SymlipError(f"method={derivation.problem.method!r} is derived for an affine last layer; method='norm' takes any")
    if isinstance(cost, Huber):
        raise SymlipError(f"method={derivation.problem.method!r} needs SoftmaxCrossEntropy(), HalfSquaredError() or Logistic(); Huber has method='norm'")
    cone = isinstance(derivation.problem.parameters, Cone)
    ball = ConeAbout(derivation) if cone else Ball(derivation, (1, 2, 3))
    apply, depth = derivation.apply, network.depth
    layers = {layer: {"layer": layer, "depth": depth, "activation": network.units[layer - 1].activation} for layer in range(1, depth + 1)}
    outputs = [ball.outputs[depth], ball.targets]
    if isinstance(cost, SoftmaxCrossEntropy):
        outputs.append(apply(NearSoftmaxProbabilities(), ball.outputs[depth], layer=depth))
    adjoint = {depth: apply(Adjoint(), *outputs, layer=depth, depth=depth, kind="end", cost=cost)}
    multiplier: dict[int, str] = {}
    weight: dict[int, str] = {}
    for layer in range(depth - 1, 0, -1):
        multiplier[layer] = apply(Adjoint(), ball.weights[layer + 1], adjoint[layer + 1], kind="back", **layers[layer])
        adjoint[layer] = apply(Adjoint(), ball.pre[layer], multiplier[layer], kind="adjoint", **layers[layer])
        weight[layer] = apply(Adjoint(), ball.pre[layer], multiplier[layer], kind="curving", **layers[layer])
    grams: list[str] = []
    if isinstance(cost, SoftmaxCrossEntropy) and isinstance(ball, Ball):
        vectors = apply(OutputGram(), ball.outputs[depth], kind="back", **layers[depth])
        for layer in range(depth, 0, -1):
            if layer < depth:
                vectors = apply(OutputGram(), ball.weights[layer + 1], ball.pre[layer], vectors, kind="back", **layers[layer])
            grams.append(apply(OutputGram(), ball.outputs[layer - 1], vectors, *grams[-1:], kind="gram", **layers[layer]))
    reference = _reference(ball, layers)
    slope_change = {layer: apply(SlopeChange(), ball.suprema[layer][1], ball.moved_pre[layer], layer=layer) for layer in range(1, depth)}
    changed = {1: apply(ChangedDerivative(), layer=1, depth=depth)}
    for layer in range(2, depth + 1):
        below = layer - 1
        norms = [
            apply(ChangedNorms(), ball.weights[layer], ball.norms[layer], ball.suprema[below][0], slope_change[below], layer=layer, kind=kind)
            for kind in ("slopes", "changes")
        ]
        norms.append(apply(ChangedNorms(), ball.norms[layer], norms[1], slope_change[below], reference[below], layer=layer, kind="indicator"))
        changed[layer] = apply(
            ChangedDerivative(), ball.reach[layer], ball.norms[layer], ball.suprema[below][0], ball.moved[below], *norms, changed[below], layer=layer, depth=depth
        )  # fmt: skip
    hidden = [ball.suprema[layer][0] for layer in range(1, depth)]
    spreads = [apply(OutputSpreads(), outputs[-1], depth=depth, kind="c0")] if isinstance(cost, SoftmaxCrossEntropy) else []
    known = [*outputs, *spreads, ball.moved[depth], ball.moved_pre[depth]]
    rule: CostStability | ConeStability = CostStability()
    if isinstance(ball, Ball):
        unit = apply(OutputRest(), *[ball.moved_norm[layer] for layer in range(1, depth)], *hidden, *slope_change.values(), depth=depth, kind="unit")
        known += [ball.radius, apply(OutputRest(), ball.radius, changed[depth], unit, depth=depth, kind="rest"), *grams[-1:]]
    elif isinstance(cost, SoftmaxCrossEntropy):
        rule = ConeStability()
        known += [*ball.size, ball.first[depth][0], ball.away[depth], apply(ConeRest(), ball.size[0], *ball.first[depth], depth=depth)]
    alike = {"alike": True} if isinstance(ball, Ball) and depth == 1 else {}
    factor = apply(rule, *known, depth=depth, kind="factor", cost=cost, **alike)
    curvature = apply(CostStability(), *known, factor, depth=depth, kind="curvature", cost=cost)
    change = {depth: apply(rule, *known, factor, curvature, depth=depth, kind="gradient", cost=cost)}
    curving: dict[int, str] = {}
    size: dict[int, str] = {}
    for layer in range(depth - 1, 0, -1):
        step = apply(ChangedAdjoint(), ball.reach[layer + 1], ball.weights[layer + 1], adjoint[layer + 1], change[layer + 1], layer=layer, kind="multiplier")
        here = (step, multiplier[layer], slope_change[layer], *ball.suprema[layer], ball.moved_pre[layer])
        change[layer] = apply(ChangedAdjoint(), *here, layer=layer, kind="adjoint")
        curving[layer] = apply(ChangedAdjoint(), *here, layer=layer, kind="curving")
        size[layer] = apply(ChangedAdjoint(), *here, weight[layer], curving[layer], layer=layer, kind="size")
    extra = []
    if isinstance(cost, SoftmaxCrossEntropy) and depth > 1:
        below = depth - 1
        spreads.append(apply(OutputSpreads(), outputs[-1], ball.weights[depth], depth=depth, kind="cs"))
        extra = [outputs[-1], *spreads, ball.norms[depth], ball.suprema[below][0], slope_change[below], reference[below]]
        for kind in ("cnr", "cnw", "cns", "cni"):
            extra.append(apply(OutputSpreads(), *extra, depth=depth, kind=kind))
        extra += [ball.reach[depth], ball.moved[below], changed[below], factor]
    output = apply(ChangedOutput(), curvature, changed[depth], *extra, depth=depth, cost=cost)
    parts = [apply(ChangeForm(), apply(ChangeForm(), factor, output, layer=0, depth=depth, kind="outputs"), layer=0, depth=depth, kind="part")]
    for layer in range(2, depth + 1):
        here = (change[layer], adjoint[layer], changed[layer], *([size[layer]] if layer < depth else []), ball.suprema[layer - 1][0], changed[layer - 1])
        parts.append(apply(ChangeForm(), *here, layer=layer, depth=depth, kind="part"))
    form = apply(ChangeForm(), *parts, layer=0, depth=depth, kind="whole")
    given = [*outputs, *reference.values(), *hidden, *slope_change.values(), *size.values(), *ball.directions]
    atoms = apply(Reference(), *given, layer=depth, depth=depth, kind="atoms", cost=cost)
    diagonal = apply(DiagonalForm(), form, atoms, depth=depth)
    results = [apply(Majorant(), diagonal, layer=layer, depth=depth, kind="shift") for layer in range(1, depth + 1)]
    results += [
        apply(Majorant(), diagonal, curving[layer], size[layer], ball.suprema[layer][0], slope_change[layer], layer=layer, depth=depth, kind="neurons")
        for layer in range(1, depth)
    ]
    results.append(apply(Majorant(), diagonal, layer=depth, depth=depth, kind="outputs"))
    for name in results:
        claim = derivation.steps[name].claim
        assert isinstance(claim, Bound)
        derivation.results[name] = claim.symbol


def _reference(ball: Ball | ConeAbout, layers: dict[int, dict[str, Any]]) -> dict[int, str]:
    """The derivatives of the pre-activations along the reference direction."""
    derivation, depth = ball.derivation, ball.network.depth
    ball.directions = []
    found: dict[int, str] = {}
    below = ball.inputs
    for layer in range(1, depth + 1):
        pair = [
            derivation.assume(Hypothesis(Quantity(kind, layer), real(f"{name}_{layer}")))
            for kind, name in (("reference_weight", "Wr"), ("reference_bias", "wr"))
        ]
        ball.directions += pair
        moved = [below] if layer > 1 else []
        found[layer] = derivation.apply(Reference(), ball.outputs[layer - 1], ball.weights[layer], *pair, *moved, kind="pre", **layers[layer])
        below = derivation.apply(Reference(), ball.pre[layer], found[layer], kind="post", **layers[layer]) if layer < depth else below
    return found


def _risk(ball: Ball, first: str, second: str) -> None:
    """The cost on top and its average."""
    derivation, network = ball.derivation, ball.network
    apply, depth = derivation.apply, network.depth
    last = {"layer": depth, "activation": network.units[-1].activation}
    outer = [] if is_identity(network.units[-1].activation) else ball.suprema[depth]
    blocks = apply(NearOutput(), first, *outer, order=1, **last)
    second_blocks = apply(NearOutput(), first, second, *outer, order=2, **last)
    _on_top(ball, blocks, second_blocks, [ball.moved_pre[depth], *outer[:1]])


def _on_top(ball: Ball | BallWithSkips, blocks: str, second_blocks: str, entries: list[str]) -> None:
    """The cost on top of the outputs' derivatives, and its average; entries: what bounds the movement of each output."""
    derivation, network = ball.derivation, ball.network
    apply, depth = derivation.apply, network.depth
    cost = derivation.problem.sample_cost
    assert cost is not None
    rule, premises = near_cost(cost), [ball.outputs[depth], ball.targets, ball.moved[depth]]
    if isinstance(cost, SoftmaxCrossEntropy):
        premises.append(apply(NearSoftmaxProbabilities(), ball.outputs[depth], layer=depth))
    if isinstance(cost, Logistic):
        each: OutputMoved | SkipOutputMoved = OutputMoved() if network.plain else SkipOutputMoved()
        premises.append(apply(each, *entries, layer=depth, activation=network.units[-1].activation))
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
        group: (
            assume(Hypothesis(Quantity("direction_weight", group), real(f"Ud_{group}"))),
            assume(Hypothesis(Quantity("direction_bias", group), real(f"wd_{group}"))),
        )
        for group in network.groups
    }
    length = assume(Hypothesis(Quantity("length"), nonnegative("len")))
    jets: dict[int, list[str]] = {0: [centre.inputs]}
    bounds: dict[int, list[str]] = {0: []}
    moved: list[str] = []
    for layer, unit in enumerate(network.units, 1):
        here = centre.here(layer)
        old_jets, old_bound = ([], []) if unit.start is None else (jets[unit.start], bounds[unit.start][:1])
        pre: list[str] = []
        inner: list[str] = []
        near: list[str] = []
        if unit.group is None:
            inner = bounds[layer - 1][:1]
            old_jets = [*old_jets, *jets[layer - 1]]
        else:
            orders = (1, 2, 3) if layer > 1 else (1,)
            weights = (centre.weights[unit.group], *moves[unit.group])
            pre = [apply(LinePre(), *weights, *jets[layer - 1], order=order, **here) for order in orders]
            fourth = [apply(LineFourthPre(), length, *weights[:2], *bounds[layer - 1], **here)] if layer > 1 else []
            moved_pre = apply(LineDerivative(), length, *pre, *fourth, layer=layer, order=0)
            inner = fourth
            if not is_identity(unit.activation):
                inner = [*(apply(LineDerivative(), length, *pre, *fourth, layer=layer, order=order) for order in orders), *fourth]
                near = [apply(NearSlope(), centre.pre[layer], moved_pre, layer=layer, activation=unit.activation, order=order) for order in (1, 2, 3, 4)]
        point = [centre.pre[layer]] if unit.group is not None else []
        jets[layer] = [centre.outputs[layer], *(apply(LineOutput(), *point, *pre, *old_jets, order=order, **here) for order in (1, 2, 3))]
        output = apply(LineFourthOutput(), *inner, *near, *old_bound, **here)
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
