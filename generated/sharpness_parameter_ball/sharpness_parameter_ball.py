"""Bounds on Lipschitz constants in the parameters, compiled by symlip: sharpness method on the parameter ball, widths l_0, l_1, l_2, l_3, depth 3, tanh.

Needs NumPy alone; call bounds(radius, input_norm, widths).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

    lipschitz: object  # Lipschitz constant of the network in its parameters
    lower_lipschitz: object  # lower bound on the Lipschitz constant of the network
    gradient_lipschitz: object  # Lipschitz constant of the network's gradient
    lower_gradient_lipschitz: object  # lower bound on the Lipschitz constant of the network's gradient


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


def _positive(name, values):
    """Norms at which the set has an interior, as a theorem about what is reached needs."""
    for index, value in enumerate(values):
        if not numpy.all(value > 0):
            where = f"{name}[{index}]" if len(values) > 1 else name
            raise ValueError(f"{where} is 0: the set has no interior and the theorem is not about it; take a positive norm, or the upper bound of method='block'")


def _kernel(radius, x_norm, l_1, l_2, l_3):
    S2_tanh = 0.769800358919501
    width = table(l_1, l_2, l_3)
    V = sequence(lambda u, V_previous: minimum(radius*sqrt(1 + V_previous**2), sqrt(width[u])), x_norm, 3)
    del width
    L = sqrt(sum_range(lambda u: ball_monomial(1, radius, 0, 3 - u)*(1 + V[u - 1]**2), 1, 3))
    G = symmetric_entries(lambda j, k: ball_monomial(1, radius, max(0, 2 - j), 0)*V[j - 1]*below(j, k) + V[j - 1]*V[k - 1]*budget_sum_range(lambda u: ball_monomial(S2_tanh, radius, -j + k - u + 3, -k + u), k, 3), lambda j, k: V[j - 1]*budget_sum_range(lambda u: ball_monomial(S2_tanh, radius, -j + k - u + 3, -k + u), k, 3), lambda j, k: ball_monomial(1, radius, max(0, 2 - j), 0)*below(j, k) + V[k - 1]*budget_sum_range(lambda u: ball_monomial(S2_tanh, radius, -j + k - u + 3, -k + u), k, 3), lambda j, k: budget_sum_range(lambda u: ball_monomial(S2_tanh, radius, -j + k - u + 3, -k + u), k, 3), 3)
    del V
    Lambda = largest_eigenvalue(G)
    del G
    D = ball_monomial(1, radius, 2, 0)*sqrt(1 + x_norm**2)
    C = ball_monomial(S2_tanh, sqrt(maximum(0, radius**2 - 0.43359452556815903)), 0, 2)*(1 + x_norm**2)
    del S2_tanh
    return [L, D, Lambda, C]


def bounds(radius, input_norm, widths):
    """Return the bounds (lipschitz, lower_lipschitz, gradient_lipschitz, lower_gradient_lipschitz).

    radius: the radius R of the ball |theta| <= R.
    input_norm: |x|.
    widths: the widths l_0, .., l_m.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    radius = _number("radius", radius)
    input_norm = _number("input_norm", input_norm)
    _positive("radius", [radius])
    values = _aligned([radius, input_norm])
    widths = [widths] if numpy.ndim(widths) == 0 else list(widths)
    if not all(int(width) == width and width >= 1 for width in widths):
        raise ValueError(f"widths must be positive integers, not {widths!r}")
    if len(widths) == 4:
        expected = ['l_0', 'l_1', 'l_2', 'l_3']
        if any(type(a) is int and a != b for a, b in zip(expected, widths)):
            raise ValueError(f"widths must agree with the network's {expected!r}, not {widths!r}")
        sizes = [widths[index] for index in [1, 2, 3]]
    elif len(widths) == 3:
        sizes = widths
    else:
        raise ValueError(f"widths must have 4 entries l_0, .., l_m, not {len(widths)}")
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(*values[0:], *sizes), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape), _result(results[3], shape))
