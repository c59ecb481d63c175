"""Theorem: the joint bound for bounded biases, here of softplus layers.

Output and slope of a layer are bounded together although softplus is unbounded; the number comes from a certified search.
"""

from symlip import Dense, Derivation, LayerBalls, Network, derive


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(3, "softplus"), Dense(3, "softplus"), Dense(1, "identity")])
    return derive(network, LayerBalls(biases="bounded"), method="joint", order=1)
