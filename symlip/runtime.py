"""The operations on block vectors and matrices that a compiled bound uses; stand-alone modules carry copies of them.

Block axes come first and batch axes last, so that a scalar of batch shape multiplies a block vector as it stands. The
functions up to `border` work on arrays of any number type, the others on floats.
"""

import math

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt  # noqa: F401  (names that generated code uses)


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


def add_at(vector, value, one, position):
    """The vector with two scalars added at positions that it has."""
    shape = numpy.broadcast_shapes(vector.shape[1:], numpy.shape(value))
    out = numpy.array(numpy.broadcast_to(vector, (len(vector), *shape)))
    out[position] = out[position] + value
    out[position + 1] = out[position + 1] + one
    return out


def extend_vector(vector, like):
    """The vector with zeros behind it, as long as the other one."""
    out = numpy.zeros((len(like), *vector.shape[1:]), dtype=vector.dtype)
    out[: len(vector)] = vector
    return out


def extend_matrix(matrix, like):
    """The matrix with zero rows and columns behind it, as large as the other one."""
    out = numpy.zeros((len(like), len(like), *matrix.shape[2:]), dtype=matrix.dtype)
    out[: len(matrix), : len(matrix)] = matrix
    return out


def border_inside(vector, position):
    """e v^T + v e^T, e the unit vector of that position."""
    out = numpy.zeros((len(vector), *vector.shape), dtype=vector.dtype)
    out[position] = vector
    out[:, position] = out[:, position] + vector
    return out


def two_blocks(ww, wb, bb):
    """The symmetric matrix of two blocks."""
    entries = blocks(ww, wb, wb, bb)
    return entries.reshape(2, 2, *entries.shape[1:])


def weight_unit(vector):
    """The unit vector of the first block."""
    out = numpy.zeros(vector.shape, dtype=vector.dtype)
    out[0] = out[0] + 1
    return out


def one_block(like):
    """The block vector with the single entry 1, in the batch shape of a scalar."""
    return blocks(0 * like + 1)


def outer(vector):
    """v v^T."""
    return vector[:, None] * vector[None, :]


def zero_matrix(vector):
    """0 in the shape of v v^T."""
    return 0 * outer(vector)


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


def interleave(first, second):
    """The vector first_1, second_1, first_2, second_2, .."""
    first, second = numpy.broadcast_arrays(first, second)
    return numpy.stack([first, second], axis=1).reshape(2 * len(first), *first.shape[1:])


def sequence(term, start, length):
    """The values start, term(1, start), term(2, ..), .. with indices 0 .. length along the first axis."""
    values = [start]
    for index in range(1, length + 1):
        values.append(term(index, values[-1]))
    return blocks(*values)


def product_table(factor, length):
    """P[j, u] = factor(j+1) .. factor(u) for j <= u, and 0 for j > u; indices 0 .. length."""
    factors = blocks(*[factor(index) for index in range(1, length + 1)])
    out = numpy.zeros((length + 1, length + 1, *factors.shape[1:]), dtype=factors.dtype)
    for column in range(length + 1):
        out[column, column] = 1
        if column:
            out[:column, column] = out[:column, column - 1] * factors[column - 1]
    return out


def entries(term, length):
    """The vector (term(1), .., term(length))."""
    return blocks(*[term(index) for index in range(1, length + 1)])


def symmetric_entries(ww, wb, bw, bb, length):
    """The symmetric matrix of 2 x 2 blocks ((ww, wb), (bw, bb))(j, k) for j <= k = 1 .. length, mirrored below."""
    sample = numpy.asarray(ww(1, 1) + wb(1, 1) + bw(1, 1) + bb(1, 1))
    out = numpy.zeros((2 * length, 2 * length, *sample.shape), dtype=sample.dtype)
    for j in range(1, length + 1):
        for k in range(j, length + 1):
            for row, column, term in ((2 * j - 2, 2 * k - 2, ww), (2 * j - 2, 2 * k - 1, wb), (2 * j - 1, 2 * k - 2, bw), (2 * j - 1, 2 * k - 1, bb)):
                out[row, column] = out[column, row] = term(j, k)
    return out


