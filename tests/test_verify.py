"""The verification: it passes on what is true, bites on what is false, and never mistakes the undecided for a pass."""

import dataclasses

import mpmath
import numpy as np
import pytest
import sympy
from mpmath import mpf

import symlip as sl
from symlip.activations import z
from symlip.calculus.claims import Bound
from symlip.calculus.rule import Rule
from symlip.verify import verify
from symlip.verify.jets import derivative_at, exponential, logarithm, multiply, network_jets, square_root
from symlip.verify.run import _verdict
from symlip.verify.sampling import build

m = sympy.Symbol("m", integer=True, positive=True)


def tanh_network(*widths):
    return sl.Network(widths[0], [sl.Dense(width, "tanh") for width in widths[1:]])


MADE = {
    "separate": lambda: sl.derive(tanh_network(3, 4, 4, 1), sl.LayerBalls(), method="separate"),
    "paired": lambda: sl.derive(tanh_network(3, 4, 4, 1), sl.LayerBalls(), method="paired"),
    "block": lambda: sl.derive(tanh_network(3, 4, 4, 1), sl.LayerBalls()),
    "bounded": lambda: sl.derive(
        sl.Network(3, [sl.Dense(3, "softplus"), sl.Dense(2, "identity")]), sl.LayerBalls(biases="bounded"), cost=sl.HalfSquaredError()
    ),
    "budget": lambda: sl.derive(tanh_network(3, 4, 4, 1), sl.ParameterBall()),
    "any": lambda: sl.derive(sl.Network.uniform(m, "tanh"), sl.LayerBalls()),
    "equal": lambda: sl.derive(sl.Network.uniform(m, "tanh"), sl.LayerBalls(equal=True)),
    "risk": lambda: sl.derive(sl.Network(3, [sl.Dense(3, "tanh"), sl.Dense(2, "identity")]), sl.LayerBalls(), cost=sl.Risk(sl.SoftmaxCrossEntropy())),
    "logistic cost": lambda: sl.derive(sl.Network(3, [sl.Dense(3, "tanh"), sl.Dense(2, "identity")]), sl.LayerBalls(), cost=sl.Logistic()),
    "huber": lambda: sl.derive(sl.Network(3, [sl.Dense(3, "tanh"), sl.Dense(2, "identity")]), sl.LayerBalls(), cost=sl.Huber(1)),
    "linear": lambda: sl.derive(sl.Network(3, [sl.Dense(3, "identity"), sl.Dense(2, "identity")]), sl.LayerBalls(biases="bounded"), method="paired"),
    "ordering": lambda: sl.ordering(tanh_network(3, 4, 1)),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_derived_passes_at_fifty_digits(name):
    derivation = MADE[name]()
    report = derivation.verify(digits=50, networks=20, seed=1)
    assert report.passed, str(report)
    assert report.worst_ratio <= 1
    measured = {name for name, step in derivation.steps.items() if getattr(step.claim, "quantity", 1) is not None}
    infinite = {str(s.claim.symbol) for s in derivation.steps.values() if isinstance(s.claim, Bound) and s.claim.expression == sympy.oo}
    assert set(report.steps) == measured - infinite


@pytest.mark.parametrize("name", ["separate", "paired", "block"])
def test_the_networks_bring_every_step_near_equality(name):
    report = MADE[name]().verify(digits=30, networks=60, seed=3)
    loose = {step.name: step.ratio for step in report.steps.values() if step.ratio < 0.9 and step.name != "s0_tanh"}
    assert not loose


# --- planted errors: each is caught, with the step named -------------------------------------------------------------


def scaled(factor):
    return lambda claim: dataclasses.replace(claim, expression=claim.expression * factor)


def without(symbol):
    """Drop what depends on a symbol (a term of a sum, an entry)."""
    return lambda claim: dataclasses.replace(claim, expression=claim.expression.subs({s: 0 for s in claim.expression.free_symbols if symbol in str(s)}))


def swapped(claim):
    expression = claim.expression
    return dataclasses.replace(claim, expression=expression.func(*expression.args[:-2], expression.args[-1], expression.args[-2]))


def last_factor(claim):
    """Every factor of the products becomes the last one."""
    factor, index, length = claim.expression.args
    return dataclasses.replace(claim, expression=claim.expression.func(factor.subs(index, length), index, length))


def exponent(claim):
    """Squares become first powers."""
    return dataclasses.replace(claim, expression=claim.expression.replace(lambda e: e.is_Pow and e.exp == 2, lambda e: e.base))


PLANTED = [  # what, in which rule, on which derivation, the change, where it is caught
    ("a wrong constant", "activation constants", "separate", scaled(sympy.Rational(999, 1000)), "S0_tanh"),
    ("a wrong constant", "slope", "separate", scaled(sympy.Rational(99, 100)), "L_1"),
    ("a wrong constant", "value", "block", scaled(sympy.Rational(999, 1000)), "B_1"),
    ("a wrong constant", "block norm", "block", scaled(sympy.Rational(999, 1000)), "L_3"),
    ("a wrong constant", "block eigenvalue", "block", scaled(sympy.Rational(99, 100)), "Lambda"),
    ("a dropped term", "separate", "separate", without("L_"), "H_2"),
    ("a dropped term", "pre-activation", "separate", without("B_"), "Q_"),
    ("a dropped term", "paired", "paired", without("H_"), "H_"),
    ("a dropped term", "value", "bounded", without("b_"), "B_1"),
    ("a swapped index", "block pre-activation", "block", swapped, "qvec_1"),
    (
        "a swapped index",
        "products of slopes",
        "any",
        last_factor,
        "q",
    ),
    ("a wrong exponent", "pre-activation", "separate", exponent, "Q_"),
    ("a wrong exponent", "separate", "separate", exponent, "H_"),
    ("a wrong exponent", "first derivative, equal layers", "equal", exponent, "L"),
    ("a wrong constant", "half squared error", "bounded", scaled(sympy.Rational(1, 2)), "g"),
    ("a wrong constant", "softmax cross-entropy", "risk", scaled(sympy.Rational(9, 10)), "g"),
    ("a wrong constant", "logistic cost", "logistic cost", scaled(sympy.Rational(9, 10)), "g"),
    ("a wrong constant", "Huber cost", "huber", scaled(sympy.Rational(9, 10)), "g"),
    ("a wrong constant", "budget, first derivative", "budget", scaled(sympy.Rational(9, 10)), "L"),
    ("a wrong constant", "budget, second derivative", "budget", scaled(sympy.Rational(9, 10)), "G"),
    ("a dropped term", "paired", "linear", without("L_"), "H_2"),
]


@pytest.mark.parametrize("what, rule, made, change, where", PLANTED, ids=[f"{p[0]} in {p[1]}, {p[2]}" for p in PLANTED])
def test_planted_errors_are_caught_with_the_step_named(monkeypatch, what, rule, made, change, where):
    cls = Rule.registry[rule]
    right = cls.conclude
    monkeypatch.setattr(cls, "conclude", lambda self, given, **detail: change(right(self, given, **detail)))
    derivation = MADE[made]()
    derivation.check()  # the rule itself is wrong, so applying it again finds nothing
    report = derivation.verify(digits=30, networks=120 if made == "separate" and what == "a dropped term" else 30, seed=0)
    assert not report.passed
    assert report.failures[0].name.startswith(where)  # in the order of the proof: the first step that goes wrong
    assert "FAILED: step" in str(report)


def test_a_planted_swap_in_the_ordering_is_caught(monkeypatch):
    cls = Rule.registry["paired below separate"]
    right = cls.conclude

    def turned(self, given, **detail):
        claim = right(self, given, **detail)
        return dataclasses.replace(claim, smaller=claim.larger, larger=claim.smaller)

    derivation = sl.ordering(tanh_network(3, 4))  # one layer: both are equal, which must pass
    assert derivation.verify(digits=30, networks=10).passed
    monkeypatch.setattr(cls, "conclude", turned)
    monkeypatch.setattr("symlip.calculus.rule.Given.comparison", lambda *_: None)
    assert not sl.ordering(tanh_network(3, 4, 1)).verify(digits=30, networks=30).passed


# --- verdicts ------------------------------------------------------------------------------------------------------


def test_verdicts():
    tolerance = mpf(10) ** -20
    with mpmath.workdps(60):
        one = mpf(1)
        assert _verdict(one / 2, one / 2, tolerance, 20) == "below"
        assert _verdict(one, one, tolerance, 20) == "equal to 20 digits"
        assert _verdict(one + mpf(10) ** -30, one, tolerance, 20) == "equal to 20 digits"
        assert _verdict(one + mpf(10) ** -10, one + mpf(10) ** -10, tolerance, 20) == "violated"
        assert _verdict(one / 2, one / 3, tolerance, 20) == "undecided"
        assert _verdict(mpmath.nan, one / 2, tolerance, 20) == "undecided"
        assert _verdict(one / 2, mpmath.nan, tolerance, 20) == "undecided"
        assert _verdict(mpmath.inf, mpmath.inf, tolerance, 20) == "violated"


def test_nan_is_never_a_pass(monkeypatch):
    monkeypatch.setattr("symlip.verify.measure.norm", lambda _: mpmath.nan)
    report = MADE["separate"]().verify(digits=20, networks=2)
    assert not report.passed


def test_a_run_is_replayed_from_its_seed_and_a_network_alone():
    derivation = MADE["paired"]()
    first, second = (derivation.verify(digits=30, networks=12, seed=5) for _ in range(2))
    assert first == second
    assert derivation.verify(digits=30, networks=12, seed=6) != first
    worst = first.steps["H_3"]
    alone = verify(derivation, digits=30, seed=5, only=int(worst.network.split()[0]))
    assert alone.steps["H_3"].ratio == worst.ratio


def test_precision_is_restored():
    before = mpmath.mp.dps
    MADE["paired"]().verify(digits=40, networks=1)
    assert mpmath.mp.dps == before


@pytest.mark.parametrize("arguments", [{"digits": 2}, {"digits": "many"}, {"networks": 0}, {"networks": 1.5}])
def test_bad_arguments(arguments):
    with pytest.raises(sl.SymlipError, match="must be"):
        MADE["paired"]().verify(**arguments)


# --- jets against other ways of differentiating ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tanh", "softplus", "gelu", "mish", "elu"])
def test_jets_agree_with_numerical_differentiation(name):
    derivation = sl.derive(sl.Network(3, [sl.Dense(3, name), sl.Dense(2, name)]), sl.LayerBalls(biases="bounded"))
    with mpmath.workdps(60):
        sample = build(derivation, 4, 0)
        direction, x = sample.directions[0], sample.inputs[0]
        jets = network_jets(sample.lines, sample.theta, direction, x, order=3)

        def output(t):
            h = x
            for line, (A, b), (dA, db) in zip(sample.lines, sample.theta, direction):
                pre = (A + t * dA).dot(h) + b + t * db
                h = np.array([derivative_at(line.activation, 0, value) for value in pre], dtype=object)
            return h[0]

        for order in range(4):
            exact = jets[-1][1][order][0] * mpmath.factorial(order)
            assert abs(exact - mpmath.diff(output, 0, order)) < mpf(10) ** -15 * (1 + abs(exact))


def test_jet_functions_are_taylor_series():
    t = sympy.Symbol("t")
    inner = 2 + 3 * t - t**2 + t**3 / 5
    jet = [mpf(sympy.Rational(inner.coeff(t, k)).p) / sympy.Rational(inner.coeff(t, k)).q for k in range(4)]
    for function, outer in ((exponential, sympy.exp), (logarithm, sympy.log), (square_root, sympy.sqrt)):
        series = sympy.series(outer(inner), t, 0, 4).removeO()
        for k, coefficient in enumerate(function(jet)):
            assert abs(coefficient - mpf(sympy.N(series.coeff(t, k), 30)._mpf_)) < 1e-12
    assert [float(c) for c in multiply([1, 2, 3], [4, 5, 6])] == [4, 13, 28]


def test_derivatives_of_activations_are_those_of_their_expression():
    for name in ("tanh", "mish", "softsign", "gelu_tanh"):
        activation = sl.BUILT_IN[name]
        s = sympy.lambdify(z, activation.expression, "mpmath")
        with mpmath.workdps(50):
            for order in (1, 2):
                point = mpf("0.7")
                assert abs(derivative_at(activation, order, point) - mpmath.diff(s, point, order)) < mpf(10) ** -15
