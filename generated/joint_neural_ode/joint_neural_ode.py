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


def mean(values):
    """The average over the samples, the last axis."""
    return numpy.mean(values, axis=-1)


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
    return each(lambda *numbers: _flow_joint(*numbers, tradeoff, fine), [high, x_norm, least, rest, weight, length, order, g1, g2, width, kind])


def _flow_joint(high, x_norm, least, rest, weight, length, order, g1, g2, width, kind, tradeoff, fine):
    if not (numpy.isfinite(high) and high > 0 and length > 0):
        return high
    given = (x_norm, least, rest, weight, length, width, kind, tradeoff)
    if order < 2:
        return min(high, along_directions(FlowCells(given, int(48 * 1.5**fine), nodes_of(96, 12))))
    coarse = 12 if fine >= 0 else 6

    def rough(shares, known):
        lines = flow_lines(FlowCells(given, coarse, nodes_of(12, 12)), shares, 2 * g1 / high)
        return eliminated(lines, g1, g2, 8, min(high / 4, known / 1.5), min(high, known * 1.5))

    shares, found = best_shares(flow_wholes(given, coarse, g1, g2), numpy.zeros(coarse, dtype=int), rough, 6)  # of some cells; those of others between them
    for count, corners, grid in ((16, 8, 8), (int(64 * 1.5**fine), int(28 * 1.5**fine), int(16 * 1.5**fine))):
        places = (numpy.arange(count) + 0.5) * coarse / count - 0.5
        left = numpy.clip(places.astype(int), 0, coarse - 2)
        between = maximum(shares[left] + (places - left)[:, None] * (shares[left + 1] - shares[left]), 0.1 * shares[left])
        cells = FlowCells(given, count, nodes_of(corners, corners))
        found = eliminated(flow_lines(cells, between / between.sum(axis=0) * (1 - 1e-14), g1 / found), g1, g2, grid, 0.9 * found, found)
    return found


def flow_wholes(given, count, g1, g2):
    """The function that has for t (number, count) the matrices of the joint bound, with parameters and t of its own for every cell in time."""
    *known, weight, length, width, _, tradeoff = given
    step, (top, _, slope, value, curvature, *_) = length / count, tradeoff

    def wholes(t):
        vector, matrix, reach = numpy.zeros((len(t), 2 * count)), numpy.zeros((len(t), 2 * count, 2 * count)), numpy.zeros(len(t))
        for number, place in enumerate(t.T):
            steep = step * slope(place)
            growth, mean = exp(weight * steep), phi1(weight * steep)
            part = numpy.zeros((len(t), 2 * count))
            part[:, 2 * number] = joint_size(*known, (number + 0.5) * step * top, reach + step / 2 * value(place), width, True)
            part[:, 2 * number + 1] = 1
            whole = weight * vector + part
            matrix = growth[:, None, None] * matrix + (step * curvature(place) * growth * mean)[:, None, None] * whole[:, :, None] * whole[:, None, :]
            beside = (steep * growth)[:, None] * vector + (steep**2 * (1 / 6 + growth / 3))[:, None] * part
            matrix[:, 2 * number] += beside
            matrix[:, :, 2 * number] += beside
            vector, reach = growth[:, None] * vector + (steep * mean)[:, None] * part, reach + step * value(place)
        return g1 * matrix + g2 * vector[:, :, None] * vector[:, None, :]

    return wholes


def nodes_of(parts, ratio):
    """The ends of cells of t in [0, 1], in parts of 1 / `parts`: the cells are one part wide at first and then, at t, about t / `ratio`."""
    nodes = [0]
    while nodes[-1] < parts:
        nodes.append(min(parts, nodes[-1] + max(1, int(nodes[-1] / ratio))))
    return numpy.array(nodes)


