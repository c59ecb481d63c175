"""Witnesses as arrays: the networks that reach a lower bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf

from .. import peaks
from ..calculus.claims import Reached, plain_symbol
from ..calculus.derivation import Derivation
from ..calculus.witness import ALONG, CANCELLED, At, BentWitness, Best, FieldWitness, HeldWitness, Point, PushedWitness, Witness, WitnessLayer
from ..errors import SymlipError
from .bending import bent
from .evaluate import HighPrecisionPrinter, Program, hypothesis_values, namespace
from .jets import Line, Parameters, derivative_at, exact_number, lines_of, network_jets, norm
from .points import best_point, far_point
from .pushed import build_held, build_pushed


class TooNarrow(SymlipError):
    """The witness needs wider hidden layers."""


def build_witness(witness: Witness, values: Mapping[str, Any], lines: Sequence[Line], widths: list[int], x: Any, digits: int) -> Parameters:
    """The witness' parameters at the working precision, within about 10^-digits of what it reaches.

    values: of all symbols of the derivation, by name. lines, widths: of as many layers as are built (widths with l_0).
    """
    theta, h = [], x
    activations = [line.activation for line in lines]
    for number, (layer, activation) in enumerate(zip(_expanded(witness, len(activations)), activations), 1):
        rows, columns = widths[number], widths[number - 1]
        A = _weights(layer, rows, columns, number_of(layer.norm, values, witness.index, number), number)
        points = np.full(rows, mpf(0), dtype=object)
        b = np.full(rows, mpf(0), dtype=object)
        active = 2 if layer.shape == CANCELLED or (number == 1 and _next_cancels(witness, len(activations))) else 1
        for neuron in range(rows):
            point = layer.active if neuron < active else layer.others
            if point is not None:
                points[neuron] = _point(point, values, witness.index, number, digits)
                b[neuron] = points[neuron] - A[neuron].dot(h)
        theta.append((A, b))
        z = A.dot(h) + b
        h = np.array([derivative_at(activation, 0, value) for value in z], dtype=object)  # type: ignore[arg-type]
    return theta


def _expanded(witness: Witness, depth: int) -> list[WitnessLayer]:
    """One recipe a layer."""
    if not witness.repeated:
        return list(witness.layers)
    first, middle, last = witness.layers
    return [WitnessLayer(sympy.Integer(0), last.active, last.others)] if depth == 1 else [first, *[middle] * (depth - 2), last]


def _next_cancels(witness: Witness, depth: int) -> bool:
    layers = _expanded(witness, depth)
    return len(layers) > 1 and layers[1].shape != ALONG and layers[0].norm == 0


def _weights(layer: WitnessLayer, rows: int, columns: int, norm: Any, number: int) -> Any:
    A = np.full((rows, columns), mpf(0), dtype=object)
    if norm == 0:
        return A
    if layer.shape == ALONG:
        A[0, 0] = norm
        return A
    half = mpmath.sqrt(mpf(1) / 2)
    if columns < 2 or (layer.shape == CANCELLED and rows < 2):
        raise TooNarrow(f"layer {number}: a witness whose outputs cancel needs hidden widths of at least 2")
    row = [norm * half, -norm * half]
    if layer.shape == CANCELLED:
        A[0, :2] = [row[0] * half, row[1] * half]
        A[1, :2] = [-row[0] * half, -row[1] * half]
    else:
        A[0, :2] = row
    return A


def number_of(expression: sympy.Expr, values: Mapping[str, Any], index: sympy.Symbol | None = None, number: int = 0) -> Any:
    """An expression in the derivation's symbols at their values, by name; `index` stands for `number`."""
    if index is not None:
        expression = expression.subs(index, number)
    if expression.is_number:
        return exact_number(expression)
    symbols = sorted({s for s in expression.free_symbols if isinstance(s, sympy.Symbol)}, key=str)
    function = sympy.lambdify(symbols, expression, modules=[namespace(), "mpmath"], printer=HighPrecisionPrinter())
    value = function(*(values[symbol.name] for symbol in symbols))
    return value.reshape(-1)[0] if isinstance(value, np.ndarray) else value


def _point(point: Point, values: Mapping[str, Any], index: sympy.Symbol | None, number: int, digits: int) -> Any:
    if isinstance(point, At):
        return number_of(point.value, values, index, number)
    if isinstance(point, Best):
        return best_point(point.activation, point.order, digits)
    found = peaks.peak(point.activation)
    weight = number_of(point.weight, values, index, number) or mpf(10) ** -(10**6)
    candidate = peaks.numeric(found, weight)
    if candidate.order is not None:
        return best_point(point.activation, candidate.order, digits)
    assert candidate.at is not None
    if candidate.at.is_infinite:
        side = 1 if candidate.at == sympy.oo else -1
        top = sympy.lambdify(peaks.c, candidate.value, modules="mpmath")(weight)
        return far_point(
            side,
            lambda z: derivative_at(point.activation, 0, z) ** 2 + weight * derivative_at(point.activation, 1, z) ** 2 >= top * (1 - mpf(10) ** -digits),
        )
    at = sympy.lambdify(peaks.c, candidate.at, modules=[{"Max": max, "sqrt": mpmath.sqrt}, "mpmath"])(weight)
    return mpf(at)


