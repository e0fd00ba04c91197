"""A head that is read as a whole means the same as a head that cheroot reads."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from mysfits_stream.localcloud.http.body import BodyReader
from mysfits_stream.localcloud.http.listener import Listener
from mysfits_stream.localcloud.http.messages import Environ, StartResponse, read_head
from mysfits_stream.localcloud.http.plain_requests import LONGEST, MOST_HEADERS, read


def describe(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Answer with what the application sees of a request."""
    request = read_head(environ)
    seen = {
        "body": BodyReader(environ).read(1000).data.decode("latin-1"),
        "request": [request.method, request.path, request.query, sorted(request.headers.items())],
        "environ": [environ[name] for name in ("REMOTE_ADDR", "SERVER_PORT", "wsgi.url_scheme")],
    }
    payload = b"" if request.path == "/nothing" else json.dumps(seen).encode()
    status = request.path[1:] if request.path[1:].isdigit() else "200"
    headers = [] if status == "204" else [("Content-Length", str(len(payload)))]
    if request.path == "/close":
        headers.append(("Connection", "close"))
    start_response(f"{status} Word", headers)
    return [] if status == "204" else [payload]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listener = Listener(describe)
    listener.start(0)
    try:
        yield listener.port
    finally:
        listener.stop()


def answer(port: int, data: bytes) -> tuple[list[bytes], bytes, bool]:
    """The head without the date, the body, and whether the connection stays open."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(data)
        stream = client.makefile("rb")
        head = []
        while (line := stream.readline()) not in (b"\r\n", b""):
            head.append(line)
        lengths = [int(line.split(b":")[1]) for line in head if line.lower().startswith(b"content-length")]
        body = stream.read(lengths[0]) if lengths else b""
        client.sendall(b"GET /again HTTP/1.0\r\n\r\n")
        try:
            stays = stream.readline() != b""
        except ConnectionError:
            stays = False
    return [line for line in head if not line.startswith(b"Date:")], body, stays


PLAIN = {
    "a request without headers": b"GET / HTTP/1.1\r\n\r\n",
    "a click": b"PUT /clicks HTTP/1.1\r\nHost: a:1\r\nContent-Type: x\r\nContent-Length: 2\r\n\r\n{}",
    "a query": b"GET /a;b=c/d?x=%20&y=/?:@ HTTP/1.1\r\nHost: a\r\n\r\n",
    "blanks around values": b"POST /a HTTP/1.1\r\nHost:  a \t\r\nX-A:\r\nX : 1\r\n\r\n",
    "an underscore in a name": b"GET /a HTTP/1.1\r\nHost: a\r\nX_Amz_Target: b\r\n\r\n",
    "a connection that is kept": b"GET /a HTTP/1.1\r\nConnection: keep-alive\r\n\r\n",
    "a body that the application does not read to its end": (
        b"PUT /a HTTP/1.1\r\nContent-Length: 1500\r\n\r\n" + b"x" * 1500
    ),
    "an answer without a body": b"DELETE /204 HTTP/1.1\r\nHost: a\r\n\r\n",
    "an empty answer": b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n",
    "an answer that closes the connection": b"GET /close HTTP/1.1\r\nHost: a\r\n\r\n",
    "an answer to a body that is too long": b"GET /413 HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("request_", PLAIN.values(), ids=PLAIN.keys())
def test_a_usual_request_is_answered_as_cheroot_answers(port: int, request_: bytes) -> None:
    assert read(request_) is not None
    # A line end before a request is left out by cheroot, and makes the request unusual.
    assert read(b"\r\n" + request_) is None
    assert answer(port, request_) == answer(port, b"\r\n" + request_)


HEAD = b"GET /a HTTP/1.1\r\n"
UNUSUAL = {
    "another version": b"GET /a HTTP/1.0\r\n\r\n",
    "a method that cheroot rejects": b"get /a HTTP/1.1\r\n\r\n",
    "a host in place of a path": b"GET //host/a HTTP/1.1\r\n\r\n",
    "an absolute form": b"GET http://host/a HTTP/1.1\r\n\r\n",
    "an encoded path": b"GET /a%2Fb HTTP/1.1\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\n\r\n",
    "bytes beyond ASCII": HEAD + b"X: \xe9\r\n\r\n",
    "a repeated header": HEAD + b"X: 1\r\nx: 2\r\n\r\n",
    "a folded header": HEAD + b"X: 1\r\n 2\r\n\r\n",
    "a line without a colon": HEAD + b"X\r\n\r\n",
    "a line end of Unix": HEAD + b"X: 1\nY: 2\r\n\r\n",
    "a chunked body": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    "a client that waits": HEAD + b"Expect: 100-continue\r\n\r\n",
    "a connection that ends": HEAD + b"Connection: close\r\n\r\n",
    "a length with a sign": HEAD + b"Content-Length: +1\r\n\r\n",
    "a length of many digits": HEAD + b"Content-Length: " + b"1" * 5000 + b"\r\n\r\n",
    "an empty type": HEAD + b"Content-Type:\r\n\r\n",
    "an incomplete head": HEAD + b"X: 1\r\n",
    "a long head": HEAD + b"X: " + b"x" * LONGEST + b"\r\n\r\n",
    "many headers": HEAD + b"".join(b"X%d: 1\r\n" % n for n in range(MOST_HEADERS + 1)) + b"\r\n",
}


@pytest.mark.parametrize("head", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_every_other_head_is_left_to_cheroot(head: bytes) -> None:
    assert read(head) is None