class FlowCells:
    """What the cells in time of a neural ODE have in common, by cell of t: slopes and curvatures at its corners, (cells, 2), and what order costs.

    given: |x|, the least of its entries and the sum of the others, in modulus, weight norm, total variation, width, kind, trade-off.
    nodes: the ends of the cells of t, in parts of 1 / nodes[-1]; a state is a number of such parts of reach.

    Where t varies within a cell in time by s on the mean, slope and value vary by at most `slope_moves` s and `value_moves` s, and the mean of the
    slope is at least `paid` s^2 under the slope of the mean: that pays for V late in the cell and slopes early.
    """

    def __init__(self, given, count, nodes):
        self.input, (self.weight, length, self.width, self.kind, self.tradeoff) = given[:3], given[3:]
        self.count, self.nodes, self.step = count, nodes, up(length / count)
        self.top, _, slope, self.value, *_ = self.tradeoff
        places = nodes / nodes[-1]
        self.low, self.high = places[:-1], places[1:]
        self.steep, values, self.bend = tradeoff_corners(self.tradeoff, self.low, self.high)
        self.largest = self.steep.max(axis=1)
        self.least = maximum(slope(minimum(self.high, 1.0)), 0.0) * (1 - 1e-14)
        self.speed = up(sqrt((self.width - 1) * self.top**2 + values[:, 1] ** 2))  # of |h|
        self.value_moves = self.value(1.0) - self.value(0.0)
        with numpy.errstate(all="ignore"):
            self.slope_moves = 2 * slope(0.0) + 0 * self.least if self.kind else 2 / self.least
        self.paid = slope(0.0) if self.kind else 0.5

    def size(self, number):
        """|h| at most after a number of cells in time, by state."""
        parts, spread = self.nodes[-1], number * self.step * self.top
        reach = self.step * (number * self.value(0.0) + (self.value(1.0) - self.value(0.0)) * numpy.arange(number * parts + 1) / parts)
        return up(joint_size(*self.input, spread, reach * (1 + 2e-12), self.width, True))

    def pairs(self):
        """For each cell in time |h| at its start, by state, and at its end for the upper end of each cell of t (cells of t, states)."""
        after = self.size(0)
        for number in range(1, self.count + 1):
            before, after = after, self.size(number)
            yield before, numpy.stack([after[node : node + len(before)] for node in self.nodes[1:]])

    def late(self):
        """e: where y' = R (a y + c V + b), V late in a cell and slopes early make y at its end larger by at most c^2 e / (c V + b), V at the start."""
        growth = exp(self.weight * self.step * self.largest)
        return up(self.step**3 * (growth * (self.largest * self.value_moves + self.speed * self.slope_moves) / 2) ** 2 / (4 * self.paid)) * (1 + 1e-12)


def at_nodes(cells):
    """For each node between cells of t the larger of what its two cells have."""
    return maximum(numpy.concatenate([cells[:1], cells]), numpy.concatenate([cells, cells[-1:]]))


def product_ends(left, right):
    """Ends of a chord above the product of two functions, affine in each cell of t, by their ends (cells, 2)."""
    return left * right + maximum(0, (left[:, 1:] - left[:, :1]) * (right[:, :1] - right[:, 1:])) / 4


def along_directions(cells):
    """|l| at most at the end of cells that share their parameters: the largest l.p for unit vectors p, between which that is under a cosine."""
    angles = numpy.linspace(0.0, math.pi / 2, 9)
    found = along_angles(cells, angles)
    while True:
        ends = maximum(found[1:], found[:-1]) / numpy.cos(numpy.diff(angles) / 2)
        open_ = numpy.flatnonzero((ends > found.max() * (1 + 2e-5)) & (numpy.diff(angles) > 1e-3))
        if not len(open_):
            return float(ends.max() * (1 + 1e-13))
        between = (angles[open_] + angles[open_ + 1]) / 2
        angles, found = numpy.insert(angles, open_ + 1, between), numpy.insert(found, open_ + 1, along_angles(cells, between))


def along_angles(cells, angles):
    """The largest l.p at most, for unit vectors p = (cos, sin) of angles."""
    of_weight, of_bias = numpy.cos(angles), numpy.sin(angles)
    steep = cells.weight * cells.step * cells.steep
    keep, gain = up(larger_ends(exp(steep))), up(larger_ends(cells.step * cells.steep * phi1(steep)))
    late, sure, lines = cells.late()[:, None], (cells.step * cells.least)[:, None] * of_weight, []
    for before, after in cells.pairs():
        with numpy.errstate(all="ignore"):
            added = late * (of_weight**2 / (before[0] * (1 - 1e-11) * of_weight + of_bias))
            mean = added <= sure * (after - before).min(axis=1)[:, None] / 2  # or the size at the end is the better bound
            added = at_nodes(numpy.where(mean, added, numpy.inf))
        mean, corners = numpy.isfinite(added), []
        for node, jump in enumerate(cells.nodes):
            end = after[min(node, len(after) - 1), :, None]
            size = numpy.where(mean[node], (before[:, None] + end) / 2, end)
            corners.append((jump, keep[node], gain[node] * (size * of_weight + of_bias) + numpy.where(mean[node], added[node], 0.0)))
        lines.append((1, corners))
    return largest_along(lines, numpy.zeros((1, len(angles)))).max(axis=0)


