"""Theorem: Lipschitz constants for an unbounded activation, with bounded biases.

Softplus is unbounded, so the sizes of the outputs grow with the norms of weights and biases.
"""

from symlip import Dense, Derivation, LayerBalls, Network, derive


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(4, "softplus"), Dense(4, "softplus"), Dense(2, "identity")])
    return derive(network, LayerBalls(biases="bounded"))
