"""Theorem: the Lipschitz constant of the gradient of a network, block by block.

One bound for every pair of parameter blocks: a layer-wise Lipschitz matrix, whose largest eigenvalue is the constant.
"""

from symlip import Dense, Derivation, LayerBalls, Network, derive


def derivation(depth: int = 3) -> Derivation:
    network = Network(inputs="l_0", layers=[Dense(f"l_{u}", "tanh") for u in range(1, depth + 1)])
    return derive(network, LayerBalls(), method="block")
