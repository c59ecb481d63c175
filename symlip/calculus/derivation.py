"""The derivation: hypotheses, then steps in order, each a claim with the rule and the premises that gave it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sympy

from ..costs import Cost, Risk
from ..errors import DerivationError, SymlipError
from ..parameter_sets import LocalSet
from .arrays import IndexedOperation
from .claims import Bound, Claim, Hypothesis, Limit, Reached, plain_symbol
from .obligations import Obligation
from .quantities import Quantity
from .rule import Given, Premise, Rule

if TYPE_CHECKING:
    from ..verify.run import Verification


@dataclass(frozen=True)
class Step:
    """`claim` holds by `rule` from the hypotheses and steps named in `premises`; `detail` is what the rule was told besides."""

    name: str
    claim: Claim
    rule: Rule
    premises: tuple[str, ...]
    detail: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Problem:
    """What a derivation is about; its readers need it to build concrete networks and to name things."""

    network: Any  # a Network, or a Field of continuous depth
    parameters: Any  # a ParameterSet, or AllParameters
    cost: Cost | Risk | None = None
    method: str = "block"
    order: int = 2
    variables: str = "parameters"

    @property
    def local(self) -> bool:
        """Whether it is about the surroundings of given weights."""
        return isinstance(self.parameters, LocalSet)

    @property
    def averaged(self) -> bool:
        """Whether the cost is averaged over a data set."""
        return isinstance(self.cost, Risk)

    @property
    def sample_cost(self) -> Cost | None:
        """The cost of one sample."""
        return self.cost.cost if isinstance(self.cost, Risk) else self.cost


@dataclass
class Derivation:
    """A straight-line program with reasons. Make one with `derive`; steps are added by `apply` only.

    results: what the compiled function returns, name -> symbol, in order.
    """

    problem: Problem
    hypotheses: dict[str, Hypothesis] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    results: dict[str, sympy.Expr] = field(default_factory=dict)

    # -- making ------------------------------------------------------------------------------------------------------

    def assume(self, hypothesis: Hypothesis) -> str:
        """Add a hypothesis; return its name."""
        name = str(hypothesis.symbol)
        self.hypotheses[name] = hypothesis
        return name

    def apply(self, rule: Rule, *premises: str | None, **detail: Any) -> str:
        """Add the claim that the rule gives from the named premises (None is skipped); return the new step's name."""
        names = tuple(premise for premise in premises if premise is not None)
        claim = rule.conclude(Given(rule.name, [self._premise(name) for name in names]), **detail)
        name = claim.name
        if name not in self.steps:
            if name in self.hypotheses:
                raise DerivationError(f"the name {name} is taken by a hypothesis: call the width or constant something else")
            self.steps[name] = Step(name, claim, rule, names, tuple(detail.items()))
        return name

    def _premise(self, name: str) -> Premise:
        if name in self.hypotheses:
            return self.hypotheses[name]
        if name in self.steps:
            return self.steps[name].claim
        raise DerivationError(f"step {name} is used before it is derived")

    # -- reading -----------------------------------------------------------------------------------------------------

    @property
    def bounds(self) -> Iterator[tuple[Step, Bound | Reached]]:
        """The steps that define a symbol, each with its claim, in order."""
        for step in self.steps.values():
            if defines(step.claim):
                yield step, step.claim  # type: ignore[misc]

    @property
    def definitions(self) -> list[tuple[sympy.Expr, sympy.Expr]]:
        """(symbol, expression) in order; each expression uses earlier symbols only."""
        return [(claim.symbol, claim.expression) for _, claim in self.bounds if claim.expression is not None and claim.expression.is_finite is not False]

    @property
    def used_definitions(self) -> list[tuple[sympy.Expr, sympy.Expr]]:
        """The definitions that the results need, in order; the others are steps of the proof only."""
        needed = {plain_symbol(symbol) for symbol in self.results.values()}
        kept = []
        for symbol, expression in reversed(self.definitions):
            if plain_symbol(symbol) in needed:
                kept.append((symbol, expression))
                needed |= {s for s in expression.free_symbols if isinstance(s, sympy.Symbol)}
        return kept[::-1]

    @property
    def lipschitz(self) -> sympy.Expr:
        """The symbol that bounds the Lipschitz constant of the network in its parameters."""
        return self._result("lipschitz")

    @property
    def gradient_lipschitz(self) -> sympy.Expr:
        """The symbol that bounds the Lipschitz constant of the network's gradient."""
        return self._result("gradient_lipschitz")

    def _result(self, name: str) -> sympy.Expr:
        if name not in self.results:
            raise DerivationError(f"this derivation has no {name}; it has {', '.join(self.results)}")
        return self.results[name]

    @property
    def exact(self) -> dict[str, bool]:
        """For each constant whether it is an equality: the very bound is reached by a witness."""
        reached = {step.claim.symbol for step in self.steps.values() if isinstance(step.claim, Reached)}
        bounded = {claim.symbol for _, claim in self.bounds if isinstance(claim, Bound)}
        return {name: symbol in reached & bounded for name, symbol in self.results.items() if name.removeprefix("cost_") in ("lipschitz", "gradient_lipschitz")}

    @property
    def limits(self) -> dict[str, sympy.Expr]:
        """What the results, or their ratios, tend to: {"lipschitz": oo} where a family of networks has no bound."""
        found = {}
        for step in self.steps.values():
            if isinstance(step.claim, Limit):
                found.update({name: step.claim.value for name, symbol in self.results.items() if symbol in step.claim.of.free_symbols})
        return found

    @property
    def witnesses(self) -> dict[int, Any]:
        """The networks that reach the lower bounds of the whole network, by order (1: the network, 2: its gradient, 3: its second derivative)."""
        found = {}
        for step in self.steps.values():
            claim = step.claim
            if isinstance(claim, Reached) and isinstance(claim.quantity, Quantity) and claim.quantity.layer == self.problem.network.depth:
                order = {"first": 1, "second": 2, "jump": 2, "derivative_3": 3}.get(claim.quantity.kind)
                if order is not None:
                    found[order] = claim.witness
        return found

    def witness(self, x: Any, order: int = 1, digits: int = 12, **arguments: Any) -> list[tuple[Any, Any]]:
        """Weights and biases [(A_1, b_1), ..] of a network of the set that reaches the lower bound at the input x, as NumPy arrays.

        order: 1 for the network's constant, 2 for its gradient's. The other arguments are those of the compiled function,
        without input_norm. Where the bound is only approached, the network comes within about 10^-digits of it.
        Raises SymlipError where there is no such network.
        """
        from ..verify.witness import witness_arrays

        return witness_arrays(self, x, order, digits, arguments)

    @property
    def lemmas(self) -> list[Rule]:
        """The lemmas that the steps apply and those that these refer to, each after what it refers to."""
        found: dict[str, Rule] = {}

        def visit(rule: Rule) -> None:
            if rule.name not in found:
                for used in rule.uses:
                    visit(used)
                found[rule.name] = rule

        for step in self.steps.values():
            if step.rule.name not in found:
                visit(step.rule)
        return list(found.values())

    @property
    def obligations(self) -> dict[str, tuple[Obligation, ...]]:
        """What each lemma rests on, by rule name; applications that differ are collected."""
        collected = {rule.name: {obligation.name: obligation for obligation in rule.obligations} for rule in self.lemmas}
        for step in self.steps.values():
            for obligation in step.rule.obligations_of(**dict(step.detail)):
                collected.setdefault(step.rule.name, {})[obligation.name] = obligation
        return {rule: tuple(found.values()) for rule, found in collected.items()}

    # -- checking ----------------------------------------------------------------------------------------------------

    def check(self, obligations: bool = False, progress: Callable[[str], None] | None = None) -> None:
        """Apply every rule again; with obligations=True let the machine decide what the used rules rest on, too.

        Raises DerivationError, naming the step (or the lemma's obligation) that fails; MissingExtra without a solver.
        """
        known: dict[str, Premise] = dict(self.hypotheses)
        defined = {symbol for hypothesis in self.hypotheses.values() for symbol in _atoms(hypothesis.symbol)}
        defined |= self._free_sizes()
        for name, step in self.steps.items():
            missing = [premise for premise in step.premises if premise not in known]
            if missing:
                raise DerivationError(f"step {name}: its premise {missing[0]} is not derived before it")
            try:
                claim = step.rule.conclude(Given(step.rule.name, [known[p] for p in step.premises]), **dict(step.detail))
            except DerivationError as error:
                raise DerivationError(f"step {name}: {error}") from error
            if claim != step.claim:
                raise DerivationError(f"step {name} is not what rule {step.rule.name!r} gives: {_difference(step.claim, claim)}")
            if defines(claim):
                undefined = {s for s in _atoms(claim.expression) if s not in defined}  # type: ignore[union-attr]
                if undefined:
                    raise DerivationError(f"step {name} uses {sorted(map(str, undefined))[0]}, which is not defined before it")
                defined |= _atoms(claim.symbol)  # type: ignore[union-attr]
            known[name] = claim
        for result, symbol in self.results.items():
            if not _atoms(symbol) <= defined:
                raise DerivationError(f"the result {result} is {symbol}, which no step defines")
        if obligations:
            for rule, needed in self.obligations.items():
                for obligation in needed:
                    if progress:
                        progress(f"{rule}: {obligation.name}")
                    if not obligation.decide():
                        raise DerivationError(f"rule {rule!r}: its obligation {obligation.name!r} was not proved")

    def _free_sizes(self) -> set[sympy.Expr]:
        sizes = (*self.problem.network.widths, self.problem.network.depth)
        return {size for size in sizes if isinstance(size, sympy.Symbol)}

    # -- the three readers -------------------------------------------------------------------------------------------

    def latex(self, fragment: bool = True) -> str:
        """The theorem and its proof as LaTeX: a fragment to \\input, or a whole document."""
        from ..report import render

        return render(self, fragment=fragment)

    def compile(self, outward: bool = False, fine: bool = False) -> Callable[..., Any]:
        """The bound as a NumPy function `bounds(...)`; see its docstring for the arguments.

        outward: in ball arithmetic, upper bounds rounded up, so that they are never below the bounds in exact arithmetic. fine: the exact
        constant of the gradient to about 1e-8 instead of 2e-5, in about twice the time; joint bounds with finer cells, or with five times
        the boxes, for a few tenths of a per cent at most. Raises SymlipError where there is nothing to refine.
        """
        if self.problem.local:
            if fine:
                raise SymlipError("compile(fine=True) is for the exact constant of the gradient on layer balls, not for certificates near given weights")
            from ..compile_near import compile_function as compile_near

            return compile_near(self, outward)
        from ..compile import compile_function

        return compile_function(self, outward, fine)

    def module(self) -> str:
        """The source of a stand-alone module with the same function `bounds`."""
        if self.problem.local:
            from ..compile_near import module_source as near_source

            return near_source(self)
        from ..compile import module_source

        return module_source(self)

    def verify(self, digits: int = 50, networks: int = 20, seed: int = 0, progress: Callable[[int, int], None] | None = None) -> Verification:
        """Measure every step's quantity on concrete networks in high precision, against its bound."""
        from ..verify import verify

        return verify(self, digits=digits, networks=networks, seed=seed, progress=progress)

    def evaluate(self, values: Mapping[str, Any], digits: int = 50) -> dict[str, Any]:
        """The results as mpmath numbers, to that many digits; the arguments are those of the compiled function."""
        from ..verify.evaluate import evaluate

        return evaluate(self, values, digits)

    def _repr_latex_(self) -> str:
        from ..report import notebook_latex

        return notebook_latex(self)

    def _repr_html_(self) -> str:
        from ..report import notebook_html

        return notebook_html(self)

    def __repr__(self) -> str:
        return f"<Derivation: {self.problem.method}, {len(self.steps)} steps, gives {', '.join(self.results)}>"


