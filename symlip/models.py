"""Weights from files; `.npz` archives here, with A1, b1, A2, b2, .. (out, in) or coefs_0, intercepts_0, .. (in, out).

Pickled objects are refused, never loaded; the sizes in the archive's headers are looked at before anything is unpacked.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .activations import Activation
from .architecture import describe, parse
from .errors import MissingExtra, SymlipError
from .fields import NeuralODE
from .files import check_destination, write_bytes
from .networks import Dense, Network

LARGEST = 2**31
"""Bytes of a single array beyond which an archive is refused."""


@dataclass(frozen=True)
class Model:
    """A network with its parameters [(A_1, b_1), ..], A_u of shape (l_u, l_{u-1}), b_u of shape (l_u,), float64.

    One pair for each group of tied layers, and for a neural ODE, whose control has the total_variation.
    """

    network: Network | NeuralODE
    parameters: list[tuple[np.ndarray, np.ndarray]]
    total_variation: float | None = None
    notice: str | None = None
    """What was left out of the file's network, such as a final softmax, in one line."""

    dtype: str = "float64"
    """The number type in the file. The parameters are these numbers, exactly, as float64."""

    @property
    def weight_norms(self) -> list[float]:
        """Spectral norms |A_u|_2."""
        return [float(np.linalg.norm(A, 2)) for A, _ in self.parameters]

    @property
    def bias_norms(self) -> list[float]:
        """Euclidean norms |b_u|."""
        return [_norm(b) for _, b in self.parameters]

    @property
    def radius(self) -> float:
        """The Euclidean norm of all parameters."""
        return math.hypot(*(_norm(part) for pair in self.parameters for part in pair))


