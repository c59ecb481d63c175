"""Truncated Taylor arithmetic along a line theta(t) = theta + t eta, exact up to rounding, at mpmath's working precision.

A jet is the list [f(0), f'(0), f''(0)/2, ..] of Taylor coefficients; each is an mpf or a NumPy array of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf

from ..activations import Activation, z

Jet = list[Any]
Parameters = list[tuple[Any, Any]]


@cache
def _derivative_function(activation: Activation, order: int) -> Any:
    return sympy.lambdify(z, activation.derivative(order), modules="mpmath")


def derivative_at(activation: Activation, order: int, point: Any) -> Any:
    """s^(order) at a point, at the working precision."""
    return mpf(_derivative_function(activation, order)(mpf(point)))


def multiply(first: Jet, second: Jet, product: Any = lambda a, b: a * b) -> Jet:
    """The Cauchy product under a bilinear map."""
    return [sum((product(first[i], second[k - i]) for i in range(1, k + 1)), product(first[0], second[k])) for k in range(len(first))]


def compose(activation: Activation, jet: Jet) -> Jet:
    """The jet of s(z(t)), componentwise: the Taylor series of s at z(0), put into that of z(t) - z(0)."""
    order = len(jet) - 1
    apply = np.frompyfunc(lambda point, k: derivative_at(activation, k, point), 2, 1)
    zero = jet[0] * mpf(0)
    total = [apply(jet[0], 0)] + [zero] * order
    power = [zero + mpf(1)] + [zero] * order
    increment = [zero, *jet[1:]]
    for k in range(1, order + 1):
        power = multiply(power, increment)
        coefficient = apply(jet[0], k) / mpmath.factorial(k)
        total = [a + coefficient * b for a, b in zip(total, power)]
    return total


def network_jets(activations: list[Activation], theta: Parameters, direction: Parameters, x: Any, order: int = 2, dx: Any = None) -> list[tuple[Jet, Jet]]:
    """[(z_1, h_1), .., (z_m, h_m)] as jets along theta + t direction, and x + t dx."""
    h: Jet = [x] + [x * mpf(0)] * order
    if dx is not None and order:
        h[1] = dx
    found = []
    for activation, (A, b), (dA, db) in zip(activations, theta, direction):
        padding = [A.dot(part) for part in h]
        moved = [dA.dot(part) for part in h]
        pre = [padding[k] + (moved[k - 1] if k else 0) for k in range(order + 1)]
        pre[0] = pre[0] + b
        if order >= 1:
            pre[1] = pre[1] + db
        h = compose(activation, pre)
        found.append((pre, h))
    return found


def exponential(jet: Jet) -> Jet:
    """exp of a jet of mpf's, by f' = g' f."""
    out = [mpmath.exp(jet[0])]
    for k in range(1, len(jet)):
        out.append(sum(i * jet[i] * out[k - i] for i in range(1, k + 1)) / k)
    return out


def logarithm(jet: Jet) -> Jet:
    """log of a jet of mpf's, by g f' = g'."""
    out = [mpmath.log(jet[0])]
    for k in range(1, len(jet)):
        out.append((jet[k] - sum(i * out[i] * jet[k - i] for i in range(1, k)) / k) / jet[0])
    return out


def square_root(jet: Jet) -> Jet:
    """sqrt of a jet of mpf's with positive value."""
    out = [mpmath.sqrt(jet[0])]
    for k in range(1, len(jet)):
        out.append((jet[k] - sum(out[i] * out[k - i] for i in range(1, k))) / (2 * out[0]))
    return out


def norm(vector: Any) -> Any:
    """Euclidean norm of an array of mpf's."""
    return mpmath.sqrt(mpmath.fsum(entry * entry for entry in np.ravel(vector)))


def spectral_norm(matrix: Any) -> Any:
    """The largest singular value of an array of mpf's."""
    rows, columns = matrix.shape
    if rows == 1 or columns == 1:
        return norm(matrix)
    gram = matrix.dot(matrix.T) if rows <= columns else matrix.T.dot(matrix)
    eigenvalues = mpmath.mp.eigsy(mpmath.matrix(gram.tolist()), eigvals_only=True)
    return mpmath.sqrt(max(max(eigenvalues), mpf(0)))


def operator_norms(activations: list[Activation], theta: Parameters, x: Any) -> list[tuple[Any, Any]]:
    """[(h_0, |Dh_0|), .., (h_m, |Dh_m|)], the operator norms of the derivatives in the parameters, not along a line.

    By the Gram matrices: Dz Dz^T = A (Dh Dh^T) A^T + (1 + |h|^2) I and Dh Dh^T = S' (Dz Dz^T) S', S' = diag s'(z).
    """
    h, gram = x, np.full((len(x), len(x)), mpf(0), dtype=object)
    found = [(h, mpf(0))]
    for activation, (A, b) in zip(activations, theta):
        z = A.dot(h) + b
        gram = A.dot(gram).dot(A.T)
        for i in range(len(z)):
            gram[i, i] += 1 + h.dot(h)
        slopes = np.array([derivative_at(activation, 1, value) for value in z], dtype=object)
        gram = slopes[:, None] * gram * slopes[None, :]
        h = np.array([derivative_at(activation, 0, value) for value in z], dtype=object)
        top = gram[0, 0] if len(z) == 1 else max(mpmath.mp.eigsy(mpmath.matrix(gram.tolist()), eigvals_only=True))
        found.append((h, mpmath.sqrt(max(top, mpf(0)))))
    return found
