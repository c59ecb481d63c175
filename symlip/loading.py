"""Networks from ONNX graphs, safetensors files and scikit-learn estimators. Nothing is ever unpickled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sympy

from .activations import Activation, activation_named, z
from .errors import MissingExtra, SymlipError
from .models import LARGEST, Model
from .networks import Dense, Layer, Network, Residual, Skip

# --- ONNX ---------------------------------------------------------------------------------------------------------------

PASSED = ("Identity", "Flatten", "Dropout", "Cast", "Reshape", "Squeeze", "Unsqueeze", "ZipMap")
"""Nodes that leave a fully connected network's numbers as they are."""

ACTIVATIONS = {
    "Tanh": "tanh", "Sigmoid": "logistic", "Softplus": "softplus", "Relu": "relu", "Sin": "sin", "Atan": "arctan", "Erf": "erf", "Softsign": "softsign",
    "Mish": "mish",
}  # fmt: skip


WRITTEN_OUT = {"Abs": sympy.Abs, "Exp": sympy.exp, "Log": sympy.log, "Neg": lambda e: -e}
"""Functions of which an activation may be made."""


@dataclass(frozen=True)
class _Input:
    """The graph's input."""


@dataclass(frozen=True)
class _Affine:
    """A h + b."""

    source: Any
    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class _Applied:
    """An activation of a tensor."""

    source: Any
    activation: Activation


@dataclass(frozen=True)
class _Scaled:
    """A multiple of a tensor, or of its error function and the like, on the way to a GELU or SiLU; and sums with a number."""

    source: Any
    expression: sympy.Expr  # in z, the entries of the source


@dataclass(frozen=True)
class _Final:
    """Logits behind a function that is left to the cost: nothing may follow."""

    source: Any


@dataclass(frozen=True)
class _Beyond:
    """Whether a tensor is above a number."""

    source: Any
    threshold: float


@dataclass(frozen=True)
class _Sum:
    """The sum of two tensors: the end of a skip."""

    first: Any
    second: Any


def load_onnx(path: Path) -> Model:
    """A fully connected or residual ONNX graph. A final Softmax is left to the cost; `Model.notice` says so."""
    try:
        import onnx
    except ImportError:
        raise MissingExtra("reading ONNX files", "onnx", "models") from None
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception as error:  # protobuf raises its own kinds
        raise SymlipError(f"{path.name}: not a readable ONNX file (truncated or of another kind)") from error
    return _Graph(path.name, graph).model()


