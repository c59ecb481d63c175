"""Ball arithmetic: what each operation returns holds the exact result."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import symlip as sl
from symlip.pointwise import functions_source
from symlip.rounding import DEAR, Ball, PointwiseBalls, Upper, _length, rounding_errors
from symlip.verify.jets import derivative_at


def points(rng):
    """Near 0, where functions turn, and where they saturate."""
    return np.concatenate([rng.normal(size=60), rng.normal(size=40) * 10.0 ** rng.uniform(-12, 3, 40), [0.0, 1e-300, -1e-17, 40.0, -745.0, 1e300]])


@pytest.mark.parametrize("name", ["tanh", "logistic", "softplus", "sin", "arctan", "gelu", "silu"])
def test_the_error_of_a_formula_in_floats_is_bounded_for_all_arguments(name):
    activation, orders = sl.BUILT_IN[name], (0, 1, 2, 3, 4)
    errors = rounding_errors(activation, orders)
    if name == "tanh":
        assert max(errors.values()) < 1e-11
    names = {"numpy": np, "error_function": lambda v: v, "softplus_": lambda v: np.logaddexp(0, v)}
    exec(functions_source(activation, orders), names)
    functions = next(value for key, value in names.items() if key.endswith("_functions"))
    for order in orders:
        if np.isfinite(errors[order]):
            at = points(np.random.default_rng(order))
            found = np.broadcast_to(functions[order](at), at.shape)
            with mpmath.workdps(400):
                assert all(abs(mpf(float(value)) - derivative_at(activation, order, mpf(float(z)))) <= errors[order] for z, value in zip(at, found))


@pytest.mark.parametrize("name", ["tanh", "logistic", "sin", "gelu", "arctan"])
def test_derivatives_and_suprema_hold_the_exact_ones(name):
    activation, rng = sl.BUILT_IN[name], np.random.default_rng(1)
    balls = PointwiseBalls(activation, (0, 1, 2), (1, 2, 3))
    at = points(rng)[:-2]
    radius = np.where(rng.random(len(at)) < 0.5, 1e-16, 0.1) * np.abs(at)
    value, distance = Ball(at, radius), Upper(rng.random(len(at)))
    with mpmath.workdps(400):
        for order in (0, 1, 2, 3):
            for share in (-1, -0.3, 1):
                exact = [derivative_at(activation, order, mpf(float(z)) + share * mpf(float(r))) for z, r in zip(at, radius)]
                if order < 3:
                    found = balls.derivative(order, value)
                    assert all(mpf(float(low)) <= v <= mpf(float(high)) for low, v, high in zip(found.lower, exact, found.upper))
                if order:
                    top = balls.supremum(order, value, distance).top
                    away = [
                        derivative_at(activation, order, mpf(float(z)) + share * (mpf(float(r)) + mpf(float(d)))) for z, r, d in zip(at, radius, distance.top)
                    ]
                    assert all(max(abs(v), abs(w)) <= mpf(float(t)) for v, w, t in zip(exact, away, top))


def test_a_dear_product_of_matrices_holds_the_exact_one():
    rng = np.random.default_rng(2)
    A, B = rng.normal(size=(250, 300)) * 10.0 ** rng.uniform(-8, 8, (250, 1)), rng.normal(size=(300, 200)) * (rng.random((300, 200)) < 0.3)
    B[:, 7], A[3] = 0.0, 1e-200
    radius = np.abs(B) * 1e-12
    assert A.shape[0] * B.size > DEAR
    exact, wide = Ball(A) @ Ball(B), Ball(A) @ Ball(B, radius)
    for i, j in [(0, 0), (3, 5), (249, 199), (10, 7), *rng.integers(0, 200, (40, 2))]:
        row, column = map(Fraction, A[i]), list(map(Fraction, B[:, j]))
        row = list(row)
        value = sum(a * b for a, b in zip(row, column))
        assert abs(value - Fraction(exact.mid[i, j])) <= Fraction(exact.rad[i, j])
        reach = sum(abs(a) * Fraction(r) for a, r in zip(row, radius[:, j]))
        assert abs(value - Fraction(wide.mid[i, j])) + reach <= Fraction(wide.rad[i, j]) * (1 + Fraction(1, 10**9))
    usual = np.abs(A) @ np.abs(B) > 1e-100
    assert np.max(exact.rad[usual] / (np.abs(A) @ np.abs(B))[usual]) < 1e-11


def test_what_is_known_from_above_stays_above():
    rng = np.random.default_rng(3)
    for _ in range(300):
        a, b, c = (10.0 ** rng.uniform(-150, 150, 4) * (rng.random(4) < 0.9) for _ in range(3))
        with np.errstate(all="ignore"):
            found = ((Upper(a) * Upper(b) + c[0] * Upper(c)) ** 2).sum(), _length(Upper(a)), (Upper(a) + abs(Ball(-b))) ** 0.5, Upper(a) @ Upper(b)
        with mpmath.workdps(700):
            x, y, z = ([mpf(float(v)) for v in part] for part in (a, b, c))
            exact = (
                [sum((i * j + z[0] * k) ** 2 for i, j, k in zip(x, y, z))], [mpmath.sqrt(sum(i * i for i in x))],
                [mpmath.sqrt(i + j) for i, j in zip(x, y)], [sum(i * j for i, j in zip(x, y))],
            )  # fmt: skip
            for upper, values in zip(found, exact):
                assert all(top == np.inf or mpf(float(top)) >= v for top, v in zip(np.ravel(upper.upper), values))


def test_a_part_of_a_line_has_no_lower_end():
    part = Upper(1.0) * 2
    for wrong in (lambda: 1 - part, lambda: Ball(1.0) - part, lambda: part - part, lambda: 1 / part, lambda: -part, lambda: Ball(1.0) / part):
        with pytest.raises(TypeError, match="lower end"):
            wrong()
    assert (1 - Upper(0.25, line=True)).mid == 0.75 and (part - 1).upper >= 1
