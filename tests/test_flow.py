"""Continuous depth: the bounds against the theory, other integrators, random jump sequences and bad input."""

import dataclasses
import math

import numpy as np
import pytest
import sympy

import symlip as sl

k, v1, v2, w, c = sympy.symbols("k v1 v2 w c")
y = sl.variation
GENERAL = sl.ControlledODE(k, v1, v2, w, c)
NUMBERS = {"k": 0.7, "v1": 0.9, "v2": 0.4, "w": 0.5, "c": 0.3}

FIELDS = {
    "general": GENERAL,
    "growth": sl.ControlledODE(k, v1, v2, w, c, growth=(1, k)),
    "numbers": sl.ControlledODE(0.7, 0.9, 0.4, 0.5, 0.3),
    "functions": sl.ControlledODE(k, v1 * (1 + y), v2, w * sympy.exp(y / 4), c, growth=(1 + y, k)),
    "pieces": sl.ControlledODE(k, v1, v2, w, c, growth=(1, k), control=[sl.Flow("U_1"), sl.Jump("d"), sl.Flow(0.5), sl.Jump(1)]),
    "functions on pieces": sl.ControlledODE(k, v1 * (1 + y), v2, w, c, control=[sl.Flow("U_1"), sl.Jump("d"), sl.Flow(0.5)]),
    "depth-dependent": sl.ControlledODE(k, v1, v2, w, c, parameters="depth-dependent"),
    "neural": sl.NeuralODE("l", "tanh"),
    "logistic": sl.NeuralODE(2, "logistic"),
    "neural pieces": sl.NeuralODE(2, "tanh", control=[sl.Flow("U_1"), sl.Jump("d"), sl.Flow(0.5)]),
    "neural depth-dependent": sl.NeuralODE(2, "arctan", parameters="depth-dependent"),
}  # fmt: skip


@pytest.mark.parametrize("activation", ["softplus", "tanh"])
def test_bounded_biases_bound_the_state_and_block_stays_below_separate(activation):
    parameters, given = sl.LayerBalls(biases="bounded"), {"weight_norm": 0.8, "bias_norm": 0.3, "input_norm": 0.5, "total_variation": 1.0}
    block, separate = (sl.derive(sl.NeuralODE(3, activation), parameters, method=method) for method in ("block", "separate"))
    for derivation in (block, separate):
        derivation.check()
        assert derivation.verify(digits=15, networks=3).passed
    fine, rough = block.compile()(**given), separate.compile()(**given)
    assert fine.lipschitz <= rough.lipschitz and fine.gradient_lipschitz <= rough.gradient_lipschitz
    if activation == "tanh":
        free = sl.derive(sl.NeuralODE(3, activation)).compile()(weight_norm=0.8, input_norm=0.5, total_variation=1.0)
        assert fine.lipschitz < free.lipschitz and fine.gradient_lipschitz < free.gradient_lipschitz


@pytest.mark.parametrize("name", FIELDS)
def test_every_line_is_measured(name):
    derivation = sl.derive(FIELDS[name])
    derivation.check()
    count = 3 if isinstance(FIELDS[name], sl.NeuralODE) else 8
    assert derivation.verify(digits=20, networks=count).passed


@pytest.mark.parametrize("make", [lambda: sl.derive(sl.NeuralODE(2, "tanh"), method="separate", cost=sl.SoftmaxCrossEntropy()), lambda: sl.lower_bound(sl.NeuralODE("l", "tanh")), lambda: sl.global_bound(sl.NeuralODE(2, "arctan")), lambda: sl.limit_theorem(GENERAL), lambda: sl.limit_theorem(sl.NeuralODE(2, "tanh"))])  # fmt: skip
def test_the_other_theorems_are_measured(make):
    pytest.importorskip("z3")
    derivation = make()
    derivation.check(obligations=True)
    assert derivation.verify(digits=20, networks=3).passed


@pytest.mark.parametrize("name", ["general", "functions", "depth-dependent", "neural", "neural pieces", "neural depth-dependent"])
def test_obligations_are_decided(name):
    pytest.importorskip("z3")
    sl.derive(FIELDS[name]).check(obligations=True)


