"""Bounds on Lipschitz constants in the parameters, compiled by symlip: joint method on the parameter ball, widths 2, 3, 2, depth 2, tanh.

Needs NumPy alone; call bounds(radius, input_norm).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt

RELATIVE = 1e-14  # more than the rounding errors of a few operations


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


def sequence(term, start, length):
    """The values start, term(1, start), term(2, ..), .. with indices 0 .. length along the first axis."""
    values = [start]
    for index in range(1, length + 1):
        values.append(term(index, values[-1]))
    return blocks(*values)


def symmetric_entries(ww, wb, bw, bb, length):
    """The symmetric matrix of 2 x 2 blocks ((ww, wb), (bw, bb))(j, k) for j <= k = 1 .. length, mirrored below."""
    sample = numpy.asarray(ww(1, 1) + wb(1, 1) + bw(1, 1) + bb(1, 1))
    out = numpy.zeros((2 * length, 2 * length, *sample.shape), dtype=sample.dtype)
    for j in range(1, length + 1):
        for k in range(j, length + 1):
            for row, column, term in ((2 * j - 2, 2 * k - 2, ww), (2 * j - 2, 2 * k - 1, wb), (2 * j - 1, 2 * k - 2, bw), (2 * j - 1, 2 * k - 1, bb)):
                out[row, column] = out[column, row] = term(j, k)
    return out


def table(*values):
    """The constants with indices 1, 2, .. (index 0 holds 1 and is not used)."""
    return blocks(1, *values)


def ball_monomial(coefficient, radius, ones, twos):
    """coefficient * max of a product of `ones` coordinates and `twos` squares on the sphere; counts may be arrays."""
    radius = numpy.asarray(radius)
    lift = (Ellipsis,) + (None,) * radius.ndim
    ones, twos, coefficient = (numpy.asarray(value)[lift] for value in (ones, twos, coefficient))
    degree = ones + 2 * twos
    some = maximum(degree, 1)
    return coefficient * (radius * sqrt(1 / some)) ** ones * (radius**2 * 2 / some) ** twos


def budget_sum_range(term, first, last):
    """The sum over an index of ball monomials, all indices at once."""
    return numpy.sum(term(numpy.arange(first, last + 1)), axis=0) if first <= last else 0


def below(first, second):
    """1 if first < second, else 0."""
    return 1 if first < second else 0


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


def each(function, arguments):
    """A function of numbers at every place of the arguments' broadcast shape, which comes last where its values are arrays."""
    arrays = numpy.broadcast_arrays(*(numpy.asarray(argument, dtype=float) for argument in arguments))
    values = [numpy.asarray(function(*(float(array[place]) for array in arrays)), dtype=float) for place in numpy.ndindex(arrays[0].shape)]
    return numpy.stack(values, axis=-1).reshape((*values[0].shape, *arrays[0].shape))[()]


def activation_chart(*parts):
    """An activation as the search takes it."""
    return parts


def bending_ends(high, layers, activation, slope, curvature, fine=0):
    """The smallest lam for which lam Gamma_m(slope |s'| / lam) >= slope |s''| + curvature s'^2 everywhere, from above, at most `high` (which may be inf).

    Behind it, in the first axis: |D^2 N| of an explicit network along an explicit direction (where slope = 1, curvature = 0; else 0).
    fine: 0, or 1 for smaller cells.
    """
    x_norm, *steps = layers
    numbers = [numpy.asarray(value, dtype=float) for value in (high, x_norm, slope, curvature, *(step[0] for step in steps))]
    shape = numpy.broadcast_shapes(*(number.shape for number in numbers))
    high, x_norm, slope, curvature, *weights = (numpy.broadcast_to(number, shape).ravel() for number in numbers)
    rest = [(width + maximum(more, 0), chart) for _, width, chart, more in steps]
    true = [(step[1], step[3] < 0) for step in steps]  # the widths, and whether all neurons are bounded alike
    found = numpy.empty((2, high.size))

    def piece(start):
        part = numpy.arange(start, min(start + 128, high.size))
        levels = 1 if any(alike for _, alike in true) else 2
        for level in range(min(fine, levels - 1), levels):
            given = (high[part], x_norm[part], slope[part], curvature[part], [weight[part] for weight in weights])
            found[:, part] = bending_batch(*given, rest, true, activation, level)
            compared = (found[1, part] > 0) | ((slope[part] == 1) & (curvature[part] == 0))
            part = part[compared & numpy.isfinite(found[0, part]) & (found[0, part] > found[1, part] * (1 + 2e-5))]  # once more, with smaller cells
            if not part.size:
                break

    in_threads(piece, range(0, high.size, 128))
    return found.reshape(2, *shape)


def in_threads(function, places):
    """Call it at each place, at several at once where there is more than one processor: NumPy's loops run beside each other."""
    if len(places) < 2:
        for place in places:
            function(place)
        return
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # each takes some 100 MB
        list(pool.map(function, places))


def bending_batch(high, x_norm, slope, curvature, weights, layers, true, last, fine):
    """The same for a batch that fits into memory, each argument an array of one axis."""
    with numpy.errstate(all="ignore"):
        cap, high = high, numpy.fmin(high, rough_bound(x_norm, slope, curvature, weights, layers, last))
        good = numpy.isfinite(high) & (high > 0) & numpy.isfinite(x_norm) & numpy.isfinite(slope) & (slope > 0)
        good = good & numpy.all([(weight > 0) & numpy.isfinite(weight) for weight in weights] or [good], axis=0)
        if not good.all():
            found = numpy.stack([cap, 0 * x_norm])
            if good.any():
                given = (cap[good], x_norm[good], slope[good], curvature[good], [weight[good] for weight in weights])
                found[:, good] = bending_batch(*given, layers, true, last, fine)
            return found
        count, ratio, least = ((7, 1.85, 2.4e-3), (30, 1.35, 1e-6))[fine]
        estimate, path = estimate_all(high, x_norm, slope, curvature, weights, layers, last, fine)
        found = bound_once(estimate, x_norm, slope, curvature, weights, layers, true, last, path, count, ratio, least, 2e-3)
        if true and true[-1][1] and affine_end(curvature, layers, last):
            # the search went to where a denominator of one neuron vanishes, and the bound's own does so a little earlier
            for _ in range(2):
                again = bound_once(
                    numpy.where(numpy.isfinite(found), found, 4 * estimate),
                    x_norm,
                    slope,
                    curvature,
                    weights,
                    layers,
                    true,
                    last,
                    path,
                    count,
                    ratio,
                    least,
                    0.3,
                )
                found = minimum(found, again)
        below = numpy.zeros_like(found)
        if not ((curvature > 0).any() or (slope != 1).any()):
            widths = [width for width, _ in true]
            below = chain_eigenvalue(x_norm, weights, layers, widths, last, path)
            far = numpy.isfinite(found) & (below * (1 + 2e-5) < found)
            if fine and far.any() and not any(alike for _, alike in true):
                parts = [None, *([row[far] for row in step] for step in path[1:])]
                below[far] = maximum(below[far], polished_eigenvalue(x_norm[far], [w[far] for w in weights], layers, widths, last, parts))
        return numpy.stack([numpy.fmin(found, cap), numpy.fmin(below * (1 - 1e-9), found)])


def bound_once(estimate, x_norm, slope, curvature, weights, layers, true, last, path, count, ratio, least, beyond):
    """The smallest lam from above: functions at nodes around the path and about `estimate`, layer by layer, then the end."""
    function, short = first_function(x_norm), affine_end(curvature, layers, last) and not true[-1][1]
    for number, (weight, layer) in enumerate(zip(weights, layers), 1):
        if short and number == len(layers):
            sigma = slope * last[1]
            return bound_end(function, weight * sigma, curvature, layer[1], path[number][0], least, ratio, sigma**2)
        end = reach_of(slope, weights, layers, last, number) / estimate
        nodes = nodes_around(path[number + 1][1], critical(function, weight, layer[1], end), end, least, ratio, count, beyond)
        if true[number - 1][1]:
            # before an affine layer it matters only that there is some sig, and a large one helps
            shares = (0.05, 1.0, 100.0) if number == len(layers) and affine_end(curvature, layers, last) else (0.003, 0.05)
            function = (nodes, bound_step_alike(function, nodes, weight, *layer, least, ratio, shares))
        else:
            fine = least < 1e-4
            away = (nodes - path[number + 1][1][:, None]) / end[:, None]
            function = (nodes, bound_step(function, nodes, weight, *layer, maximum(least * 1e-3, 1e-3 * away**2 * (not fine)), fine))  # as the chords cost
    return bound_end(function, slope, curvature, last, path[-1][0], least, ratio)


