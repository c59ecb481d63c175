"""The compiled function and the stand-alone module."""

import ast
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symlip as sl

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
