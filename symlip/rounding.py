"""Ball arithmetic on arrays of doubles: a midpoint with a radius for each entry, so that a compiled line becomes a proof.

Each operation returns a ball that holds the exact result for all numbers of the balls that it is given. With the unit
roundoff u = 2^-53, a sum of n products in any order, with or without fused operations, is off by at most gamma_n = n u / (1 - n u)
times the sum of the products' moduli (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). Radii are
themselves rounded, up, by one factor an operation. The elementary functions of the platform are trusted to TRUSTED units in the
last place. What overflows has an infinite radius.
"""

from __future__ import annotations

import ast
import functools
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import near, runtime
from .activations import Activation
from .calculus.rules.activation_constants import identifier
from .errors import SymlipError
from .pointwise import functions_source, local_suprema

UNIT = 2.0**-53
UP = 1 + 2.0**-48
"""More than the rounding errors in a radius."""

LEAST = 2.0**-1070
"""At least the error of an operation whose result underflows."""

TRUSTED = 8
"""Units in the last place to which exp, log, tanh, erf .. of the platform are trusted."""


class Ball:
    """An array with an array of radii. Combined with numbers, which are exact, and with other balls."""

    __slots__ = ("exact", "mid", "rad")
    __array_ufunc__ = None
    """NumPy leaves operations with a ball to the ball."""

    def __init__(self, mid: Any, rad: Any = 0.0) -> None:
        self.mid = np.asarray(mid, dtype=float)
        self.exact = isinstance(rad, float) and rad == 0.0
        self.rad = np.broadcast_to(np.asarray(rad, dtype=float), self.mid.shape)

    # -- reading -----------------------------------------------------------------------------------------------------

    @property
    def upper(self) -> Any:
        """At least every number of the ball."""
        total = np.nextafter(self.mid + self.rad, np.inf)
        return np.where(np.isnan(total), np.inf, total)

    @property
    def lower(self) -> Any:
        """At most every number of the ball."""
        total = np.nextafter(self.mid - self.rad, -np.inf)
        return np.where(np.isnan(total), -np.inf, total)

    @property
    def size(self) -> Any:
        """At least the modulus of every number of the ball."""
        total = np.nextafter(np.abs(self.mid) + self.rad, np.inf)
        return np.where(np.isnan(total), np.inf, total)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.mid.shape

    @property
    def ndim(self) -> int:
        return self.mid.ndim

    def __len__(self) -> int:
        return len(self.mid)

    def __getitem__(self, index: Any) -> Ball:
        return self._like(self.mid[index], self.rad[index])

    @property
    def T(self) -> Ball:
        return self._like(self.mid.T, self.rad.T)

    def reshape(self, *shape: int) -> Ball:
        return self._like(self.mid.reshape(*shape), self.rad.reshape(*shape))

    def transpose(self, *axes: int) -> Ball:
        return self._like(self.mid.transpose(*axes), self.rad.transpose(*axes))

    def sum(self, axis: int = 0) -> Ball:
        return _total(self, axis)

    def _like(self, mid: Any, rad: Any) -> Ball:
        return Ball(mid) if self.exact else Ball(mid, rad)

    # -- arithmetic --------------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Ball:
        other = ball(other)
        mid = self.mid + other.mid
        return _ball(mid, self.rad + other.rad)

    __radd__ = __add__

    def __neg__(self) -> Ball:
        return Ball(-self.mid, self.rad)

    def __sub__(self, other: Any) -> Ball:
        return self + (-ball(other))

    def __rsub__(self, other: Any) -> Ball:
        return ball(other) + (-self)

    def __mul__(self, other: Any) -> Ball:
        other = ball(other)
        return _ball(self.mid * other.mid, np.abs(self.mid) * other.rad + self.rad * (np.abs(other.mid) + other.rad))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Ball:
        other = ball(other)
        least = np.abs(other.mid) - other.rad * UP
        mid = self.mid / other.mid
        rad = (self.rad + np.abs(mid) * other.rad) / np.where(least > 0, least * (1 - 4 * UNIT), np.nan)
        return _ball(mid, rad)

    def __rtruediv__(self, other: Any) -> Ball:
        return ball(other) / self

    def __pow__(self, power: Any) -> Ball:
        if power < 0:
            inverse: Ball = ball(1.0) / self**-power
            return inverse
        if 2 * power == int(2 * power) and power != int(power):
            return _sqrt(self) ** int(2 * power)
        if power != int(power) or power == 0:
            raise TypeError(f"no ball arithmetic for the power {power!r}")
        result, power = self, int(power)
        for _ in range(power - 1):
            result = result * self
        if power == 2:  # a square is not negative
            low = np.maximum(np.abs(self.mid) - self.rad * UP, 0.0)
            return between(low * low * (1 - 4 * UNIT) - LEAST, result.upper)
        return result

    def __abs__(self) -> Ball:
        return _moduli(self)

    def __matmul__(self, other: Any) -> Ball:
        other = ball(other)
        count = self.mid.shape[-1] + 2
        gamma = count * UNIT / (1 - count * UNIT)
        mid = self.mid @ other.mid
        if self.exact and other.exact and self._nonnegative() and other._nonnegative():
            return Ball(mid, (mid * (gamma * (1 + 2 * gamma)) + count * LEAST) * UP)
        moduli, reach = np.abs(self.mid), np.abs(other.mid)
        spread = moduli @ (gamma * reach + other.rad)
        if not self.exact:
            spread = spread + self.rad @ (reach + other.rad)
        # the products that make the radius are of nonnegative numbers: their sum is off by the same factor
        return Ball(mid, (spread * (1 + 2 * gamma) + count * LEAST) * UP)

    def _nonnegative(self) -> bool:
        return bool(self.mid.size == 0 or np.min(self.mid) >= 0)

    def __rmatmul__(self, other: Any) -> Ball:
        return ball(other) @ self


