"""The best residual network of rank-one weights in high precision: the maximum of the joint bound over slopes, and its witness."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf

from .. import bending_states
from ..activations import Activation, z
from ..calculus.derivation import Derivation
from ..calculus.rules.bending_states import state_cells
from ..calculus.rules.held_lines import bent_line, starts_recurrent
from ..calculus.witness import HeldWitness
from ..errors import SymlipError
from ..networks import Network
from ..tradeoff import states, t, tradeoff
from .jets import Line, Parameters, derivative_at, exact_number, pulled_back
from .points import best_point


def maximum(network: Network, values: dict[str, Any], x: tuple[Any, Any, Any]) -> tuple[Any, list[Any]]:
    """max |l(R)| over the slopes of untied residual lines at the working precision, and the t of each line that reaches it.

    values: of a_u and the steps, by name. x = (|x|, |x_j|, sum of the others' moduli); |x_j| = -1 if |x| alone is known.
    """
    units = network.units
    weights = tuple(mpf(values[f"a_{unit.group}"]) for unit in units)
    steps = tuple(
        mpf(values[str(unit.step)]) if unit.step.is_Symbol else mpf(sympy.N(unit.step, mpmath.mp.dps + 10)._mpf_) for unit in units if unit.step is not None
    )
    widths = tuple(int(unit.width) for unit in units)
    return _maximum(tuple(unit.activation for unit in units), weights, steps, widths, tuple(map(mpf, x)), mpmath.mp.dps)


@lru_cache(maxsize=64)
def _maximum(activations: Any, weights: Any, steps: Any, widths: Any, x: Any, digits: int) -> tuple[Any, list[Any]]:
    kinds = [tradeoff(activation) for activation in activations]
    tops = [mpf(sympy.N(kind.top, digits + 10)._mpf_) for kind in kinds]

    def objective(point: Sequence[Any], modules: str, number: Any) -> Any:
        norm, least, rest = (number(entry) for entry in x)
        total, spread, reach = number(0), number(0), number(0)
        for kind, top, weight, step, width, at in zip(kinds, tops, weights, steps, widths, point):
            slope, value = (sympy_function(part, modules) for part in (kind.slope, kind.value))
            if least < 0:
                size2 = (norm + ((width - 1) * spread**2 + reach**2) ** (number(1) / 2)) ** 2
            else:
                size2 = norm**2 - least**2 + 2 * spread * rest + (width - 1) * spread**2 + (least + reach) ** 2
            steep = number(step) * slope(at)
            total = (1 + number(weight) * steep) ** 2 * total + steep**2 * (1 + size2)
            spread, reach = spread + number(step) * number(top), reach + number(step) * value(at)
        return total

    best, found = -1.0, np.zeros(len(steps))
    rng = np.random.default_rng(0)
    corners = [np.array([1.0] * k + [0.0] * (len(steps) - k)) for k in range(len(steps))]
    for start in [*corners, *rng.uniform(size=(12, len(steps)))]:
        point, width = start.copy(), 0.5
        value = float(objective(point, "math", float))
        while width > 1e-9:
            better = False
            for index in range(len(point)):
                for side in (width, -width):
                    trial = point.copy()
                    trial[index] = min(1.0, max(0.0, trial[index] + side))
                    other = float(objective(trial, "math", float))
                    if other > value:
                        point, value, better = trial, other, True
            width = width if better else width / 2
        if value > best * (1 + 1e-12):
            best, found = value, point
    exact = [mpf(0) if entry < 1e-5 else mpf(1) if entry > 1 - 1e-5 else mpf(float(entry)) for entry in found]
    inner = [index for index, entry in enumerate(exact) if 0 < entry < 1]
    if inner:
        with mpmath.workdps(3 * digits):

            def gradient(*entries: Any) -> Any:
                point = list(exact)
                for index, entry in zip(inner, entries):
                    point[index] = entry
                h = mpf(10) ** -digits
                slopes = []
                for index in inner:
                    sides = [objective([*point[:index], point[index] + side, *point[index + 1 :]], "mpmath", mpf) for side in (h, -h)]
                    slopes.append((sides[0] - sides[1]) / (2 * h))
                return slopes if len(slopes) > 1 else slopes[0]

            start = [exact[index] for index in inner]
            root = mpmath.findroot(gradient, start if len(start) > 1 else start[0], tol=mpf(10) ** (-2 * digits + 10), maxsteps=60, verify=False)
            for index, entry in zip(inner, list(root) if len(inner) > 1 else [root]):
                exact[index] = mpf(entry)
    exact = [+entry for entry in exact]
    return mpmath.sqrt(objective(exact, "mpmath", mpf)), exact


@lru_cache(maxsize=64)
def sympy_function(expression: sympy.Expr, modules: str) -> Any:
    """An expression in t as a function."""
    return sympy.lambdify(t, expression, modules=modules)


def build_pushed(network: Network, lines: Sequence[Line], values: dict[str, Any], x: Any, digits: int) -> Parameters:
    """The witness at an input: rank-one weights at the entry of the input that is smallest."""
    moduli = [abs(entry) for entry in x]
    j = min(range(len(x)), key=lambda i: moduli[i])
    _, best = maximum(network, values, (mpmath.sqrt(mpmath.fsum(m**2 for m in moduli)), moduli[j], mpmath.fsum(moduli) - moduli[j]))
    signs = [1 if entry >= 0 else -1 for entry in x]
    far = mpf(2) ** 10
    theta: Parameters = []
    h = x
    for unit, line, at in zip(network.units, lines, best):
        activation = unit.activation
        assert activation is not None
        width = len(h)
        direction = [sign * (1 if line.step > 0 else -1) for sign in signs]  # of the activation's outputs
        points = [_point(activation, tradeoff(activation), at if i == j else mpf(1), direction[i], far, digits) for i in range(width)]
        slope = derivative_at(activation, 1, points[j])
        A = np.full((width, width), mpf(0), dtype=object)
        A[j, j] = values[f"a_{unit.group}"] * (1 if line.step * slope >= 0 else -1)
        b = np.array([point - A[i].dot(h) for i, point in enumerate(points)], dtype=object)
        theta.append((A, b))
        h = h + line.step * np.array([derivative_at(activation, 0, point) for point in points], dtype=object)
    return theta


def _point(activation: Any, kind: Any, at: Any, side: int, far: Any, digits: int) -> Any:
    """z with s(z) = side * tau(at), and the slope of that trade-off."""
    if kind.kind == "sin":
        return side * mpmath.asin(at)
    scale = mpf(sympy.N(kind.top, digits + 30)._mpf_)
    rate = mpf(sympy.N(activation.derivative(1).subs(z, 0) / kind.top, digits + 30)._mpf_)  # s = top tanh(rate z)
    turn = 1 if rate > 0 else -1
    if at >= 1:
        return side * turn * far / abs(rate)
    if not scale:
        raise SymlipError("the activation is constant")
    return side * turn * mpmath.atanh(at) / abs(rate)


def _held_neurons(network: Network, x: Any) -> list[tuple[int, int]]:
    """The neuron of each line that is held, and the one that it sees: j with the least |x_j|, from a dense line that is used once on the first."""
    held, found = min(range(len(x)), key=lambda i: abs(x[i])), []
    for unit in network.units:
        seen = held
        if unit.step is None and len(network.lines_with(unit.group)) == 1:
            held = 0
        found.append((held, seen))
    return found


def build_held(
    network: Network, lines: Sequence[Line], values: dict[str, Any], x: Any, widths: Sequence[int], witness: HeldWitness, digits: int
) -> tuple[Parameters, list[Parameters]]:
    """The network with one neuron held at 0, or in the line that bends the output where it bends most; and directions to try."""
    theta: Parameters = []
    bent, neurons, again = bent_line(network), _held_neurons(network, x), starts_recurrent(network)
    signs = [1 if entry >= 0 else -1 for entry in x]
    h = x
    for number, (unit, line, width, (j, seen)) in enumerate(zip(network.units, lines, widths[1:], neurons), 1):
        activation, step = unit.activation, 1 if line.step is None else line.step
        assert activation is not None
        if unit.step is None:
            signs = [1] * width
        if line.index == len(theta):
            A = np.full((width, len(h)), mpf(0), dtype=object)
            norm = next(values[name] for name in (f"a_{unit.group}", "t", "w") if name in values)
            if "w" in values and unit.step is None and number == 1 and not again:
                norm = mpf(0)  # nothing is gained there, and it would have to be paid
            A[j, seen] = norm * (1 if step * derivative_at(activation, 1, mpf(0)) >= 0 else -1)
            if number == 1 and again:
                other = max((i for i in range(len(x)) if i != seen), key=lambda i: abs(x[i]))
                A[j, seen] /= mpmath.sqrt(2)
                A[j, other] = -A[j, seen] * x[seen] / x[other] if x[other] else mpf(0)
            b = np.full(width, mpf(0), dtype=object)
            if witness.pushed and activation.constant(0).is_finite:
                top = best_point(activation, 0, digits)
                up = 1 if derivative_at(activation, 0, top) >= 0 else -1
                for i in range(width):
                    b[i] = top if up * signs[i] * step > 0 else -top
            b[j] = (best_point(activation, 2, digits) if witness.bent and number == bent else mpf(0)) - A[j].dot(h)
            theta.append((A, b))
        A, b = theta[line.index]  # type: ignore[index]
        added = np.array([derivative_at(activation, 0, value) for value in A.dot(h) + b], dtype=object)
        h = added if line.step is None else h + step * added
    return theta, _held_directions(lines[:bent], theta, x, neurons, witness)


def _held_directions(lines: Sequence[Line], theta: Parameters, x: Any, neurons: Sequence[tuple[int, int]], witness: HeldWitness) -> list[Parameters]:
    """Directions of length 1 that show the second derivative in the last of these lines: biases alone, or biases and one weight."""
    if witness.order < 2:
        return []
    zero = [(A * mpf(0), b * mpf(0)) for A, b in theta]
    (j, seen), last = neurons[len(lines) - 1], lines[-1].index
    if witness.bent:
        unit = zero[last][1].copy()  # type: ignore[index]
        unit[j] = mpf(1)
        pulled = pulled_back(lines, theta, x, unit, pre=True)[0]
        eta = pulled if len(lines) == 1 else [(A, b) for (A, _), (_, b) in zip(zero, pulled)]
        length = mpmath.sqrt(mpmath.fsum(part**2 for A, b in eta for part in (*A.flat, *b)))
        return [[(A / length, b / length) for A, b in eta]]
    if len(lines) == 1:
        return []  # of one line nothing is claimed
    below = zero[lines[-2].index][1].copy()  # type: ignore[index]
    below[seen] = mpf(1)
    pulled = [b for _, b in pulled_back(lines[:-1], theta, x, below)[0]]
    length = mpmath.sqrt(2 * mpmath.fsum(part**2 for b in pulled for part in b))
    found = []
    for sign in (1, -1):
        both = [(A.copy(), b / length) for (A, _), b in zip(zero, pulled)]
        both[last][0][j, seen] = sign * mpmath.sqrt(mpf(1) / 2)  # type: ignore[index]
        found.append(both)
    return found


def bent_states(network: Network, *numbers: Any) -> tuple[Any, Any, Any, Any]:
    """(what the network found bends, its lines, t, w) for high, |x|, |x_j| with the sign of x_j, the others' sum, the norms and the steps."""
    return _bent_states(tuple(unit.activation for unit in network.units), int(network.units[0].width), *(float(number) for number in numbers))


@lru_cache(maxsize=64)
def _bent_states(activations: Any, width: int, high: float, norm: float, least: float, rest: float, *others: float) -> tuple[Any, Any, Any, Any]:
    cells = [state_cells(activation) for activation in activations]
    known = bending_states.state_lines(norm, abs(least), rest, others[: len(cells)], others[len(cells) :], width, cells)  # type: ignore[no-untyped-call]
    with np.errstate(all="ignore"):
        value, _, (_, _, ts, ws) = bending_states.state_search(high, least, 1.0, 0.0, known, 0)  # type: ignore[no-untyped-call]
    return value, known, ts, ws


def states_reached(network: Network, searched: Any) -> Any:
    """`state_bending` for high-precision numbers, from below by the network that `states_witness` builds. searched: the search from above."""

    def value(high: Any, norm: Any, least: Any, rest: Any, which: Any, g1: Any, g2: Any, weights: Any, steps: Any, *others: Any) -> Any:
        if not which or any(isinstance(number, np.ndarray) for number in (high, norm, least)) or not all((*weights, *steps)):
            return searched(high, norm, least, rest, which, g1, g2, weights, steps, *others)
        if least < 0:
            if network.units[0].width > 1:
                return mpf(0)
            least, rest = norm, mpf(0)
        odd = all(tradeoff(activation).odd for activation in network.activations)
        found = [bent_states(network, high, norm, side * least, rest, *weights, *steps)[0] for side in ((1,) if odd else (1, -1))]
        return mpf(float(min(found))) * (1 - mpf(10) ** -9)

    return value


def states_witness(derivation: Derivation, lines: Sequence[Line], values: dict[str, Any], x: Any, digits: int) -> tuple[Parameters, Parameters]:
    """The network whose neuron j bends the output most, as the search finds it, and the direction."""
    network = derivation.problem.network
    width, j = len(x), min(range(len(x)), key=lambda i: abs(x[i]))
    norm, least, rest = (values[name] for name in ("x_norm", "x_least", "x_rest"))
    if least < 0:  # of width one
        least, rest = norm, mpf(0)
    side, signs = (-1 if x[j] < 0 else 1), [-1 if line.step < 0 else 1 for line in lines]
    odd = all(tradeoff(activation).odd for activation in network.activations)
    weights = [values[f"a_{unit.group}"] for unit in network.units]
    # the search is one for positive steps: h or z changes its sign
    start = least if odd else signs[0] * side * least
    _, known, ts, ws = bent_states(network, values["Jsecond"], norm, start, rest, *weights, *(abs(line.step) for line in lines))
    if odd:
        ts = [side * sign * at for sign, at in zip(signs, ts)]
    ws = [sign * w for sign, w in zip(signs, ws)]
    known = [(weight, sign * step, *others) for sign, (weight, step, *others) in zip(signs, known)]
    theta: Parameters = []
    h, rests = x, []
    for line, at, w, most in zip(lines, ts, ws, weights):
        assert line.activation is not None
        top = best_point(line.activation, 0, digits)
        up = 1 if derivative_at(line.activation, 0, top) >= 0 else -1
        A = np.full((width, width), mpf(0), dtype=object)
        A[j, j] = max(-most, min(most, mpf(w)))
        points = [_place(line.activation, at) if i == j else (top if up * line.step * (1 if x[i] >= 0 else -1) > 0 else -top) for i in range(width)]
        theta.append((A, np.array(points, dtype=object) - A.dot(h)))
        rests.append(h)
        h = h + line.step * np.array([derivative_at(line.activation, 0, point) for point in points], dtype=object)
    _, second = bending_states.state_form(float(side * least), known, ts, ws)  # type: ignore[no-untyped-call]
    numbers, vectors = np.linalg.eigh(second)
    best = vectors[:, int(np.argmax(abs(numbers)))]
    parts = [mpf(float(part)) for part in best]
    eta: Parameters = []
    for number, ((A, b), before) in enumerate(zip(theta, rests)):
        dA, db = A * mpf(0), b * mpf(0)
        seen = np.array([entry if number == 0 or i != j else mpf(0) for i, entry in enumerate(before)], dtype=object)
        along = parts[0] if number == 0 else parts[2 * number]
        length = mpmath.sqrt(1 + mpmath.fsum(entry**2 for entry in seen))
        dA[j], db[j] = along * seen / length, along / length
        if number:
            dA[j, j] = parts[2 * number - 1]
        eta.append((dA, db))
    length = mpmath.sqrt(mpmath.fsum(part**2 for part in parts))
    return theta, [(A / length, b / length) for A, b in eta]


def _place(activation: Activation, at: float) -> Any:
    """z of a state."""
    found = states(activation)
    assert found is not None
    if found.functions[0] != found.parameter:  # sin, by the angle
        return mpf(at)
    low, high = map(exact_number, found.ends)
    start, steep = derivative_at(activation, 0, mpf(0)), derivative_at(activation, 1, mpf(0))
    rate = steep / ((high - start) * (start - low))
    value = min(max(mpf(float(at)), low + (high - low) * mpf(10) ** -16), high - (high - low) * mpf(10) ** -16)
    return (mpmath.log((value - low) / (high - value)) - mpmath.log((start - low) / (high - start))) / (rate * (high - low))
