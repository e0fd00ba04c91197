"""Silent and slow clients hold no worker, so that other clients are served at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import requests

from mysfits_stream.localcloud.http.body import BODY_SECONDS, BodyError, BodyReader
from mysfits_stream.localcloud.http.connections import HEAD_SECONDS, MAX_CONNECTIONS
from mysfits_stream.localcloud.http.listener import WORKERS
from tests.support.clock import Clock
from tests.support.cloud import CloudUnderTest

HEAD = b"POST /_local/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"


def connect(cloud: CloudUnderTest) -> socket.socket:
    host, port = cloud.endpoint.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


@contextmanager
def clients(cloud: CloudUnderTest, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections that send a part of a request and then nothing more."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(cloud)) for _ in range(count)]
        for connection in connections:
            connection.sendall(sent)
        yield connections


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET", HEAD[:40], HEAD[:-2], HEAD, HEAD + b"half"],
    ids=["silent", "a word", "half a head", "almost a head", "no body", "half a body"],
)
def test_more_slow_clients_than_workers_keep_nobody_waiting(local_cloud: CloudUnderTest, sent: bytes) -> None:
    with clients(local_cloud, WORKERS + 6, sent):
        for _ in range(3):
            assert requests.get(f"{local_cloud.endpoint}/_local/health", timeout=5).ok


def test_a_request_that_arrives_in_pieces_is_answered(local_cloud: CloudUnderTest) -> None:
    request = b"GET /_local/health HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 5000 + b"\r\n\r\n"
    with connect(local_cloud) as connection:
        for piece in (request[:3], request[3:4500], request[4500:-1], request[-1:]):
            # Another client's request in between shows that the piece was seen and held no worker.
            connection.sendall(piece)
            assert requests.get(f"{local_cloud.endpoint}/_local/health", timeout=5).ok
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_requests_that_arrive_together_are_answered_in_turn(local_cloud: CloudUnderTest) -> None:
    request = b"GET /_local/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connect(local_cloud) as connection:
        connection.sendall(request * 3)
        answer = b""
        while answer.count(b'"status": "ready"') < 3:
            answer += connection.recv(65536)
        assert answer.count(b"HTTP/1.1 200 ") == 3


def test_a_request_in_pieces_after_an_answer_is_answered(local_cloud: CloudUnderTest) -> None:
    request = b"GET /_local/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connect(local_cloud) as connection:
        for cut in range(1, len(request), 11):
            # The first piece arrives while the worker still waits for it, the second after it has left.
            connection.sendall(request + request[:cut])
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert requests.get(f"{local_cloud.endpoint}/_local/health", timeout=5).ok
            connection.sendall(request[cut:])
            answer += connection.recv(65536)
            assert answer.count(b"HTTP/1.1 200 ") == 2


def test_clients_that_pause_between_requests_do_not_hold_the_workers(local_cloud: CloudUnderTest) -> None:
    request = b"GET /_local/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with clients(local_cloud, WORKERS + 6, request) as connections:
        for connection in connections:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        for connection in connections:
            connection.sendall(request[:20])
        assert requests.get(f"{local_cloud.endpoint}/_local/health", timeout=5).ok
        for connection in connections:
            connection.sendall(request[20:])
        for connection in connections:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_the_connection_that_was_idle_the_longest_makes_room(local_cloud: CloudUnderTest) -> None:
    with clients(local_cloud, MAX_CONNECTIONS + 1, b"") as connections:
        assert connections[0].recv(1) == b""
        assert requests.get(f"{local_cloud.endpoint}/_local/health", timeout=5).ok


class Endless:
    """A body of which a byte arrives each second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def read(self, size: int) -> bytes:
        self._clock.advance(1)
        return b"x"


def test_a_body_has_to_arrive_in_time() -> None:
    clock = Clock()
    environ: dict[str, Any] = {"wsgi.input": Endless(clock), "CONTENT_LENGTH": "1000"}
    began = clock()
    with pytest.raises(BodyError, match=f"the body did not arrive within {BODY_SECONDS:g} s"):
        BodyReader(environ, clock).read(1000)
    assert clock() - began == BODY_SECONDS
    assert HEAD_SECONDS < BODY_SECONDS