def collapsed(value: Any) -> Any:
    """The upper end alone, as an exact number: enough for what only increasing functions are applied to. What is no number stays."""
    return value if isinstance(value, tuple | list) or callable(value) else Ball(ball(value).upper)


def ball(value: Any) -> Ball:
    """The value as a ball; numbers are exact."""
    return value if isinstance(value, Ball) else Ball(value)


def _ball(mid: Any, rad: Any) -> Ball:
    """A ball about a rounded midpoint."""
    return Ball(mid, (rad + np.abs(mid) * UNIT + LEAST) * UP)


def between(low: Any, high: Any) -> Ball:
    """A ball that holds all numbers from low to high."""
    low, high = np.minimum(low, high), np.maximum(low, high)
    mid = low / 2 + high / 2
    return Ball(mid, np.maximum(high - mid, mid - low) * UP + np.abs(mid) * UNIT + LEAST)


# --- functions -----------------------------------------------------------------------------------------------------------


def increasing(function: Callable[[Any], Any], least: float = -np.inf) -> Callable[[Any], Ball]:
    """A function of the platform that does not decrease, and is at least `least`."""

    def on(value: Any) -> Ball:
        value = ball(value)
        low, high = function(value.lower), function(value.upper)
        slack = TRUSTED * 2 * UNIT
        return between(np.maximum(low - np.abs(low) * slack - LEAST, least), high + np.abs(high) * slack + LEAST)

    return on


def _sqrt(value: Any) -> Ball:
    value = ball(value)
    return between(np.sqrt(np.maximum(value.lower, 0.0)) * (1 - 4 * UNIT), np.sqrt(np.maximum(value.upper, 0.0)) * (1 + 4 * UNIT))


def _pick(choose: Callable[[Any, Any], Any]) -> Callable[..., Ball]:
    def pick(first: Any, *rest: Any) -> Ball:
        result = ball(first)
        for other in map(ball, rest):
            result = between(choose(result.lower, other.lower), choose(result.upper, other.upper))
        return result

    return pick


