"""Bounds on Lipschitz constants in the parameters, compiled by symlip: joint method on layer balls, widths 3, 2, 1, depth 2, logistic.

Needs NumPy alone; call bounds(weight_norms, input_norm).
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
    lower_gradient_lipschitz: object  # lower bound on the Lipschitz constant of the network's gradient


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


def bending_input(x_norm):
    """The first layer: Gamma_1 = 1 / (1 + |x|^2); before it, what has been found with these layers."""
    return ({}, x_norm)


def bending_step(below, weight, width, activation, more):
    """One more layer, of that many neurons: what `bending_ends` needs to make its function.

    more: how many further neurons the bound counts; -1 where no lemma reduces them to one, and all are bounded alike.
    """
    return (*below, (weight, width, activation, more))


def bending_end(high, layers, activation, slope, curvature, which, fine=0):
    """The constant from above (which = 0), or what an explicit network reaches (1)."""
    known, *layers = layers
    key = len(layers), str((slope, curvature))
    if key not in known:
        known[key] = bending_ends(high, layers, activation, slope, curvature, fine)
    return known[key][which]


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


def _kernel(layers_1, x_norm):
    [a_1, a_2] = layers_1
    S1_logistic = 1/4
    S2_logistic = 0.09622504486493763
    B_0 = x_norm
    J_logistic = (lambda c: maximum((3/4 - sqrt(maximum(0, 1/16 - (1/2)/c)))**2*(1 + (-sqrt(maximum(0, 1/16 - (1/2)/c)) - 1/4)**2*c), 1))
    M_0 = 1 + x_norm**2
    M_1 = 2 + J_logistic(M_0*a_2**2)
    del J_logistic
    del M_0
    L_2 = S1_logistic*sqrt(M_1)
    del M_1
    qvec_1 = blocks(B_0, 1)
    del B_0
    lvec_1 = S1_logistic*qvec_1
    G_1 = S2_logistic*outer(qvec_1)
    del qvec_1
    B_1 = 1.4142135623730951
    qvec_2 = append_blocks(a_2*lvec_1, B_1, 1)
    del B_1
    G_2 = S1_logistic*(border(lvec_1) + pad(G_1)*a_2) + S2_logistic*outer(qvec_2)
    del S1_logistic
    del S2_logistic
    del lvec_1
    del G_1
    del qvec_2
    B_2 = 1
    Lambda = largest_eigenvalue(G_2)
    del G_2
    cells_logistic = activation_chart(1.0, 0.25, 0, (-2.10711732506752e-08, ), (-16.0, -15.5, -15.0, -14.5, -14.0, -13.5, -13.0, -12.5, -12.0, -11.5, -11.0, -10.5, -10.0, -9.5, -9.0, -8.5, -8.0, -7.5, -7.25, -7.0, -6.75, -6.5, -6.25, -6.0, -5.75, -5.5, -5.375, -5.25, -5.125, -5.0, -4.875, -4.75, -4.625, -4.5, -4.375, -4.25, -4.125, -4.0, -3.875, -3.75, -3.625, -3.5, -3.375, -3.25, -3.125, -3.0, -2.875, -2.8125, -2.75, -2.6875, -2.625, -2.5625, -2.5, -2.4375, -2.375, -2.3125, -2.25, -2.1875, -2.125, -2.0625, -2.0, -1.9375, -1.875, -1.8125, -1.75, -1.6875, -1.625, -1.5625, -1.5, -1.4375, -1.375, -1.3125, -1.25, -1.1875, -1.125, -1.0625, -1.0, -0.9375, -0.875, -0.8125, -0.75, -0.6875, -0.625, -0.5625, -0.5, -0.4375, -0.375, -0.3125, -0.25, -0.1875, -0.125, -0.0625, 0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.125, 1.25, 1.375, 1.5, 1.625, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0, 10.5, 11.0, 11.5, 12.0, 12.5, 13.0, 13.5, 14.0, 14.5, 15.0, 15.5, 16.0, ), ((2.662304071010512e-07, 4.3893953215984833e-07, 7.236884024365017e-07, 1.1931589831200085e-06, 1.9671825699661937e-06, 3.24332479715124e-06, 5.347308903931698e-06, 8.816141140918094e-06, 1.453513977185139e-05, 2.3963797325008776e-05, 3.950800045292933e-05, 6.513327118378702e-05, 0.00010737462444904226, 0.00017699825689979366, 0.0002917322753085673, 0.0004807447070349765, 0.0007919607428398601, 0.0008511378709515725, 0.0010920268072719668, 0.0014007805509954605, 0.0017963168308696084, 0.002302696232901075, 0.002950435621896643, 0.0037781011646282467, 0.0048342021882759705, 0.0049894898407807755, 0.005640148903591725, 0.006373607137223628, 0.007199822872680954, 0.00812978810962335, 0.009175587256495834, 0.010350444311780692, 0.011668750082904104, 0.013146063296509889, 0.014799072396762722, 0.016645506494201035, 0.018703978702596883, 0.020993739867260084, 0.023534323293166206, 0.026345044289176053, 0.02944433193862451, 0.03284885151736264, 0.036572384022518695, 0.040624418943446275, 0.045008440725819665, 0.04971986759853027, 0.04974668864599513, 0.052169996167852915, 0.054660096380574466, 0.05721210937197364, 0.059820085184798616, 0.062476909398134516, 0.0651742077303158, 0.06790225212475184, 0.07064987189298685, 0.07340437217606587, 0.07615146044173768, 0.07887518734186866, 0.08155790286966855, 0.0841802348453966, 0.08672108572025083, 0.08915767371980836, 0.09146558331668214, 0.0936188748530651, 0.0955902255313433, 0.09735111967092851, 0.09887208415727011, 0.10012297992132012, 0.10107334140328117, 0.10169277095071079, 0.10195138365834808, 0.10195624463219592, 0.10172338327696366, 0.10106693416796365, 0.09996225431230336, 0.09838753674166845, 0.0963243985718436, 0.09375847838498189, 0.09067999387164795, 0.0870842638105888, 0.08297216557046393, 0.07835051807123039, 0.0732323600591491, 0.06763711305098712, 0.06159062145010671, 0.05512505587780191, 0.048278664241631755, 0.041095379726266174, 0.033624295992408765, 0.025918991706785792, 0.018036751684773852, 0.01003767711018032, 0.01962554639252631, 0.03467559076957396, 0.04879341397583271, 0.06158637882653343, 0.07274170092835537, 0.08204024147541113, 0.08936148116603353, 0.09468015315669827, 0.09805598997462368, 0.09961862253399995, 0.09977527487568352, 0.0993026074294894, 0.09750055149046227, 0.09457493798400397, 0.09271173734494143, 0.08267443612660576, 0.07163340788263035, 0.060670119983308395, 0.050468045290840875, 0.04138908167481166, 0.03356537256041004, 0.026981883751662526, 0.021540234189664092, 0.017174591359131037, 0.010683097323643075, 0.0065798736387149715, 0.004028304957227666, 0.002457172896409349, 0.001495484794312737, 0.0009089521683320088, 0.0005520057708197193, 0.00033506566285238106, 0.00020332229533771376, 0.00012335605922875247, 7.483205695729331e-05, 4.539265585792932e-05, 2.7533773593953692e-05, 1.6700716587490107e-05, 1.012973153580843e-05, 6.144079196609982e-06, 3.7266042106153485e-06, 2.2603114099003443e-06, 1.3709524750543886e-06, 8.315262924325576e-07, 5.043467730121716e-07, 3.0590199535501696e-07, 1.8553901789614224e-07, ), (7.266232688589504e-07, 1.1979984901238665e-06, 1.9751636013210316e-06, 3.256488756726259e-06, 5.369027412919755e-06, 8.851989198178306e-06, 1.459435326599097e-05, 2.4061722008518953e-05, 3.967026110796061e-05, 6.540299785417636e-05, 0.00010782531921372088, 0.00017775760127841338, 0.0002930284465234975, 0.0004830018768631608, 0.0007960083899432799, 0.0013115074296674385, 0.0021598970527118106, 0.0016368062828400621, 0.002099231639635049, 0.002691401369055925, 0.0034491371391800816, 0.004417774255719724, 0.005654443145402323, 0.007230734754415558, 0.009235696231534184, 0.0072984140438582526, 0.008236888415559338, 0.00929103992806775, 0.010473713989680168, 0.01179877746414793, 0.013281070975097344, 0.014936316985504345, 0.016780954307436455, 0.018831892307634147, 0.021106147528278725, 0.023620343254799163, 0.026390034109969318, 0.02942881284613428, 0.03274717995311303, 0.03635107956837604, 0.0402401269626858, 0.04440543797772008, 0.04882707593225212, 0.05347106200253934, 0.058286073059811365, 0.06319982433535125, 0.05061162349726674, 0.05233496629698847, 0.05400816102460933, 0.0556141037565246, 0.057133953123362544, 0.058547109249936155, 0.059831212850463084, 0.06096217235072935, 0.061914239241232905, 0.06266012242254605, 0.06317115278854145, 0.06341750934886065, 0.06343416110594288, 0.06330645259531723, 0.06284435533573302, 0.06201667159533572, 0.06079274353693025, 0.05914309924525602, 0.05704011465577628, 0.05445877334296642, 0.05137746183083742, 0.04777885432528329, 0.04365077758943945, 0.03898715327960585, 0.03378884975911697, 0.03531935468067966, 0.0422077473231845, 0.049392287735833644, 0.05682351248804525, 0.06444335258386404, 0.07218537848610806, 0.07997535656779409, 0.08773197107350779, 0.09536793709436561, 0.10279129721714374, 0.10990703175232597, 0.11661885740986029, 0.12283120758474693, 0.12845136455697553, 0.1333916479473038, 0.13757157665560532, 0.1409199490520395, 0.14337679293017874, 0.1448950025370976, 0.14544174629745393, 0.14542423295778015, 0.16487364948327096, 0.15805647683986432, 0.1475475501933703, 0.13385608524769832, 0.11766477316934562, 0.09976531059247061, 0.08098752975385573, 0.06213173340334688, 0.043912130168539294, 0.026916574745166316, 0.011584486855585881, 0.019142945031520635, 0.027083387349939547, 0.033304562372342354, 0.04325563328652432, 0.045297632152488124, 0.04518931388420967, 0.042970663661720046, 0.038866124024387064, 0.03390916689251259, 0.02880590021362334, 0.02398466871062986, 0.019668121432781762, 0.016083145423001023, 0.010268521004538548, 0.006424362084386769, 0.003970414912517922, 0.00243572287801544, 0.001487559311491905, 0.0009060288264575885, 0.0005509286069283908, 0.000334669010630431, 0.000203176288985473, 0.0001233023272555526, 7.481228578331748e-05, 4.5385381487482215e-05, 2.753109729171611e-05, 1.66997319837934e-05, 1.0129369308145999e-05, 6.143945938888818e-06, 3.7265551869979834e-06, 2.260293375122271e-06, 1.370945840519394e-06, 8.315238516122667e-07, 5.043458750884574e-07, 3.059016650172718e-07, 1.8553889638764484e-07, ), (4.869599654137752e-06, 8.028607340034997e-06, 1.323692213406688e-05, 2.182395728782174e-05, 3.5981520734945344e-05, 5.932322012368108e-05, 9.780670276632731e-05, 0.0001612539421460085, 0.0002658572336473684, 0.0004383093394420295, 0.0007226087222772269, 0.0011912685257940345, 0.001963765777436862, 0.0032368764453681934, 0.005334462408238425, 0.00878894435103858, 0.014473962247053468, 0.008608972948296552, 0.011041285008847889, 0.01415612932795515, 0.018142012089834937, 0.02323754986189881, 0.02974352265360461, 0.038036990304413223, 0.04858722233957824, 0.02813485906907107, 0.031751076631812335, 0.0358127251740227, 0.04036922716613582, 0.045473958447465164, 0.05118406695568752, 0.05756016436997888, 0.06466571516528628, 0.07256617864426866, 0.0813277108359353, 0.09101540255785327, 0.10169092524136801, 0.11340944461812882, 0.1262157969113115, 0.14013955611604495, 0.15518925712981052, 0.1713454474336778, 0.18855286300420213, 0.2067114853055341, 0.22566742010782498, 0.24520342440559906, 0.13257606660926485, 0.13688630314105263, 0.1410635560551167, 0.14506990457596236, 0.14886484007511083, 0.15240547058325038, 0.15564694592458442, 0.15854282541454517, 0.16104575228626483, 0.16684434032070306, 0.17638647085634768, 0.18624772625556948, 0.19639749091416248, 0.20679691030621158, 0.217398033993516, 0.22814318754903812, 0.2389640839741062, 0.2497813662864824, 0.2605042323065712, 0.2710302068691493, 0.2812453355925868, 0.2910245612636076, 0.3002325555450725, 0.30872499025949524, 0.31635024800660905, 0.32295168107991234, 0.3283701838898473, 0.33244761846930954, 0.3350303425944347, 0.3359734198347355, 0.3359371386819139, 0.33464698798650117, 0.33144552326745585, 0.3262467985744389, 0.3189925451063895, 0.3096561946223123, 0.2982463043661626, 0.28480904273237323, 0.26942983411473076, 0.25223391352625235, 0.23338535466303847, 0.21308501962922724, 0.19156713017338786, 0.16909445847732987, 0.14595252987029408, 0.12244276543884915, 0.20916054115199376, 0.21080044924282235, 0.211450623294217, 0.2113019739648138, 0.20901339703205477, 0.20346433845555453, 0.19432102896591244, 0.18168633945843637, 0.16603107808252515, 0.1480862467638732, 0.12872069139000356, 0.10882586788242815, 0.08922266612087384, 0.07059784311108512, 0.061125794695210456, 0.02892717191909933, 0.01251897483840594, 0.018292864980070874, 0.020551217554657712, 0.020724627919013607, 0.02015901934377609, 0.018419124431539622, 0.01613299956439529, 0.014002278844703526, 0.009462863062571476, 0.006118683265241544, 0.003855841355203239, 0.0023930939795082555, 0.0014717691069139889, 0.0009001957362385488, 0.0005487773171430805, 0.00033387638462115463, 0.00020288442775136635, 0.00012319489713444169, 7.477275096038999e-05, 4.537083443344436e-05, 2.7525745058669188e-05, 1.669776285725532e-05, 1.0128644873813834e-05, 6.143679426941587e-06, 3.7264571412092587e-06, 2.260257305518094e-06, 1.3709325712661887e-06, 8.315189701468821e-07, 5.043440792707177e-07, 3.0590100439772395e-07, 1.8553865332911292e-07, ), ), ((1.1253516663130311e-07, 2.061153706371968e-09, 1.3887944512457766e-11, 2.6810040651413303e-14, 1.0, 0.9999999989388736, 1.0, 1.0, 1.0, 1.0, ), (1.1253517540206501e-07, 2.0611536421871993e-09, 1.3887943963580416e-11, 2.6810038877938067e-14, 1.0848552727305314e-17, 1.1253516916076941e-07, 2.0611536421871993e-09, 1.3887943963580416e-11, 2.6810038877938067e-14, 1.0848552727305314e-17, ), (1.1253517551308732e-07, 2.0611536456566462e-09, 1.3887943977132943e-11, 2.6810038904407846e-14, 1.084855274023001e-17, 1.1253515997738413e-07, 2.0611536456566462e-09, 1.3887943977132943e-11, 2.6810038904407846e-14, 1.084855274023001e-17, ), ), (1.164299531542947e-15, 6.087363567807735e-16, 3.90769234914309e-16, ), (lambda z: (1 + numpy.exp(-z))**(-1.0)), (lambda z: numpy.exp(-z)/(1 + numpy.exp(-z))**2), (lambda z: (-1 + 2*numpy.exp(-z)/(1 + numpy.exp(-z)))*numpy.exp(-z)/(1 + numpy.exp(-z))**2))
    Gamma_1 = bending_input(x_norm)
    Gamma_2 = bending_step(Gamma_1, a_2, 2, cells_logistic, -1)
    del Gamma_1
    Lexact = bending_end(Lambda, Gamma_2, cells_logistic, 1, 0, 0)
    Clow = bending_end(Lambda, Gamma_2, cells_logistic, 1, 0, 1)
    del Lambda
    del Gamma_2
    Ltwo = bending_two_layers(Lexact, x_norm, a_2, 2, 0, cells_logistic, cells_logistic)
    del cells_logistic
    del Lexact
    return [B_2, L_2, Ltwo, Clow]


def bounds(weight_norms, input_norm):
    """Return the bounds (value, lipschitz, gradient_lipschitz, lower_gradient_lipschitz).

    weight_norms: spectral norms |A_u|_2, 2 entries, each a number or an array.
    input_norm: |x|.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    weight_norms = _numbers("weight_norms", weight_norms, 2)
    input_norm = _number("input_norm", input_norm)
    _positive("weight_norms", weight_norms)
    values = _aligned(weight_norms + [input_norm])
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(values[0:2], *values[2:]), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape), _result(results[3], shape))
