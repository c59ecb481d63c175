"""A certificate near given weights, compiled by symlip: line method, widths 3, 4, 3, 3, logistic, tanh, identity.

Call bounds(weights, biases, direction_weights, direction_biases, inputs, targets, length).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Numbers, and a matrix."""

    cost: object  # average cost at the weights
    slope: object  # its derivative along the direction, at the weights
    second_derivative: object  # its second derivative along the direction, at the weights
    third_derivative: object  # its third derivative along the direction, at the weights
    fourth_derivative: object  # upper bound on its fourth derivative along the direction, on the segment
    curvature: object  # upper bound on its second derivative along the direction, on the segment


def mean(values):
    """The average over the samples, the last axis."""
    return numpy.mean(values, axis=-1)


def affine(matrix, h, bias):
    """A h + b."""
    return matrix @ h + bias[:, None]


def through(matrix, h):
    """A h; a number stands for the vector with all entries equal to it."""
    return matrix @ h if numpy.ndim(h) else h * numpy.sum(matrix, axis=1)[:, None]


def moduli(values):
    """|v| entry by entry."""
    return numpy.abs(values)


def largest(values):
    """The largest entry, sample by sample."""
    return numpy.max(values, axis=0)


def total(values):
    """The sum of the entries, sample by sample."""
    return numpy.sum(values, axis=0)


def softmax(logits):
    """Probabilities, sample by sample."""
    powers = exp(logits - numpy.max(logits, axis=0))
    return powers / numpy.sum(powers, axis=0)


def spread_within(weights, p, values, moved):
    """sum_j weights_j (|v_j - E_p v| + moved_j)^2."""
    deviations = numpy.abs(values - numpy.sum(p * values, axis=0)) + moved
    return numpy.sum(weights * deviations * deviations, axis=0)


def range_within(values, moved):
    """max (v + moved) - min (v - moved)."""
    return numpy.max(values + moved, axis=0) - numpy.min(values - moved, axis=0)


def cost_softmax(output, target, delta):
    """log sum exp o - <y, o>."""
    top = numpy.max(output, axis=0)
    return top + log(numpy.sum(exp(output - top), axis=0)) - numpy.sum(target * output, axis=0)


def derivative_of(function, z):
    """A derivative of an activation, entry by entry."""
    return numpy.broadcast_to(function(z), numpy.shape(z))


def supremum_of(function, constant, turning, steepness, point, distance):
    """At least sup |f| on [point - distance, point + distance], up to rounding, and at most the constant.

    turning: the points between which f is monotone, each with |f| there; None if they are not known: |f| + distance * steepness.
    """
    if turning is None:
        largest_ = numpy.abs(derivative_of(function, point)) + distance * steepness
    else:
        low, high = point - distance, point + distance
        largest_ = numpy.maximum(numpy.abs(derivative_of(function, low)), numpy.abs(derivative_of(function, high)))
        for at, value in turning:
            slack = 1e-15 * max(1.0, abs(at))
            largest_ = numpy.where((low <= at + slack) & (high >= at - slack), numpy.maximum(largest_, value), largest_)
    return numpy.minimum(numpy.where(numpy.isnan(largest_), numpy.inf, largest_), constant)


identity_functions = {0: lambda z: z}


def derivative_identity(order, z):
    return derivative_of(identity_functions[order], z)


logistic_functions = {0: lambda z: (1/2)*numpy.tanh((1/2)*z) + 1/2, 1: lambda z: (lambda x0: -1/4*(x0 - 1)*(x0 + 1))(numpy.tanh((1/2)*z)), 2: lambda z: (lambda x0: (1/4)*x0*(x0 - 1)*(x0 + 1))(numpy.tanh((1/2)*z)), 3: lambda z: (lambda x0: -1/8*(x0 - 1)*(x0 + 1)*(3*x0**2 - 1))(numpy.tanh((1/2)*z)), 4: lambda z: (lambda x0: (1/4)*x0*(x0 - 1)*(x0 + 1)*(3*x0**2 - 2))(numpy.tanh((1/2)*z))}


def derivative_logistic(order, z):
    return derivative_of(logistic_functions[order], z)


