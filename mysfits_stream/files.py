"""The files that are kept beside the configuration: written whole, and trouble with them said in one line."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mysfits_stream.errors import StateError


@contextmanager
def state_errors(directory: Path) -> Iterator[None]:
    """What the file system refuses becomes a StateError that names the directory."""
    try:
        yield
    except OSError as error:
        raise StateError(
            f"{directory}: cannot be used ({error.strerror or error}: {error.filename or 'no file'}). "
            "It has to be a directory that you may write to, on a disk with room left"
        ) from error


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader, or a crash, meets the old text or the new one and nothing between."""
    with state_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".new")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
