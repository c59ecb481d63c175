"""The parameter ball for residual and tied layers: its products against optimisers, its bounds against networks and other derivations."""

import dataclasses

import numpy as np
import pytest

import symlip as sl
from symlip import shares

LAYERS = {
    "residual": [sl.Residual(2, "tanh", step="d")] * 4,
    "mixed": [sl.Dense(3, "logistic"), sl.Residual(3, "tanh", step="d"), sl.Residual(3, "tanh", step=2), sl.Dense(1, "identity")],
    "recurrent": [sl.Tied(sl.Dense(2, "tanh"), 4)],
    "tied": [sl.Dense(2, "tanh"), sl.Tied(sl.Residual(2, "tanh", step="d"), 3), sl.Tied(sl.Dense(2, "sin"), 2), sl.Dense(2, "tanh")],
    "unbounded": [sl.Residual(2, "softplus", step="d")] * 2 + [sl.Tied(sl.Residual(2, "softplus", step="d"), 2), sl.Dense(1, "identity")],
    "skips": [
        sl.Dense(2, "tanh"),
        sl.Skip([sl.Dense(3, "tanh"), sl.Dense(2, "arctan")], step="d"),
        sl.Residual(2, "tanh"),
        sl.Skip([sl.Dense(2, "tanh")] * 3),
        sl.Dense(1, "identity"),
    ],
    "tied skips": [sl.Tied(sl.Skip([sl.Dense(3, "tanh"), sl.Dense(2, "tanh")], step="d"), 3), sl.Dense(2, "tanh")],
    "unbounded skip": [sl.Skip([sl.Dense(3, "softplus"), sl.Dense(2, "identity")], step="d"), sl.Residual(2, "softplus", step="d")],
}
NETWORKS = {name: sl.Network(2, layers) for name, layers in LAYERS.items()}


def largest_product(radius, factors, rng):
    """The largest product of (function, lines that share its norm) that a climb over the shares of the squared radius finds."""
    scipy = pytest.importorskip("scipy.optimize")

    def value(free):
        share = np.exp(free - free.max())
        share = share / share.sum()
        return -sum(np.log(np.maximum(f(min(radius, radius * np.sqrt(n * part))), 1e-300)) for (f, n), part in zip(factors, share))

    starts = rng.normal(size=(6, len(factors)))
    return np.exp(-min(scipy.minimize(value, start, method="Nelder-Mead", options={"maxiter": 4000, "fatol": 1e-13}).fun for start in starts))


@pytest.mark.parametrize("seed", range(6))
def test_a_product_is_above_what_a_climb_finds_and_near(seed):
    rng = np.random.default_rng(seed)
    keeps, slopes, used = [1.0, 0.0, 1.0], list(rng.uniform(0.05, 2, 3)), [1, 1, 1 + seed % 2]
    ones, twos, powers = rng.integers(0, 2, 3), rng.integers(0, 2, 3), np.array([0, seed % 3, 0])
    radius = 10 ** rng.uniform(-1, 1)
    factors = []
    for kind in range(3):
        for count, power in ((ones, 1), (twos, 2)):
            factors += [(lambda t, kind=kind, power=power: (keeps[kind] + slopes[kind] * t) ** power, used[kind])] * int(count[kind])
        if powers[kind]:
            factors.append((lambda t, power=powers[kind]: t**power, used[kind]))
    rows = (row[None, :].astype(float) for row in (ones, twos, powers))
    kinds = [np.array(column, dtype=float) for column in (keeps, slopes, used, [1] * len(used))]
    found = shares.most_of_products(radius, kinds, *rows)[0]
    best = largest_product(radius, factors, rng) if factors else 1.0
    assert best <= found * (1 + 1e-12) and found <= best * (1 + 1e-5)


def test_dense_lines_are_the_budget_bound():
    """With no line that keeps its input the closed form, by the means' inequality, is the other way to the same numbers."""
    network = sl.Network(3, [sl.Dense(4, "tanh"), sl.Dense(3, "logistic"), sl.Dense(4, "tanh"), sl.Dense(2, "tanh")])
    bounds = sl.derive(network, sl.ParameterBall()).compile()(2.5, 0.7)
    slopes, bends = ((1.0, 0.25, 1.0, 1.0), (4 / 27**0.5, 1 / 108**0.5, 4 / 27**0.5, 4 / 27**0.5))
    starts, tops = (0.0, 3**0.5 / 2, 0.0, 0.0), (2.0, 3**0.5, 2.0, 2**0.5)
    dense, own = (0, 0, 0, 0), (0, 1, 2, 3)
    sizes = shares.shared_values(2.5, 0.7, dense, slopes, starts, tops, own, 0, (), ())
    assert np.linalg.norm(shares.shared_blocks(sizes, 2.5, dense, slopes, own, (), ())) == pytest.approx(bounds.lipschitz, rel=1e-11)
    assert shares.shared_matrix(sizes, 2.5, dense, slopes, bends, own, (), ()) == pytest.approx(bounds.layer_lipschitz, rel=1e-11)


