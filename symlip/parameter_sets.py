"""What is assumed of the parameters theta = (A_1, b_1, .., A_m, b_m)."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import SymlipError


@dataclass(frozen=True)
class LayerBalls:
    """|A_u|_2 <= a_u in every layer (spectral norm); biases "free", or "bounded" by |b_u| <= b_u.

    equal: one norm a for all layers, with closed geometric sums (`Network.uniform` with free biases only).
    """

    biases: str = "free"
    equal: bool = False

    def __post_init__(self) -> None:
        if self.biases not in ("free", "bounded"):
            raise SymlipError(f"LayerBalls(biases={self.biases!r}): biases are 'free' or 'bounded'")
        if self.equal and self.biases != "free":
            raise SymlipError("LayerBalls(equal=True) needs free biases; drop equal=True to bound them")


@dataclass(frozen=True)
class ParameterBall:
    """|theta| <= radius in the Euclidean norm of all parameters.

    shared_budget: whether the layers share the radius (the budget bound); False puts every layer's norm
    equal to the radius, as Herrera, Krach and Teichmann (2020) do.
    """

    shared_budget: bool = True


@dataclass(frozen=True)
class AllParameters:
    """No restriction at all: what `global_bound` speaks of."""


ParameterSet = LayerBalls | ParameterBall
