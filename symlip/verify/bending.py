"""The cost of bending in high precision: the functions Gamma_u, the constant itself, and the network that comes near it.

A search in floating point finds about where the neurons have to be; Newton's method takes them to all digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from .. import bending
from ..activations import Activation
from ..calculus.arrays import BendingEnd
from ..calculus.claims import Bound
from ..calculus.derivation import Derivation
from .jets import Line, Parameters, derivative_at
from .points import best_point

STEEP = 9  # the place of s' in an activation's tuple

Place = tuple[Any, int] | None
"""(z, sign of w) of a layer's neuron 1; None where it is saturated."""


class Chain:
    """The recursion for single numbers: |x|, then (a_{u+1}, l_u, cells of s_u) for each hidden layer."""

    def __init__(self, network: Any, layers: Sequence[Any]) -> None:
        _, self.x_norm, *steps = layers
        self.steps = [(_number(weight), int(width) + max(int(more), 0), cells) for weight, width, cells, more in steps]
        self.widths = [int(step[1]) for step in steps]
        self.alike = [int(more) < 0 for _, _, _, more in steps]
        self.x_norm = _number(self.x_norm)
        self.known: dict[Any, Any] = {}
        self.activations: list[Activation] = [layer.activation for layer in network.dense]
        self.top = [_constant(activation, 0) for activation in self.activations[: len(self.steps)]]

    def gamma(self, k: Any, places: Sequence[Place]) -> Any:
        """Gamma of the last layer at k, for neurons held at these places; -inf where a denominator is not positive."""
        if not places:
            return 1 / (1 + self.x_norm**2)
        number = len(places) - 1
        weight, width, _ = self.steps[number]
        top, place = self.top[number], places[-1]
        if place is None:
            return 1 / (1 + width * top**2)
        s, slope, bend = (derivative_at(self.activations[number], order, place[0]) for order in range(3))
        w = place[1] * weight
        below = self.gamma(k * abs(w * slope), places[:-1])
        below = below - k * w * bend - k**2 * slope**2
        if not below > 0:
            return -mpmath.inf
        return 1 / (1 + (width - 1) * top**2 + s**2 + slope**2 * (w + k * s) ** 2 / below)

    def places(self, k: Any, number: int) -> list[Place]:
        """About where Gamma_{number + 1}(k) is attained."""
        weights = [np.array([float(weight)]) for weight, _, _ in self.steps[:number]]
        layers = [(width, cells) for _, width, cells in self.steps[:number]]
        reach, ends = float(k), list[float]()
        for weight, (_, cells) in list(zip(weights, layers))[::-1]:
            ends.insert(0, reach)
            reach = reach * float(weight[0]) * cells[1]
        found: list[Place] = []
        centres: list[float] = ends
        for nearest in (0.05, 1e-3):
            functions: list[Any] = [bending.first_function(np.array([float(self.x_norm)]))]  # type: ignore[no-untyped-call]
            for weight, layer, centre, end in zip(weights, layers, centres, ends):
                nodes = bending.nodes_around(np.array([max(centre, 1e-6 * end)]), np.array([2 * end]), np.array([end]), nearest, 1.4, 40, 1e-3)  # type: ignore[no-untyped-call]
                functions.append((nodes, bending.estimate_step(functions[-1], nodes, weight, *layer)[0]))  # type: ignore[no-untyped-call]
            found, centres, at = [], [], float(k)
            for weight, layer, function in list(zip(weights, layers, functions))[::-1]:
                _, z, sign = bending.estimate_step(function, np.array([[at]]), weight, *layer)  # type: ignore[no-untyped-call]
                centres.insert(0, at)
                saturated = np.isnan(z[0, 0])
                found.insert(0, None if saturated else (mpf(float(z[0, 0])), int(sign[0, 0])))
                at = 0.0 if saturated else at * float(weight[0]) * abs(float(layer[1][STEEP](z[0, 0])))
        return found

    def lowest(self, k: Any, number: int) -> Any:
        """Gamma_{number + 1}(k), the smallest value over all places."""
        if any(self.alike[:number]):
            return self._certified(k, number)
        start = self.places(k, number)
        if not mpmath.isfinite(self.gamma(k, start)):
            return -mpmath.inf
        return self.gamma(k, _polished(lambda places: self.gamma(k, places), start, -1))

    def _certified(self, k: Any, number: int) -> Any:
        """Gamma_{number + 1}(k) as the search in floats bounds it from below, where the recursion is not one of single neurons."""
        key = (float(k), number)
        if key not in self.known:
            steps = [(np.array([float(weight)]), width, cells) for weight, width, cells in self.steps[:number]]
            ends = [float(k)]
            for weight, _, cells in steps[:0:-1]:
                ends.insert(0, ends[0] * float(weight[0]) * cells[1])
            function = bending.first_function(np.array([float(self.x_norm)]))  # type: ignore[no-untyped-call]
            with np.errstate(all="ignore"):
                for (weight, width, cells), end, alike in zip(steps, ends, self.alike):
                    nodes = np.linspace(0, end * (1 + 1e-12), 7)[None, :] if end else np.zeros((1, 2))
                    step = bending.bound_step_alike if alike else bending.bound_step
                    function = (nodes, step(function, nodes, weight, width, cells, 3e-3, 1.8))  # type: ignore[no-untyped-call]
                self.known[key] = mpf(float(bending.at_points(function, np.array([[float(k)]]))[0, 0]))  # type: ignore[no-untyped-call]
        return self.known[key]


