"""The two ends of a connection as files that make few system calls.

cheroot reads and writes sockets with the pure Python files of ``_pyio``, and each read and write of a socket
with a timeout is two system calls. At each call the thread gives up its turn to run and waits for the next:
with eight clients these turns took longer than the work. Here what has arrived is read with a single call,
a line is found in the buffer, and the head and the body of a short response leave together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cheroot.makefile import StreamReader, StreamWriter

BLOCK = 64 * 1024
"""Bytes; longer parts of a response are sent as they are, not copied."""


class Reader(StreamReader):
    """The incoming end."""

    # of _pyio.BufferedReader, which the type stubs leave out
    _read_buf: bytes
    _read_pos: int

    def __init__(self, sock: Any, mode: str, size: int) -> None:
        super().__init__(sock, mode, size)
        self._descriptor: int = sock.fileno()

    def unread(self) -> bytes:
        """The bytes that were read from the socket and not from here."""
        return self._read_buf[self._read_pos :]

    def skip(self, size: int) -> None:
        """Leave out bytes of :meth:`unread`."""
        self._read_pos += size

    def read(self, size: int | None = -1) -> bytes:
        """At most ``size`` bytes, fewer only at the end."""
        if size is not None and size >= 0:
            begin, end = self._read_pos, self._read_pos + size
            if end <= len(self._read_buf):
                self._read_pos = end
                return self._read_buf[begin:end]
        data: bytes = super().read(size)  # type: ignore[no-untyped-call]
        return data

    def fill(self) -> bool:
        """Read what has arrived, without waiting; True at the end of the connection."""
        try:
            arrived = os.read(self._descriptor, BLOCK)
        except BlockingIOError:
            return False
        except ConnectionError:  # the client is gone; whoever reads the next line finds the same
            return True
        self._read_buf, self._read_pos = self.unread() + arrived, 0
        return not arrived

    def readline(self, size: int | None = -1) -> bytes:
        """The next line, at most ``size`` bytes of it; empty at the end."""
        if size is not None and size > 0:
            begin = self._read_pos
            end = self._read_buf.find(b"\n", begin, begin + size) + 1
            if end:
                self._read_pos = end
                return self._read_buf[begin:end]
        line: bytes = super().readline(size)
        return line


class Writer(StreamWriter):
    """The outgoing end."""

    def __init__(self, sock: Any, mode: str, size: int) -> None:
        super().__init__(sock, mode, size)
        self._descriptor: int = sock.fileno()
        self._parts: list[bytes] | None = None

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Send ``data``, or keep a short part until the end of the response."""
        if self._parts is None:
            self._send(data)
        else:
            self._parts.append(data)
            if len(data) > BLOCK:
                self._send_parts()
        return len(data)

    @contextmanager
    def response(self) -> Iterator[None]:
        """Send the short parts of a response together, at the end of the block."""
        self._parts = []
        try:
            yield
        finally:
            self._send_parts()
            self._parts = None

    def _send_parts(self) -> None:
        parts, self._parts = self._parts or [], []
        if parts and len(parts[-1]) > BLOCK:
            self._send(b"".join(parts[:-1]))
            self._send(parts[-1])
        else:
            self._send(b"".join(parts))

    def _send(self, data: bytes) -> None:
        try:
            sent = os.write(self._descriptor, data) if data else 0
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            super().write(data[sent:])  # type: ignore[no-untyped-call]


def socket_file(sock: Any, mode: str, size: int) -> Reader | Writer:
    """A file of a connection's socket, as cheroot makes files."""
    return Reader(sock, mode, size) if "r" in mode else Writer(sock, mode, size)
