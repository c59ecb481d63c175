"""Theorem: Lipschitz constants of a residual network in its parameters, by quadratic forms in two numbers a layer.

Linear in the depth with constant work a layer: for networks of a thousand layers.
"""

from symlip import Derivation, LayerBalls, Network, Residual, derive


def derivation(depth: int = 3) -> Derivation:
    return derive(Network(inputs="l", layers=[Residual("l", "tanh", step="delta")] * depth), LayerBalls(), method="paired")
