"""Theorem: the exact Lipschitz constant of the gradient of a network of sines."""

from symlip import Dense, Derivation, Network, exact_lipschitz


def derivation() -> Derivation:
    return exact_lipschitz(Network(inputs=3, layers=[Dense(3, "sin"), Dense(1, "sin")]))
