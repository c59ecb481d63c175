"""Theorem: Lipschitz constants on the parameter ball, whose radius all layers share.

The layers share one budget, so a product of their norms is at most its maximum on the sphere.
"""

from symlip import Dense, Derivation, Network, ParameterBall, derive


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(4, "tanh"), Dense(4, "tanh"), Dense(2, "identity")])
    return derive(network, ParameterBall())
