"""Files beside the configuration: atomic writes, and errors in a single line."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mysfits_stream.errors import MysfitsStreamError, StateError

LARGEST = 16 * 1024 * 1024
"""Bytes of a file of ours at most; a file from elsewhere may be endless."""
NO_LINK, NO_WAIT = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_NONBLOCK", 0)  # POSIX only


@contextmanager
def state_errors(directory: Path) -> Iterator[None]:
    """Raise OSError as a StateError with the directory.

    A symbolic link in place of the directory is rejected: a repository can contain a link to anywhere.
    """
    try:
        reject_link(directory)
        yield
    except OSError as error:
        raise StateError(
            f"{directory}: cannot be used ({error.strerror or error}: {error.filename or 'no file'}). "
            "It has to be a directory without symbolic links that you may write to, on a disk with room left"
        ) from error


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that readers and crashes find either the old text or the new text.

    The caller holds the lock of the file: an unfinished file is left from a killed run, and replaced.
    """
    with state_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.new")
        unfinished.unlink(missing_ok=True)
        try:
            with open(unfinished, "x", encoding="utf-8", opener=_private) as file:
                file.write(text)
            publish(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)


def read_own(path: Path) -> bytes:
    """The content of a file written by this program.

    OSError for a link or a device, possible in a repository, and for a file of over LARGEST bytes.
    """
    # O_NONBLOCK: opening a named pipe would wait for its other end.
    with os.fdopen(os.open(path, os.O_RDONLY | NO_LINK | NO_WAIT), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "Is not a regular file", str(path))
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content


def make_private(directory: Path) -> None:
    """Make a directory for the tool's own files, ignored by git; raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError), (directory / ".gitignore").open("x", encoding="utf-8") as file:
        file.write("*\n")


def publish(unfinished: Path, path: Path) -> None:
    """Give a finished file its name, with mode 0600.

    After a crash the file is complete or absent.

    A symbolic link with the name is replaced, not followed.
    """
    with unfinished.open("rb") as file:
        os.fchmod(file.fileno(), 0o600)
        os.fsync(file.fileno())
    unfinished.replace(path)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file requested by the user; gets its name when complete, and replaces an older file.

    A link is followed. A device or a pipe is written to, and stays what it is. Raises MysfitsStreamError.
    """
    unfinished: Path | None = None
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.exists() and not path.is_file():
            with path.open("wb") as device:
                yield device
            return
        target = path.resolve() if path.is_symlink() else path
        unfinished = target.with_name(f".{target.name[:100]}.{os.getpid()}.new")
        with open_private(unfinished) as file:
            yield file
        publish(unfinished, target)
    except OSError as error:
        raise MysfitsStreamError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if unfinished:
            unfinished.unlink(missing_ok=True)


def open_private(path: Path) -> BinaryIO:
    """Open a new file for writing, readable by the user only; raises FileExistsError."""
    return open(path, "xb", opener=_private)


def reject_link(path: Path) -> None:
    """Raise OSError for a symbolic link, before ``path`` is opened for writing."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "Is a symbolic link", str(path))


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
