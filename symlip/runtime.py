"""The operations on block vectors and matrices that a compiled bound uses; stand-alone modules carry copies of them.

Block axes come first and batch axes last, so that a scalar of batch shape multiplies a block vector as it stands. The
functions up to `border` work on arrays of any number type, the others on floats.
"""

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt  # noqa: F401  (names that generated code uses)


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


def one_block(like):
    """The block vector with the single entry 1, in the batch shape of a scalar."""
    return blocks(0 * like + 1)


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


def interleave(first, second):
    """The vector first_1, second_1, first_2, second_2, .."""
    first, second = numpy.broadcast_arrays(first, second)
    return numpy.stack([first, second], axis=1).reshape(2 * len(first), *first.shape[1:])


def sequence(term, start, length):
    """The values start, term(1, start), term(2, ..), .. with indices 0 .. length along the first axis."""
    values = [start]
    for index in range(1, length + 1):
        values.append(term(index, values[-1]))
    return blocks(*values)


def product_table(factor, length):
    """P[j, u] = factor(j+1) .. factor(u) for j <= u, and 0 for j > u; indices 0 .. length."""
    factors = blocks(*[factor(index) for index in range(1, length + 1)])
    out = numpy.zeros((length + 1, length + 1, *factors.shape[1:]), dtype=factors.dtype)
    for column in range(length + 1):
        out[column, column] = 1
        if column:
            out[:column, column] = out[:column, column - 1] * factors[column - 1]
    return out


def entries(term, length):
    """The vector (term(1), .., term(length))."""
    return blocks(*[term(index) for index in range(1, length + 1)])


def symmetric_entries(ww, wb, bw, bb, length):
    """The symmetric matrix of 2 x 2 blocks ((ww, wb), (bw, bb))(j, k) for j <= k = 1 .. length, mirrored below."""
    sample = numpy.asarray(ww(1, 1) + wb(1, 1) + bw(1, 1) + bb(1, 1))
    out = numpy.zeros((2 * length, 2 * length, *sample.shape), dtype=sample.dtype)
    for j in range(1, length + 1):
        for k in range(j, length + 1):
            for row, column, term in ((2 * j - 2, 2 * k - 2, ww), (2 * j - 2, 2 * k - 1, wb), (2 * j - 1, 2 * k - 2, bw), (2 * j - 1, 2 * k - 1, bb)):
                out[row, column] = out[column, row] = term(j, k)
    return out


def border_at(vector, index):
    """e v^T + v e^T, e the unit vector of the weight block of that layer; v is zero there."""
    out = numpy.zeros((len(vector), *vector.shape), dtype=vector.dtype)
    out[2 * index - 2] = vector
    out[:, 2 * index - 2] = vector
    return out


def table(*values):
    """The constants with indices 1, 2, .. (index 0 holds 1 and is not used)."""
    return blocks(1, *values)


def vector_table(term, length):
    """The vectors term(0), .., term(length), stacked."""
    return numpy.stack([term(index) for index in range(length + 1)])


def ball_monomial(coefficient, radius, ones, twos):
    """coefficient * max of a product of `ones` coordinates and `twos` squares on the sphere; counts may be arrays."""
    radius = numpy.asarray(radius)
    lift = (Ellipsis,) + (None,) * radius.ndim
    ones, twos, coefficient = (numpy.asarray(value)[lift] for value in (ones, twos, coefficient))
    degree = ones + 2 * twos
    some = maximum(degree, 1)
    return coefficient * (radius * sqrt(1 / some)) ** ones * (radius**2 * 2 / some) ** twos


def budget_sum_range(term, first, last):
    """The sum over an index of ball monomials, all indices at once."""
    return numpy.sum(term(numpy.arange(first, last + 1)), axis=0) if first <= last else 0


def sum_range(term, first, last):
    """term(first) + .. + term(last); 0 if there is no term."""
    total = 0
    for index in range(first, last + 1):
        total = total + term(index)
    return total


def below(first, second):
    """1 if first < second, else 0."""
    return 1 if first < second else 0


def indicator(value):
    """1 where it is nonnegative, else 0."""
    return numpy.where(value >= 0, 1.0, 0.0)


def geometric(ratio, count):
    """1 + ratio + .. + ratio^(count - 1), by doubling: no subtraction, so nothing is lost near ratio 1."""
    total, power = 0 * ratio, 0 * ratio + 1
    for bit in bin(count)[2:]:
        total, power = total * (1 + power), power * power
        if bit == "1":
            total, power = total * ratio + 1, power * ratio
    return total


def chords(*numbers):
    """The function c -> max (p_i + q_i c) of the lines (p_1, q_1, p_2, q_2, ..)."""

    def largest(c):
        top = numbers[0] + numbers[1] * c
        for index in range(2, len(numbers), 2):
            top = maximum(top, numbers[index] + numbers[index + 1] * c)
        return top

    return largest


def mean(values):
    """The average over the samples, the last axis."""
    return numpy.mean(values, axis=-1)


def euclidean_norm(vector):
    """|v|, without overflow of the squares."""
    scale = numpy.max(numpy.abs(vector), axis=0)
    safe = numpy.where((scale > 0) & numpy.isfinite(scale), scale, 1.0)
    return numpy.where(numpy.isfinite(scale), safe * sqrt(numpy.sum((vector / safe) ** 2, axis=0)), numpy.inf)


def paired_eigenvalue(p, r, q):
    """The largest eigenvalue of ((p, r), (r, q))."""
    return (p + q) / 2 + hypot((p - q) / 2, r)


def largest_eigenvalue(matrix):
    """The largest eigenvalue of a symmetric matrix with nonnegative entries; inf where an entry is not finite."""
    stacked = numpy.moveaxis(matrix, (0, 1), (-2, -1))
    scale = numpy.max(stacked, axis=(-2, -1))
    finite = numpy.isfinite(scale)
    safe = numpy.where(finite & (scale > 0), scale, 1.0)
    scaled = numpy.where(finite[..., None, None], stacked / safe[..., None, None], 0.0)
    return numpy.where(finite, safe * numpy.linalg.eigvalsh(scaled)[..., -1], numpy.inf)