def test_joint_is_the_block_bound_there_and_says_so():
    joint, block = (sl.derive(NETWORKS["tied"], sl.ParameterBall(), method=method) for method in ("joint", "block"))
    assert joint.compile()(2.0, 0.5, d=0.3).gradient_lipschitz == block.compile()(2.0, 0.5, d=0.3).gradient_lipschitz
    assert "block by block stand in" in joint.latex() and "block by block stand in" not in block.latex()


def test_one_shared_layer_spends_everything():
    bounds = sl.derive(NETWORKS["recurrent"], sl.ParameterBall()).compile()(3.0, 1.0)
    balls = sl.derive(NETWORKS["recurrent"], sl.LayerBalls()).compile()([3.0], 1.0)
    assert bounds.lipschitz == pytest.approx(balls.lipschitz, rel=1e-11)
    assert bounds.gradient_lipschitz == pytest.approx(balls.gradient_lipschitz, rel=1e-11)


@pytest.mark.parametrize("name", NETWORKS)
def test_between_the_shares_of_layer_balls_and_every_norm_the_radius(name):
    network, rng = NETWORKS[name], np.random.default_rng(1)
    steps = {step.name: 0.3 for step in network.steps}
    shared = sl.derive(network, sl.ParameterBall()).compile()
    every = sl.derive(network, sl.ParameterBall(shared_budget=False)).compile()
    balls = sl.derive(network, sl.LayerBalls("bounded")).compile()
    for _ in range(20):
        radius, parts = 10 ** rng.uniform(-1, 1), rng.dirichlet(np.full(2 * len(network.groups), 0.7))
        norms = np.sqrt(parts) * radius
        below = balls(list(norms[::2]), list(norms[1::2]), input_norm=0.6, **steps)
        bounds, above = shared(radius=radius, input_norm=0.6, **steps), every(radius=radius, input_norm=0.6, **steps)
        for result in ("value", "lipschitz", "gradient_lipschitz"):
            assert getattr(below, result) <= getattr(bounds, result) * (1 + 1e-12) <= getattr(above, result) * (1 + 1e-11)


@pytest.mark.parametrize("degree", [2, 3, 5])
@pytest.mark.parametrize("power", [1, 2])
def test_the_factor_of_a_skip_is_above_a_grid_and_near(degree, power):
    """(1 + c t^k)^power times b s on t^2 + s^2 <= R^2; for k > 2 the logarithm is not concave in t^2, and the price may cost something."""
    rng = np.random.default_rng(degree)
    t = np.linspace(0, 1, 200001)
    for _ in range(20):
        radius, slope, other = 10 ** rng.uniform(-1, 1), 10 ** rng.uniform(-3, 2), rng.uniform(0.2, 2)
        kinds = [np.array(column, dtype=float) for column in ((1, 0), (slope, other), (1, 1), (degree, 1))]
        rows = (np.array([row], dtype=float) for row in ((power == 1, 1), (power == 2, 0), (0, 0)))
        found = shares.most_of_products(radius, kinds, *rows)[0]
        best = np.max((1 + slope * (radius * t) ** degree) ** power * other * radius * np.sqrt(1 - t**2))
        assert best <= found * (1 + 1e-12) and found <= best * (1 + 1e-6 if degree == 2 else 1.4)


def test_a_deep_network_with_skips_gains_what_the_layers_share():
    """Forty skips around two layers with steps 1/40, R = 8: above the layer balls with equal shares, far below a_u = R."""
    network = sl.Network(3, [sl.Skip([sl.Dense(3, "tanh"), sl.Dense(3, "tanh")], step=1 / 40)] * 40)
    shared = sl.derive(network, sl.ParameterBall()).compile()(8.0, 1.0)
    equal = sl.derive(network, sl.LayerBalls()).compile()([8 / 80**0.5] * 80, 1.0)
    every = sl.derive(network, sl.ParameterBall(shared_budget=False)).compile()(8.0, 1.0)
    assert equal.lipschitz < shared.lipschitz < 5 * equal.lipschitz and shared.lipschitz < every.lipschitz / 1e14
    assert equal.gradient_lipschitz < shared.gradient_lipschitz < 400 * equal.gradient_lipschitz


