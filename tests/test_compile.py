"""The compiled function and the stand-alone module."""

import ast
import inspect
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symlip as sl
from symlip.compile import FUNCTIONS, MODULES

m = sympy.Symbol("m", integer=True, positive=True)
NETWORK = sl.Network(3, [sl.Dense(4, "tanh"), sl.Dense(3, "softplus"), sl.Dense(2, "identity")])

CASES = {
    "separate": (sl.derive(NETWORK, sl.LayerBalls(biases="bounded"), method="separate"), ([1.5, 2.0, 0.3], [0.1, 0.2, 0.3], 1.2)),
    "paired": (sl.derive(NETWORK, sl.LayerBalls(biases="bounded"), method="paired"), ([1.5, 2.0, 0.3], [0.1, 0.2, 0.3], 1.2)),
    "block": (sl.derive(NETWORK, sl.LayerBalls(biases="bounded"), cost=sl.HalfSquaredError()), ([1.5, 2.0, 0.3], [0.1, 0.2, 0.3], 1.2, 0.7)),
    "budget": (sl.derive(NETWORK, sl.ParameterBall(), cost=sl.SoftmaxCrossEntropy()), (2.3, 1.2)),
    "paper": (sl.derive(NETWORK, sl.ParameterBall(shared_budget=False)), (2.3, 1.2)),
    "any depth": (sl.derive(sl.Network.uniform(m, "logistic"), sl.LayerBalls()), ([1.5, 2.0, 0.3], 1.2, [3], 3)),
    "equal": (sl.derive(sl.Network.uniform(m, "arctan"), sl.LayerBalls(equal=True)), (1.7, 1.2, [3], 4)),
    "risk": (sl.derive(NETWORK, sl.LayerBalls(biases="bounded"), cost=sl.Risk(sl.Huber(2))), ([1.5, 2.0, 0.3], [0.1, 0.2, 0.3], [1.2, 0.4, 3.0])),
}


