"""The exact constant of the gradient: against the theory's values, independent derivatives, high precision and counterexamples."""

import dataclasses
import itertools
import math

import mpmath
import numpy as np
import pytest
import sympy

import symlip as sl
from symlip import bending, bending_conditions, charts
from symlip.calculus.rules import bending as rules

z = sympy.Symbol("z", real=True)
ALGEBRAIC = sl.Activation("algebraic", z / sympy.sqrt(1 + z**2))
STAR_ONLY = sl.Activation("steeper", (3 * sympy.tanh(z) - sympy.tanh(z) ** 3) / 2)


def network(widths, activation="tanh", last=None):
    return sl.Network(widths[0], [*(sl.Dense(width, activation) for width in widths[1:-1]), sl.Dense(widths[-1], last or activation)])


def numbers(widths, a, x, activation="tanh", last=None):
    bounds = sl.exact_lipschitz(network(widths, activation, last)).compile()
    return bounds(weight_norms=[a] * (len(widths) - 1), input_norm=x)


# --- values -------------------------------------------------------------------------------------------------------------------


VALUES = [  # theory, section 5b: tanh, |x| = 1
    ((1, 1, 1), 0.5, 1.59610), ((1, 1, 1), 1, 2.69619), ((1, 1, 1), 2, 7.41990), ((1, 1, 1), 4, 25.95462),
    ((1, 1, 1, 1), 1, 3.93790), ((1, 1, 1, 1), 4, 417.2461), ((3, 4, 1), 0.5, 3.84900), ((3, 4, 1), 1, 4.70935),
    ((3, 4, 1), 2, 9.51669), ((3, 4, 1), 4, 28.17696), ((3, 3, 3, 1), 0.5, 3.24897), ((3, 3, 3, 1), 1, 6.89373),
    ((3, 3, 3, 1), 2, 39.27088), ((3, 3, 3, 1), 4, 443.8622), ((2, 3, 3, 3, 3, 1), 1, 13.9864),
]  # fmt: skip


@pytest.mark.parametrize("widths, a, value", VALUES)
def test_the_theory_s_values(widths, a, value):
    found = numbers(widths, float(a), 1.0)
    last_digit = 10.0 ** -(len(str(value).split(".")[1]))
    assert abs(found.gradient_lipschitz - value) < 0.6 * last_digit + 2e-5 * value
    assert found.lower_gradient_lipschitz <= found.gradient_lipschitz <= found.lower_gradient_lipschitz * (1 + 2.1e-5)


def test_the_finer_setting():
    derivation = sl.exact_lipschitz(network((3, 4, 4, 1)))
    usual, fine = (derivation.compile(fine=fine)(weight_norms=[1.0, 1.0, 1.0], input_norm=1.0) for fine in (False, True))
    assert fine.lower_gradient_lipschitz <= fine.gradient_lipschitz <= fine.lower_gradient_lipschitz * (1 + 2e-8)
    assert fine.gradient_lipschitz <= usual.gradient_lipschitz * (1 + 1e-9)
    logistic = sl.exact_lipschitz(network((3, 2, 2, 1), "logistic")).compile(fine=True)
    assert 0 < logistic(weight_norms=[1.0, 1.0, 1.0], input_norm=1.0).gradient_lipschitz < 1
    for other in (sl.derive(network((3, 4, 1))), sl.derive(network((3, 4, 1)), sl.Neighbourhood(), method="norm", cost=sl.Risk(sl.HalfSquaredError()))):
        with pytest.raises(sl.SymlipError, match="fine=True"):
            other.compile(fine=True)


def test_one_hidden_layer_and_an_affine_output_have_a_formula():
    # theory, section 5b: max over d of n^2 a d tau + n d sqrt(n^2 a^2 tau^2 + 1)
    for a, x in itertools.product((0.1, 1.0, 5.0), (0.0, 1.0, 3.0)):
        d = np.linspace(0, 1, 200001)
        tau, n = np.sqrt(1 - d), math.sqrt(1 + x * x)
        exact = np.max(n * n * a * d * tau + n * d * np.sqrt(n * n * a * a * tau**2 + 1))
        found = numbers((2, 3, 2), a, x, last="identity").gradient_lipschitz
        assert exact * (1 - 1e-9) <= found <= exact * (1 + 2e-5)


