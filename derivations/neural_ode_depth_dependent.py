"""Theorem: Lipschitz constants of a neural ODE in parameters that depend on the depth.

The norm of the parameters is that of L^2 of the control's variation.
"""

from symlip import Derivation, NeuralODE, derive


def derivation() -> Derivation:
    return derive(NeuralODE(width="l", activation="tanh", parameters="depth-dependent"))
