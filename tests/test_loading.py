"""Networks from files: the numbers that they give are those of the libraries that wrote them; everything else is one clear line."""

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

import symlip as sl
from symlip.models import read_data, save
from symlip.verify.jets import derivative_at

onnx = pytest.importorskip("onnx")
pytest.importorskip("safetensors")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

MODELS = Path(__file__).parent / "data" / "models"


def forward(model, x):
    """The network at one input, from the definition, in exact arithmetic of the activations."""
    outputs, number = [np.asarray(x, dtype=float)], 0
    for unit in model.network.units:
        if unit.activation is None:
            outputs.append(outputs[unit.start] + float(unit.step) * outputs[-1])
            continue
        A, b = model.parameters[number]
        number += 1
        h = np.array([float(derivative_at(unit.activation, 0, float(z))) for z in A @ outputs[-1] + b])
        outputs.append(h if unit.step is None else outputs[-1] + float(unit.step) * h)
    return outputs[-1]


@pytest.mark.parametrize("name", ["torch_res_new", "torch_softplus_new", "torch_gelu_old", "torch_leaky_old"])
def test_an_exported_graph_gives_the_numbers_of_its_network(name):
    model = sl.load(MODELS / f"{name}.onnx")
    data = np.load(MODELS / f"{name.rsplit('_', 1)[0]}.npz")
    for x, y in zip(data["x"], data["y"]):
        assert forward(model, x) == pytest.approx(y, abs=1e-6)
    assert model.dtype == "float32" and model.parameters[0][0].dtype == np.float64


def test_skips_are_recognised():
    network = sl.load(MODELS / "torch_res_new.onnx").network
    assert [unit.kind for unit in network.units] == ["dense", "residual", "dense", "dense", "skip", "dense"]


def test_a_final_softmax_is_left_to_the_cost():
    model = sl.load(MODELS / "torch_softmax_old.onnx")
    data = np.load(MODELS / "torch_softmax.npz")
    assert "Softmax" in model.notice
    for x, y in zip(data["x"], data["y"]):
        powers = np.exp(forward(model, x))
        assert powers / powers.sum() == pytest.approx(y, abs=1e-6)


def test_classifiers_of_scikit_learn():
    three, two = sl.load(MODELS / "skl_clf3.onnx"), sl.load(MODELS / "skl_clf2.onnx")
    assert three.network.widths == (4, 6, 5, 3) and "Softmax" in three.notice
    assert two.network.widths == (4, 6, 1) and "logistic" in two.notice
    assert [a.name for a in two.network.activations] == ["logistic", "identity"]


def test_safetensors():
    model = sl.load(MODELS / "torch_tanh.safetensors", activation="tanh")
    data = np.load(MODELS / "torch_tanh.npz")
    for x, y in zip(data["x"], data["y"]):
        assert forward(model, x) == pytest.approx(y, abs=1e-6)


def test_estimator_objects():
    sklearn = pytest.importorskip("sklearn.neural_network")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    estimator = sklearn.MLPRegressor(hidden_layer_sizes=(4,), activation="tanh", max_iter=20, random_state=0)
    with pytest.raises(sl.SymlipError, match="not fitted"):
        sl.load(estimator)
    with pytest.warns(Warning):
        estimator.fit(X, y)
    model = sl.load(estimator)
    assert [forward(model, x)[0] for x in X[:4]] == pytest.approx(estimator.predict(X[:4]), abs=1e-12)
    with pytest.raises(sl.SymlipError, match="cannot be loaded"):
        sl.load(object())


def graph_file(path, nodes, initializers, inputs=("x",), outputs=("y",)):
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (*inputs, *outputs)]
    graph = helper.make_graph(
        nodes, "g", info[: len(inputs)], info[len(inputs) :], [numpy_helper.from_array(np.asarray(a, dtype=np.float32), n) for n, a in initializers.items()]
    )
    path.write_bytes(helper.make_model(graph).SerializeToString())
    return path


