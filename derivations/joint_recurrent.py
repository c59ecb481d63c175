"""Theorem: the joint bound of a recurrent network, one residual layer applied three times.

No neuron is steep, strongly curved and large at once; the maximum over slopes is certified, by elimination along the depth or by branch and bound.
"""

from symlip import Derivation, LayerBalls, Network, Residual, Tied, derive


def derivation() -> Derivation:
    return derive(Network(inputs=2, layers=[Tied(Residual(2, "tanh", step="d"), 3)]), LayerBalls(), method="joint")
