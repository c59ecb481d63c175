"""The joint bounds: exact where they say so, against the theory's values, independent norms, and optimisers."""

import math

import mpmath
import numpy as np
import pytest
import sympy
from mpmath import mpf

import symlip as sl
from symlip import peaks, runtime
from symlip.sharpness_map import best_found, derivative_norm

z = sympy.Symbol("z", real=True)


def network(widths, activation, last=None):
    layers = [sl.Dense(w, activation) for w in widths[1:-1]] + [sl.Dense(widths[-1], last or activation)]
    return sl.Network(widths[0], layers)


EXACT = [  # theory, section 5: widths, activation, a, |x|, box bound, exact
    ((2, 2, 1), "tanh", 3.0, 0.7, 4.0509, 3.925557),
    ((2, 2, 2, 1), "logistic", 5.0, 0.7, 0.8413, 0.767706),
    ((2, 2, 1), "arctan", 3.0, 0.7, 4.3983, 4.108211),
    ((4, 7, 5, 3, 1), "tanh", 2.0, 0.7, 15.8543, 15.177615),
]


@pytest.mark.parametrize("widths, activation, a, x, box, exact", EXACT)
def test_the_exact_constant_is_the_theorys(widths, activation, a, x, box, exact):
    derivation = sl.exact_lipschitz(network(widths, activation))
    derivation.check()
    assert derivation.exact == {"lipschitz": True, "gradient_lipschitz": activation != "logistic"}
    arguments = {"weight_norms": [a] * (len(widths) - 1), "input_norm": x}
    assert round(derivation.compile()(**arguments).lipschitz, 6) == exact
    block = sl.derive(network(widths, activation), sl.LayerBalls())
    assert round(block.compile()(**arguments).lipschitz, 4) == box
    sharp, rough = (bounds.compile()(**arguments).gradient_lipschitz for bounds in (derivation, block))
    assert sharp < rough


@pytest.mark.parametrize("activation", ["tanh", "logistic", "arctan", "erf", "sin", "gaussian", "softsign"])
def test_the_witness_reaches_it_to_thirty_digits(activation):
    report = sl.derive(network((2, 3, 2, 2), activation), sl.LayerBalls(), method="joint", order=1).verify(digits=30, networks=12)
    assert report.passed
    assert report.steps["L_3 reached"].verdict == "equal to 30 digits"
    assert all(report.steps[f"M_{u} reached"].verdict == "equal to 30 digits" for u in range(3))


def test_the_witness_in_floats_reaches_it():
    derivation = sl.exact_lipschitz(network((2, 3, 2, 2), "logistic"))
    norms, x = [0.7, 5.0, 6.0], np.array([0.3, -0.4])
    theta = derivation.witness(weight_norms=norms, x=x)
    assert [A.shape for A, _ in theta] == [(3, 2), (2, 3), (2, 2)]
    assert all(np.linalg.norm(A, 2) <= a for (A, _), a in zip(theta, norms))
    bound = derivation.compile()(weight_norms=norms, input_norm=0.5).lipschitz
    assert math.isclose(derivative_norm([sl.logistic] * 3, theta, x, 1), bound, rel_tol=1e-9)


# --- J --------------------------------------------------------------------------------------------------------------


USERS = {
    "bump": z * sympy.exp(-(z**2)), "cauchy": 1 / (1 + z**2), "root": z / sympy.sqrt(1 + z**2), "clipped": sympy.Min(sympy.Max(z, 0), 6),
    "scaled": sympy.Rational(17, 10) * sympy.tanh(2 * z / 3),
}  # fmt: skip


@pytest.mark.parametrize("name", ["tanh", "logistic", "arctan", "erf", "sin", "gaussian", "softsign", *USERS])
def test_the_peak_is_above_a_grid_and_no_higher_than_it_says(name):
    activation = sl.BUILT_IN.get(name) or sl.Activation(name, USERS[name])
    found = peaks.peak(activation)
    points = [mpf(k) / 64 for k in range(-500, 501)] + [mpf(10) ** k * side for k in range(2, 9) for side in (1, -1)]
    s, slope = (sympy.lambdify(z, activation.derivative(k), "mpmath") for k in (0, 1))
    derivation = sl.derive(network((1, 1, 1), activation), sl.LayerBalls(), method="joint", order=1)
    bounds = derivation.compile()
    for weight in (0.05, 0.5, 1.0, 3.0, 9.0, 50.0):
        grid = max(s(point) ** 2 + weight * slope(point) ** 2 for point in points)
        value = bounds(weight_norms=[1.0, math.sqrt(weight)], input_norm=0.0).lipschitz ** 2 / float(activation.constant(1)) ** 2 - 1
        assert grid <= value * (1 + 1e-12)
        assert value <= grid * (1.0005 if found.exact else 1.01)
    assert derivation.exact["lipschitz"] == found.exact


