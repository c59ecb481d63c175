"""A derivation as a NumPy function, and the same function as the source of a module that needs NumPy alone.

lambdify is handed the derivation's definitions as its common subexpressions, so the kernel has the derivation's own lines.
The function is made by executing that module's source: the two give the same numbers bit for bit.

Accuracy: plain double precision. Sums and products of nonnegative numbers lose about one unit in the last place an
operation, so the relative error is at most about (10 * depth + 20) * 1e-16, and an eigenvalue adds a few 1e-16 times the
matrix's size. The result is not rounded upward.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import sympy
from sympy.printing.numpy import NumPyPrinter
from sympy.printing.precedence import PRECEDENCE

from . import bending, bending_states, joint, joint_flow, runtime, shares
from .calculus.arrays import Certified, Operation
from .calculus.claims import Reached, plain_symbol
from .calculus.derivation import Derivation
from .errors import SymlipError
from .parameter_sets import ParameterBall

DESCRIPTION = {
    "value": "bound on |N|, the network's output",
    "lipschitz": "Lipschitz constant of the network in its parameters",
    "gradient_lipschitz": "Lipschitz constant of the network's gradient",
    "hessian_lipschitz": "Lipschitz constant of the network's second derivative",
    **{f"derivative_{k}_lipschitz": f"Lipschitz constant of the network's derivative {k}" for k in range(3, 12)},
    "cost_hessian_lipschitz": "Lipschitz constant of the cost's Hessian",
    **{f"cost_derivative_{k}_lipschitz": f"Lipschitz constant of the cost's derivative {k}" for k in range(3, 12)},
    "layer_lipschitz": "matrix of the bounds of mixed second derivatives, blocks A_1, b_1, A_2, b_2, ..",
    "cost_lipschitz": "Lipschitz constant of the cost",
    "cost_gradient_lipschitz": "Lipschitz constant of the cost's gradient",
    "cost": "average cost at the weights",
    "slope": "its derivative along the direction, at the weights",
    "second_derivative": "its second derivative along the direction, at the weights",
    "third_derivative": "its third derivative along the direction, at the weights",
    "fourth_derivative": "upper bound on its fourth derivative along the direction, on the segment",
    "curvature": "upper bound on its second derivative along the direction, on the segment",
    "lower_lipschitz": "lower bound on the Lipschitz constant of the network",
    "lower_gradient_lipschitz": "lower bound on the Lipschitz constant of the network's gradient",
    "gradient_jump": "jump of the network's gradient at the witness",
    "discrete_lipschitz": "the network's constant for m equal jumps of the same total variation",
    "discrete_gradient_lipschitz": "the gradient's constant for m equal jumps of the same total variation",
    "separate": "the gradient's constant by the separate method",
    "paired": "the gradient's constant by the paired method",
    "ball_lipschitz": "Lipschitz constant with every layer's norm equal to the radius",
    "ball_gradient_lipschitz": "the gradient's constant with every layer's norm equal to the radius",
}


NAMES = {"weight": "weight_norms", "bias": "bias_norms", "radius": "radius", "scale": "scale", "input": "input_norm", "target": "target_norm"}
NAMES |= {"input_least": "input_least", "input_rest": "input_rest", "total_variation": "total_variation"}
"""The kinds of hypotheses whose arguments have names of their own, in the order of the arguments."""

MODULES = (runtime, bending, bending_states, shares, joint, joint_flow)
FUNCTIONS: dict[str, Any] = {
    name: value
    for module in MODULES
    for name, value in vars(module).items()
    if inspect.isfunction(value) or (inspect.isclass(value) and value.__module__ == module.__name__)
}
"""What a compiled bound may use."""

FINE = {
    "bending_end": {"fine": 1},
    "state_bending": {"effort": 2},
    "joint_branch": {"limit": 40_000_000},
    "joint_states": {"fine": 1},
    "flow_joint": {"fine": 1},
    "flow_path": {"fine": 1},
}
"""The searches that can do more work, and the option that asks for it."""

CONSTANTS = ("step", "constant", *(f"field_{letter}" for letter in ("k", "v1", "v2", "w", "c", "v0", "k0")))
"""The kinds whose arguments are named by their symbols."""


class SourcePrinter(NumPyPrinter):  # type: ignore[misc]
    """NumPy source in which minima are pairwise, constants are the nearest doubles, and names are bare."""

    _kf: dict[str, str] = {}

    def __init__(self, constants: set[sympy.Symbol]) -> None:
        self.constants = constants
        super().__init__({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True, "user_functions": {}})

    def _print_Mul(self, expression: sympy.Expr) -> str:
        """Constant factors first, so that they are multiplied as numbers before an array is touched."""
        factors = expression.args
        if any(factor.is_Pow and not factor.exp.is_nonnegative for factor in factors) or expression.could_extract_minus_sign():
            return str(super()._print_Mul(expression))
        ordered = sorted(factors, key=lambda factor: (not factor.free_symbols <= self.constants, str(factor)))
        return "*".join(self.parenthesize(factor, PRECEDENCE["Mul"]) for factor in ordered)

    def _print_Add(self, expression: sympy.Expr, order: Any = None) -> str:
        """Constant terms first, likewise."""
        terms = expression.args
        if any(term.could_extract_minus_sign() for term in terms):
            return str(super()._print_Add(expression, order))
        ordered = sorted(terms, key=lambda term: (not term.free_symbols <= self.constants, str(term)))
        return " + ".join(self.parenthesize(term, PRECEDENCE["Add"]) for term in ordered)

    def _print_Lambda(self, expression: sympy.Lambda) -> str:
        return f"(lambda {', '.join(map(self._print, expression.variables))}: {self._print(expression.expr)})"

    def _print_Min(self, expression: sympy.Expr) -> str:
        return self._pairwise("minimum", expression)

    def _print_Max(self, expression: sympy.Expr) -> str:
        if all(argument.is_integer for argument in expression.args):
            return f"max({', '.join(self._print(argument) for argument in expression.args)})"
        return self._pairwise("maximum", expression)

    def _pairwise(self, name: str, expression: sympy.Expr) -> str:
        arguments = [str(self._print(argument)) for argument in sorted(expression.args, key=str)]
        return functools.reduce(lambda first, second: f"{name}({first}, {second})", arguments)

    def _print_Float(self, expression: sympy.Expr) -> str:
        return repr(float(expression))

    def _print_Infinity(self, expression: sympy.Expr) -> str:
        return "numpy.inf"

    def _print_Indexed(self, expression: Any) -> str:
        return f"{self._print(expression.base.label)}[{', '.join(self._print(index) for index in expression.indices)}]"

    def _print_IndexedBase(self, expression: Any) -> str:
        return str(self._print(expression.label))


def _constant(expression: sympy.Expr) -> sympy.Expr:
    """A number without symbols becomes the nearest double; small integers and simple fractions stay as they are."""
    if isinstance(expression, Certified):
        return expression
    if isinstance(expression, sympy.Lambda):
        return sympy.Lambda(expression.variables, _constants_inside(expression.expr))
    if expression.is_Integer or (expression.is_Rational and expression.q < 1000):
        return expression
    if expression.free_symbols or expression.has(Operation):
        return expression.replace(_is_constant_function, lambda e: sympy.Float(e.evalf(30), 17))
    if expression.is_number:
        return sympy.Float(expression.evalf(30), 17)
    return expression


def _is_constant_function(expression: sympy.Expr) -> bool:
    """A function at a number, such as atanh(1/sqrt(3)), or pi, which the module would have to import."""
    if isinstance(expression, sympy.NumberSymbol):
        return True
    return isinstance(expression, sympy.Function) and not isinstance(expression, Operation | sympy.Max | sympy.Min) and not expression.free_symbols


def _constants_inside(expression: sympy.Expr) -> sympy.Expr:
    """The largest subexpressions without symbols as doubles."""
    if not expression.free_symbols:
        return _constant(expression)
    if not expression.args:
        return expression
    return expression.func(*(_constants_inside(argument) for argument in expression.args))


class Signature:
    """The arguments of the compiled function, read off the hypotheses."""

    def __init__(self, derivation: Derivation) -> None:
        problem = derivation.problem
        self.network = problem.network
        kinds = {hypothesis.quantity.kind: hypothesis for hypothesis in derivation.hypotheses.values()}
        self.families = {kind: [h for h in derivation.hypotheses.values() if h.quantity.kind == kind] for kind in kinds}
        self.averaged = problem.averaged
        # where the theorem says that a bound is reached, the set must have an interior
        self.positive = any(isinstance(step.claim, Reached) for step in derivation.steps.values())
        self.symbolic_depth = self.network.symbolic_depth
        self.sizes = [w for w in dict.fromkeys(self.network.widths[1:]) if isinstance(w, sympy.Symbol)]
        used = set().union(*(expression.free_symbols for _, expression in derivation.definitions))
        self.sizes = [size for size in self.sizes if size in used]
        self.needs_widths = bool(self.sizes)
        self.arguments: list[str] = []
        for kind, name in NAMES.items():
            if kind in kinds:
                scalar = name.endswith("_norms") and kinds[kind].count is None and str(kinds[kind].symbol) in ("a", "b")
                self.arguments.append(name.removesuffix("s") if scalar else name)
        self.vector = "input_least" in kinds  # the entries of the input may be given, or its norm alone
        self.constants = [str(hypothesis.symbol) for kind in CONSTANTS for hypothesis in self.families.get(kind, [])]
        self.arguments += self.constants
        self.finite = [*(name for name in ["total_variation"] if name in self.arguments), *self.constants]
        if self.needs_widths:
            self.arguments.append("widths")
        if self.symbolic_depth:
            self.arguments.append("depth")


def module_source(derivation: Derivation) -> str:
    """The source of a stand-alone module with a function `bounds`; it imports NumPy only."""
    signature = Signature(derivation)
    kernel = _kernel(derivation, signature)
    results = list(derivation.results)
    wrapper = _wrapper(signature, results)
    helpers = [source_of(FUNCTIONS[name]) for name in needed(kernel + wrapper, FUNCTIONS)]
    header = f'"""Bounds on Lipschitz constants in the parameters, compiled by symlip: {_about(derivation)}.\n\nNeeds NumPy alone; call bounds({", ".join(signature.arguments)}).\n"""\n'
    standard = "import math\n" if any("math." in helper for helper in helpers) else ""
    if any("ThreadPoolExecutor" in helper for helper in helpers):
        standard += "import os\nfrom concurrent.futures import ThreadPoolExecutor\n"
    imports = f"{standard}from typing import NamedTuple\n\nimport numpy\nfrom numpy import exp, hypot, log, maximum, minimum, sqrt\n"
    if any("RELATIVE" in helper for helper in helpers):
        imports += f"\nRELATIVE = {bending.RELATIVE!r}  # more than the rounding errors of a few operations\n"
    if any("FLOATS" in helper for helper in helpers):
        imports += f"\nFLOATS = {bending_states.FLOATS!r}  # more than the rounding errors of the inequalities, relative to the moduli of their terms\n"
    fields = "\n".join(f"    {name}: object  # {DESCRIPTION[name]}" for name in results)
    result_class = f'class Bounds(NamedTuple):\n    """Each a float, or an array of the arguments\' broadcast shape."""\n\n{fields}\n'
    readers = [*_READERS, *([_FINITE] if signature.finite else []), *([_POSITIVE] if signature.positive else []), *([_INPUT] if signature.vector else [])]
    parts = [header + "\n" + imports, result_class, *helpers, *readers, kernel, wrapper]
    return "\n\n".join(part.strip("\n") + "\n" for part in parts)


