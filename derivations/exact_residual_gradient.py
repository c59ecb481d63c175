"""Theorem: the exact Lipschitz constant of the gradient of a residual network of width one, by the cost of bending a state.

Two tanh layers, each with its own parameters and a logistic cost on top.
"""

from symlip import Derivation, LayerBalls, Logistic, Network, Residual, derive

NETWORKS = 6


def derivation() -> Derivation:
    return derive(Network(inputs=1, layers=[Residual(1, "tanh", step="d")] * 2), LayerBalls(), method="joint", cost=Logistic())
