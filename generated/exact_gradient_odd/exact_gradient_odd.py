"""Bounds on Lipschitz constants in the parameters, compiled by symlip: joint method on layer balls, widths 3, 3, 1, depth 2, algebraic.

Needs NumPy alone; call bounds(weight_norms, input_norm).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

    value: object  # bound on |N|, the network's output
    lipschitz: object  # Lipschitz constant of the network in its parameters
    gradient_lipschitz: object  # Lipschitz constant of the network's gradient
    layer_lipschitz: object  # matrix of the bounds of mixed second derivatives, blocks A_1, b_1, A_2, b_2, ..


def blocks(*entries):
    """The block vector of the given scalars."""
    entries = [numpy.asarray(entry) for entry in entries]
    shape = numpy.broadcast_shapes(*(entry.shape for entry in entries))
    out = numpy.empty((len(entries), *shape), dtype=numpy.result_type(*entries))
    for index, entry in enumerate(entries):
        out[index] = entry[()]
    return out


def append_blocks(vector, *entries):
    """A block vector with further scalar entries behind it."""
    entries = [numpy.asarray(entry) for entry in entries]
    shape = numpy.broadcast_shapes(vector.shape[1:], *(entry.shape for entry in entries))
    out = numpy.empty((len(vector) + len(entries), *shape), dtype=numpy.result_type(vector, *entries))
    out[: len(vector)] = vector
    for index, entry in enumerate(entries, len(vector)):
        out[index] = entry[()]
    return out


def outer(vector):
    """v v^T."""
    return vector[:, None] * vector[None, :]


def pad(matrix):
    """The matrix with two zero rows and columns behind it."""
    out = numpy.zeros((len(matrix) + 2, len(matrix) + 2, *matrix.shape[2:]), dtype=matrix.dtype)
    out[:-2, :-2] = matrix
    return out


def border(vector):
    """e v^T + v e^T, v padded by two zeros, e the first of the two new blocks."""
    size = len(vector)
    out = numpy.zeros((size + 2, size + 2, *vector.shape[1:]), dtype=vector.dtype)
    out[size, :size] = vector
    out[:size, size] = vector
    return out


def largest_eigenvalue(matrix):
    """The largest eigenvalue of a symmetric matrix with nonnegative entries; inf where an entry is not finite."""
    if len(matrix) == 2:
        return (matrix[0, 0] + matrix[1, 1]) / 2 + hypot((matrix[0, 0] - matrix[1, 1]) / 2, matrix[0, 1])
    stacked = numpy.moveaxis(matrix, (0, 1), (-2, -1))
    scale = numpy.max(stacked, axis=(-2, -1))
    finite = numpy.isfinite(scale)
    safe = numpy.where(finite & (scale > 0), scale, 1.0)
    scaled = numpy.where(finite[..., None, None], stacked / safe[..., None, None], 0.0)
    return numpy.where(finite, safe * numpy.linalg.eigvalsh(scaled)[..., -1], numpy.inf)


def _number(name, value):
    """One argument: a nonnegative number or an array of them."""
    if type(value) is float or type(value) is int:
        if value >= 0:
            return float(value)
        raise ValueError(f"{name} must be nonnegative, not {value}")
    try:
        array = numpy.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number or an array of numbers, not {value!r}") from None
    if array.size == 0:
        raise ValueError(f"{name} is empty")
    if not (array >= 0).all():
        raise ValueError(f"{name} must be nonnegative and not NaN")
    return array


def _numbers(name, values, count):
    """A list of arguments, one for each layer."""
    try:
        values = list(values)
    except TypeError:
        raise ValueError(f"{name} must have {count} entries, one for each layer, not {values!r}") from None
    if len(values) != count:
        raise ValueError(f"{name} must have {count} entries, one for each layer (batch axes come inside each), not {len(values)}")
    return [_number(f"{name}[{index}]", value) for index, value in enumerate(values)]


def _aligned(values):
    """Arrays of the same number of axes, so that block axes can stand in front of them; numbers stay numbers."""
    axes = max((value.ndim for value in values if type(value) is not float), default=0)
    if axes == 0:
        return [numpy.float64(value) for value in values]
    return [
        value if type(value) is not float and value.ndim == axes else numpy.reshape(value, (1,) * (axes - numpy.ndim(value)) + numpy.shape(value))
        for value in values
    ]


def _shape(values):
    """The arguments' broadcast shape."""
    try:
        return numpy.broadcast_shapes(*(numpy.shape(value) for value in values))
    except ValueError:
        found = sorted({numpy.shape(value) for value in values if numpy.ndim(value)})
        raise ValueError(f"the arguments' shapes do not broadcast: {', '.join(map(str, found))}") from None


