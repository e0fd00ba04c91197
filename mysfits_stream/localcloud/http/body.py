"""Reads the body of an HTTP request, with a limit on the size of every read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

BLOCK = 65536
LONGEST_CHUNK_LINE = 1024
BODY_SECONDS = 60.0  # from the head of a request to the end of its body
DISCARDED = 4 * 1024 * 1024
"""Bytes of a rejected body that are read and dropped, so that most clients get the response."""


class Stream(Protocol):
    """The connection, positioned at the body."""

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, fewer only at the end of the stream."""

    def readline(self, size: int) -> bytes:
        """A line of at most ``size`` bytes."""


class BodyError(Exception):
    """The body is not a valid HTTP/1.1 message body, or ended early."""


class Body(NamedTuple):
    """The bytes of a body, and whether the bytes are the complete body."""

    data: bytes
    complete: bool


class BodyReader:
    """The body of a request, of a known length or chunked; reads in blocks of BLOCK bytes."""

    def __init__(self, environ: dict[str, Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deadline = clock() + BODY_SECONDS
        stream = environ["wsgi.input"]
        self._chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        # The reader of cheroot holds a whole chunk in memory: read from the connection instead.
        self._stream: Stream = stream.rfile if self._chunked else stream
        length = str(environ.get("CONTENT_LENGTH") or 0)
        # int() would take "-1", and a negative length would be read to the end of the connection.
        self._valid = self._chunked or (length.isascii() and length.isdigit())
        self._left = int(length) if self._valid and not self._chunked else 0
        self.announced = self._left
        """The length in the head of the request; 0 for a chunked body."""
        self.finished = self._valid and not self._chunked and self._left == 0

    def read(self, limit: int) -> Body:
        """The body, if not longer than ``limit``.

        Else the first ``limit`` + 1 bytes. Raises BodyError.
        """
        first = b"" if self.finished else self._block(limit + 1)
        if self.finished:
            return Body(first, len(first) <= limit)
        data = bytearray(first)
        while not self.finished and len(data) <= limit:
            data += self._block(limit + 1 - len(data))
        return Body(bytes(data), self.finished and len(data) <= limit)

    def discard(self) -> bool:
        """Read and drop the rest of a short body; False when the connection has to be closed."""
        dropped = 0
        try:
            while not self.finished and dropped < DISCARDED:
                dropped += len(self._block(BLOCK))
        except (BodyError, OSError):
            return False
        return self.finished

    def _block(self, wanted: int) -> bytes:
        """The next bytes of the body, at most ``wanted``; sets ``finished`` at the end."""
        if self._clock() >= self._deadline:
            raise BodyError(f"the body did not arrive within {BODY_SECONDS:g} s")
        if not self._valid:
            raise BodyError("the length of the body is not a number")
        if self._chunked and self._left == 0:
            self._left = self._next_chunk()
            if self._left == 0:
                self.finished = True
                return b""
        block = self._stream.read(min(wanted, self._left, BLOCK))
        if not block:
            raise BodyError("the body ended before its announced length")
        self._left -= len(block)
        if self._left == 0:
            if not self._chunked:
                self.finished = True
            elif self._stream.readline(3) != b"\r\n":
                raise BodyError("a chunk of the body has a wrong length")
        return block

    def _next_chunk(self) -> int:
        line = self._stream.readline(LONGEST_CHUNK_LINE)
        size = line.partition(b";")[0].strip()
        if not line.endswith(b"\n") or not size or size.strip(b"0123456789abcdefABCDEF"):
            raise BodyError("a chunk of the body has no valid length")
        length = int(size, 16)
        if length == 0:
            self._skip_trailers()
        return length

    def _skip_trailers(self) -> None:
        for _ in range(100):
            if self._stream.readline(LONGEST_CHUNK_LINE) in (b"\r\n", b"\n", b""):
                return
        raise BodyError("the body has too many trailers")
