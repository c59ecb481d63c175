"""Every bound side by side, at the norms of real weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .costs import Cost
from .derive import METHODS, derive
from .errors import SymlipError
from .fields import NeuralODE
from .lower import lower_bound
from .models import Model
from .networks import Network
from .parameter_sets import LayerBalls, ParameterBall, ParameterSet

COLUMNS = {
    "value": "output",
    "lipschitz": "network",
    "gradient_lipschitz": "gradient",
    "cost_lipschitz": "cost",
    "cost_gradient_lipschitz": "cost grad",
}


@dataclass(frozen=True)
class Row:
    """The bounds of one method on one parameter set; `values` by the compiled function's names.

    method: "lower" for lower bounds. exact: which of the values are equalities.
    """

    parameters: str
    method: str
    values: dict[str, float]
    exact: tuple[str, ...] = ()


@dataclass(frozen=True)
class BoundsTable:
    """All rows, and what could not be derived and why."""

    arguments: dict[str, Any]
    rows: list[Row]
    notes: list[str] = field(default_factory=list)

    @property
    def columns(self) -> list[str]:
        """The names of the bounds that at least one row has."""
        return [name for name in COLUMNS if any(name in row.values for row in self.rows)]

    def as_json(self) -> dict[str, Any]:
        rows = [{"parameters": row.parameters, "method": row.method, **row.values, "exact": list(row.exact)} for row in self.rows]
        return {**self.arguments, "bounds": rows, "notes": self.notes}


def bounds_of_model(model: Model, cost: Cost | None, input_norm: float, target_norm: float) -> BoundsTable:
    """The bounds by every method on every parameter set that the weights' norms span.

    The sets are the smallest of their kind that hold the weights: layer balls of their norms, the ball of their norm.
    Raises SymlipError if no bound exists at all.
    """
    for name, norm in (("input_norm", input_norm), ("target_norm", target_norm)):
        if not 0 <= norm < float("inf"):
            raise SymlipError(f"{name} must be a nonnegative finite number, not {norm}")
    arguments: dict[str, Any] = {"weight_norms": model.weight_norms, "bias_norms": model.bias_norms, "radius": model.radius, "input_norm": input_norm}
    if isinstance(model.network, NeuralODE):
        arguments = {"weight_norm": model.weight_norms[0], "bias_norm": model.bias_norms[0], "input_norm": input_norm, "total_variation": model.total_variation}
    if cost is not None and cost.targets == "vectors":
        arguments["target_norm"] = target_norm
    sets = _sets(model.network)
    order = 2 if all(activation.constant(2).is_finite for activation in model.network.activations) else 1
    rows, notes = [], []
    if order == 1:
        notes.append("an activation's derivative is not Lipschitz: the gradient has no constant, so first order only; use softplus for one")
    for label, parameters, methods in sets:
        for method in methods:
            try:
                row = _row(label, model, parameters, method, order, cost, arguments)
            except ValueError as error:
                try:
                    row = _row(label, model, parameters, method, order, None, arguments)
                    notes.append(f"{label}: no bound of the cost: {error}")
                except ValueError:
                    notes.append(f"{label}: {error}")
                    break
            rows.append(row)
        if label in ("layer balls", "|A| <= a", "ball, shared R"):
            try:
                rows.append(_row(label, model, parameters, "lower", order, None, arguments))
            except ValueError as error:
                notes.append(f"{label}: no lower bound: {error}")
    if not rows:
        raise SymlipError(notes[-1])
    return BoundsTable(arguments, rows, list(dict.fromkeys(notes)))


def _sets(network: Network | NeuralODE) -> list[tuple[str, ParameterSet, tuple[str, ...]]]:
    """The sets of parameters, each with the methods that are valid for the network."""
    if isinstance(network, NeuralODE):
        methods: tuple[str, ...] = ("separate", "block") if network.parameters == "shared" else ("block",)
        return [("|A| <= a", LayerBalls(), (*methods, "joint")), ("bounded biases", LayerBalls(biases="bounded"), methods)]
    if not network.plain:
        methods = ("block", "joint") if network.tied else ("separate", "paired", "block", "joint")
        return [
            ("layer balls", LayerBalls(), methods),
            ("bounded biases", LayerBalls(biases="bounded"), methods),
            ("ball, every norm R", ParameterBall(shared_budget=False), ("block",)),
            ("ball, shared R", ParameterBall(), ("block",)),
        ]
    return [
        ("layer balls", LayerBalls(), METHODS),
        ("bounded biases", LayerBalls(biases="bounded"), METHODS),
        ("ball, every norm R", ParameterBall(shared_budget=False), ("block",)),
        ("ball, shared R", ParameterBall(), ("block", "joint")),
    ]


def _row(label: str, model: Model, parameters: ParameterSet, method: str, order: int, cost: Cost | None, arguments: dict[str, Any]) -> Row:
    if method == "lower":
        derivation = lower_bound(model.network, parameters, order=order)
    else:
        derivation = derive(model.network, parameters, method=method, order=order, cost=cost)
    function = derivation.compile()
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    result = function(**{name: arguments[name] for name in names if name in arguments})
    values = {name: float(getattr(result, name)) for name in COLUMNS if name in derivation.results}
    return Row(label, method, values, tuple(name for name, known in derivation.exact.items() if known))