EYE = np.eye(2)
REFUSED = {
    "an unknown node": ([helper.make_node("Gemm", ["x", "A", "b"], ["z"]), helper.make_node("Hardmax", ["z"], ["y"], name="top")], {"A": EYE, "b": [0, 0]}, "node 2 (Hardmax, top)"),
    "attention-like": (
        [helper.make_node("MatMul", ["x", "A"], ["z"]), helper.make_node("Softmax", ["z"], ["p"]), helper.make_node("MatMul", ["p", "A"], ["y"])],
        {"A": EYE}, "Softmax stands between layers",
    ),
    "data times data": ([helper.make_node("MatMul", ["x", "x"], ["y"])], {}, "not data times a constant matrix"),
    "weights with NaN": ([helper.make_node("MatMul", ["x", "A"], ["y"])], {"A": [[np.nan, 0], [0, 1]]}, "NaN"),
    "two branches": (
        [helper.make_node("MatMul", ["x", "A"], ["u"]), helper.make_node("MatMul", ["x", "B"], ["v"]), helper.make_node("Add", ["u", "v"], ["y"])],
        {"A": EYE, "B": EYE}, "two branches",
    ),
    "no layer": ([helper.make_node("Identity", ["x"], ["y"])], {}, "no layer with weights"),
    "shapes that do not fit": (
        [helper.make_node("MatMul", ["x", "A"], ["z"]), helper.make_node("Tanh", ["z"], ["h"]), helper.make_node("MatMul", ["h", "B"], ["y"])],
        {"A": EYE, "B": np.eye(3)}, "3 inputs",
    ),
    "an activation before any layer": ([helper.make_node("Tanh", ["x"], ["h"]), helper.make_node("MatMul", ["h", "A"], ["y"])], {"A": EYE}, "does not follow a layer"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_graph_may_not_hold_is_named(case, tmp_path):
    nodes, initializers, message = REFUSED[case]
    with pytest.raises(sl.SymlipError) as error:
        sl.load(graph_file(tmp_path / "model.onnx", nodes, initializers))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_convolutions_are_named_with_their_position():
    with pytest.raises(sl.SymlipError, match=r"node 1 \(Conv"):
        sl.load(MODELS / "torch_conv_old.onnx")


def test_activations_written_out(tmp_path):
    erf = [
        helper.make_node("MatMul", ["x", "A"], ["z"]), helper.make_node("Div", ["z", "r"], ["s"]), helper.make_node("Erf", ["s"], ["e"]),
        helper.make_node("Add", ["e", "one"], ["t"]), helper.make_node("Mul", ["z", "t"], ["u"]), helper.make_node("Mul", ["u", "half"], ["h"]),
        helper.make_node("MatMul", ["h", "A"], ["y"]),
    ]  # fmt: skip
    model = sl.load(graph_file(tmp_path / "gelu.onnx", erf, {"A": EYE, "r": [2**0.5], "one": [1.0], "half": [0.5]}))
    assert [a.name for a in model.network.activations] == ["gelu", "identity"]
    odd = [
        helper.make_node("MatMul", ["x", "A"], ["z"]),
        helper.make_node("Tanh", ["z"], ["t"]),
        helper.make_node("Mul", ["t", "c"], ["h"]),
        helper.make_node("MatMul", ["h", "A"], ["y"]),
    ]
    with pytest.raises(sl.SymlipError, match="none that is known"):
        sl.load(graph_file(tmp_path / "odd.onnx", odd, {"A": EYE, "c": [3.0]}))


def test_hostile_files_are_one_clear_line(tmp_path):
    good = (MODELS / "torch_gelu_old.onnx").read_bytes()
    cases = {"cut.onnx": good[:300], "noise.onnx": b"\x99" * 200, "empty.onnx": b"", "cut.safetensors": (MODELS / "torch_tanh.safetensors").read_bytes()[:120]}
    cases["huge.safetensors"] = struct.pack("<Q", 2**60) + b"{}"
    cases["odd.safetensors"] = struct.pack("<Q", 2) + b"{}"
    for name, content in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(sl.SymlipError) as error:
            sl.load(path)
        assert name in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(sl.SymlipError, match="no such file"):
        sl.load(tmp_path / "missing.onnx")
    with pytest.raises(sl.SymlipError, match="export the model to ONNX"):
        sl.load(tmp_path / "model.pkl")
    bomb = tmp_path / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("A1.npy", b"\x00" * 1000)
        archive.infolist()[0].file_size = 2**40
    with pytest.raises(sl.SymlipError):
        sl.load(bomb)


def test_a_tensor_that_claims_to_be_huge_is_refused(tmp_path):
    tensor = TensorProto(name="A", data_type=TensorProto.FLOAT, dims=[2**40, 2**40])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "A"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [tensor],
    )
    path = tmp_path / "huge.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(sl.SymlipError, match="refused"):
        sl.load(path)


def test_weights_in_another_file_are_never_followed(tmp_path):
    tensor = TensorProto(name="A", data_type=TensorProto.FLOAT, dims=[2, 2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../etc/passwd")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "A"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [tensor],
    )
    path = tmp_path / "outside.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(sl.SymlipError, match="in another file"):
        sl.load(path)


def test_the_order_of_layers_without_numbers_is_said(tmp_path):
    from safetensors.numpy import save_file

    save_file({"fc.weight": np.ones((2, 3)), "out.weight": np.ones((1, 2))}, tmp_path / "w.safetensors")
    assert sl.load(tmp_path / "w.safetensors").notice == "layers are taken in the order of their names: fc, out"
    save_file({"net.0.weight": np.ones((2, 3)), "net.10.weight": np.ones((1, 2))}, tmp_path / "w.safetensors")
    assert sl.load(tmp_path / "w.safetensors").notice is None


def test_saved_weights_are_read_again(tmp_path):
    model = sl.load(MODELS / "torch_tanh.safetensors")
    save(model, tmp_path / "w.npz")
    again = sl.load(tmp_path / "w.npz")
    assert all((A == C).all() and (b == d).all() for (A, b), (C, d) in zip(model.parameters, again.parameters))
    assert [path.name for path in tmp_path.iterdir()] == ["w.npz"]
    assert again.network == model.network
    wide = sl.load(MODELS / "torch_res_new.onnx")  # with its activations and skips
    save(wide, tmp_path / "w.npz")
    assert sl.load(tmp_path / "w.npz").network == wide.network
    with pytest.raises(sl.SymlipError, match="no such folder"):
        save(model, tmp_path / "nowhere" / "w.npz")
    with pytest.raises(sl.SymlipError, match="npz"):
        save(model, tmp_path / "w.txt")


def test_data_archives(tmp_path):
    np.savez(tmp_path / "data.npz", X=np.ones((3, 2)), y=np.zeros(3))
    inputs, targets = read_data(tmp_path / "data.npz")
    assert inputs.shape == (3, 2) and targets.shape == (3,)
    np.savez(tmp_path / "other.npz", features=np.ones((3, 2)))
    with pytest.raises(sl.SymlipError, match="inputs and targets"):
        read_data(tmp_path / "other.npz")
