"""Local derivations on concrete networks: a centre, a point of the set about it, data, and every claim measured there."""

from __future__ import annotations

import random
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf

from .. import near
from ..activations import BUILT_IN, Activation
from ..calculus.claims import Claim, plain_symbol
from ..calculus.derivation import Derivation
from ..calculus.quantities import EQUALITIES, Quantity
from ..calculus.rules.activation_constants import identifier
from ..parameter_sets import Cone, Segment
from ..pointwise import NEAREST
from ..suprema import turning_points
from .costs import cost_curvature, cost_jet, cost_slope
from .evaluate import Program
from .jets import Jet, Parameters, derivative_at, exact_number, gradient, network_jets, norm, spectral_norm, values_and_slopes
from .sampling import Sample, build, gradient_direction

_abs = np.frompyfunc(abs, 1, 1)


def near_namespace(activations: tuple[Activation, ...], names: dict[str, Any]) -> dict[str, Any]:
    """The operations of `near` on mpf's: the same functions, with the names that they use replaced."""
    for name, value in vars(near).items():
        if isinstance(value, types.FunctionType) and value.__module__ == near.__name__:
            names.setdefault(name, types.FunctionType(value.__code__, names, name, value.__defaults__))
    names["spectral_norm"] = spectral_norm
    names["smaller"] = np.frompyfunc(lambda a, b: mpf(int(a <= b * (1 + mpf(10) ** -9))), 2, 1)
    names["atom"] = lambda position, count: np.array([[mpf(int(i == int(position)))] for i in range(int(count))], dtype=object)
    names["unit_vectors"] = lambda like: np.array([[[mpf(int(i == j))] for j in range(len(like))] for i in range(len(like))], dtype=object)
    names["reference_atoms"] = _reference_atoms
    for activation in {identifier(a): a for a in (*activations, BUILT_IN["softplus"])}.values():
        names[f"derivative_{identifier(activation)}"] = _derivative(activation)
        names[f"supremum_{identifier(activation)}"] = _supremum(activation)
    return names


def _reference_atoms(*values: Any) -> Any:
    """near.reference_atoms, of mpf's."""
    stacked = np.array(np.broadcast_arrays(*(np.asarray(value, dtype=object) for value in values)), dtype=object)
    top = np.frompyfunc(lambda value: value or mpf(1), 1, 1)(np.max(stacked, axis=0))
    return np.frompyfunc(lambda value: max(value, mpf(10) ** -9), 1, 1)(stacked / top)


def _derivative(activation: Activation) -> Any:
    pointwise = np.frompyfunc(lambda order, point: derivative_at(activation, int(order), point), 2, 1)
    return lambda order, point: pointwise(int(order), point)


def _supremum(activation: Activation) -> Any:
    """The supremum near points, from the same turning points at the working precision."""

    known: dict[tuple[int, int], tuple[Any, Any, Any]] = {}

    def numbers(order: int) -> tuple[Any, Any, Any]:
        """S_order, the turning points with their values, and S_(order+1) where those are not known, at the working precision."""
        key = order, mpmath.mp.dps
        if key not in known:
            turning = turning_points(activation.name, activation.expression, order)
            steep = None if turning is not None or order >= NEAREST else _number(activation.constant(order + 1))
            known[key] = _number(activation.constant(order)), None if turning is None else [(_number(at), _number(value)) for at, value in turning], steep
        return known[key]

    def one(order: int, point: Any, distance: Any) -> Any:
        most, turning, steep = numbers(order)
        if turning is None:
            return most if steep is None else min(most, abs(derivative_at(activation, order, point)) + distance * steep)
        low, high = point - distance, point + distance
        inside = [value for at, value in turning if low <= at <= high]
        return min(most, max(abs(derivative_at(activation, order, low)), abs(derivative_at(activation, order, high)), *inside))

    pointwise = np.frompyfunc(one, 3, 1)
    return lambda order, point, distance: pointwise(int(order), point, distance)


def _number(value: sympy.Expr) -> Any:
    return mpmath.inf if value == sympy.oo else exact_number(sympy.sympify(value))


@dataclass
class NearSample:
    """A centre with data, a point of the set, and directions in which its derivatives are measured."""

    name: str
    centre: Sample
    theta: Parameters
    size: Any
    """The radius of the ball, or the length of the segment."""

    times: list[Any]
    """Of the points of the segment."""

    directions: list[Parameters]
    axis: Parameters | None = None
    """The direction of a cone, and the angle and the time of the point."""

    angle: Any = None
    time: Any = None


