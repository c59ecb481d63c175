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


def best_shares(given, g1, g2, high):
    """Shares of the lines in their groups' blocks with a small bound, and a rough bound with them.

    Those of the best t, and where that is no saddle, since the best t for these shares is another, shares between theirs.
    """
    shares, reached = joint_weights(given, g1, g2)
    rough = _rough(given, shares, g1, g2, high)
    for _ in range(4 if len(given[6]) <= 20 else 0):
        if rough <= 1.012 * reached:
            break
        other, _ = joint_weights(given, g1, g2, shares)
        mixed = [shares + part * (other - shares) for part in (0.05, 0.1, 0.25, 0.5)]
        ends = [_rough(given, between, g1, g2, high) for between in mixed]
        if min(ends) > 0.998 * rough:
            break
        shares, rough = mixed[int(numpy.argmin(ends))], min(ends)
    return shares, rough


def _rough(given, shares, g1, g2, high):
    return eliminated(joint_lines(given, shares, 12), g1, g2, 32, high / 4, high)


def joint_lines(given, shares, corners):
    """For each line whether it is residual, its weight and shares, and its corners: (steps of reach, |h| before it for every state, numbers of `bent`).

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
        weight, none = weights[group], [0.0] * len(jumps)
        numbers = [up(part) for part in (residual + weight * steep, steep, weight**2 * bend, weight * bend, bend, steep)]
        lines.append((residual, *shares[number], list(zip(jumps, [size] * len(jumps), *numbers, none, none, none))))
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


def eliminated(lines, g1, g2, cells, low, high):
    """An upper end of the largest lambda with g1 p.G p + g2 (l.p)^2 = lambda |p|^2 for corners of the lines, |p| with the lines' shares; `low` is a guess.

    Gamma_u(k) = inf (|p|^2 - k p.G_u p) / (l_u.p)^2 over corners and p of the lines up to u, for each state: a concave function of k, that is
    known from below by its chords up to where it is 0. lambda is above where lambda Gamma_m(g1 / lambda) > g2 for all states.
    """
    growth = numpy.cumprod([1.0] + [max(corner[2] for corner in line[-1]) for line in lines[:0:-1]])[::-1]
    while True:
        table = None
        for line, grown in zip(lines[:-1], growth):
            most = float(minimum(g1 / low * grown, 1e300)) if g1 > 0 else 1.0
            inside = bent(line, table, numpy.array([[most]])) > 0
            bottom, top = numpy.where(inside, most, 0.0), numpy.full(inside.shape, most)
            for _ in range(0 if inside.all() else 16):
                middle = (bottom + top) / 2
                inside = bent(line, table, middle) > 0
                bottom, top = numpy.where(inside, middle, bottom), numpy.where(inside, top, middle)
            bottom = maximum(bottom, 1e-300)
            table = bottom, bent(line, table, bottom * numpy.linspace(0.0, 1.0, cells))

        def holds(value, line=lines[-1], table=table):
            return bool((bent(line, table, numpy.array([[g1 / value]])) > g2 / value).all())

        if not holds(low):
            break
        if low < 1e-300:
            return 0.0
        low = low / 2  # the tables were for numbers above `low`
    top = high
    if not holds(top):
        return high
    while top > low * (1 + 1e-7):
        middle = sqrt(low) * sqrt(top)
        low, top = (low, middle) if holds(middle) else (middle, top)
    return float(up(top))


def bent(line, table, grid):
    """Gamma after a line at the k of `grid`, (states or 1, cells), from below; -inf where it is not positive. table: Gamma before the line, and where it ends.

    With y = l.p before the line and s = alpha |h| + beta, l.p is keep y + gain s after it, and p.G p becomes
    keep p.G p + yy y^2 + 2 ys y s + ss s^2 + 2 alpha (near y + far s) + lost |h| alpha^2 + spent (alpha^2 + beta^2).
    """
    residual, share, other, corners = line
    rows = len(corners[0][1])
    states = (rows if residual else 1) + int(corners[-1][0])
    grid = numpy.broadcast_to(grid, (states, grid.shape[1]))
    found = numpy.full(grid.shape, numpy.inf)
    with numpy.errstate(all="ignore"):
        for jump, size, keep, gain, yy, ys, ss, near, far, lost, spent in corners:
            place, high = grid[jump : jump + rows] if residual else grid[jump : jump + 1], size[:, None]
            of, for_bias = (share - place * up(lost * high + spent), other - place * up(spent)) if spent else (share, other)
            norm = (high**2 / of + 1 / for_bias) * (1 + 1e-15)  # of the best dA, db: |of dA^2 + for_bias db^2| = 1
            mixed, alone, one, two = high / (of * norm), 1 / (of * for_bias * norm), place * near, place * far
            C = (1 - 1e-12) / norm - place * ss - 2 * two * mixed - two**2 * alone
            valid = (C > 0) & (of > 0) & (for_bias > 0)
            if table is None:
                new = numpy.where(valid, C / gain**2, -numpy.inf)
            else:
                A = interpolated(table, place * keep) - place * yy - one**2 * alone
                B = place * ys + one * mixed + one * two * alone
                determinant = A * C * (1 - 1e-12) - B * B
                new = determinant / (keep * (keep * C + 2 * gain * B) + gain**2 * A) * (1 - 1e-12)
                new = numpy.where(valid & (A > 0) & (determinant > 0), new, -numpy.inf)
            if residual:
                found[jump : jump + rows] = minimum(found[jump : jump + rows], new)
            else:
                found[jump] = minimum(found[jump], new.min(axis=0))
    return found


def interpolated(table, place):
    """Gamma from a table at k: its chords; -inf beyond the table."""
    ends, values = table
    place = minimum(place * ((values.shape[1] - 1) / ends), 1e9)
    left = minimum(place.astype(int), values.shape[1] - 2)
    within = place - left
    nearest, following = (numpy.take_along_axis(values, left + more, axis=1) for more in (0, 1))
    return numpy.where(within <= 1 + 1e-12, nearest * (1 - 1e-12 - within) + following * minimum(within, 1.0), -numpy.inf)


def joint_weights(given, g1, g2, shares=None):
    """Shares of the blocks of lines that share their parameters, and the largest value that a search finds.

    With the shares that belong to a t, of p_g^2 = sum of shares p_u^2, the value there stays what it is with parameters of their own. The t
    is the best one found; with `shares`, that for parameters of their own and these shares.
    """
    x_norm, least, rest, weights, steps, sizes, layout, tradeoffs = given
    depth, groups = len(layout), numpy.array([line[2] for line in layout])
    own = [(*line[:2], number, *line[3:]) for number, line in enumerate(layout)]

    def wholes(t):
        cells = plain_points(t, t, [line[3] for line in layout], tradeoffs)
        tops = [tradeoff[0] for tradeoff in tradeoffs]
        vectors, _, matrices = joint_blocks(cells, x_norm, least, rest, [weights[group] for group in groups], steps, sizes, own, tops, 2)
        return g1 * matrices[:, 0] + g2 * vectors[:, 0, :, None] * vectors[:, 0, None, :]

    def value(t):
        if shares is None:
            return joint_boxes(t, t, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs, 2, g1, g2)
        scale = 1 / sqrt(shares.ravel())
        return numpy.linalg.eigvalsh(wholes(t) * scale[:, None] * scale)[:, -1]

    best, reached = climbed(value, depth, 4 if shares is None else 2)
    whole = wholes(best[None])[0]
    sums = numpy.zeros((2 * depth, 2 * (1 + groups.max())))
    sums[numpy.arange(2 * depth), numpy.stack([2 * groups, 2 * groups + 1], axis=1).ravel()] = 1
    shared = abs(numpy.linalg.eigh(sums.T @ whole @ sums)[1][:, -1])
    shared = maximum(shared, 1e-9 * shared.max())
    found = maximum((whole @ sums @ shared) / (sums @ shared), 0.0).reshape(depth, 2)
    for floor in (1e-300, 1e-3 / depth):
        found = found / (numpy.stack([found[groups == group].sum(axis=0) for group in groups]) + 1e-300) + floor
    return found / numpy.stack([found[groups == group].sum(axis=0) for group in groups]) * (1 - 1e-14), reached


def climbed(value, count, starts, rounds=100):
    """A point of [0, 1]^count where a function is large, and its value there: by gradients (differences) from twice as many starts.

    A line may be best saturated, above all one of the first: there are starts for that.
    """
    saturated = numpy.where(numpy.arange(count) < numpy.arange(min(count, starts))[:, None], 1.0, 0.3)
    places = numpy.concatenate([saturated, numpy.random.default_rng(0).random((starts, count))])
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


def flow_joint(high, x_norm, least, rest, weight, length, order, g1, g2, width, kind, tradeoff, fine=0):
    """The joint bound of a neural ODE with shared parameters, or (order 2) of a cost's, by cells in time and state: at most `high`."""
    del kind
    return each(lambda *numbers: _flow_joint(*numbers, tradeoff, fine), [high, x_norm, least, rest, weight, length, order, g1, g2, width])


