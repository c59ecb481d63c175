"""Theorem: lower bounds of the Lipschitz constants of a neural ODE, with the field that proves them.

Its state is held still, so that its derivative grows as fast as it can.
"""

from symlip import Derivation, NeuralODE, lower_bound


def derivation() -> Derivation:
    return lower_bound(NeuralODE(width="l", activation="tanh"))
