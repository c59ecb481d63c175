"""Theorem: the block bounds of tied residual networks with ever more layers grow to those of the neural ODE.

A finer limit than that of the bounds by the constants of the field.
"""

from symlip import Derivation, NeuralODE, limit_theorem


def derivation() -> Derivation:
    return limit_theorem(NeuralODE(width="l", activation="tanh"))
