"""Theorem: Lipschitz constants of a residual network on the parameter ball, whose radius all layers share.

Each product of norms is at most its maximum on the ball, which is computed through its dual: one price for the shared radius.
"""

from symlip import Dense, Derivation, Network, ParameterBall, Residual, Tied, derive


def derivation() -> Derivation:
    layers = [Dense("l", "tanh"), Residual("l", "tanh", step="d"), Tied(Residual("l", "tanh", step="d"), 2), Dense("l_5", "identity")]
    return derive(Network(inputs="l_0", layers=layers), ParameterBall())
