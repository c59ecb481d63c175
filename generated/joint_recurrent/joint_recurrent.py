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


def joint_sum(x_norm, least, rest, share, far, near, width):
    """|sum of multiples of sizes| at most: of the input (sum: share), of saturated neurons (far) and of the one that is not (near)."""
    with numpy.errstate(all="ignore"):
        if least < 0:  # only |x| is known
            return share * x_norm + sqrt((width - 1) * far**2 + near**2)
        others = share**2 * maximum(x_norm**2 - least**2, 0.0) * (1 + 1e-15) + 2 * share * far * rest + (width - 1) * far**2
        return sqrt(others + (share * least + near) ** 2)


def tradeoff_corners(tradeoff, low, high):
    """Two corners for the cells [low, high] of t: slopes, values and curvatures of which a mean is above those of each t in the cell.

    They lie on the tangents in the middle, at the ends; `high` may be above 1. For an affine activation there is one state.
    """
    _, _, slope, value, curvature, slope_turn, curvature_turn = tradeoff
    low, high = numpy.asarray(low)[..., None], numpy.asarray(high)[..., None]
    middle = (low + minimum(high, 1.0)) / 2
    ends = numpy.concatenate([low, high], axis=-1)
    with numpy.errstate(all="ignore"):
        steep = slope(middle) + slope_turn(middle) * (ends - middle)
        bend = curvature(middle) + curvature_turn(middle) * (ends - middle)
        size = value(ends)
    return up(maximum(steep, 0.0)) + 1e-15 + 0 * ends, up(size) + 0 * ends, up(maximum(bend, 0.0)) + 1e-15 + 0 * ends


def joint_blocks(points, x_norm, least, rest, weights, steps, sizes, layout, tops, order):
    """The block vector, and its parts by input or from order 2 on the block matrix, for slopes, values and curvatures of each line.

    points: for each line with an activation those three, (count, corners) each; every combination of the corners is a row of the
    results, (count, rows, ..). layout: for each line 0 (dense), 1 (residual) or 2 (the end of a skip), its width, its group, its
    activation, and the line where a skip begins. tops: S_0 of each activation.
    """
    groups, count = 1 + max(line[2] for line in layout), len(points[0][0])
    vector, matrix = numpy.zeros((count, 1, 2 * groups)), numpy.zeros((count, 1, 2 * groups, 2 * groups)) if order >= 2 else None
    spread, reach, started = 0.0, numpy.zeros((count, 1)), True
    parts = numpy.zeros((3, count, 1, groups)) if order < 2 else None  # of a group's weight block: what multiplies |x|, the saturated neurons, the other one
    known, number_of = [], 0
    for number, (residual, _, group, kind, start) in enumerate(layout):
        known.append((vector, matrix, spread, reach, started, parts))
        step = steps[number]
        if residual == 2:  # the branch's last line is dense: its value is that of one more residual line after the skip's start
            below, under, outer_spread, outer_reach, started, lower = known[start]
            times = vector.shape[1] // below.shape[1]
            vector = below.repeat(times, axis=1) + step * vector
            if order >= 2:
                matrix = under.repeat(times, axis=1) + step * matrix
            else:
                parts = lower.repeat(times, axis=2) + step * parts
            spread, reach = outer_spread + step * spread, outer_reach.repeat(times, axis=1) + step * reach
            continue
        rows, corners = vector.shape[1], points[number_of][0].shape[1]
        steep, value, bend = (numpy.tile(part, (1, rows)) for part in points[number_of])
        number_of += 1
        most = reach.max(axis=1, keepdims=True)
        size = lines_size(x_norm, least, rest, spread, reach, most, layout[number - 1][1], started, sizes[number]) if number else x_norm + 0 * reach
        vector, reach, size = vector.repeat(corners, axis=1), reach.repeat(corners, axis=1), size.repeat(corners, axis=1)
        top, weight = tops[kind], weights[group]
        q = weight * vector
        q[..., 2 * group] += size
        q[..., 2 * group + 1] += 1
        if order >= 2:
            matrix = matrix.repeat(corners, axis=1)
            inner = weight * matrix
            inner[..., 2 * group, :] += vector
            inner[..., :, 2 * group] += vector
            core = bend[..., None, None] * q[..., :, None] * q[..., None, :] + steep[..., None, None] * inner
            matrix = matrix + step * core if residual else core
        else:
            parts = parts.repeat(corners, axis=2)
            grown = weight * parts
            grown[..., group] += numpy.stack([0 * reach + started, 0 * reach + spread, reach])
            parts = parts + step * steep[..., None] * grown if residual else steep[..., None] * grown
        vector = vector + step * steep[..., None] * q if residual else steep[..., None] * q
        spread = spread + step * top if residual else top
        reach = reach + step * value if residual else value
        started = started and residual
    return vector, parts, matrix


