"""Concrete networks that satisfy a derivation's hypotheses: random ones, and ones made to bring a bound near equality.

Everything is drawn from a random generator seeded by (seed, index), so that a network can be built again at any precision.
"""

from __future__ import annotations

import random
from collections.abc import Callable
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
from .jets import Parameters, derivative_at, network_jets, norm, spectral_norm


@dataclass
class Sample:
    """A concrete network with inputs, targets and directions. `sizes`: the numbers put for symbolic widths and depth."""

    name: str
    sizes: dict[str, int]
    activations: list[Activation]
    theta: Parameters
    inputs: list[Any]
    targets: list[Any]
    directions: list[Parameters]
    moves: list[Any]
    """How the input moves along each direction; None where only the parameters do."""

    @property
    def widths(self) -> list[int]:
        return [len(self.inputs[0]), *(len(b) for _, b in self.theta)]


def build(derivation: Derivation, seed: int, index: int) -> Sample:
    """The index-th network of a run, at the present working precision."""
    rng = random.Random(f"symlip {seed} {index}")
    problem = derivation.problem
    network = problem.network
    sizes: dict[str, int] = {}
    if network.symbolic_depth:
        sizes[str(network.depth)] = rng.randint(1, 5)
    for width in network.widths:
        if isinstance(width, sympy.Symbol):
            sizes.setdefault(width.name, rng.randint(1, 4))
    layers = list(network.layers) * (sizes[str(network.depth)] if network.symbolic_depth else 1)
    inputs = sizes.get(str(network.inputs), network.inputs)
    widths = [int(inputs), *(int(sizes.get(str(layer.width), layer.width)) for layer in layers)]
    maker = _Maker(rng, widths, [layer.activation for layer in layers])
    name, make = FAMILIES[index % len(FAMILIES)]
    target = rng.randint(1, len(layers)) if rng.random() < 0.5 else len(layers)  # the last layers' bounds hold most terms
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
        gradient_direction(maker.activations, theta, x, target),
        gradient_direction(maker.activations, theta, x, len(layers)),
        _cross_direction(maker, theta, x, target),
        maker.block(maker.direction(theta)),
    ]
    moves = _moves(maker, problem.variables, directions, theta, x)
    if problem.variables == "inputs":
        directions = [[(A * mpf(0), b * mpf(0)) for A, b in theta] for _ in moves]
    return Sample(f"{name}, target layer {target}", sizes, maker.activations, theta, xs, targets, directions, moves)


def _moves(maker: _Maker, variables: str, directions: list[Parameters], theta: Parameters, x: Any) -> list[Any]:
    """For each direction how the input moves with it: at random, or along the first output's gradient in the input."""
    if variables == "parameters":
        return [None] * len(directions)
    adjoint: Any = None
    hs = x
    steps = []
    for activation, (A, b) in zip(maker.activations, theta):
        z = A.dot(hs) + b
        steps.append(np.array([derivative_at(activation, 1, value) for value in z], dtype=object))
        hs = np.array([derivative_at(activation, 0, value) for value in z], dtype=object)
    adjoint = hs * mpf(0)
    adjoint[0] = mpf(1)
    for (A, _), slope in zip(reversed(theta), reversed(steps)):
        adjoint = A.T.dot(adjoint * slope)
    return [maker.vector(len(x), mpf(1)) if number in (0, 4) else adjoint for number in range(len(directions))]


class _Maker:
    """Draws arrays of mpf's whose values do not depend on the working precision, up to solved maximisers."""

    def __init__(self, rng: random.Random, widths: list[int], activations: list[Activation]) -> None:
        self.rng, self.widths, self.activations = rng, widths, activations

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

    @staticmethod
    def number(value: sympy.Expr) -> Any:
        return mpf(sympy.N(value, mpmath.mp.dps + 10)._mpf_) if not value.is_Rational else mpf(int(value.p)) / int(value.q)

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
    theta = []
    for rows, columns in zip(maker.widths[1:], maker.widths):
        theta.append((maker.matrix(rows, columns, maker.scale(-1.5, 1)), maker.vector(rows, maker.scale(-1.5, 1))))
    return theta, maker.input()


def _chain(maker: _Maker, target: int, scale: Any = None, at_target: Any = None, order: int = 2, before: int = 1, flat: bool = False) -> tuple[Parameters, Any]:
    """Rank-one weights a e_1 e_1^T, neuron 1 of each layer at a maximiser of |s'|, of the target layer at one of |s^(order)|."""
    x = maker.input()
    scale = maker.scale(1, 4) if scale is None else scale
    h, theta = x, []
    for layer, (rows, columns) in enumerate(zip(maker.widths[1:], maker.widths), 1):
        activation = maker.activations[layer - 1]
        a = at_target if layer == target and at_target is not None else scale
        if layer == 1:
            length = norm(x)
            A = maker.zeros(rows, columns)
            if length:
                A[0] = x / length * a
        else:
            A = maker.corner(rows, columns, a)
        wanted_order = order if layer == target else before if layer == target - 1 else 1
        point = maker.extreme(activation, wanted_order if maker.finite(activation, wanted_order) else 1)
        b = maker.zeros(rows)
        for neuron in range(rows):
            wanted = maker.far(activation) if neuron or (flat and layer < target) else point
            b[neuron] = wanted - A[neuron].dot(h)
        theta.append((A, b))
        z = A.dot(h) + b
        h = np.array([derivative_at(activation, 0, value) for value in z], dtype=object)
    return theta, x


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


