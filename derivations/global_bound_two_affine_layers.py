"""Theorem: the gradient of two affine layers has a global Lipschitz constant, although the network has none.

The exception to the impossibility theorem for two affine layers.
"""

from symlip import Dense, Derivation, Network, global_bound


def derivation() -> Derivation:
    return global_bound(Network(inputs="l_0", layers=[Dense("l_1", "identity"), Dense("l_2", "identity")]))
