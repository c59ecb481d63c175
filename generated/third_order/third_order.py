"""Bounds on Lipschitz constants in the parameters, compiled by symlip: block method on layer balls, widths 3, 3, 4, 2, depth 3, tanh, identity.

Needs NumPy alone; call bounds(weight_norms, input_norm).
"""

import math
from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

    lipschitz: object  # Lipschitz constant of the network in its parameters
    gradient_lipschitz: object  # Lipschitz constant of the network's gradient
    hessian_lipschitz: object  # Lipschitz constant of the network's second derivative
    layer_lipschitz: object  # matrix of the bounds of mixed second derivatives, blocks A_1, b_1, A_2, b_2, ..
    cost_lipschitz: object  # Lipschitz constant of the cost
    cost_gradient_lipschitz: object  # Lipschitz constant of the cost's gradient
    cost_hessian_lipschitz: object  # Lipschitz constant of the cost's Hessian


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


def paired_eigenvalue(p, r, q):
    """The largest eigenvalue of ((p, r), (r, q))."""
    return (p + q) / 2 + hypot((p - q) / 2, r)


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


def circle_maximum(form, degree, quarter=256):
    """At least the maximum over r^2 + s^2 = 1, r, s >= 0, of a form of that degree with nonnegative coefficients.

    Extended to the circle it is a trigonometric polynomial of that degree, whose maximum is at most its largest value at 4 * quarter
    equidistant points divided by cos(degree * pi / (4 * quarter)) (Ehlich and Zeller); by symmetry the quarter of the points will do.
    """
    best = None
    for index in range(quarter + 1):
        r, s = cosine_sine(index, quarter)
        value = form(r, s)
        best = value if best is None else maximum(best, value)
    return best / cosine_sine(degree, 2 * quarter)[0]


def cosine_sine(index, quarter):
    """cos and sin of index / quarter times a right angle, not below zero."""
    angle = index * math.pi / (2 * quarter)
    return max(math.cos(angle), 0.0), math.sin(angle)


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


def _kernel(layers_1, x_norm):
    [a_1, a_2, a_3] = layers_1
    S2_tanh = 0.769800358919501
    S3_tanh = 2
    B_0 = x_norm
    qvec_1 = blocks(B_0, 1)
    lvec_1 = qvec_1
    G_1 = S2_tanh*outer(qvec_1)
    del qvec_1
    B_1 = 1.7320508075688772
    qvec_2 = append_blocks(a_2*lvec_1, B_1, 1)
    lvec_2 = qvec_2
    G_2 = border(lvec_1) + S2_tanh*outer(qvec_2) + pad(G_1)*a_2
    del lvec_1
    del G_1
    del qvec_2
    B_2 = 2
    qvec_3 = append_blocks(a_3*lvec_2, B_2, 1)
    lvec_3 = qvec_3
    del qvec_3
    G_3 = border(lvec_2) + pad(G_2)*a_3
    del lvec_2
    del G_2
    Lambda = largest_eigenvalue(G_3)
    Q_1 = sqrt(1 + B_0**2)
    L_1 = Q_1
    del Q_1
    H_1 = S2_tanh*(1 + B_0**2)
    Hk3_1 = S3_tanh*(1 + B_0**2)**(3/2)
    del B_0
    Q_2 = sqrt(1 + B_1**2 + L_1**2*a_2**2)
    L_2 = Q_2
    del Q_2
    H_2 = paired_eigenvalue((1 + B_1**2)*S2_tanh, L_1 + S2_tanh*sqrt(1 + B_1**2)*L_1*a_2, H_1*a_2 + S2_tanh*L_1**2*a_2**2)
    Hk3_2 = circle_maximum(lambda r, s: 3*H_1*r**2*s + 3*S2_tanh*(2*L_1*r*s + H_1*a_2*r**2)*(L_1*a_2*r + sqrt(1 + B_1**2)*s) + Hk3_1*a_2*r**3 + S3_tanh*(L_1*a_2*r + sqrt(1 + B_1**2)*s)**3, 3)
    del S2_tanh
    del S3_tanh
    del B_1
    del L_1
    del H_1
    del Hk3_1
    Q_3 = sqrt(1 + B_2**2 + L_2**2*a_3**2)
    del B_2
    L_3 = Q_3
    del Q_3
    H_3 = paired_eigenvalue(0, L_2, H_2*a_3)
    del L_2
    Hk3_3 = circle_maximum(lambda r, s: 3*H_2*r**2*s + Hk3_2*a_3*r**3, 3)
    del H_2
    del Hk3_2
    g1 = 1.4142135623730951
    Lcost = g1*L_3
    g2 = 1/2
    Hcost = largest_eigenvalue(g1*G_3 + g2*outer(lvec_3))
    del lvec_3
    g3 = 0.2721655269759087
    Ck3 = 3*g2*H_3*L_3 + g1*Hk3_3 + g3*L_3**3
    del H_3
    del g1
    del g2
    del g3
    return [L_3, Lambda, Hk3_3, G_3, Lcost, Hcost, Ck3]


def bounds(weight_norms, input_norm):
    """Return the bounds (lipschitz, gradient_lipschitz, hessian_lipschitz, layer_lipschitz, cost_lipschitz, cost_gradient_lipschitz, cost_hessian_lipschitz).

    weight_norms: spectral norms |A_u|_2, 3 entries, each a number or an array.
    input_norm: |x|.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    weight_norms = _numbers("weight_norms", weight_norms, 3)
    input_norm = _number("input_norm", input_norm)
    values = _aligned(weight_norms + [input_norm])
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(values[0:3], *values[3:]), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape), _result(numpy.moveaxis(numpy.asarray(results[3]), (0, 1), (-2, -1)), shape), _result(results[4], shape), _result(results[5], shape), _result(results[6], shape))
