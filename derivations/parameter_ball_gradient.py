"""Theorem: the gradient's constant on the parameter ball, by the shares of the layers.

The exact constant of layer balls, largest over all ways in which the layers can share the radius; below the budget bound.
"""

from symlip import Dense, Derivation, Network, ParameterBall, derive

NETWORKS = 6  # each takes a search


def derivation() -> Derivation:
    return derive(Network(inputs=2, layers=[Dense(2, "tanh"), Dense(2, "tanh"), Dense(1, "tanh")]), ParameterBall(), method="joint")
