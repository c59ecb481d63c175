"""Theorem: one layer has global Lipschitz constants, and these are they.

The exception to the impossibility theorem for depth one.
"""

from symlip import Dense, Derivation, Network, global_bound


def derivation() -> Derivation:
    return global_bound(Network(inputs="l_0", layers=[Dense("l_1", "tanh")]))
