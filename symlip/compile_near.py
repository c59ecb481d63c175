"""A local derivation as a NumPy function of weights, data and radius, and the same function as a stand-alone module.

The lines that do not depend on the radius (or the length) make one function and the others a second one, so that many radii
cost one pass over the data. Accuracy as in `compile`: plain double precision, not rounded upward.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

import sympy

from . import near, rounding, runtime
from .activations import BUILT_IN, Activation
from .calculus.claims import plain_symbol
from .calculus.derivation import Derivation
from .calculus.rules.activation_constants import identifier
from .calculus.samples import At, SupremumNear
from .compile import DESCRIPTION, SourcePrinter, _constant, _released, needed, source_of
from .pointwise import activation_source

FUNCTIONS = {name: value for module in (runtime, near) for name, value in vars(module).items() if inspect.isfunction(value)}
"""What a compiled certificate may use."""

KINDS = ("centre_weight", "centre_bias", "direction_weight", "direction_bias", "reference_weight", "reference_bias", "inputs", "targets")
ARGUMENTS = {"centre_weight": "weights", "centre_bias": "biases", "direction_weight": "direction_weights", "direction_bias": "direction_biases"}
ARGUMENTS |= {"reference_weight": "reference_weights", "reference_bias": "reference_biases"}
SIZES = {"distance": "radius", "length": "length", "angle": "angle"}
"""The kinds of the numbers on which the set depends, with the names of their arguments."""


def module_source(derivation: Derivation) -> str:
    """The source of a stand-alone module with the functions `prepared` and `bounds`; it imports NumPy (and SciPy for erf, if it is installed)."""
    sizes = [SIZES[h.quantity.kind] for h in derivation.hypotheses.values() if h.quantity.kind in SIZES]
    variable = ", ".join(sizes)
    centre, kernel, arguments, _ = _kernels(derivation)
    activations = "\n\n".join(activation_source(activation, *orders) for activation, orders in _activations(derivation).items())
    used = needed(centre + kernel + activations, FUNCTIONS)
    helpers = [source_of(FUNCTIONS[name]) for name in used]
    network = derivation.problem.network
    names = ", ".join(re.sub(r"[^ -~]|[\"\\]", "?", activation.name) for activation in network.activations)
    header = (
        f'"""A certificate near given weights, compiled by symlip: {derivation.problem.method} method, widths {", ".join(map(str, network.widths))}, {names}.\n\n'
        f'Call bounds({", ".join(arguments)}, {variable}).\n"""\n'
    )
    imports = "from typing import NamedTuple\n\nimport numpy\nfrom numpy import exp, hypot, log, maximum, minimum, sqrt\n"
    results = list(derivation.results)
    fields = "\n".join(f"    {name}: object  # {_description(derivation, name)}" for name in results)
    result_class = f'class Bounds(NamedTuple):\n    """Numbers, and a matrix."""\n\n{fields}\n'
    wrapper = _WRAPPER.format(
        arguments=", ".join(arguments), variable=variable, documentation=_documentation(derivation, variable, arguments), layers=repr(tuple(network.groups)),
        widths=repr(tuple(network.widths)), pairs=repr([name for name in arguments if name not in ("inputs", "targets")]),
        groups=", ".join(f"{name}_" for name in arguments),
    )  # fmt: skip
    parts = [header + "\n" + imports, result_class, *helpers, activations, centre, kernel, _READERS, wrapper]
    return "\n\n".join(part.strip("\n") + "\n" for part in parts)


def compile_function(derivation: Derivation, outward: bool = False) -> Callable[..., Any]:
    """The module's function `bounds`, with `bounds.prepared`: the same in two steps, the first without the radius.

    outward: every line in ball arithmetic, and the results rounded up, so that they are bounds of the numbers in exact arithmetic;
    what `prepared` returns then has `in_floats`, the same function in plain floats, for searches, and `start`, the lower ends of the
    results that do not depend on the size of the set.
    """
    source = module_source(derivation)
    namespace: dict[str, Any] = {"__name__": "symlip_compiled"}
    exec(compile(source, "<symlip certificate>", "exec"), namespace)
    if outward:
        _outward(derivation, namespace)
    function: Any = namespace["bounds"]
    function.prepared = namespace["prepared"]
    return function  # type: ignore[no-any-return]


