"""Networks as plain data: h_0 = x, z_u = A_u h_{u-1} + b_u, h_u = s_u(z_u), N_theta(x) = h_m."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import sympy

from .activations import Activation, activation_named
from .errors import SymlipError

Size: TypeAlias = int | sympy.Symbol


def _size(value: object, what: str) -> Size:
    """A positive integer, or the symbol of one (a string names a symbol)."""
    if isinstance(value, str):
        if not value.isidentifier():
            raise SymlipError(f"{what} {value!r} is neither a positive integer nor a symbol's name such as l_1")
        return sympy.Symbol(value, integer=True, positive=True)
    if isinstance(value, sympy.Symbol):
        if value.is_integer and value.is_positive:
            return value
        return sympy.Symbol(value.name, integer=True, positive=True)
    if isinstance(value, bool) or not isinstance(value, (int, sympy.Integer)) or value < 1:
        raise SymlipError(f"{what} must be a positive integer or a symbol, not {value!r}")
    return int(value)


@dataclass(frozen=True)
class Dense:
    """A dense layer h -> s(A h + b) with `width` outputs. The same object listed twice is two layers, each with its own parameters."""

    width: Size
    activation: Activation

    def __init__(self, width: Size | str, activation: Activation | str) -> None:
        object.__setattr__(self, "width", _size(width, "a layer's width"))
        object.__setattr__(self, "activation", activation_named(activation))


@dataclass(frozen=True)
class Network:
    """A feed-forward network.

    inputs: the input dimension l_0. layers: the layers in order. depth: their number; a symbol only through `uniform`,
    and then `layers` holds the one layer that is repeated.
    """

    inputs: Size
    layers: tuple[Dense, ...]
    depth: Size

    def __init__(self, inputs: Size | str, layers: Sequence[Dense], depth: Size | None = None) -> None:
        layers = tuple(layers)
        if not layers:
            raise SymlipError("a network needs at least one layer")
        for position, layer in enumerate(layers, 1):
            if not isinstance(layer, Dense):
                raise SymlipError(f"layer {position} is {layer!r}, not a layer such as Dense(4, 'tanh')")
        object.__setattr__(self, "inputs", _size(inputs, "the number of inputs"))
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "depth", len(layers) if depth is None else depth)

    @classmethod
    def uniform(cls, depth: Size | str, activation: Activation | str, width: Size | str = "l", inputs: Size | str = "l_0") -> Network:
        """`depth` equal layers, depth a number or a symbol. Widths are symbols unless given."""
        count = _size(depth, "the depth")
        layer = Dense(width, activation)
        if isinstance(count, int):
            return cls(inputs, [layer] * count)
        return cls(inputs, [layer], count)

    @property
    def symbolic_depth(self) -> bool:
        """Whether the depth is a symbol."""
        return not isinstance(self.depth, int)

    @property
    def widths(self) -> tuple[Size, ...]:
        """l_0, l_1, .., l_m (for symbolic depth: l_0 and the common width)."""
        return (self.inputs, *(layer.width for layer in self.layers))

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The distinct activations in order of appearance."""
        return tuple(dict.fromkeys(layer.activation for layer in self.layers))
