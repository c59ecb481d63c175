"""What a neuron can be at once: its slope R = |s'| against its value and its curvature, along a parameter t in [0, 1].

tau = sup { |s| : |s'| >= R }, and sigma >= |sum p_i s_i'' zeta_i^2| where the slopes that p and zeta see are at most R.
Known for s = c0 + c1 tanh(c2 z + c3), decided by its equation s' = rate (high - s)(s - low) (tanh, logistic, ..), and for sin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy

from .activations import Activation, z
from .errors import SymlipError

t = sympy.Symbol("t", nonnegative=True)


@dataclass(frozen=True)
class Tradeoff:
    """Slope R, value tau and curvature sigma as expressions in t on [0, 1]: R falls from S1 to 0, tau grows to S0.

    peak: the t where sigma is largest. top = S0. odd: whether s is. kind: "tanh" or "sin".
    """

    slope: sympy.Expr
    value: sympy.Expr
    curvature: sympy.Expr
    peak: sympy.Expr
    top: sympy.Expr
    odd: bool
    kind: str


@cache
def tradeoff(activation: Activation) -> Tradeoff:
    """The trade-off of an activation. Raises SymlipError where it is not known."""
    s = activation.expression
    if s == sympy.sin(z):
        return Tradeoff(sympy.sqrt(1 - t**2), t, t, sympy.Integer(1), sympy.Integer(1), True, "sin")
    if sympy.diff(s, z, 2) == 0:
        return Tradeoff(sympy.Abs(sympy.diff(s, z)), sympy.oo, sympy.Integer(0), sympy.Integer(0), sympy.oo, False, "affine")
    found = _riccati(s)
    if found is None:
        raise SymlipError(
            f"the joint bound of residual and tied layers is known for tanh, the logistic function, their affine images, sin and affine layers, not for {activation.name}: use method='block'"
        )
    low, high, rate = found  # s runs from low to high; s' = rate (high - s)(s - low) up to sign
    middle, half = (high + low) / 2, sympy.Abs(high - low) / 2
    steep = sympy.Abs(rate) * half**2
    odd = bool(middle == 0 and s.subs(z, 0) == 0)
    slope = steep * (1 - t**2)
    curvature = 2 * sympy.Abs(rate) * half * slope * t
    return Tradeoff(slope, sympy.Abs(middle) + half * t, curvature, 1 / sympy.sqrt(3), sympy.Abs(middle) + half, odd, "tanh")


def _riccati(s: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr] | None:
    """(low, high, rate) with s' = rate (high - s)(s - low), decided by SymPy; None if s has no such equation."""
    if s.has(sympy.Piecewise, sympy.Abs, sympy.Max, sympy.Min):
        return None
    ends = [sympy.limit(s, z, end) for end in (-sympy.oo, sympy.oo)]
    if not all(end.is_finite for end in ends) or ends[0] == ends[1]:
        return None
    low, high = min(ends), max(ends)
    slope = sympy.diff(s, z).subs(z, 0)
    value = s.subs(z, 0)
    if (high - value) * (value - low) == 0:
        return None
    rate = sympy.simplify(slope / ((high - value) * (value - low)))
    difference = sympy.diff(s, z) - rate * (high - s) * (s - low)
    return (low, high, rate) if sympy.simplify(difference.rewrite(sympy.exp)) == 0 else None


def holds(activation: Activation) -> bool:
    """Decide slope and curvature of the trade-off from the activation's own derivatives, at t = |s - middle| / half."""
    found, s = tradeoff(activation), activation.expression
    if found.kind == "affine":
        return bool(sympy.diff(s, z, 2) == 0)
    half, offset = sympy.diff(found.value, t), found.value.subs(t, 0)
    squares = [(sympy.diff(s, z), found.slope), (sympy.diff(s, z, 2), found.curvature)]

    def agree(middle: sympy.Expr) -> bool:
        place = {t: (s - middle) / half}
        return all(sympy.simplify((derivative**2 - claimed.subs(place) ** 2).rewrite(sympy.exp)) == 0 for derivative, claimed in squares)

    return agree(offset) or agree(-offset)


@dataclass(frozen=True)
class States:
    """The states of a neuron along a parameter: s, s' and s'' as functions of it, between its ends.

    bends: at most the moduli of their second derivatives. values: the ends of s. place: the parameter of a value.
    """

    parameter: sympy.Symbol
    ends: tuple[sympy.Expr, sympy.Expr]
    functions: tuple[sympy.Expr, sympy.Expr, sympy.Expr]
    bends: tuple[sympy.Expr, sympy.Expr, sympy.Expr]
    values: tuple[sympy.Expr, sympy.Expr]
    value: sympy.Symbol
    place: sympy.Expr


@cache
def states(activation: Activation) -> States | None:
    """Its states: by the value for tanh-like activations, by the angle for sin; None for others."""
    y, value, s = sympy.Symbol("y", real=True), sympy.Symbol("value", real=True), activation.expression
    one = sympy.Integer(1)
    if s == sympy.sin(z):
        return States(
            y,
            (-sympy.pi, sympy.pi),
            (sympy.sin(y), sympy.cos(y), -sympy.sin(y)),
            (one, one, one),
            (-one, one),
            value,
            sympy.asin(sympy.Max(-1, sympy.Min(1, value))),
        )
    found = _riccati(s)
    if found is None:
        return None
    low, high, rate = found
    slope = rate * (high - y) * (y - low)
    bends = sympy.Integer(0), 2 * sympy.Abs(rate), 6 * rate**2 * (high - low)
    return States(y, (low, high), (y, slope, slope * sympy.diff(slope, y)), bends, (low, high), value, value)
