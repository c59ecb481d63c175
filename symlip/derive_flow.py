"""Bounds for networks of continuous depth: general controlled ODEs, and neural ODEs."""

from __future__ import annotations

from typing import Any

import sympy

from .activations import z as activation_variable
from .calculus.claims import Hypothesis, nonnegative
from .calculus.derivation import Derivation, Problem
from .calculus.quantities import Quantity
from .calculus.rules.activation_constants import ActivationConstants
from .calculus.rules.block_norms import BlockFirstNorm, BlockSecondNorm
from .calculus.rules.block_pre_activation import BlockPreActivation
from .calculus.rules.flow import DepthDependentFirst, DepthDependentSecond, FieldConstant, FlowFirst, FlowSecond, FlowValue
from .calculus.rules.flow_limits import (
    JUMPS,
    EulerBelow,
    EulerBlocksBound,
    EulerFirstBound,
    EulerLimit,
    EulerSecondBound,
    FieldFirstReached,
    FieldSecondReached,
    HeldFirst,
    HeldSecond,
    NoGlobalFlowBound,
)
from .calculus.rules.input_value import InputValue
from .calculus.rules.joint_flow import JointFlowDepthDependent, JointFlowDepthDependentSecond, JointFlowFirst, JointFlowSecond
from .calculus.rules.neural import (
    CellFlowBlocks,
    Exponent,
    FlowBlocks,
    FlowBlocksSecond,
    FlowEntry,
    Growth,
    NeuralConstants,
    NeuralDepthDependentFirst,
    StateSize,
)
from .calculus.rules.residual import ResidualBlockSecond, ResidualBlockSlope
from .errors import SymlipError
from .fields import END, ControlledODE, Field, Flow, NeuralODE, variation
from .parameter_sets import AllParameters, LayerBalls, ParameterSet
from .tradeoff import tradeoff

LETTERS = ("k", "v1", "v2", "w", "c")
RESERVED = {"R", "U", "y", "z", "e", "Gaa", "Gab", "Gbb", "Lambda", "Lcost", "Hcost", "Lrisk", "Hrisk", "x_norm", "y_norm", "g1", "g2", "a", "b"}


def check_field(field: Field, parameters: ParameterSet | None, method: str, order: int, variables: str) -> None:
    """Raise SymlipError for what is not known of continuous depth."""
    if variables != "parameters":
        raise SymlipError(f"variables={variables!r}: of a network of continuous depth the derivatives in the parameters are derived")
    if order not in (1, 2):
        raise SymlipError(f"order={order!r}: it is 1 (the state) or 2 (its gradient, too)")
    if isinstance(field, ControlledODE):
        if parameters is not None:
            raise SymlipError("a ControlledODE is known by its constants alone: derive(field) takes no parameter set")
        if method != "block":
            raise SymlipError(f"method={method!r}: a field known by its constants has one bound; leave the method out")
        missing = [name for name in ("parameter_curvature", "mixed_curvature", "state_curvature") if getattr(field, name) is None]
        if order == 2 and missing:
            raise SymlipError(f"the field has no {missing[0]}: give it, or ask for order=1")
    elif not isinstance(parameters, LayerBalls | None):
        raise SymlipError(f"a NeuralODE is bounded on LayerBalls(), |A|_2 <= a, not on {parameters!r}")
    elif method == "paired":
        raise SymlipError("method='paired' is wrong for shared parameters: use method='block', or 'separate' for the general theorem")
    for size in field.steps:
        if size.name in RESERVED or size.name in LETTERS or size.name in ("v0", "k0"):
            raise SymlipError(f"the name {size.name!r} of a piece of the control is used by the derivation itself: choose another, such as d or U_1")


def flow_bounds(derivation: Derivation) -> sympy.Expr:
    """Add the bounds to the derivation; return the index of the last piece of the control."""
    field = derivation.problem.network
    for step in field.steps:
        derivation.assume(Hypothesis(Quantity("step", step), step))
    total = derivation.assume(Hypothesis(Quantity("total_variation"), nonnegative("U"))) if field.control is None else None
    if isinstance(field, ControlledODE):
        _general(derivation, field, total)
    else:
        _neural(derivation, field, total)
    return field.depth


def _pieces(field: Field) -> list[Any]:
    return [END] if field.control is None else list(range(1, len(field.control) + 1))


def _set(derivation: Derivation, **results: str | None) -> None:
    for name, step in results.items():
        if step is not None:
            derivation.results[name] = derivation.steps[step].claim.symbol  # type: ignore[union-attr]


