"""Lower bounds with witnesses, global constants and their impossibility, sharpness, and the map of all bounds."""

import dataclasses
import json
import math

import numpy as np
import pytest
import sympy

import symlip as sl
from symlip.calculus.claims import Limit, Reached
from symlip.sharpness_map import derivative_norm, sharpness_map

m = sympy.Symbol("m", integer=True, positive=True)


def network(widths, activation, last=None):
    layers = [sl.Dense(w, activation) for w in widths[1:-1]] + [sl.Dense(widths[-1], last or activation)]
    return sl.Network(widths[0], layers)


# --- section 8's ratios -------------------------------------------------------------------------------------------------


TABLE = [(4, 1.422, 1.376, 1.0328), (16, 1.0709, 1.069, 1.0020), (64, 1.0161, 1.016, 1.00012), (256, 1.0039, 1.004, 1.0000076)]


@pytest.mark.parametrize("a, over_formula, over_witness, first", TABLE)
def test_the_ratios_of_the_theory_at_depth_ten(a, over_formula, over_witness, first):
    net = network((1,) * 11, "tanh")
    upper, lower = sl.derive(net, sl.LayerBalls()).compile()([a] * 10, 1.0), sl.lower_bound(net)
    below = lower.compile()([a] * 10, 1.0)
    assert abs(upper.gradient_lipschitz / below.gradient_lipschitz - over_formula) < 6e-4
    assert abs(upper.lipschitz / below.lipschitz - first) < 6e-5
    theta = lower.witness(x=[1.0], order=2, weight_norms=[a] * 10)
    full = derivative_norm([sl.tanh] * 10, theta, np.array([1.0]), 2)
    assert abs(upper.gradient_lipschitz / full - over_witness) < 6e-4
    assert below.gradient_lipschitz <= full * (1 + 1e-9) <= upper.gradient_lipschitz * (1 + 1e-8)


def test_the_cancelled_value_of_the_logistic_on_the_ball():
    net = network((1, 2, 2, 2, 2), "logistic")
    upper = sl.derive(net, sl.ParameterBall()).compile()(4000.0, 1.0)
    lower = sl.lower_bound(net, sl.ParameterBall()).compile()(4000.0, 1.0)
    assert round(upper.lipschitz / lower.lipschitz, 6) == 1.000005
    assert round(upper.gradient_lipschitz / lower.gradient_lipschitz, 4) == 1.0019


# --- witnesses ------------------------------------------------------------------------------------------------------------


SETS = {
    "layer balls": (sl.LayerBalls(), {"weight_norms": [0.7, 2.0, 3.0]}),
    "ball": (sl.ParameterBall(), {"radius": 9.0}),
}


@pytest.mark.parametrize("where", SETS)
@pytest.mark.parametrize("activations", [("tanh", "tanh"), ("softplus", "identity"), ("logistic", "logistic"), ("softsign", "softsign"), ("tanh", "identity")])
def test_a_witness_lies_in_its_set_and_reaches_the_bound(where, activations):
    parameters, arguments = SETS[where]
    net = network((2, 3, 2, 2), *activations)
    if where == "ball" and activations[0] == "softplus":
        with pytest.raises(sl.SymlipError, match="only approached at infinity"):
            sl.lower_bound(net, parameters)
        return
    lower, x = sl.lower_bound(net, parameters), np.array([0.6, -0.8])
    bound = lower.compile()(**arguments, input_norm=1.0)
    bounded = activations[0] != "softplus"  # else free biases leave no upper bound
    upper = sl.derive(net, parameters).compile()(**arguments, input_norm=1.0) if bounded else None
    for order, name in ((1, "lipschitz"), (2, "gradient_lipschitz")):
        theta = lower.witness(x=x, order=order, **arguments)
        full = derivative_norm([layer.activation for layer in net.layers], theta, x, order)
        assert getattr(bound, name) * (1 - 1e-6) <= full
        assert upper is None or full <= getattr(upper, name) * (1 + 1e-9)
        if where == "ball":
            assert sum(np.sum(A**2) + np.sum(b**2) for A, b in theta) <= arguments["radius"] ** 2 * (1 + 1e-12)
        else:
            assert all(np.linalg.norm(A, 2) <= a * (1 + 1e-12) for (A, _), a in zip(theta, arguments["weight_norms"]))


@pytest.mark.parametrize("activation", ["tanh", "logistic", "softplus", "erf", "sin", "elu"])
def test_lower_bounds_verify_at_thirty_digits(activation):
    for last in (activation, "identity"):
        derivation = sl.lower_bound(network((2, 2, 2, 1), activation, last))
        derivation.check()
        assert derivation.verify(digits=30, networks=6).passed


