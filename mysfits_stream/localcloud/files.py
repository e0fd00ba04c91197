"""Files that are replaced as a whole, and never written through a symbolic link."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def replace_file(path: Path, content: bytes | memoryview) -> None:
    """Replace a file so that a reader or a crash meets the old content or the new content.

    The file has mode 0600. One process at a time may replace the file: the unfinished file has a fixed name,
    so that the next call removes the file of a killed process.
    """
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    try:
        with os.fdopen(open_file(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def open_file(path: Path, flags: int) -> int:
    """A file descriptor of ``path``, mode 0600; OSError if ``path`` is a symbolic link."""
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "Is a symbolic link", str(path)) from error
        raise
