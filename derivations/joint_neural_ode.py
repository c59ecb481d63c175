"""Theorem: the joint bound of a neural ODE, certified by cells in time.

Slope, curvature and the size of the state are bounded together; at most the block bound, which stands in where the cells are too coarse.
"""

from symlip import Derivation, NeuralODE, derive


def derivation() -> Derivation:
    return derive(NeuralODE(width=2, activation="tanh"), method="joint")
