"""Constants of activations: literal values from the literature, dense numerical search from below, decided certificates."""

import mpmath
import pytest
import sympy
from mpmath import mpf

import symlip as sl
from symlip.suprema import CriticalPointCertificate, PolynomialCertificate, critical_points_hold, enclosure_holds, polynomial_holds

z = sympy.Symbol("z", real=True)
sqrt, exp, pi = sympy.sqrt, sympy.exp, sympy.pi

KNOWN = {
    "tanh": (1, 1, 4 / (3 * sqrt(3)), 2),
    "logistic": (1, sympy.Rational(1, 4), 1 / (6 * sqrt(3)), sympy.Rational(1, 8)),
    "softplus": (sympy.oo, 1, sympy.Rational(1, 4), 1 / (6 * sqrt(3))),
    "arctan": (pi / 2, 1, 3 * sqrt(3) / 8, 2),
    "sin": (1, 1, 1, 1),
    "erf": (1, 2 / sqrt(pi), 2 * sqrt(2) * exp(-sympy.Rational(1, 2)) / sqrt(pi), 4 / sqrt(pi)),
    "gaussian": (1, sqrt(2 / sympy.E), 2, None),
    "softsign": (1, 1, 2, sympy.oo),
    "elu": (sympy.oo, 1, 1, sympy.oo),
    "relu": (sympy.oo, 1, sympy.oo, sympy.oo),
    "leaky_relu": (sympy.oo, 1, sympy.oo, sympy.oo),
    "identity": (sympy.oo, 1, 0, 0),
    "gelu": (sympy.oo, None, sqrt(2 / pi), None),
}


@pytest.mark.parametrize("name", KNOWN)
def test_constants_are_the_known_exact_ones(name):
    for order, value in enumerate(KNOWN[name]):
        if value is not None:
            found = sl.BUILT_IN[name].supremum(order)
            assert found.exact
            assert found.value == value or sympy.simplify(found.value - value) == 0


def search(activation, order, low=-12, high=12, steps=6001):
    """The largest |s^(order)| that a dense search finds, in double precision."""
    slope = sympy.lambdify(z, sympy.diff(activation.expression, *([*activation.expression.free_symbols][0:1]), order), "math")
    return max(abs(slope(low + (high - low) * i / steps + 1e-9)) for i in range(steps + 1))


SMOOTH = ["tanh", "logistic", "softplus", "arctan", "sin", "erf", "gaussian", "gelu", "gelu_tanh", "silu", "mish"]


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("order", [1, 2])
def test_no_point_exceeds_a_supremum_and_some_point_nearly_reaches_it(name, order):
    found = sl.BUILT_IN[name].supremum(order)
    below = search(sl.BUILT_IN[name], order)
    assert below <= float(found.value) * (1 + 1e-12)
    assert below >= float(found.value) * (1 - 1e-4)
    assert float(found.lower) <= float(found.value)


@pytest.mark.parametrize("name", ["tanh", "logistic", "arctan", "erf", "gaussian", "gelu", "softsign", "silu"])
def test_what_a_constant_rests_on_is_decided(name):
    decided = 0
    for order in range(3):
        for certificate in sl.BUILT_IN[name].supremum(order).certificates:
            decided += 1
            if isinstance(certificate, PolynomialCertificate):
                assert polynomial_holds(certificate)
            elif isinstance(certificate, CriticalPointCertificate):
                assert critical_points_hold(certificate)
            else:
                assert enclosure_holds(certificate, sl.BUILT_IN[name].supremum(order).value)
    assert decided


def test_a_certificate_with_a_smaller_constant_is_refused():
    (certificate,) = sl.tanh.supremum(2).certificates
    smaller = PolynomialCertificate(
        certificate.generator,
        certificate.numerator,
        certificate.denominator,
        certificate.square * sympy.Rational(999, 1000),
        certificate.lower,
        certificate.upper,
    )
    assert not polynomial_holds(smaller)
    (critical,) = sl.erf.supremum(2).certificates
    missing = CriticalPointCertificate(
        critical.generator, critical.function, critical.polynomial, critical.lower, critical.upper, critical.roots[1:], critical.candidates, critical.value
    )
    assert not critical_points_hold(missing)


def test_enclosures_hold_at_high_precision():
    for name in ("silu", "mish", "gelu_tanh"):
        for order in (1, 2):
            found = sl.BUILT_IN[name].supremum(order)
            assert not found.exact
            with mpmath.workdps(40):
                s = sympy.lambdify(z, sl.BUILT_IN[name].derivative(order), "mpmath")
                at = mpf(int(found.attained_at.p)) / int(found.attained_at.q)
                best = max(abs(s(at + mpf(k) / 10**9)) for k in range(-3, 4))
                upper, lower = (mpf(int(v.p)) / int(v.q) for v in (found.value, found.lower))
                assert best <= upper
                assert abs(s(at)) >= lower * (1 - mpf(10) ** -20)
                assert upper - lower < mpf(10) ** -20


