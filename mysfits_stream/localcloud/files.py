"""Regular files, replaced as a whole, never read or written through a symbolic link."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST = 1024 * 1024
"""Bytes of a file of ours at most; a file from elsewhere may be endless."""


class KeepingError(Exception):
    """The ``keep`` directory cannot be read or written: one line for the user."""


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
    finally:
        unfinished.unlink(missing_ok=True)


def open_file(path: Path, flags: int) -> int:
    """A file descriptor of ``path``, mode 0600.

    OSError if ``path`` is a link or not a regular file.
    """
    try:
        # O_NONBLOCK: opening a named pipe would wait for its other end.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "Is a symbolic link", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Is not a regular file", str(path))
    return descriptor


def read_file(path: Path) -> bytes:
    """The content of a file.

    OSError for a link, for anything but a regular file, and over LARGEST bytes.
    """
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content


def read_end(path: Path) -> bytes:
    """The last LARGEST bytes of a file, or the content of a shorter file.

    OSError as :func:`read_file`.
    """
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LARGEST))
        return file.read(LARGEST)
