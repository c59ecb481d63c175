"""Theorem: upper over lower bounds tend to one as the weight norms grow.

Layer by layer, by limits; the last layer is affine.
"""

from symlip import Dense, Derivation, Network, sharpness


def derivation() -> Derivation:
    return sharpness(Network(inputs="l_0", layers=[Dense("l_1", "tanh"), Dense("l_2", "logistic"), Dense("l_3", "identity")]))
