"""Unpacks objects and packs objects in the original format: plain, GZIP, ZIP, Snappy (F88)."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

from mysfits_stream.clicks.unpacking import GZIP, HADOOP_ENDINGS, SNAPPY, ZIP, UnreadableError, unpacked

HADOOP_BLOCK = 256 * 1024
"""Bytes of a block before compression, as Hadoop's codec writes them by default."""

BINARY = (b"PAR1", b"ORC")
"""The first bytes of formats without lines."""

Change = Callable[[bytes], bytes]


def changed(body: bytes, key: str, change: Change) -> bytes:
    """The object after ``change`` of its unpacked contents; ``body`` if nothing changes.

    Raises UnreadableError for an object that cannot be unpacked or has no lines.
    """
    if body.startswith(BINARY):
        raise UnreadableError("a binary format without lines")
    if body.startswith(ZIP):
        return _changed_zip(body, key, change)
    before = unpacked(body, key)
    after = change(before)
    if after == before:
        return body
    if body.startswith(GZIP):
        return gzip.compress(after, compresslevel=6)
    if body.startswith(SNAPPY):
        return bytes(_cramjam().snappy.compress(after))
    return _hadoop_snappy(after) if key.endswith(HADOOP_ENDINGS) else after


def contents(body: bytes, key: str) -> bytes:
    """The unpacked contents. Raises UnreadableError."""
    if body.startswith(BINARY):
        raise UnreadableError("a binary format without lines")
    return unpacked(body, key)


def _changed_zip(body: bytes, key: str, change: Change) -> bytes:
    unpacked(body, key)  # raises UnreadableError for a damaged archive
    target, is_changed = io.BytesIO(), False
    with zipfile.ZipFile(io.BytesIO(body)) as archive, zipfile.ZipFile(target, "w") as written:
        for entry in archive.infolist():
            before = archive.read(entry)
            after = change(before)
            is_changed |= after != before
            written.writestr(entry, after, entry.compress_type)
    return target.getvalue() if is_changed else body


def _hadoop_snappy(text: bytes) -> bytes:
    """Blocks of a single chunk, each with the length of the block and of the chunk."""
    blocks = []
    for at in range(0, len(text), HADOOP_BLOCK):
        block = text[at : at + HADOOP_BLOCK]
        chunk = bytes(_cramjam().snappy.compress_raw(block))
        blocks.append(struct.pack(">II", len(block), len(chunk)) + chunk)
    return b"".join(blocks)


def _cramjam() -> Any:
    # The object was unpacked by the same package.
    import cramjam

    return cramjam
