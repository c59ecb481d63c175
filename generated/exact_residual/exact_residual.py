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


def up(value):
    """A little more than a computed nonnegative number: the rounding of a few operations."""
    return value * (1 + 1e-13)


def eliminate(stages, start, first, target, limit=500_000, levels=40):
    """Whether it is proved that no path reaches the target.

    A path is a state (coordinates of which more is better) with a value; stage(states, cells) gives, for every state and
    every cell of the control in [0, 1], upper ends of the next state and p, q >= 0 such that the next value is at most
    p + q * value. States are rounded up to the corners of cells. Cells that no path to the target can pass are dropped and
    the others halved, until none is left (True) or the work of one level exceeds the limit (False).
    """
    grids = [[numpy.array([-numpy.inf, float(coordinate)]) for coordinate in start]] + [None] * len(stages)
    alive = [numpy.ones([1] * len(start), dtype=bool)] + [None] * len(stages)
    controls = [numpy.linspace(0.0, 1.0, 9) for _ in stages]
    for _ in range(levels):
        wanted = _pass(stages, float(first), float(target), grids, alive, controls, limit)
        if wanted is None:
            return False
        if not all(mask.any() for mask in alive):
            return True
        for number in range(1, len(stages)):  # where a path ends does not matter
            _halve(grids, alive, number)
        controls = [numpy.unique(numpy.append(edges, ((edges[:-1] + edges[1:]) / 2)[mask])) for edges, mask in zip(controls, wanted)]
    return False


def _halve(grids, alive, number):
    """Halve the cells of one stage in every coordinate in which they are still wanted."""
    mask = alive[number]
    for axis, edges in enumerate(grids[number]):
        wanted = mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis))
        finer = numpy.unique(numpy.append(edges, ((edges[:-1] + edges[1:]) / 2)[wanted]))
        mask = numpy.take(mask, numpy.searchsorted(edges, (finer[:-1] + finer[1:]) / 2) - 1, axis=axis)
        grids[number][axis] = finer
    alive[number] = mask


def _pass(stages, first, target, grids, alive, controls, limit):
    """Forward the largest values, backward the smallest that are needed; updates `alive`, returns the controls still wanted."""
    largest = numpy.full(alive[0].shape, first)
    before, moves = [], []
    for number, stage in enumerate(stages):
        sources = alive[number] & (largest > 0)
        corners = numpy.meshgrid(*[edges[1:] for edges in grids[number]], indexing="ij")
        states = [corner[sources] for corner in corners]
        if states[0].size * (len(controls[number]) - 1) > limit or sources.size > limit:
            return None
        reached, p, q = stage(states, controls[number])
        if grids[number + 1] is None:
            grids[number + 1] = [numpy.linspace(0.0, coordinate.max(initial=1e-300), 9) for coordinate in reached]
            alive[number + 1] = numpy.ones([8] * len(reached), dtype=bool)
        shape = alive[number + 1].shape
        index = 0
        for coordinate, edges, size in zip(reached, grids[number + 1], shape):
            edges[-1] = max(edges[-1], coordinate.max(initial=0.0))
            index = index * size + numpy.minimum(numpy.searchsorted(edges[1:], coordinate), size - 1)
        value = up(p + q * largest[sources][:, None])
        index, value, p, q = numpy.broadcast_arrays(index, value, p, q)
        before.append(largest)
        moves.append((sources, index, value, p, q))
        largest = numpy.zeros(shape)
        numpy.maximum.at(largest.reshape(-1), index.ravel(), value.ravel())
        for axis in range(len(shape)):  # who has more of a coordinate counts for those with less
            largest = numpy.flip(numpy.maximum.accumulate(numpy.flip(largest, axis), axis=axis), axis)
    alive[-1] = alive[-1] & (largest >= target)
    needed = numpy.where(alive[-1], target, numpy.inf)
    wanted = []
    for number in range(len(stages) - 1, -1, -1):
        sources, index, value, p, q = moves[number]
        for axis in range(needed.ndim):  # a state rounded up may lie in a lower cell, which needs more
            needed = numpy.minimum.accumulate(needed, axis=axis)
        goal = needed.reshape(-1)[index]
        wanted.insert(0, (value >= goal).any(axis=0))
        with numpy.errstate(divide="ignore", invalid="ignore"):
            least = numpy.where(q > 0, (goal - p) / q * (1 - 1e-13), numpy.where(p >= goal, 0.0, numpy.inf)).min(axis=1, initial=numpy.inf)
        needed = numpy.full(before[number].shape, numpy.inf)
        needed[sources] = least
        alive[number] = sources & (before[number] >= needed)
    return wanted


def smallest_excluded(stages, start, first, high, scale, limit, finer=()):
    """A number at most `high` that is proved to be above the square root of every path's last value, times `scale`."""
    for step in (0.5, 0.2, 0.07, 0.02, 0.006, 0.002, 0.0006, 0.0002, *finer):
        while high > 0 and eliminate(stages, start, first, (high * (1 - step)) ** 2 * scale, limit):
            high *= 1 - step
    return high


