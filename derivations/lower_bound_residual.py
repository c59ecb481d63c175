"""Theorem: lower bounds of the Lipschitz constants of a residual network, with the networks that prove them.

One neuron is held still at 0, so that its derivative grows in every layer; sharp for large weights, first order.
"""

from symlip import Derivation, Network, Residual, lower_bound


def derivation() -> Derivation:
    return lower_bound(Network(inputs=2, layers=[Residual(2, "tanh", step="d")] * 3))
