"""Theorem: the Lipschitz constant of the gradient of a classifier's cost, by the cost of bending its last layer."""

from symlip import Dense, Derivation, LayerBalls, Network, SoftmaxCrossEntropy, derive

NETWORKS = 10  # each takes a search


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(4, "tanh"), Dense(4, "tanh"), Dense(3, "identity")])
    return derive(network, LayerBalls(), method="joint", cost=SoftmaxCrossEntropy())
