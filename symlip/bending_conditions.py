"""What an activation must satisfy for the exact constant of the gradient, decided for its expression.

With r = sqrt(1 - (s'/S1)^2): (star) r is a concave function of |s|, that is |s''| / sqrt(S1^2 - s'^2) does not increase with |z|;
(diamond) s' / (S0^2 - s^2) does not increase with |z|; both for odd increasing s. Squared, these are statements about the sign of
an expression that is rational in a generator (tanh, exp, z), which isolating the roots of a polynomial decides.
"""

from __future__ import annotations

from functools import cache

import sympy
from sympy import oo

from .activations import Activation, z
from .errors import SymlipError
from .peaks import _polynomial_certificate
from .suprema import Piece, derivative_pieces, polynomial_holds


@cache
def kind(activation: Activation) -> str | None:
    """What is proved of a wide hidden layer: exact for "tanh", "odd" (star and diamond) and "sin"; a bracket for "star"; None: nothing."""
    s = activation.expression
    if len(derivative_pieces(activation.name, s, 0)) > 1 or activation.constant(0) == oo:
        return None
    if sympy.diff(s, z, 2) == 0 or not (activation.supremum(0).exact and activation.supremum(1).exact):
        return None
    if s.has(sympy.sin) and _vanishes(s - activation.constant(0) * sympy.sin(activation.constant(1) * z / activation.constant(0))):
        return "sin"
    if is_tanh(activation):
        return "tanh"
    if not star(activation):
        return None
    return "odd" if diamond(activation) else "star"


@cache
def is_tanh(activation: Activation) -> bool:
    """s = S0 tanh(S1 z / S0), decided by s' = S1 (1 - (s / S0)^2) and s(0) = 0."""
    s, top, steep = activation.expression, activation.constant(0), activation.constant(1)
    if top == oo or s.subs(z, 0) != 0:
        return False
    return _vanishes(sympy.diff(s, z) - steep * (1 - (s / top) ** 2))


def bends(activation: Activation) -> bool:
    """Whether it is not affine."""
    return bool(activation.derivative(2) != 0)


@cache
def star(activation: Activation) -> bool:
    """Odd, increasing, and |s''| / sqrt(S1^2 - s'^2) does not increase with |z|."""
    if not _odd_increasing(activation):
        return False
    first, second = (_square(activation.derivative(order)) for order in (1, 2))
    ratio = second / (activation.constant(1) ** 2 - first)
    return _nonnegative_for_positive(-sympy.diff(ratio, z))


@cache
def diamond(activation: Activation) -> bool:
    """Odd, increasing, and s' / (S0^2 - s^2) does not increase with |z|."""
    if not _odd_increasing(activation):
        return False
    ratio = _square(activation.derivative(1)) / (activation.constant(0) ** 2 - _square(activation.expression)) ** 2
    return _nonnegative_for_positive(-sympy.diff(ratio, z)) or _diamond_in_balls(activation)


def _diamond_in_balls(activation: Activation) -> bool:
    """D = 2 s s'^2 + s'' (S0^2 - s^2) <= 0 for z > 0: D(0) = 0 and D' < 0 on [0, 1/8], D < 0 on cells up to 2, and beyond, where s'' < 0,

    S0 - s >= r = s'^2 / |s''|, which is enough as S0 + s >= 2 s: both sides tend to 0, and the difference falls, -s' - r' <= 0.
    """
    from flint import ctx

    from .enclosure import PRECISION, Program, Undecided, _ball, _fraction

    s, first, second = (activation.derivative(order) for order in range(3))
    top, last = activation.constant(0), sympy.Integer(2)
    if s.subs(z, 0) != 0 or sympy.limit(s, z, oo) != top:
        return False
    shown = sympy.cancel(sympy.together(first**2 / -second))
    if not shown.is_rational_function(z) or sympy.limit(shown, z, oo) != 0:
        return False
    tail = [_holds_from(last, part) for part in (-second, first + sympy.diff(shown, z))]
    if not all(tail):
        return False
    saved = ctx.prec
    ctx.prec = PRECISION
    try:
        D = 2 * s * first**2 + second * (top**2 - s**2)
        falls, below = Program(sympy.diff(D, z)), Program(D)
        near = sympy.Rational(1, 8)
        start = all(falls(_ball(_fraction(near * k / 64), _fraction(near * (k + 1) / 64))) < 0 for k in range(64))
        step = (last - near) / 2048
        return start and all(below(_ball(_fraction(near + k * step), _fraction(near + (k + 1) * step))) < 0 for k in range(2048))
    except Undecided:
        return False
    finally:
        ctx.prec = saved


def _holds_from(start: sympy.Expr, expression: sympy.Expr) -> bool:
    """Decide that an expression that is rational in a generator is at least 0 for z >= start."""
    certificate = _polynomial_certificate(1 - expression, Piece(expression, start, oo))
    return certificate is not None and polynomial_holds(certificate)


@cache
def ordered(activation: Activation) -> bool:
    """Whether |s''| / sqrt(S1^2 - s'^2) is a nondecreasing function of |s'|: s' is even, and for z > 0 both move the same way."""
    if len(derivative_pieces(activation.name, activation.expression, 0)) > 1 or activation.constant(1) == oo:
        return False
    first, second, steep = activation.derivative(1), activation.derivative(2), activation.constant(1)
    if second == 0:
        return True
    if not (activation.supremum(1).exact and _vanishes(first - first.subs(z, -z))):
        return False
    ratio = _square(second) / (steep**2 - _square(first))
    change = sympy.diff(ratio, z)
    if _vanishes(change):  # a constant function, as for sin
        return True
    falls = _nonnegative_for_positive(-first * second)  # s'^2 falls for z > 0
    return falls and _nonnegative_for_positive(-change)


def _square(expression: sympy.Expr) -> sympy.Expr:
    """The square, as a rational function where it is one."""
    squared = expression**2
    if not expression.atoms(sympy.Function):
        rational = sympy.cancel(sympy.together(squared))
        if rational.is_rational_function(z):
            return rational
    return squared


def _odd_increasing(activation: Activation) -> bool:
    s = activation.expression
    if len(derivative_pieces(activation.name, s, 0)) > 1 or activation.constant(0) == oo:
        return False
    return _vanishes(s + s.subs(z, -z)) and _positive(activation.derivative(1))


def _positive(slope: sympy.Expr) -> bool:
    """Whether an even continuous function is positive: positive at a point, and without a zero."""
    squared = _square(slope)
    if squared.is_rational_function(z):
        numerator, denominator = (sympy.Poly(part, z) for part in sympy.fraction(squared))
        return bool(numerator.count_roots() == 0 and denominator.count_roots() == 0 and slope.subs(z, 1) > 0)
    return _nonnegative_for_positive(slope)


def _vanishes(expression: sympy.Expr) -> bool:
    points = (sympy.Rational(1, 3), sympy.Rational(9, 7))  # to be quick where it does not
    if any(abs(sympy.N(expression.subs(z, point), 30)) > sympy.Rational(1, 10**20) for point in points):
        return False
    return bool(sympy.simplify(expression) == 0 or sympy.simplify(expression.rewrite(sympy.exp)) == 0)


def _nonnegative_for_positive(expression: sympy.Expr) -> bool:
    """Decide that an expression is at least 0 for z > 0; False where it is not, or where no way decides it."""
    if expression.is_nonnegative or _vanishes(expression):
        return True
    try:
        return _holds_from(sympy.Integer(0), expression)
    except (SymlipError, NotImplementedError, sympy.PolynomialError):
        return False
