"""A certificate near given weights, compiled by symlip: norm method, widths 3, 4, 3, 3, tanh, identity.

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


identity_functions = {0: lambda z: z, 1: lambda z: 1}


def derivative_identity(order, z):
    return derivative_of(identity_functions[order], z)


identity_suprema = {  # S_k, the points where |s^(k)| turns with its values there (or None), S_(k+1)
    1: (1.0, (), numpy.inf),
}


def supremum_identity(order, z, distance):
    return supremum_of(identity_functions[order], *identity_suprema[order], z, distance)


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
    [Aw_1, Aw_2, Aw_3] = arrays_1
    [bw_1, bw_2, bw_3] = arrays_2
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
    qvec_1 = blocks(V_0, 1)
    Gz_1 = zero_matrix(qvec_1)
    pc = softmax(hc_3)
    del hc_3
    return [Aw_2, Aw_3, ys, zc_1, hc_1, zc_2, hc_2, zc_3, an_2, an_3, V_0, nu_1, qvec_1, Gz_1, pc]


def _kernel(arrays_1, rad):
    [Aw_2, Aw_3, ys, zc_1, hc_1, zc_2, hc_2, zc_3, an_2, an_3, V_0, nu_1, qvec_1, Gz_1, pc] = arrays_1
    mv_1 = rad*sqrt(1 + V_0**2)
    sl_1 = supremum_tanh(1, zc_1, mv_1)
    cu_1 = supremum_tanh(2, zc_1, mv_1)
    dh_1 = minimum(largest(sl_1)*nu_1*rad, length(mv_1*sl_1))
    del mv_1
    V_1 = dh_1 + length(hc_1)
    del dh_1
    nu_2 = sqrt(1 + V_1**2 + scaled_norm(Aw_2, an_2, sl_1)**2*nu_1**2)
    mv_2 = rad*sqrt(1 + V_1**2 + nu_1**2*row_norms(Aw_2, sl_1)**2)
    sl_2 = supremum_tanh(1, zc_2, mv_2)
    cu_2 = supremum_tanh(2, zc_2, mv_2)
    dh_2 = minimum(largest(sl_2)*nu_2*rad, length(mv_2*sl_2))
    del mv_2
    V_2 = dh_2 + length(hc_2)
    del dh_2
    nu_3 = sqrt(1 + V_2**2 + scaled_norm(Aw_3, an_3, sl_2)**2*nu_2**2)
    mv_3 = rad*sqrt(1 + V_2**2 + nu_2**2*row_norms(Aw_3, sl_2)**2)
    del nu_2
    sl_3 = supremum_identity(1, zc_3, mv_3)
    dh_3 = minimum(largest(sl_3)*nu_3*rad, length(mv_3*sl_3))
    del nu_3
    del mv_3
    del sl_3
    mat_2 = scaled_norm(Aw_2, an_2, sl_1) + largest(sl_1)*rad
    ta_2 = largest(cu_1*(column_norms(Aw_2) + rad))
    del cu_1
    qvec_2 = append_blocks(mat_2*qvec_1, V_1, 1)
    del V_1
    Gz_2 = border(largest(sl_1)*qvec_1) + pad(Gz_1*mat_2 + outer(qvec_1)*ta_2)
    del sl_1
    del mat_2
    del ta_2
    mat_3 = scaled_norm(Aw_3, an_3, sl_2) + largest(sl_2)*rad
    ta_3 = largest(cu_2*(column_norms(Aw_3) + rad))
    del cu_2
    qvec_3 = append_blocks(mat_3*qvec_2, V_2, 1)
    del V_2
    Gz_3 = border(largest(sl_2)*qvec_2) + pad(Gz_2*mat_3 + outer(qvec_2)*ta_3)
    del sl_2
    del qvec_2
    del Gz_2
    del mat_3
    del ta_3
    lvec_3 = qvec_3
    del qvec_3
    G_3 = Gz_3
    del Gz_3
    g2 = minimum(1/2, exp(sqrt(2)*dh_3)*covariance_bound(pc))
    g1 = minimum(dh_3*g2 + length(pc - ys), sqrt(2))
    del dh_3
    rfirst = mean(g1*lvec_3)
    rsecond = mean(G_3*g1 + g2*outer(lvec_3))
    del lvec_3
    del G_3
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
    widths = (3, 4, 3, 3)
    shapes = {"weights": [(widths[u], widths[u - 1]) for u in (1, 2, 3)], "biases": [(widths[u],) for u in (1, 2, 3)]}
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
