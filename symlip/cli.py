"""The command line. Exit status: 0 good; 1 a check, a verification or a bound fails; 2 unusable input."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from .errors import DerivationError, SymlipError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Derive, prove, compile and check Lipschitz constants of neural networks in their parameters.\n\nExample: symlip derive --layers 3,4,1 --activation tanh",
)  # fmt: skip

Layers = Annotated[str, typer.Option(help="Widths, the inputs first; numbers or names of symbols: 3,4,1 or l_0,l_1,l_2.")]
ActivationName = Annotated[str, typer.Option(help="The layers' activation (in `bound`: the hidden layers').")]
OutputActivation = Annotated[str | None, typer.Option(help="The last layer's activation, if it is another one.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Folder = Annotated[Path | None, typer.Option("--derivations", help="The folder of derivation files.")]
Seed = Annotated[int, typer.Option(help="Seed of the networks.")]
Digits = Annotated[int, typer.Option(help="Decimal digits of the measurements.")]

DATA_HELP = "An .npz archive with inputs and targets (or X and y), one row a sample; or digits, scikit-learn's."
Data = Annotated[str | None, typer.Option(help=DATA_HELP)]
Samples = Annotated[int | None, typer.Option(help="Only the first so many samples.")]

INTERRUPTED = 130
"""The customary exit status after Ctrl-C."""

SETS = ("layer-balls", "layer-balls-bounded", "parameter-ball", "parameter-ball-every-layer")


def _console() -> Console:
    return Console(markup=False)  # square brackets are indices here, not styles


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip


def _fail(message: str, status: int) -> NoReturn:
    line = " ".join(str(message).split())
    print(f"symlip: {line}", file=sys.stderr)
    raise SystemExit(status)


def main() -> None:
    """The entry point: every error is one line, never a traceback."""
    from .build import BuildFailure

    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        status = app(standalone_mode=False)  # without standalone mode an exit status is returned, not raised
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        raise SystemExit(status or 0)
    except (typer.Abort, KeyboardInterrupt):
        _fail("interrupted; every file is either old or new", INTERRUPTED)
    except (BuildFailure, DerivationError) as error:
        _fail(str(error), 1)
    except SymlipError as error:
        _fail(str(error), 2)
    except OSError as error:
        _fail(f"{error.filename or 'file'}: {error.strerror or error}", 2)
    except Exception as error:
        format_message = getattr(error, "format_message", None)  # the command-line parser's own errors
        if format_message is not None:
            _fail(f"{format_message()} (symlip --help says more)", 2)
        _fail(f"internal error, please report it: {type(error).__name__}: {error}", 1)


# --- shared ---------------------------------------------------------------------------------------------------------


def _network(layers: str, activation: str, output_activation: str | None) -> Any:
    from .networks import Dense, Network

    parts = [part.strip() for part in layers.split(",")]
    if len(parts) < 2 or not all(parts):
        raise SymlipError(f"--layers {layers!r}: give the inputs and at least one layer, such as 3,4,1")
    widths: list[Any] = []
    for part in parts:
        try:
            widths.append(int(part))
        except ValueError:
            widths.append(part)
    last = len(widths) - 1
    return Network(widths[0], [Dense(w, (output_activation or activation) if u == last else activation) for u, w in enumerate(widths) if u])


def _architecture(text: str) -> Any:
    from .architecture import parse

    if not text.lstrip().startswith("{"):
        path = Path(text)
        if not path.is_file():
            raise SymlipError(f"--architecture {text}: neither JSON text nor a file of it")
        text = path.read_text(encoding="utf-8", errors="replace")
    return parse(text, "--architecture")[0]


def _set(name: str) -> Any:
    from .parameter_sets import LayerBalls, ParameterBall

    sets = {
        "layer-balls": LayerBalls(), "layer-balls-bounded": LayerBalls(biases="bounded"), "parameter-ball": ParameterBall(),
        "parameter-ball-every-layer": ParameterBall(shared_budget=False),
    }  # fmt: skip
    if name not in sets:
        raise SymlipError(f"unknown set {name!r}: it is one of {', '.join(sets)}")
    return sets[name]


def _cost(name: str | None) -> Any:
    from .costs import Risk, cost_named

    if name is None:
        return None
    return Risk(cost_named(name.removeprefix("risk:"))) if name.startswith("risk:") else cost_named(name)


def _write(path: Path, text: str) -> None:
    from .build import write_all

    if path.is_dir():
        raise SymlipError(f"{path}: this is a folder, name a file")
    if not path.parent.is_dir():
        raise SymlipError(f"{path}: it cannot be written, there is no folder {path.parent}")
    write_all({path.name: text}, path.parent)


def _write_bytes(path: Path, content: bytes) -> None:
    from .files import write_bytes

    if path.is_dir() or not path.parent.is_dir():
        raise SymlipError(f"{path}: it cannot be written, name a file in a folder that exists")
    write_bytes(path, content)


def _print_derivation(console: Console, derivation: Any) -> None:
    """The theorem with its proof as a table: claim, definition, lemma, premises."""
    from .calculus.claims import Bound, Limit, Reached, is_constant

    network = derivation.problem.network
    what = f"a dense network of depth {network.depth}, widths {', '.join(map(str, network.widths))}" if network.plain else f"a network ({_shape(network)})"
    console.print(f"For {what}" + (f", activations {', '.join(a.name for a in network.activations)}," if network.activations else ","))
    for hypothesis in derivation.hypotheses.values():
        console.print(f"assume {hypothesis.symbol} >= {hypothesis.quantity.meaning}" + (f", u = 1..{hypothesis.count}" if hypothesis.count is not None else ""))
    console.print("Then, with the numbers defined line by line (the lemmas' proofs: symlip build, or derive --latex):\n")
    for step in derivation.steps.values():
        claim = step.claim
        if is_constant(claim):
            if not isinstance(claim, Bound):
                continue
            long = claim.expression.is_Rational and claim.expression.q > 10**6
            shown_value = f"{claim.expression.n(24)} (an enclosure's upper end)" if long else claim.expression
            console.print(f"{claim.symbol} = {shown_value}   ({getattr(claim.quantity, 'meaning', '')})")
            continue
        shown = [p for p in step.premises if p not in derivation.steps or not is_constant(derivation.steps[p].claim)]
        reason = f"by {step.rule.name}" + (f", from {', '.join(shown)}" if shown else "")
        if isinstance(claim, Bound):
            about = f"bounds the {claim.quantity.meaning}; " if claim.quantity is not None else ""
            console.print(f"{claim.symbol} = {_plain(claim.expression)}", style="bold")
            console.print(f"    {about}{reason}")
        elif isinstance(claim, Reached):
            head = f"{claim.symbol} = {claim.expression}" if claim.expression is not None else f"{claim.symbol} is reached"
            console.print(head, style="bold")
            console.print(f"    a network has at least this {claim.quantity.meaning}; {reason}")
        elif isinstance(claim, Limit):
            console.print(f"{claim.of} -> {claim.value} as {claim.variable} -> oo", style="bold")
            console.print(f"    {reason}")
        else:
            console.print(f"{claim.smaller} <= {claim.larger}", style="bold")
            console.print(f"    {reason}")
    console.print("Results: " + ", ".join(f"{name} {_relation(derivation, name)} {symbol}" for name, symbol in derivation.results.items()))
    for name, value in derivation.limits.items():
        if str(value) == "oo":
            console.print(f"{name}: there is no constant on the space of all parameters, {derivation.results[name]} -> oo")


def _plain(expression: Any) -> str:
    """A definition as text; functions of one variable by their formula."""
    return f"(c -> {expression.expr})" if type(expression).__name__ == "Lambda" else str(expression)


def _relation(derivation: Any, name: str) -> str:
    from .calculus.claims import Reached

    if derivation.exact.get(name):
        return "="
    lower = {claim.symbol for _, claim in derivation.bounds if isinstance(claim, Reached)}
    return ">=" if derivation.results[name] in lower else "<="


# --- commands -------------------------------------------------------------------------------------------------------


@app.command()
def build(
    names: Annotated[list[str] | None, typer.Argument(help="Theorems to build; all, if none is named.")] = None,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("generated"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file is stale.")] = False,
    pdf: Annotated[bool | None, typer.Option("--pdf/--no-pdf", help="Make PDFs (without it: where a TeX is installed).")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on a LaTeX warning that a reader would see.")] = False,
    jobs: Annotated[int | None, typer.Option(help="Processes at once; as many as there are processors, if not given.")] = None,
    derivations: Folder = None,
) -> None:
    """Derive, check, verify and write every derivation: LaTeX, module, JSON, and PDF.

    Example: symlip build second_order_block --out /tmp/theorems
    """
    from .build import generated_texts, in_processes, processors, stale, theorems, write_all
    from .build import pdf as make
    from .report.pdf import NO_TEX, tex_program

    if jobs is not None and jobs < 1:
        raise SymlipError(f"--jobs {jobs}: it must be a positive integer")
    jobs = jobs or processors()
    console = _console()
    chosen = list(names or [])
    count = len(chosen) or len(theorems(derivations))
    with _progress() as bar:
        task = bar.add_task("build", total=4 * count)
        texts = generated_texts(
            chosen, derivations, lambda name, stage: bar.update(task, advance=4 if stage == "done" else 1, description=f"{name}: {stage}"), jobs
        )
    if check:
        found = stale(texts, out, whole=not chosen)
        if found:
            _fail(f"{len(found)} stale in {out}: {', '.join(found[:4])}{' ..' if len(found) > 4 else ''}; run symlip build", 1)
        console.print(f"{len(texts)} files in {out} are up to date; every derivation was checked and verified again")
    else:
        written = write_all(texts, out)
        console.print(f"wrote {len(written)} files to {out}")
    if pdf is False or (check and not pdf):
        return
    if tex_program() is None:
        if pdf:
            raise SymlipError(NO_TEX)
        console.print(NO_TEX)
        return
    built = chosen or sorted(theorems(derivations))
    warned = []
    with _progress() as bar:
        task = bar.add_task("PDF", total=len(built))
        results = in_processes(partial(make, out), built, jobs, lambda name: bar.update(task, advance=1, description=f"{name}: PDF"))
        warned += [f"{name}: {warning}" for name, warnings in results.items() for warning in warnings]
    for warning in warned:
        console.print(f"warning: {warning}")
    console.print(
        f"made {len(built)} PDF{'s' * (len(built) > 1)}" + (f" with {len(warned)} warning{'s' * (len(warned) > 1)}" if warned else " without a visible warning")
    )
    if warned and strict:
        raise typer.Exit(1)


@app.command("list")
def list_command(derivations: Folder = None, as_json: Json = False) -> None:
    """List the theorems.

    Example: symlip list
    """
    from .build import theorems

    known = theorems(derivations)
    if as_json:
        print(json.dumps({name: theorem.title for name, theorem in known.items()}, indent=1))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("theorem")
    for name, theorem in known.items():
        table.add_row(name, theorem.title)
    _console().print(table)


def _theorem(name: str, folder: Path | None) -> Any:
    import difflib

    from .build import theorems

    known = theorems(folder)
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.3)
        raise SymlipError(f"no theorem {name!r}: " + (f"did you mean {nearest[0]}? " if nearest else "") + "symlip list shows them all")
    return known[name]


@app.command()
def show(name: str, derivations: Folder = None, as_json: Json = False) -> None:
    """Show a theorem with its proof in the terminal.

    Example: symlip show second_order_paired
    """
    theorem = _theorem(name, derivations)
    derivation = theorem.make()
    if as_json:
        print(json.dumps(_derivation_json(derivation), indent=1))
        return
    console = _console()
    console.print(f"Theorem: {theorem.title}.", style="bold")
    if theorem.about:
        console.print(theorem.about)
    console.print()
    _print_derivation(console, derivation)


def _derivation_json(derivation: Any) -> dict[str, Any]:
    return {
        "results": {name: str(symbol) for name, symbol in derivation.results.items()},
        "definitions": [[str(symbol), str(expression)] for symbol, expression in derivation.definitions],
        "steps": [{"name": s.name, "rule": s.rule.name, "premises": list(s.premises)} for s in derivation.steps.values()],
        "exact": derivation.exact,
    }


@app.command()
def derive(
    layers: Annotated[str | None, typer.Option(help="Widths, the inputs first; numbers or names of symbols: 3,4,1 or l_0,l_1,l_2.")] = None,
    activation: ActivationName = "tanh",
    output_activation: OutputActivation = None,
    parameter_set: Annotated[str, typer.Option("--set", help=f"One of {', '.join(SETS)}.")] = "layer-balls",
    method: Annotated[str, typer.Option(help="separate, paired, block or joint (the sharpest known).")] = "block",
    order: Annotated[int, typer.Option(help="1: the network; 2: its gradient, too; 3: its second derivative, too; ..")] = 2,
    cost: Annotated[str | None, typer.Option(help="A cost on top; risk:NAME for its average over a data set.")] = None,
    variables: Annotated[str, typer.Option(help="parameters, inputs or both.")] = "parameters",
    architecture: Annotated[str | None, typer.Option(help="Instead of --layers: JSON text, or a file of it, for residual, skip, tied or ODE layers.")] = None,
    latex: Annotated[Path | None, typer.Option(help="Write the report to this file.")] = None,
    fragment: Annotated[bool, typer.Option("--fragment", help="Write LaTeX without a preamble, for \\input.")] = False,
    module: Annotated[Path | None, typer.Option(help="Write the stand-alone Python module to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Derive the bounds for an architecture of yours, with its proof.

    Example: symlip derive --layers 3,4,1 --activation tanh --latex theorem.tex --module bounds.py
    """
    from .derive import derive as make

    if fragment and latex is None:
        raise SymlipError("--fragment says how --latex is written: name its file, too")
    if (layers is None) == (architecture is None):
        raise SymlipError("give --layers, such as 3,4,1, or --architecture, one of the two")
    network = _network(layers, activation, output_activation) if layers is not None else _architecture(architecture or "")
    derivation = make(network, _set(parameter_set), method=method, order=order, cost=_cost(cost), variables=variables)
    derivation.check()
    if latex is not None:
        _write(latex, derivation.latex(fragment=fragment))
    if module is not None:
        _write(module, derivation.module())
    if as_json:
        print(json.dumps(_derivation_json(derivation), indent=1))
        return
    console = _console()
    _print_derivation(console, derivation)
    for path in (latex, module):
        if path is not None:
            console.print(f"wrote {path}")


