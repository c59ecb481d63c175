"""The operations of certificates: arrays with one row a neuron and one column a sample.

They work on arrays of any number type; `sqrt`, `exp`, `minimum` and `maximum` are those of the reader.
"""

import numpy
from numpy import exp, log, maximum, minimum, sqrt


def affine(matrix, h, bias):
    """A h + b."""
    return matrix @ h + bias[:, None]


def through(matrix, h):
    """A h; a number stands for the vector with all entries equal to it."""
    return matrix @ h if numpy.ndim(h) else h * numpy.sum(matrix, axis=1)[:, None]


def moduli(values):
    """|v| entry by entry."""
    return numpy.abs(values)


def column(vector):
    """A vector as a column for all samples."""
    return vector[:, None]


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


def spread_within(weights, p, values, moved):
    """sum_j weights_j (|v_j - E_p v| + moved_j)^2."""
    deviations = numpy.abs(values - numpy.sum(p * values, axis=0)) + moved
    return numpy.sum(weights * deviations * deviations, axis=0)


def range_within(values, moved):
    """max (v + moved) - min (v - moved)."""
    return numpy.max(values + moved, axis=0) - numpy.min(values - moved, axis=0)


def cost_squared_error(output, target, delta):
    """|o - y|^2 / 2."""
    return numpy.sum((output - target) ** 2, axis=0) / 2


def cost_softmax(output, target, delta):
    """log sum exp o - <y, o>."""
    top = numpy.max(output, axis=0)
    return top + log(numpy.sum(exp(output - top), axis=0)) - numpy.sum(target * output, axis=0)


def cost_logistic(output, target, delta):
    """sum_j log(1 + exp(-y_j o_j))."""
    margin = -target * output
    return numpy.sum(maximum(margin, 0 * margin) + log(1 + exp(-numpy.abs(margin))), axis=0)


def cost_huber(output, target, delta):
    """Huber's function of |o - y|."""
    distance = length(output - target)
    inside = minimum(distance, delta + 0 * distance)
    return inside * (distance - inside / 2)


def spectral_norm(matrix):
    """The largest singular value."""
    return numpy.linalg.norm(matrix, 2)


def error_function(z):
    """erf, by SciPy where it is installed."""
    try:
        from scipy.special import erf
    except ImportError:
        import math

        erf = numpy.vectorize(math.erf, otypes=[float])
    return erf(z)


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


def row_lengths(matrix):
    """The lengths of the rows of A, as a column."""
    return sqrt(numpy.sum(matrix * matrix, axis=1))[:, None]
