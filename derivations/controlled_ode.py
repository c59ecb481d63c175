"""Theorem: Lipschitz constants of a controlled ODE in its parameters, by the constants of its fields; the best possible.

Source: Herrera, Krach, Teichmann (arXiv 2004.13135), continuously deep networks; the closed forms and their sharpness are this package's.
"""

from sympy import symbols

from symlip import ControlledODE, Derivation, derive


def derivation() -> Derivation:
    k, v1, v2, w, c = symbols("k v1 v2 w c")
    return derive(ControlledODE(k, v1, v2, w, c))
