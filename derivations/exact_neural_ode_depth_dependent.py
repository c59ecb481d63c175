"""Theorem: the exact Lipschitz constant of a neural ODE in depth-dependent parameters, certified by cells in time and state.

The number is above the supremum by the width of the cells; its gradient has the joint bound of the second derivative.
"""

from symlip import Derivation, NeuralODE, derive


def derivation() -> Derivation:
    return derive(NeuralODE(width=2, activation="tanh", parameters="depth-dependent"), method="joint")
