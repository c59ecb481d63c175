"""Bounds on Lipschitz constants in the parameters, compiled by symlip: block method on the parameter ball, widths l_0, l, l, l, l, l_5, depth 5, tanh, identity.

Needs NumPy alone; call bounds(radius, input_norm, d, widths).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

    value: object  # bound on |N|, the network's output
    lipschitz: object  # Lipschitz constant of the network in its parameters
    layer_lipschitz: object  # matrix of the bounds of mixed second derivatives, blocks A_1, b_1, A_2, b_2, ..
    gradient_lipschitz: object  # Lipschitz constant of the network's gradient


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


def each(function, arguments):
    """A function of numbers at every place of the arguments' broadcast shape, which comes last where its values are arrays."""
    arrays = numpy.broadcast_arrays(*(numpy.asarray(argument, dtype=float) for argument in arguments))
    values = [numpy.asarray(function(*(float(array[place]) for array in arrays)), dtype=float) for place in numpy.ndindex(arrays[0].shape)]
    return numpy.stack(values, axis=-1).reshape((*values[0].shape, *arrays[0].shape))[()]


def most_of_products(radius, kinds, ones, twos, powers):
    """At least the largest value on the ball of each product (a row), of factors of so many kinds (columns).

    kinds: e, c, n and the degree of each. ones, twos: how many factors of a kind, and how many squares, a product has; powers: the exponent of
    one further t of a line of that kind.
    """
    keeps, slopes, shares, degrees = kinds
    degree = numpy.sum((ones + 2 * twos) * degrees + powers, axis=1, keepdims=True)
    if not numpy.isfinite(radius):
        return numpy.where(degree[:, 0] > 0, numpy.inf, 1.0)
    # in units of the radius: t = R tau, c t^k = (c R^k) tau^k, and the price is for 1, so that no square of the radius is needed
    none, one, size = 0 * keeps, 1 + 0 * keeps, log(slopes) + degrees * log(numpy.float64(radius))
    parts = ((ones, 1 * one, keeps, size, degrees), (twos, 2 * one, keeps, size, degrees))
    parts = (*parts, (1.0 * (powers > 0), numpy.maximum(powers, 1), none, none + log(numpy.float64(radius)), one))

    def places(price):
        """Where each factor's sup is: at 1 if not before; for degrees above 2 at 0, or where its logarithm less the price is concave."""
        found = []
        for _, power, e, logarithm, k in parts:
            spread, kept = power * shares / price, numpy.where(e > 0, exp(-logarithm), 0.0)
            line = minimum(spread / (kept + numpy.hypot(kept, sqrt(2 * spread))), 1.0)
            found.append(numpy.where(k == 1, line, minimum(sqrt(numpy.maximum(spread - kept, 0.0)), 1.0)))
            deep = k > 2
            if deep.any():
                degree, kept, spread, cost = k[deep], kept[deep], spread[:, deep], price / shares[deep]
                low, high = minimum((kept * (degree / 2 - 1)) ** (1 / degree), 1.0) + 0 * spread, 1.0 + 0 * spread
                for _ in range(40):  # what is lost at the maximum is of second order
                    middle = (low + high) / 2
                    rising = spread * (degree / 2) * middle ** (degree - 2) > kept + middle**degree
                    low, high = numpy.where(rising, middle, low), numpy.where(rising, high, middle)
                gain = power[deep] * (log(numpy.maximum(kept, 1e-300) + high**degree) - log(numpy.maximum(kept, 1e-300))) - cost * high**2
                found[-1][:, deep] = numpy.where((gain > 0) | (e[deep] == 0), high, 0.0)
        return found

    def objective(price, found):
        total, size = price[:, 0], price[:, 0]
        for (count, power, e, logarithm, k), tau in zip(parts, found):
            grown = logarithm + k * log(tau)
            value = numpy.where(e > 0, numpy.logaddexp(0.0, grown), grown)
            used, paid = count > 0, count * price * tau**2 / shares
            term, moduli = (
                numpy.where(used, count * power * part, 0.0) for part in (value, abs(value) + numpy.where(numpy.isfinite(logarithm), abs(logarithm), 0.0))
            )
            total, size = total + numpy.sum(term - paid, axis=1), size + numpy.sum(moduli + paid, axis=1)
        total = numpy.where(numpy.isneginf(total), total, total + 1e-14 * (1 + size))  # more than the rounding errors
        return numpy.where(numpy.isnan(total), numpy.inf, total)

    with numpy.errstate(all="ignore"):
        upper = degree / 2 + 1e-300
        lower = upper * 1e-18
        for _ in range(45):
            middle = sqrt(lower) * sqrt(upper)
            spent = sum(numpy.sum(count * tau**2 / shares, axis=1, keepdims=True) for (count, *_), tau in zip(parts, places(middle)))
            much = spent > 1
            lower, upper = numpy.where(much, middle, lower), numpy.where(much, upper, middle)
        free = objective(0 * degree, [numpy.ones(ones.shape) for _ in parts])
        least = minimum(free, minimum(objective(upper, places(upper)), objective(lower, places(lower))))
        return numpy.where(numpy.isneginf(least), 0.0, numpy.maximum(exp(least), 5e-324))


