"""Make tests/data/models: small networks as PyTorch and scikit-learn export them, with inputs and outputs to compare with.

Needs torch, onnxscript, skl2onnx, scikit-learn, onnx and safetensors; run it in this folder. Tests only read the files.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from safetensors.torch import save_file
from skl2onnx import to_onnx
from sklearn.neural_network import MLPClassifier
from torch import nn

FOLDER = Path("models")


class Skips(nn.Module):
    """A residual layer, and a skip around two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.i, self.r, self.a, self.b, self.o = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 7), nn.Linear(7, 5), nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.tanh(self.i(x))
        x = x + torch.tanh(self.r(x))
        return self.o(x + self.b(nn.functional.silu(self.a(x))))


class Convolution(nn.Module):
    """What is not supported."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.o = nn.Conv2d(1, 2, 3), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.o(torch.relu(self.c(x)).flatten(1))


def dense(activation: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 6), activation, nn.Linear(6, 5), activation, nn.Linear(5, 3))


def plain(model: onnx.ModelProto) -> bytes:
    """Without what the exporter notes of the machine."""
    del model.metadata_props[:], model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    return model.SerializeToString()


def main() -> None:
    torch.manual_seed(0)
    FOLDER.mkdir(exist_ok=True)
    models = {
        "torch_res_new": Skips(), "torch_softplus_new": dense(nn.Softplus()), "torch_gelu_old": dense(nn.GELU()), "torch_leaky_old": dense(nn.LeakyReLU(0.01)),
        "torch_softmax_old": nn.Sequential(dense(nn.Tanh()), nn.Softmax(1)), "torch_conv_old": Convolution(),
    }  # fmt: skip
    for name, model in models.items():
        x = torch.randn(2, 1, 4, 4) if "conv" in name else torch.randn(2, 4)
        path = FOLDER / f"{name}.onnx"
        torch.onnx.export(model.eval(), (x,), str(path), dynamo=name.endswith("new"))
        path.write_bytes(plain(onnx.load(path)))
        np.savez(FOLDER / f"{name.rsplit('_', 1)[0]}.npz", x=x.numpy(), y=model(x).detach().numpy())
    tanh, x = dense(nn.Tanh()), torch.randn(2, 4)
    save_file(tanh.state_dict(), FOLDER / "torch_tanh.safetensors")
    np.savez(FOLDER / "torch_tanh.npz", x=x.numpy(), y=tanh(x).detach().numpy())
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)).astype(np.float32), rng.integers(0, 3, 60)
    for name, estimator in (
        ("skl_clf3", MLPClassifier((6, 5), activation="tanh", max_iter=50).fit(X, y)),
        ("skl_clf2", MLPClassifier((6,), activation="logistic", max_iter=50).fit(X, y > 0)),
    ):
        (FOLDER / f"{name}.onnx").write_bytes(to_onnx(estimator, X[:1]).SerializeToString())


if __name__ == "__main__":
    main()
