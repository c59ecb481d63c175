"""The reports: every printed number and scalar definition is parsed back; text is deterministic, escaped and complete."""

import functools
import re

import mpmath
import pytest
import sympy
from sympy.parsing.latex import parse_latex

import symlip as sl
from symlip.build import theorems
from symlip.calculus.arrays import Operation, PairedEigenvalue
from symlip.calculus.claims import Reached
from symlip.calculus.quantities import ActivationCells, ActivationDerivative
from symlip.fields import Field
from symlip.report import render
from symlip.report.numbers import number_table, rounded_up
from symlip.report.tex import tex

THEOREMS = theorems()


@functools.cache
def derivation_of(name):
    return THEOREMS[name].make()


@functools.cache
def report_of(name):
    return render(derivation_of(name), fragment=False, name=name)


@pytest.fixture(scope="module", params=THEOREMS)
def name(request):
    """Each theorem; what is asked of one runs together, and in one process."""
    return request.param


LETTERS = "abcghjkmnopqrstuvwxyzABCDFGHJKLM"


def parsed(text: str, symbols: set[sympy.Symbol]) -> sympy.Expr:
    """The LaTeX of a scalar expression, read by SymPy's parser after each symbol's LaTeX is replaced by a letter."""
    letters = {}
    text = re.sub(r"\\(left|right|bigl|bigr|Bigl|Bigr|biggl|biggr)(?![a-zA-Z])", "", text).replace(r"\,", " ").replace(r"\;", " ")
    text = re.sub(r"\\(?=[{}])", "", text)
    for letter, symbol in zip(LETTERS, sorted(symbols, key=lambda s: -len(tex(s)))):
        letters[sympy.Symbol(letter)] = symbol
        text = re.sub(re.escape(tex(symbol)) + r"(?![a-zA-Z>])", f"<{LETTERS.index(letter)}>", text)  # numbers: no later symbol matches them
    text = re.sub(r"\s+", " ", re.sub(r"<(\d+)>", lambda match: f" {LETTERS[int(match.group(1))]} ", text))

    def one(part: str) -> sympy.Expr:
        # with explicit products: the parser takes a (b) for a function
        found = parse_latex(re.sub(r"(?<=[A-Za-z0-9})]) (?=[A-Za-z(]|\\sqrt|\\frac)", r" \\cdot ", part.strip()), backend="lark")
        assert isinstance(found, sympy.Expr), part
        return found.xreplace({sympy.Symbol("e"): sympy.E, **letters})

    matrix = re.fullmatch(r"\\lambda_\{\\max\}\\begin\{pmatrix\}(.*)&(.*)\\\\(.*)&(.*)\\end\{pmatrix\}", text)
    if matrix:
        p, r, r2, q = (one(part) for part in matrix.groups())
        assert sympy.simplify(r - r2) == 0
        return PairedEigenvalue(p, r, q)
    minimum = re.fullmatch(r"\\min\{(.*)\}", text)
    if minimum:
        return sympy.Min(*(one(part) for part in minimum.group(1).split(", ")), evaluate=False)
    return one(text)


def equal(first: sympy.Expr, second: sympy.Expr) -> bool:
    """Numerically, at points that no accident makes equal."""
    symbols = sorted(first.free_symbols | second.free_symbols, key=str)
    for shift in (3, 8):
        values = {symbol: sympy.sqrt(sympy.prime(shift + number)) / 3 for number, symbol in enumerate(symbols)}
        parts = [e.args if isinstance(e, PairedEigenvalue) else (e,) for e in (first, second)]
        if any(abs(sympy.N(a.subs(values) - b.subs(values), 30)) > 1e-20 for a, b in zip(*parts)):
            return False
    return True


