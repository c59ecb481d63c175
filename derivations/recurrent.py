"""Theorem: Lipschitz constants of a recurrent network, one layer applied three times with the same parameters.

With shared parameters the separate and paired bounds are wrong; the block bound has one block for each shared matrix.
"""

from symlip import Dense, Derivation, LayerBalls, Network, Tied, derive


def derivation(steps: int = 3) -> Derivation:
    return derive(Network(inputs="l", layers=[Tied(Dense("l", "tanh"), steps)]), LayerBalls(), method="block")
