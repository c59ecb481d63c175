"""J(c) = sup_z [ s(z)^2 + c s'(z)^2 ], c >= 0: how large and how steep a neuron can be at once.

Three ways, tried in this order:

1. J(c) = max(S0^2, c S1^2) exactly when (s / S0)^2 + (s' / S1)^2 <= 1 everywhere (s^2 + c s'^2 is affine in c, so it is
   enough that it is at most S0^2 at c = S0^2 / S1^2). That is an inequality in one variable: polynomial in a generator
   (tanh, sin, softsign), or, for odd increasing s (arctan, erf), decided in ball arithmetic.
2. The derivative in z has the sign of a quadratic in a generator t, or in z^2, whose coefficients depend on c
   (logistic, Gaussian): J is the larger of the limits and of the value at the quadratic's maximum, in closed form.
3. Else c = k / (1 - k) makes J / (1 + c) a convex function of k in [0, 1]: certified values at nodes, joined by chords, are
   above it. Then `exact` is False.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy
from sympy import oo

from .activations import Activation, z
from .errors import SymlipError
from .suprema import (
    Generator,
    Piece,
    PolynomialCertificate,
    _generators,
    _piece_supremum,
    derivative_pieces,
    polynomial_holds,
    t,
)

c = sympy.Symbol("c", positive=True)

NODES = tuple(sympy.Rational(2) ** sympy.Rational(k, 4) for k in range(-40, 41))
"""The chords' nodes, as ratios c S1^2 / S0^2."""


@dataclass(frozen=True)
class Candidate:
    """One way to be large: `value` is s^2 + c s'^2 at z = `at`; or, where `order` is given, at a maximiser of |s^(order)|."""

    value: sympy.Expr
    order: int | None = None
    at: sympy.Expr | None = None


@dataclass(frozen=True)
class Peak:
    """J(c) for one activation.

    expression: in the symbol `c`; an upper bound, and J itself where `exact`. candidates: where it is attained or approached.
    way: 1, 2 or 3, as above. reason: LaTeX of what it rests on. lines: for way 3, the chords (p, q), J(c) <= max(p + q c).
    """

    expression: sympy.Expr | None
    exact: bool
    way: int
    reason: str
    candidates: tuple[Candidate, ...] = ()
    lines: tuple[tuple[sympy.Rational, sympy.Rational], ...] = ()


@cache
def peak(activation: Activation) -> Peak:
    """J for an activation with finite S0 and S1. Raises SymlipError where either is infinite."""
    top, steep = activation.constant(0), activation.constant(1)
    if top == oo or steep == oo:
        raise SymlipError(f"{activation.name}: it needs a bounded activation with bounded derivative")
    return _extremes(activation) or _quadratic(activation) or _chords(activation)


def exclusive(activation: Activation) -> bool:
    """Decide that (s / S0)^2 + (s' / S1)^2 <= 1 everywhere: no neuron is saturated and steep at once."""
    if not (activation.supremum(0).exact and activation.supremum(1).exact):
        return False
    certificates = _polynomial_certificates(activation)
    if certificates is not None:
        return all(polynomial_holds(certificate) for certificate in certificates)
    return _odd_and_increasing(activation)


# --- way 1 ----------------------------------------------------------------------------------------------------------


def _extremes(activation: Activation) -> Peak | None:
    if not exclusive(activation):
        return None
    top, steep = activation.constant(0), activation.constant(1)
    values = Candidate(top**2, 0), Candidate(c * steep**2, 1)
    reason = r"$(s/S_0)^2+(s'/S_1)^2\le1$, " + ("a polynomial inequality" if _polynomial_certificates(activation) else "decided in ball arithmetic")
    return Peak(sympy.Max(top**2, c * steep**2), True, 1, reason, values)