def test_every_scalar_definition_printed_is_parsed_back(name):
    derivation, report = derivation_of(name), report_of(name)
    equations = re.findall(r"\\begin\{equation\}\\label\{\w+:eq:([\w-]+)\}\n(.*?)\n\\end\{equation\}", report, re.S)
    printed = dict(equations)
    steps = [(step, claim) for step, claim in derivation.bounds if not isinstance(claim.quantity, ActivationDerivative | ActivationCells)]
    assert list(printed) == [step.name.replace("_", "-") for step, _ in steps]
    for step, claim in steps:
        scalar = not claim.expression.has(Operation) or isinstance(claim.expression, PairedEigenvalue)
        if (
            not scalar
            or isinstance(claim.expression, sympy.Lambda)
            or claim.expression.has(sympy.Indexed, sympy.Max)
            or any("vec" in str(s) for s in claim.expression.free_symbols)
        ):
            continue
        body = (
            printed[step.name.replace("_", "-")]
            .replace(r"\begin{split}", "")
            .replace(r"\end{split}", "")
            .replace("&=", "=")
            .replace("&\\quad", "")
            .replace("\\\\\n", "")
        )
        left, right = body.split("=", 1)
        assert left == tex(claim.symbol)
        assert equal(parsed(right, claim.expression.free_symbols), claim.expression), (step.name, right)


def continuous_numbers(derivation, report):
    """The numbers of a report on continuous depth, at variations U, everything else 1."""
    rows = re.findall(r"^\$(\\frac\{\d+\}\{\d+\}|\d+)\$ & (.*)\\\\$", report.split(":sec:numbers}")[1], re.M)
    assert len(rows) == 6
    lower = {claim.symbol for _, claim in derivation.bounds if isinstance(claim, Reached)}
    names = [n for n in derivation.results if n != "layer_lipschitz"]
    for point, cells in rows:
        parts = [int(part) for part in re.findall(r"\d+", point)]
        U = mpmath.mpf(parts[0]) / parts[-1] if len(parts) > 1 else mpmath.mpf(parts[0])
        values = {str(h.symbol): U if h.quantity.kind == "step" else 10 if str(h.symbol) == "m" else 1 for h in derivation.hypotheses.values()}
        values |= {"total_variation": U, "weight_norm": 1, "bias_norm": 1, "input_norm": 1, "target_norm": 1, "scale": 1, "widths": [3, 3]}
        found = derivation.evaluate(values, digits=30)
        for cell, result in zip(cells.split(" & "), names, strict=True):
            mantissa, _, power = cell.strip("$").partition(r"\cdot10^")
            number = mpmath.mpf(mantissa) * mpmath.mpf(10) ** int(power.strip("{}") or 0)
            side = -1 if derivation.results[result] in lower else 1
            assert -(mpmath.mpf(10) ** -20) <= side * (number - found[result]) / found[result] <= mpmath.mpf(10) ** -5


def test_every_number_printed_is_the_derivations_rounded_up(name):
    derivation, report = derivation_of(name), report_of(name)
    if isinstance(derivation.problem.network, Field):
        continuous_numbers(derivation, report)
        return
    if derivation.problem.local:  # it has numbers for a concrete network only: tests of the certificates
        assert ":sec:numbers}" not in report
        return
    section = report.split(":sec:numbers}")[1]
    rows = re.findall(r"^\$(\\frac\{1\}\{2\}|\d+)\$ & (.*)\\\\$", section, re.M)
    kinds = {hypothesis.quantity.kind for hypothesis in derivation.hypotheses.values()}
    if not kinds & {"weight", "radius", "scale"}:
        rows = re.findall(r"^\$(\\frac\{1\}\{2\})\$ & (.*)\\\\$", section, re.M)
        assert len(rows) == 1
    else:
        assert len(rows) == 5
    lower = {claim.symbol for _, claim in derivation.bounds if isinstance(claim, Reached)}
    depth = 3 if derivation.problem.network.symbolic_depth else len(derivation.problem.network.groups)
    names = [n for n in derivation.results if n not in ("layer_lipschitz",)]
    for point, cells in rows:
        a = mpmath.mpf("0.5") if "frac" in point else mpmath.mpf(point)
        values = {
            "weight_norms": [a] * depth,
            "weight_norm": a,
            "bias_norms": [1] * depth,
            "radius": a,
            "scale": a,
            "input_norm": 1,
            "target_norm": 1,
            "widths": [3],
            "depth": depth,
            **{step.name: 1 for step in derivation.problem.network.steps},
            **({"x": [1, *[0] * (derivation.problem.network.inputs - 1)]} if "x_least" in derivation.hypotheses else {}),
        }
        found = derivation.evaluate(values, digits=30)
        shown = [cell.strip("$") for cell in cells.split(" & ")]
        assert len(shown) == len(names)
        for cell, result in zip(shown, names):
            mantissa, _, power = cell.partition(r"\cdot10^")
            number = mpmath.mpf(mantissa) * mpmath.mpf(10) ** int(power.strip("{}") or 0)
            with mpmath.workdps(30):
                near, far = mpmath.mpf(10) ** -22, mpmath.mpf("1.1e-5")
                below, above = (far, near) if derivation.results[result] in lower else (near, far)
                assert found[result] * (1 - below) <= number <= found[result] * (1 + above)