def ways(keeps, slopes, groups, skips, scales):
    """(kinds, own, through, scale, inside): what the derivative of a line's output is multiplied by until the state that line p sees.

    skips: the first and the last of the lines that each skip goes around; scales: |d| where it ends. kinds: (e, c, n, degree), of lines and skips.
    own[j]: the kind of line j, as a row that counts. through[j, p], p = 0 .. m (m: the network's output): how many factors of each kind;
    scale[j, p]: |d| where a skip is left; inside[j]: (its skip's kind, the lines before and up to j in it, those after it, |d|), or None.
    """
    count = len(slopes)
    spans = [(int(skips[i]), int(skips[i + 1])) for i in range(0, len(skips), 2)]
    shares = [groups.count(group) for group in groups]
    rows = [(keep, slope, share, 1) for keep, slope, share in zip(keeps, slopes, shares)]
    for (first, last), scale in zip(spans, scales):
        k = last - first + 1
        rows.append((1, float(scale * numpy.prod(numpy.array(slopes[first : last + 1])) * k ** (-k / 2)), shares[first], k))
    kinds = list(dict.fromkeys(rows))
    unit = numpy.eye(len(kinds))[[kinds.index(row) for row in rows]]
    own, around = unit[:count], unit[count:]
    of, segments = [None] * count, []  # the skip of each line; what the state goes through, one after the other
    for number, (first, last) in enumerate(spans):
        of[first : last + 1] = [number] * (last - first + 1)
    passed, before = numpy.zeros((count + 1, len(kinds))), numpy.zeros((count + 1, len(kinds)))
    total, line = numpy.zeros(len(kinds)), 0
    while line < count:
        last = line if of[line] is None else spans[of[line]][1]
        for inner in range(line, last + 1):
            passed[inner] = total  # up to the segment's start
            before[inner] = own[line:inner].sum(axis=0) if last > line else 0.0
        total = total + (own[line] if of[line] is None else around[of[line]])
        segments.append((line, last, total))
        line = last + 1
    passed[count] = total
    after = numpy.zeros((count, len(kinds)))  # up to the segment's end
    for first, last, total in segments:
        after[first : last + 1] = total
    leaving = numpy.array([own[line + 1 : spans[of[line]][1] + 1].sum(axis=0) if of[line] is not None else 0 * total for line in range(count)])
    through = leaving[:, None] + passed[None] - after[:, None] + before[None]
    scale = numpy.ones((count, count + 1))
    inside = [None] * count
    for j in range(count):
        if of[j] is None:
            continue
        first, last = spans[of[j]]
        scale[j, last + 1 :] = scales[of[j]]
        for p in range(j + 1, last + 1):
            through[j, p] = own[j + 1 : p].sum(axis=0)
        inside[j] = (around[of[j]], own[first : j + 1].sum(axis=0), own[j + 1 : last + 1].sum(axis=0), scales[of[j]], of[j])
    return tuple(numpy.array(column, dtype=float) for column in zip(*kinds)), own, through, scale, inside


