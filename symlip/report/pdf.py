"""LaTeX to PDF, where a TeX is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from ..errors import SymlipError


def tex_program() -> str | None:
    """The first of latexmk, pdflatex and tectonic that is installed."""
    return next((program for program in ("latexmk", "pdflatex", "tectonic") if shutil.which(program)), None)


PASSES = 4
"""Of pdflatex, at most: two, and more while references still move."""

NO_TEX = "no PDF was made: no TeX is installed (for example: apt-get install texlive-latex-extra texlive-pictures lmodern)"


def make_pdf(source: str, target: Path, figures: dict[str, bytes] | None = None) -> list[str]:
    """Compile a LaTeX document to `target`; return the warnings that a reader would see.

    figures: file name -> content, put beside the document. Raises SymlipError without a TeX or if it fails.
    """
    program = tex_program()
    if program is None:
        raise SymlipError(NO_TEX)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "report.tex").write_text(source, encoding="utf-8")
        for name, content in (figures or {}).items():
            (place / name).write_bytes(content)
        options = ["-interaction=nonstopmode", "-halt-on-error", "report.tex"]
        if program == "tectonic":
            commands = [["tectonic", "--keep-logs", "report.tex"]]
        else:
            commands = [["pdflatex", *options]] * PASSES if shutil.which("pdflatex") else [["latexmk", "-pdf", *options]]
        log = ""
        for number, command in enumerate(commands, 1):
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, errors="replace", check=False)
            if done.returncode != 0:
                error = next((line for line in done.stdout.splitlines() if line.startswith("!")), "see its log")
                raise SymlipError(f"{command[0]} could not compile the report: {error}")
            log = (place / "report.log").read_text(encoding="utf-8", errors="replace") if (place / "report.log").exists() else ""
            if number > 1 and "Rerun to get" not in log:  # the first pass writes the references, the second one reads them
                break
        temporary = target.with_name(target.name + ".part")
        shutil.copyfile(place / "report.pdf", temporary)
        temporary.replace(target)
    return visible_warnings(log)


def visible_warnings(log: str) -> list[str]:
    """Overfull lines, undefined references and missing characters in a TeX log."""
    joined = re.sub(r"(?<=.{79})\n", "", log)
    patterns = (
        r"Overfull \\[hv]box \(([1-9]\d*\.\d+|0\.[5-9]\d*)pt too (?:wide|high).*",
        r"LaTeX Warning: (?:Reference|Citation|Label).*",
        r"Missing character.*",
    )
    return [match.group(0) for pattern in patterns for match in re.finditer(pattern, joined)]
