"""Theorem: the bounds of residual networks with ever more layers grow to those of the controlled ODE.

For m equal jumps of the same total variation, and constants of a general field.
"""

from sympy import symbols

from symlip import ControlledODE, Derivation, limit_theorem


def derivation() -> Derivation:
    k, v1, v2, w, c = symbols("k v1 v2 w c")
    return limit_theorem(ControlledODE(k, v1, v2, w, c))
