"""The base of all rules: a lemma with its statement, its proof, what it rests on, and how it makes a claim from premises."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar

import sympy

from ..activations import Activation
from ..errors import DerivationError
from .claims import Bound, Claim, Comparison, Hypothesis, Reached
from .obligations import Obligation
from .quantities import ActivationCells, ActivationDerivative, ActivationPeak, Index, Quantity

Premise = Hypothesis | Claim


class Given:
    """The premises handed to a rule, looked up by what they bound. A missing one is a DerivationError."""

    def __init__(self, rule: str, premises: Iterable[Premise]) -> None:
        self.rule = rule
        self.premises = tuple(premises)
        self._by_quantity = {p.quantity: p for p in self.premises if isinstance(p, Hypothesis | Bound) and p.quantity is not None}
        self._reached = {p.quantity: p for p in self.premises if isinstance(p, Reached)}

    def bound(self, kind: str, layer: Index | None = None) -> sympy.Expr:
        """The symbol that bounds the quantity."""
        found = self._by_quantity.get(Quantity(kind, layer))
        if found is None:
            raise DerivationError(f"rule {self.rule!r} needs a premise that bounds {Quantity(kind, layer)}")
        return found.symbol

    def has(self, kind: str, layer: Index | None = None) -> bool:
        return Quantity(kind, layer) in self._by_quantity

    def bound_symbol(self, quantity: ActivationDerivative) -> sympy.Expr:
        """The symbol of an activation's constant, whatever its value."""
        found = self._by_quantity.get(quantity)
        if found is None:
            raise DerivationError(f"rule {self.rule!r} needs a premise that bounds {quantity}")
        return found.symbol

    def reached(self, kind: str, layer: Index | None = None) -> Reached:
        """The claim that a witness reaches a symbol."""
        found = self._reached.get(Quantity(kind, layer))
        if found is None:
            raise DerivationError(f"rule {self.rule!r} needs a premise whose witness reaches {Quantity(kind, layer)}")
        return found

    def reaches(self, kind: str, layer: Index | None = None) -> bool:
        return Quantity(kind, layer) in self._reached

    def reached_constant(self, activation: Activation, order: int) -> sympy.Expr:
        """What |s^(order)| reaches at the activation's best points: its symbol, or its value where that is 0 or 1."""
        quantity = ActivationDerivative(activation, order)
        found = self._reached.get(quantity)
        if found is None:
            raise DerivationError(f"rule {self.rule!r} needs a premise that reaches {quantity}")
        value = activation.constant(order) if found.expression is None else found.expression
        return value if value in (0, 1) else found.symbol

    def peak(self, activation: Activation) -> sympy.Expr:
        """The symbol of the function J of the activation."""
        found = self._by_quantity.get(ActivationPeak(activation))
        if found is None:
            raise DerivationError(f"rule {self.rule!r} needs a premise that bounds {ActivationPeak(activation)}")
        return found.symbol

    def cells(self, activation: Activation) -> sympy.Expr:
        """The symbol of the activation's cells."""
        found = self._by_quantity.get(ActivationCells(activation))
        if found is None:
            raise DerivationError(f"rule {self.rule!r} needs a premise that bounds {ActivationCells(activation)}")
        return found.symbol

    def named(self, name: str) -> sympy.Expr:
        """The symbol of that name, of any premise."""
        for premise in self.premises:
            if isinstance(premise, Hypothesis | Bound | Reached) and str(premise.symbol) == name:
                return premise.symbol
        raise DerivationError(f"rule {self.rule!r} needs a premise with the symbol {name}")

    def symbol(self, name: str) -> sympy.Expr:
        """The abbreviation of that name."""
        for premise in self.premises:
            if isinstance(premise, Bound) and premise.quantity is None and str(premise.symbol) == name:
                return premise.symbol
        raise DerivationError(f"rule {self.rule!r} needs the abbreviation {name} as a premise")

    def definition(self, symbol: sympy.Expr) -> sympy.Expr:
        """The expression that defines a premise's symbol."""
        for premise in self.premises:
            if isinstance(premise, Bound | Reached) and premise.symbol == symbol and premise.expression is not None:
                return premise.expression
        raise DerivationError(f"rule {self.rule!r} needs the definition of {symbol} as a premise")

    def comparison(self, smaller: sympy.Expr, larger: sympy.Expr) -> None:
        if not any(isinstance(p, Comparison) and (p.smaller, p.larger) == (smaller, larger) for p in self.premises):
            raise DerivationError(f"rule {self.rule!r} needs the premise {smaller} <= {larger}")

    def constant(self, activation: Activation, order: int, at_zero: bool = False) -> sympy.Expr:
        """S_order of the activation: its symbol, or its value where that is 0, 1 or infinite."""
        quantity = ActivationDerivative(activation, order, at_zero)
        found = self._by_quantity.get(quantity)
        if not isinstance(found, Bound):
            raise DerivationError(f"rule {self.rule!r} needs a premise that bounds {quantity}")
        return found.expression if found.expression in (0, 1, sympy.oo) else found.symbol


class Rule:
    """A lemma. Subclasses are stateless; `conclude` is the only way to make a bound.

    name: how steps and messages refer to it. title, statement, proof: LaTeX. obligations: what a machine decides.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    statement: ClassVar[str]
    proof: ClassVar[str]
    source: ClassVar[str] = ""
    obligations: ClassVar[tuple[Obligation, ...]] = ()

    registry: ClassVar[dict[str, type[Rule]]] = {}

    def __init_subclass__(cls) -> None:
        if hasattr(cls, "name"):  # a base that several lemmas share has none
            Rule.registry[cls.name] = cls

    @property
    def uses(self) -> tuple[Rule, ...]:
        """The lemmas that the statement or the proof refers to, as `@[name]`."""
        names = dict.fromkeys(re.findall(r"@\[([^\]]+)\]", self.statement + self.proof))
        return tuple(Rule.registry[name]() for name in names)

    def conclude(self, given: Given, **detail: Any) -> Claim:
        """The claim that follows from the premises. Raises DerivationError if they do not fit."""
        raise NotImplementedError

    def obligations_of(self, **detail: Any) -> tuple[Obligation, ...]:
        """What this application of the rule rests on; the same for all applications unless a rule says otherwise."""
        return self.obligations

    def __repr__(self) -> str:
        return f"<rule {self.name}>"
