"""A stream with processor on the test's clock: events, results, retries, roles."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mysfits_stream.localcloud.awslambda.function import Invocation, LambdaError
from mysfits_stream.localcloud.firehose.stream import Processor
from mysfits_stream.localcloud.iam import Verdict
from tests.support.delivery import (
    ARN,
    DESTINATION,
    FUNCTION,
    PROCESSED,
    REGION,
    START,
    STREAM,
    Cloud,
    answering,
    shout,
)


def test_the_event_is_the_one_of_aws() -> None:
    cloud = Cloud(PROCESSED)
    cloud.time += 0.123
    cloud.put(b'{"userId": "u"}')
    cloud.run(60)
    (event,) = cloud.events

    assert set(event) == {"invocationId", "deliveryStreamArn", "region", "records"}
    assert (event["deliveryStreamArn"], event["region"]) == (ARN, REGION)
    (record,) = event["records"]
    assert set(record) == {"recordId", "approximateArrivalTimestamp", "data"}
    assert record["approximateArrivalTimestamp"] == int((START + 0.123) * 1000)
    assert base64.b64decode(record["data"]) == b'{"userId": "u"}'


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        pytest.param(
            lambda ok: [{**ok, "result": "ProcessingFailed"}],
            "Lambda.ProcessingFailedStatus",
            "ProcessingFailed status set for record",
            id="ProcessingFailed",
        ),
        pytest.param(
            lambda ok: [],
            "Lambda.MissingRecordId",
            "One or more record Ids were not returned. "
            "Ensure that the Lambda function returns all received record Ids.",
            id="a record that is not returned",
        ),
        pytest.param(
            lambda ok: [ok, ok],
            "Lambda.DuplicatedRecordId",
            "Multiple records were returned with the same record Id. "
            "Ensure that the Lambda function returns unique record Ids for each record.",
            id="a record that is returned twice",
        ),
        pytest.param(
            lambda ok: [{**ok, "data": None}],
            "Lambda.InvalidReturnFormat",
            "The data field cannot be null when the SourceType is DirectPut.",
            id="Ok without data",
        ),
    ],
)
def test_one_bad_record_fails_alone_and_at_once(
    answer: Callable[[dict[str, Any]], Any], code: str, message: str
) -> None:
    cloud = Cloud(PROCESSED)
    cloud.handler = answering(bad=answer)
    cloud.put(b"good", b"bad", b"fine")
    cloud.run(120)

    delivered = [body for key, body in cloud.objects.items() if key.startswith("firehose/")]
    assert delivered == [b"goodfine"]
    assert cloud.errors() == [
        {
            "attemptsMade": 1,
            "arrivalTimestamp": int(START * 1000),
            "errorCode": code,
            "errorMessage": message,
            "attemptEndingTimestamp": int((START + 60) * 1000),
            "rawData": base64.b64encode(b"bad").decode(),
            "lambdaARN": FUNCTION,
        }
    ]
    assert len(cloud.events) == 1
    (key,) = (key for key in cloud.objects if key.startswith("bad/"))
    assert re.fullmatch(r"bad/processing-failed/clicks-1-2026-11-23-12-00-00-[0-9a-f-]{36}", key)


def test_dropped_records_leave_no_trace() -> None:
    cloud = Cloud(PROCESSED)
    cloud.handler = answering(bot=lambda ok: [{"recordId": ok["recordId"], "result": "Dropped"}])
    cloud.put(b"bot", b"bot")
    cloud.run(300)

    assert (cloud.objects, cloud.logged) == ({}, [])


def test_an_unknown_record_in_the_answer_is_ignored() -> None:
    cloud = Cloud(PROCESSED)
    cloud.handler = answering(a=lambda ok: [ok, {**ok, "recordId": "nobody"}])
    cloud.put(b"a")
    cloud.run(120)

    assert cloud.only() == b"a"


@pytest.mark.parametrize("answer", [None, {}, [], "text", {"Records": []}], ids=json.dumps)
def test_an_answer_without_records_misses_every_record(answer: Any) -> None:
    cloud = Cloud(PROCESSED)
    cloud.handler = lambda event: answer
    cloud.put(b"a", b"b")
    cloud.run(120)

    assert [error["errorCode"] for error in cloud.errors()] == ["Lambda.MissingRecordId"] * 2
    assert [error["attemptsMade"] for error in cloud.errors()] == [1, 1]


@pytest.mark.parametrize(
    "records",
    [[1], "text", [{"result": "Ok"}], [{"recordId": "a", "result": "Fine"}]],
    ids=json.dumps,
)
def test_an_answer_that_is_not_understood_fails_every_record(records: Any) -> None:
    cloud = Cloud(PROCESSED)
    cloud.handler = lambda event: {"records": records}
    cloud.put(b"a", b"b")
    cloud.run(120)

    assert [error["errorCode"] for error in cloud.errors()] == ["Lambda.JsonProcessingException"] * 2


def failing(kind: str, seconds: float = 0.1) -> Invocation:
    payload = json.dumps({"errorType": kind, "errorMessage": "m"}).encode()
    return Invocation(payload, "Unhandled", "request", "$LATEST", b"", seconds)


def raising(error: Exception) -> Callable[[dict[str, Any]], Any]:
    def handler(event: dict[str, Any]) -> Any:
        raise error

    return handler


@pytest.mark.parametrize(
    ("handler", "code", "message"),
    [
        pytest.param(
            lambda event: failing("KeyError"),
            "Lambda.FunctionError",
            "The Lambda function was successfully invoked but it returned an error result.",
            id="an exception",
        ),
        pytest.param(
            lambda event: failing("Sandbox.Timedout"),
            "Lambda.FunctionTimedOut",
            "The Lambda function invocation timed out. Increase the Timeout setting in the Lambda function.",
            id="a timeout",
        ),
        pytest.param(
            lambda event: Invocation(b"{}", None, "request", "$LATEST", b"", 301),
            "Lambda.FunctionTimedOut",
            "The Lambda function invocation timed out. Increase the Timeout setting in the Lambda function.",
            id="more than five minutes (F68)",
        ),
        pytest.param(
            lambda event: failing("Function.ResponseSizeTooLarge"),
            "Lambda.FunctionError",
            "The Lambda function was successfully invoked but it returned an error result.",
            id="a response of more than 6 MB",
        ),
        pytest.param(
            raising(LambdaError("ResourceNotFoundException", "Function not found", 404)),
            "Lambda.ResourceNotFound",
            "The specified Lambda function does not exist. Use a different function that does exist.",
            id="no such function",
        ),
        pytest.param(
            raising(LambdaError("TooManyRequestsException", "Rate Exceeded.", 429)),
            "Lambda.InvokeLimitExceeded",
            "The Lambda concurrent execution limit is exceeded. Increase the concurrent execution limit.",
            id="throttled",
        ),
        pytest.param(
            raising(RuntimeError("the runtime is closed")),
            "InternalError",
            "RuntimeError: the runtime is closed",
            id="a fault of the local cloud itself",
        ),
    ],
)
def test_a_failing_batch_is_retried_three_times_and_then_fails_whole(
    handler: Callable[[dict[str, Any]], Any], code: str, message: str
) -> None:
    cloud = Cloud(PROCESSED)
    cloud.handler = handler
    cloud.put(b"a", b"b")
    cloud.run(300)

    assert [at for at, _ in cloud.invoked] == [60, 62, 66, 74]
    assert [
        (error["errorCode"], error["errorMessage"], error["attemptsMade"]) for error in cloud.errors()
    ] == [(code, message, 4)] * 2
    assert [base64.b64decode(error["rawData"]) for error in cloud.errors()] == [b"a", b"b"]
    assert [line["errorCode"] for _, _, line in cloud.logged] == [code] * 4


def test_the_number_of_retries_is_the_processors() -> None:
    cloud = Cloud(replace(STREAM, processor=Processor(FUNCTION, retries=0)))
    cloud.handler = raising(LambdaError("ServiceException", "again", 500))
    cloud.put(b"a")
    cloud.run(300)

    assert len(cloud.invoked) == 1
    assert cloud.errors()[0]["errorCode"] == "Lambda.Service"


def test_pauses_shrink_with_the_time_scale() -> None:
    cloud = Cloud(PROCESSED)
    cloud.time_scale = 10
    cloud.handler = lambda event: failing("KeyError")
    cloud.put(b"a")
    cloud.run(70)

    assert [round(at, 3) for at, _ in cloud.invoked] == [60, 60.2, 60.6, 61.4]


def test_a_batch_that_succeeds_on_a_retry_is_delivered() -> None:
    cloud = Cloud(PROCESSED)
    answers = iter([failing("KeyError"), None])
    cloud.handler = lambda event: next(answers) or shout(event)
    cloud.put(b"a")
    cloud.run(300)

    assert cloud.only() == b"A\n"


@pytest.mark.parametrize(
    ("verdict", "code", "message"),
    [
        (
            Verdict.DENIED,
            "Lambda.InvokeAccessDenied",
            "Access was denied. Ensure that the access policy allows access to the Lambda function.",
        ),
        (
            Verdict.CANNOT_ASSUME,
            "Lambda.AssumeRoleAccessDenied",
            "Access was denied. "
            "Ensure that the trust policy for the provided IAM role allows Firehose to assume the role.",
        ),
    ],
)
def test_a_role_that_may_not_invoke_fails_the_batch(verdict: Verdict, code: str, message: str) -> None:
    cloud = Cloud(PROCESSED)
    cloud.denied["lambda:InvokeFunction"] = verdict
    cloud.put(b"a")
    cloud.run(300)

    assert cloud.events == []
    (error,) = cloud.errors()
    assert (error["errorCode"], error["errorMessage"], error["attemptsMade"]) == (code, message, 4)
    assert error["attemptEndingTimestamp"] - error["arrivalTimestamp"] == 74_000, "about what AWS takes (F82)"


def test_the_role_is_asked_about_the_qualified_function_and_shows_the_external_id() -> None:
    cloud = Cloud(PROCESSED)
    cloud.put(b"a")
    cloud.run(120)
    role, firehose = DESTINATION.role_arn, "firehose.amazonaws.com"
    (key,) = cloud.objects

    assert cloud.asked == [
        (role, firehose, "lambda:InvokeFunction", f"{FUNCTION}:$LATEST", "123456789012"),
        (role, firehose, "s3:PutObject", f"arn:aws:s3:::clicks-bucket/{key}", "123456789012"),
    ]


def test_a_qualified_function_is_asked_about_as_it_is() -> None:
    cloud = Cloud(replace(STREAM, processor=Processor(f"{FUNCTION}:live")))
    cloud.put(b"a")
    cloud.run(60)

    assert cloud.asked[0][3] == f"{FUNCTION}:live"
