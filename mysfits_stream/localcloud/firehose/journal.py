"""The accepted records since the last save, in append-only files, for a restart."""

from __future__ import annotations

import logging
import os
import pickle
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mysfits_stream.localcloud.files import open_file

NAME = re.compile(r"local-cloud\.records-(\d{8,})")
LONGEST_ENTRY = 16 * 1024 * 1024
"""Bytes; a call of PutRecordBatch has records of 4 MB at most."""
HEADER = struct.Struct(">II")  # the length of an entry, and its checksum

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Put:
    """The records of an accepted call; ``arrived`` is in milliseconds since the epoch."""

    region: str
    stream: str
    created: float
    arrived: int
    records: Sequence[bytes]


class DamagedError(Exception):
    """An entry of a journal is not as it was written; the entries after it cannot be found."""


class Journal:
    """Appends puts to the file with the highest number in a directory; the caller has a lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._number = max(_numbers(directory), default=0)
        self._file: int | None = None
        self.length = 0
        """Bytes in the current file."""

    def append(self, put: Put) -> None:
        """Write the records of a put, or raise OSError and leave the file unchanged."""
        if self._file is None:
            raise OSError("the journal is closed")
        entry = pickle.dumps((put.region, put.stream, put.created, put.arrived, tuple(put.records)))
        data = HEADER.pack(len(entry), zlib.crc32(entry)) + entry
        try:
            written = os.write(self._file, data)
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            os.ftruncate(self._file, self.length)
            raise
        self.length += len(data)

    def begin_next(self) -> int:
        """Start a new file and return the number of the file."""
        path = self._directory / _name(self._number + 1)
        following = open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
        self.close()
        self._file, self._number, self.length = following, self._number + 1, 0
        return self._number

    def remove_before(self, number: int) -> None:
        """Remove the files with a lower number."""
        for found in _numbers(self._directory):
            if found < number:
                (self._directory / _name(found)).unlink(missing_ok=True)

    def close(self) -> None:
        """Append no more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read(directory: Path, first: int) -> Iterator[Put]:
    """The puts of all files from number ``first`` on, in order.

    An incomplete entry at the end of a file is left out: the process was killed before the put was answered.
    Raises DamagedError for any other damage.
    """
    for number in sorted(_numbers(directory)):
        if number >= first:
            yield from _entries(directory / _name(number))


def _entries(path: Path) -> Iterator[Put]:
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        while header := file.read(HEADER.size):
            length, checksum = HEADER.unpack(header) if len(header) == HEADER.size else (0, 0)
            entry = file.read(min(length, LONGEST_ENTRY))
            whole = len(header) == HEADER.size and len(entry) == length
            if length > LONGEST_ENTRY or (whole and zlib.crc32(entry) != checksum):
                place = file.tell() - len(entry) - len(header)
                raise DamagedError(
                    f"{path}: damaged at byte {place}; move the file away to start without its records"
                )
            if not whole:
                log.warning("%s: the last entry is incomplete; its put was not answered", path)
                return
            yield Put(*pickle.loads(entry))  # noqa: S301, from the directory that is trusted anyway


def _numbers(directory: Path) -> list[int]:
    if not directory.is_dir():
        return []
    return [int(found[1]) for each in directory.iterdir() if (found := NAME.fullmatch(each.name))]


def _name(number: int) -> str:
    return f"local-cloud.records-{number:08d}"
