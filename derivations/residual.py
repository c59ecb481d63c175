"""Theorem: Lipschitz constants of a residual network in its parameters, block by block.

Layers h_u = h_{u-1} + d s(A_u h_{u-1} + b_u) between two dense ones; the step d is an argument, its sign does not matter.
"""

from symlip import Dense, Derivation, LayerBalls, Network, Residual, derive


def derivation() -> Derivation:
    network = Network(inputs="l_0", layers=[Dense("l", "tanh"), Residual("l", "tanh", step="d"), Residual("l", "tanh", step="d"), Dense("l_4", "identity")])
    return derive(network, LayerBalls(), method="block")
