"""What a report says where the network is a controlled ODE: setting, hypotheses, conclusion, numbers and figure."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy
from mpmath import mpf

from ..calculus.claims import Reached
from ..calculus.derivation import Derivation
from ..calculus.rules.flow_limits import JUMPS
from ..calculus.witness import FieldWitness
from ..derive import derive
from ..derive_flow import limit_theorem
from ..errors import SymlipError
from ..fields import ControlledODE, Field, Flow
from ..lower import global_bound, lower_bound
from ..parameter_sets import AllParameters, LayerBalls
from .tex import tex

VARIATIONS = ("1/10", "1/4", "1/2", "1", "3/2", "2")
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def setting(field: Field) -> str:
    """The equation, the control and the derivatives."""
    control = (
        r"Let the controls $u=(u^i)$ be c\`adl\`ag and of finite variation, with continuous parts and jumps of either sign, $\mu=\sum_i|du^i|$ their variation measure and $y(t)=\mu((0,t])$ the elapsed variation. "
        if field.control is None
        else r"Let the control $u$ have pieces, one after the other: "
        + "; ".join(_piece(number, part) for number, part in enumerate(field.control, 1))
        + r". Write $h_j$ for $X$ after the $j$-th piece, $h_0=x$. "
    )
    if isinstance(field, ControlledODE):
        at = r"\theta" if field.parameters == "shared" else r"\theta_t"
        text = (
            control
            + rf"Let $dX_t=\sum_iV_i({at},t,X_{{t-}})\,du^i_t$, $X_0=x$, where the $V_i$ are measurable in $t$ and, with their derivatives up to order two in $({at},x)$, bounded and uniformly continuous on bounded sets of $({at},x)$, uniformly in $t$. "
        )
        moved = (
            r"$\theta$ is a vector of any dimension, with the Euclidean norm. "
            if field.parameters == "shared"
            else r"$\theta=(\theta_t)$ with $\theta_t\in\mathbb{R}^n$, and $D_\theta V_i$ is the derivative in $\theta_t$. "
        )
    else:
        a = field.activation.latex
        text = (
            control
            + rf"Let $dX_t={a}(AX_{{t-}}+b)\,du_t$, $X_0=x\in\mathbb{{R}}^{{{tex(sympy.sympify(field.width))}}}$, with the activation applied componentwise. "
        )
        if field.control is not None:
            text += r"$z_j=Ah_{j-1}+b$. "
        text += r"Constants $S_k$ of the activation are in the table. "
        moved = (
            r"$\theta=(A,b)$ is the same at all times, with the norm $|\theta|^2=|A|_F^2+|b|^2$; $|\cdot|_2$ is the spectral norm. "
            if field.parameters == "shared"
            else r"$\theta=(A_t,b_t)$ depends on the time, with $|\theta_t|^2=|A_t|_F^2+|b_t|^2$; $|\cdot|_2$ is the spectral norm. "
        )
    if field.parameters == "depth-dependent":
        moved += r"Its norm is that of $L^2(\mu)$, $|\theta|^2=\int|\theta_t|^2\,d\mu_t$. "
    return (
        text
        + moved
        + r"$D$ is the derivative with respect to $\theta$ at fixed $x$, a prime the derivative along a line $\theta+t\eta$, and norms of derivatives are operator norms."
    )


def _piece(number: int, part: Any) -> str:
    if isinstance(part, Flow):
        return rf"{number}, continuous, of total variation ${tex(part.length)}$"
    return rf"{number}, a jump of modulus ${tex(part.step)}$"


def hypotheses(derivation: Derivation) -> str:
    """The set of parameters or the constants, and the control."""
    field = derivation.problem.network
    total = r" and let $\mu((0,T])\le U$" if field.control is None else ""
    if isinstance(field, ControlledODE):
        named = [r"|D_xV_i|\le k", r"|D_\theta V_i|\le v_1"]
        if derivation.problem.order >= 2:
            named += [r"|D_\theta^2V_i|\le v_2", r"|D_xD_\theta V_i|\le w", r"|D_x^2V_i|\le c"]
        if field.growth is not None:
            named.append(r"|V_i|\le v_0+k_0|x|")
        listed = r",\;".join(named)
        return rf"For all $\theta$ of a convex set $\Omega$, all $i$, $t$ and the states that are reached let ${listed}$ \textup{{(H)}}{total}."
    if isinstance(derivation.problem.parameters, AllParameters):
        return r"Let $\Omega$ be the space of all $\theta=(A,b)$, $U>0$, $T=U$ and $du=dt$ on $[0,U]$."
    if derivation.problem.method == "lower":
        return r"Let $a>0$, $\Omega=\{\theta:|A|_2\le a\}$ \textup{(H)} with a free bias, $T=U>0$ and $du=dt$ on $[0,U]$. \textup{(}So no smaller numbers bound the constants for all controls of variation at most $U$.\textup{)}"
    bounds = r"|A|_2\le a" + (r",\ |b|\le\bar b" if derivation.problem.parameters.biases == "bounded" else "")
    if field.parameters == "depth-dependent":
        bounds = bounds.replace("|A|", "|A_t|").replace("|b|", "|b_t|")
    return rf"Let $\Omega=\{{\theta:{bounds}\}}$ \textup{{(H)}}{total}."


def conclusion(derivation: Derivation) -> str:
    """From derivatives to Lipschitz constants."""
    if derivation.problem.method in ("lower", "global"):
        return r"$X_T$ is twice continuously differentiable in $\theta$, and on the closure of the interior of $\Omega$ the Lipschitz constants are at least the norms of its derivatives."
    text = (
        r"$X_T$ is twice continuously differentiable in $\theta$ \textup{(}Picard's iteration in the bounded c\`adl\`ag functions, with Gronwall's inequality, solves the equation and those of its derivatives\textup{)}, $\Omega$ is convex, and by the mean value theorem the suprema of $|DX_T|$ and $|D^2X_T|$ bound the Lipschitz constants."
        if derivation.problem.network.parameters == "shared"
        else r"$X_T$ is differentiable in $\theta\in L^2(\mu)$, $\Omega$ is convex, and the mean value theorem along lines gives the first constant; the lemma on the second derivative gives that of $DX_T$."
    )
    if derivation.problem.sample_cost is not None:
        text += " The same holds for the cost."
    return text


def title(derivation: Derivation) -> str:
    """What the theorem is about."""
    field = derivation.problem.network
    what = "controlled ODE" if isinstance(field, ControlledODE) else "neural ODE"
    if derivation.problem.method == "limit":
        return f"From residual networks to a {what}: the limit of the Lipschitz constants"
    if derivation.problem.method == "lower":
        return f"Lower bounds of the Lipschitz constants of a {what} in its parameters"
    if derivation.problem.method == "global":
        return f"A {what} has no Lipschitz constant on the space of all parameters"
    return f"Lipschitz constants of a {what} in its parameters" + (", depth-dependent parameters" if field.parameters != "shared" else "")


def arguments(derivation: Derivation, variation: Any, norm: Any = 1, count: int = 10) -> dict[str, Any]:
    """Arguments of the compiled function: that variation, everything else 1."""
    found: dict[str, Any] = {
        "total_variation": variation,
        "weight_norm": norm,
        "bias_norm": 1,
        "input_norm": 1,
        "target_norm": 1,
        "scale": norm,
        "widths": [3, 3],
    }
    for hypothesis in derivation.hypotheses.values():
        kind = hypothesis.quantity.kind
        if hypothesis.quantity.layer == JUMPS:
            found[str(hypothesis.symbol)] = count
        elif kind in ("step", "constant") or kind.startswith("field_"):
            found[str(hypothesis.symbol)] = variation if kind == "step" else 1
    return found


def number_rows(derivation: Derivation, shown: dict[str, tuple[str, str]], rounded_up: Any) -> dict[str, Any]:
    """The table of numbers against the total variation."""
    names = [name for name in derivation.results if name in shown]
    lower = {claim.symbol for _, claim in derivation.bounds if isinstance(claim, Reached)}
    rows, plain = [], []
    for text in VARIATIONS:
        value = sympy.Rational(text)
        found = derivation.evaluate(arguments(derivation, mpf(value.p) / value.q), digits=30)
        cells = [rounded_up(found[name], 6, down=derivation.results[name] in lower) for name in names]
        rows.append([f"${sympy.latex(value)}$", *(f"${cell}$" for cell in cells)])
        plain.append([text, *(cell.replace(r"\cdot10^{", "e").replace("}", "") for cell in cells)])
    many = derivation.problem.method == "limit"
    where = (
        r"All other arguments are $1$"
        + (r", and $m=10$" if many else "")
        + (", widths are $3$" if derivation.problem.network.widths and isinstance(derivation.problem.network.widths[0], sympy.Symbol) else "")
    )
    control = derivation.problem.network.control is not None
    variable = r"\text{size of each piece}" if control else "U"
    return {
        "text": where + r"; upper bounds are rounded up in the last digit, lower bounds down. All are \emph{proved} bounds: the theorem's definitions evaluated to 30 digits.",
        "header": [f"${variable}$", *(shown[name][0].replace("(N)", "(X_T)").replace("(DN)", "(DX_T)").replace("|N|", "|X_T|") for name in names)],
        "rows": rows,
        "plain_text": "all other arguments 1" + (", m = 10" if many else ""),
        "plain_header": ["size of each piece" if control else "U", *(shown[name][1] for name in names)],
        "plain_rows": plain,
    }  # fmt: skip


def figure(derivation: Derivation) -> dict[str, Any]:
    """Curves against the total variation, and against the number of jumps where that is the theorem."""
    problem, field = derivation.problem, derivation.problem.network
    curves: dict[str, dict[str, list[list[str]]]] = {"depth": {}, "norm": {}}
    names = {
        "lipschitz": "network",
        "gradient_lipschitz": "its gradient",
        "discrete_lipschitz": "network, jumps",
        "discrete_gradient_lipschitz": "its gradient, jumps",
    }

    def value(one: Derivation, name: str, variation: Any, count: int = 10) -> str:
        return str(mpmath.nstr(one.evaluate(arguments(one, variation, count=count), digits=25)[name], 8))

    if problem.method == "limit":
        own = limit_theorem(field)
        for name, label in names.items():
            curves["depth"][label] = [[str(m), value(own, name, mpf(1), m)] for m in COUNTS]
        return {"variable": "U", "depth": 1, "curves": curves}
    sources = {"": derivation}
    if problem.method == "lower":
        sources = {", upper": derive(field, LayerBalls(), order=problem.order), ", lower": lower_bound(field, order=problem.order)}
    elif problem.method == "global":
        sources = {", the family": global_bound(field)}
    elif not isinstance(field, ControlledODE) and field.control is None and field.parameters == "shared":
        for method in ("separate", "block"):
            try:
                sources[f", {method}"] = derive(field, problem.parameters, method=method, order=problem.order)
            except SymlipError:
                continue
        sources.pop("")
    for suffix, one in sources.items():
        for name in ("lipschitz", "gradient_lipschitz"):
            if name in one.results:
                curves["norm"][names[name] + suffix] = [[text, value(one, name, mpf(sympy.Rational(text).p) / sympy.Rational(text).q)] for text in VARIATIONS]
    return {"variable": "U", "depth": 1, "curves": curves}


def caption(data: dict[str, Any]) -> str:
    """What the figure shows."""
    if data["curves"]["depth"]:
        return r"The bounds of $m$ equal jumps, a residual network of $m$ layers with shared parameters, tend to those of continuous depth from below, as $m$ grows; all arguments are $1$."
    return "The bounds against the total variation of the control; all other arguments are $1$."


def witness_text(derivation: Derivation, witness: FieldWitness, symbol: str) -> str:
    """What an explicit field shows."""
    if witness.kind == "held":
        return rf"The lower bound of {symbol} is that of $A=\pm a\,e_1e_1^{{\top}}$ and $b=-Ax$, so that the state stays at $x$."
    control = "a continuous increasing control" if derivation.problem.network.control is None else "the increasing control with these pieces"
    if witness.kind == "linear":
        return rf"The number for {symbol} is the smallest that serves for all fields, inputs and convex sets $\Omega$ with these constants: the scalar field $V=kx+v_1\theta$ and {control} reach it."
    return rf"For $k,v_1>0$ the number for {symbol} is the smallest that serves for all of these, too: $V=kx+v_1\theta+\tfrac12(v_2\theta^2+2w\theta x+cx^2)$ near $\theta=0$, $x_0=0$, and {control} come near it."


ENTIRE = {
    r"\varphi_1": r"\varphi_1(z)=(e^z-1)/z",
    r"\varphi_2": r"\varphi_2(z)=(ze^z-e^z+1)/z^2",
    r"\varphi_3": r"\varphi_3(z)=(e^{2z}-2ze^z-1)/z^3",
    r"\psi(": r"\psi(z)=(e^z-1-z)/z^2",
    r"\psi_3": r"\psi_3(z)=(e^z-1-z-z^2/2)/z^3",
    r"\chi(": r"\chi(z)=(ze^z-2e^z+2+z)/z^3",
}
"""The formulas of the entire functions, by their LaTeX."""
