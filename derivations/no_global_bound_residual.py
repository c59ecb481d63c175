"""Theorem: a residual network has no Lipschitz constant on the space of all parameters, and neither has its gradient.

One neuron is held still at 0, so that the derivatives grow in every layer, here with dense layers and shared parameters among them.
"""

from symlip import Dense, Derivation, Network, Residual, Tied, global_bound


def derivation() -> Derivation:
    return global_bound(Network(inputs=2, layers=[Dense(3, "tanh"), Tied(Residual(3, "tanh", step="d"), 2), Dense(1, "identity")]))
