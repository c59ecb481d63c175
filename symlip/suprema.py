"""S_k = sup |s^(k)| of a scalar function on the real line: exactly where it can be solved, else a certified enclosure.

Three ways, tried in this order on each smooth piece of f = s^(k):

1. f^2 is a rational function R of one generator t (z itself, tanh z, the logistic function p of c z, or tan(c z/2)).
   The candidates are R at the roots of R' and at the ends; that R <= S^2 on the whole range of t is a polynomial
   inequality in one variable, which is then decided (exact root isolation here, an SMT solver on request).
2. f' is a positive function times a polynomial in z or in such a generator. Its real roots are isolated exactly; f is
   monotone between them, so sup |f| is its largest value there and in the limits; which is largest is decided in
   ball arithmetic.
3. Ball arithmetic (Arb): branch and bound with the mean value form on a compact interval, and for the tails the
   expansion of f in monomials z^i exp(-k g(z)), each monotone there. The result is rounded outward.

Never a maximum over a grid. What none of the three decides is an error, not a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import sympy
from sympy import Poly, oo

from .errors import SymlipError

z = sympy.Symbol("z", real=True)
t = sympy.Symbol("t", real=True)

DIGITS = 24
"""Significant digits to which a certified enclosure is rounded outward when it is not exact."""


@dataclass(frozen=True)
class Piece:
    """A smooth piece: an expression in z on the interval [lower, upper]."""

    expression: sympy.Expr
    lower: sympy.Expr
    upper: sympy.Expr


@dataclass(frozen=True)
class PolynomialCertificate:
    """numerator <= square * denominator for lower <= t <= upper, with denominator > 0 inside; t = generator(z)."""

    generator: sympy.Expr
    numerator: sympy.Expr
    denominator: sympy.Expr
    square: sympy.Expr
    lower: sympy.Expr
    upper: sympy.Expr

    @property
    def gap(self) -> sympy.Expr:
        """square * denominator - numerator, a polynomial in t that must not be negative on the interval."""
        return sympy.expand(self.square * self.denominator - self.numerator)


@dataclass(frozen=True)
class CriticalPointCertificate:
    """f is monotone between consecutive critical points (all the real roots of `polynomial` in t inside the interval)."""

    generator: sympy.Expr
    function: sympy.Expr
    polynomial: sympy.Expr
    lower: sympy.Expr
    upper: sympy.Expr
    roots: tuple[sympy.Expr, ...]
    candidates: tuple[sympy.Expr, ...]
    value: sympy.Expr


@dataclass(frozen=True)
class EnclosureCertificate:
    """Branch and bound in ball arithmetic on [-radius, radius], monomial bounds beyond it."""

    function: sympy.Expr
    lower: sympy.Expr
    upper: sympy.Expr
    radius: int
    cells: int


Certificate = PolynomialCertificate | CriticalPointCertificate | EnclosureCertificate


@dataclass(frozen=True)
class Supremum:
    """S_order. `value` is exact if `exact`, else a rational number above it, and `lower` a rational number below it.

    attained_at: a z with |s^(order)(z)| = S_order (to the enclosure's width), or None where it is only approached;
    then `approached_at` is the end (oo or -oo) or the kink where it is approached.
    """

    order: int
    value: sympy.Expr
    lower: sympy.Expr
    exact: bool
    attained_at: sympy.Expr | None = None
    approached_at: sympy.Expr | None = None
    certificates: tuple[Certificate, ...] = field(default=(), compare=False)


# --- pieces ---------------------------------------------------------------------------------------------------------


@cache
def pieces_of(name: str, expression: sympy.Expr) -> tuple[Piece, ...]:
    """The smooth pieces of a function, from left to right.

    Raises SymlipError where it jumps, is not defined, or is not made of functions known to be smooth on each piece.
    """
    if not expression.has(sympy.Piecewise, sympy.Abs, sympy.Max, sympy.Min, sympy.sign, sympy.Heaviside):
        pieces: tuple[Piece, ...] = (Piece(expression, -oo, oo),)
    else:
        try:
            pieces = _split(name, expression)
        except SymlipError:
            raise
        except (NotImplementedError, TypeError, ValueError, AttributeError) as error:
            raise SymlipError(
                f"activation {name!r} could not be split into finitely many smooth pieces; write it as a Piecewise with explicit breakpoints"
            ) from error
    if not pieces or pieces[0].lower != -oo or pieces[-1].upper != oo or any(a.upper != b.lower for a, b in pairwise(pieces)):
        raise SymlipError(f"activation {name!r}: no smooth pieces were found that cover the whole real line; write it as a Piecewise with explicit breakpoints")
    for piece in pieces:
        reason = _roughness(piece.expression, piece.lower, piece.upper)
        if reason is not None:
            raise SymlipError(f"activation {name!r} is not known to be smooth between z = {piece.lower} and {piece.upper}: {reason}")
    for left, right in pairwise(pieces):
        if not _same_at(left, right, 0):
            raise SymlipError(f"activation {name!r} jumps at z = {left.upper}: a network with it has no Lipschitz constant")
    return pieces


def _split(name: str, expression: sympy.Expr) -> tuple[Piece, ...]:
    folded = sympy.piecewise_fold(expression.rewrite(sympy.Piecewise))
    if not isinstance(folded, sympy.Piecewise):
        folded = sympy.Piecewise((folded, True))
    found: list[Piece] = []
    points: list[tuple[sympy.Expr, sympy.Expr]] = []
    rest: Any = sympy.S.Reals
    for value, condition in folded.args:
        region = rest.intersect(sympy.S.Reals if condition == True else condition.as_set())  # noqa: E712
        rest = rest - region
        for part in region.args if isinstance(region, sympy.Union) else (region,):
            if isinstance(part, sympy.Interval) and part.measure != 0:
                found.append(Piece(sympy.simplify(value), part.start, part.end))
            elif isinstance(part, sympy.FiniteSet):
                points += [(value, point) for point in part]
            elif part is not sympy.S.EmptySet:
                raise NotImplementedError
    for value, point in points:  # a value given at a single point must be that of the pieces beside it
        beside = [piece.expression.subs(z, point) for piece in found if piece.lower <= point <= piece.upper]
        if any(sympy.simplify(other - value.subs(z, point)) != 0 for other in beside):
            raise SymlipError(f"activation {name!r} jumps at z = {point}: a network with it has no Lipschitz constant")
    found.sort(key=lambda piece: float(piece.lower))
    merged: list[Piece] = []
    for piece in found:
        if merged and merged[-1].expression == piece.expression:
            merged[-1] = Piece(piece.expression, merged[-1].lower, piece.upper)
        else:
            merged.append(piece)
    return tuple(merged)


ENTIRE = (sympy.exp, sympy.tanh, sympy.sin, sympy.cos, sympy.erf, sympy.erfc, sympy.atan)
"""Functions that are analytic on the whole real line."""


def _roughness(e: sympy.Expr, lower: sympy.Expr, upper: sympy.Expr) -> str | None:
    """Why an expression is not known to be analytic and real on the closed interval; None if it is.

    Quotients need a denominator, roots and logarithms an argument, that is shown not to vanish.
    """
    if e.is_number:
        return None if e.is_real and e.is_finite else f"{e} is not a real number"
    if e == z:
        return None
    if e.is_Add or e.is_Mul or isinstance(e, ENTIRE):
        return next((reason for argument in e.args if (reason := _roughness(argument, lower, upper)) is not None), None)
    if isinstance(e, sympy.log):
        return _roughness(e.args[0], lower, upper) or (None if _sign_on(e.args[0], lower, upper) == 1 else f"{e.args[0]} is not shown to be positive")
    if e.is_Pow:
        base, exponent = e.as_base_exp()
        if exponent.is_Integer:
            reason = _roughness(base, lower, upper)
            return reason or (None if exponent > 0 or _sign_on(base, lower, upper) is not None else f"{base} is not shown to have no zero")
        if exponent.is_number:
            reason = _roughness(base, lower, upper)
            return reason or (None if _sign_on(base, lower, upper) == 1 else f"{base} is not shown to be positive")
        if base.is_number and base.is_positive:
            return _roughness(exponent, lower, upper)
    return f"{e.func.__name__} is not among the functions known here ({', '.join(f.__name__ for f in ENTIRE)}, log, powers)"


def _sign_on(e: sympy.Expr, lower: sympy.Expr, upper: sympy.Expr) -> int | None:
    """The sign of an analytic expression that does not vanish on the closed interval (with infinite ends left out); else None."""
    if e.is_positive or e.is_negative:
        return 1 if e.is_positive else -1
    for end in (lower, upper):
        if end.is_finite and sympy.simplify(e.subs(z, end)) == 0:
            return None
    for generator in _generators(e):
        if generator.period is not None:
            continue
        pair = _rational_in_t(generator.substitute(e))
        if pair is None:
            continue
        low, high = generator.end(lower), generator.end(upper)
        if any(_count_roots(part, low, high) for part in pair):
            return None
        inside = _sample(low, high)
        return 1 if pair[0].eval(inside) * pair[1].eval(inside) > 0 else -1
    return None


def _count_roots(polynomial: Poly, lower: sympy.Expr, upper: sympy.Expr) -> int:
    if all(end.is_infinite or end.is_Rational for end in (lower, upper)):
        return sum(_count_inside(Poly(factor, t), lower, upper) for factor, _ in ([] if polynomial.is_ground else polynomial.factor_list()[1]))
    return len(_roots_inside(polynomial, lower, upper))


def _same_at(left: Piece, right: Piece, order: int) -> bool:
    at = left.upper
    difference = sympy.diff(left.expression, z, order).subs(z, at) - sympy.diff(right.expression, z, order).subs(z, at)
    return bool(sympy.simplify(difference) == 0)


@cache
def derivative_pieces(name: str, expression: sympy.Expr, order: int) -> tuple[Piece, ...]:
    return tuple(Piece(_tidy(sympy.diff(piece.expression, z, order)), piece.lower, piece.upper) for piece in pieces_of(name, expression))


def _tidy(expression: sympy.Expr) -> sympy.Expr:
    return sympy.factor_terms(expression) if expression.has(sympy.exp) or not expression.has(sympy.tanh) else sympy.factor(expression)


# --- the entry ------------------------------------------------------------------------------------------------------


def supremum(name: str, expression: sympy.Expr, order: int) -> Supremum:
    """S_order of the function. Raises SymlipError if no method decides it."""
    pieces = pieces_of(name, expression)
    if any(not _same_at(a, b, below) for a, b in pairwise(pieces) for below in range(order)):
        return Supremum(order, oo, oo, True)
    results = [_piece_supremum(name, piece, order) for piece in derivative_pieces(name, expression, order)]
    best = results[0]
    for result in results[1:]:
        if _less(best.value, result.value):
            best = result
    if not all(result.exact for result in results):
        # the exact flag must speak of the whole: an enclosure elsewhere could reach above an exact piece
        others = [result for result in results if result is not best and not _less(result.value, best.lower)]
        exact = best.exact and not others
    else:
        exact = True
    certificates = tuple(certificate for result in results for certificate in result.certificates)
    attained = best.attained_at
    kinks = [piece.upper for piece in pieces[:-1]]
    if attained is not None and attained in kinks and not _same_at(pieces[kinks.index(attained)], pieces[kinks.index(attained) + 1], order):
        return Supremum(order, best.value, best.lower, exact, None, attained, certificates)
    return Supremum(order, best.value, best.lower, exact, attained, best.approached_at, certificates)


def _piece_supremum(name: str, piece: Piece, order: int) -> Supremum:
    f = piece.expression
    if f == 0 or f.is_number:
        inside = piece.lower if piece.lower.is_finite else piece.upper if piece.upper.is_finite else sympy.Integer(0)
        return Supremum(order, sympy.Abs(f), sympy.Abs(f), True, inside)
    for method in (_rational_supremum, _critical_supremum, _enclosed_supremum):
        result = method(order, piece)
        if result is not None:
            return result
    raise SymlipError(
        f"activation {name!r}: no method certifies sup |s^({order})|; it needs an expression whose derivatives are "
        "rational in z and exp of a polynomial, or made of erf, arctan and Gaussians"
    )


def _less(a: sympy.Expr, b: sympy.Expr) -> bool:
    """a < b, decided in ball arithmetic; equal to 200 digits counts as equal (both are then the same supremum)."""
    if a in (b, oo):
        return False
    if b == oo:
        return True
    difference = sympy.N(b - a, 60, maxn=250)
    return bool(difference > sympy.Float(10) ** -50)


def reaches(name: str, expression: sympy.Expr, order: int, found: Supremum) -> bool:
    """Decide that |s^(order)| takes or approaches the supremum's lower end where `found` says (the value itself, if exact)."""
    pieces = derivative_pieces(name, expression, order)
    at = found.attained_at if found.attained_at is not None else found.approached_at
    if at is None:
        return False
    best = []
    for piece in pieces:
        if at.is_infinite:
            if at in (piece.lower, piece.upper):
                limit = _limit(piece.expression, at)
                best += [] if limit is None else [sympy.Abs(limit)]
        elif not (_less(at, piece.lower) or _less(piece.upper, at)):
            best.append(sympy.Abs(piece.expression.subs(z, at)))
    return any(not _less(value, found.lower) for value in best)


# --- generators -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Generator:
    """t = forward(z), increasing; `substitute` writes an expression in z as one in t."""

    forward: sympy.Expr
    backward: sympy.Expr
    substitute: Callable[[sympy.Expr], sympy.Expr]
    period: sympy.Expr | None = None
    turn: sympy.Expr | None = None
    """Where t is tan(w / 2): t runs over the whole line in each period, and t = +-oo is the point z = turn, w = pi."""

    def end(self, at: sympy.Expr) -> sympy.Expr:
        if self.period is not None:
            return at
        return sympy.limit(self.forward, z, at) if at.is_infinite else sympy.simplify(self.forward.subs(z, at))

    def point(self, root: sympy.Expr) -> sympy.Expr:
        return sympy.simplify(self.backward.subs(t, root))


def _generators(expression: sympy.Expr) -> Iterable[Generator]:
    if expression.is_rational_function(z) or _algebraic(expression):
        yield Generator(z, t, lambda e: e.xreplace({z: t}))
        return
    hyperbolic = expression.atoms(sympy.tanh)
    if hyperbolic and len({atom.args[0] for atom in hyperbolic}) == 1:
        (w,) = {atom.args[0] for atom in hyperbolic}
        if _slope(w) is not None:
            w = w if sympy.diff(w, z) > 0 else -w
            yield Generator(sympy.tanh(w), _solve(w, sympy.atanh(t)), lambda e: e.replace(sympy.tanh, lambda u: t if u == w else -t))
    w = _unit(_by_exponentials(expression), sympy.exp)
    if w is not None:
        odds = t / (1 - t)  # exp(w) in terms of t = 1/(1 + exp(-w))
        yield Generator(
            1 / (1 + sympy.exp(-w)),
            _solve(w, sympy.log(odds)),
            lambda e: _by_exponentials(e).replace(sympy.exp, lambda u: odds ** sympy.cancel(u / w)),
        )
    w = _unit(expression, sympy.sin, sympy.cos)
    if w is not None:
        y = sympy.Dummy("y", real=True)

        def by_half_angle(e: sympy.Expr) -> sympy.Expr:
            for function in (sympy.sin, sympy.cos):
                e = e.replace(function, lambda u, function=function: sympy.expand_trig(function(sympy.cancel(u / w) * y)))
            return e.xreplace({sympy.sin(y): 2 * t / (1 + t**2), sympy.cos(y): (1 - t**2) / (1 + t**2)})

        yield Generator(sympy.tan(w / 2), _solve(w, 2 * sympy.atan(t)), by_half_angle, 2 * sympy.pi / _slope(w), _solve(w, sympy.pi))


def _slope(argument: sympy.Expr) -> sympy.Expr | None:
    """c, where the argument is c z + d with c rational and not 0."""
    slope = sympy.diff(argument, z)
    return slope if slope.is_Rational and slope != 0 else None


def _solve(w: sympy.Expr, value: sympy.Expr) -> sympy.Expr:
    """The z at which the affine w has that value."""
    return (value - w.subs(z, 0)) / _slope(w)


def _by_exponentials(expression: sympy.Expr) -> sympy.Expr:
    return expression.replace(sympy.tanh, lambda u: (sympy.exp(2 * u) - 1) / (sympy.exp(2 * u) + 1))


def _unit(expression: sympy.Expr, *kinds: Any) -> sympy.Expr | None:
    """The affine w with positive slope such that every exp (sin, cos) in the expression has an integer multiple of w."""
    arguments = sorted({atom.args[0] for kind in kinds for atom in expression.atoms(kind)}, key=str)
    if not arguments or any(_slope(argument) is None for argument in arguments):
        return None
    ratios = [sympy.cancel(argument / arguments[0]) for argument in arguments]
    if not all(ratio.is_Rational for ratio in ratios):
        return None
    w = sympy.expand(arguments[0] * sympy.gcd(ratios))
    return w if sympy.diff(w, z) > 0 else sympy.expand(-w)


def _algebraic(expression: sympy.Expr) -> bool:
    """Rational in z after squaring, as z/sqrt(1 + z^2) and its derivatives are."""
    return not expression.atoms(sympy.Function) and sympy.cancel(sympy.together(expression**2)).is_rational_function(z)


def _rational_in_t(expression: sympy.Expr) -> tuple[Poly, Poly] | None:
    expression = sympy.cancel(sympy.together(expression))
    if expression.free_symbols - {t} or not expression.is_rational_function(t):
        return None
    numerator, denominator = sympy.fraction(expression)
    try:
        pair = Poly(numerator, t, domain="QQ"), Poly(denominator, t, domain="QQ")
    except (sympy.PolynomialError, sympy.CoercionFailed):
        return None
    return pair


def _roots_inside(polynomial: Poly, lower: sympy.Expr, upper: sympy.Expr) -> list[sympy.Expr]:
    """The distinct real roots in the open interval, exactly (radicals where SymPy finds them, else CRootOf)."""
    if polynomial.is_ground:
        return []
    roots = []
    for factor, _ in polynomial.factor_list()[1]:
        for root in _real_roots(Poly(factor, t)):
            if (root - lower).evalf(40) > 0 and (upper - root).evalf(40) > 0:
                roots.append(root)
    return sorted(set(roots), key=lambda root: float(root))


def _solvable(polynomial: Poly) -> bool:
    """Whether all roots have short radicals; else ball arithmetic is both faster and as good."""
    if polynomial.is_ground:
        return True
    factors = [Poly(factor, t) for factor, _ in polynomial.factor_list()[1]]
    return all(f.degree() <= 2 or (f.degree() == 4 and not f.nth(3) and not f.nth(1)) or f.count_roots() == 0 for f in factors)


def _real_roots(polynomial: Poly) -> list[sympy.Expr]:
    """In square roots where those do (quadratics, and quartics in t^2), else as CRootOf."""
    degree = polynomial.degree()
    if degree <= 2 or (degree == 4 and not polynomial.nth(3) and not polynomial.nth(1)):
        return [sympy.sqrtdenest(root) for root in sympy.roots(polynomial, t) if sympy.im(sympy.N(root, 30)) == 0]
    return list(polynomial.real_roots()) if polynomial.count_roots() else []


# --- way 1: f^2 is rational in a generator --------------------------------------------------------------------------


def _rational_supremum(order: int, piece: Piece) -> Supremum | None:
    for generator in _generators(piece.expression):
        pair = _rational_in_t(generator.substitute(piece.expression) ** 2)
        if pair is None:
            continue
        numerator, denominator = pair
        if generator.period is not None and (piece.lower.is_finite or piece.upper.is_finite):
            continue
        lower, upper = generator.end(piece.lower), generator.end(piece.upper)
        square = numerator.as_expr() / denominator.as_expr()
        derivative = numerator.diff(t) * denominator - numerator * denominator.diff(t)
        if not _solvable(derivative):
            continue
        candidates = [(sympy.simplify(square.subs(t, root)), root) for root in _roots_inside(derivative, lower, upper)]
        for end in (lower, upper):
            candidates.append((sympy.limit(square, t, end, "+" if end == lower else "-"), end))
        if _roots_inside(denominator, lower, upper) or any(value in (oo, sympy.zoo) for value, _ in candidates):
            return Supremum(order, oo, oo, True)
        best, at = candidates[0]
        for value, root in candidates[1:]:
            if _less(best, value):
                best, at = value, root
        best = sympy.radsimp(sympy.simplify(best))
        sign = 1 if denominator.eval(_sample(lower, upper)) > 0 else -1
        certificate = PolynomialCertificate(generator.forward, sign * numerator.as_expr(), sign * denominator.as_expr(), best, lower, upper)
        value = sympy.sqrtdenest(sympy.sqrt(best))
        z_at = {lower: piece.lower, upper: piece.upper}.get(at)
        if generator.period is not None and at.is_infinite:
            z_at = generator.turn
        if z_at is None:
            z_at = generator.point(at)
        if z_at.is_infinite:
            return Supremum(order, value, value, True, None, z_at, (certificate,))
        return Supremum(order, value, value, True, z_at, None, (certificate,))
    return None


def _sample(lower: sympy.Expr, upper: sympy.Expr) -> sympy.Expr:
    """A rational point strictly inside the interval."""
    if lower.is_finite and upper.is_finite:
        return sympy.Rational(str(sympy.N((lower + upper) / 2, 8)))
    if lower.is_finite:
        return sympy.ceiling(lower) + 1
    return sympy.floor(upper) - 1 if upper.is_finite else sympy.Integer(0)


def polynomial_holds(certificate: PolynomialCertificate) -> bool:
    """Decide a polynomial certificate exactly: the gap changes sign nowhere inside and is positive at a sample point."""
    try:
        gap, denominator = (Poly(e, t, extension=True) for e in (certificate.gap, certificate.denominator))
    except sympy.PolynomialError:
        return False
    lower, upper = certificate.lower, certificate.upper
    if _roots_inside_exact(denominator, lower, upper):
        return False
    crossing: list[sympy.Expr] = []
    for factor, multiplicity in [] if gap.is_ground else gap.factor_list()[1]:
        if multiplicity % 2:
            crossing += _roots_inside_exact(Poly(factor, t), lower, upper)
    if crossing:
        return False
    point = _sample(lower, upper)
    while gap.eval(point) == 0 and not gap.is_zero:  # only at finitely many double roots
        point = (point + (upper if upper.is_finite else point + 1)) / 2
    return bool(gap.is_zero or gap.eval(point) > 0) and bool(denominator.eval(point) > 0)


def _roots_inside_exact(polynomial: Poly, lower: sympy.Expr, upper: sympy.Expr) -> list[sympy.Expr]:
    if polynomial.is_ground:
        return []
    if not polynomial.domain.is_QQ and not polynomial.domain.is_ZZ:
        return [r for r in sympy.roots(polynomial) if r.is_real and (r - lower).evalf(40) > 0 and (upper - r).evalf(40) > 0]
    return _roots_inside(polynomial, lower, upper)


# --- way 2: the sign of f' is that of a polynomial --------------------------------------------------------------------


def _critical_supremum(order: int, piece: Piece) -> Supremum | None:
    derivative = sympy.diff(piece.expression, z)
    for generator, factor in _sign_forms(derivative):
        if generator.period is not None or not _solvable(factor):
            continue
        lower, upper = generator.end(piece.lower), generator.end(piece.upper)
        roots = _roots_inside(factor, lower, upper)
        points = [generator.point(root) for root in roots]
        values = [sympy.simplify(piece.expression.subs(z, point)) for point in points]
        for end in (piece.lower, piece.upper):
            limit = _limit(piece.expression, end)
            if limit is None:
                return None
            points.append(end)
            values.append(limit)
        magnitudes = [sympy.Abs(value) if value.is_finite else oo for value in values]
        best = 0
        for index, value in enumerate(magnitudes):
            if _less(magnitudes[best], value):
                best = index
        value, at = magnitudes[best], points[best]
        if value == oo:
            return Supremum(order, oo, oo, True)
        certificate = CriticalPointCertificate(generator.forward, piece.expression, factor.as_expr(), lower, upper, tuple(roots), tuple(magnitudes), value)
        if at.is_infinite:
            return Supremum(order, value, value, True, None, at, (certificate,))
        return Supremum(order, value, value, True, at, None, (certificate,))
    return None


def _sign_forms(derivative: sympy.Expr) -> Iterable[tuple[Generator, Poly]]:
    """Pairs (generator, polynomial in t) such that the derivative has the polynomial's sign."""
    for generator in _generators(derivative):
        pair = _rational_in_t(generator.substitute(derivative))
        if pair is not None:
            yield generator, pair[0] * pair[1]
    exponents = {atom.args[0] for atom in derivative.atoms(sympy.exp)}
    for exponent in exponents:
        rest = sympy.powsimp(sympy.expand(derivative * sympy.exp(-exponent)))
        if rest.is_polynomial(z):
            polynomial = sympy.Poly(rest, z).monic().as_expr().xreplace({z: t})
            try:
                form = Poly(polynomial, t, domain="QQ")
            except (sympy.PolynomialError, sympy.CoercionFailed):
                continue
            yield Generator(z, t, lambda e: e.xreplace({z: t})), form


def critical_points_hold(certificate: CriticalPointCertificate) -> bool:
    """Decide a critical-point certificate: the roots are all of them, f' has the polynomial's sign, none is larger."""
    polynomial = Poly(certificate.polynomial, t)
    inside = 0
    for factor, _ in [] if polynomial.is_ground else polynomial.factor_list()[1]:
        inside += _count_inside(Poly(factor, t), certificate.lower, certificate.upper)
    if inside != len(certificate.roots):
        return False
    if any(sympy.simplify(polynomial.as_expr().subs(t, root)) != 0 for root in certificate.roots):
        return False
    derivative = sympy.diff(certificate.function, z)
    ratio = sympy.simplify(derivative / certificate.polynomial.xreplace({t: certificate.generator}))
    if not _one_sign(ratio):
        return False
    return not any(_less(certificate.value, candidate) for candidate in certificate.candidates)


def _one_sign(ratio: sympy.Expr) -> bool:
    """A quotient that is visibly of one sign: a constant times powers of exp and of sums of positive terms."""
    ratio = sympy.factor(ratio)
    return ratio.is_positive is True or ratio.is_negative is True or (-ratio).is_positive is True


def _count_inside(polynomial: Poly, lower: sympy.Expr, upper: sympy.Expr) -> int:
    """The number of distinct real roots in the open interval, by Sturm's theorem."""
    if polynomial.is_ground:
        return 0
    low, high = (None if end.is_infinite else end for end in (lower, upper))
    count = polynomial.count_roots(low, high)
    for end in (low, high):
        if end is not None and polynomial.eval(end) == 0:
            count -= 1
    return int(count)


def _limit(expression: sympy.Expr, at: sympy.Expr) -> sympy.Expr | None:
    if at.is_finite:
        return sympy.simplify(expression.subs(z, at))
    try:
        value = sympy.limit(expression, z, at)
    except (NotImplementedError, ValueError):
        return None
    if isinstance(value, sympy.Limit) or value.has(sympy.nan, sympy.AccumBounds):
        return None
    return value


# --- way 3: ball arithmetic -------------------------------------------------------------------------------------------


def _enclosed_supremum(order: int, piece: Piece) -> Supremum | None:
    from . import enclosure

    f = piece.expression
    for end in (piece.lower, piece.upper):
        if end.is_infinite and enclosure.grows(f, end):
            return Supremum(order, oo, oo, True)
    try:
        found = enclosure.largest(f, piece.lower, piece.upper, DIGITS)
    except enclosure.Undecided:
        return None
    certificate = EnclosureCertificate(f, piece.lower, piece.upper, found.radius, found.cells)
    return Supremum(order, found.upper, found.lower, False, found.at, found.end, (certificate,))


def enclosure_holds(certificate: EnclosureCertificate, value: sympy.Expr) -> bool:
    """Enclose once more and compare: the supremum's certified upper end is not above the value."""
    from . import enclosure

    try:
        found = enclosure.largest(certificate.function, certificate.lower, certificate.upper, DIGITS)
    except enclosure.Undecided:
        return False
    return bool(found.upper <= value)


# --- local suprema ----------------------------------------------------------------------------------------------------


@cache
def turning_points(name: str, expression: sympy.Expr, order: int) -> tuple[tuple[sympy.Expr, sympy.Expr], ...] | None:
    """All z at which |s^(order)| may have a maximum in an interval's interior, each with the value there; None if they are not known.

    Between them s^(order) is monotone, so that its supremum over an interval is its largest modulus at the ends and at these points.
    At a kink the value is the larger of the one-sided ones, and oo where a derivative below `order` jumps. The roots are isolated exactly.
    """
    found: list[tuple[sympy.Expr, sympy.Expr]] = []
    pieces = derivative_pieces(name, expression, order)
    for piece in pieces:
        form = _turning_form(piece)
        if form is None:
            return None
        generator, factor = form
        roots = _roots_inside(factor, generator.end(piece.lower), generator.end(piece.upper))
        points = [generator.backward.subs(t, root) for root in roots]
        found += [(point, sympy.Abs(piece.expression.subs(z, point))) for point in points]
    smooth = pieces_of(name, expression)
    for number in range(len(pieces) - 1):
        left, right = pieces[number], pieces[number + 1]
        if any(not _same_at(smooth[number], smooth[number + 1], below) for below in range(order)):
            found.append((left.upper, oo))
            continue
        values = [sympy.limit(left.expression, z, left.upper, "-"), sympy.limit(right.expression, z, left.upper, "+")]
        found.append((left.upper, sympy.Max(*map(sympy.Abs, values))))
    return tuple(found)


def _turning_form(piece: Piece) -> tuple[Generator, Poly] | None:
    """A polynomial with the sign of the piece's derivative, in a generator."""
    derivative = sympy.diff(piece.expression, z)
    if derivative == 0:
        return Generator(z, t, lambda e: e.xreplace({z: t})), Poly(1, t, domain="QQ")
    return next(((generator, factor) for generator, factor in _sign_forms(derivative) if generator.period is None), None)


def turning_points_hold(name: str, expression: sympy.Expr, order: int) -> bool:
    """Decide that there are no other turning points: the derivative has the sign of a polynomial with no more roots (Sturm)."""
    found = turning_points(name, expression, order)
    if found is None:
        return False
    inside, pieces = 0, derivative_pieces(name, expression, order)
    for piece in pieces:
        form = _turning_form(piece)
        if form is None:
            return False
        generator, factor = form
        derivative = sympy.diff(piece.expression, z)
        if derivative != 0 and not _one_sign(_from_the_end(sympy.simplify(derivative / factor.as_expr().xreplace({t: generator.forward})), piece)):
            return False
        for part, _ in [] if factor.is_ground else factor.factor_list()[1]:
            inside += _count_inside(Poly(part, t), generator.end(piece.lower), generator.end(piece.upper))
    return inside + len(pieces) - 1 == len(found)


def _from_the_end(ratio: sympy.Expr, piece: Piece) -> sympy.Expr:
    """On a half line the ratio as a function of the distance from its end, which has a sign."""
    distance = sympy.Dummy("distance", positive=True)
    if piece.lower.is_finite:
        return ratio.xreplace({z: piece.lower + distance})
    return ratio.xreplace({z: piece.upper - distance}) if piece.upper.is_finite else ratio
