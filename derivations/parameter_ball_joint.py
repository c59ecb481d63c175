"""Theorem: the joint bound on the parameter ball.

The layers share one budget, and output and slope of a layer are bounded together; the number comes from a certified search.
"""

from symlip import Dense, Derivation, Network, ParameterBall, derive


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(3, "tanh"), Dense(3, "tanh"), Dense(1, "tanh")])
    return derive(network, ParameterBall(), method="joint", order=1)
