"""A certificate near given weights, compiled by symlip: norm method, widths 3, 4, 4, 3, 4, 4, 3, tanh, softplus, identity.

Call bounds(weights, biases, inputs, targets, radius).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Numbers, and a matrix."""

    cost_lipschitz: object  # Lipschitz constant of the cost
    cost_gradient_lipschitz: object  # Lipschitz constant of the cost's gradient
    layer_lipschitz: object  # matrix of the bounds of mixed second derivatives, blocks A_1, b_1, A_2, b_2, ..


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


def outer(vector):
    """v v^T."""
    return vector[:, None] * vector[None, :]


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


def mean(values):
    """The average over the samples, the last axis."""
    return numpy.mean(values, axis=-1)


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


def affine(matrix, h, bias):
    """A h + b."""
    return matrix @ h + bias[:, None]


def largest(values):
    """The largest entry, sample by sample."""
    return numpy.max(values, axis=0)


def length(values):
    """The Euclidean norm, sample by sample."""
    return sqrt(numpy.sum(values * values, axis=0))


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


def softplus_(w):
    """log(1 + exp(w))."""
    return numpy.logaddexp(0.0, w)


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


def row_lengths(matrix):
    """The lengths of the rows of A, as a column."""
    return sqrt(numpy.sum(matrix * matrix, axis=1))[:, None]


identity_functions = {0: lambda z: z, 1: lambda z: 1, 2: lambda z: 0}


def derivative_identity(order, z):
    return derivative_of(identity_functions[order], z)


identity_suprema = {  # S_k, the points where |s^(k)| turns with its values there (or None), S_(k+1)
    1: (1.0, (), numpy.inf),
    2: (0.0, (), numpy.inf),
}


def supremum_identity(order, z, distance):
    return supremum_of(identity_functions[order], *identity_suprema[order], z, distance)


softplus_functions = {0: lambda z: softplus_(z), 1: lambda z: (1/2)*numpy.tanh((1/2)*z) + 1/2, 2: lambda z: (lambda x0: -1/4*(x0 - 1)*(x0 + 1))(numpy.tanh((1/2)*z))}


def derivative_softplus(order, z):
    return derivative_of(softplus_functions[order], z)


softplus_suprema = {  # S_k, the points where |s^(k)| turns with its values there (or None), S_(k+1)
    1: (1.0, (), numpy.inf),
    2: (0.25, ((0.0, 0.25000000000000006),), numpy.inf),
}


def supremum_softplus(order, z, distance):
    return supremum_of(softplus_functions[order], *softplus_suprema[order], z, distance)


tanh_functions = {0: lambda z: numpy.tanh(z), 1: lambda z: (lambda x0: -(x0 - 1)*(x0 + 1))(numpy.tanh(z)), 2: lambda z: (lambda x0: 2*x0*(x0 - 1)*(x0 + 1))(numpy.tanh(z))}


def derivative_tanh(order, z):
    return derivative_of(tanh_functions[order], z)


tanh_suprema = {  # S_k, the points where |s^(k)| turns with its values there (or None), S_(k+1)
    1: (1.0, ((0.0, 1.0000000000000002),), numpy.inf),
    2: (0.769800358919501, ((-0.6584789484624084, 0.7698003589195013), (0.6584789484624084, 0.7698003589195013)), numpy.inf),
}


def supremum_tanh(order, z, distance):
    return supremum_of(tanh_functions[order], *tanh_suprema[order], z, distance)


