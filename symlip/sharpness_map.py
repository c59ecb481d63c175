"""The sharpness map: every bound beside its lower bound, the witness and the best that an optimiser finds.

The optimiser's finds are estimates of the true constants from below, not bounds; all other numbers are proved ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from .activations import Activation, z
from .calculus.derivation import Derivation
from .derive import METHODS, derive
from .errors import MissingExtra, SymlipError
from .lower import lower_bound
from .networks import Dense, Network
from .parameter_sets import LayerBalls

Parameters = list[tuple[Any, Any]]
Slopes = Callable[[Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Point:
    """One place of the map: all weight norms `norm`, `depth` layers, hidden width `width`, |x|; and one constant.

    order: 1 for Lip(N), 2 for Lip(DN). bounds: by method, "lower" among them. witness: the full norm of the lower bound's
    network over all directions. found: the best that the optimiser found, an estimate.
    """

    norm: float
    depth: int
    width: int
    order: int
    bounds: dict[str, float]
    witness: float | None
    found: float

    def as_json(self) -> dict[str, Any]:
        whole = {"norm": self.norm, "depth": self.depth, "width": self.width, "order": self.order, **self.bounds}
        return {**whole, "witness": self.witness, "best_found_estimate": self.found}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Point:
        bounds = {name: data[name] for name in (*METHODS, "lower") if name in data}
        return cls(data["norm"], data["depth"], data["width"], data["order"], bounds, data["witness"], data["best_found_estimate"])


def sharpness_map(
    network: Network,
    norms: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
    depths: Sequence[int] | None = None,
    widths: Sequence[int] | None = None,
    input_norm: float = 1.0,
    starts: int = 12,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Point]:
    """The map of an architecture on layer balls with free biases.

    norms: the common weight norm a; depths, widths: variants of the network with its hidden layer repeated, each at a = 1
    besides its own shape. Raises SymlipError for symbolic sizes or a bound that does not exist; needs SciPy for the estimates.
    """
    if network.symbolic_depth or any(not isinstance(width, int) for width in network.widths):
        raise SymlipError("the sharpness map needs the depth and all widths as numbers, such as 3,4,1")
    if starts < 1:
        raise SymlipError(f"starts must be a positive integer, not {starts}")
    shapes = [(network, norm) for norm in norms]
    shapes += [(_deeper(network, depth), 1.0) for depth in depths or ()] + [(_wider(network, width), 1.0) for width in widths or ()]
    shapes = list(dict.fromkeys(shapes))
    for _, norm in shapes:
        if not 0 < norm < float("inf"):
            raise SymlipError(f"a weight norm must be positive and finite, not {norm}: at 0 the set of parameters has no interior")
    order = 2 if all(activation.constant(2).is_finite for activation in network.activations) else 1
    points = []
    total = len(shapes) * order
    for shape, norm in shapes:
        for k in range(1, order + 1):
            points.append(_point(shape, float(norm), k, input_norm, starts, seed))
            if progress:
                progress(len(points), total)
    return points


def _deeper(network: Network, depth: int) -> Network:
    if depth < 1:
        raise SymlipError(f"a depth must be a positive integer, not {depth}")
    hidden = network.dense[0] if len(network.dense) > 1 else replace_width(network.dense[0], 1)
    return Network(network.inputs, [*[hidden] * (depth - 1), network.dense[-1]])


def _wider(network: Network, width: int) -> Network:
    return Network(network.inputs, [*(replace_width(layer, width) for layer in network.dense[:-1]), network.dense[-1]])


def replace_width(layer: Dense, width: int) -> Dense:
    return Dense(width, layer.activation)


def _point(network: Network, norm: float, order: int, input_norm: float, starts: int, seed: int) -> Point:
    depth = len(network.dense)
    arguments = {"weight_norms": [norm] * depth, "input_norm": input_norm}
    name = "lipschitz" if order == 1 else "gradient_lipschitz"
    bounds = {}
    for method in METHODS:
        derivation = derive(network, LayerBalls(), method=method, order=order)
        if method == "joint" and order == 2 and not derivation.exact[name]:
            continue  # the block bound stands in
        bounds[method] = float(getattr(derivation.compile()(**arguments), name))
    lower = lower_bound(network, order=order)
    bounds["lower"] = float(getattr(lower.compile()(**arguments), name))
    inputs = network.inputs if isinstance(network.inputs, int) else 1
    x = np.zeros(inputs)
    x[0] = input_norm
    witness, start = witness_norm(lower, norm, x, order)
    found = best_found(network, [norm] * depth, x, order, starts, seed, [start] if start is not None else [])
    width = network.dense[0].width if depth > 1 else 1
    return Point(norm, depth, int(width), order, bounds, witness, max(found, witness or 0.0))


def witness_norm(lower: Derivation, norm: float, x: Any, order: int) -> tuple[float | None, Parameters | None]:
    """|DN| or |D^2 N| over all directions at the witness, and its parameters; None where the witness cannot be built in floats."""
    network = lower.problem.network
    try:
        theta = lower.witness(x=x, order=order, weight_norms=[norm] * len(network.dense))
    except SymlipError:
        return None, None
    activations = [layer.activation for layer in network.dense]
    return derivative_norm(activations, theta, x, order), theta


# --- norms of derivatives in floats -------------------------------------------------------------------------------------


def slopes_of(activation: Activation) -> Slopes:
    """z -> (s, s', s'', s''') on arrays."""
    expressions = [activation.derivative(order) for order in range(4)]
    function = sympy.lambdify(z, expressions, modules=["scipy", "numpy"], cse=True)

    def slopes(points: Any) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            return tuple(
                np.nan_to_num(np.broadcast_to(value, np.shape(points)), nan=0.0, posinf=0.0, neginf=0.0) for value in function(np.asarray(points, dtype=float))
            )

    return slopes


def line(slopes: list[Slopes], theta: Parameters, eta: Parameters, x: Any) -> tuple[Any, Any, Any, list[Any]]:
    """(h, h', h'') of the network along theta + t eta, and what `line_gradient` needs."""
    h, h1, h2 = x, np.zeros_like(x), np.zeros_like(x)
    tape = []
    for slope, (A, b), (dA, db) in zip(slopes, theta, eta):
        value, z1, z2 = A @ h + b, A @ h1 + dA @ h + db, A @ h2 + 2 * dA @ h1
        s0, s1, s2, s3 = slope(value)
        tape.append((h, h1, h2, z1, z2, s1, s2, s3))
        h, h1, h2 = s0, s1 * z1, s2 * z1**2 + s1 * z2
    return h, h1, h2, tape


def line_gradient(theta: Parameters, eta: Parameters, tape: list[Any], g1: Any, g2: Any) -> tuple[Parameters, Parameters]:
    """The gradients of <g1, h'> + <g2, h''> in theta and in eta, by going back through the line."""
    g = np.zeros_like(g1)
    in_theta: Parameters = []
    in_eta: Parameters = []
    for (A, _), (dA, _), (h, h1, h2, z1, z2, s1, s2, s3) in zip(reversed(theta), reversed(eta), reversed(tape)):
        z_bar = g * s1 + g1 * s2 * z1 + g2 * (s3 * z1**2 + s2 * z2)
        z1_bar, z2_bar = g1 * s1 + 2 * g2 * s2 * z1, g2 * s1
        in_theta.insert(0, (np.outer(z_bar, h) + np.outer(z1_bar, h1) + np.outer(z2_bar, h2), z_bar))
        in_eta.insert(0, (np.outer(z1_bar, h) + 2 * np.outer(z2_bar, h1), z1_bar))
        g, g1, g2 = A.T @ z_bar + dA.T @ z1_bar, A.T @ z1_bar + 2 * dA.T @ z2_bar, A.T @ z2_bar
    return in_theta, in_eta


def flat(parameters: Parameters) -> Any:
    return np.concatenate([np.ravel(part) for pair in parameters for part in pair])


def shaped(vector: Any, widths: Sequence[int]) -> Parameters:
    found, start = [], 0
    for rows, columns in zip(widths[1:], widths):
        A = vector[start : start + rows * columns].reshape(rows, columns)
        start += rows * columns
        found.append((A, vector[start : start + rows]))
        start += rows
    return found


def derivative_norm(activations: list[Activation], theta: Parameters, x: Any, order: int) -> float:
    """|DN| or |D^2 N| in floats: by the Gram matrix, or by the Hessian of each output direction that raises it."""
    slopes = [slopes_of(activation) for activation in activations]
    if order == 1:
        h, gram = x, np.zeros((len(x), len(x)))
        for slope, (A, b) in zip(slopes, theta):
            gram = A @ gram @ A.T + (1 + h @ h) * np.eye(len(b))
            s0, s1, *_ = slope(A @ h + b)
            h, gram = s0, s1[:, None] * gram * s1[None, :]
        return float(np.sqrt(max(np.linalg.eigvalsh(gram)[-1], 0.0)))
    widths = [len(x), *(len(b) for _, b in theta)]
    size = sum(A.size + b.size for A, b in theta)
    y = np.zeros(widths[-1])
    y[0] = 1.0
    best = 0.0
    for _ in range(8 if widths[-1] > 1 else 1):
        hessian = np.empty((size, size))
        for column in range(size):
            unit = np.zeros(size)
            unit[column] = 1.0
            eta = shaped(unit, widths)
            tape = line(slopes, theta, eta, x)[3]
            hessian[column] = flat(line_gradient(theta, eta, tape, np.zeros_like(y), y)[1]) / 2
        values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
        top = int(np.argmax(abs(values)))
        bend = line(slopes, theta, shaped(vectors[:, top], widths), x)[2]
        length = float(np.linalg.norm(bend))
        if length <= best * (1 + 1e-12):
            break
        best, y = length, bend / length
    return best


# --- the optimiser ------------------------------------------------------------------------------------------------------


def best_found(network: Network, norms: Sequence[float], x: Any, order: int, starts: int, seed: int, seeds: list[Parameters] | None = None) -> float:
    """The largest |DN| or |D^2 N| along a line that L-BFGS finds over weights of these norms, biases and directions.

    Exact gradients through the line's jets; `starts` starts, random and chain-like, and those in `seeds`. An estimate from below.
    """
    try:
        from scipy.optimize import minimize
    except ImportError:
        raise MissingExtra("the optimiser's estimates", "scipy", "sharpness") from None
    slopes = [slopes_of(layer.activation) for layer in network.dense]
    widths = [len(x), *(int(layer.width) for layer in network.dense)]
    size = sum((columns + 1) * rows for rows, columns in zip(widths[1:], widths))
    rng = np.random.default_rng(seed)

    def objective(vector: Any) -> tuple[float, Any]:
        raw, eta = shaped(vector[:size], widths), shaped(vector[size:], widths)
        theta, scales = [], []
        for (M, b), a in zip(raw, norms):
            u, s, vt = np.linalg.svd(M)
            theta.append((a * M / s[0], b))
            scales.append((u[:, 0], s[0], vt[0], a))
        _h, h1, h2, tape = line(slopes, theta, eta, x)
        bent = h1 if order == 1 else h2
        length, total = float(np.linalg.norm(bent)), float(vector[size:] @ vector[size:])
        if not length > 1e-280 or not np.isfinite(length):
            return 0.0, np.zeros_like(vector)
        y = bent / length
        zero = np.zeros_like(y)
        in_theta, in_eta = line_gradient(theta, eta, tape, y if order == 1 else zero, zero if order == 1 else y)
        in_raw = []
        for (gA, gb), (M, _), (u, s, v, a) in zip(in_theta, raw, scales):
            in_raw.append((a / s * (gA - np.sum(gA * M) / s * np.outer(u, v)), gb))
        gradient = np.concatenate([flat(in_raw) / length, flat(in_eta) / length - order * vector[size:] / total])
        return -(np.log(length) - order * np.log(total) / 2), -gradient

    def steepest(vector: Any) -> Any:
        """A direction to start with: a few steps of the power method at these parameters."""
        theta = [(a * M / np.linalg.norm(M, 2), b) for (M, b), a in zip(shaped(vector[:size], widths), norms)]
        direction = vector[size:]
        for _ in range(12):
            _, h1, h2, tape = line(slopes, theta, shaped(direction, widths), x)
            bent = h1 if order == 1 else h2
            zero = np.zeros_like(bent)
            pulled = flat(line_gradient(theta, shaped(direction, widths), tape, bent if order == 1 else zero, zero if order == 1 else bent)[1])
            length = np.linalg.norm(pulled)
            if not 0 < length < np.inf:
                break
            direction = pulled / length
        return direction

    best = 0.0
    for number in range(starts + len(seeds or [])):
        start = rng.normal(size=2 * size) * np.concatenate([np.full(size, 10 ** rng.uniform(-0.5, 0.7)), np.ones(size)])
        if number < len(seeds or []):
            given = seeds[number]  # type: ignore[index]
            start[:size] = flat(_full_norms(slopes, given, norms, x, rng))
        elif number % 2:  # a chain of single neurons, the others pushed away
            parts = []
            for rows, columns in zip(widths[1:], widths):
                M = 0.05 * rng.normal(size=(rows, columns))
                M[0, 0] = 1.0
                parts.append((M, np.concatenate([rng.normal(size=1), rng.choice([-1, 1], size=rows - 1) * rng.uniform(1, 6)])))
            start[:size] = flat(parts)
        start[size:] = steepest(start)
        found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 3000, "maxfun": 4000, "maxcor": 30, "ftol": 1e-15, "gtol": 1e-12})
        if np.isfinite(found.fun) and found.fun != 0.0:
            best = max(best, float(np.exp(-found.fun)))
    return best


