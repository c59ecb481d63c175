"""Theorem: lower bounds of the Lipschitz constants of a recurrent network, with the networks that prove them.

The weights that are used again see nothing of the input, so that one neuron stays at 0 and its derivative grows in every step.
"""

from symlip import Dense, Derivation, Network, Tied, lower_bound


def derivation() -> Derivation:
    return lower_bound(Network(inputs=3, layers=[Tied(Dense(3, "tanh"), 4), Dense(1, "identity")]))
