"""Theorem: Lipschitz constants of a network and of its derivative in the input.

The compositional curvature bound that certified robustness uses, from the same derivation.
Source: Entesari, Sharifi, Fazlyab (2024).
"""

from symlip import Dense, Derivation, LayerBalls, Network, derive


def derivation(depth: int = 3) -> Derivation:
    network = Network(inputs="l_0", layers=[Dense(f"l_{u}", "tanh") for u in range(1, depth + 1)])
    return derive(network, LayerBalls(), variables="inputs")