class _Graph:
    """An ONNX graph, node by node."""

    def __init__(self, name: str, graph: Any) -> None:
        self.name, self.graph = name, graph
        self.values: dict[str, Any] = {}
        self.notice: str | None = None
        self.dtype = "float64"
        for tensor in graph.initializer:
            self.values[tensor.name] = self._array(tensor)
        inputs = [entry.name for entry in graph.input if entry.name not in self.values]
        if len(inputs) != 1:
            raise SymlipError(f"{name}: the graph has {len(inputs)} inputs ({', '.join(inputs) or 'none'}); a network here has one")
        self.values[inputs[0]] = _Input()
        self.refused: dict[str, str] = {}

    def _array(self, tensor: Any) -> np.ndarray:
        from onnx import TensorProto, numpy_helper

        if tensor.data_location == TensorProto.EXTERNAL:
            raise SymlipError(f"{self.name}: the tensor {tensor.name!r} is in another file; save the model with its weights inside")
        count = int(np.prod([int(size) for size in tensor.dims], dtype=object)) if tensor.dims else 1
        if not 0 <= count * 8 <= LARGEST:
            raise SymlipError(f"{self.name}: the tensor {tensor.name!r} would have {count} entries, which is refused")
        try:
            array = numpy_helper.to_array(tensor)
        except Exception as error:
            raise SymlipError(f"{self.name}: the tensor {tensor.name!r} cannot be read (truncated or damaged)") from error
        if array.dtype.kind == "f" and array.ndim == 2:
            self.dtype = str(array.dtype)
        return np.asarray(array)

    def model(self) -> Model:
        for position, node in enumerate(self.graph.node, 1):
            label = f"node {position} ({node.op_type}{f', {node.name}' if node.name else ''})"
            missing = [name for name in node.input if name and name not in self.values]
            if missing:  # what follows a node that was refused is refused for its sake
                reason = self.refused.get(missing[0], f"{self.name}: {label} uses {missing[0]!r}, which no node before it makes")
                self.refused.update((output, reason) for output in node.output)
                continue
            try:
                value = self._node(node, [self.values[name] if name else None for name in node.input], label)
            except SymlipError as error:
                self.refused.update((output, str(error)) for output in node.output)
                continue
            self.values[node.output[0]] = value
        return self._finished()

    def _finished(self) -> Model:
        reasons = []
        for output in self.graph.output:
            value = self.values.get(output.name)
            if value is None or isinstance(value, np.ndarray):
                reasons.append(self.refused.get(output.name, f"{self.name}: the output {output.name!r} is made by no node"))
                continue
            try:
                layers, parameters, width = self._layers(value.source if isinstance(value, _Final) else value)
            except SymlipError as error:
                reasons.append(str(error))
                continue
            if not layers:
                reasons.append(f"{self.name}: the output {output.name!r} is the input: there is no layer with weights")
                continue
            return Model(Network(width, layers), parameters, notice=self.notice, dtype=self.dtype)
        raise SymlipError(reasons[0] if reasons else f"{self.name}: the graph has no output")

    # -- nodes -------------------------------------------------------------------------------------------------------

    def _node(self, node: Any, given: list[Any], label: str) -> Any:
        from onnx import helper

        options = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        kind = node.op_type
        if kind == "Constant":
            return self._array(options["value"]) if "value" in options else np.asarray(next(iter(options.values())))
        if kind == "Transpose" and isinstance(given[0], np.ndarray):
            return np.transpose(given[0], options.get("perm"))
        if kind == "Cast" and isinstance(given[0], np.ndarray):
            return given[0]
        if all(isinstance(value, np.ndarray) or value is None for value in given):
            raise SymlipError(f"{self.name}: {label} works on constants only, which is not supported; fold constants when exporting")
        if kind in PASSED:
            return given[0]
        if kind in ("Softmax", "LogSoftmax"):
            self.notice = f"the final {kind} is left to the cost (SoftmaxCrossEntropy takes logits)"
            return _Final(given[0])
        if kind == "Gemm":
            return self._gemm(given, options, label)
        if kind == "MatMul":
            if not isinstance(given[1], np.ndarray) or given[1].ndim != 2 or isinstance(given[0], np.ndarray):
                raise SymlipError(f"{self.name}: {label} is not data times a constant matrix, which is all that is supported")
            weight = self._matrix(given[1].T, label)
            return _Affine(given[0], weight, np.zeros(len(weight)))
        if kind in ACTIVATIONS:
            return self._apply(given[0], activation_named(ACTIVATIONS[kind]))
        if kind in WRITTEN_OUT:
            inner = given[0] if isinstance(given[0], _Scaled) else _Scaled(given[0], z)
            return _Scaled(inner.source, WRITTEN_OUT[kind](inner.expression))
        if kind == "Greater" and isinstance(given[1], np.ndarray) and given[1].size == 1:
            return _Beyond(given[0], float(given[1].reshape(-1)[0]))
        if kind == "Where":
            return self._where(given, label)
        if kind == "Concat" and len(given) == 2:
            return self._two_classes(given, label)
        if kind in ("Elu", "LeakyRelu", "Gelu"):
            return self._apply(given[0], self._with_options(kind, options, label))
        if kind in ("Add", "Sub", "Mul", "Div"):
            return self._arithmetic(kind, given, label)
        known = ", ".join(sorted({"Gemm", "MatMul", "Add", *ACTIVATIONS, "Elu", "LeakyRelu", "Gelu", *PASSED}))
        raise SymlipError(f"{self.name}: {label} is not supported: fully connected and residual graphs of {known} are")

    def _with_options(self, kind: str, options: dict[str, Any], label: str) -> Activation:
        if kind == "Gelu":
            approximate = options.get("approximate", b"none")
            return activation_named("gelu_tanh" if approximate in (b"tanh", "tanh") else "gelu")
        alpha = float(options.get("alpha", 1.0 if kind == "Elu" else 0.01))
        number = sympy.nsimplify(repr(float(np.float32(alpha))) if alpha != round(alpha, 6) else round(alpha, 6), rational=True)
        if kind == "LeakyRelu":
            return (
                activation_named("leaky_relu")
                if number == sympy.Rational(1, 100)
                else Activation(f"leaky_relu_{number.p}_{number.q}", sympy.Max(z, number * z))
            )
        if number == 1:
            return activation_named("elu")
        return Activation(f"elu_{number.p}_{number.q}", sympy.Piecewise((number * (sympy.exp(z) - 1), z < 0), (z, True)))

    def _gemm(self, given: list[Any], options: dict[str, Any], label: str) -> Any:
        data, weight = given[0], given[1]
        if not isinstance(weight, np.ndarray) or weight.ndim != 2 or isinstance(data, np.ndarray) or options.get("transA", 0):
            raise SymlipError(f"{self.name}: {label} is not data times a constant matrix, which is all that is supported")
        weight = self._matrix(weight if options.get("transB", 0) else weight.T, label) * float(options.get("alpha", 1.0))
        bias = np.zeros(len(weight)) if len(given) < 3 or given[2] is None else self._vector(given[2], len(weight), label) * float(options.get("beta", 1.0))
        return _Affine(data, weight, bias)

    def _matrix(self, array: np.ndarray, label: str) -> np.ndarray:
        if array.dtype.kind not in "fiu":
            raise SymlipError(f"{self.name}: {label}: the weights are {array.dtype}, not real numbers")
        array = np.asarray(array, dtype=np.float64)
        if 0 in array.shape or not np.isfinite(array).all():
            raise SymlipError(f"{self.name}: {label}: the weights are empty, or hold NaN or infinite numbers")
        return array

    def _vector(self, array: np.ndarray, size: int, label: str) -> np.ndarray:
        flat = np.asarray(array, dtype=np.float64).reshape(-1)
        if len(flat) not in (1, size):
            raise SymlipError(f"{self.name}: {label}: the bias has {len(flat)} entries, the layer {size}")
        if not np.isfinite(flat).all():
            raise SymlipError(f"{self.name}: {label}: the bias holds NaN or infinite numbers")
        return np.broadcast_to(flat, (size,)).copy()

    def _apply(self, value: Any, activation: Activation) -> Any:
        if isinstance(value, _Scaled):  # inside a GELU or SiLU that is written out
            return _Scaled(value.source, activation.expression.subs(z, value.expression))
        if isinstance(value, _Affine) and activation.name in ("erf", "logistic", "softplus", "tanh"):
            return _Scaled(value, activation.expression)
        return _Applied(value, activation)

    def _arithmetic(self, kind: str, given: list[Any], label: str) -> Any:
        first, second = given
        for data, constant, swapped in ((first, second, False), (second, first, True)):
            if isinstance(constant, np.ndarray):
                if isinstance(data, _Affine) and kind == "Add":
                    return _Affine(data.source, data.weight, data.bias + self._vector(constant, len(data.bias), label))
                if constant.size != 1:
                    raise SymlipError(f"{self.name}: {label}: {kind} of data with an array is not supported, other than a bias after MatMul")
                number = sympy.nsimplify(float(np.asarray(constant).reshape(-1)[0]), rational=True, tolerance=1e-7)
                inner = data if isinstance(data, _Scaled) else _Scaled(data, z)
                parts = (number, inner.expression) if swapped else (inner.expression, number)
                return _Scaled(inner.source, _combined(kind, *parts))
        one, two = (value if isinstance(value, _Scaled) else _Scaled(value, z) for value in (first, second))
        if one.source is two.source and (isinstance(first, _Scaled) or isinstance(second, _Scaled)):
            return _Scaled(one.source, _combined(kind, one.expression, two.expression))
        if kind != "Add":
            raise SymlipError(f"{self.name}: {label}: {kind} of two tensors is not supported")
        return _Sum(first, second)

    def _where(self, given: list[Any], label: str) -> Any:
        """A softplus that is the identity beyond a threshold, as PyTorch exports it; they differ by less than float32 resolves."""
        condition, above, below = given
        if isinstance(condition, _Beyond) and condition.threshold >= 15 and isinstance(below, _Scaled) and below.source is condition.source is above:
            points = [sympy.Rational(k, 4) for k in (-13, 1, 9)]
            softplus = activation_named("softplus").expression
            if all(abs(float((below.expression - softplus).subs(z, point))) < 1e-6 for point in points):
                return _Applied(above, activation_named("softplus"))
        raise SymlipError(f"{self.name}: {label} is not supported, other than in a softplus")

    def _two_classes(self, given: list[Any], label: str) -> Any:
        """The probabilities (1 - p, p) of a binary classifier: p is the logistic function of its one output."""
        first, second = given
        alike = isinstance(first, _Scaled) and isinstance(second, _Scaled) and first.source is second.source
        if alike and second.expression == activation_named("logistic").expression and sympy.simplify(first.expression + second.expression - 1) == 0:
            self.notice = "the final logistic function is left to the cost (Logistic takes the output before it)"
            return _Final(second.source)
        raise SymlipError(f"{self.name}: {label} is not supported, other than for the two probabilities of a binary classifier")

    # -- layers ------------------------------------------------------------------------------------------------------

    def _layers(self, value: Any) -> tuple[list[Layer], list[tuple[np.ndarray, np.ndarray]], int]:
        """The layers that make a tensor, their parameters, and the width of the input."""
        if isinstance(value, _Input):
            return [], [], 0
        if isinstance(value, _Final):
            raise SymlipError(f"{self.name}: a Softmax stands between layers, which is not supported; one at the end is left to the cost")
        if isinstance(value, _Sum):
            for start, end in ((value.first, value.second), (value.second, value.first)):
                branch = self._branch(start, end)
                if branch is not None:
                    before, parameters, width = self._layers(start)
                    layers, own = branch
                    width = width or own[0][0].shape[1]
                    outputs = before[-1].width if before else width
                    if layers[-1].width != outputs:
                        raise SymlipError(f"{self.name}: a skip adds {outputs} numbers to {layers[-1].width}")
                    skip: Layer = Residual(layers[0].width, layers[0].activation) if len(layers) == 1 else Skip(layers)
                    return [*before, skip], [*parameters, *own], width
            raise SymlipError(f"{self.name}: an Add joins two branches that both have weights; only a skip around layers is supported")
        source, dense, pair = self._dense(value)
        before, parameters, width = self._layers(source)
        if before and before[-1].width != pair[0].shape[1]:
            raise SymlipError(f"{self.name}: a layer takes {pair[0].shape[1]} inputs, but the one before has {before[-1].width} outputs")
        return [*before, dense], [*parameters, pair], width or pair[0].shape[1]

    def _branch(self, start: Any, end: Any) -> tuple[list[Dense], list[tuple[np.ndarray, np.ndarray]]] | None:
        """The dense layers from one tensor to another; None if there is no such way."""
        layers: list[Dense] = []
        parameters: list[tuple[np.ndarray, np.ndarray]] = []
        while end is not start:
            if isinstance(end, _Input | _Sum):
                return None
            end, dense, pair = self._dense(end)
            layers.append(dense)
            parameters.append(pair)
        return (layers[::-1], parameters[::-1]) if layers else None

    def _dense(self, value: Any) -> tuple[Any, Dense, tuple[np.ndarray, np.ndarray]]:
        """The dense layer that makes a tensor, and what it is applied to."""
        activation = activation_named("identity")
        if isinstance(value, _Applied):
            value, activation = value.source, value.activation
        elif isinstance(value, _Scaled):
            value, activation = value.source, _recognised(value.expression, self.name)
        if not isinstance(value, _Affine):
            raise SymlipError(f"{self.name}: the activation {activation.name!r} does not follow a layer with weights, which is not supported")
        return value.source, Dense(len(value.weight), activation), (value.weight, value.bias)


