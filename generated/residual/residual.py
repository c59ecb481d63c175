"""Bounds on Lipschitz constants in the parameters, compiled by symlip: block method on layer balls, widths l_0, l, l, l, l_4, depth 4, tanh, identity.

Needs NumPy alone; call bounds(weight_norms, input_norm, d, widths).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

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


def extend_vector(vector, like):
    """The vector with zeros behind it, as long as the other one."""
    out = numpy.zeros((len(like), *vector.shape[1:]), dtype=vector.dtype)
    out[: len(vector)] = vector
    return out


def extend_matrix(matrix, like):
    """The matrix with zero rows and columns behind it, as large as the other one."""
    out = numpy.zeros((len(like), len(like), *matrix.shape[2:]), dtype=matrix.dtype)
    out[: len(matrix), : len(matrix)] = matrix
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


def euclidean_norm(vector):
    """|v|, without overflow of the squares."""
    scale = numpy.max(numpy.abs(vector), axis=0)
    safe = numpy.where((scale > 0) & numpy.isfinite(scale), scale, 1.0)
    return numpy.where(numpy.isfinite(scale), safe * sqrt(numpy.sum((vector / safe) ** 2, axis=0)), numpy.inf)


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


def _finite(name, value):
    """What the theorem takes as finite; norms may be inf, and so is their bound."""
    value = _number(name, value)
    if not numpy.isfinite(value).all():
        raise ValueError(f"{name} must be finite")
    return value


def _kernel(layers_1, x_norm, d, l):
    [a_1, a_2, a_3, a_4] = layers_1
    S2_tanh = 0.769800358919501
    B_0 = x_norm
    qvec_1 = blocks(B_0, 1)
    del B_0
    lvec_1 = qvec_1
    G_1 = S2_tanh*outer(qvec_1)
    del qvec_1
    B_1 = sqrt(l)
    qvec_2 = append_blocks(a_2*lvec_1, B_1, 1)
    lvec_2 = extend_vector(lvec_1, qvec_2) + d*qvec_2
    G_2 = extend_matrix(G_1, qvec_2) + (border(lvec_1) + S2_tanh*outer(qvec_2) + pad(G_1)*a_2)*d
    del lvec_1
    del G_1
    del qvec_2
    B_2 = B_1 + d*sqrt(l)
    del B_1
    qvec_3 = append_blocks(a_3*lvec_2, B_2, 1)
    lvec_3 = extend_vector(lvec_2, qvec_3) + d*qvec_3
    G_3 = extend_matrix(G_2, qvec_3) + (border(lvec_2) + S2_tanh*outer(qvec_3) + pad(G_2)*a_3)*d
    del S2_tanh
    del lvec_2
    del G_2
    del qvec_3
    B_3 = B_2 + d*sqrt(l)
    del B_2
    qvec_4 = append_blocks(a_4*lvec_3, B_3, 1)
    del B_3
    lvec_4 = qvec_4
    del qvec_4
    G_4 = border(lvec_3) + pad(G_3)*a_4
    del lvec_3
    del G_3
    L_4 = euclidean_norm(lvec_4)
    del lvec_4
    Lambda = largest_eigenvalue(G_4)
    return [L_4, Lambda, G_4]


def bounds(weight_norms, input_norm, d, widths):
    """Return the bounds (lipschitz, gradient_lipschitz, layer_lipschitz).

    weight_norms: spectral norms |A_u|_2, 4 entries, each a number or an array.
    input_norm: |x|.
    d: the constant or step d.
    widths: the widths l_0, .., l_m.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    weight_norms = _numbers("weight_norms", weight_norms, 4)
    input_norm = _number("input_norm", input_norm)
    d = _finite("d", d)
    values = _aligned(weight_norms + [input_norm, d])
    widths = [widths] if numpy.ndim(widths) == 0 else list(widths)
    if not all(int(width) == width and width >= 1 for width in widths):
        raise ValueError(f"widths must be positive integers, not {widths!r}")
    if len(widths) == 5:
        expected = ['l_0', 'l', 'l', 'l', 'l_4']
        if any(type(a) is int and a != b for a, b in zip(expected, widths)):
            raise ValueError(f"widths must agree with the network's {expected!r}, not {widths!r}")
        sizes = [widths[index] for index in [1]]
    elif len(widths) == 1:
        sizes = widths
    else:
        raise ValueError(f"widths must have 5 entries l_0, .., l_m, not {len(widths)}")
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(values[0:4], *values[4:], *sizes), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(numpy.moveaxis(numpy.asarray(results[2]), (0, 1), (-2, -1)), shape))
