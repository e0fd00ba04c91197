"""PutRecord and PutRecordBatch as AWS clients call them: shapes, limits and errors."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from tests.localcloud.test_server import click_pipeline
from tests.support.cloud import CloudUnderTest


def signed(cloud: CloudUnderTest, service: str, **headers: str) -> dict[str, str]:
    scope = f"test/20260921/{cloud.region}/{service}/aws4_request"
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        **headers,
    }


def put(cloud: CloudUnderTest, operation: str, body: Any) -> requests.Response:
    target = {"X-Amz-Target": f"Firehose_20150804.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(cloud.endpoint, data=data, headers=signed(cloud, "firehose", **target), timeout=10)


RECORD = {"Data": base64.b64encode(b"{}").decode()}
REFUSED = [
    ("PutRecord", {"Record": RECORD}, "ValidationException", "the stream is not named"),
    ("PutRecord", {"DeliveryStreamName": "clicks"}, "ValidationException", "there is no record"),
    (
        "PutRecord",
        {"DeliveryStreamName": "clicks", "Record": {}},
        "ValidationException",
        "the record has no data",
    ),
    (
        "PutRecord",
        {"DeliveryStreamName": "none", "Record": RECORD},
        "ResourceNotFoundException",
        "no such stream",
    ),
    ("PutRecord", b"{", "SerializationException", "not JSON"),
    ("PutRecord", b"[]", "SerializationException", "not an object"),
    (
        "PutRecord",
        {"DeliveryStreamName": "clicks", "Record": {"Data": "?"}},
        "SerializationException",
        "the data is not base64",
    ),
    (
        "PutRecordBatch",
        {"DeliveryStreamName": "clicks", "Records": [RECORD] * 501},
        "ValidationException",
        "more than 500 records",
    ),
    (
        "PutRecordBatch",
        {"DeliveryStreamName": "clicks", "Records": []},
        "ValidationException",
        "no records at all",
    ),
]


@pytest.mark.parametrize(
    ("operation", "body", "code"), [pytest.param(o, b, c, id=why) for o, b, c, why in REFUSED]
)
def test_a_put_that_firehose_refuses(
    local_cloud: CloudUnderTest, operation: str, body: Any, code: str
) -> None:
    click_pipeline(local_cloud)
    answer = put(local_cloud, operation, body)
    assert (answer.status_code, answer.json()["__type"]) == (400, code)
    assert answer.headers["x-amzn-ErrorType"] == code
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"


def test_an_accepted_put_has_an_id_and_says_whether_it_is_encrypted(local_cloud: CloudUnderTest) -> None:
    click_pipeline(local_cloud)
    answer = put(local_cloud, "PutRecord", {"DeliveryStreamName": "clicks", "Record": RECORD})
    assert answer.status_code == 200
    assert set(answer.json()) == {"RecordId", "Encrypted"}