# --- numbers of the theory, section 11 ------------------------------------------------------------------------------------


DISCRETE = {2: (1.4362, 1.0853), 10: (1.7861, 2.2183), 100: (1.8953, 2.6764), 10_000: (1.90828, 2.73442)}


@pytest.mark.parametrize("count", DISCRETE)
def test_the_discrete_bounds_are_the_theorys(count):
    found = sl.limit_theorem(GENERAL).compile()(total_variation=1.3, m=count, **NUMBERS)
    places = 5 if count == 10_000 else 4
    assert (round(found.discrete_lipschitz, places), round(found.discrete_gradient_lipschitz, places)) == DISCRETE[count]
    assert (round(found.lipschitz, 5), round(found.gradient_lipschitz, 5)) == (1.90841, 2.73502)
    if count <= 100:  # jumps one by one
        jumps = sl.derive(sl.ControlledODE(k, v1, v2, w, c, control=[sl.Jump("d")] * count)).compile()(d=1.3 / count, **NUMBERS)
        assert math.isclose(jumps.lipschitz, found.discrete_lipschitz, rel_tol=1e-12) and math.isclose(
            jumps.gradient_lipschitz, found.discrete_gradient_lipschitz, rel_tol=1e-12
        )


def test_the_limit_is_monotone_and_the_tied_residual_network_is_on_the_way():
    theorem = sl.limit_theorem(sl.NeuralODE(4, "tanh")).compile()
    values = [theorem(weight_norm=1.0, input_norm=0.5, total_variation=2.0, m=count) for count in (1, 2, 3, 5, 8, 13, 100, 1000)]
    for name in ("discrete_lipschitz", "discrete_gradient_lipschitz"):
        series = [getattr(value, name) for value in values] + [getattr(values[0], name.removeprefix("discrete_"))]
        assert series == sorted(series) and series[-1] < series[-2] * 1.01
    network = sl.Network(4, [sl.Tied(sl.Residual(4, "tanh", step="d"), 13)])
    tied = sl.derive(network, sl.LayerBalls()).compile()([1.0], 0.5, 2.0 / 13)
    assert math.isclose(tied.lipschitz, values[5].discrete_lipschitz, rel_tol=1e-12)
    assert math.isclose(tied.gradient_lipschitz, values[5].discrete_gradient_lipschitz, rel_tol=1e-12)


def test_pure_jumps_are_the_residual_network_symbolically():
    jumps = sl.derive(sl.NeuralODE("l", "tanh", control=[sl.Jump("d")] * 3))
    residual = sl.derive(sl.Network("l", [sl.Tied(sl.Residual("l", "tanh", step="d"), 3)]), sl.LayerBalls())
    rename = {sympy.Symbol("a_1", nonnegative=True): sympy.Symbol("a", nonnegative=True)}
    mine, other = dict(jumps.definitions), {symbol: expression.xreplace(rename) for symbol, expression in residual.definitions}
    for name in ("qvec_3", "lvec_3", "G_3"):
        symbol = sympy.Symbol(name, nonnegative=True)
        assert mine[symbol] == other[symbol]


def test_one_flow_is_as_good_as_two():
    whole = sl.derive(sl.NeuralODE(4, "tanh")).compile()(weight_norm=1.3, input_norm=0.5, total_variation=2.0)
    halves = sl.derive(sl.NeuralODE(4, "tanh", control=[sl.Flow("U_1"), sl.Flow("U_2")])).compile()(weight_norm=1.3, input_norm=0.5, U_1=0.7, U_2=1.3)
    assert np.allclose(whole.layer_lipschitz, halves.layer_lipschitz, rtol=1e-13)


