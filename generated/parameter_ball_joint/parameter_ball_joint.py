"""Bounds on Lipschitz constants in the parameters, compiled by symlip: joint method on the parameter ball, widths 3, 3, 3, 1, depth 3, tanh.

Needs NumPy alone; call bounds(radius, input_norm).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

    value: object  # bound on |N|, the network's output
    lipschitz: object  # Lipschitz constant of the network in its parameters


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


def sum_range(term, first, last):
    """term(first) + .. + term(last); 0 if there is no term."""
    total = 0
    for index in range(first, last + 1):
        total = total + term(index)
    return total


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


def _kernel(radius, x_norm):
    width = table(3, 3, 1)
    V = sequence(lambda u, V_previous: minimum(radius*sqrt(1 + V_previous**2), sqrt(width[u])), x_norm, 3)
    del width
    L = sqrt(sum_range(lambda u: ball_monomial(1, radius, 0, 3 - u)*(1 + V[u - 1]**2), 1, 3))
    Bm = V[3]
    del V
    S2_tanh = 0.769800358919501
    S3_tanh = 2
    J = joint_ball(L, x_norm, radius, (3, 3, 1, ), (((0, 1, 1, S2_tanh, S3_tanh), (lambda z: numpy.tanh(z)), (lambda z: -(numpy.tanh(z) - 1)*(numpy.tanh(z) + 1))), ((0, 1, 1, S2_tanh, S3_tanh), (lambda z: numpy.tanh(z)), (lambda z: -(numpy.tanh(z) - 1)*(numpy.tanh(z) + 1))), ((0, 1, 1, S2_tanh, S3_tanh), (lambda z: numpy.tanh(z)), (lambda z: -(numpy.tanh(z) - 1)*(numpy.tanh(z) + 1))), ))
    del L
    del S2_tanh
    del S3_tanh
    return [Bm, J]


def bounds(radius, input_norm):
    """Return the bounds (value, lipschitz).

    radius: the radius R of the ball |theta| <= R.
    input_norm: |x|.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    radius = _number("radius", radius)
    input_norm = _number("input_norm", input_norm)
    values = _aligned([radius, input_norm])
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(*values[0:]), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape))