def border_at(vector, index):
    """e v^T + v e^T, e the unit vector of the weight block of that layer; v is zero there."""
    out = numpy.zeros((len(vector), *vector.shape), dtype=vector.dtype)
    out[2 * index - 2] = vector
    out[:, 2 * index - 2] = vector
    return out


def table(*values):
    """The constants with indices 1, 2, .. (index 0 holds 1 and is not used)."""
    return blocks(1, *values)


def vector_table(term, length):
    """The vectors term(0), .., term(length), stacked."""
    return numpy.stack([term(index) for index in range(length + 1)])


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


def sum_range(term, first, last):
    """term(first) + .. + term(last); 0 if there is no term."""
    total = 0
    for index in range(first, last + 1):
        total = total + term(index)
    return total


def below(first, second):
    """1 if first < second, else 0."""
    return 1 if first < second else 0


def indicator(value):
    """1 where it is nonnegative, else 0."""
    return numpy.where(value >= 0, 1.0, 0.0)


def if_known(value):
    """What is known of the input: a number that is not known is -1, and counts as 0."""
    return maximum(value, 0.0)


def geometric(ratio, count):
    """1 + ratio + .. + ratio^(count - 1), by doubling: no subtraction, so nothing is lost near ratio 1."""
    total, power = 0 * ratio, 0 * ratio + 1
    for bit in bin(count)[2:]:
        total, power = total * (1 + power), power * power
        if bit == "1":
            total, power = total * ratio + 1, power * ratio
    return total


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


def psi3(z, growth=None):
    """(e^z - 1 - z - z^2/2) / z^3."""
    return entire(z, growth, lambda z, e: (e - 1 - z - z**2 / 2) / z**3, lambda n: 1 / math.factorial(n + 3))


def chi(z, growth=None):
    """(z e^z - 2 e^z + 2 + z) / z^3."""
    return entire(z, growth, lambda z, e: ((z - 2) * e + 2 + z) / z**3, lambda n: (n + 1) / math.factorial(n + 3))


def at_end(value, point):
    """A constant of a field at a point of the elapsed variation, whether it is a number or a function."""
    return value(point) if callable(value) else value


def field_value(start, length, k, v, cells=2000):
    """B(length) from above, B' = k B + v: on each cell the constants at its right end, where they are largest."""
    step = length / cells
    for cell in range(1, cells + 1):
        rate, source = at_end(k, cell * step), at_end(v, cell * step)
        start = start * exp(rate * step) + source * step * phi1(rate * step)
    return up(start)


def field_first(length, k, v1, cells=2000):
    """L(length) from above, L' = k L + v1, L(0) = 0."""
    return field_value(0.0 * length, length, k, v1, cells)


def field_second(length, k, v1, v2, w, c, cells=2000):
    """H(length) from above, H' = k H + v2 + 2 w L + c L^2, L' = k L + v1, both 0 at 0."""
    step = length / cells
    first = second = 0.0 * length
    for cell in range(1, cells + 1):
        rate, source, bend, mixed, curve = (at_end(value, cell * step) for value in (k, v1, v2, w, c))
        z = rate * step
        growth, one = exp(z), phi1(z)
        second = second * growth + bend * step * one + 2 * mixed * (first * step * growth + source * step**2 * phi2(z))
        second = second + curve * (first**2 * step * growth * one + 2 * first * source * step**2 * growth * psi(z) + source**2 * step**3 * phi3(z))
        first = first * growth + source * step * one
    return up(second)


def cell_steps(length, weight, slope, curvature, size, cells):
    """The block vector and matrix of a neural ODE from above: on each cell the size of the state and q at its right end."""
    step = length / cells
    z = weight * slope * step
    growth, grown = exp(z), slope * step * phi1(z)
    weights = bias = ww = wb = bb = 0.0 * z
    for cell in range(1, cells + 1):
        reach = size(cell * step)
        weights, bias = growth * weights + grown * reach, growth * bias + grown
        if curvature is not None:
            q, p = weight * weights + reach, weight * bias + 1
            ww = growth * ww + grown * (curvature / slope * q * q + 2 * weights)
            wb = growth * wb + grown * (curvature / slope * q * p + bias)
            bb = growth * bb + grown * (curvature / slope * p * p)
    return weights, bias, ww, wb, bb


