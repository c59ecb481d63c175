"""Theorem: the Lipschitz constant of the gradient of a network, as a quadratic form.

This layer's part of a direction and the earlier one share its length, which the separate bound forgets.
"""

from symlip import Dense, Derivation, LayerBalls, Network, derive


def derivation(depth: int = 3) -> Derivation:
    network = Network(inputs="l_0", layers=[Dense(f"l_{u}", "tanh") for u in range(1, depth + 1)])
    return derive(network, LayerBalls(), method="paired")