@pytest.mark.parametrize("name", ["tanh", "arctan", "sin", ALGEBRAIC])
@pytest.mark.parametrize("widths, last", [((2, 3, 1), None), ((2, 2, 3, 1), None), ((2, 2, 2), "identity")])
def test_the_number_is_above_thirty_digits_and_near(name, widths, last):
    derivation = sl.exact_lipschitz(network(widths, name, last))
    assert derivation.exact == {"lipschitz": True, "gradient_lipschitz": True}
    bounds, rng = derivation.compile(), np.random.default_rng(0)
    for _ in range(4):
        a, x = list(10 ** rng.uniform(-0.3, 0.7, len(widths) - 1)), float(rng.uniform(0, 3))
        found = bounds(weight_norms=a, input_norm=x)
        exact = derivation.evaluate({"weight_norms": a, "input_norm": x}, digits=30)["gradient_lipschitz"]
        assert exact <= found.gradient_lipschitz <= exact * (1 + 1e-3)
        assert found.lower_gradient_lipschitz <= exact * (1 + mpmath.mpf(10) ** -12)


def test_many_random_networks_in_one_batch():  # of three pieces, beside each other
    rng = np.random.default_rng(1)
    derivation = sl.exact_lipschitz(network((3, 3, 4, 1)))
    a, x = [10 ** rng.uniform(-1.5, 1.5, 150) for _ in range(3)], rng.choice([0.0, 0.1, 1.0, 10.0], 150)
    found = derivation.compile()(weight_norms=a, input_norm=x)
    assert (found.gradient_lipschitz >= found.lower_gradient_lipschitz).all()
    assert (found.gradient_lipschitz <= found.lower_gradient_lipschitz * (1 + 1e-4)).all()
    for index in (0, 17, 63, 64, 149):
        alone = derivation.compile()(weight_norms=[part[index] for part in a], input_norm=x[index])
        assert math.isclose(alone.gradient_lipschitz, found.gradient_lipschitz[index], rel_tol=1e-10)


def test_hostile_scales_give_a_bound_or_infinity():
    bounds = sl.exact_lipschitz(network((3, 3, 1))).compile()
    for a, x in itertools.product((1e-150, 1e-8, 1.0, 1e8, 1e150), (0.0, 1e-150, 1e150)):
        found = bounds(weight_norms=[a, a], input_norm=x).gradient_lipschitz
        least = 4 / (3 * math.sqrt(3)) * (1 + 3)  # the hidden neurons saturated
        assert found >= least * (1 - 1e-12) and not math.isnan(found)


# --- never below a network ----------------------------------------------------------------------------------------------------


def second_derivative(theta, eta, x, functions):
    """N'' along a line, written out here once more."""
    h, h1, h2 = x, 0 * x, 0 * x
    for (A, b), (dA, db), (s, s1, s2) in zip(theta, eta, functions):
        point, first, second = A @ h + b, dA @ h + db + A @ h1, 2 * dA @ h1 + A @ h2
        h, h1, h2 = s(point), s1(point) * first, s2(point) * first**2 + s1(point) * second
    return h2


def climb(widths, a, x, functions, seed, rounds=1500):
    """The largest |N''| over networks and unit directions that a random search finds."""
    rng = np.random.default_rng(seed)

    def value(parts):
        theta, eta = parts
        scaled = [(A * (a / max(np.linalg.norm(A, 2), 1e-12)) if number else A, b) for number, (A, b) in enumerate(theta)]
        length = math.sqrt(sum(np.sum(dA**2) + np.sum(db**2) for dA, db in eta))
        return np.linalg.norm(second_derivative(scaled, eta, x, functions)) / length**2

    def draw(scale):
        return [(scale * rng.normal(size=(m, n)), scale * rng.normal(size=m)) for n, m in itertools.pairwise(widths)]

    best, parts = 0.0, None
    for _ in range(200):
        tried = draw(1.5), draw(1.0)
        if value(tried) > best:
            best, parts = value(tried), tried
    size = 0.5
    for _ in range(rounds):
        moved = tuple([(A + size * dA, b + size * db) for (A, b), (dA, db) in zip(part, draw(1.0))] for part in parts)
        if value(moved) > best:
            best, parts, size = value(moved), moved, min(size * 1.5, 1.0)
        else:
            size = max(size * 0.97, 1e-3)
    return best


