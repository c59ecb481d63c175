"""The command line as a user meets it: output, exit statuses, one-line errors, nothing half-written."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symlip import build, cli

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / "tests" / "data" / "digits_mlp.npz"


def run(*arguments, monkeypatch, capsys):
    """(exit status, standard output, standard error)."""
    monkeypatch.setattr(sys, "argv", ["symlip", *map(str, arguments)])
    try:
        cli.main()
        status = 0
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def symlip(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    return lambda *arguments: run(*arguments, monkeypatch=monkeypatch, capsys=capsys)


def test_help_and_every_subcommands_help_show_an_example(symlip):
    status, out, _ = symlip("--help")
    assert status == 0 and "Example" in out
    for command in ("build", "list", "show", "derive", "verify", "bound"):
        assert command in out
        status, text, _ = symlip(command, "--help")
        assert status == 0 and "Example: symlip " + command in text


def test_list_and_show(symlip):
    status, out, _ = symlip("list", "--json")
    names = json.loads(out)
    assert status == 0 and len(names) == len(list((ROOT / "derivations").glob("*.py")))
    status, out, _ = symlip("show", "second_order_paired")
    assert status == 0 and "paired" in out and "H_3" in out


def test_derive_writes_report_and_module(symlip, tmp_path):
    tex, module = tmp_path / "theorem.tex", tmp_path / "bounds.py"
    status, out, _ = symlip("derive", "--layers", "3,4,1", "--activation", "tanh", "--latex", tex, "--module", module, "--json")
    assert status == 0
    assert json.loads(out)["results"]["lipschitz"] == "L_2"
    assert r"\begin{theorem}" in tex.read_text()
    done = subprocess.run(
        [sys.executable, "-c", "import bounds; print(bounds.bounds([1.0, 1.0], 1.0).gradient_lipschitz)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert round(float(done.stdout), 4) == 7.2083
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != "") == ["bounds.py", "theorem.tex"]


def test_verify_reports_each_step(symlip):
    status, out, _ = symlip("verify", "second_order_block", "--digits", "30", "--networks", "6", "--json")
    result = json.loads(out)
    assert status == 0 and result["passed"] and result["worst_ratio"] <= 1
    assert "G_3" in result["steps"]
    status, out, _ = symlip("verify", "first_order", "--digits", "30", "--networks", "3")
    assert status == 0 and "passed" in out


def test_a_failed_verification_exits_with_one(symlip, monkeypatch):
    from symlip.calculus.rule import Rule

    cls = Rule.registry["slope"]
    right = cls.conclude
    monkeypatch.setattr(cls, "conclude", lambda self, given, **detail: dataclasses.replace(c := right(self, given, **detail), expression=c.expression / 2))
    status, out, _ = symlip("verify", "first_order", "--digits", "30", "--networks", "3")
    assert status == 1 and "FAILED: step L_1 (slope) is violated" in " ".join(out.split())
    assert symlip("verify", "first_order", "--digits", "30", "--networks", "3", "--json")[0] == 1


def test_bound_on_the_digits_network(symlip):
    status, out, _ = symlip("bound", DIGITS, "--activation", "tanh", "--cost", "softmax-cross-entropy", "--input-norm", "4.9", "--json")
    result = json.loads(out)
    assert status == 0
    rows = {(row["parameters"], row["method"]): row for row in result["bounds"]}
    layer = [rows["layer balls", method]["gradient_lipschitz"] for method in ("block", "paired", "separate")]
    assert layer[0] <= layer[1] * (1 + 1e-12) and layer[1] <= layer[2] * (1 + 1e-12)
    assert rows["layer balls", "block"]["cost_gradient_lipschitz"] <= rows["layer balls", "paired"]["cost_gradient_lipschitz"]
    A = [np.load(DIGITS)[f"coefs_{k}"].astype(float) for k in range(2)]
    assert result["weight_norms"] == pytest.approx([np.linalg.svd(a)[1][0] for a in A])
    # the network's derivative at one input, by finite differences in one direction, is below its bound
    status, out, _ = symlip("bound", DIGITS, "--activation", "tanh")
    assert status == 0 and "ball, shared R" in out


def test_the_shared_radius_across_a_skip_is_in_the_table_and_sharper(symlip):
    pytest.importorskip("onnx")
    path = DIGITS.parent / "models" / "torch_res_new.onnx"
    status, out, _ = symlip("bound", path, "--json")
    rows = {row["parameters"]: row for row in json.loads(out)["bounds"] if row["method"] == "block"}
    assert status == 0 and rows["ball, shared R"]["gradient_lipschitz"] < rows["ball, every norm R"]["gradient_lipschitz"]


def test_both_spellings_of_an_archive_give_the_same(symlip, tmp_path):
    data = np.load(DIGITS)
    np.savez(tmp_path / "other.npz", **{f"A{k + 1}": data[f"coefs_{k}"].T for k in range(2)}, **{f"b{k + 1}": data[f"intercepts_{k}"] for k in range(2)})
    first, second = (json.loads(symlip("bound", path, "--json")[1])["bounds"] for path in (DIGITS, tmp_path / "other.npz"))
    for a, b in zip(first, second):
        assert {k: pytest.approx(v, rel=1e-12) if isinstance(v, float) else v for k, v in a.items()} == b


def archive(tmp_path, **arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    return tmp_path / "x.npz"


def bad_archives():
    ones = np.ones
    return {
        "missing": (lambda p: p / "none.npz", "no such file"),
        "folder": (lambda p: p, "not a file"),
        "empty": (lambda p: ((p / "e.npz").write_bytes(b"") and None) or p / "e.npz", "empty"),
        "junk": (lambda p: (p / "j.npz").write_bytes(b"junk" * 99) and p / "j.npz", "not a readable"),
        "truncated": (lambda p: (p / "t.npz").write_bytes(DIGITS.read_bytes()[:3000]) and p / "t.npz", "not a readable"),
        "damaged": (
            lambda p: (p / "d.npz").write_bytes(DIGITS.read_bytes()[:600] + b"\0" * 600 + DIGITS.read_bytes()[1200:]) and p / "d.npz",
            "not a readable|not real|finite",
        ),
        "pickle": (lambda p: archive(p, A1=np.array([{}], dtype=object), b1=ones(1)), "pickled objects"),
        "pickle file": (lambda p: p / "model.pkl", "never loaded"),
        "no layers": (lambda p: archive(p, weights=ones((2, 2))), "no layers found"),
        "no bias": (lambda p: archive(p, A1=ones((2, 2))), "has no b1"),
        "gap": (lambda p: archive(p, A1=ones((2, 2)), b1=ones(2), A3=ones((2, 2)), b3=ones(2)), "without a gap"),
        "bias shape": (lambda p: archive(p, A1=ones((2, 3)), b1=ones(3)), "has shape"),
        "shapes": (lambda p: archive(p, A1=ones((2, 3)), b1=ones(2), A2=ones((1, 5)), b2=ones(1)), "layer 2 takes 5 inputs"),
        "vector": (lambda p: archive(p, A1=ones(3), b1=ones(3)), "are a matrix"),
        "nan": (lambda p: archive(p, A1=np.array([[np.nan]]), b1=ones(1)), "NaN or infinite"),
        "architecture": (lambda p: archive(p, A1=ones((2, 2)), b1=ones(2), architecture=np.array("[]")), 'an object with a list "layers"'),
        "architecture, nonsense": (lambda p: archive(p, A1=ones((2, 2)), b1=ones(2), architecture=np.array("{nonsense")), "not JSON"),
        "architecture, shapes": (
            lambda p: archive(p, A1=ones((4, 3)), b1=ones(4), architecture=np.array('{"layers": [{"type": "residual"}]}')),
            "adds its 3 inputs",
        ),
        "architecture, too few": (
            lambda p: archive(p, A1=ones((2, 2)), b1=ones(2), architecture=np.array('{"layers": [{}, {}]}')),
            "more layers with parameters",
        ),
        "architecture, key": (lambda p: archive(p, A1=ones((2, 2)), b1=ones(2), architecture=np.array('{"layers": [{"steps": 2}]}')), "unknown key 'steps'"),
        "architecture, variation": (
            lambda p: archive(p, A1=ones((2, 2)), b1=ones(2), architecture=np.array('{"type": "neural-ode", "total_variation": -1}')),
            "nonnegative finite",
        ),
        "architecture, numbers": (lambda p: archive(p, A1=ones((2, 2)), b1=ones(2), architecture=ones(3)), "one JSON text"),
        "text": (lambda p: archive(p, A1=np.array([["a"]]), b1=ones(1)), "not real numbers"),
        "complex": (lambda p: archive(p, A1=np.array([[1j]]), b1=ones(1)), "not real numbers"),
    }


@pytest.mark.parametrize("name", bad_archives())
def test_bad_archives_get_one_line_and_status_two(symlip, tmp_path, name):
    make, says = bad_archives()[name]
    status, out, err = symlip("bound", make(tmp_path))
    assert status == 2 and out == ""
    assert err.count("\n") == 1 and err.startswith("symlip: ")
    assert re.search(says, err), err


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["derive", "--layers", "3,4,1", "--activation", "tahn"], "did you mean tanh"),
        (["derive", "--layers", "3"], "at least one layer"),
        (["derive", "--layers", "3,-4,1"], "positive integer"),
        (["derive", "--layers", "3,4.5,1"], "neither a positive integer"),
        (["derive", "--layers", "3,4,1", "--method", "best"], "unknown method"),
        (["derive", "--layers", "3,4,1", "--set", "cube"], "unknown set"),
        (["derive", "--layers", "3,4,1", "--cost", "softmax"], "did you mean softmax-cross-entropy"),
        (["derive", "--layers", "3,4,1", "--activation", "relu", "--set", "layer-balls-bounded"], "order=1"),
        (["derive", "--layers", "3,4,1", "--latex", "/proc/none/x.tex"], "cannot be written"),
        (["derive"], "layers"),
        (["show", "second_order_pared"], "did you mean second_order_paired"),
        (["verify", "first_order", "--digits", "1"], "digits must be"),
        (["verify", "first_order", "--networks", "0"], "networks must be"),
        (["bound", str(DIGITS), "--input-norm", "-1"], "nonnegative"),
        (["bound", str(DIGITS), "--input-norm", "nan"], "nonnegative"),
        (["bound", str(DIGITS), "--input-norm", "one"], "--input-norm"),
        (["build", "nothing"], "no theorem 'nothing'"),
        (["build", "first_order", "--out", "/proc/none"], "cannot be written"),
        (["build", "--derivations", "/nowhere"], "no such folder"),
        (["fly"], "fly"),
    ],
)
def test_bad_input_gets_one_line_and_status_two(symlip, arguments, says):
    status, out, err = symlip(*arguments)
    assert status == 2, (status, out, err)
    assert err.count("\n") == 1 and says in err
    assert "Traceback" not in err + out


def test_build_check_finds_what_is_stale(symlip, tmp_path):
    out = tmp_path / "out"
    assert symlip("build", "first_order", "--out", out, "--no-pdf")[0] == 0
    assert symlip("build", "first_order", "--out", out, "--check")[0] == 0
    path = out / "first_order" / "first_order.py"
    original = path.read_text()
    path.write_text(original.replace("sqrt", "hypot", 1))
    status, _, err = symlip("build", "first_order", "--out", out, "--check")
    assert status == 1 and "first_order.py" in err and path.read_text() != original
    assert symlip("build", "first_order", "--out", out, "--no-pdf")[0] == 0
    assert path.read_text() == original
    assert not [p for p in out.rglob("*") if p.name.endswith(".part")]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs a TeX")
def test_a_pdf_is_made_with_and_without_matplotlib(symlip, tmp_path, monkeypatch):
    status, out, err = symlip("build", "first_order", "--out", tmp_path, "--pdf", "--strict")
    assert status == 0, out + err
    pdf = tmp_path / "first_order" / "first_order.pdf"
    size = pdf.stat().st_size
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, out, _ = symlip("build", "first_order", "--out", tmp_path)
    assert status == 0 and "pip install 'symlip[plot]'" in " ".join(out.split())
    assert 0 < pdf.stat().st_size < size


def test_without_a_tex_one_line_says_what_to_install(symlip, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    status, out, _ = symlip("build", "first_order", "--out", tmp_path)
    assert status == 0 and "texlive" in out
    status, _, err = symlip("build", "first_order", "--out", tmp_path, "--pdf")
    assert status == 2 and "texlive" in err and err.count("\n") == 1


def test_a_theorem_that_fails_its_verification_exits_with_one(symlip, tmp_path):
    (tmp_path / "wrong.py").write_text(
        '"""Theorem: a wrong one."""\n'
        "import dataclasses\nfrom symlip import Dense, LayerBalls, Network, derive\n"
        "def derivation():\n"
        "    made = derive(Network(2, [Dense(2, 'tanh')]), LayerBalls())\n"
        "    step = made.steps['qvec_1']\n"
        "    claim = dataclasses.replace(step.claim, expression=step.claim.expression / 2)\n"
        "    made.steps['qvec_1'] = dataclasses.replace(step, claim=claim)\n"
        "    return made\n"
    )
    status, _, err = symlip("build", "--derivations", tmp_path, "--out", tmp_path / "out")
    assert status == 1 and "step qvec_1" in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_broken_derivation_file_is_named(symlip, tmp_path):
    (tmp_path / "broken.py").write_text("def derivation(:\n")
    status, _, err = symlip("list", "--derivations", tmp_path)
    assert status == 2 and "broken.py" in err and err.count("\n") == 1


def test_an_interrupted_build_leaves_each_file_old_or_new(symlip, tmp_path, monkeypatch):
    assert symlip("build", "first_order", "ordering", "--out", tmp_path, "--no-pdf")[0] == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for path in before:
        path.write_bytes(b"old")
    real = build.texts

    def interrupted(theorem, progress=None):
        if theorem.name == "ordering":
            raise KeyboardInterrupt
        return real(theorem, progress)

    monkeypatch.setattr(build, "texts", interrupted)
    status, _, err = symlip("build", "first_order", "ordering", "--out", tmp_path, "--no-pdf", "--jobs", 1)
    assert status == 130 and err == "symlip: interrupted; every file is either old or new\n"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == dict.fromkeys(before, b"old")
    monkeypatch.setattr(build, "as_completed", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    status, _, err = symlip("build", "first_order", "ordering", "--out", tmp_path, "--no-pdf", "--jobs", 2)
    assert status == 130 and err == "symlip: interrupted; every file is either old or new\n"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == dict.fromkeys(before, b"old")


def test_writing_is_all_or_nothing(tmp_path, monkeypatch):
    from symlip.build import write_all

    write_all({"a/one.txt": "old", "b/two.txt": "old"}, tmp_path)
    real = os.fdopen
    calls = []

    def failing(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(os, "fdopen", failing)
    with pytest.raises(KeyboardInterrupt):
        write_all({"a/one.txt": "new", "b/two.txt": "new"}, tmp_path)
    assert {p.name: p.read_text() for p in tmp_path.rglob("*.txt")} == {"one.txt": "old", "two.txt": "old"}
    assert not list(tmp_path.rglob("*.part"))


def test_importing_symlip_does_not_import_what_is_heavy():
    script = "import sys, symlip; print([m for m in ('matplotlib', 'sklearn', 'z3', 'jinja2', 'typer', 'rich') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_readme_shows_the_real_output(symlip, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    text = (ROOT / "README.md").read_text()
    *_, command, step = (part.split() for part in text.split("<!-- main command -->")[1].split("```")[1].split("&&"))
    ode = text.split("<!-- ode command -->")[1].split("```")[1].removeprefix("sh\n").split()
    for given, where in ((command, "<!-- bound output -->"), (step, "<!-- step output -->"), (ode, "<!-- ode output -->")):
        assert given[0] == "symlip"
        _, out, _ = symlip(*given[1:])
        shown = text.split(where)[1].split("```")[1].removeprefix("text\n")
        assert [line.split() for line in out.splitlines()] == [line.split() for line in shown.splitlines()]


def test_the_python_example_of_readme_runs(capsys):
    pytest.importorskip("z3")
    code = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    names: dict = {}
    exec(code, names)
    assert round(names["result"].gradient_lipschitz, 6) == 7.208282
    assert names["report"].passed and "passed: 15 steps" in capsys.readouterr().out
    later = (ROOT / "README.md").read_text().split("```python\n")[1:]
    for block in later[1:]:
        exec(block.split("```")[0], names)
    assert names["theorem"].verify(digits=15, networks=1).passed and names["exact"].exact["lipschitz"]


# --- near given weights -------------------------------------------------------------------------------------------------

WEIGHTS, DATA = str(ROOT / "tests" / "data" / "digits_mlp.npz"), str(ROOT / "tests" / "data" / "digits.npz")


def test_a_certificate_and_its_figure(symlip, tmp_path):
    pytest.importorskip("matplotlib")
    status, out, _ = symlip("bound", WEIGHTS, "--data", DATA, "--radius", "0.01", "--plot", str(tmp_path / "layers.png"), "--json")
    found = json.loads(out)
    assert status == 0 and found["samples"] == 300 and found["cost_gradient_lipschitz"] > 1
    assert len(found["layer_lipschitz"]) == 4 and len(found["layer_steps"]) == 2 and (tmp_path / "layers.png").stat().st_size > 1000
    _, out, _ = symlip("bound", WEIGHTS, "--data", DATA, "--radius", "0.01", "--method", "majorant", "--json")
    sharper = json.loads(out)
    assert 1 < sharper["step_constant"] <= sharper["cost_gradient_lipschitz"] < found["cost_gradient_lipschitz"] and sharper["probability"] == 1e-6


def test_a_step_is_taken_and_written(symlip, tmp_path):
    out_file = tmp_path / "after.npz"
    status, out, _ = symlip("step", WEIGHTS, "--data", DATA, "--samples", "50", "--out", str(out_file), "--json")
    first = json.loads(out)
    assert status == 0 and first["cost"] - first["cost_after"] >= first["guaranteed_decrease"] > 0
    _, out, _ = symlip("step", str(out_file), "--data", DATA, "--samples", "50", "--method", "norm", "--json")
    assert json.loads(out)["cost"] == pytest.approx(first["cost_after"], rel=1e-12)


def test_the_demo_of_training(symlip):
    pytest.importorskip("sklearn")
    status, out, _ = symlip("train-demo", "--quick", "--iterations", "2", "--json")
    found = json.loads(out)
    assert status == 0 and found["violations"] == 0 and len(found["runs"]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bound", WEIGHTS, "--data", DATA), "both --data FILE and --radius R"),
        (("bound", WEIGHTS, "--data", DATA, "--radius", "-1"), "positive finite"),
        (("bound", WEIGHTS, "--data", DATA, "--radius", "1", "--method", "box"), "norm or majorant"),
        (("bound", WEIGHTS, "--data", "nowhere.npz", "--radius", "1"), "no such file"),
        (("bound", WEIGHTS, "--data", WEIGHTS, "--radius", "1"), "inputs and targets"),
        (("step", WEIGHTS, "--data", DATA, "--pieces", "0"), "positive integer"),
        (("step", WEIGHTS, "--data", DATA, "--samples", "0"), "positive integer"),
        (("step", WEIGHTS, "--data", DATA, "--method", "box"), "unknown method"),
        (("step", WEIGHTS, "--data", DATA, "--cost", "logistic"), "the targets have shape"),
        (("step", str(ROOT / "tests" / "data" / "models" / "torch_conv_old.onnx"), "--data", DATA), "node 1 (Conv"),
        (("train-demo", "--iterations", "0"), "positive integer"),
    ],
)
def test_bad_input_near_weights_is_one_line(symlip, arguments, message):
    if any(".onnx" in argument for argument in arguments):
        pytest.importorskip("onnx")
    status, _, err = symlip(*arguments)
    assert status == 2 and message in err and err.count("\n") == 1


@pytest.mark.parametrize("cost", [(), ("--cost", "half-squared-error")], ids=["network", "cost"])
def test_bound_on_a_neural_ode_has_a_joint_row_below_the_block_one(symlip, cost):
    status, out, err = symlip("bound", ROOT / "tests" / "data" / "neural_ode.npz", "--input-norm", "0.5", "--json", *cost)
    rows = {row["method"]: row for row in json.loads(out)["bounds"] if row["parameters"] == "|A| <= a"}
    names = ("lipschitz", "gradient_lipschitz", *(("cost_lipschitz", "cost_gradient_lipschitz") if cost else ()))
    assert status == 0 and not err
    assert all(rows["joint"][name] < rows["block"][name] for name in names)