def _general(derivation: Derivation, field: ControlledODE, total: str | None) -> None:
    order = derivation.problem.order
    wanted = [letter for letter in (*(LETTERS[:2] if order == 1 else LETTERS), "v0", "k0") if letter in field.constants]
    names: dict[str, str] = {}
    given = {letter: field.constants[letter] for letter in wanted}
    # a symbol that is a constant by itself is its own bound; the symbols inside other expressions are arguments
    for letter, value in given.items():
        if isinstance(value, sympy.Symbol) and value != variation and str(value) not in derivation.hypotheses:
            names[letter] = derivation.assume(Hypothesis(Quantity(f"field_{letter}"), value))
    for symbol in sorted(set().union(*(value.free_symbols for value in given.values())) - {variation}, key=str):
        if str(symbol) not in derivation.hypotheses:
            derivation.assume(Hypothesis(Quantity("constant", symbol), symbol))
    for letter, value in given.items():
        if letter not in names:
            names[letter] = derivation.apply(
                FieldConstant(), *_constants_in(value, derivation), letter=letter, value=value, name=f"{letter}_V" if letter in derivation.hypotheses else letter
            )  # fmt: skip
    sized = "v0" in names
    start = derivation.assume(Hypothesis(Quantity("input"), nonnegative("x_norm"))) if sized else None
    _walk(derivation, field, total, names, start)


def _constants_in(value: sympy.Expr, derivation: Derivation) -> list[str]:
    return [str(symbol) for symbol in sorted(value.free_symbols, key=str) if str(symbol) in derivation.hypotheses]


def _walk(derivation: Derivation, field: Field, total: str | None, names: dict[str, str], start: str | None, value: str | None = None) -> None:
    """The general theorem, piece by piece."""
    order, apply = derivation.problem.order, derivation.apply
    steps = [str(step) for step in field.steps]
    if field.parameters == "depth-dependent":
        first: str | None = apply(DepthDependentFirst(), total, names["k"], names["v1"])
        second: str | None = apply(DepthDependentSecond(), total, *(names[letter] for letter in LETTERS)) if order >= 2 else None
        value = apply(FlowValue(), total, start, names["v0"], names["k0"]) if start else None
        _set(derivation, value=value, lipschitz=first, gradient_lipschitz=second)
        return
    first, second = None, None
    for piece in _pieces(field):
        here = {"control": field.control, "piece": piece}
        if start is not None:
            value = apply(FlowValue(), total, start, value, *steps, names["v0"], names["k0"], **here)
        below: str | None = first
        first = apply(FlowFirst(), total, first, *steps, names["k"], names["v1"], **here)
        if order >= 2:
            second = apply(FlowSecond(), total, below, second, *steps, *(names[letter] for letter in LETTERS), **here)
    if isinstance(field, ControlledODE) and field.growth is None and not any(variation in value.free_symbols for value in field.constants.values()):
        apply(FieldFirstReached(), names["k"], names["v1"], first, piece=field.depth)
        if second is not None:
            apply(FieldSecondReached(), *(names[letter] for letter in LETTERS), second, piece=field.depth)
    _set(derivation, value=value, lipschitz=first, gradient_lipschitz=second)


def _neural(derivation: Derivation, field: NeuralODE, total: str | None) -> None:
    problem, apply = derivation.problem, derivation.apply
    activation, order = field.activation, problem.order
    bounded = isinstance(problem.parameters, LayerBalls) and problem.parameters.biases == "bounded"
    weight = derivation.assume(Hypothesis(Quantity("weight", 1), nonnegative("a")))
    bias = derivation.assume(Hypothesis(Quantity("bias", 1), nonnegative("b"))) if bounded else None
    start = derivation.assume(Hypothesis(Quantity("input"), nonnegative("x_norm")))
    constants = [apply(ActivationConstants(), activation=activation, order=k) for k in range(order + 1)]
    constants.append(apply(ActivationConstants(), activation=activation, order=0, at_zero=True))
    if activation.constant(1) == 0:
        raise SymlipError(f"activation {activation.name!r} is constant: the solution does not depend on the parameters")
    here: dict[str, Any] = {"width": field.width, "activation": activation}
    joint = problem.method == "joint"
    if joint:
        tradeoff(activation)  # raises where it is not known
        if field.control is not None or bounded:
            raise SymlipError("method='joint' of a NeuralODE is that of free biases and any control: leave control=None, or use method='block'")
        if not isinstance(field.width, int):
            raise SymlipError("method='joint' needs the width as a number; use method='block' for symbols")
        for kind, symbol in (("input_least", "x_least"), ("input_rest", "x_rest")):
            derivation.assume(Hypothesis(Quantity(kind), nonnegative(symbol)))
    if field.parameters == "depth-dependent" or problem.method == "separate":
        if field.control is not None:
            raise SymlipError("method='separate' is the theorem for any control: leave control=None, or use method='block'")
        size = apply(StateSize(), start, weight, bias, *constants, whole=True, **here)
        value = apply(StateSize(), start, weight, bias, total, *constants, **here)
        letters = LETTERS if order >= 2 else LETTERS[:2]
        names = {letter: apply(NeuralConstants(), weight, size, *constants, letter=letter, **here) for letter in letters}
        if field.parameters == "depth-dependent":
            sharper = activation.constant(0) != sympy.oo
            first = (
                apply(NeuralDepthDependentFirst(), start, weight, total, *constants, **here)
                if sharper
                else apply(DepthDependentFirst(), total, names["k"], names["v1"])
            )
            second = apply(DepthDependentSecond(), total, *names.values()) if order >= 2 else None
            if joint:
                inputs = [start, "x_least", "x_rest", weight, total]
                first = apply(JointFlowDepthDependent(), *inputs, first, **here)
                second = apply(JointFlowDepthDependentSecond(), *inputs, second, **here) if second is not None else None
            _set(derivation, value=value, lipschitz=first, gradient_lipschitz=second)
        else:
            _walk(derivation, field, total, names, None, value)
        return
    _neural_blocks(derivation, field, [start, weight, bias, total], constants)