def cell_blocks(length, weight, slope, size, cells=2000):
    """(l_A, l_b) of a neural ODE whose state has the size `size(y)`, from above."""
    weights, bias, *_ = cell_steps(length, weight, slope, None, size, cells)
    return blocks(up(weights), up(bias))


def cell_matrix(length, weight, slope, curvature, size, cells=2000):
    """The block matrix of a neural ODE whose state has the size `size(y)`, from above."""
    _, _, ww, wb, bb = cell_steps(length, weight, slope, curvature, size, cells)
    return two_blocks(up(ww), up(wb), up(bb))


def jumps_of(count):
    """The number of jumps, one for the whole batch."""
    if numpy.ndim(count) or int(count) != count or count < 1:
        raise ValueError(f"the number of jumps must be one positive integer, not {count!r}")
    return int(count)


def euler_first(length, k, v1, count):
    """L after `count` equal jumps of total variation `length`."""
    count = jumps_of(count)
    step = length / count
    return v1 * step * geometric(1 + k * step, count)


def euler_second(length, k, v1, v2, w, c, count):
    """H after `count` equal jumps of total variation `length`."""
    count = jumps_of(count)
    step = length / count
    first = second = 0 * length
    for _ in range(count):
        second = second + step * (v2 + 2 * w * first + c * first * first + k * second)
        first = first + step * (v1 + k * first)
    return second


def euler_steps(length, a, start, slope, speed, curvature, count):
    """The block vector and the entries of the block matrix after `count` equal jumps, of a neural ODE."""
    count = jumps_of(count)
    step = length / count
    zero = 0 * (length * a * start)
    weights, bias, ww, wb, bb = zero, zero, zero, zero, zero
    for jump in range(count):
        q, p = a * weights + start + jump * step * speed, a * bias + 1
        ww = ww + step * (curvature * q * q + slope * (a * ww + 2 * weights))
        wb = wb + step * (curvature * q * p + slope * (a * wb + bias))
        bb = bb + step * (curvature * p * p + slope * a * bb)
        weights, bias = weights + step * slope * q, bias + step * slope * p
    return weights, bias, ww, wb, bb


def euler_blocks(length, a, start, slope, speed, count):
    """|l| after `count` equal jumps."""
    weights, bias, *_ = euler_steps(length, a, start, slope, speed, 0, count)
    return sqrt(weights * weights + bias * bias)


def euler_blocks_second(length, a, start, slope, speed, curvature, count):
    """lambda_max(G) after `count` equal jumps."""
    _, _, ww, wb, bb = euler_steps(length, a, start, slope, speed, curvature, count)
    return (ww + bb) / 2 + sqrt(((ww - bb) / 2) ** 2 + wb * wb)


def chords(*numbers):
    """The function c -> max (p_i + q_i c) of the lines (p_1, q_1, p_2, q_2, ..)."""

    def largest(c):
        top = numbers[0] + numbers[1] * c
        for index in range(2, len(numbers), 2):
            top = maximum(top, numbers[index] + numbers[index + 1] * c)
        return top

    return largest


def mean(values):
    """The average over the samples, the last axis."""
    return numpy.mean(values, axis=-1)


def euclidean_norm(vector):
    """|v|, without overflow of the squares."""
    scale = numpy.max(numpy.abs(vector), axis=0)
    safe = numpy.where((scale > 0) & numpy.isfinite(scale), scale, 1.0)
    return numpy.where(numpy.isfinite(scale), safe * sqrt(numpy.sum((vector / safe) ** 2, axis=0)), numpy.inf)


def paired_eigenvalue(p, r, q):
    """The largest eigenvalue of ((p, r), (r, q))."""
    return (p + q) / 2 + hypot((p - q) / 2, r)


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


