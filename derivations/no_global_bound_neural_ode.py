"""Theorem: a neural ODE has no Lipschitz constant on the space of all parameters, and neither has its gradient.

Source: Herrera, Krach, Teichmann (arXiv 2004.13135); the family of fields along which the derivatives blow up is explicit.
"""

from symlip import Derivation, NeuralODE, global_bound


def derivation() -> Derivation:
    return global_bound(NeuralODE(width="l", activation="tanh"))
