"""Objects of S3 read quickly, with botocore's requests, results and errors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import Any, cast

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from mysfits_stream.aws import fast_get, session

CONTENT = b"a click"
ERROR = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"


class Body(BytesIO):
    """A body as urllib3 streams it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class Wire:
    """A client that has read its first object; ``sent`` holds the requests since."""

    def __init__(self) -> None:
        core = session.prepared(session.isolated("key", "secret"))
        self.client = cast(Any, session.client(core, "s3", None, "eu-west-1"))
        self.client.meta.events.register("before-send.s3", self._send)
        self.answers: list[Any] = []
        self.sent: list[Any] = []
        self.read("first")
        self.sent.clear()

    def read(self, key: str, *answers: Any) -> dict[str, Any]:
        """GetObject with these responses, the last of them for good."""
        self.answers = list(answers) or [answer()]
        return fast_get.get_object(self.client, "clicks", key)

    def _send(self, request: Any, **_: Any) -> Any:
        self.sent.append(request)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        status, headers, body = found
        raw: Any = Body(body)
        return AWSResponse(request.url, status, HTTPHeaders.from_dict(headers), raw)


@cache
def shared() -> Wire:
    """One client for all cases: making a client takes long."""
    return Wire()


@pytest.fixture
def wire() -> Wire:
    shared().sent.clear()
    return shared()


def answer(headers: dict[str, str] | None = None) -> Any:
    return 200, {"Content-Length": str(len(CONTENT)), "ETag": '"e"', **(headers or {})}, CONTENT


def refusal(status: int) -> Any:
    return status, {"Content-Length": str(len(ERROR))}, ERROR


def text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header


def is_quick(request: Any) -> bool:
    return "amz-sdk-invocation-id" not in request.headers


def test_an_object_has_the_members_that_botocore_reads(wire: Wire) -> None:
    described = answer({"x-amz-meta-erased": "2", "X-Amz-Meta-Other": "o", "x-amz-id-2": "i"})
    quick = wire.read("a", described)
    [request] = wire.sent
    assert is_quick(request)
    slow = wire.client.get_object(Bucket="clicks", Key="a")
    assert quick["Body"].read() == slow["Body"].read() == CONTENT
    assert {name: quick[name] for name in ("ETag", "Metadata")} == {
        name: slow[name] for name in ("ETag", "Metadata")
    }


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1))
def test_a_request_has_the_url_and_the_signed_headers_of_botocore(key: str) -> None:
    wire = shared()
    wire.read(key)
    quick = wire.sent[-1]
    wire.client.get_object(Bucket="clicks", Key=key)
    slow = wire.sent[-1]
    assert is_quick(quick) and not is_quick(slow)
    assert quick.url == slow.url
    signed = [text(each.headers["Authorization"]).partition(" Signature=")[0] for each in (quick, slow)]
    assert signed[0] == signed[1].replace("x-amz-checksum-mode;", "")
    assert "mysfits-stream" in text(quick.headers["User-Agent"])


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(refusal(503), id="throttled"),
        pytest.param(answer({"Content-Length": "9"}), id="cut off"),
        pytest.param((200, {}, CONTENT), id="of unknown length"),
        pytest.param((301, {"Content-Length": "0"}, b""), id="redirected"),
        pytest.param(EndpointConnectionError(endpoint_url="https://s3"), id="no connection"),
    ],
)
def test_botocore_repeats_what_is_no_complete_object(wire: Wire, first: Any) -> None:
    assert wire.read("a", first, answer())["Body"].read() == CONTENT
    assert [is_quick(each) for each in wire.sent] == [True, False]


def test_errors_are_those_of_botocore(wire: Wire) -> None:
    with pytest.raises(ClientError) as raised:
        wire.read("a", refusal(403))
    assert raised.value.response["Error"]["Code"] == "AccessDenied"
    assert raised.value.operation_name == "GetObject"


def test_a_client_without_a_reader_is_used_as_botocores() -> None:
    class Plain:
        def get_object(self, Bucket: str, Key: str) -> Any:
            return {"Body": f"{Bucket}/{Key}"}

    assert fast_get.get_object(cast(Any, Plain()), "clicks", "a") == {"Body": "clicks/a"}
