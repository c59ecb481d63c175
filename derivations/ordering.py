"""Theorem: block is at most paired is at most separate.

For one network the three methods are derived side by side and compared.
"""

from symlip import Dense, Derivation, Network, ordering


def derivation(depth: int = 2) -> Derivation:
    return ordering(Network(inputs="l_0", layers=[Dense(f"l_{u}", "tanh") for u in range(1, depth + 1)]))
