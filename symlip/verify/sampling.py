"""Concrete networks that satisfy a derivation's hypotheses: random ones, and ones made to bring a bound near equality.

Everything is drawn from a random generator seeded by (seed, index), so that a network can be built again at any precision.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf

from ..activations import Activation
from ..calculus.derivation import Derivation
from ..costs import Cost
from ..parameter_sets import LayerBalls, ParameterBall
from .jets import Line, Parameters, derivative_at, exact_number, lines_of, network_jets, norm, pulled_back, spectral_norm, values_and_slopes


@dataclass
class Sample:
    """A concrete network with inputs, targets and directions. `sizes`: the numbers put for symbolic widths and depth."""

    name: str
    sizes: dict[str, Any]
    lines: list[Line]
    theta: Parameters
    inputs: list[Any]
    targets: list[Any]
    directions: list[Parameters]
    moves: list[Any]
    """How the input moves along each direction; None where only the parameters do."""

    widths: list[int]
    """Of the input and of each line's output."""


def build(derivation: Derivation, seed: int, index: int, families: Sequence[tuple[str, Any]] = ()) -> Sample:
    """The index-th network of a run, at the present working precision; of other families than the usual ones if they are given."""
    rng = random.Random(f"symlip {seed} {index}")
    problem = derivation.problem
    network = problem.network
    sizes: dict[str, int] = {}
    if network.symbolic_depth:
        sizes[str(network.depth)] = rng.randint(1, 5)
    for width in network.widths:
        if isinstance(width, sympy.Symbol):
            sizes.setdefault(width.name, rng.randint(1, 4))
    numbers: dict[str, Any] = dict(sizes)
    for step in network.steps:
        numbers[step.name] = mpf(rng.choice([-1, 1]) * rng.randint(1, 48)) / 16
    lines = lines_of(network, numbers)
    units = list(network.units) * (sizes[str(network.depth)] if network.symbolic_depth else 1)
    inputs = sizes.get(str(network.inputs), network.inputs)
    widths = [int(inputs), *(int(sizes.get(str(unit.width), unit.width)) for unit in units)]
    maker = _Maker(rng, widths, lines)
    families = families or (FAMILIES if network.plain else [*FAMILIES, ("moderate chain", _moderate)])
    name, make = families[index % len(families)]
    active = [number for number, line in enumerate(lines, 1) if line.activation is not None]
    target = rng.choice(active) if rng.random() < 0.5 else active[-1]  # the last layers' bounds hold most terms
    theta, x = make(maker, target)
    parameters = problem.parameters
    if isinstance(parameters, ParameterBall):
        name, theta = _on_the_ball(maker, name, theta, rng)
    if isinstance(parameters, LayerBalls) and parameters.equal and rng.random() < 0.5:
        name, theta = name + ", equal norms", _equal_norms(theta)
    count = rng.randint(1, 3) if problem.averaged else 1
    xs = [x] + [maker.vector(len(x), maker.scale(-1, 1)) for _ in range(count - 1)]
    targets = [maker.target(problem.sample_cost, widths[-1]) for _ in xs]
    directions = [
        maker.direction(theta),
        gradient_direction(lines, theta, x, target),
        gradient_direction(lines, theta, x, len(lines)),
        _cross_direction(maker, theta, x, target),
        maker.block(maker.direction(theta)),
    ]
    moves = _moves(maker, problem.variables, directions, theta, x)
    if problem.variables == "inputs":
        directions = [[(A * mpf(0), b * mpf(0)) for A, b in theta] for _ in moves]
    steps = {name: abs(value) for name, value in numbers.items() if name not in sizes}
    return Sample(f"{name}, target layer {target}", {**sizes, **steps}, lines, theta, xs, targets, directions, moves, widths)


def _moves(maker: _Maker, variables: str, directions: list[Parameters], theta: Parameters, x: Any) -> list[Any]:
    """For each direction how the input moves with it: at random, or along the first output's gradient in the input."""
    if variables == "parameters":
        return [None] * len(directions)
    adjoint = pulled_back(maker.lines, theta, x, _first_unit(maker.widths[-1]))[1]
    return [maker.vector(len(x), mpf(1)) if number in (0, 4) else adjoint for number in range(len(directions))]


