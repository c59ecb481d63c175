"""Training costs g(N, y): plain data. g1 bounds |D g| and g2 bounds |D^2 g| on the reachable outputs."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import sympy

from .errors import SymlipError


@dataclass(frozen=True)
class HalfSquaredError:
    """|N - y|^2 / 2, with |y| <= target_norm."""

    name = "half-squared-error"
    latex = r"g(o,y)=\tfrac12|o-y|^2"
    targets = "vectors"


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """log sum_j exp(o_j) - <y, o> on logits o; the target y a probability vector (one-hot for a class)."""

    name = "softmax-cross-entropy"
    latex = r"g(o,y)=\log\sum_j e^{o_j}-\langle y,o\rangle"
    targets = "probabilities"


@dataclass(frozen=True)
class Logistic:
    """sum_j log(1 + exp(-y_j o_j)) over the outputs, y_j = +-1."""

    name = "logistic"
    latex = r"g(o,y)=\sum_j\log(1+e^{-y_jo_j})"
    targets = "signs"


@dataclass(frozen=True)
class Huber:
    """Huber's function of |N - y|: r^2/2 for r <= delta, delta (r - delta/2) beyond it."""

    delta: Any = 1
    name = "huber"
    latex = r"g(o,y)=\rho_\delta(|o-y|)"
    targets = "vectors"

    def __post_init__(self) -> None:
        try:
            delta = sympy.nsimplify(self.delta, rational=True)
        except (TypeError, sympy.SympifyError) as error:
            raise SymlipError(f"Huber's delta must be a positive number, not {self.delta!r}") from error
        if not delta.is_positive or not delta.is_finite or delta.free_symbols:
            raise SymlipError(f"Huber's delta must be a positive number, not {self.delta!r}")
        object.__setattr__(self, "delta", delta)


Cost = HalfSquaredError | SoftmaxCrossEntropy | Logistic | Huber


@dataclass(frozen=True)
class Risk:
    """The average of a cost over a data set, E g(N(X), Y): its bounds are averages, never a maximum over the samples."""

    cost: Cost

    def __post_init__(self) -> None:
        if not isinstance(self.cost, Cost):
            raise SymlipError(f"Risk({self.cost!r}): it takes a cost such as SoftmaxCrossEntropy()")


COSTS = {cost.name: cost for cost in (HalfSquaredError, SoftmaxCrossEntropy, Logistic, Huber)}


def cost_named(name: str) -> Cost:
    """The cost of that name with its default parameters. Raises SymlipError, with the nearest names, if unknown."""
    key = name.strip().lower().replace("_", "-")
    if key in COSTS:
        return COSTS[key]()
    nearest = difflib.get_close_matches(key, COSTS, n=1, cutoff=0.4)
    raise SymlipError(f"unknown cost {name!r}: " + (f"did you mean {nearest[0]}?" if nearest else f"known are: {', '.join(COSTS)}"))
