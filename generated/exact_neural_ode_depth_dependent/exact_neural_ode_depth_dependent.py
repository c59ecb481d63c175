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


def psi(z, growth=None):
    """(e^z - 1 - z) / z^2."""
    return entire(z, growth, lambda z, e: (e - 1 - z) / z**2, lambda n: 1 / math.factorial(n + 2))


def psi3(z, growth=None):
    """(e^z - 1 - z - z^2/2) / z^3."""
    return entire(z, growth, lambda z, e: (e - 1 - z - z**2 / 2) / z**3, lambda n: 1 / math.factorial(n + 3))


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
    R = (lambda y: 1.4142135623730951*y + x_norm)
    B_T = sqrt(2)*U + x_norm
    k = a
    v1 = (lambda y: sqrt(1 + R(y)**2))
    v2 = (lambda y: S2_tanh*(1 + R(y)**2))
    w = (lambda y: 1 + S2_tanh*a*sqrt(1 + R(y)**2))
    c = S2_tanh*a**2
    L_T = sqrt(2*sqrt(2)*U**2*psi(2*U*a)*x_norm + 4*U**3*psi3(2*U*a) + U*phi1(2*U*a)*(1 + x_norm**2))
    H_T = (1/2)*U**2*c*phi1(U*k)**2*v1(U)**2 + exp(U*k)*v2(U) + sqrt(2)*U*sqrt(phi2(2*U*k))*v1(U)*w(U)
    del k
    del v1
    del v2
    del w
    del c
    L = flow_path(L_T, x_norm, x_least, x_rest, a, U, 1, 1, 0, 2, 1, (1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2)), (lambda z: -2*z), (lambda z: 2 - 6*z**2)))
    del L_T
    Jsecond = flow_path(H_T, x_norm, x_least, x_rest, a, U, 2, 1, 0, 2, 1, (1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2)), (lambda z: -2*z), (lambda z: 2 - 6*z**2)))
    del H_T
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