def _tiny(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    """Small aligned weights and biases about the steepest point: sizes grow as fast as they can."""
    x = maker.input()
    e, theta = x, []
    for layer, (rows, columns) in enumerate(zip(maker.widths[1:], maker.widths), 1):
        scale = maker.scale(-1, 0) / 2**20 if layer == 1 else maker.scale(-1, 1)
        A, b = maker.zeros(rows, columns), maker.zeros(rows)
        length = norm(e)
        if length:
            A[0] = e / length * scale
        b[0] = maker.scale(-1, 1) / 2**20 if layer == 1 else mpf(0)
        theta.append((A, b))
        e = maker.zeros(rows)
        e[0] = mpf(1)
    return theta, x


def _saturated(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    x = maker.input()
    theta = []
    for layer, (rows, columns) in enumerate(zip(maker.widths[1:], maker.widths), 1):
        b = np.array([maker.far(maker.activations[layer - 1]) for _ in range(rows)], dtype=object)
        theta.append((maker.zeros(rows, columns), b))
    return theta, x


def _zero_weights(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    theta = [(maker.zeros(rows, columns), maker.vector(rows, maker.scale(-1, 0.5))) for rows, columns in zip(maker.widths[1:], maker.widths)]
    return theta, maker.input()


def _zero_input(maker: _Maker, target: int) -> tuple[Parameters, Any]:
    theta, x = _random(maker, target)
    return theta, x * mpf(0)


FAMILIES: list[tuple[str, Callable[[_Maker, int], tuple[Parameters, Any]]]] = [
    ("random", _random), ("curved end of a steep chain", _chain), ("flat", _flat), ("cross", _cross), ("inherited curvature", _curved),
    ("tiny", _tiny), ("steep chain", _steep_chain), ("saturated", _saturated), ("zero weights", _zero_weights), ("zero input", _zero_input),
]  # fmt: skip


# --- the parameter ball -------------------------------------------------------------------------------------------------


def _on_the_ball(maker: _Maker, name: str, theta: Parameters, rng: random.Random) -> tuple[str, Parameters]:
    """Half of the time a network that spends its whole radius on equal rank-one weights, as the budget bound assumes."""
    if rng.random() < 0.5:
        return name, theta
    scale, points = maker.scale(0, 3), []
    for layer, (rows, columns) in enumerate(zip(maker.widths[1:], maker.widths), 1):
        point = maker.extreme(maker.activations[layer - 1], 2 if layer == len(theta) and maker.finite(maker.activations[layer - 1], 2) else 1)
        b = maker.zeros(rows)
        b[0] = point if abs(point) < 10 else mpf(0)
        points.append((maker.zeros(rows, columns) if layer == 1 else maker.corner(rows, columns, scale), b))
    return "equal shares of the ball", points


def _equal_norms(theta: Parameters) -> Parameters:
    norms = [spectral_norm(A) for A, _ in theta]
    top = max(norms)
    return [(A * (top / n) if n else A, b) for (A, b), n in zip(theta, norms)]


# --- directions ---------------------------------------------------------------------------------------------------------


def gradient_direction(activations: list[Activation], theta: Parameters, x: Any, layer: int, pre: bool = False) -> Parameters:
    """The gradient of the first component of h_layer (`pre`: of z_layer) in the parameters (zero in later layers), by back-propagation."""
    hs, slopes = [x], []
    for activation, (A, b) in zip(activations[:layer], theta):
        z = A.dot(hs[-1]) + b
        hs.append(np.array([derivative_at(activation, 0, value) for value in z], dtype=object))
        slopes.append(np.array([derivative_at(activation, 1, value) for value in z], dtype=object))
    adjoint = hs[-1] * mpf(0)
    adjoint[0] = mpf(1)
    found: Parameters = []
    for position in range(layer - 1, -1, -1):
        local = adjoint if pre and position == layer - 1 else adjoint * slopes[position]
        found.insert(0, (np.outer(local, hs[position]), local))
        adjoint = theta[position][0].T.dot(local)
    return found + [(A * mpf(0), b * mpf(0)) for A, b in theta[layer:]]


def _cross_direction(maker: _Maker, theta: Parameters, x: Any, layer: int) -> Parameters:
    """Half in the target layer's weights, along the derivative of the layer below; half along the latter's gradient."""
    if layer == 1:
        return maker.direction(theta)
    direction = gradient_direction(maker.activations, theta, x, layer - 1)
    length = mpmath.sqrt(mpmath.fsum(norm(part) ** 2 for pair in direction for part in pair))
    if not length:
        return maker.direction(theta)
    direction = [(A / length, b / length) for A, b in direction]
    A, b = direction[layer - 1]
    direction[layer - 1] = (maker.corner(A.shape[0], A.shape[1], mpf(1)), b)
    return direction


def curvatures(activations: list[Activation], theta: Parameters, x: Any) -> list[Any]:
    """|h_m''| along unit lines: for each layer the gradient of its first pre-activation, and that mixed with the next weights."""
    found = []
    for layer in range(1, len(theta) + 1):
        direction = gradient_direction(activations, theta, x, layer, pre=True)
        lines = [direction]
        if layer < len(theta):
            length = mpmath.sqrt(mpmath.fsum(norm(part) ** 2 for pair in direction for part in pair))
            mixed = [(A / length, b / length) for A, b in direction]
            A, b = mixed[layer]
            corner = A * mpf(0)
            corner[0, 0] = mpf(1)
            mixed[layer] = (corner, b)
            lines.append(mixed)
        for line in lines:
            length2 = mpmath.fsum(norm(part) ** 2 for pair in line for part in pair)
            found.append(2 * norm(network_jets(activations, theta, line, x)[-1][1][2]) / length2)
    return found
