"""The joint bounds of residual and tied layers and of neural ODEs: against brute force, witnesses and the theory."""

import dataclasses
import math

import numpy as np
import pytest
import sympy

import symlip as sl
from symlip import joint, joint_flow
from symlip import tradeoff as tradeoffs
from symlip.compile import FINE
from symlip.tradeoff import t, tradeoff

z = sympy.Symbol("z", real=True)
S2 = 4 / (3 * math.sqrt(3))


def residual(width, count, step="d"):
    return sl.Network(width, [sl.Residual(width, "tanh", step=step)] * count)


def numbers_of(activation):
    """(the trade-off as the searches take it, with NumPy functions, its kind) of an activation by its name."""
    known = tradeoff(sl.NeuralODE(1, activation).activation)
    forms = (known.slope, known.value, known.curvature, *(sympy.diff(part, t) for part in (known.slope, known.curvature)))
    return (float(known.top), float(known.peak), *(sympy.lambdify(t, part, "numpy") for part in forms)), int(known.kind == "tanh")


# --- what a neuron can be at once -------------------------------------------------------------------------------------------


KINDS = [
    "tanh",
    "logistic",
    "sin",
    sl.Activation("scaled", sympy.Rational(17, 10) * sympy.tanh(2 * z / 3)),
    sl.Activation("shifted", 1 - 2 * sympy.tanh(z + 1)),
]


@pytest.mark.parametrize("activation", KINDS, ids=str)
def test_the_trade_off_holds_for_random_neurons(activation):
    activation = sl.BUILT_IN.get(activation, activation) if isinstance(activation, str) else activation
    kind, rng = tradeoff(activation), np.random.default_rng(0)
    s, s1, s2 = (sympy.lambdify(z, activation.derivative(k), "numpy") for k in range(3))
    slope, value, curvature = (sympy.lambdify(t, part, "numpy") for part in (kind.slope, kind.value, kind.curvature))
    grid = np.linspace(0, 1, 20001)
    slopes, values, bends = (np.broadcast_to(f(grid), grid.shape) for f in (slope, value, curvature))
    tightest = [0.0, 0.0]
    for _ in range(3000):
        count = rng.integers(1, 4)
        points, zeta, p = rng.normal(size=count) * 2, rng.normal(size=count) * rng.integers(0, 2, count), rng.normal(size=count)
        p, weight = p / np.linalg.norm(p), np.sum(zeta**2)
        if not weight:
            continue
        needed = max(np.linalg.norm(s1(points) * p), np.linalg.norm(s1(points) * zeta) / math.sqrt(weight))
        bend, size = abs(np.sum(p * s2(points) * zeta**2)) / weight, min(abs(s(points)))
        fits = (slopes >= needed - 1e-4) & (bends >= bend - 1e-4) & (values >= size - 1e-4)
        assert fits.any()  # one number serves all four
        tightest = [max(tightest[0], bend / bends.max()), max(tightest[1], size / values.max())]
    assert tightest[0] > 0.9 and tightest[1] > 0.9


def test_an_activation_without_an_equation_is_refused():
    with pytest.raises(sl.SymlipError, match="not for arctan: use method='block'"):
        sl.derive(sl.Network(2, [sl.Residual(2, "arctan")]), sl.LayerBalls(), method="joint")


# --- untied, first order: exact ------------------------------------------------------------------------------------------------


def objective(point, a, x, d, width):
    """|l(R)| written out here once more, R = 1 - t^2."""
    moduli = np.sort(abs(x))
    total = reach = spread = 0.0
    for at in point:
        size2 = np.sum((moduli[1:] + spread) ** 2) + (moduli[0] + reach) ** 2
        R = 1 - at**2
        total = (1 + d * a * R) ** 2 * total + (d * R) ** 2 * (1 + size2)
        reach, spread = reach + d * at, spread + d
    return math.sqrt(total)