class _Maker:
    """Draws arrays of mpf's whose values do not depend on the working precision, up to solved maximisers."""

    def __init__(self, rng: random.Random, widths: list[int], lines: list[Line]) -> None:
        self.rng, self.widths, self.lines = rng, widths, lines

    def parameters(self, make: Callable[[int, Activation, int, int, Any], tuple[Any, Any]], x: Any) -> Parameters:
        """The parameters, made line by line: make(number, activation, rows, columns, h before it); tied lines keep the first ones."""
        theta: Parameters = []
        outputs = [x]
        for number, line in enumerate(self.lines, 1):
            if line.activation is None:
                branch = outputs[-1]
            else:
                if line.index == len(theta):
                    theta.append(make(number, line.activation, self.widths[number], self.widths[number - 1], outputs[-1]))
                A, b = theta[line.index]  # type: ignore[index]
                branch = np.array([derivative_at(line.activation, 0, value) for value in A.dot(outputs[-1]) + b], dtype=object)
            outputs.append(branch if line.start is None else outputs[line.start] + line.step * branch)
        return theta

    def scale(self, low: float, high: float) -> Any:
        return mpf(round(10 ** self.rng.uniform(low, high) * 4096)) / 4096

    def vector(self, size: int, scale: Any) -> Any:
        return np.array([mpf(round(self.rng.gauss(0, 1) * 2**20)) / 2**20 * scale for _ in range(size)], dtype=object)

    def matrix(self, rows: int, columns: int, scale: Any) -> Any:
        return np.array([self.vector(columns, scale) for _ in range(rows)], dtype=object)

    def zeros(self, *shape: int) -> Any:
        return np.full(shape, mpf(0), dtype=object)

    def corner(self, rows: int, columns: int, value: Any) -> Any:
        out = self.zeros(rows, columns)
        out[0, 0] = value
        return out

    def extreme(self, activation: Activation, order: int) -> Any:
        """A point where |s^(order)| is its supremum, or nearly so where it is only approached."""
        supremum = activation.supremum(order)
        point = supremum.attained_at
        if point is None:
            at = supremum.approached_at
            far = mpf(self.rng.choice([20, 200, 2000]))
            if at is None or at == sympy.oo:
                return far
            if at == -sympy.oo:
                return -far
            side = mpf(self.rng.choice([-1, 1])) / 2**40
            return self.number(at) + side
        return self.number(point)

    number = staticmethod(exact_number)

    @staticmethod
    def finite(activation: Activation, order: int) -> bool:
        return bool(activation.constant(order).is_finite)

    def far(self, activation: Activation) -> Any:
        """A point where |s| is as large as it gets, or just large."""
        if activation.constant(0).is_finite:
            return self.extreme(activation, 0)
        return mpf(self.rng.choice([3, 30]))

    def direction(self, theta: Parameters) -> Parameters:
        scales = [(self.scale(-1, 0.5), self.scale(-1, 0.5)) for _ in theta]
        return [(self.matrix(A.shape[0], A.shape[1], s), self.vector(len(b), r)) for (A, b), (s, r) in zip(theta, scales)]

    def block(self, direction: Parameters) -> Parameters:
        """The same direction in one block only."""
        chosen, kind = self.rng.randrange(len(direction)), self.rng.randrange(2)
        return [
            (A if (position, kind) == (chosen, 0) else A * mpf(0), b if (position, kind) == (chosen, 1) else b * mpf(0))
            for position, (A, b) in enumerate(direction)
        ]

    def target(self, cost: Cost | None, size: int) -> Any:
        kind = getattr(cost, "targets", "vectors")
        if kind == "probabilities":
            chosen = self.rng.randrange(size)
            return np.array([mpf(int(position == chosen)) for position in range(size)], dtype=object)
        if kind == "signs":
            return np.array([mpf(self.rng.choice([-1, 1])) for _ in range(size)], dtype=object)
        return self.vector(size, self.scale(-1, 1))

    def input(self) -> Any:
        return self.vector(self.widths[0], self.scale(-1, 1))


# --- families: each makes (theta, x) for a target layer -----------------------------------------------------------------


