"""PutRecord, PutRecordBatch and Invoke as a client meets them: shapes, limits and errors."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from tests.localcloud.test_server import allow, click_pipeline, make_role, zipped
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


def invoke(cloud: CloudUnderTest, function: str, payload: bytes, **headers: str) -> requests.Response:
    url = f"{cloud.endpoint}/2015-03-31/functions/{function}/invocations"
    return requests.post(url, data=payload, headers=signed(cloud, "lambda", **headers), timeout=30)


def make_function(cloud: CloudUnderTest, source: str) -> None:
    role = make_role(cloud, "f", "lambda.amazonaws.com", [allow("logs:*", "*")])
    cloud.client("lambda").create_function(
        FunctionName="f",
        Runtime="python3.13",
        Role=role,
        Handler="processor.handler",
        Code={"ZipFile": zipped(source)},
    )


ECHO = "def handler(event, context):\n    print('seen', event)\n    return event\n"

NAMES = [
    ("f", "its name"),
    ("f:$LATEST", "its name with a qualifier"),
    ("arn:aws:lambda:eu-west-1:123456789012:function:f", "its ARN"),
    ("arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af", "its ARN, as boto3 encodes it"),
    ("123456789012:function:f", "a part of its ARN"),
]


@pytest.mark.parametrize("name", [pytest.param(name, id=why) for name, why in NAMES])
def test_a_function_is_invoked_by(local_cloud: CloudUnderTest, name: str) -> None:
    make_function(local_cloud, ECHO)
    answer = invoke(local_cloud, name, b'{"a": 1}', **{"X-Amz-Log-Type": "Tail"})
    assert (answer.status_code, answer.json()) == (200, {"a": 1})
    assert answer.headers["X-Amz-Executed-Version"] == "$LATEST"
    assert "X-Amz-Function-Error" not in answer.headers
    assert b"seen {'a': 1}" in base64.b64decode(answer.headers["X-Amz-Log-Result"])


def test_a_failing_function_answers_200_and_says_so_in_a_header(local_cloud: CloudUnderTest) -> None:
    make_function(local_cloud, "def handler(event, context):\n    raise ValueError('no')\n")
    answer = invoke(local_cloud, "f", b"{}")
    assert (answer.status_code, answer.headers["X-Amz-Function-Error"]) == (200, "Unhandled")
    assert (answer.json()["errorType"], answer.json()["errorMessage"]) == ("ValueError", "no")


REFUSED_INVOCATIONS = [
    ("none", b"{}", 404, "ResourceNotFoundException", "no such function"),
    ("f", b"{", 400, "InvalidRequestContentException", "the payload is not JSON"),
    ("f", b'"' + b"x" * 6291456 + b'"', 413, "RequestEntityTooLargeException", "the payload is too large"),
    ("a b", b"{}", 400, "ValidationException", "the name is none"),
]


@pytest.mark.parametrize(
    ("name", "payload", "status", "code"),
    [pytest.param(n, p, s, c, id=why) for n, p, s, c, why in REFUSED_INVOCATIONS],
)
def test_an_invocation_that_lambda_refuses(
    local_cloud: CloudUnderTest, name: str, payload: bytes, status: int, code: str
) -> None:
    make_function(local_cloud, ECHO)
    answer = invoke(local_cloud, name, payload)
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (status, code)
    assert answer.json()["Type"] == "User"


def test_an_asynchronous_invocation_that_fails_is_tried_three_times(local_cloud: CloudUnderTest) -> None:
    make_function(local_cloud, "def handler(event, context):\n    print('trying')\n    raise ValueError\n")
    local_cloud.client("logs").create_log_group(logGroupName="/aws/lambda/f")
    answer = invoke(local_cloud, "f", b"{}", **{"X-Amz-Invocation-Type": "Event"})
    assert (answer.status_code, answer.content) == (202, b"")
    events = local_cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    assert [event["message"] for event in events].count("trying") == 3
