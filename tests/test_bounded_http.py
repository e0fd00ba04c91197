"""A service that drips, never ends, nests or grows costs neither time nor memory."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import requests

from mysfits_stream.bounded_http import excerpt, send
from mysfits_stream.clicks.composing import items
from mysfits_stream.config import Config
from mysfits_stream.doctor.api import http
from mysfits_stream.doctor.arrival import service
from mysfits_stream.errors import ClickError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Serve = Callable[[socket.socket], None]


def whole(body: bytes, head: bytes = HEAD) -> Serve:
    return lambda peer: peer.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def dripping(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
    while True:
        peer.sendall(b" ")
        peer.settimeout(0.02)
        with suppress(TimeoutError):
            if not peer.recv(1):
                return


def dripping_headers(peer: socket.socket) -> None:
    peer.sendall(HEAD)
    while True:
        peer.sendall(b"x")
        peer.settimeout(0.02)
        with suppress(TimeoutError):
            if not peer.recv(1):
                return


def silent(peer: socket.socket) -> None:
    peer.settimeout(10)
    peer.recv(1)


def endless(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        peer.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")


@pytest.fixture
def serve() -> Iterator[Callable[[Serve], str]]:
    """Starts a service that does one thing to every connection; its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def accept(behave: Serve) -> None:
        with suppress(OSError):
            while True:
                peer, _ = listening.accept()
                with peer, suppress(OSError):
                    received = b""
                    while b"\r\n\r\n" not in received:
                        received += peer.recv(65536) or b"\r\n\r\n"
                    behave(peer)

    def start(behave: Serve) -> str:
        thread = threading.Thread(target=accept, args=(behave,))
        thread.start()
        threads.append(thread)
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for thread in threads:
        thread.join(10)


def test_a_whole_response_is_read(serve: Callable[[Serve], str]) -> None:
    response = send("GET", serve(whole(b'{"a": [1]}')), seconds=10)
    assert (response.status, response.json(), response.text) == (200, {"a": [1]}, '{"a": [1]}')
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("behave", [dripping, dripping_headers, silent], ids=["body", "headers", "nothing"])
def test_the_time_is_for_the_whole_exchange(serve: Callable[[Serve], str], behave: Serve) -> None:
    url, began = serve(behave), time.monotonic()
    with pytest.raises(requests.Timeout, match=r"no complete response within 0\.3 s"):
        send("GET", url, seconds=0.3)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    "behave",
    [
        endless,
        whole(b" " * 1_100_000),
        whole(gzip.compress(b" " * 50_000_000), HEAD + b"Content-Encoding: gzip\r\n"),
    ],
    ids=["endless", "large", "packed"],
)
def test_the_size_is_bounded(serve: Callable[[Serve], str], behave: Serve) -> None:
    with pytest.raises(requests.RequestException, match="larger than 1,000,000 bytes"):
        send("GET", serve(behave), seconds=60)


def test_a_redirect_is_not_followed(serve: Callable[[Serve], str]) -> None:
    response = send(
        "GET", serve(whole(b"", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9\r\n")), seconds=9
    )
    assert response.status == 302


@pytest.mark.parametrize(
    ("behave", "says"),
    [
        (whole(b"[" * 200_000), "JSON that is nested too deeply"),
        (whole(b'{"mysfits": [{"mysfitId": ["x"]}]}'), "lists no mysfits"),
        (whole(b'{"mysfits": {}}'), "lists no mysfits"),
        (whole(b"[]"), "lists no mysfits"),
        (whole(b"5"), "lists no mysfits"),
        (whole(b"<html>\x1b[31m" * 10_000), "does not respond"),
        (endless, "larger than 1,000,000 bytes"),
        (dripping, "no complete response within 1 s"),
    ],
    ids=["deep", "no text", "no list", "a list", "a number", "a page", "endless", "dripping"],
)
def test_a_hostile_mysfits_service_is_one_line(
    serve: Callable[[Serve], str], behave: Serve, says: str
) -> None:
    with pytest.raises(ClickError) as raised:
        items(Config().definition, serve(behave), seconds=1 if behave is dripping else 60)
    line = str(raised.value)
    assert says in line and len(line) < 500 and not {"\x1b", "<", "\n"} & set(line)


@pytest.mark.parametrize("behave", [whole(b"[" * 200_000), endless], ids=["deep", "endless"])
def test_the_doctor_reads_within_the_same_bounds(serve: Callable[[Serve], str], behave: Serve) -> None:
    assert service(serve(behave), Config().definition, http).status == "broken"


def test_an_excerpt_is_one_short_line() -> None:
    assert excerpt("a\n  b") == "a b"
    assert len(excerpt("<p>" * 1_000_000)) == 200
