"""Theorem: the exact Lipschitz constant of the gradient of a tanh network with an affine output layer, as in regression."""

from symlip import Dense, Derivation, Network, exact_lipschitz


def derivation() -> Derivation:
    return exact_lipschitz(Network(inputs=3, layers=[Dense(4, "tanh"), Dense(2, "identity")]))
