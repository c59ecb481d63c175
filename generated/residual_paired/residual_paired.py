"""Bounds on Lipschitz constants in the parameters, compiled by symlip: paired method on layer balls, widths l, l, l, l, depth 3, tanh.

Needs NumPy alone; call bounds(weight_norms, input_norm, delta, widths).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

    value: object  # bound on |N|, the network's output
    lipschitz: object  # Lipschitz constant of the network in its parameters
    gradient_lipschitz: object  # Lipschitz constant of the network's gradient


def paired_eigenvalue(p, r, q):
    """The largest eigenvalue of ((p, r), (r, q))."""
    return (p + q) / 2 + hypot((p - q) / 2, r)


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


def _kernel(layers_1, x_norm, delta, l):
    [a_1, a_2, a_3] = layers_1
    S2_tanh = 0.769800358919501
    B_0 = x_norm
    L_1 = delta*sqrt(1 + B_0**2)
    H_1 = S2_tanh*(1 + B_0**2)*delta
    B_1 = B_0 + delta*sqrt(l)
    del B_0
    L_2 = sqrt((1 + a_2*delta)**2*L_1**2 + (1 + B_1**2)*delta**2)
    H_2 = paired_eigenvalue(S2_tanh*(1 + B_1**2)*delta, L_1*(1 + S2_tanh*a_2*sqrt(1 + B_1**2))*delta, H_1 + (H_1*a_2 + S2_tanh*L_1**2*a_2**2)*delta)
    del L_1
    del H_1
    B_2 = B_1 + delta*sqrt(l)
    del B_1
    L_3 = sqrt((1 + a_3*delta)**2*L_2**2 + (1 + B_2**2)*delta**2)
    H_3 = paired_eigenvalue(S2_tanh*(1 + B_2**2)*delta, L_2*(1 + S2_tanh*a_3*sqrt(1 + B_2**2))*delta, H_2 + (H_2*a_3 + S2_tanh*L_2**2*a_3**2)*delta)
    del S2_tanh
    del L_2
    del H_2
    B_3 = B_2 + delta*sqrt(l)
    del B_2
    return [B_3, L_3, H_3]


def bounds(weight_norms, input_norm, delta, widths):
    """Return the bounds (value, lipschitz, gradient_lipschitz).

    weight_norms: spectral norms |A_u|_2, 3 entries, each a number or an array.
    input_norm: |x|.
    delta: the constant or step delta.
    widths: the widths l_0, .., l_m.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    weight_norms = _numbers("weight_norms", weight_norms, 3)
    input_norm = _number("input_norm", input_norm)
    delta = _finite("delta", delta)
    values = _aligned(weight_norms + [input_norm, delta])
    widths = [widths] if numpy.ndim(widths) == 0 else list(widths)
    if not all(int(width) == width and width >= 1 for width in widths):
        raise ValueError(f"widths must be positive integers, not {widths!r}")
    if len(widths) == 4:
        expected = ['l', 'l', 'l', 'l']
        if any(type(a) is int and a != b for a, b in zip(expected, widths)):
            raise ValueError(f"widths must agree with the network's {expected!r}, not {widths!r}")
        sizes = [widths[index] for index in [0]]
    elif len(widths) == 1:
        sizes = widths
    else:
        raise ValueError(f"widths must have 4 entries l_0, .., l_m, not {len(widths)}")
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(values[0:3], *values[3:], *sizes), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape))
