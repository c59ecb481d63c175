"""Architectures as JSON text: what an archive's array `architecture` and the command line's --architecture say.

{"inputs": 3, "layers": [{"type": "dense", "width": 4, "activation": "tanh"}, {"type": "residual", "width": 4, "activation": "tanh",
"step": 0.5}, {"type": "skip", "step": 1, "layers": [..]}, {"type": "tied", "steps": 10, "layer": {..}}]}, or
{"type": "neural-ode", "width": 4, "activation": "tanh", "total_variation": 1}. Widths may be left out beside weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sympy

from .activations import BUILT_IN
from .errors import SymlipError
from .fields import NeuralODE
from .networks import Dense, Layer, Network, Residual, Skip, Tied, step_of

KEYS = {
    "dense": {"width", "activation"}, "residual": {"width", "activation", "step"}, "skip": {"step", "layers"}, "tied": {"steps", "layer"},
    "neural-ode": {"width", "activation", "parameters", "total_variation"}, "network": {"inputs", "layers"},
}  # fmt: skip
DEEPEST = 4


def parse(text: str, where: str, widths: list[int] | None = None, inputs: int | None = None) -> tuple[Network | NeuralODE, float | None]:
    """The network or neural ODE that a text describes, and the total variation of its control (None if it has none).

    widths: of the weight matrices' outputs in order, for layers whose width is left out; inputs likewise.
    Raises SymlipError, with one clear line, for anything that does not describe an architecture.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SymlipError(f'{where}: not JSON ({error}); an architecture looks like {{"layers": [{{"type": "residual", "step": 0.5}}]}}') from None
    left = iter(widths) if widths is not None else None
    if isinstance(data, dict) and data.get("type") == "neural-ode":
        _known(data, "neural-ode", where)
        variation = data.get("total_variation", 1)
        if isinstance(variation, bool) or not isinstance(variation, int | float) or not 0 <= variation < float("inf"):
            raise SymlipError(f"{where}: total_variation must be a nonnegative finite number, not {variation!r}")
        return NeuralODE(_width(data, where, left), data.get("activation", "tanh"), data.get("parameters", "shared")), float(variation)
    if not isinstance(data, dict) or not isinstance(data.get("layers"), list) or not data["layers"]:
        raise SymlipError(f'{where}: an architecture is an object with a list "layers", or {{"type": "neural-ode", ..}}')
    _known(data, "network", where)
    layers = [_layer(entry, f"{where}: layer {number}", left, 0) for number, entry in enumerate(data["layers"], 1)]
    size = data.get("inputs", inputs)
    if size is None:
        raise SymlipError(f'{where}: it has no "inputs"')
    return Network(size, layers), None


def describe(network: Network) -> str | None:
    """The text that `parse` reads as this network; None if its activations or steps have no name there."""
    try:
        return json.dumps({"inputs": _integer(network.inputs), "layers": [_described(layer) for layer in network.layers]})
    except _NoText:
        return None


class _NoText(Exception):
    """Something that the text cannot say."""


def _integer(size: Any) -> int:
    if not isinstance(size, int):
        raise _NoText
    return size


def _described(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, Tied):
        return {"type": "tied", "steps": layer.steps, "layer": _described(layer.layer)}
    if isinstance(layer, Skip):
        return {"type": "skip", "step": _exact_float(layer.signed_step), "layers": [_described(inner) for inner in layer.layers]}
    if BUILT_IN.get(layer.activation.name) != layer.activation:
        raise _NoText
    named = {"width": _integer(layer.width), "activation": layer.activation.name}
    return {"type": "dense", **named} if isinstance(layer, Dense) else {"type": "residual", **named, "step": _exact_float(layer.signed_step)}


def _exact_float(step: sympy.Expr) -> float:
    if (not step.is_Rational and not step.is_Float) or step_of(float(step), "a step") != abs(step):
        raise _NoText
    return float(step)


def _known(data: dict[str, Any], kind: str, where: str) -> None:
    unknown = sorted(set(data) - KEYS[kind] - {"type"})
    if unknown:
        raise SymlipError(f"{where}: unknown key {unknown[0]!r}; a {kind} takes {', '.join(sorted(KEYS[kind]))}")


def _width(data: dict[str, Any], where: str, left: Iterator[int] | None) -> Any:
    """The layer's width: given, or that of the next weight matrix."""
    actual = next(left, None) if left is not None else None
    if left is not None and actual is None:
        raise SymlipError(f"{where}: the architecture has more layers with parameters than there are weight matrices")
    wanted = data.get("width", actual)
    if wanted is None:
        raise SymlipError(f'{where}: it has no "width"')
    if actual is not None and wanted != actual:
        raise SymlipError(f"{where}: the architecture says width {wanted}, but the weight matrix has {actual} outputs")
    return wanted


def _layer(data: Any, where: str, left: Iterator[int] | None, depth: int) -> Layer:
    if not isinstance(data, dict) or data.get("type", "dense") not in ("dense", "residual", "skip", "tied") or depth > DEEPEST:
        raise SymlipError(f'{where}: {str(data)[:60]!r} is not a layer; its "type" is dense, residual, skip or tied')
    kind = data.get("type", "dense")
    _known(data, kind, where)
    if kind == "dense":
        return Dense(_width(data, where, left), data.get("activation", "tanh"))
    if kind == "residual":
        return Residual(_width(data, where, left), data.get("activation", "tanh"), data.get("step", 1))
    if kind == "skip":
        inner = data.get("layers")
        if not isinstance(inner, list):
            raise SymlipError(f'{where}: a skip has a list "layers"')
        return Skip([_layer(entry, f"{where}, layer {number} inside", left, depth + 1) for number, entry in enumerate(inner, 1)], data.get("step", 1))  # type: ignore[misc]
    return Tied(_layer(data.get("layer"), where, left, depth + 1), data.get("steps", 1))  # type: ignore[arg-type]
