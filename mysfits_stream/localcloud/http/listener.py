"""Serves a WSGI application with cheroot, in threads, on 127.0.0.1 only."""

from __future__ import annotations

import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest, KnownLengthRFile
from cheroot.wsgi import Gateway_10, Server

from mysfits_stream.localcloud.http import plain_requests
from mysfits_stream.localcloud.http.connections import END_OF_HEAD, MAX_CONNECTIONS, Connections
from mysfits_stream.localcloud.http.messages import HEADERS
from mysfits_stream.localcloud.http.plain_requests import http_date
from mysfits_stream.localcloud.http.socket_files import socket_file

WORKERS = 64
"""Concurrent calls: a deployer makes some thirty, and with behavior ``aws`` each call waits."""

MAX_HEADER_BYTES = 64 * 1024  # the request line and all headers
MAX_HEADERS = 200

IO_SECONDS = 10  # the longest pause of a client inside a body, or while it reads a response
LONGEST_STOP = 0.1
LINGER_MILLISECONDS = 10
"""A worker waits so long for the next request of its connection, while no other connection needs a worker."""


class _TooManyHeadersError(Exception):
    """A request has more than MAX_HEADERS header lines."""


class _HeaderLines:
    """The lines of a connection, as many as a request may have headers."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._read = 0

    def readline(self) -> bytes:
        """The next line. Raises _TooManyHeadersError."""
        self._read += 1
        if self._read > MAX_HEADERS + 1:
            raise _TooManyHeadersError
        line: bytes = self._stream.readline()
        return line


class _LimitedHeaderReader(HeaderReader):
    def _allow_header(self, key_name: bytes) -> bool:
        # X_Amz_Target would become the same WSGI variable as X-Amz-Target.
        return b"_" not in key_name

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        headers: dict[bytes, bytes] = super().__call__(_HeaderLines(rfile), hdict)
        return headers


class _Request(HTTPRequest):
    header_reader = _LimitedHeaderReader()

    _head: plain_requests.Head | None = None

    def parse_request(self) -> None:
        stream = self.conn.rfile
        if not stream.has_data():
            stream.fill()
        head = plain_requests.read(stream.unread())
        if head is None:
            super().parse_request()
            return
        stream.skip(head.size)
        self._head = head
        self.response_protocol = "HTTP/1.1"
        self.started_request = self.ready = True

    def read_request_headers(self) -> bool:
        try:
            complete: bool = super().read_request_headers()  # type: ignore[no-untyped-call]  # cheroot has none
            return complete
        except _TooManyHeadersError:
            self.simple_response(
                "431 Request Header Fields Too Large", f"A request may have {MAX_HEADERS} headers."
            )
            return False

    def send_headers(self) -> None:
        # cheroot would read the rest of the body into memory to keep the connection.
        if (b"Connection", b"close") in self.outheaders:
            self.close_connection = True
        if not any(name.lower() == b"date" for name, _ in self.outheaders):
            self.outheaders.append((b"Date", http_date(int(time.time())).encode("ascii")))
        super().send_headers()

    def respond(self) -> None:
        if self._head is not None:
            self._respond_plainly(self._head)
            return
        with self.conn.wfile.response():
            super().respond()

    def _respond_plainly(self, head: plain_requests.Head) -> None:
        """Answer a request whose head was read as a whole, with one write."""
        answers: list[tuple[str, list[tuple[str, str]]]] = []
        body = KnownLengthRFile(self.conn.rfile, head.content_length)
        environ = self.server.environ_of(head, self.conn, body)
        chunks = self.server.wsgi_app(environ, lambda status, headers: answers.append((status, headers)))
        payload = b"".join(chunks)
        [(status, headers)] = answers
        given = {name.lower(): value for name, value in headers}
        if "content-length" not in given and not status.startswith(BODILESS):
            headers.append(("Content-Length", str(len(payload))))
        self.close_connection = given.get("connection") == "close"
        if not self.close_connection and (
            status.startswith("413") or not self.server.can_add_keepalive_connection
        ):
            self.close_connection = True
            headers.append(("Connection", "close"))
        if not self.close_connection and body.remaining:
            body.read(body.remaining)
        self.sent_headers = True
        written = plain_requests.response_head(status, headers, self.server.server_name, int(time.time()))
        self.conn.wfile.write(written + payload)


class _Gateway(Gateway_10):
    """The environ of a request, most of which is made once; cheroot makes all anew."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # the stubs say None
        request, connection = self.req, self.req.conn
        environ = {
            **request.server.environ,
            "PATH_INFO": request.path.decode("latin-1"),
            "QUERY_STRING": request.qs.decode("latin-1"),
            "REMOTE_ADDR": connection.remote_addr or "",
            "REMOTE_PORT": str(connection.remote_port or ""),
            "REQUEST_METHOD": request.method.decode("latin-1"),
            "REQUEST_URI": request.uri.decode("latin-1"),
            "SERVER_PROTOCOL": request.request_protocol.decode("latin-1"),
            "wsgi.input": request.rfile,
            "wsgi.input_terminated": request.chunked_read,
        }
        for name, value in request.inheaders.items():
            key = name.decode("latin-1").upper().replace("-", "_")
            environ[key if key in UNPREFIXED else f"HTTP_{key}"] = value.decode("latin-1")
        return environ