def test_a_neuron_that_is_large_and_steep_at_once_is_told_apart():
    assert peaks.exclusive(sl.tanh) and peaks.exclusive(sl.arctan) and peaks.exclusive(sl.erf)
    assert not peaks.exclusive(sl.logistic) and not peaks.exclusive(sl.gaussian)


# --- an optimiser against the exact constant ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(15))
def test_an_optimiser_comes_to_the_exact_constant_and_never_above(seed):
    pytest.importorskip("scipy")
    rng = np.random.default_rng(seed)
    widths = [int(w) for w in rng.integers(1, 5, size=rng.integers(2, 4))] + [int(rng.integers(1, 3))]
    name = ["tanh", "logistic", "sin", "gaussian", "tanh"][seed % 5]
    norms = [float(a) for a in 10 ** rng.uniform(-0.3, 0.7, size=len(widths) - 1)]
    x = rng.normal(size=widths[0])
    net = network(widths, name)
    exact = sl.exact_lipschitz(net, order=1)
    bound = exact.compile()(weight_norms=norms, input_norm=float(np.linalg.norm(x))).lipschitz
    found = best_found(net, norms, x, 1, starts=4, seed=seed, seeds=[exact.witness(weight_norms=norms, x=x)])
    assert 0.999 * bound <= found <= bound * (1 + 1e-9)


# --- bounded biases -----------------------------------------------------------------------------------------------------


BOUNDED = [("softplus", 5.338, 5.353, 8.300), ("gelu", 4.445, 4.501, 5.639), ("silu", 3.749, 3.749, 5.280), ("tanh", 2.986, 2.988, 3.640)]


@pytest.mark.parametrize("name, truth, theory, box", BOUNDED)
def test_bounded_biases(name, truth, theory, box):
    net = network((1, 3, 3, 3, 1), name, "identity")
    arguments = {"weight_norms": [1.0] * 4, "bias_norms": [0.5] * 4, "input_norm": 1.0}
    sets = sl.LayerBalls(biases="bounded")
    found = sl.derive(net, sets, method="joint", order=1).compile()(**arguments).lipschitz
    assert truth - 0.0005 <= found <= theory * 1.0005
    assert round(sl.derive(net, sets, order=1).compile()(**arguments).lipschitz, 3) == box


def test_the_gaussian_needs_a_nondecreasing_majorant():
    net = network((1, 2, 1), "gaussian", "identity")
    found = sl.derive(net, sl.LayerBalls(biases="bounded"), method="joint", order=1).compile()
    assert 1.97 <= found(weight_norms=[1.0, 1.0], bias_norms=[10.0, 10.0], input_norm=1.0).lipschitz <= 1.9725


def random_networks(rng, widths, norms, biases, count):
    for _ in range(count):
        theta = []
        for rows, columns, a, b in zip(widths[1:], widths, norms, biases):
            A, v = rng.normal(size=(rows, columns)), rng.normal(size=rows)
            if rng.random() < 0.5:
                A = np.outer(rng.normal(size=rows), rng.normal(size=columns))
            theta.append((a * A / np.linalg.norm(A, 2), b * rng.uniform(0, 1) * v / np.linalg.norm(v)))
        yield theta


@pytest.mark.parametrize("name", ["softplus", "silu", "elu", "relu", "sin", "gaussian"])
def test_no_network_is_above_the_bound_for_bounded_biases(name):
    rng = np.random.default_rng(1)
    widths, norms, biases, x = [2, 3, 2, 1], [1.3, 0.8, 2.0], [0.4, 1.1, 0.3], np.array([0.6, -0.5])
    activations = [sl.BUILT_IN[name]] * 3
    derivation = sl.derive(sl.Network(2, [sl.Dense(w, name) for w in widths[1:]]), sl.LayerBalls(biases="bounded"), method="joint", order=1)
    bound = derivation.compile()(weight_norms=norms, bias_norms=biases, input_norm=float(np.linalg.norm(x))).lipschitz
    largest = max(derivative_norm(activations, theta, x, 1) for theta in random_networks(rng, widths, norms, biases, 400))
    assert 0.3 * bound <= largest <= bound