@app.command()
def verify(
    name: str,
    digits: Digits = 50,
    networks: Annotated[int, typer.Option(help="How many networks.")] = 20,
    seed: Seed = 0,
    replay: Annotated[int | None, typer.Option(help="The index of one network of the run, to measure it alone.")] = None,
    derivations: Folder = None,
    as_json: Json = False,
) -> None:
    """Measure every step of a theorem on explicit networks in high precision.

    Example: symlip verify second_order_block --digits 50 --networks 100 --seed 0
    """
    from .verify import verify as run

    derivation = _theorem(name, derivations).make()
    derivation.check()
    with _progress() as bar:
        task = bar.add_task(f"{name}, {digits} digits", total=networks)
        update: Callable[[int, int], None] = lambda done, total: bar.update(task, completed=done, total=total)  # noqa: E731
        result = run(derivation, digits=digits, networks=networks, seed=seed, progress=update, only=replay)
    if as_json:
        steps = {step.name: {"rule": step.rule, "ratio": step.ratio, "verdict": step.verdict, "network": step.network} for step in result.steps.values()}
        print(json.dumps({"passed": result.passed, "worst_ratio": result.worst_ratio, "digits": digits, "seed": seed, "steps": steps}, indent=1))
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("step", "lemma", "largest measured / bound", "verdict", "on network"):
            table.add_column(column)
        for step in result.steps.values():
            ratio = f"{step.ratio:.6f}" if step.gap > 1e-6 or step.verdict != "below" else f"1 - {step.gap:.0e}"
            table.add_row(step.name, step.rule, ratio, step.verdict, step.network)
        console = _console()
        console.print(table)
        console.print(str(result))
    if not result.passed:
        raise typer.Exit(1)


