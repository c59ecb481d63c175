"""Bounds on Lipschitz constants in the parameters, compiled by symlip: joint method on layer balls, widths 2, 2, depth T, tanh.

Needs NumPy alone; call bounds(weight_norm, input_norm, input_least, input_rest, total_variation).
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


def up(value):
    """A little more than a computed nonnegative number: the rounding of a few operations."""
    return value * (1 + 1e-13)


def each(function, arguments):
    """A function of numbers at every place of the arguments' broadcast shape, which comes last where its values are arrays."""
    arrays = numpy.broadcast_arrays(*(numpy.asarray(argument, dtype=float) for argument in arguments))
    values = [numpy.asarray(function(*(float(array[place]) for array in arrays)), dtype=float) for place in numpy.ndindex(arrays[0].shape)]
    return numpy.stack(values, axis=-1).reshape((*values[0].shape, *arrays[0].shape))[()]


def tradeoff_cells(tradeoff, low, high):
    """Upper ends of slope, value and curvature for t in [low, high]; tradeoff = (S0, peak, slope(t), value(t), curvature(t))."""
    top, peak, slope, value, curvature, *_ = tradeoff
    with numpy.errstate(all="ignore"):
        steep = slope(maximum(low * (1 - 1e-15), 0.0))
        bend = numpy.fmax(curvature(numpy.clip(peak, low, high)), 0.0)
    none = 0.0 * low
    return up(numpy.nan_to_num(steep)) + none, minimum(up(value(high)), up(top)) + none, up(numpy.nan_to_num(bend)) + 1e-15 + none


def joint_size(x_norm, least, rest, spread, reach, width, started):
    """|h| at most (NaN if that is not bounded): spread = sum d S0, reach = sum d tau since the input (or, if not started there, since a dense layer)."""
    with numpy.errstate(all="ignore"):
        return _joint_size(x_norm, least, rest, spread, reach, width, started)


def _joint_size(x_norm, least, rest, spread, reach, width, started):
    if not started:
        return sqrt((width - 1) * spread**2 + reach**2)
    if least < 0:  # only |x| is known
        return x_norm + sqrt((width - 1) * spread**2 + reach**2)
    others = maximum(x_norm**2 - least**2, 0.0) * (1 + 1e-15) + 2 * spread * rest + (width - 1) * spread**2
    return sqrt(others + (least + reach) ** 2)