def _atoms(expression: sympy.Expr) -> set[sympy.Symbol]:
    """The free symbols, without the bound indices of sums and tables; an indexed family counts by its base."""
    bound = {index for node in expression.atoms(IndexedOperation) for index in node.indices}
    return {symbol for symbol in expression.free_symbols if isinstance(symbol, sympy.Symbol)} - bound


def defines(claim: Claim) -> bool:
    """Whether a claim defines its symbol."""
    return isinstance(claim, Bound | Reached) and claim.expression is not None


def _difference(found: Claim, right: Claim) -> str:
    if not (defines(found) and defines(right)):
        return f"{found} instead of {right}"
    assert isinstance(found, Bound | Reached) and isinstance(right, Bound | Reached)
    if found.quantity != right.quantity:
        return f"it bounds {found.quantity} instead of {right.quantity}"
    if found.symbol != right.symbol:
        return f"it defines {found.symbol} instead of {right.symbol}"
    if type(found) is not type(right) or getattr(found, "witness", None) != getattr(right, "witness", None):
        return f"{found} instead of {right}"
    return f"it has {found.symbol} := {_short(found.expression)} instead of {_short(right.expression)}"


def _short(expression: sympy.Expr, limit: int = 120) -> str:
    text = str(expression)
    return text if len(text) <= limit else text[: limit - 3] + "..."
