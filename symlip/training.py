"""Gradient descent with certified steps, beside the step sizes that are used without a proof."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from .certify import norm_certificates, step_of
from .costs import HalfSquaredError, SoftmaxCrossEntropy
from .errors import MissingExtra, SymlipError
from .local_report import save_figure
from .models import Model
from .networks import Dense, Network
from .objective import Objective, Parameters, flat, shaped

FIXED_STEPS = tuple(2.0**power for power in range(-6, 5))
"""The fixed steps that a sweep tries."""

PROVED = ("certified, line", "certified, line, 3 pieces", "certified, majorant", "certified, norm")
METHODS = (*PROVED, "backtracking", "best fixed step", "1/lambda_max")


@dataclass(frozen=True)
class Task:
    """A network at its start, a cost and data."""

    name: str
    objective: Objective
    start: Parameters


@dataclass
class Run:
    """The course of one method: the loss before each iteration and after the last, and the seconds until then.

    decreases: for proved methods (guaranteed, actual) of every iteration. note: such as the step that a sweep chose.
    """

    method: str
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    decreases: list[tuple[float, float]] = field(default_factory=list)
    note: str = ""

    @property
    def violations(self) -> int:
        """Iterations whose loss fell by less than was proved, by more than the rounding of the two losses."""
        return sum(actual < guaranteed - 1e-12 * (1 + abs(self.losses[0])) for guaranteed, actual in self.decreases)


def initial(network: Network, seed: int = 0) -> Parameters:
    """Weights of variance 1 / (number of inputs), biases 0."""
    rng = np.random.default_rng(seed)
    widths = [int(width) for width in network.widths]
    return [(rng.normal(size=(after, before)) / math.sqrt(before), np.zeros(after)) for before, after in pairwise(widths)]


def dense_network(widths: tuple[int, ...], activation: str) -> Network:
    """Hidden layers of one activation and an affine output."""
    last = len(widths) - 2
    return Network(widths[0], [Dense(width, "identity" if number == last else activation) for number, width in enumerate(widths[1:])])


def digits_task(widths: tuple[int, ...], activation: str, samples: int = 500, seed: int = 0) -> Task:
    """Scikit-learn's digits (8 x 8 pixels, divided by 16), the first ones, with softmax cross-entropy."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtra("the digits data", "scikit-learn", "data") from None
    X, y = load_digits(return_X_y=True)
    network = dense_network(widths, activation)
    name = f"digits {'-'.join(map(str, widths))} {activation}"
    return Task(name, Objective(network, SoftmaxCrossEntropy(), X[:samples] / 16, y[:samples]), initial(network, seed))