def rough_bound(x_norm, slope, curvature, weights, layers, last):
    """Where to begin: the bound by norms, layer by layer."""
    size, first, second = x_norm, 0 * x_norm, 0 * x_norm
    for number, activation in enumerate([*(layer[1] for layer in layers), last]):
        weight = weights[number - 1] if number else 0 * x_norm
        square = 1 + size**2 + weight**2 * first**2
        bend = max(activation[5][0]) if len(activation[5][0]) else 0.0
        second = bend * square + activation[1] * (first + weight * second)
        first = activation[1] * sqrt(square)
        if number < len(layers):
            size = sqrt(layers[number][0]) * activation[0]
    return slope * second + curvature * first**2


def first_function(x_norm):
    """Gamma_1, from below."""
    return (None, (1 / (1 + x_norm**2) * (1 - 4 * RELATIVE))[:, None])


def estimate_all(high, x_norm, slope, curvature, weights, layers, last, fine):
    """(lam, path) of `estimate_path`, estimated several times, each around the path of the one before."""
    estimate, path = None, None
    for nearest, rounds in ((None, 2), (0.03, 3), (2e-3, 5), (1e-4, 7))[: 3 + fine]:
        functions = [first_function(x_norm)]
        for number, (weight, layer) in enumerate(zip(weights, layers), 1):
            end = reach_of(slope, weights, layers, last, number) / (high if estimate is None else estimate)
            if estimate is None:
                nodes = numpy.concatenate([[0.0], numpy.geomspace(1e-3, 1e5, 60)])[None, :] * end[:, None]
            else:
                nodes = nodes_around(path[number + 1][1], critical(functions[-1], weight, layer[1], end), end, nearest, 1.8, 8, 0.3)
            functions.append((nodes, estimate_step(functions[-1], nodes, weight, *layer, rounds)[0]))
        estimate, path = estimate_path(functions, high, slope, curvature, weights, layers, last, estimate)
    return estimate, path


def reach_of(slope, weights, layers, last, number):
    """The largest k of the function after layer `number`, times lam: slope |s_m'| times the weights above it times their slopes."""
    found = slope * last[1]
    for weight, (_, activation) in zip(weights[number:], layers[number:]):
        found = found * weight * activation[1]
    return found


def nodes_around(centre, pole, end, nearest, ratio, regular, beyond):
    """Nodes from 0 to that share beyond `end`, dense around a centre, near 0, below a pole and about the end: distances grow by that ratio."""
    away = nearest * ratio ** numpy.arange(int(numpy.ceil(numpy.log(1 / nearest) / numpy.log(ratio))) + 1)
    near = away[away < 0.2][::2]
    above = numpy.concatenate([nearest * numpy.array([1e-6, 1e-3, 0.1]), near[near < beyond], [beyond]])
    ends = numpy.concatenate([near, numpy.linspace(0, 1, regular), 1 - near, 1 + above])
    around_centre = centre[:, None] * (numpy.concatenate([-away[::-1], [0.0], away]) + 1)
    below_pole = pole[:, None] * (1 - numpy.concatenate([nearest * numpy.array([1e-3, 1e-2, 1e-1]), near]))
    found = numpy.concatenate([around_centre, below_pole, end[:, None] * ends], axis=1)
    return numpy.sort(numpy.clip(found, 0, end[:, None] * (1 + beyond)), axis=1)


def at_points(function, points, owner=None):
    """A function of nodes at points, on the chord between its neighbours; -inf beyond the nodes.

    owner: the number of the function, one of the batch, to which each place of the first axis belongs, in order; one each, if not said.
    """
    nodes, values = function
    if nodes is None:
        values = values if owner is None else values[owner]
        return values.reshape(values.shape + (1,) * (points.ndim - 2)) + 0 * points
    first = values[:, :1]
    values = values - numpy.where(numpy.isfinite(first), RELATIVE * first, 0.0)  # more than the rounding of a chord
    found, ends = numpy.empty(points.shape), numpy.arange(len(nodes) + 1)
    ends = ends if owner is None else numpy.searchsorted(owner, ends)
    for start, stop, *chords in zip(ends, ends[1:], nodes, values):
        if start < stop:
            found[start:stop] = numpy.interp(points[start:stop], *chords, right=-numpy.inf)
    return numpy.fmax(found, -numpy.inf, out=found)  # also where there is no point


def shape_of(s, slope, bend, k, weight, function, owner=None):
    """s^2 + s'^2 (w + k s)^2 / (g - k w s'' - k^2 s'^2), g = Gamma(k |w s'|); inf where the denominator is not positive."""
    below = at_points(function, k * abs(weight * slope), owner) - k * weight * bend - k**2 * slope**2
    return numpy.where(below > 0, s**2 + slope**2 * (weight + k * s) ** 2 / below, numpy.inf)


def estimate_step(function, nodes, weight, width, activation, rounds=8):
    """(Gamma of the next layer at the nodes, the best z there and its sign of w), as a search on a grid finds them."""
    top, _, odd, _, edges, _, _, _, s, slope, bend = activation
    grid = numpy.asarray(edges)
    k = nodes[:, :, None]
    best = None
    for sign in (1.0,) if odd else (1.0, -1.0):
        w = sign * weight[:, None, None]
        found = shape_of(s(grid), slope(grid), bend(grid), k, w, function)
        index = found.argmax(axis=2)
        value, point = numpy.take_along_axis(found, index[:, :, None], axis=2)[:, :, 0], grid[index]
        size = numpy.diff(grid).max()
        for _ in range(rounds):
            near = point[:, :, None] + size * numpy.linspace(-1, 1, 9)
            found = shape_of(s(near), slope(near), bend(near), k, w, function)
            index = found.argmax(axis=2)[:, :, None]
            larger = numpy.take_along_axis(found, index, axis=2)[:, :, 0]
            point = numpy.where(larger > value, numpy.take_along_axis(near, index, axis=2)[:, :, 0], point)
            value, size = maximum(value, larger), size / 4
        new = value, point, numpy.full(value.shape, sign)
        best = new if best is None else tuple(numpy.where(new[0] > best[0], a, b) for a, b in zip(new, best))
    value, point, sign = best
    saturated = value <= top**2
    value = maximum(value, top**2)
    gamma = numpy.where(numpy.isinf(value), -numpy.inf, 1 / (1 + (width - 1) * top**2 + value))
    return gamma, numpy.where(saturated, numpy.nan, point), sign


def crossing(function, reach, need, square):
    """About the smallest lam for which lam Gamma(reach / lam) >= need + square reach^2 / lam, at each place of a row.

    With u = reach / lam it is where Gamma(u) / u - square u has fallen to need / reach; on a chord of Gamma, 1 / u is affine in the value of that.
    """
    nodes, values = function
    if nodes is None:
        return (need + sqrt(need**2 + 4 * square * reach**2 * values)) / (2 * values)
    values = values - square * nodes**2
    known = numpy.isfinite(values) & (nodes > 0)
    first, last = known.argmax(axis=1)[:, None], known.shape[1] - 1 - known[:, ::-1].argmax(axis=1)[:, None]  # known is what lies between
    index = numpy.clip(numpy.arange(known.shape[1])[::-1], first, last)
    inverse = 1 / numpy.take_along_axis(nodes, index, axis=1)
    falls = numpy.take_along_axis(values, index, axis=1) * inverse
    found = numpy.empty(reach.shape)
    for row, *chords in zip(found, need / reach, falls, inverse):
        row[...] = numpy.interp(*chords)
    start, turn = values[:, :1], (numpy.take_along_axis(values, first, axis=1) - values[:, :1]) * inverse[:, -1:]
    found = numpy.where(need < falls[:, -1:] * reach, found * reach, (need - turn * reach) / start)  # else before the first node that is not 0
    return numpy.where(known.any(axis=1)[:, None], found, numpy.inf)


def estimate_end(function, slope, curvature, squared, activation, lower, upper):
    """(lam, z): the smallest lam in [lower, upper] for which lam Gamma(slope |s'| / lam) >= slope |s''| + (curvature + squared / lam) s'^2."""
    edges, derivative, second = numpy.asarray(activation[4]), activation[9], activation[10]
    slope, curvature, square = slope[:, None], curvature[:, None], numpy.reshape(squared, (-1, 1)) / slope[:, None] ** 2
    grid, size = numpy.broadcast_to(edges if len(edges) > 1 else 0.0, (len(slope), len(edges))), numpy.diff(edges).max(initial=0.0)
    for _ in range(6 if size else 1):
        steep = abs(derivative(grid))
        lam = crossing(function, slope * steep, slope * abs(second(grid)) + curvature * steep**2, square)
        at = lam.argmax(axis=1)[:, None]
        point, most = numpy.take_along_axis(grid, at, axis=1), numpy.take_along_axis(lam, at, axis=1)[:, 0]
        grid, size = point + size * numpy.linspace(-1, 1, 17), size / 7
    return numpy.clip(most, lower, upper), point[:, 0]


def critical(function, weight, activation, end):
    """About the k, near `end`, from which on a denominator of the next layer vanishes; twice `end` if it is farther away."""
    lam, _ = estimate_end(function, weight, 0 * weight, 1.0, activation, 1 / (1.5 * end), 1 / (0.2 * end))
    return numpy.where(lam < 1 / (1.49 * end), 2 * end, 1 / lam)


