"""Bounds on Lipschitz constants in the parameters, compiled by symlip: joint method on layer balls, widths 3, 3, 1, depth 2, algebraic.

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
    J_algebraic = (lambda c: maximum(1, c))
    M_0 = 1 + x_norm**2
    M_1 = 3 + J_algebraic(M_0*a_2**2)
    del J_algebraic
    del M_0
    L_2 = sqrt(M_1)
    del M_1
    B_2 = 1
    cells_algebraic = activation_chart(1.0, 1.0, 1, (-7.450580596923828e-09, ), (-8.0, -7.75, -7.5, -7.25, -7.0, -6.75, -6.5, -6.25, -6.0, -5.75, -5.5, -5.25, -5.0, -4.75, -4.5, -4.25, -4.0, -3.75, -3.5, -3.25, -3.0, -2.75, -2.5, -2.25, -2.125, -2.0, -1.875, -1.75, -1.625, -1.5, -1.375, -1.25, -1.125, -1.0, -0.875, -0.8125, -0.75, -0.6875, -0.625, -0.5625, -0.5, -0.4375, -0.375, -0.3125, -0.25, -0.1875, -0.125, -0.0625, 0.0, 0.0625, 0.125, 0.1875, 0.25, 0.3125, 0.375, 0.4375, 0.5, 0.5625, 0.625, 0.6875, 0.75, 0.8125, 0.875, 1.0, 1.125, 1.25, 1.375, 1.5, 1.625, 1.75, 1.875, 2.0, 2.125, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0, 4.25, 4.5, 4.75, 5.0, 5.25, 5.5, 5.75, 6.0, 6.25, 6.5, 6.75, 7.0, 7.25, 7.5, 7.75, 8.0, ), ((0.001569715485162407, 0.0017561978926242982, 0.0019724874712233735, 0.0022246246885290538, 0.0025201456334700547, 0.002868522660519698, 0.003281757186466648, 0.0037751848545419533, 0.004368579784620882, 0.005087688357998107, 0.005966382400400622, 0.007049721030577457, 0.008398365783678077, 0.010095035464203908, 0.01225408550210723, 0.015035954669398955, 0.018669310481937814, 0.02348558058888561, 0.02997371994881978, 0.03886852001213816, 0.05129505725604637, 0.06900728503245508, 0.09478202438556425, 0.1004216215217531, 0.11996388342412835, 0.14409817570961225, 0.17399778765363516, 0.21110168943750932, 0.25711754368181977, 0.3139543637980454, 0.3835058417019734, 0.4671472380313881, 0.5647346797398217, 0.6728473753187709, 0.7069145056893321, 0.7592746890905345, 0.8073272130484438, 0.847699627962257, 0.8763236148188227, 0.8885844246767696, 0.8885236065750336, 0.8735331520985093, 0.8317357249677066, 0.7598720100772269, 0.6566144837763825, 0.5232627953221628, 0.364143876697369, 0.18653179648019405, 0.18653179648019405, 0.364143876697369, 0.5232627953221628, 0.6566144837763825, 0.7598720100772269, 0.8317357249677066, 0.8735331520985093, 0.8885236065750336, 0.8885844246767696, 0.8763236148188227, 0.847699627962257, 0.8073272130484438, 0.7592746890905345, 0.7069145056893321, 0.6728473753187709, 0.5647346797398217, 0.4671472380313881, 0.3835058417019734, 0.3139543637980454, 0.25711754368181977, 0.21110168943750932, 0.17399778765363516, 0.14409817570961225, 0.11996388342412835, 0.1004216215217531, 0.09478202438556425, 0.06900728503245508, 0.05129505725604637, 0.03886852001213816, 0.02997371994881978, 0.02348558058888561, 0.018669310481937814, 0.015035954669398955, 0.01225408550210723, 0.010095035464203908, 0.008398365783678077, 0.007049721030577457, 0.005966382400400622, 0.005087688357998107, 0.004368579784620882, 0.0037751848545419533, 0.003281757186466648, 0.002868522660519698, 0.0025201456334700547, 0.0022246246885290538, 0.0019724874712233735, 0.0017561978926242982, 0.001569715485162407, ), (0.0013821548373560985, 0.001584416459082471, 0.001824587418420094, 0.0021114118562223887, 0.0024560487867993468, 0.0028728550682446965, 0.003380460662109076, 0.004003263429844321, 0.004773526259025182, 0.0057343586888740335, 0.0069440037267041515, 0.00848208332760285, 0.010458824854608731, 0.013028883252900645, 0.016412358606936732, 0.020927249530278972, 0.027040333469230876, 0.0354481463028621, 0.04720762082946643, 0.06394908681292974, 0.08822499499079706, 0.12407583387801008, 0.1779146232406623, 0.17123513587830855, 0.2091374856900408, 0.2563593057556344, 0.31502564637375147, 0.38739599522871965, 0.47545776288401537, 0.5800328734495063, 0.6990157556913011, 0.8316781722491116, 0.9596014258283833, 1.0432207572796846, 0.9452476557563283, 0.934107655395678, 0.8835116926595382, 0.7811203353191183, 0.6150019718839931, 0.3749683330913723, 0.4277400608920799, 0.8640111726461287, 1.3446203684283762, 1.8358210835144062, 2.2935189885168445, 2.6687917331639217, 2.9161606762288237, 3.002748410139461, 3.002748410139461, 2.9161606762288237, 2.6687917331639217, 2.2935189885168445, 1.8358210835144062, 1.3446203684283762, 0.8640111726461287, 0.4277400608920799, 0.3749683330913723, 0.6150019718839931, 0.7811203353191183, 0.8835116926595382, 0.934107655395678, 0.9452476557563283, 1.0432207572796846, 0.9596014258283833, 0.8316781722491116, 0.6990157556913011, 0.5800328734495063, 0.47545776288401537, 0.38739599522871965, 0.31502564637375147, 0.2563593057556344, 0.2091374856900408, 0.17123513587830855, 0.1779146232406623, 0.12407583387801008, 0.08822499499079706, 0.06394908681292974, 0.04720762082946643, 0.0354481463028621, 0.027040333469230876, 0.020927249530278972, 0.016412358606936732, 0.013028883252900645, 0.010458824854608731, 0.00848208332760285, 0.0069440037267041515, 0.0057343586888740335, 0.004773526259025182, 0.004003263429844321, 0.003380460662109076, 0.0028728550682446965, 0.0024560487867993468, 0.0021114118562223887, 0.001824587418420094, 0.001584416459082471, 0.0013821548373560985, ), (0.001768052820853529, 0.0020830820118640046, 0.002467395311919234, 0.0029392863632659028, 0.0035227309347443947, 0.00424943225996998, 0.005161705889510809, 0.006316600547013489, 0.007791846494491475, 0.009694558924023476, 0.012174131673719205, 0.015441607595036318, 0.019799207733200964, 0.02568602458754016, 0.033749839178127065, 0.04496181569699471, 0.06080256039708127, 0.08356852286337463, 0.1168830600695682, 0.16655614903951532, 0.2420296865677492, 0.35876058899771757, 0.5419090435576804, 0.4387695966880162, 0.5462104766638141, 0.6805263663421764, 0.8464753662638431, 1.0472259473380103, 1.2812454023827522, 1.5363143706823463, 1.7789561187404623, 1.9377516745376036, 1.950616156647742, 1.811569986768876, 0.981622010508239, 1.6599335399147803, 2.517441482403503, 3.5489628552947243, 4.718945391606933, 5.950046044008185, 7.1157851759143, 8.043088328176696, 8.530673195016185, 8.560419956180969, 8.233684017027459, 7.125879809932049, 5.252784135275832, 2.778797397960956, 2.778797397960956, 5.252784135275832, 7.125879809932049, 8.233684017027459, 8.560419956180969, 8.530673195016185, 8.043088328176696, 7.1157851759143, 5.950046044008185, 4.718945391606933, 3.5489628552947243, 2.517441482403503, 1.6599335399147803, 0.981622010508239, 1.811569986768876, 1.950616156647742, 1.9377516745376036, 1.7789561187404623, 1.5363143706823463, 1.2812454023827522, 1.0472259473380103, 0.8464753662638431, 0.6805263663421764, 0.5462104766638141, 0.4387695966880162, 0.5419090435576804, 0.35876058899771757, 0.2420296865677492, 0.16655614903951532, 0.1168830600695682, 0.08356852286337463, 0.06080256039708127, 0.04496181569699471, 0.033749839178127065, 0.02568602458754016, 0.019799207733200964, 0.015441607595036318, 0.012174131673719205, 0.009694558924023476, 0.007791846494491475, 0.006316600547013489, 0.005161705889510809, 0.00424943225996998, 0.0035227309347443947, 0.0029392863632659028, 0.002467395311919234, 0.0020830820118640046, 0.001768052820853529, ), ), ((1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ), (0.0019082266859878226, 0.0009851853368415735, 0.0005071238300978697, 0.0002605415943754822, 0.00013369168652742718, 6.854690047950793e-05, 3.512777965490948e-05, 1.7995845346850394e-05, 9.217290657369916e-06, 4.720373342166456e-06, 2.417198444173429e-06, 1.2377259829805355e-06, 6.337551545053531e-07, 3.2449556758217754e-07, 1.6614596723559263e-07, 8.506812353307608e-08, 4.355533417999548e-08, 2.2300480174095584e-08, 1.1417894698131188e-08, 5.845978092375196e-09, 2.9931460284672153e-09, 1.5324924853170014e-09, 7.846367156804768e-10, 4.0173418297736225e-10, 2.0568796215744997e-10, 1.0531225644042832e-10, 5.3919881790746856e-11, 2.7606981604570103e-11, 1.4134775278747227e-11, 7.2370051711794964e-12, 3.7053467225059784e-12, 1.897137546453867e-12, 9.713344318226344e-13, 4.97323231727164e-13, 2.54629495507409e-13, 1.3037030198261433e-13, 6.674959470777333e-14, 3.417579252074762e-14, 1.749800578057366e-14, 8.958978962914416e-15, 4.586997230080649e-15, 2.3485425821514075e-15, 1.2024538021762461e-15, 6.156563467518314e-16, 3.1521604954925626e-16, 1.6139061737325572e-16, 8.263199609642962e-17, 0.0019082266859878226, 0.0009851853368415735, 0.0005071238300978697, 0.0002605415943754822, 0.00013369168652742718, 6.854690047950793e-05, 3.512777965490948e-05, 1.7995845346850394e-05, 9.217290657369916e-06, 4.720373342166456e-06, 2.417198444173429e-06, 1.2377259829805355e-06, 6.337551545053531e-07, 3.2449556758217754e-07, 1.6614596723559263e-07, 8.506812353307608e-08, 4.355533417999548e-08, 2.2300480174095584e-08, 1.1417894698131188e-08, 5.845978092375196e-09, 2.9931460284672153e-09, 1.5324924853170014e-09, 7.846367156804768e-10, 4.0173418297736225e-10, 2.0568796215744997e-10, 1.0531225644042832e-10, 5.3919881790746856e-11, 2.7606981604570103e-11, 1.4134775278747227e-11, 7.2370051711794964e-12, 3.7053467225059784e-12, 1.897137546453867e-12, 9.713344318226344e-13, 4.97323231727164e-13, 2.54629495507409e-13, 1.3037030198261433e-13, 6.674959470777333e-14, 3.417579252074762e-14, 1.749800578057366e-14, 8.958978962914416e-15, 4.586997230080649e-15, 2.3485425821514075e-15, 1.2024538021762461e-15, 6.156563467518314e-16, 3.1521604954925626e-16, 1.6139061737325572e-16, 8.263199609642962e-17, ), (0.0007045760071339652, 0.0002926293079727446, 0.00012093573054798164, 4.9819923712565915e-05, 2.048135241414029e-05, 8.408935278572071e-06, 3.4494973815858337e-06, 1.4142789796670105e-06, 5.796468547178325e-07, 2.3751731430599298e-07, 9.731173486691231e-08, 3.986534847557678e-08, 1.6330540992390426e-08, 6.6894337826407245e-09, 2.7401085285556486e-09, 1.122378981765541e-09, 4.597344340360817e-10, 1.8830932218904187e-10, 7.71320483558392e-11, 3.1593431183578495e-11, 1.294070720813426e-11, 5.300523580306755e-12, 2.171097055783952e-12, 8.892820349141116e-13, 3.642500999856527e-13, 1.491968877428777e-13, 6.111105748487834e-14, 2.5031092361106776e-14, 1.025273627398122e-14, 4.199520998776537e-15, 1.720123859020594e-15, 7.045627478386684e-16, 2.8858890549506935e-16, 1.182060167342055e-16, 4.84171847278582e-17, 1.9831678936234344e-17, 8.123055711078266e-18, 3.3272036241850942e-18, 1.3628226057579127e-18, 5.582121396570518e-19, 2.286436924922932e-19, 9.365245646811246e-20, 3.8360046175438716e-20, 1.5712274915058744e-20, 6.435747805627241e-21, 2.6360823012948032e-21, 1.079739310639157e-21, 0.0007045760071339652, 0.0002926293079727446, 0.00012093573054798164, 4.9819923712565915e-05, 2.048135241414029e-05, 8.408935278572071e-06, 3.4494973815858337e-06, 1.4142789796670105e-06, 5.796468547178325e-07, 2.3751731430599298e-07, 9.731173486691231e-08, 3.986534847557678e-08, 1.6330540992390426e-08, 6.6894337826407245e-09, 2.7401085285556486e-09, 1.122378981765541e-09, 4.597344340360817e-10, 1.8830932218904187e-10, 7.71320483558392e-11, 3.1593431183578495e-11, 1.294070720813426e-11, 5.300523580306755e-12, 2.171097055783952e-12, 8.892820349141116e-13, 3.642500999856527e-13, 1.491968877428777e-13, 6.111105748487834e-14, 2.5031092361106776e-14, 1.025273627398122e-14, 4.199520998776537e-15, 1.720123859020594e-15, 7.045627478386684e-16, 2.8858890549506935e-16, 1.182060167342055e-16, 4.84171847278582e-17, 1.9831678936234344e-17, 8.123055711078266e-18, 3.3272036241850942e-18, 1.3628226057579127e-18, 5.582121396570518e-19, 2.286436924922932e-19, 9.365245646811246e-20, 3.8360046175438716e-20, 1.5712274915058744e-20, 6.435747805627241e-21, 2.6360823012948032e-21, 1.079739310639157e-21, ), ), (9.948442375016632e-16, 8.334866510193433e-16, 1.0249053324092218e-15, ), (lambda z: z/numpy.sqrt(z**2 + 1)), (lambda z: (-z**2/(z**2 + 1) + 1)/numpy.sqrt(z**2 + 1)), (lambda z: 3*z*(z**2/(z**2 + 1) - 1)/(z**2 + 1)**(3/2)))
    Gamma_1 = bending_input(x_norm)
    Gamma_2 = bending_step(Gamma_1, a_2, 3, cells_algebraic, 0)
    del Gamma_1
    Lexact = bending_end(numpy.inf, Gamma_2, cells_algebraic, 1, 0, 0)
    Clow = bending_end(numpy.inf, Gamma_2, cells_algebraic, 1, 0, 1)
    del cells_algebraic
    del Gamma_2
    return [B_2, L_2, Lexact, Clow]


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