def regression_task(samples: int = 200, seed: int = 0) -> Task:
    """A smooth function of four variables, y = sin(2 x_1) + x_2 x_3 - x_4^2 / 2, with half squared error."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(samples, 4))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] - X[:, 3] ** 2 / 2
    network = dense_network((4, 16, 16, 1), "tanh")
    return Task("regression 4-16-16-1 tanh", Objective(network, HalfSquaredError(), X, y), initial(network, seed))


def named_tasks(quick: bool = False) -> list[Task]:
    """The tasks of the comparison."""
    samples = 200 if quick else 500
    found = [digits_task((64, 16, 10), "tanh", samples), digits_task((64, 16, 10), "softplus", samples)]
    if not quick:
        found += [digits_task((64, 32, 10), "tanh", samples), digits_task((64, 32, 10), "softplus", samples)]
    return [*found, regression_task()]


def descend(task: Task, method: str, iterations: int, progress: Callable[[int], None] | None = None) -> Run:
    """Full-batch gradient descent by one method."""
    if method == "best fixed step":
        return _best_fixed(task, iterations, progress)
    run = Run(method)
    if method in PROVED:  # the theorem for this architecture is derived and compiled once: not part of the course
        step_of(task.start, task.objective, method.split(", ")[1])
    started = time.perf_counter()
    for number, loss in enumerate(_course(task, method, iterations, run)):
        run.losses.append(loss)
        run.seconds.append(time.perf_counter() - started)
        if progress:
            progress(number)
    return run


def _course(task: Task, method: str, iterations: int, run: Run) -> Iterator[float]:
    """The loss before each iteration and after the last."""
    objective, theta = task.objective, task.start
    pieces = 3 if "pieces" in method else 1
    trial = 1.0
    for _ in range(iterations):
        if method in PROVED:
            try:
                step = step_of(theta, objective, method.split(", ")[1], pieces)
            except SymlipError:  # the gradient is zero, or rounding hides it
                yield objective.value(theta)
                continue
            yield step.cost
            theta = step.parameters
            run.decreases.append((step.guaranteed_decrease, step.cost - objective.value(theta)))
            continue
        value, gradient = objective.gradient(theta)
        yield value
        if method == "backtracking":
            trial = _backtracked(objective, theta, value, gradient, 2 * trial)
            size = trial
        elif method == "1/lambda_max":
            size = 1 / max(objective.largest_eigenvalue(theta, 20), 1e-12)
        else:
            size = float(method)
        theta = moved(theta, gradient, -size)
    yield objective.value(theta)


def moved(theta: Parameters, direction: Parameters, size: float) -> Parameters:
    """theta + size * direction."""
    return [(A + size * C, b + size * d) for (A, b), (C, d) in zip(theta, direction)]


def _backtracked(objective: Objective, theta: Parameters, value: float, gradient: Parameters, size: float) -> float:
    """Halve the step until the loss falls by half of what its slope promises (Armijo's rule)."""
    square = float(np.sum(flat(gradient) ** 2))
    for _ in range(60):
        if objective.value(moved(theta, gradient, -size)) <= value - size * square / 2:
            break
        size /= 2
    return size


def _best_fixed(task: Task, iterations: int, progress: Callable[[int], None] | None) -> Run:
    """The fixed step with the smallest last loss, of a sweep; its time is that of its own run."""
    runs = []
    for number, size in enumerate(FIXED_STEPS):
        with np.errstate(all="ignore"):
            runs.append((size, descend(task, repr(size), iterations)))
        if progress:
            progress(iterations * (number + 1) // len(FIXED_STEPS))
    size, best = min(runs, key=lambda pair: pair[1].losses[-1] if math.isfinite(pair[1].losses[-1]) else math.inf)
    best.method, best.note = "best fixed step", f"step {size:g} of {len(FIXED_STEPS)}"
    return best


@dataclass(frozen=True)
class Stochastic:
    """A run of stochastic gradients: the full loss before every tenth step and after the last, the steps, Lambda, the farthest distance from the start."""

    losses: list[float]
    steps: list[float]
    constant: float
    farthest: float


def robbins_monro(task: Task, iterations: int, batch: int = 32, radius: float = 0.5, seed: int = 0) -> Stochastic:
    """Stochastic gradients with the steps (1 / Lambda) / sqrt(1 + k / 50), projected onto the ball of that radius about the start.

    Lambda is the norm certificate of the whole cost on that ball, a convex set that the iterates never leave, so that it holds at all
    of them (Robbins and Monro 1951; with such steps the mean of |grad|^2 tends to 0 for a cost with Lipschitz gradient).
    """
    objective, theta = task.objective, task.start
    constant = norm_certificates(Model(objective.network, theta), objective)(radius).cost_gradient_lipschitz or math.inf
    rng, centre = np.random.default_rng(seed), flat(task.start)
    shapes = [(A.shape, b.shape) for A, b in theta]
    losses: list[float] = []
    steps: list[float] = []
    farthest = 0.0
    for number in range(iterations):
        if number % 10 == 0:
            losses.append(objective.value(theta))
        chosen = rng.choice(objective.samples, size=min(batch, objective.samples), replace=False)
        part = Objective(objective.network, objective.cost, objective.inputs[chosen], objective.targets[chosen])
        steps.append(1 / constant / math.sqrt(1 + number / 50))
        away = flat(moved(theta, part.gradient(theta)[1], -steps[-1])) - centre
        distance = float(np.linalg.norm(away))
        theta = shaped(centre + away * min(1.0, radius / distance if distance else 1.0), shapes)
        farthest = max(farthest, min(distance, radius))
    losses.append(objective.value(theta))
    return Stochastic(losses, steps, constant, farthest)


@dataclass(frozen=True)
class Comparison:
    """The runs of all methods on all tasks."""

    runs: dict[str, list[Run]]
    iterations: int

    def rows(self) -> list[tuple[str, ...]]:
        """task, method, last loss, seconds, smallest actual / guaranteed decrease, note."""
        found: list[tuple[str, ...]] = []
        for task, runs in self.runs.items():
            for run in runs:
                ratios = [actual / guaranteed for guaranteed, actual in run.decreases if guaranteed > 1e-12]
                found.append((task, run.method, f"{run.losses[-1]:.4g}", f"{run.seconds[-1]:.2f}", f"{min(ratios):.4f}" if ratios else "", run.note))
        return found

    def as_json(self) -> dict[str, Any]:
        runs = {
            task: [{"method": run.method, "losses": run.losses, "seconds": run.seconds, "violations": run.violations, "note": run.note} for run in runs]
            for task, runs in self.runs.items()
        }
        return {"iterations": self.iterations, "runs": runs}


def compare(tasks: list[Task], iterations: int, methods: tuple[str, ...] = METHODS, progress: Callable[[str, int], None] | None = None) -> Comparison:
    """All methods on all tasks, each from the same start. Raises SymlipError for an unknown method or no iterations."""
    unknown = [method for method in methods if method not in METHODS]
    if unknown:
        raise SymlipError(f"unknown method {unknown[0]!r}: it is one of {', '.join(METHODS)}")
    if iterations < 1:
        raise SymlipError(f"iterations must be a positive integer, not {iterations}")
    runs: dict[str, list[Run]] = {}
    for task in tasks:
        for method in methods:
            label = f"{task.name}, {method}"
            runs.setdefault(task.name, []).append(descend(task, method, iterations, (lambda n, label=label: progress(label, n)) if progress else None))  # type: ignore[misc]
    return Comparison(runs, iterations)


def draw(comparison: Comparison, path: Any) -> None:
    """Loss against iterations and against seconds, one row of two figures a task."""
    try:
        import matplotlib
    except ImportError:
        raise MissingExtra("drawing figures", "matplotlib", "plot") from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    tasks = list(comparison.runs)
    figure, axes = plt.subplots(len(tasks), 2, figsize=(10, 2.9 * len(tasks)), squeeze=False, layout="constrained")
    for row, task in zip(axes, tasks):
        for run in comparison.runs[task]:
            style = "-" if run.method in PROVED else "--"
            values = np.where(np.isfinite(run.losses), run.losses, np.nan)
            row[0].semilogy(values, style, label=run.method, linewidth=1.3)
            row[1].loglog(np.maximum(run.seconds, 1e-4), values, style, linewidth=1.3)
        row[0].set_title(task, fontsize=10, loc="left")
        row[0].set_xlabel("iteration")
        row[1].set_xlabel("seconds")
        row[0].set_ylabel("loss")
        for axis in row:
            axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize=8)
    save_figure(figure, path)
    plt.close(figure)