def test_a_symbolic_depth_agrees_with_the_concrete_one():
    symbolic = sl.lower_bound(sl.Network.uniform(m, "tanh")).compile()
    for depth in (1, 2, 5):
        norms = [1.5 + 0.25 * u for u in range(depth)]
        concrete = sl.lower_bound(network((3,) + (2,) * depth, "tanh")).compile()(norms, 0.5)
        found = symbolic(norms, 0.5, depth=depth)
        assert math.isclose(found.lipschitz, concrete.lipschitz) and math.isclose(found.gradient_lipschitz, concrete.gradient_lipschitz)


# --- all parameters -------------------------------------------------------------------------------------------------------


def test_depth_one_has_a_global_constant_and_it_is_exact():
    derivation = sl.global_bound(network((3, 2), "tanh"))
    assert derivation.exact == {"lipschitz": True, "gradient_lipschitz": True} and derivation.limits == {}
    result = derivation.compile()(input_norm=2.0)
    assert math.isclose(result.lipschitz, math.sqrt(5)) and math.isclose(result.gradient_lipschitz, 5 * 4 / (3 * math.sqrt(3)))


def test_two_affine_layers_have_a_constant_of_the_gradient():
    derivation = sl.global_bound(network((3, 2, 2), "identity"))
    assert derivation.limits == {"lipschitz": sympy.oo} and derivation.exact["gradient_lipschitz"]
    assert math.isclose(derivation.compile()(input_norm=2.0, scale=1.0).gradient_lipschitz, math.sqrt(5))


@pytest.mark.parametrize("widths, activation, last", [((3, 2, 1), "tanh", None), ((3, 2, 2, 1), "identity", None), ((2, 2, 1), "softplus", "identity")])
def test_everything_else_has_none_and_the_family_shows_it(widths, activation, last):
    net = network(widths, activation, last)
    derivation = sl.global_bound(net)
    derivation.check()
    assert derivation.limits == {"lipschitz": sympy.oo, "gradient_lipschitz": sympy.oo}
    x = np.eye(widths[0])[0]
    proved = [derivation.compile()(scale=scale, input_norm=1.0).lipschitz for scale in (1.0, 10.0, 100.0)]
    assert proved[2] >= 9.9 * proved[1] >= 98 * proved[0]
    for scale, least in zip((1.0, 10.0, 100.0), proved):
        theta = derivation.witness(x=x, order=1, scale=scale)
        assert derivative_norm([layer.activation for layer in net.layers], theta, x, 1) >= least * (1 - 1e-6)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_a_kink_has_no_constant_of_the_gradient_even_locally(activation):
    net = network((2, 2, 1), activation, "identity")
    with pytest.raises(sl.SymlipError, match=r"global_bound\(network\) shows the jump|order=1"):
        sl.lower_bound(net)
    derivation = sl.global_bound(net)
    assert "gradient_jump" in derivation.results and derivation.verify(digits=20, networks=4).passed
    theta = derivation.witness(x=[1.0, 0.0], order=2, scale=1.0)
    slope = sl.BUILT_IN[activation].derivative(1)
    f = sympy.lambdify(next(iter(slope.free_symbols)), slope, "mpmath")
    sides = []
    for side in (1e-9, -1e-9):
        value = float(theta[0][0][0] @ np.array([1.0, 0.0]) + theta[0][1][0] + side)
        sides.append(theta[1][0][0, 0] * float(f(value)))
    assert abs(sides[0] - sides[1]) >= derivation.compile()(scale=1.0, input_norm=1.0).gradient_jump * (1 - 1e-9)


# --- sharpness ------------------------------------------------------------------------------------------------------------