def flow_lines(cells, shares, most):
    """Cells in time as lines of one group (see `bent`): with z = a R step, y grows to e^z y + R step phi1(z) s.

    most: about the k at the end; what order costs is paid from the weight's share, so that where that is small the size at the end does.
    """
    weight, step, none = cells.weight, cells.step, numpy.zeros(len(cells.nodes))
    steep = step * cells.steep
    rate, growth = weight * steep, up(exp(weight * steep))
    gain, near, far = steep * phi1(rate), steep * growth, steep**2 * (1 / 6 + growth / 3)
    of_end, of_mean = step * product_ends(growth**2, cells.bend), step * product_ends(growth * phi1(rate), cells.bend)
    top, moved, bend = growth.max(axis=1), cells.speed * step, step * cells.bend.max(axis=1)
    of_whole, of_weight = bend_late(cells)
    with numpy.errstate(all="ignore"):
        of_mean = of_mean + (bend * (top * rate.max(axis=1)) ** 2 / 12 + of_whole * 4 / 3)[:, None]
        spent = of_weight + (bend * top**2 / 6 + of_whole) * moved**2 + far.max(axis=1) * moved
    sharper = (of_mean <= of_end).all(axis=1)
    growth, gain, near, far = (up(larger_ends(part)) for part in (growth, gain, near, far))
    lines = []
    for number, (share, pair) in enumerate(zip(shares, cells.pairs()), start=1):
        mean = sharper & (spent <= 0.02 * share[0] / (most * exp(rate.max() * (cells.count - number)) + 1e-300))
        bend, paid = (up(larger_ends(numpy.where(mean[:, None], *parts))) for parts in ((of_mean, of_end), (spent[:, None] + 0 * of_end, 0 * of_end)))
        size = at_nodes(flow_size(cells, mean, *pair))
        columns = zip(cells.nodes, size, growth, gain, weight**2 * bend, weight * bend, bend, near, far, none, paid, paid)
        lines.append((1, *share, [Corner(*column) for column in columns]))
    return lines


def flow_size(cells, mean, before, after):
    """For each cell of t the number that does for |h| in y at the end of a cell in time, by state: the mean of both ends' and what order costs.

    That is at most g = min(e / V, half of the difference), which is under 2 e / (V + e / g); by state in width 1, where |h| is affine in it. The size
    at the end does, too.
    """
    half, least = (after - before).min(axis=1)[:, None] / 2, before * (1 - 1e-11)
    with numpy.errstate(all="ignore"):
        late = (cells.late() / (cells.step * cells.least))[:, None]
        added = 2 * late / (least + late / half) if cells.width == 1 else late / least[0]
    better = mean[:, None] & (added.mean(axis=1, keepdims=True) <= half)
    return numpy.where(better, (before + after) / 2 + added, after)


def bend_late(cells):
    """What order within a cell in time adds to the integral of e^(int a R) sigma q^2: parts of q^2 at the end, and of the square of the weight's part alpha.

    q = X + alpha |h|. Infinite where the curvature is not that of tanh.
    """
    if not cells.kind:
        return numpy.full((2, len(cells.low)), numpy.inf)
    weight, step, slope, bend, move = cells.weight, cells.step, cells.tradeoff[2](0.0), cells.tradeoff[6](0.0), cells.value_moves
    rate, most, turn = 2 * weight * slope, cells.bend.max(axis=1), bend * maximum(1 - 3 * cells.low**2, 3 * cells.high**2 - 1)
    whole = (step * exp(weight * step * cells.largest)) ** 2 * exp(rate * step / 4)
    one = whole * weight * bend * slope * (1 - cells.low**2) ** 2 / sqrt(12.0)
    two = whole * (2 * cells.speed * turn / sqrt(12.0) + most * move * (math.pi / 4))
    square = whole * rate * (turn * (cells.high / sqrt(6.0) + 0.5) + most * rate * cells.high**2 * step / 12)
    mixed, rest = whole * turn * move * 2 / sqrt(6.0), whole * most * move**2 * step / 6
    paid, small = 2 * cells.low * bend * 0.81 * step, 10 * cells.speed * step  # where q at the start is at least 0.9 q, or q at most alpha `small`
    with numpy.errstate(all="ignore"):
        left = 2 * maximum(0.75 * paid - square, 0.0)
        of_weight = two**2 / left + mixed**2 / (4 * paid) + rest / 4
        where_small = (one * small**2 + two * small) / 2 + (square * small**2 + mixed * small + rest) / 4
        return one**2 / left * (1 + 1e-12), maximum(of_weight, where_small) * (1 + 1e-12)


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
