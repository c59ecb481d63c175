"""Theorem: the exact Lipschitz constant of a tanh network with four hidden neurons, and how sharp every bound is.

With the sharpness map: each bound, its lower bound, the witness and the best that an optimiser finds.
"""

from symlip import Dense, Derivation, Network, exact_lipschitz

SHARPNESS = {"norms": (0.5, 1.0, 2.0, 4.0), "depths": (1, 2, 3), "widths": (1, 2, 4), "starts": 6}


def derivation() -> Derivation:
    return exact_lipschitz(Network(inputs=3, layers=[Dense(4, "tanh"), Dense(1, "tanh")]))