TANH = (np.tanh, lambda v: 1 - np.tanh(v) ** 2, lambda v: -2 * np.tanh(v) * (1 - np.tanh(v) ** 2))


@pytest.mark.parametrize("widths, a, x", [((1, 1, 1), 1.0, 1.0), ((2, 2, 1), 0.5, 0.3), ((2, 2, 2), 2.0, 1.0), ((1, 2, 2, 1), 1.0, 0.5)])
def test_a_random_search_stays_below(widths, a, x):
    exact = numbers(widths, a, x).gradient_lipschitz
    point = np.zeros(widths[0])
    point[0] = x
    best = max(climb(widths, a, point, [TANH] * (len(widths) - 1), seed) for seed in range(3))
    assert 0.3 * exact < best <= exact * (1 + 1e-12)


@pytest.mark.parametrize("widths, last", [((2, 3, 1), None), ((2, 3, 3, 2), None), ((2, 3, 2), "identity")])
def test_the_witness_comes_near_the_constant(widths, last):
    derivation = sl.exact_lipschitz(network(widths, "tanh", last))
    x = np.array([0.6, -0.8])
    theta = derivation.witness(x=x, weight_norms=[1.5] * (len(widths) - 1), order=2)
    assert all(np.linalg.norm(A, 2) <= 1.5 * (1 + 1e-12) for A, _ in theta)
    linear = (lambda v: v, lambda v: 1 + 0 * v, lambda v: 0 * v)
    functions = [TANH] * (len(widths) - 2) + [TANH if last is None else linear]
    shapes = [(A.shape, b.shape) for A, b in theta]
    size = sum(A.size + b.size for A, b in theta)

    def split(vector):
        parts, at = [], 0
        for shape, bias in shapes:
            count = shape[0] * shape[1]
            parts.append((vector[at : at + count].reshape(shape), vector[at + count : at + count + bias[0]]))
            at += count + bias[0]
        return parts

    form = np.zeros((widths[-1], size, size))
    eye = np.eye(size)
    for i, j in itertools.combinations_with_replacement(range(size), 2):
        plus, minus = (second_derivative(theta, split(eye[i] + sign * eye[j]), x, functions) for sign in (1, -1))
        form[:, i, j] = form[:, j, i] = (plus - minus) / 4
    norm = max(np.abs(np.linalg.eigvalsh(np.einsum("o,oij->ij", direction, form))).max() for direction in np.eye(widths[-1]))
    exact = derivation.compile()(weight_norms=[1.5] * (len(widths) - 1), input_norm=1.0).gradient_lipschitz
    assert exact * (1 - 3e-5) <= norm <= exact * (1 + 1e-9)


def test_every_step_is_measured_at_fifty_digits():
    pytest.importorskip("z3")
    derivation = sl.exact_lipschitz(network((2, 3, 1)))
    derivation.check(obligations=True)
    report = derivation.verify(digits=50, networks=11)
    assert report.passed and report.steps["Lexact reached"].verdict == "equal to 50 digits"
    assert report.steps["Gamma_2"].measured > 50