def _neural_blocks(derivation: Derivation, field: NeuralODE, hypotheses: list[str | None], constants: list[str]) -> None:
    """Block by block: in closed form for any control, or piece by piece."""
    apply, activation, order = derivation.apply, field.activation, derivation.problem.order
    start, weight, bias, total = hypotheses
    here: dict[str, Any] = {"width": field.width, "activation": activation}
    steps = [str(step) for step in field.steps]
    if field.control is not None and (bias is not None or activation.constant(0) == sympy.oo):
        raise SymlipError("with bounded biases a NeuralODE is bounded for any control of its total variation: leave control=None")
    blocks: str | None = None
    second: str | None = None
    value: str | None = None
    for piece in _pieces(field):
        there = {**here, "control": field.control, "piece": piece}
        value_before, value = value, apply(StateSize(), start, weight, bias, value, total, *steps, *constants, **there)
        if bias is not None:
            size = apply(StateSize(), start, weight, bias, *constants, whole=True, **here)
            blocks = apply(CellFlowBlocks(), weight, size, total, *constants, order=1, activation=activation)
            second = apply(CellFlowBlocks(), weight, size, total, *constants, order=2, activation=activation) if order >= 2 else None
            continue
        if field.control is None:
            exponent = apply(Exponent(), weight, total, *constants, activation=activation)
            growth = apply(Growth(), exponent)
            blocks = apply(FlowBlocks(), start, exponent, growth, total, *constants, **there)
            if order >= 2:
                entries = [apply(FlowEntry(), start, exponent, growth, total, *constants, entry=entry, **here) for entry in ("Gaa", "Gab", "Gbb")]
                second = apply(FlowBlocksSecond(), *entries, **there)
            continue
        line: dict[str, Any] = {"layer": piece, "activation": activation, "group": 1, "position": 0 if piece > 1 else None}
        pre = apply(BlockPreActivation(), weight, apply(InputValue(), start) if piece == 1 else value_before, blocks, **line)
        part, below = field.control[piece - 1], blocks
        if isinstance(part, Flow):
            blocks = apply(FlowBlocks(), weight, pre, below, *steps, *constants, **there)
            second = apply(FlowBlocksSecond(), weight, pre, below, second, *steps, *constants, **there) if order >= 2 else None
        else:
            blocks = apply(ResidualBlockSlope(), pre, below, *steps, *constants, step=part.step, **line)
            second = apply(ResidualBlockSecond(), weight, pre, below, second, *steps, *constants, step=part.step, **line) if order >= 2 else None
    last = field.depth
    first = apply(BlockFirstNorm(), blocks, layer=last)
    matrix, second = second, apply(BlockSecondNorm(), second, layer=last) if second is not None else None
    if derivation.problem.method == "joint":  # the block bounds stand behind the sharper ones
        inputs, matrix = [start, "x_least", "x_rest", weight, total], None
        first = apply(JointFlowFirst(), *inputs, first, **here)
        second = apply(JointFlowSecond(), *inputs, second, **here) if second is not None else None
    _set(derivation, value=value, lipschitz=first, gradient_lipschitz=second, layer_lipschitz=matrix)


def joint_flow_cost(derivation: Derivation, *premises: str | None) -> str:
    """The joint bound of a cost's second derivative, on top of a neural ODE."""
    field = derivation.problem.network
    assert isinstance(field, NeuralODE)
    rule = JointFlowDepthDependentSecond() if field.parameters == "depth-dependent" else JointFlowSecond()
    return derivation.apply(rule, *premises, width=field.width, activation=field.activation, cost=True)


# --- what is reached, what has no bound, and the limit -----------------------------------------------------------------------


