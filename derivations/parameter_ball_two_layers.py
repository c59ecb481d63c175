"""Theorem: the exact Lipschitz constant of two layers on the parameter ball, at every width.

One hidden tanh layer; the network that reaches the constant spends its whole radius on one weight of the second layer.
"""

from symlip import Dense, Derivation, Network, ParameterBall, derive


def derivation() -> Derivation:
    return derive(Network(inputs="l_0", layers=[Dense("l_1", "tanh"), Dense("l_2", "tanh")]), ParameterBall(), method="joint", order=1)
