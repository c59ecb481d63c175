"""Theorem: Lipschitz constants of a controlled ODE piece by piece, a jump between two continuous pieces of the control.

Jumps alone give the recursion of a residual network with shared parameters.
"""

from sympy import symbols

from symlip import ControlledODE, Derivation, Flow, Jump, derive


def derivation() -> Derivation:
    k, v1, v2, w, c = symbols("k v1 v2 w c")
    return derive(ControlledODE(k, v1, v2, w, c, control=[Flow("U_1"), Jump("d"), Flow("U_2")]))
