"""The theorem, its lemmas, its proof and its checks, written from the derivation alone."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import sympy

from ..activations import Activation, latex_escape
from ..calculus.claims import Bound, Claim, Comparison, Hypothesis, Limit, Reached, is_constant
from ..calculus.derivation import Derivation, Step
from ..calculus.quantities import BLOCKED, ActivationCells, ActivationDerivative, ActivationPeak, Quantity
from ..calculus.rules.activation_constants import ActivationConstants
from ..calculus.rules.held_lines import starts_recurrent
from ..calculus.witness import BentWitness, FieldWitness, HeldWitness, PushedWitness, StatesWitness
from ..costs import Huber
from ..fields import END, Field
from ..networks import Unit
from ..parameter_sets import AllParameters, ParameterBall
from ..peaks import peak
from ..suprema import CriticalPointCertificate, EnclosureCertificate, PolynomialCertificate, pieces_of
from . import flow, near
from .networks import described
from .numbers import number_table, rounded_up
from .tex import WIDE, definition, length_of, polynomial, tex

if TYPE_CHECKING:
    from ..certify import Certificate
    from ..verify.run import StepReport, Verification

RESULT_LATEX = {
    "value": r"|N_\theta(x)|",
    "lipschitz": r"\operatorname{Lip}(N;\Omega)",
    "gradient_lipschitz": r"\operatorname{Lip}(DN;\Omega)",
    "hessian_lipschitz": r"\operatorname{Lip}(D^2N;\Omega)",
    "cost_hessian_lipschitz": r"\operatorname{Lip}(D^2\varphi;\Omega)",
    **{f"derivative_{k}_lipschitz": rf"\operatorname{{Lip}}(D^{{{k}}}N;\Omega)" for k in range(3, 12)},
    **{f"cost_derivative_{k}_lipschitz": rf"\operatorname{{Lip}}(D^{{{k}}}\varphi;\Omega)" for k in range(3, 12)},
    "paired": "",
    "separate": "",
    "cost_lipschitz": r"\operatorname{Lip}(\varphi;\Omega)",
    "cost_gradient_lipschitz": r"\operatorname{Lip}(D\varphi;\Omega)",
}


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        variable_start_string="<<", variable_end_string=">>", block_start_string="<%", block_end_string="%>",
        comment_start_string="<#", comment_end_string="#>", trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip


def render(
    derivation: Derivation,
    fragment: bool = True,
    title: str | None = None,
    name: str = "symlip",
    verification: Verification | None = None,
    figure: str | None = None,
    figure_caption: str = "",
    ratios: dict[str, Any] | None = None,
    sharpness: list[dict[str, Any]] | None = None,
    sharpness_figure: str | None = None,
    certificate: Certificate | None = None,
) -> str:
    """The report as LaTeX.

    fragment: no preamble, to be read by \\input; else a whole document. title: the theorem's, as plain text. name: prefix
    of all labels. verification: a run whose verdict is printed. figure: the file name of a figure to include if it exists.
    ratios: a table of one bound over another. sharpness, sharpness_figure: the points of a sharpness map, as JSON, and the file name of its figure.
    certificate: the numbers of a concrete network.
    """
    context = _Context(derivation, title, "".join(c for c in name if c.isalnum()) or "symlip")
    body = (
        _environment()
        .get_template("body.tex.j2")
        .render(
            **{**context.values(), **({"numbers": near.certificate_table(certificate)} if certificate else {})},
            verification=_verified(derivation, verification),
            figure=figure,
            figure_caption=figure_caption,
            ratios=ratios,
            sharpness=_sharpness_rows(sharpness),
            sharpness_figure=sharpness_figure,
        )
    )
    return body if fragment else whole_document(body, context.title)


def whole_document(body: str, title: str) -> str:
    """A report without a preamble as a document of its own; title: as LaTeX."""
    return _environment().get_template("document.tex.j2").render(title=title, running=_running(title), body=body)


def _factor(unit: Unit) -> str:
    """A step and its sign, in front of what it multiplies."""
    return ("-" if unit.negative else "+") + ("" if unit.step == 1 else rf"{tex(unit.step)}\,")


def _running(title: str, longest: int = 72) -> str:
    """A title for the head of a page: its first words, as many as fit."""
    return title if len(title) <= longest else title[:longest].rsplit(" ", 1)[0].rstrip(",:;") + r" \dots"


class _Context:
    """What the templates need, in the order of the report."""

    def __init__(self, derivation: Derivation, title: str | None, label: str) -> None:
        self.derivation, self.id = derivation, label
        self.problem = derivation.problem
        self.network = self.problem.network
        self.title = latex_escape(title) if title else _default_title(derivation)
        self.lemma_rules = [rule for rule in derivation.lemmas if not isinstance(rule, ActivationConstants)]
        if any(isinstance(rule, ActivationConstants) for rule in derivation.lemmas):
            self.lemma_rules.append(ActivationConstants())
        self.numbers_of = {rule.name: number for number, rule in enumerate(self.lemma_rules, 1)}

    def values(self) -> dict[str, Any]:
        derivation = self.derivation
        return {
            "id": self.id,
            "title": self.title,
            "setting": self._setting(),
            "blocks": self._blocks(),
            "hypotheses_text": self._hypotheses(),
            "hypotheses_named": self._hypotheses_named(),
            "bounds": _display(self._bounds(), "." if self._comparisons() else ","),
            "comparisons": _display(self._comparisons()),
            "comparisons_when": self._when(),
            "witnesses": self._witnesses(),
            "impossible": self._impossible(),
            "equations": [{"label": _label(step.name), "body": definition(claim.symbol, claim.expression)} for step, claim in self._displayed()],
            "many_activations": len(self.network.activations) > 1,
            "remarks": self._remarks(),
            "constants": self._constants(),
            "lemmas": [
                {"title": rule.title, "label": _label(rule.name), "statement": self._referring(rule.statement), "proof": self._referring(rule.proof)}
                for rule in self.lemma_rules
            ],
            "steps": self._steps(),
            "conclusion": self._conclusion(),
            "graph": self._graph(),
            "notation": self._notation(),
            "obligations": self._obligations(),
            "numbers": None if self.problem.local else number_table(derivation),
        }

    # -- statement ---------------------------------------------------------------------------------------------------

    def _setting(self) -> str:
        network = self.network
        if isinstance(network, Field):
            return flow.setting(network) + self._cost_setting()
        inputs, depth = tex(sympy.sympify(network.inputs)), tex(sympy.sympify(network.depth))
        if not network.plain:
            return self._setting_written_out() + self._cost_setting() + (near.setting() if self.problem.local else "")
        if network.symbolic_depth:
            layers = _layers(network.depth)
            widths = rf"each layer of width ${tex(sympy.sympify(network.dense[0].width))}$"
            activations = f"$s_u={network.dense[0].activation.latex}$"
        else:
            layers = _layers(network.depth)
            shown = network.widths[1:]
            listed = [tex(w) if isinstance(w, sympy.Symbol) and w.name == f"l_{u}" else rf"l_{{{u}}}={tex(sympy.sympify(w))}" for u, w in enumerate(shown, 1)]
            if len(listed) > 8:
                listed = [*listed[:3], r"\dots", listed[-1]]
            widths = "widths $" + r",\ ".join(listed) + "$"
            activations = self._activations()
        size = rf"\sum_{{u=1}}^{{{depth}}}(|A_u|_F^2+|b_u|^2)"
        text = (
            rf"For $x\in\mathbb{{R}}^{{{inputs}}}$ let $h_0=x$ and $z_u=A_uh_{{u-1}}+b_u$, $h_u=s_u(z_u)$ componentwise, ${layers}$, and let $N_\theta(x)=h_{{{depth}}}$ "
            rf"be the network with {widths} and {activations}{self._formulas()}. The parameters $\theta=(A_1,b_1,\dots,A_{{{depth}}},b_{{{depth}}})$ have the Euclidean norm "
            rf"$|\theta|^2={size}$; $|\cdot|_2$ is the spectral norm. $D$ is the derivative {self._moved()}, $|DN|=\sup_{{|\eta|=1}}|DN[\eta]|$ and "
            r"$|D^2N|=\sup_{|\eta|=|\zeta|=1}|D^2N[\eta,\zeta]|$, and $\operatorname{Lip}$ is the Lipschitz constant in these norms. "
            + (
                ""
                if self.problem.local
                else r"$S_k$ is the supremum of the $k$-th derivative of an activation, in modulus; Table~\ref{" + self.id + r":tab:constants} lists them."
            )
        )
        return text + self._cost_setting() + (near.setting() if self.problem.local else "")

    def _moved(self) -> str:
        return {
            "parameters": r"with respect to $\theta$ at fixed $x$",
            "inputs": r"with respect to $x$ at fixed $\theta$",
            "both": r"with respect to $(x,\theta)$, with the Euclidean norm of $(dx,d\theta)$",
        }[self.problem.variables]

    def _setting_written_out(self) -> str:
        """The setting of a network with skips or shared parameters, line by line."""
        network = self.network
        lines = []
        for number, unit in enumerate(network.units, 1):
            if unit.activation is None:
                lines.append(rf"h_{{{number}}}=h_{{{unit.start}}}{_factor(unit)}h_{{{number - 1}}}")
                continue
            branch = rf"{unit.activation.latex}(z_{{{number}}})"
            skip = "" if unit.step is None else rf"h_{{{number - 1}}}{_factor(unit)}"
            lines.append(rf"z_{{{number}}}=A_{{{unit.group}}}h_{{{number - 1}}}+b_{{{unit.group}}},\ h_{{{number}}}={skip}{branch}")
        if len(lines) > 9:
            lines = [*lines[:6], r"\dots", lines[-1]]
        widths = [rf"l_{{{u}}}={tex(sympy.sympify(w))}" for u, w in enumerate(network.widths)]
        widths = [*widths[:6], r"\dots", widths[-1]] if len(widths) > 9 else widths
        shown = r",\ ".join(widths)
        groups = [rf"A_{{{g}}},b_{{{g}}}" for g in network.groups]
        groups = [*groups[:3], r"\dots", groups[-1]] if len(groups) > 4 else groups
        shared = " Parameters that stand in several lines are shared: they are one block of $\\theta$ each." if network.tied else ""
        steps = ""
        if any(unit.step is not None for unit in network.units):
            steps = r" A step may have either sign; its modulus is what enters below"
            steps += ", and stands for the symbol $" + ",".join(tex(step) for step in network.steps) + "$." if network.steps else "."
        return (
            rf"For $x\in\mathbb{{R}}^{{{tex(sympy.sympify(network.inputs))}}}$ let $h_0=x$ and, with activations applied componentwise,"
            + "\n\\begin{gather*}"
            + ",\\\\\n".join(lines)
            + rf",\end{{gather*}} and let $N_\theta(x)=h_{{{network.depth}}}$ be the network, with widths ${shown}${self._formulas()}. The parameters are $\theta=({','.join(groups)})$, with the "
            rf"Euclidean norm $|\theta|$ of all their entries; $|\cdot|_2$ is the spectral norm.{shared}{steps} $D$ is the derivative {self._moved()}, $|DN|=\sup_{{|\eta|=1}}|DN[\eta]|$ and "
            r"$|D^2N|=\sup_{|\eta|=|\zeta|=1}|D^2N[\eta,\zeta]|$, and $\operatorname{Lip}$ is the Lipschitz constant in these norms. "
            + (
                ""
                if self.problem.local
                else r"$S_k$ is the supremum of the $k$-th derivative of an activation, in modulus; Table~\ref{" + self.id + r":tab:constants} lists them."
            )
        )

    def _cost_setting(self) -> str:
        """What is said of the cost on top."""
        text, network = "", self.network
        inner = self.problem.sample_cost
        if inner is not None:
            outputs = tex(sympy.sympify(network.widths[-1]))
            targets = {
                "vectors": rf"$y\in\mathbb{{R}}^{{{outputs}}}$",
                "probabilities": rf"$y\in\mathbb{{R}}^{{{outputs}}}$ a probability vector",
                "signs": rf"$y\in\{{-1,1\}}^{{{outputs}}}$",
            }[inner.targets]
            if isinstance(network, Field):
                text += r" Let $N_\theta(x)=X_T$."
            text += rf" On top stands the cost $\varphi(\theta)=g(N_\theta(x),y)$ with ${inner.latex}$, {targets}"
            if inner.name == "huber":
                text += rf", where $\rho_\delta(r)=\frac12r^2$ for $r\le\delta$, $\delta(r-\frac12\delta)$ for $r\ge\delta$, and $\delta={tex(sympy.sympify(inner.delta))}$"  # type: ignore[union-attr]
            text += "."
            if self.problem.averaged:
                text += r" The risk $\Phi=\mathbb{E}\,\varphi$ is its average over a finite data set of pairs $(x,y)$; bounds that depend on $|x|$ or $|y|$ are taken for each pair, and so are those of $N$."
        return text

    def _formulas(self) -> str:
        """The definition of activations whose name does not say it."""
        familiar = ("identity", "tanh", "sin", "arctan", "erf")
        shown = [a for a in self.network.activations if a.name not in familiar]
        if not shown:
            return ""
        return ", where " + " and ".join(rf"${a.latex}(z)={sympy.latex(a.expression)}$" for a in shown)

    def _activations(self) -> str:
        layers = self.network.dense
        distinct = self.network.activations
        if len(distinct) == 1:
            return f"$s_u={distinct[0].latex}$ in every layer"
        parts = []
        for activation in distinct:
            where = [u for u, layer in enumerate(layers, 1) if layer.activation == activation]
            parts.append(rf"s_{{{where[0]}}}={activation.latex}" if len(where) == 1 else rf"s_u={activation.latex}\ (u={','.join(map(str, where))})")
        return "$" + r",\ ".join(parts) + "$"

    def _hypotheses(self) -> str:
        parameters = self.problem.parameters
        if isinstance(self.network, Field):
            return flow.hypotheses(self.derivation)
        if self.problem.local:
            return near.hypotheses(self.derivation)
        layers = _layers(self.network.depth) if self.network.plain else r"\text{all }u"
        if isinstance(parameters, AllParameters):
            return r"Let $\Omega$ be the space of all parameters."
        below = any(isinstance(step.claim, Reached) for step in self.derivation.steps.values())
        if isinstance(parameters, ParameterBall):
            return ("Let $R>0$ and " if below else "Let ") + r"$\Omega=\{\theta:|\theta|\le R\}$ \textup{(H)}."
        if below:
            norm = "a" if parameters.equal else "a_u"
            return rf"Let ${norm}>0$ and $\Omega=\{{\theta:|A_u|_2\le {norm}\text{{ for }}{layers}\}}$ \textup{{(H)}}; the biases are free."
        if self.problem.variables != "parameters":
            biases = r",\ |b_u|\le\bar b_u" if parameters.biases == "bounded" else ""
            inside = rf"|A_u|_2\le a_u{biases}\text{{ for }}{layers}"
            if self.problem.variables == "both":
                return rf"Let $\Omega=\{{(x,\theta):|x|\le r,\ {inside}\}}$ \textup{{(H)}}; the bounds below have $|x|$ for $r$."
            return rf"Let $\Omega=\{{\theta:{inside}\}}$ \textup{{(H)}}; $\operatorname{{Lip}}(N;\Omega)$ is the supremum over $\theta\in\Omega$ of the Lipschitz constants of $x\mapsto N_\theta(x)$, and likewise for $DN$."
        if parameters.equal:
            return rf"Let $\Omega=\{{\theta:|A_u|_2\le a\text{{ for }}{layers}\}}$ \textup{{(H)}}; the biases are free."
        if parameters.biases == "bounded":
            return rf"Let $\Omega=\{{\theta:|A_u|_2\le a_u,\ |b_u|\le\bar b_u\text{{ for }}{layers}\}}$ \textup{{(H)}}."
        return rf"Let $\Omega=\{{\theta:|A_u|_2\le a_u\text{{ for }}{layers}\}}$ \textup{{(H)}}; the biases are free."

    def _hypotheses_named(self) -> str:
        if isinstance(self.problem.parameters, AllParameters):
            return "Upper bounds hold for all parameters, lower bounds for the networks named."
        if self.derivation.witnesses:
            return r"(H) is the hypothesis on the parameters. Upper bounds hold for every $\theta\in\Omega$, lower bounds on the witness."
        return r"(H) is the hypothesis on the parameters. All bounds hold for every $\theta\in\Omega$."

    def _bounds(self) -> list[str]:
        """The results as formulas: at most, equal, or at least."""
        if self.problem.local:
            return near.results(self.derivation)
        risk = self.problem.averaged
        found: list[str] = []
        exact, limits = self.derivation.exact, self.derivation.limits
        lower = {claim.symbol for _, claim in self.derivation.bounds if isinstance(claim, Reached)}
        for name, symbol in self.derivation.results.items():
            left = RESULT_LATEX.get(name)
            if limits.get(name) == sympy.oo or left is None:
                continue
            if left == "":
                found[-1] += rf"\le {tex(symbol)}"
                continue
            left = left.replace(r"\varphi", r"\Phi") if risk else left
            if isinstance(self.network, Field):
                left = left.replace(r"N_\theta(x)", "X_T").replace("(N;", "(X_T;").replace("(DN;", "(DX_T;")
            relation = "=" if exact.get(name) and not isinstance(self.network, Field) else r"\ge " if symbol in lower else r"\le "
            below = self.derivation.results.get(f"lower_{name}")
            found.append(rf"{left}{relation}{tex(symbol)}" if below is None or relation == "=" else rf"{tex(below)}\le{left}\le {tex(symbol)}")
        return found

    def _comparisons(self) -> list[str]:
        claims = [step.claim for step in self.derivation.steps.values()]
        depth = self.network.depth
        last = [claim for claim in claims if isinstance(claim, Limit) and claim.value != sympy.oo]
        if isinstance(depth, int) and len(last) > 2:  # of the limits layer by layer the last two are the theorem's
            last = last[-2:]
        return [_claim_latex(claim) for claim in claims if isinstance(claim, Comparison)] + [_claim_latex(claim) for claim in last]

    def _when(self) -> str:
        """For which norms the comparisons and limits of the theorem hold."""
        if self.problem.method == "limit":
            return r"for every number $m$ of equal jumps of total variation $U$"
        if self.problem.method != "sharpness":
            return "for all nonnegative values of the norms and constants"
        if isinstance(self.problem.parameters, ParameterBall):
            return "for all $|x|$"
        return r"if $\rho>1$" if self.network.symbolic_depth else r"with all weight norms equal to $a$"

    def _impossible(self) -> str:
        """What has no constant, where that is the theorem."""
        results, found = self.derivation.results, []
        for name, text in (("lipschitz", "$N$"), ("gradient_lipschitz", "$DN$")):
            if self.derivation.limits.get(name) == sympy.oo:
                if isinstance(self.network, Field):
                    text = text.replace("N", "X_T")
                what = (
                    (r"|DX_T|" if name == "lipschitz" else r"|D^2X_T|")
                    if isinstance(self.network, Field)
                    else r"|DN_{\theta_t}|"
                    if name == "lipschitz"
                    else r"|D^2N_{\theta_t}|"
                )
                assumed = r" for $m\ge2$" if self.network.symbolic_depth else ""
                found.append(
                    rf"{text} has no Lipschitz constant on $\Omega${assumed}: along the family $\theta_t$ of networks below, ${what}\ge {tex(results[name])}\to\infty$ as $t\to\infty$"
                )
        if "gradient_jump" in results:
            found.append(
                rf"$DN$ has no Lipschitz constant, not even near a point: in every neighbourhood of the network below it jumps by at least ${tex(results['gradient_jump'])}$, in the limit"
            )
        return "; and ".join(found)

    def _witnesses(self) -> str:
        """The networks that reach the lower bounds, in words."""
        found = []
        known = self.derivation.witnesses
        names = {1: r"$\operatorname{Lip}(N;\Omega)$", 2: r"$\operatorname{Lip}(DN;\Omega)$", 3: r"$\operatorname{Lip}(D^2N;\Omega)$"}
        for order, witness in known.items():
            if isinstance(witness, HeldWitness):
                everything = isinstance(self.problem.parameters, AllParameters)
                lead = (
                    rf"The family $\theta_t$ for ${'N' if order == 1 else 'DN'}$ has"
                    if everything
                    else rf"The lower bound of {names[order]} is proved by networks with"
                )
                rest = r", so that its output stays $x_j$ \textup{(}and is $0$ from the first dense line on, with the first neuron in its place\textup{)}"
                if all(unit.step is not None for unit in self.network.units):
                    rest = r", so that its output stays $x_j$"
                where = r"; in the last line that is not affine where $|s''|$ is, or is near, $S_2$" if witness.bent else ""
                norm = "t" if everything else "w" if isinstance(self.problem.parameters, ParameterBall) else "a_u"
                others = (
                    "and all others saturated, pushing away from $0$, if that is possible" if witness.pushed else "and all others without weights and biases"
                )
                if starts_recurrent(self.network):
                    others = r"all others without weights and biases; $\tfrac{1}{\sqrt2}e_j(e_j-\tfrac{x_j}{x_k}e_k)^{\top}$ stands for $e_je_j^{\top}$ in the first layer, $|x_k|=\max_{i\ne j}|x_i|$"
                    rest = r", so that its output is $0$"
                found.append(rf"{lead} $A_u=\pm {norm}\,e_je_j^{{\top}}$, $|x_j|=\min_i|x_i|$, neuron $j$ of every line held at $z=0${rest}, {others}{where}.")
                continue
            if isinstance(witness, BentWitness):
                constant = r"is approached" if witness.exact else "is bounded from below"
                found.append(
                    rf"The constant {names[order]} {constant} by networks of the set with $A_1=0$, $A_u=\pm a_u\,e_1e_1^{{\top}}$ for $u\ge2$, neuron $1$ of layer $u$ held at a $z_u$ where the supremum in $\Gamma_{{u+1}}$ is, or nearly is, attained \textup{{(}}the last where the inequality for $\lambda$ is an equality\textup{{)}}, "
                    r"and all other hidden neurons where $|s|$ is, or is near, $S_0$, along a direction that moves neuron $1$ of each layer."
                )
                continue
            if isinstance(witness, StatesWitness):
                found.append(
                    rf"The lower bound of {names[order]} is proved by networks of the set with $A_u=w_u\,e_je_j^{{\top}}$, $|x_j|=\min_i|x_i|$, neuron $j$ of line $u$ held at a $z_u$, both as a search found them, and all others saturated, pushing away from $0$, along a direction that moves neuron $j$ of each line."
                )
                continue
            if isinstance(witness, PushedWitness):
                found.append(
                    r"The constant $\operatorname{Lip}(N;\Omega)$ is reached, or approached, by networks of the set with $A_u=\pm a_u\,e_je_j^{\top}$, $|x_j|=\min_i|x_i|$, neuron $j$ of line $u$ at the slope $R_u$ and the value $\tau(R_u)$ of a maximiser, "
                    r"all others saturated, and every output of an activation pushing its entry away from $0$; here the entries of $x$ are known. If $|x|$ alone is known, the number is an upper bound."
                )
                continue
            if isinstance(witness, FieldWitness):
                symbol = r"$\operatorname{Lip}(X_T;\Omega)$" if order == 1 else r"$\operatorname{Lip}(DX_T;\Omega)$"
                found.append(flow.witness_text(self.derivation, witness, symbol))
                continue
            jumps = order == 2 and "gradient_jump" in self.derivation.results
            exact = self.derivation.exact.get("lipschitz" if order == 1 else "gradient_lipschitz")
            lead = (
                "The jump is that of the network with" if jumps
                else rf"The family $\theta_t$ for ${'N' if order == 1 else 'DN'}$ has" if isinstance(self.problem.parameters, AllParameters) and not exact
                else rf"The constant {names[order]} is reached, or approached, by networks of the set with" if exact
                else rf"The lower bound of {names[order]} is proved by networks of the set with"
            )  # fmt: skip
            found.append(f"{lead} " + described(witness, [layer.activation for layer in self.network.dense], self.network.depth) + ".")
        return "\n\n".join(found)

    def _displayed(self) -> list[tuple[Step, Bound | Reached]]:
        return [(step, claim) for step, claim in self.derivation.bounds if not is_constant(claim)]

    def _remarks(self) -> str:
        found = [near.remarks(self.derivation)] if self.problem.local else []
        if self.problem.method == "joint" and isinstance(self.problem.parameters, ParameterBall) and not self.network.plain:
            found.append(
                "No bound that joins values, slopes and curvatures is known to this program on the parameter ball with residual or tied layers: the bounds block by block stand in."
            )
        if "layer_lipschitz" in self.derivation.results and not self.problem.local:
            matrix = tex(self.derivation.results["layer_lipschitz"])
            found.append(
                rf"The matrix ${matrix}$ says more than its eigenvalue: its entries bound the second derivatives in $A$, in $A$ and $b$, and in $b$ on $\Omega$."
                if isinstance(self.network, Field)
                else rf"The matrix ${matrix}$ says more than its eigenvalue: its entry at $\alpha_j,\alpha_k$ bounds the mixed second derivative $|D_{{A_j}}D_{{A_k}}N|$ on $\Omega$, "
                r"and likewise with $\beta_j$ for $b_j$."
            )
        rules = {rule.name for rule in self.lemma_rules}
        if "first derivative, equal layers" in rules:
            found.append(
                rf"By Lemma~\ref{{{self.id}:lem:{_label('first derivative, equal layers')}}} the bound $L$ has three regimes as $m\to\infty$: it converges for $\rho<1$, grows like $\sqrt m$ "
                r"for $\rho=1$, and like $\rho^m$ for $\rho>1$."
            )
        return "\n\n".join(found)

    def _blocks(self) -> str:
        """What the notation of the definitions means, where the theorem uses it."""
        displayed = self._displayed()
        printed = "".join(definition(c.symbol, c.expression) for _, c in displayed)
        found = []
        if any(isinstance(c.quantity, Quantity) and c.quantity.kind in BLOCKED for _, c in displayed):
            found.append(
                r"Block vectors and matrices are indexed by the parameter blocks in the order $\alpha_1,\beta_1,\alpha_2,\beta_2,\dots$, where $\alpha_j$ stands for the weights "
                r"$A_j$ and $\beta_j$ for the bias $b_j$."
            )
        if self.problem.variables == "both":
            found.append(r"Before them stands the block $\xi$ of the input.")
        if r"\mathsf e_" in printed:
            found.append(
                r"$\mathsf e_q,\mathsf e_{\alpha_u},\mathsf e_{n_u},\dots$ are the unit vectors of the coordinates of $a=(q,\alpha_1,n_1,k_1,b_1,c_1,\alpha_2,\dots)$, norms that belong to a direction and a sample, $a(v)$ those of the reference direction, and $v\odot w=\frac12(vw^{\top}+wv^{\top})$."
            )
        if "e[" in printed:
            found.append(r"$[\cdot]$ pads with zeros, and $e$ is the unit vector of the newest weight block.")
        if r"e_{\alpha" in printed:
            found.append(r"$e_{\alpha_u}$ is the unit vector of the block $\alpha_u$, and $\boldsymbol{q}_0=0$.")
        if r"\lambda" in printed:
            found.append(r"$\lambda_{\max}$ is the largest eigenvalue.")
        entire = [formula for name, formula in flow.ENTIRE.items() if name in printed]
        if entire:
            found.append(
                r"Here " + ", ".join(f"${formula}$" for formula in entire) + r", continued to $z=0$: entire functions with positive Taylor coefficients."
            )
        if r"f(U)" in printed:
            lemmas = [rule.name for rule in self.lemma_rules if rule.name.startswith("joint bound of a neural ODE, depth-dependent")]
            places = [rf"Lemma~\ref{{{self.id}:lem:{_label(lemma)}}}" for lemma in lemmas]
            found.append(r"Under a supremum, $f$ is that of " + r", and $P$ that of ".join(places) + ".")
        elif r"\max_{R}" in printed or r"\sup_{R}" in printed:
            lemma = next(rule.name for rule in self.lemma_rules if rule.name.startswith("joint bound of"))
            found.append(
                rf"$\boldsymbol{{\ell}}(R)$, $G(R)$, $\boldsymbol{{\ell}}$ and $G$ under a maximum or supremum over the slopes $R$ are those of Lemma~\ref{{{self.id}:lem:{_label(lemma)}}} and the lemma after it."
            )
        if "Lstates" in self.derivation.steps:
            found.append(rf"$\Gamma_m(k,h)$ is that of Lemma~\ref{{{self.id}:lem:{_label('cost of bending a state')}}}.")
        elif r"\Gamma_" in printed and not self.problem.local:
            found.append(
                r"$\Gamma_u(k)$, $k\ge0$, is $-\infty$ where one of its denominators is not positive for some $z$; $s$ and $S_0$ in $\Gamma_u$ are those of layer $u-1$, at $z$; $|h_m''|$ is the norm of a quadratic form of the direction, that of "
                rf"Lemma~\ref{{{self.id}:lem:{_label('a chain that bends')}}}."
            )
        if r"\Delta" in printed and not self.problem.local:
            found.append(
                r"There $\Delta=g-kyc\,s''-k^2s'^2(\sigma-s^2c^2)/(\sigma-s^2)$, with $|c|\le1$, $0<y\le a$ and $\sigma$ as in "
                rf"Lemma~\ref{{{self.id}:lem:{_label('cost of bending, all neurons alike')}}}."
            )
        if r"\alpha_{(" in printed:
            found.append(r"$\alpha_{(i)},\beta_{(i)}$ are the blocks of the $i$-th weight matrix and bias.")
        if r"\gamma" in printed:
            found.append(r"$\gamma_n(r)=1+r+\dots+r^{n-1}$.")
        if r"\mu_" in printed and not self.problem.local:
            found.append(
                r"$\mu_R(n_1,n_2)=R^{K}K^{-n_1/2}(2/K)^{n_2}$ with $K=n_1+2n_2$, and $\mu_R(0,0)=1$: the largest value on the sphere of radius $R$ of a product of $n_1$ coordinates "
                r"and the squares of $n_2$ others."
            )
        if r"\mathcal M_R" in printed:
            names = ["products of norms on the parameter ball", "values on the parameter ball, lines", "budget of lines, second derivative"]
            products, lines, entries = (rf"Lemma~\ref{{{self.id}:lem:{_label(name)}}}" for name in names)
            text = (
                rf"$c_u$, $\varepsilon_u$, $f_u(t)=\varepsilon_u+c_ut$ and $W_u$ are those of {lines}, where $f_u$ in a product stands for $f_u(|A_u|)$; "
                rf"$\mathcal M_R$ is at least the largest value of a product of norms on $\Omega$, and is defined in {products}. $g,g'$ are sets of lines with the same parameters"
            )
            ways = rf"; $T_{{jp}}$ is that of Lemma~\ref{{{self.id}:lem:{_label('budget of lines, first derivative')}}}" if "T_{jm}" in printed else ""
            found.append(text + (rf", and $E_{{jk}}$ is that of {entries}" if "E_{jk}" in printed else "") + ways + ".")
        if r"\sum" in printed or r"\prod" in printed:
            found.append(r"Empty sums are $0$ and empty products $1$.")
        return " ".join(found)

    def _constants(self) -> list[dict[str, str]]:
        rows = []
        for _, claim in self.derivation.bounds:
            quantity = claim.quantity
            if isinstance(quantity, ActivationPeak):
                rows.append(
                    {
                        "symbol": rf"{tex(claim.symbol)}(c)",
                        "value": rf"see \eqref{{{self.id}:eq:{_label(str(claim.symbol))}}}",
                        "at": "",
                        "basis": peak(quantity.activation).reason,
                    }
                )
            if not isinstance(quantity, ActivationDerivative):
                continue
            if quantity.at_zero:
                rows.append({"symbol": tex(claim.symbol), "value": _value(claim.expression), "at": "", "basis": f"the value ${quantity.latex}$"})
                continue
            supremum = quantity.activation.supremum(quantity.order)
            at = "" if claim.expression == sympy.oo else _reached(supremum)
            rows.append({"symbol": tex(claim.symbol), "value": _value(claim.expression), "at": at, "basis": _basis(quantity.activation, quantity.order)})
        return rows

    def _referring(self, text: str) -> str:
        """The text with `@[rule name]` as a reference to that lemma."""
        return re.sub(r"@\[([^\]]+)\]", lambda match: rf"Lemma~\ref{{{self.id}:lem:{_label(match.group(1))}}}", text)

    # -- proof -------------------------------------------------------------------------------------------------------

    def _reference(self, name: str) -> str:
        step = self.derivation.steps[name]
        if isinstance(step.claim, Comparison | Limit) or (isinstance(step.claim, Reached) and step.claim.expression is None):
            return f"${_claim_latex(step.claim)}$"
        return rf"\eqref{{{self.id}:eq:{_label(name)}}}"

    def _steps(self) -> list[str]:
        found = []
        for step in self.derivation.steps.values():
            claim = step.claim
            if is_constant(claim):
                continue
            from_steps, from_hypotheses, with_constants = [], False, False
            for premise in step.premises:
                if premise in self.derivation.hypotheses:
                    from_hypotheses = from_hypotheses or self.derivation.hypotheses[premise].quantity.kind not in ("input", "target")
                    continue
                used = self.derivation.steps[premise].claim
                if is_constant(used):
                    with_constants = True
                else:
                    from_steps.append(self._reference(premise))
            sources = (["(H)"] if from_hypotheses else []) + from_steps + ([rf"Table~\ref{{{self.id}:tab:constants}}"] if with_constants else [])
            by = rf"by Lemma~\ref{{{self.id}:lem:{_label(step.rule.name)}}}" + (f", from {_enumerate(sources)}" if sources else "")
            if isinstance(claim, Comparison | Limit):
                found.append(f"${_claim_latex(claim)}$, {by}.")
            elif isinstance(claim, Reached):
                with_definition = f" with {self._reference(step.name)}" if claim.expression is not None else ""
                limit = "" if isinstance(claim.witness, FieldWitness) else ", in the limit"
                found.append(f"${_claim_latex(claim)}$ on the witness{limit}{with_definition}, {by}.")
            elif claim.quantity is None:
                found.append(f"{self._reference(step.name)} is a definition, see {by[3:]}.")
            else:
                found.append(f"${_claim_latex(claim)}$ with {self._reference(step.name)}, {by}.")
        return found

    def _conclusion(self) -> str:
        if isinstance(self.network, Field):
            return flow.conclusion(self.derivation)
        if self.problem.local:
            return near.conclusion(self.derivation)
        if self.problem.method in ("lower", "global"):
            return self._conclusion_below()
        moved = {"parameters": r"$\theta$", "inputs": "$x$", "both": r"$(x,\theta)$"}[self.problem.variables]
        domain = r"The space of inputs is convex" if self.problem.variables == "inputs" else r"The set $\Omega$ is convex"
        text = (
            domain + r". If the activations are twice continuously differentiable, then so is $N$ in " + moved + r", and by the mean value theorem "
            r"$\operatorname{Lip}(N;\Omega)\le\sup_\Omega|DN|$ and $\operatorname{Lip}(DN;\Omega)\le\sup_\Omega|D^2N|$, which the steps bound."
            + (
                r" Likewise $\operatorname{Lip}(D^{k-1}N;\Omega)\le\sup_\Omega|D^kN|$ if they have $k$ continuous derivatives."
                if self.problem.order > 2
                else ""
            )
        )
        if any(self.derivation.exact.values()):
            text += r" Where the theorem has an equality, the witness shows $\ge$: a Lipschitz function's difference quotients at a point of the interior come near its derivative's norm there, and the networks of the witness are limits of such points."
        if self.problem.method == "sharpness":
            text += " " + self._conclusion_below()
        cost = self.problem.sample_cost
        if cost is not None:
            text += r" The same holds for the " + ("risk." if self.problem.averaged else "cost.")
        rough = [f"${a.latex}$" for a in self.network.activations if len(pieces_of(a.name, a.expression)) > 1]
        if isinstance(cost, Huber):
            rough.append(r"$\rho_\delta$")
        if rough:
            text += (
                r" Where a function is not that smooth, here "
                + _enumerate(rough)
                + r", convolve it with a smooth probability density supported in $[-\varepsilon,\varepsilon]$. This does not increase $\sup|s|$, the Lipschitz constant of $s$, or that of $s'$ where it is finite, nor $\sup_z(s^2+c\,s'^2)$ (Jensen's inequality), and "
                r"changes $s(0)$ by $O(\varepsilon)$; so the bounds hold for the smooth network, with $s(0)$ so changed. As $\varepsilon\to0$ the networks converge locally uniformly, and so do their derivatives where $s'$ is continuous; "
                r"the difference quotients' bounds pass to the limit, as the bounds are continuous in $s(0)$."
            )
        return text

    def _conclusion_below(self) -> str:
        text = (
            r"A function that is continuously differentiable near a point of the closure of a set's interior has there a derivative of norm at most its Lipschitz constant on the set, since difference quotients come near it; "
            r"likewise $DN$, with the derivative $D^2N$. Where $s'$ or $s''$ jumps, take points near the witness at which it does not. "
        )
        if isinstance(self.problem.parameters, AllParameters):
            return text + (
                r"Where the derivatives along a family tend to infinity there is no constant; where the theorem has an equality, $\le$ is the mean value theorem."
                if self.derivation.limits
                else r"The upper bounds are those of the mean value theorem."
            )
        return text + r"The witness lies in $\Omega$, which is the closure of its interior: so what its derivatives reach, or approach, the constants reach."

    def _graph(self) -> str:
        """The steps as nodes, column by column along the longest path, with arrows to what uses them."""
        shown = [step for step in self.derivation.steps.values() if not is_constant(step.claim)]
        if len(shown) > 24:
            return ""
        names = {step.name for step in shown}
        level: dict[str, int] = {}
        rules = list(dict.fromkeys(step.rule.name for step in shown))
        for step in shown:
            level[step.name] = 1 + max((level[premise] for premise in step.premises if premise in names), default=-1)
        columns = max(level.values(), default=0) + 1
        width = min(2.2, 15.5 / columns)
        taken: set[tuple[int, int]] = set()
        place: dict[str, tuple[int, int]] = {}
        for step in shown:
            row = rules.index(step.rule.name)
            while (level[step.name], row) in taken:
                row += 1
            taken.add((level[step.name], row))
            place[step.name] = level[step.name], row
        used = sorted({row for _, row in taken})
        identifier = {step.name: f"s{number}" for number, step in enumerate(shown)}
        lines = [r"\begin{tikzpicture}[every node/.style={draw,rounded corners=2pt,inner sep=2.5pt,font=\footnotesize},>=latex]"]
        for step in shown:
            column, row = place[step.name]
            height = -1.05 * used.index(row)
            text = _node(step.claim)
            lemma = self.numbers_of[step.rule.name]
            lines.append(
                rf"\node[label={{[draw=none,font=\tiny,inner sep=1pt]above:{lemma}}}] ({identifier[step.name]}) at ({column * width:.2f},{height:.2f}) {{${text}$}};"
            )
        for step in shown:
            for premise in step.premises:
                if premise in names:
                    bend = "" if level[step.name] - level[premise] == 1 else "[bend left=14]"
                    lines.append(rf"\draw[->] ({identifier[premise]}) to{bend} ({identifier[step.name]});")
        return "\n".join([*lines, r"\end{tikzpicture}"])

    def _notation(self) -> list[dict[str, str]]:
        rows = []
        families: dict[str, Hypothesis] = {}
        for hypothesis in self.derivation.hypotheses.values():
            families.setdefault(hypothesis.quantity.kind, hypothesis)
        for hypothesis in families.values():
            symbol, quantity = hypothesis.symbol, hypothesis.quantity
            many = (
                quantity.layer is not None
                and quantity.kind not in ("step", "constant")
                and not (isinstance(self.network, Field))
                and not (isinstance(quantity.layer, sympy.Expr) and hypothesis.count is None)
            )
            if many:
                shown = tex(symbol) if hypothesis.count is not None else tex(symbol).replace("{1}", "{u}")
                rows.append({"symbol": shown, "meaning": f"bound on the {Quantity(quantity.kind, sympy.Symbol('u')).meaning.replace(' u', ' $u$')}"})
            else:
                rows.append(
                    {
                        "symbol": tex(symbol),
                        "meaning": _whole(quantity, bool(self.derivation.witnesses)),
                    }
                )
        seen = set()
        for _, claim in self.derivation.bounds:
            if isinstance(claim.quantity, ActivationDerivative | ActivationPeak):
                rows.append(
                    {
                        "symbol": tex(claim.symbol),
                        "meaning": latex_escape(claim.quantity.meaning) if isinstance(claim.quantity, ActivationDerivative) else f"${claim.quantity.latex}$",
                    }
                )
            elif isinstance(claim.quantity, Quantity):
                kind = (claim.quantity.kind, str(claim.symbol).rsplit("_", 1)[0])
                if kind in seen:
                    continue
                seen.add(kind)
                concrete = isinstance(claim.quantity.layer, int) and str(claim.symbol).endswith(f"_{claim.quantity.layer}")
                shown = tex(claim.symbol)
                layer = claim.quantity.layer
                if concrete:
                    shown = shown.replace(f"_{{{layer}}}", "_{u}")
                    meaning = Quantity(claim.quantity.kind, sympy.Symbol("u")).meaning.replace("layer u", "layer $u$")
                else:
                    meaning = claim.quantity.meaning
                    if layer is not None:
                        meaning = meaning.replace(f"layer {layer}", f"layer ${tex(sympy.sympify(layer))}$")
                rows.append({"symbol": shown, "meaning": f"{'lower bound' if isinstance(claim, Reached) else 'bound'} on the {meaning}"})
            elif isinstance(claim.symbol, sympy.Symbol | sympy.IndexedBase) and not is_constant(claim):
                rows.append({"symbol": tex(claim.symbol), "meaning": "abbreviation, defined in the theorem"})
        return rows

    def _obligations(self) -> list[dict[str, str]]:
        found = []
        for rule, needed in sorted(self.derivation.obligations.items(), key=lambda item: self.numbers_of[item[0]]):
            if needed:
                names = "; ".join(latex_escape(obligation.name) for obligation in needed)
                found.append({"label": _label(rule), "names": names})
        return found


def _default_title(derivation: Derivation) -> str:
    problem = derivation.problem
    if isinstance(problem.network, Field):
        return flow.title(derivation)
    if problem.local:
        return near.title(derivation)
    if problem.method == "global":
        return "Lipschitz constants of a neural network on the space of all parameters"
    where = "on the parameter ball" if isinstance(problem.parameters, ParameterBall) else "on layer balls"
    method = {
        "ordering": "Order of the bounds", "block": "Block bounds", "paired": "Paired bounds", "separate": "Separate bounds", "joint": "The Lipschitz constant",
        "lower": "Lower bounds", "sharpness": "Sharpness of the bounds",
    }[problem.method]  # fmt: skip
    return f"{method} of a neural network in its parameters, {where}"


def _claim_latex(claim: Claim) -> str:
    """The claim itself, as an inequality."""
    if isinstance(claim, Comparison):
        return rf"{tex(claim.smaller)}\le {tex(claim.larger)}"
    if isinstance(claim, Limit):
        ratio = claim.of.as_numer_denom()
        of = tex(claim.of) if ratio[1] == 1 else rf"{tex(ratio[0])}/{tex(ratio[1])}"
        return rf"{of}\to{tex(claim.value)}\ ({tex(claim.variable)}\to\infty)"
    if isinstance(claim, Reached):
        return rf"{claim.quantity.latex}\ge {tex(claim.symbol)}"
    quantity, symbol = claim.quantity, tex(claim.symbol)
    if isinstance(quantity, Quantity) and quantity.layer == END and quantity.kind in ("blocks", "second_blocks"):
        return rf"|X_T'|\le\langle {symbol},p\rangle" if quantity.kind == "blocks" else rf"|D^2X_T[\eta,\zeta]|\le p^{{\top}}{symbol}\,\pi"
    if isinstance(quantity, Quantity) and isinstance(claim, Bound) and isinstance(claim.expression, sympy.Lambda):
        return rf"{quantity.latex}\le {symbol}(y)"
    if isinstance(quantity, ActivationDerivative):
        return rf"{quantity.latex}\le {symbol}"
    if isinstance(quantity, ActivationPeak):
        return rf"{quantity.latex}\le {symbol}(c)"
    if quantity is None:
        return symbol
    if isinstance(quantity, ActivationCells):
        return rf"\text{{cells of }}{quantity.activation.latex}"
    if quantity.kind == "bending":
        return rf"{quantity.latex}\le|\eta_{{\le {quantity.layer}}}|^2\ (k\ge0)"
    index = "" if quantity.layer is None else tex(sympy.sympify(quantity.layer))
    if isinstance(claim.symbol, sympy.IndexedBase):
        symbol = rf"{symbol}_{{{index}}}"
    if quantity.kind in ("pre_blocks", "blocks"):
        return rf"|{'z' if quantity.kind == 'pre_blocks' else 'h'}_{{{index}}}'|\le\langle {symbol},p\rangle"
    if quantity.kind == "second_blocks":
        return rf"|D^2h_{{{index}}}[\eta,\zeta]|\le p^{{\top}}{symbol}\,\pi"
    return rf"{quantity.latex}\le {symbol}"


def _whole(quantity: Quantity, exact_input: bool) -> str:
    """What an argument that is not one of a sequence stands for."""
    if quantity.kind == "weight":
        return "bound on the spectral norms of all weights"
    if quantity.kind in ("step", "constant"):
        return "an argument: a size of the control or the network, or a constant"
    if quantity.kind == "scale" or (quantity.kind == "input" and exact_input):
        return f"the {quantity.meaning}"
    return f"bound on the {quantity.meaning}"


def _node(claim: Claim) -> str:
    """What stands in the claim's node of the graph."""
    if isinstance(claim, Comparison):
        return r"\le"
    if isinstance(claim, Limit):
        return r"\to"
    return rf"{{{tex(claim.symbol)}}}^{{*}}" if isinstance(claim, Reached) and claim.expression is None else tex(claim.symbol)