def erf(z):
    """The error function, componentwise."""
    return numpy.vectorize(math.erf, otypes=[float])(z)


def up(value):
    """A little more than a computed nonnegative number: the rounding of a few operations."""
    return value * (1 + 1e-13)


def cell_sizes(activation, start, stop):
    """Upper bounds on |s| and |s'| on the cells [start, stop]; activation = ((|s(0)|, S0, S1, S2, S3), s, s'), constants may be inf.

    Between two points a function is within S2 h^2 / 8 and within S1 h / 2 of its chord. What the formulas of s and s' cannot
    compute far out is replaced by the constants.
    """
    (zero, top, steep, bend, twist), function, derivative = activation
    width = stop - start
    with numpy.errstate(all="ignore"):
        size = maximum(abs(function(start)), abs(function(stop))) + minimum(bend * width**2 / 8, steep * width / 2)
        slope = maximum(abs(derivative(start)), abs(derivative(stop))) + minimum(twist * width**2 / 8, bend * width / 2)
    farthest = zero + steep * maximum(abs(start), abs(stop))
    size = numpy.fmin(numpy.fmin(up(size) + 1e-14 * farthest, up(farthest)), top)
    return size, numpy.fmin(up(slope) + 1e-14 * steep, steep)


def square_majorant(activation, reach, count=16000):
    """Points (v, f(v)) of a nondecreasing concave function above s(+-sqrt v)^2 on [0, reach^2], joined by chords."""
    nodes = numpy.linspace(0.0, reach, count + 1)
    both = [cell_sizes(activation, sign * nodes[:-1], sign * nodes[1:])[0] for sign in (1, -1)]
    heights = numpy.maximum.accumulate(maximum(*both) ** 2)
    x, y = nodes**2, numpy.append(heights, heights[-1])
    kept = []
    for index in range(len(x)):
        while len(kept) > 1 and (y[kept[-1]] - y[kept[-2]]) * (x[index] - x[kept[-2]]) <= (y[index] - y[kept[-2]]) * (x[kept[-1]] - x[kept[-2]]):
            kept.pop()
        kept.append(index)
    return x[kept], up(y[kept])


def neurons(activation, width, majorant, reach, cells):
    """For |z| <= reach and the steepest neuron at z = (2 t - 1) reach, t in a cell: upper bounds on |h| and on its s'(z)^2."""
    edges = reach[:, None] * (2 * cells - 1)[None, :]
    size, slope = cell_sizes(activation, edges[:, :-1], edges[:, 1:])
    square = size**2
    if width > 1:  # the other neurons share what is left of |z|^2
        least = numpy.where(edges[:, :-1] * edges[:, 1:] <= 0, 0.0, minimum(abs(edges[:, :-1]), abs(edges[:, 1:])))
        left = maximum(up(reach[:, None] ** 2) - least**2 * (1 - 1e-13), 0.0)
        square = square + (width - 1) * numpy.interp(left / (width - 1), *majorant)
    return up(sqrt(square)), slope**2


def eliminate(stages, start, first, target, limit=500_000, levels=40):
    """Whether it is proved that no path reaches the target.

    A path is a state (coordinates of which more is better) with a value; stage(states, cells) gives, for every state and
    every cell of the control in [0, 1], upper ends of the next state and p, q >= 0 such that the next value is at most
    p + q * value. States are rounded up to the corners of cells. Cells that no path to the target can pass are dropped and
    the others halved, until none is left (True) or the work of one level exceeds the limit (False).
    """
    grids = [[numpy.array([-numpy.inf, float(coordinate)]) for coordinate in start]] + [None] * len(stages)
    alive = [numpy.ones([1] * len(start), dtype=bool)] + [None] * len(stages)
    controls = [numpy.linspace(0.0, 1.0, 9) for _ in stages]
    for _ in range(levels):
        wanted = _pass(stages, float(first), float(target), grids, alive, controls, limit)
        if wanted is None:
            return False
        if not all(mask.any() for mask in alive):
            return True
        for number in range(1, len(stages)):  # where a path ends does not matter
            _halve(grids, alive, number)
        controls = [numpy.unique(numpy.append(edges, ((edges[:-1] + edges[1:]) / 2)[mask])) for edges, mask in zip(controls, wanted)]
    return False


