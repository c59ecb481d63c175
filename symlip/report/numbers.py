"""A table of numbers for a concrete architecture, from the derivation's own definitions in high precision."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy
from mpmath import mpf

from ..calculus.claims import Reached
from ..calculus.derivation import Derivation
from ..fields import Field
from ..parameter_sets import ParameterBall
from . import flow

SHOWN = {
    "value": (r"$|N|$", "value"),
    "lipschitz": (r"$\operatorname{Lip}(N)$", "Lip(N)"),
    "gradient_lipschitz": (r"$\operatorname{Lip}(DN)$", "Lip(DN)"),
    "hessian_lipschitz": (r"$\operatorname{Lip}(D^2N)$", "Lip(D^2 N)"),
    **{f"derivative_{k}_lipschitz": (rf"$\operatorname{{Lip}}(D^{k}N)$", f"Lip(D^{k} N)") for k in range(3, 12)},
    "discrete_lipschitz": (r"$m$ jumps", "m jumps"),
    "discrete_gradient_lipschitz": (r"$m$ jumps", "m jumps"),
    "lower_lipschitz": (r"lower bound", "lower bound"),
    "lower_gradient_lipschitz": (r"lower bound", "lower bound"),
    "gradient_jump": (r"jump of $DN$", "jump of DN"),
    "separate": ("separate", "separate"),
    "paired": ("paired", "paired"),
    "ball_lipschitz": (r"$\operatorname{Lip}(N)$, $a_u=R$", "Lip(N), a_u=R"),
    "ball_gradient_lipschitz": (r"$\operatorname{Lip}(DN)$, $a_u=R$", "Lip(DN), a_u=R"),
    "cost_lipschitz": (r"$\operatorname{Lip}(\varphi)$", "Lip(cost)"),
    "cost_gradient_lipschitz": (r"$\operatorname{Lip}(D\varphi)$", "Lip(cost's gradient)"),
    "cost_hessian_lipschitz": (r"$\operatorname{Lip}(D^2\varphi)$", "Lip(cost's Hessian)"),
}
POINTS = ("1/2", "1", "2", "4", "10")
DIGITS = 6


def rounded_up(value: Any, digits: int, down: bool = False) -> str:
    """A positive number as a decimal of that many significant digits that is not below it (a tie at 40 digits is equal).

    down: not above it instead.
    """
    if value == 0:
        return "0"
    with mpmath.workdps(60):
        number = mpf(sympy.N(value, 55)._mpf_) if isinstance(value, sympy.Expr) else mpf(value)
        if not mpmath.isfinite(number):
            return r"\infty"
        exponent = int(mpmath.floor(mpmath.log10(number))) + 1 - digits
        scaled = number / mpf(10) ** exponent
        whole = int(mpmath.floor(scaled + mpf(10) ** -25) if down else mpmath.ceil(scaled - mpf(10) ** -25))
        if len(str(whole)) > digits:
            whole, exponent = whole // 10 + (1 if whole % 10 else 0), exponent + 1
        if -10 <= exponent <= 0:
            text = str(whole).rjust(1 - exponent, "0")
            text = text[: len(text) + exponent] + "." + text[len(text) + exponent :] if exponent else text
            return text
        if 0 < exponent <= 3:
            return str(whole * 10**exponent)
        mantissa = str(whole)
        power = exponent + len(mantissa) - 1
        mantissa = mantissa[0] + "." + mantissa[1:]
        return rf"{mantissa}\cdot10^{{{power}}}"


def number_table(derivation: Derivation) -> dict[str, Any]:
    """Rows for a few norms; symbolic widths and depth are set to 3. Every entry is rounded up."""
    problem = derivation.problem
    network = problem.network
    if isinstance(network, Field):
        return flow.number_rows(derivation, SHOWN, rounded_up)
    ball = isinstance(problem.parameters, ParameterBall)
    lower = {claim.symbol for _, claim in derivation.bounds if isinstance(claim, Reached)}
    depth = 3 if network.symbolic_depth else len(network.groups)
    names = [name for name in derivation.results if name in SHOWN]
    kinds = {hypothesis.quantity.kind for hypothesis in derivation.hypotheses.values()}
    rows, plain, rounding = [], [], "rounded up"
    for point in POINTS:
        a = sympy.Rational(point)
        arguments: dict[str, Any] = {"input_norm": 1, "target_norm": 1, "radius": a.p / mpf(a.q), "weight_norm": a.p / mpf(a.q), "depth": depth, "widths": [3]}
        arguments["scale"] = arguments["radius"]
        arguments["weight_norms"] = [a.p / mpf(a.q)] * depth
        arguments["bias_norms"] = [1] * depth
        arguments.update((step.name, 1) for step in network.steps)
        if "input_least" in kinds:
            arguments["x"] = [1] + [0] * (int(network.inputs) - 1)
        found = derivation.evaluate(arguments, digits=40)
        cells = [rounded_up(found[name], DIGITS, down=derivation.results[name] in lower) for name in names]
        rows.append([f"${sympy.latex(a)}$", *(f"${cell}$" for cell in cells)])
        plain.append([point, *(cell.replace(r"\cdot10^{", "e").replace("}", "").replace(r"\infty", "inf") for cell in cells)])
    variable = "t" if "scale" in kinds else "R" if ball else "a"
    what = {
        "t": ("scale $t$ of the family", "scale t of the family"),
        "R": ("radius $R$", "radius R"),
        "a": ("all weight norms equal to $a$", "all weight norms a"),
    }[variable]
    where, plain_where = rf"At $|x|=1$ and {what[0]}", f"at |x| = 1, {what[1]}"
    if not kinds & {"weight", "radius", "scale"}:
        rows, plain, where, plain_where = rows[:1], plain[:1], r"At $|x|=1$", "at |x| = 1"
    if "bias" in kinds:
        where, plain_where = where + r", all bias norms equal to $1$", plain_where + ", all bias norms 1"
    if "target" in kinds:
        where, plain_where = where + r", $|y|=1$", plain_where + ", |y| = 1"
    if "input_least" in kinds:
        where, plain_where = where + r", $x=e_1$", plain_where + ", x = e_1"
    for step in network.steps:
        where, plain_where = where + rf", ${sympy.latex(step)}=1$", plain_where + f", {step} = 1"
    if any(isinstance(size, sympy.Symbol) for size in network.widths[1:]):
        where, plain_where = where + r", all widths equal to $3$", plain_where + ", all widths 3"
    if network.symbolic_depth:
        where, plain_where = where + r", depth $3$", plain_where + ", depth 3"
    header = [SHOWN[name][0] for name in names]
    if problem.averaged:
        where, plain_where = where + r" for every sample", plain_where + " for every sample"
        header = [cell.replace(r"\varphi", r"\Phi") for cell in header]
    if problem.method == "ordering" and "paired" in names:
        header[names.index("gradient_lipschitz")] = "block"
    proved = r"\emph{proved} bounds: the theorem's definitions evaluated to 40 digits"
    if not any(derivation.results[name] in lower for name in names):
        text = where + rf", rounded up in the last digit. All are {proved}."
    elif all(derivation.results[name] in lower for name in names):
        text, rounding = where + rf", rounded down in the last digit. All are {proved}.", "rounded down"
    else:
        text, rounding = (
            where + rf"; upper bounds are rounded up in the last digit, lower bounds down. All are {proved}.",
            "upper bounds rounded up, lower ones down",
        )
    return {
        "text": text, "header": [f"${variable}$", *header], "rows": rows,
        "plain_text": plain_where + f" ({rounding})", "plain_header": [variable, *(SHOWN[name][1] for name in names)], "plain_rows": plain,
    }  # fmt: skip