def _polynomial_certificates(activation: Activation) -> list[PolynomialCertificate] | None:
    """The inequality as polynomial ones, a piece each; None where a piece has no generator."""
    top, steep = activation.constant(0), activation.constant(1)
    found = []
    for piece in derivative_pieces(activation.name, activation.expression, 0):
        total = (piece.expression / top) ** 2 + (sympy.diff(piece.expression, z) / steep) ** 2
        certificate = _polynomial_certificate(total, piece)
        if certificate is None:
            return None
        found.append(certificate)
    return found


def _polynomial_certificate(total: sympy.Expr, piece: Piece) -> PolynomialCertificate | None:
    for generator in _generators(total):
        written = sympy.cancel(sympy.together(generator.substitute(total)))
        if not written.is_rational_function(t) or written.free_symbols - {t}:
            continue
        if generator.period is not None and (piece.lower.is_finite or piece.upper.is_finite):
            continue
        numerator, denominator = sympy.fraction(written)
        lower, upper = generator.end(piece.lower), generator.end(piece.upper)
        sample = {t: _between(lower, upper)}
        sign = 1 if denominator.subs(sample) > 0 else -1
        return PolynomialCertificate(generator.forward, sign * numerator, sign * denominator, sympy.Integer(1), lower, upper)
    return None


def _between(lower: sympy.Expr, upper: sympy.Expr) -> sympy.Expr:
    if lower.is_finite and upper.is_finite:
        return (lower + upper) / 2
    return lower + 1 if lower.is_finite else upper - 1 if upper.is_finite else sympy.Rational(1, 3)


def _odd_and_increasing(activation: Activation) -> bool:
    """The inequality for odd increasing smooth s with S1 = s'(0): g = (s/S0)^2 + (s'/S1)^2, g' = 2 s' (s/S0^2 + s''/S1^2).

    On [0, first] the bracket falls from 0, so g falls from g(0) = 1; on [last, oo) the bracket is positive, as s increases and
    |s''| is at most its supremum there, so g increases to its limit, which is at most 1; between them g < 1, cell by cell.
    """
    from flint import arb, ctx

    from .enclosure import Program, Undecided, _ball, _fraction, evaluate

    s = activation.expression
    pieces = derivative_pieces(activation.name, s, 0)
    odd = len(pieces) == 1 and sympy.simplify(s + s.subs(z, -z)) == 0
    slope, curvature = (_piece(activation, k) for k in (1, 2))
    if not odd or sympy.simplify(slope.subs(z, 0) - activation.constant(1)) != 0 or slope.is_positive is not True:
        return False
    top, steep = activation.constant(0), activation.constant(1)
    first, last = sympy.Rational(1, 8), sympy.Rational(2)
    saved = ctx.prec
    ctx.prec = 120
    try:
        bracket = s / top**2 + curvature / steep**2
        falling, g = Program(sympy.diff(bracket, z)), Program((s / top) ** 2 + (slope / steep) ** 2)
        cells = [(first * k / 64, first * (k + 1) / 64) for k in range(64)]
        if not all((falling(_ball(_fraction(a), _fraction(b))) < 0) for a, b in cells):
            return False
        step = (last - first) / 2048
        for k in range(2048):
            if not g(_ball(_fraction(first + k * step), _fraction(first + (k + 1) * step))) < 1:
                return False
        tail = _piece_supremum(activation.name, Piece(curvature, last, oo), 0).value
        return bool(evaluate(s.subs(z, last) / top**2 - tail / steep**2, {}) > arb(0))
    except (Undecided, SymlipError):
        return False
    finally:
        ctx.prec = saved


def _piece(activation: Activation, order: int) -> sympy.Expr:
    return derivative_pieces(activation.name, activation.expression, order)[0].expression


# --- way 2 ----------------------------------------------------------------------------------------------------------


