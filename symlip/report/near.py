"""What a report says where the theorem is about the surroundings of given weights: hypotheses, results, conclusion, numbers, figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
from mpmath import mpf

from ..calculus.derivation import Derivation
from ..parameter_sets import Cone, Neighbourhood
from .tex import tex

if TYPE_CHECKING:
    from ..certify import Certificate

SIZES = ("1/64", "1/32", "1/16", "1/8", "1/4", "1/2", "1")


def hypotheses(derivation: Derivation) -> str:
    """The set about the centre."""
    if isinstance(derivation.problem.parameters, Neighbourhood):
        return r"Let $\bar\theta$ be any parameters, $r\ge0$ and $\Omega=\{\theta:|\theta-\bar\theta|\le r\}$ \textup{(H)}."
    if isinstance(derivation.problem.parameters, Cone):
        return r"Let $\bar\theta$ be any parameters, $U=(U_1,w_1,\dots,U_m,w_m)$ any direction, $T,\varepsilon\ge0$, and $\Omega=\{\bar\theta+t(U+\omega):0\le t\le T,\ |\omega|\le\varepsilon\}$ \textup{(H)}, the convex hull of $\bar\theta$ and a ball."
    return (
        r"Let $\bar\theta$ be any parameters, $U=(U_1,w_1,\dots,U_m,w_m)$ any direction in their space and $T\ge0$; $\Omega=\{\bar\theta+tU:0\le t\le T\}$ \textup{(H)}. "
        r"Write $\Phi(t)$ for $\Phi(\bar\theta+tU)$."
    )


def setting() -> str:
    """What the symbols of this kind of theorem are."""
    return (
        r" A bar marks what belongs to the centre $\bar\theta$. Vectors have one entry for each neuron; their products, and functions of them, are entry by entry, "
        r"and so are inequalities between them. All that depends on $x$ or $y$ is taken for each sample."
    )


def results(derivation: Derivation) -> list[str]:
    """The theorem's inequalities."""
    symbols = {name: tex(symbol) for name, symbol in derivation.results.items()}
    if derivation.problem.method == "line":
        names = ("cost", "slope", "second_derivative", "third_derivative", "fourth_derivative")
        f = [symbols[name] for name in names]
        return [
            rf"\Phi(t)\le {f[0]}+{f[1]}\,t+\tfrac12{f[2]}\,t^2+\tfrac16{f[3]}\,t^3+\tfrac1{{24}}{f[4]}\,t^4",
            rf"\Phi''(t)\le {symbols['curvature']}\quad(0\le t\le T)",
        ]
    if derivation.problem.method in ("majorant", "cone"):
        return [
            r"D^2\Phi(\theta)\le D^2\Phi(\bar\theta)+E\quad(\theta\in\Omega)",
            r"\eta^{\top}E\eta=\sum_u\gamma_u|\eta_u|^2+\mathbb{E}\Bigl[\sum_{u<m}\sum_j(\omega_u)_j(z_u')_j^2+\kappa\langle o',Co'\rangle\Bigr]",
            r"\operatorname{Lip}(D\Phi;\Omega)\le\max\bigl\{\lambda_{\max}(D^2\Phi(\bar\theta)+E),\ \lambda_{\max}(\mathcal G-D^2\Phi(\bar\theta)+E)\bigr\}",
        ]
    found = []
    for name, left in (("cost_lipschitz", r"\operatorname{Lip}(\Phi;\Omega)"), ("cost_gradient_lipschitz", r"\operatorname{Lip}(D\Phi;\Omega)")):
        if name in symbols:
            found.append(rf"{left}\le {symbols[name]}")
    return found