@pytest.mark.parametrize(
    "made",
    [
        lambda: sl.exact_lipschitz(network((2, 2, 2, 2), "arctan")),
        lambda: sl.exact_lipschitz(network((1, 1, 1, 1), "logistic")),
        lambda: sl.exact_lipschitz(network((2, 2, 1), "gaussian")),
        lambda: sl.exact_lipschitz(network((2, 2, 1), STAR_ONLY)),
        lambda: sl.derive(network((2, 3, 3), "tanh", "identity"), sl.LayerBalls(), method="joint", cost=sl.SoftmaxCrossEntropy()),
        lambda: sl.derive(network((2, 3, 3)), sl.LayerBalls(), method="joint", cost=sl.Risk(sl.Huber(1))),
    ],
)
def test_other_lemmas_are_checked_and_measured(made):
    pytest.importorskip("z3")
    derivation = made()
    derivation.check(obligations=True)
    assert derivation.verify(digits=20, networks=3).passed


@pytest.mark.parametrize("digit", [0.99, 1.01])
def test_a_planted_error_is_named(digit):
    derivation = sl.exact_lipschitz(network((2, 3, 1)))
    step = derivation.steps["Gamma_2"]
    wrong = step.claim.expression.func(step.claim.expression.args[0], digit * step.claim.expression.args[1], *step.claim.expression.args[2:])
    derivation.steps["Gamma_2"] = dataclasses.replace(step, claim=dataclasses.replace(step.claim, expression=wrong))
    with pytest.raises(sl.DerivationError, match="Gamma_2 is not what rule 'cost of bending, tanh' gives"):
        derivation.check()
    if digit < 1:
        failed = derivation.verify(digits=20, networks=6).failures
        assert {step.name for step in failed} & {"Gamma_2", "Lexact", "Lexact reached"}


# --- what is exact, and what is not -------------------------------------------------------------------------------------------


def test_conditions_are_decided_for_the_expression():
    kinds = {
        name: bending_conditions.kind(sl.BUILT_IN[name]) for name in ("tanh", "arctan", "sin", "logistic", "gaussian", "erf", "softsign", "relu", "identity")
    }
    assert kinds == {
        "tanh": "tanh",
        "arctan": "odd",
        "sin": "sin",
        "logistic": None,
        "gaussian": None,
        "erf": None,
        "softsign": None,
        "relu": None,
        "identity": None,
    }
    assert bending_conditions.kind(sl.Activation("scaled", 3 * sympy.tanh(z / 2))) == "tanh"
    assert bending_conditions.kind(sl.Activation("logistic_centred", 1 / (1 + sympy.exp(-z)) - sympy.Rational(1, 2))) == "tanh"
    assert bending_conditions.kind(sl.Activation("logistic_shifted", 1 / (1 + sympy.exp(-z)) - sympy.Rational(2, 5))) is None
    assert bending_conditions.kind(ALGEBRAIC) == "odd" and bending_conditions.kind(STAR_ONLY) == "star"
    assert bending_conditions.kind(sl.Activation("gudermannian", 2 * sympy.atan(sympy.tanh(z / 2)))) == "star"


@pytest.mark.parametrize("function", [sympy.tanh(z), sympy.atan(z), z / sympy.sqrt(1 + z**2)])
def test_the_conditions_hold_where_they_are_decided(function):
    activation = sl.Activation("tested", function)
    points = np.linspace(1e-3, 30, 4000)
    s, s1, s2 = (np.asarray(sympy.lambdify(z, sympy.diff(function, z, k), "numpy")(points)) for k in range(3))
    top, steep = float(activation.constant(0)), float(activation.constant(1))
    keep = top - s > 1e-9
    with np.errstate(all="ignore"):
        ratios = (abs(s2) / np.sqrt(steep**2 - s1**2), s1 / (top**2 - s**2))
    for ratio in ratios:
        assert (np.diff(ratio[keep]) <= 1e-7 * ratio[keep][:-1]).all()


@pytest.mark.parametrize("function", [sympy.erf(z), (3 * sympy.tanh(z) - sympy.tanh(z) ** 3) / 2, sympy.exp(-(z**2)) * z])
def test_what_does_not_satisfy_them_is_not_called_exact(function):
    derivation = sl.exact_lipschitz(network((2, 3, 1), sl.Activation("tested", function)))
    assert not derivation.exact["gradient_lipschitz"]