def _combined(kind: str, first: sympy.Expr, second: sympy.Expr) -> sympy.Expr:
    return {"Add": first + second, "Sub": first - second, "Mul": first * second, "Div": first / second}[kind]


def _recognised(expression: sympy.Expr, name: str) -> Activation:
    """The built-in activation with that expression (its float32 constants are near the exact ones), or one of its own."""
    points = [sympy.Rational(k, 4) for k in (-13, -6, -1, 3, 5, 11)]
    values = [float(expression.subs(z, point)) for point in points]
    for known in ("tanh", "logistic", "softplus", "erf", "gelu", "silu", "gelu_tanh", "mish", "softsign", "gaussian"):
        activation = activation_named(known)
        if all(abs(float(activation.expression.subs(z, point)) - value) <= 2e-6 * max(1.0, abs(value)) for point, value in zip(points, values)):
            return activation
    raise SymlipError(f"{name}: an activation is written out as {expression}, which is none that is known by name")


# --- safetensors --------------------------------------------------------------------------------------------------------


def load_safetensors(path: Path, activation: Activation | str, output_activation: Activation | str) -> Model:
    """Weights NAME.weight of shape (out, in) with NAME.bias beside them, in the natural order of their names.

    The file does not say in which order layers are applied; a notice says the order taken where the names do not number them.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise MissingExtra("reading safetensors files", "safetensors", "models") from None
    tensors: dict[str, np.ndarray] = {}
    try:
        with safe_open(str(path), framework="numpy") as archive:
            for name in archive.keys():  # noqa: SIM118  (it is no mapping)
                tensors[name] = archive.get_tensor(name)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if "bfloat16" in str(error) or "BF16" in str(error):
            raise SymlipError(f"{path.name}: it holds bfloat16 numbers, which NumPy has not: save it as float32") from error
        raise SymlipError(f"{path.name}: not a readable safetensors file (truncated or of another kind)") from error
    weights = sorted((name for name in tensors if name.rsplit(".", 1)[-1] in ("weight", "kernel")), key=_natural)
    if not weights:
        raise SymlipError(f"{path.name}: no layers found: it needs NAME.weight and NAME.bias; it holds {', '.join(sorted(tensors)[:6]) or 'nothing'}")
    parameters: list[tuple[np.ndarray, np.ndarray]] = []
    used: set[str] = set()
    dtype = "float64"
    for name in weights:
        A = tensors[name]
        if A.ndim != 2:
            raise SymlipError(f"{path.name}: {name} has shape {A.shape}; a dense layer's weights are a matrix (convolutions are not supported)")
        bias = name.rsplit(".", 1)[0] + ".bias" if "." in name else "bias"
        b = tensors.get(bias, np.zeros(A.shape[0]))
        used |= {name, bias}
        dtype = str(A.dtype)
        pair = np.asarray(A, dtype=np.float64), np.asarray(b, dtype=np.float64)
        if pair[1].shape != (A.shape[0],):
            raise SymlipError(f"{path.name}: {bias} has shape {b.shape}, but {name} has {A.shape[0]} outputs")
        if not all(np.isfinite(part).all() for part in pair):
            raise SymlipError(f"{path.name}: {name} or {bias} holds NaN or infinite numbers")
        if parameters and A.shape[1] != parameters[-1][0].shape[0]:
            raise SymlipError(f"{path.name}: {name} takes {A.shape[1]} inputs, but the layer before has {parameters[-1][0].shape[0]} outputs")
        parameters.append(pair)
    left = sorted(set(tensors) - used)
    if left:
        raise SymlipError(f"{path.name}: {left[0]} is neither the weight nor the bias of a dense layer")
    last = len(parameters)
    layers = [Dense(A.shape[0], output_activation if number == last else activation) for number, (A, _) in enumerate(parameters, 1)]
    numbers = [[int(part) for part in re.findall(r"\d+", name)] for name in weights]
    numbered = all(numbers) and sorted(numbers) == numbers and len({tuple(found) for found in numbers}) == last
    notice = None if numbered or last == 1 else f"layers are taken in the order of their names: {', '.join(name.rsplit('.', 1)[0] for name in weights)}"
    return Model(Network(parameters[0][0].shape[1], layers), parameters, notice=notice, dtype=dtype)


def _natural(name: str) -> list[tuple[int, Any]]:
    """Names in the order of the numbers in them."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]


