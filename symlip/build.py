"""Write what is derived: for each file of derivations/ its LaTeX, module, verification and figure data.

Every text file is a pure function of the derivation: the same bytes on every run and machine. All files of a run are
written beside their places first and moved there at the end, so that an interruption leaves each either old or new.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

from .calculus import Derivation
from .errors import MissingExtra, SymlipError
from .fields import Field

DIGITS, NETWORKS, SEED = 50, 20, 0
FLOW_DIGITS, FLOWS = 30, 4
"""The same for continuous depth, where every network is solved anew at two precisions, for a second or more."""

NEAR_DIGITS, NEAR_NETWORKS = 30, 9
"""The same near given weights, where every derivative is measured on data, along several directions."""


@dataclass(frozen=True)
class Theorem:
    """One file of derivations/: its name, its docstring's first line, the rest of it, and the derivation it makes.

    sharpness: the options of `sharpness_map`, from the file's SHARPNESS, if its report shows the map.
    networks: how many networks it is verified on, from the file's NETWORKS, where each costs a search; None for as many as usual.
    """

    name: str
    title: str
    about: str
    make: Callable[[], Derivation]
    sharpness: dict[str, Any] | None = None
    networks: int | None = None


def derivations_folder() -> Path:
    """The project's derivations/ (in the working folder or beside the package), else the copy in the installed package."""
    for place in (Path.cwd() / "derivations", Path(__file__).parent.parent / "derivations", Path(__file__).parent / "_derivations"):
        if place.is_dir() and any(place.glob("*.py")):
            return place
    raise SymlipError("no derivations/ folder was found: run symlip in the project's folder or name it with --derivations")


def theorems(folder: Path | None = None) -> dict[str, Theorem]:
    """All theorems of a folder, by name. Raises SymlipError for a file that cannot be read as one."""
    folder = derivations_folder() if folder is None else folder
    if not folder.is_dir():
        raise SymlipError(f"{folder}: there is no such folder")
    found = {}
    for path in sorted(folder.glob("*.py")):
        if path.name.startswith("_"):
            continue
        specification = importlib.util.spec_from_file_location(f"symlip_derivation_{path.stem}", path)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        try:
            specification.loader.exec_module(module)
        except Exception as error:
            raise SymlipError(f"{path.name}: it cannot be loaded: {str(error) or type(error).__name__}") from error
        text = (module.__doc__ or "").strip()
        if not text or not callable(getattr(module, "derivation", None)):
            raise SymlipError(f"{path.name}: a derivation file needs a docstring (the statement) and a function derivation()")
        title, _, about = text.partition("\n")
        title = title.removeprefix("Theorem:").strip().rstrip(".")
        options = getattr(module, "SHARPNESS", None), getattr(module, "NETWORKS", None)
        found[path.stem] = Theorem(path.stem, title[:1].upper() + title[1:], about.strip(), module.derivation, *options)
    if not found:
        raise SymlipError(f"{folder}: it holds no derivation files")
    return found


def texts(theorem: Theorem, progress: Callable[[str], None] | None = None) -> dict[str, str]:
    """The text files of one theorem, by relative path. Raises SymlipError if a check or the verification fails."""
    from .activations import latex_escape
    from .report.document import render, whole_document
    from .report.figures import caption, ratios

    say = progress or (lambda _: None)
    say("derive")
    derivation = theorem.make()
    say("check")
    derivation.check(obligations=True)
    say("verify")
    digits, networks = DIGITS, NETWORKS
    if isinstance(derivation.problem.network, Field):
        digits, networks = FLOW_DIGITS, FLOWS
    elif derivation.problem.local:
        digits, networks = NEAR_DIGITS, NEAR_NETWORKS
    networks = theorem.networks or networks
    verification = derivation.verify(digits=digits, networks=networks, seed=SEED)
    if not verification.passed:
        raise BuildFailure(f"{theorem.name}: {verification}")
    points = None
    if theorem.sharpness is not None:
        from .sharpness_map import sharpness_map

        say("sharpness map")
        points = [point.as_json() for point in sharpness_map(derivation.problem.network, **theorem.sharpness)]
    say("write")
    figure = figure_data(derivation)
    options: dict[str, Any] = {
        "title": theorem.title,
        "name": theorem.name,
        "verification": verification,
        "figure": f"{theorem.name}-figure.pdf" if any(figure["curves"]["norm"].values()) else None,
        "figure_caption": caption(figure, derivation),
        "ratios": ratios(derivation),
        "sharpness": points,
        "sharpness_figure": f"{theorem.name}-sharpness.pdf",
    }
    result = {
        "theorem": theorem.title,
        "results": {name: str(symbol) for name, symbol in derivation.results.items()},
        "definitions": [[str(symbol), str(expression)] for symbol, expression in derivation.definitions],
        "steps": [
            {"name": step.name, "rule": step.rule.name, "premises": list(step.premises), "verdict": _verdict(verification, step.name)}
            for step in derivation.steps.values()
        ],
        "verification": {"digits": digits, "networks": networks, "seed": SEED, "passed": verification.passed},
        "figure": figure,
    }
    if points is not None:
        result["sharpness"] = [{key: value if isinstance(value, int) else float(f"{value:.4g}") for key, value in point.items()} for point in points]
    report = render(derivation, fragment=True, **options)
    return {
        f"{theorem.name}/{theorem.name}.tex": whole_document(report, latex_escape(theorem.title)),
        f"{theorem.name}/{theorem.name}-appendix.tex": report,
        f"{theorem.name}/{theorem.name}.py": derivation.module(),
        f"{theorem.name}/{theorem.name}.json": json.dumps(result, indent=1, sort_keys=False) + "\n",
    }


