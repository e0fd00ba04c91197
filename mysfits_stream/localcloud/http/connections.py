"""Connections without a worker: idle, or waiting for the rest of a request.

cheroot gives a worker to each new connection, and the worker waits for the request. Here a connection gets a
worker once the head of a request has arrived, so silent and slow clients hold no worker. A slow body does
hold a worker; the pool grows while every worker is held. All times are monotonic.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any

from cheroot.connections import ConnectionManager
from cheroot.wsgi import Server

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 30.0
HEAD_SECONDS = 10.0  # from the first byte of a request to the end of its headers
MAX_CONNECTIONS = 256  # without a worker; the connection that was used the longest time ago is closed
MAX_WORKERS = 256
GROWTH = 16  # workers
STARVED_SECONDS = 0.5  # a request waits for a worker
END_OF_HEAD = b"\r\n\r\n"
USUAL_HEAD = 4096
PEEK = int(socket.MSG_PEEK | socket.MSG_DONTWAIT)  # an operation on Flags takes longer than the call


class Connections(ConnectionManager):
    """The connections of a server that have no worker."""

    # cheroot's own, which its type stubs leave out.
    server: Any
    _selector: Any
    _stop_requested: bool
    _num_connections: int
    _from_server_socket: Callable[[Any], Any]
    _remove_invalid_sockets: Callable[[], None]

    def __init__(self, server: Server, longest_head: int) -> None:
        super().__init__(server)
        self._longest_head = longest_head
        self._partial: list[Any] = []
        self._starved_since: float | None = None

    def put(self, conn: Any) -> None:
        """Keep a connection until its next request; called by workers."""
        conn.last_used = time.monotonic()
        if END_OF_HEAD in conn.rfile.unread():
            self.server.process_conn(conn)
        else:
            self._wait(conn)

    def close(self) -> None:
        """Close all connections."""
        for conn in self._partial:
            conn.close()
        super().close()

    def _run(self, expiration_interval: float) -> None:
        tidied = time.monotonic()
        while not self._stop_requested:
            try:
                ready = list(self._selector.select(timeout=expiration_interval))
            except OSError:
                self._remove_invalid_sockets()
                continue
            for descriptor, conn in ready:
                if conn is self.server:
                    self._accept()
                else:
                    self._selector.unregister(descriptor)
                    self._hand_over(conn)
            now = time.monotonic()
            if now - tidied >= expiration_interval:
                self._tidy(now)
                tidied = now

    def _accept(self) -> None:
        try:
            conn = self._from_server_socket(self.server.socket)
        except OSError as error:  # no more file descriptors
            log.warning("a connection cannot be accepted: %s", error)
            self._close_oldest(1)
            return
        if conn is not None:
            conn.last_used = time.monotonic()
            self._wait(conn)

    def _wait(self, conn: Any) -> None:
        self._selector.register(conn.socket.fileno(), selectors.EVENT_READ, data=conn)

    def _hand_over(self, conn: Any) -> None:
        """Give the connection to a worker if a whole head has arrived."""
        if self._head_arrived(conn):
            self.server.process_conn(conn)
        else:
            conn.last_used = time.monotonic()
            self._partial.append(conn)

    def _head_arrived(self, conn: Any) -> bool:
        """Whether a worker can read the head, or the connection's end, without waiting."""
        read = conn.rfile.unread()
        for size in (USUAL_HEAD, self._longest_head):
            try:
                arrived = conn.socket.recv(size, PEEK)
            except BlockingIOError:
                return False
            except OSError:
                return True
            if not arrived or END_OF_HEAD in read + arrived:
                return True
            if len(arrived) < size:
                return False
        return True  # longer than a head may be, which the worker says

    def _tidy(self, now: float) -> None:
        partial, self._partial = self._partial, []
        for conn in partial:
            if self._head_arrived(conn):
                self.server.process_conn(conn)
            elif now - conn.last_used < HEAD_SECONDS:
                self._partial.append(conn)
            else:
                conn.close()
        for descriptor, conn in self._idle():
            if now - conn.last_used >= KEEP_ALIVE_SECONDS:
                self._close(descriptor, conn)
        self._close_oldest(self._num_connections - MAX_CONNECTIONS)
        self._grow(now)

    def _idle(self) -> list[tuple[int, Any]]:
        return [(fd, conn) for fd, conn in self._selector.connections if conn is not self.server]

    def _close_oldest(self, count: int) -> None:
        if count > 0:
            for descriptor, conn in sorted(self._idle(), key=lambda found: found[1].last_used)[:count]:
                self._close(descriptor, conn)

    def _close(self, descriptor: int, conn: Any) -> None:
        self._selector.unregister(descriptor)
        conn.close()

    def _grow(self, now: float) -> None:
        """Add workers while requests wait because every worker is held."""
        pool = self.server.requests
        if not pool.qsize or pool.idle:
            self._starved_since = None
        elif self._starved_since is None:
            self._starved_since = now
        elif now - self._starved_since >= STARVED_SECONDS:
            self._starved_since = None
            with contextlib.suppress(RuntimeError):  # no more threads to be had
                pool.grow(min(GROWTH, MAX_WORKERS - len(pool._threads)))
