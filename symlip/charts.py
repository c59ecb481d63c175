"""An activation on the whole line in cells: how far s, s' and s'' can be from their chords there.

A function with |f''| <= C lies within C w^2 / 8 of its chord on a cell of width w. So |s''|, |s'''| and |s''''| on each cell, in ball
arithmetic, make a search in floating point certain. The cells follow the activation: narrow where it bends, wide where it is
straight. Beyond them lie tails, on which only the largest |s|, |s'| and |s''| are kept.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import flint
import numpy as np
import sympy
from flint import arb

from .activations import Activation, z
from .bending_conditions import kind
from .enclosure import PRECISION, Program, Undecided, _tail
from .errors import SymlipError
from .suprema import Piece, _piece_supremum, derivative_pieces

TOLERANCE = 1 / 200
"""How far from its chord each of s, s', s'' may be on a cell, in units of its supremum."""
FARTHEST = 2.0**20
MARGIN = 1 + 1e-9


@dataclass(frozen=True)
class Chart:
    """edges: of the cells, growing. bends: |s''|, |s'''|, |s''''| at most, a row each, a column a cell.

    tails: |s|, |s'|, |s''| at most on the rest of the line, a column for each piece. noise: how far the floating-point values of
    s, s', s'' can be from the true ones. steep: about where |s'| is largest.
    """

    edges: tuple[float, ...]
    bends: tuple[tuple[float, ...], ...]
    tails: tuple[tuple[float, ...], ...]
    noise: tuple[float, ...]
    steep: tuple[float, ...]
    odd: bool


@cache
def chart(activation: Activation) -> Chart:
    """The chart of an activation that is smooth on the whole line, with finite S1, S2. Raises SymlipError for others."""
    if len(derivative_pieces(activation.name, activation.expression, 0)) > 1:
        raise SymlipError(f"{activation.name} is not smooth: the exact constant of the gradient is about smooth activations")
    constants = [activation.constant(order) for order in range(3)]
    if any(constant == sympy.oo for constant in constants[1:]):
        raise SymlipError(f"{activation.name}: a derivative is unbounded")
    if activation.derivative(2) == 0:
        return Chart((0.0,), ((), (), ()), (), (0.0, 0.0, 0.0), (), False)
    saved = flint.ctx.prec
    flint.ctx.prec = PRECISION
    try:
        return _chart(activation, [float(constant.evalf(20)) if constant.is_finite else math.inf for constant in constants])
    except Undecided as error:
        raise SymlipError(f"{activation.name}: no certified cells ({error})") from None
    finally:
        flint.ctx.prec = saved


def _chart(activation: Activation, sizes: list[float]) -> Chart:
    functions = [Program(activation.derivative(order)) for order in range(5)]
    tolerances = [TOLERANCE * (size if 0 < size < math.inf else 1.0) for size in sizes[:3]]
    period = sympy.periodicity(activation.expression, z) if activation.expression.has(sympy.sin, sympy.cos) else None
    if period is not None and kind(activation) == "sin":  # half a period: the other half has the same s, s'' and |s'|
        period = period / 2
    scale = _scale(sizes)
    if period is not None:
        half = float(sympy.N(period / 2)) * MARGIN
        edges, bends = _cells(functions, [half * k / 16 for k in range(-16, 17)], tolerances)
        tails: list[tuple[float, ...]] = []
    else:
        reach = 8 * scale
        edges, bends = _cells(functions, [reach * k / 32 for k in range(-32, 33)], tolerances)
        tails = [tail for side in (-1, 1) for tail in _tails(activation, functions, side, reach)]
    noise = _noise(activation, functions, edges, sizes)
    odd = bool(sympy.simplify(activation.expression + activation.expression.subs(z, -z)) == 0)
    return Chart(tuple(edges), tuple(zip(*bends)), tuple(zip(*tails)), noise, _steep(activation, edges, sizes[1]), odd)


def _scale(sizes: list[float]) -> float:
    """A length over which the activation changes: from its derivatives' sizes."""
    ratios = [low / high for low, high in itertools.pairwise(sizes[1:]) if 0 < high < math.inf and low > 0]
    return 2.0 ** round(math.log2(max(ratios))) if ratios else 1.0


def _upper(functions: list[Program], orders: tuple[int, ...], low: float, high: float, parts: int = 4) -> tuple[float, ...]:
    """|s^(k)| at most on [low, high], for each k."""
    found = [0.0] * len(orders)
    for part in range(parts):
        a, b = low + (high - low) * part / parts, low + (high - low) * (part + 1) / parts
        cell = arb(a).union(arb(b))
        for index, order in enumerate(orders):
            value = abs(functions[order](cell)).upper()
            if not value.is_finite():
                raise Undecided("a derivative is not bounded on a cell")
            found[index] = max(found[index], float(value.mid()) * MARGIN)
    return tuple(found)


