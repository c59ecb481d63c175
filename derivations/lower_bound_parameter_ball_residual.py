"""Theorem: lower bounds of the Lipschitz constants of a residual network on the parameter ball, with the networks that prove them.

One neuron is held still at 0, and all layers have weights of the same norm.
"""

from symlip import Derivation, Network, ParameterBall, Residual, Tied, lower_bound


def derivation() -> Derivation:
    return lower_bound(Network(inputs=2, layers=[Residual(2, "tanh", step="d"), Tied(Residual(2, "arctan", step="d"), 3)]), ParameterBall())