# --- the parameter ball -------------------------------------------------------------------------------------------------


BALL = [(1.0, 1.002), (2.0, 1.053), (4.0, 1.009), (10.0, 1.0003)]  # theory, section 4: joint ball / truth at m = 4, widths 3


@pytest.mark.parametrize("radius, theory", BALL)
def test_the_ball(radius, theory):
    net = network((1, 3, 3, 3, 1), "tanh")
    joint = sl.derive(net, sl.ParameterBall(), method="joint", order=1).compile()(radius=radius, input_norm=1.0).lipschitz
    budget = sl.derive(net, sl.ParameterBall(), order=1).compile()(radius=radius, input_norm=1.0).lipschitz
    lower = sl.lower_bound(net, sl.ParameterBall(), order=1).compile()(radius=radius, input_norm=1.0).lipschitz
    assert lower <= joint < budget
    assert joint / lower <= theory + 0.02  # the search stops when a level is too much work


def test_two_layers_on_the_ball_are_exact():
    derivation = sl.derive(network(("l_0", "l_1", "l_2"), "tanh"), sl.ParameterBall(), method="joint")
    assert derivation.exact == {"lipschitz": True, "gradient_lipschitz": False}
    assert math.isclose(derivation.compile()(radius=3.0, input_norm=2.0, widths=[2, 3, 1]).lipschitz, math.sqrt(1 + 9 * 5))
    report = derivation.verify(digits=40, networks=8)
    assert report.passed and report.steps["L_2 reached"].verdict == "equal to 40 digits"


# --- the search ---------------------------------------------------------------------------------------------------------


def toy(states, cells):
    """State s in [0, 1] and control t: the next state is s (1 - t), the value grows by s t (4 - v) / 4."""
    s, lo, hi = states[0][:, None], cells[None, :-1], cells[None, 1:]
    return [s * (1 - lo)], s * hi + 0 * lo, 1 - 0 * s * hi


def test_the_search_finds_a_known_maximum_and_excludes_nothing_below_it():
    # v' = v + s t, s' = s (1 - t): three steps from s = 1, v = 1 reach at most 1 + 1 = 2
    assert not runtime.eliminate([toy] * 3, [1.0], 1.0, 1.999, 200_000)
    assert runtime.eliminate([toy] * 3, [1.0], 1.0, 2.02, 200_000)
    assert runtime.smallest_excluded([toy] * 3, [1.0], 1.0, 10.0, 1.0, 100_000) ** 2 >= 2.0
    assert runtime.smallest_excluded([toy] * 3, [1.0], 1.0, 10.0, 1.0, 100_000) ** 2 <= 2.05


def test_cell_sizes_are_above_the_function():
    rng = np.random.default_rng(2)
    for name in ("tanh", "softplus", "gelu", "sin", "elu", "mish"):
        derivation = sl.derive(network((1, 2, 1), name, "identity"), sl.LayerBalls(biases="bounded"), method="joint", order=1)
        namespace = {}
        exec(derivation.module(), namespace)
        activation = sl.BUILT_IN[name]
        s, slope = (sympy.lambdify(z, activation.derivative(k), "mpmath") for k in (0, 1))
        constants = [mpf(sympy.N(activation.constant(k), 20)._mpf_) if activation.constant(k) != sympy.oo else mpf("inf") for k in range(4)]
        triple = ((abs(s(mpf(0))), *constants), np.frompyfunc(lambda v, f=s: float(f(mpf(v))), 1, 1), np.frompyfunc(lambda v, f=slope: float(f(mpf(v))), 1, 1))
        triple = (tuple(float(c) for c in triple[0]), *(lambda v, f=f: f(v).astype(float) for f in triple[1:]))
        start = rng.uniform(-5, 5, size=12)
        stop = start + 10 ** rng.uniform(-3, 0, size=12)
        size, steep = namespace["cell_sizes"](triple, start, stop)
        with mpmath.workdps(25):
            for a, b, top, bend in zip(start, stop, size, steep):
                for point in np.linspace(a, b, 23):
                    assert abs(s(mpf(point))) <= top and abs(slope(mpf(point))) <= bend