logistic_suprema = {  # S_k, the points where |s^(k)| turns with its values there (or None), S_(k+1)
    4: (0.12768392196780176, ((-3.1443184061549303, 0.01906522325038391), (-0.8426329481293766, 0.1276839219678018), (0.8426329481293766, 0.1276839219678018), (3.1443184061549303, 0.01906522325038391)), numpy.inf),
}


def supremum_logistic(order, z, distance):
    return supremum_of(logistic_functions[order], *logistic_suprema[order], z, distance)


tanh_functions = {0: lambda z: numpy.tanh(z), 1: lambda z: (lambda x0: -(x0 - 1)*(x0 + 1))(numpy.tanh(z)), 2: lambda z: (lambda x0: 2*x0*(x0 - 1)*(x0 + 1))(numpy.tanh(z)), 3: lambda z: (lambda x0: -2*(x0 - 1)*(x0 + 1)*(3*x0**2 - 1))(numpy.tanh(z)), 4: lambda z: (lambda x0: 8*x0*(x0 - 1)*(x0 + 1)*(3*x0**2 - 2))(numpy.tanh(z))}


def derivative_tanh(order, z):
    return derivative_of(tanh_functions[order], z)


tanh_suprema = {  # S_k, the points where |s^(k)| turns with its values there (or None), S_(k+1)
    1: (1.0, ((0.0, 1.0000000000000002),), numpy.inf),
    2: (0.769800358919501, ((-0.6584789484624084, 0.7698003589195013), (0.6584789484624084, 0.7698003589195013)), numpy.inf),
    3: (2.0, ((-1.1462158347805889, 0.6666666666666669), (0.0, 2.0000000000000004), (1.1462158347805889, 0.6666666666666669)), numpy.inf),
    4: (4.085885502969656, ((-1.5721592030774652, 0.6100871440122851), (-0.4213164740646883, 4.085885502969657), (0.4213164740646883, 4.085885502969657), (1.5721592030774652, 0.6100871440122851)), numpy.inf),
}


def supremum_tanh(order, z, distance):
    return supremum_of(tanh_functions[order], *tanh_suprema[order], z, distance)


def _centre(arrays_1, arrays_2, arrays_3, arrays_4, xs, ys):
    [Aw_1, Aw_2, Aw_3] = arrays_1
    [bw_1, bw_2, bw_3] = arrays_2
    [Ud_1, Ud_2, Ud_3] = arrays_3
    [wd_1, wd_2, wd_3] = arrays_4
    zc_1 = affine(Aw_1, xs, bw_1)
    hc_1 = derivative_logistic(0, zc_1)
    zc_2 = affine(Aw_2, hc_1, bw_2)
    hc_2 = derivative_tanh(0, zc_2)
    zc_3 = affine(Aw_3, hc_2, bw_3)
    hc_3 = derivative_identity(0, zc_3)
    del zc_3
    zj1_1 = affine(Ud_1, xs, wd_1)
    zb1_1 = moduli(zj1_1)
    hj1_1 = derivative_logistic(1, zc_1)*zj1_1
    hj2_1 = derivative_logistic(2, zc_1)*zj1_1**2
    hj3_1 = derivative_logistic(3, zc_1)*zj1_1**3
    zj1_2 = through(Aw_2, hj1_1) + affine(Ud_2, hc_1, wd_2)
    del hc_1
    zj2_2 = 2*through(Ud_2, hj1_1) + through(Aw_2, hj2_1)
    del hj1_1
    zj3_2 = 3*through(Ud_2, hj2_1) + through(Aw_2, hj3_1)
    del hj2_1
    hj1_2 = derivative_tanh(1, zc_2)*zj1_2
    hj2_2 = derivative_tanh(2, zc_2)*zj1_2**2 + derivative_tanh(1, zc_2)*zj2_2
    hj3_2 = 3*derivative_tanh(2, zc_2)*zj1_2*zj2_2 + derivative_tanh(3, zc_2)*zj1_2**3 + derivative_tanh(1, zc_2)*zj3_2
    zj1_3 = through(Aw_3, hj1_2) + affine(Ud_3, hc_2, wd_3)
    del hc_2
    zj2_3 = 2*through(Ud_3, hj1_2) + through(Aw_3, hj2_2)
    del hj1_2
    zj3_3 = 3*through(Ud_3, hj2_2) + through(Aw_3, hj3_2)
    del hj2_2
    hj1_3 = zj1_3
    del zj1_3
    hj2_3 = zj2_3
    del zj2_3
    hj3_3 = zj3_3
    del zj3_3
    pc = softmax(hc_3)
    gj0 = cost_softmax(hc_3, ys, 0)
    del hc_3
    gj1 = total(hj1_3*(pc - ys))
    gj2 = total(hj2_3*(pc - ys) + (hj1_3 - total(hj1_3*pc))**2*pc)
    gj3 = total(3*(hj1_3 - total(hj1_3*pc))*hj2_3*pc + hj3_3*(pc - ys) + (hj1_3 - total(hj1_3*pc))**3*pc)
    f_0 = mean(gj0)
    del gj0
    f_1 = mean(gj1)
    del gj1
    f_2 = mean(gj2)
    del gj2
    f_3 = mean(gj3)
    del gj3
    return [Aw_2, Aw_3, Ud_2, Ud_3, ys, zc_1, zc_2, zj1_1, zb1_1, hj3_1, zj1_2, zj2_2, zj3_2, hj3_2, hj1_3, hj2_3, hj3_3, pc, f_0, f_1, f_2, f_3]


