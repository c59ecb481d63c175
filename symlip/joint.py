"""The joint bounds of lines, from above: functions that compiled bounds use beside those of `runtime`.

Every line has one number t in [0, 1], from which its slope R(t), its value tau(t) and its curvature sigma(t) are known (`tradeoff`).
The bound does not decrease in these, and is convex in the three of each line. R and sigma are concave in t and tau is affine, so that for
t between two ends the three are at most a mean of two corners, the ends of a tangent in the middle: the bound is at most its largest
value at the corners. `joint_branch` halves boxes of (t_1, .., t_m). `joint_path` and `joint_states` take the same corners in every line,
on a grid on which the sums of the tau fall: for first derivatives the largest value of every sum is known line by line, for second ones the
block norms are eliminated line by line, which any depth can pay for.
"""

from typing import NamedTuple

import numpy
from numpy import maximum, minimum, sqrt

from .runtime import each, largest_eigenvalue, up


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


def joint_path(high, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs):
    """The joint bound of the first derivative of untied layers, by state along the depth: at most `high`."""
    return each_lines(lambda *given: _joint_path(*given, layout, tradeoffs), [high, x_norm, least, rest], weights, steps, sizes)


def _joint_path(high, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs):
    depth = len(layout)
    if not (numpy.isfinite(high) and high > 0) or depth > 400:
        return high
    corners = int(numpy.clip(12000 // depth, 32, 3000))
    lines = joint_lines((x_norm, least, rest, weights, steps, sizes, layout, tradeoffs), numpy.ones((depth, 2)), corners)
    squares = [(line[0], [(corner.jump, corner.keep**2, corner.gain**2 * (1 + corner.size**2)) for corner in line[-1]]) for line in lines]
    return min(high, float(up(sqrt(largest_along(squares, numpy.zeros(1)).max()))))


def largest_along(lines, start):
    """The largest value of every state after lines: a corner, (steps of reach, factor, what it adds to every state before), makes factor value + added.

    lines: for each whether it is residual, and its corners. start: the value before, an array of one state (and more axes).
    """
    largest = start
    for residual, corners in lines:
        rows, before = len(largest), largest
        largest = numpy.zeros(((rows if residual else 1) + int(corners[-1][0]), *start.shape[1:]))
        for jump, factor, added in corners:
            grown = (factor * before + added) * (1 + 1e-15)
            if not residual:
                grown = grown.max(axis=0, keepdims=True)
            here = largest[jump : jump + len(grown)]
            maximum(here, grown, out=here)
    return largest
