"""Bodies and headers have limits that hold while reading."""

from __future__ import annotations

import contextlib
import io
import socket
import tracemalloc
from typing import Any

import pytest

from mysfits_stream.localcloud.http.body import BLOCK, BodyError, BodyReader
from tests.localcloud.test_server import click_pipeline
from tests.support.cloud import CloudUnderTest

MB = 1024 * 1024


class Counted(io.BytesIO):
    """A connection that counts what was read of it."""

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None and 0 < size <= BLOCK, "never more than a block at once"
        return super().read(size)


def known(data: bytes, length: int | None = None) -> dict[str, Any]:
    return {"wsgi.input": Counted(data), "CONTENT_LENGTH": str(len(data) if length is None else length)}


class Chunked:
    """cheroot's reader of chunked bodies, of which only the connection is used."""

    def __init__(self, data: bytes) -> None:
        self.rfile = Counted(data)


def chunked(data: bytes) -> dict[str, Any]:
    return {"wsgi.input": Chunked(data), "HTTP_TRANSFER_ENCODING": "chunked"}


def test_a_body_is_read_to_its_end() -> None:
    reader = BodyReader(known(b"abc"))
    assert (reader.announced, reader.finished) == (3, False)
    body = reader.read(3)
    assert (body.data, body.complete, reader.finished) == (b"abc", True, True)


def test_no_body_is_an_empty_body() -> None:
    reader = BodyReader({"wsgi.input": Counted(b"the next request")})
    assert (reader.read(10).data, reader.finished) == (b"", True)


def test_chunks_are_put_together() -> None:
    body = BodyReader(chunked(b"3\r\nabc\r\n2;name=value\r\nde\r\n0\r\nTrailer: x\r\n\r\n")).read(5)
    assert (body.data, body.complete) == (b"abcde", True)


@pytest.mark.parametrize("environ", [known(b"x" * 3 * MB), chunked(b"%x\r\n" % (3 * MB) + b"x" * 3 * MB)])
def test_a_body_that_is_too_long_is_read_to_its_limit(environ: dict[str, Any]) -> None:
    reader = BodyReader(environ)
    body = reader.read(MB)
    assert (len(body.data), body.complete, reader.finished) == (MB + 1, False, False)
    stream = environ["wsgi.input"]
    assert getattr(stream, "rfile", stream).tell() < MB + 100


@pytest.mark.parametrize(
    "environ",
    [
        known(b"ab", 3),
        {**known(b"ab"), "CONTENT_LENGTH": "-1"},
        {**known(b"ab"), "CONTENT_LENGTH": "1_0"},
        chunked(b"3\r\nab"),
        chunked(b"3\r\nabcd\r\n"),
        chunked(b""),
        chunked(b"x\r\n"),
        chunked(b"-1\r\n"),
        chunked(b"1_0\r\n"),
        chunked(b"0x3\r\nabc\r\n"),
        chunked(b"\r\n"),
        chunked(b"1" * 5000),
        chunked(b"0\r\n" + b"T: x\r\n" * 200),
    ],
    ids=range(13),
)
def test_a_body_that_ends_early_or_is_no_http_is_an_error(environ: dict[str, Any]) -> None:
    with pytest.raises(BodyError):
        BodyReader(environ).read(100)


def test_the_rest_of_a_short_body_is_dropped_and_that_of_a_long_one_is_not() -> None:
    assert BodyReader(known(b"x" * MB)).discard()
    long = known(b"x" * 9 * MB)
    assert not BodyReader(long).discard()
    assert long["wsgi.input"].tell() < 5 * MB


# The same through a connection


def exchange(cloud: CloudUnderTest, head: str, body: bytes = b"") -> tuple[bytes, bool]:
    """What is answered, and whether the connection is closed then."""
    host, port = cloud.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        with contextlib.suppress(OSError):  # the server may close as soon as it has seen enough
            connection.sendall(body)
        answer = b""
        try:
            while block := connection.recv(65536):
                answer += block
                if answer.partition(b"\r\n\r\n")[2].endswith(b"}"):
                    connection.settimeout(0.3)
        except TimeoutError:
            return answer, False
        except ConnectionResetError:
            pass
        return answer, True