def test_one_active_neuron_is_not_enough_for_wide_logistic_layers():
    # theory, exactness.md: |x| = 10, |A_2| = .001, all hidden neurons equal
    logistic = sl.exact_lipschitz(network((1, 1, 1), "logistic")).compile()
    s = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    functions = [(s, lambda v: s(v) * (1 - s(v)), lambda v: s(v) * (1 - s(v)) * (1 - 2 * s(v)))] * 2
    for width, least in ((2, 0.629745), (4, 0.635186)):

        def largest(point, last, width=width):
            theta = [(np.zeros((width, 1)), np.full(width, point)), (np.full((1, width), 0.001 / math.sqrt(width)), np.zeros(1))]
            theta[1][1][:] = last - theta[1][0] @ s(theta[0][1])

            def along(u, v, w):  # dA_1 = 10 u, db_1 = u, dA_2 = v, alike in all neurons
                eta = [(np.full((width, 1), u * 10), np.full(width, u)), (np.full((1, width), v), np.full(1, w))]
                return second_derivative(theta, eta, np.array([10.0]), functions)[0]

            scale = np.array([math.sqrt(width * 101), math.sqrt(width), 1.0])
            eye = np.eye(3)
            form = np.array([[(along(*(eye[i] + eye[j])) - along(*(eye[i] - eye[j]))) / 4 for j in range(3)] for i in range(3)])
            return np.abs(np.linalg.eigvalsh(form / np.outer(scale, scale))).max()

        best, at, rng, size = 0.0, (1.0, 0.0), np.random.default_rng(0), 3.0
        for _ in range(1500):
            tried = tuple(value + size * rng.normal() for value in at)
            if largest(*tried) > best:
                best, at = largest(*tried), tried
            size = max(0.995 * size, 1e-3)
        one_active = 0.628531 if width == 2 else 0.628551
        assert best > one_active and best > least * 0.999
        wide = sl.exact_lipschitz(network((1, width, 1), "logistic"))
        assert not wide.exact["gradient_lipschitz"]
        assert wide.compile()(weight_norms=[1.0, 0.001], input_norm=10.0).gradient_lipschitz >= best
    assert logistic(weight_norms=[1.0, 1.0], input_norm=1.0).gradient_lipschitz > 0


@pytest.mark.parametrize("name, last, most", [("logistic", None, 1.01), ("logistic", "identity", 1.06), ("gaussian", None, 1.02), ("erf", None, 1.02)])
def test_any_bounded_activation_has_a_certified_bound_near_a_network(name, last, most):
    derivation = sl.exact_lipschitz(network((2, 2, 2, 1), name, last))
    assert not derivation.exact["gradient_lipschitz"]
    block = sl.derive(derivation.problem.network, sl.LayerBalls()).compile()
    for a in (1.0, 3.0):
        found = derivation.compile()(weight_norms=[a] * 3, input_norm=1.0)
        assert 1 <= found.gradient_lipschitz / found.lower_gradient_lipschitz < most
        assert found.gradient_lipschitz < block(weight_norms=[a] * 3, input_norm=1.0).gradient_lipschitz


def test_all_neurons_alike_is_above_one_active_neuron_and_above_a_random_search():
    s = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    gauss = (lambda v: np.exp(-(v**2)), lambda v: -2 * v * np.exp(-(v**2)), lambda v: (4 * v**2 - 2) * np.exp(-(v**2)))
    logistic = (s, lambda v: s(v) * (1 - s(v)), lambda v: s(v) * (1 - s(v)) * (1 - 2 * s(v)))
    for name, functions, a, x in (("gaussian", gauss, 0.5, 0.3), ("gaussian", gauss, 2.0, 1.0), ("logistic", logistic, 0.3, 3.0)):
        found = numbers((2, 3, 1), a, x, name)
        best = max(climb((2, 3, 1), a, np.array([x, 0.0]), [functions] * 2, seed) for seed in range(2))
        assert 0.3 * found.gradient_lipschitz < best <= found.gradient_lipschitz * (1 + 1e-12)