# --- order --------------------------------------------------------------------------------------------------------------


def test_joint_is_at_most_block_and_free_biases_are_the_limit_of_bounded_ones():
    net = network((2, 3, 2), "tanh")
    free = sl.exact_lipschitz(net, order=1).compile()
    bounded = sl.derive(net, sl.LayerBalls(biases="bounded"), method="joint", order=1).compile()
    block = sl.derive(net, sl.LayerBalls(), order=1).compile()
    for a in (0.2, 1.0, 4.0):
        top = free(weight_norms=[a, a], input_norm=1.0).lipschitz
        assert top <= block(weight_norms=[a, a], input_norm=1.0).lipschitz * (1 + 1e-12)
        near = bounded(weight_norms=[a, a], bias_norms=[1e3, 1e3], input_norm=1.0).lipschitz
        small = bounded(weight_norms=[a, a], bias_norms=[0.1, 0.1], input_norm=1.0).lipschitz
        assert small <= near * (1 + 1e-9) and near <= top * 1.001


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: sl.exact_lipschitz(network((3, 4, 1), "softplus")), "bound the biases"),
        (lambda: sl.exact_lipschitz(sl.Network.uniform("m", "tanh")), "give the depth as a number"),
        (lambda: sl.derive(network((3, 4, 1), "tanh"), sl.ParameterBall(shared_budget=False), method="joint"), "use ParameterBall"),
        (lambda: sl.derive(network(("l_0", "l_1", "l_2"), "tanh"), sl.LayerBalls(biases="bounded"), method="joint"), "widths as numbers"),
        (lambda: sl.derive(network((3, 4, 1), "tanh"), sl.LayerBalls(), method="joint", variables="inputs"), "is about the parameters"),
        (lambda: sl.derive(network((3, 4, 1), "tanh"), sl.LayerBalls(), variables="outputs"), "unknown variables 'outputs'"),
        (lambda: sl.derive(sl.Network.uniform("m", "tanh"), sl.LayerBalls(), variables="both"), "give the depth as a number"),
        (lambda: sl.exact_lipschitz(network((3, 4, 1), "tanh")).compile()([1.0, 0.0], 1.0), r"weight_norms\[1\] is 0.*method='block'"),
        (lambda: sl.exact_lipschitz(network((3, 4, 1), "tanh")).witness(x=[1.0, 0.0], weight_norms=[1.0, 1.0]), "x must have 3 entries"),
        (lambda: sl.exact_lipschitz(network((3, 4, 1), "tanh")).witness(x=[1.0, 0.0, 0.0], weight_norms=[1.0, 0.0]), "is 0"),
        (lambda: sl.exact_lipschitz(network((3, 4, 1), "softsign")).witness(x=[1.0, 0.0, 0.0], weight_norms=[1.0, 1.0], order=2), "no witness of order 2"),
        (lambda: sl.exact_lipschitz(network((3, 4, 1), "tanh")).witness(x=[1.0, 0.0, 0.0]), "needs weight_norms"),
    ],
)
def test_bad_input_is_one_clear_line(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("variables", ["inputs", "both"])
@pytest.mark.parametrize("method", ["separate", "paired", "block"])
def test_inputs_verify_and_agree_with_finite_differences(variables, method):
    net = network((2, 3, 2), "tanh")
    derivation = sl.derive(net, sl.LayerBalls(), method=method, variables=variables)
    derivation.check()
    assert derivation.verify(digits=30, networks=10).passed
    if variables == "inputs":
        # L = S1^m prod a, H_2 = S2 (a_2 S1 a_1)^2 + S1 a_2 S2 a_1^2
        result = derivation.compile()(weight_norms=[2.0, 3.0], input_norm=1.0)
        bend = 4 / (3 * math.sqrt(3))
        assert math.isclose(result.lipschitz, 6.0) and math.isclose(result.gradient_lipschitz, bend * 36 + 3 * bend * 4)
    else:
        alone = sl.derive(net, sl.LayerBalls(), method=method).compile()(weight_norms=[2.0, 3.0], input_norm=1.0)
        both = derivation.compile()(weight_norms=[2.0, 3.0], input_norm=1.0)
        assert both.lipschitz > alone.lipschitz and both.gradient_lipschitz > alone.gradient_lipschitz