def _flow_joint(high, x_norm, least, rest, weight, length, order, g1, g2, width, tradeoff, fine):
    if not (numpy.isfinite(high) and high > 0 and length > 0):
        return high
    given = (x_norm, least, rest, weight, length, width, tradeoff)
    if order < 2:
        return min(high, along_directions(flow_lines(given, numpy.ones((int(64 * 2.0**fine), 2)), 40), 48))
    coarse = 12 if fine >= 0 else 6
    long, layout = length / coarse, [(1, int(width), 0, 0, 0)] * (coarse + 1)
    sizes = [x_norm + sqrt(width) * number * long * tradeoff[0] for number in range(1, coarse + 2)]
    lines = (x_norm, least, rest, [weight], [long] * (coarse + 1), sizes, layout, [tradeoff])
    shares, _ = best_shares(lines, g1, g2, 10 * high)  # of some residual lines; those of the cells between them
    found = high / 2
    for count, corners, grid in flow_work(64, 14, 32, fine):
        places = (numpy.arange(count) + 0.5) * coarse / count
        between = numpy.stack([numpy.interp(places, numpy.arange(coarse + 1), part) for part in shares.T], axis=1)
        found = eliminated(flow_lines(given, between / between.sum(axis=0) * (1 - 1e-14), corners), g1, g2, grid, 0.9 * found, high)
    return found


