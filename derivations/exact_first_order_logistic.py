"""Theorem: the exact Lipschitz constant of a network of logistic functions in its parameters.

How large and how steep a logistic neuron can be at once is a closed form with a square root.
"""

from symlip import Dense, Derivation, Network, exact_lipschitz


def derivation(depth: int = 3) -> Derivation:
    return exact_lipschitz(Network(inputs="l_0", layers=[Dense(f"l_{u}", "logistic") for u in range(1, depth + 1)]), order=1)
