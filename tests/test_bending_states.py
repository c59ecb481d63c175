"""The exact constant of the gradient of residual layers of width one, and the lower bound at other widths."""

import numpy as np
import pytest

from symlip import LayerBalls, Logistic, Network, Residual, derive
from symlip.activations import activation_named
from symlip.bending_states import at_state, state_bending, state_function, state_margin, state_slopes
from symlip.calculus.rules.bending_states import state_cells


def hessian_norm(x, weights, biases, steps, s):
    """The spectral norm of the Hessian of a residual network of width one in (A_u, b_u), by complex steps of its gradient."""
    m = len(steps)

    def gradient(theta):
        A, b = theta[:m], theta[m:]
        h, slopes = [x + 0 * theta[0]], []
        for u in range(m):
            z = A[u] * h[-1] + b[u]
            slopes.append(steps[u] * s[1](z))
            h.append(h[-1] + steps[u] * s[0](z))
        back, found = 1.0 + 0 * theta[0], [None] * (2 * m)
        for u in range(m - 1, -1, -1):
            found[u], found[m + u] = back * slopes[u] * h[u], back * slopes[u]
            back = back * (1 + slopes[u] * A[u])
        return np.array(found)

    theta = np.array([*weights, *biases], dtype=complex)
    columns = []
    for i in range(2 * m):
        moved = theta.copy()
        moved[i] += 1e-30j
        columns.append(gradient(moved).imag / 1e-30)
    hessian = np.array(columns)
    return abs(np.linalg.eigvalsh((hessian + hessian.T) / 2)).max()


FUNCTIONS = {
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "logistic": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "sin": (np.sin, np.cos),
}


def best_of_search(x, a, steps, s, seed, turns=1200):
    """The largest Hessian that a random search with shrinking steps finds; weights stay in [-a, a]."""
    rng, m = np.random.default_rng(seed), len(steps)
    best, size = 0.0, 1.0
    weights, biases = rng.choice([-a, a], m), rng.normal(size=m)
    for turn in range(turns):
        new_w = np.clip(weights + size * a * rng.normal(size=m) * (rng.random(m) < 0.3), -a, a)
        new_b = biases + size * rng.normal(size=m)
        value = hessian_norm(x, new_w, new_b, steps, s)
        if value > best:
            best, weights, biases = value, new_w, new_b
        if turn % 100 == 99:
            size *= 0.6
    return best


@pytest.mark.parametrize(
    ("activation", "x", "a", "step", "depth"),
    [("tanh", 0.0, 1.0, 0.5, 2), ("tanh", 1.0, 2.0, 0.5, 3), ("tanh", 1.0, 0.5, 1.0, 2), ("logistic", -1.0, 2.0, 1.0, 2), ("logistic", 1.0, 1.0, 0.5, 2), ("sin", 0.5, 1.0, 0.5, 2)],
)  # fmt: skip
def test_no_network_is_above_and_one_is_near(activation, x, a, step, depth):
    derivation = derive(Network(inputs=1, layers=[Residual(1, activation, step="d")] * depth), LayerBalls(), method="joint")
    found = derivation.compile()(x=[x], weight_norms=[a] * depth, d=step)
    signs = (1, -1) if activation == "logistic" else (1,)  # of an activation that is not odd the bound is for the worse sign of x
    tried = max(best_of_search(sign * x, a, [step] * depth, FUNCTIONS[activation], seed) for seed in range(3) for sign in signs)
    assert tried <= found.gradient_lipschitz
    if activation != "logistic":
        assert found.lower_gradient_lipschitz <= found.gradient_lipschitz <= 1.012 * found.lower_gradient_lipschitz
    assert tried >= 0.9 * found.gradient_lipschitz


def test_known_values():
    """Found by maximising eigenvalues over all networks with scipy, forty starts."""
    derivation = derive(Network(inputs=1, layers=[Residual(1, "tanh", step="d")] * 3), LayerBalls(), method="joint")
    bounds = derivation.compile()
    for x, d, a, best in ((0.0, 0.5, 2.0, 3.1642468), (1.0, 0.1, 0.5, 0.1878313), (1.0, 1.0, 1.0, 13.624604)):
        found = bounds(x=[x], weight_norms=[a] * 3, d=d)
        assert best * (1 - 1e-6) <= found.lower_gradient_lipschitz <= found.gradient_lipschitz <= 1.0015 * best


def test_it_is_below_the_joint_bound_and_measured():
    network = Network(inputs=1, layers=[Residual(1, "tanh", step="d")] * 3)
    derivation = derive(network, LayerBalls(), method="joint", cost=Logistic())
    derivation.check(obligations=True)
    assert derivation.verify(digits=30, networks=2).passed
    found = derivation.compile()(x=[0.5], weight_norms=[1.0] * 3, d=0.5)
    joint = derive(network, LayerBalls(), method="block", cost=Logistic()).compile()(input_norm=0.5, weight_norms=[1.0] * 3, d=0.5)
    assert found.gradient_lipschitz < 0.8 * joint.gradient_lipschitz
    assert found.cost_gradient_lipschitz < joint.cost_gradient_lipschitz
    assert found.cost_gradient_lipschitz >= 0.5 * found.gradient_lipschitz


