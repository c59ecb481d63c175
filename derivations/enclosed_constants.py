"""Theorem: Lipschitz constants for an activation whose constants are enclosed.

The constants of Mish have no closed form; certified upper ends from ball arithmetic stand for them.
"""

from symlip import Dense, Derivation, LayerBalls, Network, derive


def derivation() -> Derivation:
    network = Network(inputs=3, layers=[Dense(4, "mish"), Dense(2, "identity")])
    return derive(network, LayerBalls(biases="bounded"))