@app.command()
def sharpness(
    name: Annotated[str | None, typer.Argument(help="A theorem with numbers for its depth and widths; or give --layers.")] = None,
    layers: Annotated[str | None, typer.Option(help="Your own widths, the inputs first: 3,4,1.")] = None,
    activation: ActivationName = "tanh",
    output_activation: OutputActivation = None,
    norms: Annotated[str, typer.Option(help="The common weight norms a.")] = "0.5,1,2,4",
    depths: Annotated[str, typer.Option(help="Numbers of layers to vary at a = 1, if any.")] = "",
    widths: Annotated[str, typer.Option(help="Hidden widths to vary at a = 1, if any.")] = "",
    input_norm: Annotated[float, typer.Option(help="The norm |x| of the input.")] = 1.0,
    starts: Annotated[int, typer.Option(help="How often the optimiser starts.")] = 12,
    seed: Seed = 0,
    figure: Annotated[Path | None, typer.Option(help="Write the map as a figure to this file (.pdf, .png or .svg).")] = None,
    derivations: Folder = None,
    as_json: Json = False,
) -> None:
    """How sharp the bounds are: every bound beside its lower bound, the witness and the best that an optimiser finds.

    The column best found is an estimate from below; all other numbers are proved. Layer balls, free biases.

    Example: symlip sharpness --layers 3,4,1 --activation tanh --depths 2,3,4 --figure map.pdf
    """
    from .sharpness_map import draw, sharpness_map

    if (name is None) == (layers is None):
        raise SymlipError("name a theorem or give --layers, one of the two")
    if figure is not None and figure.suffix not in (".pdf", ".png", ".svg"):
        raise SymlipError(f"--figure {figure}: it must end in .pdf, .png or .svg")
    network = _theorem(name, derivations).make().problem.network if name is not None else _network(layers or "", activation, output_activation)
    with _progress() as bar:
        task = bar.add_task("sharpness", total=None)
        update: Callable[[int, int], None] = lambda done, total: bar.update(task, completed=done, total=total)  # noqa: E731
        points = sharpness_map(
            network, _floats("--norms", norms), _integers("--depths", depths), _integers("--widths", widths), input_norm, starts, seed, progress=update
        )
    if figure is not None:
        _write_bytes(figure, draw(points, figure.suffix.removeprefix(".")))
    if as_json:
        print(json.dumps([point.as_json() for point in points], indent=1))
        return
    console = _console()
    columns = [name for name in ("separate", "paired", "block", "joint") if any(name in point.bounds for point in points)]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in ("constant", "a", "depth", "width", *columns, "found*", "witness", "lower"):
        table.add_column(column, justify="left" if column == "constant" else "right", no_wrap=True)
    for point in points:
        cells = [f"{point.bounds[c]:.4g}" if c in point.bounds else "-" for c in columns]
        witness = "-" if point.witness is None else f"{point.witness:.4g}"
        table.add_row(
            "network" if point.order == 1 else "gradient", f"{point.norm:g}", str(point.depth), str(point.width), *cells, f"{point.found:.4g}", witness,
            f"{point.bounds['lower']:.4g}",
        )  # fmt: skip
    console.print(table)
    console.print(
        "* the best that an optimiser found: an estimate from below. All others are proved bounds; witness: the full norm at the lower bound's network"
    )
    if figure is not None:
        console.print(f"wrote {figure}")


