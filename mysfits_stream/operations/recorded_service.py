"""The Mysfits service, recorded: each path is requested once and then answered alike.

Two processors that ask the same service at different times could get different answers. Through this proxy on
127.0.0.1 both get the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import requests

from mysfits_stream import bounded_http

SECONDS = 10.0
NO_ANSWER = 502
"""The status for a path that the service did not answer."""

Answer = tuple[int, str, bytes]
"""Status, Content-Type, body."""


class RecordedService:
    """A proxy of ``base_url`` with the address ``url``.

    ``failures`` holds the paths without an answer.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._answers: dict[str, Answer] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self.failures: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.answer))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """The base URL for the processors."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> RecordedService:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str) -> Answer:
        """The recorded answer of a path, requested from the service at the first time."""
        with self._lock:
            lock = self._locks.setdefault(path, threading.Lock())
        with lock:
            if path not in self._answers:
                self._answers[path] = self._requested(path)
            return self._answers[path]

    def _requested(self, path: str) -> Answer:
        try:
            response = bounded_http.send("GET", self._base_url + path, seconds=SECONDS)
        except (requests.RequestException, OSError, ValueError) as error:
            self.failures[path] = type(error).__name__
            return NO_ANSWER, "text/plain", b"no answer"
        if response.status >= 500:
            self.failures[path] = f"HTTP {response.status}"
        return response.status, response.headers.get("content-type", "application/json"), response.body


def _handler(answer: Callable[[str], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, kind, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing: paths hold keys of clicks."""

    return Handler