def test_deep_residual_networks_gain_what_the_layers_share():
    """A hundred layers with steps 1/100 at R = 5: near the layer balls with equal shares, far below a_u = R."""
    network = sl.Network(4, [sl.Residual(4, "tanh", step=0.01)] * 100)
    shared = sl.derive(network, sl.ParameterBall()).compile()(5.0, 1.0)
    equal = sl.derive(network, sl.LayerBalls()).compile()([0.5] * 100, 1.0)
    every = sl.derive(network, sl.ParameterBall(shared_budget=False)).compile()(5.0, 1.0)
    assert equal.lipschitz < shared.lipschitz < 1.1 * equal.lipschitz and shared.lipschitz < every.lipschitz / 20
    assert shared.gradient_lipschitz < every.gradient_lipschitz / 250


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("cost", [None, sl.SoftmaxCrossEntropy()], ids=["network", "cost"])
def test_every_line_is_measured(name, cost):
    derivation = sl.derive(NETWORKS[name], sl.ParameterBall(), cost=cost)
    derivation.check()
    assert derivation.verify(digits=50, networks=8).passed


def test_what_it_rests_on_is_decided():
    pytest.importorskip("z3")
    sl.derive(NETWORKS["tied"], sl.ParameterBall(), cost=sl.HalfSquaredError()).check(obligations=True)


@pytest.mark.parametrize("name", ["lvec", "G", "V"])
def test_half_of_the_products_is_found_to_be_too_small(name):
    derivation = sl.derive(sl.Network(2, [sl.Tied(sl.Dense(2, "identity"), 3)]), sl.ParameterBall())
    step = derivation.steps[name]
    derivation.steps[name] = dataclasses.replace(step, claim=dataclasses.replace(step.claim, expression=step.claim.expression / 2))
    with pytest.raises(sl.DerivationError, match=rf"step {name} is not what rule"):
        derivation.check()
    assert name in [failed.name for failed in derivation.verify(digits=30, networks=30).failures]


def test_batches_and_outward():
    derivation = sl.derive(NETWORKS["tied"], sl.ParameterBall(), cost=sl.HalfSquaredError())
    function, outward = derivation.compile(), derivation.compile(outward=True)
    radius, size = np.array([[0.5], [2.0]]), np.array([0.0, 1.0, 3.0])
    many = function(radius=radius, input_norm=size, target_norm=1.0, d=0.5)
    assert many.gradient_lipschitz.shape == (2, 3) and many.layer_lipschitz.shape == (2, 3, 8, 8)
    for place in np.ndindex(2, 3):
        one = function(radius=float(radius[place[0], 0]), input_norm=float(size[place[1]]), target_norm=1.0, d=0.5)
        assert many.cost_gradient_lipschitz[place] == pytest.approx(one.cost_gradient_lipschitz, rel=1e-12)
    up = outward(radius=2.0, input_norm=1.0, target_norm=1.0, d=0.5)
    assert many.gradient_lipschitz[1, 1] <= up.gradient_lipschitz <= many.gradient_lipschitz[1, 1] * (1 + 1e-9)
    assert function(radius=0.0, input_norm=1.0, target_norm=1.0, d=0.5).lipschitz == pytest.approx(1.0)  # the last bias alone


@pytest.mark.parametrize("radius", [0.0, 1e-200, 1e-155, 2.0, 2e150, 1e151, 1e153, 1e200, np.inf])
def test_no_radius_is_too_small_or_too_large(radius):
    """Two affine residual lines of width one at theta = (0, 0, R, 0), x = 1: |DN|^2 = 2 (1 + R)^2 + 2."""
    network = sl.Network(1, [sl.Residual(1, "identity"), sl.Residual(1, "identity")])
    found = sl.derive(network, sl.ParameterBall(), order=1).compile()(radius=radius, input_norm=1.0)
    assert found.lipschitz >= np.hypot(2**0.5 * (1 + radius), 2**0.5) * (1 - 1e-15) and found.value >= 1 + radius
    assert found.lipschitz <= 2.1 * np.hypot(2**0.5 * (1 + radius), 2**0.5)


@pytest.mark.parametrize("radius, step", [(1e5, 1e150), (1e60, 1e100), (1.0, 1e160), (1e150, 1e-160)])
def test_products_that_overflow_are_infinite(radius, step):
    layers = [sl.Dense(1, "tanh"), sl.Residual(1, "tanh", step="d"), sl.Residual(1, "tanh", step="d"), sl.Dense(1, "identity")]
    found = sl.derive(sl.Network(1, layers), sl.ParameterBall(), order=1).compile()(radius=radius, input_norm=1.0, d=step)
    assert found.lipschitz == np.inf or (step < 1 and found.lipschitz >= 2**0.5 * radius)