def shared_values(radius, size, keeps, slopes, starts, tops, groups, paths, skips, scales):
    """V_0 .. V_m, at least the sizes of the lines' outputs on the ball, ends of skips among them.

    starts: |d| sqrt(l) |s(0)|; tops: |d| sqrt(l) S_0, -1 where it is not finite; paths: 1 to use the sum over paths, too (without skips).
    """
    count = len(slopes)
    ends = dict(zip(skips[1::2], range(len(scales))))

    def one(radius, size, *numbers):
        slopes, starts, tops, scales = (numbers[part * count : (part + 1) * count] for part in range(4))
        kinds, own, through, _, _ = ways(keeps, slopes, groups, skips, scales)
        found = [size]
        for number in range(count):
            if number in skips[::2]:
                begin = found[-1]
            grown = starts[number] + slopes[number] * radius * float(numpy.hypot(1.0, found[-1]))
            found.append(keeps[number] * found[-1] + (min(tops[number], grown) if tops[number] >= 0 else grown))
            if paths and not skips:
                until = through[: number + 1, number + 1]
                whole = numpy.concatenate([own[: number + 1].sum(axis=0)[None], until])
                plain = most_of_products(radius, kinds, whole, 0 * whole, 0 * whole)
                moved = most_of_products(radius, kinds, until, 0 * until, own[: number + 1])
                terms = [starts[i] * plain[i + 1] + slopes[i] * moved[i] for i in range(number + 1)]
                found[-1] = min(found[-1], (size * plain[0] + sum(terms)) * (1 + 1e-14 * (number + 4)))
            if number in ends:
                found.append((begin + scales[ends[number]] * found[-1]) * (1 + 1e-15))
        return numpy.array(found)

    with numpy.errstate(all="ignore"):
        return each(one, [radius, size, *slopes, *starts, *tops, *scales])


def seen(count, skips):
    """The place among V_0 .. V_m of what each line sees."""
    return [line + sum(line > last for last in skips[1::2]) for line in range(count)]


def merged(lines, groups):
    """The matrix that adds up the entries (line 1's weights, its bias, line 2's ..) of the lines that share parameters."""
    known = list(dict.fromkeys(groups))
    matrix = numpy.zeros((2 * len(known), 2 * lines))
    for line, group in enumerate(groups):
        for kind in (0, 1):
            matrix[2 * known.index(group) + kind, 2 * line + kind] = 1
    return matrix