GIGABYTE = 1024 * MB


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("POST / HTTP/1.1\nHost: localhost\nOrigin: https://evil.example", b"403"),
        ("POST / HTTP/1.1\nHost: evil.example", b"403"),
        ("PUT /bucket/key HTTP/1.1\nHost: localhost", b"413"),
        ("POST /_local/faults HTTP/1.1\nHost: localhost", b"413"),
        ("POST /_mysfits/mysfits HTTP/1.1\nHost: localhost\nOrigin: https://evil.example", b"413"),
    ],
)
def test_a_gigabyte_is_refused_by_its_announcement(
    local_cloud: CloudUnderTest, head: str, status: bytes
) -> None:
    answer, closed = exchange(local_cloud, f"{head}\nContent-Length: {GIGABYTE}", b"x" * 5 * MB)
    assert closed
    assert answer.split(b" ", 2)[1] == status


@pytest.mark.parametrize("length", ["-1", "-1073741824", "1_0", "2, 2"])
def test_a_length_that_is_no_number_is_refused(local_cloud: CloudUnderTest, length: str) -> None:
    head = f"POST /_local/faults HTTP/1.1\nHost: localhost\nContent-Length: {length}"
    answer, closed = exchange(local_cloud, head, b"x" * 5 * MB)
    assert closed
    assert answer.split(b" ", 2)[1] == b"400"


def test_a_chunk_of_a_gigabyte_is_refused_at_the_limit(local_cloud: CloudUnderTest) -> None:
    head = "POST /_local/faults HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked"
    answer, closed = exchange(local_cloud, head, b"%x\r\n" % GIGABYTE + b"x" * 6 * MB)
    assert closed
    assert answer.split(b" ", 2)[1] == b"413"


def test_a_connection_goes_on_after_a_short_body_was_refused(local_cloud: CloudUnderTest) -> None:
    head = "POST / HTTP/1.1\nHost: localhost\nOrigin: https://evil.example\nContent-Length: 5"
    answer, closed = exchange(local_cloud, head, b"short")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert not closed


def test_an_api_refuses_a_long_body_in_its_own_words(local_cloud: CloudUnderTest) -> None:
    url = click_pipeline(local_cloud)
    path = url.removeprefix(local_cloud.endpoint)
    head = f"PUT {path} HTTP/1.1\nHost: localhost\nContent-Length: {11 * MB}"
    answer, _ = exchange(local_cloud, head, b"x" * 11 * MB)
    assert answer.split(b" ", 2)[1] == b"413"
    assert b"HTTP content length exceeded 10485760 bytes" in answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (200, b"200"),
        (201, b"431"),
        (100000, b"431"),
    ],
)
def test_headers_are_counted_while_they_are_read(
    local_cloud: CloudUnderTest, headers: int, status: bytes
) -> None:
    lines = "".join(f"\na{number}: x" for number in range(headers - 1))
    answer, _ = exchange(local_cloud, f"GET /_local/health HTTP/1.1\nHost: localhost{lines}")
    assert answer == b"" or answer.split(b" ", 2)[1] == status
    if headers < 1000:
        assert answer


@pytest.mark.parametrize("where", ["path", "header"])
def test_headers_have_a_length_while_they_are_read(local_cloud: CloudUnderTest, where: str) -> None:
    long = "x" * 70000
    head = f"GET /{long} HTTP/1.1" if where == "path" else f"GET /_local/health HTTP/1.1\nA: {long}"
    answer, closed = exchange(local_cloud, f"{head}\nHost: localhost")
    assert closed
    assert answer == b"" or answer.split(b" ", 2)[1] in (b"413", b"414")


def test_a_header_with_an_underscore_counts_for_nothing(local_cloud: CloudUnderTest) -> None:
    head = "GET /_local/health HTTP/1.1\nHost: localhost\nSec-Fetch-Site: cross-site\nSec_Fetch_Site: none"
    answer, _ = exchange(local_cloud, head)
    assert answer.startswith(b"HTTP/1.1 403 ")


def test_a_form_of_many_fields_takes_no_memory(local_cloud: CloudUnderTest) -> None:
    fields = b"a&" * 4 * MB
    head = (
        "POST / HTTP/1.1\nHost: localhost\nContent-Type: application/x-www-form-urlencoded\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/iam/aws4_request\n"
        f"Content-Length: {len(fields)}"
    )
    tracemalloc.start()
    try:
        answer, _ = exchange(local_cloud, head, fields)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.split(b" ", 2)[1] == b"413"
    assert peak < 2 * len(fields)
