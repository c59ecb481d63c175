"""Theorem: the exact Lipschitz constant of the gradient for an odd activation that satisfies two conditions, here an algebraic one.

The conditions are decided for the expression, as they would be for any other.
"""

import sympy

from symlip import Activation, Dense, Derivation, Network, exact_lipschitz

z = sympy.Symbol("z", real=True)
algebraic = Activation("algebraic", z / sympy.sqrt(1 + z**2))


def derivation() -> Derivation:
    return exact_lipschitz(Network(inputs=3, layers=[Dense(3, algebraic), Dense(1, algebraic)]))
