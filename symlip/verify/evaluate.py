"""A derivation's definitions as an mpmath program: the third reader of the same lines."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf
from sympy.printing.pycode import MpmathPrinter

from .. import bending, bending_states, joint, joint_flow, runtime, shares
from ..calculus.claims import Reached, plain_symbol
from ..calculus.derivation import Derivation
from ..calculus.witness import BentWitness, PushedWitness, StatesWitness
from .bending import end_function
from .pushed import maximum, states_reached


class HighPrecisionPrinter(MpmathPrinter):  # type: ignore[misc]
    """mpmath source with bare names; indexed families are arrays."""

    def __init__(self) -> None:
        super().__init__({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True, "user_functions": {}})

    def _print_Lambda(self, expression: sympy.Lambda) -> str:
        return f"(lambda {', '.join(map(self._print, expression.variables))}: {self._print(expression.expr)})"

    def _print_Min(self, expression: sympy.Expr) -> str:
        return f"minimum({', '.join(self._print(argument) for argument in expression.args)})"

    def _print_Max(self, expression: sympy.Expr) -> str:
        name = "max" if all(argument.is_integer for argument in expression.args) else "maximum"
        return f"{name}({', '.join(self._print(argument) for argument in expression.args)})"

    def _print_Indexed(self, expression: Any) -> str:
        return f"{self._print(expression.base.label)}[{', '.join(self._print(index) for index in expression.indices)}]"

    def _print_IndexedBase(self, expression: Any) -> str:
        return str(self._print(expression.label))


_sqrt, _exp, _log = (np.frompyfunc(function, 1, 1) for function in (mpmath.sqrt, mpmath.exp, mpmath.log))


def _pick(choose: Any) -> Any:
    def one(a: Any, b: Any) -> Any:
        a, b = mpf(a), mpf(b)
        return a if mpmath.isnan(a) else b if mpmath.isnan(b) else choose(a, b)  # Python's max(1, nan) is 1

    pairwise = np.frompyfunc(one, 2, 1)

    def pick(first: Any, *rest: Any) -> Any:
        for other in rest:
            first = pairwise(first, other)
        return first

    return pick


def _euclidean_norm(vector: Any) -> Any:
    return _sqrt(np.sum(vector * vector, axis=0))


def _largest_eigenvalue(matrix: Any) -> Any:
    if matrix.ndim == 2:
        if not all(map(mpmath.isfinite, matrix.flat)):
            return mpmath.inf
        return max(mpmath.mp.eigsy(mpmath.matrix(matrix.tolist()), eigvals_only=True))
    flat = matrix.reshape(*matrix.shape[:2], -1)
    values = [_largest_eigenvalue(flat[:, :, index]) for index in range(flat.shape[2])]
    return np.array(values, dtype=object).reshape(matrix.shape[2:])


def _paired_eigenvalue(p: Any, r: Any, q: Any) -> Any:
    return (p + q) / 2 + _sqrt(((p - q) / 2) ** 2 + r * r)


def _ball_monomial(coefficient: Any, radius: Any, ones: Any, twos: Any) -> Any:
    degree = ones + 2 * twos
    some = max(degree, 1)
    return coefficient * radius**degree * _sqrt(mpf(1) / some) ** ones * (mpf(2) / some) ** twos


def _entire(z: Any, direct: Any, start: Any) -> Any:
    """runtime.entire for mpf's: a formula that loses up to three times the digits by which the point is small, made with so many more; `start` at 0."""

    def one(point: Any) -> Any:
        lost = -3 * mpmath.mag(point) if point else 0
        if not point or lost > 3 * mpmath.mp.prec:
            return mpf(start)
        with mpmath.extraprec(max(0, int(lost)) + 10):
            found = direct(mpf(point))
        return +found

    return np.frompyfunc(one, 1, 1)(z)


