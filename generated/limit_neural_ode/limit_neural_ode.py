"""Bounds on Lipschitz constants in the parameters, compiled by symlip: limit method on layer balls, widths l, l, depth T, tanh.

Needs NumPy alone; call bounds(weight_norm, input_norm, total_variation, m, widths).
"""

import math
from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

    value: object  # bound on |N|, the network's output
    lipschitz: object  # Lipschitz constant of the network in its parameters
    gradient_lipschitz: object  # Lipschitz constant of the network's gradient
    discrete_lipschitz: object  # the network's constant for m equal jumps of the same total variation
    discrete_gradient_lipschitz: object  # the gradient's constant for m equal jumps of the same total variation


def blocks(*entries):
    """The block vector of the given scalars."""
    entries = [numpy.asarray(entry) for entry in entries]
    shape = numpy.broadcast_shapes(*(entry.shape for entry in entries))
    out = numpy.empty((len(entries), *shape), dtype=numpy.result_type(*entries))
    for index, entry in enumerate(entries):
        out[index] = entry[()]
    return out


def two_blocks(ww, wb, bb):
    """The symmetric matrix of two blocks."""
    entries = blocks(ww, wb, wb, bb)
    return entries.reshape(2, 2, *entries.shape[1:])


def entire(z, growth, direct, coefficient, terms=18):
    """A function of z >= 0 by its formula in z and growth = e^z, and for z < 1, where that cancels, by its Taylor series."""
    small = z < 1
    if not numpy.any(small):
        return direct(z, exp(z) if growth is None else growth)
    near = numpy.where(small, z, 0.0)
    total = 0.0
    for n in range(terms, -1, -1):
        total = total * near + coefficient(n)
    if numpy.all(small):
        return total
    far = numpy.where(small, 1.0, z)
    return numpy.where(small, total, direct(far, exp(far)))


def phi1(z, growth=None):
    """(e^z - 1) / z."""
    return entire(z, growth, lambda z, e: (e - 1) / z, lambda n: 1 / math.factorial(n + 1))


def phi2(z, growth=None):
    """(z e^z - e^z + 1) / z^2."""
    return entire(z, growth, lambda z, e: ((z - 1) * e + 1) / z**2, lambda n: (n + 1) / math.factorial(n + 2))


def phi3(z, growth=None):
    """(e^{2z} - 2 z e^z - 1) / z^3."""
    return entire(z, growth, lambda z, e: (e * (e - 2 * z) - 1) / z**3, lambda n: (2 ** (n + 3) - 2 * (n + 3)) / math.factorial(n + 3), 23)


def psi(z, growth=None):
    """(e^z - 1 - z) / z^2."""
    return entire(z, growth, lambda z, e: (e - 1 - z) / z**2, lambda n: 1 / math.factorial(n + 2))


def chi(z, growth=None):
    """(z e^z - 2 e^z + 2 + z) / z^3."""
    return entire(z, growth, lambda z, e: ((z - 2) * e + 2 + z) / z**3, lambda n: (n + 1) / math.factorial(n + 3))


def jumps_of(count):
    """The number of jumps, one for the whole batch."""
    if numpy.ndim(count) or int(count) != count or count < 1:
        raise ValueError(f"the number of jumps must be one positive integer, not {count!r}")
    return int(count)


def euler_steps(length, a, start, slope, speed, curvature, count):
    """The block vector and the entries of the block matrix after `count` equal jumps, of a neural ODE."""
    count = jumps_of(count)
    step = length / count
    zero = 0 * (length * a * start)
    weights, bias, ww, wb, bb = zero, zero, zero, zero, zero
    for jump in range(count):
        q, p = a * weights + start + jump * step * speed, a * bias + 1
        ww = ww + step * (curvature * q * q + slope * (a * ww + 2 * weights))
        wb = wb + step * (curvature * q * p + slope * (a * wb + bias))
        bb = bb + step * (curvature * p * p + slope * a * bb)
        weights, bias = weights + step * slope * q, bias + step * slope * p
    return weights, bias, ww, wb, bb


def euler_blocks(length, a, start, slope, speed, count):
    """|l| after `count` equal jumps."""
    weights, bias, *_ = euler_steps(length, a, start, slope, speed, 0, count)
    return sqrt(weights * weights + bias * bias)


def euler_blocks_second(length, a, start, slope, speed, curvature, count):
    """lambda_max(G) after `count` equal jumps."""
    _, _, ww, wb, bb = euler_steps(length, a, start, slope, speed, curvature, count)
    return (ww + bb) / 2 + sqrt(((ww - bb) / 2) ** 2 + wb * wb)


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


def _kernel(a, x_norm, U, m, l):
    S2_tanh = 0.769800358919501
    B_T = U*sqrt(l) + x_norm
    z = U*a
    e = exp(z)
    lvec_T = blocks(U**2*psi(z, e)*sqrt(l) + U*phi1(z, e)*x_norm, U*phi1(z, e))
    Gaa = 2*S2_tanh*U**2*e*psi(z, e)*sqrt(l)*x_norm + 2*U**2*phi2(z, e)*x_norm + 2*U**3*chi(z, e)*sqrt(l) + S2_tanh*U**3*l*phi3(z, e) + S2_tanh*U*e*phi1(z, e)*x_norm**2
    Gab = S2_tanh*U**2*e*psi(z, e)*sqrt(l) + S2_tanh*U*e*phi1(z, e)*x_norm + U**2*phi2(z, e)
    Gbb = S2_tanh*U*e*phi1(z, e)
    del z
    del e
    G_T = two_blocks(Gaa, Gab, Gbb)
    del Gaa
    del Gab
    del Gbb
    L_T = euclidean_norm(lvec_T)
    del lvec_T
    Lambda = largest_eigenvalue(G_T)
    del G_T
    Lm = euler_blocks(U, a, x_norm, 1, sqrt(l), m)
    Hm = euler_blocks_second(U, a, x_norm, 1, sqrt(l), S2_tanh, m)
    del S2_tanh
    return [B_T, L_T, Lambda, Lm, Hm]


def bounds(weight_norm, input_norm, total_variation, m, widths):
    """Return the bounds (value, lipschitz, gradient_lipschitz, discrete_lipschitz, discrete_gradient_lipschitz).

    weight_norm: the largest spectral norm |A_u|_2 of all layers.
    input_norm: |x|.
    total_variation: the total variation U of the control.
    m: the constant or step m.
    widths: the widths l_0, .., l_m.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    weight_norm = _number("weight_norm", weight_norm)
    input_norm = _number("input_norm", input_norm)
    total_variation = _finite("total_variation", total_variation)
    m = _finite("m", m)
    values = _aligned([weight_norm, input_norm, total_variation, m])
    widths = [widths] if numpy.ndim(widths) == 0 else list(widths)
    if not all(int(width) == width and width >= 1 for width in widths):
        raise ValueError(f"widths must be positive integers, not {widths!r}")
    if len(widths) == 2:
        expected = ['l', 'l']
        if any(type(a) is int and a != b for a, b in zip(expected, widths)):
            raise ValueError(f"widths must agree with the network's {expected!r}, not {widths!r}")
        sizes = [widths[index] for index in [0]]
    elif len(widths) == 1:
        sizes = widths
    else:
        raise ValueError(f"widths must have 2 entries l_0, .., l_m, not {len(widths)}")
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(*values[0:], *sizes), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape), _result(results[3], shape), _result(results[4], shape))