class BuildFailure(Exception):
    """A derivation was made, but a check or its verification failed."""


def _verdict(verification: Any, name: str) -> dict[str, Any] | None:
    report = verification.steps.get(name)
    if report is None:
        return None
    return {"verdict": report.verdict, "ratio": f"{report.ratio:.6f}", "measured": report.measured}


def figure_data(derivation: Derivation) -> dict[str, Any]:
    """The numbers that the theorem's figure shows, from its own definitions in high precision."""
    from .report.figures import data

    return data(derivation)


def processors() -> int:
    """How many processes may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(function: Callable[[str], Any], names: list[str], jobs: int, done: Callable[[str], None]) -> dict[str, Any]:
    """function(name) for each name, in so many processes; done(name) is called as each ends. Its errors are raised here."""
    found: dict[str, Any] = {}
    if jobs == 1 or len(names) == 1:
        for name in names:
            found[name] = function(name)
            done(name)
        return found
    # an interruption is for this process, which ends the others
    with ProcessPoolExecutor(min(jobs, len(names)), get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        futures = {pool.submit(_reporting, function, name): name for name in names}
        try:
            for future in as_completed(futures):
                error, result = future.result()
                if error is not None:
                    raise error(result)
                found[futures[future]] = result
                done(futures[future])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise
    return {name: found[name] for name in names}


def _reporting(function: Callable[[str], Any], name: str) -> tuple[type[Exception] | None, Any]:
    """What it returns, or the kind and the line of its error: both can be sent to another process."""
    try:
        return None, function(name)
    except BuildFailure as failure:
        return BuildFailure, str(failure)
    except SymlipError as error:
        return SymlipError, str(error)


def _texts_of(folder: Path | None, name: str) -> dict[str, str]:
    return texts(theorems(folder)[name])


def generated_texts(names: list[str], folder: Path | None, progress: Callable[[str, str], None] | None = None, jobs: int = 1) -> dict[str, str]:
    """The text files of the named theorems (all, if none is named), with the table of contents if all are built.

    progress: called with a name and what is done; once for a whole theorem where several jobs (processes) run.
    """
    known = theorems(folder)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SymlipError(f"no theorem {unknown[0]!r}: known are {', '.join(known)}")
    found: dict[str, str] = {}
    wanted, say = names or list(known), progress or (lambda _, __: None)
    if jobs > 1 and len(wanted) > 1:
        made = in_processes(partial(_texts_of, folder), wanted, jobs, lambda name: say(name, "done"))
    else:
        made = {name: texts(known[name], partial(say, name)) for name in wanted}
    for each in made.values():
        found.update(each)
    if not names:
        rows = "".join(f"- [{theorem.title}]({name}/{name}.tex)\n" for name, theorem in known.items())
        found["README.md"] = f"# Generated theorems\n\nWritten by `symlip build`; `symlip build --check` fails when one is stale.\n\n{rows}"
    return found


def write_all(texts_by_path: dict[str, str], target: Path) -> list[Path]:
    """Write all files, each beside its place first; only when all are written are they moved there."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        pending = []
        for relative, text in texts_by_path.items():
            path = target / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".symlip-", suffix=".part")
            pending.append((Path(temporary), path))
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            os.chmod(temporary, 0o644)
    except OSError as error:
        _remove(pending if "pending" in locals() else [])
        raise SymlipError(f"{target}: it cannot be written ({error.strerror or error})") from error
    except BaseException:
        _remove(pending)
        raise
    for temporary_path, path in pending:
        os.replace(temporary_path, path)
    return [path for _, path in pending]


def _remove(pending: list[tuple[Path, Path]]) -> None:
    for temporary, _ in pending:
        temporary.unlink(missing_ok=True)


def stale(texts_by_path: dict[str, str], target: Path, whole: bool) -> list[str]:
    """The relative paths that are missing, differ, or (for a whole build) should not be there."""
    found = [
        relative for relative, text in texts_by_path.items() if not (target / relative).is_file() or (target / relative).read_text(encoding="utf-8") != text
    ]
    if whole and target.is_dir():
        extra = [path.relative_to(target).as_posix() for path in target.rglob("*") if path.suffix in (".tex", ".py", ".json", ".md")]
        found += [f"{relative} (no derivation makes it)" for relative in sorted(extra) if relative not in texts_by_path]
    return found


def pdf(target: Path, name: str) -> list[str]:
    """Make the figure and the PDF of a built theorem; return the warnings a reader would see (a missing figure is one)."""
    from .report.figures import draw
    from .report.pdf import make_pdf

    place = target / name
    data = json.loads((place / f"{name}.json").read_text(encoding="utf-8"))
    notes = []
    figures = {}
    try:
        if any(data["figure"]["curves"]["norm"].values()):
            figures[f"{name}-figure.pdf"] = draw(data["figure"])
        if "sharpness" in data:
            from .sharpness_map import Point
            from .sharpness_map import draw as draw_map

            figures[f"{name}-sharpness.pdf"] = draw_map([Point.from_json(point) for point in data["sharpness"]], "pdf")
    except MissingExtra as missing:
        notes.append(f"without its figure: {missing}")
    return make_pdf((place / f"{name}.tex").read_text(encoding="utf-8"), place / f"{name}.pdf", figures) + notes


__all__ = ["BuildFailure", "Theorem", "generated_texts", "in_processes", "pdf", "processors", "stale", "theorems", "write_all"]
