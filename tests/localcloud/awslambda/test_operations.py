"""Invoke as AWS clients call the operation: types, names, limits and errors."""

from __future__ import annotations

import base64
import json

import pytest
import requests

from tests.localcloud.firehose.test_operations import signed
from tests.localcloud.test_server import allow, make_role, zipped
from tests.support.cloud import CloudUnderTest


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

REFUSED_HEADERS = [
    ({"X-Amz-Invocation-Type": "Later"}, "ValidationException", "Value 'Later' at 'invocationType'"),
    ({"X-Amz-Log-Type": "Head"}, "ValidationException", "Value 'Head' at 'logType'"),
    ({"X-Amz-Client-Context": "!"}, "InvalidRequestContentException", "valid Base64-encoded JSON object"),
    ({"X-Amz-Client-Context": "WzFd"}, "InvalidRequestContentException", "valid Base64-encoded JSON object"),
    ({"X-Amz-Tenant-Id": "a"}, "NotSimulated", "lambda:Invoke: TenantId is not simulated"),
    ({"X-Amz-Durable-Execution-Name": "a"}, "NotSimulated", "DurableExecutionName is not simulated"),
]


@pytest.mark.parametrize(("headers", "code", "says"), REFUSED_HEADERS)
def test_a_header_that_would_be_ignored_is_refused(
    local_cloud: CloudUnderTest, headers: dict[str, str], code: str, says: str
) -> None:
    answer = invoke(local_cloud, "f", b"{}", **headers)
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (400, code)
    assert says in answer.json()["Message"]


def test_the_client_context_comes_in_base64(local_cloud: CloudUnderTest) -> None:
    make_function(local_cloud, "def handler(event, context):\n    return context.client_context.custom\n")
    context = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
    answer = local_cloud.client("lambda").invoke(FunctionName="f", ClientContext=context)
    assert json.load(answer["Payload"]) == {"a": "b"}


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