ENTIRE = {
    "phi1": lambda z, growth=None: _entire(z, lambda z: mpmath.expm1(z) / z, 1),
    "phi2": lambda z, growth=None: _entire(z, lambda z: ((z - 1) * mpmath.exp(z) + 1) / z**2, mpf(1) / 2),
    "phi3": lambda z, growth=None: _entire(z, lambda z: (mpmath.exp(2 * z) - 2 * z * mpmath.exp(z) - 1) / z**3, mpf(1) / 3),
    "psi": lambda z, growth=None: _entire(z, lambda z: (mpmath.exp(z) - 1 - z) / z**2, mpf(1) / 2),
    "psi3": lambda z, growth=None: _entire(z, lambda z: (mpmath.exp(z) - 1 - z - z**2 / 2) / z**3, mpf(1) / 6),
    "chi": lambda z, growth=None: _entire(z, lambda z: ((z - 2) * mpmath.exp(z) + 2 + z) / z**3, mpf(1) / 6),
}


CELLED = ("field_value", "field_first", "field_second", "cell_blocks", "cell_matrix")
"""The runtime functions that work by cells, whose number is their last argument."""


def _fewer_cells(function: Any) -> Any:
    """A bound by cells, with fewer of them: a little larger, and as valid."""
    count = function.__code__.co_argcount - 1  # the last one is the number of cells
    return lambda *arguments: function(*arguments[:count], 250)


_not_zero = np.frompyfunc(lambda value: value or mpf(10) ** -(10**6), 1, 1)


def outward(value: Any) -> float:
    """A nonnegative number as a float that is not below it."""
    return float(value) * (1 + 1e-15)


def _arrays_by_floats(function: Any) -> Any:
    """A bound in floats whose values, and some arguments, are arrays, of mpf's: upper ends go in and come out."""

    def run(*arguments: Any) -> Any:
        given = [np.vectorize(outward, otypes=[float])(value) if isinstance(value, np.ndarray) else _floats(value, outward) for value in arguments]
        return np.vectorize(mpf, otypes=[object])(function(*given))

    return run


def _by_floats(function: Any, options: dict[str, Any]) -> Any:
    """A certified search in floats, of mpf's: its numbers go in and come out a little larger."""

    known: dict[Any, Any] = {}

    def run(*arguments: Any) -> Any:
        numbers = [argument for argument in arguments if not isinstance(argument, tuple)]
        groups = [argument for argument in arguments if isinstance(argument, tuple)]
        converted = [_floats(group, outward) for group in groups]
        arrays = np.broadcast_arrays(*(np.asarray(number, dtype=object) for number in numbers))
        out = np.empty(arrays[0].shape, dtype=object)
        for place in np.ndindex(out.shape):
            given = tuple(outward(array[place]) for array in arrays)
            key = given, str([[entry for entry in _flat(group) if isinstance(entry, float)] for group in converted])
            if key not in known:
                known[key] = mpf(float(function(*given, *converted, **options)))
            out[place] = known[key]
        return out[()]

    return run


def _flat(value: Any) -> list[Any]:
    return [entry for part in value for entry in _flat(part)] if isinstance(value, tuple) else [value]


def _floats(value: Any, convert: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_floats(entry, convert) for entry in value)
    return value if callable(value) or isinstance(value, int) else convert(value)


def _chords(*numbers: Any) -> Any:
    return runtime.chords(*map(mpf, numbers))  # type: ignore[no-untyped-call]


def _mean(values: Any) -> Any:
    return np.sum(values, axis=-1) / mpf(values.shape[-1])


def _budget_sum_range(term: Any, first: int, last: int) -> Any:
    return sum((term(index) for index in range(first, last + 1)), mpf(0))