def flow_lower_bound(field: Field, parameters: ParameterSet | None, order: int) -> Derivation:
    """The lower bound of a neural ODE: a state that is held still."""
    if isinstance(field, ControlledODE):
        raise SymlipError(
            "a field known by its constants has no lower bound of its own; derive(field) says that its bounds are reached by some field with these constants"
        )
    if field.parameters != "shared" or field.control is not None:
        raise SymlipError("the lower bound is that of shared parameters and any control: NeuralODE(width, activation)")
    check_field(field, parameters, "block", order, "parameters")
    derivation = Derivation(Problem(field, LayerBalls(), None, "lower", order))
    weight = derivation.assume(Hypothesis(Quantity("weight", 1), nonnegative("a")))
    _held(derivation, field, weight)
    return derivation


def _held(derivation: Derivation, field: NeuralODE, norm: str) -> list[str]:
    start = derivation.assume(Hypothesis(Quantity("input"), nonnegative("x_norm")))
    total = derivation.assume(Hypothesis(Quantity("total_variation"), nonnegative("U")))
    found = [derivation.apply(HeldFirst(), start, norm, total, activation=field.activation)]
    if derivation.problem.order >= 2:
        found.append(derivation.apply(HeldSecond(), norm, total, activation=field.activation))
    _set(derivation, **dict(zip(("lipschitz", "gradient_lipschitz"), found)))
    return found


def flow_global_bound(field: Field) -> Derivation:
    """That a neural ODE has no Lipschitz constant on the space of all parameters."""
    if isinstance(field, ControlledODE):
        raise SymlipError("a field known by its constants has the bounds of derive(field) wherever the constants hold; global_bound is about a NeuralODE")
    order = 2 if field.activation.derivative(2).subs(activation_variable, 0) == 0 else 1
    derivation = Derivation(Problem(field, AllParameters(), None, "global", order))
    scale = derivation.assume(Hypothesis(Quantity("scale"), nonnegative("t")))
    for name in _held(derivation, field, scale):
        derivation.apply(NoGlobalFlowBound(), scale, name, symbol=name)
    return derivation


def limit_theorem(field: Field) -> Derivation:
    """Derive that m equal jumps of total variation U, a residual network of m layers with steps U / m and shared parameters,
    have bounds that grow with m and tend to those of continuous depth.

    field: a ControlledODE with constants that do not depend on the elapsed variation, or a NeuralODE (block by block, a finer
    limit). Both with shared parameters and control=None. The compiled function takes the number of jumps m, too.
    Source: this package.
    """
    if not isinstance(field, Field) or field.control is not None or field.parameters != "shared":
        raise SymlipError("limit_theorem takes a ControlledODE or NeuralODE with shared parameters and control=None")
    derivation = Derivation(Problem(field, LayerBalls(), None, "limit", 2))
    if isinstance(field, ControlledODE):
        check_field(field, None, "block", 2, "parameters")
        if any(variation in value.free_symbols for value in field.constants.values()):
            raise SymlipError("the discrete bounds grow with m where the constants do not depend on the elapsed variation; here one does")
    else:
        check_field(field, LayerBalls(), "block", 2, "parameters")
    flow_bounds(derivation)
    jumps = derivation.assume(Hypothesis(Quantity("constant", JUMPS), JUMPS))
    continuous = {name: str(derivation.results[name]) for name in ("lipschitz", "gradient_lipschitz")}
    premises = [name for name in (*derivation.hypotheses, *derivation.steps) if name not in ("lvec_T", "G_T", *continuous.values())]
    steps: dict[str, str] = {}
    for name, order in (("lipschitz", 1), ("gradient_lipschitz", 2)):
        for more in (0, 1):
            if isinstance(field, ControlledODE):
                rule: Any = EulerFirstBound() if order == 1 else EulerSecondBound()
                made = derivation.apply(rule, *premises, jumps, more=more)
            else:
                made = derivation.apply(EulerBlocksBound(), *premises, jumps, width=field.width, activation=field.activation, order=order, more=more)
            steps[f"{name} {more}"] = made
        derivation.apply(EulerBelow(), steps[f"{name} 0"], steps[f"{name} 1"], smaller=steps[f"{name} 0"], larger=steps[f"{name} 1"])
        derivation.apply(EulerBelow(), steps[f"{name} 0"], continuous[name], smaller=steps[f"{name} 0"], larger=continuous[name])
        derivation.apply(EulerLimit(), steps[f"{name} 0"], continuous[name], discrete=steps[f"{name} 0"], continuous=continuous[name])
        derivation.results[f"discrete_{name}"] = derivation.steps[steps[f"{name} 0"]].claim.symbol  # type: ignore[union-attr]
    derivation.results.pop("layer_lipschitz", None)
    return derivation