def _kernel(arrays_1, len):
    [Aw_2, Aw_3, Ud_2, Ud_3, ys, zc_1, zc_2, zj1_1, zb1_1, hj3_1, zj1_2, zj2_2, zj3_2, hj3_2, hj1_3, hj2_3, hj3_3, pc, f_0, f_1, f_2, f_3] = arrays_1
    mv_1 = len*moduli(zj1_1)
    fo_1 = supremum_logistic(4, zc_1, mv_1)
    del mv_1
    hb4_1 = fo_1*zb1_1**4
    del fo_1
    hb3_1 = hb4_1*len + moduli(hj3_1)
    zb4_2 = 4*through(moduli(Ud_2), hb3_1) + through(len*moduli(Ud_2) + moduli(Aw_2), hb4_1)
    del hb4_1
    del hb3_1
    mv_2 = (1/2)*len**2*moduli(zj2_2) + (1/6)*len**3*moduli(zj3_2) + (1/24)*len**4*zb4_2 + len*moduli(zj1_2)
    zb1_2 = (1/2)*len**2*moduli(zj3_2) + (1/6)*len**3*zb4_2 + len*moduli(zj2_2) + moduli(zj1_2)
    zb2_2 = (1/2)*len**2*zb4_2 + len*moduli(zj3_2) + moduli(zj2_2)
    zb3_2 = len*zb4_2 + moduli(zj3_2)
    sl_2 = supremum_tanh(1, zc_2, mv_2)
    cu_2 = supremum_tanh(2, zc_2, mv_2)
    th_2 = supremum_tanh(3, zc_2, mv_2)
    fo_2 = supremum_tanh(4, zc_2, mv_2)
    del mv_2
    hb4_2 = 6*th_2*zb1_2**2*zb2_2 + (3*zb2_2**2 + 4*zb1_2*zb3_2)*cu_2 + fo_2*zb1_2**4 + sl_2*zb4_2
    del zb4_2
    del zb1_2
    del zb2_2
    del zb3_2
    del sl_2
    del cu_2
    del th_2
    del fo_2
    hb3_2 = hb4_2*len + moduli(hj3_2)
    zb4_3 = 4*through(moduli(Ud_3), hb3_2) + through(len*moduli(Ud_3) + moduli(Aw_3), hb4_2)
    del hb4_2
    del hb3_2
    hb4_3 = zb4_3
    del zb4_3
    dout0 = ((1/24)*hb4_3*len**3 + (1/6)*len**2*moduli(hj3_3) + (1/2)*len*moduli(hj2_3) + moduli(hj1_3))*len
    dout1 = ((1/6)*hb4_3*len**2 + (1/2)*len*moduli(hj3_3) + moduli(hj2_3))*len
    dout2 = ((1/2)*hb4_3*len + moduli(hj3_3))*len
    dout3 = hb4_3*len
    odds = exp(dout0 + largest(dout0))
    del dout0
    range_1 = range_within(hj1_3, dout1)
    var_1 = spread_within(minimum(1, odds*pc), pc, hj1_3, dout1)
    del dout1
    range_2 = range_within(hj2_3, dout2)
    var_2 = spread_within(minimum(1, odds*pc), pc, hj2_3, dout2)
    del dout2
    var_3 = spread_within(minimum(1, odds*pc), pc, hj3_3, dout3)
    del dout3
    gb4 = 3*var_2 + 4*sqrt(var_1)*sqrt(var_3) + 6*range_2*var_1 + range_1**2*var_1 + total(hb4_3*((odds - 1)*pc + moduli(pc - ys)))
    del hb4_3
    del odds
    del range_1
    del var_1
    del range_2
    del var_2
    del var_3
    F4 = mean(gb4)
    del gb4
    curvature = maximum(0, (1/2)*F4*len**2 + f_3*len) + f_2
    return [f_0, f_1, f_2, f_3, F4, curvature]