def _quadratic(activation: Activation) -> Peak | None:
    pieces = derivative_pieces(activation.name, activation.expression, 0)
    if len(pieces) > 1:
        return None
    s, slope = pieces[0].expression, _piece(activation, 1)
    total = s**2 + c * slope**2
    ends = []
    for end in (-oo, oo):
        values = [sympy.limit(part, z, end) for part in (s**2, slope**2)]
        if not all(value.is_finite for value in values):
            return None
        ends.append(values[0] + c * values[1])
    for generator, numerator in _signs(sympy.diff(total, z), total):
        found = _summit(generator, numerator)
        if found is None:
            continue
        root, lower = found
        at = generator.backward.subs(t, root)
        written = sympy.simplify(generator.substitute(total)) if generator.forward != z**2 else _in_square(total)
        value = written.subs(t, root)
        candidates = [Candidate(value, None, at)]
        for end, limit in zip((-oo, oo), ends):
            if limit != 0:
                candidates.append(Candidate(limit, None, end))
        if lower is not None:
            candidates.append(Candidate(written.subs(t, lower), None, generator.backward.subs(t, lower)))
        expression = sympy.Max(*(candidate.value for candidate in candidates))
        name = {sympy.tanh: r"\tanh", sympy.exp: r"\exp"}.get(generator.forward.func, sympy.latex(generator.forward))
        reason = rf"the derivative in $z$ has the sign of a quadratic in $t={name}$"
        return Peak(expression, True, 2, reason, tuple(candidates))
    return None


def _in_square(expression: sympy.Expr) -> sympy.Expr:
    return sympy.simplify(expression.subs(z, sympy.sqrt(t)))


def _signs(derivative: sympy.Expr, total: sympy.Expr) -> Iterable[tuple[Generator, sympy.Expr]]:
    """(generator, polynomial in t and c) such that the derivative in z has the polynomial's sign (for z^2: where z > 0)."""
    for generator in _generators(derivative.subs(c, sympy.Rational(7, 3))):
        if generator.period is None:
            numerator, denominator = sympy.fraction(sympy.cancel(sympy.together(generator.substitute(derivative))))
            if numerator.is_polynomial(t, c) and denominator.is_polynomial(t, c):
                yield generator, numerator * denominator
    exponents = {atom.args[0] for atom in derivative.atoms(sympy.exp)}
    for exponent in exponents:
        rest = sympy.powsimp(sympy.expand(derivative * sympy.exp(-exponent)))
        if not rest.is_polynomial(z, c):
            continue
        yield Generator(z, t, lambda e: e.xreplace({z: t})), rest.xreplace({z: t})
        over = sympy.cancel(rest / z)
        if sympy.simplify(total - total.subs(z, -z)) == 0 and over.is_polynomial(z, c):
            yield Generator(z**2, sympy.sqrt(t), _in_square), sympy.expand(over).subs(z, sympy.sqrt(t))


