"""Theorem: the shared budget is at most every norm equal to the radius.

Both bounds are derived side by side and compared.
"""

from symlip import Dense, Derivation, Network, ParameterBall, ordering


def derivation(depth: int = 2) -> Derivation:
    return ordering(Network(inputs=3, layers=[Dense(4, "tanh") for _ in range(depth)]), ParameterBall())
