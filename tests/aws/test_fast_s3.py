"""Long documents of S3 take the short cuts, with the results of botocore's own parser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Any, cast

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from mysfits_stream.aws import fast_s3
from mysfits_stream.aws.responses import UnexpectedResponseError

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
PAGE = f"""<?xml version="1.0" encoding="UTF-8"?>
<ListVersionsResult {NAMESPACE}><Name>b</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
  <NextKeyMarker>c%20d</NextKeyMarker><NextVersionIdMarker>v2</NextVersionIdMarker>
  <Version><Key>a%26b%0A</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest>
    <LastModified>2026-11-23T12:00:00.000Z</LastModified><Size>10</Size></Version>
  <DeleteMarker><Key>c+d</Key><VersionId>null</VersionId><IsLatest>false</IsLatest></DeleteMarker>
  <CommonPrefixes><Prefix>e%2F</Prefix></CommonPrefixes>
</ListVersionsResult>"""
OBJECTS = f"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult {NAMESPACE}><Name>b</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
  <NextContinuationToken>c d</NextContinuationToken><KeyCount>2</KeyCount><StartAfter>a%20</StartAfter>
  <Contents><Key>a%26b%0A</Key><LastModified>2026-11-23T12:00:00.000Z</LastModified>
    <ETag>&quot;e&quot;</ETag><Size>10</Size></Contents>
  <Contents><Key>c+d</Key><LastModified>2026-11-23T12:00:00Z</LastModified><Size>0</Size></Contents>
  <CommonPrefixes><Prefix>e%2F</Prefix></CommonPrefixes>
</ListBucketResult>"""
ERROR = "<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>"


class Body(BytesIO):
    """A body as urllib3 streams it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class Wire:
    """A client whose answers are given; ``sent`` holds its requests."""

    def __init__(self, *, quick: bool) -> None:
        session = Session()
        session.set_credentials("x", "x")
        config = Config(retries={"total_max_attempts": 1})
        self.client = cast(Any, session.create_client("s3", region_name="us-east-1", config=config))
        if quick:
            fast_s3.speed_up(self.client)
        self.answer = (200, "")
        self.sent: list[Any] = []
        self.client.meta.events.register("before-send.s3", self._send)

    def _send(self, request: Any, **_: Any) -> Any:
        self.sent.append(request)
        status, body = self.answer
        raw: Any = Body(body.encode())
        return AWSResponse(request.url, status, HTTPHeaders(), raw)


@cache
def wire(quick: bool) -> Wire:
    """One with the short cuts, and one without: making a client takes long."""
    return Wire(quick=quick)


def listed(page: str, *, quick: bool) -> dict[str, Any]:
    wire(quick).answer = (200, page)
    answer = wire(quick).client.list_object_versions(Bucket="b")
    del answer["ResponseMetadata"]
    for version in answer.get("Versions", ()):
        version.pop("LastModified", None)
    return dict(answer)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(PAGE, id="versions, markers, prefixes and encoded keys"),
        pytest.param(PAGE.replace(f" {NAMESPACE}", ""), id="no namespace, as some emulators answer"),
        pytest.param(f"<ListVersionsResult {NAMESPACE}></ListVersionsResult>", id="nothing"),
    ],
)
def test_a_page_of_versions_reads_as_botocore_reads_it(page: str) -> None:
    assert listed(page, quick=True) == listed(page, quick=False)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(OBJECTS, id="objects, prefixes and encoded keys"),
        pytest.param(OBJECTS.replace(f" {NAMESPACE}", ""), id="no namespace, as some emulators answer"),
        pytest.param(f"<ListBucketResult {NAMESPACE}></ListBucketResult>", id="nothing"),
    ],
)
def test_a_page_of_objects_reads_as_botocore_reads_it(page: str) -> None:
    found = []
    for quick in (True, False):
        wire(quick).answer = (200, page)
        answer = wire(quick).client.list_objects_v2(Bucket="b")
        del answer["ResponseMetadata"]
        found.append(answer)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param(OBJECTS.replace("<Size>10", "<Size>ten"), "Size is of another type", id="no size"),
        pytest.param(OBJECTS.replace("<Key>c+d</Key>", ""), "Key is missing", id="no key"),
    ],
)
def test_an_object_of_another_form_is_not_from_aws(wrong: str, said: str) -> None:
    wire(True).answer = (200, wrong)
    with pytest.raises(UnexpectedResponseError, match=said):
        wire(True).client.list_objects_v2(Bucket="b")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param((404, ERROR), "NoSuchBucket", id="an error"),
        pytest.param((200, ERROR), "NoSuchBucket", id="an error in a success"),
        pytest.param((200, PAGE[:400]), "500", id="a page that was cut off"),
    ],
)
def test_what_is_no_page_is_left_to_botocore(answer: tuple[int, str], code: str) -> None:
    wire(True).answer = answer
    with pytest.raises(ClientError) as raised:
        wire(True).client.list_object_versions(Bucket="b")
    assert raised.value.response["Error"]["Code"] == code


def deletion(objects: list[dict[str, str]], *, quick: bool = True) -> Any:
    wire(quick).answer = (200, "<DeleteResult/>")
    wire(quick).client.delete_objects(Bucket="b", Delete={"Objects": objects, "Quiet": True})
    return wire(quick).sent[-1]


def assert_alike(objects: list[dict[str, str]]) -> None:
    ours, theirs = deletion(objects), deletion(objects, quick=False)
    assert ours.body == theirs.body
    assert ours.headers["x-amz-checksum-crc32"] == theirs.headers["x-amz-checksum-crc32"]


KEYS = st.text(st.characters(min_codepoint=9, codec="utf-8", exclude_categories=["Cc"]), min_size=1)


@settings(max_examples=50, deadline=None)
@given(st.lists(KEYS, min_size=1, max_size=5))
def test_a_deletion_of_any_keys_has_the_bytes_and_the_checksum_that_botocore_gives_it(
    keys: list[str],
) -> None:
    assert_alike([{"Key": key, "VersionId": f"v{number}"} for number, key in enumerate(keys)])


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([{"Key": "a&b<c>\r\n", "VersionId": "v"}, {"Key": "ä", "VersionId": "w"}], id="escapes"),
        pytest.param([{"Key": "a"}, {"Key": "b"}], id="without versions"),
        pytest.param([{"Key": "a", "VersionId": "v", "ETag": "e"}], id="with a condition"),
    ],
)
def test_a_deletion_has_the_bytes_that_botocore_gives_it(objects: list[dict[str, str]]) -> None:
    assert_alike(objects)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-11-23T12:00:00.000Z", id="of a listing"),
        pytest.param("2026-11-23T12:00:00Z", id="of IAM"),
        pytest.param("Mon, 23 Nov 2026 12:00:00 GMT", id="of a header"),
        pytest.param("2026-11-23T13:00:00.000+0100", id="of Lambda"),
        pytest.param("1795435200", id="seconds as text"),
        pytest.param(1795435200.0, id="of Firehose"),
    ],
)
def test_a_time_is_read_in_every_spelling(text: str | float) -> None:
    assert fast_s3.moment(text) == datetime(2026, 11, 23, 12, tzinfo=UTC)