def compile_function(derivation: Derivation, outward: bool = False, fine: bool = False) -> Callable[..., Any]:
    """The module's function `bounds`; outward: every line in ball arithmetic, and upper bounds rounded up; fine: smaller cells, or more of them, in searches."""
    source = module_source(derivation)
    namespace: dict[str, Any] = {"__name__": "symlip_compiled"}
    exec(compile(source, "<symlip bounds>", "exec"), namespace)
    functions: dict[str, Any] = dict(FUNCTIONS)
    if fine:
        searches = {name: option for name, option in FINE.items() if name in namespace}
        if not searches:
            raise SymlipError("compile(fine=True) is for searches, those of the exact constant of the gradient and of joint bounds: this derivation has none")
        for name, option in searches.items():
            functions[name] = functools.partial(functions[name], **option)
            namespace[name] = functools.partial(namespace[name], **option)
    if outward:
        from .rounding import kernel_on_balls

        reached = {claim.symbol for _, claim in derivation.bounds if isinstance(claim, Reached) and claim.expression is not None}
        lower = [symbol in reached for symbol in derivation.results.values()]  # these are not rounded up: plain floats
        plain, upward = namespace["_kernel"], kernel_on_balls(_kernel(derivation, Signature(derivation)), functions)
        namespace["_kernel"] = lambda *arguments: [
            low if below else high for below, low, high in zip(lower, plain(*arguments) if any(lower) else lower, upward(*arguments))
        ]
    function: Callable[..., Any] = namespace["bounds"]
    return function