def _norm(array: np.ndarray) -> float:
    """The Euclidean norm of all entries, without overflow of their squares."""
    scale = float(np.max(np.abs(array), initial=0.0))
    return scale * float(np.linalg.norm(array / scale)) if scale > 0 else 0.0


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` archive. Raises SymlipError, with one clear line, for anything that is not a sound archive."""
    path = Path(path)
    if path.suffix.lower() in (".pkl", ".pickle", ".joblib", ".pt", ".pth"):
        raise SymlipError(
            f"{path.name}: pickled objects are never loaded; export the model to ONNX, or save its arrays with numpy.savez(file, A1=.., b1=.., ..)"
        )
    _readable(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.file_size > LARGEST:
                    raise SymlipError(f"{path.name}: {entry.filename} would unpack to {entry.file_size} bytes, which is refused")
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise SymlipError(f"{path.name}: not a readable .npz archive (truncated or of another kind)") from error
    arrays: dict[str, np.ndarray] = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                arrays[name] = archive[name]
    except ValueError as error:
        if "pickle" in str(error).lower() or "object" in str(error).lower():
            raise SymlipError(f"{path.name}: it holds pickled objects, which are never loaded; save plain numeric arrays") from error
        raise SymlipError(f"{path.name}: not a readable .npz archive ({str(error).splitlines()[0]})") from error
    except (OSError, EOFError, zipfile.BadZipFile, KeyError, SyntaxError, MemoryError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise SymlipError(f"{path.name}: not a readable .npz archive (truncated or damaged)") from error
    if not arrays:
        raise SymlipError(f"{path.name}: the archive holds no arrays")
    return arrays


def read_data(name: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of an `.npz` archive with the arrays inputs and targets (or X and y), or "digits": scikit-learn's, divided by 16."""
    if str(name) == "digits":
        try:
            from sklearn.datasets import load_digits
        except ImportError:
            raise MissingExtra("the digits data", "scikit-learn", "data") from None
        X, y = load_digits(return_X_y=True)
        return X / 16, y
    arrays = read_arrays(name)
    for pair in (("inputs", "targets"), ("X", "y")):
        if all(key in arrays for key in pair):
            return arrays[pair[0]], arrays[pair[1]]
    raise SymlipError(f"{Path(name).name}: data are the arrays inputs and targets (or X and y); it holds {', '.join(sorted(arrays)[:6])}")


def check_archive_path(path: str | Path) -> Path:
    """The path; SymlipError unless weights can be written there."""
    return check_destination(path, (".npz",), "weights are written to an .npz archive")


def save(model: Model, path: str | Path) -> None:
    """Write the network to an `.npz` archive that `load` reads; the file is either old or new, never half-written.

    A1, b1, A2, b2, .., and the array `architecture`, which names the activations where they have names.
    """
    path = check_archive_path(path)
    arrays = {f"{letter}{number}": part for number, pair in enumerate(model.parameters, 1) for letter, part in zip("Ab", pair)}
    text = describe(model.network) if isinstance(model.network, Network) else None
    if text is not None:
        arrays["architecture"] = np.array(text)
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    write_bytes(path, stream.getvalue())


def _readable(path: Path) -> None:
    """Raise SymlipError unless this is a file with something in it."""
    if not path.exists():
        raise SymlipError(f"{path}: there is no such file")
    if not path.is_file():
        raise SymlipError(f"{path}: this is not a file")
    if path.stat().st_size == 0:
        raise SymlipError(f"{path.name}: the file is empty")
    if path.stat().st_size > LARGEST:
        raise SymlipError(f"{path.name}: the file has {path.stat().st_size} bytes, which is refused")


def load(path: Any, activation: Activation | str = "tanh", output_activation: Activation | str = "identity") -> Model:
    """Read a network from an `.onnx`, `.safetensors` or `.npz` file, or from a fitted scikit-learn MLPClassifier or MLPRegressor.

    activation: the hidden layers'; output_activation: the last layer's (affine unless given). An array `architecture` (JSON
    text) describes residual, skip, tied or ODE layers and their activations instead; see `architecture`. Raises SymlipError
    for missing layers, shapes that do not fit, and numbers that are not finite. An ONNX graph and an estimator say their activations
    themselves. Pickles are never loaded.
    """
    if not isinstance(path, str | Path):
        from .loading import load_estimator

        return load_estimator(path)
    suffix = Path(path).suffix.lower()
    if suffix in (".onnx", ".safetensors"):
        from .loading import load_onnx, load_safetensors

        _readable(Path(path))
        return load_onnx(Path(path)) if suffix == ".onnx" else load_safetensors(Path(path), activation, output_activation)
    arrays = read_arrays(path)
    name = Path(path).name
    layers = _layers(name, arrays)
    parameters: list[tuple[np.ndarray, np.ndarray]] = []
    for position, (A, b, label) in enumerate(layers, 1):
        A, b = _numeric(name, label[0], A), _numeric(name, label[1], b)
        if A.ndim != 2 or 0 in A.shape:
            raise SymlipError(f"{name}: {label[0]} has shape {A.shape}; a layer's weights are a matrix")
        if label[0].startswith("coefs"):
            A = A.T
        if b.shape != (A.shape[0],):
            raise SymlipError(f"{name}: {label[1]} has shape {b.shape}, but {label[0]} has {A.shape[0]} outputs")
        if "architecture" not in arrays and parameters and A.shape[1] != parameters[-1][0].shape[0]:
            raise SymlipError(
                f"{name}: layer {position} takes {A.shape[1]} inputs, but layer {position - 1} has {parameters[-1][0].shape[0]} outputs; "
                "A is (out, in), coefs is (in, out)"
            )
        parameters.append((A, b))
    if "architecture" in arrays:
        return _described(name, arrays["architecture"], parameters)
    last = len(parameters)
    network = Network(
        parameters[0][0].shape[1],
        [Dense(A.shape[0], output_activation if position == last else activation) for position, (A, _) in enumerate(parameters, 1)],
    )
    return Model(network, parameters)


def _described(name: str, text: np.ndarray, parameters: list[tuple[np.ndarray, np.ndarray]]) -> Model:
    """A model whose layers the archive describes."""
    if text.dtype.kind not in "US" or text.size != 1:
        raise SymlipError(f"{name}: the array 'architecture' must be one JSON text, not {text.dtype} of shape {text.shape}")
    entry = text.reshape(-1)[0]
    content = entry.decode("utf-8", "replace") if isinstance(entry, bytes) else str(entry)
    network, variation = parse(content, f"{name}: architecture", [A.shape[0] for A, _ in parameters], parameters[0][0].shape[1])
    if len(network.groups) != len(parameters):
        raise SymlipError(f"{name}: the architecture has {len(network.groups)} layers with parameters, but there are {len(parameters)} weight matrices")
    if isinstance(network, NeuralODE):
        expected = [(network.width, network.width)]
    else:
        expected = [(network.widths[group], network.widths[group - 1]) for group in network.groups]
    for number, ((A, _), shape) in enumerate(zip(parameters, expected), 1):
        if A.shape != shape:
            raise SymlipError(f"{name}: the architecture wants shape {shape} for weight matrix {number}, which has {A.shape}")
    return Model(network, parameters, variation)


def _layers(name: str, arrays: dict[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray, tuple[str, str]]]:
    if any(re.fullmatch(r"A\d+", key) for key in arrays) and any(re.fullmatch(r"coefs_\d+", key) for key in arrays):
        raise SymlipError(f"{name}: it holds both A1, .. and coefs_0, ..; keep one of the two spellings")
    for weight, bias, first in (("A", "b", 1), ("coefs_", "intercepts_", 0)):
        numbers = sorted(int(match.group(1)) for key in arrays if (match := re.fullmatch(rf"{weight}(\d+)", key)))
        if not numbers:
            continue
        if numbers != list(range(first, first + len(numbers))):
            raise SymlipError(f"{name}: layers are numbered {', '.join(f'{weight}{n}' for n in numbers)}; they must run from {weight}{first} without a gap")
        found = []
        for number in numbers:
            if f"{bias}{number}" not in arrays:
                raise SymlipError(f"{name}: {weight}{number} has no {bias}{number} beside it")
            found.append((arrays[f"{weight}{number}"], arrays[f"{bias}{number}"], (f"{weight}{number}", f"{bias}{number}")))
        return found
    held = ", ".join(sorted(arrays)[:6])
    raise SymlipError(f"{name}: no layers found: it needs A1, b1, A2, b2, .. or coefs_0, intercepts_0, ..; it holds {held}")


def _numeric(name: str, label: str, array: np.ndarray) -> np.ndarray:
    if not np.issubdtype(array.dtype, np.floating) and not np.issubdtype(array.dtype, np.integer):
        raise SymlipError(f"{name}: {label} holds {array.dtype}, not real numbers")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise SymlipError(f"{name}: {label} holds NaN or infinite numbers")
    return array
