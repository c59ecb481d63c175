"""A certificate near given weights, compiled by symlip: majorant method, widths 3, 4, 3, 3, tanh, identity.

Call bounds(weights, biases, reference_weights, reference_biases, inputs, targets, radius).
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


def unit_vectors(like):
    """All unit vectors, the same for all samples: shape (l, l, 1)."""
    return numpy.eye(len(like))[:, :, None]


def back(matrix, slope, vectors):
    """diag(s) A^T B, B of shape (l, c, samples)."""
    flat_ = vectors.reshape(len(vectors), -1)
    product = (matrix.T @ flat_).reshape(matrix.shape[1], vectors.shape[1], -1)
    return slope[:, None, :] * product


def add_gram(vectors, weight):
    """w B^T B, shape (c, c, samples)."""
    return weight * numpy.einsum("ijn,ikn->jkn", vectors, vectors)


def spread_odds(p, gram):
    """max_j |(e_j - p)^T J|."""
    mixed = numpy.sum(gram * p[None, :, :], axis=1)
    inner = numpy.einsum("jjn->jn", gram) - 2 * mixed + numpy.sum(p * mixed, axis=0)
    return sqrt(numpy.max(maximum(inner, 0 * inner), axis=0))


def output_spread(p, gram):
    """tr(C K C K)^(1/4)."""
    product = p[:, None, :] * (gram - numpy.sum(gram * p[:, None, :], axis=0))
    trace = numpy.sum(numpy.sum(product * product.transpose(1, 0, 2), axis=0), axis=0)
    return sqrt(sqrt(maximum(trace, 0 * trace)))


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


identity_functions = {0: lambda z: z, 1: lambda z: 1}


def derivative_identity(order, z):
    return derivative_of(identity_functions[order], z)


identity_suprema = {  # S_k, the points where |s^(k)| turns with its values there (or None), S_(k+1)
    1: (1.0, (), numpy.inf),
}


def supremum_identity(order, z, distance):
    return supremum_of(identity_functions[order], *identity_suprema[order], z, distance)


tanh_functions = {0: lambda z: numpy.tanh(z), 1: lambda z: (lambda x0: -(x0 - 1)*(x0 + 1))(numpy.tanh(z)), 2: lambda z: (lambda x0: 2*x0*(x0 - 1)*(x0 + 1))(numpy.tanh(z)), 3: lambda z: (lambda x0: -2*(x0 - 1)*(x0 + 1)*(3*x0**2 - 1))(numpy.tanh(z))}


def derivative_tanh(order, z):
    return derivative_of(tanh_functions[order], z)


tanh_suprema = {  # S_k, the points where |s^(k)| turns with its values there (or None), S_(k+1)
    1: (1.0, ((0.0, 1.0000000000000002),), numpy.inf),
    2: (0.769800358919501, ((-0.6584789484624084, 0.7698003589195013), (0.6584789484624084, 0.7698003589195013)), numpy.inf),
    3: (2.0, ((-1.1462158347805889, 0.6666666666666669), (0.0, 2.0000000000000004), (1.1462158347805889, 0.6666666666666669)), numpy.inf),
}


def supremum_tanh(order, z, distance):
    return supremum_of(tanh_functions[order], *tanh_suprema[order], z, distance)


def _centre(arrays_1, arrays_2, arrays_3, arrays_4, xs, ys):
    [Aw_1, Aw_2, Aw_3] = arrays_1
    [bw_1, bw_2, bw_3] = arrays_2
    [Wr_1, Wr_2, Wr_3] = arrays_3
    [wr_1, wr_2, wr_3] = arrays_4
    zc_1 = affine(Aw_1, xs, bw_1)
    hc_1 = derivative_tanh(0, zc_1)
    zc_2 = affine(Aw_2, hc_1, bw_2)
    hc_2 = derivative_tanh(0, zc_2)
    zc_3 = affine(Aw_3, hc_2, bw_3)
    hc_3 = derivative_identity(0, zc_3)
    an_2 = spectral_norm(Aw_2)
    an_3 = spectral_norm(Aw_3)
    V_0 = length(xs)
    nu_1 = sqrt(1 + V_0**2)
    pc = softmax(hc_3)
    ad_3 = pc - ys
    la_2 = transposed(Aw_3, ad_3)
    ad_2 = la_2*derivative_tanh(1, zc_2)
    mu_2 = la_2*derivative_tanh(2, zc_2)
    la_1 = transposed(Aw_2, ad_2)
    mu_1 = la_1*derivative_tanh(2, zc_1)
    bk_3 = unit_vectors(hc_3)
    del hc_3
    gr_3 = add_gram(bk_3, 1 + length(hc_2)**2)
    bk_2 = back(Aw_3, derivative_tanh(1, zc_2), bk_3)
    del bk_3
    gr_2 = add_gram(bk_2, 1 + length(hc_1)**2) + gr_3
    del gr_3
    bk_1 = back(Aw_2, derivative_tanh(1, zc_1), bk_2)
    del bk_2
    gr_1 = add_gram(bk_1, 1 + length(xs)**2) + gr_2
    del gr_2
    del bk_1
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
    return [Aw_2, Aw_3, Wr_1, Wr_2, Wr_3, wr_1, wr_2, wr_3, zc_1, hc_1, zc_2, hc_2, zc_3, an_2, an_3, V_0, nu_1, pc, ad_3, la_2, ad_2, mu_2, la_1, mu_1, gr_1, zr_1, zr_2, zr_3, cz, cs, cnw]


def _kernel(arrays_1, rad):
    [Aw_2, Aw_3, Wr_1, Wr_2, Wr_3, wr_1, wr_2, wr_3, zc_1, hc_1, zc_2, hc_2, zc_3, an_2, an_3, V_0, nu_1, pc, ad_3, la_2, ad_2, mu_2, la_1, mu_1, gr_1, zr_1, zr_2, zr_3, cz, cs, cnw] = arrays_1
    mv_1 = rad*sqrt(1 + V_0**2)
    sl_1 = supremum_tanh(1, zc_1, mv_1)
    cu_1 = supremum_tanh(2, zc_1, mv_1)
    th_1 = supremum_tanh(3, zc_1, mv_1)
    dh_1 = minimum(largest(sl_1)*nu_1*rad, length(mv_1*sl_1))
    V_1 = dh_1 + length(hc_1)
    nu_2 = sqrt(1 + V_1**2 + scaled_norm(Aw_2, an_2, sl_1)**2*nu_1**2)
    mv_2 = rad*sqrt(1 + V_1**2 + nu_1**2*row_norms(Aw_2, sl_1)**2)
    del V_1
    sl_2 = supremum_tanh(1, zc_2, mv_2)
    cu_2 = supremum_tanh(2, zc_2, mv_2)
    th_2 = supremum_tanh(3, zc_2, mv_2)
    dh_2 = minimum(largest(sl_2)*nu_2*rad, length(mv_2*sl_2))
    V_2 = dh_2 + length(hc_2)
    nu_3 = sqrt(1 + V_2**2 + scaled_norm(Aw_3, an_3, sl_2)**2*nu_2**2)
    mv_3 = rad*sqrt(1 + V_2**2 + nu_2**2*row_norms(Aw_3, sl_2)**2)
    del V_2
    sl_3 = supremum_identity(1, zc_3, mv_3)
    dh_3 = minimum(largest(sl_3)*nu_3*rad, length(mv_3*sl_3))
    del nu_3
    del mv_3
    del sl_3
    sr_1 = cu_1*mv_1
    sr_2 = cu_2*mv_2
    kb_2 = scaled_norm(Aw_2, an_2, sr_1)
    ind_2 = smaller(kb_2*length(zr_1), an_2*length(sr_1*zr_1))
    ze_2 = atom(4, 12)*(1 - ind_2)*an_2 + atom(6, 12)*dh_1 + atom(2, 12)*ind_2*kb_2 + atom(3, 12)*rad
    del dh_1
    del kb_2
    del ind_2
    kk_3 = scaled_norm(Aw_3, an_3, sl_2)
    kb_3 = scaled_norm(Aw_3, an_3, sr_2)
    ind_3 = smaller(kb_3*length(zr_2), an_3*length(sr_2*zr_2))
    ze_3 = atom(9, 12)*(1 - ind_3)*an_3 + atom(11, 12)*dh_2 + atom(7, 12)*ind_3*kb_3 + atom(8, 12)*rad + (kk_3 + largest(sl_2)*rad)*ze_2
    del kk_3
    del kb_3
    del ind_3
    unit = atom(1, 12) + atom(11, 12) + atom(6, 12) + atom(2, 12)*nu_1 + atom(3, 12)*largest(sl_1)*nu_1 + atom(4, 12)*largest(sr_1)*nu_1 + atom(7, 12)*nu_2 + atom(8, 12)*largest(sl_2)*nu_2 + atom(9, 12)*largest(sr_2)*nu_2
    del nu_2
    rest = (1/2)*coefficient_of(ze_3, unit)*rad
    del ze_3
    del unit
    odds_M = minimum(spread_odds(pc, gr_1)*rad + sqrt(2)*rest, sqrt(2)*dh_3)
    g2 = minimum(1/2, cz*exp(odds_M))
    ea_3 = minimum(dh_3*g2, exp((1/2)*odds_M)*(rad*output_spread(pc, gr_1) + rest*sqrt(cz))*sqrt(g2))
    del dh_3
    del rest
    lc_2 = column_norms(Aw_3)*ea_3 + (ea_3 + length(ad_3))*rad
    ea_2 = length(lc_2*sl_2 + sr_2*moduli(la_2))
    wc_2 = cu_2*lc_2 + mv_2*th_2*moduli(la_2)
    del mv_2
    del cu_2
    del th_2
    del lc_2
    mp_2 = wc_2 + moduli(mu_2)
    lc_1 = column_norms(Aw_2)*ea_2 + (ea_2 + length(ad_2))*rad
    wc_1 = cu_1*lc_1 + mv_1*th_1*moduli(la_1)
    del mv_1
    del cu_1
    del th_1
    del lc_1
    mp_1 = wc_1 + moduli(mu_1)
    cnr = spread_norm(cs, an_3*sqrt(cz), sr_2)
    cns = spread_norm(cs, an_3*sqrt(cz), sl_2)
    cni = smaller(cnr*length(zr_2), cnw*length(sr_2*zr_2))
    zo = atom(7, 12)*cni*cnr*exp((1/2)*odds_M) + atom(9, 12)*(1 - cni)*cnw*exp((1/2)*odds_M) + (atom(11, 12)*dh_2 + atom(8, 12)*rad)*sqrt(g2) + (cns*exp((1/2)*odds_M) + largest(sl_2)*rad*sqrt(g2))*ze_2
    del dh_2
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


def _gathered(weights, biases, reference_weights, reference_biases, inputs, targets):
    """The values that do not depend on the radius."""
    widths = (3, 4, 3, 3)
    shapes = {"weights": [(widths[u], widths[u - 1]) for u in (1, 2, 3)], "biases": [(widths[u],) for u in (1, 2, 3)]}
    given = locals()
    layers = {name: _arrays(name, given[name], shapes[name.split("_")[-1]]) for name in ['weights', 'biases', 'reference_weights', 'reference_biases']}
    samples = _samples("inputs", inputs, widths[0]), _samples("targets", targets, widths[-1])
    if samples[0].shape[1] != samples[1].shape[1]:
        raise ValueError(f"there are {samples[0].shape[1]} inputs and {samples[1].shape[1]} targets")
    with numpy.errstate(all="ignore"):
        return _centre(*layers.values(), *samples)


def _function(found, kernel):
    """The bounds as a function of the radius."""

    def at(radius):
        """The bounds at one radius."""
        sizes = [float(size) for size in (radius,)]
        if not all(size >= 0 and numpy.isfinite(size) for size in sizes):
            raise ValueError(f"radius must be finite and not negative, not {', '.join(map(str, sizes))}")
        with numpy.errstate(all="ignore"):
            results = kernel(found, *sizes)
        return Bounds(*(_single(value) for value in results))

    return at


def prepared(weights, biases, reference_weights, reference_biases, inputs, targets):
    """What does not depend on the radius, done once: returns the function of the radius."""
    return _function(_gathered(weights, biases, reference_weights, reference_biases, inputs, targets), _kernel)


def bounds(weights, biases, reference_weights, reference_biases, inputs, targets, radius):
    """Return ga_1, ga_2, ga_3, om_1, om_2, ka.

    weights, biases: A_u of shape (l_u, l_(u-1)) and b_u of shape (l_u,), one entry a layer.
    inputs: shape (samples, l_0). targets: shape (samples, l_m).
    reference_weights, reference_biases: as the weights; any direction, best an approximate top eigenvector of the Hessian.
    radius: of the ball of parameters about the weights.
    Raises ValueError for shapes that do not fit and numbers that are not finite.
    """
    return prepared(weights, biases, reference_weights, reference_biases, inputs, targets)(radius)
