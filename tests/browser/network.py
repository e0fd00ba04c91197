"""Between browser and stack: a connection to cut, and websites on other origins."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 15.0
"""Seconds in which something on this machine has happened, or it never will."""

Files = dict[str, tuple[str, bytes]]
"""Path -> content type and content."""


class Connection:
    """A TCP port on 127.0.0.1 that passes everything on to another, until it is cut."""

    def __init__(self, to: str) -> None:
        self._to = urlsplit(to)
        self._port = 0
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.mend()

    @property
    def url(self) -> str:
        """What to talk to in place of what this leads to."""
        return f"http://127.0.0.1:{self._port}"

    def mend(self) -> None:
        """Accept connections, on the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        self._run(self._accept, self._listener)

    def cut(self) -> None:
        """Refuse connections from now on, and end those that there are."""
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for end in self._open:
            with contextlib.suppress(OSError):  # the other side may have closed it already
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        self._open.clear()
        self._threads.clear()

    def _run(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return  # it was cut
            far = socket.create_connection((self._to.hostname, self._to.port))
            self._open += [near, far]
            self._run(self._pass_on, near, far)

    @staticmethod
    def _pass_on(near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with selectors.DefaultSelector() as ready, near, far:
            for side in other:
                ready.register(side, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    end: Any = key.fileobj
                    try:
                        data = end.recv(65536)
                        other[end].sendall(data)
                    except OSError:
                        return  # it was cut
                    if not data:
                        return


@contextlib.contextmanager
def website(files: Files) -> Iterator[str]:
    """Serves files from a port of their own; its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = files.get(urlsplit(self.path).path)
            self.send_response(200 if found else 404)
            content_type, body = found or ("text/plain", b"")
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing: the tests look at what the browser says."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