def flow_cells(given, cells, corners):
    """The corners of t, slopes and curvatures (cells of t, 2), and for each cell in time |h| at its end, by steps of reach there, corner by corner.

    given: |x|, the least of its entries and the sum of the others, in modulus, weight norm, total variation, width, trade-off.
    """
    x_norm, least, rest, _, length, width, tradeoff = given
    step, top, value = up(length / cells), tradeoff[0], tradeoff[3]
    nodes = numpy.arange(corners + 1) / corners
    steep, _, bend = tradeoff_corners(tradeoff, nodes[:-1], nodes[1:])
    sizes = []
    for number in range(1, cells + 1):
        reach = step * (number * value(0.0) + (value(1.0) - value(0.0)) * numpy.arange(number * corners + 1) / corners) * (1 + 2e-12)
        spread = number * step * top
        sizes.append(lines_size(x_norm, least, rest, spread, reach, spread, width, True, x_norm + sqrt(width) * spread))
    return step, steep, bend, sizes


def at_corners(size, corners):
    """The size at the end of a cell in time for each corner, by state at its start: for the end of the corner's cell of t, not to depend on the t within."""
    return [size[shift : shift + len(size) - corners] for shift in minimum(numpy.arange(corners + 1) + 1, corners)]


def product_ends(left, right):
    """Ends of a chord above the product of two functions, affine in each cell of t, by their ends (cells, 2)."""
    return left * right + maximum(0, (left[:, 1:] - left[:, :1]) * (right[:, :1] - right[:, 1:])) / 4


def flow_lines(given, shares, corners):
    """Cells in time as lines of one group (see `bent`): with z = a R step, y grows to e^z y + R step phi1(z) s."""
    weight, jumps = given[3], numpy.arange(corners + 1)
    step, steep, bend, sizes = flow_cells(given, len(shares), corners)
    steep, growth = step * steep, up(exp(weight * step * steep))
    bend = step * product_ends(growth**2, bend)
    gain, near, far = steep * phi1(weight * steep), steep * growth, steep**2 * (1 / 6 + growth / 3)
    numbers = [up(larger_ends(part)) for part in (growth, gain, weight**2 * bend, weight * bend, bend, near, far)]
    none, lines = [0.0] * len(jumps), []
    for share, size in zip(shares, sizes):
        lines.append((1, *share, list(zip(jumps, at_corners(size, corners), *numbers, none, none))))
    return lines


def along_directions(lines, count):
    """|l| at most, for corners of lines that share their parameters (see `bent`): the largest l.p by state, for `count` + 1 unit vectors p."""
    angles = numpy.linspace(0.0, 1.0, count + 1) * (math.pi / 2)
    of_weight, of_bias = numpy.cos(angles), numpy.sin(angles)
    linear = [(1, [(jump, keep, gain * (size[:, None] * of_weight + of_bias)) for jump, size, keep, gain, *_ in line[-1]]) for line in lines]
    return float(largest_along(linear, numpy.zeros((1, count + 1))).max() / math.cos(math.pi / (4 * count)) * (1 + 1e-13))


def flow_work(cells, corners, grid, fine):
    """Cells in time, corners and grids of k of two eliminations: a rough one, and one with 2^fine times the cells."""
    return (16, 8, 16), (int(cells * 2.0**fine), int(corners * (2 if fine > 0 else 1)), grid)


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
    L = flow_joint(L_T, x_norm, x_least, x_rest, a, U, 1, 1, 0, 2, 1, (1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2)), (lambda z: -2*z), (lambda z: 2 - 6*z**2)))
    del L_T
    Jsecond = flow_joint(Lambda, x_norm, x_least, x_rest, a, U, 2, 1, 0, 2, 1, (1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2)), (lambda z: -2*z), (lambda z: 2 - 6*z**2)))
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
