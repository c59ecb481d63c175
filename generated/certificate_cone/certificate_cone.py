"""A certificate near given weights, compiled by symlip: cone method, widths 3, 4, 3, 3, tanh, identity.

Call bounds(weights, biases, direction_weights, direction_biases, reference_weights, reference_biases, inputs, targets, length, angle).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Numbers, and a matrix."""

    ga_1: object  # coefficient of layer 1 in the majorant
    ga_2: object  # coefficient of layer 2 in the majorant
    ga_3: object  # coefficient of layer 3 in the majorant
    om_1: object  # coefficient of each neuron of layer 1 in the majorant
    om_2: object  # coefficient of each neuron of layer 2 in the majorant
    ka: object  # coefficient of the cost's Hessian in the majorant


def outer(vector):
    """v v^T."""
    return vector[:, None] * vector[None, :]


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


def scaled_norm(matrix, norm, diagonal):
    """The smaller of |A|_2 max d and |A diag d|_F."""
    squares = numpy.sum(matrix * matrix, axis=0)
    return minimum(norm * numpy.max(diagonal, axis=0), sqrt(squares @ (diagonal * diagonal)))


def row_norms(matrix, diagonal):
    """The lengths of the rows of A diag d."""
    return sqrt((matrix * matrix) @ (diagonal * diagonal))


def column_norms(matrix):
    """The lengths of the columns of A, as a column."""
    return sqrt(numpy.sum(matrix * matrix, axis=0))[:, None]


def largest(values):
    """The largest entry, sample by sample."""
    return numpy.max(values, axis=0)


def length(values):
    """The Euclidean norm, sample by sample."""
    return sqrt(numpy.sum(values * values, axis=0))


def total(values):
    """The sum of the entries, sample by sample."""
    return numpy.sum(values, axis=0)


def softmax(logits):
    """Probabilities, sample by sample."""
    powers = exp(logits - numpy.max(logits, axis=0))
    return powers / numpy.sum(powers, axis=0)


def covariance_bound(p):
    """At least the largest eigenvalue of diag(p) - p p^T."""
    return minimum(numpy.max(p, axis=0), numpy.max(2 * p * (1 - p), axis=0))


def spectral_norm(matrix):
    """The largest singular value."""
    return numpy.linalg.norm(matrix, 2)


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


def transposed(matrix, e):
    """A^T e."""
    return matrix.T @ e


def pair_norm(matrix, vector):
    """The Euclidean norm of all entries of both."""
    return sqrt(numpy.sum(matrix * matrix) + numpy.sum(vector * vector))


def smaller(first, second):
    """1 where the first is at most the second, or hardly more, so that a tie is not left to rounding; else 0."""
    return numpy.where(first <= second * (1 + 1e-9), 1.0, 0.0)


def atom(position, count):
    """A unit vector of coefficients, the same for all samples."""
    return numpy.eye(count)[position][:, None]


def coefficient_of(vector, other):
    """Inner products, sample by sample."""
    return numpy.sum(vector * other, axis=0)


def sum_symmetric(first, second):
    """v w^T + w v^T."""
    return first[:, None] * second[None, :] + second[:, None] * first[None, :]


def reference_atoms(*values):
    """Positive numbers in the proportions of the values, none of them less than 1e-9 of the largest."""
    shape = numpy.broadcast_shapes(*(numpy.shape(value) for value in values))
    stacked = numpy.stack([numpy.broadcast_to(value, shape) for value in values])
    top = numpy.max(stacked, axis=0)
    top = numpy.where(numpy.isfinite(top) & (top > 0), top, 1.0)
    return numpy.clip(numpy.where(numpy.isfinite(stacked), stacked, top) / top, 1e-9, 1.0)


def diagonal(form, weights):
    """(Q g)_i / g_i."""
    return numpy.sum(form * weights[None, :], axis=1) / weights


def column_spread(matrix, p):
    """The variances under p of the columns of A, one column a sample."""
    mean = matrix.T @ p
    spread = (matrix * matrix).T @ p - mean * mean
    return maximum(spread, 0 * spread)


def spread_norm(spread, norm, diagonal):
    """The smaller of the norm times max d and sqrt(sum v d^2)."""
    return minimum(norm * numpy.max(diagonal, axis=0), sqrt(numpy.sum(spread * diagonal * diagonal, axis=0)))


