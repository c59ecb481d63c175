"""Certified enclosures of sup |f| in ball arithmetic (Arb, through python-flint).

On a compact interval: branch and bound with the mean value form. Beyond it: with E = exp(-g(z)), g a polynomial with
nonnegative coefficients, f is a quotient of sums of monomials c z^i E^k; for k >= 1 such a monomial falls as soon as
i <= k z g'(z), for k = 0 and i <= 0 it is at most its value at the interval's end.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import sympy
from flint import arb

z = sympy.Symbol("z", real=True)
w = sympy.Symbol("w", positive=True)
E = sympy.Symbol("E", positive=True)
PRECISION = 200
MOST_CELLS = 16000


class Undecided(Exception):
    """The enclosure could not be made."""


@dataclass(frozen=True)
class Enclosure:
    """lower <= sup |f| <= upper (rationals). `at`: a point where |f| >= lower; `end`: the end where it is approached."""

    lower: sympy.Rational
    upper: sympy.Rational
    at: sympy.Rational | None
    end: sympy.Expr | None
    radius: int
    cells: int


def evaluate(expression: sympy.Expr, values: dict[sympy.Symbol, arb]) -> arb:
    """A ball that holds the expression's value for all arguments in the given balls."""
    if expression in values:
        return values[expression]
    if expression.is_Rational:
        return arb(flint.fmpq(int(expression.p), int(expression.q)))
    if expression.is_Float:
        return evaluate(sympy.Rational(expression), values)
    if expression is sympy.pi:
        return arb.pi()
    if expression is sympy.E:
        return arb.const_e()
    if expression.is_Add or expression.is_Mul:
        arguments = [evaluate(argument, values) for argument in expression.args]
        total = arguments[0]
        for argument in arguments[1:]:
            total = total + argument if expression.is_Add else total * argument
        return total
    if isinstance(expression, sympy.exp):
        return evaluate(expression.args[0], values).exp()
    if expression.is_Pow:
        base = evaluate(expression.base, values)
        exponent = expression.exp
        if exponent.is_Integer:
            return base ** int(exponent)
        if exponent.is_Rational and exponent.q == 2:
            return base.sqrt() ** int(exponent.p)
        return (evaluate(exponent, values) * base.log()).exp()
    unary = {
        sympy.tanh: arb.tanh, sympy.sinh: arb.sinh, sympy.cosh: arb.cosh, sympy.sin: arb.sin, sympy.cos: arb.cos,
        sympy.log: arb.log, sympy.erf: arb.erf, sympy.erfc: arb.erfc, sympy.atan: arb.atan, sympy.Abs: abs,
    }  # fmt: skip
    function = unary.get(expression.func)
    if function is None:
        raise Undecided(f"no ball arithmetic for {expression.func}")
    return function(evaluate(expression.args[0], values))


class Program:
    """An expression as a straight-line program on balls: each common subexpression is evaluated once."""

    def __init__(self, expression: sympy.Expr) -> None:
        self.lines, (self.last,) = sympy.cse(expression)

    def __call__(self, at: arb) -> arb:
        values = {z: at}
        for symbol, expression in self.lines:
            values[symbol] = evaluate(expression, values)
        return evaluate(self.last, values)


def largest(f: sympy.Expr, lower: sympy.Expr, upper: sympy.Expr, digits: int) -> Enclosure:
    """Enclose sup |f| on [lower, upper], each end finite or infinite. Raises Undecided."""
    saved = flint.ctx.prec
    flint.ctx.prec = PRECISION
    try:
        return _largest(f, lower, upper, digits)
    finally:
        flint.ctx.prec = saved


def _largest(f: sympy.Expr, lower: sympy.Expr, upper: sympy.Expr, digits: int) -> Enclosure:
    function, derivative = Program(f), Program(sympy.diff(f, z))
    radius = 16
    while True:
        start = _fraction(lower) if lower.is_finite else Fraction(-radius)
        stop = _fraction(upper) if upper.is_finite else Fraction(radius)
        best, at, ceiling, cells = _branch_and_bound(function, derivative, start, stop, digits)
        tails = [(_tail(f, end, radius), end) for end in (lower, upper) if end.is_infinite]
        tail, end = max(tails, key=lambda pair: pair[0].upper(), default=(arb(0), None))
        if not tail.is_finite():
            raise Undecided("the tail is not bounded")
        if tail.upper() <= best.lower():
            return Enclosure(_down(best, digits), _up(ceiling, digits), at, None, radius, cells)
        if radius >= 128:
            # the supremum is approached at infinity (or nearly): the tail's own bound is the certified one
            limit = abs(sympy.limit(f, z, end))
            lower_end = _down(evaluate(limit, {}), digits) if limit.is_finite else _down(best, digits)
            return Enclosure(lower_end, _up(tail.max(ceiling), digits), None, end, radius, cells)
        radius *= 2


