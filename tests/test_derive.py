"""The bounds themselves: the theory's reference values, closed forms against recursions, order, monotonicity, rewrites."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symlip as sl
from symlip.models import load

m = sympy.Symbol("m", integer=True, positive=True)


def tanh_network(*widths):
    return sl.Network(widths[0], [sl.Dense(width, "tanh") for width in widths[1:]])


REFERENCE = [  # theory, section 3: widths, a, L, separate, paired, block
    ((3, 1), 1, 1.4142, 1.5396, 1.5396, 1.5396),
    ((3, 1, 1), 1, 2.0000, 6.0330, 5.3619, 5.0914),
    ((3, 4, 1), 1, 2.6458, 8.3424, 7.3318, 7.2083),
    ((3, 4, 1), 4, 6.0828, 36.0552, 34.8087, 34.7241),
    ((3, 3, 3, 1), 1, 3.1623, 17.7201, 14.6375, 14.2291),
]


@pytest.mark.parametrize("widths, a, lipschitz, separate, paired, block", REFERENCE)
def test_reference_values(widths, a, lipschitz, separate, paired, block):
    for method, expected in (("separate", separate), ("paired", paired), ("block", block)):
        derivation = sl.derive(tanh_network(*widths), sl.LayerBalls(), method=method)
        derivation.check()
        result = derivation.compile()(weight_norms=[a] * (len(widths) - 1), input_norm=1.0)
        assert round(result.lipschitz, 4) == lipschitz
        assert round(result.gradient_lipschitz, 4) == expected


@pytest.mark.parametrize(
    "depth, radius, budget_ratio, paper_ratio",
    [(10, 10 * math.sqrt(10), 1.0117, 1.969e4), (100, 100.0, 1.0137, 6.0808e98)],
)
def test_budget_and_paper_bounds_over_the_lower_bound(depth, radius, budget_ratio, paper_ratio):
    network = sl.Network.uniform(depth, "tanh", 1, 1)
    lower = (radius / math.sqrt(depth - 1)) ** (depth - 1) * math.sqrt(2)
    budget = sl.derive(network, sl.ParameterBall()).compile()(radius=radius, input_norm=1.0)
    paper = sl.derive(network, sl.ParameterBall(shared_budget=False)).compile()(radius=radius, input_norm=1.0)
    assert budget.lipschitz / lower == pytest.approx(budget_ratio, rel=5e-5)
    assert paper.lipschitz / lower == pytest.approx(paper_ratio, rel=5e-4)


def test_the_budget_of_two_layers_is_what_an_optimiser_finds():
    """Entries of the budget bound are maxima of monomials: against a direct search over the sphere."""
    network = sl.Network(2, [sl.Dense(2, "tanh"), sl.Dense(2, "tanh"), sl.Dense(1, "tanh")])
    radius, x = 3.0, 0.7
    matrix = sl.derive(network, sl.ParameterBall()).compile()(radius=radius, input_norm=x).layer_lipschitz
    angles = np.linspace(0, np.pi / 2, 2001)
    a2, a3 = radius * np.cos(angles), radius * np.sin(angles)
    S2, v = 4 / (3 * math.sqrt(3)), math.sqrt(2)
    # entry (A_1, A_1) of G_3: S2 (a_3 a_2 x)^2 + a_3 S2 (a_2 x)^2 + a_3 a_2 S2 x^2, each monomial maximised alone
    expected = S2 * x**2 * (np.max((a3 * a2) ** 2) + np.max(a3 * a2**2) + np.max(a3 * a2))
    assert matrix[0, 0] == pytest.approx(expected, rel=1e-5)
    # entry (A_1, A_2): curvature of layers 2 and 3 and the mixed term a_3 |dh_1|
    expected = S2 * x * v * (np.max(a3**2 * a2) + np.max(a3 * a2)) + np.max(a3) * x
    assert matrix[0, 2] == pytest.approx(expected, rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    norms=st.lists(st.floats(0, 30), min_size=3, max_size=3),
    x=st.floats(0, 30),
    widths=st.lists(st.integers(1, 5), min_size=3, max_size=3),
    activation=st.sampled_from(["tanh", "logistic", "sin", "erf", "arctan", "gaussian"]),
)
def test_each_method_is_at_most_the_coarser_one(norms, x, widths, activation):
    network = sl.Network(2, [sl.Dense(width, activation) for width in widths])
    found = [sl.derive(network, sl.LayerBalls(), method=method).compile()(norms, x) for method in ("separate", "paired", "block")]
    slack = 1 + 1e-12
    assert found[2].gradient_lipschitz <= found[1].gradient_lipschitz * slack
    assert found[1].gradient_lipschitz <= found[0].gradient_lipschitz * slack
    assert found[0].lipschitz == pytest.approx(found[2].lipschitz, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(radius=st.floats(0, 50), x=st.floats(0, 10), widths=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_the_budget_is_at_most_the_ball_with_every_norm_equal_to_the_radius(radius, x, widths):
    network = sl.Network(2, [sl.Dense(width, activation) for width, activation in zip(widths, ["tanh", "logistic", "softplus", "identity"])])
    budget = sl.derive(network, sl.ParameterBall()).compile()(radius, x)
    paper = sl.derive(network, sl.ParameterBall(shared_budget=False)).compile()(radius, x)
    assert budget.lipschitz <= paper.lipschitz * (1 + 1e-12)
    assert budget.gradient_lipschitz <= paper.gradient_lipschitz * (1 + 1e-12)
    assert budget.value <= paper.value * (1 + 1e-12)


@settings(max_examples=30, deadline=None)
@given(
    a=st.lists(st.floats(0, 5), min_size=3, max_size=3),
    b=st.lists(st.floats(0, 5), min_size=3, max_size=3),
    x=st.floats(0, 5),
    index=st.integers(0, 6),
    more=st.floats(0, 3),
    method=st.sampled_from(["separate", "paired", "block"]),
)
def test_bounds_increase_with_every_constant(a, b, x, index, more, method):
    network = sl.Network(2, [sl.Dense(3, "softplus"), sl.Dense(2, "tanh"), sl.Dense(2, "identity")])
    bounds = sl.derive(network, sl.LayerBalls(biases="bounded"), method=method).compile()
    before = bounds(a, b, x)
    a, b = list(a), list(b)
    if index < 3:
        a[index] += more
    elif index < 6:
        b[index - 3] += more
    else:
        x += more
    after = bounds(a, b, x)
    for name in ("value", "lipschitz", "gradient_lipschitz"):
        assert getattr(after, name) >= getattr(before, name) * (1 - 1e-12)


class TestAnyDepth:
    @pytest.mark.parametrize("activation", ["tanh", "logistic", "arctan"])
    @pytest.mark.parametrize("depth", [1, 2, 3, 6])
    def test_closed_forms_equal_the_recursion(self, activation, depth):
        norms, x = [0.3 + 0.4 * u for u in range(depth)], 0.8
        closed = sl.derive(sl.Network.uniform(m, activation), sl.LayerBalls()).compile()(norms, x, widths=[3], depth=depth)
        recursion = sl.derive(sl.Network.uniform(depth, activation, 3, 2), sl.LayerBalls()).compile()(norms, x)
        assert closed.lipschitz == pytest.approx(recursion.lipschitz, rel=1e-13)
        assert closed.gradient_lipschitz == pytest.approx(recursion.gradient_lipschitz, rel=1e-12)
        np.testing.assert_allclose(closed.layer_lipschitz, recursion.layer_lipschitz, rtol=1e-12)

    def test_bounded_biases(self):
        norms, biases, x = [0.5, 1.5, 2.0], [0.1, 0.0, 0.7], 0.8
        closed = sl.derive(sl.Network.uniform(m, "softplus"), sl.LayerBalls(biases="bounded")).compile()(norms, biases, x, widths=3, depth=3)
        recursion = sl.derive(sl.Network.uniform(3, "softplus", 3, 2), sl.LayerBalls(biases="bounded")).compile()(norms, biases, x)
        assert closed.gradient_lipschitz == pytest.approx(recursion.gradient_lipschitz, rel=1e-12)

    @pytest.mark.parametrize("a", [0.5, 1.0, 1.0 + 1e-13, 3.0])
    @pytest.mark.parametrize("depth", [1, 2, 5, 20])
    def test_equal_layers_in_their_three_regimes(self, a, depth):
        closed = sl.derive(sl.Network.uniform(m, "tanh"), sl.LayerBalls(equal=True)).compile()(a, 0.8, widths=3, depth=depth)
        recursion = sl.derive(sl.Network.uniform(depth, "tanh", 3, 2), sl.LayerBalls()).compile()([a] * depth, 0.8)
        assert closed.lipschitz == pytest.approx(recursion.lipschitz, rel=1e-12)
        assert closed.gradient_lipschitz == pytest.approx(recursion.gradient_lipschitz, rel=1e-11)

    @pytest.mark.parametrize("depth", [1, 3, 5])
    def test_the_budget_at_any_depth_equals_that_at_a_concrete_one(self, depth):
        closed = sl.derive(sl.Network.uniform(m, "tanh"), sl.ParameterBall()).compile()(2.5, 0.8, widths=3, depth=depth)
        concrete = sl.derive(sl.Network.uniform(depth, "tanh", 3, 2), sl.ParameterBall()).compile()(2.5, 0.8)
        assert closed.gradient_lipschitz == pytest.approx(concrete.gradient_lipschitz, rel=1e-12)


class TestHarmlessRewrites:
    def test_equal_layers_as_one_object_or_several(self):
        layer = sl.Dense(3, "tanh")
        one = sl.derive(sl.Network(3, [layer, layer]), sl.LayerBalls())
        two = sl.derive(sl.Network(3, [sl.Dense(3, "tanh"), sl.Dense(3, sl.tanh)]), sl.LayerBalls())
        assert one.definitions == two.definitions
        assert one.module() == two.module()

    def test_padded_zero_inputs(self):
        assert sl.derive(tanh_network(3, 4, 1), sl.LayerBalls()).definitions == sl.derive(tanh_network(7, 4, 1), sl.LayerBalls()).definitions

    def test_widths_as_numbers_or_symbols(self):
        symbolic = sl.derive(sl.Network("l_0", [sl.Dense("l_1", "tanh"), sl.Dense("l_2", "tanh")]), sl.LayerBalls()).compile()
        concrete = sl.derive(tanh_network(3, 4, 1), sl.LayerBalls()).compile()
        assert symbolic([1, 1], 1.0, widths=[3, 4, 1])[1:3] == concrete([1, 1], 1.0)[1:3]

    def test_permuted_neurons_have_the_same_norms_and_bounds(self, tmp_path):
        rng = np.random.default_rng(0)
        A1, b1, A2, b2 = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(2, 4)), rng.normal(size=2)
        order = rng.permutation(4)
        found = []
        for name, arrays in (("plain", (A1, b1, A2, b2)), ("permuted", (A1[order], b1[order], A2[:, order], b2))):
            np.savez(tmp_path / f"{name}.npz", **dict(zip(("A1", "b1", "A2", "b2"), arrays)))
            model = load(tmp_path / f"{name}.npz")
            found.append(sl.derive(model.network, sl.LayerBalls()).compile()(model.weight_norms, 1.0))
        assert found[0].gradient_lipschitz == pytest.approx(found[1].gradient_lipschitz, rel=1e-12)


class TestCosts:
    def test_the_block_form_is_at_most_the_scalar_one(self):
        network = sl.Network(3, [sl.Dense(4, "tanh"), sl.Dense(3, "identity")])
        for cost in (sl.SoftmaxCrossEntropy(), sl.Logistic(), sl.Huber(2)):
            block = sl.derive(network, sl.LayerBalls(), cost=cost).compile()([1.3, 0.7], 1.1)
            scalar = sl.derive(network, sl.LayerBalls(), cost=cost, method="separate").compile()([1.3, 0.7], 1.1)
            assert block.cost_gradient_lipschitz <= scalar.cost_gradient_lipschitz
            assert block.cost_lipschitz == pytest.approx(scalar.cost_lipschitz)

    def test_a_linear_least_squares_problem_is_exact(self):
        """One affine layer and the half squared error: the Hessian is (x, 1)(x, 1)^T, its norm 1 + |x|^2."""
        network = sl.Network(3, [sl.Dense(2, "identity")])
        result = sl.derive(network, sl.LayerBalls(biases="bounded"), cost=sl.HalfSquaredError()).compile()([1.0], [1.0], 2.0, 1.0)
        assert result.cost_gradient_lipschitz == pytest.approx(5.0)

    def test_the_risk_is_an_average_and_never_above_the_average_of_the_bounds(self):
        network = sl.Network(3, [sl.Dense(4, "tanh"), sl.Dense(3, "identity")])
        norms = np.array([0.1, 1.0, 5.0])
        each = sl.derive(network, sl.LayerBalls(), cost=sl.SoftmaxCrossEntropy()).compile()([1.3, 0.7], norms)
        risk = sl.derive(network, sl.LayerBalls(), cost=sl.Risk(sl.SoftmaxCrossEntropy())).compile()([1.3, 0.7], norms)
        assert risk.cost_lipschitz == pytest.approx(each.cost_lipschitz.mean())
        assert risk.cost_gradient_lipschitz <= each.cost_gradient_lipschitz.mean() * (1 + 1e-12)
        assert risk.cost_gradient_lipschitz < each.cost_gradient_lipschitz.max() / 2
        single = sl.derive(network, sl.LayerBalls(), cost=sl.Risk(sl.SoftmaxCrossEntropy())).compile()([1.3, 0.7], [5.0])
        assert single.cost_gradient_lipschitz == pytest.approx(each.cost_gradient_lipschitz[2])


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: sl.Dense(-1, "tanh"), "positive integer"),
        (lambda: sl.Dense(2.5, "tanh"), "positive integer"),
        (lambda: sl.Dense(0, "tanh"), "positive integer"),
        (lambda: sl.Dense("4 x", "tanh"), "neither a positive integer nor"),
        (lambda: sl.Network(3, []), "at least one layer"),
        (lambda: sl.Network(3, [4]), "not a layer"),
        (lambda: sl.LayerBalls(biases="some"), "'free' or 'bounded'"),
        (lambda: sl.Huber(-1), "positive number"),
        (lambda: sl.derive(tanh_network(3, 1), sl.LayerBalls(), method="blok"), "unknown method"),
        (lambda: sl.derive(tanh_network(3, 1), sl.LayerBalls(), order=0), "order=0"),
        (lambda: sl.derive(tanh_network(3, 1), "ball"), "parameter set"),
        (lambda: sl.derive("net", sl.LayerBalls()), "is a Network"),
        (lambda: sl.derive(tanh_network(3, 1), sl.LayerBalls(), cost="mse"), "not a cost"),
        (lambda: sl.derive(sl.Network(3, [sl.Dense(4, "relu"), sl.Dense(1, "identity")]), sl.LayerBalls(biases="bounded")), "order=1"),
        (lambda: sl.derive(sl.Network(3, [sl.Dense(4, "softplus"), sl.Dense(1, "identity")]), sl.LayerBalls()), "bound the biases"),
        (lambda: sl.derive(sl.Network(3, [sl.Dense(1, "identity")]), sl.LayerBalls(), cost=sl.HalfSquaredError()), "bounded outputs"),
        (lambda: sl.derive(sl.Network.uniform(m, "tanh"), sl.LayerBalls(), method="paired"), "method='block'"),
        (lambda: sl.derive(sl.Network(3, [sl.Dense("B_1", "tanh")]), sl.LayerBalls()), "choose another"),
        (lambda: sl.derive(tanh_network(3, 1), sl.LayerBalls()).compile()([1, 1], 1), "1 entries"),
        (lambda: sl.derive(tanh_network(3, 1), sl.LayerBalls()).compile()([-1], 1), "nonnegative"),
        (lambda: sl.derive(tanh_network(3, 1), sl.LayerBalls()).compile()([1], float("nan")), "nonnegative"),
        (lambda: sl.derive(tanh_network(3, 1), sl.LayerBalls()).compile()([np.array([1.0, np.nan])], 1), "NaN"),
        (lambda: sl.derive(sl.Network.uniform(m, "tanh"), sl.LayerBalls()).compile()([1], 1, widths=[3], depth=0), "depth"),
    ],
)
def test_bad_input_gets_one_clear_line(make, says):
    with pytest.raises(ValueError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_relu_has_a_first_order_bound():
    network = sl.Network(3, [sl.Dense(4, "relu"), sl.Dense(1, "identity")])
    derivation = sl.derive(network, sl.LayerBalls(biases="bounded"), order=1)
    derivation.check()
    # |Dh_1| <= sqrt(1 + x^2), |h_1| <= a x + b, so L^2 = 1 + (a x + b)^2 + a^2 (1 + x^2)
    assert derivation.compile()([2.0, 3.0], [0.5, 0.0], 1.0).lipschitz == pytest.approx(math.sqrt(1 + 2.5**2 + 9 * 2))