@pytest.mark.parametrize(
    "expression, order, value",
    [
        (z / sqrt(1 + z**2), 1, 1),
        (z * exp(-(z**2)), 0, exp(-sympy.Rational(1, 2)) / sqrt(2)),
        (sympy.tanh(z - 3), 2, 4 / (3 * sqrt(3))),
        (sympy.log(1 + z**2), 1, 1),
        (sqrt(1 + z**2), 2, 1),
        (sympy.sin(2 * z), 2, 4),
        (sympy.Max(z - 1, -z), 1, 1),
        (2 * sympy.atan(sympy.exp(z)), 1, 1),
    ],
)
def test_constants_of_user_expressions(expression, order, value):
    found = sl.Activation("user", expression).supremum(order)
    assert abs(sympy.N(found.value - value, 30)) < sympy.Float(10) ** -20


@pytest.mark.parametrize(
    "expression, says",
    [
        (sympy.log(z), "finite real"),
        (sqrt(z), "finite real"),
        (sympy.Symbol("k") * z, "exactly one symbol"),
        (sympy.Integer(3), "exactly one symbol"),
        (sympy.sign(z), "jumps"),
        ("__import__('os').abort()", "not text"),
        ([z], "not a SymPy expression"),
    ],
)
def test_unusable_expressions_are_refused_in_one_line(expression, says):
    with pytest.raises(sl.SymlipError, match=says) as caught:
        sl.Activation("user", expression)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("expression", [exp(z), z**2])
def test_unbounded_slopes_give_no_network_constant(expression):
    network = sl.Network(2, [sl.Dense(2, sl.Activation("grows", expression)), sl.Dense(1, "identity")])
    with pytest.raises(sl.SymlipError, match="unbounded"):
        sl.derive(network, sl.LayerBalls(biases="bounded"))


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(sl.SymlipError, match="did you mean tanh"):
        sl.Dense(3, "tahn")


@pytest.mark.parametrize(
    "expression",
    [
        sympy.acot(z),
        sympy.atan((1 + z) / (1 - z)),
        z + (z - 1) * sympy.atan(1 / (z - 1)),
        sqrt(z**2 - 2 * z + 1),
        sqrt(1 - sympy.cos(z)),
        sympy.asin(sympy.sin(z)),
        ((16 - z**2) / (16 + z**2)) ** sympy.Rational(5, 2),
        sqrt(z + 3) ** 5 / (z**2 + 9) ** 3,
        sympy.log(z + 3),
        1 / (z - sympy.Rational(1, 3)),
        sympy.Piecewise((z, sympy.Ne(z, 2)), (5, True)),
        sympy.Abs(sympy.sin(z)),
        z - sympy.floor(z),
        1 / (1 + exp(1 / (z - 1))),
    ],
)
def test_hidden_jumps_and_kinks_are_refused_when_the_activation_is_made(expression):
    """In each of these s' or s'' is smooth in form, so only the form of s itself shows that the constants would be wrong."""
    with pytest.raises(sl.SymlipError, match=r"smooth|jumps") as caught:
        sl.Activation("user", expression)
    assert "\n" not in str(caught.value)


def test_decimals_mean_what_is_written():
    piecewise = sl.Activation("user", sympy.Piecewise((0.1 * z, z < 0.3), (z - 0.27, True)))
    assert [piecewise.constant(k) for k in (1, 2)] == [1, sympy.oo]
    assert sl.Activation("user", sympy.tanh(0.5 * z)).constant(2) == sqrt(3) / 9


@pytest.mark.parametrize("expression, order", [((z**4 - 3 * z**2 + 1) / (z**6 + 2), 2), ((z**2 - 1) / (z**4 - 3 * z**2 + 5), 1), (1 / sympy.cosh(z), 2)])
def test_what_has_no_short_radicals_is_enclosed(expression, order):
    found = sl.Activation("user", expression).supremum(order)
    slope = sympy.lambdify(z, sympy.diff(expression, z, order), "math")
    best = max(abs(slope(k / 500 + 1e-7)) for k in range(-4000, 4001))
    assert float(found.value) * (1 - 1e-4) < best <= float(found.value)


@pytest.mark.parametrize("name", sl.BUILT_IN)
def test_built_in_activations_pass_the_constructors_checks(name):
    again = sl.Activation(name, sl.BUILT_IN[name].expression)
    assert again == sl.BUILT_IN[name]
