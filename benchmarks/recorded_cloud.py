"""Calls that take no time: recorded responses, sent back at once.

A local cloud needs milliseconds for a call, which would count as the command's. This process forwards a
request the first time and keeps the bytes of the response, so that the same request later costs some 50 µs.
For commands that read only.
"""

from __future__ import annotations

import http.client
import multiprocessing
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

START_SECONDS = 30.0
IDLE_SECONDS = 60.0
SIGNIFICANT = ("x-amz-target",)
"""Headers that distinguish requests, beside request line and body."""


class _Recorded(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.responses: dict[tuple[bytes, ...], bytes] = {}


class _Handler(socketserver.StreamRequestHandler):
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server: _Recorded

    def handle(self) -> None:
        while line := self.rfile.readline():
            headers = {}
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                headers[name.lower().decode()] = value.strip().decode()
            body = self.rfile.read(int(headers.get("content-length", "0")))
            key = (line, *(headers.get(name, "").encode() for name in SIGNIFICANT), body)
            response = self.server.responses.get(key)
            if response is None:
                response = self.server.responses[key] = self._forwarded(line, headers, body)
            self.wfile.write(response)

    def _forwarded(self, line: bytes, headers: dict[str, str], body: bytes) -> bytes:
        method, path, _ = line.decode().split(" ")
        connection = http.client.HTTPConnection(self.server.upstream, timeout=IDLE_SECONDS)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
            kept = [
                f"{name}: {value}"
                for name, value in response.getheaders()
                if name.lower() not in ("connection", "transfer-encoding", "content-length")
            ]
            length = response.getheader("content-length") if method == "HEAD" else str(len(content))
            kept += [f"content-length: {length}"] if length is not None else []
            status = f"HTTP/1.1 {response.status} {response.reason}"
            return "\r\n".join([status, *kept, "", ""]).encode("latin-1") + content
        finally:
            connection.close()


@contextmanager
def recorded_cloud(upstream: str) -> Iterator[str]:
    """The endpoint of a process with the responses of ``upstream``."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, upstream))
    process.start()
    try:
        if not ours.poll(START_SECONDS):
            raise TimeoutError("the recorded cloud did not start")
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join(START_SECONDS)


def _serve(pipe: Connection, upstream: str) -> None:
    with _Recorded(urlsplit(upstream).netloc) as server:
        pipe.send(server.server_address[1])
        server.serve_forever()