@pytest.mark.parametrize("a, d, x", [(0.5, 0.5, [0.3]), (2.0, 0.1, [0.0, 1.0]), (1.0, 1.0, [0.2, -0.4, 0.9]), (0.1, 2.0, [1.0, 1.0])])
def test_the_exact_constant_is_the_maximum_and_the_witness_reaches_it(a, d, x):
    width, count = len(x), 4
    derivation = sl.derive(residual(width, count), sl.LayerBalls(), method="joint", order=1)
    assert derivation.exact["lipschitz"]
    found = derivation.compile()(weight_norms=[a] * count, x=x, d=d).lipschitz
    rng = np.random.default_rng(0)
    points = [rng.uniform(size=count) * rng.integers(0, 2, count) for _ in range(20000)]
    best = max(objective(point, a, np.array(x), d, width) for point in points)
    exact = float(derivation.evaluate({"weight_norms": [a] * count, "x": x, "d": d}, digits=30)["lipschitz"])
    assert best <= exact * (1 + 1e-12) <= found * (1 + 1e-11) and found <= exact * 1.0003 and exact <= best * 1.05
    theta = derivation.witness(x=x, weight_norms=[a] * count, d=d)
    assert all(np.linalg.norm(A, 2) <= a * (1 + 1e-12) for A, _ in theta)
    rows = []
    h, jacobian = np.array(x), np.zeros((width, 0))
    for A, b in theta:  # by forward differentiation in floats
        z1 = A @ h + b
        s1 = 1 - np.tanh(z1) ** 2
        fresh = np.concatenate([np.kron(np.eye(width), h), np.eye(width)], axis=1)
        jacobian = np.concatenate([jacobian + d * s1[:, None] * (A @ jacobian), d * s1[:, None] * fresh], axis=1)
        h = h + d * np.tanh(z1)
        rows.append(h)
    assert math.isclose(np.linalg.norm(jacobian, 2), exact, rel_tol=1e-8)
    # knowing the norm alone costs a little
    assert found <= derivation.compile()(weight_norms=[a] * count, input_norm=float(np.linalg.norm(x)), d=d).lipschitz * (1 + 1e-4)


def test_it_verifies_to_thirty_digits():
    report = sl.derive(residual(2, 3), sl.LayerBalls(), method="joint", cost=sl.HalfSquaredError()).verify(digits=30, networks=11)
    assert report.passed and report.steps["L reached"].verdict == "equal to 30 digits"


def test_depth_is_no_obstacle_where_nothing_is_shared():
    derivation = sl.derive(residual(3, 40), sl.LayerBalls(), method="joint", order=1)
    found = derivation.compile()(weight_norms=[1.0] * 40, input_norm=1.0, d=0.05).lipschitz
    block = sl.derive(residual(3, 40), sl.LayerBalls(), order=1).compile()(weight_norms=[1.0] * 40, input_norm=1.0, d=0.05).lipschitz
    assert found < 0.95 * block


# --- any sharing ------------------------------------------------------------------------------------------------------------------