@pytest.mark.parametrize("seed", range(5))
def test_the_continuous_control_is_the_worst(seed):
    rng = np.random.default_rng(seed)
    flow = sl.derive(GENERAL).compile()
    for _ in range(40):
        given = dict(zip(NUMBERS, rng.uniform(0, 2, 5)))
        jumps = rng.exponential(size=rng.integers(1, 9))
        first = second = 0.0
        for d in jumps:  # the recursion of residual layers, here once more
            second += d * (given["v2"] + 2 * given["w"] * first + given["c"] * first**2 + given["k"] * second)
            first += d * (given["v1"] + given["k"] * first)
        bound = flow(total_variation=jumps.sum(), **given)
        assert first <= bound.lipschitz * (1 + 1e-12) and second <= bound.gradient_lipschitz * (1 + 1e-12)


# --- against another integrator -----------------------------------------------------------------------------------------


def test_the_closed_form_solves_its_equation_by_another_integrator():
    scipy = pytest.importorskip("scipy.integrate")
    a, rho, width, U, S2 = 1.3, 0.5, 4, 1.7, 4 / (3 * math.sqrt(3))

    def slope(t, state):
        la, lb, gaa, gab, gbb = state
        q = a * la + rho + math.sqrt(width) * t, a * lb + 1
        return [q[0], q[1], S2 * q[0] ** 2 + a * gaa + 2 * la, S2 * q[0] * q[1] + a * gab + lb, S2 * q[1] ** 2 + a * gbb]

    la, lb, gaa, gab, gbb = scipy.solve_ivp(slope, (0, U), [0.0] * 5, rtol=1e-11, atol=1e-12).y[:, -1]
    found = sl.derive(sl.NeuralODE(width, "tanh")).compile()(weight_norm=a, input_norm=rho, total_variation=U)
    assert math.isclose(found.lipschitz, math.hypot(la, lb), rel_tol=1e-8)
    assert np.allclose(found.layer_lipschitz, [[gaa, gab], [gab, gbb]], rtol=1e-8)


def test_the_quadrature_is_above_and_near():
    mpmath = pytest.importorskip("mpmath")
    found = sl.derive(sl.NeuralODE(4, "tanh"), method="separate").compile()(weight_norm=1.0, input_norm=0.5, total_variation=2.0)
    R = lambda t: 0.5 + 2 * t  # noqa: E731
    exact = float(mpmath.quad(lambda t: mpmath.exp(2 - t) * mpmath.sqrt(1 + R(t) ** 2), [0, 2]))
    assert exact <= found.lipschitz <= exact * 1.0005
    assert sl.derive(sl.NeuralODE(4, "tanh")).compile()(1.0, 0.5, 2.0).lipschitz < exact


def test_depth_dependent_parameters_cost_less_in_L2_than_constant_ones_repeated():
    shared = sl.derive(GENERAL).compile()(total_variation=1.0, **NUMBERS)
    free = sl.derive(FIELDS["depth-dependent"]).compile()(total_variation=1.0, **NUMBERS)
    assert free.lipschitz >= shared.lipschitz  # on [0, 1] constant theta_t has the same norm, and is one direction among others


@pytest.mark.parametrize("z", [0.0, 1e-12, 1e-3, 0.3, 0.999, 1.001, 3.0, 30.0])
def test_the_entire_functions_keep_their_digits(z):
    from mpmath import mp

    derivation = sl.derive(GENERAL)
    given = {"total_variation": 1.0, "k": z, "v1": 1.0, "v2": 1.0, "w": 1.0, "c": 1.0}
    exact, found = derivation.evaluate(given, digits=40), derivation.compile()(**given)
    assert abs(mp.mpf(found.lipschitz) / exact["lipschitz"] - 1) < 1e-14 and abs(mp.mpf(found.gradient_lipschitz) / exact["gradient_lipschitz"] - 1) < 1e-13


# --- what is exact, lower bounds -------------------------------------------------------------------------------------------


def test_the_general_bound_is_reached_and_says_so():
    assert sl.derive(GENERAL).exact == {"lipschitz": True, "gradient_lipschitz": True}
    assert sl.derive(FIELDS["growth"]).exact["lipschitz"] is False  # the witness need not grow so slowly
    assert sl.derive(FIELDS["functions"]).exact["lipschitz"] is False
    assert sl.derive(FIELDS["depth-dependent"]).exact["lipschitz"] is False


