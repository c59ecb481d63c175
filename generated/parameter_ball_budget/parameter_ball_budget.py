"""Bounds on Lipschitz constants in the parameters, compiled by symlip: block method on the parameter ball, widths 3, 4, 4, 2, depth 3, tanh, identity.

Needs NumPy alone; call bounds(radius, input_norm).
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


def product_table(factor, length):
    """P[j, u] = factor(j+1) .. factor(u) for j <= u, and 0 for j > u; indices 0 .. length."""
    factors = blocks(*[factor(index) for index in range(1, length + 1)])
    out = numpy.zeros((length + 1, length + 1, *factors.shape[1:]), dtype=factors.dtype)
    for column in range(length + 1):
        out[column, column] = 1
        if column:
            out[:column, column] = out[:column, column - 1] * factors[column - 1]
    return out


def symmetric_entries(ww, wb, bw, bb, length):
    """The symmetric matrix of 2 x 2 blocks ((ww, wb), (bw, bb))(j, k) for j <= k = 1 .. length, mirrored below."""
    sample = numpy.asarray(ww(1, 1) + wb(1, 1) + bw(1, 1) + bb(1, 1))
    out = numpy.zeros((2 * length, 2 * length, *sample.shape), dtype=sample.dtype)
    for j in range(1, length + 1):
        for k in range(j, length + 1):
            for row, column, term in ((2 * j - 2, 2 * k - 2, ww), (2 * j - 2, 2 * k - 1, wb), (2 * j - 1, 2 * k - 2, bw), (2 * j - 1, 2 * k - 1, bb)):
                out[row, column] = out[column, row] = term(j, k)
    return out


def table(*values):
    """The constants with indices 1, 2, .. (index 0 holds 1 and is not used)."""
    return blocks(1, *values)


def ball_monomial(coefficient, radius, ones, twos):
    """coefficient * max of a product of `ones` coordinates and `twos` squares on the sphere; counts may be arrays."""
    radius = numpy.asarray(radius)
    lift = (Ellipsis,) + (None,) * radius.ndim
    ones, twos, coefficient = (numpy.asarray(value)[lift] for value in (ones, twos, coefficient))
    degree = ones + 2 * twos
    some = maximum(degree, 1)
    return coefficient * (radius * sqrt(1 / some)) ** ones * (radius**2 * 2 / some) ** twos


def budget_sum_range(term, first, last):
    """The sum over an index of ball monomials, all indices at once."""
    return numpy.sum(term(numpy.arange(first, last + 1)), axis=0) if first <= last else 0


def sum_range(term, first, last):
    """term(first) + .. + term(last); 0 if there is no term."""
    total = 0
    for index in range(first, last + 1):
        total = total + term(index)
    return total


def below(first, second):
    """1 if first < second, else 0."""
    return 1 if first < second else 0


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


def _kernel(radius, x_norm):
    S2_tanh = 0.769800358919501
    S0 = table(1, 1, numpy.inf)
    S1 = table(1, 1, 1)
    S2 = table(S2_tanh, S2_tanh, 0)
    del S2_tanh
    s0 = table(0, 0, 0)
    T = product_table(lambda i: S1[i], 3)
    width = table(4, 4, 2)
    V = sequence(lambda u, V_previous: minimum(minimum(S0[u]*sqrt(width[u]), S1[u]*radius*sqrt(1 + V_previous**2) + s0[u]*sqrt(width[u])), budget_sum_range(lambda i: ball_monomial(T[i - 1, u], radius, -i + u + 1, 0) + ball_monomial(T[i, u]*s0[i]*sqrt(width[i]), radius, -i + u, 0), 1, u) + ball_monomial(T[0, u], radius, u, 0)*x_norm), x_norm, 3)
    del S0
    del S1
    del s0
    del width
    L = sqrt(sum_range(lambda u: ball_monomial(T[u - 1, 3]**2, radius, 0, 3 - u)*(1 + V[u - 1]**2), 1, 3))
    G = symmetric_entries(lambda j, k: ball_monomial(T[j - 1, 3], radius, max(0, 2 - j), 0)*V[j - 1]*below(j, k) + V[j - 1]*V[k - 1]*budget_sum_range(lambda u: ball_monomial(S2[u]*T[j - 1, u - 1]*T[k - 1, u - 1]*T[u, 3], radius, -j + k - u + 3, -k + u), k, 3), lambda j, k: V[j - 1]*budget_sum_range(lambda u: ball_monomial(S2[u]*T[j - 1, u - 1]*T[k - 1, u - 1]*T[u, 3], radius, -j + k - u + 3, -k + u), k, 3), lambda j, k: ball_monomial(T[j - 1, 3], radius, max(0, 2 - j), 0)*below(j, k) + V[k - 1]*budget_sum_range(lambda u: ball_monomial(S2[u]*T[j - 1, u - 1]*T[k - 1, u - 1]*T[u, 3], radius, -j + k - u + 3, -k + u), k, 3), lambda j, k: budget_sum_range(lambda u: ball_monomial(S2[u]*T[j - 1, u - 1]*T[k - 1, u - 1]*T[u, 3], radius, -j + k - u + 3, -k + u), k, 3), 3)
    del S2
    del T
    Bm = V[3]
    del V
    Lambda = largest_eigenvalue(G)
    return [Bm, L, G, Lambda]


def bounds(radius, input_norm):
    """Return the bounds (value, lipschitz, layer_lipschitz, gradient_lipschitz).

    radius: the radius R of the ball |theta| <= R.
    input_norm: |x|.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    radius = _number("radius", radius)
    input_norm = _number("input_norm", input_norm)
    values = _aligned([radius, input_norm])
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(*values[0:]), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(numpy.moveaxis(numpy.asarray(results[2]), (0, 1), (-2, -1)), shape), _result(results[3], shape))
