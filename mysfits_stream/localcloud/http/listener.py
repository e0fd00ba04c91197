"""How a WSGI application is served: by cheroot, in threads, on 127.0.0.1 and nowhere else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from cheroot.wsgi import Server

THREADS = 64
"""Calls under way at once: a deployer makes some thirty, and in a bad mood each of them waits."""

KEEP_ALIVE_SECONDS = 30
LONGEST_STOP = 0.1


class Listener:
    """One application at one port, once :meth:`start` is called, until :meth:`stop`."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, port: int) -> None:
        """Listen, at any free port for 0; OSError if the port is taken."""
        server = Server(
            ("127.0.0.1", port),
            self._application,
            numthreads=THREADS,
            request_queue_size=128,
            timeout=KEEP_ALIVE_SECONDS,
        )
        with socket.socket() as probe:
            # The server's own error does not say why there is no socket.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
        server.expiration_interval = LONGEST_STOP
        server.prepare()
        self._server = server
        self._thread = threading.Thread(target=server.serve, name="server")
        self._thread.start()

    def stop(self) -> None:
        """Listen no more; returns once every request under way is answered."""
        if self._server:
            self._server.stop()
        if self._thread:
            self._thread.join()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            raise RuntimeError("the local cloud is not started")
        return int(self._server.bind_addr[1])
