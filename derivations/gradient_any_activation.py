"""Theorem: a certified bound on the Lipschitz constant of the gradient for any bounded smooth activation, here logistic.

Where several neurons want to be active at once the exact constant is not known; this bound and the network below are near each other.
"""

from symlip import Dense, Derivation, Network, exact_lipschitz

NETWORKS = 8  # each takes a search


def derivation() -> Derivation:
    return exact_lipschitz(Network(inputs=3, layers=[Dense(2, "logistic"), Dense(1, "logistic")]))
