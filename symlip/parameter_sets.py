"""What is assumed of the parameters theta = (A_1, b_1, .., A_m, b_m)."""

from __future__ import annotations

import math
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


@dataclass(frozen=True)
class Neighbourhood:
    """|theta - centre| <= radius in the Euclidean norm of all parameters, about the weights of a concrete network.

    radius: a positive finite number for `certify`; without one it is an argument of the compiled function.
    """

    radius: float | None = None

    def __post_init__(self) -> None:
        if self.radius is not None:
            object.__setattr__(self, "radius", positive_number("the radius of a Neighbourhood", self.radius))


@dataclass(frozen=True)
class Segment:
    """centre + t U for 0 <= t <= length, U a direction of length 1 in the parameters: what a step along U sees.

    length: a positive finite number for `certify`; without one it is an argument of the compiled function.
    """

    length: float | None = None

    def __post_init__(self) -> None:
        if self.length is not None:
            object.__setattr__(self, "length", positive_number("the length of a Segment", self.length))


@dataclass(frozen=True)
class Cone:
    """centre + t (U + w) for 0 <= t <= length and |w| <= angle: all steps nearly along a direction U of length 1.

    length, angle: positive finite numbers for `certify`; without them they are arguments of the compiled function.
    """

    length: float | None = None
    angle: float | None = None

    def __post_init__(self) -> None:
        for name in ("length", "angle"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, positive_number(f"the {name} of a Cone", getattr(self, name)))


def positive_number(what: str, value: object) -> float:
    """A positive finite float. Raises SymlipError for anything else."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not (math.isfinite(number) and number > 0):
        raise SymlipError(f"{what} must be a positive finite number, not {value!r}")
    return number


ParameterSet = LayerBalls | ParameterBall
LocalSet = Neighbourhood | Segment | Cone