# --- scikit-learn ---------------------------------------------------------------------------------------------------------


def load_estimator(estimator: Any) -> Model:
    """A fitted MLPClassifier or MLPRegressor. The output layer is affine: its softmax or logistic function is left to the cost."""
    kind = type(estimator).__name__
    if not hasattr(estimator, "coefs_") or not hasattr(estimator, "intercepts_"):
        if hasattr(estimator, "hidden_layer_sizes"):
            raise SymlipError(f"this {kind} is not fitted: call fit first")
        raise SymlipError(f"a {kind} cannot be loaded: give a path, or a fitted MLPClassifier or MLPRegressor of scikit-learn")
    if not len(estimator.coefs_) or len(estimator.coefs_) != len(estimator.intercepts_):
        raise SymlipError(f"this {kind} has {len(estimator.coefs_)} weight matrices and {len(estimator.intercepts_)} biases")
    parameters = [(np.array(A.T, dtype=np.float64), np.array(b, dtype=np.float64)) for A, b in zip(estimator.coefs_, estimator.intercepts_)]
    if not all(np.isfinite(part).all() for pair in parameters for part in pair):
        raise SymlipError(f"this {kind} has weights that are NaN or infinite")
    ends = getattr(estimator, "out_activation_", "identity")
    if ends not in ("identity", "softmax", "logistic"):
        raise SymlipError(f"this {kind} ends with {ends!r}; identity, softmax and logistic are supported")
    notice = None if ends == "identity" else f"the final {ends} is left to the cost, which takes the outputs before it"
    last = len(parameters)
    layers = [Dense(len(b), "identity" if number == last else estimator.activation) for number, (_, b) in enumerate(parameters, 1)]
    return Model(Network(parameters[0][0].shape[1], layers), parameters, notice=notice, dtype=str(estimator.coefs_[0].dtype))
