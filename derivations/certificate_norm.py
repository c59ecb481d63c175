"""Theorem: the norm certificate, Lipschitz constants of the cost on a ball about given weights.

The average softmax cross-entropy of a tanh network over data: one pass over the data gives the constant of its gradient near the
present weights, layer by layer, and with it a step that is proved to descend.
"""

from symlip import Dense, Derivation, Neighbourhood, Network, Risk, SoftmaxCrossEntropy, derive


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(4, "tanh"), Dense(3, "tanh"), Dense(3, "identity")])
    return derive(network, Neighbourhood(), method="norm", cost=Risk(SoftmaxCrossEntropy()))