def _halve(grids, alive, number):
    """Halve the cells of one stage in every coordinate in which they are still wanted."""
    mask = alive[number]
    for axis, edges in enumerate(grids[number]):
        wanted = mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis))
        finer = numpy.unique(numpy.append(edges, ((edges[:-1] + edges[1:]) / 2)[wanted]))
        mask = numpy.take(mask, numpy.searchsorted(edges, (finer[:-1] + finer[1:]) / 2) - 1, axis=axis)
        grids[number][axis] = finer
    alive[number] = mask


def _pass(stages, first, target, grids, alive, controls, limit):
    """Forward the largest values, backward the smallest that are needed; updates `alive`, returns the controls still wanted."""
    largest = numpy.full(alive[0].shape, first)
    before, moves = [], []
    for number, stage in enumerate(stages):
        sources = alive[number] & (largest > 0)
        corners = numpy.meshgrid(*[edges[1:] for edges in grids[number]], indexing="ij")
        states = [corner[sources] for corner in corners]
        if states[0].size * (len(controls[number]) - 1) > limit or sources.size > limit:
            return None
        reached, p, q = stage(states, controls[number])
        if grids[number + 1] is None:
            grids[number + 1] = [numpy.linspace(0.0, coordinate.max(initial=1e-300), 9) for coordinate in reached]
            alive[number + 1] = numpy.ones([8] * len(reached), dtype=bool)
        shape = alive[number + 1].shape
        index = 0
        for coordinate, edges, size in zip(reached, grids[number + 1], shape):
            edges[-1] = max(edges[-1], coordinate.max(initial=0.0))
            index = index * size + numpy.minimum(numpy.searchsorted(edges[1:], coordinate), size - 1)
        value = up(p + q * largest[sources][:, None])
        index, value, p, q = numpy.broadcast_arrays(index, value, p, q)
        before.append(largest)
        moves.append((sources, index, value, p, q))
        largest = numpy.zeros(shape)
        numpy.maximum.at(largest.reshape(-1), index.ravel(), value.ravel())
        for axis in range(len(shape)):  # who has more of a coordinate counts for those with less
            largest = numpy.flip(numpy.maximum.accumulate(numpy.flip(largest, axis), axis=axis), axis)
    alive[-1] = alive[-1] & (largest >= target)
    needed = numpy.where(alive[-1], target, numpy.inf)
    wanted = []
    for number in range(len(stages) - 1, -1, -1):
        sources, index, value, p, q = moves[number]
        for axis in range(needed.ndim):  # a state rounded up may lie in a lower cell, which needs more
            needed = numpy.minimum.accumulate(needed, axis=axis)
        goal = needed.reshape(-1)[index]
        wanted.insert(0, (value >= goal).any(axis=0))
        with numpy.errstate(divide="ignore", invalid="ignore"):
            least = numpy.where(q > 0, (goal - p) / q * (1 - 1e-13), numpy.where(p >= goal, 0.0, numpy.inf)).min(axis=1, initial=numpy.inf)
        needed = numpy.full(before[number].shape, numpy.inf)
        needed[sources] = least
        alive[number] = sources & (before[number] >= needed)
    return wanted


def smallest_excluded(stages, start, first, high, scale, limit, finer=()):
    """A number at most `high` that is proved to be above the square root of every path's last value, times `scale`."""
    for step in (0.5, 0.2, 0.07, 0.02, 0.006, 0.002, 0.0006, 0.0002, *finer):
        while high > 0 and eliminate(stages, start, first, (high * (1 - step)) ** 2 * scale, limit):
            high *= 1 - step
    return high


def each(function, arguments):
    """A function of numbers at every place of the arguments' broadcast shape, which comes last where its values are arrays."""
    arrays = numpy.broadcast_arrays(*(numpy.asarray(argument, dtype=float) for argument in arguments))
    values = [numpy.asarray(function(*(float(array[place]) for array in arrays)), dtype=float) for place in numpy.ndindex(arrays[0].shape)]
    return numpy.stack(values, axis=-1).reshape((*values[0].shape, *arrays[0].shape))[()]


