"""Witnesses in words."""

from __future__ import annotations

from typing import Any

import sympy

from ..activations import Activation
from ..calculus.witness import ALONG, CANCELLED, At, Best, PeakAt, Point, Witness, WitnessLayer
from .tex import tex

MATRIX = {ALONG: r"e_1e_1^{\top}", CANCELLED: r"vv^{\top}", "gathered": r"e_1v^{\top}"}


def described(witness: Witness, activations: list[Activation], depth: Any) -> str:
    """The layers of a witness, in words."""
    layers = witness.layers
    if witness.repeated:
        first, middle, last = layers
        span = rf"2\le u<{tex(sympy.sympify(depth))}"
        parts = [
            _layer("1", first), rf"{_layer('u', middle)} \textup{{(}}${span}$\textup{{)}}", _layer(tex(sympy.sympify(depth)), last),
        ]  # fmt: skip
    elif len(layers) > 6:
        parts = [_layer(str(number), layer) for number, layer in enumerate(layers[:2], 1)] + [
            r"and so on, as in the steps, up to",
            _layer(str(len(layers)), layers[-1]),
        ]
    else:
        parts = [_layer(str(number), layer) for number, layer in enumerate(layers, 1)]
    note = r", $v=(1,-1,0,\dots)/\sqrt2$" if any(layer.shape != ALONG for layer in layers) else ""
    return "; ".join(parts) + note


def _layer(number: str, layer: WitnessLayer) -> str:
    weights = rf"$A_{{{number}}}=0$" if layer.norm == 0 else rf"$A_{{{number}}}={_factor(layer.norm)}{MATRIX[layer.shape]}$"
    if layer.active is None:
        return f"{weights} without a bias"
    which = "neurons $1$ and $2$" if layer.shape == CANCELLED else "neuron $1$"
    text = f"{weights} and the bias such that {which} of layer ${number}$ {'are' if layer.shape == CANCELLED else 'is'} {_at(layer.active)}"
    if layer.others is not None and layer.others != layer.active:
        text += f", all others {_at(layer.others)}"
    elif layer.others == layer.active:
        text = text.replace(which, "all neurons").replace(" is ", " are ", 1) if which == "neuron $1$" else text
    return text


def _factor(norm: sympy.Expr) -> str:
    return "" if norm == 1 else rf"{tex(norm)}\,"


def _at(point: Point) -> str:
    if isinstance(point, At):
        return f"at $z={tex(point.value)}$"
    name = point.activation.latex
    if isinstance(point, PeakAt):
        return rf"where ${name}^2+c\,({name}')^2$ is largest, or nearly, for $c={tex(point.weight)}$"
    assert isinstance(point, Best)
    supremum = point.activation.supremum(point.order)
    what = rf"|{name}{chr(39) * point.order}|"
    if supremum.attained_at is not None:
        where = f" ($z={tex(supremum.attained_at)}$)" if supremum.exact and len(str(supremum.attained_at)) < 12 else ""
        return f"where ${what}$ is largest{where}"
    end = supremum.approached_at
    return rf"where ${what}$ tends to its supremum" + (rf" ($z\to{tex(end)}$)" if end is not None else "")