def _in_pieces(evaluate, values, shape, most=16384):
    """Evaluate large batches piece by piece along their first axis, so that the intermediate arrays stay in cache."""
    size = 1
    for length in shape:
        size *= length
    if size <= 2 * most or shape[0] == 1:
        return evaluate(values)
    step = max(1, most * shape[0] // size)
    pieces = [evaluate([value[start : start + step] if value.shape[0] > 1 else value for value in values]) for start in range(0, shape[0], step)]
    joined = []
    for parts in zip(*pieces):
        axis = numpy.ndim(parts[0]) - len(shape)  # block axes come before the batch axes
        constant = axis < 0 or (step > 1 and parts[0].shape[axis] == 1)
        joined.append(parts[0] if constant else numpy.concatenate(parts, axis=axis))
    return joined


def _result(value, shape):
    """The value in the arguments' broadcast shape, a float where that is a single number; NaN, which only an overflow makes, is inf."""
    if shape == () and numpy.ndim(value) == 0:
        value = float(value)
        return value if value == value else float("inf")
    total = numpy.sum(value)  # NaN if one of them is
    return numpy.broadcast_to(value if total == total else numpy.where(numpy.isnan(value), numpy.inf, value), shape + numpy.shape(value)[len(shape) :])


def _positive(name, values):
    """Norms at which the set has an interior, as a theorem about what is reached needs."""
    for index, value in enumerate(values):
        if not numpy.all(value > 0):
            where = f"{name}[{index}]" if len(values) > 1 else name
            raise ValueError(f"{where} is 0: the set has no interior and the theorem is not about it; take a positive norm, or the upper bound of method='block'")


def _kernel(layers_1, x_norm):
    [a_1, a_2] = layers_1
    S2_algebraic = 0.8586501033599192
    B_0 = x_norm
    J_algebraic = (lambda c: maximum(1, c))
    M_0 = 1 + x_norm**2
    M_1 = 3 + J_algebraic(M_0*a_2**2)
    del J_algebraic
    del M_0
    L_2 = sqrt(M_1)
    del M_1
    qvec_1 = blocks(B_0, 1)
    del B_0
    lvec_1 = qvec_1
    G_1 = S2_algebraic*outer(qvec_1)
    del qvec_1
    B_1 = 1.7320508075688772
    qvec_2 = append_blocks(a_2*lvec_1, B_1, 1)
    del B_1
    G_2 = border(lvec_1) + S2_algebraic*outer(qvec_2) + pad(G_1)*a_2
    del S2_algebraic
    del lvec_1
    del G_1
    del qvec_2
    B_2 = 1
    Lambda = largest_eigenvalue(G_2)
    return [B_2, L_2, Lambda, G_2]


def bounds(weight_norms, input_norm):
    """Return the bounds (value, lipschitz, gradient_lipschitz, layer_lipschitz).

    weight_norms: spectral norms |A_u|_2, 2 entries, each a number or an array.
    input_norm: |x|.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    weight_norms = _numbers("weight_norms", weight_norms, 2)
    input_norm = _number("input_norm", input_norm)
    _positive("weight_norms", weight_norms)
    values = _aligned(weight_norms + [input_norm])
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(values[0:2], *values[2:]), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape), _result(numpy.moveaxis(numpy.asarray(results[3]), (0, 1), (-2, -1)), shape))
