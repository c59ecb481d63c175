"""Theorem: a ReLU network has no global Lipschitz constant, and its gradient none even locally.

The gradient jumps; the jump is explicit.
"""

from symlip import Dense, Derivation, Network, global_bound


def derivation() -> Derivation:
    return global_bound(Network(inputs="l_0", layers=[Dense("l_1", "relu"), Dense("l_2", "identity")]))
