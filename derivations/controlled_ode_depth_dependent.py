"""Theorem: Lipschitz constants of a controlled ODE in parameters that depend on the depth, with the norm of L^2.

The mixed term is a quadratic form, bounded by the Hilbert-Schmidt norm of its symmetric kernel.
"""

from sympy import symbols

from symlip import ControlledODE, Derivation, derive


def derivation() -> Derivation:
    k, v1, v2, w, c = symbols("k v1 v2 w c")
    return derive(ControlledODE(k, v1, v2, w, c, parameters="depth-dependent"))
