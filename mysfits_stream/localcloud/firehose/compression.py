"""The compression formats of a delivery stream (F88)."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile

import cramjam

HADOOP_BLOCK = 256 * 1024  # what Hadoop's Snappy codec takes at once by default


def compressed(data: bytes, compression: str, name: str) -> bytes:
    """Compress ``data`` in a format of CompressionFormat.

    ``name`` is the entry's name in a ZIP archive.
    """
    if compression == "GZIP":
        return gzip.compress(data)
    if compression == "ZIP":
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as entries:
            entries.writestr(name, data)
        return archive.getvalue()
    if compression == "Snappy":
        return bytes(cramjam.snappy.compress(data))
    if compression == "HADOOP_SNAPPY":
        return b"".join(
            _hadoop_block(data[at : at + HADOOP_BLOCK]) for at in range(0, len(data), HADOOP_BLOCK)
        )
    return data


def _hadoop_block(data: bytes) -> bytes:
    """A block: the length of the block, the length of the only chunk, and the chunk."""
    chunk = bytes(cramjam.snappy.compress_raw(data))
    return struct.pack(">II", len(data), len(chunk)) + chunk