def _shape(network: Any) -> str:
    """A network in a few words."""
    if network.plain:
        return "-".join(map(str, network.widths))
    if not network.units:
        return f"neural ODE of width {network.widths[0]}" if network.widths else "controlled ODE"
    kinds = [unit.kind for unit in network.units]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    return f"{network.inputs} inputs, lines: {counted}" + (" (some tied)" if network.tied else "")


def _floats(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise SymlipError(f"{option} {text!r}: give numbers separated by commas, such as 0.5,1,2") from None


def _integers(option: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise SymlipError(f"{option} {text!r}: give integers separated by commas, such as 2,3,4") from None


@app.command()
def bound(
    weights: Path,
    activation: ActivationName = "tanh",
    output_activation: OutputActivation = None,
    cost: Annotated[str | None, typer.Option(help="A cost on top of the network; with --data softmax-cross-entropy unless another is given.")] = None,
    data: Data = None,
    radius: Annotated[float | None, typer.Option(help="With --data: certify on the ball of that radius about the weights.")] = None,
    samples: Samples = None,
    method: Annotated[str, typer.Option(help="With --data: norm (one pass over the data, layer by layer) or majorant (sharper, dearer).")] = "norm",
    probability: Annotated[
        float, typer.Option(help="majorant: with which the certificate may fail; 0: never (the whole matrix is enclosed, for at most 3000 parameters).")
    ] = 1e-6,
    plot: Annotated[Path | None, typer.Option(help="With --data and norm: a figure of the layers' matrix (.png, .svg, .pdf).")] = None,
    input_norm: Annotated[float, typer.Option(help="The norm |x| of the input.")] = 1.0,
    target_norm: Annotated[float, typer.Option(help="The norm |y| of the target (half squared error).")] = 1.0,
    as_json: Json = False,
) -> None:
    """Every bound side by side, at the norms of real weights; with --data and --radius a certificate near them.

    An .onnx file, a .safetensors file (its layers in the natural order of their names), or an .npz archive: A1, b1, A2, b2, .. of
    shape (out, in), or coefs_0, intercepts_0, .. of shape (in, out) as scikit-learn keeps them. The output layer is affine unless --output-activation is given (an .onnx graph says its own).
    The data: an .npz archive with inputs and targets (or X and y), one row a sample, or digits.

    Example: symlip bound tests/data/digits_mlp.npz --activation tanh --cost softmax-cross-entropy --input-norm 4.9

    Example: symlip bound tests/data/digits_mlp.npz --cost softmax-cross-entropy --data digits --radius 0.1
    """
    from .bounds_table import COLUMNS, bounds_of_model
    from .models import load

    if data is not None or radius is not None or plot is not None or samples is not None or method != "norm":
        if data is None or radius is None:
            raise SymlipError("a certificate near the weights needs both --data FILE and --radius R")
        _certificate(weights, activation, output_activation, cost, data, radius, samples, method, probability, plot, as_json)
        return

    if cost is not None and cost.startswith("risk:"):
        raise SymlipError(f"--cost {cost}: bound takes one input norm, not a data set; ask for --cost {cost.removeprefix('risk:')}")
    model = load(weights, activation, output_activation or "identity")
    found = bounds_of_model(model, _cost(cost), input_norm, target_norm)
    if as_json:
        print(json.dumps(found.as_json(), indent=1))
        return
    console = _console()
    network = model.network
    console.print(f"{weights.name}: {_shape(network)}, {', '.join(a.name for a in network.activations)}; |x| = {input_norm:g}")
    if model.total_variation is not None:
        console.print(f"total variation of the control {model.total_variation:g}")
    console.print("weight norms " + ", ".join(f"{a:.4g}" for a in model.weight_norms) + f"; norm of all parameters {model.radius:.4g}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("parameters", no_wrap=True)
    table.add_column("method", no_wrap=True)
    for column in found.columns:
        table.add_column(COLUMNS[column], justify="right")
    for row in found.rows:
        cells = (("=" if c in row.exact else "") + f"{row.values[c]:.5g}" if c in row.values else "-" for c in found.columns)
        table.add_row(row.parameters, row.method, *cells)
    console.print(table)
    if any(row.exact for row in found.rows):
        console.print("= the exact constant of that set; lower: lower bounds, the others are upper bounds")
    for note in found.notes:
        console.print(f"note: {note}")


def _certificate(
    weights: Path,
    activation: str,
    output_activation: str | None,
    cost: str | None,
    data: str,
    radius: float,
    samples: int | None,
    method: str,
    probability: float,
    plot: Path | None,
    as_json: bool,
) -> None:
    """The certificate on a ball about the weights, and what it says of each layer."""
    from .certify import certify
    from .local_report import layer_rows, layers_figure
    from .models import load

    if method not in ("norm", "majorant"):
        raise SymlipError(f"--method {method}: it is norm or majorant; along the gradient there is symlip step")
    if probability != 1e-6 and method != "majorant":
        raise SymlipError("--probability is a matter of --method majorant: norm is certain")
    if plot is not None and method != "norm":
        raise SymlipError("--plot shows the layers' matrix, which --method norm has")
    model = load(weights, activation, output_activation or "identity")
    pair = _data(data, samples)
    found = certify(model, pair, _sample_cost(cost), radius, method=method, probability=probability)
    if plot is not None:
        layers_figure(found, plot)
    if as_json:
        steps, matrix = found.layer_steps, found.layer_lipschitz
        result = {
            "method": method, "radius": radius, "samples": len(pair[0]), "cost_lipschitz": found.cost_lipschitz,
            "cost_gradient_lipschitz": found.cost_gradient_lipschitz, "step_constant": found.step_constant, "probability": found.probability,
            "layer_lipschitz": None if matrix is None else matrix.tolist(), "layer_steps": None if steps is None else steps.tolist(), "notice": model.notice,
        }  # fmt: skip
        print(json.dumps(_finite(result), indent=1))
        return
    console = _console()
    console.print(f"{weights.name}: {_shape(model.network)}, {', '.join(a.name for a in model.network.activations)}; {len(pair[0])} samples of {data}")
    if model.notice:
        console.print(f"note: {model.notice}")
    console.print(
        f"{_sample_cost(cost).name}; on the ball of radius {radius:g} about the weights, {'rounded up' if found.probability else 'proved and rounded up'}:"
    )
    if found.cost_lipschitz is not None:
        console.print(f"  Lipschitz constant of the average cost               {_up(found.cost_lipschitz)}")
    console.print(f"  Lipschitz constant of its gradient (largest Hessian) {_up(found.cost_gradient_lipschitz)}")
    if method == "majorant":
        if found.cost_gradient_lipschitz == float("inf"):
            console.print(f"there is no finite bound: {_no_bound(model)}", soft_wrap=True)
            return
        console.print(f"  what a step inside the ball needs                    {_up(found.step_constant)}")
        if found.probability:
            console.print(f"except with probability {found.probability:g} over the random start of Lanczos' iteration; its rounding is included")
        return
    if found.cost_gradient_lipschitz == float("inf"):
        console.print(f"there is no finite bound: {_no_bound(model)}", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("layer", "second derivative", "share", "step"):
        table.add_column(column, justify="left" if column == "layer" else "right")
    for row in layer_rows(found):
        table.add_row(*row)
    console.print(table)
    console.print(
        "second derivative: in the layer's own parameters; share: of the constant;\nstep: with these steps, one a layer, descent inside the ball is proved",
        soft_wrap=True,
    )
    if plot is not None:
        console.print(f"wrote {plot}")


@app.command()
def step(
    weights: Path,
    data: Annotated[str, typer.Option(help=DATA_HELP)],
    cost: Annotated[str, typer.Option(help="The cost, averaged over the data.")] = "softmax-cross-entropy",
    activation: ActivationName = "tanh",
    output_activation: OutputActivation = None,
    method: Annotated[str, typer.Option(help="line (the direction's own certificate), majorant or norm (a ball's).")] = "line",
    pieces: Annotated[int, typer.Option(help="line: so many pieces, one after the other.")] = 1,
    samples: Samples = None,
    out: Annotated[Path | None, typer.Option(help="Write the new weights to this .npz archive.")] = None,
    as_json: Json = False,
) -> None:
    """The step along minus the gradient with the largest decrease of the cost that is proved.

    Example: symlip step tests/data/digits_mlp.npz --data digits --pieces 3
    """
    from .certify import certified_step, with_parameters
    from .models import check_archive_path, load, save
    from .objective import Objective

    if out is not None:
        check_archive_path(out)
    model = load(weights, activation, output_activation or "identity")
    pair, on = _data(data, samples), _sample_cost(cost)
    found = certified_step(model, pair, on, method, pieces)
    after = Objective(model.network, on, *pair).value(found.parameters)  # type: ignore[arg-type]
    if out is not None:
        save(with_parameters(model, found.parameters), out)
    if as_json:
        print(json.dumps({
            "size": found.size, "guaranteed_decrease": found.guaranteed_decrease, "radius": found.radius, "method": method, "pieces": found.pieces,
            "cost": found.cost, "cost_after": after, "gradient_norm": found.gradient_norm, "notice": model.notice,
        }, indent=1))  # fmt: skip
        return
    console = _console()
    console.print(f"{weights.name}: {_shape(model.network)}, {', '.join(a.name for a in model.network.activations)}; {len(pair[0])} samples of {data}")
    console.print(f"{on.name} {found.cost:.6g}, norm of its gradient {found.gradient_norm:.6g}")
    if model.notice:
        console.print(f"note: {model.notice}")
    console.print(f"step size              {found.size:.6g}")
    console.print(f"guaranteed decrease    {found.guaranteed_decrease:.6g}")
    console.print(f"actual decrease        {found.cost - after:.6g}   (cost {after:.6g} afterwards)")
    for number, (length, fall) in enumerate(found.pieces, 1):
        if len(found.pieces) > 1:
            what = "guaranteed decrease" if number == len(found.pieces) else "decrease"  # of a piece that is done it is known
            console.print(f"  piece {number}: length {length:.4g}, {what} {fall:.4g}")
    if method == "line":
        console.print(
            f"largest second derivative of the cost along the {'last piece' if len(found.pieces) > 1 else 'segment'}: at most {_up(found.certificate.curvature)}"
        )
    else:
        console.print(f"constant that steps in the ball of radius {found.radius:.4g} need: at most {_up(found.certificate.step_constant)}")
    if out is not None:
        console.print(f"wrote {out}")


@app.command(name="train-demo")
def train_demo(
    iterations: Annotated[int, typer.Option(help="Full-batch iterations of each method.")] = 500,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer samples, fewer tasks.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Write the figure here (.png, .svg, .pdf).")] = None,
    as_json: Json = False,
) -> None:
    """Gradient descent with certified steps beside line search, the best fixed step and 1 / lambda_max.

    On scikit-learn's digits and on a regression; every certified step is checked to descend by what was proved.

    Example: symlip train-demo --quick --iterations 50
    """
    from .local_report import check_figure_path
    from .training import METHODS, compare, draw, named_tasks, robbins_monro

    if iterations < 1:
        raise SymlipError(f"--iterations {iterations}: it must be a positive integer")
    if plot is not None:
        check_figure_path(plot)
    tasks = named_tasks(quick)
    with _progress() as progress:
        bar = progress.add_task("training", total=len(tasks) * len(METHODS))
        seen: set[str] = set()

        def report(label: str, _: int) -> None:
            seen.add(label)
            progress.update(bar, description=label, completed=len(seen))

        found = compare(tasks, iterations, progress=report)
    if plot is not None:
        draw(found, plot)
    stochastic = {task.name: robbins_monro(task, 10 * iterations) for task in tasks}
    violations = sum(run.violations for runs in found.runs.values() for run in runs)
    if as_json:
        shown = {name: {"losses": run.losses, "constant": run.constant, "farthest": run.farthest} for name, run in stochastic.items()}
        print(json.dumps({**found.as_json(), "stochastic": shown, "violations": violations}, indent=1))
    else:
        console = _console()
        for task in found.runs:
            console.print(task, style="bold")
            table = Table(box=None, pad_edge=False, header_style="bold")
            for column in ("method", "last loss", "seconds", "actual/proved", "note"):
                table.add_column(column, justify="left" if column in ("method", "note") else "right", no_wrap=True)
            for row in found.rows():
                if row[0] == task:
                    table.add_row(*row[1:])
            console.print(table)
            run = stochastic[task]
            console.print(
                f"stochastic, batches of 32, steps (1/{run.constant:.3g})/sqrt(1+k/50): loss {run.losses[0]:.4g} to {run.losses[-1]:.4g} in {10 * iterations} steps",
                soft_wrap=True,
            )
        _console().print(f"actual/proved: the smallest over all iterations; {violations} violations")
        if plot is not None:
            _console().print(f"wrote {plot}")
    if violations:
        _fail(f"{violations} certified steps fell by less than was proved", 1)


def _no_bound(model: Any) -> str:
    """Why a certificate is infinite."""
    from .suprema import pieces_of

    kinked = [a.name for a in model.network.activations if len(pieces_of(a.name, a.expression)) > 1]
    if kinked:
        return f"a kink of {kinked[0]} lies within the radius of some neuron; take a smaller radius, or a smooth activation such as softplus"
    return "the numbers overflow; take a smaller radius, or scale the data"


def _finite(value: Any) -> Any:
    """The same for JSON, which has no infinity: null."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _up(value: float | None) -> str:
    """A bound with six digits, rounded up."""
    if value is None or value != value or value in (float("inf"), 0.0):
        return str(value)
    text = f"{value:.6g}"
    return text if float(text) >= value else f"{value * (1 + 5e-6):.6g}"


def _sample_cost(name: str | None) -> Any:
    """The cost of one sample that is averaged over the data."""
    return _cost((name or "softmax-cross-entropy").removeprefix("risk:"))


def _data(name: str, samples: int | None) -> tuple[Any, Any]:
    """Inputs and targets of an archive, or scikit-learn's digits."""
    from .models import read_data

    if samples is not None and samples < 1:
        raise SymlipError(f"--samples {samples}: it must be a positive integer")
    inputs, targets = read_data(name)
    return (inputs, targets) if samples is None else (inputs[:samples], targets[:samples] if targets.ndim else targets)


if __name__ == "__main__":
    main()