def namespace() -> dict[str, Any]:
    """The runtime functions, those that are tied to floats replaced by exact or high-precision ones.

    Certified searches stop earlier than in the compiled function: their numbers are a little larger, and as valid.
    """
    least = {"limit": 60_000}
    names: dict[str, Any] = {
        name: value for module in (runtime, bending, bending_states, shares) for name, value in vars(module).items() if inspect.isfunction(value)
    }
    for name in CELLED:
        copy = types.FunctionType(getattr(runtime, name).__code__, names, name, getattr(runtime, name).__defaults__)
        names[f"_{name}"] = copy
    names["cell_steps"] = types.FunctionType(runtime.cell_steps.__code__, names, "cell_steps", runtime.cell_steps.__defaults__)
    names["circle_maximum"] = types.FunctionType(runtime.circle_maximum.__code__, names, "circle_maximum", runtime.circle_maximum.__defaults__)
    names.update(ENTIRE, **{name: _fewer_cells(names[f"_{name}"]) for name in CELLED})
    names.update(
        mpmath=mpmath, mpf=mpf, sqrt=_sqrt, exp=_exp, log=_log, minimum=_pick(min), maximum=_pick(max), euclidean_norm=_euclidean_norm,
        largest_eigenvalue=_largest_eigenvalue, paired_eigenvalue=_paired_eigenvalue, ball_monomial=_ball_monomial, mean=_mean,
        budget_sum_range=_budget_sum_range, chords=_chords, not_zero=_not_zero, joint_bounded=_by_floats(runtime.joint_bounded, least), joint_ball=_by_floats(runtime.joint_ball, least),
        simplex_bending=_by_floats(bending.simplex_bending, {"limit": 60}), bending_two_layers=_by_floats(bending.bending_two_layers, {"rounds": 1}),
        joint_branch=_by_floats(joint.joint_branch, {"limit": 60_000}), joint_path=_by_floats(joint.joint_path, {}), joint_states=_by_floats(joint.joint_states, {}),
        **{name: _arrays_by_floats(getattr(shares, name)) for name in ("shared_values", "shared_blocks", "shared_matrix")},
        state_bending=_by_floats(bending_states.state_bending, {"effort": 0}),
        cosine_sine=lambda index, quarter: (max(mpf(0), mpmath.cospi(mpf(index) / (2 * quarter))), mpmath.sinpi(mpf(index) / (2 * quarter))),
        flow_joint=_by_floats(joint_flow.flow_joint, {"fine": -2}), flow_path=_by_floats(joint_flow.flow_path, {"fine": -2}), activation_chart=lambda *parts: _floats(parts, float), numpy=np, indicator=lambda value: mpf(int(value >= 0)), table=lambda *values: np.array([mpf(1), *map(mpf, values)], dtype=object),
    )  # fmt: skip
    return names


def _pushed(network: Any) -> Any:
    """The joint bound of residual layers as its maximum itself, which the theorem says is the constant: sharper than any search."""

    def value(high: Any, norm: Any, least: Any, rest: Any, weights: Any, steps: Any, *_: Any) -> Any:
        known = {f"a_{group}": weight for group, weight in zip(network.groups, weights)}
        known |= {str(unit.step): step for unit, step in zip(network.units, steps)}
        return maximum(network, known, (norm, least, rest))[0]

    return value


class Program:
    """The definitions of a derivation as a function of its hypotheses' symbols, at mpmath's working precision.

    all_steps: all of them, else those that the results need.
    """

    def __init__(self, derivation: Derivation, all_steps: bool = True) -> None:
        definitions = derivation.definitions if all_steps else derivation.used_definitions
        lines = [(plain_symbol(symbol), expression) for symbol, expression in definitions]
        self.symbols = [symbol for symbol, _ in lines]
        network = derivation.problem.network
        used = set().union(*(expression.free_symbols for _, expression in lines))
        sizes = [size for size in dict.fromkeys((*network.widths, network.depth)) if isinstance(size, sympy.Symbol) and size in used]
        self.arguments = [
            *(hypothesis.symbol.base.label if hypothesis.count is not None else hypothesis.symbol for hypothesis in derivation.hypotheses.values()),
            *sizes,
        ]

        names = namespace()
        if derivation.problem.local:
            from .near import near_namespace

            near_namespace(network.activations, names)
        witnesses = [step.claim.witness for step in derivation.steps.values() if isinstance(step.claim, Reached)]
        if any(isinstance(witness, PushedWitness) for witness in witnesses):
            names["joint_path"] = _pushed(network)
        names["bending_end"] = end_function(network, any(isinstance(witness, BentWitness) and witness.exact for witness in witnesses))
        if any(isinstance(witness, StatesWitness) for witness in witnesses):
            names["state_bending"] = states_reached(network, names["state_bending"])

        def given_definitions(_: Any, list: bool = False) -> tuple[Any, Any]:
            return lines, self.symbols

        self.function = sympy.lambdify(
            self.arguments, self.symbols, modules=[names, "mpmath"], printer=HighPrecisionPrinter(), cse=given_definitions, docstring_limit=0
        )

    def __call__(self, values: dict[str, Any]) -> dict[str, Any]:
        """Values of all defined symbols by name."""
        results = self.function(*(values[str(argument)] for argument in self.arguments))
        return {**values, **{str(symbol): result for symbol, result in zip(self.symbols, results)}}


