"""Theorem: the cone certificate, the Hessian of the cost for steps that are nearly along one direction.

As the majorant on a ball, but only the points of a cone about a direction count: along its axis the derivatives are exact, beside it a ball of
a small radius. Much sharper for a step whose direction is known approximately.
"""

from symlip import Cone, Dense, Derivation, Network, Risk, SoftmaxCrossEntropy, derive


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(4, "tanh"), Dense(3, "tanh"), Dense(3, "identity")])
    return derive(network, Cone(), method="cone", cost=Risk(SoftmaxCrossEntropy()))
