"""The joint bounds of neural ODEs, from above: cells in time as lines, functions that compiled bounds use beside those of `joint`."""

import math

import numpy
from numpy import exp, maximum, minimum, sqrt

from .joint import best_shares, eliminated, larger_ends, largest_along, lines_size, tradeoff_corners
from .runtime import each, phi1, up


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


def spread_lines(given, cells, corners):
    """Cells in time as lines with parameters of their own, which may vary within the cell as t may; the norm is that of L^2."""
    weight, jumps = given[3], numpy.arange(corners + 1)
    step, steep, bend, sizes = flow_cells(given, cells, corners)
    steep, bend = larger_ends(steep), larger_ends(bend)
    slope, curvature = steep.max(), bend.max()
    most = up(exp(weight * step * slope))
    near, twice = step * most * steep, step * most * weight
    mixed = twice * (bend + twice * curvature * steep)
    square = step * most * (bend + slope * weight * step * curvature * (1 + twice * slope / 2))
    lost = up(most * (step * slope) ** 2)
    numbers = [up(part) for part in (exp(weight * step * steep), near, twice * most * weight * bend, mixed, square, near)]
    fixed = [[part] * len(jumps) for part in (0.0, lost, lost * up(sqrt(0.5)))]
    return [(1, step, step, list(zip(jumps, [size[corners:]] * len(jumps), *numbers, *fixed))) for size in sizes]


def along_directions(lines, count):
    """|l| at most, for corners of lines that share their parameters (see `bent`): the largest l.p by state, for `count` + 1 unit vectors p."""
    angles = numpy.linspace(0.0, 1.0, count + 1) * (math.pi / 2)
    of_weight, of_bias = numpy.cos(angles), numpy.sin(angles)
    linear = [(1, [(jump, keep, gain * (size[:, None] * of_weight + of_bias)) for jump, size, keep, gain, *_ in line[-1]]) for line in lines]
    return float(largest_along(linear, numpy.zeros((1, count + 1))).max() / math.cos(math.pi / (4 * count)) * (1 + 1e-13))


def flow_work(cells, corners, grid, fine):
    """Cells in time, corners and grids of k of two eliminations: a rough one, and one with 2^fine times the cells."""
    return (16, 8, 16), (int(cells * 2.0**fine), int(corners * (2 if fine > 0 else 1)), grid)


def flow_path(high, x_norm, least, rest, weight, length, order, g1, g2, width, kind, tradeoff, fine=0):
    """The joint bound of a neural ODE with depth-dependent parameters, or (order 2) of a cost's, by cells in time and state: at most `high`."""
    return each(lambda *numbers: _flow_path(*numbers, tradeoff, fine), [high, x_norm, least, rest, weight, length, order, g1, g2, width, kind])


def _flow_path(high, x_norm, least, rest, weight, length, order, g1, g2, width, kind, tradeoff, fine):
    if not (numpy.isfinite(high) and high > 0 and length > 0):
        return high
    given = (x_norm, least, rest, weight, length, width, tradeoff)
    if order < 2:
        return min(high, float(up(sqrt(largest_along(square_lines(given, int(512 * 2.0**fine), 24, kind), numpy.zeros(1)).max()))))
    found = high / 1.6
    for count, corners, grid in flow_work(128, 10, 24, fine):
        found = eliminated(spread_lines(given, count, corners), g1, g2, grid, 0.8 * found, high)
    return found


def square_lines(given, cells, corners, kind):
    """Cells in time as lines (see `largest_along`): f grows at most to e^(2 a R step) (f + step R^2 (1 + |h|^2)), R^2 by its concave majorant."""
    tradeoff, jumps = given[-1], numpy.arange(corners + 1)
    step, steep, _, sizes = flow_cells(given, cells, corners)
    ends = numpy.stack([jumps[:-1], jumps[1:]], axis=1) / corners
    middle = ends.mean(axis=1, keepdims=True)
    slope, turn = tradeoff[2](middle), tradeoff[5](middle)
    square, falls = slope**2, 2 * slope * turn
    if kind:  # that of (1 - t^2)^2, times S1^2
        top = tradeoff[2](0.0) ** 2
        square, falls = numpy.where(middle < 1 / 3, square, top * 32 / 27 * (1 - middle)), numpy.where(middle < 1 / 3, falls, -top * 32 / 27)
    square = up(maximum(square + falls * (ends - middle), 0.0)) + 1e-15
    growth = up(exp(2 * given[3] * step * steep))
    factors, gains = up(larger_ends(growth)), up(larger_ends(step * product_ends(growth, square)))
    lines = []
    for size in sizes:
        lines.append((1, [(jump, factor, gain * (1 + part**2)) for jump, factor, gain, part in zip(jumps, factors, gains, at_corners(size, corners))]))
    return lines