def lines_size(x_norm, least, rest, spread, reach, most, width, started, size):
    """|h| at most for sums `reach` up to `most`, where `size` is known: one of the two for all of a box, since their minimum is not convex."""
    found, largest = (joint_size(x_norm, least, rest, spread, part, width, started) for part in (reach, most))
    return numpy.where(largest <= size * (1 + 1e-9), found, size)


def joint_boxes(low, high, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs, order, g1, g2):
    """Upper ends of the joint bound for t in the boxes [low, high], arrays (boxes, lines with an activation).

    Up to eight lines by the corners, of more lines by the largest slopes, values and curvatures; exact for low = high.
    """
    kinds, tops = [line[3] for line in layout if line[0] < 2], [tradeoff[0] for tradeoff in tradeoffs]
    if numpy.array_equal(low, high) or len(kinds) > 8:
        points = plain_points(low, high, kinds, tradeoffs)
    else:
        points = [tradeoff_corners(tradeoffs[kind], low[:, line], high[:, line]) for line, kind in enumerate(kinds)]
    vector, parts, matrix = joint_blocks(points, x_norm, least, rest, weights, steps, sizes, layout, tops, order)
    groups = 1 + max(line[2] for line in layout)
    if order < 2:
        for group in range(groups):
            lines = [number for number, line in enumerate(layout) if line[2] == group and line[0] < 2]
            if len(lines) > 1:  # the weights of one group see the sum of its lines' inputs, neuron by neuron
                summed = joint_sum(x_norm, least, rest, *parts[..., group], layout[lines[-1] - 1][1])
                smaller = summed.max(axis=1, keepdims=True) <= vector[..., 2 * group].max(axis=1, keepdims=True)
                vector[..., 2 * group] = numpy.where(smaller, summed, vector[..., 2 * group])
        return up(sqrt((vector**2).sum(axis=2))).max(axis=1)
    whole = g1 * matrix + g2 * vector[..., :, None] * vector[..., None, :]
    ends = largest_eigenvalue(numpy.moveaxis(whole, (-2, -1), (0, 1))) * (1 + 1e-12)
    return numpy.where(numpy.isnan(ends), numpy.inf, ends).max(axis=1)


def plain_points(low, high, kinds, tradeoffs):
    """For each line the largest slope, value and curvature of t in [low, high], (boxes, 1) each; exact for low = high."""
    return [[part[:, None] for part in tradeoff_cells(tradeoffs[kind], low[:, line], high[:, line])] for line, kind in enumerate(kinds)]


def joint_branch(high, x_norm, least, rest, order, g1, g2, weights, steps, sizes, layout, tradeoffs, limit=8_000_000):
    """The joint bound by branch and bound: at most `high`; the largest upper end that is left when the work is done."""
    return each_lines(lambda *given: _joint_branch(*given, layout, tradeoffs, order, limit), [high, x_norm, least, rest, g1, g2], weights, steps, sizes)


def each_lines(function, numbers, *groups):
    """`each` of a function of numbers and then of groups of numbers."""
    places = numpy.cumsum([len(group) for group in groups])[:-1]

    def one(*given):
        rest = given[len(numbers) :]
        return function(*given[: len(numbers)], *(rest[start:stop] for start, stop in zip([0, *places], [*places, len(rest)])))

    return each(one, [*numbers, *(entry for group in groups for entry in group)])


