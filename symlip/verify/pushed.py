"""The best residual network of rank-one weights in high precision: the maximum of the joint bound over slopes, and its witness."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf

from ..activations import z
from ..calculus.witness import HeldWitness
from ..errors import SymlipError
from ..networks import Network
from ..tradeoff import t, tradeoff
from .jets import Line, Parameters, derivative_at, pulled_back
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


def build_held(
    network: Network, lines: Sequence[Line], values: dict[str, Any], x: Any, witness: HeldWitness, digits: int
) -> tuple[Parameters, list[Parameters]]:
    """The network with one neuron held at 0, or in the last line where it bends most; and directions to try."""
    width = len(x)
    j = min(range(width), key=lambda i: abs(x[i]))
    theta: Parameters = []
    signs = [1 if entry >= 0 else -1 for entry in x]
    h = x
    for number, (unit, line) in enumerate(zip(network.units, lines), 1):
        activation = unit.activation
        assert activation is not None
        if line.index == len(theta):
            slope = derivative_at(activation, 1, mpf(0))
            A = np.full((width, width), mpf(0), dtype=object)
            A[j, j] = values[f"a_{unit.group}"] * (1 if line.step * slope >= 0 else -1)
            b = np.full(width, mpf(0), dtype=object)
            if activation.constant(0).is_finite:
                top = best_point(activation, 0, digits)
                up = 1 if derivative_at(activation, 0, top) >= 0 else -1
                for i in range(width):
                    b[i] = top if up * signs[i] * line.step > 0 else -top
            b[j] = (best_point(activation, 2, digits) if witness.bent and number == len(lines) else mpf(0)) - A[j].dot(h)
            theta.append((A, b))
        A, b = theta[line.index]  # type: ignore[index]
        h = h + line.step * np.array([derivative_at(activation, 0, value) for value in A.dot(h) + b], dtype=object)
    return theta, _held_directions(network, lines, theta, x, j, witness)


def _held_directions(network: Network, lines: Sequence[Line], theta: Parameters, x: Any, j: int, witness: HeldWitness) -> list[Parameters]:
    """Directions of length 1 that show the second derivative: biases alone, or biases and one weight."""
    if witness.order < 2:
        return []
    zero = [(A * mpf(0), b * mpf(0)) for A, b in theta]
    pulled = pulled_back(lines, theta, x, np.array([mpf(int(i == j)) for i in range(len(x))], dtype=object), pre=True)[0]
    last, first = lines[-1].index, lines[0].index
    eta = [(A.copy(), b.copy()) for A, b in zero]
    if witness.bent:
        for (_, b), (_, gradient) in zip(eta, pulled):
            b[j] = gradient[j]
        length = mpmath.sqrt(mpmath.fsum(b[j] ** 2 for _, b in eta))
        return [[(A, b / length) for A, b in eta]]
    found = []
    for sign in (1, -1):
        both = [(A.copy(), b.copy()) for A, b in zero]
        both[last][0][j, j] = sign * mpmath.sqrt(mpf(1) / 2)  # type: ignore[index]
        both[first][1][j] = mpmath.sqrt(mpf(1) / 2)  # type: ignore[index]
        found.append(both)
    return found
