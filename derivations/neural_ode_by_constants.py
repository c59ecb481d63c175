"""Theorem: Lipschitz constants of a neural ODE in its parameters, by the constants of its field.

The general theorem with the constants that the activation gives, which grow with the size of the state.
"""

from symlip import Derivation, NeuralODE, derive


def derivation() -> Derivation:
    return derive(NeuralODE(width="l", activation="tanh"), method="separate")
