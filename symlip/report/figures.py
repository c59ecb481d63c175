"""The figure of a report: the bounds against depth and against the weight norm."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import sympy
from mpmath import mpf

from ..calculus.arrays import Certified
from ..calculus.derivation import Derivation
from ..derive import derive
from ..errors import MissingExtra, SymlipError
from ..fields import Field
from ..lower import global_bound, lower_bound
from ..networks import Network
from ..parameter_sets import AllParameters, LayerBalls, ParameterBall, ParameterSet
from . import flow, near

NORMS = ("1/4", "1/2", "1", "2", "4", "8", "16")
DEPTHS = tuple(range(1, 11))
SHOWN = {"lipschitz": "network", "gradient_lipschitz": "its gradient"}


Make = Callable[[Network], Derivation]


def data(derivation: Derivation) -> dict[str, Any]:
    """Curves: bound against depth at norms 1 and against the norm at the derivation's depth, as decimal strings.

    The depth is varied with the hidden width repeated; where layers have different activations only the norm is varied.
    """
    problem = derivation.problem
    network = problem.network
    if isinstance(network, Field):
        return flow.figure(derivation)
    if problem.local:
        return near.figure(derivation)
    hidden = network.units[0]
    width = hidden.width if isinstance(hidden.width, int) else 3
    alike = network.plain and len(network.activations) == 1
    depths = list(DEPTHS) if alike else []
    if any(isinstance(expression, Certified) for _, expression in derivation.definitions):
        depths = depths[:5]
    own = 3 if network.symbolic_depth else len(network.groups)
    curves: dict[str, dict[str, list[list[str]]]] = {"depth": {}, "norm": {}}

    def shape(m: int) -> Network:
        return Network.uniform(m, hidden.activation, width, 3) if alike else network

    for title, result, make in _curves(derivation):
        try:
            make(shape(own))
        except SymlipError:  # such as the upper bound of an unbounded activation
            continue
        curves["depth"][title] = [[str(m), _at(make(shape(m)), result, m, mpf(1))] for m in depths]
        fixed = make(shape(own))
        curves["norm"][title] = [[n, _at(fixed, result, own, mpf(sympy.Rational(n).p) / sympy.Rational(n).q)] for n in NORMS]
    variable = {"ParameterBall": "R", "AllParameters": "t"}.get(type(problem.parameters).__name__, "a")
    return {"variable": variable, "depth": own, "curves": curves}


def _curves(derivation: Derivation) -> Iterator[tuple[str, str, Make]]:
    """(title, result, what derives it for a network)."""
    problem = derivation.problem
    parameters, order = problem.parameters, problem.order
    names = [result for result in SHOWN if result in derivation.results]
    if isinstance(parameters, AllParameters):
        if "scale" not in {hypothesis.quantity.kind for hypothesis in derivation.hypotheses.values()}:
            return
        yield from ((f"{SHOWN[result]}, the family", result, global_bound) for result in names)
    elif problem.method in ("lower", "sharpness"):
        chosen: ParameterSet = ParameterBall() if isinstance(parameters, ParameterBall) else LayerBalls()
        for result in names:
            yield f"{SHOWN[result]}, upper", result, lambda network: derive(network, chosen, order=order)
            yield f"{SHOWN[result]}, lower", result, lambda network: lower_bound(network, chosen, order=order)
    elif problem.method == "joint":
        chosen = parameters
        word = "exact" if derivation.exact["lipschitz"] else "joint"
        yield f"network, {word}", "lipschitz", lambda network: derive(network, chosen, method="joint", order=1)
        yield "network, block", "lipschitz", lambda network: derive(network, chosen, order=1)
        if derivation.exact.get("gradient_lipschitz") and order >= 2:
            yield "gradient, exact", "gradient_lipschitz", lambda network: derive(network, chosen, method="joint")
            yield "gradient, block", "gradient_lipschitz", lambda network: derive(network, chosen)
        if problem.network.plain and not (isinstance(parameters, LayerBalls) and parameters.biases != "free"):
            yield "network, chain", "lipschitz", lambda network: lower_bound(network, chosen, order=1)
    elif isinstance(parameters, ParameterBall):
        for label, ball in (("budget", ParameterBall()), ("every norm R", ParameterBall(shared_budget=False))):
            for result in names:
                yield f"{SHOWN[result]}, {label}", result, lambda network, ball=ball: derive(network, ball, order=order)  # type: ignore[misc]
    else:
        methods = ["separate", "paired", "block"] if problem.method in ("separate", "paired", "ordering") else ["block"]
        balls, variables = LayerBalls(parameters.biases), problem.variables
        for method in methods:
            for result in names:
                if result == "lipschitz" and method != methods[-1]:
                    continue
                title = SHOWN[result] + (f", {method}" if len(methods) > 1 and result != "lipschitz" else "")
                yield title, result, lambda network, method=method: derive(network, balls, method=method, order=order, variables=variables)  # type: ignore[misc]


def ratios(derivation: Derivation) -> dict[str, Any] | None:
    """Block over exact for the gradient, against the norm of all weights and the depth, where the exact constant is known."""
    network = derivation.problem.network
    if isinstance(network, Field) or derivation.problem.local or not derivation.exact.get("gradient_lipschitz") or derivation.problem.method != "joint":
        return None
    if not network.plain or len(network.activations) > 1 or derivation.problem.cost is not None:
        return None
    layer = network.dense[0]
    width = layer.width if isinstance(layer.width, int) else 3
    depths, rows = (2, 3, 4, 5, 6), []
    bounds = [[derive(Network.uniform(m, layer.activation, width, 3), LayerBalls(), method=method).compile() for method in ("block", "joint")] for m in depths]
    for norm in ("1/4", "1/2", "1", "2", "4", "8"):
        cells = []
        for m, (block, exact) in zip(depths, bounds):
            given = {"weight_norms": [float(sympy.Rational(norm))] * m, "input_norm": 1.0}
            cells.append(f"{block(**given).gradient_lipschitz / exact(**given).gradient_lipschitz:.3f}")
        rows.append([f"${norm}$", *cells])
    text = rf"The block bound on $\operatorname{{Lip}}(DN)$ over the exact constant, hidden widths ${width}$, $|x|=1$, all weight norms $a$:"
    return {"text": text, "header": ["$a$", *(f"$m={m}$" for m in depths)], "rows": rows}


def caption(figure: dict[str, Any], derivation: Derivation) -> str:
    """What the figure shows, in words."""
    if isinstance(derivation.problem.network, Field):
        return flow.caption(figure)
    if derivation.problem.local:
        return near.caption(figure)
    variable = figure["variable"]
    norm = {"R": "the radius $R$", "t": "the scale $t$ of the family"}.get(variable, "the norm $a$ of all weights")
    parts = [f"against {norm}, with {figure['depth']} " + ("layers" if derivation.problem.network.plain else "weight matrices")]
    if any(figure["curves"]["depth"].values()):
        parts.insert(0, f"against the number of layers, with ${variable}=1$ and the hidden width repeated")
    text = "The bounds on the constants of the network and of its gradient " + " and ".join(parts) + "; $|x|=1$"
    if any(hypothesis.quantity.kind == "bias" for hypothesis in derivation.hypotheses.values()):
        text += ", bias norms $1$"
    if any("every norm" in title for title in figure["curves"]["norm"]):
        text += r". ``Every norm $R$'' puts $|A_u|_2=|b_u|=R$ in every layer, ``budget'' lets the layers share $R$"
    return text + "."


def _at(derivation: Derivation, result: str, depth: int, norm: Any) -> str:
    values = {"weight_norms": [norm] * depth, "bias_norms": [1] * depth, "radius": norm, "input_norm": 1, "target_norm": 1, "widths": [3], "scale": norm}
    values.update((step.name, 1) for step in derivation.problem.network.steps)
    if "x_least" in derivation.hypotheses:
        values["x"] = [1] + [0] * (int(derivation.problem.network.inputs) - 1)
    return str(mpmath.nstr(derivation.evaluate(values, digits=30)[result], 8))


def draw(figure: dict[str, Any]) -> bytes:
    """The figure as PDF."""
    try:
        import matplotlib
    except ImportError:
        raise MissingExtra("drawing a figure", "matplotlib", "plot") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    variable = figure["variable"]
    panels = [
        ("depth", f"number of {'jumps' if variable == 'U' else 'layers'} $m$  (${variable}=1$)", variable == "U"),
        (
            "norm",
            f"${variable}$, { {'R': 'radius', 'r': 'radius', 'T': 'length', 't': 'scale', 'U': 'total variation'}.get(variable, 'weight norms') }"
            + ("" if variable in "UrT" else f"  ({figure['depth']} layers)"),
            True,
        ),
    ]
    panels = [panel for panel in panels if any(figure["curves"][panel[0]].values())]
    drawing, axes = pyplot.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.3), squeeze=False, layout="constrained")
    for axis, (kind, label, logarithmic) in zip(axes[0], panels):
        for number, (title, points) in enumerate(figure["curves"][kind].items()):
            xs = [float(sympy.Rational(x)) for x, _ in points]
            axis.plot(xs, [float(y) for _, y in points], marker="osD^v*"[number % 6], markersize=3.5, linewidth=1.1, label=title)
        axis.set_yscale("log")
        if logarithmic:
            axis.set_xscale("log", base=2)
        axis.set_xlabel(label)
        axis.grid(True, which="major", linewidth=0.3)
    axes[0][0].set_ylabel("bound")
    axes[0][-1].legend(fontsize=7, frameon=False)
    stream = io.BytesIO()
    drawing.savefig(stream, format="pdf", metadata={"CreationDate": None})
    pyplot.close(drawing)
    return stream.getvalue()