def test_the_limits_are_proved_at_a_depth_and_at_every_depth():
    pytest.importorskip("z3")
    for derivation in (sl.sharpness(network((3, 4, 4, 2), "tanh", "identity")), sl.sharpness(sl.Network.uniform(m, "logistic"))):
        derivation.check(obligations=True)
        assert [step.claim.value for step in derivation.steps.values() if isinstance(step.claim, Limit)][-2:] == [1, 1]
        assert derivation.verify(digits=25, networks=6).passed


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: sl.sharpness(network((2, 2, 1), "softplus")), "layer 1 has softplus, whose S0 is infinite"),
        (lambda: sl.sharpness(network((2, 2, 1), "identity")), "whose S0 is infinite"),
        (lambda: sl.sharpness(network((2, 2, 1), "tanh", "relu")), "the derivative of relu in layer 2 jumps"),
        (lambda: sl.lower_bound(network((2, 2, 1), "tanh"), sl.LayerBalls(biases="bounded")), "free biases"),
        (lambda: sl.lower_bound(network((2, 2, 1), "tanh")).compile()([1.0, -1.0], 1.0), r"weight_norms\[1\] must be nonnegative"),
        (lambda: sl.Network(0, [sl.Dense(1, "tanh")]), "must be a positive integer"),
        (lambda: sharpness_map(network((2, 2, 1), "tanh"), norms=[0.0]), "must be positive and finite"),
        (lambda: sharpness_map(sl.Network.uniform(m, "tanh")), "as numbers"),
    ],
)
def test_bad_input_is_one_clear_line(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


# --- planted errors -------------------------------------------------------------------------------------------------------


def planted(derivation, name, factor):
    """The derivation with one definition a little too large (for a lower bound) or too small (for an upper one)."""
    step = derivation.steps[name]
    derivation.steps[name] = dataclasses.replace(step, claim=dataclasses.replace(step.claim, expression=step.claim.expression * factor))
    return derivation


TOO_GOOD = {
    "D_2": lambda: planted(sl.lower_bound(network((2, 2, 1), "tanh")), "D_2", sympy.Rational(3, 2)),
    "C_2": lambda: planted(sl.lower_bound(network((2, 2, 1), "tanh")), "C_2", sympy.Rational(3, 2)),
    "C": lambda: planted(sl.lower_bound(network((1, 2, 2), "logistic"), sl.ParameterBall()), "C", 2),
    "M_1": lambda: planted(sl.exact_lipschitz(network((2, 2, 1), "tanh"), order=1), "M_1", sympy.Rational(9, 10)),
    "L_2": lambda: planted(sl.exact_lipschitz(network((2, 2, 1), "arctan"), order=1), "L_2", sympy.Rational(99, 100)),
    "K": lambda: planted(sl.global_bound(network((2, 2, 1), "relu", "identity")), "K", sympy.Rational(3, 2)),
    "F1": lambda: planted(sl.sharpness(sl.Network.uniform(m, "tanh")), "F1", sympy.Rational(1, 2)),
}


@pytest.mark.parametrize("name", TOO_GOOD)
def test_a_planted_error_is_refused_and_measured(name):
    derivation = TOO_GOOD[name]()
    with pytest.raises(sl.DerivationError, match=rf"step {name} is not what rule"):
        derivation.check()
    report = derivation.verify(digits=20, networks=12)
    assert not report.passed
    assert any(failed.name.startswith((name, "L <=", "Lambda <=")) or name in failed.name for failed in report.failures)


def test_a_witness_that_is_not_in_the_set_is_measured():
    derivation = sl.lower_bound(network((2, 2, 1), "tanh"))
    step = derivation.steps["D_2"]
    layers = [dataclasses.replace(layer, norm=2 * layer.norm) for layer in step.claim.witness.layers]
    derivation.steps["D_2"] = dataclasses.replace(
        step, claim=dataclasses.replace(step.claim, witness=dataclasses.replace(step.claim.witness, layers=tuple(layers)))
    )
    report = derivation.verify(digits=20, networks=4)
    assert [failed.name for failed in report.failures] == ["D_2"]
    assert isinstance(derivation.steps["D_2"].claim, Reached)


# --- the map --------------------------------------------------------------------------------------------------------------


def test_the_map_has_every_bound_in_its_order():
    pytest.importorskip("scipy")
    points = sharpness_map(network((1, 2, 1), "tanh"), norms=[4.0], widths=[1], starts=2)
    assert {(p.norm, p.width, p.order) for p in points} == {(4.0, 2, 1), (4.0, 2, 2), (1.0, 1, 1), (1.0, 1, 2)}
    for p in points:
        assert p.bounds["lower"] <= (p.witness or p.found) * (1 + 1e-9) <= p.found * (1 + 1e-8)
        assert p.found <= p.bounds["block"] * (1 + 1e-9) <= p.bounds["paired"] * (1 + 1e-8) <= p.bounds["separate"] * (1 + 1e-7)
        if p.order == 1:
            assert p.found <= p.bounds["joint"] * (1 + 1e-9) and p.found >= 0.999 * p.bounds["joint"]


def test_the_map_on_the_command_line(capsys, monkeypatch, tmp_path):
    pytest.importorskip("scipy")
    from symlip import cli

    figure = tmp_path / "map.png"
    monkeypatch.setattr("sys.argv", ["symlip", "sharpness", "--layers", "2,2,1", "--norms", "1", "--starts", "2", "--figure", str(figure), "--json"])
    with pytest.raises(SystemExit) as status:
        cli.main()
    assert status.value.code == 0
    points = json.loads(capsys.readouterr().out)
    assert {"separate", "paired", "block", "lower", "best_found_estimate"} <= set(points[0])
    assert figure.read_bytes().startswith(b"\x89PNG")