def _joint_branch(high, x_norm, least, rest, g1, g2, weights, steps, sizes, layout, tradeoffs, order, limit):
    if not (numpy.isfinite(high) and high > 0):
        return high
    count, groups = sum(line[0] < 2 for line in layout), 1 + max(line[2] for line in layout)
    rows = 2**count if count <= 8 else 2

    def bound(low, top):
        return joint_boxes(low, top, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs, order, g1, g2)

    return branch(bound, count, high, limit // (rows * max(2 * groups, count) // 2), max(16, 16384 // rows))


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


def joint_states(high, x_norm, least, rest, order, g1, g2, weights, steps, sizes, layout, tradeoffs, fine=0):
    """The joint bound of the second derivative (or of a cost's) without skips around several lines, by elimination: at most `high`."""
    del order
    return each_lines(lambda *given: _joint_states(*given, layout, tradeoffs, fine), [high, x_norm, least, rest, g1, g2], weights, steps, sizes)


def _joint_states(high, x_norm, least, rest, g1, g2, weights, steps, sizes, layout, tradeoffs, fine):
    depth = len(layout)
    if not (numpy.isfinite(high) and high > 0) or depth > 400:
        return high
    given = (x_norm, least, rest, weights, steps, sizes, layout, tradeoffs)
    shares, groups = numpy.ones((depth, 2)), numpy.array([line[2] for line in layout])

    def rough(shares, known):
        return eliminated(joint_lines(given, shares, 12), g1, g2, 16, min(high / 4, known / 1.5), min(high, known * 1.5))

    if depth > 1 + groups.max():  # shared parameters
        if depth <= 6:
            high = min(high, _joint_branch(high, x_norm, least, rest, g1, g2, weights, steps, sizes, layout, tradeoffs, 2, 8_000_000 << 2 * fine))
        shares, found = best_shares(joint_wholes(given, g1, g2), groups, rough, 6 if depth <= 20 else 0)
    else:
        found = rough(shares, numpy.inf)
    corners = int(numpy.clip(640 // depth, 8, 64)) << fine
    return min(high, eliminated(joint_lines(given, shares, corners), g1, g2, 24, 0.9 * found, high))


def joint_lines(given, shares, corners):
    """For each line whether it is residual, its shares of the two blocks and its corners.

    A state is a number of steps of reach = sum d tau beyond its least since the last dense line; a corner adds some of them.
    """
    x_norm, least, rest, weights, steps, sizes, layout, tradeoffs = given
    base, spread, started, states, unit = 0.0, 0.0, True, 1, 0.0
    lines = []
    for number, (residual, _, group, kind, _) in enumerate(layout):
        top, value = tradeoffs[kind][0], tradeoffs[kind][3]
        reach = (base + unit * numpy.arange(states)) * (1 + 2e-12)
        if number:
            size = lines_size(x_norm, least, rest, spread, reach, spread, layout[number - 1][1], started, sizes[number])
        else:
            size = numpy.array([float(x_norm)])
        if number == 0 or not residual:  # lines up to the next dense one share one unit of reach
            rises = []
            for later, (other, _, _, which, _) in enumerate(layout[number:]):
                if later and not other:
                    break
                rises.append(steps[number + later] * (tradeoffs[which][3](1.0) - tradeoffs[which][3](0.0)) if numpy.isfinite(tradeoffs[which][0]) else 0.0)
            unit = max(rises) / corners
        step, flat = steps[number], not numpy.isfinite(top)
        if flat or unit == 0:
            nodes, jumps = numpy.array([0.0, 1.0]), numpy.zeros(2, dtype=int)
        else:
            rise = step * (value(1.0) - value(0.0)) / unit
            count = max(8, int(numpy.ceil(rise * (1 - 1e-12))))
            nodes = numpy.arange(count + 1) / (rise if rise >= 8 else count)
            jumps = numpy.ceil(nodes * rise * (1 - 1e-12)).astype(int)
        ends = tradeoff_corners(tradeoffs[kind], nodes[:-1], nodes[1:])
        steep, bend = step * larger_ends(ends[0]), step * larger_ends(ends[2])
        if flat:
            steep, bend, jumps = steep[:1], bend[:1], jumps[:1]
        weight = weights[group]
        numbers = [up(part) for part in (residual + weight * steep, steep, weight**2 * bend, weight * bend, bend, steep)]
        lines.append((residual, *shares[number], [Corner(jump, size, *row) for jump, *row in zip(jumps, *numbers)]))
        low = 0.0 if flat else step * value(0.0)
        if residual:
            base, spread, states = base + low, spread + step * top, states + int(jumps[-1])
        else:
            base, spread, states = low, top, int(jumps[-1]) + 1
        started = started and residual
    return lines


def larger_ends(ends):
    """For each node between cells the larger of its two cells' numbers there; ends: (cells, 2)."""
    return maximum(numpy.append(ends[:, 0], 0.0), numpy.append(0.0, ends[:, 1]))


class Corner(NamedTuple):
    """A corner of a line: with y = l.p before the line and s = alpha |h| + beta, l.p is keep y + gain s after it, and p.G p becomes
    keep p.G p + yy y^2 + 2 ys y s + ss s^2 + 2 alpha (near y + far s) + (lost |h| + of_weight) alpha^2 + of_bias beta^2.

    jump: the steps of reach that it adds. size: |h| before the line, by state.
    """

    jump: int
    size: numpy.ndarray
    keep: float
    gain: float
    yy: float
    ys: float
    ss: float
    near: float
    far: float = 0.0
    lost: float = 0.0
    of_weight: float = 0.0
    of_bias: float = 0.0


def eliminated(lines, g1, g2, nodes, low, high):
    """An upper end, at most `high`, of the largest lambda with g1 p.G p + g2 (l.p)^2 = lambda |p|^2 for corners of the lines, |p| with the lines' shares.

    Gamma_u(k) = inf (|p|^2 - k p.G_u p) / (l_u.p)^2 over corners and p of the lines up to u, for each state: a concave function of k that does not
    increase, known from below by its chords between `nodes` values of k, and by its value at the least of them. lambda is above where
    lambda Gamma_m(g1 / lambda) > g2 for all states. low: a guess; the k are those that matter for lambda between it and `high`.
    """
    keeps = [max(corner.keep for corner in line[-1]) for line in lines[:0:-1]]
    most = numpy.cumprod([1.0] + [keep * (1 + 1e-12) for keep in keeps])[::-1]
    least = numpy.cumprod([1.0] + [(line[0] * 2 + keep) / 3 for line, keep in zip(lines[:0:-1], keeps)])[::-1]  # with a third of the largest slope
    parts = numpy.linspace(0.0, 1.0, nodes)[:, None]
    while True:
        table = None
        for line, bottom, top in zip(lines[:-1], least, most):
            top = numpy.array([[min(max(g1 / low * top, 1e-200), 1e200)]])
            bottom = minimum(g1 / high * bottom, top / 2)
            known = bent(line, table, top) > 0
            if not known.all():
                start, length = numpy.where(known, top, 0.0), numpy.where(known, 0.0, top)
                for _ in range(5):
                    known = bent(line, table, start + length * numpy.array([[0.25], [0.5], [0.75]])) > 0
                    start, length = start + length * known.cumprod(axis=0).sum(axis=0) / 4, length / 4
                top = maximum(start, 1e-200)
                bottom = minimum(bottom, top / 2)
            table = bottom, top, bent(line, table, bottom * (1 - parts) + top * parts)

        def holds(values, line=lines[-1], table=table):
            return (bent(line, table, g1 / values) > g2 / values).all(axis=1)

        if not holds(numpy.array([[low]])):
            break
        if low < 1e-300:
            return 0.0
        low = low / 2  # the tables were for numbers above `low`
    top = high
    if not holds(numpy.array([[top]])):
        return high
    while top > low * (1 + 1e-7):
        values = numpy.geomspace(low, top, 12)
        first = 1 + int(numpy.append(holds(values[1:-1, None]), True).argmax())
        low, top = values[first - 1], values[first]
    return float(up(top))


def bent(line, table, places):
    """Gamma after a line at the k of `places`, (k, states or 1), from below; -inf where that is not positive. table: see `interpolated`."""
    residual, share, other, corners = line
    rows = len(corners[0].size)
    found = numpy.full((len(places), (rows if residual else 1) + int(corners[-1].jump)), numpy.inf)
    more, before, last = 1 + 1e-13, None, None
    with numpy.errstate(all="ignore"):
        for jump, high, keep, gain, yy, ys, ss, near, far, lost, of_weight, of_bias in corners:
            k = places if places.shape[1] == 1 else places[:, jump : jump + rows] if residual else places[:, jump : jump + 1]
            if table is not None and last != (jump, keep):
                before, last = interpolated(table, k * keep), (jump, keep)
            one, two = k * (near * more), k * (far * more)
            of, for_bias = (share - k * (of_weight * more)) - k * (lost * more) * high, other - k * (of_bias * more)
            alone = 1 / (high * high * for_bias + of)
            mixed, best = for_bias * high * alone, for_bias * (1 - 1e-13) * of * alone  # best: the least of `of` alpha^2 + `for_bias` beta^2 for s = 1
            C = best - k * (ss * more)
            if far:
                C = C - 2 * two * mixed - two**2 * alone
            valid = (C > 0) & (of > 0) & (for_bias > 0)
            if table is None:
                new = C / gain**2
            else:
                A, B = before - k * (yy * more) - one**2 * alone, k * (ys * more) + one * mixed
                if far:
                    B = B + one * two * alone
                new = A * C - B * B
                valid &= (A > 0) & (new > 0)
                new = new / (keep**2 * C + (2 * keep * gain) * B + gain**2 * A)
            new = numpy.where(valid, new, -numpy.inf)
            if residual:
                here = found[:, jump : jump + rows]
                minimum(here, new, out=here)
            else:
                found[:, jump] = minimum(found[:, jump], new.min(axis=1))
    return minimum(found, 1e200) * (1 - 1e-11)  # no corners reach some states


def interpolated(table, places):
    """Gamma at the k of `places`, (k, states or 1), from a table: its chords, below the table its first value, beyond it -inf.

    table: the ends of k, (1, states or 1) each, and values between them at equal distances, (k, states).
    """
    bottom, top, values = table
    place = (places - bottom) * ((len(values) - 1) / (top - bottom))
    left = numpy.clip(place, 0, len(values) - 2).astype(int)
    part = numpy.clip(place - left + 1e-12 * len(values), 0.0, 1.0)  # Gamma does not increase
    if left.shape[1] == 1:
        nearest, following = values[left[:, 0]], values[left[:, 0] + 1]
    else:
        nearest, following = numpy.take_along_axis(values, left, axis=0), numpy.take_along_axis(values, left + 1, axis=0)
    return numpy.where(places <= top, nearest * (1 - part) + following * part, -numpy.inf)


def joint_wholes(given, g1, g2):
    """The function that has for t (count, lines) the matrices of the joint bound, with parameters of its own for every line."""
    x_norm, least, rest, weights, steps, sizes, layout, tradeoffs = given
    own, tops = [(*line[:2], number, *line[3:]) for number, line in enumerate(layout)], [tradeoff[0] for tradeoff in tradeoffs]

    def wholes(t):
        cells = plain_points(t, t, [line[3] for line in layout], tradeoffs)
        vectors, _, matrices = joint_blocks(cells, x_norm, least, rest, [weights[line[2]] for line in layout], steps, sizes, own, tops, 2)
        return g1 * matrices[:, 0] + g2 * vectors[:, 0, :, None] * vectors[:, 0, None, :]

    return wholes


def best_shares(wholes, groups, rough, rounds):
    """Shares of the blocks of lines that share their parameters, (lines, 2), with a small bound, and that bound.

    wholes: see `joint_wholes`; groups: of each line; rough: the bound with some shares, given one of others. With the shares that belong to a t, of p_g^2 = sum of
    shares p_u^2, the value there stays what it is with parameters of their own; the first are those of the best t. Where another t is better
    with them, for parameters of their own, they move towards those that belong to it, or to the parts of its blocks, while the bound falls.
    """
    depth = len(groups)
    sums = numpy.zeros((2 * depth, 2 * (1 + groups.max())))
    sums[numpy.arange(2 * depth), numpy.stack([2 * groups, 2 * groups + 1], axis=1).ravel()] = 1

    def portions(found):
        for floor in (1e-300, 1e-3 / depth):
            found = found / (numpy.stack([found[groups == group].sum(axis=0) for group in groups]) + 1e-300) + floor
        return found / numpy.stack([found[groups == group].sum(axis=0) for group in groups]) * (1 - 1e-14)

    def belonging(place):
        whole = wholes(place[None])[0]
        shared = abs(numpy.linalg.eigh(sums.T @ whole @ sums)[1][:, -1])
        shared = maximum(shared, 1e-9 * shared.max())
        return portions(maximum((whole @ sums @ shared) / (sums @ shared), 0.0).reshape(depth, 2))

    place, reached = climbed(lambda t: numpy.linalg.eigvalsh(sums.T @ wholes(t) @ sums)[:, -1], depth, 4)
    shares = belonging(place)
    value, places = rough(shares, numpy.inf), [place]
    for _ in range(rounds):
        scale = 1 / sqrt(shares.ravel())
        scale = scale[:, None] * scale
        place, alone = climbed(lambda t, scale=scale: numpy.linalg.eigvalsh(wholes(t) * scale)[:, -1], depth, 2, places[-4:])
        places.append(place)
        if alone <= 1.001 * reached:
            break
        blocks = numpy.linalg.eigh(wholes(place[None])[0] * scale)[1][:, -1]
        others = belonging(place), portions((blocks**2).reshape(depth, 2))
        mixed = [shares + part * (other - shares) for other in others for part in (0.03, 0.1, 0.25, 0.5)]
        ends = [rough(between, value) for between in mixed]
        if min(ends) > 0.9995 * value:
            break
        shares, value = mixed[int(numpy.argmin(ends))], min(ends)
    return shares, value


def climbed(value, count, starts, known=(), rounds=100):
    """A point of [0, 1]^count where a function is large, and its value there: by gradients (differences) from twice as many starts and the `known` points.

    A line may be best saturated, above all one of the first: there are starts for that.
    """
    saturated = numpy.where(numpy.arange(count) < numpy.arange(min(count, starts))[:, None], 1.0, 0.3)
    places = numpy.concatenate([saturated, numpy.random.default_rng(0).random((starts, count)), *(point[None] for point in known)])
    starts = len(places)
    best, scales = value(places), 0.5 ** numpy.arange(16)
    for _ in range(rounds):
        moves = numpy.where(places < 0.5, 1e-6, -1e-6)
        tried = places[:, None, :] + moves[:, None, :] * numpy.eye(count)
        slope = (value(tried.reshape(-1, count)).reshape(starts, count) - best[:, None]) / moves
        slope[((places <= 0) & (slope < 0)) | ((places >= 1) & (slope > 0))] = 0
        slope /= abs(slope).max(axis=1, keepdims=True) + 1e-300
        tried = numpy.clip(places[:, None, :] + scales[:, None] * slope[:, None, :], 0, 1)
        found = value(tried.reshape(-1, count)).reshape(starts, -1)
        chosen, rows = found.argmax(axis=1), numpy.arange(starts)
        better = found[rows, chosen] > best
        if not better.any():
            break
        places, best = numpy.where(better[:, None], tried[rows, chosen], places), maximum(best, found[rows, chosen])
    return places[best.argmax()], best.max()


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
    L = joint_branch(L_3, x_norm, x_least, x_rest, 1, 1, 0, (a_1, ), (d, d, d, ), (B_0, B_1, B_2, ), ((1, 2, 0, 0, 0, ), (1, 2, 0, 0, 0, ), (1, 2, 0, 0, 0, ), ), ((1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2)), (lambda z: -2*z), (lambda z: 2 - 6*z**2)), ))
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
    Jsecond = joint_states(Lambda, x_norm, x_least, x_rest, 2, 1, 0, (a_1, ), (d, d, d, ), (B_0, B_1, B_2, ), ((1, 2, 0, 0, 0, ), (1, 2, 0, 0, 0, ), (1, 2, 0, 0, 0, ), ), ((1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2)), (lambda z: -2*z), (lambda z: 2 - 6*z**2)), ))
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