def shared_blocks(sizes, radius, keeps, slopes, groups, skips, scales):
    """The block vector of |N'| on the ball: c_j M(what line j's output goes through) at the bias of line j, times V at its weights."""
    count = len(slopes)

    def one(radius, *numbers):
        slopes, scales, sizes = numbers[:count], numbers[count : count + len(skips) // 2], numpy.array(numbers[count + len(skips) // 2 :])
        kinds, _, through, scale, _ = ways(keeps, slopes, groups, skips, scales)
        later = through[:, count]
        biases = numpy.array(slopes) * scale[:, count] * most_of_products(radius, kinds, later, 0 * later, 0 * later)
        return merged(count, groups) @ numpy.stack([sizes * biases, biases], axis=1).ravel()

    with numpy.errstate(all="ignore"):
        return each(one, [radius, *slopes, *scales, *(sizes[place] for place in seen(count, skips))])


def shared_matrix(sizes, radius, keeps, slopes, bends, groups, skips, scales):
    """The block matrix of N'' on the ball, entry by entry; bends: |d| S_2 of each line."""
    count, skipped = len(slopes), len(skips) // 2

    def one(radius, *numbers):
        slopes, bends, sizes = numpy.array(numbers[:count]), numbers[count : 2 * count], numpy.array(numbers[2 * count + skipped :])
        kinds, own, through, scale, inside = ways(keeps, tuple(numbers[:count]), groups, skips, numbers[2 * count : 2 * count + skipped])
        steep, crossing = numpy.zeros((count, count)), numpy.zeros((count, count))  # [j, k], j <= k: without the sizes; the second for weights of k
        for u in range(count):
            j, k = numpy.triu_indices(u + 1)
            # j and k before u: t_u^2; k = u: t_u; j = k = u: neither
            power = ((j < u).astype(int) + (k < u))[:, None] * own[u]
            first, second = (numpy.where((row < u)[:, None], through[row, u], 0.0) for row in (j, k))
            factor = scale[u, count] * numpy.where(j < u, slopes[j] * scale[j, u], 1) * numpy.where(k < u, slopes[k] * scale[k, u], 1)
            ones, twos, more = through[u, count] + first - second, second, None
            if skips:
                ones, twos, more = apart(j, k, u, ones, twos, through[u, count], first, second, inside)
            values = unique_products(radius, kinds, ones, twos, power)
            if more is not None:  # the other way through the skip that k is in and j is before
                rows, other_ones, other_twos, times = more
                values[rows] += times * unique_products(radius, kinds, other_ones, other_twos, power[rows])
            steep[j, k] += bends[u] * factor * values
            before = numpy.arange(u)
            ones = through[u, count] + through[before, u]
            crossing[before, u] = slopes[u] * scale[u, count] * slopes[before] * scale[before, u] * unique_products(radius, kinds, ones, 0 * ones, 0 * ones)
        weights = numpy.stack([sizes, numpy.ones(count)], axis=1)
        entries = steep[:, None, :, None] * weights[:, :, None, None] * weights[None, None, :, :]
        entries[:, :, :, 0] += crossing[:, None, :] * weights[:, :, None]
        upper = entries.reshape(2 * count, 2 * count)
        lines = numpy.arange(2 * count) // 2
        upper = numpy.where(lines[:, None] <= lines[None, :], upper, upper.T)
        matrix = merged(count, groups)
        return matrix @ upper @ matrix.T

    with numpy.errstate(all="ignore"):
        return each(one, [radius, *slopes, *bends, *scales, *(sizes[place] for place in seen(count, skips))])


def apart(j, k, u, ones, twos, end, first, second, inside):
    """Products in which the factor of a skip meets norms of lines inside it, as its two terms: (ones, twos) with the first, and the second."""
    rows = [
        row
        for row, (a, b) in enumerate(zip(j, k))
        if b < u and inside[b] is not None and (inside[a] is None or inside[a][4] != inside[b][4]) and (inside[u] is None or inside[u][4] != inside[b][4])
    ]
    if not rows:
        return ones, twos, None
    around, until, rest, times = ([inside[k[row]][part] for row in rows] for part in range(4))
    around, until, rest = numpy.array(around), numpy.array(until), numpy.array(rest)
    shared = second[rows] - rest
    outside = end + first[rows] - around - shared
    ones, twos = ones.copy(), twos.copy()
    ones[rows], twos[rows] = outside + rest, shared
    return ones, twos, (rows, outside + until, shared + rest, numpy.array(times))


def unique_products(radius, kinds, ones, twos, powers):
    """`most_of_products`, each different row once."""
    rows, index = numpy.unique(numpy.concatenate([ones, twos, powers], axis=1), axis=0, return_inverse=True)
    size = len(kinds[0])
    return most_of_products(radius, kinds, rows[:, :size], rows[:, size : 2 * size], rows[:, 2 * size :])[index.ravel()]


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


def _kernel(radius, x_norm, d, l):
    S2_tanh = 0.769800358919501
    V = shared_values(radius, x_norm, (0, 1, 1, 1, 0, ), (1, d, d, d, 1, ), (0, 0, 0, 0, 0, ), (sqrt(l), d*sqrt(l), d*sqrt(l), d*sqrt(l), -1, ), (0, 1, 2, 2, 3, ), 1, (), ())
    lvec = shared_blocks(V, radius, (0, 1, 1, 1, 0, ), (1, d, d, d, 1, ), (0, 1, 2, 2, 3, ), (), ())
    L_5 = euclidean_norm(lvec)
    del lvec
    G = shared_matrix(V, radius, (0, 1, 1, 1, 0, ), (1, d, d, d, 1, ), (S2_tanh, S2_tanh*d, S2_tanh*d, S2_tanh*d, 0, ), (0, 1, 2, 2, 3, ), (), ())
    del S2_tanh
    Bm = V[5]
    del V
    Lambda = largest_eigenvalue(G)
    return [Bm, L_5, G, Lambda]


def bounds(radius, input_norm, d, widths):
    """Return the bounds (value, lipschitz, layer_lipschitz, gradient_lipschitz).

    radius: the radius R of the ball |theta| <= R.
    input_norm: |x|.
    d: the constant or step d.
    widths: the widths l_0, .., l_m.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    radius = _number("radius", radius)
    input_norm = _number("input_norm", input_norm)
    d = _finite("d", d)
    values = _aligned([radius, input_norm, d])
    widths = [widths] if numpy.ndim(widths) == 0 else list(widths)
    if not all(int(width) == width and width >= 1 for width in widths):
        raise ValueError(f"widths must be positive integers, not {widths!r}")
    if len(widths) == 6:
        expected = ['l_0', 'l', 'l', 'l', 'l', 'l_5']
        if any(type(a) is int and a != b for a, b in zip(expected, widths)):
            raise ValueError(f"widths must agree with the network's {expected!r}, not {widths!r}")
        sizes = [widths[index] for index in [1]]
    elif len(widths) == 1:
        sizes = widths
    else:
        raise ValueError(f"widths must have 6 entries l_0, .., l_m, not {len(widths)}")
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(*values[0:], *sizes), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(numpy.moveaxis(numpy.asarray(results[2]), (0, 1), (-2, -1)), shape), _result(results[3], shape))