def estimate_path(functions, high, slope, curvature, weights, layers, last, estimate):
    """(lam, [(z, k, sign), ..]): where the inequality at the end is an equality, and what led there; index u is layer u."""
    lower, upper = (high * 1e-5, high) if estimate is None else (estimate * 0.78, minimum(estimate * 1.3, high))
    if affine_end(curvature, layers, last):
        sigma = slope * last[1]
        lam, point = estimate_end(functions[-2], weights[-1] * sigma, curvature, sigma**2, layers[-1][1], lower, upper)
        k = sigma / lam
        path = [(point, k * weights[-1] * abs(layers[-1][1][9](point)), 0 * k + 1), (0 * k, k, 0 * k)]
        odd, bend = layers[-1][1][2], layers[-1][1][10](point)
        path[0] = (numpy.where(odd & (bend < 0), -point, point), path[0][1], numpy.where(odd, 1.0, numpy.where(bend < 0, -1.0, 1.0)))
        k = path[0][1]
    else:
        lam, point = estimate_end(functions[-1], slope, curvature, 0.0, last, lower, upper)
        k = slope * abs(last[9](point)) / lam
        path = [(point, k, 0 * k)]
    for number in range(len(weights) - len(path) + 1, 0, -1):
        weight, (width, activation) = weights[number - 1], layers[number - 1]
        nodes = k[:, None] * (1 - numpy.array([0, 1e-9, 1e-7, 1e-5, 1e-3]))
        gamma, z, sign = estimate_step(functions[number - 1], nodes, weight, width, activation)
        use = numpy.isfinite(gamma).argmax(axis=1)[:, None]  # the first at which the function is finite
        z, sign = numpy.take_along_axis(z, use, axis=1)[:, 0], numpy.take_along_axis(sign, use, axis=1)[:, 0]
        k = numpy.where(numpy.isnan(z), 0.0, k * weight * abs(activation[9](z)))
        path.insert(0, (z, numpy.where(numpy.isnan(k), 0.0, k), sign))
        k = path[0][1]
    return lam, [None, *path]


def affine_end(curvature, layers, last):
    """Whether the last layer is affine and all that counts is that no denominator before it vanishes."""
    return len(layers) > 0 and len(last[4]) == 1 and not (curvature > 0).any()


def polished_eigenvalue(x_norm, weights, layers, widths, last, path, rounds=7):
    """`chain_eigenvalue` where a search along one z after the other makes it largest: where many paths cost nearly the same, one of them is not enough."""
    points, size = numpy.stack([step[0] for step in path[1:]]), 0.4
    if numpy.isnan(points).any():  # a neuron that the search left where it is far out: from 0, too
        near = [None, *((numpy.where(numpy.isnan(step[0]), 0.0, step[0]), *step[1:]) for step in path[1:])]
        least = polished_eigenvalue(x_norm, weights, layers, widths, last, near, 2 * rounds)
    else:
        least = numpy.zeros(points.shape[1])
    depth, batch = points.shape
    known = [numpy.repeat(row, 9) for row in (x_norm, *weights)]
    signs = [numpy.repeat(step[2], 9) for step in path[1:]]
    for _ in range(rounds):
        for number in range(depth):
            tries = numpy.repeat(points[:, :, None], 9, axis=2)
            tries[number] += size * numpy.linspace(-1, 1, 9)
            along = [None, *((row.ravel(), None, sign) for row, sign in zip(tries, signs))]
            found = chain_eigenvalue(known[0], known[1:], layers, widths, last, along).reshape(batch, 9)
            points[number] = tries[number, numpy.arange(batch), found.argmax(axis=1)]
        size /= 2.5 if rounds < 10 else 1.7
    return maximum(found.max(axis=1), least)


def chain_eigenvalue(x_norm, weights, layers, widths, last, path):
    """The largest |D^2 N[eta, eta]| along unit directions that keep to neuron 1, for the network of the path."""
    batch, depth = len(x_norm), len(layers) + 1
    size = 2 * depth - 1
    first, second = numpy.zeros((batch, size)), numpy.zeros((batch, size, size))
    first[:, 0] = sqrt(1 + x_norm**2)
    signs = numpy.ones(batch)
    turn = [None] * (depth + 1)  # the signs of A_u, from the last layer down
    for number in range(depth, 0, -1):
        point, _, sign = path[number]
        activation = last if number == depth else layers[number - 1][1]
        slope, bend = activation[9](point), activation[10](point)
        if number == depth:
            signs = numpy.where(slope * bend < 0, -1.0, 1.0)
        else:
            turn[number + 1] = sign * signs
            signs = numpy.where(slope * sign < 0, -1.0, 1.0)
    for number in range(1, depth + 1):
        point = path[number][0]
        activation = last if number == depth else layers[number - 1][1]
        far = numpy.isnan(point)
        value, slope, bend = (numpy.where(far, limit, f(numpy.where(far, 0.0, point))) for f, limit in zip(activation[8:], (activation[0], 0.0, 0.0)))
        moved = slope[:, None] * first
        bent = bend[:, None, None] * first[:, :, None] * first[:, None, :] + slope[:, None, None] * second
        if number == depth:
            if not numpy.isfinite(bent).all():
                return numpy.where(numpy.isfinite(bent).all(axis=(1, 2)), 0.0, 0.0)
            return abs(numpy.linalg.eigvalsh(bent)).max(axis=1)
        width = widths[number - 1]
        weight = (weights[number - 1] * turn[number + 1])[:, None]
        first, second = weight * moved, weight[:, :, None] * bent
        first[:, 2 * number - 1] += value
        first[:, 2 * number] += sqrt(1 + (width - 1) * activation[0] ** 2)
        second[:, 2 * number - 1, :] += moved
        second[:, :, 2 * number - 1] += moved


def bernstein(first, second):
    """The Bernstein coefficients of a product of two polynomials, of degree 1 each or 2 each, and of the sum of moduli."""
    if len(first) == 2:
        pairs = (((0, 0, 1),), ((0, 1, 0.5), (1, 0, 0.5)), ((1, 1, 1),))
    else:
        pairs = (((0, 0, 1),), ((0, 1, 0.5), (1, 0, 0.5)), ((0, 2, 1 / 6), (1, 1, 4 / 6), (2, 0, 1 / 6)), ((1, 2, 0.5), (2, 1, 0.5)), ((2, 2, 1),))
    return [sum(weight * first[i] * second[j] for i, j, weight in row) for row in pairs]


def raised(coefficients):
    """A polynomial of degree 1 as one of degree 2, or of degree 2 as one of degree 4."""
    if len(coefficients) == 2:
        a, b = coefficients
        return [a, (a + b) / 2, b]
    a, b, c = coefficients
    return [a, (a + b) / 2, (a + 4 * b + c) / 6, (b + c) / 2, c]


def largest_quotient(square, slope2, line2, below, moduli, most):
    """square + slope2 line2 / below on cells, from above, all of degree 2 in Bernstein coefficients; inf where `below` may not be positive.

    moduli: the sum of the moduli that make `below`; most: at least `square`.
    """
    below = [value - RELATIVE * moduli for value in below]
    denominators = raised(below)
    found = -numpy.inf
    for first, second, denominator in zip(bernstein(square, below), bernstein(slope2, line2), denominators):
        found = maximum(found, numpy.where(denominator > 0, (first + second) / denominator, numpy.inf))
    # the numerator's rounding: of the square times the denominator, and of a sum of nonnegative terms
    smallest = numpy.minimum.reduce([numpy.where(d > 0, d, numpy.inf) for d in denominators])
    return found * (1 + RELATIVE) + 8 * RELATIVE * most * moduli / smallest


def cell_bound(s, away_s, steep, bend, away_bend, k, weight, gamma, top, less=None, most_less=0.0):
    """sup of s^2 + s'^2 (w + k s)^2 / (g - k w s'' - k^2 s'^2) on cells, from above; inf where the denominator may not be positive.

    less: Bernstein coefficients of what is subtracted, at most `most_less` in modulus. s, steep, bend, gamma: pairs, the values at both ends of a cell, between which the chord lies: s and s'' within `away_s`,
    `away_bend` of theirs, |s'| below its own, g above its own.
    """
    size = abs(weight)
    square = [value + away_s * (2 * top + away_s) for value in bernstein(s, s)]
    if less is not None:
        square = [value - row for value, row in zip(square, less)]
    along = (weight + k * s[0], weight + k * s[1])
    shift = [value + k * away_s * (2 * (size + k * top) + k * away_s) for value in bernstein(along, along)]
    steep2 = bernstein(steep, steep)
    most = size * k * (maximum(abs(bend[0]), abs(bend[1])) + away_bend) + k**2 * maximum(steep2[0], steep2[2])
    straight = [g - k * weight * b - k * size * away_bend for g, b in zip(gamma, bend)]
    below = [value - k**2 * slope2 for value, slope2 in zip(raised(straight), steep2)]
    return largest_quotient(square, steep2, shift, below, maximum(abs(gamma[0]), abs(gamma[1])) + most, top**2 + most_less)