def _summit(generator: Generator, numerator: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr | None] | None:
    """The one interior maximum as a function of c, with the range's lower end where that is a candidate, too (z^2 = 0)."""
    squared = generator.forward == z**2
    lower, upper = (sympy.Integer(0), oo) if squared else (generator.end(-oo), generator.end(oo))
    sample = _between(lower, upper)
    sign, chosen = 1, None
    coefficient, factors = sympy.factor_list(sympy.expand(numerator), t, c)
    if coefficient.is_negative:
        sign = -1
    for factor, power in factors:
        if not factor.has(t):
            if sympy.Poly(factor, c).count_roots(0, None) != int(factor.subs(c, 0) == 0):
                return None
            sign *= 1 if factor.subs(c, 1) > 0 or power % 2 == 0 else -1
        elif not factor.has(c):
            inside = [r for r in sympy.real_roots(factor, t) if (r - lower).evalf() > 0 and (upper - r).evalf() > 0]
            if inside and power % 2:
                return None
            sign *= 1 if factor.subs(t, sample) > 0 or power % 2 == 0 else -1
        elif chosen is None and power == 1 and sympy.degree(factor, t) <= 2:
            chosen = factor
        else:
            return None
    if chosen is None:
        return None
    form = sympy.Poly(chosen, t)
    for end in (lower, upper):  # no root may leave the range
        value = chosen.subs(t, end) if end.is_finite else form.LC()
        polynomial = sympy.Poly(value, c)
        crossings = polynomial.count_roots(0, None) - int(polynomial.eval(0) == 0)
        if crossings and not (squared and end == lower):
            return None
    if form.degree() == 1:
        if not (sign * form.LC()).subs(c, 1) < 0 or sympy.Poly(form.LC(), c).count_roots(0, None) > int(form.LC().subs(c, 0) == 0):
            return None
        root = sympy.simplify(-form.nth(0) / form.nth(1))
        return (sympy.Max(0, root), None) if squared else None
    a, b, d = (form.nth(k) for k in (2, 1, 0))
    if sympy.Poly(a, c).count_roots(0, None) > int(a.subs(c, 0) == 0):
        return None
    # the maximum is where the derivative turns from + to -: the smaller root if sign * a > 0, else the larger one
    discriminant = sympy.expand(sympy.expand(b**2 - 4 * a * d) / (2 * a) ** 2)
    side = -1 if (sign * a).subs(c, 1) > 0 else 1
    root = sympy.expand(-b / (2 * a)) + side * sympy.sqrt(sympy.Max(0, discriminant))
    if squared:
        root = sympy.Max(0, root)
    else:
        for test in (sympy.Rational(1, 10**6), sympy.Rational(1), sympy.Integer(10**6)):
            at = root.subs(c, test).evalf(30)
            if not (at - lower > 0 and upper - at > 0):
                return None
    return root, (lower if squared else None)


# --- way 3 ----------------------------------------------------------------------------------------------------------


def _chords(activation: Activation) -> Peak:
    ratio = sympy.nsimplify(sympy.N(activation.constant(0) ** 2 / activation.constant(1) ** 2, 15), rational=True)
    nodes = [sympy.Integer(0), *(_share(ratio * node) for node in NODES), sympy.Integer(1)]
    heights = [_height(activation, node) for node in nodes]
    lines = []
    for (k0, f0), (k1, f1) in zip(zip(nodes, heights), list(zip(nodes, heights))[1:]):
        slope = (f1 - f0) / (k1 - k0)
        # (1 + c) (f0 + (k - k0) slope) with k = c / (1 + c): affine in c
        start = f0 - k0 * slope
        lines.append((_up(start), _up(start + slope)))
    return Peak(None, False, 3, f"ball arithmetic at {len(nodes)} nodes, joined by chords of a convex function", (), tuple(lines))


def _share(ratio: sympy.Expr) -> sympy.Rational:
    return sympy.Rational(int(ratio / (1 + ratio) * 10**9), 10**9)


def _height(activation: Activation, k: sympy.Rational) -> sympy.Rational:
    """A rational number above sup (1 - k) s^2 + k s'^2."""
    from . import enclosure

    values = []
    for piece in derivative_pieces(activation.name, activation.expression, 0):
        f = (1 - k) * piece.expression**2 + k * sympy.diff(piece.expression, z) ** 2
        try:
            values.append(_up(enclosure.largest(f, piece.lower, piece.upper, 9).upper))
        except enclosure.Undecided:
            values.append(_up(_piece_supremum(activation.name, Piece(f, piece.lower, piece.upper), 0).value))
    return max(values)


def _up(value: sympy.Expr) -> sympy.Rational:
    """A rational number of 20 digits that is not below it."""
    return sympy.Rational(int(sympy.floor(sympy.N(value, 40) * 10**20)) + 1, 10**20)


def numeric(found: Peak, weight: Any) -> Candidate:
    """The candidate that is largest at c = weight (an mpmath number)."""
    import mpmath

    def at(candidate: Candidate) -> Any:
        return sympy.lambdify(c, candidate.value, modules=[{"Max": max, "sqrt": mpmath.sqrt}, "mpmath"])(weight)

    return max(found.candidates, key=at)
