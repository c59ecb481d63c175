"""Products of norms on the parameter ball, from above: functions that compiled bounds use beside those of `runtime`.

Line u has the factor f_u(t) = e_u + c_u t, t = |A_u|: e_u = 1 for a residual line, 0 for a dense one, c_u = |d_u| S_1. A norm that n lines
share spends t^2 / n of R^2 in each of them. With any price kappa >= 0 a product is at most
exp(kappa R^2) times the product of the sup over 0 <= t <= R of factor * exp(-kappa t^2 / n); the price is the best one that bisection finds.
"""

import numpy
from numpy import exp, log, minimum, sqrt

from .runtime import each


def most_of_products(radius, keeps, slopes, shares, ones, twos, powers):
    """At least the largest value on the ball of each product (a row), of factors of so many kinds (columns).

    keeps, slopes, shares: e, c and n of each kind. ones, twos: how many factors of a kind, and how many squares, a product has; powers: the
    exponent of one further t of a layer of that kind.
    """
    degree = numpy.sum(ones + 2 * twos + powers, axis=1, keepdims=True)
    if not numpy.isfinite(radius):
        return numpy.where(degree[:, 0] > 0, numpy.inf, 1.0)
    # in units of the radius: t = R tau, c t = (c R) tau, and the price is for 1, so that no square of the radius is needed
    none, one = 0 * keeps, 1 + 0 * keeps
    parts = ((ones, 1 * one, keeps, slopes), (twos, 2 * one, keeps, slopes), (1.0 * (powers > 0), numpy.maximum(powers, 1), none, one))

    def places(price):
        """Where each factor's sup is: the factor's logarithm less the price is concave in tau, so that it is at 1 if it is not before."""
        with numpy.errstate(all="ignore"):
            found = []
            for _, power, e, c in parts:
                spread = power * shares / price
                kept = numpy.where(e > 0, e / (c * radius), 0.0)
                found.append(minimum(spread / (kept + numpy.hypot(kept, sqrt(2 * spread))), 1.0))
            return found

    def objective(price, found):
        total, size = price[:, 0], price[:, 0]
        with numpy.errstate(all="ignore"):
            for (count, power, e, c), tau in zip(parts, found):
                value = numpy.where(e > 0, numpy.log1p(c * radius * tau), log(c) + log(numpy.float64(radius)) + log(tau))
                term, paid = numpy.where(count > 0, count * power * value, 0.0), count * price * tau**2 / shares
                total, size = total + numpy.sum(term - paid, axis=1), size + numpy.sum(abs(term) + paid, axis=1)
            total = numpy.where(numpy.isneginf(total), total, total + 1e-14 * (1 + size))  # more than the rounding errors
        return numpy.where(numpy.isnan(total), numpy.inf, total)

    upper = degree / 2 + 1e-300
    lower = upper * 1e-18
    for _ in range(45):
        middle = sqrt(lower) * sqrt(upper)
        spent = sum(numpy.sum(count * tau**2 / shares, axis=1, keepdims=True) for (count, *_), tau in zip(parts, places(middle)))
        much = spent > 1
        lower, upper = numpy.where(much, middle, lower), numpy.where(much, upper, middle)
    free = objective(0 * degree, [numpy.ones(ones.shape) for _ in parts])
    least = minimum(free, objective(upper, places(upper)))
    with numpy.errstate(all="ignore"):
        return numpy.where(numpy.isneginf(least), 0.0, numpy.maximum(exp(least), 5e-324))


def kinds_of(keeps, slopes, groups):
    """(e, c, n) of each kind of line, and how many lines of each kind are among the first u, u = 0 .. m."""
    shares = [groups.count(group) for group in groups]
    rows = list(zip(keeps, slopes, shares))
    kinds = list(dict.fromkeys(rows))
    table = numpy.zeros((len(rows) + 1, len(kinds)))
    for number, row in enumerate(rows):
        table[number + 1] = table[number]
        table[number + 1, kinds.index(row)] += 1
    columns = [numpy.array([kind[part] for kind in kinds], dtype=float) for part in range(3)]
    return columns, table