def remarks(derivation: Derivation) -> str:
    """What follows for steps."""
    if derivation.problem.method == "line":
        return (
            r"\emph{The step.} For $U=-D\Phi(\bar\theta)/|D\Phi(\bar\theta)|$ the $t\in[0,T]$ with the smallest right-hand side is a step $\bar\theta+tU$ after which $\Phi$ is smaller by at least "
            r"$-(f_1t+\frac12f_2t^2+\frac16f_3t^3+\frac1{24}F_4t^4)$. The constant of the ball is not needed: along the gradient the curvature is usually far below it."
            "\n\n"
            r"\emph{Nested segments.} Let $F_4^{(k)}$ be the bound $F_4$ of the segment with $T=r_k$, $0<r_1<\dots<r_K$. Then for $0\le t\le r_K$ "
            r"\[\Phi(t)\le f_0+f_1t+\tfrac12f_2t^2+\tfrac16f_3t^3+\tfrac1{24}\Bigl(F_4^{(1)}t^4+\sum_{k<K}\bigl(F_4^{(k+1)}-F_4^{(k)}\bigr)(t-r_k)_+^4\Bigr):\]"
            r"Taylor's formula has the remainder $\int_0^t\frac16(t-s)^3\Phi^{(4)}(s)\,ds$, and $\Phi^{(4)}(s)\le F_4^{(k)}$ for $r_{k-1}<s\le r_k$, $r_0=0$. Where $F_4$ grows with $T$ most of the remainder comes from the short segments."
        )
    if derivation.problem.method == "majorant":
        return MAJORANT
    if derivation.problem.method == "cone":
        return (
            MAJORANT.replace(r"For $|\delta|\le r$,", r"For $\delta=t(U+\omega)$, $t\le T$,").replace(r"\frac{|\delta|}{6r}", r"\frac t{6T}").replace(r"at the radius $s|\delta|$", r"at the length $st$")
            .replace(r"\frac{s|\delta|}rE", r"\frac{st}TE").replace(r"\min(1/\Lambda,r/|D\Phi(\bar\theta)|)$", r"\min(1/\Lambda,T/|D\Phi(\bar\theta)|)$, $U=-D\Phi(\bar\theta)/|D\Phi(\bar\theta)|$,")
        )  # fmt: skip
    last = tex(derivation.results["cost_gradient_lipschitz"])
    return (
        rf"\emph{{The step.}} If $D\Phi(\bar\theta)\ne0$ and $0<\eta\le\min(1/\Lambda,r/|D\Phi(\bar\theta)|)$, $\Lambda={last}$, then $\bar\theta-\eta D\Phi(\bar\theta)\in\Omega$ and "
        r"$\Phi(\bar\theta-\eta D\Phi(\bar\theta))\le\Phi(\bar\theta)-\eta(1-\frac12\Lambda\eta)|D\Phi(\bar\theta)|^2\le\Phi(\bar\theta)-\frac\eta2|D\Phi(\bar\theta)|^2$: "
        r"$\Phi(\bar\theta+v)\le\Phi(\bar\theta)+D\Phi(\bar\theta)v+\frac\Lambda2|v|^2$ in the ball, by integrating $D\Phi$ along the segment."
        "\n\n"
        r"\emph{Layers.} With $G$ the matrix of the layers' bounds and $\eta_u=1/\sum_vG_{uv}$ the matrix $\operatorname{diag}(1/\eta_u)-G$ is positive semidefinite \textup{(}its diagonal dominates\textup{)}, "
        r"so that the step with $\eta_u$ in layer $u$ decreases $\Phi$ by at least $\frac12\sum_u\eta_u|D_u\Phi|^2$ if it stays in $\Omega$."
    )