def _branch_and_bound(f: Program, derivative: Program, start: Fraction, stop: Fraction, digits: int) -> tuple[arb, sympy.Rational, arb, int]:
    """(value at the best point, that point, a ball's upper end above sup |f| on the interval, cells looked at)."""
    best, at = arb(0), sympy.Rational(start.numerator, start.denominator)

    def look(point: Fraction) -> None:
        nonlocal best, at
        value = abs(f(_ball(point, point)))
        if not value.is_finite():
            raise Undecided("the function is not finite")
        if value.lower() > best.lower():
            best, at = value, sympy.Rational(point.numerator, point.denominator)

    def bound(a: Fraction, b: Fraction) -> arb | None:
        """An upper bound of |f| on the cell, or None where f is monotone (its ends are looked at)."""
        cell, middle = _ball(a, b), (a + b) / 2
        slope = derivative(cell)
        centre = f(_ball(middle, middle))
        naive = f(cell)
        look(middle)
        if slope.is_finite() and not slope.contains(0):
            look(a)
            look(b)
            return None
        sharp = centre + slope * (cell - _ball(middle, middle))
        values = [abs(value).upper() for value in (naive, sharp) if value.is_finite()]
        return min(values) if values else arb("inf")

    look(start)
    look(stop)
    heap: list[tuple[float, int, Fraction, Fraction, arb]] = []
    count = 0
    pieces = 32
    width = (stop - start) / pieces
    todo = [(start + i * width, start + (i + 1) * width) for i in range(pieces)]
    tolerance = arb(10) ** (-digits - 2)
    while True:
        for a, b in todo:
            count += 1
            top = bound(a, b)
            if top is not None and top > best.lower():
                heapq.heappush(heap, (-_float(top), count, a, b, top))
        if not heap:
            return best, at, best.upper(), count
        _, _, a, b, top = heapq.heappop(heap)
        ceiling = top
        for item in heap:
            if item[4] > ceiling:
                ceiling = item[4]
        if ceiling <= best.lower() * (1 + tolerance) or count > MOST_CELLS:
            if count > MOST_CELLS and not ceiling <= best.lower() * (1 + arb(10) ** -8):
                raise Undecided("branch and bound did not converge")
            return best, at, ceiling.max(best.upper()), count
        middle = (a + b) / 2
        todo = [(a, middle), (middle, b)]


def grows(f: sympy.Expr, end: sympy.Expr) -> bool:
    """Whether f is unbounded towards an infinite end, by the leading monomial of its expansion there (or its limit)."""
    try:
        numerator, denominator = _tail_monomials(f, end)[:2]
    except Undecided:
        try:
            return bool(sympy.limit(sympy.Abs(f), z, end) == sympy.oo)
        except (NotImplementedError, ValueError):
            return False
    lead = max((i for i, k in numerator if k == 0), default=0)
    return lead > max(i for i, k in denominator if k == 0) or any(k < 0 for _, k in numerator)