def test_other_widths_have_a_lower_bound_with_its_network():
    derivation = derive(Network(inputs=2, layers=[Residual(2, "tanh", step="d")] * 2), LayerBalls(), method="joint")
    found = derivation.compile()(x=[1.0, 0.3], weight_norms=[1.0, 1.0], d=0.5)
    assert 0.8 * found.gradient_lipschitz < found.lower_gradient_lipschitz <= found.gradient_lipschitz
    assert derivation.verify(digits=30, networks=2).passed


def test_the_margin_is_below_the_form_everywhere_on_its_cell():
    """The determinant and the corner from their definitions, at random points of random cells."""
    rng = np.random.default_rng(5)
    chart = state_cells(activation_named("tanh"))
    ks, hs = np.linspace(-0.4, 0.4, 9), np.linspace(-1, 1, 11)
    below = state_function(ks, hs, 0.3 + 0.1 * np.cos(hs)[None, :] + 0.2 * ks[:, None] ** 2)
    n = 400
    k, w, step = rng.uniform(-0.2, 0.2, n), rng.uniform(-1, 1, n), 0.5
    state, place = (rng.uniform(-0.9, 0.9, n), rng.uniform(0, 0.1, n)), (rng.uniform(-0.9, 0.9, n), rng.uniform(0, 0.05, n))
    mu, rate = rng.uniform(0.4, 2, n), rng.uniform(-0.2, 0.2, n)
    low, cut, *_ = state_margin(below, k, w, 0.0, state, place, (mu, rate, 1.0), (1.0, step, chart, 0.0))
    for _ in range(300):
        moved, t = state[0] + state[1] * rng.uniform(-1, 1, n), place[0] + place[1] * rng.uniform(-1, 1, n)
        h, p, bend = moved - step * t, step * (1 - t * t), -2 * step * t * (1 - t * t)
        inside = abs(h) <= 1
        P = at_state(below, k * (1 + p * w), h)
        value = mu + rate * (moved - state[0])
        Q = np.array([[1 / P - k**2 * p**2, 0 * p], [0 * p, 1 + 0 * p]])
        row = np.array([w + k * p * h, np.sqrt(1 + h * h)])
        v = np.array([1 + p * row[0], p * row[1]])
        form = Q - k * bend * row[:, None] * row[None] - v[:, None] * v[None] / value
        determinant = (form[0, 0] * form[1, 1] - form[0, 1] * form[1, 0]) * P * value
        assert (low <= determinant + 1e-12)[inside].all()
        assert (cut <= form[1, 1] * value + 1e-12)[inside].all()


def test_slopes_enclose_those_between_the_nodes():
    rng = np.random.default_rng(3)
    ks, hs = np.sort(rng.uniform(-1, 1, 17)), np.sort(rng.uniform(-2, 2, 23))
    function = state_function(ks, hs, rng.normal(size=(17, 23)))
    k = rng.uniform(ks[0] + 0.1, ks[-1] - 0.1, 300), rng.uniform(0, 0.1, 300)
    h = rng.uniform(hs[0], hs[-1], 300), rng.uniform(0, 0.4, 300)
    slopes = state_slopes(function, k, h)
    for _ in range(100):
        a, b = (interval[0] + interval[1] * rng.uniform(-1, 1, 300) for interval in (k, h))
        for index, (da, db) in enumerate(((1e-7, 0), (0, 1e-7))):
            inside = np.ones(300, bool) if index else (abs(a + da - k[0]) <= k[1])
            rate = (at_state(function, a + da, b + db) - at_state(function, a, b)) / 1e-7
            middle, radius = slopes[index]
            assert (abs(rate - middle) <= radius + 1e-5)[inside].all()


def test_what_it_refuses_or_leaves_alone():
    for layers in ([Residual(1, "arctan", step="d")] * 2, [Residual(1, "tanh", step="d")]):
        network = Network(inputs=1, layers=layers)
        try:
            derivation = derive(network, LayerBalls(), method="joint")
        except Exception as error:
            assert "joint bound" in str(error)
        else:
            assert "Lstates" not in derivation.steps
    chart = [tuple(state_cells(activation_named("tanh")))] * 2
    assert state_bending(5.0, 1.0, 1.0, 0.0, 0, 1.0, 0.0, (0.0, 0.0), (1.0, 1.0), (1, 1), chart) == 5.0


def test_steps_of_both_signs_are_alike_for_odd_activations_alone():
    """With steps 4, -4, 4 a logistic chain bends less than with 4, 4, 4: the lower bound of the one is none of the other."""

    def results(activation, *steps):
        return derive(Network(1, [Residual(1, activation, step=step) for step in steps]), LayerBalls(), method="joint").results

    assert "lower_gradient_lipschitz" not in results("logistic", 4, -4, 4)
    assert "lower_gradient_lipschitz" in results("logistic", -4, -4, -4)
    assert "lower_gradient_lipschitz" in results("tanh", 4, -4, 4)
