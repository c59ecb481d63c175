"""Theorem: lower bounds up to order three, along a chain of neurons at their steepest points.

An explicit network whose third derivative is at least the bound, beside those of the first and second.
"""

from symlip import Dense, Derivation, Network, lower_bound


def derivation() -> Derivation:
    return lower_bound(Network(inputs=3, layers=[Dense(3, "tanh"), Dense(4, "tanh"), Dense(2, "identity")]), order=3)