def _total(values: Any, axis: int = 0) -> Ball:
    values = ball(values)
    count = values.shape[axis] + 2
    gamma = count * UNIT / (1 - count * UNIT)
    spread = np.sum(np.abs(values.mid) * gamma + values.rad, axis=axis)
    return Ball(np.sum(values.mid, axis=axis), (spread * (1 + 2 * gamma) + count * LEAST) * UP)


def _moduli(values: Any) -> Ball:
    values = ball(values)
    return between(np.maximum(np.abs(values.mid) - values.rad * UP, 0.0) * (1 - 2 * UNIT), values.size)


def _largest(values: Any, axis: int = 0) -> Ball:
    values = ball(values)
    return between(np.max(values.lower, axis=axis), np.max(values.upper, axis=axis))


def _least(values: Any, axis: int = 0) -> Ball:
    return -_largest(-ball(values), axis)


def _scaled(values: Any) -> tuple[Any, Any]:
    """Values divided by a power of two, sample by sample, so that squares neither overflow nor vanish; and that power."""
    values = ball(values)
    size = np.max(values.size, axis=0)
    usable = np.isfinite(size) & (size > 0)
    power = np.where(usable, 2.0 ** np.clip(np.floor(np.log2(np.where(usable, size, 1.0))), -1000, 1000), 1.0)
    return Ball(values.mid / power, values.rad / power + LEAST), power


def _length(values: Any) -> Ball:
    scaled, power = _scaled(values)
    root = _sqrt(_total(scaled * scaled))
    return _ball(root.mid * power, root.rad * power)


def _spectral_norm(matrix: Any) -> Ball:
    """Between 0 and the root of the largest ratio (M^T M v)_j / v_j, M the moduli of A^T A's entries: Collatz and Wielandt's bound."""
    matrix = ball(matrix)
    shorter = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    size = float(np.max(shorter.size, initial=0.0))
    if not np.isfinite(size) or size == 0:
        return Ball(size)
    power = 2.0 ** np.clip(np.floor(np.log2(size)), -1000, 1000)
    scaled = Ball(shorter.mid / power, shorter.rad / power + LEAST)
    gram = scaled @ scaled.T
    root = _sqrt(Ball(largest_symmetric(gram)))
    return _ball(root.mid * power, root.rad * power)


def largest_symmetric(gram: Ball) -> float:
    """At least the largest eigenvalue of every symmetric matrix of the ball.

    With an approximate decomposition Q, lambda of the midpoint M, the congruent matrix Q^T M Q has its eigenvalues in Gershgorin's
    discs; Q is orthogonal to within |Q^T Q - I| =: e, so that lambda(M) <= max(0, lambda(Q^T M Q)) / (1 - e) by Ostrowski's theorem.
    """
    try:
        _, vectors = np.linalg.eigh((gram.mid + gram.mid.T) / 2)
    except np.linalg.LinAlgError:
        return float(np.max(np.sum(gram.size, axis=1) * UP))
    Q = Ball(vectors)
    turned = Q.T @ (gram @ Q)
    reach = turned.size
    slack = 4 * len(vectors) * UNIT * np.sum(reach, axis=1)
    np.fill_diagonal(reach, np.diagonal(turned.upper))
    discs = max(0.0, float(np.max(np.sum(reach, axis=1) + slack)))
    defect = np.max(np.sum((Q.T @ Q - np.eye(len(vectors))).size, axis=1)) * (1 + 4 * len(vectors) * UNIT)
    rows = float(np.max(np.sum(gram.size, axis=1)) * (1 + 4 * len(vectors) * UNIT))
    return min(rows, float(discs / (1 - defect) * UP)) if defect < 0.5 else rows