def row_lengths(matrix):
    """The lengths of the rows of A, as a column."""
    return sqrt(numpy.sum(matrix * matrix, axis=1))[:, None]


identity_functions = {0: lambda z: z, 1: lambda z: 1}


def derivative_identity(order, z):
    return derivative_of(identity_functions[order], z)


identity_suprema = {  # S_k, the points where |s^(k)| turns with its values there (or None), S_(k+1)
    1: (1.0, (), numpy.inf),
}


def supremum_identity(order, z, distance):
    return supremum_of(identity_functions[order], *identity_suprema[order], z, distance)


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


def _centre(arrays_1, arrays_2, arrays_3, arrays_4, arrays_5, arrays_6, xs, ys):
    [Aw_1, Aw_2, Aw_3] = arrays_1
    [bw_1, bw_2, bw_3] = arrays_2
    [Ud_1, Ud_2, Ud_3] = arrays_3
    [wd_1, wd_2, wd_3] = arrays_4
    [Wr_1, Wr_2, Wr_3] = arrays_5
    [wr_1, wr_2, wr_3] = arrays_6
    zc_1 = affine(Aw_1, xs, bw_1)
    hc_1 = derivative_tanh(0, zc_1)
    zc_2 = affine(Aw_2, hc_1, bw_2)
    hc_2 = derivative_tanh(0, zc_2)
    zc_3 = affine(Aw_3, hc_2, bw_3)
    hc_3 = derivative_identity(0, zc_3)
    an_2 = spectral_norm(Aw_2)
    an_3 = spectral_norm(Aw_3)
    V_0 = length(xs)
    zj1_1 = affine(Ud_1, xs, wd_1)
    hj1_1 = derivative_tanh(1, zc_1)*zj1_1
    hj2_1 = derivative_tanh(2, zc_1)*zj1_1**2
    hj3_1 = derivative_tanh(3, zc_1)*zj1_1**3
    cn_1 = sqrt(1 + V_0**2)
    zb1_1 = moduli(zj1_1)
    un_2 = spectral_norm(Ud_2)
    zj1_2 = through(Aw_2, hj1_1) + affine(Ud_2, hc_1, wd_2)
    zj2_2 = 2*through(Ud_2, hj1_1) + through(Aw_2, hj2_1)
    del hj1_1
    zj3_2 = 3*through(Ud_2, hj2_1) + through(Aw_2, hj3_1)
    del hj2_1
    hj1_2 = derivative_tanh(1, zc_2)*zj1_2
    hj2_2 = derivative_tanh(2, zc_2)*zj1_2**2 + derivative_tanh(1, zc_2)*zj2_2
    hj3_2 = 3*derivative_tanh(2, zc_2)*zj1_2*zj2_2 + derivative_tanh(3, zc_2)*zj1_2**3 + derivative_tanh(1, zc_2)*zj3_2
    un_3 = spectral_norm(Ud_3)
    zj1_3 = through(Aw_3, hj1_2) + affine(Ud_3, hc_2, wd_3)
    zj2_3 = 2*through(Ud_3, hj1_2) + through(Aw_3, hj2_2)
    del hj1_2
    zj3_3 = 3*through(Ud_3, hj2_2) + through(Aw_3, hj3_2)
    del hj2_2
    pc = softmax(hc_3)
    del hc_3
    ad_3 = pc - ys
    la_2 = transposed(Aw_3, ad_3)
    ad_2 = la_2*derivative_tanh(1, zc_2)
    mu_2 = la_2*derivative_tanh(2, zc_2)
    la_1 = transposed(Aw_2, ad_2)
    mu_1 = la_1*derivative_tanh(2, zc_1)
    zr_1 = affine(Wr_1, xs, wr_1)
    hr_1 = derivative_tanh(1, zc_1)*zr_1
    zr_2 = through(Aw_2, hr_1) + affine(Wr_2, hc_1, wr_2)
    del hr_1
    hr_2 = derivative_tanh(1, zc_2)*zr_2
    zr_3 = through(Aw_3, hr_2) + affine(Wr_3, hc_2, wr_3)
    del hr_2
    cz = covariance_bound(pc)
    cs = column_spread(Aw_3, pc)
    cnw = spread_norm(cs, an_3*sqrt(cz), 1)
    return [Aw_2, Aw_3, Ud_2, Ud_3, Wr_1, Wr_2, Wr_3, wr_1, wr_2, wr_3, zc_1, hc_1, zc_2, hc_2, zc_3, an_2, an_3, V_0, zj1_1, hj3_1, cn_1, zb1_1, un_2, zj1_2, zj2_2, zj3_2, hj3_2, un_3, zj1_3, zj2_3, zj3_3, pc, ad_3, la_2, ad_2, mu_2, la_1, mu_1, zr_1, zr_2, zr_3, cz, cs, cnw]


