"""The joint bounds of neural ODEs, from above: cells in time as lines, functions that compiled bounds use beside those of `joint`."""

import math

import numpy
from numpy import exp, maximum, minimum, sqrt

from .joint import Corner, best_shares, eliminated, joint_size, larger_ends, largest_along, tradeoff_corners
from .runtime import each, phi1, up


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


def spread_lines(cells):
    """Cells in time as lines with parameters of their own, which may vary within the cell as t may; the norm is that of L^2.

    Each corner is there twice, for parameters at the start of the cell and at its end: what they make between is under the chord of both.
    """
    weight, step, steep, bend = cells.weight, cells.step, larger_ends(cells.steep), larger_ends(cells.bend)
    slope, curvature = steep.max(), bend.max()
    most = up(exp(weight * step * slope))
    keep, inner = exp(weight * step * steep), most * step**2
    square, bends, slopes = inner * steep**2, weight * inner * slope / curvature * bend**2, weight * inner * curvature / slope * steep**2
    lines = []
    for before, after in cells.pairs():
        after = after[-1]
        rise = (after - before).max()
        turn = rise / 2 * step * curvature * (most - 1 + weight * most * step * slope)
        third = turn + (weight * most * slope) ** 2 * curvature * step**3 / 2
        near = step * most * steep * (1 + weight**2 * most * step * curvature * rise / 4)
        ends = []
        for late, size in ((0, before), (1, after)):
            growth = 1.0 if late else most
            mixed = weight * step * most * bend + (1 - late) * (weight * most * step) ** 2 * curvature * steep
            alone = step * growth * bend + (bends if late else slopes) + third
            columns = [keep, step * growth * steep, weight**2 * step * most ** (1 + late) * bend, mixed, alone]
            columns += [near, 0 * near, square, turn + late * square, turn + (1 - late) * square]
            ends.append([Corner(node, size + (most - 1) * rise / 2, *column) for node, *column in zip(cells.nodes, *up(numpy.array(columns)))])
        corners = [corner for both in zip(*ends) for corner in both]
        lines.append((1, step, step, corners))
    return lines


def flow_path(high, x_norm, least, rest, weight, length, order, g1, g2, width, kind, tradeoff, fine=0):
    """The joint bound of a neural ODE with depth-dependent parameters, or (order 2) of a cost's, by cells in time and state: at most `high`."""
    return each(lambda *numbers: _flow_path(*numbers, tradeoff, fine), [high, x_norm, least, rest, weight, length, order, g1, g2, width, kind])


def _flow_path(high, x_norm, least, rest, weight, length, order, g1, g2, width, kind, tradeoff, fine):
    if not (numpy.isfinite(high) and high > 0 and length > 0):
        return high
    given = (x_norm, least, rest, weight, length, width, kind, tradeoff)
    if order < 2:
        return min(
            high, float(up(sqrt(largest_along(square_lines(FlowCells(given, int(128 * 1.5**fine), nodes_of(int(128 * 1.5**fine), 16))), numpy.zeros(1)).max())))
        )
    found, cells = high, 32 * (4 + min(weight * length, 4.0)) * 2.4**fine
    for count, corners, low in ((16, 8, 0.6), (48, 14, 0.8), (int(cells), int(20 * 1.4**fine), 0.9)):
        nodes = nodes_of(corners, 8 if kind else corners)
        found = eliminated(spread_lines(FlowCells(given, count, nodes)), g1, g2, 8, low * found, found)
    return found


def square_lines(cells):
    """Cells in time as lines (see `largest_along`): f grows at most to e^(2 a R step) f + step R^2 phi1 (1 + |h|^2), R^2 by its concave majorant."""
    step, slope, turn = cells.step, cells.tradeoff[2], cells.tradeoff[5]
    middle = ((cells.low + cells.high) / 2)[:, None]
    ends = numpy.stack([cells.low, cells.high], axis=1)
    square, falls, top = slope(middle) ** 2, 2 * slope(middle) * turn(middle), slope(0.0) ** 2
    if cells.kind:  # that of (1 - t^2)^2, times S1^2
        square, falls = numpy.where(middle < 1 / 3, square, top * 32 / 27 * (1 - middle)), numpy.where(middle < 1 / 3, falls, -top * 32 / 27)
    square = up(maximum(square + falls * (ends - middle), 0.0)) + 1e-15
    rate = 2 * cells.weight * step * cells.steep
    growth = up(exp(rate))
    factors, of_end, of_mean = up(larger_ends(growth)), step * product_ends(growth, square), step * product_ends(up(phi1(rate)), square)
    late = square_late(cells)
    ends_of, means_of, lates = up(larger_ends(of_end)), up(larger_ends(of_mean)), at_nodes(late)
    lines = []
    for before, after in cells.pairs():
        before, after, corners = 1 + before**2, 1 + after**2, []
        worse = numpy.zeros(len(late), dtype=bool)  # cells of t in which the size in the middle is no better at some end: then at neither
        for means, ends in ((means_of[:-1], ends_of[:-1]), (means_of[1:], ends_of[1:])):
            worse |= (means[:, None] * ((before + after) / 2) + late[:, None] * after > ends[:, None] * after).any(axis=1)
        worse = at_nodes(worse)
        for node, jump in enumerate(cells.nodes):
            end = after[min(node, len(after) - 1)]
            added = ends_of[node] * end if worse[node] else means_of[node] * ((before + end) / 2) + lates[node] * end
            corners.append((jump, factors[node], added))
        lines.append((1, corners))
    return lines


def square_late(cells):
    """What order within a cell in time adds to the integral of e^(2 int a R) R^2 (1 + |h|^2), in parts of 1 + |h|^2 at its end."""
    weight, slope, step, move, rise = cells.weight, cells.tradeoff[2](0.0), cells.step, cells.value_moves, exp(cells.speed * cells.step)
    if cells.kind:
        turn = 4 * slope**2 * cells.high * (1 - cells.low**2)
        turning = 4 * weight * slope**3 * cells.high * (1 - cells.low**2) ** 2 + turn * cells.speed
        rate, most = 4 * weight * slope, (slope * (1 - cells.low**2)) ** 2
        whole = (step * exp(weight * step * cells.largest)) ** 2 * exp(rate * step / 4)
        linear = whole * (turning / sqrt(12.0) + most * move * (math.pi / 8))
        square = whole * (turn * ((rate * cells.high + move) / sqrt(6.0) + rate / 2) + most * ((rate * cells.high) ** 2 / 2 + move**2) * step / 6)
        paid = slope**2 * (1 - 3 * cells.high) * (1 + cells.high) * step / rise - square
    else:
        linear = slope**2 * (math.pi / 8) * (2 * weight * cells.slope_moves + move) + maximum(2 * weight * cells.largest, cells.speed)
        linear, paid = linear * (step * exp(weight * step * cells.largest)) ** 2, step / rise
    with numpy.errstate(all="ignore"):
        return linear**2 / (4 * maximum(paid, 0.0)) * (1 + 1e-12)