def _moderate(maker: Any, target: int) -> tuple[Parameters, Any]:
    """Weights of order one: no neuron is saturated so far that rounding decides its slope."""
    x = maker.vector(maker.widths[0], maker.scale(-1, 0))

    def make(number: int, activation: Activation, rows: int, columns: int, h: Any) -> tuple[Any, Any]:
        return maker.matrix(rows, columns, maker.scale(-1, 0)), maker.vector(rows, maker.scale(-1, 0))

    return maker.parameters(make, x), x


def _extreme(maker: Any, target: int) -> tuple[Parameters, Any]:
    """The same weights, with biases that put the neurons where |s'|, in the target layer |s''|, is largest."""
    x = maker.vector(maker.widths[0], maker.scale(-1, 0))

    def make(number: int, activation: Activation, rows: int, columns: int, h: Any) -> tuple[Any, Any]:
        A = maker.matrix(rows, columns, maker.scale(-1, 0))
        order = 2 if number == target and maker.finite(activation, 2) else 1
        point = maker.extreme(activation, order) if maker.finite(activation, order) else mpf(0)
        # a little beside it: where a derivative vanishes, rounding alone would decide its ratio
        return A, (point if abs(point) < 10 else mpf(0)) + mpf(1) / 1024 - A.dot(h)

    return maker.parameters(make, x), x


def _zero_weights(maker: Any, target: int) -> tuple[Parameters, Any]:
    theta, x = _moderate(maker, target)
    return [(A * mpf(0), b) for A, b in theta], x


FAMILIES = [("random", _moderate), ("steep and curved", _extreme), ("zero weights", _zero_weights)]


def build_near(derivation: Derivation, seed: int, index: int) -> NearSample:
    """The index-th sample of a run, at the present working precision."""
    centre = build(derivation, seed, index, FAMILIES)
    rng = random.Random(f"symlip near {seed} {index}")
    size = mpf(round(10 ** rng.uniform(-3, 0) * 2**20)) / 2**20
    chosen = _unit(centre.directions[index % len(centre.directions)])
    if isinstance(derivation.problem.parameters, Segment):
        times = [mpf(0), size * mpf(rng.randint(1, 63)) / 64, size]
        return NearSample(centre.name, centre, centre.theta, size, times, [chosen])
    axis: Parameters | None = None
    angle, time, size_used = None, None, size
    if isinstance(derivation.problem.parameters, Cone):
        axis, angle = chosen, mpf(round(10 ** rng.uniform(-3, -0.3) * 2**20)) / 2**20
        time = size * (1 if rng.random() < 0.6 else mpf(rng.randint(1, 63)) / 64)
        aside = _unit(centre.directions[(index + 1) % len(centre.directions)])
        chosen, size_used = _moved(axis, aside, angle * (1 if rng.random() < 0.7 else mpf(0))), time
    share = size_used if axis is not None else size * (1 if rng.random() < 0.7 else mpf(rng.randint(0, 63)) / 64)
    theta = _moved(centre.theta, chosen, share)
    directions = [
        *centre.directions[:1],
        gradient_direction(centre.lines, theta, centre.inputs[0], len(centre.lines)),
        *centre.directions[3:],
        gradient(derivation.problem.sample_cost, centre.lines, theta, centre.inputs, centre.targets),
    ]
    times = [mpf(0), size / 2, size] if axis is not None else []
    return NearSample(centre.name, centre, theta, size, times, [d for d in map(_unit, directions) if d], axis, angle, time)


def _length(direction: Parameters) -> Any:
    return mpmath.sqrt(mpmath.fsum(norm(part) ** 2 for pair in direction for part in pair))


def _unit(direction: Parameters) -> Parameters:
    """The direction with length 1; that of the first bias where it is zero."""
    length = _length(direction)
    if not length:
        first = [(A * mpf(0), b * mpf(0)) for A, b in direction]
        first[0][1][0] = mpf(1)
        return first
    return [(A / length, b / length) for A, b in direction]


def _moved(theta: Parameters, direction: Parameters, share: Any) -> Parameters:
    return [(A + share * U, b + share * w) for (A, b), (U, w) in zip(theta, direction)]


