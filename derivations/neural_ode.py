"""Theorem: Lipschitz constants of a neural ODE in its parameters, block by block and in closed form.

For every control of finite variation, with jumps or without; a finer bound than that by the constants of the field.
"""

from symlip import Derivation, NeuralODE, derive


def derivation() -> Derivation:
    return derive(NeuralODE(width="l", activation="tanh"))
