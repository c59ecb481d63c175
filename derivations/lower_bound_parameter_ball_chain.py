"""Theorem: lower bounds on the parameter ball by a chain of neurons at zero.

The shares of the budget are chosen by a search; any shares give a lower bound.
"""

from symlip import Dense, Derivation, Network, ParameterBall, lower_bound


def derivation(depth: int = 4) -> Derivation:
    return lower_bound(Network(inputs="l_0", layers=[Dense(f"l_{u}", "tanh") for u in range(1, depth + 1)]), ParameterBall())
