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
from .pointwise import activation_functions, functions_source, known_constant, local_suprema

UNIT = 2.0**-53
UP = 1 + 2.0**-48
"""More than the rounding errors in a radius."""

LEAST = 2.0**-1070
"""At least the error of an operation whose result underflows."""

TRUSTED = 8
"""Units in the last place to which exp, log, tanh, erf .. of the platform are trusted."""


class Ball:
    """An array with an array of radii. Combined with numbers, which are exact, and with other balls."""

    __slots__ = ("exact", "mid", "nonnegative", "rad")
    __array_ufunc__ = None
    """NumPy leaves operations with a ball to the ball."""

    def __init__(self, mid: Any, rad: Any = 0.0, nonnegative: bool = False) -> None:
        self.mid = np.asarray(mid, dtype=float)
        self.exact = isinstance(rad, float) and rad == 0.0
        rad = np.asarray(rad, dtype=float)
        self.rad = rad if rad.shape == self.mid.shape else np.broadcast_to(rad, self.mid.shape)
        self.nonnegative = nonnegative
        """Whether what it stands for is a modulus, a square, a root or made of such."""

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

    def sum(self, axis: int = 0) -> Any:
        return _total(self, axis)

    def _like(self, mid: Any, rad: Any) -> Ball:
        return Ball(mid, nonnegative=self.nonnegative) if self.exact else Ball(mid, rad, self.nonnegative)

    # -- arithmetic --------------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Upper):
            return other + self
        other = ball(other)
        mid = self.mid + other.mid
        return _ball(mid, self.rad + other.rad, self.nonnegative and other.nonnegative)

    __radd__ = __add__

    def __neg__(self) -> Ball:
        return Ball(-self.mid, self.rad)

    def __sub__(self, other: Any) -> Any:
        return self + (-_exactly(other))

    def __rsub__(self, other: Any) -> Any:
        return ball(other) + (-self)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Upper):
            return other * self
        if self is other:
            return self._squared()
        other = ball(other)
        nonnegative = self.nonnegative and other.nonnegative
        if self.exact and other.exact:
            return _ball(self.mid * other.mid, 0.0, nonnegative)
        if other.exact:
            return _ball(self.mid * other.mid, self.rad * np.abs(other.mid), nonnegative)
        if self.exact:
            return _ball(self.mid * other.mid, other.rad * np.abs(self.mid), nonnegative)
        return _ball(self.mid * other.mid, np.abs(self.mid) * other.rad + self.rad * (np.abs(other.mid) + other.rad), nonnegative)

    __rmul__ = __mul__

    def _squared(self) -> Ball:
        return _ball(self.mid * self.mid, 0.0 if self.exact else self.rad * (2 * np.abs(self.mid) + self.rad), True)

    def __truediv__(self, other: Any) -> Ball:
        other = _exactly(other)
        least = np.abs(other.mid) - other.rad * UP
        mid = self.mid / other.mid
        rad = (self.rad + np.abs(mid) * other.rad) / np.where(least > 0, least * (1 - 4 * UNIT), np.nan)
        return _ball(mid, rad)

    def __rtruediv__(self, other: Any) -> Ball:
        return ball(other) / self

    def __pow__(self, power: Any) -> Any:
        if power < 0:
            return ball(1.0) / self**-power
        if 2 * power == int(2 * power) and power != int(power):
            return _sqrt(self) ** int(2 * power)
        if power == 0:
            return Ball(np.ones(self.shape), nonnegative=True)
        if power != int(power):
            raise TypeError(f"no ball arithmetic for the power {power!r}")
        power = int(power)
        if power == 1:
            return self
        if power % 2 == 0:
            return self._squared() ** (power // 2)
        return self._squared() ** (power // 2) * self

    def __abs__(self) -> Any:
        return _moduli(self)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Upper):
            return other.__rmatmul__(self)
        other = ball(other)
        count = self.mid.shape[-1] + 2
        gamma = count * UNIT / (1 - count * UNIT)
        mid = self.mid @ other.mid
        if self.exact and other.exact and self._is_nonnegative() and other._is_nonnegative():
            return Ball(mid, (mid * (gamma * (1 + 2 * gamma)) + count * LEAST) * UP, True)
        moduli, reach = np.abs(self.mid), np.abs(other.mid)
        right = gamma * reach if other.exact else gamma * reach + other.rad
        if self.exact and moduli.ndim == right.ndim == 2 and mid.size * count > DEAR:
            # Cauchy and Schwarz: a little wider, without a second product of matrices
            spread = _row_lengths(moduli)[:, None] * _row_lengths(right.T)[None, :]
        else:
            spread = moduli @ right
        if not self.exact:
            spread = spread + self.rad @ (reach + other.rad)
        # the products that make the radius are of nonnegative numbers: their sum is off by the same factor
        return Ball(mid, (spread * (1 + 2 * gamma) + count * LEAST) * UP)

    def _is_nonnegative(self) -> bool:
        return self.nonnegative or bool(self.mid.size == 0 or np.min(self.mid) >= 0)

    def __rmatmul__(self, other: Any) -> Any:
        return ball(other) @ self


DEAR = 1e7
"""Products in a product of matrices from which on a second one is worth saving."""


def _row_lengths(rows: Any) -> Any:
    """At least the Euclidean length of each row of numbers that are not negative."""
    top = np.max(rows, axis=1, initial=0.0)
    power = np.where(np.isfinite(top) & (top > 0), 2.0 ** np.floor(np.log2(np.where(top > 0, top, 1.0))), 1.0)
    scaled = rows / power[:, None]
    return np.sqrt(np.einsum("ij,ij->i", scaled, scaled) + LEAST) * power * (1 + 2 * (rows.shape[1] + 4) * UNIT)


class Upper:
    """Numbers of which only an upper end is wanted: at least the modulus of what each stands for, in every operation.

    Half the work of a ball, or less. What needs a lower end, such as a difference, takes a line of a derivation as the exact number
    that it is replaced by (the lines increase in each other), and refuses what is only a part of one.
    """

    __slots__ = ("line", "top")
    __array_ufunc__ = None

    def __init__(self, top: Any, line: bool = False) -> None:
        self.top = np.asarray(top, dtype=float)
        self.line = line

    @property
    def upper(self) -> Any:
        return np.where(np.isnan(self.top), np.inf, self.top)

    size = upper

    @property
    def shape(self) -> tuple[int, ...]:
        return self.top.shape

    @property
    def ndim(self) -> int:
        return self.top.ndim

    def __len__(self) -> int:
        return len(self.top)

    def __getitem__(self, index: Any) -> Upper:
        return Upper(self.top[index], self.line)

    @property
    def T(self) -> Upper:
        return Upper(self.top.T, self.line)

    def reshape(self, *shape: int) -> Upper:
        return Upper(self.top.reshape(*shape), self.line)

    def transpose(self, *axes: int) -> Upper:
        return Upper(self.top.transpose(*axes), self.line)

    def sum(self, axis: int = 0) -> Upper:
        return _upward(np.sum(self.top, axis=axis), self.top.shape[axis])

    def __add__(self, other: Any) -> Any:
        top = _top_of(other)
        return ball(self) + ball(other) if top is None else _upward(self.top + top)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        top = _top_of(other)
        return ball(self) * ball(other) if top is None else _upward(self.top * top)

    __rmul__ = __mul__

    def __pow__(self, power: Any) -> Any:
        if power < 0 or 2 * power != int(2 * power):
            return _exactly(self) ** power
        if power != int(power):
            return self.root() ** int(2 * power)
        if power == 0:
            return Upper(np.ones_like(self.top))
        result = self
        for _ in range(int(power) - 1):
            result = result * self
        return result

    def root(self) -> Upper:
        return _upward(np.sqrt(self.top))

    def __matmul__(self, other: Any) -> Any:
        top = _top_of(other)
        return ball(self) @ ball(other) if top is None else _upward(self.top @ top, self.top.shape[-1])

    def __rmatmul__(self, other: Any) -> Any:
        top = _top_of(other)
        return ball(other) @ ball(self) if top is None else _upward(top @ self.top, self.top.shape[0])

    def __truediv__(self, other: Any) -> Any:
        return ball(self) / _exactly(other)

    def __rtruediv__(self, other: Any) -> Any:
        return ball(other) / _exactly(self)

    def __sub__(self, other: Any) -> Any:
        return ball(self) - _exactly(other)

    def __rsub__(self, other: Any) -> Any:
        return ball(other) - _exactly(self)

    def __neg__(self) -> Any:
        return -_exactly(self)

    def __abs__(self) -> Upper:
        return self


def _top_of(value: Any) -> Any:
    """The upper ends of what is not negative; None for what may be."""
    if isinstance(value, Upper):
        return value.top
    if isinstance(value, Ball):
        return value.upper if value.nonnegative else None
    return value if np.min(value, initial=0.0) >= 0 else None


def _upward(top: Any, count: int = 1) -> Upper:
    """Rounded operations on numbers that are not negative, and sums of so many."""
    return Upper(top * (1 + 2 * (count + 2) * UNIT) + (count + 1) * LEAST)


def _exactly(value: Any) -> Ball:
    """As an exact number, or a ball; a part of a line, known only from above, is neither."""
    if isinstance(value, Upper) and not value.line:
        raise TypeError("a part of a line that is known only from above stands where its lower end matters")
    return ball(value)


def collapsed(value: Any) -> Any:
    """The upper end alone, as an exact number: enough for what only increasing functions are applied to. What is no number stays."""
    if callable(value):  # increasing, too
        return lambda *arguments: value(*(collapsed(argument) if isinstance(argument, Upper) else argument for argument in arguments))
    if isinstance(value, tuple | list):
        return value
    if isinstance(value, Upper):
        return Upper(value.top, line=True)
    top = ball(value).upper
    return Upper(top, line=True) if np.all(top >= 0) else Ball(top)


def ball(value: Any) -> Ball:
    """The value as a ball; numbers are exact, and so is what is known from above, where only increasing functions are applied to it."""
    if isinstance(value, Upper):
        return Ball(value.upper, nonnegative=True)
    return value if isinstance(value, Ball) else Ball(value, nonnegative=isinstance(value, int | float) and value >= 0)


def _ball(mid: Any, rad: Any, nonnegative: bool = False) -> Ball:
    """A ball about a rounded midpoint."""
    return Ball(mid, (rad + np.abs(mid) * UNIT + LEAST) * UP, nonnegative)


def between(low: Any, high: Any, nonnegative: bool = False) -> Ball:
    """A ball that holds all numbers from low to high."""
    low, high = np.minimum(low, high), np.maximum(low, high)
    mid = low / 2 + high / 2
    return Ball(mid, np.maximum(high - mid, mid - low) * UP + np.abs(mid) * UNIT + LEAST, nonnegative)


# --- functions -----------------------------------------------------------------------------------------------------------


def increasing(function: Callable[[Any], Any], least: float = -np.inf) -> Callable[[Any], Any]:
    """A function of the platform that does not decrease, and is at least `least`."""

    def on(value: Any) -> Any:
        slack = TRUSTED * 2 * UNIT
        if isinstance(value, Upper) and least == 0:
            return Upper(function(value.top) * (1 + 2 * slack) + 2 * LEAST)
        value = ball(value)
        low, high = function(value.lower), function(value.upper)
        return between(np.maximum(low - np.abs(low) * slack - LEAST, least), high + np.abs(high) * slack + LEAST, least >= 0)

    return on


def _sqrt(value: Any) -> Any:
    if isinstance(value, Upper):
        return value.root()
    value = ball(value)
    return between(np.sqrt(np.maximum(value.lower, 0.0)) * (1 - 4 * UNIT), np.sqrt(np.maximum(value.upper, 0.0)) * (1 + 4 * UNIT), True)


def _pick(choose: Callable[[Any, Any], Any]) -> Callable[..., Ball]:
    def pick(first: Any, *rest: Any) -> Ball:
        result = ball(first)
        for other in map(ball, rest):
            result = between(choose(result.lower, other.lower), choose(result.upper, other.upper))
        return result

    return pick


def _total(values: Any, axis: int = 0) -> Any:
    if isinstance(values, Upper):
        return values.sum(axis)
    values = ball(values)
    count = values.shape[axis] + 2
    gamma = count * UNIT / (1 - count * UNIT)
    spread = np.sum(np.abs(values.mid) * gamma + values.rad, axis=axis)
    return Ball(np.sum(values.mid, axis=axis), (spread * (1 + 2 * gamma) + count * LEAST) * UP, values.nonnegative)


def _moduli(values: Any) -> Any:
    if isinstance(values, Upper):
        return values
    values = ball(values)
    return Ball(np.abs(values.mid), values.rad, True)


def _moduli_from_above(values: Any) -> Upper:
    """Where the upper ends are all that is needed."""
    return Upper(values.top if isinstance(values, Upper) else ball(values).size)


def _largest(values: Any, axis: int = 0) -> Any:
    if isinstance(values, Upper):
        return Upper(np.max(values.top, axis=axis), values.line)
    values = ball(values)
    return between(np.max(values.lower, axis=axis), np.max(values.upper, axis=axis), values.nonnegative)


def _least(values: Any, axis: int = 0) -> Ball:
    return -_largest(-_exactly(values), axis)  # type: ignore[no-any-return]


def _power(size: Any) -> Any:
    """A power of two near the sizes, by which to divide so that squares neither overflow nor vanish."""
    usable = np.isfinite(size) & (size > 0)
    return np.where(usable, 2.0 ** np.clip(np.floor(np.log2(np.where(usable, size, 1.0))), -1000, 1000), 1.0)


def _length(values: Any) -> Any:
    if isinstance(values, Upper):
        power = _power(np.max(values.top, axis=0))
        rows = Upper(values.top / power)
        return _upward((rows * rows).sum().root().top * power)
    values = ball(values)
    power = _power(np.max(values.size, axis=0))
    scaled = Ball(values.mid / power, values.rad / power + LEAST)
    root = _sqrt(_total(scaled * scaled))
    return _ball(root.mid * power, root.rad * power, True)


def _spectral_norm(matrix: Any) -> Ball:
    """Between 0 and the root of the largest ratio (M^T M v)_j / v_j, M the moduli of A^T A's entries: Collatz and Wielandt's bound."""
    matrix = ball(matrix)
    shorter = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    size = float(np.max(shorter.size, initial=0.0))
    if not np.isfinite(size) or size == 0:
        return Ball(size)
    power = _power(size)
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


def _add_gram(vectors: Any, weight: Any) -> Any:
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


def _pair_norm(matrix: Any, vector: Any) -> Any:
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


class _Searching(ast.NodeTransformer):
    """Source in which the functions that a certified search is given stay functions of floats: their errors are the search's matter."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id.startswith(SEARCHES):
            node.args = [_OfFloats().visit(argument) for argument in node.args]
            return node
        self.generic_visit(node)
        return node


class _OfFloats(ast.NodeTransformer):
    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        source = ast.unparse(node)
        return ast.Call(ast.Name("in_floats", ast.Load()), [ast.Constant(source)], [])


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
    tree = _Exact().visit(_Searching().visit(ast.parse(source)))
    if increasing_lines:
        tree = _Increasing().visit(tree)
    tree = ast.fix_missing_locations(tree)
    for name, function in {"ball": ball, "collapsed": collapsed, "nearest": lambda value: Ball(value, abs(value) * 2 * UNIT, value >= 0)}.items():
        names.setdefault(name, function)
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


class _Rounded:
    """A number below `size` in modulus, computed with an error below `error`, whatever the argument: what a formula in floats is off by.

    Infinite where nothing is known.
    """

    def __init__(self, size: float, error: float) -> None:
        self.size, self.error = size, error

    @staticmethod
    def of(value: Any) -> _Rounded:
        return value if isinstance(value, _Rounded) else _Rounded(abs(float(value)), 0.0 if float(value) == int(value) else abs(float(value)) * 2 * UNIT)

    def _made(self, size: float, error: float) -> _Rounded:
        return _Rounded(size * UP, (error + (size + error) * UNIT + LEAST) * UP)

    def _is_power_of_two(self) -> bool:
        return self.error == 0 and 2.0**-30 <= self.size <= 2.0**30 and float(np.log2(self.size)).is_integer()

    def __add__(self, other: Any) -> _Rounded:
        other = _Rounded.of(other)
        return self._made(self.size + other.size, self.error + other.error)

    __radd__ = __sub__ = __rsub__ = __add__

    def __neg__(self) -> _Rounded:
        return self

    def __mul__(self, other: Any) -> _Rounded:
        other = _Rounded.of(other)
        for first, second in ((self, other), (other, self)):
            if first._is_power_of_two():  # exact, but for what is nearly nothing
                return _Rounded(first.size * second.size, first.size * second.error + (LEAST if np.isinf(second.size) else 0.0))
        if not np.isfinite(self.size + other.size):
            return _unknown()
        return self._made(self.size * other.size, self.size * other.error + other.size * self.error + self.error * other.error)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> _Rounded:
        other = _Rounded.of(other)
        return self * _Rounded(1 / other.size, 0.0) if other._is_power_of_two() else _unknown()

    def __rtruediv__(self, other: Any) -> _Rounded:
        return _Rounded.of(other) / self

    def __pow__(self, power: Any) -> _Rounded:
        if power != int(power) or power < 1:
            return _unknown()
        size = self.size**power
        return self._made(size, power * (self.size + self.error) ** (power - 1) * self.error + 2 * TRUSTED * UNIT * size)


def _within(bound: float) -> Callable[[Any], _Rounded]:
    """A function of the platform with values below the bound and slopes below 1."""
    return lambda value: _Rounded(bound, value.error + 2 * TRUSTED * UNIT * bound) if np.isfinite(value.error) else _unknown()


def _unknown(*_: Any) -> _Rounded:
    return _Rounded(np.inf, np.inf)


def rounding_errors(activation: Activation, orders: tuple[int, ...]) -> dict[int, float]:
    """For each order a bound of the error of s^(order) as computed in floats, the same for all arguments; infinite if none is found."""
    platform = types.SimpleNamespace(tanh=_within(1.0), sin=_within(1.0), cos=_within(1.0), arctan=_within(2.0))
    found = {}
    for order in orders:
        names: dict[str, Any] = {
            "numpy": platform, "tanh": platform.tanh, "exp": _unknown, "error_function": _unknown, "softplus_": _unknown, "ball": _Rounded.of, "nearest": _Rounded.of,
        }  # fmt: skip
        try:
            on_balls(functions_source(activation, (order,)), names)
            found[order] = float(_Rounded.of(names[f"{identifier(activation)}_functions"][order](_Rounded(np.inf, 0.0))).error)
        except (AttributeError, TypeError, ValueError, OverflowError):  # an operation of which nothing is said here
            found[order] = np.inf
    return found


class PointwiseBalls:
    """derivative_NAME and supremum_NAME of an activation on balls.

    Where the formula's error in floats is bounded for all arguments it is evaluated in floats, and the mean value theorem does the rest.
    """

    def __init__(self, activation: Activation, orders: tuple[int, ...], suprema: tuple[int, ...]) -> None:
        orders = tuple(sorted({*orders, *suprema}))
        self.plain = activation_functions(activation, orders)
        self.errors = rounding_errors(activation, orders)
        self.slopes = {order: known_constant(activation, order + 1) if np.isfinite(self.errors[order]) else np.inf for order in orders}
        self.last: dict[int, tuple[Any, Ball]] = {}
        self.ends: tuple[Any, ...] = ()
        names: dict[str, Any] = {
            "numpy": _PLATFORM, "error_function": _bounded(near.error_function, 2 / np.sqrt(np.pi) * UP), "softplus_": _bounded(near.softplus_, 1.0),
            "tanh": _PLATFORM.tanh, "exp": _PLATFORM.exp,
        }  # fmt: skip
        on_balls(functions_source(activation, orders), names)
        self.functions = names[f"{identifier(activation)}_functions"]
        self.suprema = {order: local_suprema(activation, order) for order in suprema}

    def derivative(self, order: int, value: Any) -> Ball:
        """s^(order), entry by entry: the formula itself on balls."""
        known = self.last.get(order)
        if known and known[0] is value:
            return known[1]
        point = ball(value)
        if np.isfinite(self.slopes[order]):
            mid = np.broadcast_to(self.plain[order](point.mid), point.shape)
            error = self.errors[order] * UP
            found = Ball(mid, error if point.exact else (point.rad * self.slopes[order] + error) * UP)
        else:
            found = ball(self.functions[order](point))
            found = Ball(np.broadcast_to(found.mid, point.shape), np.broadcast_to(found.rad, point.shape))
        self.last[order] = value, found
        return found

    def _size(self, order: int, point: Any) -> Any:
        """At least |s^(order)| at these floats."""
        if np.isfinite(self.errors[order]):
            return np.abs(self.plain[order](point)) + self.errors[order]
        return self.derivative(order, Ball(point)).size

    def supremum(self, order: int, point: Any, distance: Any) -> Upper:
        """The supremum near every point of the ball: the distance grows by the radius."""
        constant, turning, steepness = self.suprema[order]
        ends = self.ends
        if not (ends and ends[0] is point and ends[1] is distance):
            centre = ball(point)
            reach = (ball(distance).upper + centre.rad) * UP + np.abs(centre.mid) * (4 * UNIT) + LEAST
            ends = point, distance, centre.mid, reach, centre.mid - reach, centre.mid + reach
            self.ends = ends
        middle, reach, low, high = ends[2:]
        if turning is None:
            largest = (self._size(order, middle) + reach * steepness) * UP
        else:
            largest = np.maximum(self._size(order, low), self._size(order, high))
            for at, value in turning:
                slack = 1e-15 * max(1.0, abs(at))
                largest = np.where((low <= at + slack) & (high >= at - slack), np.maximum(largest, value), largest)
        return Upper(np.broadcast_to(np.fmin(largest, constant), np.shape(middle)))  # what is no number is below the constant, too


def _upper(choose: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Of the upper ends alone: a lower end of another order of magnitude would blur them."""

    def pick(*values: Any) -> Any:
        tops = [_top_of(value) for value in values]
        if any(top is None for top in tops):
            return Ball(functools.reduce(choose, (ball(value).upper for value in values)))
        return Upper(functools.reduce(choose, tops))

    return pick


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
        names.update(minimum=_upper(np.fmin), maximum=_upper(np.maximum))
        shim.abs = _moduli_from_above
    for activation, orders in activations.items():
        name, found = identifier(activation), PointwiseBalls(activation, *orders)
        names[f"derivative_{name}"], names[f"supremum_{name}"] = found.derivative, found.supremum
    return names


# --- derivations on sets of parameters ------------------------------------------------------------------------------------

PLAIN = ("append_blocks", "add_at", "extend_vector", "extend_matrix", "border_inside", "weight_unit", "one_block", "zero_matrix", "pad", "border")
"""Operations that only move entries about."""

SEARCHES = ("activation_chart", "bending_", "joint_", "simplex_", "largest_quotient", "estimate_", "bound_", "state_", "shared_")
"""Certified searches: for floats they return a number that is not below the bound, so the upper ends go in."""


def _lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A certified search on balls."""

    def floats(value: Any) -> Any:
        if isinstance(value, Ball | Upper):
            return value.upper
        return type(value)(floats(entry) for entry in value) if isinstance(value, tuple | list) else value

    def on(*arguments: Any) -> Any:
        result = function(*map(floats, arguments))
        return Ball(np.asarray(result, dtype=float) * (1 + 2.0**-40)) if isinstance(result, float | np.ndarray) else result

    return on


def _of_balls(function: Callable[..., Any]) -> Callable[..., Ball]:
    """An operation that only moves or adds entries, on the upper ends; a sum may be rounded."""
    return lambda *arguments: Ball(function(*(argument.upper if isinstance(argument, Ball | Upper) else argument for argument in arguments)) * (1 + 4 * UNIT))


def _paired(p: Any, r: Any, q: Any) -> Any:
    half = (ball(p) - ball(q)) * 0.5
    return (ball(p) + ball(q)) * 0.5 + _sqrt(half * half + ball(r) * ball(r))


def _cosine_sine(index: int, quarter: int) -> tuple[Ball, Ball]:
    found = runtime.cosine_sine(index, quarter)  # type: ignore[no-untyped-call]
    return Ball(found[0], 16 * UNIT), Ball(found[1], 16 * UNIT)


def _product_table(factor: Callable[[int], Any], length: int) -> Ball:
    factors = _join(*(factor(index) for index in range(1, length + 1)))
    shape = (length + 1, length + 1, *factors.shape[1:])
    mid, rad = np.zeros(shape), np.zeros(shape)
    for column in range(length + 1):
        mid[column, column] = 1
        if column:
            step = Ball(mid[:column, column - 1], rad[:column, column - 1]) * factors[column - 1]
            mid[:column, column], rad[:column, column] = step.mid, step.rad
    return Ball(mid, rad)


def _symmetric_entries(*terms_and_length: Any) -> Ball:
    *terms, length = terms_and_length
    above = {(j, k, n): ball(term(j, k)) for j in range(1, length + 1) for k in range(j, length + 1) for n, term in enumerate(terms)}
    shape = np.broadcast_shapes(*(value.shape for value in above.values()))
    mid, rad = (np.zeros((2 * length, 2 * length, *shape)) for _ in range(2))
    for (j, k, n), value in above.items():
        row, column = 2 * j - 2 + n // 2, 2 * k - 2 + n % 2
        mid[row, column] = mid[column, row] = value.mid
        rad[row, column] = rad[column, row] = value.rad
    return Ball(mid, rad)


def _ball_monomial(coefficient: Any, radius: Any, ones: Any, twos: Any) -> Upper:
    """The maximum of a monomial on the sphere, from above: coefficient and radius are not negative."""
    size = ball(radius).size
    lift = (Ellipsis,) + (None,) * size.ndim
    ones, twos, factor = np.asarray(ones)[lift], np.asarray(twos)[lift], ball(coefficient).size[lift]
    some = np.maximum(ones + 2 * twos, 1)
    room = 1 + 32 * (some + 4) * UNIT
    first, second = (size * np.sqrt(1 / some)) ** ones * room + LEAST, ((size * size + LEAST) * 2 / some) ** twos * room + LEAST
    found: Upper = Upper(factor) * Upper(first) * Upper(second)
    return found


def _range_total(term: Callable[[Any], Any], first: int, last: int) -> Any:
    return _total(term(np.arange(first, last + 1))) if first <= last else Ball(0.0, nonnegative=True)


def _interleaved(first: Any, second: Any) -> Ball:
    one, other = ball(first), ball(second)
    return Ball(runtime.interleave(one.mid, other.mid), runtime.interleave(one.rad, other.rad))  # type: ignore[no-untyped-call]


def kernel_on_balls(source: str, functions: Mapping[str, Callable[..., Any]]) -> Callable[..., list[Any]]:
    """The kernel of a compiled bound, every line in ball arithmetic and rounded up. Raises SymlipError for operations without ball arithmetic."""
    names: dict[str, Any] = {
        "blocks": _join, "outer": lambda vector: ball(vector)[:, None] * ball(vector)[None, :], "mean": _mean, "euclidean_norm": _length,
        "largest_eigenvalue": _largest_eigenvalue, "paired_eigenvalue": _paired, "cosine_sine": _cosine_sine,
        "sqrt": _sqrt, "exp": increasing(np.exp, 0.0), "log": increasing(np.log), "minimum": _upper(np.fmin), "maximum": _upper(np.maximum), "numpy": np,
    }  # fmt: skip
    names.update({name: _of_balls(getattr(runtime, name)) for name in PLAIN})
    names.update(
        product_table=_product_table, symmetric_entries=_symmetric_entries, ball_monomial=_ball_monomial, budget_sum_range=_range_total, interleave=_interleaved,
        border_at=_placed(runtime.border_at), vector_table=lambda term, length: _join(*(term(index) for index in range(length + 1))), below=runtime.below,
        if_known=lambda value: Ball(np.maximum(ball(value).upper, 0.0), nonnegative=True),
    )  # fmt: skip
    for name in ("sequence", "entries", "table", "sum_range", "geometric", "circle_maximum"):
        function = getattr(runtime, name)
        names[name] = types.FunctionType(function.__code__, names, name, function.__defaults__)
    names["two_blocks"] = lambda ww, wb, bb: _of_balls(lambda entries: entries.reshape(2, 2, *entries.shape[1:]))(_join(ww, wb, wb, bb))
    names.update({name: _lifted(function) for name, function in functions.items() if name.startswith(SEARCHES)})
    floats = {**functions, "numpy": np, **{name: getattr(np, name) for name in ("exp", "log", "sqrt", "minimum", "maximum", "hypot")}}
    names["in_floats"] = lambda text: eval(text, dict(floats))
    called = {node.func.id for node in ast.walk(_Searching().visit(ast.parse(source))) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    missing = sorted((called & set(functions)) - set(names))
    if missing:
        raise SymlipError(f"compile(outward=True) has no ball arithmetic for the operation {missing[0]!r} of this derivation (continuous depth)")
    kernel = on_balls(source, names, increasing_lines=True)["_kernel"]

    def balls(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return type(value)(balls(entry) for entry in value)
        return value if isinstance(value, int) else ball(value)  # depths and widths are exact

    def run(*arguments: Any) -> list[Any]:
        return [ball(value).upper for value in kernel(*map(balls, arguments))]

    return run