def _outward(derivation: Derivation, namespace: dict[str, Any]) -> None:
    """Put the kernels in ball arithmetic in the place of those in floats."""
    centre, kernel, _, handed = _kernels(derivation)
    places = {name: handed.index(plain_symbol(symbol)) for name, symbol in derivation.results.items() if plain_symbol(symbol) in handed}
    activations = _activations(derivation)
    gathered, function_of, in_floats = namespace["_gathered"], namespace["_function"], namespace["_kernel"]
    first = rounding.on_balls(centre, rounding.namespace(activations))["_centre"]
    # what depends on the size of the set is a bound, and bounds increase with every bound that they are made of
    second = rounding.on_balls(kernel, rounding.namespace(activations, True), increasing_lines=True)["_kernel"]

    def balls(value: Any) -> Any:
        return [balls(entry) for entry in value] if isinstance(value, list) else rounding.ball(value)

    def floats(value: Any) -> Any:
        return [floats(entry) for entry in value] if isinstance(value, list) else rounding.ball(value).mid

    def on_sizes(found: Any, *sizes: float) -> list[Any]:
        return [rounding.ball(value).upper for value in second(found, *map(rounding.ball, sizes))]

    def prepared(*arguments: Any, **named: Any) -> Callable[..., Any]:
        found = gathered(*arguments, **named)
        at = function_of(found, on_sizes)
        at.in_floats = function_of(floats(found), in_floats)
        at.start = {name: rounding.ball(found[place]).lower for name, place in places.items()}
        return at  # type: ignore[no-any-return]

    namespace["_centre"] = lambda *arguments: first(*map(balls, arguments))
    namespace["prepared"] = functools.update_wrapper(prepared, namespace["prepared"])


def _kernels(derivation: Derivation) -> tuple[str, str, list[str], list[sympy.Symbol]]:
    """The source of `_centre` and `_kernel`, the names of the arguments without the radius, and what the one hands to the other."""
    families = {kind: [h.symbol for h in derivation.hypotheses.values() if h.quantity.kind == kind] for kind in KINDS}
    families = {kind: symbols for kind, symbols in families.items() if symbols}
    variables = [h.symbol for h in derivation.hypotheses.values() if h.quantity.kind in SIZES]
    groups: list[Any] = [tuple(symbols) if kind in ARGUMENTS else symbols[0] for kind, symbols in families.items()]
    lines = [(plain_symbol(symbol), _constant(expression)) for symbol, expression in derivation.used_definitions]
    moving = set(variables)
    early, late = [], []
    for symbol, expression in lines:
        if expression.free_symbols & moving:
            moving.add(symbol)
            late.append((symbol, expression))
        else:
            early.append((symbol, expression))
    results = [plain_symbol(symbol) for symbol in derivation.results.values()]
    wanted = set(results).union(*(expression.free_symbols for _, expression in late))
    given = [symbol for symbols in families.values() for symbol in symbols]
    handed = [symbol for symbol in (*given, *(symbol for symbol, _ in early)) if symbol in wanted]
    centre = _source("_centre", groups, early, handed)
    kernel = _source("_kernel", [tuple(handed), *variables], late, results)
    return centre, kernel, [ARGUMENTS.get(kind, kind) for kind in families], handed


def _source(name: str, arguments: list[Any], lines: list[tuple[sympy.Symbol, sympy.Expr]], results: list[sympy.Symbol]) -> str:
    constants = {symbol for symbol, expression in lines if not expression.free_symbols}
    released = _released(lines, set(results))

    def given_definitions(_: Any, list: bool = False) -> tuple[Any, Any]:
        return released, results

    function = sympy.lambdify(arguments, results, modules=[FUNCTIONS, "numpy"], printer=SourcePrinter(constants), cse=given_definitions, docstring_limit=0)
    source = re.sub(r"def \w+\(", f"def {name}(", source_of(function), count=1)
    for number, dummy in enumerate(dict.fromkeys(re.findall(r"_Dummy_\d+", source)), 1):
        source = source.replace(dummy, f"arrays_{number}")
    return source


