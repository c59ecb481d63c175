"""The largest eigenvalue of a form like the Hessian, enclosed: its whole matrix in ball arithmetic, for networks of moderate size."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import SymlipError
from .objective import Form, Objective, Parameters, shaped
from .rounding import Ball, PointwiseBalls, increasing, largest_symmetric, softmax_ball

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
