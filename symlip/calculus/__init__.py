"""The calculus: quantities, claims, rules, and the derivation that they make."""

from .claims import Bound, Claim, Comparison, Hypothesis
from .derivation import Derivation, Problem, Step
from .quantities import ActivationDerivative, Quantity
from .rule import Given, Rule

__all__ = [
    "ActivationDerivative", "Bound", "Claim", "Comparison", "Derivation", "Given", "Hypothesis", "Problem", "Quantity", "Rule", "Step",
]  # fmt: skip
