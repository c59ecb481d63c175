"""Theorem: the exact Lipschitz constant of the gradient of a tanh network in its parameters.

Any depth, any widths, any number of outputs, free biases. An upper bound with its proof, the networks that approach it, and a
certified number: the dual recursion says what it costs to bend each layer.
"""

from symlip import Dense, Derivation, Network, exact_lipschitz

NETWORKS = 10  # each takes a search


def derivation() -> Derivation:
    return exact_lipschitz(Network(inputs=3, layers=[Dense(3, "tanh"), Dense(4, "tanh"), Dense(2, "tanh")]))