def _largest_eigenvalue(matrix: Any) -> Ball:
    """Of symmetric matrices with nonnegative entries: Collatz and Wielandt's largest ratio (M v)_j / v_j for a v > 0, from above.

    The matrices' axes come first, as everywhere; v is an approximate eigenvector, made positive, and a few of its images.
    """
    top = np.moveaxis(ball(matrix).upper, (0, 1), (-2, -1))
    size = top.shape[-1]
    scale = np.max(top, axis=(-2, -1))
    usable = np.isfinite(scale) & (scale > 0)
    safe = np.where(usable, scale, 1.0)
    scaled = np.where(usable[..., None, None], top / safe[..., None, None] * (1 + 2 * UNIT), 0.0)
    vector = np.abs(np.linalg.eigh(scaled)[1][..., -1]) + 1e-12
    best = np.full(scale.shape, np.inf)
    for _ in range(8):
        product = (scaled @ vector[..., None])[..., 0] * (1 + 4 * size * UNIT) + LEAST
        best = np.minimum(best, np.max(product / vector, axis=-1) * (1 + 4 * UNIT))
        vector = product / np.max(product, axis=-1, keepdims=True) + 1e-14
    found = np.where(usable, best * safe * (1 + 8 * UNIT) + LEAST, np.where(scale == 0, 0.0, np.inf))
    return Ball(found)


def _add_gram(vectors: Any, weight: Any) -> Ball:
    """w B^T B, by the rows of B one after the other: sums of products of balls."""
    rows = ball(vectors)
    moduli = np.abs(rows.mid)
    gamma = (len(rows) + 2) * UNIT / (1 - (len(rows) + 2) * UNIT)
    spread = np.einsum("ijn,ikn->jkn", moduli, rows.rad)
    spread = spread + spread.transpose(1, 0, 2) + np.einsum("ijn,ikn->jkn", rows.rad, rows.rad) + gamma * np.einsum("ijn,ikn->jkn", moduli, moduli)
    gram = Ball(np.einsum("ijn,ikn->jkn", rows.mid, rows.mid), (spread * (1 + 4 * gamma) + len(rows) * LEAST) * UP)
    return ball(weight) * gram


def _diagonals(pattern: str, matrix: Any) -> Ball:
    """The diagonal of each sample's matrix."""
    if pattern != "jjn->jn":
        raise TypeError(f"no ball arithmetic for {pattern!r}")
    return Ball(np.einsum(pattern, ball(matrix).mid), np.einsum(pattern, ball(matrix).rad))


def _pair_norm(matrix: Any, vector: Any) -> Ball:
    squares = [_total((ball(part) * ball(part)).reshape(-1)) for part in (matrix, vector)]
    return _sqrt(squares[0] + squares[1])


def _smaller(first: Any, second: Any) -> Ball:
    """Either choice proves the bound, so that rounding may decide."""
    return Ball(near.smaller(ball(first).mid, ball(second).mid))  # type: ignore[no-untyped-call]


def _reference_atoms(*values: Any) -> Ball:
    """Any positive numbers prove the bound: these are exact by decree."""
    return Ball(near.reference_atoms(*(ball(value).mid for value in values)))  # type: ignore[no-untyped-call]


def softmax_ball(logits: Any) -> Ball:
    logits = ball(logits)
    shifted = logits - np.max(logits.mid, axis=0)
    powers = increasing(np.exp, 0.0)(shifted)
    found = powers / _total(powers)
    return between(np.clip(found.lower, 0.0, 1.0), np.clip(found.upper, 0.0, 1.0))


def _join(*parts: Any) -> Ball:
    """A block vector of numbers and balls."""
    parts = tuple(map(ball, parts))
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    return Ball(np.array([np.broadcast_to(part.mid, shape) for part in parts]), np.array([np.broadcast_to(part.rad, shape) for part in parts]))


def _placed(function: Callable[..., Any]) -> Callable[..., Ball]:
    """A function that only moves entries about, of the midpoints and the radii."""
    return lambda value, *rest: Ball(function(ball(value).mid, *rest), function(ball(value).rad, *rest))


def _append(vector: Any, *entries: Any) -> Ball:
    vector, tail = ball(vector), [ball(entry) for entry in entries]
    return Ball(
        runtime.append_blocks(vector.mid, *(entry.mid for entry in tail)),  # type: ignore[no-untyped-call]
        runtime.append_blocks(vector.rad, *(entry.rad for entry in tail)),  # type: ignore[no-untyped-call]
    )


