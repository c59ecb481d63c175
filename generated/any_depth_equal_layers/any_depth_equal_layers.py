"""Bounds on Lipschitz constants in the parameters, compiled by symlip: block method on layer balls, widths l_0, l, depth m, tanh.

Needs NumPy alone; call bounds(weight_norm, input_norm, widths, depth).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

    value: object  # bound on |N|, the network's output
    lipschitz: object  # Lipschitz constant of the network in its parameters
    layer_lipschitz: object  # matrix of the bounds of mixed second derivatives, blocks A_1, b_1, A_2, b_2, ..
    gradient_lipschitz: object  # Lipschitz constant of the network's gradient


def blocks(*entries):
    """The block vector of the given scalars."""
    entries = [numpy.asarray(entry) for entry in entries]
    shape = numpy.broadcast_shapes(*(entry.shape for entry in entries))
    out = numpy.empty((len(entries), *shape), dtype=numpy.result_type(*entries))
    for index, entry in enumerate(entries):
        out[index] = entry[()]
    return out


def sequence(term, start, length):
    """The values start, term(1, start), term(2, ..), .. with indices 0 .. length along the first axis."""
    values = [start]
    for index in range(1, length + 1):
        values.append(term(index, values[-1]))
    return blocks(*values)


def symmetric_entries(ww, wb, bw, bb, length):
    """The symmetric matrix of 2 x 2 blocks ((ww, wb), (bw, bb))(j, k) for j <= k = 1 .. length, mirrored below."""
    sample = numpy.asarray(ww(1, 1) + wb(1, 1) + bw(1, 1) + bb(1, 1))
    out = numpy.zeros((2 * length, 2 * length, *sample.shape), dtype=sample.dtype)
    for j in range(1, length + 1):
        for k in range(j, length + 1):
            for row, column, term in ((2 * j - 2, 2 * k - 2, ww), (2 * j - 2, 2 * k - 1, wb), (2 * j - 1, 2 * k - 2, bw), (2 * j - 1, 2 * k - 1, bb)):
                out[row, column] = out[column, row] = term(j, k)
    return out


def below(first, second):
    """1 if first < second, else 0."""
    return 1 if first < second else 0


def geometric(ratio, count):
    """1 + ratio + .. + ratio^(count - 1), by doubling: no subtraction, so nothing is lost near ratio 1."""
    total, power = 0 * ratio, 0 * ratio + 1
    for bit in bin(count)[2:]:
        total, power = total * (1 + power), power * power
        if bit == "1":
            total, power = total * ratio + 1, power * ratio
    return total


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


def _kernel(a, x_norm, l, m):
    S2_tanh = 0.769800358919501
    B = sqrt(l)
    rho = a
    c = sequence(lambda u, B_previous: (-B + x_norm)*below(u, 2) + B, 1, m)
    L = sqrt((1 + B**2)*geometric(rho**2, m - 1) + rho**(2*m - 2)*(1 + x_norm**2))
    G = symmetric_entries(lambda j, k: S2_tanh*rho**(-j + m)*geometric(rho, -k + m + 1)*c[j]*c[k] + below(j, k)*c[j]*rho**max(0, -j + m - 1), lambda j, k: S2_tanh*rho**(-j + m)*geometric(rho, -k + m + 1)*c[j], lambda j, k: S2_tanh*rho**(-j + m)*geometric(rho, -k + m + 1)*c[k] + below(j, k)*rho**max(0, -j + m - 1), lambda j, k: S2_tanh*rho**(-j + m)*geometric(rho, -k + m + 1), m)
    del S2_tanh
    del rho
    del c
    Bm = B
    del B
    Lambda = largest_eigenvalue(G)
    return [Bm, L, G, Lambda]


def bounds(weight_norm, input_norm, widths, depth):
    """Return the bounds (value, lipschitz, layer_lipschitz, gradient_lipschitz).

    weight_norm: the largest spectral norm |A_u|_2 of all layers.
    input_norm: |x|.
    widths: the widths l_0, .., l_m.
    depth: the number of layers m.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    if isinstance(depth, bool) or int(depth) != depth or depth < 1:
        raise ValueError(f"depth must be a positive integer, not {depth!r}")
    depth = int(depth)
    weight_norm = _number("weight_norm", weight_norm)
    input_norm = _number("input_norm", input_norm)
    values = _aligned([weight_norm, input_norm])
    widths = [widths] if numpy.ndim(widths) == 0 else list(widths)
    if not all(int(width) == width and width >= 1 for width in widths):
        raise ValueError(f"widths must be positive integers, not {widths!r}")
    if len(widths) not in (1, 2, depth + 1) or len(set(widths[1:])) > 1:
        raise ValueError(f"widths must be [l] or [l_0, l, .., l] with equal layers, not {widths!r}")
    sizes = [widths[-1]]
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(*values[0:], *sizes, depth), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(numpy.moveaxis(numpy.asarray(results[2]), (0, 1), (-2, -1)), shape), _result(results[3], shape))