MAJORANT = (
    r"$\mathcal G$ is the form $\mathbb{E}\langle o',Co'\rangle$ at $\bar\theta$ \textup{(}the Gauss--Newton part of $D^2\Phi(\bar\theta)$\textup{)}, and inequalities between forms are meant for every direction. $E$ is applied to a vector at the price of a Hessian-vector product."
    "\n\n"
    r"\emph{The step.} For $|\delta|\le r$, $\Phi(\bar\theta+\delta)\le\Phi(\bar\theta)+D\Phi(\bar\theta)\delta+\frac12\delta^{\top}D^2\Phi(\bar\theta)\delta+\frac{|\delta|}{6r}\delta^{\top}E\delta$: integrate $D^2\Phi\le D^2\Phi(\bar\theta)+\frac{s|\delta|}rE$, which holds at the distance $s|\delta|$, "
    r"twice along the segment, $\int_0^1(1-s)s\,ds=\frac16$. So with $\Lambda=\lambda_{\max}(D^2\Phi(\bar\theta)+\frac13E)$ and $0<\eta\le\min(1/\Lambda,r/|D\Phi(\bar\theta)|)$ the step $-\eta D\Phi(\bar\theta)$ decreases $\Phi$ by at least $\frac\eta2|D\Phi(\bar\theta)|^2$."
    "\n\n"
    r"\emph{The eigenvalues.} Let $A$ be a symmetric matrix, $u$ a unit eigenvector of its largest eigenvalue $\lambda$, and $Av_j=\beta_{j-1}v_{j-1}+\alpha_jv_j+\beta_jv_{j+1}+e_j$ for $1\le j\le k$, with $\beta_0=0$, $\beta_j>0$, $|e_j|\le\epsilon_j$, "
    r"$|\sum_jc_jv_j|^2\le\nu|c|^2$ and $|\langle u,v_1\rangle|\ge\varrho$: these are $k$ Lanczos steps as they were computed, with their rounding errors. Let $p_1=1$ and, with $x$ as the variable, let $p_j$ and $g_{ij}$ solve $\beta_jf_{j+1}=(x-\alpha_j)f_j-\beta_{j-1}f_{j-1}$, the latter from $g_{ii}=0$, $g_{i,i+1}=1/\beta_i$ on. "
    r"If all $p_j(x)>0$ and $\sum_{j\le k+1}p_j(x)^2\bigl(\varrho-\sum_{i<j}\epsilon_ig_{ij}(x)/p_j(x)\bigr)_+^2>\nu$, then $\lambda<x$. Indeed $c_j=\langle u,v_j\rangle$ satisfies $\beta_jc_{j+1}=(\lambda-\alpha_j)c_j-\beta_{j-1}c_{j-1}-\langle u,e_j\rangle$, so that $c_j=c_1p_j(\lambda)-\sum_{i<j}\langle u,e_i\rangle g_{ij}(\lambda)$. "
    r"The $p_j$ are a Sturm sequence: where all are positive $x$ is above their zeros, the eigenvalues of the leading parts of the tridiagonal matrix, and above those of the $g_{ij}$, the eigenvalues of parts of these. From $x$ on $p_j$ increases, and $g_{ij}/p_j$, a quotient of polynomials whose zeros interlace \textup{(}Cauchy\textup{)}, decreases. "
    r"If $\lambda\ge x$, then $|c_j|\ge p_j(x)\bigl(\varrho-\sum_i\epsilon_ig_{ij}(x)/p_j(x)\bigr)$, and $\sum_jc_j^2>\nu$, against $\sum_jc_j^2\le\nu$. For a start $v_1$ uniformly distributed on the sphere of $\mathbb{R}^P$, $P$ the number of parameters, $|\langle u,v_1\rangle|\ge\varrho$ except with probability $p=\varrho\sqrt{2P/\pi}$: the density of a coordinate is at most $\sqrt{P/(2\pi)}$."
)


def conclusion(derivation: Derivation) -> str:
    """From derivatives to the theorem."""
    if derivation.problem.method == "line":
        return r"The last lines are the theorem: along the line all functions are smooth where the activations are four times differentiable \textup{(}where $s'''$ is Lipschitz, the last derivative is a Lipschitz constant\textup{)}."
    if derivation.problem.method in ("majorant", "cone"):
        return (
            r"The last lines are the first inequality. For the second, $D^2\Phi$ is $\mathcal G(\theta)$, the average of $\langle o',Co'\rangle$, which is $\ge0$, plus the rest, whose change is at most $E$ in modulus: "
            r"$-D^2\Phi(\theta)\le\mathcal G-D^2\Phi(\bar\theta)+E$. $\Omega$ is convex, and by the mean value theorem $\operatorname{Lip}(D\Phi;\Omega)\le\sup_\Omega|D^2\Phi|$."
        )
    return (
        r"$\Omega$ is convex, and by the mean value theorem $\operatorname{Lip}(\Phi;\Omega)\le\sup_\Omega|D\Phi|$ and $\operatorname{Lip}(D\Phi;\Omega)\le\sup_\Omega|D^2\Phi|$, which the last lines bound. "
        r"Where $s''$ does not exist at a point, convolve $s$ with a smooth density supported in $[-\varepsilon,\varepsilon]$: its derivatives are then at most their suprema on intervals longer by $\varepsilon$, and $\varepsilon\to0$."
    )


def title(derivation: Derivation) -> str:
    """What the theorem is about."""
    if derivation.problem.method == "majorant":
        return "The Hessian of the cost near given weights of a neural network"
    if derivation.problem.method == "cone":
        return "The Hessian of the cost in a cone about a direction in the weights of a neural network"
    if derivation.problem.method == "line":
        return "The cost of a neural network along a line in its parameters"
    return "Lipschitz constants of the cost near given weights of a neural network"