def _kernel(arrays_1, len, ang):
    [Aw_2, Aw_3, Ud_2, Ud_3, Wr_1, Wr_2, Wr_3, wr_1, wr_2, wr_3, zc_1, hc_1, zc_2, hc_2, zc_3, an_2, an_3, V_0, zj1_1, hj3_1, cn_1, zb1_1, un_2, zj1_2, zj2_2, zj3_2, hj3_2, un_3, zj1_3, zj2_3, zj3_3, pc, ad_3, la_2, ad_2, mu_2, la_1, mu_1, zr_1, zr_2, zr_3, cz, cs, cnw] = arrays_1
    ms_1 = len*moduli(zj1_1)
    mv_1 = ang*len*sqrt(1 + V_0**2) + ms_1
    del ms_1
    sl_1 = supremum_tanh(1, zc_1, mv_1)
    cu_1 = supremum_tanh(2, zc_1, mv_1)
    th_1 = supremum_tanh(3, zc_1, mv_1)
    fo_1 = supremum_tanh(4, zc_1, mv_1)
    dh_1 = length(mv_1*sl_1)
    V_1 = dh_1 + length(hc_1)
    hb4_1 = fo_1*zb1_1**4
    del fo_1
    hb3_1 = hb4_1*len + moduli(hj3_1)
    Rw_2 = (ang + un_2)*len
    zb4_2 = 4*through(moduli(Ud_2), hb3_1) + through(len*moduli(Ud_2) + moduli(Aw_2), hb4_1)
    del hb4_1
    del hb3_1
    ms_2 = (1/2)*len**2*moduli(zj2_2) + (1/6)*len**3*moduli(zj3_2) + (1/24)*len**4*zb4_2 + len*moduli(zj1_2)
    cn_2 = sqrt(1 + V_1**2 + (len*largest(sl_1)*un_2 + scaled_norm(Aw_2, an_2, sl_1))**2*cn_1**2)
    mv_2 = ang*len*sqrt(1 + V_1**2 + (len*largest(sl_1)*row_lengths(Ud_2) + row_norms(Aw_2, sl_1))**2*cn_1**2) + ms_2
    del V_1
    del ms_2
    sl_2 = supremum_tanh(1, zc_2, mv_2)
    cu_2 = supremum_tanh(2, zc_2, mv_2)
    th_2 = supremum_tanh(3, zc_2, mv_2)
    fo_2 = supremum_tanh(4, zc_2, mv_2)
    dh_2 = length(mv_2*sl_2)
    V_2 = dh_2 + length(hc_2)
    zb1_2 = (1/2)*len**2*moduli(zj3_2) + (1/6)*len**3*zb4_2 + len*moduli(zj2_2) + moduli(zj1_2)
    zb2_2 = (1/2)*len**2*zb4_2 + len*moduli(zj3_2) + moduli(zj2_2)
    zb3_2 = len*zb4_2 + moduli(zj3_2)
    hb4_2 = 6*th_2*zb1_2**2*zb2_2 + (3*zb2_2**2 + 4*zb1_2*zb3_2)*cu_2 + fo_2*zb1_2**4 + sl_2*zb4_2
    del zb4_2
    del fo_2
    del zb1_2
    del zb2_2
    del zb3_2
    hb3_2 = hb4_2*len + moduli(hj3_2)
    Rw_3 = (ang + un_3)*len
    zb4_3 = 4*through(moduli(Ud_3), hb3_2) + through(len*moduli(Ud_3) + moduli(Aw_3), hb4_2)
    del hb4_2
    del hb3_2
    ms_3 = (1/2)*len**2*moduli(zj2_3) + (1/6)*len**3*moduli(zj3_3) + (1/24)*len**4*zb4_3 + len*moduli(zj1_3)
    cn_3 = sqrt(1 + V_2**2 + (len*largest(sl_2)*un_3 + scaled_norm(Aw_3, an_3, sl_2))**2*cn_2**2)
    mv_3 = ang*len*sqrt(1 + V_2**2 + (len*largest(sl_2)*row_lengths(Ud_3) + row_norms(Aw_3, sl_2))**2*cn_2**2) + ms_3
    del cn_2
    del V_2
    del ms_3
    sl_3 = supremum_identity(1, zc_3, mv_3)
    dh_3 = length(mv_3*sl_3)
    del mv_3
    del sl_3
    sr_1 = cu_1*mv_1
    sr_2 = cu_2*mv_2
    kb_2 = scaled_norm(Aw_2, an_2, sr_1)
    ind_2 = smaller(kb_2*length(zr_1), an_2*length(sr_1*zr_1))
    ze_2 = atom(3, 12)*Rw_2 + atom(4, 12)*(1 - ind_2)*an_2 + atom(6, 12)*dh_1 + atom(2, 12)*ind_2*kb_2
    del dh_1
    del kb_2
    del ind_2
    rest = (1/2)*len**2*moduli(zj2_3) + (1/6)*len**3*moduli(zj3_3) + (1/24)*len**4*zb4_3
    del zb4_3
    odds_M = minimum(len*largest(zj1_3 - total(pc*zj1_3)) + largest(rest) + sqrt(2)*ang*cn_3*len + total(pc*rest), sqrt(2)*dh_3)
    g2 = minimum(1/2, cz*exp(odds_M))
    ea_3 = minimum(dh_3*g2, exp((1/2)*odds_M)*(len*sqrt(total((zj1_3 - total(pc*zj1_3))**2*pc)) + (ang*cn_3*len + length(rest))*sqrt(cz))*sqrt(g2))
    del cn_3
    del dh_3
    del rest
    lc_2 = Rw_3*(ea_3 + length(ad_3)) + column_norms(Aw_3)*ea_3
    ea_2 = length(lc_2*sl_2 + sr_2*moduli(la_2))
    wc_2 = cu_2*lc_2 + mv_2*th_2*moduli(la_2)
    del mv_2
    del cu_2
    del th_2
    del lc_2
    mp_2 = wc_2 + moduli(mu_2)
    lc_1 = Rw_2*(ea_2 + length(ad_2)) + column_norms(Aw_2)*ea_2
    del Rw_2
    wc_1 = cu_1*lc_1 + mv_1*th_1*moduli(la_1)
    del mv_1
    del cu_1
    del th_1
    del lc_1
    mp_1 = wc_1 + moduli(mu_1)
    cnr = spread_norm(cs, an_3*sqrt(cz), sr_2)
    cns = spread_norm(cs, an_3*sqrt(cz), sl_2)
    cni = smaller(cnr*length(zr_2), cnw*length(sr_2*zr_2))
    zo = atom(7, 12)*cni*cnr*exp((1/2)*odds_M) + atom(9, 12)*(1 - cni)*cnw*exp((1/2)*odds_M) + (atom(8, 12)*Rw_3 + atom(11, 12)*dh_2)*sqrt(g2) + (Rw_3*largest(sl_2)*sqrt(g2) + cns*exp((1/2)*odds_M))*ze_2
    del dh_2
    del Rw_3
    del g2
    del cnr
    del cns
    del cni
    zf = atom(0, 12)*exp((1/2)*odds_M) + zo
    del odds_M
    del zo
    Qu_0 = outer(zf) - outer(atom(0, 12))
    del zf
    Qu_2 = sum_symmetric(atom(10, 12), ze_2) + sum_symmetric(atom(6, 12), atom(4, 12)*length(ad_2) + atom(3, 12)*ea_2) + largest(mp_2)*outer(ze_2)
    del ea_2
    Qu_3 = sum_symmetric(atom(11, 12), atom(9, 12)*length(ad_3) + atom(8, 12)*ea_3 + (ea_3 + length(ad_3))*largest(sl_2)*ze_2)
    del ze_2
    del ea_3
    Qf = Qu_0 + Qu_2 + Qu_3
    del Qu_0
    del Qu_2
    del Qu_3
    ref = reference_atoms(sqrt(total((zr_3 - total(pc*zr_3))**2*pc)), pair_norm(Wr_1, wr_1), length(zr_1), length(sl_1*zr_1), length(sr_1*zr_1), length(mp_1*zr_1), pair_norm(Wr_2, wr_2), length(zr_2), length(sl_2*zr_2), length(sr_2*zr_2), length(mp_2*zr_2), pair_norm(Wr_3, wr_3))
    df = diagonal(Qf, ref)
    del Qf
    del ref
    ga_1 = mean(coefficient_of(df, atom(1, 12)))
    ga_2 = mean(coefficient_of(df, atom(6, 12)))
    ga_3 = mean(coefficient_of(df, atom(11, 12)))
    om_1 = coefficient_of(df, atom(2, 12)) + coefficient_of(df, atom(5, 12))*mp_1**2 + coefficient_of(df, atom(3, 12))*sl_1**2 + coefficient_of(df, atom(4, 12))*sr_1**2 + wc_1
    del sl_1
    del sr_1
    del wc_1
    del mp_1
    om_2 = coefficient_of(df, atom(7, 12)) + coefficient_of(df, atom(10, 12))*mp_2**2 + coefficient_of(df, atom(8, 12))*sl_2**2 + coefficient_of(df, atom(9, 12))*sr_2**2 + wc_2
    del sl_2
    del sr_2
    del wc_2
    del mp_2
    ka = coefficient_of(df, atom(0, 12))
    del df
    return [ga_1, ga_2, ga_3, om_1, om_2, ka]


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


