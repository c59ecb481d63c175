"""Theorem: the bounds are sharp as the weight norms grow, uniformly in the depth.

An explicit factor between upper and lower bounds, which tends to one and does not depend on the depth.
"""

import sympy

from symlip import Derivation, Network, sharpness


def derivation() -> Derivation:
    return sharpness(Network.uniform(depth=sympy.Symbol("m", integer=True, positive=True), activation="tanh"))