def certificate_table(certificate: Certificate) -> dict[str, Any]:
    """The numbers of a concrete network, as the report's table."""

    def shown(value: float | None) -> str:
        if value is None:
            return "--"
        text = f"{value:.6g}"
        text = text if float(text) >= value else f"{value + abs(value) * 5e-6:.6g}"
        mantissa, _, exponent = text.partition("e")
        return rf"${mantissa}\cdot10^{{{int(exponent)}}}$" if exponent else f"${text}$"

    if certificate.method == "line":
        header = [r"$T$", r"$f_0$", r"$f_1$", r"$f_2$", r"$f_3$", r"$F_4$", r"$\Lambda$"]
        start = [shown(value) for value in (certificate.taylor or ())[:4]]
        rows = [[shown(length), *start, shown(bound), "--"] for length, bound in certificate.fourth[:-1]]
        rows.append([shown(certificate.length), *(shown(value) for value in certificate.taylor or ()), shown(certificate.curvature)])
    else:
        header = [r"$T$" if certificate.method == "cone" else r"$r$", r"$\operatorname{Lip}(\Phi)$", r"$\operatorname{Lip}(D\Phi)$", r"$\Lambda$ of a step"]
        rows = [[shown(certificate.radius), shown(certificate.cost_lipschitz), shown(certificate.cost_gradient_lipschitz), shown(certificate.step_constant)]]
    text = r"The numbers of the network that the certificate was asked for: the theorem's definitions in ball arithmetic, rounded up in the last digit. They are \emph{proved} for these weights and data."
    if certificate.probability:
        text = text.replace(
            r"They are \emph{proved} for these weights and data.",
            r"They are \emph{proved} for these weights and data except with the probability $p$ over the start of Lanczos' iteration; all rounding errors are included.",
        )
    elif certificate.probability == 0:
        text += r" No eigenvalue was estimated: the matrices of the forms were made in ball arithmetic, entry by entry, and their eigenvalues enclosed \textup{(}by a congruence and Gershgorin's discs\textup{)}."
    return {"text": text, "header": header, "rows": rows}


def figure(derivation: Derivation) -> dict[str, Any]:
    """The results on a small network of the verification, against the size of the set."""
    from ..verify.evaluate import Program
    from ..verify.near import NearMeasurement, build_near

    with mpmath.workdps(30):
        sample = build_near(derivation, 0, 0)
        program = Program(derivation, all_steps=False)
        values = NearMeasurement(derivation, sample, program, 20).values()
        if derivation.problem.method in ("majorant", "cone"):
            return {
                "variable": "T" if derivation.problem.method == "cone" else "r",
                "depth": derivation.problem.network.depth,
                "curves": {"depth": {}, "norm": _coefficients(derivation, program, values)},
            }
        size = next(str(h.symbol) for h in derivation.hypotheses.values() if h.quantity.kind in ("distance", "length"))
        shown = {
            "cost_gradient_lipschitz": "gradient of the cost",
            "cost_lipschitz": "cost",
            "curvature": "second derivative",
            "fourth_derivative": "fourth derivative",
        }
        curves: dict[str, list[list[str]]] = {title: [] for name, title in shown.items() if name in derivation.results}
        for text in SIZES:
            top, _, bottom = text.partition("/")
            found = program({**values, size: mpf(top) / mpf(bottom or 1)})
            for name, title in shown.items():
                if name in derivation.results:
                    value = found[str(derivation.results[name])]
                    curves[title].append([text, str(mpmath.nstr(mpf(value[()] if hasattr(value, "shape") else value), 8))])
    return {"variable": "T" if derivation.problem.method == "line" else "r", "depth": derivation.problem.network.depth, "curves": {"depth": {}, "norm": curves}}


def caption(shown: dict[str, Any]) -> str:
    """What the figure shows, in words."""
    what = "the length $T$" if shown["variable"] == "T" else "the radius $r$ of the ball"
    return f"The bounds for one network of the verification, its weights and data drawn at random, against {what}."


def _coefficients(derivation: Derivation, program: Any, values: dict[str, Any]) -> dict[str, list[list[str]]]:
    """The majorant's coefficients on that network: the layers' own, and the largest of the others."""
    curves: dict[str, list[list[str]]] = {}
    for text in SIZES:
        top, _, bottom = text.partition("/")
        found = program({**values, ("len" if derivation.problem.method == "cone" else "rad"): mpf(top) / mpf(bottom or 1)})
        for name in derivation.results:
            kind, _, layer = name.partition("_")
            title = {"ga": f"layer {layer}", "om": f"neurons of layer {layer}", "ka": "outputs"}[kind]
            value = max(mpf(entry) for entry in np.ravel(np.asarray(found[name], dtype=object)))
            curves.setdefault(title, []).append([text, str(mpmath.nstr(value, 8))])
    return curves