def _about(derivation: Derivation) -> str:
    problem = derivation.problem
    network = problem.network
    names = ", ".join(re.sub(r"[^ -~]|[\"\\]", "?", activation.name) for activation in network.activations)
    where = "the parameter ball" if isinstance(problem.parameters, ParameterBall) else "layer balls"
    return f"{problem.method} method on {where}, widths {', '.join(map(str, network.widths))}, depth {network.depth}, {names}"


def _kernel(derivation: Derivation, signature: Signature) -> str:
    definitions = derivation.used_definitions
    arguments: list[Any] = []
    for kind in (*NAMES, *CONSTANTS):
        symbols = [h.symbol.base.label if h.count is not None else h.symbol for h in signature.families.get(kind, [])]
        if kind in ("weight", "bias") and not (len(symbols) == 1 and (str(symbols[0]) in ("a", "b"))):
            if symbols:
                arguments.append(tuple(symbols))
        else:
            arguments += symbols
    arguments += signature.sizes
    if signature.symbolic_depth:
        arguments.append(signature.network.depth)
    lines = [(plain_symbol(symbol), _constant(expression)) for symbol, expression in definitions]
    results = [plain_symbol(symbol) for symbol in derivation.results.values()]
    constants: set[sympy.Symbol] = set()
    for symbol, expression in lines:
        if expression.free_symbols <= constants:
            constants.add(symbol)
    released = _released(lines, set(results))

    def given_definitions(_: Any, list: bool = False) -> tuple[Any, Any]:
        return released, results

    function = sympy.lambdify(arguments, results, modules=[FUNCTIONS, "numpy"], printer=SourcePrinter(constants), cse=given_definitions, docstring_limit=0)
    source = re.sub(r"def \w+\(", "def _kernel(", source_of(function), count=1)
    for number, name in enumerate(dict.fromkeys(re.findall(r"_Dummy_\d+", source)), 1):
        source = source.replace(name, f"layers_{number}")
    return source