def test_constants_printed_are_the_derivations():
    derivation, report = derivation_of("second_order_paired"), report_of("second_order_paired")
    row = next(line for line in report.splitlines() if line.startswith(rf"${tex(sympy.Symbol('S2_tanh'))}$"))
    assert equal(parse_latex(row.split(" & ")[1].strip("$"), backend="lark"), sl.tanh.constant(2))
    assert derivation.steps["S2_tanh"].claim.expression == sl.tanh.constant(2)


@pytest.mark.parametrize(
    "value, digits, text",
    [("2", 6, "2"), ("0.12345678", 6, "0.123457"), ("1/3", 3, "0.334"), ("999999.9", 6, r"1\cdot10^{6}"), ("1e30", 4, r"1\cdot10^{30}"), ("0", 6, "0")],
)
def test_rounding_is_upward(value, digits, text):
    shown = rounded_up(sympy.Rational(value), digits)
    assert shown == text or sympy.Rational(shown.replace(r"\cdot10^{", "e").replace("}", "")) == sympy.Rational(
        text.replace(r"\cdot10^{", "e").replace("}", "")
    )


def test_reports_are_complete_and_deterministic(name):
    report = report_of(name)
    if list(THEOREMS).index(name) % 8 == 5:  # of all of them `symlip build --check` compares what another process wrote
        assert report == render(THEOREMS[name].make(), fragment=False, name=name)
    labels = set(re.findall(r"\\label\{([^}]*)\}", report))
    assert set(re.findall(r"\\(?:eq)?ref\{([^}]*)\}", report)) <= labels
    assert report.count(r"\begin{lemma}") == report.count(r"\begin{proof}") == len({rule.name for rule in derivation_of(name).lemmas})
    for rule in derivation_of(name).lemmas:
        assert report.count(rule.title + "]") == 1
    assert "@[" not in report
    text = re.sub(
        r"\$[^$]*\$|\\\[.*?\\\]|\\begin\{(equation|gather\*|align\*|multline\*|tikzpicture)\}.*?\\end\{\1\}|\\(label|ref|eqref|IfFileExists|includegraphics)(\[[^]]*\])?\{[^}]*\}",
        "",
        report,
        flags=re.S,
    )
    assert "_" not in re.sub(r"\\_", "", text.split(r"\begin{document}")[1])


def test_the_fragment_has_no_preamble():
    fragment = derivation_of("first_order").latex()
    assert r"\documentclass" not in fragment
    assert r"\begin{theorem}" in fragment
    assert fragment in render(derivation_of("first_order"), fragment=False).replace("\r", "")


def test_names_that_a_user_gives_are_escaped():
    hostile = sl.Activation(r"50%_of$\input{x}&~^#", sympy.tanh(sympy.Symbol("z")) / 2)
    derivation = sl.derive(sl.Network("n", [sl.Dense("w", hostile), sl.Dense(1, "identity")]), sl.LayerBalls())
    derivation.check()
    report = render(derivation, fragment=False, title="100% of_$x$ \\end{document}")
    assert r"\input{x}" not in report.replace(r"\textbackslash{}input\{x\}", "")
    assert r"100\% of\_\$x\$ \textbackslash{}end\{document\}" in report
    assert report.count(r"\end{document}") == 1
    assert derivation.compile()([1.0, 1.0], 1.0, widths=[3]).lipschitz > 0


def test_a_notebook_shows_the_theorem_and_numbers():
    derivation = derivation_of("second_order_paired")
    shown = derivation._repr_latex_()
    assert shown.startswith("$$") and shown.endswith("$$") and r"\operatorname{Lip}(DN;\Omega)\le" in shown
    table = derivation._repr_html_()
    assert "<table>" in table and "\\Omega=" in table
    assert len(re.findall("<tr>", table)) == 1 + len(number_table(derivation)["rows"])
