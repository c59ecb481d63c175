"""Theorem: the exact Lipschitz constant of a residual network, and the joint bound of its gradient.

Three tanh layers of width two, each with its own parameters; the entries of the input are known.
"""

from symlip import Derivation, LayerBalls, Network, Residual, derive


def derivation() -> Derivation:
    return derive(Network(inputs=2, layers=[Residual(2, "tanh", step="d")] * 3), LayerBalls(), method="joint")
