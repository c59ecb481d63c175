"""Theorem: lower bounds for every depth.

By induction on the depth, which stays a symbol.
"""

import sympy

from symlip import Derivation, Network, lower_bound


def derivation() -> Derivation:
    return lower_bound(Network.uniform(depth=sympy.Symbol("m", integer=True, positive=True), activation="tanh"))
