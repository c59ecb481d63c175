"""Theorem: Lipschitz constants of the half squared error of a network.

The cost on top of the block bound: its Hessian has a part in the network's first and one in its second derivative.
"""

from symlip import Dense, Derivation, HalfSquaredError, LayerBalls, Network, derive


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(4, "tanh"), Dense(3, "tanh")])
    return derive(network, LayerBalls(), cost=HalfSquaredError())