def _activations(derivation: Derivation) -> dict[Activation, tuple[tuple[int, ...], tuple[int, ...]]]:
    """The orders of the derivatives, and of their suprema, that the lines use, by activation."""
    uses: dict[str, tuple[set[int], set[int]]] = {}
    for _, expression in derivation.used_definitions:
        for operation in expression.atoms(At, SupremumNear):
            found = uses.setdefault(str(operation.args[0]), (set(), set()))
            found[isinstance(operation, SupremumNear)].add(int(operation.args[2]))
    known = {identifier(activation): activation for activation in (*BUILT_IN.values(), *derivation.problem.network.activations)}
    return {known[name]: (tuple(sorted(at)), tuple(sorted(suprema))) for name, (at, suprema) in sorted(uses.items())}


def _description(derivation: Derivation, name: str) -> str:
    if name in DESCRIPTION:
        return DESCRIPTION[name]
    quantity = next(claim.quantity for _, claim in derivation.bounds if str(claim.symbol) == name)
    return "" if quantity is None else quantity.meaning


def _documentation(derivation: Derivation, variable: str, arguments: list[str]) -> str:
    lines = [
        f"Return {', '.join(derivation.results)}.",
        "",
        "    weights, biases: A_u of shape (l_u, l_(u-1)) and b_u of shape (l_u,), one entry a layer.",
        "    inputs: shape (samples, l_0). targets: shape (samples, l_m).",
    ]
    if "reference_weights" in arguments:
        lines.append("    reference_weights, reference_biases: as the weights; any direction, best an approximate top eigenvector of the Hessian.")
    if variable == "radius":
        lines.append("    radius: of the ball of parameters about the weights.")
    else:
        lines += ["    direction_weights, direction_biases: as the weights; together of length 1.", "    length: of the segment, or of the cone's axis."]
    if "angle" in variable:
        lines.append("    angle: of the cone, the largest |w| in weights + t (U + w).")
    lines.append("    Raises ValueError for shapes that do not fit and numbers that are not finite.")
    return "\n".join(lines)


_READERS = '''def _arrays(name, values, shapes):
    """One array a layer."""
    values = [numpy.asarray(value, dtype=float) for value in values]
    if [value.shape for value in values] != shapes:
        raise ValueError(f"{name} must have shapes {shapes}, not {[value.shape for value in values]}")
    if not all(numpy.isfinite(value).all() for value in values):
        raise ValueError(f"{name} must be finite")
    return values


def _samples(name, values, size):
    """One row a sample, turned into one column a sample."""
    values = numpy.asarray(values, dtype=float)
    if values.ndim != 2 or values.shape[1] != size or not len(values):
        raise ValueError(f"{name} must have shape (samples, {size}), not {values.shape}")
    if not numpy.isfinite(values).all():
        raise ValueError(f"{name} must be finite")
    return numpy.ascontiguousarray(values.T)


def _single(value):
    """A number; NaN, which only an overflow makes, is inf."""
    value = numpy.where(numpy.isnan(value), numpy.inf, value)
    return float(value) if value.ndim == 0 else value
'''

_WRAPPER = '''def _gathered({arguments}):
    """The values that do not depend on the {variable}."""
    widths = {widths}
    shapes = {{"weights": [(widths[u], widths[u - 1]) for u in {layers}], "biases": [(widths[u],) for u in {layers}]}}
    given = locals()
    layers = {{name: _arrays(name, given[name], shapes[name.split("_")[-1]]) for name in {pairs}}}
    samples = _samples("inputs", inputs, widths[0]), _samples("targets", targets, widths[-1])
    if samples[0].shape[1] != samples[1].shape[1]:
        raise ValueError(f"there are {{samples[0].shape[1]}} inputs and {{samples[1].shape[1]}} targets")
    with numpy.errstate(all="ignore"):
        return _centre(*layers.values(), *samples)


def _function(found, kernel):
    """The bounds as a function of the {variable}."""

    def at({variable}):
        """The bounds at one {variable}."""
        sizes = [float(size) for size in ({variable},)]
        if not all(size >= 0 and numpy.isfinite(size) for size in sizes):
            raise ValueError(f"{variable} must be finite and not negative, not {{', '.join(map(str, sizes))}}")
        with numpy.errstate(all="ignore"):
            results = kernel(found, *sizes)
        return Bounds(*(_single(value) for value in results))

    return at


def prepared({arguments}):
    """What does not depend on the {variable}, done once: returns the function of the {variable}."""
    return _function(_gathered({arguments}), _kernel)


def bounds({arguments}, {variable}):
    """{documentation}
    """
    return prepared({arguments})({variable})
'''