NETWORKS = {
    "tied": sl.Network(2, [sl.Tied(sl.Residual(2, "tanh", step="d"), 3)]),
    "tied dense": sl.Network(1, [sl.Tied(sl.Dense(1, "logistic"), 3)]),
    "mixed": sl.Network(2, [sl.Dense(2, "tanh"), sl.Residual(2, "tanh", step="d"), sl.Dense(1, "logistic")]),
    "affine": sl.Network(2, [sl.Residual(2, "tanh", step="d"), sl.Dense(1, "identity")]),
    "skip": sl.Network(2, [sl.Skip([sl.Dense(3, "tanh"), sl.Dense(2, "logistic")], step="d"), sl.Dense(1, "tanh")]),
    "tied skip": sl.Network(1, [sl.Tied(sl.Skip([sl.Dense(2, "tanh"), sl.Dense(1, "tanh")]), 2)]),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("biases", ["free", "bounded"])
def test_every_line_is_measured(name, biases):
    pytest.importorskip("z3")
    derivation = sl.derive(NETWORKS[name], sl.LayerBalls(biases=biases), method="joint", cost=sl.SoftmaxCrossEntropy())
    derivation.check(obligations=True)
    assert derivation.verify(digits=20, networks=7).passed


def test_more_work_gives_a_sharper_bound(monkeypatch):
    monkeypatch.setitem(FINE, "joint_branch", {"limit": 2_500_000})  # less than the five times that users wait for
    derivation = sl.derive(sl.Network(2, [sl.Residual(2, "tanh", step=0.5)] * 4), sl.LayerBalls(), method="joint")
    rough, fine = (derivation.compile(fine=fine)(weight_norms=[1.0] * 4, x=[1.0, 0.0]) for fine in (False, True))
    assert fine.lower_gradient_lipschitz <= fine.gradient_lipschitz < rough.gradient_lipschitz and fine.lipschitz == rough.lipschitz


@pytest.mark.parametrize("name", NETWORKS)
def test_joint_is_at_most_block(name):
    network, rng = NETWORKS[name], np.random.default_rng(0)
    joint, block = (sl.derive(network, sl.LayerBalls(), method=method).compile() for method in ("joint", "block"))
    for _ in range(2):
        given = {"weight_norms": list(10 ** rng.uniform(-0.7, 0.7, len(network.groups))), "input_norm": 0.5} | {step.name: 0.6 for step in network.steps}
        sharp, rough = joint(**given), block(**given)
        assert sharp.lipschitz <= rough.lipschitz * (1 + 1e-12) and sharp.gradient_lipschitz <= rough.gradient_lipschitz * (1 + 1e-12)


@pytest.mark.parametrize("x, equal", [([0.0, 0.5, -1.0], True), ([2.0, 3.0, 3.0], False)])
def test_the_tied_constant_is_exact_where_both_bounds_agree(x, equal):
    derivation = sl.derive(sl.Network(3, [sl.Tied(sl.Residual(3, "tanh", step="d"), 4)]), sl.LayerBalls(), method="joint", order=1)
    found = derivation.compile()(weight_norms=[0.2], x=x, d=1.0)
    assert 1 <= found.lipschitz / found.lower_lipschitz < (1 + 1e-5 if equal else 1.01)
    [(A, b)] = derivation.witness(x=x, weight_norms=[0.2], d=1.0)
    h, jacobian = np.array(x), np.zeros((3, 12))
    for _ in range(4):  # by forward differentiation in floats
        s1 = 1 - np.tanh(A @ h + b) ** 2
        jacobian = jacobian + s1[:, None] * (A @ jacobian + np.concatenate([np.kron(np.eye(3), h), np.eye(3)], axis=1))
        h = h + np.tanh(A @ h + b)
    assert math.isclose(np.linalg.norm(jacobian, 2), found.lower_lipschitz, rel_tol=1e-9)


@pytest.mark.parametrize("a", [0.7, 2.0])
def test_no_network_with_a_skip_is_above_and_one_is_near(a):
    """A climb over weights, biases and direction, second differences along the line: h = x + s(A_2 s(A_1 x + b_1) + b_2), c h + b_3."""
    minimize = pytest.importorskip("scipy.optimize").minimize
    x, rng, shapes = np.array([0.4, 0.0]), np.random.default_rng(0), [(2, 2), (2,), (2, 2), (2,), (1, 2), (1,)]
    sizes = [int(np.prod(shape)) for shape in shapes]

    def parts(vector):
        return [part.reshape(shape) for part, shape in zip(np.split(vector, np.cumsum(sizes)[:-1]), shapes)]

    def output(theta):
        A, b, B, c, C, d = theta
        return (C @ (x + np.tanh(B @ np.tanh(A @ x + b) + c)) + d)[0]

    def network(vector):
        return [part if part.ndim == 1 else part * a / max(a, np.linalg.norm(part, 2)) for part in parts(vector)]

    def second(vector):
        theta, direction = network(vector[: sum(sizes)]), vector[sum(sizes) :] / np.linalg.norm(vector[sum(sizes) :])
        moved = [[part + step * turn for part, turn in zip(theta, parts(direction))] for step in (-1e-3, 0, 1e-3)]
        return float(output(moved[0]) - 2 * output(moved[1]) + output(moved[2])) / 1e-6

    skipping = sl.Network(2, [sl.Skip([sl.Dense(2, "tanh"), sl.Dense(2, "tanh")]), sl.Dense(1, "identity")])
    derivation = [sl.derive(skipping, sl.LayerBalls(), method=method).compile() for method in ("joint", "block")]
    joint, block = (function(weight_norms=[a] * 3, input_norm=0.4).gradient_lipschitz for function in derivation)
    best = max(-minimize(lambda v: -second(v), rng.normal(size=2 * sum(sizes)), method="L-BFGS-B", options={"maxiter": 120}).fun for _ in range(8))
    assert best <= joint * (1 + 1e-5) and joint < 0.95 * block and best > 0.6 * joint


def second(point, a, x, d, groups, dense, g1, g2):
    """The joint bound of a (cost's) second derivative at R = 1 - t^2, written out here once more; dense lines start the sizes again."""
    moduli, count = np.sort(abs(np.array(x))), len(point)
    vector, matrix, spread, reach = np.zeros(2 * count), np.zeros((2 * count, 2 * count)), 0.0, 0.0
    for u, t_u in enumerate(point):
        R, sigma, step = 1 - t_u**2, 2 * t_u * (1 - t_u**2), 1.0 if dense[u] else d
        size = math.sqrt(np.sum((moduli[1:] + spread) ** 2) + (moduli[0] + reach) ** 2)
        unit = np.eye(2 * count)[2 * u]
        q = a[u] * vector + size * unit + np.eye(2 * count)[2 * u + 1]
        core = sigma * np.outer(q, q) + R * (a[u] * matrix + np.outer(unit, vector) + np.outer(vector, unit))
        keep = 0 if dense[u] else 1
        vector, matrix = keep * vector + step * R * q, keep * matrix + step * core
        spread, reach = keep * spread + step, keep * reach + step * t_u
        moduli = keep * moduli
    sums = np.zeros((2 * count, 2 * (1 + max(groups))))
    for u, group in enumerate(groups):
        sums[2 * u, 2 * group] = sums[2 * u + 1, 2 * group + 1] = 1
    return float(np.linalg.eigvalsh(sums.T @ (g1 * matrix + g2 * np.outer(vector, vector)) @ sums)[-1])


CASES = {
    "untied": ([0, 1, 2, 3, 4], [0] * 5, [1.0, 0.5, 2.0, 1.0, 1.5]),
    "tied": ([0] * 5, [0] * 5, [0.7]),
    "dense first": ([0, 1, 2, 3], [1, 0, 0, 1], [1.0, 2.0, 0.5, 1.0]),
    "recurrent": ([0] * 4, [1] * 4, [1.2]),
    "two groups": ([0, 1, 1, 1, 1, 1, 2], [1, 0, 0, 0, 0, 0, 1], [1.0, 0.5, 2.0]),
    "deep tied": ([0] * 9, [0] * 9, [0.6]),
    "deep": (list(range(9)), [0] * 9, [0.6] * 9),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("x, d", [([0.0, 0.0], 0.5), ([0.6, -1.0], 0.3)])
@pytest.mark.parametrize("cost", [False, True])
def test_the_second_joint_bound_is_the_maximum_over_t(case, x, d, cost):
    minimize = pytest.importorskip("scipy.optimize").minimize
    groups, dense, norms = CASES[case]
    layers = []
    for group in range(1 + max(groups)):
        lines = [u for u in range(len(groups)) if groups[u] == group]
        layer = sl.Dense(2, "tanh") if dense[lines[0]] else sl.Residual(2, "tanh", step="d")
        layers.append(sl.Tied(layer, len(lines)) if len(lines) > 1 else layer)
    derivation = sl.derive(sl.Network(2, layers), sl.LayerBalls(), method="joint", cost=sl.Huber(0.7) if cost else None)
    given = {"weight_norms": norms, "x": x} | ({} if all(dense) else {"d": d})
    bounds = derivation.compile()(**given)
    found, g1, g2 = (bounds.cost_gradient_lipschitz, 0.7, 1.0) if cost else (bounds.gradient_lipschitz, 1.0, 0.0)
    a, rng = [norms[group] for group in groups], np.random.default_rng(1)

    def value(point):
        return second(np.clip(point, 0, 1), a, x, d, groups, dense, g1, g2)

    points = [np.full(len(groups), part) for part in (0.2, 0.5)] + [rng.uniform(size=len(groups)) * rng.integers(0, 2, len(groups)) for _ in range(300)]
    starts = sorted(points, key=value)[-4:]
    best = max(value(minimize(lambda point: -value(point), start, method="L-BFGS-B", bounds=[(0, 1)] * len(groups)).x) for start in starts)
    assert best <= found * (1 + 1e-9) and found <= best * (1.02 if case == "deep tied" else 1.004)


def test_tied_dense_layers_against_the_theory():
    network = sl.Network(1, [sl.Tied(sl.Dense(1, "tanh"), 4)])
    found = sl.derive(network, sl.LayerBalls(), method="joint").compile()(weight_norms=[1.0], input_norm=0.0)
    assert 4.0 <= found.lipschitz <= 4.001  # |DN| = 4 at theta = 0
    assert 17.047 <= found.gradient_lipschitz <= 17.047 * 1.03  # theory: joint 17.05, truth 14.54


def test_the_branch_and_bound_is_above_a_known_maximum():
    def bound(low, top):  # of x (1 - x) + y, which is monotone in pieces: the ends of each factor
        return top[:, 0] * (1 - low[:, 0]) + top[:, 1]

    assert 1.25 <= joint.branch(bound, 2, 10.0, 20_000) <= 1.26
    assert joint.branch(bound, 2, 1.0, 20_000) == 1.0  # never above what is known already


# --- continuous depth --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field", [sl.NeuralODE(2, "tanh"), sl.NeuralODE(1, "logistic"), sl.NeuralODE(2, "tanh", parameters="depth-dependent")], ids=["shared", "logistic", "L2"]
)
def test_continuous_joint_bounds_are_measured(field):
    pytest.importorskip("z3")
    derivation = sl.derive(field, method="joint")
    derivation.check(obligations=True)
    assert derivation.verify(digits=20, networks=4).passed


@pytest.mark.parametrize("a, U", [(0.5, 1.0), (1.0, 2.0), (2.0, 0.5)])
def test_the_scalar_neural_ode_at_zero_is_exact(a, U):
    found = sl.derive(sl.NeuralODE(1, "tanh"), method="joint", order=1).compile()(weight_norm=a, x=[0.0], total_variation=U)
    exact = (math.exp(a * U) - 1) / a  # theory, end of section 11
    assert exact <= found.lipschitz * (1 + 1e-12) and found.lipschitz <= exact * 1.0005


@pytest.mark.parametrize("a, U", [(0.5, 2.0), (2.0, 0.5)])
def test_no_tied_residual_network_is_above_the_continuous_joint_bound(a, U):
    count = 30
    bound = sl.derive(sl.NeuralODE(1, "tanh"), method="joint").compile()(weight_norm=a, x=[0.7], total_variation=U)
    rng, best = np.random.default_rng(0), [0.0, 0.0]
    for _ in range(4000):
        A, b, (dA, db) = a * rng.choice([-1, 1]), rng.normal() * 2, rng.normal(size=2)
        length, h, h1, h2, d = math.hypot(dA, db), 0.7, 0.0, 0.0, U / count
        for _ in range(count):
            value, z1, z2 = math.tanh(A * h + b), dA * h + db + A * h1, 2 * dA * h1 + A * h2
            s1 = 1 - value**2
            h, h1, h2 = h + d * value, h1 + d * s1 * z1, h2 + d * (-2 * value * s1 * z1**2 + s1 * z2)
        best = [max(best[0], abs(h1) / length), max(best[1], abs(h2) / length**2)]
    assert 0.8 * bound.lipschitz <= best[0] <= bound.lipschitz
    assert 0.2 * bound.gradient_lipschitz <= best[1] <= bound.gradient_lipschitz


@pytest.mark.parametrize("a, U, x", [(2.0, 2.0, 1.0), (0.5, 2.0, 1.0)])
def test_first_joint_bounds_against_good_controls(a, U, x):
    """The formulas for controls that fall to 0 as powers of the time that is left, by small steps: nearly the best."""
    fields = (sl.NeuralODE(1, "tanh", parameters=parameters) for parameters in ("depth-dependent", "shared"))
    spread, shared = (sl.derive(field, method="joint", order=1).compile()(weight_norm=a, x=[x], total_variation=U).lipschitz for field in fields)
    top, power = (part.ravel() for part in np.meshgrid(np.linspace(0, 0.4, 41), [0.7, 1, 1.5, 2, 3]))
    f, r, weight, bias, count = 0 * top, x + 0 * top, 0 * top, 0 * top, 4000
    for step in range(count):
        t = top * (1 - (step + 0.5) / count) ** power
        R, h = 1 - t**2, r + U / count / 2 * t
        growth = np.exp(a * R * U / count)
        f = growth**2 * f + growth * U / count * R**2 * (1 + h**2)
        weight, bias, r = growth * weight + np.sqrt(growth) * U / count * R * h, growth * bias + np.sqrt(growth) * U / count * R, r + U / count * t
    for bound, best in ((spread, np.sqrt(f.max())), (shared, np.sqrt((weight**2 + bias**2).max()))):
        assert best * (1 - 1e-6) <= bound <= 1.0008 * best


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: sl.derive(sl.NeuralODE("l", "tanh"), method="joint"), "width as a number"),
        (lambda: sl.derive(sl.NeuralODE(2, "softplus"), method="joint"), "not for softplus"),
        (lambda: sl.derive(residual(2, 2), sl.LayerBalls(), method="joint").compile()(weight_norms=[1.0, 1.0], d=1.0), "input_norm, or the input itself"),
        (lambda: sl.derive(residual(2, 2), sl.LayerBalls(), method="joint").compile()(weight_norms=[1.0, 1.0], x=[1.0], d=1.0), "vector of 2 finite numbers"),
        (lambda: sl.derive(residual(2, 2), sl.LayerBalls(), method="joint").compile()(weight_norms=[1.0, 0.0], x=[1.0, 1.0], d=1.0), "is 0"),
    ],
)
def test_bad_input_is_one_clear_line(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", ["slope", "curvature", "value"])
@pytest.mark.parametrize("activation", ["tanh", "logistic", "sin", sl.Activation("image", 3 * sympy.tanh(2 * z + 1) - 1)])
def test_the_trade_offs_equation_is_decided_from_the_activation(activation, part, monkeypatch):
    activation = sl.Network(1, [sl.Residual(1, activation)]).activations[0]
    right = tradeoff(activation)
    assert tradeoffs.holds(activation)
    monkeypatch.setattr(tradeoffs, "tradeoff", lambda _: dataclasses.replace(right, **{part: getattr(right, part) * sympy.Rational(99, 100)}))
    assert not tradeoffs.holds(activation)


@pytest.mark.parametrize("a, U, x, room", [(1.0, 1.0, [0.0, 0.0], 1.012), (0.5, 2.0, [0.3, -0.5], 1.03)])
def test_the_continuous_second_joint_bound_is_near_many_tied_lines(a, U, x, room):
    minimize = pytest.importorskip("scipy.optimize").minimize
    count, knots = 24, 6
    found = sl.derive(sl.NeuralODE(len(x), "tanh"), method="joint").compile()(weight_norm=a, x=x, total_variation=U).gradient_lipschitz
    largest = []
    for lines in (count, 2 * count):

        def value(point, lines=lines):
            numbers = np.interp(np.linspace(0, 1, lines), np.linspace(0, 1, knots), np.clip(point, 0, 1))
            return second(numbers, [a] * lines, x, U / lines, [0] * lines, [0] * lines, 1.0, 0.0)

        largest.append(value(minimize(lambda point: -value(point), np.full(knots, 0.3), method="L-BFGS-B", bounds=[(0, 1)] * knots).x))
    limit = 2 * largest[1] - largest[0]  # the error of 24 and 48 lines falls as their length
    assert max(largest) <= found and found <= room * limit


def kernel_of_controls(T, a, x, U, neuron):
    """The quadratic form of the second derivative in L^2 for piecewise constant controls, (rows, pieces), from its equation by small steps, over the
    length of a piece. neuron(control, h, elapsed) gives |X|, slope, value and curvature; h is the entry of X that is least at first.
    """
    rows, pieces = T.shape
    short = U / pieces / 4
    first, second = np.zeros((rows, 2 * pieces)), np.zeros((rows, 2 * pieces, 2 * pieces))
    h, elapsed = np.full(rows, float(min(map(abs, x)))), 0.0
    for piece in range(pieces):
        for _ in range(4):
            size, slope, value, curvature = neuron(T[:, piece], h, elapsed)
            moved = a * first
            moved[:, 2 * piece] += size
            moved[:, 2 * piece + 1] += 1
            inner = a * second
            inner[:, 2 * piece] += first
            inner[:, :, 2 * piece] += first
            second = second + short * (curvature[:, None, None] * moved[:, :, None] * moved[:, None, :] + slope[:, None, None] * inner)
            first, h, elapsed = first + short * slope[:, None] * moved, h + short * value, elapsed + short
    return abs(np.linalg.eigvalsh(second)).max(axis=1) * pieces / U


@pytest.mark.parametrize(
    "activation, a, U, x, room",
    [("tanh", 1.0, 1.0, [0.0, 0.0], 1.06), ("sin", 0.5, 1.0, [0.3], 1.15), ("logistic", 1.0, 1.0, [0.2, 0.5], 1.06)],
)
def test_the_second_joint_bound_in_l2_is_above_every_control_and_near_the_best(activation, a, U, x, room):
    minimize = pytest.importorskip("scipy.optimize").minimize
    field = sl.NeuralODE(len(x), activation, parameters="depth-dependent")
    bound = sl.derive(field, method="joint").compile()(weight_norm=a, x=x, total_variation=U).gradient_lipschitz
    top, _, *functions = numbers_of(activation)[0][:5]

    def neuron(control, h, elapsed):
        others = sum((abs(entry) + top * elapsed) ** 2 for place, entry in enumerate(x) if place != np.argmin(np.abs(x)))
        return np.sqrt(others + h**2), *(function(control) + 0 * h for function in functions)

    rng, pieces = np.random.default_rng(0), 16
    controls = np.concatenate(
        [rng.random((40, pieces)), rng.choice([0.1, 0.9], (40, pieces)), np.tile([0.0, 1.0], (1, pieces // 2)), np.repeat(rng.random((20, 1)), pieces, axis=1)]
    )
    found = kernel_of_controls(controls, a, x, U, neuron)

    def climbed(start):
        def value(point):
            tried = np.concatenate([point[None], point + 1e-6 * np.eye(len(point))])
            numbers = np.log(kernel_of_controls(tried, a, x, U, neuron))
            return -numbers[0], -(numbers[1:] - numbers[0]) / 1e-6

        best = minimize(value, start, jac=True, method="L-BFGS-B", bounds=[(0, 1 - 2e-6)] * len(start), options={"maxiter": 30})
        return math.exp(-best.fun), best.x

    coarse, point = climbed(np.clip(controls[found.argmax()], 0, 0.99))
    fine, _ = climbed(np.repeat(point, 2))
    assert max(found.max(), coarse, fine) <= bound <= room * (2 * fine - coarse)  # the error of the pieces and steps falls as their length


def test_no_scalar_ode_with_depth_dependent_parameters_is_above_its_second_joint_bound():
    bound = sl.derive(sl.NeuralODE(1, "tanh", parameters="depth-dependent"), method="joint").compile()(weight_norm=1.0, x=[1.0], total_variation=1.0)
    rng = np.random.default_rng(0)
    controls = np.concatenate([np.repeat(np.linspace(-2, 2, 201)[:, None], 16, axis=1), 2 * rng.normal(size=(400, 16))])

    def neuron(z, h, elapsed):  # A = 1 and b = z - X at every time
        value = np.tanh(z)
        return h, 1 - value**2, value, -2 * value * (1 - value**2)

    found = kernel_of_controls(controls, 1.0, [1.0], 1.0, neuron)
    assert 0.7 * bound.gradient_lipschitz <= found.max() <= bound.gradient_lipschitz


@pytest.mark.parametrize("parameters", ["shared", "depth-dependent"])
def test_a_cost_on_top_of_a_neural_ode_has_a_joint_bound_of_its_own(parameters):
    pytest.importorskip("z3")
    derivation = sl.derive(sl.NeuralODE(2, "tanh", parameters=parameters), method="joint", cost=sl.HalfSquaredError())
    derivation.check(obligations=True)
    assert derivation.verify(digits=20, networks=2).passed
    given = {"weight_norm": 0.7, "x": [0.4, 0.0], "total_variation": 0.8, "target_norm": 1.0}
    found = derivation.compile()(**given)
    slope = found.value + 1.0  # |f - y|
    assert 0.8 * found.gradient_lipschitz * slope < found.cost_gradient_lipschitz < found.lipschitz**2 + slope * found.gradient_lipschitz
    still = derivation.compile()(**given | {"total_variation": 0.0})
    assert still.lipschitz == still.cost_lipschitz == 0 and math.isfinite(still.cost_gradient_lipschitz)


@pytest.mark.parametrize(
    "activation, width, x", [("tanh", 1, 0.3), ("tanh", 3, 0.5), ("logistic", 1, 0.2), ("logistic", 3, 1.0), ("sin", 1, 0.3), ("sin", 3, 0.5)]
)
def test_order_within_a_cell_costs_no_more(activation, width, x):
    """Random, early and late controls in one cell, by small steps, against the bounds of the cell at their mean; what order costs is not 0."""
    tradeoff_of, kind = numbers_of(activation)
    top, _, slope, value, curvature, *_ = tradeoff_of
    rng, short, rows = np.random.default_rng(0), 64, 1000
    pieces = rng.integers(1, 9, rows)
    controls = np.stack(
        [np.repeat(rng.random(8), 8)[:short] ** rng.choice([0.3, 1, 3]) if count > 4 else rng.choice([0, 1, 0.1, 0.4, 0.6], 8).repeat(8) for count in pieces]
    )
    controls[::3] = -np.sort(-controls[::3], axis=1)  # the largest first: the state is larger sooner
    controls[1::7] = controls[1::7].mean(axis=1, keepdims=True) + 0.2 * (controls[1::7] - controls[1::7].mean(axis=1, keepdims=True))
    above = {1: 0, 2: 0, 3: 0}
    for weight, length in ((0.5, 0.03), (2.0, 0.03), (1.0, 0.2)):
        cells = joint_flow.FlowCells((x, x / math.sqrt(width), x / math.sqrt(width) * (width - 1), weight, length, width, kind, tradeoff_of), 1, np.arange(101))
        before, after = next(iter(cells.pairs()))
        cell = np.minimum((controls.mean(axis=1) * 100).astype(int), 99)
        y, alpha, beta = rng.choice([0.0, 0.1, 1.0], rows), rng.choice([0.01, 0.5, 1.0], rows), rng.choice([0.0, 0.1, 1.0], rows)
        first, reach, grown, step = y.copy(), np.zeros(rows), np.zeros(rows), length / short
        terms = []
        for number, control in enumerate(controls.T):  # steps in which the state stays what it is in the middle
            steep, least = slope(control), x / math.sqrt(width) + reach + step / 2 * value(control)
            size = np.sqrt((width - 1) * (x / math.sqrt(width) + top * (number + 0.5) * step) ** 2 + least**2)
            rate = weight * steep * step
            first = np.exp(rate) * first + (alpha * size + beta) * np.expm1(rate) / weight
            terms.append((grown + rate / 2, size, curvature(control), steep))
            grown, reach = grown + rate, reach + step * value(control)
        inside, sizes, bends, slopes = (np.stack(part) for part in zip(*terms))
        X = weight * y + beta
        second = step * (bends * np.exp(grown + inside) * (X + alpha * sizes) ** 2).sum(axis=0)
        square = step * (slopes**2 * np.exp(2 * (grown - inside)) * (1 + sizes**2)).sum(axis=0)
        mean = controls.mean(axis=1)
        z, V0 = weight * slope(mean) * length, before[0]
        V1 = np.sqrt((width - 1) * (x / math.sqrt(width) + top * length) ** 2 + (x / math.sqrt(width) + length * value(mean)) ** 2)
        late = cells.late()[cell] * alpha**2 / (alpha * V0 + beta)
        with np.errstate(all="ignore"):
            of_whole, of_weight = joint_flow.bend_late(cells)
            bend = of_whole[cell] * (X + alpha * after[cell, 0]) ** 2 + of_weight[cell] * alpha**2
            squares = joint_flow.square_late(cells)[cell] * (1 + after[cell, 0] ** 2)
        w = (np.arange(400) + 0.5) / 400
        q = X[:, None] + alpha[:, None] * (V0 + (V1 - V0)[:, None] * w)
        plain = {
            1: np.exp(z) * y + np.expm1(z) / weight * (alpha * (V0 + V1) / 2 + beta),
            2: length * curvature(mean) * (np.exp(z[:, None] * (1 + w)) * q**2).mean(axis=1),
            3: length * slope(mean) ** 2 * np.expm1(2 * z) / (2 * z) * (1 + (V0**2 + V1**2) / 2),
        }
        for number, (found, cost) in enumerate(((first, late), (second, bend), (square, squares)), start=1):
            usable = np.isfinite(cost) & (slope(mean) > 0.05)
            assert usable.mean() > 0.2 or (number > 1 and kind == 0) or number == 3
            assert (found[usable] <= (plain[number] + cost)[usable] * (1 + 1e-5)).all()
            above[number] += (found[usable] > plain[number][usable] * (1 + 1e-5)).sum()
    assert above[1] and (above[2] or not kind)


@pytest.mark.parametrize("activation, width, x", [("tanh", 1, 0.3), ("tanh", 3, 0.5), ("logistic", 1, 0.2), ("sin", 1, 0.3), ("sin", 3, 0.5)])
@pytest.mark.parametrize("weight, length", [(0.5, 0.1), (2.0, 0.05), (1.0, 0.2)])
def test_parameters_that_vary_within_a_cell_make_no_more_than_the_cell(activation, width, x, weight, length):
    """The least (G y^2 + N - k P) / y(end)^2 over y and parameters on pieces of one cell, and over t on the pieces, against Gamma of the cell."""
    minimize = pytest.importorskip("scipy.optimize").minimize
    tradeoff_of, kind = numbers_of(activation)
    top, _, slope, value, curvature, *_ = tradeoff_of
    entry, pieces, short = x / math.sqrt(width), 6, 8

    def least(point, before, k):
        size, h, step = 1 + 2 * pieces, entry, length / pieces / short
        first, second = np.eye(size)[0], np.zeros((size, size))
        for number in range(pieces * short):
            piece = number // short
            steep, bend = float(slope(point[piece])), float(curvature(point[piece]))
            h, middle = h + step * float(value(point[piece])), h + step / 2 * float(value(point[piece]))
            V = math.sqrt((width - 1) * (entry + top * (number + 0.5) * step) ** 2 + middle**2)
            weights = np.eye(size)[1 + piece]
            q = weight * first + V * weights + np.eye(size)[1 + pieces + piece]
            between = first + step / 2 * steep * q
            at_middle = q + weight * (between - first)
            crossed = steep * (np.outer(weights, between) + np.outer(between, weights)) + bend * np.outer(at_middle, at_middle)
            second = np.exp(weight * steep * step) * second + np.exp(weight * steep * step / 2) * step * crossed
            first = first + step * steep * at_middle
        whole = np.diag([before] + [length / pieces] * 2 * pieces) - k * second
        if np.linalg.eigvalsh(whole)[0] <= 0:
            return -1.0
        return 1 / (first @ np.linalg.solve(whole, first))

    given = (x, entry, entry * (width - 1), weight, length, width, kind, tradeoff_of)
    line = joint_flow.spread_lines(joint_flow.FlowCells(given, 1, np.arange(401)))[0]
    rng, V = np.random.default_rng(0), math.sqrt((width - 1) * (entry + top * length) ** 2 + (entry + top * length) ** 2)
    for before, part in ((0.5, 0.3), (2.0, 0.1), (2.0, 0.3)):
        k = part / (S2 * top * (1 + V**2))
        table = np.array([[k]]), np.array([[2 * math.exp(weight * length) * k]]), np.full((2, 1), before)
        bound = float(joint.bent(line, table, np.array([[k]])).min())
        starts = [np.full(pieces, part) for part in (0.05, 0.5)] + [np.sort(rng.random(pieces))[::sign] for sign in (1, -1)] + [rng.random(pieces)]
        found = min(minimize(least, start, args=(before, k), method="L-BFGS-B", bounds=[(0, 0.999)] * pieces, options={"maxiter": 15}).fun for start in starts)
        assert 0 < bound <= found * (1 + 1e-5) and found <= bound * (1 + length)