def test_star_alone_gives_a_bracket():
    derivation = sl.exact_lipschitz(network((2, 3, 1), STAR_ONLY))
    found = derivation.compile()(weight_norms=[1.0, 1.0], input_norm=1.0)
    assert not derivation.exact["gradient_lipschitz"] and found.lower_gradient_lipschitz < found.gradient_lipschitz
    block = sl.derive(derivation.problem.network, sl.LayerBalls()).compile()(weight_norms=[1.0, 1.0], input_norm=1.0)
    assert found.gradient_lipschitz <= block.gradient_lipschitz


# --- the parts ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tanh", "logistic", "arctan", "sin", "gaussian"])
def test_cells_hold_the_derivatives(name):
    chart, rng = charts.chart(sl.BUILT_IN[name]), np.random.default_rng(0)
    derivatives = [sympy.lambdify(z, sl.BUILT_IN[name].derivative(order), "numpy") for order in range(5)]
    edges = np.array(chart.edges)
    for low, high, *bends in zip(edges, edges[1:], *chart.bends):
        points = rng.uniform(low, high, 20)
        for order, bend in enumerate(bends, 2):
            assert (abs(derivatives[order](points)) <= bend + 1e-12).all()
        for order, bend in enumerate(bends):
            f = derivatives[order]
            chord = f(low) + (points - low) / (high - low) * (f(high) - f(low))
            assert (abs(f(points) - chord) <= bend * (high - low) ** 2 / 8 + 1e-12).all()
    for point in (edges[-1] * 1.1, edges[-1] * 3, -edges[-1] * 2):
        for order, row in enumerate(chart.tails):
            assert abs(derivatives[order](point)) <= max(row)


def test_the_bound_of_a_step_is_below_a_dense_grid():
    derivation = sl.exact_lipschitz(network((2, 3, 1)))
    cells = rules.Cells().conclude(None, activation=sl.tanh).expression
    chart = charts.chart(sl.tanh)
    activation = (1.0, 1.0, True, chart.steep, chart.edges, chart.bends, chart.tails, chart.noise, *TANH)
    assert len(cells.args) == len(activation) and derivation.exact["gradient_lipschitz"]
    k = np.array([[0.0, 0.05, 0.2, 0.3, 0.45]])
    below = bending.bound_step((None, np.array([[0.4]])), k, np.array([1.2]), 3, activation, np.full(k.shape, 1e-9), True)[0]
    d = np.linspace(0, 1, 400001)
    for value, found in zip(k[0], below):
        denominator = 0.4 - 2 * 1.2 * value * d * np.sqrt(1 - d) - value**2 * d**2
        if denominator.min() > 0:
            exact = 1 / (1 + 3 + np.max(d * np.maximum(d * (1.2**2 + value**2) - 0.4, 0) / denominator))
            assert exact * (1 - 1e-8) <= found <= exact * (1 + 1e-12)
        else:
            assert found == -np.inf


@pytest.mark.parametrize(
    "weights, size, best",
    [((0.60383437, 0.78387469), 5.051052531003721, 12.549473329382986), ((2.67002746, 0.24565129), 3.161213492856195, 19.49772115422266)],
)
def test_chains_of_sines_whose_maximum_is_flat(weights, size, best):
    """best: of 300 searches over the three pre-activations, for the largest eigenvalue of N'' along the directions of the chain."""
    found = sl.exact_lipschitz(network((1, 1, 1, 1), "sin")).compile()(weight_norms=[1.0, *weights], input_norm=size)
    assert best * (1 - 1e-9) <= found.gradient_lipschitz <= best * (1 + 1e-6)
    assert best * (1 - 1e-6) <= found.lower_gradient_lipschitz <= best * (1 + 1e-9)


@pytest.mark.parametrize(
    "name, widths, norms, size",
    [("sin", (1, 1, 1), (1.0, 1.0), 1.0), ("sin", (1, 1, 1, 1), (1.0, 0.5, 1.0), 0.3), ("gaussian", (1, 1, 1), (1.0, 0.0561454010355156), 0.0)],
)
def test_an_affine_output_decided_far_from_where_the_search_went(name, widths, norms, size):
    found = sl.exact_lipschitz(network(widths, name, "identity")).compile()(weight_norms=list(norms), input_norm=size)
    best = {"sin": 2.0, "gaussian": 0.85915505}[name]  # of L-BFGS searches over networks
    assert best * (1 - 1e-8) <= found.gradient_lipschitz <= best * (1 + 2e-5)