BODILESS = ("1", "204", "304")
UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")


class _Connection(HTTPConnection):
    RequestHandlerClass = _Request

    def __init__(self, server: Any, sock: Any, makefile: Any = None) -> None:
        super().__init__(server, sock, socket_file)
        self._next = select.poll()
        self._next.register(sock, select.POLLIN)

    def communicate(self) -> bool:
        """Answer requests while the next one comes at once; True to keep the connection.

        A client that sends one request after the other keeps its worker: neither the thread that watches the
        connections without a worker nor another worker has to wake up for each request.
        """
        while super().communicate():  # type: ignore[no-untyped-call]
            if not self._next_arrived():
                return True
        return False

    def _next_arrived(self) -> bool:
        if self.rfile.has_data() or self.server.requests.qsize:
            return False
        if not self._next.poll(LINGER_MILLISECONDS):
            return False
        ended: bool = self.rfile.fill()
        return ended or END_OF_HEAD in self.rfile.unread()


class _Server(Server):
    keep_alive_conn_limit = MAX_CONNECTIONS
    expiration_interval = LONGEST_STOP
    max_request_header_size = MAX_HEADER_BYTES
    ConnectionClass = _Connection
    environ: dict[str, Any]
    """The variables of a WSGI environ that are equal for all requests."""

    _connections: Any

    def prepare(self) -> None:
        super().prepare()
        # Else connections that are closed keep the port for a minute, when it was a free port at first.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._connections._selector.close()
        self._connections = Connections(self, MAX_HEADER_BYTES)
        self.gateway = _Gateway
        self.environ = {
            "ACTUAL_SERVER_PROTOCOL": self.protocol,
            "SCRIPT_NAME": "",
            "SERVER_NAME": self.server_name,
            "SERVER_PORT": str(self.bind_addr[1]),
            "SERVER_SOFTWARE": self.software,
            "wsgi.errors": sys.stderr,
            "wsgi.multiprocess": False,
            "wsgi.multithread": True,
            "wsgi.run_once": False,
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
        }

    def environ_of(self, head: plain_requests.Head, connection: Any, body: Any) -> dict[str, Any]:
        """The environ of a request; the headers are in a variable of their own."""
        return {
            **self.environ,
            "PATH_INFO": head.path,
            "QUERY_STRING": head.query,
            "REMOTE_ADDR": connection.remote_addr or "",
            "REMOTE_PORT": str(connection.remote_port or ""),
            "REQUEST_METHOD": head.method,
            "REQUEST_URI": head.uri,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.input": body,
            "wsgi.input_terminated": False,
            "CONTENT_LENGTH": str(head.content_length),
            HEADERS: head.headers,
        }


class Listener:
    """An application at a port, from :meth:`start` until :meth:`stop`."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, port: int) -> None:
        """Listen on ``port``, or on any free port for 0; OSError if the port is taken."""
        server = _Server(
            ("127.0.0.1", port),
            self._application,
            numthreads=WORKERS,
            request_queue_size=128,
            timeout=IO_SECONDS,
        )
        with socket.socket() as probe:
            # cheroot's error does not name the reason.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
        server.prepare()
        self._server = server
        self._thread = threading.Thread(target=server.serve, name="server")
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; returns once every pending request is answered."""
        if self._server:
            self._server.stop()
        if self._thread:
            self._thread.join()

    @property
    def is_listening(self) -> bool:
        """Whether the listener was started."""
        return self._server is not None

    @property
    def port(self) -> int:
        """The port of the listener."""
        if self._server is None:
            raise RuntimeError("the local cloud is not started")
        return int(self._server.bind_addr[1])
