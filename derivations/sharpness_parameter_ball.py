"""Theorem: the budget bounds on the parameter ball are sharp as the radius grows.

Upper over lower bounds tend to one.
"""

from symlip import Dense, Derivation, Network, ParameterBall, sharpness


def derivation(depth: int = 3) -> Derivation:
    return sharpness(Network(inputs="l_0", layers=[Dense(f"l_{u}", "tanh") for u in range(1, depth + 1)]), ParameterBall())
