"""Points where an activation is steepest, or bends most, or is largest, in high precision."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy
from mpmath import mpf

from ..activations import Activation
from ..errors import SymlipError
from ..suprema import pieces_of
from .jets import derivative_at, exact_number

FARTHEST = 4000
"""The largest power of two that a point of a sequence may have before that counts as a failure."""


def best_point(activation: Activation, order: int, digits: int) -> Any:
    """A point where |s^(order)| is its supremum, or within about 10^-digits of it (relative) where that is approached only."""
    supremum = activation.supremum(order)
    top = exact_number(supremum.lower)
    enough = top * (1 - mpf(10) ** -digits)

    def large(z: Any) -> bool:
        return bool(abs(derivative_at(activation, order, z)) >= enough)

    at = supremum.attained_at
    if at is not None and order == 1 and at in kinks(activation):
        at = None  # a step to the side on which s'' is largest: the curvatures of a chain then have one sign
    if at is not None:
        point = exact_number(at)
        return point if supremum.exact else _polished(activation, order, point)
    at = supremum.approached_at if supremum.attained_at is None else supremum.attained_at
    if at is None or at.is_infinite:
        return far_point(-1 if at == -sympy.oo else 1, large)
    kink = exact_number(at)
    bends = [abs(derivative_at(activation, 2, kink + side * mpf(2) ** -FARTHEST)) for side in (1, -1)]
    for side in (1, -1) if bends[0] >= bends[1] else (-1, 1):
        for power in range(4 * digits, FARTHEST, 10):  # so near that a ball does not notice
            if large(kink + side * mpf(2) ** -power):
                return kink + side * mpf(2) ** -power
    raise SymlipError(f"{activation.name}: no point near its kink comes close enough to S_{order}")


def kinks(activation: Activation) -> list[sympy.Expr]:
    """Where the pieces of the activation meet."""
    return [piece.upper for piece in pieces_of(activation.name, activation.expression)[:-1]]


def far_point(side: int, large: Any) -> Any:
    for power in range(FARTHEST):
        if large(side * mpf(2) ** power):
            return side * mpf(2) ** power
    raise SymlipError("a point of the sequence that should approach the supremum does not come close enough")


def _polished(activation: Activation, order: int, point: Any) -> Any:
    """The maximiser itself, a root of the next derivative, from an enclosure's point."""
    try:
        root = mpmath.findroot(lambda z: derivative_at(activation, order + 1, z), point)
    except (ValueError, ZeroDivisionError):
        return point
    close = abs(root - point) < mpf(1) / 100
    return mpf(root) if close and abs(derivative_at(activation, order, root)) >= abs(derivative_at(activation, order, point)) else point
