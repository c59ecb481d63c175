"""Theorem: the gradient's constant on the parameter ball for two layers, whose neurons share the radius.

Within a few per cent of the best networks known, where the bound by the shares of the layers can be half as large again.
"""

from symlip import Dense, Derivation, Network, ParameterBall, derive

NETWORKS = 4  # each takes a search


def derivation() -> Derivation:
    return derive(Network(inputs=2, layers=[Dense(3, "tanh"), Dense(2, "tanh")]), ParameterBall(), method="joint")