def _released(lines: list[tuple[sympy.Symbol, sympy.Expr]], kept: set[sympy.Symbol]) -> list[tuple[sympy.Symbol, sympy.Expr | None]]:
    """The lines, with a deletion (an expression None) after each symbol's last use: large batches then stay in cache."""
    kept = kept.union(*(expression.free_symbols for _, expression in lines if isinstance(expression, sympy.Lambda)))  # called later
    last: dict[sympy.Symbol, int] = {}
    for number, (symbol, expression) in enumerate(lines):
        last[symbol] = number
        last.update((used, number) for used in expression.free_symbols if used in last)
    dead: dict[int, list[sympy.Symbol]] = {}
    for symbol, number in last.items():
        if symbol not in kept:
            dead.setdefault(number, []).append(symbol)
    found: list[tuple[sympy.Symbol, sympy.Expr | None]] = []
    for number, line in enumerate(lines):
        found.append(line)
        found += [(symbol, None) for symbol in dead.get(number, [])]
    return found


source_of = functools.cache(inspect.getsource)
"""The source of a function or class, read from its file once a process."""


@functools.cache
def _called(text: str) -> frozenset[str]:
    """The names that a source calls."""
    return frozenset(re.findall(r"(\w+)\(", text))


def needed(source: str, known: Mapping[str, Any]) -> list[str]:
    """The known functions that a source uses, with those that they use, in the order in which they are known."""
    found: set[str] = set()

    def visit(text: str) -> None:
        for name in _called(text) & known.keys() - found:
            if name not in found:
                found.add(name)
                visit(source_of(known[name]).split(":", 1)[1])

    visit(source)
    return [name for name in known if name in found]