def joint_bounded(high, input_norm, weights, biases, widths, activations, limit=500_000):
    """The joint bound for bounded biases: at most `high`, certified by elimination."""
    count = len(weights)
    return each(
        lambda *numbers: _joint_bounded(numbers[0], numbers[1], numbers[2 : 2 + count], numbers[2 + count :], widths, activations, limit),
        [high, input_norm, *weights, *biases],
    )


def _joint_bounded(high, input_norm, weights, biases, widths, activations, limit):
    if not numpy.isfinite(high):
        return high
    stages, size = [], input_norm
    for layer, (width, activation) in enumerate(zip(widths[:-1], activations[:-1])):
        weight, bias, following = weights[layer], biases[layer], weights[layer + 1]
        majorant = square_majorant(activation, up(weight * size + bias)) if width > 1 else None

        def stage(states, cells, weight=weight, bias=bias, following=following, width=width, activation=activation, majorant=majorant):
            size, slope2 = neurons(activation, width, majorant, up(weight * states[0] + bias), cells)
            return [size], up(1 + size**2), up(following**2 * slope2)

        stages.append(stage)
        size = float(stage([numpy.array([size])], numpy.linspace(0.0, 1.0, 20001))[0][0].max())
    reach = up(weights[-1] * size + biases[-1])
    nodes = numpy.linspace(-reach, reach, 4097)
    steep = float(cell_sizes(activations[-1], nodes[:-1], nodes[1:])[1].max())
    if not stages or steep == 0:
        return min(high, up(steep * sqrt(1 + input_norm**2)))
    return min(high, up(steep * smallest_excluded(stages, [input_norm], up(1 + input_norm**2), high / steep, 1.0, limit)))


def chain_shares(radius, input_norm, *slopes):
    """How a chain at z = 0 best shares the square of the radius among the weights of layers 2 .. m; index 0, 1 are 0.

    Multiplicative steps, of which each increases y_m = 1 + S^2 R^2 share_m y_{m-1} (Baum and Eagon), from several starts.
    Any shares give a lower bound; their sum is a little below 1.
    """
    radii, norms = numpy.broadcast_arrays(numpy.asarray(radius, dtype=float), numpy.asarray(input_norm, dtype=float))
    out = numpy.empty((len(slopes) + 1, *radii.shape))
    for place in numpy.ndindex(radii.shape):
        out[(slice(None), *place)] = _chain_shares(radii[place], norms[place], slopes)
    return out


def _chain_shares(radius, input_norm, slopes):
    depth = len(slopes)
    gains = [float(slope) ** 2 * float(radius) ** 2 for slope in slopes[:-1]]
    best, found = -1.0, numpy.zeros(depth + 1)
    for start in range(depth - 1):
        shares = numpy.where(numpy.arange(depth - 1) < start, 0.0, 1.0 / (depth - 1 - start)) if depth > 1 else numpy.zeros(0)
        for _ in range(400):
            y = [1 + float(input_norm) ** 2]
            for gain, share in zip(gains, shares):
                y.append(1 + gain * share * y[-1])
            above, slope = 1.0, numpy.zeros(depth - 1)
            for index in range(depth - 2, -1, -1):
                slope[index] = above * gains[index] * y[index] * shares[index]
                above *= gains[index] * shares[index]
            if not 0 < slope.sum() < numpy.inf:
                break
            shares = slope / slope.sum()
        if y[-1] > best:
            best, found[2:] = y[-1], shares
    return found * (1 - 1e-15)


def chain_size(radius, input_norm, slopes):
    """|Dz_m|^2 of that chain."""
    y, shares = 1 + input_norm**2, _chain_shares(radius, input_norm, slopes)
    for slope, share in zip(slopes[:-1], shares[2:]):
        y = 1 + slope**2 * radius**2 * share * y
    return y