def _mean(values: Any) -> Ball:
    each = ball(values)
    return each if each.ndim == 0 else _total(each, axis=-1) / float(each.shape[-1])


# --- activations and compiled lines --------------------------------------------------------------------------------------


class _Exact(ast.NodeTransformer):
    """Source in which quotients of numbers, and decimal numbers, are balls: the rounding of a literal counts, too."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if isinstance(node.op, ast.Pow):
            node.left = self.visit(node.left)
            return node
        self.generic_visit(node)
        if isinstance(node.op, ast.Div):
            node.left = ast.Call(ast.Name("ball", ast.Load()), [node.left], [])
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, float) and node.value != int(node.value):
            return ast.Call(ast.Name("nearest", ast.Load()), [node], [])
        return node


class _Increasing(ast.NodeTransformer):
    """Source in which every line's value is replaced by its upper end."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if isinstance(node.targets[0], ast.Name):
            node.value = ast.Call(ast.Name("collapsed", ast.Load()), [node.value], [])
        return node


def on_balls(source: str, names: dict[str, Any], increasing_lines: bool = False) -> dict[str, Any]:
    """The functions of a source, their literals taken as balls; what they call is looked up in the names.

    increasing_lines: each line is an increasing function of the lines before it, so that their upper ends are all that it needs.
    """
    tree = _Exact().visit(ast.parse(source))
    if increasing_lines:
        tree = _Increasing().visit(tree)
    tree = ast.fix_missing_locations(tree)
    names.update(ball=ball, collapsed=collapsed, nearest=lambda value: Ball(value, abs(value) * 2 * UNIT))
    exec(compile(tree, "<symlip on balls>", "exec"), names)
    return names


def _bounded(function: Callable[[Any], Any], slope: float) -> Callable[[Any], Ball]:
    """A function of the platform with a Lipschitz constant."""

    def on(value: Any) -> Ball:
        value = ball(value)
        mid = function(value.mid)
        return Ball(mid, (value.rad * slope + np.abs(mid) * (2 * TRUSTED * UNIT) + LEAST) * UP)

    return on


def _less(left: Any, right: Any) -> tuple[Any, Any]:
    """Where it is surely so, and where it may be so."""
    difference = ball(left) - ball(right)
    return difference.upper < 0, difference.lower <= 0


def _select(conditions: list[Any], choices: list[Any], default: Any = None) -> Ball:
    """The first choice whose condition holds; where that is not sure, a ball about all that may be chosen."""
    shape = np.broadcast_shapes(*(np.shape(c[0]) for c in conditions if isinstance(c, tuple)), *(ball(choice).shape for choice in choices))
    low, high, open_ = np.full(shape, np.inf), np.full(shape, -np.inf), np.full(shape, True)
    for condition, choice in zip(conditions, map(ball, choices)):
        sure, may = condition if isinstance(condition, tuple) else (np.full(shape, True), np.full(shape, True))
        taken = open_ & may
        low = np.where(taken, np.minimum(low, choice.lower), low)
        high = np.where(taken, np.maximum(high, choice.upper), high)
        open_ = open_ & ~sure
    return between(low, high)


_PLATFORM = types.SimpleNamespace(
    tanh=_bounded(np.tanh, 1.0), sin=_bounded(np.sin, 1.0), cos=_bounded(np.cos, 1.0), arctan=_bounded(np.arctan, 1.0), exp=increasing(np.exp, 0.0),
    log=increasing(np.log), sqrt=_sqrt, abs=_moduli, pi=Ball(np.pi, np.pi * UNIT), less=_less, less_equal=_less, select=_select, nan=np.nan, inf=np.inf,
    maximum=_pick(np.maximum), minimum=_pick(np.minimum), sign=lambda value: between(np.sign(ball(value).lower), np.sign(ball(value).upper)),
)  # fmt: skip
"""What the source of an activation calls."""