_READERS = (
    '''def _number(name, value):
    """One argument: a nonnegative number or an array of them."""
    if type(value) is float or type(value) is int:
        if value >= 0:
            return float(value)
        raise ValueError(f"{name} must be nonnegative, not {value}")
    try:
        array = numpy.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number or an array of numbers, not {value!r}") from None
    if array.size == 0:
        raise ValueError(f"{name} is empty")
    if not (array >= 0).all():
        raise ValueError(f"{name} must be nonnegative and not NaN")
    return array
''',
    '''def _numbers(name, values, count):
    """A list of arguments, one for each layer."""
    try:
        values = list(values)
    except TypeError:
        raise ValueError(f"{name} must have {count} entries, one for each layer, not {values!r}") from None
    if len(values) != count:
        raise ValueError(f"{name} must have {count} entries, one for each layer (batch axes come inside each), not {len(values)}")
    return [_number(f"{name}[{index}]", value) for index, value in enumerate(values)]
''',
    '''def _aligned(values):
    """Arrays of the same number of axes, so that block axes can stand in front of them; numbers stay numbers."""
    axes = max((value.ndim for value in values if type(value) is not float), default=0)
    if axes == 0:
        return [numpy.float64(value) for value in values]
    return [
        value if type(value) is not float and value.ndim == axes else numpy.reshape(value, (1,) * (axes - numpy.ndim(value)) + numpy.shape(value))
        for value in values
    ]
''',
    '''def _shape(values):
    """The arguments' broadcast shape."""
    try:
        return numpy.broadcast_shapes(*(numpy.shape(value) for value in values))
    except ValueError:
        found = sorted({numpy.shape(value) for value in values if numpy.ndim(value)})
        raise ValueError(f"the arguments' shapes do not broadcast: {', '.join(map(str, found))}") from None
''',
    '''def _in_pieces(evaluate, values, shape, most=16384):
    """Evaluate large batches piece by piece along their first axis, so that the intermediate arrays stay in cache."""
    size = 1
    for length in shape:
        size *= length
    if size <= 2 * most or shape[0] == 1:
        return evaluate(values)
    step = max(1, most * shape[0] // size)
    pieces = [evaluate([value[start : start + step] if value.shape[0] > 1 else value for value in values]) for start in range(0, shape[0], step)]
    joined = []
    for parts in zip(*pieces):
        axis = numpy.ndim(parts[0]) - len(shape)  # block axes come before the batch axes
        constant = axis < 0 or (step > 1 and parts[0].shape[axis] == 1)
        joined.append(parts[0] if constant else numpy.concatenate(parts, axis=axis))
    return joined
''',
    '''def _result(value, shape):
    """The value in the arguments' broadcast shape, a float where that is a single number; NaN, which only an overflow makes, is inf."""
    if shape == () and numpy.ndim(value) == 0:
        value = float(value)
        return value if value == value else float("inf")
    total = numpy.sum(value)  # NaN if one of them is
    return numpy.broadcast_to(value if total == total else numpy.where(numpy.isnan(value), numpy.inf, value), shape + numpy.shape(value)[len(shape) :])
''',
)