def test_a_layer_that_the_search_left_far_out_is_tried_near_zero():
    found = sl.exact_lipschitz(network((1, 1, 1), "arctan")).compile()(weight_norms=[5.0, 0.01], input_norm=3.0)
    assert found.gradient_lipschitz / 1.00002 <= found.lower_gradient_lipschitz <= found.gradient_lipschitz


@pytest.mark.parametrize("name", ["sin", "logistic", "gaussian"])
def test_random_chains_are_known_from_both_sides(name):
    rng = np.random.default_rng(8)
    norms, sizes = 10 ** rng.uniform(-0.7, 0.9, (3, 40)), rng.uniform(0, 8, 40)
    found = sl.exact_lipschitz(network((1, 1, 1, 1), name)).compile()(weight_norms=list(norms), input_norm=sizes)
    ratios = found.gradient_lipschitz / found.lower_gradient_lipschitz
    assert (ratios >= 1).all() and np.median(ratios) < 1 + 1e-5 and np.sort(ratios)[-3] < 1 + 1e-3


def test_an_average_is_that_of_the_samples():
    cost = sl.SoftmaxCrossEntropy()
    one = sl.derive(network((2, 3, 3)), sl.LayerBalls(), method="joint", cost=cost).compile()
    many = sl.derive(network((2, 3, 3)), sl.LayerBalls(), method="joint", cost=sl.Risk(cost)).compile()
    norms = [0.2, 1.0, 2.5]
    single = [one(weight_norms=[1.0, 1.0], input_norm=x).cost_gradient_lipschitz for x in norms]
    found = many(weight_norms=[1.0, 1.0], input_norm=np.array(norms)).cost_gradient_lipschitz
    assert found <= np.mean(single) * (1 + 1e-6)
    block = sl.derive(network((2, 3, 3)), sl.LayerBalls(), cost=sl.Risk(cost)).compile()
    assert found < block(weight_norms=[1.0, 1.0], input_norm=np.array(norms)).cost_gradient_lipschitz


# --- the parameter ball -------------------------------------------------------------------------------------------------


def test_the_ball_by_the_shares_of_the_layers():
    network = sl.Network(2, [sl.Dense(2, "tanh"), sl.Dense(2, "tanh"), sl.Dense(1, "tanh")])
    layer_balls = sl.exact_lipschitz(network).compile()
    function = sl.derive(network, sl.ParameterBall(), method="joint").compile()
    budget = sl.derive(network, sl.ParameterBall()).compile()
    rng = np.random.default_rng(0)
    for radius in (4.0,):
        found = function(radius=radius, input_norm=1.0).gradient_lipschitz
        assert found < budget(radius=radius, input_norm=1.0).gradient_lipschitz
        angles = rng.uniform(0.02, np.pi / 2 - 0.02, size=12)
        shares = layer_balls(weight_norms=[np.ones(12), radius * np.cos(angles), radius * np.sin(angles)], input_norm=1.0)
        assert (shares.lower_gradient_lipschitz <= found).all()
        assert found <= 1.08 * shares.gradient_lipschitz.max()


def bent_twice(theta, eta, x, hidden, out):
    """|D^2 N[eta, eta]| of a network of two layers, by its second derivative written out; theta and eta are (A_1, b_1, A_2, b_2)."""
    (A, b, B, c), (dA, db, dB, dc) = theta, eta
    z, dz = A @ x + b, dA @ x + db
    h, p, q = (f(z) for f in hidden)
    y, dy, ddy = B @ h + c, dB @ h + dc + B @ (p * dz), 2 * dB @ (p * dz) + B @ (q * dz**2)
    return float(np.linalg.norm(out[2](y) * dy**2 + out[1](y) * ddy))


