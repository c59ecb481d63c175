"""The average cost of a network over data, in plain NumPy: value, gradient and Hessian-vector product.

Parameters are [(A_1, b_1), ..]; data one row a sample. Nothing here is a bound: it is what bounds are about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from . import near
from .costs import Cost, HalfSquaredError, Huber, Logistic, SoftmaxCrossEntropy
from .eigenvalues import krylov
from .errors import SymlipError
from .networks import Network
from .pointwise import activation_functions

Parameters = list[tuple[np.ndarray, np.ndarray]]

LEAST = 1e-300
"""What a slope of the cost that underflows is replaced by: a majorant multiplies it by large numbers."""


@dataclass(frozen=True)
class _Line:
    """One line of the network: h = [h_start + step] s(A h_before + b); group: the index of (A, b), None at the end of a skip."""

    group: int | None
    functions: dict[int, Callable[[Any], Any]]
    step: float | None
    start: int | None


def _add(values: list[Any], index: int, value: Any) -> None:
    values[index] = value if values[index] is None else values[index] + value


@dataclass(frozen=True)
class Form:
    """A quadratic form like the Hessian: outputs * o'^T C o' + rest * (what is left of it) + sum of neurons * z'^2 + shifts * |eta_u|^2.

    C the cost's Hessian, z' and o' the derivatives of pre-activations and outputs, averaged over the samples. The default is the
    Hessian. outputs: a number, or one for each sample. neurons: one array (l_u, samples) a layer, from the first; shifts: one a layer.
    """

    outputs: Any = 1.0
    rest: float = 1.0
    neurons: tuple[np.ndarray, ...] = ()
    shifts: tuple[float, ...] = ()


@dataclass(frozen=True)
class Coefficients:
    """What a form is made of at given weights; numbers and arrays, or balls.

    The matrices A; for each line the slopes s'(z), the adjoints times slopes, the coefficients of z'^2 and the inputs; the cost's
    Hessian; the shifts. sign: of the terms that are subtracted; 1 makes of moduli a bound of all terms' moduli together.
    """

    matrices: list[Any]
    slopes: list[Any]
    local: list[Any]
    bent: list[Any]
    inputs: list[Any]
    scale: Any
    weights: Any
    ends: Any
    shifts: tuple[Any, ...]
    sign: float = -1.0

    def mapped(self, change: Callable[[Any], Any], sign: float = -1.0) -> Coefficients:
        """The same with each coefficient changed."""

        def on(value: Any) -> Any:
            if isinstance(value, list | tuple):
                return type(value)(map(on, value))
            return None if value is None else change(value)

        changed = {field.name: on(getattr(self, field.name)) for field in fields(self) if field.name != "sign"}
        return Coefficients(**changed, sign=sign)


class Objective:
    """Phi(theta) = the average of g(N_theta(x), y) over the data.

    inputs: shape (samples, l_0); targets: vectors (samples, l_m), class numbers (samples,) for softmax cross-entropy, or signs.
    Raises SymlipError for data that do not fit, with the place.
    """

    def __init__(self, network: Network, cost: Cost, inputs: Any, targets: Any) -> None:
        if not isinstance(network, Network) or network.symbolic_depth or network.steps or any(not isinstance(width, int) for width in network.widths):
            raise SymlipError("an Objective is of a network with numbers for its depth, widths and steps")
        self.network, self.cost = network, cost
        self.inputs, self.targets = prepare_data(network, cost, inputs, targets)
        self._x, self._y = np.ascontiguousarray(self.inputs.T), np.ascontiguousarray(self.targets.T)
        self._others = 1.0 - np.eye(self._y.shape[0])
        """Times a vector: for each entry the sum of the others, by additions only."""
        self._lines = [
            _Line(
                None if unit.group is None else network.groups.index(unit.group),
                {} if unit.activation is None else activation_functions(unit.activation, (0, 1, 2)),
                None if unit.step is None else float(unit.signed_step),
                unit.start,
            )
            for unit in network.units
        ]

    @property
    def samples(self) -> int:
        return len(self.inputs)

    def value(self, parameters: Parameters) -> float:
        """Phi."""
        return float(np.mean(self._cost(self._forward(parameters)[1][-1])))

    def gradient(self, parameters: Parameters) -> tuple[float, Parameters]:
        """Phi and its gradient, in the shape of the parameters."""
        pre, post = self._forward(parameters)
        found = [(np.zeros_like(A), np.zeros_like(b)) for A, b in parameters]
        adjoints: list[Any] = [None] * (len(self._lines) + 1)
        adjoints[-1] = self._cost_gradient(post[-1]) / self.samples
        for number in range(len(self._lines), 0, -1):
            line, incoming = self._lines[number - 1], self._passed_on(adjoints, number)
            if line.group is None:
                continue
            local = incoming * self._at(number, 1, pre[number - 1])
            A, b = found[line.group]
            A += local @ post[number - 1].T
            b += local.sum(axis=1)
            if number > 1:
                _add(adjoints, number - 1, parameters[line.group][0].T @ local)
        return float(np.mean(self._cost(post[-1]))), found

    def _passed_on(self, adjoints: list[Any], number: int) -> Any:
        """What arrives at a line, of the adjoints of outputs; a skip passes it on to where it starts, too."""
        line, incoming = self._lines[number - 1], adjoints[number]
        if line.start is not None:
            _add(adjoints, line.start, incoming)
            incoming = line.step * incoming
        if line.group is None:
            _add(adjoints, number - 1, incoming)
        return incoming

    def hessian_product(self, parameters: Parameters, direction: Parameters, form: Form | None = None) -> Parameters:
        """D^2 Phi applied to a direction, exactly (up to rounding): the derivative of back-propagation along it; or another form, see `Form`."""
        return self.hessian(parameters, form)(direction)

    def hessian(self, parameters: Parameters, form: Form | None = None) -> Callable[[Parameters], Parameters]:
        """D^2 Phi (or the form) as an operator; what does not depend on the direction is done once."""
        return partial(self.applied, self.coefficients(parameters, form))

    def coefficients(self, parameters: Parameters, form: Form | None = None) -> Coefficients:
        """What the form is made of, for `applied`."""
        form = form or Form()
        count = len(self._lines)
        pre, post = self._forward(parameters)
        slopes = [None if line.group is None else self._at(number, 1, pre[number - 1]) for number, line in enumerate(self._lines, 1)]
        local: list[Any] = [None] * count
        bent: list[Any] = [None] * count
        adjoints: list[Any] = [None] * (count + 1)
        adjoints[-1] = form.rest * self._cost_gradient(post[-1]) / self.samples
        for number in range(count, 0, -1):
            line, incoming = self._lines[number - 1], self._passed_on(adjoints, number)
            if line.group is None:
                continue
            local[number - 1] = incoming * slopes[number - 1]
            bent[number - 1] = incoming * self._at(number, 2, pre[number - 1]) + (
                form.neurons[number - 1] / self.samples if number <= len(form.neurons) else 0.0
            )
            if number > 1:
                _add(adjoints, number - 1, parameters[line.group][0].T @ local[number - 1])
        scale, weights, ends = self._cost_hessian(post[-1])
        return Coefficients(
            [A for A, _ in parameters], slopes, local, bent, post[:-1], form.outputs * scale / self.samples, weights, ends, form.shifts
        )  # fmt: skip

    def applied(self, of: Coefficients, direction: Parameters) -> Parameters:
        """The form with these coefficients, applied to a direction: symmetric whatever they are."""
        matrices, slopes, local, bent, post = of.matrices, of.slopes, of.local, of.bent, of.inputs
        moved: list[Any] = [np.zeros((1, 1))]
        moved_pre: list[Any] = []
        for number, line in enumerate(self._lines, 1):
            if line.group is None:
                moved_pre.append(None)
                branch = moved[-1]
            else:
                dA, db = direction[line.group]
                moved_pre.append(dA @ post[number - 1] + db[:, None] + (matrices[line.group] @ moved[-1] if number > 1 else 0.0))
                branch = slopes[number - 1] * moved_pre[-1]
            moved.append(branch if line.start is None else moved[line.start] + line.step * branch)
        found: list[Any] = [None] * len(matrices)
        changes: list[Any] = [None] * (len(self._lines) + 1)
        changes[-1] = self._curved(of, moved[-1])
        for number in range(len(self._lines), 0, -1):
            line, incoming = self._lines[number - 1], self._passed_on(changes, number)
            if line.group is None:
                continue
            changed = incoming * slopes[number - 1] + bent[number - 1] * moved_pre[number - 1]
            A, b = changed @ post[number - 1].T, changed.sum(axis=1)
            if number > 1:  # the input does not move
                A = A + local[number - 1] @ moved[number - 1].T
                _add(changes, number - 1, matrices[line.group].T @ changed + direction[line.group][0].T @ local[number - 1])
            before = found[line.group]
            found[line.group] = (A, b) if before is None else (before[0] + A, before[1] + b)
        if of.shifts:
            found = [(A + shift * C, b + shift * d) for (A, b), (C, d), shift in zip(found, direction, of.shifts)]
        return found

    def lanczos(self, parameters: Parameters, steps: int, form: Form | None = None, seed: int = 0) -> tuple[float, float, Parameters]:
        """The smallest and the largest Ritz value of a form after so many Lanczos steps from a random start, and the latter's vector.

        All vectors are orthogonalised, twice. Ritz values are estimates, from inside, of the ends of the spectrum.
        """
        shapes = [(A.shape, b.shape) for A, b in parameters]
        apply = self.hessian(parameters, form)
        found = krylov(lambda vector: flat(apply(shaped(vector, shapes))), sum(A.size + b.size for A, b in parameters), steps, seed)
        values, vectors = found.ritz()
        return float(values[0]), float(values[-1]), shaped(found.basis[: len(values)].T @ vectors[:, -1], shapes)

    def largest_eigenvalue(self, parameters: Parameters, steps: int = 100, seed: int = 0) -> float:
        """The largest Ritz value of D^2 Phi: an estimate from below, not a bound."""
        return self.lanczos(parameters, steps, seed=seed)[1]

    # -- parts -------------------------------------------------------------------------------------------------------

    def _at(self, number: int, order: int, z: np.ndarray) -> Any:
        return near.derivative_of(self._lines[number - 1].functions[order], z)  # type: ignore[no-untyped-call]

    def _forward(self, parameters: Parameters) -> tuple[list[Any], list[np.ndarray]]:
        pre: list[Any] = []
        post = [self._x]
        for number, line in enumerate(self._lines, 1):
            if line.group is None:
                pre.append(None)
                branch = post[-1]
            else:
                A, b = parameters[line.group]
                pre.append(A @ post[-1] + b[:, None])
                branch = self._at(number, 0, pre[-1])
            post.append(branch if line.start is None else post[line.start] + line.step * branch)
        return pre, post

    def _cost(self, output: np.ndarray) -> Any:
        function, delta = {
            HalfSquaredError: (near.cost_squared_error, 0), SoftmaxCrossEntropy: (near.cost_softmax, 0), Logistic: (near.cost_logistic, 0), Huber: (near.cost_huber, None),
        }[type(self.cost)]  # fmt: skip
        return function(output, self._y, float(self.cost.delta) if isinstance(self.cost, Huber) else delta)  # type: ignore[no-untyped-call]

    def _softmax(self, output: Any) -> Any:
        return np.maximum(near.softmax(output), LEAST)  # type: ignore[no-untyped-call]

    def _logistic(self, values: Any) -> Any:
        with np.errstate(over="ignore"):
            return np.maximum(1 / (1 + np.exp(-values)), LEAST)

    def _cost_gradient(self, output: np.ndarray) -> Any:
        if isinstance(self.cost, SoftmaxCrossEntropy):
            p = self._softmax(output)
            return p * (self._others @ self._y) - self._y * (self._others @ p)  # p - y, as p sums to 1: exact relatively where p is near y
        if isinstance(self.cost, Logistic):
            return -self._y * self._logistic(-self._y * output)
        error = output - self._y
        if isinstance(self.cost, Huber):
            error = error * np.minimum(1.0, float(self.cost.delta) / np.maximum(near.length(error), 1e-300))  # type: ignore[no-untyped-call]
        return error

    def _cost_hessian(self, output: Any) -> tuple[Any, Any, Any]:
        """The cost's Hessian as scale, weights, ends: see `_curved`."""
        if isinstance(self.cost, SoftmaxCrossEntropy):
            p = self._softmax(output)
            return 1.0, self._others @ p, p
        if isinstance(self.cost, Logistic):
            return self._logistic(output) * self._logistic(-output), None, None
        if isinstance(self.cost, Huber):
            error = output - self._y
            length = np.maximum(near.length(error), 1e-300)  # type: ignore[no-untyped-call]
            outside = length > float(self.cost.delta)
            return np.where(outside, float(self.cost.delta) / length, 1.0), None, np.where(outside, error / length, 0.0)
        return 1.0, None, None

    def _curved(self, of: Coefficients, v: Any) -> Any:
        """The cost's Hessian applied to the derivatives of the outputs."""
        if isinstance(self.cost, SoftmaxCrossEntropy):  # p_i times the sum of p_k (v_i - v_k): no cancellation for saturated samples
            return of.scale * (of.ends * (v * of.weights + of.sign * (self._others @ (of.ends * v))))
        if isinstance(self.cost, Huber):
            return of.scale * (v + of.sign * of.ends * (of.ends * v).sum(axis=0))
        return of.scale * v


