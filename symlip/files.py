"""Files that are written as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import SymlipError


def check_destination(path: str | Path, suffixes: tuple[str, ...], what: str) -> Path:
    """The path; SymlipError, with `what` for another suffix, unless a file can be written there: before the work, not after it."""
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise SymlipError(f"{path.name}: {what}")
    if not path.parent.is_dir():
        raise SymlipError(f"{path.parent}: there is no such folder for {path.name}")
    return path


def write_bytes(path: Path, content: bytes) -> None:
    """Write one file beside its place and move it there. Raises SymlipError where that is not possible."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".symlip-", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SymlipError(f"{path}: it cannot be written ({error.strerror or error})") from error
