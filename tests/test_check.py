"""`check` refuses what no rule gives, by name; obligations are decided by a machine and a wrong one is not."""

import dataclasses

import pytest
import sympy

import symlip as sl
from symlip.calculus.claims import Bound
from symlip.calculus.obligations import Identity, Inequality
from symlip.calculus.rule import Rule

x, y = sympy.symbols("x y", real=True)


def network():
    return sl.Network(3, [sl.Dense(4, "tanh"), sl.Dense(2, "logistic"), sl.Dense(1, "identity")])


def derivations():
    m = sympy.Symbol("m", integer=True, positive=True)
    uniform = sl.Network.uniform(m, "tanh")
    yield from (sl.derive(network(), sl.LayerBalls(), method=method) for method in ("separate", "paired", "block"))
    yield sl.derive(network(), sl.LayerBalls(biases="bounded"), cost=sl.HalfSquaredError())
    yield sl.derive(network(), sl.ParameterBall(), cost=sl.Risk(sl.SoftmaxCrossEntropy()))
    yield sl.derive(network(), sl.ParameterBall(shared_budget=False), cost=sl.Logistic(), method="paired")
    yield sl.derive(uniform, sl.LayerBalls(), cost=sl.Huber(2))
    yield sl.derive(uniform, sl.LayerBalls(equal=True))
    yield sl.derive(uniform, sl.ParameterBall())
    yield sl.ordering(network())
    yield sl.ordering(network(), sl.ParameterBall())
    yield sl.exact_lipschitz(network())
    yield sl.derive(network(), sl.LayerBalls(biases="bounded"), method="joint")
    yield sl.derive(network(), sl.ParameterBall(), method="joint", order=1)
    yield sl.lower_bound(network())
    yield sl.lower_bound(network(), sl.ParameterBall())
    yield sl.global_bound(network())
    yield sl.sharpness(network(), sl.ParameterBall())
    yield sl.derive(network(), sl.LayerBalls(), variables="both")


@pytest.mark.parametrize("derivation", list(derivations()), ids=repr)
def test_every_derivation_checks_with_all_obligations(derivation):
    pytest.importorskip("z3")
    seen = []
    derivation.check(obligations=True, progress=seen.append)
    assert len(seen) == sum(len(found) for found in derivation.obligations.values()) > 5


def changed(derivation, name, **changes):
    step = derivation.steps[name]
    derivation.steps[name] = dataclasses.replace(step, **changes)
    return derivation


def test_a_definition_changed_by_hand_is_refused_by_name():
    for name in ("H_2", "Q_3", "L_1", "B_2", "S2_tanh"):
        derivation = sl.derive(network(), sl.LayerBalls(), method="paired")
        claim = derivation.steps[name].claim
        changed(derivation, name, claim=Bound(claim.quantity, claim.symbol, claim.expression * sympy.Rational(99, 100)))
        with pytest.raises(sl.DerivationError, match=rf"step {name} is not what rule"):
            derivation.check()


def test_a_claim_about_another_quantity_is_refused():
    derivation = sl.derive(network(), sl.LayerBalls())
    first, second = derivation.steps["qvec_1"].claim, derivation.steps["qvec_2"].claim
    changed(derivation, "qvec_2", claim=Bound(first.quantity, second.symbol, second.expression))
    with pytest.raises(sl.DerivationError, match="step qvec_2"):
        derivation.check()


def test_wrong_premises_are_refused():
    derivation = sl.derive(network(), sl.LayerBalls(), method="separate")
    premises = tuple("a_2" if premise == "a_3" else premise for premise in derivation.steps["H_3"].premises)
    changed(derivation, "H_3", premises=premises)
    with pytest.raises(sl.DerivationError, match=r"step H_3.*needs a premise that bounds weight 3"):
        derivation.check()
    derivation = sl.derive(network(), sl.LayerBalls(), method="separate")
    changed(derivation, "Q_2", premises=(*derivation.steps["Q_2"].premises, "L_3"))
    with pytest.raises(sl.DerivationError, match="step Q_2: its premise L_3 is not derived before it"):
        derivation.check()


def test_a_result_without_a_step_is_refused():
    derivation = sl.derive(network(), sl.LayerBalls())
    derivation.results["lipschitz"] = sympy.Symbol("invented", nonnegative=True)
    with pytest.raises(sl.DerivationError, match="invented"):
        derivation.check()


def test_the_deciders_refuse_what_is_false():
    pytest.importorskip("z3")
    assert Inequality("true", (), 2 * x * y <= x**2 + y**2).decide()
    assert not Inequality("false", (), 2 * x * y <= (x**2 + y**2) * sympy.Rational(99, 100)).decide()
    assert not Inequality("false without its assumption", (), x * y <= x**2 + y**2 - 1).decide()
    assert Identity("true", (x + y) ** 2, x**2 + 2 * x * y + y**2).decide()
    assert not Identity("false", (x + y) ** 2, x**2 + x * y + y**2).decide()


def test_a_failed_obligation_names_its_rule(monkeypatch):
    pytest.importorskip("z3")
    derivation = sl.derive(network(), sl.LayerBalls(), method="separate")
    rule = Rule.registry["slope"]
    monkeypatch.setattr(rule, "obligations", (Inequality("planted", (), x**2 <= x),))
    with pytest.raises(sl.DerivationError, match="rule 'slope': its obligation 'planted' was not proved"):
        derivation.check(obligations=True)


def test_the_induction_steps_are_decided_and_a_wrong_one_is_not():
    from symlip.calculus.rules.any_depth import i, induction_step, j

    m = sympy.Symbol("m", integer=True, positive=True)
    r, c = sympy.Function("r"), sympy.Function("c")
    term = c(j) * sympy.Product(r(i), (i, j + 1, m))
    assert induction_step(term, r(m + 1), c(m + 1), j, m)
    assert not induction_step(term, r(m), c(m + 1), j, m)
    assert not induction_step(term, r(m + 1), c(m), j, m)
    assert not induction_step(c(j) * sympy.Product(r(i), (i, j, m)), r(m + 1), c(m + 1), j, m)


def test_a_derivation_is_linear_in_depth():
    sizes = []
    for depth in (50, 100):
        derivation = sl.derive(sl.Network.uniform(depth, "tanh", 4, 3), sl.LayerBalls(), method="paired")
        sizes.append(sum(sympy.count_ops(expression) for _, expression in derivation.definitions))
    assert sizes[1] < 2.1 * sizes[0]


def test_exact_says_upper_bounds_only():
    assert sl.derive(network(), sl.LayerBalls()).exact == {"lipschitz": False, "gradient_lipschitz": False}