def _tail_monomials(f: sympy.Expr, end: sympy.Expr) -> tuple[dict[tuple[int, int], sympy.Expr], dict[tuple[int, int], sympy.Expr], sympy.Expr]:
    """(numerator, denominator, g): f = numerator / denominator as sums of c w^i E^k, w = |z|, E = exp(-g(w))."""
    sign = 1 if end == sympy.oo else -1
    form = f.xreplace({z: sign * w}).replace(sympy.tanh, lambda u: (1 - sympy.exp(-2 * u)) / (1 + sympy.exp(-2 * u)))
    form = sympy.powsimp(form)
    exponents = sorted({atom.args[0] for atom in form.atoms(sympy.exp) if atom.has(w)}, key=str)
    if any(not exponent.is_polynomial(w) for exponent in exponents):
        raise Undecided("no expansion in exponentials")
    base = sympy.expand(exponents[0]) if exponents else w
    ratios = []
    for exponent in exponents:
        ratio = sympy.cancel(sympy.expand(exponent) / base)
        if not ratio.is_Rational:
            raise Undecided("exponents of different growth")
        ratios.append(ratio)
    unit = sympy.gcd(ratios) if ratios else sympy.Integer(1)
    g = sympy.expand(base * unit)
    if sympy.LC(g, w).is_negative:
        g, ratios = -g, [-ratio for ratio in ratios]
    replaced = form.xreplace({sympy.exp(exponent): E ** (-ratio / unit) for exponent, ratio in zip(exponents, ratios)})
    numerator, denominator = sympy.fraction(sympy.together(replaced))
    pieces = []
    for part in (numerator, denominator):
        monomials: dict[tuple[int, int], sympy.Expr] = {}
        for term in sympy.Add.make_args(sympy.expand(part)):
            coefficient, rest = term.as_independent(w, E)
            powers = rest.as_powers_dict()
            i, k = powers.pop(w, 0), powers.pop(E, 0)
            powers.pop(sympy.Integer(1), None)
            if powers or not sympy.sympify(i).is_Integer or not sympy.sympify(k).is_Integer:
                raise Undecided("not a sum of monomials")
            monomials[int(i), int(k)] = monomials.get((int(i), int(k)), 0) + coefficient
        pieces.append({key: value for key, value in monomials.items() if value != 0})
    numerator, denominator = pieces
    k0 = min(k for _, k in denominator)
    i0 = max(i for i, k in denominator if k == k0)
    shifted = [{(i - i0, k - k0): c for (i, k), c in part.items()} for part in (numerator, denominator)]
    return shifted[0], shifted[1], g


def _tail(f: sympy.Expr, end: sympy.Expr, radius: Any) -> arb:
    """A ball above |f| for |z| >= radius towards the end."""
    numerator, denominator, g = _tail_monomials(f, end)
    at = evaluate(sympy.sympify(radius), {})
    steepness = evaluate(sympy.expand(w * sympy.diff(g, w)), {w: at})
    if any(not (coefficient.is_nonnegative or power == (0,)) for power, coefficient in sympy.Poly(g, w).terms()):
        raise Undecided("the exponent is not monotone")
    decay = evaluate(g, {w: at})

    def total(part: dict[tuple[int, int], sympy.Expr]) -> arb:
        value = arb(0)
        for (i, k), coefficient in part.items():
            factor = evaluate(coefficient, {})
            if (i, k) == (0, 0):
                value += factor
                continue
            if k < 0 or (k == 0 and i > 0) or (k > 0 and not steepness * k > i):
                raise Undecided("a monomial that does not fall")
            top = at**i * (-decay * k).exp()
            value += factor * (top.upper() * arb(0.5, 0.5))
        return value

    below = total(denominator)
    if below.contains(0):
        raise Undecided("the denominator may vanish")
    return abs(total(numerator) / below)


def _fraction(value: sympy.Expr) -> Fraction:
    if not value.is_Rational:
        raise Undecided("a kink at an irrational point")
    return Fraction(int(value.p), int(value.q))


def _ball(a: Fraction, b: Fraction) -> arb:
    low, high = (arb(flint.fmpq(x.numerator, x.denominator)) for x in (a, b))
    return low if a == b else low.union(high)


def _float(value: arb) -> float:
    return float(value.mid()) if value.is_finite() else float("inf")


def _up(value: arb, digits: int) -> sympy.Rational:
    return _rounded(value.upper(), digits, up=True)


def _down(value: arb, digits: int) -> sympy.Rational:
    return _rounded(value.lower(), digits, up=False)


def _rounded(value: Any, digits: int, up: bool) -> sympy.Rational:
    """A decimal of that many significant digits on the safe side of an exactly represented number."""
    mantissa, exponent = value.mid().man_exp()
    exact = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    scale = Fraction(10) ** (digits - len(str(int(abs(exact)))) if abs(exact) >= 1 else digits)
    whole = exact * scale
    integer = whole.numerator // whole.denominator
    if up and whole != integer:
        integer += 1
    rational = Fraction(integer) / scale
    return sympy.Rational(rational.numerator, rational.denominator)