def _display(formulas: list[str], end: str = ",") -> str:
    """Formulas as one display, in as many lines as they need."""
    if not formulas:
        return ""
    lines, line, used = [], formulas[0], length_of(formulas[0])
    for formula in formulas[1:]:
        if used + length_of(formula) + 6 > WIDE - 10:
            lines.append(line)
            line, used = formula, length_of(formula)
        else:
            line, used = line + rf",\qquad\quad {formula}", used + length_of(formula) + 6
    lines.append(line)
    return r"\[" + lines[0] + end + r"\]" if len(lines) == 1 else r"\begin{gather*}" + ",\\\\\n".join(lines) + end + r"\end{gather*}"


def _layers(depth: Any) -> str:
    """`u = 1, .., m` as LaTeX."""
    if isinstance(depth, int) and depth <= 2:
        return "u=" + ",".join(map(str, range(1, depth + 1)))
    return rf"u=1,\dots,{tex(sympy.sympify(depth))}"


def _label(name: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in name)


def _enumerate(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _value(expression: sympy.Expr) -> str:
    if expression == sympy.oo:
        return r"$\infty$"
    if expression.is_Rational and expression.q > 1000:  # a certified enclosure's upper end, all its digits
        return rf"\footnotesize${str(sympy.N(expression, 26)).rstrip('0')}$"
    exact = tex(expression)
    if expression.is_Integer or (len(exact) > 60 and not expression.is_Rational):
        return f"${exact}$" if expression.is_Integer else f"${rounded_up(expression, 9)}$"
    return f"${exact}$"


def _reached(supremum: Any) -> str:
    if supremum.attained_at is not None:
        point = supremum.attained_at
        if supremum.exact and length_of(tex(point)) < 16:
            return f"${tex(point)}$"
        return rf"near $z={sympy.N(point, 6)}$"
    if supremum.approached_at is None:
        return ""
    return rf"$z\to{tex(supremum.approached_at)}$"


def _basis(activation: Activation, order: int) -> str:
    supremum = activation.supremum(order)
    if supremum.value == sympy.oo:
        return "unbounded" if order < 2 or not activation.expression.has(sympy.Abs, sympy.Max, sympy.Piecewise) else "a jump of the derivative before"
    parts = []
    for certificate in supremum.certificates:
        if isinstance(certificate, PolynomialCertificate):
            gap = sympy.factor(certificate.gap)
            low, high = (tex(end) for end in (certificate.lower, certificate.upper))
            generator = "" if certificate.generator == sympy.Symbol("z", real=True) else rf", $t={_short_generator(certificate.generator, activation)}$"
            interval = "" if certificate.lower == -sympy.oo and certificate.upper == sympy.oo else rf" for ${low}<t<{high}$"
            parts.append(rf"${polynomial(gap)}\ge0${interval}{generator}")
        elif isinstance(certificate, CriticalPointCertificate):
            factor = sympy.Poly(certificate.polynomial, *certificate.polynomial.free_symbols or (sympy.Symbol("t"),))
            if not certificate.roots:
                parts.append("monotone, its limits")
            else:
                parts.append(rf"critical points ${polynomial(factor.as_expr())}=0$ and the limits")
        elif isinstance(certificate, EnclosureCertificate):
            parts.append(rf"ball arithmetic, {certificate.cells} cells on $[-{certificate.radius},{certificate.radius}]$, monotone tails")
    return "; ".join(dict.fromkeys(parts)) or "constant on each piece"


def _short_generator(generator: sympy.Expr, activation: Activation) -> str:
    return f"{activation.latex}(z)" if generator == activation.expression else tex(generator)


def _sharpness_rows(points: list[dict[str, Any]] | None) -> list[list[str]]:
    """The rows of the sharpness map's table."""
    if not points:
        return []
    rows = []
    for point in points:
        methods = ("separate", "paired", "block", "joint", "best_found_estimate", "witness", "lower")
        cells = ["--" if point.get(name) is None else f"${float(f'{point[name]:.4g}'):g}$" for name in methods]
        constant = r"$\operatorname{Lip}(N)$" if point["order"] == 1 else r"$\operatorname{Lip}(DN)$"
        rows.append([constant, f"${point['norm']:g}$", f"${point['depth']}$", f"${point['width']}$", *cells])
    return rows


def _verified(derivation: Derivation, verification: Verification | None) -> dict[str, Any] | None:
    if verification is None:
        return None
    verdict = "Every measured quantity is below its bound, or equal to it to all digits." if verification.passed else "\\textbf{The verification failed.}"
    text = (
        f"Each claim was measured on {verification.networks} explicit networks (random and extremal; seed {verification.seed}) with exact derivatives along lines, at "
        f"{verification.digits} decimal digits and again at higher precision. {verdict} A measured ratio is a lower bound on how sharp a step is; these figures are "
        r"\emph{checked}, the theorem's are \emph{proved}."
    )
    rows = []
    for name, report in verification.steps.items():
        rows.append({
            "claim": _claim_latex(derivation.steps[name].claim),
            "ratio": _ratio(report),
            "verdict": report.verdict,
            "measured": str(report.measured),
        })  # fmt: skip
    return {"text": text, "rows": rows}


def _ratio(report: StepReport) -> str:
    """The ratio, or its distance from 1 where four digits would hide it."""
    if report.verdict.startswith("equal"):
        return "$1$"
    if 0 < report.gap < 1e-4:
        mantissa, exponent = f"{report.gap:.0e}".split("e")
        return rf"$1-{mantissa}\cdot10^{{{int(exponent)}}}$"
    return f"${report.ratio:.4f}$"


# --- notebook ---------------------------------------------------------------------------------------------------------


def notebook_latex(derivation: Derivation) -> str:
    """The theorem as one display: the set, the bounds, and the definitions (the last of them, if there are many)."""
    context = _Context(derivation, None, "nb")
    omega = re.search(r"\\Omega=.*?\\\}(?= ?\\textup|\$)", context._hypotheses())
    lines = [omega.group(0).replace("$", "")] if omega else []
    lines += context._bounds()
    lines += [_claim_latex(step.claim) for step in derivation.steps.values() if isinstance(step.claim, Comparison)]
    shown = [(symbol, expression) for symbol, expression in derivation.definitions if expression not in (0, 1)]
    lines += [definition(symbol, expression) for symbol, expression in shown[-16:]]
    return "$$\\begin{gathered}" + "\\\\\n".join(lines) + "\\end{gathered}$$"


def notebook_html(derivation: Derivation) -> str:
    """The theorem, for a notebook's formula renderer, and the table of numbers."""
    table = number_table(derivation)
    theorem = f"<div>{_html(notebook_latex(derivation))}</div>"
    head = "".join(f"<th>{_html(cell)}</th>" for cell in table["plain_header"])
    body = "".join("<tr>" + "".join(f"<td>{_html(cell)}</td>" for cell in row) + "</tr>" for row in table["plain_rows"])
    return theorem + f"<table><caption>{_html(table['plain_text'])}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