def refined(function, rows, most, floor, given):
    """The largest value of function(*rows) on the last axis, at least `floor`, with the places that `given` tells.

    most: a bound of each value. Where it is at most the floor, as at most places, nothing more need be known.
    """
    places = (given & ~(most <= floor[..., None])).nonzero()
    if not len(places[0]):
        return floor

    def at(row):
        return tuple(map(at, row)) if isinstance(row, (tuple, list)) else numpy.broadcast_to(row, most.shape)[places]

    found = numpy.full(most.shape, -numpy.inf)
    found[places] = function(*map(at, rows))
    return maximum(found.max(axis=-1), floor)


def largest_on_cells(function, activation, k, weight, sign, floor, tolerance):
    """The largest `cell_bound` of any cell of the chart, at least `floor`, for each node.

    Of most cells it is enough to bound each part. Those that may be above the floor are looked at as polynomials, and cut in four while
    they are above it, and above what is reached at their ends, by more than the tolerance.
    """
    edges, bends, top = numpy.asarray(activation[4]), numpy.asarray(activation[5]), activation[0]
    s, away_s, steep, bend, away_bend = cells_of(edges, bends, activation)
    w = sign * weight[:, None, None]
    turn, steepest = k * abs(w), minimum(maximum(*steep), activation[1])
    least = at_points(function, turn * steepest * (1 + 2 * RELATIVE))
    line = maximum(abs(w + k * s[0]), abs(w + k * s[1])) + k * away_s
    moduli = abs(least) + turn * (maximum(abs(bend[0]), abs(bend[1])) + away_bend) + (k * steepest) ** 2
    below = least - maximum(k * w * bend[0], k * w * bend[1]) - turn * away_bend - (k * steepest) ** 2 - 4 * RELATIVE * moduli
    most = ((maximum(abs(s[0]), abs(s[1])) + away_s) ** 2 + (steepest * line) ** 2 / below) * (1 + 4 * RELATIVE)
    batch, node, cell = (~((below > 0) & (most <= floor[:, :, None]))).nonzero()
    points, bends, found, enough = numpy.stack([edges[cell], edges[cell + 1]], axis=1), bends[:, cell], floor.copy(), floor * (1 + tolerance)
    while len(batch):
        here, w = k[batch, node], sign * weight[batch][:, None]
        s, away_s, steep, bend, away_bend = cells_of(points, bends[:, :, None], activation)
        steep, gamma = within(function, here * abs(w), steep, activation[1], batch)
        values = cell_bound(s, away_s, steep, bend, away_bend, here, w, gamma, top)
        reached = shape_of(*(f(points) for f in activation[8:]), here, w, function, batch).max(axis=1)
        numpy.maximum.at(enough, (batch, node), reached * (1 + tolerance[batch, node]))  # inf where a denominator vanishes
        more = (values > enough[batch, node][:, None]) & (len(batch) < 100000) & (numpy.diff(points, axis=1) > 1e-7)
        numpy.maximum.at(found, (batch, node), numpy.where(more, -numpy.inf, values).max(axis=1))
        row, part = more.nonzero()
        left, size = points[row, part], points[row, part + 1] - points[row, part]
        points = left[:, None] + size[:, None] * numpy.linspace(0, 1, 5)
        points[:, -1] = left + size
        batch, node, bends = batch[row], node[row], bends[:, row]
    return found


def cells_of(points, bends, activation):
    """What `cell_bound` needs of the cells between consecutive points (last axis); bends: |s''|, |s'''|, |s''''| on each."""
    _, _, _, _, _, _, _, noise, s, slope, bend = activation
    s, steep, bend = s(points), abs(slope(points)), bend(points)
    square = numpy.diff(points, axis=-1) ** 2 / 8 * (1 + RELATIVE)
    away = [square * row + error for row, error in zip(bends, noise)]
    return (s[..., :-1], s[..., 1:]), away[0], (steep[..., :-1] + away[1], steep[..., 1:] + away[1]), (bend[..., :-1], bend[..., 1:]), away[2]


def within(function, factor, steep, most, owner=None):
    """(|s'| at both ends of the cells, Gamma there): not above `most`, where Gamma is not known beyond."""
    left, right = steep
    gamma = [at_points(function, factor * end * (1 + 2 * RELATIVE), owner) for end in steep]
    outside = (maximum(left, right) > most) & ~(numpy.isfinite(gamma[0]) & numpy.isfinite(gamma[1]))
    if not outside.any():
        return steep, gamma
    least = at_points(function, factor * most * (1 + 2 * RELATIVE) + 0 * left, owner)
    return [numpy.where(outside, most, end) for end in steep], [numpy.where(outside, least, end) for end in gamma]


def around(z, activation, nearest, ratio):
    """(points around z, from two cells before to two behind, their bends, which of the chart's cells they replace)."""
    edges, bends = numpy.asarray(activation[4]), numpy.asarray(activation[5])
    count = len(edges) - 1
    cell = numpy.clip(numpy.searchsorted(edges, z) - 1, 0, count - 1)
    first, behind = numpy.clip(cell - 2, 0, count - 1), numpy.clip(cell + 3, 1, count)
    size = float(numpy.diff(edges).max()) * 4
    away = nearest * ratio ** numpy.arange(int(numpy.log(1 / nearest) / numpy.log(ratio)) + 2)
    offsets = size * numpy.concatenate([[-numpy.inf], -away[::-1], [0.0], away, [numpy.inf]])
    points = numpy.clip(z[..., None] + offsets, edges[first][..., None], edges[behind][..., None])
    largest = numpy.max([bends[:, numpy.clip(cell + step, 0, count - 1)] for step in range(-2, 3)], axis=0)
    index = numpy.arange(count)
    replaced = (index >= first[..., None]) & (index < behind[..., None])
    return points, largest[..., None], replaced


def bound_step(function, nodes, weight, width, activation, tolerance, fine):
    """Gamma of the next layer at the nodes, from below; tolerance: how much of it, relatively, the cells may cost at each node."""
    top, _, odd, _, _, _, tails, *_ = activation
    estimate, _, _ = estimate_step(function, nodes, weight, width, activation, 4 + 3 * fine)
    k, vanishes = nodes[:, :, None], ~(estimate > 0)  # a denominator, as the search has seen
    worst = numpy.where(vanishes, numpy.inf, maximum(top**2, 1 / estimate - 1 - (width - 1) * top**2))
    for sign in (1.0,) if odd else (1.0, -1.0):
        worst = largest_on_cells(function, activation, k, weight, sign, worst, tolerance)
    if len(tails):
        s, steep, bend = (numpy.asarray(row)[None, None, :] for row in tails)
        size = weight[:, None, None]
        gamma = at_points(function, k * size * steep * (1 + RELATIVE))
        below = gamma - (k * size * bend + k**2 * steep**2) * (1 + RELATIVE)
        found = numpy.where(below > 0, s**2 + steep**2 * (size + k * top) ** 2 / below * (1 + RELATIVE), numpy.inf)
        worst = maximum(worst, found.max(axis=2))
    gamma = (1 - 4 * RELATIVE) / (1 + (width - 1) * top**2 + worst)
    return numpy.where(numpy.isfinite(worst), gamma, -numpy.inf)


def cell_ratio(cells, k, along, across, gamma, scale, square, least, top):
    """A bound on cells of a^2 [ s'^2 (1 + k `along` s)^2 / D + `least` s^2 ], D = gamma - k `across` s'' - square s'^2; a^2 = scale, least = v0^2."""
    s, away_s, steep, bend, away_bend = cells
    slope2, turn, shift = bernstein(steep, steep), k * across, abs(k * along)
    below = [value - square * p for value, p in zip(raised([gamma - turn * end - abs(turn) * away_bend for end in bend]), slope2)]
    moduli = abs(gamma) + abs(turn) * (maximum(abs(bend[0]), abs(bend[1])) + away_bend) + square * maximum(slope2[0], slope2[2])
    line = [1 + k * along * end for end in s]
    lifted = [value + shift * away_s * (2 * (1 + shift * top) + shift * away_s) for value in bernstein(line, line)]
    size = [least * (value + away_s * (2 * top + away_s)) for value in bernstein(s, s)]
    return scale * largest_quotient(size, slope2, lifted, below, moduli, least * top**2)


def groups_of(ends, size=4):
    """Consecutive ends in groups of so many cells, each with the first end of the next."""
    return [ends[start : start + size + 1] for start in range(0, len(ends) - 1, size)]