_INPUT = '''def _input(norm, x, size):
    """The norm of the input and, if its entries are known, the smallest modulus and the sum of the others; -1 if they are not."""
    if (norm is None) == (x is None):
        raise ValueError("give input_norm, or the input itself as x, one of the two")
    if x is None:
        return _number("input_norm", norm), numpy.float64(-1.0), numpy.float64(-1.0)
    entries = abs(numpy.asarray(x, dtype=float))
    if entries.ndim != 1 or not numpy.isfinite(entries).all() or (isinstance(size, int) and len(entries) != size):
        raise ValueError(f"x must be a vector of {size} finite numbers, not {x!r}")
    return numpy.linalg.norm(entries), entries.min(), entries.sum() - entries.min()
'''


_FINITE = '''def _finite(name, value):
    """What the theorem takes as finite; norms may be inf, and so is their bound."""
    value = _number(name, value)
    if not numpy.isfinite(value).all():
        raise ValueError(f"{name} must be finite")
    return value
'''

_POSITIVE = '''def _positive(name, values):
    """Norms at which the set has an interior, as a theorem about what is reached needs."""
    for index, value in enumerate(values):
        if not numpy.all(value > 0):
            where = f"{name}[{index}]" if len(values) > 1 else name
            raise ValueError(f"{where} is 0: the set has no interior and the theorem is not about it; take a positive norm, or the upper bound of method='block'")
'''


def _wrapper(signature: Signature, results: list[str]) -> str:
    network = signature.network
    lines = []
    calls: list[str] = []
    count = "depth" if signature.symbolic_depth else str(len(network.groups))
    if signature.symbolic_depth:
        lines += [
            "    if isinstance(depth, bool) or int(depth) != depth or depth < 1:",
            '        raise ValueError(f"depth must be a positive integer, not {depth!r}")',
            "    depth = int(depth)",
        ]
    lists: list[str] = [name for name in ("weight_norms", "bias_norms") if name in signature.arguments]
    singles: list[str] = [
        name
        for name in ("weight_norm", "bias_norm", "radius", "scale", "input_norm", "target_norm", "input_least", "input_rest", "total_variation")
        if name in signature.arguments
    ]
    singles += signature.constants
    if signature.vector:
        lines.append(f"    input_norm, input_least, input_rest = _input(input_norm, x, {network.widths[0]!r})")
    for name in lists:
        lines.append(f'    {name} = _numbers("{name}", {name}, {count})')
    for name in singles:
        if name.startswith("input_") and signature.vector:
            continue
        reader = "_finite" if name in signature.finite else "_number"
        lines.append(f'    {name} = {reader}("{name}", {name})')
    if signature.positive:
        for name in lists + singles:
            if name in ("weight_norms", "weight_norm", "radius"):
                lines.append(f'    _positive("{name}", {name if name in lists else f"[{name}]"})')
    samples: list[str] = [name for name in ("input_norm", "target_norm") if name in signature.arguments] if signature.averaged else []
    if samples:
        lines.append("    # samples run along the last axis; every other argument gets that axis with length one")
        for name in samples:
            lines.append(f"    {name} = numpy.atleast_1d({name})")
        for name in lists:
            lines.append(f"    {name} = [numpy.asarray(value)[..., None] for value in {name}]")
        for name in singles:
            if name not in samples:
                lines.append(f"    {name} = numpy.asarray({name})[..., None]")
    packed = " + ".join([*lists, f"[{', '.join(singles)}]"])
    lines.append(f"    values = _aligned({packed})")
    position = "0"
    for _ in lists:
        following = f"{position} + {count}" if position != "0" else count
        chosen = f"values[{position}:{following}]"
        calls.append(f"blocks(1.0, *{chosen})" if signature.symbolic_depth else chosen)
        position = following
    if singles:
        calls.append(f"*values[{position}:]")
    # the kernel takes its arguments in the order weight, bias, radius, input, target, sizes, depth
    if signature.sizes:
        lines += _width_lines(signature)
        calls += ["*sizes"]
    if signature.symbolic_depth:
        calls.append("depth")
    lines.append("    shape = _shape(values)")
    lines.append('    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):')
    call = f"_kernel({', '.join(calls)})"
    lines.append(f"        results = {call if signature.averaged else f'_in_pieces(lambda values: {call}, values, shape)'}")
    returned = []
    for index, name in enumerate(results):
        value = f"results[{index}]"
        if name == "layer_lipschitz":
            value = f"numpy.moveaxis(numpy.asarray({value}), (0, 1), (-2, -1))"
        shape = "shape[:-1]" if signature.averaged and name.startswith("cost_") else "shape"
        returned.append(f"_result({value}, {shape})")
    lines.append(f"    return Bounds({', '.join(returned)})")
    documentation = f'    """Return the bounds ({", ".join(results)}).\n\n{_argument_help(signature)}\n    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.\n    """'
    shown = [name for name in signature.arguments if name not in ("input_least", "input_rest")]
    if signature.vector:
        shown = [*(name for name in shown if name != "input_norm"), "input_norm=None", "x=None"]
    return f"def bounds({', '.join(shown)}):\n{documentation}\n" + "\n".join(lines) + "\n"