class PointwiseBalls:
    """derivative_NAME and supremum_NAME of an activation on balls."""

    def __init__(self, activation: Activation, orders: tuple[int, ...], suprema: tuple[int, ...]) -> None:
        names: dict[str, Any] = {
            "numpy": _PLATFORM, "error_function": _bounded(near.error_function, 2 / np.sqrt(np.pi) * UP), "softplus_": _bounded(near.softplus_, 1.0),
            "tanh": _PLATFORM.tanh, "exp": _PLATFORM.exp,
        }  # fmt: skip
        on_balls(functions_source(activation, tuple(sorted({*orders, *suprema}))), names)
        self.functions = names[f"{identifier(activation)}_functions"]
        self.suprema = {order: local_suprema(activation, order) for order in suprema}

    def derivative(self, order: int, value: Any) -> Ball:
        """s^(order), entry by entry: the formula itself on balls."""
        value = ball(value)
        found = ball(self.functions[order](value))
        return Ball(np.broadcast_to(found.mid, value.shape), np.broadcast_to(found.rad, value.shape))

    def supremum(self, order: int, point: Any, distance: Any) -> Ball:
        """The supremum near every point of the ball: the distance grows by the radius."""
        point, distance = ball(point), ball(distance)
        constant, turning, steepness = self.suprema[order]
        reach = (distance.upper + point.rad) * UP + np.abs(point.mid) * (4 * UNIT) + LEAST
        if turning is None:
            largest = (self.derivative(order, point.mid).size + reach * steepness) * UP
        else:
            low, high = point.mid - reach, point.mid + reach
            largest = np.maximum(self.derivative(order, low).size, self.derivative(order, high).size)
            for at, value in turning:
                slack = 1e-15 * max(1.0, abs(at))
                largest = np.where((low <= at + slack) & (high >= at - slack), np.maximum(largest, value), largest)
        return Ball(np.minimum(np.where(np.isnan(largest), np.inf, largest), constant))


def _upper(choose: Callable[[Any, Any], Any]) -> Callable[..., Ball]:
    """Of the upper ends alone: a lower end of another order of magnitude would blur them."""
    return lambda first, *rest: Ball(functools.reduce(choose, (ball(other).upper for other in rest), ball(first).upper))


def namespace(activations: dict[Activation, tuple[tuple[int, ...], tuple[int, ...]]], increasing_lines: bool = False) -> dict[str, Any]:
    """The operations of a compiled certificate on balls; the orders of derivatives and suprema for each activation.

    increasing_lines: for lines of which the upper ends are all that is needed.
    """
    names: dict[str, Any] = {}
    shim = types.SimpleNamespace(einsum=_diagonals, abs=_moduli, sum=_total, max=_largest, min=_least, ndim=lambda value: ball(value).ndim)
    for name, value in vars(near).items():
        if isinstance(value, types.FunctionType) and value.__module__ == near.__name__:
            names[name] = types.FunctionType(value.__code__, names, name, value.__defaults__)
    names.update(
        numpy=shim, sqrt=_sqrt, exp=increasing(np.exp, 0.0), log=increasing(np.log), minimum=_pick(np.minimum), maximum=_pick(np.maximum),
        spectral_norm=_spectral_norm, length=_length, softmax=softmax_ball, blocks=_join, append_blocks=_append, pad=_placed(runtime.pad), border=_placed(runtime.border),
        outer=lambda vector: ball(vector)[:, None] * ball(vector)[None, :], zero_matrix=_placed(runtime.zero_matrix), mean=_mean, euclidean_norm=_length,
        largest_eigenvalue=_largest_eigenvalue, unit_vectors=lambda like: Ball(np.eye(len(like))[:, :, None]), add_gram=_add_gram, pair_norm=_pair_norm, smaller=_smaller,
        reference_atoms=_reference_atoms, atom=lambda position, count: Ball(near.atom(int(position), int(count))),  # type: ignore[no-untyped-call]
    )  # fmt: skip
    if increasing_lines:
        names.update({name: _of_balls(getattr(runtime, name)) for name in ("extend_vector", "extend_matrix", "add_at", "border_inside")})
        names.update(minimum=_upper(np.minimum), maximum=_upper(np.maximum))
    for activation, orders in activations.items():
        name, found = identifier(activation), PointwiseBalls(activation, *orders)
        names[f"derivative_{name}"], names[f"supremum_{name}"] = found.derivative, found.supremum
    return names