def largest_alike(cells, sizes, k, a, g, sig, top, family, ends, sign, floor, given):
    """The largest bracket of `bound_step_alike` over its cells and where |c| (family "c") or a v ("v") is between consecutive ends; at least `floor`.

    sizes: at least |s|, |s'| on each cell. Each numerator and denominator is bounded by its values at both ends of the parameter.
    """
    values, away_s, _, bends, away_bend = cells
    s, steep = sizes

    def of(x, a):
        return sign * x / a, sign * (x * a if family == "c" else a / x)

    def square(low, k, sig, s):
        return k**2 * (1 + RELATIVE) / (sig - s**2) * (sig - (s * low) ** 2 if family == "c" else sig - s**2)

    # all of the family's values at once, each part by itself
    alongs, acrosses = zip(*(of(x, a) for x in (ends[0], ends[-1])))
    least = 1.0 if family == "c" else ends[0]
    across, spread = maximum(*map(abs, acrosses)), square(ends[0], k, sig, s) * steep**2
    line = numpy.maximum.reduce([abs(1 + k * along * value) for along in alongs for value in values]) + k * abs(alongs[1]) * away_s
    away = k * across * away_bend
    moduli = abs(g) + k * across * maximum(*map(abs, bends)) + away + spread
    below = g - numpy.maximum.reduce([k * x * value for x in acrosses for value in bends]) - away - spread - 8 * RELATIVE * moduli
    most = (a * steep * line) ** 2 / below + (least * s) ** 2
    most = numpy.where(below > 0, most * (1 + 8 * RELATIVE) - least**2 * sig * (1 - 2 * RELATIVE), numpy.inf)

    def exact(cells, k, a, g, sig, s):
        low, high = ends[:-1, None], ends[1:, None]
        least = 1.0 if family == "c" else low
        (first, third), (second, fourth) = of(low, a), of(high, a)
        rows = [
            cell_ratio(cells, k, along, across, g, a**2, square(low, k, sig, s), (least / a) ** 2, top)
            for along in (first, second)
            for across in (third, fourth)
        ]
        return (numpy.maximum.reduce(rows) - least**2 * sig * (1 - 2 * RELATIVE)).max(axis=0)

    return refined(exact, (cells, k, a, g, sig, s), most, floor, given)


