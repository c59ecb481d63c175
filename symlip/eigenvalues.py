"""The largest eigenvalue of a symmetric operator, certified from Lanczos' iteration with every rounding error.

Theorem. Let A be symmetric with a unit eigenvector u for its largest eigenvalue lambda, and let vectors v_1, .., v_(k+1), numbers
alpha_j, beta_j > 0 and vectors e_j satisfy A v_j = beta_(j-1) v_(j-1) + alpha_j v_j + beta_j v_(j+1) + e_j, |e_j| <= eps_j, for
j = 1 .. k (beta_0 v_0 = 0), with |sum c_j v_j|^2 <= nu |c|^2 and |<u, v_1>| >= delta. Let p_1 = 1 and p_j, g_ij solve the
recurrence beta_j f_(j+1) = (x - alpha_j) f_j - beta_(j-1) f_(j-1), the latter from g_ii = 0, g_(i,i+1) = 1 / beta_i on. If at some x all
p_j(x) are positive and the sum of p_j(x)^2 max(0, delta - sum_i eps_i g_ij(x) / p_j(x))^2 is larger than nu, then lambda < x.

Proof. Suppose lambda >= x. The coordinates c_j = <u, v_j> satisfy beta_j c_(j+1) = (lambda - alpha_j) c_j - beta_(j-1) c_(j-1) -
<u, e_j>, so c_j = c_1 p_j(lambda) - sum_i <u, e_i> g_ij(lambda). As all p_j(x) are positive, x is above all zeros of all p_j (a Sturm
sequence), which are eigenvalues of leading parts of the tridiagonal matrix, and above those of the g_ij, which are eigenvalues of parts
of these; so from x on p_j increases, and g_ij / p_j, a ratio of monic polynomials up to a factor, whose zeros interlace (Cauchy), is
positive and decreases. Hence |c_j| >= p_j(x) (delta - sum_i eps_i g_ij(x) / p_j(x)) where that is positive, and the sum of the
squares is larger than nu. But it is |V^T u|^2 <= nu. QED

For v_1 uniformly distributed on the sphere in R^n, n >= 2, |<u, v_1>| >= delta except with probability delta sqrt(2 n / pi) (n = 2: at most
that), since the density of a coordinate is at most sqrt(n / (2 pi)). Nothing is asked of the other eigenvalues. Without rounding
the theorem says that the weight of lambda in the spectral measure of v_1 is at most the Christoffel function 1 / sum p_j(lambda)^2;
Kuczynski and Wozniakowski (SIAM J. Matrix Anal. Appl. 13, 1992) bound it by Chebyshev's polynomials.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from .rounding import UNIT

PRECISION = 400
"""Bits, so that the cancellation near the zeros of p_j is harmless."""

SMALLEST = 1e-145
"""Of the numbers of an iteration: below, squares underflow, and the operator is to be scaled first."""

WIDEST = 30.0
"""The logarithm of how many times the width of the spectrum a bound may lie above it."""


@dataclass(frozen=True)
class Krylov:
    """What Lanczos' iteration leaves: A v_j = beta_(j-1) v_(j-1) + alpha_j v_j + beta_j v_(j+1) + e_j for the products as they were computed.

    basis: the v_j, one a row, v_(k+1) too (zero where the iteration ends by itself). alpha, beta: the numbers. residuals: at least |e_j|.
    """

    basis: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    residuals: np.ndarray

    def ritz(self) -> tuple[np.ndarray, np.ndarray]:
        """The Ritz values, in increasing order, with the eigenvectors of the tridiagonal matrix."""
        beside = self.beta[:-1]
        values, vectors = np.linalg.eigh(np.diag(self.alpha) + np.diag(beside, 1) + np.diag(beside, -1))
        return values, vectors

    def squared_norm(self) -> float:
        """At least nu, the squared norm of the basis as a matrix."""
        gram = self.basis @ self.basis.T
        ideal = np.diag(np.where(np.diag(gram) > 0.5, 1.0, 0.0))
        rounding = (self.basis.shape[1] + 2) * UNIT * 1.01 * (len(gram) + 1)
        return float(1 + np.max(np.sum(np.abs(gram - ideal), axis=1)) + rounding)


def krylov(product: Callable[[np.ndarray], np.ndarray], size: int, steps: int, seed: int | list[int] = 0) -> Krylov:
    """Lanczos' iteration from a random start; all vectors are orthogonalised, twice.

    For a certificate the operator must not depend on the start: not on the same generator's numbers.
    """
    vector = np.random.default_rng(seed).normal(size=size)
    vector /= np.linalg.norm(vector)
    steps = min(steps, size)
    basis = np.zeros((steps + 1, size))
    alpha: list[float] = []
    beta: list[float] = []
    residuals: list[float] = []
    for number in range(steps):
        basis[number] = vector
        image = product(vector)
        alpha.append(float(vector @ image))
        rest = image.copy()
        for _ in range(2):
            rest -= basis[: number + 1].T @ (basis[: number + 1] @ rest)
        length = float(np.linalg.norm(rest))
        scale = max(abs(entry) for entry in (*alpha, *beta))
        over = not length > 1e-13 * scale
        beta.append(1e-20 * (scale if scale > 0 else 1.0) if over else length)  # any number will do where v_(k+1) = 0
        vector = np.zeros(size) if over else rest / length
        before = beta[-2] * basis[number - 1] if number else 0.0
        left = image - alpha[-1] * basis[number] - before - beta[-1] * vector
        # rounding of the sum: a few units of its terms, each at most these
        terms = float(np.linalg.norm(image)) + abs(alpha[-1]) + beta[-1] + (beta[-2] if number else 0.0)
        residuals.append(float(np.linalg.norm(left)) * (1 + 1e-9) + 12 * UNIT * terms)
        if over:
            break
    else:
        basis[steps] = vector
    return Krylov(basis[: len(alpha) + 1], np.array(alpha), np.array(beta), np.array(residuals))


def certified_end(found: Krylov, probability: float, product_error: float = 0.0) -> float:
    """An upper bound of the largest eigenvalue, except with that probability over the start; inf if none is found.

    product_error: at least |computed product - A v| for unit vectors v.
    """
    size = found.basis.shape[1]
    delta = min(1.0, probability * math.sqrt(math.pi / (2 * size))) * (1 - 1e-12) - 16 * UNIT
    epsilon = found.residuals + product_error * (1 + 1e-9)
    if not (np.isfinite(epsilon).all() and np.isfinite(found.alpha).all() and np.isfinite(found.beta).all()):
        return math.inf
    scale = max(float(np.abs(found.alpha).max()), float(found.beta.max()))
    if not SMALLEST <= scale <= 1 / SMALLEST and not (found.alpha == 0).all():
        return math.inf  # squares have underflowed, or will overflow
    nu = found.squared_norm()
    values, _ = found.ritz()
    top = float(values[-1])
    width = max(float(values[-1] - values[0]), abs(top), float(found.beta.max())) or 1.0
    saved, flint.ctx.prec = flint.ctx.prec, PRECISION
    try:
        alpha, beta, errors = ([flint.arb(float(value)) for value in part] for part in (found.alpha, found.beta, epsilon))
        start, square = flint.arb(delta), flint.arb(nu)
        low, high, end = -36.0, WIDEST, math.inf  # low and high: the logarithm of (x - top) / width
        for _ in range(36):
            middle = (low + high) / 2
            x = top + width * math.exp(middle)
            if _holds(alpha, beta, errors, flint.arb(x), start, square):
                high, end = middle, x
            else:
                low = middle
    finally:
        flint.ctx.prec = saved
    return end


def _holds(alpha: list[Any], beta: list[Any], epsilon: list[Any], x: Any, delta: Any, nu: Any) -> bool:
    """The theorem's condition at x, for certain; with as few of the vectors as it needs."""
    nothing = flint.arb(0)
    behind, p, total = nothing, flint.arb(1), delta * delta
    reached, reach = nothing, nothing  # the sum over i of eps_i g_ij, which solves the recurrence with the source eps_j
    before = nothing
    for a, b, error in zip(alpha, beta, epsilon):
        behind, p = p, ((x - a) * p - before * behind) / b
        reached, reach = reach, ((x - a) * reach - before * reached + error) / b
        before = b
        if not p > 0:
            return False
        share = delta * p - reach
        if share > 0:
            total += share * share
        if total > nu:
            return True
    return False
