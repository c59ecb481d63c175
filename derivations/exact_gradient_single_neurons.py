"""Theorem: the exact Lipschitz constant of the gradient of a chain of single neurons, any bounded smooth activation (here logistic)."""

from symlip import Dense, Derivation, Network, exact_lipschitz

NETWORKS = 10  # each takes a search


def derivation() -> Derivation:
    return exact_lipschitz(Network(inputs=3, layers=[Dense(1, "logistic"), Dense(1, "logistic"), Dense(1, "logistic")]))
