"""Solutions of controlled ODEs and their derivatives in the parameters, measured: exact jets through the jumps of the control,
Taylor series in ball arithmetic (Arb) along its continuous parts.

A continuous part is solved step by step with series of so many terms that the last of them, at the step's end, is far under
the digits asked for; the two precisions of a verification use different orders and steps, and must agree.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import flint
import mpmath
import numpy as np
import sympy
from flint import arb, arb_series
from mpmath import mpf

from ..activations import z as Z
from ..calculus.claims import Bound, Claim, Limit, Reached
from ..calculus.derivation import Derivation
from ..calculus.quantities import Quantity
from ..calculus.rules.flow_limits import JUMPS
from ..calculus.witness import FieldWitness
from ..fields import ControlledODE, Flow, Jump, NeuralODE, variation
from .evaluate import Program
from .jets import Line, derivative_at, norm, spectral_norm
from .measure import Measurement
from .sampling import Sample, _Maker
from .witness import number_of

State = list[Any]
"""[X, X', X''], arrays of mpf's: values and derivatives along a line of parameters; X', X'' once more for each further line."""


@dataclass(frozen=True)
class Piece:
    """A piece of a concrete control: its signed size, and whether it is a jump."""

    size: Any
    jump: bool


# --- series ----------------------------------------------------------------------------------------------------------------


def to_arb(value: Any) -> arb:
    """An mpf as a ball of radius 0."""
    value = mpf(value)
    mantissa, exponent = int(value.man), int(value.exp)
    return arb(mantissa if value >= 0 or mantissa < 0 else -mantissa) * arb(2) ** exponent


def from_arb(value: arb) -> Any:
    """The midpoint of a ball."""
    mantissa, exponent = value.mid().man_exp()
    return mpmath.ldexp(mpf(int(mantissa)), int(exponent))


def series(expression: sympy.Expr, values: dict[sympy.Symbol, arb_series]) -> arb_series:
    """A SymPy expression of elementary functions at power series."""
    if expression in values:
        return values[expression]
    if expression.is_Rational:
        return arb_series([arb(int(expression.p)) / int(expression.q)])
    if not expression.free_symbols:
        return arb_series([to_arb(mpf(sympy.N(expression, mpmath.mp.dps + 15)._mpf_))])
    if expression.is_Add or expression.is_Mul:
        total = series(expression.args[0], values)
        for argument in expression.args[1:]:
            part = series(argument, values)
            total = total + part if expression.is_Add else total * part
        return total
    if expression.is_Pow:
        base, exponent = series(expression.base, values), expression.exp
        if exponent.is_Integer and exponent > 0:
            total = base
            for _ in range(int(exponent) - 1):
                total = total * base
            return total
        if exponent.is_Integer:
            return 1 / series(expression.base**-exponent, values)
        if exponent == sympy.Rational(1, 2):
            return base.sqrt()
        return (base.log() * series(exponent, values)).exp()
    argument = series(expression.args[0], values)
    if isinstance(expression, sympy.tanh):
        return 1 - 2 / ((2 * argument).exp() + 1)
    functions: dict[Any, Callable[[arb_series], arb_series]] = {
        sympy.exp: arb_series.exp, sympy.log: arb_series.log, sympy.sin: arb_series.sin, sympy.cos: arb_series.cos, sympy.atan: arb_series.atan, sympy.erf: arb_series.erf,
    }  # fmt: skip
    if expression.func not in functions:
        raise TypeError(f"no series for {expression.func}")
    return functions[expression.func](argument)


Rates = Callable[[list[arb_series]], list[arb_series]]
Right = Callable[[arb_series], Generator[Rates, list[arb_series], None]]
"""From y, for each of X, X', X'', .. in this order, what makes of a series of it that of its derivative in y; is sent each solution."""


def solve(field: Any, sign: int, state: State, start: Any, length: Any) -> State:
    """The state after `length`, from the elapsed variation `start`, by Taylor series; sign: the control's direction."""
    precision, cap = flint.ctx.prec, flint.ctx.cap
    terms = int(0.9 * mpmath.mp.dps) + 12
    flint.ctx.prec, flint.ctx.cap = mpmath.mp.prec + 40, terms + 1
    try:
        right: Right = field.right(sign)  # its balls are as precise as the series
        done, tolerance = mpf(0), mpf(10) ** -(mpmath.mp.dps + 3)
        while done < length:
            step, state = _step(right, state, start + done, length - done, terms, tolerance)
            done += step
        return state
    finally:
        flint.ctx.prec, flint.ctx.cap = precision, cap


def _step(right: Right, state: State, start: Any, most: Any, terms: int, tolerance: Any) -> tuple[Any, State]:
    """The length of one step, and the state after it; each part's equation is solved with the earlier parts known."""
    found = []
    equations = right(arb_series([to_arb(start), arb(1)]))
    flint.ctx.cap = terms + 1
    rates = next(equations)
    for number, part in enumerate(state, start=1):
        begin = [arb_series([to_arb(entry)]) for entry in part]
        solution = begin
        for order in range(1, terms + 1):  # each round gives one more coefficient of the solution
            flint.ctx.cap = order + 1
            solution = [one + rate.integral() for one, rate in zip(begin, rates(solution))]
        flint.ctx.cap = terms + 1
        found.append(solution)
        if number < len(state):
            rates = equations.send(solution)
    size = max((abs(from_arb(entry[terms])) + abs(from_arb(entry[terms - 1])) for part in found for entry in part), default=mpf(0))
    scale = 1 + max(abs(entry) for part in state for entry in part)
    step = most if not size else min(most, (tolerance * scale / size) ** (mpf(1) / terms) * mpf(7) / 8)
    at = to_arb(step)
    ends = []
    for part in found:
        values = []
        for entry in part:
            total = arb(0)
            for index in range(terms, -1, -1):
                total = total * at + entry[index]
            values.append(from_arb(total))
        ends.append(np.array(values, dtype=object))
    return step, ends


# --- neural ODEs -------------------------------------------------------------------------------------------------------------


class Neural:
    """V = s(A X + b) along theta + t eta, for several directions eta at once: the state is [X, X'_1, X''_1, X'_2, X''_2, ..]."""

    def __init__(self, field: NeuralODE, theta: tuple[Any, Any], etas: Sequence[tuple[Any, Any]]) -> None:
        self.activation = field.activation
        self.theta, self.etas = theta, etas
        self.value, self.slopes = (sympy.cse([self.activation.derivative(k) for k in orders]) for orders in ((0,), (1, 2)))

    def jump(self, y: Any, state: State) -> State:
        """V, V', V'' at a state."""
        A, b = self.theta
        X = state[0]
        s0, s1, s2 = (np.array([derivative_at(self.activation, k, value) for value in A.dot(X) + b], dtype=object) for k in range(3))
        out = [s0]
        for (dA, db), X1, X2 in zip(self.etas, state[1::2], state[2::2]):
            z1, z2 = dA.dot(X) + db + A.dot(X1), 2 * dA.dot(X1) + A.dot(X2)
            out += [s1 * z1, s2 * z1**2 + s1 * z2]
        return out

    def right(self, sign: int) -> Right:
        """The same as series, times the sign of the control's direction."""
        A, b = _balls(self.theta)
        etas = [_balls(eta) for eta in self.etas]

        def product(matrix: list[list[arb]], vector: list[arb_series]) -> list[arb_series]:
            return [sum((entry * component for entry, component in zip(row[1:], vector[1:])), row[0] * vector[0]) for row in matrix]

        def functions(X: list[arb_series], lines: Any, expressions: list[sympy.Expr]) -> list[list[arb_series]]:
            values = []
            for point in (value + shift for value, shift in zip(product(A, X), b)):
                known = {Z: point}
                for symbol, expression in lines:
                    known[symbol] = series(expression, known)
                values.append([series(expression, known) for expression in expressions])
            return values

        def equations(y: arb_series) -> Generator[Rates, list[arb_series], None]:
            X = yield lambda X: [sign * s0 for (s0,) in functions(X, *self.value)]
            values = functions(X, *self.slopes)
            slopes = [sign * s1 for s1, _ in values]

            def linear(given: list[arb_series]) -> Rates:
                return lambda part: [p + s1 * q for p, s1, q in zip(given, slopes, product(A, part))]

            for dA, db in etas:
                moved = [p + shift for p, shift in zip(product(dA, X), db)]
                X1 = yield linear([s1 * p for s1, p in zip(slopes, moved)])
                bent = [sign * s2 * (p + q) ** 2 for (_, s2), p, q in zip(values, moved, product(A, X1))]
                yield linear([p + 2 * s1 * q for p, s1, q in zip(bent, slopes, product(dA, X1))])

        return equations


def _balls(pair: tuple[Any, Any]) -> tuple[list[list[arb]], list[arb]]:
    return [[to_arb(entry) for entry in row] for row in pair[0]], [to_arb(entry) for entry in pair[1]]


class Scalar:
    """A general scalar field by its SymPy expression in y, p (the parameter) and x, along p + t eta."""

    def __init__(self, expression: sympy.Expr, parameter: Any, eta: Any = 1) -> None:
        p, x = PARAMETER, STATE
        V = expression
        self.parts = [V, V.diff(p), V.diff(x), V.diff(p, 2), V.diff(p, x), V.diff(x, 2)]
        self.function = sympy.lambdify((variation, p, x), self.parts, modules="mpmath")
        self.parameter, self.eta = parameter, eta

    def jump(self, y: Any, state: State) -> State:
        """V, V', V'' at a state."""
        X, X1, X2 = (part[0] for part in state)
        V, Vp, Vx, Vpp, Vpx, Vxx = map(mpf, self.function(y, self.parameter, X))
        e = self.eta
        return [np.array([entry], dtype=object) for entry in (V, Vp * e + Vx * X1, Vpp * e**2 + 2 * Vpx * e * X1 + Vxx * X1**2 + Vx * X2)]

    def right(self, sign: int) -> Right:
        """The same as series, times the sign of the control's direction."""
        eta = to_arb(self.eta)

        def equations(y: arb_series) -> Generator[Rates, list[arb_series], None]:
            at = {variation: y, PARAMETER: arb_series([to_arb(self.parameter)])}
            (X,) = yield lambda X: [sign * series(self.parts[0], at | {STATE: X[0]})]
            Vp, Vx, Vpp, Vpx, Vxx = (sign * series(part, at | {STATE: X}) for part in self.parts[1:])
            (X1,) = yield lambda X1: [Vp * eta + Vx * X1[0]]
            given = Vpp * eta**2 + 2 * eta * Vpx * X1 + Vxx * X1**2
            yield lambda X2: [given + Vx * X2[0]]

        return equations


PARAMETER, STATE = sympy.symbols("p x", real=True)


def run(fields: Sequence[Any], control: Sequence[Piece], x: Any, lines: int = 1) -> list[State]:
    """The states after each piece, the start first; one field for each piece."""
    state: State = [x] + [x * mpf(0)] * (2 * lines)
    states, y = [state], mpf(0)
    for field, piece in zip(fields, control):
        if piece.jump:
            state = [old + piece.size * new for old, new in zip(state, field.jump(y, state))]
        elif piece.size:
            state = solve(field, 1 if piece.size > 0 else -1, state, y, abs(piece.size))
        y += abs(piece.size)
        states.append(state)
    return states


# --- samples -----------------------------------------------------------------------------------------------------------------


def make_control(field: NeuralODE | ControlledODE, rng: random.Random, index: int, numbers: dict[str, Any]) -> tuple[str, list[Piece]]:
    """A concrete control: the given one with numbers, or one of several kinds."""

    def number(low: int, high: int) -> Any:
        return mpf(rng.randint(low, high)) / 64

    if field.control is not None:
        pieces = []
        for part in field.control:
            size = part.length if isinstance(part, Flow) else part.step
            value = numbers[size.name] if size.is_Symbol else mpf(sympy.N(size, mpmath.mp.dps + 10)._mpf_)
            pieces.append(Piece(value * rng.choice([-1, 1]), isinstance(part, Jump)))
        return "the given control", pieces
    kinds = ("one direction", "jumps", "jumps and flow", "to and fro", "rough")
    kind = kinds[index % len(kinds)]
    if kind == "one direction":
        return kind, [Piece(number(8, 90), False)]
    if kind == "jumps":
        return kind, [Piece(number(4, 40) * rng.choice([-1, 1]), True) for _ in range(rng.randint(1, 5))]
    if kind == "jumps and flow":
        return kind, [Piece(number(4, 40) * rng.choice([-1, 1]), rng.random() < 0.5) for _ in range(4)]
    if kind == "to and fro":
        return kind, [Piece(number(8, 50), False), Piece(-number(8, 50), False)]
    return kind, [Piece(number(4, 24) * rng.choice([-1, 1]), False) for _ in range(8)]  # as a Brownian path, of large variation


@dataclass
class FlowSample:
    """A concrete controlled ODE with directions; `numbers`: of all arguments that are symbols."""

    name: str
    numbers: dict[str, Any]
    control: list[Piece]
    x: Any
    fields: list[Any]
    """The field on each piece, with all directions."""
    norms: list[Any]
    """For each direction the norms of its blocks."""
    pairs: tuple[tuple[int, int], ...] = ()
    """Pairs of directions whose sum and difference are the last directions, in this order."""
    target: Any = None
    thetas: tuple[tuple[Any, Any], ...] = ()


def build(derivation: Derivation, seed: int, index: int) -> FlowSample:
    """The index-th sample of a run, at the present working precision."""
    rng = random.Random(f"symlip flow {seed} {index}")
    field = derivation.problem.network
    numbers: dict[str, Any] = {step.name: mpf(rng.randint(4, 70)) / 64 for step in field.steps}
    name, control = make_control(field, rng, index, numbers)
    if isinstance(field, ControlledODE):
        return _general_sample(derivation, field, rng, index, numbers, name, control)
    return _neural_sample(derivation, field, rng, index, numbers, name, control)


def _general_sample(
    derivation: Derivation, field: ControlledODE, rng: random.Random, index: int, numbers: dict[str, Any], name: str, control: list[Piece]
) -> FlowSample:
    for hypothesis in derivation.hypotheses.values():
        if hypothesis.quantity.layer != JUMPS and hypothesis.quantity.kind.startswith(("field_", "constant")):
            numbers[str(hypothesis.symbol)] = mpf(rng.randint(1, 90)) / 64
    values = {sympy.Symbol(name, nonnegative=True): sympy.Rational(int(number * 64), 64) for name, number in numbers.items()}
    constants = {letter: expression.xreplace(values) for letter, expression in field.constants.items()}
    k, v1 = constants["k"], constants["v1"]
    v2, w, c = (constants.get(letter, sympy.Integer(0)) for letter in ("v2", "w", "c"))
    p, x = PARAMETER, STATE
    kind = ("linear", "quadratic at the origin", "waves")[index // 5 % 3] if derivation.problem.order >= 2 else "linear"
    at = {variation: sympy.Integer(0)}
    start, parameter = mpf(rng.randint(-90, 90)) / 64, mpf(rng.randint(-90, 90)) / 64
    if kind == "linear":
        expression = k * x + v1 * p
    elif kind == "quadratic at the origin":
        expression, start, parameter = k * x + v1 * p + (v2 * p**2 + 2 * w * p * x + c * x**2) / 2, mpf(0), mpf(0)
    else:
        om, nu = (sympy.Rational(rng.randint(8, 128), 64) for _ in range(2))
        ratios = [bound.xreplace(at) / size for bound, size in ((k, om), (v1, nu), (v2, nu**2), (w, om * nu), (c, om**2))]
        expression = min(ratios, key=lambda ratio: float(ratio)) * sympy.sin(om * x + nu * p)
    signs = [piece.size > 0 for piece in control]
    if kind != "waves":  # so that all increments of the control push the same way
        fields = [Scalar(expression if up else -expression, parameter) for up in signs]
    else:
        fields = [Scalar(expression, parameter) for _ in control]
    if field.parameters == "depth-dependent":
        return _general_depth_dependent(field, rng, numbers, f"{kind}, {name}", control, start, expression, parameter)
    return FlowSample(f"{kind}, {name}", numbers, control, np.array([start], dtype=object), fields, [np.array([mpf(1)], dtype=object)])


def _general_depth_dependent(
    field: ControlledODE, rng: random.Random, numbers: dict[str, Any], name: str, control: list[Piece], start: Any, expression: sympy.Expr, parameter: Any
) -> FlowSample:
    fine = [Piece(piece.size / 4, piece.jump) for piece in control for _ in range(4)]
    etas = [mpf(rng.randint(1, 64)) / 64 for _ in fine]
    length = mpmath.sqrt(mpmath.fsum(abs(piece.size) * eta**2 for piece, eta in zip(fine, etas)))
    fields = [Scalar(expression if piece.size > 0 else -expression, parameter, eta) for piece, eta in zip(fine, etas)]
    return FlowSample(name, numbers, fine, np.array([start], dtype=object), fields, [np.array([length], dtype=object)])


def _neural_sample(
    derivation: Derivation, field: NeuralODE, rng: random.Random, index: int, numbers: dict[str, Any], name: str, control: list[Piece]
) -> FlowSample:
    width = rng.randint(1, 3) if isinstance(field.width, sympy.Symbol) else int(field.width)
    if isinstance(field.width, sympy.Symbol):
        numbers[field.width.name] = width
    maker = _Maker(rng, [width, width], [Line(field.activation, 0)])
    x = maker.vector(width, maker.scale(-1, 0.3))
    kind = ("random", "held", "aligned", "small weights")[index % 4]
    A, b = maker.matrix(width, width, maker.scale(-1, 0.3)), maker.vector(width, maker.scale(-1, 0.3))
    if kind == "held":  # the first entry stays where it is, at the steepest point
        A, b = maker.corner(width, width, maker.scale(-0.5, 0.4)), maker.vector(width, maker.scale(-1, 0.5))
        point = maker.extreme(field.activation, 1)
        if abs(point) < 10:
            b[0] = point - A[0].dot(x)
    elif kind == "aligned":
        A = maker.corner(width, width, maker.scale(-0.5, 0.4))
        b = np.array([mpf(rng.choice([0, 1, 3])) for _ in range(width)], dtype=object)
    elif kind == "small weights":
        A = A / 1024
    if field.parameters == "depth-dependent":
        control = [Piece(piece.size / 3, piece.jump) for piece in control for _ in range(3)]
        thetas = tuple((A + maker.matrix(width, width, mpf(1) / 8), b) for _ in control)
        etas = [(maker.matrix(width, width, mpf(1)), maker.vector(width, mpf(1))) for _ in control]
        lengths = [mpmath.sqrt(norm(dA) ** 2 + norm(db) ** 2) for dA, db in etas]
        length = mpmath.sqrt(mpmath.fsum(abs(piece.size) * one**2 for piece, one in zip(control, lengths)))
        fields = [Neural(field, theta, [eta]) for theta, eta in zip(thetas, etas)]
        norms = [np.array([length], dtype=object)]
        return FlowSample(f"{kind}, {name}", numbers, control, x, fields, norms, (), maker.target(derivation.problem.sample_cost, width), thetas)
    theta = (A, b)
    unit = maker.corner(1, width, mpf(1))[0]
    aligned = maker.rng.choice([(A * 0, unit), (np.outer(unit, x), unit)])
    directions = [(maker.matrix(width, width, mpf(1)), maker.vector(width, mpf(1))), aligned]
    norms = [np.array([norm(dA), norm(db)], dtype=object) for dA, db in directions]
    pairs = ((0, 1),)
    for first, second in pairs:
        for sign in (1, -1):
            directions.append(tuple(p + sign * q for p, q in zip(directions[first], directions[second])))
    fields = [Neural(field, theta, directions)] * len(control)
    target = maker.target(derivation.problem.sample_cost, width)
    return FlowSample(f"{kind}, {name}", numbers, control, x, fields, norms, pairs, target, (theta,) * len(control))


# --- measuring ---------------------------------------------------------------------------------------------------------------


class FlowMeasurement(Measurement):
    """Measurements on a controlled ODE: the states after the pieces of the control stand for the layers' outputs."""

    def __init__(self, derivation: Derivation, sample: FlowSample, program: Program, digits: int) -> None:
        self.derivation, self.flow, self.program = derivation, sample, program
        self.witness_digits = digits + 15
        self.field = derivation.problem.network
        self.averaged, self.cost, self.variables = derivation.problem.averaged, derivation.problem.sample_cost, "parameters"
        self.block_norms = sample.norms
        self.depth = 1 if self.field.control is None else len(self.field.control)
        lines = [Line(activation, 0) for activation in self.field.activations]
        self.sample = Sample(sample.name, sample.numbers, lines, [], [sample.x], [sample.target], [], [None] * len(sample.norms), [len(sample.x)] * 2)

    @cached_property
    def states(self) -> list[State]:
        """The states after the pieces of the control, the start first; solved when they are first wanted."""
        return run(self.flow.fields, self.flow.control, self.flow.x, len(self.flow.norms) + 2 * len(self.flow.pairs))

    @cached_property
    def jets(self) -> Any:  # type: ignore[override]
        """For each direction the jets (z, X), as those of a network's layers."""
        return [[self._recorded(number)] for number in range(len(self.flow.norms))]

    @cached_property
    def _pairs(self) -> Any:  # type: ignore[override]
        first = len(self.flow.norms)
        return [
            (self.flow.norms[p], self.flow.norms[q], [self._recorded(first + 2 * number)], [self._recorded(first + 2 * number + 1)])
            for number, (p, q) in enumerate(self.flow.pairs)
        ]

    def _recorded(self, number: int) -> list[tuple[Any, Any]]:
        """(z, X) as jets along one direction, after each piece of a given control, or at the end."""
        found = []
        for before, after, field in zip(self.states, self.states[1:], self.flow.fields):
            pre = None
            if isinstance(field, Neural):
                (A, b), (dA, db) = field.theta, field.etas[number]
                X, X1, X2 = before[0], before[1 + 2 * number], before[2 + 2 * number]
                pre = [A.dot(X) + b, dA.dot(X) + db + A.dot(X1), (2 * dA.dot(X1) + A.dot(X2)) / 2]
            found.append((pre, [after[0], after[1 + 2 * number], after[2 + 2 * number] / 2]))
        return found if self.field.control is not None else found[-1:]

    def _upto(self, layer: int) -> int:
        return len(self.block_norms[0])

    @property
    def _total(self) -> Any:
        return mpmath.fsum(abs(piece.size) for piece in self.flow.control)

    def values(self) -> dict[str, Any]:
        """The hypotheses' symbols, each the smallest number for which the hypothesis holds on the sample."""
        found = dict(self.flow.numbers)
        for hypothesis in self.derivation.hypotheses.values():
            kind, name = hypothesis.quantity.kind, str(hypothesis.symbol)
            if kind == "total_variation":
                found[name] = self._total
            elif kind == "weight":
                found[name] = max(spectral_norm(A) for A, _ in self.flow.thetas)
            elif kind == "bias":
                found[name] = max(norm(b) for _, b in self.flow.thetas)
            elif kind == "input":
                found[name] = norm(self.flow.x)
            elif kind in ("input_least", "input_rest"):
                moduli = [abs(entry) for entry in self.flow.x]
                found[name] = min(moduli) if kind == "input_least" else mpmath.fsum(moduli) - min(moduli)
            elif kind == "target":
                found[name] = norm(self.flow.target)
            elif kind == "scale":
                found[name] = 1 + norm(self.flow.x)
            elif hypothesis.quantity.layer == JUMPS:
                found[name] = 1 + int(10 * self._total)
        return found

    def _pre_activations(self, activation: Any) -> list[Any]:
        return [value for (A, b), state in zip(self.flow.thetas, self.states) for value in A.dot(state[0]) + b]

    def pairs(self, claim: Claim, values: dict[str, Any]) -> Any:
        if isinstance(claim, Bound) and isinstance(claim.quantity, Quantity):
            kind, bound = claim.quantity.kind, values.get(str(claim.symbol))
            if kind == "value_at" or kind.startswith("field_"):
                yield from self._along(kind, bound)
                return
            if kind == "value" and isinstance(self.field, ControlledODE):
                yield from self._growth(claim, values)
                return
            if kind == "value" and claim.quantity.layer == 0:
                yield norm(self.flow.x), bound
                return
        yield from super().pairs(claim, values)

    def _along(self, kind: str, bound: Any) -> Any:
        """What holds at every time: measured at the ends of the pieces, against the bound at the elapsed variation there."""
        y = mpf(0)
        for number, state in enumerate(self.states):
            if number:
                y += abs(self.flow.control[number - 1].size)
            limit = bound(y) if callable(bound) else bound
            if kind == "value_at":
                yield norm(state[0]), limit
            elif number < len(self.flow.control):
                yield self._constant(kind, number, y, state[0]), limit

    def _constant(self, kind: str, number: int, y: Any, X: Any) -> Any:
        """A constant of the field at a state, or a lower bound of it."""
        field = self.flow.fields[number]
        if isinstance(field, Scalar):
            _, Vp, Vx, Vpp, Vpx, Vxx = (abs(mpf(part)) for part in field.function(y, field.parameter, X[0]))
            return {"field_k": Vx, "field_v1": Vp, "field_v2": Vpp, "field_w": Vpx, "field_c": Vxx}.get(kind, mpf(0))
        A, b = field.theta
        point = A.dot(X) + b
        s1, s2 = (np.array([derivative_at(field.activation, k, value) for value in point], dtype=object) for k in (1, 2))
        size2 = 1 + norm(X) ** 2
        if kind == "field_k":
            return spectral_norm(s1[:, None] * A)
        if kind == "field_v1":
            return max(abs(s1)) * mpmath.sqrt(size2)
        if kind == "field_v2":
            return max(abs(s2)) * size2
        rows = [norm(row) for row in A]
        largest = max(range(len(A)), key=lambda i: abs(s2[i]) * rows[i] ** 2)
        if kind == "field_c":
            return abs(s2[largest]) * rows[largest] ** 2
        dx = A[largest] / rows[largest] if rows[largest] else np.array([mpf(1)] + [mpf(0)] * (len(A) - 1), dtype=object)
        length = mpmath.sqrt(size2)  # dA = e X^T, db = e, in the row `largest`, of norm 1
        return abs(s2[largest] * rows[largest] * length + s1[largest] * X.dot(dx) / length)

    def _reached(self, claim: Reached, values: dict[str, Any]) -> Any:
        """(bound, measured) on the witness, an explicit field."""
        witness, bound = claim.witness, values[str(claim.symbol)]
        assert isinstance(witness, FieldWitness) and isinstance(claim.quantity, Quantity)
        index = 1 if claim.quantity.kind == "first" else 2
        if witness.kind != "held":
            constants = {letter: self._constant_value(letter) for letter in ("k", "v1", "v2", "w", "c")}
            p, x = PARAMETER, STATE
            expression = constants["k"] * x + constants["v1"] * p
            if witness.kind == "quadratic":
                expression += (constants["v2"] * p**2 + 2 * constants["w"] * p * x + constants["c"] * x**2) / 2
            control = [Piece(abs(piece.size), piece.jump) for piece in self.flow.control] if self.field.control is not None else [Piece(self._total, False)]
            states = run([Scalar(expression, mpf(0))] * len(control), control, np.array([mpf(0)], dtype=object))
            yield bound, abs(states[-1][index][0])
            return
        width, x = len(self.flow.x), self.flow.x
        activation, a = self.field.activation, number_of(witness.norm, values)
        A = np.full((width, width), mpf(0), dtype=object)
        A[0, 0] = a if derivative_at(activation, 1, mpf(0)) >= 0 else -a
        unit = np.array([mpf(int(i == 0)) for i in range(width)], dtype=object)
        length = mpmath.sqrt(1 + norm(x) ** 2)
        half, sign = mpmath.sqrt(mpf(1) / 2), 1 if x[0] >= 0 else -1
        eta = (np.outer(unit, x) / length, unit / length) if index == 1 else (np.outer(unit, unit) * half * sign, unit * half)
        yield spectral_norm(A), a
        yield bound, norm(run([Neural(self.field, (A, -A.dot(x)), [eta])], [Piece(self._total, False)], x)[-1][index])

    def _constant_value(self, letter: str) -> sympy.Expr:
        """A constant of the field as an exact number."""
        given = self.field.constants.get(letter, sympy.Integer(0))
        return given.xreplace({symbol: sympy.Rational(int(self.flow.numbers[symbol.name] * 64), 64) for symbol in given.free_symbols})

    def _limit(self, claim: Limit) -> Any:
        """More jumps: the distance to the limit at least halves; farther out a bound that has no limit grows."""
        found = []
        for large in (40, 160) if claim.value != sympy.oo else (4, 40):
            values = {**self.values(), str(claim.variable): mpf(large) if claim.value == sympy.oo else large}
            found.append(number_of(claim.of, {**values, **self.program(values)}))
        near, farther = found
        yield (near, farther / 2) if claim.value == sympy.oo else (abs(1 - farther), abs(1 - near) / 2)

    def _growth(self, claim: Bound, values: dict[str, Any]) -> Any:
        """The largest growth |V| = v0 + k0 |x|, from |x|, along the control."""
        values0 = {sympy.Symbol(name, nonnegative=True): sympy.Rational(int(number * 64), 64) for name, number in self.flow.numbers.items()}
        v0, k0 = (expression.xreplace(values0) for expression in self.field.growth)
        expression = v0 + k0 * STATE
        fields = [Scalar(expression if piece.size > 0 else -expression, mpf(0)) for piece in self.flow.control]
        states = run(fields, self.flow.control, abs(self.flow.x))
        index = len(states) - 1 if self.field.control is None else int(claim.quantity.layer)  # type: ignore[union-attr, arg-type]
        yield abs(states[index][0][0]), values[str(claim.symbol)]
