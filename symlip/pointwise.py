"""Activations at arrays of floats, as source: derivatives, and suprema of derivatives near points.

The expressions are rewritten so that no exponential overflows: exp(w) = (1 + t) / (1 - t) with t = tanh(w / 2).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import sympy
from sympy.printing.numpy import NumPyPrinter

from . import near
from .activations import Activation
from .calculus.rules.activation_constants import identifier
from .charts import rounded_up
from .errors import SymlipError
from .suprema import _unit, turning_points

NEAREST = 4
"""The highest derivative whose supremum near a point is used."""


class _Printer(NumPyPrinter):  # type: ignore[misc]
    """NumPy source with bare names."""

    def __init__(self) -> None:
        super().__init__(
            {"fully_qualified_modules": True, "allow_unknown_functions": True, "user_functions": {"softplus_": "softplus_", "erf": "error_function"}}
        )

    def _print_erf(self, expression: sympy.Expr) -> str:
        return f"error_function({self._print(expression.args[0])})"

    def _print_Max(self, expression: sympy.Expr) -> str:
        return self._pairwise("numpy.maximum", expression)

    def _print_Min(self, expression: sympy.Expr) -> str:
        return self._pairwise("numpy.minimum", expression)

    def _pairwise(self, name: str, expression: sympy.Expr) -> str:
        arguments = [str(self._print(argument)) for argument in expression.args]
        return functools.reduce(lambda first, second: f"{name}({first}, {second})", arguments)


def functions_source(activation: Activation, orders: tuple[int, ...]) -> str:
    """The derivatives of those orders, as a dictionary NAME_functions of functions of an array."""
    functions = {order: _source(stable(activation.derivative(order))) for order in orders}
    return f"{identifier(activation)}_functions = {{{', '.join(f'{order}: lambda z: {text}' for order, text in functions.items())}}}"


def activation_functions(activation: Activation, orders: tuple[int, ...]) -> dict[int, Callable[[Any], Any]]:
    """The derivatives of an activation as functions of arrays."""
    names: dict[str, Any] = {"numpy": np, "error_function": near.error_function, "softplus_": near.softplus_}
    exec(functions_source(activation, orders), names)
    found: dict[int, Callable[[Any], Any]] = names[f"{identifier(activation)}_functions"]
    return found


def known_constant(activation: Activation, order: int) -> float:
    """S_order, rounded up; infinite where it is not known."""
    try:
        return rounded_up(activation.constant(order))
    except SymlipError:
        return math.inf


@cache
def local_suprema(activation: Activation, order: int) -> tuple[float, tuple[tuple[float, float], ...] | None, float]:
    """S_order, the points where |s^(order)| turns with its values there (None if they are not known), and then S_(order+1); rounded up.

    Raises SymlipError where a constant of the activation is not known.
    """
    found = turning_points(activation.name, activation.expression, order)
    constant = rounded_up(activation.constant(order))
    if found is not None:
        return constant, tuple((float(sympy.N(at, 25)), rounded_up(sympy.N(value, 30)) * (1 + 2**-52)) for at, value in found), math.inf
    return constant, None, known_constant(activation, order + 1) if order < NEAREST else math.inf


@cache
def activation_source(activation: Activation, derivatives: tuple[int, ...], suprema: tuple[int, ...]) -> str:
    """The functions derivative_NAME(order, z) and supremum_NAME(order, z, distance), for those orders."""
    name = identifier(activation)
    parts = [functions_source(activation, tuple(sorted({*derivatives, *suprema})))]
    parts.append(f"def derivative_{name}(order, z):\n    return derivative_of({name}_functions[order], z)")
    if suprema:
        entries = ",\n".join(f"    {order}: {_literal(local_suprema(activation, order))}" for order in sorted(suprema))
        parts.append(f"{name}_suprema = {{  # S_k, the points where |s^(k)| turns with its values there (or None), S_(k+1)\n{entries},\n}}")
        parts.append(f"def supremum_{name}(order, z, distance):\n    return supremum_of({name}_functions[order], *{name}_suprema[order], z, distance)")
    return "\n\n\n".join(parts) + "\n"


def _source(expression: sympy.Expr) -> str:
    """The expression as source, each common part evaluated once."""
    parts, (text,) = sympy.cse(expression, list=True)
    found = _Printer().doprint(text)
    for symbol, part in reversed(parts):
        found = f"(lambda {symbol}: {found})({_Printer().doprint(part)})"
    return str(found)


def _literal(values: object) -> str:
    return repr(values).replace("inf", "numpy.inf")


def stable(expression: sympy.Expr) -> sympy.Expr:
    """The same function, without exponentials of large numbers."""
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*[(stable(value), condition) for value, condition in expression.args])
    softplus = sympy.Function("softplus_")
    expression = expression.replace(
        lambda e: isinstance(e, sympy.log) and e.args[0].is_Add and isinstance(e.args[0] - 1, sympy.exp), lambda e: softplus((e.args[0] - 1).args[0])
    )
    w = _unit(expression, sympy.exp) if expression.has(sympy.exp) and not expression.has(softplus) else None
    if w is None:
        return expression
    t, power = sympy.Symbol("t", real=True), sympy.Dummy("power", positive=True)
    known = {e: power ** sympy.cancel(e.args[0] / w) for e in expression.atoms(sympy.exp)}
    rational = sympy.factor(sympy.cancel(sympy.together(expression.xreplace(known).subs(power, (1 + t) / (1 - t)))))
    return rational.subs(t, sympy.tanh(w / 2))
