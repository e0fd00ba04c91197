"""Persists the control plane over a restart: resources, objects, log events, metrics.

moto's state is pickled, so a file is readable only by the writing versions of moto and of this package, and
only from a directory trusted as much as the program itself.
"""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.files import KeepingError, open_file, replace_file
from mysfits_stream.localcloud.version import VERSION

FILE = "local-cloud.pickle"
WRITTEN_BY = f"mysfits-stream {VERSION} with moto {moto_state.VERSION}"


def save(directory: Path, own: dict[str, Any]) -> None:
    """Write everything to the directory, whole or not at all; ``own`` is our part, plain data."""
    write(directory, dump(own))


def dump(own: dict[str, Any]) -> memoryview:
    """A copy of everything as bytes."""
    buffer = io.BytesIO()
    moto_state.pickler(buffer).dump((WRITTEN_BY, moto_state.dump(), own))
    return buffer.getbuffer()


def write(directory: Path, copy: memoryview) -> None:
    """Write the result of :func:`dump`, whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(directory / FILE, copy)


def load(directory: Path) -> dict[str, Any] | None:
    """Restore the file of :func:`save` into an empty control plane; returns ``more``, or None.

    Raises KeepingError.
    """
    path = directory / FILE
    try:
        with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
            written_by, *written = pickle.load(file)  # noqa: S301, see above
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged pickle may raise anything
        raise KeepingError(f"{path}: cannot be read: {type(error).__name__}: {error}") from error
    if written_by != WRITTEN_BY:
        raise KeepingError(
            f"{path}: was written by {written_by}, this is {WRITTEN_BY}; remove it to start anew"
        )
    state, own = written
    moto_state.restore(state)
    kept: dict[str, Any] = own
    return kept
