"""Objects of clicks, unpacked from any compression: plain, GZIP, ZIP, Snappy (F88)."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile

from mysfits_stream.errors import ClickError

HADOOP_ENDINGS = (".snappy", ".hsnappy")

GZIP, ZIP, SNAPPY = b"\x1f\x8b", b"PK\x03\x04", b"\xff\x06\x00\x00sNaPpY"


class UnreadableError(Exception):
    """An object that cannot be read or unpacked; the text is the reason."""


def unpacked(body: bytes, key: str) -> bytes:
    """An object's contents, whatever the stream's compression was. Raises UnreadableError."""
    try:
        if body.startswith(GZIP):
            return gzip.decompress(body)
        if body.startswith(ZIP):
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                return b"".join(archive.read(name) for name in archive.namelist())
        if body.startswith(SNAPPY):
            return _snappy("decompress", body)
        return _hadoop_snappy(body) if key.endswith(HADOOP_ENDINGS) else body
    except ClickError:
        raise
    except Exception as error:  # a foreign archive may raise any error
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def _hadoop_snappy(body: bytes) -> bytes:
    """Unpack blocks with a length header, made of chunks with a length header."""
    text, at = bytearray(), 0
    while at < len(body):
        (length,) = struct.unpack_from(">I", body, at)
        at, end = at + 4, len(text) + length
        while len(text) < end:
            (size,) = struct.unpack_from(">I", body, at)
            text += _snappy("decompress_raw", body[at + 4 : at + 4 + size])
            at += 4 + size
    return bytes(text)


def _snappy(operation: str, data: bytes) -> bytes:
    try:
        import cramjam
    except ImportError as error:
        raise ClickError("reading Snappy needs another package; run: pip install cramjam") from error
    try:
        return bytes(getattr(cramjam.snappy, operation)(data))
    except cramjam.DecompressionError as error:
        raise ValueError(error) from error
