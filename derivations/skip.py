"""Theorem: Lipschitz constants of a network with a skip around two layers, and softmax cross-entropy on top.

Biases are bounded, since the layer inside the skip is affine.
"""

from symlip import Dense, Derivation, LayerBalls, Network, Skip, SoftmaxCrossEntropy, derive


def derivation() -> Derivation:
    layers = [Dense(3, "tanh"), Skip([Dense(5, "tanh"), Dense(3, "identity")], step="d"), Dense(2, "identity")]
    return derive(Network(inputs=2, layers=layers), LayerBalls(biases="bounded"), cost=SoftmaxCrossEntropy())