def test_lower_is_below_upper_and_sharp_for_large_weights():
    upper, lower = sl.derive(sl.NeuralODE(3, "tanh")).compile(), sl.lower_bound(sl.NeuralODE(3, "tanh")).compile()
    ratios = []
    for a in (0.1, 1.0, 10.0, 100.0):
        ratios.append(upper(a, 1.0, 1.0).lipschitz / lower(a, 1.0, 1.0).lipschitz)
        assert lower(a, 1.0, 1.0).gradient_lipschitz <= upper(a, 1.0, 1.0).gradient_lipschitz
    assert all(ratio >= 1 for ratio in ratios) and ratios[-1] < 1.05
    assert sl.global_bound(sl.NeuralODE(3, "tanh")).limits == {"lipschitz": sympy.oo, "gradient_lipschitz": sympy.oo}


# --- planted errors, bad input ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, factor", [("L_T", sympy.Rational(99, 100)), ("H_T", sympy.Rational(99, 100))])
def test_a_planted_error_is_refused_and_measured(name, factor):
    derivation = sl.derive(GENERAL)
    step = derivation.steps[name]
    derivation.steps[name] = dataclasses.replace(step, claim=dataclasses.replace(step.claim, expression=step.claim.expression * factor))
    with pytest.raises(sl.DerivationError, match=f"step {name} is not what rule"):
        derivation.check()
    assert name in [failed.name for failed in derivation.verify(digits=15, networks=10).failures]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: sl.ControlledODE(k, sympy.exp(-5 * y)), "not shown to be nonnegative and nondecreasing"),
        (lambda: sl.ControlledODE(sympy.oo, 1), "finite and nonnegative"),
        (lambda: sl.ControlledODE(float("nan"), 1), "finite and nonnegative|not a number|must be"),
        (lambda: sl.ControlledODE(-1, 1), "nonnegative"),
        (lambda: sl.ControlledODE(1, None), "not None"),
        (lambda: sl.derive(sl.ControlledODE(1, 1)), "no parameter_curvature.*order=1"),
        (lambda: sl.Jump(float("inf")), "finite number"),
        (lambda: sl.Jump(0), "other than 0"),
        (lambda: sl.Flow(-1), "positive and finite"),
        (lambda: sl.NeuralODE(3, "tanh", control=[1.0]), "list of Flow"),
        (lambda: sl.NeuralODE(3, "tanh", parameters="some"), "'shared' or 'depth-dependent'"),
        (lambda: sl.derive(sl.NeuralODE(3, "softplus")), "bound the biases"),
        (lambda: sl.derive(sl.NeuralODE(3, "relu")), "not differentiable at 0|order=1|unbounded"),
        (lambda: sl.derive(sl.NeuralODE(3, "tanh"), method="paired"), "method='block'"),
        (lambda: sl.derive(sl.NeuralODE(3, "tanh"), sl.ParameterBall()), "LayerBalls"),
        (lambda: sl.derive(GENERAL, sl.LayerBalls()), "no parameter set"),
        (lambda: sl.derive(GENERAL).compile()(total_variation=-1.0, **NUMBERS), "total_variation must be nonnegative"),
        (lambda: sl.derive(GENERAL).compile()(total_variation=float("inf"), **NUMBERS), "total_variation must be finite"),
        (lambda: sl.derive(GENERAL).compile()(total_variation=[1.0, float("inf")], **NUMBERS), "total_variation must be finite"),
        (lambda: sl.derive(GENERAL).compile()(total_variation=1.0, **{**NUMBERS, "k": float("inf")}), "k must be finite"),
        (lambda: sl.limit_theorem(FIELDS["functions"]), "do not depend on the elapsed variation"),
        (lambda: sl.limit_theorem(GENERAL).compile()(total_variation=1.0, m=1.5, **NUMBERS), "positive integer"),
        (lambda: sl.lower_bound(sl.NeuralODE(2, "logistic")), "not 0 there"),
    ],
)
def test_bad_input_is_one_clear_line(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
