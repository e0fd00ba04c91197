"""The files of a deployment package in /var/task, with the rights of the runtime's user."""

from __future__ import annotations

import io
import stat
import uuid
import zipfile
from pathlib import Path

UNIX = 3  # the system in a zip entry whose external attributes hold a Unix mode


def unpack(zip_bytes: bytes, directory: Path) -> None:
    """Unpack a deployment package.

    ``directory`` is either complete or absent, also after an error.
    """
    unfinished = directory.with_name(f"unpacking-{uuid.uuid4().hex}")
    with zipfile.ZipFile(io.BytesIO(zip_bytes)) as archive:
        archive.extractall(unfinished)
    unfinished.rename(directory)


def unreadable(zip_bytes: bytes) -> list[str]:
    """The regular files without read permission for others, unreadable for the runtime's user.

    An entry without a file type, the default of Python's ``writestr``, counts as readable.
    """
    with zipfile.ZipFile(io.BytesIO(zip_bytes)) as archive:
        modes = {
            entry.filename: entry.external_attr >> 16
            for entry in archive.infolist()
            if entry.create_system == UNIX
        }
    return [name for name, mode in modes.items() if stat.S_ISREG(mode) and not mode & stat.S_IROTH]
