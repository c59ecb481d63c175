"""Theorem: Lipschitz constants on the parameter ball, every layer norm equal to the radius.

Source: C. Herrera, F. Krach, J. Teichmann, arXiv 2004.13135, Theorem 1: the bound as the paper states it.
"""

from symlip import Dense, Derivation, Network, ParameterBall, derive


def derivation(depth: int = 3) -> Derivation:
    network = Network(inputs="l_0", layers=[Dense(f"l_{u}", "tanh") for u in range(1, depth + 1)])
    return derive(network, ParameterBall(shared_budget=False))
