"""Orders three and more: Bell's polynomials, their maximum over the split of the direction, costs, chains."""

import itertools

import mpmath
import numpy as np
import pytest
import sympy
from mpmath import mpf

import symlip as sl
from symlip.calculus.claims import Bound
from symlip.calculus.derivation import Step
from symlip.calculus.rules.higher import bell, bell_sum
from symlip.runtime import circle_maximum
from symlip.verify.costs import cost_jet
from symlip.verify.jets import lines_of, network_jets, norm

DEEP = sl.Network(2, [sl.Dense(2, "tanh"), sl.Dense(3, "tanh"), sl.Dense(2, "tanh")])


def third_derivative(network, theta, eta, x, order=3):
    """|D^k N[eta^k]| of a network in floats, eta a unit direction."""
    exact = lambda part: np.array([mpf(float(v)) for v in np.ravel(part)], dtype=object).reshape(np.shape(part))  # noqa: E731
    jets = network_jets(lines_of(network, {}), [(exact(A), exact(b)) for A, b in theta], [(exact(A), exact(b)) for A, b in eta], exact(x), order)
    return float(norm(jets[-1][1][order]) * mpmath.factorial(order))


def test_bells_polynomials():
    x = sympy.symbols("x1:8")
    for order, parts in itertools.product(range(1, 8), range(1, 8)):
        if parts <= order:
            assert sympy.expand(bell(order, parts, list(x)) - sympy.bell(order, parts, x[: order - parts + 1])) == 0
    t = sympy.Symbol("t")
    inner = sympy.sin(2 * t) + t**2
    derivatives = [inner.diff(t, k) for k in range(1, 6)]
    outer = [sympy.Symbol("u").func(f"u{k}") for k in range(1, 6)]
    composed = sympy.log(3 + inner)
    u = sympy.Symbol("u")
    values = {symbol: sympy.log(3 + u).diff(u, k).subs(u, inner) for k, symbol in enumerate(outer, 1)}
    assert float((composed.diff(t, 5) - bell_sum(5, outer, derivatives).subs(values)).subs(t, 0.3)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("degree", [1, 2, 3, 5, 8])
def test_the_maximum_over_the_circle(degree):
    rng = np.random.default_rng(degree)
    for _ in range(20):
        coefficients = rng.exponential(size=degree + 1) * (rng.random(degree + 1) < 0.6)
        form = lambda r, s, c=coefficients: sum(value * r ** (degree - k) * s**k for k, value in enumerate(c))  # noqa: E731
        angles = np.linspace(0, np.pi / 2, 200001)
        truth = form(np.cos(angles), np.sin(angles)).max()
        assert truth <= circle_maximum(form, degree) * (1 + 1e-12) and circle_maximum(form, degree) <= truth * (1 + 4e-4) + 1e-300


def test_one_layer_is_exact():
    network = sl.Network(3, [sl.Dense(2, "tanh")])
    found = sl.derive(network, order=5).compile()(weight_norms=[1.0], input_norm=2.0)
    for order, name in ((3, "hessian_lipschitz"), (4, "derivative_3_lipschitz"), (5, "derivative_4_lipschitz")):
        constant = float(sl.tanh.constant(order))
        assert getattr(found, name) == pytest.approx(constant * 5 ** (order / 2), rel=1e-12)
    assert sl.lower_bound(network, order=3).compile()(weight_norms=[1.0], input_norm=2.0).hessian_lipschitz == pytest.approx(found.hessian_lipschitz)


@pytest.mark.parametrize("order", [3, 4])
def test_no_network_found_is_above(order):
    name = "hessian_lipschitz" if order == 3 else "derivative_3_lipschitz"
    function = sl.derive(DEEP, order=order).compile()
    rng, worst = np.random.default_rng(0), 0.0
    for trial in range(150):
        scale = 10 ** rng.uniform(-0.5, 0.5)
        theta = [(rng.normal(size=(w, v)) * scale, rng.normal(size=w) * rng.choice([0, 0.3, 1])) for v, w in ((2, 2), (2, 3), (3, 2))]
        x = rng.normal(size=2)
        eta = [(rng.normal(size=A.shape) * rng.choice([0.05, 1]), rng.normal(size=b.shape)) for A, b in theta]
        if trial % 2:
            eta = [(A * (k == 0), b * (k == 0)) for k, (A, b) in enumerate(eta)]
        length = np.sqrt(sum(np.sum(part**2) for pair in eta for part in pair))
        eta = [(A / length, b / length) for A, b in eta]
        bound = getattr(function(weight_norms=[np.linalg.norm(A, 2) for A, _ in theta], input_norm=np.linalg.norm(x)), name)
        worst = max(worst, third_derivative(DEEP, theta, eta, x, order) / bound)
    assert (0.02 if order == 3 else 0.002) < worst <= 1


def test_the_chain_reaches_its_bound_and_closes_in():
    network = sl.Network(1, [sl.Dense(1, "tanh")] * 3)
    upper, lower = sl.derive(network, order=3).compile(), sl.lower_bound(network, order=3)
    ratios = []
    for a in (1.0, 4.0, 16.0, 64.0):
        given = {"weight_norms": [a] * 3, "input_norm": 1.0}
        below = lower.compile()(**given).hessian_lipschitz
        ratios.append(upper(**given).hessian_lipschitz / below)
        theta = lower.witness(weight_norms=[a] * 3, x=[1.0], order=3)
        eta = [(A * 0, b * 0) for A, b in theta]
        eta[0] = (np.array([[0.5**0.5]]), np.array([0.5**0.5]))
        assert third_derivative(network, theta, eta, np.array([1.0])) == pytest.approx(below, rel=1e-9)
    assert all(later < earlier for earlier, later in itertools.pairwise(ratios)) and ratios[-1] < 1.02


CASES = [
    (DEEP, sl.LayerBalls(), 3, sl.SoftmaxCrossEntropy()),
    (DEEP, sl.ParameterBall(shared_budget=False), 4, None),
    (sl.Network(2, [sl.Dense(2, "softplus"), sl.Residual(2, "tanh", step="d"), sl.Dense(1, "identity")]), sl.LayerBalls("bounded"), 3, sl.Risk(sl.Logistic())),
    (sl.Network(2, [sl.Skip([sl.Dense(3, "sin"), sl.Dense(2, "tanh")])]), sl.LayerBalls(), 3, None),
    (sl.Network(2, [sl.Dense(2, "logistic"), sl.Dense(1, "tanh")]), sl.LayerBalls(), 5, sl.HalfSquaredError()),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_every_line_is_measured(case):
    network, where, order, cost = CASES[case]
    derivation = sl.derive(network, where, order=order, cost=cost)
    derivation.check(obligations=True)
    report = derivation.verify(digits=25, networks=11)
    assert report.passed, str(report)
    assert any(name.startswith("Hk3") for name in report.steps)


def test_a_planted_error_is_found():
    derivation = sl.derive(sl.Network(2, [sl.Dense(2, "tanh"), sl.Dense(2, "identity")]), order=3)
    step = derivation.steps["Hk3_1"]
    derivation.steps["Hk3_1"] = Step(
        "Hk3_1", Bound(step.claim.quantity, step.claim.symbol, step.claim.expression * 9 / 10), step.rule, step.premises, step.detail
    )
    with pytest.raises(sl.DerivationError, match="step Hk3_1"):
        derivation.check()
    report = derivation.verify(digits=20, networks=20)
    assert not report.passed and report.worst.name == "Hk3_1"


def test_third_derivatives_of_costs_are_bounded_and_reached():
    rng = np.random.default_rng(0)
    for cost, bound in ((sl.SoftmaxCrossEntropy(), np.sqrt(6) / 9), (sl.Logistic(), 1 / (6 * np.sqrt(3)))):
        best = 0.0
        for _ in range(300):
            size = rng.integers(2, 4)
            output, v = rng.normal(size=size) * 2, rng.normal(size=size)
            target = np.eye(size)[0] if isinstance(cost, sl.SoftmaxCrossEntropy) else rng.choice([-1.0, 1.0], size=size)
            zero = np.zeros(size)
            arrays = [np.array([mpf(float(e)) for e in part], dtype=object) for part in (output, v / np.linalg.norm(v), zero, zero, target)]
            best = max(best, abs(float(6 * cost_jet(cost, arrays[:4], arrays[4])[3])))
        assert 0.9 * bound < best <= bound
    odds = np.log((1 + 1 / np.sqrt(3)) / (1 - 1 / np.sqrt(3)))  # p = (1 - 1/sqrt 3) / 2
    arrays = [np.array([mpf(float(e)) for e in part], dtype=object) for part in ([0, odds], [np.sqrt(0.5), -np.sqrt(0.5)], [0, 0], [0, 0], [1, 0])]
    assert abs(float(6 * cost_jet(sl.SoftmaxCrossEntropy(), arrays[:4], arrays[4])[3])) == pytest.approx(np.sqrt(6) / 9, rel=1e-12)


BAD = {
    "zero": ({"order": 0}, "positive integer"),
    "a float": ({"order": 3.0}, "positive integer"),
    "true": ({"order": True}, "positive integer"),
    "too high": ({"order": 13}, "up to order 12"),
    "joint": ({"order": 3, "method": "joint"}, "orders 1 and 2"),
    "inputs": ({"order": 3, "variables": "inputs"}, "orders 1 and 2"),
    "budget": ({"order": 3, "parameters": sl.ParameterBall()}, "layer by layer"),
    "huber": ({"order": 3, "cost": sl.Huber(1)}, "no third derivative"),
    "softmax of order four": ({"order": 4, "cost": sl.SoftmaxCrossEntropy()}, "orders up to 3"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_orders_are_one_clear_line(case):
    options, message = BAD[case]
    with pytest.raises(sl.SymlipError, match=message) as error:
        sl.derive(DEEP, **options)
    assert "\n" not in str(error.value)


def test_an_order_that_an_activation_does_not_have():
    for name, message in (("softsign", "derivative 2 of softsign is not Lipschitz"), ("elu", "derivative 2 of elu"), ("relu", "not differentiable")):
        with pytest.raises(sl.SymlipError, match=message):
            sl.derive(sl.Network(2, [sl.Dense(2, name)]), order=3)
    with pytest.raises(sl.SymlipError, match="order 3 holds the neurons"):
        sl.lower_bound(sl.Network(2, [sl.Dense(2, "softplus")]), order=3)
    with pytest.raises(sl.SymlipError, match="tied"):
        sl.derive(sl.Network(2, [sl.Tied(sl.Dense(2, "tanh"), 3)]), order=3)
    with pytest.raises(sl.SymlipError, match="orders 1, 2 and"):
        sl.lower_bound(DEEP, order=4)


def test_the_command_line_takes_the_order(capsys, monkeypatch):
    from symlip import cli

    monkeypatch.setattr("sys.argv", ["symlip", "derive", "--layers", "3,4,1", "--activation", "tanh", "--order", "3"])
    with pytest.raises(SystemExit) as status:
        cli.main()
    assert status.value.code == 0 and "hessian_lipschitz <= Hk3_2" in capsys.readouterr().out