def jump(lines: Sequence[Line], theta: Parameters, witness: Witness) -> Any:
    """How much h_m' along db_k = e_1 differs between the two sides of the kink that layer k of the witness sits at."""
    k = next(number for number, layer in enumerate(witness.layers) if isinstance(layer.active, At))
    step = mpf(10) ** (-mpmath.mp.dps // 2)
    direction = [(A * mpf(0), b * mpf(0)) for A, b in theta]
    direction[k][1][0] = mpf(1)
    sides = []
    for side in (1, -1):
        moved = [(A, b.copy()) for A, b in theta]
        moved[k][1][0] += side * step
        x = np.full(theta[0][0].shape[1], mpf(0), dtype=object)
        sides.append(network_jets(lines, moved, direction, x, order=1)[-1][1][1])
    return norm(sides[0] - sides[1])


def witness_arrays(derivation: Derivation, x: Any, order: int, digits: int, arguments: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """The witness for these arguments as float arrays; see `Derivation.witness`."""
    known = derivation.witnesses
    if order not in known:
        have = ", ".join(map(str, known)) or "none"
        raise SymlipError(f"this derivation has no witness of order {order}; it has: {have} (lower_bound(network) and exact_lipschitz(network) have)")
    if isinstance(known[order], FieldWitness):
        raise SymlipError("the witness is an explicit field, named in the report (derivation.latex()), not a list of layers")
    try:
        vector = np.array([mpf(float(entry)) for entry in np.atleast_1d(np.asarray(x, dtype=float))], dtype=object)
    except (TypeError, ValueError):
        raise SymlipError(f"x must be a vector of numbers, not {x!r}") from None
    network = derivation.problem.network
    if isinstance(network.inputs, int) and len(vector) != network.inputs:
        raise SymlipError(f"x must have {network.inputs} entries, not {len(vector)}")
    with mpmath.workdps(digits + 30):
        given = {**arguments, "input_norm": mpmath.sqrt(mpmath.fsum(entry**2 for entry in vector))}
        wanted = derivation.compile()
        names = wanted.__code__.co_varnames[: wanted.__code__.co_argcount]
        if "x" in names:
            given["x"] = [float(entry) for entry in vector]
            names = tuple(name for name in names if name != "input_norm")
        missing = [name for name in names if name not in given]
        if missing:
            raise SymlipError(f"the witness needs {missing[0]}, as the compiled function does")
        unknown = [name for name in arguments if name not in (*names, "depth", "widths")]
        if unknown:
            raise SymlipError(f"unknown argument {unknown[0]!r}: the witness takes {', '.join(n for n in names if n != 'input_norm') or 'none'}")
        try:
            wanted(**{name: given[name] if name != "input_norm" else float(given[name]) for name in names})  # its checks are ours
        except ValueError as error:
            raise SymlipError(str(error)) from None
        values = Program(derivation)(hypothesis_values(derivation, given))
        layers = list(network.units) if isinstance(network.depth, int) else [network.units[0]] * int(given["depth"])
        widths = _widths(derivation, given, len(vector), layers)
        reached = next(step.claim for step in derivation.steps.values() if isinstance(step.claim, Reached) and step.claim.witness is known[order])
        if not values[str(plain_symbol(reached.symbol))]:
            raise SymlipError("the set is too small for this witness: its biases alone leave the ball; take a larger radius")
        lines = lines_of(network, given)
        if isinstance(known[order], BentWitness):
            theta, _ = bent(derivation, lines, values, vector, widths, digits)
        elif isinstance(known[order], PushedWitness):
            theta = build_pushed(network, lines, values, vector, digits)
        elif isinstance(known[order], HeldWitness):
            theta, _ = build_held(network, lines, values, vector, widths, known[order], digits)
        else:
            theta = build_witness(known[order], values, lines, widths, vector, digits)
    return [(np.array(A.tolist(), dtype=float).reshape(A.shape), np.array(b.tolist(), dtype=float)) for A, b in theta]


def _widths(derivation: Derivation, given: Mapping[str, Any], inputs: int, layers: list[Any]) -> list[int]:
    sizes = [layer.width for layer in layers]
    if all(isinstance(size, int) for size in sizes):
        return [inputs, *sizes]
    widths = given.get("widths")
    if widths is None:
        raise SymlipError("the widths are symbols: say widths=[l_0, l_1, ..] for the witness")
    full = [int(w) for w in np.atleast_1d(widths)]
    if len(full) == 1 or (len(full) == 2 and len(sizes) > 1 and derivation.problem.network.symbolic_depth):
        full = [inputs, *[full[-1]] * len(sizes)]
    if len(full) != len(sizes) + 1:
        raise SymlipError(f"widths must have {len(sizes) + 1} entries l_0, .., l_m, not {len(full)}")
    return [inputs, *full[1:]]
