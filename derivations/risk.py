"""Theorem: Lipschitz constants of the risk over a data set.

An average over the samples, never a maximum: the matrices are averaged first, the eigenvalue is taken last.
"""

from symlip import Dense, Derivation, LayerBalls, Network, Risk, SoftmaxCrossEntropy, derive


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(4, "tanh"), Dense(3, "identity")])
    return derive(network, LayerBalls(), cost=Risk(SoftmaxCrossEntropy()))