FUNCTIONS = {
    name: [sympy.lambdify(z, sympy.sympify(sl.BUILT_IN[name].derivative(order)) + 0 * z, "numpy") for order in range(3)]
    for name in ("tanh", "logistic", "identity")
}


def functions(name):
    return [lambda v, f=f: f(v) + 0 * v for f in FUNCTIONS[name]]


def best_of_two_layers(widths, x, size, hidden, out, ball, starts, seed=0):
    """The largest |D^2 N[eta, eta]|, |eta| = 1, that an optimiser finds in the ball of the parameters, or with |A_2|_F at most that."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    shapes = [(widths[1], widths[0]), (widths[1],), (widths[2], widths[1]), (widths[2],)]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    count = ends[-1]

    def split(vector):
        return [vector[i:j].reshape(shape) for i, j, shape in zip(ends, ends[1:], shapes)]

    def value(vector):
        theta, eta = vector[:count], vector[count:] / np.linalg.norm(vector[count:])
        if ball:
            theta = theta * min(1.0, size / np.linalg.norm(theta))
        parts = split(theta)
        if not ball:
            parts[2] = parts[2] * min(1.0, size / np.linalg.norm(parts[2]))
        return -bent_twice(parts, split(eta), x, functions(hidden), functions(out))

    return max(-minimize(value, rng.normal(size=2 * count), method="BFGS", options={"maxiter": 150}).fun for _ in range(starts))


@pytest.mark.parametrize(
    ("widths", "hidden", "out", "size", "ball", "room"),
    [
        ((1, 3, 1), "tanh", "tanh", 1.0, True, 1.08),
        ((1, 3, 1), "tanh", "tanh", 4.0, True, 1.01),
        ((2, 2, 2), "logistic", "identity", 2.0, True, 1.03),
        ((1, 3, 1), "logistic", "logistic", 4.0, False, 1.001),
        ((1, 2, 1), "logistic", "identity", 1.0, False, 1.002),
    ],
)
def test_two_layers_are_above_every_network_and_near_the_best(widths, hidden, out, size, ball, room):
    pytest.importorskip("scipy")
    where = sl.ParameterBall() if ball else sl.LayerBalls()
    bounds = sl.derive(network(widths, hidden, out), where, method="joint").compile()
    x = np.ones(widths[0]) / np.sqrt(widths[0])
    bound = bounds(**({"radius": size} if ball else {"weight_norms": [1.0, size]}), input_norm=1.0).gradient_lipschitz
    found = best_of_two_layers(widths, x, size, hidden, out, ball, 4)
    assert found <= bound * (1 + 1e-9)
    assert bound <= room * (found if ball else max(found, bounds(weight_norms=[1.0, size], input_norm=1.0).lower_gradient_lipschitz))


def test_two_layers_of_the_ball_are_below_the_shares():
    shape = network((3, 3, 2), "tanh", "identity")
    derivation = sl.derive(shape, sl.ParameterBall(), method="joint")
    found = derivation.compile()(radius=2.0, input_norm=1.0).gradient_lipschitz
    assert found < 0.99 * sl.exact_lipschitz(shape).compile()(weight_norms=[1.0, 2.0], input_norm=1.0).gradient_lipschitz
    derivation.check(obligations=True)
    report = derivation.verify(digits=20, networks=3)
    assert report.passed and "Ltwo" in report.steps
    for scale in (1e-150, 1e-20, 1e20, 1e150):
        extreme = derivation.compile()(radius=scale, input_norm=1.0).gradient_lipschitz
        assert extreme > 0 and not np.isnan(extreme)


def test_a_planted_error_in_the_shares_of_two_layers_is_found(monkeypatch):
    right = rules.TwoLayersBall.conclude
    monkeypatch.setattr(
        rules.TwoLayersBall,
        "conclude",
        lambda self, given, **detail: dataclasses.replace(claim := right(self, given, **detail), expression=claim.expression / 3),
    )
    report = sl.derive(network((2, 2, 1), "tanh"), sl.ParameterBall(), method="joint").verify(digits=20, networks=12)
    assert report.failures and report.failures[0].name == "Ltwo"
