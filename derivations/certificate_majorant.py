"""Theorem: the majorant certificate, the Hessian of the cost at given weights plus a positive operator.

Near the weights of a tanh network the Hessian of the average softmax cross-entropy is at most its value at the weights plus an operator
that costs no more than a Hessian-vector product; it tends to zero with the radius.
"""

from symlip import Dense, Derivation, Neighbourhood, Network, Risk, SoftmaxCrossEntropy, derive


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(4, "tanh"), Dense(3, "tanh"), Dense(3, "identity")])
    return derive(network, Neighbourhood(), method="majorant", cost=Risk(SoftmaxCrossEntropy()))
