"""Theorem: the line certificate, the cost along one direction as a polynomial with a proved remainder.

For a step along the gradient no eigenvalue is needed: three derivatives at the weights, exactly, and a bound of the fourth on the
segment. A small network with logistic hidden neurons and softmax cross-entropy.
"""

from symlip import Dense, Derivation, Network, Risk, Segment, SoftmaxCrossEntropy, derive


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(4, "logistic"), Dense(3, "tanh"), Dense(3, "identity")])
    return derive(network, Segment(), method="line", cost=Risk(SoftmaxCrossEntropy()))