def _centre(arrays_1, arrays_2, xs, ys):
    [Aw_1, Aw_2, Aw_3, Aw_4, Aw_6] = arrays_1
    [bw_1, bw_2, bw_3, bw_4, bw_6] = arrays_2
    zc_1 = affine(Aw_1, xs, bw_1)
    hc_1 = derivative_tanh(0, zc_1)
    zc_2 = affine(Aw_2, hc_1, bw_2)
    hc_2 = hc_1 + derivative_tanh(0, zc_2)
    zc_3 = affine(Aw_3, hc_2, bw_3)
    hc_3 = derivative_softplus(0, zc_3)
    zc_4 = affine(Aw_4, hc_3, bw_4)
    hc_4 = derivative_identity(0, zc_4)
    hc_5 = hc_2 + hc_4
    del hc_4
    zc_6 = affine(Aw_6, hc_5, bw_6)
    hc_6 = derivative_identity(0, zc_6)
    an_2 = spectral_norm(Aw_2)
    an_3 = spectral_norm(Aw_3)
    an_4 = spectral_norm(Aw_4)
    an_6 = spectral_norm(Aw_6)
    V_0 = length(xs)
    nu_1 = sqrt(1 + V_0**2)
    qvec_1 = blocks(V_0, 1)
    pc = softmax(hc_6)
    del hc_6
    return [Aw_2, Aw_3, Aw_4, Aw_6, ys, zc_1, hc_1, zc_2, hc_2, zc_3, hc_3, zc_4, hc_5, zc_6, an_2, an_3, an_4, an_6, V_0, nu_1, qvec_1, pc]


