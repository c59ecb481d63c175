"""Witnesses: explicit networks that reach a lower bound, as plain data. `verify.witness` builds their arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy

from ..activations import Activation


@dataclass(frozen=True)
class At:
    """The point z = value."""

    value: sympy.Expr


@dataclass(frozen=True)
class Best:
    """A point where |s^(order)| is its supremum; a sequence of points where that is only approached."""

    activation: Activation
    order: int


@dataclass(frozen=True)
class PeakAt:
    """A point where s^2 + weight s'^2 is its supremum, or a sequence of such points."""

    activation: Activation
    weight: sympy.Expr


Point = At | Best | PeakAt

ALONG = "along"
"""A = norm e e^T, e the first unit vector."""
CANCELLED = "cancelled"
"""A = norm v v^T, v = (1, -1, 0, ..) / sqrt 2: equal outputs of two neurons cancel."""
GATHERED = "gathered"
"""A = norm e v^T."""


@dataclass(frozen=True)
class WitnessLayer:
    """One layer: the weights by their norm and shape, and where the pre-activation lies, which the bias puts there.

    active: the point of neuron 1 (of neurons 1 and 2, where the shape is `CANCELLED`); others: of all other neurons; None
    stands for a zero bias.
    """

    norm: sympy.Expr
    active: Point | None
    others: Point | None
    shape: str = ALONG


@dataclass(frozen=True)
class Witness:
    """The layers in order. repeated: the middle one of three stands for all layers between the first and the last.

    index: the symbol of the layer's number in the middle layer's norm.
    """

    layers: tuple[WitnessLayer, ...]
    repeated: bool = False
    index: sympy.Symbol | None = None

    def then(self, layer: WitnessLayer) -> Witness:
        """The witness with one more layer."""
        return replace(self, layers=(*self.layers, layer))


@dataclass(frozen=True)
class FieldWitness:
    """An explicit field: "linear" and "quadratic" scalar fields of a controlled ODE; "held", a neural ODE whose state stays.

    norm: that of A, for "held".
    """

    kind: str
    norm: sympy.Expr | None = None


@dataclass(frozen=True)
class PushedWitness:
    """A residual network of rank-one weights a e_j e_j^T whose neuron j has the best slopes, everything pushing away from zero."""


@dataclass(frozen=True)
class HeldWitness:
    """A network of residual and dense lines, one neuron of which stays where it is. order: of the derivative; bent: whether it is held
    where |s''| is largest in the last line that is not affine; pushed: whether all others are saturated."""

    order: int
    bent: bool
    pushed: bool


@dataclass(frozen=True)
class StatesWitness:
    """A residual network whose weights are w_u e_j e_j^T, neuron j of each line where a search found that it bends the output most."""


@dataclass(frozen=True)
class BentWitness:
    """A chain of single neurons, each held where it costs least to bend the output. exact: at the best points, to all digits."""

    exact: bool


NOTHING = Witness(())