class NearMeasurement:
    """The jets of a sample at its point, or at the points of its segment."""

    def __init__(self, derivation: Derivation, sample: NearSample, program: Program, digits: int) -> None:
        self.derivation, self.sample, self.cost = derivation, sample, derivation.problem.sample_cost
        centre = sample.centre
        self.line = isinstance(derivation.problem.parameters, Segment)
        order = 4 if self.line else 2
        self.along: list[Any] = []
        self.beside: list[Any] = []
        if sample.axis is not None:  # the jets along the axis, and the network at the axis' point beside theta
            at = [_moved(centre.theta, sample.axis, t) for t in sample.times]
            self.along = [[network_jets(centre.lines, theta, sample.axis, x, order=4) for x in centre.inputs] for theta in at]
            near_by = _moved(centre.theta, sample.axis, sample.time)
            self.away = _length([(A - C, b - d) for (A, b), (C, d) in zip(sample.theta, near_by)])
            zero_direction = [(A * mpf(0), b * mpf(0)) for A, b in centre.theta]
            self.beside = [network_jets(centre.lines, near_by, zero_direction, x, order=0) for x in centre.inputs]
        points = [_moved(sample.theta, sample.directions[0], t) for t in sample.times] if self.line else [sample.theta] * len(sample.directions)
        along = [sample.directions[0]] * len(points) if self.line else sample.directions
        # jets[point or direction][sample] = [(z_1, h_1), ..]
        self.jets = [[network_jets(centre.lines, theta, eta, x, order=order) for x in centre.inputs] for theta, eta in zip(points, along)]
        self.costs = [[cost_jet(self.cost, jets[-1][1], y) for jets, y in zip(all_jets, centre.targets)] for all_jets in self.jets]  # type: ignore[arg-type]
        zero = [(A * mpf(0), b * mpf(0)) for A, b in centre.theta]
        self.still = [network_jets(centre.lines, centre.theta, zero, x, order=0) for x in centre.inputs]
        self.blocks = [np.array([norm(part) for pair in eta for part in pair], dtype=object) for eta in along]
        self._values: dict[str, Any] = {}
        if derivation.problem.method in ("majorant", "cone"):
            self.before = [[network_jets(centre.lines, centre.theta, eta, x) for x in centre.inputs] for eta in along]
            self.adjoints = [self._adjoint(centre.theta, number) for number in range(len(centre.inputs))]
            self.adjoints_after = [self._adjoint(sample.theta, number) for number in range(len(centre.inputs))]
        self.moved = _length([(A - C, b - d) for (A, b), (C, d) in zip(sample.theta, centre.theta)])

    def values(self) -> dict[str, Any]:
        """The hypotheses' symbols on the sample."""
        centre, found = self.sample.centre, {}
        known = {
            "inputs": np.array(centre.inputs, dtype=object).T,
            "targets": np.array(centre.targets, dtype=object).T,
            "distance": self.sample.size,
            "length": self.sample.size,
            "angle": self.sample.angle,
        }
        for hypothesis in self.derivation.hypotheses.values():
            kind, layer = hypothesis.quantity.kind, hypothesis.quantity.layer
            parameters = centre.theta
            if kind.startswith("direction"):
                parameters = self.sample.directions[0] if self.sample.axis is None else self.sample.axis
            elif kind.startswith("reference"):
                parameters = self.sample.directions[-1]
            found[str(hypothesis.symbol)] = (
                known[kind] if kind in known else parameters[self.derivation.problem.network.groups.index(layer)][0 if kind.endswith("weight") else 1]
            )
        return found

    def pairs(self, claim: Claim, values: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
        """(measured, bound) in every way in which this claim can be measured on the sample."""
        quantity = getattr(claim, "quantity", None)
        if not isinstance(quantity, Quantity):
            return
        self._values = values
        bound = values[str(plain_symbol(claim.symbol))]  # type: ignore[union-attr]
        kind, layer = quantity.kind, quantity.layer if isinstance(quantity.layer, int) else None
        if kind.startswith("risk"):
            yield from self._risk(kind, bound)
            return
        for number in range(len(self.sample.centre.inputs)):
            for measured, entry in self._sample(kind, layer, number, np.asarray(bound, dtype=object)):
                if np.ndim(measured):
                    yield from zip(measured, np.broadcast_to(np.asarray(entry, dtype=object), np.shape(measured)))
                else:
                    yield measured, entry

    def _sample(self, kind: str, layer: int | None, number: int, bound: Any) -> Iterator[tuple[Any, Any]]:
        """Measured and bound of one sample, numbers or vectors."""
        part = bound[..., number] if bound.ndim and bound.shape[-1] == len(self.sample.centre.inputs) else bound
        if kind in ("changed_first", "changed_output", "changed_form", "diagonal_form") and bound.ndim and bound.shape[-1] == 1:
            part = bound[..., 0]  # the same for all samples
        part = part[()] if isinstance(part, np.ndarray) and part.ndim == 0 else part
        network = self.derivation.problem.network
        lines = self.sample.centre.lines

        def pre(index: int, u: int | None = layer) -> Jet:
            return self.jets[index][number][u - 1][0]  # type: ignore[operator]

        def post(index: int, u: int | None = layer) -> Jet:
            return [self.sample.centre.inputs[number]] if u == 0 else self.jets[index][number][u - 1][1]  # type: ignore[operator]

        points = range(len(self.jets))
        if kind == "weight_moved":
            before, after = (theta[layer - 1][0] for theta in (self.sample.centre.theta, self.sample.theta))  # type: ignore[operator]
            yield spectral_norm(after - before), part
        elif kind == "cone_norm":
            yield norm(pre(0)[0] - self.beside[number][layer - 1][0][0]), part * self.away  # type: ignore[operator]
        elif kind == "line_moved":
            for jets in self.along:
                yield _abs(jets[number][layer - 1][0][0] - self.still[number][layer - 1][0][0]), part  # type: ignore[operator]
        elif kind.startswith(("line_pre_", "line_output_")) and self.along:
            order = int(kind[-1])
            for jets in self.along:
                yield _abs(jets[number][layer - 1][0 if kind.startswith("line_pre_") else 1][order]) * mpmath.factorial(order), part  # type: ignore[operator]
        elif kind == "weight":
            yield spectral_norm(self.sample.theta[network.groups.index(layer)][0]), part
        elif kind in ("moved_norm", "moved_output", "moved_pre", "moved", "output_moved", "line_out_moved_0"):
            before = self.still[number][layer - 1 if layer else -1]
            for index in points if self.line else (0,):
                after = self.jets[index][number][layer - 1 if layer else -1]
                change = _abs((after[0][0] - before[0][0]) if kind in ("moved_norm", "moved_pre") else (after[1][0] - before[1][0]))
                if kind in ("moved_norm", "moved_output"):
                    yield norm(change), part * self.moved
                else:
                    yield norm(change) if kind == "moved" else change, part
        elif kind in ("near_slope", "near_curvature", "near_third", "near_fourth"):
            order = 1 + ("near_slope", "near_curvature", "near_third", "near_fourth").index(kind)
            activation: Any = network.units[layer - 1].activation  # type: ignore[operator]
            for index in points if self.line else (0,):
                yield np.array([abs(derivative_at(activation, order, point)) for point in pre(index)[0]], dtype=object), part
        elif kind == "value":
            yield norm(post(0)[0]), part
        elif kind in ("near_matrix", "near_curving"):
            A = self.sample.theta[layer - 1][0]  # type: ignore[operator]
            activation = lines[layer - 2].activation  # type: ignore[operator]
            inner = pre(0, layer - 1)[0]  # type: ignore[operator]
            slopes = np.array([derivative_at(activation, 1 if kind == "near_matrix" else 2, point) for point in inner], dtype=object)
            if kind == "near_matrix":
                yield spectral_norm(A * slopes), part
                return
            tried = [pre(index, layer - 1)[1] for index in points]  # type: ignore[operator]
            tried += [np.array([mpf(int(i == j)) for j in range(len(inner))], dtype=object) for i in range(len(inner))]
            for v in tried:
                yield norm(A.dot(slopes * v * v)), part * norm(v) ** 2
        elif kind in ("pre_blocks", "blocks"):
            for index in points:
                p = self.blocks[index][: len(part)]
                yield norm((pre(index) if kind == "pre_blocks" else post(index))[1]), part.dot(p)
        elif kind in ("pre_second_blocks", "second_blocks"):
            for index in points:
                p = self.blocks[index][: len(part)]
                yield 2 * norm((pre(index) if kind == "pre_second_blocks" else post(index))[2]), p.dot(part.dot(p))
        elif kind == "cost_slope":
            yield cost_slope(self.cost, post(0, network.depth)[0], self.sample.centre.targets[number]), part  # type: ignore[arg-type]
        elif kind == "cost_curvature":
            output = post(0, network.depth)[0]
            units = [np.array([mpf(int(i == j)) for j in range(len(output))], dtype=object) for i in range(len(output))]
            for direction in [*units, *(units[i] - units[j] for i in range(len(units)) for j in range(i))]:
                yield cost_curvature(self.cost, output, self.sample.centre.targets[number], direction), part  # type: ignore[arg-type]
        elif kind.startswith(("line_pre_", "line_output_")):
            order = int(kind[-1])
            for index in points:
                jet = pre(index) if kind.startswith("line_pre_") else post(index)
                yield _abs(jet[order]) * mpmath.factorial(order), part
        elif kind.startswith("line_out_moved_"):
            order = int(kind[-1])
            for index in points:
                yield _abs(post(index)[order] - post(0)[order]) * mpmath.factorial(order), part
        elif kind in EQUALITIES:
            yield from _equal(self.costs[0][number][int(kind[-1])] * mpmath.factorial(int(kind[-1])), part)
        elif kind == "cost_fourth":
            for index in points:
                yield self.costs[index][number][4] * 24, part
        elif kind.startswith(("changed_", "curving_", "cost_factor", "diagonal_", "majorant_")):
            yield from self._majorant(kind, layer, number, part)
        else:
            raise ValueError(f"no measurement for {kind}")

    # -- the majorant ------------------------------------------------------------------------------------------------

    def _adjoint(self, theta: Parameters, number: int) -> dict[str, dict[int, Any]]:
        """e_u, lambda_u and mu_u of a sample, by back-propagation."""
        centre, network = self.sample.centre, self.derivation.problem.network
        outputs, slopes = values_and_slopes(centre.lines, theta, centre.inputs[number])
        units = [np.array([mpf(int(i == j)) for j in range(len(outputs[-1]))], dtype=object) for i in range(len(outputs[-1]))]
        adjoint = np.array([cost_jet(self.cost, [outputs[-1], unit], centre.targets[number])[1] for unit in units], dtype=object)  # type: ignore[arg-type, type-var]
        found: dict[str, dict[int, Any]] = {"e": {network.depth: adjoint}, "lambda": {}, "mu": {}}
        for layer in range(network.depth - 1, 0, -1):
            A, b = theta[layer - 1]
            multiplier = theta[layer][0].T.dot(found["e"][layer + 1])
            bends = np.array([derivative_at(network.units[layer - 1].activation, 2, z) for z in A.dot(outputs[layer - 1]) + b], dtype=object)
            found["lambda"][layer], found["e"][layer], found["mu"][layer] = multiplier, slopes[layer - 1] * multiplier, bends * multiplier
        return found

    def _atoms(self, index: int, number: int) -> Any:
        """The norms a of a direction, at the centre."""
        depth, values = self.derivation.problem.network.depth, self._values
        jets, p = self.before[index][number], self.blocks[index]
        parts = [mpmath.sqrt(max(mpf(0), self._outputs_form(jets, number)))]
        for layer in range(1, depth + 1):
            parts.append(norm(p[2 * layer - 2 : 2 * layer]))
            if layer < depth:
                z = jets[layer - 1][0][1]
                factors = [np.asarray(values[f"{name}_{layer}"], dtype=object) for name in ("sl", "sr", "mp")]
                parts += [norm(z), *(norm(z * self._column(factor, number)) for factor in factors)]
        return np.array(parts, dtype=object)

    def _column(self, array: Any, number: int) -> Any:
        return array[..., number] if np.ndim(array) else array

    def _outputs_form(self, jets: list[tuple[Jet, Jet]], number: int) -> Any:
        """<o', C o'> at the centre, for the derivative of the outputs in those jets."""
        output = self.still[number][-1][1][0]
        return 2 * cost_jet(self.cost, [output, jets[-1][1][1], output * mpf(0)], self.sample.centre.targets[number])[2]  # type: ignore[arg-type]

    def _own_form(self, jets: list[tuple[Jet, Jet]], number: int) -> tuple[Any, Any]:
        """The second derivative of the cost along the direction, and the part of it from the cost's own Hessian, at the point of the jets."""
        target, output = self.sample.centre.targets[number], jets[-1][1]
        whole = 2 * cost_jet(self.cost, output, target)[2]  # type: ignore[arg-type]
        return whole, 2 * cost_jet(self.cost, [output[0], output[1], output[0] * mpf(0)], target)[2]  # type: ignore[arg-type]

    def _squares(self, name: str, index: int, number: int) -> Any:
        """sum over layers and neurons of a weight times z'^2 at the centre."""
        depth = self.derivation.problem.network.depth
        return sum(
            (np.sum(self._column(self._values[f"{name}_{layer}"], number) * self.before[index][number][layer - 1][0][1] ** 2) for layer in range(1, depth)),
            mpf(0),
        )

    def _majorant(self, kind: str, layer: int | None, number: int, part: Any) -> Iterator[tuple[Any, Any]]:
        before, after, depth = self.adjoints[number], self.adjoints_after[number], self.derivation.problem.network.depth
        if kind in ("changed_first", "changed_output"):
            for index in range(len(self.jets)):
                u = layer or depth
                change = self.jets[index][number][u - 1][0][1] - self.before[index][number][u - 1][0][1]
                size = norm(change)
                if kind == "changed_output":
                    output = self.jets[index][number][-1][1][0]
                    size = mpmath.sqrt(abs(2 * cost_jet(self.cost, [output, change, output * mpf(0)], self.sample.centre.targets[number])[2]))  # type: ignore[arg-type]
                yield size, np.sum(part * self._atoms(index, number))
        elif kind == "cost_factor":
            for index in range(len(self.jets)):
                jets = self.before[index][number]
                output = self.jets[0][number][-1][1][0]
                later = 2 * cost_jet(self.cost, [output, jets[-1][1][1], output * mpf(0)], self.sample.centre.targets[number])[2]  # type: ignore[arg-type]
                yield later, mpmath.exp(part) * self._outputs_form(jets, number)
        elif kind == "changed_adjoint":
            yield norm(after["e"][layer] - before["e"][layer]), part  # type: ignore[index]
        elif kind in ("changed_multiplier", "changed_curving"):
            name = "lambda" if kind == "changed_multiplier" else "mu"
            yield _abs(after[name][layer] - before[name][layer]), part  # type: ignore[index]
        elif kind == "curving_size":
            yield _abs(after["mu"][layer]), part  # type: ignore[index]
        elif kind in ("changed_form", "diagonal_form"):
            for index in range(len(self.jets)):
                a = self._atoms(index, number)
                form = a.dot(part.dot(a)) if kind == "changed_form" else np.sum(part * a * a)
                whole, own = self._own_form(self.jets[index][number], number)
                old, own_before = self._own_form(self.before[index][number], number)
                allowed = self._squares("wc", index, number) + form
                yield whole - old, allowed
                yield abs((whole - own) - (old - own_before)), allowed
        elif kind == "majorant_outputs" and number == 0:  # the last of the coefficients: now the operator is whole
            count = len(self.sample.centre.inputs)
            for index in range(len(self.jets)):
                p = self.blocks[index]
                total, changes = mpf(0), mpf(0)
                for sample in range(count):
                    kappa = self._column(np.asarray(self._values["ka"], dtype=object), sample)
                    total += (self._squares("om", index, sample) + kappa * self._outputs_form(self.before[index][sample], sample)) / count
                    changes += (self._own_form(self.jets[index][sample], sample)[0] - self._own_form(self.before[index][sample], sample)[0]) / count
                for u in range(1, depth + 1):
                    total += self._values[f"ga_{u}"] * norm(p[2 * u - 2 : 2 * u]) ** 2
                yield changes, total

    def _risk(self, kind: str, bound: Any) -> Iterator[tuple[Any, Any]]:
        count = len(self.sample.centre.inputs)
        averages = [[mpmath.fsum(cost[k] for cost in costs) / count * mpmath.factorial(k) for k in range(len(costs[0]))] for costs in self.costs]
        bound = bound[()] if isinstance(bound, np.ndarray) and bound.ndim == 0 else bound
        if kind in EQUALITIES:
            yield from _equal(averages[0][int(kind[-1])], bound)
            return
        for p, average in zip(self.blocks, averages):
            if kind == "risk_blocks":
                yield abs(average[1]), bound.dot(p)
            elif kind == "risk_second_blocks":
                yield abs(average[2]), p.dot(bound.dot(p))
            elif kind in ("risk_first", "risk_second"):
                yield abs(average[1 if kind == "risk_first" else 2]), bound
            elif kind == "risk_fourth":
                yield average[4], bound
            elif kind == "risk_bend":
                scale = 1 + abs(bound)  # a second derivative may be negative
                yield scale + average[2], scale + bound
            else:
                raise ValueError(f"no measurement for {kind}")


def _equal(measured: Any, value: Any) -> Iterator[tuple[Any, Any]]:
    """Two numbers of any sign that must agree: their ratio is 1 if they do."""
    scale = 1 + abs(value)
    yield scale + abs(measured - value), scale