def _full_norms(slopes: list[Slopes], theta: Parameters, norms: Sequence[float], x: Any, rng: Any) -> Parameters:
    """Parameters near the given ones whose weights have the norms, and with the same pre-activations (far ones brought nearer)."""
    found = []
    h = moved = x
    for slope, (A, b), a in zip(slopes, theta, norms):
        value = np.clip(A @ h + b, -12, 12)
        M = A if np.any(A) else np.ones_like(A)
        M = M + 1e-3 * rng.normal(size=A.shape)
        found.append((M, value - a * M / np.linalg.norm(M, 2) @ moved))
        h, moved = slope(A @ h + b)[0], slope(value)[0]
    return found


STYLE = {"separate": ("o", "tab:blue"), "paired": ("s", "tab:orange"), "block": ("D", "tab:green"), "joint": ("^", "tab:red"), "lower": ("v", "tab:purple")}
"""Marker and colour of each bound."""


def draw(points: list[Point], suffix: str) -> bytes:
    """The map as a figure: bounds over the best found, against the norm, the depth and the width."""
    import io

    try:
        import matplotlib
    except ImportError:
        raise MissingExtra("drawing a figure", "matplotlib", "plot") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = []
    for order in sorted({point.order for point in points}):
        own = [point for point in points if point.order == order]
        shape = own[0].depth, own[0].width
        panels.append((order, "norm", r"weight norms $a$", [point for point in own if (point.depth, point.width) == shape and point.found > 0]))
        for attribute, label, fixed in (("depth", "number of layers", "width"), ("width", "hidden width", "depth")):
            varied = [point for point in own if point.norm == 1.0 and getattr(point, fixed) == shape[attribute == "depth"] and point.found > 0]
            if len({getattr(point, attribute) for point in varied}) > 1:
                panels.append((order, attribute, label + r" ($a=1$)", varied))
    rows = [[panel for panel in panels if panel[0] == order] for order in sorted({panel[0] for panel in panels})]
    columns = max(map(len, rows))
    figure, axes = pyplot.subplots(len(rows), columns, figsize=(3.4 * columns, 2.9 * len(rows)), squeeze=False, layout="constrained")
    for row, places in zip(rows, axes):
        for place in places[len(row) :]:
            place.set_axis_off()
    for axis, (order, attribute, label, chosen) in [pair for row, places in zip(rows, axes) for pair in zip(places, row)]:
        curve = sorted({getattr(point, attribute): point for point in chosen}.items())
        names = [name for name in (*METHODS, "lower") if any(name in point.bounds for _, point in curve)]
        for name in names:
            marker, color = STYLE[name]
            axis.plot(
                [v for v, _ in curve],
                [point.bounds.get(name, np.nan) / point.found for _, point in curve],
                marker=marker,
                color=color,
                markersize=3.5,
                linewidth=1,
                label=name,
            )
        axis.plot(
            [v for v, _ in curve],
            [(point.witness or np.nan) / point.found for _, point in curve],
            marker="x",
            color="tab:brown",
            markersize=4,
            linewidth=1,
            linestyle="--",
            label="witness",
        )
        if attribute != "norm":
            axis.set_xticks([v for v, _ in curve])
        axis.axhline(1.0, color="black", linewidth=0.8, linestyle=":")
        axis.set_title(r"$\mathrm{Lip}(N)$" if order == 1 else r"$\mathrm{Lip}(DN)$", fontsize=10)
        axis.set_xlabel(label)
        axis.set_yscale("log")
        if attribute == "norm":
            axis.set_xscale("log", base=2)
        axis.grid(True, which="major", linewidth=0.3)
    for row, places in zip(rows, axes):
        places[0].set_ylabel("bound / best found (an estimate)")
        places[len(row) - 1].legend(fontsize=7, frameon=False)
    stream = io.BytesIO()
    figure.savefig(stream, format=suffix, metadata={"CreationDate": None} if suffix == "pdf" else None)
    pyplot.close(figure)
    return stream.getvalue()
