"""Theorem: the Lipschitz constant of the second derivative of a neural network in its parameters.

Bell's polynomials in the norms of the lower derivatives, maximised over how the direction splits into this layer's part and the
earlier layers'; with the third derivative of the softmax cross-entropy on top.
"""

from symlip import Dense, Derivation, LayerBalls, Network, SoftmaxCrossEntropy, derive


def derivation() -> Derivation:
    return derive(Network(inputs=3, layers=[Dense(3, "tanh"), Dense(4, "tanh"), Dense(2, "identity")]), LayerBalls(), order=3, cost=SoftmaxCrossEntropy())