def branch(bound, count, high, most, batch=512):
    """The maximum of bound(t, t) over [0, 1]^count from above, at most `high`; bound(low, top) is above it on the boxes [low, top].

    The boxes with the largest ends are halved along their longest sides; what is left when the work of `most` boxes is done counts with its end.
    """
    low, top = numpy.zeros((1, count)), numpy.ones((1, count))
    ends = bound(low, top)
    reached, done, work = 0.0, 0.0, 1
    while len(ends) and work < most:
        split = min(len(ends), max(batch, len(ends) // 8), max(1, (most - work) // 2 + 1))
        order_of = numpy.argpartition(-ends, split - 1) if split < len(ends) else numpy.arange(len(ends))
        chosen, kept = order_of[:split], order_of[split:]
        best = chosen[numpy.argsort(-ends[chosen])[:64]]
        for points in ((low[best] + top[best]) / 2, low[best]):
            reached = max(reached, float(bound(points, points).max()))
        new_low, new_top = numpy.concatenate([low[chosen]] * 2), numpy.concatenate([top[chosen]] * 2)
        axis, rows = numpy.argmax(top[chosen] - low[chosen], axis=1), numpy.arange(split)
        new_top[rows, axis] = new_low[rows + split, axis] = (low[chosen][rows, axis] + top[chosen][rows, axis]) / 2
        new_ends = numpy.concatenate([bound(new_low[start : start + batch], new_top[start : start + batch]) for start in range(0, 2 * split, batch)])
        new_ends = minimum(new_ends, numpy.tile(ends[chosen], 2))
        work += 2 * split
        low, top, ends = numpy.concatenate([low[kept], new_low]), numpy.concatenate([top[kept], new_top]), numpy.concatenate([ends[kept], new_ends])
        small = ends <= reached * (1 + 1e-6)
        done = max(done, float(ends[small].max(initial=0.0)))
        low, top, ends = low[~small], top[~small], ends[~small]
    return min(high, max(done, float(ends.max(initial=0.0))))


def flow_branch(high, x_norm, least, rest, weight, length, order, width, kind, tradeoff, limit=400_000, cells=6):
    """The joint bound of a neural ODE with shared parameters, by branch and bound over cells in time: at most `high`."""
    del kind
    return each(lambda *numbers: _flow_branch(*numbers, tradeoff, limit, cells), [high, x_norm, least, rest, weight, length, order, width])


def _flow_branch(high, x_norm, least, rest, weight, length, order, width, tradeoff, limit, cells):
    if not (numpy.isfinite(high) and high > 0):
        return high
    step = up(length / cells)

    def bound(low, top):
        weights, bias, reach = (numpy.zeros(len(low)) for _ in range(3))
        ww, wb, bb = (numpy.zeros(len(low)) for _ in range(3))
        for cell in range(cells):
            steep, value, bend = tradeoff_cells(tradeoff, low[:, cell], top[:, cell])
            reach = reach + step * value
            size = numpy.fmin(
                joint_size(x_norm, least, rest, (cell + 1) * step * tradeoff[0], reach, width, True), x_norm + sqrt(width) * (cell + 1) * step * tradeoff[0]
            )
            z = weight * steep * step
            growth, grown = exp(z), steep * step * phi1(z)
            weights, bias = growth * weights + grown * size, growth * bias + grown
            q, p = weight * weights + size, weight * bias + 1
            ww = growth * (ww + bend * step * q * q + 2 * steep * step * weights)
            wb = growth * (wb + bend * step * q * p + steep * step * bias)
            bb = growth * (bb + bend * step * p * p)
        if order < 2:
            return up(hypot(weights, bias))
        return up((ww + bb) / 2 + hypot((ww - bb) / 2, wb))

    return branch(bound, cells, high, limit)


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


def _input(norm, x, size):
    """The norm of the input and, if its entries are known, the smallest modulus and the sum of the others; -1 if they are not."""
    if (norm is None) == (x is None):
        raise ValueError("give input_norm, or the input itself as x, one of the two")
    if x is None:
        return _number("input_norm", norm), numpy.float64(-1.0), numpy.float64(-1.0)
    entries = abs(numpy.asarray(x, dtype=float))
    if entries.ndim != 1 or not numpy.isfinite(entries).all() or (isinstance(size, int) and len(entries) != size):
        raise ValueError(f"x must be a vector of {size} finite numbers, not {x!r}")
    return numpy.linalg.norm(entries), entries.min(), entries.sum() - entries.min()


def _kernel(a, x_norm, x_least, x_rest, U):
    S2_tanh = 0.769800358919501
    B_T = sqrt(2)*U + x_norm
    z = U*a
    e = exp(z)
    lvec_T = blocks(U*phi1(z, e)*x_norm + sqrt(2)*U**2*psi(z, e), U*phi1(z, e))
    Gaa = 2*S2_tanh*U**3*phi3(z, e) + 2*U**2*phi2(z, e)*x_norm + 2*S2_tanh*sqrt(2)*U**2*e*psi(z, e)*x_norm + 2*sqrt(2)*U**3*chi(z, e) + S2_tanh*U*e*phi1(z, e)*x_norm**2
    Gab = S2_tanh*U*e*phi1(z, e)*x_norm + U**2*phi2(z, e) + S2_tanh*sqrt(2)*U**2*e*psi(z, e)
    Gbb = S2_tanh*U*e*phi1(z, e)
    del S2_tanh
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
    L = flow_branch(L_T, x_norm, x_least, x_rest, a, U, 1, 2, 1, (1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2)), (lambda z: -2*z), (lambda z: 2 - 6*z**2)))
    del L_T
    Jsecond = flow_branch(Lambda, x_norm, x_least, x_rest, a, U, 2, 2, 1, (1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2)), (lambda z: -2*z), (lambda z: 2 - 6*z**2)))
    del Lambda
    return [B_T, L, Jsecond]


def bounds(weight_norm, total_variation, input_norm=None, x=None):
    """Return the bounds (value, lipschitz, gradient_lipschitz).

    weight_norm: the largest spectral norm |A_u|_2 of all layers.
    input_norm: |x|.
    total_variation: the total variation U of the control.
    x: the input itself, a vector; sharper than its norm.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    input_norm, input_least, input_rest = _input(input_norm, x, 2)
    weight_norm = _number("weight_norm", weight_norm)
    total_variation = _finite("total_variation", total_variation)
    values = _aligned([weight_norm, input_norm, input_least, input_rest, total_variation])
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(*values[0:]), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape))