def _kernel(arrays_1, rad):
    [Aw_2, Aw_3, Aw_4, Aw_6, ys, zc_1, hc_1, zc_2, hc_2, zc_3, hc_3, zc_4, hc_5, zc_6, an_2, an_3, an_4, an_6, V_0, nu_1, qvec_1, pc] = arrays_1
    a_2 = an_2 + rad
    a_3 = an_3 + rad
    a_4 = an_4 + rad
    a_6 = an_6 + rad
    mv_1 = rad*sqrt(1 + V_0**2)
    sl_1 = supremum_tanh(1, zc_1, mv_1)
    cu_1 = supremum_tanh(2, zc_1, mv_1)
    mo_1 = largest(sl_1)*nu_1
    dh_1 = minimum(mo_1*rad, length(mv_1*sl_1))
    del mv_1
    V_1 = dh_1 + length(hc_1)
    mv_2 = rad*sqrt(1 + V_1**2 + mo_1**2*row_lengths(Aw_2)**2)
    sl_2 = supremum_tanh(1, zc_2, mv_2)
    cu_2 = supremum_tanh(2, zc_2, mv_2)
    mo_2 = sqrt((1 + V_1**2)*largest(sl_2)**2 + (1 + an_2*largest(sl_2))**2*mo_1**2)
    del mo_1
    dh_2 = minimum(dh_1 + length(mv_2*sl_2), mo_2*rad)
    del dh_1
    del mv_2
    V_2 = dh_2 + length(hc_2)
    nu_3 = sqrt(1 + V_2**2 + an_3**2*mo_2**2)
    mv_3 = rad*sqrt(1 + V_2**2 + mo_2**2*row_lengths(Aw_3)**2)
    sl_3 = supremum_softplus(1, zc_3, mv_3)
    cu_3 = supremum_softplus(2, zc_3, mv_3)
    mo_3 = largest(sl_3)*nu_3
    del nu_3
    dh_3 = minimum(mo_3*rad, length(mv_3*sl_3))
    del mv_3
    V_3 = dh_3 + length(hc_3)
    del dh_3
    nu_4 = sqrt(1 + V_3**2 + an_4**2*mo_3**2)
    mv_4 = rad*sqrt(1 + V_3**2 + mo_3**2*row_lengths(Aw_4)**2)
    del mo_3
    sl_4 = supremum_identity(1, zc_4, mv_4)
    cu_4 = supremum_identity(2, zc_4, mv_4)
    mo_4 = largest(sl_4)*nu_4
    del nu_4
    dh_4 = minimum(mo_4*rad, length(mv_4*sl_4))
    del mv_4
    mo_5 = mo_2 + mo_4
    del mo_2
    del mo_4
    dh_5 = minimum(dh_2 + dh_4, mo_5*rad)
    del dh_2
    del dh_4
    V_5 = dh_5 + length(hc_5)
    del dh_5
    nu_6 = sqrt(1 + V_5**2 + an_6**2*mo_5**2)
    mv_6 = rad*sqrt(1 + V_5**2 + mo_5**2*row_lengths(Aw_6)**2)
    del mo_5
    sl_6 = supremum_identity(1, zc_6, mv_6)
    cu_6 = supremum_identity(2, zc_6, mv_6)
    mo_6 = largest(sl_6)*nu_6
    del nu_6
    dh_6 = minimum(mo_6*rad, length(mv_6*sl_6))
    del mv_6
    del mo_6
    lvec_1 = largest(sl_1)*qvec_1
    del sl_1
    G_1 = largest(cu_1)*outer(qvec_1)
    del cu_1
    qvec_2 = append_blocks(a_2*lvec_1, V_1, 1)
    del V_1
    lvec_2 = extend_vector(lvec_1, qvec_2) + largest(sl_2)*qvec_2
    G_2 = (border(lvec_1) + pad(G_1)*a_2)*largest(sl_2) + extend_matrix(G_1, qvec_2) + largest(cu_2)*outer(qvec_2)
    del a_2
    del sl_2
    del cu_2
    del lvec_1
    del G_1
    del qvec_2
    qvec_3 = append_blocks(a_3*lvec_2, V_2, 1)
    del V_2
    lvec_3 = largest(sl_3)*qvec_3
    G_3 = (border(lvec_2) + pad(G_2)*a_3)*largest(sl_3) + largest(cu_3)*outer(qvec_3)
    del a_3
    del sl_3
    del cu_3
    del qvec_3
    qvec_4 = append_blocks(a_4*lvec_3, V_3, 1)
    del V_3
    lvec_4 = largest(sl_4)*qvec_4
    G_4 = (border(lvec_3) + pad(G_3)*a_4)*largest(sl_4) + largest(cu_4)*outer(qvec_4)
    del a_4
    del sl_4
    del cu_4
    del lvec_3
    del G_3
    del qvec_4
    lvec_5 = extend_vector(lvec_2, lvec_4) + lvec_4
    del lvec_2
    del lvec_4
    G_5 = G_4 + extend_matrix(G_2, G_4)
    del G_2
    del G_4
    qvec_6 = append_blocks(a_6*lvec_5, V_5, 1)
    del V_5
    lvec_6 = largest(sl_6)*qvec_6
    G_6 = (border(lvec_5) + pad(G_5)*a_6)*largest(sl_6) + largest(cu_6)*outer(qvec_6)
    del a_6
    del sl_6
    del cu_6
    del lvec_5
    del G_5
    del qvec_6
    g2 = minimum(1/2, exp(sqrt(2)*dh_6)*covariance_bound(pc))
    g1 = minimum(dh_6*g2 + length(pc - ys), sqrt(2))
    del dh_6
    rfirst = mean(g1*lvec_6)
    rsecond = mean(G_6*g1 + g2*outer(lvec_6))
    del lvec_6
    del G_6
    del g2
    del g1
    Lrisk = euclidean_norm(rfirst)
    del rfirst
    Hrisk = largest_eigenvalue(rsecond)
    return [Lrisk, Hrisk, rsecond]


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


def _gathered(weights, biases, inputs, targets):
    """The values that do not depend on the radius."""
    widths = (3, 4, 4, 3, 4, 4, 3)
    shapes = {"weights": [(widths[u], widths[u - 1]) for u in (1, 2, 3, 4, 6)], "biases": [(widths[u],) for u in (1, 2, 3, 4, 6)]}
    given = locals()
    layers = {name: _arrays(name, given[name], shapes[name.split("_")[-1]]) for name in ['weights', 'biases']}
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


def prepared(weights, biases, inputs, targets):
    """What does not depend on the radius, done once: returns the function of the radius."""
    return _function(_gathered(weights, biases, inputs, targets), _kernel)


def bounds(weights, biases, inputs, targets, radius):
    """Return cost_lipschitz, cost_gradient_lipschitz, layer_lipschitz.

    weights, biases: A_u of shape (l_u, l_(u-1)) and b_u of shape (l_u,), one entry a layer.
    inputs: shape (samples, l_0). targets: shape (samples, l_m).
    radius: of the ball of parameters about the weights.
    Raises ValueError for shapes that do not fit and numbers that are not finite.
    """
    return prepared(weights, biases, inputs, targets)(radius)