def each(function, arguments):
    """A function of numbers at every place of the arguments' broadcast shape."""
    arrays = numpy.broadcast_arrays(*(numpy.asarray(argument, dtype=float) for argument in arguments))
    out = numpy.empty(arrays[0].shape)
    for place in numpy.ndindex(out.shape):
        out[place] = function(*(float(array[place]) for array in arrays))
    return out[()]


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
    """Upper ends of the joint bound for t in the boxes [low, high], arrays (boxes, lines)."""
    groups = 1 + max(line[2] for line in layout)
    count = len(low)
    vector = numpy.zeros((count, 2 * groups))
    matrix = numpy.zeros((count, 2 * groups, 2 * groups)) if order >= 2 else None
    spread, reach, started = numpy.zeros(count), numpy.zeros(count), True
    parts = numpy.zeros((3, count, groups))  # of a group's weight block: what multiplies |x|, the saturated neurons, the other one
    for number, (residual, _, group, kind) in enumerate(layout):
        steep, value, bend = tradeoff_cells(tradeoffs[kind], low[:, number], high[:, number])
        top, step, weight = tradeoffs[kind][0], steps[number], weights[group]
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
            lines = [line for line in layout if line[2] == group]
            if len(lines) > 1:  # the weights of one group see the sum of its lines' inputs, neuron by neuron
                vector[:, 2 * group] = numpy.fmin(vector[:, 2 * group], joint_sum(x_norm, least, rest, *parts[:, :, group], lines[0][1]))
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

    return branch(bound, len(layout), high, limit // (1 + max(line[2] for line in layout)))


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


def joint_path(high, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs, limit=400_000):
    """The joint bound of the first derivative of untied layers, by elimination along the depth: at most `high`."""
    parts = (len(weights), len(steps), len(sizes))

    def one(*numbers):
        high, x_norm, least, rest, *others = numbers
        first, second = parts[0], parts[0] + parts[1]
        return _joint_path(high, x_norm, least, rest, others[:first], others[first:second], others[second:], layout, tradeoffs, limit)

    return each(one, [high, x_norm, least, rest, *weights, *steps, *sizes])


def _joint_path(high, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs, limit):
    if not (numpy.isfinite(high) and high > 0):
        return high
    stages, started, spread = [], True, 0.0
    for number, (residual, _, group, kind) in enumerate(layout):

        def stage(states, cells, number=number, residual=residual, group=group, kind=kind, started=started, spread=spread):
            steep, value, _ = tradeoff_cells(tradeoffs[kind], cells[:-1], cells[1:])
            known = joint_size(x_norm, least, rest, spread, states[0], layout[number - 1][1], started) if number else x_norm
            size = numpy.fmin(known, sizes[number]) + 0 * numpy.minimum(states[0], 1.0)
            weight, step = weights[group], steps[number]
            if residual:
                reach = up(states[0][:, None] + step * value[None, :])
                return [reach], up((step * steep[None, :]) ** 2 * (1 + size[:, None] ** 2)), up((1 + step * weight * steep) ** 2)[None, :]
            return [value[None, :] + 0 * states[0][:, None]], up(steep[None, :] ** 2 * (1 + size[:, None] ** 2)), up((weight * steep) ** 2)[None, :]

        stages.append(stage)
        top = tradeoffs[kind][0]
        spread = spread + steps[number] * top if residual else top
        started = started and residual
    return smallest_excluded(stages, [0.0], 1e-300, high, 1.0, limit, (6e-5, 2e-5))


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
    [a_1, a_2, a_3] = layers_1
    S2_tanh = 0.769800358919501
    B_0 = x_norm
    qvec_1 = blocks(B_0, 1)
    lvec_1 = d*qvec_1
    G_1 = S2_tanh*d*outer(qvec_1)
    del qvec_1
    B_1 = B_0 + sqrt(2)*d
    qvec_2 = append_blocks(a_2*lvec_1, B_1, 1)
    lvec_2 = extend_vector(lvec_1, qvec_2) + d*qvec_2
    G_2 = extend_matrix(G_1, qvec_2) + (border(lvec_1) + S2_tanh*outer(qvec_2) + pad(G_1)*a_2)*d
    del lvec_1
    del G_1
    del qvec_2
    B_2 = B_1 + sqrt(2)*d
    qvec_3 = append_blocks(a_3*lvec_2, B_2, 1)
    lvec_3 = extend_vector(lvec_2, qvec_3) + d*qvec_3
    G_3 = extend_matrix(G_2, qvec_3) + (border(lvec_2) + S2_tanh*outer(qvec_3) + pad(G_2)*a_3)*d
    del S2_tanh
    del lvec_2
    del G_2
    del qvec_3
    B_3 = B_2 + sqrt(2)*d
    L_3 = euclidean_norm(lvec_3)
    del lvec_3
    Lambda = largest_eigenvalue(G_3)
    del G_3
    L = joint_path(L_3, x_norm, x_least, x_rest, (a_1, a_2, a_3, ), (d, d, d, ), (B_0, B_1, B_2, ), ((1, 2, 0, 0, ), (1, 2, 1, 0, ), (1, 2, 2, 0, ), ), ((1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2))), ))
    del L_3
    Jsecond = joint_branch(Lambda, x_norm, x_least, x_rest, 2, 1, 0, (a_1, a_2, a_3, ), (d, d, d, ), (B_0, B_1, B_2, ), ((1, 2, 0, 0, ), (1, 2, 1, 0, ), (1, 2, 2, 0, ), ), ((1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2))), ))
    del B_0
    del B_1
    del B_2
    del Lambda
    return [B_3, L, Jsecond]


def bounds(weight_norms, d, input_norm=None, x=None):
    """Return the bounds (value, lipschitz, gradient_lipschitz).

    weight_norms: spectral norms |A_u|_2, 3 entries, each a number or an array.
    input_norm: |x|.
    d: the constant or step d.
    x: the input itself, a vector; sharper than its norm.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    input_norm, input_least, input_rest = _input(input_norm, x, 2)
    weight_norms = _numbers("weight_norms", weight_norms, 3)
    d = _finite("d", d)
    _positive("weight_norms", weight_norms)
    values = _aligned(weight_norms + [input_norm, input_least, input_rest, d])
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(values[0:3], *values[3:]), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape))