@pytest.mark.parametrize("name", CASES)
def test_the_module_alone_gives_the_same_numbers_bit_for_bit(name, tmp_path):
    derivation, arguments = CASES[name]
    path = tmp_path / "alone.py"
    path.write_text(derivation.module())
    script = (
        "import sys, alone, numpy\n"
        f"result = alone.bounds(*{arguments!r})\n"
        "assert not any(name.split('.')[0] in ('symlip', 'sympy', 'mpmath', 'scipy') for name in sys.modules)\n"
        "print([numpy.asarray(value).tolist() for value in result])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == [np.asarray(value).tolist() for value in derivation.compile()(*arguments)]


@pytest.mark.parametrize("name", CASES)
def test_the_module_imports_numpy_only_and_is_deterministic(name):
    derivation, _ = CASES[name]
    source = derivation.module()
    assert source == derivation.module()
    imported = {alias.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert imported == {"numpy", "typing"}


@pytest.mark.parametrize("name", [name for name in CASES if name != "risk"])
def test_double_precision_agrees_with_forty_digits(name):
    derivation, arguments = CASES[name]
    function = derivation.compile()
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    exact = derivation.evaluate(dict(zip(names, arguments)), digits=40)
    found = function(*arguments)
    for result in derivation.results:
        if result != "layer_lipschitz":
            assert abs(mpmath.mpf(getattr(found, result)) / exact[result] - 1) < 1e-13


def test_all_arguments_broadcast():
    bounds = CASES["block"][0].compile()
    rng = np.random.default_rng(0)
    a = [rng.uniform(0, 2, (5, 1)), 2.0, rng.uniform(0, 2, 4)]
    b, x, y = [0.1, rng.uniform(0, 1, (5, 4)), 0.3], rng.uniform(0, 2, 4), 1.0
    together = bounds(a, b, x, y)
    assert together.lipschitz.shape == (5, 4)
    assert together.layer_lipschitz.shape == (5, 4, 6, 6)
    for i in range(5):
        for j in range(4):
            one = bounds([a[0][i, 0], 2.0, a[2][j]], [0.1, b[1][i, j], 0.3], x[j], y)
            for name in together._fields:
                np.testing.assert_allclose(np.asarray(getattr(together, name))[i, j], getattr(one, name), rtol=1e-13)


@pytest.mark.parametrize("name", ["paired", "block", "budget"])
def test_a_large_batch_is_the_same_as_its_parts(name):
    bounds = CASES[name][0].compile()
    x = np.linspace(0, 3, 40_001)
    first = CASES[name][1]
    arguments = (first[0], first[1], x) if name == "paired" else (first[0], first[1], x, 0.7) if name == "block" else (2.3, x)
    together = bounds(*arguments)
    for index in (0, 16_383, 16_384, 32_768, 40_000):
        one = bounds(*(x[index] if argument is x else argument for argument in arguments))
        for field in together._fields:
            np.testing.assert_allclose(getattr(together, field)[index], getattr(one, field), rtol=1e-13)


def test_a_result_has_the_full_broadcast_shape_where_an_argument_does_not_enter():
    bounds = sl.derive(sl.Network(3, [sl.Dense(4, "tanh"), sl.Dense(1, "tanh")]), sl.LayerBalls()).compile()
    assert bounds([np.ones(7), 1.0], 1.0).lipschitz.shape == (7,)
    assert bounds([1.0, 1.0], 1.0).lipschitz.__class__ is float


def test_overflow_is_infinite_and_never_nan():
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for name, arguments in (
            ("separate", ([1e200] * 3, [1.0] * 3, 1e200)),
            ("paired", ([1e200, 0.0, 1e200], [1.0] * 3, 1e200)),
            ("block", ([1e200, 0.0, 1e200], [1.0] * 3, 1e200, 1.0)),
            ("budget", (1e200, 1e200)),
            ("paper", (1e200, 1e200)),
        ):
            result = CASES[name][0].compile()(*arguments)
            assert not any(np.isnan(value).any() for value in result)
            assert result.gradient_lipschitz == np.inf


@settings(max_examples=25, deadline=None)
@given(scale=st.integers(-3, 3), a=st.floats(0.01, 100), x=st.floats(0, 100))
def test_first_order_scales_as_the_theory_says(scale, a, x):
    """In one layer the bound is sqrt(1 + x^2) whatever the weights' norm: free of a."""
    bounds = sl.derive(sl.Network(2, [sl.Dense(2, "tanh")]), sl.LayerBalls()).compile()
    assert bounds([a], x).lipschitz == pytest.approx(bounds([a * 10.0**scale], x).lipschitz) == pytest.approx((1 + x * x) ** 0.5)


# --- rounded up -----------------------------------------------------------------------------------------------------------

DENSE = sl.Network(3, [sl.Dense(3, "tanh"), sl.Dense(4, "tanh"), sl.Dense(2, "identity")])
SKIPS = sl.Network(
    3,
    [
        sl.Dense(3, "tanh"),
        sl.Residual(3, "tanh", step="d"),
        sl.Skip([sl.Dense(4, "softplus"), sl.Dense(3, "identity")], step=0.5),
        sl.Tied(sl.Dense(3, "tanh"), 3),
    ],
)
ANY = sl.Network.uniform(sympy.Symbol("m", integer=True, positive=True), "tanh")
OUTWARD = [
    (DENSE, sl.LayerBalls(), {}), (DENSE, sl.LayerBalls(), {"method": "separate"}), (DENSE, sl.LayerBalls(), {"order": 3}),
    (DENSE, sl.LayerBalls("bounded"), {"cost": sl.SoftmaxCrossEntropy()}), (DENSE, sl.ParameterBall(shared_budget=False), {"cost": sl.Risk(sl.Logistic())}),
    (SKIPS, sl.LayerBalls("bounded"), {"cost": sl.HalfSquaredError()}), (DENSE, sl.LayerBalls(), {"variables": "both"}), (DENSE, sl.LayerBalls("bounded"), {"method": "joint"}),
    (DENSE, sl.ParameterBall(), {}), (DENSE, sl.ParameterBall(), {"cost": sl.SoftmaxCrossEntropy()}), (ANY, sl.LayerBalls(), {}), (ANY, sl.LayerBalls(equal=True), {}), (ANY, sl.ParameterBall(), {}),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(OUTWARD)))
def test_outward_is_never_below_the_exact_bound(case):
    network, where, options = OUTWARD[case]
    derivation = sl.derive(network, where, **options)
    function, inward, rng = derivation.compile(outward=True), derivation.compile(), np.random.default_rng(case)
    names, count = inspect.signature(function).parameters, 5 if network.symbolic_depth else len(network.groups)
    joint = options.get("method") == "joint"
    for trial in range(3 if joint else 16):
        scale = 10.0 ** rng.uniform(-150, 150) if trial % 2 and not joint else 10.0 ** rng.uniform(-2, 2)
        given = {"weight_norms": list(rng.random(count) * scale), "bias_norms": list(rng.random(count) * scale), "input_norm": rng.random() * scale}
        given |= {"target_norm": 1.0, "radius": scale, "d": 0.5, "weight_norm": rng.random() * scale, "depth": count, "widths": [3]}
        given = {name: value for name, value in given.items() if name in names}
        found, known = function(**given), None if joint else derivation.evaluate(given, digits=40)
        plain = inward(**given)
        for name in derivation.results:
            upward = np.ravel(getattr(found, name))
            assert not np.isnan(upward).any()
            if known is not None:
                for value, exact in zip(upward, np.ravel(np.asarray(known[name], dtype=object))):
                    assert value == np.inf or mpmath.mpf(float(value)) >= exact * (1 - mpmath.mpf(10) ** -35), name
            if 1e-2 <= scale <= 1e2:
                assert (upward <= np.ravel(getattr(plain, name)) * (1 + 1e-10) + 1e-280).all()


def test_outward_takes_batches_and_keeps_lower_bounds():
    found = sl.derive(DENSE).compile(outward=True)(weight_norms=[np.array([1.0, 2.0, 4.0])] * 3, input_norm=np.array([[1.0], [0.0]]))
    single = sl.derive(DENSE).compile(outward=True)(weight_norms=[2.0] * 3, input_norm=0.0)
    assert found.gradient_lipschitz.shape == (2, 3) and found.gradient_lipschitz[1, 1] == pytest.approx(single.gradient_lipschitz, rel=1e-12)
    logistic = sl.derive(sl.Network(2, [sl.Dense(2, "logistic"), sl.Dense(1, "logistic")]), method="joint")
    upward, floats = (logistic.compile(outward=up)(weight_norms=[1.0, 2.0], input_norm=1.0) for up in (True, False))
    assert floats.lipschitz <= upward.lipschitz <= floats.lipschitz * (1 + 1e-10)
    exact = sl.exact_lipschitz(sl.Network(2, [sl.Dense(2, "tanh"), sl.Dense(1, "tanh")]))
    given = {"weight_norms": [1.0, 1.0], "input_norm": 1.0}
    outward, plain = exact.compile(outward=True)(**given), exact.compile()(**given)
    assert (
        outward.lower_gradient_lipschitz
        == plain.lower_gradient_lipschitz
        < plain.gradient_lipschitz
        <= outward.gradient_lipschitz
        <= plain.gradient_lipschitz * (1 + 1e-10)
    )


def test_outward_says_what_it_cannot_do():
    with pytest.raises(sl.SymlipError, match="no ball arithmetic"):
        sl.derive(sl.NeuralODE(2, "tanh")).compile(outward=True)


def test_outward_on_the_parameter_ball_takes_the_joint_bound_too():
    for order, depth in (("lipschitz", 3), ("gradient_lipschitz", 2)):
        derivation = sl.derive(sl.Network.uniform(depth, "tanh", 2, 2), sl.ParameterBall(), method="joint")
        outward, plain = (getattr(derivation.compile(outward=up)(radius=1.5, input_norm=1.0), order) for up in (True, False))
        assert plain * (1 - 1e-3) <= outward <= plain * (1 + 1e-3)  # another run of the search


def test_functions_that_compiled_bounds_use_have_names_of_their_own():
    names = [name for module in MODULES for name, value in vars(module).items() if inspect.isfunction(value) and value.__module__ == module.__name__]
    assert len(names) == len(set(names)) and set(names) <= set(FUNCTIONS)
