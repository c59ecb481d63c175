"""Theorem: the norm certificate of a residual network.

The block bounds of layer balls with the constants that hold near the weights: a residual layer, a skip around two layers, any cost.
"""

from symlip import Dense, Derivation, Neighbourhood, Network, Residual, Risk, Skip, SoftmaxCrossEntropy, derive


def derivation() -> Derivation:
    skip = Skip([Dense(3, "softplus"), Dense(4, "identity")])
    network = Network(inputs=3, layers=[Dense(4, "tanh"), Residual(4, "tanh", step=1), skip, Dense(3, "identity")])
    return derive(network, Neighbourhood(), method="norm", cost=Risk(SoftmaxCrossEntropy()))
