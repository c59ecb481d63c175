"""What a lemma rests on, as something that a machine decides.

- Identity: SymPy differentiates or expands, and compares.
- Inequality: a polynomial inequality over the reals, refuted or proved by an SMT solver (z3).
- Decided: an exact decision procedure of our own (root isolation, ball arithmetic), for the constants of activations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy

from ..errors import MissingExtra


@dataclass(frozen=True)
class Identity:
    """left = right for all values of the symbols."""

    name: str
    left: sympy.Expr
    right: sympy.Expr

    def decide(self) -> bool:
        difference = sympy.expand((self.left - self.right).doit())
        return bool(difference == 0 or sympy.simplify(difference) == 0)

    @property
    def latex(self) -> str:
        return f"{sympy.latex(self.left)}={sympy.latex(self.right)}"


@dataclass(frozen=True)
class Inequality:
    """The conclusion holds for all real values of the symbols that satisfy the assumptions (all polynomial relations)."""

    name: str
    assumptions: tuple[Any, ...]
    conclusion: Any
    timeout: int = 20

    def decide(self) -> bool:
        return _prove(self.assumptions, self.conclusion, self.timeout)

    @property
    def latex(self) -> str:
        given = r",\ ".join(sympy.latex(relation) for relation in self.assumptions)
        return str((rf"{given}\ \Longrightarrow\ " if given else "") + sympy.latex(self.conclusion))


@dataclass(frozen=True)
class Decided:
    """A statement that a decision procedure of this package settles exactly."""

    name: str
    procedure: Callable[[], bool]
    latex: str

    def decide(self) -> bool:
        return bool(self.procedure())


Obligation = Identity | Inequality | Decided


@cache
def _prove(assumptions: tuple[Any, ...], conclusion: Any, timeout: int) -> bool:
    """Whether z3 proves it: the negation together with the assumptions has no solution. Unknown is not a proof."""
    try:
        import z3
    except ImportError:
        raise MissingExtra("deciding a lemma's inequalities", "z3-solver", "solver") from None
    symbols: dict[sympy.Symbol, Any] = {}

    def real(expression: sympy.Expr) -> Any:
        if expression.is_Symbol:
            return symbols.setdefault(expression, z3.Real(expression.name))
        if expression.is_Rational:
            return z3.RealVal(f"{expression.p}/{expression.q}")
        arguments = expression.args
        if expression.is_Add or expression.is_Mul:
            value = real(arguments[0])
            for argument in arguments[1:]:
                value = value + real(argument) if expression.is_Add else value * real(argument)
            return value
        if expression.is_Pow and arguments[1].is_Integer and arguments[1] > 0:
            value = base = real(arguments[0])
            for _ in range(int(arguments[1]) - 1):
                value = value * base
            return value
        raise TypeError(f"not a polynomial: {expression}")

    def relation(expression: Any) -> Any:
        if expression == sympy.true or expression == sympy.false:
            return z3.BoolVal(expression == sympy.true)
        if isinstance(expression, sympy.And):
            return z3.And(*(relation(argument) for argument in expression.args))
        left, right = real(expression.lhs), real(expression.rhs)
        return {"<=": left <= right, "<": left < right, ">=": left >= right, ">": left > right, "==": left == right}[expression.rel_op]

    solver = z3.Solver()
    solver.set("timeout", 1000 * timeout)
    solver.add(*(relation(assumption) for assumption in assumptions))
    solver.add(z3.Not(relation(conclusion)))
    return bool(solver.check() == z3.unsat)