def hypothesis_values(derivation: Derivation, values: Mapping[str, Any]) -> dict[str, Any]:
    """The hypotheses' symbols and the symbolic sizes, by name, from the compiled function's arguments."""
    network = derivation.problem.network
    known: dict[str, Any] = {}
    groups = network.groups
    for hypothesis in derivation.hypotheses.values():
        kind = hypothesis.quantity.kind
        if kind in ("step", "constant") or kind.startswith("field_"):
            known[str(hypothesis.symbol)] = mpf(values[str(hypothesis.symbol)])
            continue
        if kind in ("input", "input_least", "input_rest") and "x" in values:
            entries = [abs(mpf(entry)) for entry in values["x"]]
            known[str(hypothesis.symbol)] = {"input": mpmath.norm(entries), "input_least": min(entries), "input_rest": mpmath.fsum(entries) - min(entries)}[
                kind
            ]
            continue
        if kind in ("input_least", "input_rest"):
            known[str(hypothesis.symbol)] = mpf(values.get(kind, -1))  # only the norm is known
            continue
        if kind in ("weight", "bias") and str(hypothesis.symbol) in ("a", "b"):
            known[str(hypothesis.symbol)] = mpf(values[f"{kind}_norm"])
            continue
        name = {"weight": "weight_norms", "bias": "bias_norms", "input": "input_norm", "target": "target_norm"}.get(kind, kind)
        if hypothesis.count is not None:
            known[str(hypothesis.symbol.base.label)] = np.array([mpf(1), *map(mpf, values[name])], dtype=object)
        elif name.endswith("_norms"):
            layer = hypothesis.quantity.layer
            known[str(hypothesis.symbol)] = mpf(values[name][groups.index(layer)]) if isinstance(layer, int) else mpf(values["weight_norm"])
        else:
            known[str(hypothesis.symbol)] = mpf(values[name])
    widths = values.get("widths", ())
    for position, size in enumerate(network.widths):
        if isinstance(size, sympy.Symbol) and len(widths):
            known[size.name] = int(widths[min(position, len(widths) - 1)])
    if network.symbolic_depth:
        known[str(network.depth)] = int(values["depth"])
    return known


def evaluate(derivation: Derivation, values: Mapping[str, Any], digits: int) -> dict[str, Any]:
    """The results of a derivation at one point, with the compiled function's arguments, as mpmath numbers."""
    with mpmath.workdps(digits + 15):
        known = hypothesis_values(derivation, values)
        averaged = derivation.problem.averaged
        if averaged:  # one sample
            known = {
                name: value if isinstance(value, int) else value[..., None] if isinstance(value, np.ndarray) else np.array([value], dtype=object)
                for name, value in known.items()
            }
        found = Program(derivation, all_steps=False)(known)
        found = {name: value.reshape(-1)[0] if averaged and isinstance(value, np.ndarray) and value.size == 1 else value for name, value in found.items()}
        return {name: found[str(plain_symbol(symbol))] for name, symbol in derivation.results.items()}
