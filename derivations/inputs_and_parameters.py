"""Theorem: Lipschitz constants of a network and of its derivative in input and parameters together.

What a composition of modules needs: the input is one more block.
"""

from symlip import Dense, Derivation, LayerBalls, Network, derive


def derivation(depth: int = 2) -> Derivation:
    network = Network(inputs="l_0", layers=[Dense(f"l_{u}", "tanh") for u in range(1, depth + 1)])
    return derive(network, LayerBalls(), variables="both")
