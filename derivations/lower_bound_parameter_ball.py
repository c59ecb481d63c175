"""Theorem: lower bounds on the parameter ball where outputs do not vanish: they are cancelled in pairs.

For the logistic function, with hidden widths of at least two.
"""

from symlip import Dense, Derivation, Network, ParameterBall, lower_bound


def derivation() -> Derivation:
    return lower_bound(Network(inputs=2, layers=[Dense(2, "logistic"), Dense(3, "logistic"), Dense(1, "logistic")]), ParameterBall())
