"""Bounds on Lipschitz constants in the parameters, compiled by symlip: joint method on layer balls, widths 3, 3, 3, 1, depth 3, softplus, identity.

Needs NumPy alone; call bounds(weight_norms, bias_norms, input_norm).
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


def append_blocks(vector, *entries):
    """A block vector with further scalar entries behind it."""
    entries = [numpy.asarray(entry) for entry in entries]
    shape = numpy.broadcast_shapes(vector.shape[1:], *(entry.shape for entry in entries))
    out = numpy.empty((len(vector) + len(entries), *shape), dtype=numpy.result_type(vector, *entries))
    out[: len(vector)] = vector
    for index, entry in enumerate(entries, len(vector)):
        out[index] = entry[()]
    return out


def euclidean_norm(vector):
    """|v|, without overflow of the squares."""
    scale = numpy.max(numpy.abs(vector), axis=0)
    safe = numpy.where((scale > 0) & numpy.isfinite(scale), scale, 1.0)
    return numpy.where(numpy.isfinite(scale), safe * sqrt(numpy.sum((vector / safe) ** 2, axis=0)), numpy.inf)


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


def _kernel(layers_1, layers_2, x_norm):
    [a_1, a_2, a_3] = layers_1
    [b_1, b_2, b_3] = layers_2
    s0_softplus = 0.6931471805599453
    B_0 = x_norm
    qvec_1 = blocks(B_0, 1)
    lvec_1 = qvec_1
    del qvec_1
    B_1 = s0_softplus*sqrt(3) + B_0*a_1 + b_1
    del B_0
    qvec_2 = append_blocks(a_2*lvec_1, B_1, 1)
    del lvec_1
    lvec_2 = qvec_2
    del qvec_2
    B_2 = s0_softplus*sqrt(3) + B_1*a_2 + b_2
    del B_1
    qvec_3 = append_blocks(a_3*lvec_2, B_2, 1)
    del lvec_2
    lvec_3 = qvec_3
    del qvec_3
    B_3 = B_2*a_3 + b_3
    del B_2
    L_3 = euclidean_norm(lvec_3)
    del lvec_3
    S2_softplus = 1/4
    S3_softplus = 0.09622504486493763
    L = joint_bounded(L_3, x_norm, (a_1, a_2, a_3, ), (b_1, b_2, b_3, ), (3, 3, 1, ), (((s0_softplus, numpy.inf, 1, S2_softplus, S3_softplus), (lambda z: numpy.logaddexp(0, z)), (lambda z: numpy.exp(z)/(numpy.exp(z) + 1))), ((s0_softplus, numpy.inf, 1, S2_softplus, S3_softplus), (lambda z: numpy.logaddexp(0, z)), (lambda z: numpy.exp(z)/(numpy.exp(z) + 1))), ((0, numpy.inf, 1, 0, 0), (lambda z: z), (lambda z: 0.0*z + 1)), ))
    del s0_softplus
    del L_3
    del S2_softplus
    del S3_softplus
    return [B_3, L]


def bounds(weight_norms, bias_norms, input_norm):
    """Return the bounds (value, lipschitz).

    weight_norms: spectral norms |A_u|_2, 3 entries, each a number or an array.
    bias_norms: norms |b_u|, 3 entries, each a number or an array.
    input_norm: |x|.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    weight_norms = _numbers("weight_norms", weight_norms, 3)
    bias_norms = _numbers("bias_norms", bias_norms, 3)
    input_norm = _number("input_norm", input_norm)
    values = _aligned(weight_norms + bias_norms + [input_norm])
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(values[0:3], values[3:3 + 3], *values[3 + 3:]), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape))