def _width_lines(signature: Signature) -> list[str]:
    widths = [w if isinstance(w, int) else w.name for w in signature.network.widths]
    wanted = [signature.network.widths.index(size) for size in signature.sizes]
    full = "depth + 1" if signature.symbolic_depth else str(len(widths))
    lines = ["    widths = [widths] if numpy.ndim(widths) == 0 else list(widths)"]
    lines += [
        "    if not all(int(width) == width and width >= 1 for width in widths):",
        '        raise ValueError(f"widths must be positive integers, not {widths!r}")',
    ]
    if signature.symbolic_depth:
        lines += [
            "    if len(widths) not in (1, 2, depth + 1) or len(set(widths[1:])) > 1:",
            '        raise ValueError(f"widths must be [l] or [l_0, l, .., l] with equal layers, not {widths!r}")',
            "    sizes = [widths[-1]]",
        ]
        return lines
    lines += [
        f"    if len(widths) == {full}:",
        f"        expected = {widths!r}",
        "        if any(type(a) is int and a != b for a, b in zip(expected, widths)):",
        '            raise ValueError(f"widths must agree with the network\'s {expected!r}, not {widths!r}")',
        f"        sizes = [widths[index] for index in {wanted!r}]",
        f"    elif len(widths) == {len(wanted)}:",
        "        sizes = widths",
        "    else:",
        f'        raise ValueError(f"widths must have {full} entries l_0, .., l_m, not {{len(widths)}}")',
    ]
    return lines


def _argument_help(signature: Signature) -> str:
    count = "depth" if signature.symbolic_depth else len(signature.network.groups)
    text = {name: f"the constant or step {name}" for name in signature.constants} | {
        "total_variation": "the total variation U of the control",
        "bias_norm": "the norm |b|",
        "weight_norms": f"spectral norms |A_u|_2, {count} entries, each a number or an array",
        "weight_norm": "the largest spectral norm |A_u|_2 of all layers",
        "bias_norms": f"norms |b_u|, {count} entries, each a number or an array",
        "radius": "the radius R of the ball |theta| <= R",
        "scale": "the scale t of the family of networks",
        "input_least": "",
        "input_rest": "",
        "x": "the input itself, a vector; sharper than its norm",
        "input_norm": "|x|" + (", the samples along the last axis" if signature.averaged else ""),
        "target_norm": "|y|" + (", the samples along the last axis" if signature.averaged else ""),
        "widths": "the widths l_0, .., l_m",
        "depth": "the number of layers m",
    }
    names = [name for name in (*signature.arguments, *(["x"] if signature.vector else [])) if text[name]]
    return "\n".join(f"    {name}: {text[name]}." for name in names)
