"""What a certificate says of each layer: a table and a figure."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from .certify import Certificate
from .errors import MissingExtra, SymlipError
from .files import check_destination, write_bytes


def layer_matrix(certificate: Certificate) -> np.ndarray:
    """One bound for each pair of layers: weights and bias together, the norm of their 2 x 2 blocks."""
    blocks = certificate.layer_lipschitz
    if blocks is None:
        raise SymlipError("this certificate has no matrix of layers: method='norm' has one")
    count = len(blocks) // 2
    tiles = blocks.reshape(count, 2, count, 2).swapaxes(1, 2)
    return np.array([[float(np.linalg.norm(tile, 2)) for tile in row] for row in tiles])


def layer_shares(certificate: Certificate) -> np.ndarray:
    """How much of the constant lies in each layer: the squares of the entries of the matrix's top eigenvector."""
    blocks = certificate.layer_lipschitz
    if blocks is None or not np.isfinite(blocks).all():
        return np.full(0 if blocks is None else len(blocks) // 2, np.nan)
    vector = np.linalg.eigh(blocks)[1][:, -1]
    return np.asarray((vector.reshape(-1, 2) ** 2).sum(axis=1))


def layer_rows(certificate: Certificate) -> list[tuple[str, str, str, str]]:
    """layer, the bound of its own second derivative, its share of the constant, its step."""
    matrix, shares, steps = layer_matrix(certificate), layer_shares(certificate), certificate.layer_steps
    assert steps is not None
    return [(str(u + 1), f"{matrix[u, u]:.4g}", f"{shares[u]:.1%}", f"{steps[u]:.3g}") for u in range(len(matrix))]


def layers_figure(certificate: Certificate, path: Path | str) -> None:
    """The layers' matrix as a picture, with the share of each layer beside it."""
    try:
        import matplotlib
    except ImportError:
        raise MissingExtra("drawing figures", "matplotlib", "plot") from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    check_figure_path(path)
    matrix, shares = layer_matrix(certificate), layer_shares(certificate)
    count = len(matrix)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained", gridspec_kw={"width_ratios": [1.4, 1]})
    picture = left.imshow(matrix, cmap="Blues", vmin=0)
    for i in range(count):
        for j in range(count):
            dark = matrix[i, j] > 0.6 * matrix.max()
            left.text(j, i, f"{matrix[i, j]:.3g}", ha="center", va="center", color="white" if dark else "black", fontsize=9)
    labels = [f"layer {u + 1}" for u in range(count)]
    left.set_xticks(range(count), labels)
    left.set_yticks(range(count), labels)
    left.set_title("bounds of mixed second derivatives of the cost", fontsize=10)
    figure.colorbar(picture, ax=left, shrink=0.8)
    bars: Any = right.barh(labels, 100 * shares, color="tab:blue")
    right.bar_label(bars, fmt="%.0f %%", padding=3)
    right.invert_yaxis()
    right.set_xlim(0, 115)
    right.set_xlabel("share of the constant, %")
    right.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
    plt.close(figure)


def check_figure_path(path: Path | str) -> Path:
    """The path; SymlipError unless a figure can be written there."""
    return check_destination(path, (".png", ".svg", ".pdf"), "a figure is a .png, .svg or .pdf file")


def save_figure(figure: Any, path: Path | str) -> None:
    """Write a figure beside its place and move it there."""
    path = check_figure_path(path)
    stream = io.BytesIO()
    figure.savefig(stream, format=path.suffix[1:].lower(), dpi=150)
    write_bytes(path, stream.getvalue())
