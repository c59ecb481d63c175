"""Forms like the Hessian with every rounding error: the whole matrix in balls, for networks of moderate size, or products in floats whose error is proved."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import numpy as np

from .eigenvalues import Krylov, certified_end, krylov
from .errors import SymlipError
from .objective import Coefficients, Form, Objective, Parameters, flat, shaped
from .rounding import UNIT, UP, Ball, PointwiseBalls, Upper, ball, increasing, largest_symmetric, softmax_ball

MOST = 3000
"""Parameters beyond which the matrix is not formed: its time grows with their square times the samples, and with their cube."""


class _OnBalls(Objective):
    """The passes of an objective on balls: the same formulas, with the functions that they use replaced."""

    def __init__(self, objective: Objective) -> None:
        self.__dict__.update(objective.__dict__)
        self._x, self._y = Ball(objective._x), Ball(objective._y)  # type: ignore[assignment]
        self._pointwise = {unit.activation: PointwiseBalls(unit.activation, (0, 1, 2), ()) for unit in self.network.units if unit.activation is not None}

    def _at(self, number: int, order: int, z: Any) -> Any:
        return self._pointwise[self.network.units[number - 1].activation].derivative(order, z)  # type: ignore[index]

    def _softmax(self, output: Any) -> Any:
        return softmax_ball(output)

    def _logistic(self, values: Any) -> Any:
        with np.errstate(over="ignore"):
            return increasing(lambda z: 1 / (1 + np.exp(-z)), 0.0)(values)


def check_size(parameters: Parameters) -> None:
    """Raise SymlipError for more parameters than a whole matrix is formed for."""
    size = sum(A.size + b.size for A, b in parameters)
    if size > MOST:
        raise SymlipError(f"probability=0 encloses the eigenvalues of the whole matrix, for at most {MOST} parameters; there are {size}: give a probability")


def enclosed(objective: Objective, parameters: Parameters, form: Form) -> Ball:
    """The symmetric matrix of the form, all rounding included."""
    shapes = [(A.shape, b.shape) for A, b in parameters]
    apply = _OnBalls(objective).hessian(parameters, form)
    size = sum(A.size + b.size for A, b in parameters)
    mid, rad = np.empty((size, size)), np.empty((size, size))
    for index in range(size):
        direction = np.zeros(size)
        direction[index] = 1.0
        columns: list[Any] = [part for pair in apply(shaped(direction, shapes)) for part in pair]
        mid[index] = np.concatenate([part.mid.ravel() for part in columns])
        rad[index] = np.concatenate([part.rad.ravel() for part in columns])
    matrix = Ball(mid, rad)
    middle: Ball = (matrix + matrix.T) * 0.5  # the exact matrix is symmetric
    return middle


def largest_eigenvalue(objective: Objective, parameters: Parameters, form: Form) -> float:
    """At least the largest eigenvalue of the form, or 0 where it is negative; inf where a number overflows."""
    matrix = enclosed(objective, parameters, form)
    return largest_symmetric(matrix) if np.isfinite(matrix.mid).all() and np.isfinite(matrix.rad).all() else float("inf")


# --- products in floats --------------------------------------------------------------------------------------------------
#
# The exact form is a sum of products of coefficients and entries of the direction. In floats it is applied with the midpoints m of balls
# m +- r about the exact coefficients: a symmetric operator, too. With R(c) the same sum, all terms taken in modulus and added, for coefficients
# of moduli c: the two operators differ by at most R(|m| + r) - R(|m|), entry by entry, and a product in floats is off by at most
# gamma_K R(|m|) |v|, where K counts the rounding errors on the longest way through the formula (Higham, Accuracy and Stability, 3.1). For a
# symmetric matrix with nonnegative entries, or one whose entries' moduli are at most these, the norm is at most max_i (R w)_i / w_i, w > 0.


def _roundings(objective: Objective) -> float:
    """gamma_K, with room to spare."""
    widths = [int(width) for width in objective.network.widths]
    count = 4 * (sum(2 * before + after + 12 for before, after in itertools.pairwise(widths)) + objective.samples + 3 * widths[-1] + 20)
    return count * UNIT / (1 - count * UNIT)


def largest_of_products(objective: Objective, parameters: Parameters, form: Form, steps: int, probability: float, seed: int = 0) -> tuple[float, float]:
    """The largest Ritz value, and at least the largest eigenvalue of the form except with that probability over the start of the iteration.

    The start comes from a generator that is seeded with a hash of the weights, the data and the form: the same call gives the same number,
    and a start owes nothing to how the weights were drawn or chosen. inf where a number overflows, or where rounding errors are too
    large for so small a probability.
    """
    shapes = [(A.shape, b.shape) for A, b in parameters]
    size = sum(A.size + b.size for A, b in parameters)
    with np.errstate(all="ignore"):
        balls = _OnBalls(objective).coefficients(parameters, form)
        middle = balls.mapped(lambda value: ball(value).mid)

        def product(of: Coefficients, vector: np.ndarray) -> np.ndarray:
            return flat(objective.applied(of, shaped(vector, shapes)))

        def moduli(of: Coefficients, vector: np.ndarray) -> np.ndarray:
            """The sum of all terms' moduli, rounded up, with more than what is lost where an operation underflows."""
            direction = [(Upper(A), Upper(b)) for A, b in shaped(vector, shapes)]
            return flat([(A.upper, b.upper) for A, b in objective.applied(of, direction)])  # type: ignore[attr-defined,arg-type]

        inner = balls.mapped(lambda value: np.abs(ball(value).mid), sign=1.0)
        outer = balls.mapped(lambda value: Upper((np.abs(ball(value).mid) + ball(value).rad) * UP), sign=1.0)
        weight = np.ones(size)
        for _ in range(2):
            weight = moduli(outer, weight)
            weight = weight / np.max(weight) + 1e-6
        gamma = _roundings(objective)
        largest, least = moduli(outer, weight), product(inner, weight)
        lost = float(np.linalg.norm(moduli(outer, np.zeros(size)) * 2.0**500)) * 2.0**-500 + 2.0**-1000
        apart = float(np.max((largest - least + 4 * gamma * largest) / weight)) * UP + 4 * lost
        reach = float(np.max(largest / weight))
        error = reach * gamma * (1 + 4 * gamma) * UP + 4 * lost
        # in units in which the operator is about 1, so that no square in the iteration underflows
        if not np.isfinite(reach):
            return float("nan"), float("inf")
        power = 2.0 ** np.clip(np.floor(np.log2(max(reach, 2.0**-1000))), -1000, 1000)
        found: Krylov = krylov(lambda vector: product(middle, vector) / power, size, steps, _start(middle, seed))
        end = certified_end(found, probability, error / power) * power + apart
    if np.isnan(end):
        end = float("inf")
    usable = np.isfinite(found.alpha).all() and np.isfinite(found.beta).all()
    return float(found.ritz()[0][-1] * power) if usable else float("nan"), float(end + (np.abs(end) * 4 * UNIT if np.isfinite(end) else 0.0))


def _start(coefficients: Coefficients, seed: int) -> list[int]:
    """A seed that depends on every coefficient."""
    digest = hashlib.blake2b(str(seed).encode(), digest_size=32)

    def read(value: Any) -> Any:
        digest.update(np.ascontiguousarray(value).tobytes())
        return value

    coefficients.mapped(read)
    return [int(word) for word in np.frombuffer(digest.digest(), dtype=np.uint32)]
