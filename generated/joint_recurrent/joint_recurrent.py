"""Bounds on Lipschitz constants in the parameters, compiled by symlip: joint method on layer balls, widths 2, 2, 2, 2, depth 3, tanh.

Needs NumPy alone; call bounds(weight_norms, input_norm, input_least, input_rest, d).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

    value: object  # bound on |N|, the network's output
    lipschitz: object  # Lipschitz constant of the network in its parameters
    gradient_lipschitz: object  # Lipschitz constant of the network's gradient
    lower_lipschitz: object  # lower bound on the Lipschitz constant of the network


def blocks(*entries):
    """The block vector of the given scalars."""
    entries = [numpy.asarray(entry) for entry in entries]
    shape = numpy.broadcast_shapes(*(entry.shape for entry in entries))
    out = numpy.empty((len(entries), *shape), dtype=numpy.result_type(*entries))
    for index, entry in enumerate(entries):
        out[index] = entry[()]
    return out


def add_at(vector, value, one, position):
    """The vector with two scalars added at positions that it has."""
    shape = numpy.broadcast_shapes(vector.shape[1:], numpy.shape(value))
    out = numpy.array(numpy.broadcast_to(vector, (len(vector), *shape)))
    out[position] = out[position] + value
    out[position + 1] = out[position + 1] + one
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


def border_inside(vector, position):
    """e v^T + v e^T, e the unit vector of that position."""
    out = numpy.zeros((len(vector), *vector.shape), dtype=vector.dtype)
    out[position] = vector
    out[:, position] = out[:, position] + vector
    return out


def outer(vector):
    """v v^T."""
    return vector[:, None] * vector[None, :]


def if_known(value):
    """What is known of the input: a number that is not known is -1, and counts as 0."""
    return maximum(value, 0.0)


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
    top, peak, slope, value, curvature = tradeoff
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


def joint_sum(x_norm, least, rest, share, far, near, width):
    """|sum of multiples of sizes| at most: of the input (sum: share), of saturated neurons (far) and of the one that is not (near)."""
    with numpy.errstate(all="ignore"):
        if least < 0:  # only |x| is known
            return share * x_norm + sqrt((width - 1) * far**2 + near**2)
        others = share**2 * maximum(x_norm**2 - least**2, 0.0) * (1 + 1e-15) + 2 * share * far * rest + (width - 1) * far**2
        return sqrt(others + (share * least + near) ** 2)


def joint_boxes(low, high, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs, order, g1, g2):
    """Upper ends of the joint bound for t in the boxes [low, high], arrays (boxes, lines with an activation).

    layout: for each line 0 (dense), 1 (residual) or 2 (the end of a skip), its width, its group, its activation, and the line where a skip begins.
    """
    groups = 1 + max(line[2] for line in layout)
    count = len(low)
    vector = numpy.zeros((count, 2 * groups))
    matrix = numpy.zeros((count, 2 * groups, 2 * groups)) if order >= 2 else None
    spread, reach, started = numpy.zeros(count), numpy.zeros(count), True
    parts = numpy.zeros((3, count, groups))  # of a group's weight block: what multiplies |x|, the saturated neurons, the other one
    known, cell = [], 0
    for number, (residual, _, group, kind, start) in enumerate(layout):
        known.append((vector, matrix, spread, reach, started, parts))
        step = steps[number]
        if residual == 2:  # the branch's last line is dense: its value is that of one more residual line after the skip's start
            below, under, *before, lower = known[start]
            vector, parts = below + step * vector, lower + step * parts
            matrix = under + step * matrix if order >= 2 else None
            spread, reach, started = before[0] + step * spread, before[1] + step * reach, before[2]
            continue
        steep, value, bend = tradeoff_cells(tradeoffs[kind], low[:, cell], high[:, cell])
        cell += 1
        top, weight = tradeoffs[kind][0], weights[group]
        grown = weight * parts
        grown[:, :, group] += numpy.stack([spread * 0 + started, spread, reach])
        parts = parts + step * steep[:, None] * grown if residual else steep[:, None] * grown
        size = numpy.fmin(joint_size(x_norm, least, rest, spread, reach, layout[number - 1][1], started) if number else x_norm, sizes[number])
        q = weight * vector
        q[:, 2 * group] += size
        q[:, 2 * group + 1] += 1
        if order >= 2:
            inner = weight * matrix
            inner[:, 2 * group, :] += vector
            inner[:, :, 2 * group] += vector
            core = bend[:, None, None] * q[:, :, None] * q[:, None, :] + steep[:, None, None] * inner
            matrix = matrix + step * core if residual else core
        vector = vector + step * steep[:, None] * q if residual else steep[:, None] * q
        spread = spread + step * top if residual else 0 * spread + top
        reach = reach + step * value if residual else value
        started = started and residual
    if order < 2:
        for group in range(groups):
            lines = [number for number, line in enumerate(layout) if line[2] == group and line[0] < 2]
            if len(lines) > 1:  # the weights of one group see the sum of its lines' inputs, neuron by neuron
                inputs = layout[lines[-1] - 1][1]
                vector[:, 2 * group] = numpy.fmin(vector[:, 2 * group], joint_sum(x_norm, least, rest, *parts[:, :, group], inputs))
        return up(sqrt((vector**2).sum(axis=1)))
    whole = g1 * matrix + g2 * vector[:, :, None] * vector[:, None, :]
    if groups == 1:
        return up((whole[:, 0, 0] + whole[:, 1, 1]) / 2 + hypot((whole[:, 0, 0] - whole[:, 1, 1]) / 2, whole[:, 0, 1]))
    if not numpy.isfinite(whole).all():
        return numpy.full(count, numpy.inf)
    return largest_of(whole)


def joint_branch(high, x_norm, least, rest, order, g1, g2, weights, steps, sizes, layout, tradeoffs, limit=1_500_000):
    """The joint bound by branch and bound: at most `high`; the largest upper end that is left when the work is done."""
    parts = (len(weights), len(steps), len(sizes))

    def one(*numbers):
        high, x_norm, least, rest, g1, g2, *others = numbers
        first, second = parts[0], parts[0] + parts[1]
        return _joint_branch(high, x_norm, least, rest, others[:first], others[first:second], others[second:], layout, tradeoffs, order, g1, g2, limit)

    return each(one, [high, x_norm, least, rest, g1, g2, *weights, *steps, *sizes])


def _joint_branch(high, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs, order, g1, g2, limit):
    if not (numpy.isfinite(high) and high > 0):
        return high

    def bound(low, top):
        return joint_boxes(low, top, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs, order, g1, g2)

    return branch(bound, sum(line[0] < 2 for line in layout), high, limit // (1 + max(line[2] for line in layout)))


def branch(bound, count, high, most):
    """The maximum of bound(t, t) over [0, 1]^count from above, at most `high`; bound(low, top) is above it on the boxes [low, top].

    The boxes with the largest ends are halved, along the axis that gained most when it was halved last; what is left when the
    work of `most` boxes is done counts with its end.
    """
    low, top = numpy.zeros((1, count)), numpy.ones((1, count))
    ends, gains = bound(low, top), numpy.full((1, count), numpy.inf)
    reached, done, work = 0.0, 0.0, 1
    while len(ends) and work < most:
        split = min(len(ends), max(512, len(ends) // 8), max(1, (most - work) // 2 + 1))
        order_of = numpy.argpartition(-ends, split - 1) if split < len(ends) else numpy.arange(len(ends))
        chosen, kept = order_of[:split], order_of[split:]
        best = chosen[numpy.argsort(-ends[chosen])[:64]]
        centre = (low[best] + top[best]) / 2
        reached = max(reached, float(bound(centre, centre).max()), float(bound(low[best], low[best]).max()))
        new_low, new_top = numpy.concatenate([low[chosen]] * 2), numpy.concatenate([top[chosen]] * 2)
        new_gains, axis, rows = numpy.concatenate([gains[chosen]] * 2), numpy.argmax(gains[chosen], axis=1), numpy.arange(split)
        middle = (low[chosen][rows, axis] + top[chosen][rows, axis]) / 2
        new_top[rows, axis] = new_low[rows + split, axis] = middle
        new_ends = numpy.minimum(bound(new_low, new_top), numpy.tile(ends[chosen], 2))
        new_gains[numpy.arange(2 * split), numpy.tile(axis, 2)] = (numpy.tile(ends[chosen], 2) - new_ends) / 2
        work += 2 * split
        low, top, ends = numpy.concatenate([low[kept], new_low]), numpy.concatenate([top[kept], new_top]), numpy.concatenate([ends[kept], new_ends])
        gains = numpy.concatenate([gains[kept], new_gains])
        small = ends <= reached * (1 + 1e-6)
        done = max(done, float(ends[small].max(initial=0.0)))
        low, top, ends, gains = low[~small], top[~small], ends[~small], gains[~small]
    return min(high, max(done, float(ends.max(initial=0.0))))


def largest_of(matrices, rounds=10):
    """Upper ends of the largest eigenvalues of symmetric nonnegative matrices, (count, n, n): (M v)_i / v_i <= that, for any v > 0."""
    vector = matrices.sum(axis=2) + 1e-300
    for _ in range(rounds):
        vector = numpy.einsum("bij,bj->bi", matrices, vector)
        vector = vector / (vector.max(axis=1, keepdims=True) + 1e-300) + 1e-9
    return up((numpy.einsum("bij,bj->bi", matrices, vector) / vector).max(axis=1))


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


def _positive(name, values):
    """Norms at which the set has an interior, as a theorem about what is reached needs."""
    for index, value in enumerate(values):
        if not numpy.all(value > 0):
            where = f"{name}[{index}]" if len(values) > 1 else name
            raise ValueError(f"{where} is 0: the set has no interior and the theorem is not about it; take a positive norm, or the upper bound of method='block'")


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


def _kernel(layers_1, x_norm, x_least, x_rest, d):
    [a_1] = layers_1
    S2_tanh = 0.769800358919501
    B_0 = x_norm
    qvec_1 = blocks(B_0, 1)
    lvec_1 = d*qvec_1
    G_1 = S2_tanh*d*outer(qvec_1)
    del qvec_1
    B_1 = B_0 + sqrt(2)*d
    qvec_2 = add_at(a_1*lvec_1, B_1, 1, 0)
    lvec_2 = extend_vector(lvec_1, qvec_2) + d*qvec_2
    G_2 = extend_matrix(G_1, qvec_2) + (border_inside(lvec_1, 0) + G_1*a_1 + S2_tanh*outer(qvec_2))*d
    del lvec_1
    del G_1
    del qvec_2
    B_2 = B_1 + sqrt(2)*d
    qvec_3 = add_at(a_1*lvec_2, B_2, 1, 0)
    lvec_3 = extend_vector(lvec_2, qvec_3) + d*qvec_3
    G_3 = extend_matrix(G_2, qvec_3) + (border_inside(lvec_2, 0) + G_2*a_1 + S2_tanh*outer(qvec_3))*d
    del S2_tanh
    del lvec_2
    del G_2
    del qvec_3
    B_3 = B_2 + sqrt(2)*d
    L_3 = euclidean_norm(lvec_3)
    del lvec_3
    Lambda = largest_eigenvalue(G_3)
    del G_3
    L = joint_branch(L_3, x_norm, x_least, x_rest, 1, 1, 0, (a_1, ), (d, d, d, ), (B_0, B_1, B_2, ), ((1, 2, 0, 0, 0, ), (1, 2, 0, 0, 0, ), (1, 2, 0, 0, 0, ), ), ((1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2))), ))
    del L_3
    P_3 = 1
    P_2 = P_3*(1 + a_1*d)
    P_1 = P_2*(1 + a_1*d)
    Y_1 = P_1*d + P_2*d + P_3*d
    del P_1
    Z_1 = 2*P_3*d**2 + P_2*d**2
    del P_3
    del P_2
    W_1 = 2*if_known(x_rest)*Y_1*Z_1 + Y_1**2*(1 + x_norm**2) + Z_1**2
    del Y_1
    del Z_1
    D = sqrt(W_1)
    del W_1
    Jsecond = joint_branch(Lambda, x_norm, x_least, x_rest, 2, 1, 0, (a_1, ), (d, d, d, ), (B_0, B_1, B_2, ), ((1, 2, 0, 0, 0, ), (1, 2, 0, 0, 0, ), (1, 2, 0, 0, 0, ), ), ((1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2))), ))
    del B_0
    del B_1
    del B_2
    del Lambda
    return [B_3, L, Jsecond, D]


def bounds(weight_norms, d, input_norm=None, x=None):
    """Return the bounds (value, lipschitz, gradient_lipschitz, lower_lipschitz).

    weight_norms: spectral norms |A_u|_2, 1 entries, each a number or an array.
    input_norm: |x|.
    d: the constant or step d.
    x: the input itself, a vector; sharper than its norm.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    input_norm, input_least, input_rest = _input(input_norm, x, 2)
    weight_norms = _numbers("weight_norms", weight_norms, 1)
    d = _finite("d", d)
    _positive("weight_norms", weight_norms)
    values = _aligned(weight_norms + [input_norm, input_least, input_rest, d])
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(values[0:1], *values[1:]), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape), _result(results[3], shape))