# --- derivations on sets of parameters ------------------------------------------------------------------------------------

PLAIN = ("append_blocks", "add_at", "extend_vector", "extend_matrix", "border_inside", "weight_unit", "one_block", "zero_matrix", "pad", "border")
"""Operations that only move entries about."""

SEARCHES = ("activation_chart", "bending_", "joint_", "largest_quotient", "estimate_", "bound_")
"""Certified searches: for floats they return a number that is not below the bound, so the upper ends go in."""


def _lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A certified search on balls."""

    def floats(value: Any) -> Any:
        if isinstance(value, Ball):
            return value.upper
        return type(value)(floats(entry) for entry in value) if isinstance(value, tuple | list) else value

    def on(*arguments: Any) -> Any:
        result = function(*map(floats, arguments))
        return Ball(np.asarray(result, dtype=float) * (1 + 2.0**-40)) if isinstance(result, float | np.ndarray) else result

    return on


def _of_balls(function: Callable[..., Any]) -> Callable[..., Ball]:
    """An operation that only moves or adds entries, on the upper ends; a sum may be rounded."""
    return lambda *arguments: Ball(function(*(argument.upper if isinstance(argument, Ball) else argument for argument in arguments)) * (1 + 4 * UNIT))


def _paired(p: Any, r: Any, q: Any) -> Ball:
    half = (ball(p) - ball(q)) * 0.5
    return (ball(p) + ball(q)) * 0.5 + _sqrt(half * half + ball(r) * ball(r))


def _cosine_sine(index: int, quarter: int) -> tuple[Ball, Ball]:
    found = runtime.cosine_sine(index, quarter)  # type: ignore[no-untyped-call]
    return Ball(found[0], 16 * UNIT), Ball(found[1], 16 * UNIT)


def kernel_on_balls(source: str, functions: Mapping[str, Callable[..., Any]]) -> Callable[..., list[Any]]:
    """The kernel of a compiled bound, every line in ball arithmetic and rounded up. Raises SymlipError for operations without ball arithmetic."""
    names: dict[str, Any] = {
        "blocks": _join, "outer": lambda vector: ball(vector)[:, None] * ball(vector)[None, :], "mean": _mean, "euclidean_norm": _length,
        "largest_eigenvalue": _largest_eigenvalue, "paired_eigenvalue": _paired, "cosine_sine": _cosine_sine,
        "sqrt": _sqrt, "exp": increasing(np.exp, 0.0), "log": increasing(np.log), "minimum": _upper(np.minimum), "maximum": _upper(np.maximum), "numpy": np,
    }  # fmt: skip
    names.update({name: _of_balls(getattr(runtime, name)) for name in PLAIN})
    names["two_blocks"] = lambda ww, wb, bb: _of_balls(lambda entries: entries.reshape(2, 2, *entries.shape[1:]))(_join(ww, wb, wb, bb))
    names["circle_maximum"] = types.FunctionType(runtime.circle_maximum.__code__, names, "circle_maximum", runtime.circle_maximum.__defaults__)
    names.update({name: _lifted(function) for name, function in functions.items() if name.startswith(SEARCHES)})
    called = {node.func.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    missing = sorted((called & set(functions)) - set(names))
    if missing:
        raise SymlipError(
            f"compile(outward=True) has no ball arithmetic for the operation {missing[0]!r} of this derivation (symbolic depths, shared budgets and ODEs)"
        )
    kernel = on_balls(source, names, increasing_lines=True)["_kernel"]

    def balls(value: Any) -> Any:
        return type(value)(balls(entry) for entry in value) if isinstance(value, tuple | list) else ball(value)

    def run(*arguments: Any) -> list[Any]:
        return [ball(value).upper for value in kernel(*map(balls, arguments))]

    return run