def joint_ball(high, input_norm, radius, widths, activations, limit=1_500_000):
    """The joint bound on the parameter ball: at most `high`, certified by elimination."""
    return each(lambda *numbers: _joint_ball(*numbers, widths, activations, limit), [high, input_norm, radius])


def _joint_ball(high, input_norm, radius, widths, activations, limit):
    steep = activations[-1][0][2]
    if not (numpy.isfinite(high) and 1e-140 < radius < 1e140 and high > 0):
        return high
    # what is spent of the budget is priced: values carry exp(-price * spent), so that near the best shares the price of more
    # norm cancels what it gains; the state keeps the factor itself for the terms that carry no norm
    top = sqrt(1 + input_norm**2)
    slopes = [activation[0][2] for activation in activations]
    sizes = [chain_size(radius * factor, input_norm, slopes) for factor in (0.99, 1.01)]
    price = max(float(numpy.log(sizes[1] / sizes[0]) / (1.01**2 - 0.99**2)), 0.1) / radius**2
    floor = numpy.exp(-price * radius**2) * (1 - 1e-12)

    def after(factor, spent):
        left = up(factor[:, None] * numpy.exp(-price * spent)[None, :])
        return left * (left >= floor)

    def first(states, cells):
        norms = cells * radius
        left = after(states[0], norms[:-1] ** 2)
        return [up(norms[None, 1:] * top) + 0 * left, left], 0.0, up(left)

    def weigh(states, cells):
        squares = cells * radius**2
        left = after(states[1], squares[:-1])
        best = numpy.clip(1 / price, squares[:-1], squares[1:])
        gain = up(best * numpy.exp(-price * best))[None, :] * (left > 0)
        return [up(sqrt(squares[None, 1:]) * states[0][:, None]), left], up((1 + states[0][:, None] ** 2) * left), gain

    def shift(states, cells):
        norms = cells * radius
        left = after(states[1], norms[:-1] ** 2)
        return [up(states[0][:, None] + norms[None, 1:]), left], 0.0 * left, up(numpy.exp(-price * norms[:-1] ** 2))[None, :] * (left > 0)

    def last(states, cells):
        reached, start, gain = weigh(states, cells)
        return [1.0 * (reached[1] > 0)], start, gain

    stages, size = [first], input_norm
    for layer, (width, activation) in enumerate(zip(widths[:-1], activations[:-1])):
        reach = up(radius * sqrt(1 + size**2))
        majorant = square_majorant(activation, reach, 6000) if width > 1 else None

        def fire(states, cells, width=width, activation=activation, majorant=majorant):
            sizes, slope2 = neurons(activation, width, majorant, states[0], cells)
            return [sizes, states[1][:, None] + 0 * sizes], 0.0 * sizes, slope2

        stages += [fire, last] if layer == len(widths) - 2 else [fire, weigh, shift]
        constants = activation[0]
        size = up(min(sqrt(width) * constants[1], sqrt(width) * constants[0] + constants[2] * reach))
    return min(high, up(steep * smallest_excluded(stages, [1.0], up(1 + input_norm**2), high / steep, numpy.exp(-price * radius**2) * (1 - 1e-12), limit)))


def circle_maximum(form, degree, quarter=256):
    """At least the maximum over r^2 + s^2 = 1, r, s >= 0, of a form of that degree with nonnegative coefficients.

    Extended to the circle it is a trigonometric polynomial of that degree, whose maximum is at most its largest value at 4 * quarter
    equidistant points divided by cos(degree * pi / (4 * quarter)) (Ehlich and Zeller); by symmetry the quarter of the points will do.
    """
    best = None
    for index in range(quarter + 1):
        r, s = cosine_sine(index, quarter)
        value = form(r, s)
        best = value if best is None else maximum(best, value)
    return best / cosine_sine(degree, 2 * quarter)[0]


def cosine_sine(index, quarter):
    """cos and sin of index / quarter times a right angle, not below zero."""
    angle = index * math.pi / (2 * quarter)
    return max(math.cos(angle), 0.0), math.sin(angle)
