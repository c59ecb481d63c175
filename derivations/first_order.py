"""Theorem: the Lipschitz constant of a feed-forward network in its parameters.

Source: C. Herrera, F. Krach, J. Teichmann, Local Lipschitz Bounds of Deep Neural Networks (arXiv 2004.13135), Theorem 1, with
per-layer norms instead of one radius.
"""

from symlip import Dense, Derivation, LayerBalls, Network, derive


def derivation(depth: int = 3) -> Derivation:
    network = Network(inputs="l_0", layers=[Dense(f"l_{u}", "tanh") for u in range(1, depth + 1)])
    return derive(network, LayerBalls(), method="separate", order=1)