def bound_step_alike(function, nodes, weight, width, activation, nearest, ratio, shares=(0.003, 0.05)):
    """Gamma of the next layer at the nodes, from below, for any bounded activation: all neurons are bounded alike.

    1 / Gamma = 1 + l sig + sup of a^2 v^2 [ s'^2 (1/v + k s c)^2 / D - (sig - s^2) ]_+, D = g - k c s''/v - k^2 s'^2 (sig - s^2 c^2) / (sig - s^2),
    over z, |c| <= 1, v >= 1/a with v = 1/a or |c| = 1, g = Gamma(a k S1), for the best of a few sig.
    """
    top, steepest, _, _, edges, bends, tails, *_ = activation
    k, a = nodes[:, :, None], weight[:, None, None]
    g = at_points(function, k * a * steepest * (1 + 2 * RELATIVE))
    _, best, _ = estimate_step(function, nodes, weight, width, activation, 5)
    points, largest, replaced = around(numpy.where(numpy.isnan(best), edges[len(edges) // 2], best), activation, nearest, ratio)
    rough = cells_of(numpy.asarray(edges)[None, None, :], numpy.asarray(bends)[:, None, None, :], activation)
    parts = [(cells_of(points, largest, activation), None), (rough, replaced)]
    sizes = [(minimum(maximum(abs(c[0][0]), abs(c[0][1])) + c[1], top), minimum(maximum(*c[2]), steepest)) for c, _ in parts]
    if len(tails):
        tails = [numpy.asarray(row)[None, None, :] for row in tails]
        sizes.append((tails[0], tails[1]))
    sup = numpy.full(nodes.shape, top**2)
    for number, (s, steep) in enumerate(sizes):
        left = g - k**2 * steep**2 * (1 + RELATIVE)
        value = numpy.where(left > 0, s**2 * g / left, numpy.inf)
        sup = maximum(sup, numpy.where(replaced, -numpy.inf, value).max(axis=2) if number == 1 else value.max(axis=2))
    cs = groups_of(numpy.concatenate([1 - numpy.geomspace(1e-3, 1, 17)[::-1], [1.0]]))[::-1]
    vs = groups_of(numpy.concatenate([numpy.geomspace(1, 1.3, 8), numpy.geomspace(1.3, 60, 14)[1:]]))
    found = numpy.full(nodes.shape, -numpy.inf)
    for share in shares:
        sig = (sup * (1 + share))[:, :, None]
        worst = numpy.zeros(nodes.shape)
        for (cells, replaced), (s, steep) in zip(parts, sizes):
            given = True if replaced is None else ~replaced
            for sign in (1.0, -1.0):
                for family, groups in (("c", cs), ("v", vs)):
                    for ends in groups:
                        worst = largest_alike(cells, (s, steep), k, a, g, sig, top, family, ends, sign, worst, given)
            turn = numpy.maximum(abs(cells[3][0]), abs(cells[3][1])) + cells[4]
            left = (g - k * turn * a / vs[-1][-1] - k**2 * steep**2) * (1 - 4 * RELATIVE) - RELATIVE * abs(g)
            bad = ~((left > 0) & (steep**2 * (a / vs[-1][-1] + k * s) ** 2 * (1 + 4 * RELATIVE) <= (sig - s**2) * left))
            worst = numpy.where((bad if replaced is None else bad & ~replaced).any(axis=2), numpy.inf, worst)
        if len(tails):
            s, steep, turn = tails
            left = (g - k * a * turn - k**2 * steep**2 * sig / (sig - s**2)) * (1 - 4 * RELATIVE) - RELATIVE * abs(g)
            none = (left > 0) & (steep**2 * (a + k * s) ** 2 * (1 + 4 * RELATIVE) <= (sig - s**2) * left)  # then every bracket is at most 0
            value = numpy.where(left > 0, a**2 * steep**2 * (1 + k * s * vs[-1][-1] / a) ** 2 / left * (1 + 4 * RELATIVE), numpy.inf)
            worst = maximum(worst, numpy.where(none, 0.0, value).max(axis=2))
        gamma = (1 - 4 * RELATIVE) / (1 + width * sig[:, :, 0] + worst)
        found = maximum(found, numpy.where(numpy.isfinite(worst), gamma, -numpy.inf))
    return numpy.where(g[:, :, 0] > 0, found, -numpy.inf)


def bound_end(function, slope, curvature, activation, centre, nearest, ratio, squared=0.0):
    """The smallest lam for which lam Gamma(slope |s'| / lam) >= slope |s''| + (curvature + squared / lam) s'^2 everywhere, from above."""
    edges, bends, tails = numpy.asarray(activation[4]), numpy.asarray(activation[5]), activation[6]
    batch, square = len(slope), numpy.reshape(squared, (-1, 1)) / slope[:, None] ** 2

    def least(ends, bend):
        """About the smallest lam for each cell."""
        reaches = [slope[:, None] * minimum(p, activation[1]) for p in ends]
        needs = [slope[:, None] * b + curvature[:, None] * p**2 for b, p in zip(bend, ends)]
        return maximum(*(crossing(function, *rows, square) for rows in zip(reaches, needs)))

    def sizes(points, rows):
        """|s'| and |s''| at both ends of cells (the last axis)."""
        _, _, steep, turn, away = cells_of(points, rows[..., None], activation)
        return [end[..., 0] for end in steep], [(abs(end) + away)[..., 0] for end in turn]

    if len(edges) == 1:  # an affine layer
        ends, bend = [numpy.full((batch, 1), activation[1])] * 2, [numpy.zeros((batch, 1))] * 2
    else:
        centres = (centre, -centre, *(0 * centre + at for at in activation[3]))
        parts = [around(point, activation, nearest, ratio)[0] for point in centres]
        points = numpy.sort(numpy.concatenate([*parts, numpy.broadcast_to(edges, (batch, len(edges)))], axis=1), axis=1)
        cell = numpy.clip(numpy.searchsorted(edges, (points[:, 1:] + points[:, :-1]) / 2) - 1, 0, len(edges) - 2)
        points, rows = numpy.stack([points[:, :-1], points[:, 1:]], axis=2), bends[:, cell]
        known = least(*sizes(points, rows)) if nearest < 1e-4 else None
        for _ in range(8 if known is not None else 0):  # the cells that decide, wherever they are, are cut in four
            chosen = numpy.argpartition(-known, 7, axis=1)[:, :8]
            whole = numpy.take_along_axis(points, chosen[:, :, None], axis=1)
            inner = whole[:, :, :1] + (whole[:, :, 1:] - whole[:, :, :1]) * numpy.linspace(0, 1, 5)
            inner[:, :, -1] = whole[:, :, 1]
            pieces = numpy.stack([inner[:, :, :-1], inner[:, :, 1:]], axis=3)
            kept = numpy.take_along_axis(rows, chosen[None], axis=2)
            values = least(*sizes(pieces.reshape(batch, 32, 2), numpy.repeat(kept, 4, axis=2))).reshape(batch, 8, 4)
            numpy.put_along_axis(points, chosen[:, :, None], pieces[:, :, 0], axis=1)
            numpy.put_along_axis(known, chosen, values[:, :, 0], axis=1)
            points = numpy.concatenate([points, pieces[:, :, 1:].reshape(batch, 24, 2)], axis=1)
            known = numpy.concatenate([known, values[:, :, 1:].reshape(batch, 24)], axis=1)
            rows = numpy.concatenate([rows, numpy.repeat(kept, 3, axis=2)], axis=2)
        ends, bend = sizes(points, rows)
    if len(tails):
        more = [numpy.broadcast_to(numpy.asarray(row), (batch, len(row))) for row in tails[1:]]
        ends, bend = [numpy.concatenate([end, more[0]], axis=1) for end in ends], [numpy.concatenate([end, more[1]], axis=1) for end in bend]

    def holds(lam):
        left, most = lam[:, None], (curvature + squared / lam)[:, None]
        steep, gamma = within(function, slope[:, None] / left, ends, activation[1])
        right = [(slope[:, None] * b + most * p**2) * (1 + 4 * RELATIVE) for b, p in zip(bend, steep)]
        return numpy.all([(left * g * (1 - 4 * RELATIVE) >= r).all(axis=1) for g, r in zip(gamma, right)], axis=0)

    guess = least(ends, bend).max(axis=1)
    width = numpy.full(batch, 1e-13)
    for _ in range(60):
        upper = guess * (1 + width)
        bad = ~holds(upper)
        if not (bad & (width < 1e3)).any():
            break
        width = numpy.where(bad, width * 3, width)
    return numpy.where(bad, numpy.inf, upper * (1 + 4 * RELATIVE))


def simplex_bending(high, x_norm, radius, widths, more, activations, last, limit=320):
    """At least the largest constant of layer balls with a_2^2 + .. + a_m^2 <= radius^2, at most `high`.

    The constant grows with every norm, so that on a box of squares it is at most its value at the upper corner. The box with the largest such
    value is halved, sixteen at a time, until `limit` values are known or the largest is that of a box which is hardly larger than a point.
    """

    def one(high, x_norm, radius):
        count = len(widths)
        if not (radius > 0 and numpy.isfinite(radius) and numpy.isfinite(x_norm)):
            return high
        square = radius * radius

        def corners(low, top):
            """Upper corners of boxes of the squares of the first norms; what is left is the last one's."""
            left = square - numpy.sum(low, axis=1, keepdims=True)
            ends = numpy.concatenate([minimum(top, left + low), left], axis=1)
            return sqrt(maximum(ends, 1e-18 * square)) * (1 + 1e-15)

        def values(low, top):
            weights = corners(low, top).T
            layers = ({}, x_norm, *zip(weights, widths, activations, more))
            return bending_ends(high, layers[1:], last, 1.0, 0.0)[0]

        low, top = numpy.zeros((1, count - 1)), numpy.full((1, count - 1), square)
        bounds, known = values(low, top), 1
        while count > 1 and known < limit:
            order = numpy.argsort(-bounds)[:16]
            size = top[order] - low[order]
            if numpy.max(size[0]) < 1e-6 * square:
                break
            axis = numpy.argmax(size, axis=1)
            middle = low[order, axis] + size[numpy.arange(len(order)), axis] / 2
            first, second = (low[order].copy(), top[order].copy()), (low[order].copy(), top[order].copy())
            first[1][numpy.arange(len(order)), axis] = middle
            second[0][numpy.arange(len(order)), axis] = middle
            halves = numpy.concatenate([first[0], second[0]]), numpy.concatenate([first[1], second[1]])
            inside = numpy.sum(halves[0], axis=1) <= square  # else no point of the box is in the ball
            halves = halves[0][inside], halves[1][inside]
            found, known = values(*halves), known + int(inside.sum())
            rest = numpy.ones(len(bounds), dtype=bool)
            rest[order] = False
            low, top = numpy.concatenate([low[rest], halves[0]]), numpy.concatenate([top[rest], halves[1]])
            bounds = numpy.concatenate([bounds[rest], found])
        return float(numpy.fmin(numpy.max(bounds), high))

    return each(one, [high, x_norm, radius])


def bending_two_layers(high, x_norm, size, width, ball, activation, last, rounds=2):
    """The second derivative of two layers from above, at most `high`: all neurons share the squares of their weights.

    1 / Gamma_2(k) = 1 + min over M >= 0 of [ M size^2 + l sup (phi - M r)_+ ], phi = s^2 + s'^2 (w + k s)^2 / (g - k w s'' - k^2 s'^2),
    g = 1 / n^2, n^2 = 1 + |x|^2, over r <= size^2: r = w^2 + z^2 / n^2 (ball: size is the radius of the parameters) or w^2 (size is a_2).
    """

    def one(high, x_norm, size):
        if not (1e-140 < size < 1e140 and x_norm < 1e140 and numpy.isfinite(high) and high > 0):
            return high
        with numpy.errstate(all="ignore"):
            return float(numpy.fmin(high, two_layers_once(high, x_norm, size, width, ball, activation, last, rounds)))

    return each(one, [high, x_norm, size])


def two_layers_once(high, x_norm, size, width, ball, activation, last, rounds):
    """The same for one network: an estimate of where the end is decided, then bounds at nodes around it."""
    square = 1 + x_norm**2
    g, lift = 1 / square * (1 - 4 * RELATIVE), (1 / square * (1 - 4 * RELATIVE) if ball else 0.0)
    zero, one = numpy.zeros(1), numpy.ones(1)
    far = size * sqrt(square) * (1 + 1e-9) if ball else numpy.inf
    edges = numpy.asarray(activation[4])
    z = numpy.unique(numpy.clip(numpy.concatenate([edges, numpy.linspace(-1, 1, 41) * min(far, edges[-1])]), -far, far))
    w = numpy.linspace(0 if activation[2] else -1, 1, 49 if activation[2] else 97) * size
    slope, bend = abs(activation[9](z)), activation[10](z)
    inside = w[:, None] ** 2 + lift * z**2 <= size**2 * (1 + 1e-9)
    turn = abs(w[:, None] * bend)
    roots = numpy.where(inside, 2 * g / (turn + sqrt(turn**2 + 4 * slope**2 * g)), numpy.inf)  # where the denominator vanishes
    pole, end = numpy.array([numpy.nanmin(roots)]), last[1]

    def estimated(nodes, turns):
        values, multipliers, places = zip(*(two_layers_estimate(k, g, lift, size, width, activation, w, z, inside, turns) for k in nodes[0]))
        return (nodes, numpy.array([values])), numpy.array(multipliers), places

    if len(last[4]) == 1:  # an affine layer: all that counts is that no denominator vanishes
        low, share = 1e-8, 0.5  # how far below the pole the bound is finite, by bisection of its logarithm
        for _ in range(16):
            short = sqrt(low * share)
            nodes = (pole * (1 - short))[None]
            _, multipliers, places = estimated(nodes, 8)
            if (two_layers_bound(nodes, multipliers, places, g, lift, size, width, activation) > 0).all():
                share, high = short, min(high, end / nodes[0, 0] * (1 + 4 * RELATIVE))
            else:
                low = short
        return high
    nodes, lower = numpy.concatenate([[0.0], numpy.geomspace(1e-6, 1, 40)])[None] * pole * 1.001, high * 1e-5 * one
    for nearest in (0.1, 0.01, 3e-4):
        function, _, _ = estimated(nodes, 8 if nearest == 3e-4 else 3)
        estimate, point = estimate_end(function, one, zero, 0.0, last, lower, high * one)
        centre = abs(last[9](point)) / estimate
        nodes = nodes_around(centre, pole, end / estimate, nearest, 1.9, 6, 0.3)
        lower = estimate * 0.5
    found = high
    for nearest, ratio in ((3e-5, 2.2), (2e-3, 1.8))[:rounds]:
        nodes = nodes_around(centre, pole, end / estimate, nearest, ratio, 6, 0.3)
        _, multipliers, places = estimated(nodes, 8)
        values = two_layers_bound(nodes, multipliers, places, g, lift, size, width, activation)
        found = min(found, float(bound_end((nodes, values), one, zero, last, point, nearest, ratio)[0]))
        if found <= estimate[0] * (1 + 1e-3):
            break  # else once more, around where this bound was decided
        estimate, point = estimate_end((nodes, values), one, zero, 0.0, last, numpy.minimum(estimate * 0.9, high * 0.9), high * one)
        centre = abs(last[9](point)) / estimate
    return found


def two_layers_estimate(k, g, lift, size, width, activation, w, z, inside, turns=8):
    """(Gamma_2(k), the multiplier M, the (w, z) of the largest phi - M r with small and with large |w|), by a search on finer and finer grids."""

    def values(w, z):
        s, slope, bend = activation[8](z), activation[9](z), activation[10](z)
        below = g - k * w * bend - k**2 * slope**2
        phi = numpy.where(below > 0, s**2 + slope**2 * (w + k * s) ** 2 / below, numpy.inf)
        return numpy.where(w**2 + lift * z**2 <= size**2 * (1 + 1e-9), phi, -numpy.inf)

    w, z = (part[inside] for part in numpy.broadcast_arrays(w[:, None], z))
    phi = values(w, z)
    if not numpy.isfinite(phi.max()):
        return -numpy.inf, 0.0, ((0.0, 0.0), (size, 0.0))
    scale = phi.max() / size**2
    tries, steps = numpy.concatenate([[0.0], scale * numpy.geomspace(1e-6, 10, 36)]), (size / 24, 0.5)
    for turn in range(turns):
        used = w**2 + lift * z**2
        totals = [M * size**2 + width * max(0.0, numpy.max(phi - M * used)) for M in tries]
        best = int(numpy.argmin(totals))
        M, total = tries[best], totals[best]
        ends = tries[max(0, best - 1)], tries[min(len(tries) - 1, best + 1)]
        if turn > 2:  # what is larger on the finer grid may ask for another multiplier
            ends = ends[0] - 0.1 * (ends[1] - ends[0]), ends[1] + 0.1 * (ends[1] - ends[0])
        tries = maximum(numpy.linspace(*ends, 9), 0.0)
        value, large = phi - M * used, abs(w) > 0.3 * size
        places = [int(numpy.argmax(numpy.where(part, value, -numpy.inf))) for part in (~large, large)]
        if turn < 5:
            grid = numpy.linspace(-1, 1, 9)
            more_w, more_z = (
                numpy.concatenate([(at[place] + step * (grid[:, None] if axis == 0 else grid) + numpy.zeros((9, 9))).ravel() for place in places])
                for axis, (at, step) in enumerate(zip((w, z), steps))
            )
            more_w = numpy.clip(more_w, 0.0 if activation[2] else -size, size)
            w, z, phi = numpy.concatenate([w, more_w]), numpy.concatenate([z, more_z]), numpy.concatenate([phi, values(more_w, more_z)])
            steps = steps[0] / 4, steps[1] / 4
    return 1 / (1 + total), float(M), tuple((float(w[place]), float(z[place])) for place in places)


def two_layers_bound(nodes, multipliers, places, g, lift, size, width, activation):
    """Gamma_2 at the nodes, from below: phi is convex in w, and between two w the term - M w^2 is at most M (their distance)^2 / 4 above its chord."""
    top, _, odd, _, edges, bends, tails, *_ = activation
    edges, bends = numpy.asarray(edges), numpy.asarray(bends)
    k, M = nodes[:, :, None, None], multipliers[None, :, None, None]
    away = 1e-4 * 1.8 ** numpy.arange(15)
    places = numpy.array(places)
    if not odd:  # often as bad on the other side
        places = numpy.concatenate([places, -places], axis=1)
    around_them = [places[:, n, :1] / size + numpy.concatenate([-away, [0.0], away]) for n in range(places.shape[1])]
    w = numpy.concatenate([numpy.linspace(-1, 1, 57)[None] + 0 * places[:, 0, :1], *around_them], axis=1)
    w = size * numpy.sort(numpy.clip(w, 0.0 if odd else -1.0, 1.0), axis=1)  # for an odd activation (w, z) and (-w, -z) are alike
    step = numpy.diff(w, axis=1)[None, :, :, None]
    fine = [around(places[None, :, n, 1], activation, 3e-4, 1.5) for n in range(places.shape[1])]
    parts = [
        (edges[None, None, :], bends[:, None, None, :], numpy.any([part[2] for part in fine], axis=0)),
        *((points, largest, None) for points, largest, _ in fine),
    ]
    least_w = numpy.where(w[:, :-1] * w[:, 1:] <= 0, 0.0, minimum(abs(w[:, :-1]), abs(w[:, 1:])))[None, :, :, None]
    worst = numpy.zeros(nodes.shape)
    for at, rows, hidden in parts:
        s, away_s, steep, bend, away_bend = (
            [part[:, :, None, :] for part in row] if isinstance(row, tuple) else row[:, :, None, :] for row in cells_of(at, rows, activation)
        )
        left, right = at[..., :-1][:, :, None, :], at[..., 1:][:, :, None, :]
        less = [M * lift * (1 - 4 * RELATIVE) * row for row in bernstein((left, right), (left, right))]
        most = M * lift * maximum(left**2, right**2)
        bounds = cell_bound(s, away_s, steep, bend, away_bend, k, w[None, :, :, None], (g, g), top, less, most) - M * w[None, :, :, None] ** 2 * (
            1 - 4 * RELATIVE
        )
        bounds = bounds + 8 * RELATIVE * M * size**2
        found = maximum(bounds[:, :, :-1], bounds[:, :, 1:]) + M * step**2 / 4 * (1 + 4 * RELATIVE)
        nearest_z = numpy.where(left * right <= 0, 0.0, minimum(left**2, right**2))
        outside = least_w**2 + lift * nearest_z > size**2 * (1 + 1e-9)
        if hidden is not None:
            outside = outside | hidden[:, :, None, :]
        worst = maximum(worst, numpy.where(outside, 0.0, found).max(axis=(2, 3)))
    s, steep, bend = (numpy.asarray(row)[None, None, None, :] for row in tails)
    edge = minimum(abs(edges[0]), abs(edges[-1]))
    if not lift or lift * edge**2 <= size**2:
        largest_w = maximum(abs(w[:, :-1]), abs(w[:, 1:]))[None, :, :, None]
        below = g - (k * largest_w * bend + k**2 * steep**2) * (1 + 8 * RELATIVE)
        value = s**2 + steep**2 * (largest_w + k * top) ** 2 / below * (1 + 8 * RELATIVE)
        value = numpy.where(below > 0, value - M * (least_w**2 + lift * edge**2) * (1 - 8 * RELATIVE), numpy.inf)
        worst = maximum(worst, value.max(axis=(2, 3)))
    gamma = (1 - 8 * RELATIVE) / (1 + multipliers[None] * size**2 + width * worst)
    return numpy.where(numpy.isfinite(worst), gamma, -numpy.inf)


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


def _positive(name, values):
    """Norms at which the set has an interior, as a theorem about what is reached needs."""
    for index, value in enumerate(values):
        if not numpy.all(value > 0):
            where = f"{name}[{index}]" if len(values) > 1 else name
            raise ValueError(f"{where} is 0: the set has no interior and the theorem is not about it; take a positive norm, or the upper bound of method='block'")


def _kernel(radius, x_norm):
    S2_tanh = 0.769800358919501
    width = table(3, 2)
    V = sequence(lambda u, V_previous: minimum(radius*sqrt(1 + V_previous**2), sqrt(width[u])), x_norm, 2)
    del width
    G = symmetric_entries(lambda j, k: ball_monomial(1, radius, 0, 0)*V[j - 1]*below(j, k) + V[j - 1]*V[k - 1]*budget_sum_range(lambda u: ball_monomial(S2_tanh, radius, -j + k - u + 2, -k + u), k, 2), lambda j, k: V[j - 1]*budget_sum_range(lambda u: ball_monomial(S2_tanh, radius, -j + k - u + 2, -k + u), k, 2), lambda j, k: ball_monomial(1, radius, 0, 0)*below(j, k) + V[k - 1]*budget_sum_range(lambda u: ball_monomial(S2_tanh, radius, -j + k - u + 2, -k + u), k, 2), lambda j, k: budget_sum_range(lambda u: ball_monomial(S2_tanh, radius, -j + k - u + 2, -k + u), k, 2), 2)
    del S2_tanh
    Bm = V[2]
    del V
    Lambda = largest_eigenvalue(G)
    del G
    L_2 = sqrt(1 + radius**2*(1 + x_norm**2))
    cells_tanh = activation_chart(1.0, 1.0, 1, (-7.450580596923828e-09, ), (-8.0, -7.75, -7.5, -7.25, -7.0, -6.75, -6.5, -6.25, -6.0, -5.75, -5.5, -5.25, -5.0, -4.75, -4.5, -4.25, -4.0, -3.75, -3.5, -3.25, -3.0, -2.75, -2.5, -2.25, -2.0, -1.875, -1.75, -1.625, -1.5, -1.375, -1.25, -1.125, -1.0, -0.875, -0.8125, -0.75, -0.6875, -0.625, -0.5625, -0.5, -0.4375, -0.375, -0.3125, -0.25, -0.1875, -0.125, -0.0625, 0.0, 0.0625, 0.125, 0.1875, 0.25, 0.3125, 0.375, 0.4375, 0.5, 0.5625, 0.625, 0.6875, 0.75, 0.8125, 0.875, 1.0, 1.125, 1.25, 1.375, 1.5, 1.625, 1.75, 1.875, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0, 4.25, 4.5, 4.75, 5.0, 5.25, 5.5, 5.75, 6.0, 6.25, 6.5, 6.75, 7.0, 7.25, 7.5, 7.75, 8.0, ), ((1.4843121516794202e-06, 2.4472159765893282e-06, 4.034774206810572e-06, 6.652210374213719e-06, 1.0967619868346914e-05, 1.80824913662548e-05, 2.9812833759730732e-05, 4.915263378140365e-05, 8.103785268558981e-05, 0.00013360573233117237, 0.00022027018762619936, 0.00036314124567575956, 0.0005986564551743132, 0.000986848475134637, 0.0016265783648367188, 0.0026805253142869663, 0.004416046279822818, 0.007271617864590907, 0.011963880741749854, 0.019657393975849872, 0.0322264876930019, 0.05263920205449011, 0.08546571456902291, 0.13740078895556526, 0.1720822356717865, 0.2154669865460133, 0.26789761341753154, 0.3301112224193754, 0.4021532737035046, 0.48285782488237694, 0.5691772699782236, 0.6554410502057455, 0.7327463574587065, 0.7510519380833969, 0.7733146292603328, 0.7864084227873847, 0.7890727694742947, 0.7870137113352655, 0.7727531108665839, 0.7437935066830011, 0.6991104844275656, 0.6382493333567111, 0.5614466016738893, 0.4697121350398535, 0.36485498532571836, 0.24944154818146888, 0.12668213445694484, 0.12668213442784101, 0.2494415482105727, 0.36485498532571836, 0.4697121350689573, 0.5614466016738893, 0.6382493333276072, 0.6991104843984618, 0.7437935066830011, 0.7727531108374801, 0.7870137113352655, 0.7890727694451909, 0.7864084227873847, 0.7733146292021251, 0.7510519380251892, 0.732746357371395, 0.6554410502057455, 0.5691772699200159, 0.4828578248532731, 0.4021532736598489, 0.33011122237571966, 0.2678976133738758, 0.21546698651690946, 0.17208223565723457, 0.13740078891190952, 0.08546571456174695, 0.05263920204721415, 0.03222648768936392, 0.019657393974030882, 0.011963880739930864, 0.007271617863681412, 0.004416046278913324, 0.002680525313832219, 0.001626578364723032, 0.0009868484749641067, 0.000598656455003783, 0.00036314124561891614, 0.0002202701876119885, 0.00013360573230275066, 8.103785266427353e-05, 4.915263377785094e-05, 2.981283375617802e-05, 1.8082491364478444e-05, 1.0967619866570557e-05, 6.652210373325541e-06, 4.034774206366483e-06, 2.447215976145239e-06, 1.4843121513463533e-06, ), (2.96862235966696e-06, 4.894426668662876e-06, 8.069534047729762e-06, 1.3304381697078677e-05, 2.1935133587684388e-05, 3.616469418315735e-05, 5.962488314865176e-05, 9.830313545330703e-05, 0.00016206990974203356, 0.00026719571094300994, 0.00044049755403204976, 0.0007261660995373765, 0.0011969965625062702, 0.001972837197995712, 0.0032508204459294173, 0.005354703375723413, 0.008814854276694479, 0.014496445861379895, 0.023800880366960663, 0.03897125952837641, 0.06352526985602366, 0.10278369694573279, 0.16426928931961596, 0.25721111464470997, 0.3141014366880077, 0.3827380942427993, 0.4591259164537463, 0.5394498409348744, 0.6164053565242548, 0.6778974207564207, 0.7060044338688976, 0.7051409866689412, 0.6576068785945621, 0.5043483429571538, 0.3960085051936287, 0.25768509282577384, 0.1079774215955923, 0.32875332682712893, 0.5703219398094174, 0.8249853824247942, 1.0828490059272182, 1.3322692221135182, 1.560590306008414, 1.7551253920556733, 1.904284518346605, 1.9987090848933506, 2.0322511081085786, 2.032251108050371, 1.9987090848933506, 1.9042845182883974, 1.7551253920556733, 1.560590306008414, 1.3322692220553105, 1.0828490059272182, 0.8249853824247942, 0.5703219398094174, 0.32875332682712893, 0.1079774215955923, 0.25768509282577384, 0.39600850516452485, 0.5043483429571538, 0.6576068785363545, 0.7051409866107335, 0.7060044338106899, 0.677897420698213, 0.6164053564951509, 0.5394498409057705, 0.45912591642464246, 0.3827380942136955, 0.3141014366589039, 0.2572111145865023, 0.16426928929051213, 0.10278369693118088, 0.0635252698487477, 0.038971259521100456, 0.023800880363322684, 0.014496445859560905, 0.008814854274875489, 0.005354703374813918, 0.00325082044547467, 0.0019728371977683385, 0.0011969965622788965, 0.0007261660994236896, 0.00044049755397520635, 0.0002671957108861665, 0.00016206990971361185, 9.830313543909617e-05, 5.962488314154633e-05, 3.616469417605192e-05, 2.1935133584131674e-05, 1.330438169530232e-05, 8.069534046841584e-06, 4.8944266677746976e-06, 2.9686223592228706e-06, ), (5.93723694234902e-06, 9.788832198388199e-06, 1.613901063106744e-05, 2.6608607187262112e-05, 4.386984255925241e-05, 7.232823414603085e-05, 0.0001192466288247129, 0.00019659774246633517, 0.0003241166373815087, 0.0005343284089052132, 0.0008808238320166434, 0.0014518666734580578, 0.0023927279213637265, 0.00394223622955232, 0.0064922995295524505, 0.010684034643810998, 0.017560831104175712, 0.02880607086577525, 0.047095749397411124, 0.07657515423617338, 0.1233697254972883, 0.19572131001763735, 0.3024723341242746, 0.44658007119162707, 0.5138151022034835, 0.5847036915679855, 0.6359514462366217, 0.648131742475271, 0.6366281910914199, 0.5445130345942353, 0.32155333319835094, 0.6821232468602852, 1.5062885333092693, 1.9512920401163605, 2.4433253721784096, 2.9354026107929085, 3.397985554070357, 3.7962199366019997, 4.092175851415107, 4.248207747630429, 4.263105575756494, 4.196890636501317, 3.9316966094918326, 3.459690350329106, 2.7925159906211685, 1.9603686977846404, 1.0103091043266634, 1.0103091040938328, 1.960368698017471, 2.7925159906211685, 3.4596903505619365, 3.9316966094918326, 4.196890636268487, 4.263105575523664, 4.248207747630429, 4.092175851415107, 3.7962199366019997, 3.397985554070357, 2.9354026107929085, 2.443325371945579, 1.9512920398835298, 1.5062885330764386, 0.6821232468602852, 0.32155333319835094, 0.54451303447782, 0.6366281910332122, 0.6481317423588557, 0.635951446178414, 0.584703691480674, 0.5138151021743796, 0.44658007107521175, 0.30247233409517077, 0.19572130998853352, 0.12336972548273638, 0.07657515422889742, 0.047095749390135166, 0.02880607086213727, 0.017560831100537733, 0.010684034641992008, 0.006492299529097703, 0.003942236228870199, 0.0023927279206816055, 0.001451866673230684, 0.0008808238319598, 0.0005343284087915264, 0.00032411663729624355, 0.00019659774245212432, 0.00011924662881050204, 7.232823413892543e-05, 4.3869842552146985e-05, 2.66086071837094e-05, 1.6139010629291083e-05, 9.788832196611842e-06, 5.937236941016752e-06, ), ), ((0.9999999968776931, 1.0, 1.0, 1.0, 1.0, 0.9999999968776931, 1.0, 1.0, 1.0, 1.0, ), (4.501406799108178e-07, 8.244614568748797e-09, 5.5551775854321664e-11, 1.0724015551175227e-13, 4.3394210909221254e-17, 4.50140679244684e-07, 8.244614568748797e-09, 5.5551775854321664e-11, 1.0724015551175227e-13, 4.3394210909221254e-17, ), (9.002812845781932e-07, 1.648922916525317e-08, 1.1110355181706355e-10, 2.1448031123526277e-13, 8.678842192184008e-17, 9.002812836900148e-07, 1.648922916525317e-08, 1.1110355181706355e-10, 2.1448031123526277e-13, 8.678842192184008e-17, ), ), (6.041019682815439e-16, 1.1576131099406496e-15, 2.071107470625557e-15, ), (lambda z: numpy.tanh(z)), (lambda z: -(numpy.tanh(z) - 1)*(numpy.tanh(z) + 1)), (lambda z: 2*(numpy.tanh(z) - 1)*(numpy.tanh(z) + 1)*numpy.tanh(z)))
    Lsimplex = simplex_bending(Lambda, x_norm, radius, (3, ), (0, ), (cells_tanh, ), cells_tanh)
    del Lambda
    Ltwo = bending_two_layers(Lsimplex, x_norm, radius, 3, 1, cells_tanh, cells_tanh)
    del cells_tanh
    del Lsimplex
    return [Bm, L_2, Ltwo]


def bounds(radius, input_norm):
    """Return the bounds (value, lipschitz, gradient_lipschitz).

    radius: the radius R of the ball |theta| <= R.
    input_norm: |x|.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    radius = _number("radius", radius)
    input_norm = _number("input_norm", input_norm)
    _positive("radius", [radius])
    values = _aligned([radius, input_norm])
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(*values[0:]), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape))
