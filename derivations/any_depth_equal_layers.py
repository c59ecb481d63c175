"""Theorem: Lipschitz constants of equal layers at any depth, and their three regimes.

With one norm for all weights the closed forms are geometric sums.
"""

import sympy

from symlip import Derivation, LayerBalls, Network, derive


def derivation() -> Derivation:
    depth = sympy.Symbol("m", integer=True, positive=True)
    return derive(Network.uniform(depth, "tanh"), LayerBalls(equal=True))
