"""Bounds on Lipschitz constants in the parameters, compiled by symlip: block method on layer balls, widths l, l, depth T, tanh.

Needs NumPy alone; call bounds(weight_norm, input_norm, total_variation, widths).
"""

import math
from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

    value: object  # bound on |N|, the network's output
    lipschitz: object  # Lipschitz constant of the network in its parameters
    gradient_lipschitz: object  # Lipschitz constant of the network's gradient


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


def psi(z, growth=None):
    """(e^z - 1 - z) / z^2."""
    return entire(z, growth, lambda z, e: (e - 1 - z) / z**2, lambda n: 1 / math.factorial(n + 2))


def psi3(z, growth=None):
    """(e^z - 1 - z - z^2/2) / z^3."""
    return entire(z, growth, lambda z, e: (e - 1 - z - z**2 / 2) / z**3, lambda n: 1 / math.factorial(n + 3))


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


def _kernel(a, x_norm, U, l):
    S2_tanh = 0.769800358919501
    R = (lambda y: sqrt(l)*y + x_norm)
    B_T = U*sqrt(l) + x_norm
    k = a
    v1 = (lambda y: sqrt(1 + R(y)**2))
    v2 = (lambda y: S2_tanh*(1 + R(y)**2))
    w = (lambda y: 1 + S2_tanh*a*sqrt(1 + R(y)**2))
    c = S2_tanh*a**2
    L_T = sqrt(2*U**2*psi(2*U*a)*sqrt(l)*x_norm + 2*U**3*l*psi3(2*U*a) + U*phi1(2*U*a)*(1 + x_norm**2))
    H_T = (1/2)*U**2*c*phi1(U*k)**2*v1(U)**2 + exp(U*k)*v2(U) + sqrt(2)*U*sqrt(phi2(2*U*k))*v1(U)*w(U)
    del k
    del v1
    del v2
    del w
    del c
    return [B_T, L_T, H_T]


def bounds(weight_norm, input_norm, total_variation, widths):
    """Return the bounds (value, lipschitz, gradient_lipschitz).

    weight_norm: the largest spectral norm |A_u|_2 of all layers.
    input_norm: |x|.
    total_variation: the total variation U of the control.
    widths: the widths l_0, .., l_m.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    weight_norm = _number("weight_norm", weight_norm)
    input_norm = _number("input_norm", input_norm)
    total_variation = _finite("total_variation", total_variation)
    values = _aligned([weight_norm, input_norm, total_variation])
    widths = [widths] if numpy.ndim(widths) == 0 else list(widths)
    if not all(int(width) == width and width >= 1 for width in widths):
        raise ValueError(f"widths must be positive integers, not {widths!r}")
    if len(widths) == 2:
        expected = ['l', 'l']
        if any(type(a) is int and a != b for a, b in zip(expected, widths)):
            raise ValueError(f"widths must agree with the network's {expected!r}, not {widths!r}")
        sizes = [widths[index] for index in [0]]
    elif len(widths) == 1:
        sizes = widths
    else:
        raise ValueError(f"widths must have 2 entries l_0, .., l_m, not {len(widths)}")
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(*values[0:], *sizes), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape))
