"""Theorem: Lipschitz constants of a controlled ODE whose constants grow with the elapsed variation.

The integrals stay integrals; the compiled function bounds them from above, cell by cell.
"""

from sympy import symbols

from symlip import ControlledODE, Derivation, derive, variation


def derivation() -> Derivation:
    k, p, q = symbols("k p q")
    return derive(ControlledODE(k, p + q * variation, (p + q * variation) ** 2, 1, k, growth=(p, k)))
