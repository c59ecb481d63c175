"""Theorem: Lipschitz constants on the parameter ball at any depth.

The budget bound for m layers, m a symbol.
"""

import sympy

from symlip import Derivation, Network, ParameterBall, derive


def derivation() -> Derivation:
    depth = sympy.Symbol("m", integer=True, positive=True)
    return derive(Network.uniform(depth, "tanh"), ParameterBall())
