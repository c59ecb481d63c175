"""Theorem: lower bounds where the slope's supremum is only approached: softplus.

The witness is a sequence of networks.
"""

from symlip import Dense, Derivation, Network, lower_bound


def derivation() -> Derivation:
    return lower_bound(Network(inputs="l_0", layers=[Dense("l_1", "softplus"), Dense("l_2", "softplus")]))
