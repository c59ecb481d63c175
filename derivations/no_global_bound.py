"""Theorem: a network has no global Lipschitz constant in its parameters, and neither has its gradient.

Source: Herrera, Krach, Teichmann (2020); the family of parameters along which the derivatives blow up is explicit.
"""

from symlip import Dense, Derivation, Network, global_bound


def derivation(depth: int = 3) -> Derivation:
    return global_bound(Network(inputs="l_0", layers=[Dense(f"l_{u}", "tanh") for u in range(1, depth + 1)]))