def shared_values(radius, size, keeps, slopes, starts, tops, groups, paths):
    """V_0 .. V_m, at least the sizes of the lines' outputs on the ball.

    starts: |d| sqrt(l) |s(0)|; tops: |d| sqrt(l) S_0, -1 where it is not finite; paths: 1 to use the sum over paths, too.
    """
    count = len(slopes)

    def one(radius, size, *numbers):
        slopes, starts, tops = numbers[:count], numbers[count : 2 * count], numbers[2 * count :]
        (e, c, n), table = kinds_of(keeps, slopes, groups)
        found = [size]
        for number in range(count):
            grown = starts[number] + slopes[number] * radius * float(numpy.hypot(1.0, found[-1]))
            found.append(keeps[number] * found[-1] + (min(tops[number], grown) if tops[number] >= 0 else grown))
            if paths:
                after = table[number + 1] - table[: number + 2]  # the lines after the input, after line 1, ..
                biases, none = numpy.diff(table[: number + 2], axis=0), numpy.zeros_like(after)
                plain = most_of_products(radius, e, c, n, after, none, none)
                moved = most_of_products(radius, e, c, n, after[1:], none[1:], biases)
                terms = [starts[i] * plain[i + 1] + slopes[i] * moved[i] for i in range(number + 1)]
                found[-1] = min(found[-1], (size * plain[0] + sum(terms)) * (1 + 1e-14 * (number + 4)))
        return numpy.array(found)

    with numpy.errstate(all="ignore"):
        return each(one, [radius, size, *slopes, *starts, *tops])


def merged(lines, groups):
    """The matrix that adds up the entries (line 1's weights, its bias, line 2's ..) of the lines that share parameters."""
    known = list(dict.fromkeys(groups))
    matrix = numpy.zeros((2 * len(known), 2 * lines))
    for line, group in enumerate(groups):
        for kind in (0, 1):
            matrix[2 * known.index(group) + kind, 2 * line + kind] = 1
    return matrix


def shared_blocks(sizes, radius, keeps, slopes, groups):
    """The block vector of |N'| on the ball: c_j M(f_{j+1} .. f_m) at the bias of line j, times V_{j-1} at its weights, added up for shared ones."""
    count = len(slopes)

    def one(radius, *numbers):
        slopes, sizes = numbers[:count], numpy.array(numbers[count:])
        (e, c, n), table = kinds_of(keeps, slopes, groups)
        later = table[count] - table[1:]
        biases = numpy.array(slopes) * most_of_products(radius, e, c, n, later, 0 * later, 0 * later)
        return merged(count, groups) @ numpy.stack([sizes * biases, biases], axis=1).ravel()

    with numpy.errstate(all="ignore"):
        return each(one, [radius, *slopes, *sizes[:count]])


def shared_matrix(sizes, radius, keeps, slopes, bends, groups):
    """The block matrix of N'' on the ball, entry by entry; bends: |d| S_2 of each line."""
    count = len(slopes)

    def one(radius, *numbers):
        slopes, bends, sizes = numpy.array(numbers[:count]), numbers[count : 2 * count], numpy.array(numbers[2 * count :])
        (e, c, n), table = kinds_of(keeps, tuple(numbers[:count]), groups)
        own = numpy.diff(table, axis=0)
        steep, crossing = numpy.zeros((count, count)), numpy.zeros((count, count))  # [j, k], j <= k: without the sizes; the second for weights of k
        for u in range(count):
            j, k = numpy.triu_indices(u + 1)
            # j and k before u: t_u^2; k = u: t_u; j = k = u: neither
            power = (j < u).astype(int) + (k < u)
            last = numpy.minimum(k, u - 1)
            ones = table[count] - table[u + 1] + numpy.where((j < u)[:, None], table[last + 1] - table[numpy.minimum(j + 1, last + 1)], 0)
            twos = numpy.where((k < u)[:, None], table[u] - table[numpy.minimum(k + 1, u)], 0)
            values = unique_products(radius, (e, c, n), ones, twos, power[:, None] * own[u])
            scale = numpy.where(j < u, slopes[j], 1) * numpy.where(k < u, slopes[k], 1)
            steep[j, k] += bends[u] * scale * values
            before = numpy.arange(u)
            ones = table[count] - table[u + 1] + table[u] - table[before + 1]
            crossing[before, u] = slopes[u] * slopes[before] * unique_products(radius, (e, c, n), ones, 0 * ones, 0 * ones)
        weights = numpy.stack([sizes, numpy.ones(count)], axis=1)
        entries = steep[:, None, :, None] * weights[:, :, None, None] * weights[None, None, :, :]
        entries[:, :, :, 0] += crossing[:, None, :] * weights[:, :, None]
        upper = entries.reshape(2 * count, 2 * count)
        lines = numpy.arange(2 * count) // 2
        upper = numpy.where(lines[:, None] <= lines[None, :], upper, upper.T)
        matrix = merged(count, groups)
        return matrix @ upper @ matrix.T

    with numpy.errstate(all="ignore"):
        return each(one, [radius, *slopes, *bends, *sizes[:count]])


def unique_products(radius, kinds, ones, twos, powers):
    """`most_of_products`, each different row once."""
    rows, index = numpy.unique(numpy.concatenate([ones, twos, powers], axis=1), axis=0, return_inverse=True)
    size = len(kinds[0])
    return most_of_products(radius, *kinds, rows[:, :size], rows[:, size : 2 * size], rows[:, 2 * size :])[index.ravel()]
