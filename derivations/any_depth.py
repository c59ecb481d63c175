"""Theorem: Lipschitz constants of a network of any depth.

Closed forms for m layers, m a symbol, by induction.
"""

import sympy

from symlip import Derivation, LayerBalls, Network, derive


def derivation() -> Derivation:
    depth = sympy.Symbol("m", integer=True, positive=True)
    return derive(Network.uniform(depth, "tanh"), LayerBalls())