def _cells(functions: list[Program], starts: list[float], tolerances: list[float]) -> tuple[list[float], list[tuple[float, ...]]]:
    """Cells on which s, s' and s'' are near their chords, by halving."""
    edges, bends = [starts[0]], []
    todo = [(a, b) for a, b in itertools.pairwise(starts)][::-1]
    while todo:
        low, high = todo.pop()
        narrow = high - low < 1e-4 * (starts[-1] - starts[0])
        try:
            found = _upper(functions, (2, 3, 4), low, high)
        except Undecided:
            if narrow:
                raise
            found = (math.inf,) * 3
        if all(bend * (high - low) ** 2 / 8 <= tolerance for bend, tolerance in zip(found, tolerances)) or narrow:
            edges.append(high)
            bends.append(found)
        else:
            middle = (low + high) / 2
            todo += [(middle, high), (low, middle)]
    return edges, bends


def _tails(activation: Activation, functions: list[Program], side: int, reach: float) -> list[tuple[float, ...]]:
    """Sizes on pieces that reach to infinity: between growing distances while |s'| and |s''| still matter, and beyond."""
    found: list[tuple[float, ...]] = []
    start = reach
    while True:
        beyond = _beyond(activation, side, start)
        if max(beyond[1:]) < 1e-16 or start >= FARTHEST * reach:
            return [*found, beyond]
        stop = start * 1.25
        try:
            values: tuple[float, ...] = _upper(functions, (0, 1, 2), min(side * start, side * stop), max(side * start, side * stop))
        except Undecided:
            values = beyond
        found.append(tuple(min(pair) for pair in zip(values, beyond)))
        start = stop


def _beyond(activation: Activation, side: int, start: float) -> tuple[float, ...]:
    """|s|, |s'| and |s''| at most from there on."""
    end, point = side * sympy.oo, sympy.Rational(start)
    values: list[Any] = [activation.constant(0)]
    for order in (1, 2):
        f = activation.derivative(order)
        try:
            values.append(_tail(f, end, point).upper())
        except Undecided:
            if f.atoms(sympy.Function):
                raise
            piece = Piece(f, point, end) if side > 0 else Piece(f, end, -point)
            values.append(_piece_supremum(activation.name, piece, 0).value)
    bounds = [float(value.mid()) * MARGIN if isinstance(value, arb) else rounded_up(value) for value in values]
    return tuple(bounds)


def rounded_up(value: sympy.Expr) -> float:
    """A double that is not below a number."""
    if value == sympy.oo:
        return math.inf
    found = float(value)
    while sympy.Rational(found) < value:
        found = math.nextafter(found, math.inf)
    return found


def _steep(activation: Activation, edges: list[float], most: float) -> tuple[float, ...]:
    """Points near which |s'| is near its supremum."""
    from .calculus.arrays import float_function

    slope = float_function(sympy.Lambda(z, activation.derivative(1)))
    found: list[float] = []
    for low, high in itertools.pairwise(edges):
        for _ in range(6):
            points = np.linspace(low, high, 33)
            best = int(np.argmax(abs(slope(points))))
            low, high = points[max(best - 1, 0)], points[min(best + 1, 32)]
        at = (low + high) / 2
        if abs(slope(np.array([at]))[0]) > most * (1 - 1e-9) and all(abs(at - other) > 1e-3 * (edges[-1] - edges[0]) for other in found):
            found.append(float(at))
    return tuple(found)


def _noise(activation: Activation, functions: list[Program], edges: list[float], sizes: list[float]) -> tuple[float, ...]:
    """Eight times the largest error of the floating-point values at the cells' ends, and at least two units of the supremum."""
    from .calculus.arrays import float_function

    found = []
    points = np.array(edges)
    for order in range(3):
        values = np.broadcast_to(float_function(sympy.Lambda(z, activation.derivative(order)))(points), points.shape)
        errors = [abs(arb(float(value)) - functions[order](arb(float(point)))).upper() for point, value in zip(points, values)]
        size = sizes[order] if sizes[order] < math.inf else float(abs(values).max())
        found.append(max(4.5e-16 * size, 8 * max(float(error.mid()) for error in errors)))
    return tuple(found)


def holds(activation: Activation, claimed: Any) -> bool:
    """Make the chart again and compare."""
    return bool(chart.__wrapped__(activation) == claimed)