def _arrays(name, values, shapes):
    """One array a layer."""
    values = [numpy.asarray(value, dtype=float) for value in values]
    if [value.shape for value in values] != shapes:
        raise ValueError(f"{name} must have shapes {shapes}, not {[value.shape for value in values]}")
    if not all(numpy.isfinite(value).all() for value in values):
        raise ValueError(f"{name} must be finite")
    return values


def _samples(name, values, size):
    """One row a sample, turned into one column a sample."""
    values = numpy.asarray(values, dtype=float)
    if values.ndim != 2 or values.shape[1] != size or not len(values):
        raise ValueError(f"{name} must have shape (samples, {size}), not {values.shape}")
    if not numpy.isfinite(values).all():
        raise ValueError(f"{name} must be finite")
    return numpy.ascontiguousarray(values.T)


def _single(value):
    """A number; NaN, which only an overflow makes, is inf."""
    value = numpy.where(numpy.isnan(value), numpy.inf, value)
    return float(value) if value.ndim == 0 else value


def _gathered(weights, biases, direction_weights, direction_biases, inputs, targets):
    """The values that do not depend on the length."""
    widths = (3, 4, 3, 3)
    shapes = {"weights": [(widths[u], widths[u - 1]) for u in (1, 2, 3)], "biases": [(widths[u],) for u in (1, 2, 3)]}
    given = locals()
    layers = {name: _arrays(name, given[name], shapes[name.split("_")[-1]]) for name in ['weights', 'biases', 'direction_weights', 'direction_biases']}
    samples = _samples("inputs", inputs, widths[0]), _samples("targets", targets, widths[-1])
    if samples[0].shape[1] != samples[1].shape[1]:
        raise ValueError(f"there are {samples[0].shape[1]} inputs and {samples[1].shape[1]} targets")
    with numpy.errstate(all="ignore"):
        return _centre(*layers.values(), *samples)


def _function(found, kernel):
    """The bounds as a function of the length."""

    def at(length):
        """The bounds at one length."""
        sizes = [float(size) for size in (length,)]
        if not all(size >= 0 and numpy.isfinite(size) for size in sizes):
            raise ValueError(f"length must be finite and not negative, not {', '.join(map(str, sizes))}")
        with numpy.errstate(all="ignore"):
            results = kernel(found, *sizes)
        return Bounds(*(_single(value) for value in results))

    return at


def prepared(weights, biases, direction_weights, direction_biases, inputs, targets):
    """What does not depend on the length, done once: returns the function of the length."""
    return _function(_gathered(weights, biases, direction_weights, direction_biases, inputs, targets), _kernel)


def bounds(weights, biases, direction_weights, direction_biases, inputs, targets, length):
    """Return cost, slope, second_derivative, third_derivative, fourth_derivative, curvature.

    weights, biases: A_u of shape (l_u, l_(u-1)) and b_u of shape (l_u,), one entry a layer.
    inputs: shape (samples, l_0). targets: shape (samples, l_m).
    direction_weights, direction_biases: as the weights; together of length 1.
    length: of the segment, or of the cone's axis.
    Raises ValueError for shapes that do not fit and numbers that are not finite.
    """
    return prepared(weights, biases, direction_weights, direction_biases, inputs, targets)(length)
