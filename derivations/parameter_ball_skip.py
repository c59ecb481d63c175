"""Theorem: bounds on the parameter ball for a network with skips around several layers, which share the radius.

Every product of norms along the ways through the network is at its largest; a skip around several layers is one factor of their norms.
"""

from symlip import Dense, Derivation, Network, ParameterBall, Skip, Tied, derive


def derivation() -> Derivation:
    skip = Skip([Dense(3, "tanh"), Dense(2, "arctan")], step="d")
    return derive(Network(inputs=2, layers=[Dense(2, "tanh"), Tied(skip, 2), skip, Dense(1, "identity")]), ParameterBall())
