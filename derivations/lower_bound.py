"""Theorem: lower bounds on layer balls, with the networks that prove them; the last layer is affine.

Source: Herrera, Krach, Teichmann (2020), lower bounds, with per-layer norms.
"""

from symlip import Dense, Derivation, Network, lower_bound


def derivation() -> Derivation:
    return lower_bound(Network(inputs="l_0", layers=[Dense("l_1", "tanh"), Dense("l_2", "tanh"), Dense("l_3", "identity")]))