def _random(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    x = maker.input()

    def make(number: int, activation: Activation, rows: int, columns: int, h: Any) -> tuple[Any, Any]:
        return maker.matrix(rows, columns, maker.scale(-1.5, 1)), maker.vector(rows, maker.scale(-1.5, 1))

    return maker.parameters(make, x), x


def _chain(maker: _Maker, target: int, scale: Any = None, at_target: Any = None, order: int = 2, before: int = 1, flat: bool = False) -> tuple[Parameters, Any]:
    """Rank-one weights a e_1 e_1^T, neuron 1 of each layer at a maximiser of |s'|, of the target layer at one of |s^(order)|."""
    x = maker.input()
    scale = maker.scale(1, 4) if scale is None else scale
    if len({line.index for line in maker.lines}) < len(maker.lines):  # tied: the same large weights again and again are chaos
        scale = maker.scale(-0.5, 0.5)

    def make(number: int, activation: Activation, rows: int, columns: int, h: Any) -> tuple[Any, Any]:
        a = at_target if number == target and at_target is not None else scale
        if number == 1:
            length = norm(x)
            A = maker.zeros(rows, columns)
            if length:
                A[0] = x / length * a
        else:
            A = maker.corner(rows, columns, a)
        wanted_order = order if number == target else before if number == target - 1 else 1
        point = maker.extreme(activation, wanted_order if maker.finite(activation, wanted_order) else 1)
        b = maker.zeros(rows)
        for neuron in range(rows):
            wanted = maker.far(activation) if neuron or (flat and number < target) else point
            b[neuron] = wanted - A[neuron].dot(h)
        return A, b

    return maker.parameters(make, x), x


def _steep_chain(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    return _chain(maker, target, order=1)


def _flat(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    """No weights at the target layer, all layers before it saturated: the size of the output below is paid in full."""
    return _chain(maker, target, at_target=mpf(0), order=maker.rng.choice([1, 2]), flat=True)


def _cross(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    """No weights at the target layer, which is steep, above a long steep chain: only the mixed term is left."""
    return _chain(maker, target, scale=maker.scale(3, 6), at_target=mpf(0), order=1)


def _curved(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    """A steep target layer with small weights above a strongly curved one: only the inherited curvature is left."""
    return _chain(maker, target, scale=maker.scale(5, 8), at_target=maker.scale(-3, -2), order=1, before=2)


def _moderate(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    """Aligned weights about 1: where skips add to a layer, and neither term is lost beside the other."""
    return _chain(maker, target, scale=maker.scale(-0.5, 0.5), order=maker.rng.choice([1, 2]))


def _tiny(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    """Small aligned weights and biases about the steepest point: sizes grow as fast as they can."""
    x = maker.input()

    def make(number: int, activation: Activation, rows: int, columns: int, h: Any) -> tuple[Any, Any]:
        scale = maker.scale(-1, 0) / 2**20 if number == 1 else maker.scale(-1, 1)
        e = x if number == 1 else _first_unit(columns)
        A, b = maker.zeros(rows, columns), maker.zeros(rows)
        length = norm(e)
        if length:
            A[0] = e / length * scale
        b[0] = maker.scale(-1, 1) / 2**20 if number == 1 else mpf(0)
        return A, b

    return maker.parameters(make, x), x


def _saturated(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    def make(number: int, activation: Activation, rows: int, columns: int, h: Any) -> tuple[Any, Any]:
        return maker.zeros(rows, columns), np.array([maker.far(activation) for _ in range(rows)], dtype=object)

    x = maker.input()
    return maker.parameters(make, x), x


def _zero_weights(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    def make(number: int, activation: Activation, rows: int, columns: int, h: Any) -> tuple[Any, Any]:
        return maker.zeros(rows, columns), maker.vector(rows, maker.scale(-1, 0.5))

    x = maker.input()
    return maker.parameters(make, x), x


def _zero_input(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    theta, x = _random(maker, target)
    return theta, x * mpf(0)


def _first_unit(size: int) -> Any:
    return np.array([mpf(int(position == 0)) for position in range(size)], dtype=object)


FAMILIES: list[tuple[str, Callable[[_Maker, int], tuple[Parameters, Any]]]] = [
    ("random", _random), ("curved end of a steep chain", _chain), ("flat", _flat), ("cross", _cross), ("inherited curvature", _curved),
    ("tiny", _tiny), ("steep chain", _steep_chain), ("saturated", _saturated), ("zero weights", _zero_weights), ("zero input", _zero_input),
]  # fmt: skip


# --- the parameter ball -------------------------------------------------------------------------------------------------


def _on_the_ball(maker: _Maker, name: str, theta: Parameters, rng: random.Random) -> tuple[str, Parameters]:
    """Half of the time a network that spends its whole radius on equal rank-one weights, as the budget bound assumes."""
    if rng.random() < 0.5:
        return name, theta
    scale = maker.scale(0, 3)

    def make(number: int, activation: Activation, rows: int, columns: int, h: Any) -> tuple[Any, Any]:
        point = maker.extreme(activation, 2 if number == len(maker.lines) and maker.finite(activation, 2) else 1)
        b = maker.zeros(rows)
        b[0] = point if abs(point) < 10 else mpf(0)
        return maker.zeros(rows, columns) if number == 1 else maker.corner(rows, columns, scale), b

    return "equal shares of the ball", maker.parameters(make, maker.zeros(maker.widths[0]))


def _equal_norms(theta: Parameters) -> Parameters:
    norms = [spectral_norm(A) for A, _ in theta]
    top = max(norms)
    return [(A * (top / n) if n else A, b) for (A, b), n in zip(theta, norms)]


# --- directions ---------------------------------------------------------------------------------------------------------


def gradient_direction(lines: Sequence[Line], theta: Parameters, x: Any, layer: int, pre: bool = False) -> Parameters:
    """The gradient of the first component of h_layer (`pre`: of z_layer) in the parameters (zero in later layers)."""
    outputs, _ = values_and_slopes(lines[:layer], theta, x)
    line = lines[layer - 1]
    size = len(theta[line.index][1]) if pre and line.index is not None else len(outputs[-1])
    found = pulled_back(lines[:layer], theta, x, _first_unit(size), pre=pre and line.index is not None)[0]
    # what is nothing but rounding, where a slope should be 0, would be another direction at another precision
    least = max((abs(entry) for pair in found for part in pair for entry in np.ravel(part)), default=mpf(0)) * mpf(10) ** -38
    clean = np.frompyfunc(lambda entry: entry if abs(entry) > least else mpf(0), 1, 1)
    return [(clean(A), clean(b)) for A, b in found]


def _cross_direction(maker: _Maker, theta: Parameters, x: Any, layer: int) -> Parameters:
    """Half in the target layer's weights, along the derivative of the layer below; half along the latter's gradient."""
    if layer == 1:
        return maker.direction(theta)
    direction = gradient_direction(maker.lines, theta, x, layer - 1)
    length = mpmath.sqrt(mpmath.fsum(norm(part) ** 2 for pair in direction for part in pair))
    if not length:
        return maker.direction(theta)
    direction = [(A / length, b / length) for A, b in direction]
    index = maker.lines[layer - 1].index
    A, b = direction[index]  # type: ignore[index]
    direction[index] = (maker.corner(A.shape[0], A.shape[1], mpf(1)), b)  # type: ignore[index]
    return direction


def curvatures(lines: Sequence[Line], theta: Parameters, x: Any) -> list[Any]:
    """|h_m''| along unit directions: for each line the gradient of its first pre-activation, and that mixed with the next weights."""
    found = []
    for layer in range(1, len(lines) + 1):
        direction = gradient_direction(lines, theta, x, layer, pre=True)
        tried = [direction]
        following = lines[layer].index if layer < len(lines) else None
        if following is not None:
            length = mpmath.sqrt(mpmath.fsum(norm(part) ** 2 for pair in direction for part in pair))
            if length:
                mixed = [(A / length, b / length) for A, b in direction]
                A, b = mixed[following]
                corner = A * mpf(0)
                corner[0, 0] = mpf(1)
                mixed[following] = (corner, b)
                tried.append(mixed)
        for eta in tried:
            length2 = mpmath.fsum(norm(part) ** 2 for pair in eta for part in pair)
            if length2:
                found.append(2 * norm(network_jets(lines, theta, eta, x)[-1][1][2]) / length2)
    return found