def _gathered(weights, biases, direction_weights, direction_biases, reference_weights, reference_biases, inputs, targets):
    """The values that do not depend on the length, angle."""
    widths = (3, 4, 3, 3)
    shapes = {"weights": [(widths[u], widths[u - 1]) for u in (1, 2, 3)], "biases": [(widths[u],) for u in (1, 2, 3)]}
    given = locals()
    layers = {name: _arrays(name, given[name], shapes[name.split("_")[-1]]) for name in ['weights', 'biases', 'direction_weights', 'direction_biases', 'reference_weights', 'reference_biases']}
    samples = _samples("inputs", inputs, widths[0]), _samples("targets", targets, widths[-1])
    if samples[0].shape[1] != samples[1].shape[1]:
        raise ValueError(f"there are {samples[0].shape[1]} inputs and {samples[1].shape[1]} targets")
    with numpy.errstate(all="ignore"):
        return _centre(*layers.values(), *samples)


def _function(found, kernel):
    """The bounds as a function of the length, angle."""

    def at(length, angle):
        """The bounds at one length, angle."""
        sizes = [float(size) for size in (length, angle,)]
        if not all(size >= 0 and numpy.isfinite(size) for size in sizes):
            raise ValueError(f"length, angle must be finite and not negative, not {', '.join(map(str, sizes))}")
        with numpy.errstate(all="ignore"):
            results = kernel(found, *sizes)
        return Bounds(*(_single(value) for value in results))

    return at


def prepared(weights, biases, direction_weights, direction_biases, reference_weights, reference_biases, inputs, targets):
    """What does not depend on the length, angle, done once: returns the function of the length, angle."""
    return _function(_gathered(weights, biases, direction_weights, direction_biases, reference_weights, reference_biases, inputs, targets), _kernel)


def bounds(weights, biases, direction_weights, direction_biases, reference_weights, reference_biases, inputs, targets, length, angle):
    """Return ga_1, ga_2, ga_3, om_1, om_2, ka.

    weights, biases: A_u of shape (l_u, l_(u-1)) and b_u of shape (l_u,), one entry a layer.
    inputs: shape (samples, l_0). targets: shape (samples, l_m).
    reference_weights, reference_biases: as the weights; any direction, best an approximate top eigenvector of the Hessian.
    direction_weights, direction_biases: as the weights; together of length 1.
    length: of the segment, or of the cone's axis.
    angle: of the cone, the largest |w| in weights + t (U + w).
    Raises ValueError for shapes that do not fit and numbers that are not finite.
    """
    return prepared(weights, biases, direction_weights, direction_biases, reference_weights, reference_biases, inputs, targets)(length, angle)