def _number(value: Any) -> Any:
    return value.reshape(-1)[0] if isinstance(value, np.ndarray) else mpf(value)


def _constant(activation: Activation, order: int) -> Any:
    return mpf(activation.constant(order).evalf(mpmath.mp.dps + 10)._mpf_)


def _polished(function: Callable[[Sequence[Place]], Any], places: Sequence[Place], side: int) -> list[Place]:
    """A nearby stationary point of a function of the places, by Newton's method; side: 1 if it is a maximum, -1 a minimum."""
    first = max((index + 1 for index, place in enumerate(places) if place is None), default=0)  # what lies below a saturated neuron does not count
    free = list(range(first, len(places)))
    if not free:
        return list(places)
    signs = [place[1] for place in places[first:] if place is not None]
    point = [place[0] for place in places[first:] if place is not None]
    digits = mpmath.mp.dps

    def at(moved: Sequence[Any]) -> Any:
        return function([*places[:first], *zip(moved, signs)])

    with mpmath.workdps(2 * digits):
        step = mpf(10) ** (-digits // 2)
        start, best, before = point, at(point), mpf(1)
        for _ in range(12):
            n, value = len(point), at(point)
            unit = [[step * (i == j) for j in range(n)] for i in range(n)]

            def shifted(*moves: Sequence[Any], point: Sequence[Any] = point) -> Any:
                return at([p + mpmath.fsum(parts) for p, parts in zip(point, zip(*moves))])

            plus, minus = [shifted(e) for e in unit], [shifted([-v for v in e]) for e in unit]
            gradient = mpmath.matrix([(a - b) / (2 * step) for a, b in zip(plus, minus)])
            hessian = mpmath.matrix(n, n)
            for i in range(n):
                hessian[i, i] = (plus[i] - 2 * value + minus[i]) / step**2
                for j in range(i):
                    both = shifted(unit[i], unit[j]) - plus[i] - plus[j] + value
                    hessian[i, j] = hessian[j, i] = both / step**2
            try:
                move = mpmath.lu_solve(hessian, -gradient)
            except ZeroDivisionError:
                break
            largest = max(abs(entry) for entry in move)
            if not largest < before / 4:  # it does not converge, as where the point is not stationary to second order
                break
            before = largest
            point = [p + entry for p, entry in zip(point, move)]
            if largest < mpf(10) ** (-0.8 * digits):
                break
        if not side * (at(point) - best) >= 0:
            point = start
    return [*places[:first], *zip(point, signs)]


class Ends:
    """The constant of the gradient, with the places where it is attained."""

    def __init__(self, network: Any, high: Any, layers: Sequence[Any], last: Any) -> None:
        self.chain = Chain(network, layers)
        self.network, self.last = network, network.dense[-1].activation
        self.affine = len(self.chain.steps) > 0 and len(last[4]) == 1
        first, slope, zero, *weights = (np.array([float(value)]) for value in (self.chain.x_norm, 1, 0, *(weight for weight, _, _ in self.chain.steps)))
        steps = [(width, cells) for _, width, cells in self.chain.steps]
        with np.errstate(all="ignore"):
            start = np.fmin(float(high), bending.rough_bound(first, slope, zero, weights, steps, last))  # type: ignore[no-untyped-call]
            estimate, path = bending.estimate_all(start, first, slope, zero, weights, steps, last, 1)  # type: ignore[no-untyped-call]
        places: list[Place] = [None if np.isnan(z[0]) else (mpf(float(z[0])), int(sign[0]) or 1) for z, _, sign in path[1:]]
        self._start = mpf(float(estimate[0]))
        free = places[:-1] if self.affine else places
        free = _polished(self._lam, free, 1)
        self.lam = self._lam(free)
        self.places = [*free, *(places[-1:] if self.affine else [])]

    def reached(self) -> Any:
        """|D^2 N[eta, eta]| in the limit for the neurons at these places and the best direction, less a 10^-12th part."""
        first, second = _form_start(self.chain.x_norm, 2 * len(self.places) - 1)
        turns = _signs(self.chain.activations, self.places)
        for number, (place, activation) in enumerate(zip(self.places, self.chain.activations), 1):
            value, slope, bend = _limits(activation, place)
            moved, bent = slope * first, bend * np.outer(first, first) + slope * second
            if number == len(self.places):
                break
            weight = self.chain.steps[number - 1][0] * turns[number + 1]
            rest = mpmath.sqrt(1 + (self.chain.widths[number - 1] - 1) * self.chain.top[number - 1] ** 2)
            first, second = _form_step(weight, value, rest, moved, bent, number)
        return max(map(abs, mpmath.eigsy(mpmath.matrix(bent.tolist()), eigvals_only=True))) * (1 - mpf(10) ** -12)

    def _lam(self, places: Sequence[Place]) -> Any:
        """The lam at which the inequality is an equality for these places."""
        z = places[-1]
        assert z is not None
        if self.affine:
            steep, number = _constant(self.last, 1), len(places) - 1
            weight = z[1] * self.chain.steps[number][0]
            slope, bend = (derivative_at(self.chain.activations[number], order, z[0]) for order in (1, 2))

            def short(lam: Any) -> Any:
                k = steep / lam
                return self.chain.gamma(k * abs(weight * slope), places[:-1]) - k * weight * bend - k**2 * slope**2

        else:
            slope, bend = (abs(derivative_at(self.last, order, z[0])) for order in (1, 2))

            def short(lam: Any) -> Any:
                return lam * self.chain.gamma(slope / lam, places[:-1]) - bend

        return _root(short, self._start)


def _root(short: Callable[[Any], Any], start: Any) -> Any:
    """The root near `start` of an increasing function that may be -inf below it: bisection, then the secant method."""
    low, high = start * (1 - mpf(10) ** -5), start * (1 + mpf(10) ** -5)
    below, above = short(low), short(high)
    for _ in range(60):
        if below > 0:
            low, high, above = low * (1 - 16 * (high / low - 1)), low, below
            below = short(low)
        elif not above > 0:
            low, high, below = high, high * (1 + 16 * (high / low - 1)), above
            above = short(high)
        else:
            break
    for _ in range(4 * mpmath.mp.dps):
        if mpmath.isfinite(below):
            break
        middle = (low + high) / 2
        value = short(middle)
        low, high, below, above = (low, middle, below, value) if value > 0 else (middle, high, value, above)
    for _ in range(60):
        if below == above or abs(high - low) < mpf(10) ** (8 - mpmath.mp.dps) * high:
            break
        following = high - above * (high - low) / (above - below)
        value = short(following)
        if not mpmath.isfinite(value):
            break
        low, below, high, above = high, above, following, value
    return high


def end_function(network: Any, exact: bool) -> Callable[..., Any]:
    """`bending_end` for high-precision numbers: to all digits where the constant is exact, else in floats, rounded up."""
    known: dict[Any, Ends] = {}
    searched: dict[Any, Any] = {}

    def end(high: Any, layers: Any, last: Any, slope: Any, curvature: Any, which: Any) -> Any:
        _, x_norm, *steps = layers
        arrays = np.broadcast_arrays(*(np.asarray(value, dtype=object) for value in (high, x_norm, slope, curvature, *(step[0] for step in steps))))
        out = np.empty(arrays[0].shape, dtype=object)
        for place in np.ndindex(out.shape):
            one, x, g1, g2, *weights = (array[place] for array in arrays)
            positive = all(weight > 0 for weight in weights)
            if which == 1 and not positive:
                out[place] = mpf(0)
            elif positive and g1 == 1 and g2 == 0 and (which == 1 or exact):
                key = mpmath.mp.prec, one, x, *weights
                if key not in known:
                    known[key] = Ends(network, one, ({}, x, *((weight, *step[1:]) for weight, step in zip(weights, steps))), last)
                out[place] = known[key].reached() if which == 1 else min(known[key].lam, one)
            else:
                up = 1 + 1e-15
                given = ({}, float(x) * up, *((float(weight) * up, int(width), cells, int(more)) for weight, (_, width, cells, more) in zip(weights, steps)))
                key = tuple(float(value) for value in (one, x, g1, g2, *weights))
                if key not in searched:
                    searched[key] = mpf(float(bending.bending_end(float(one) * up, given, last, float(g1) * up, float(g2) * up, 0)))  # type: ignore[no-untyped-call]
                out[place] = searched[key]
        return out[()]

    return end


def bent(derivation: Derivation, lines: Sequence[Line], values: dict[str, Any], x: Any, widths: Sequence[int], digits: int) -> tuple[Parameters, Parameters]:
    """The network of a derivation that comes near the gradient's constant, at the values of its symbols, and its direction."""
    claims = (step.claim for step in derivation.steps.values())
    end = next(claim.expression for claim in claims if isinstance(claim, Bound) and isinstance(claim.expression, BendingEnd))
    high, function, cells = end.args[:3]
    network = derivation.problem.network
    ends = Ends(network, values.get(str(high), mpf("inf")), values[str(function)], values[str(cells)])
    return build_bent(network, lines, ends.places, values, x, widths, digits)


def build_bent(
    network: Any, lines: Sequence[Line], places: Sequence[Place], values: dict[str, Any], x: Any, widths: Sequence[int], digits: int
) -> tuple[Parameters, Parameters]:
    """The network whose neurons are held at these places, and the direction of length 1 that bends its output most."""
    depth = len(lines)
    turns = _signs([line.activation for line in lines if line.activation is not None], places)
    theta: Parameters = []
    h, outputs = x, []
    for number, line in enumerate(lines, 1):
        assert line.activation is not None
        rows, columns = widths[number], widths[number - 1]
        A = np.full((rows, columns), mpf(0), dtype=object)
        if number > 1:
            A[0, 0] = turns[number] * values[f"a_{number}"]
        far = best_point(line.activation, 0, digits) if number < depth else mpf(0)
        place = places[number - 1]
        points = [place[0] if i == 0 and place is not None else far for i in range(rows)]
        b = np.array(points, dtype=object) - A.dot(h)
        theta.append((A, b))
        outputs.append(h)
        h = np.array([derivative_at(line.activation, 0, point) for point in points], dtype=object)
    return theta, _direction(lines, theta, outputs)


def _limits(activation: Activation, place: Place) -> tuple[Any, Any, Any]:
    """s, s', s'' at a place."""
    if place is None:
        return _constant(activation, 0), mpf(0), mpf(0)
    value, slope, bend = (derivative_at(activation, order, place[0]) for order in range(3))
    return value, slope, bend


def _signs(activations: Sequence[Activation], places: Sequence[Place]) -> dict[int, int]:
    """The signs of the A_u, from the last layer down, for which all that bends the output has one sign."""
    turns: dict[int, int] = {}
    _, slope, bend = _limits(activations[len(places) - 1], places[-1])
    sign = -1 if slope * bend < 0 else 1
    for number in range(len(places) - 1, 0, -1):
        place = places[number - 1]
        w = place[1] if place is not None else 1
        turns[number + 1] = w * sign
        sign = -1 if _limits(activations[number - 1], place)[1] * w < 0 else 1
    return turns


def _form_start(norm: Any, size: int) -> tuple[Any, Any]:
    first, second = np.full(size, mpf(0), dtype=object), np.full((size, size), mpf(0), dtype=object)
    first[0] = mpmath.sqrt(1 + norm**2)
    return first, second


def _form_step(weight: Any, value: Any, rest: Any, moved: Any, bent: Any, number: int) -> tuple[Any, Any]:
    """z' and z'' of the next neuron 1 as forms in the directions of `chain_eigenvalue`."""
    first, second = weight * moved, weight * bent
    first[2 * number - 1] += value
    first[2 * number] += rest
    second[2 * number - 1] += moved
    second[:, 2 * number - 1] += moved
    return first, second


def _direction(lines: Sequence[Line], theta: Parameters, outputs: Sequence[Any]) -> Parameters:
    """The unit direction, of neuron 1 alone, along which |h_m''| is largest: an eigenvector of a small matrix."""
    depth = len(lines)
    first, second = _form_start(mpmath.sqrt(mpmath.fsum(entry**2 for entry in outputs[0])), 2 * depth - 1)
    for number, line in enumerate(lines, 1):
        A, b = theta[number - 1]
        points = A.dot(outputs[number - 1]) + b
        slope, bend = (derivative_at(line.activation, order, points[0]) for order in (1, 2))  # type: ignore[arg-type]
        moved, bent = slope * first, bend * np.outer(first, first) + slope * second
        if number == depth:
            break
        value, *others = outputs[number]
        rest = mpmath.sqrt(1 + mpmath.fsum(other**2 for other in others))
        first, second = _form_step(theta[number][0][0, 0], value, rest, moved, bent, number)
    size = 2 * depth - 1
    numbers, vectors = mpmath.eigsy(mpmath.matrix(bent.tolist()))
    best = max(range(size), key=lambda i: abs(numbers[i]))
    parts = [vectors[i, best] for i in range(size)]
    eta: Parameters = []
    for number, (A, b) in enumerate(theta):
        dA, db = A * mpf(0), b * mpf(0)
        below = outputs[number]
        rest = below if number == 0 else below[1:]
        length = mpmath.sqrt(1 + mpmath.fsum(entry**2 for entry in rest))
        along = parts[0] if number == 0 else parts[2 * number]
        if number == 0:
            dA[0] = along * rest / length
        else:
            dA[0, 0] = parts[2 * number - 1]
            dA[0, 1:] = along * rest / length
        db[0] = along / length
        eta.append((dA, db))
    return eta