def flat(parameters: Parameters) -> np.ndarray:
    """All entries as one vector."""
    return np.concatenate([part.ravel() for pair in parameters for part in pair])


def shaped(vector: np.ndarray, shapes: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> Parameters:
    """The inverse of `flat`."""
    found, start = [], 0
    for matrix, bias in shapes:
        size, width = int(np.prod(matrix)), int(np.prod(bias))
        found.append((vector[start : start + size].reshape(matrix), vector[start + size : start + size + width].reshape(bias)))
        start += size + width
    return found


def prepare_data(network: Network, cost: Cost, inputs: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of shape (samples, l_0) and targets of shape (samples, l_m) as float64.

    Class numbers become unit vectors, a vector of numbers one column. Raises SymlipError with one clear line for anything else.
    """
    inputs = _table("the inputs", inputs)
    size, outputs = int(network.inputs), int(network.widths[-1])
    if inputs.ndim != 2 or inputs.shape[1] != size:
        raise SymlipError(f"the inputs have shape {inputs.shape}; the network takes {size} numbers a sample: shape (samples, {size})")
    if not len(inputs):
        raise SymlipError("the data are empty: there must be at least one sample")
    raw = _array("the targets", targets)
    if raw.ndim == 0:
        raise SymlipError("the targets are a single number; there must be one for each sample")
    if len(raw) != len(inputs):
        raise SymlipError(f"there are {len(inputs)} inputs and {len(raw)} targets; they must be as many")
    if isinstance(cost, SoftmaxCrossEntropy) and raw.ndim == 1:
        numbers = _table("the class numbers", raw)
        if not np.equal(numbers, np.round(numbers)).all():
            raise SymlipError(
                "softmax cross-entropy takes class numbers 0, 1, .. or probabilities of shape (samples, classes); "
                "for real targets use the half squared error (--cost half-squared-error)"
            )
        wrong = (numbers < 0) | (numbers >= outputs)
        if wrong.any():
            at = int(np.argmax(wrong))
            if outputs == 1:
                raise SymlipError("the network has one output: use the logistic cost (--cost logistic) with targets -1 and 1, such as 2 * y - 1")
            raise SymlipError(f"sample {at} has class {int(numbers[at])}, but the network has the {outputs} outputs 0 to {outputs - 1}")
        return inputs, np.eye(outputs)[numbers.astype(int)]
    values = _table("the targets", raw)
    values = values[:, None] if values.ndim == 1 else values
    if values.shape != (len(inputs), outputs):
        raise SymlipError(f"the targets have shape {raw.shape}; the network has {outputs} outputs: shape ({len(inputs)}, {outputs})")
    if isinstance(cost, SoftmaxCrossEntropy):
        wrong = (values < 0).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > 1e-9)
        if wrong.any():
            raise SymlipError(f"sample {int(np.argmax(wrong))}: the target is not a probability vector (nonnegative, with sum 1)")
    if isinstance(cost, Logistic) and not np.isin(values, (-1.0, 1.0)).all():
        if np.isin(values, (0.0, 1.0)).all():
            raise SymlipError("the logistic cost takes targets -1 and 1, not 0 and 1: give 2 * y - 1")
        raise SymlipError("the logistic cost takes targets -1 and 1")
    return inputs, values


def _array(what: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError:
        raise SymlipError(f"{what} are ragged: every sample needs as many numbers") from None


def _table(what: str, values: Any) -> np.ndarray:
    array = _array(what, values)
    if array.dtype.kind not in "fiub":
        hint = "; number the classes first, as numpy.searchsorted(classes, labels) does" if array.dtype.kind in "USO" and "class" in what else ""
        raise SymlipError(f"{what} are {'text' if array.dtype.kind in 'US' else array.dtype}, not real numbers{hint}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(array))[0])
        raise SymlipError(f"{what} hold NaN or an infinite number at {place if len(place) > 1 else place[0]}")
    return array
