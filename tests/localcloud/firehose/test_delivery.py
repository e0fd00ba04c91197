"""Records through a delivery stream, on a clock that the test turns."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import cramjam
import pytest

from mysfits_stream.localcloud.awslambda.function import Invocation, LambdaError
from mysfits_stream.localcloud.firehose.delivery import Firehose, FirehoseError
from mysfits_stream.localcloud.firehose.services import S3Error
from mysfits_stream.localcloud.firehose.stream import Destination, Processor, Stream
from mysfits_stream.localcloud.iam import Verdict

REGION = "eu-west-1"
ARN = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/clicks"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:processor"
START = 1_795_435_200.0  # 2026-11-23T12:00:00Z
MB = 1024 * 1024
DESTINATION = Destination(
    role_arn="arn:aws:iam::123456789012:role/delivery",
    bucket="clicks-bucket",
    prefix="firehose/",
    error_prefix="bad/!{firehose:error-output-type}/",
    buffer_seconds=60,
    buffer_bytes=50 * MB,
    log_group="/aws/kinesisfirehose/clicks",
    log_stream="S3Delivery",
)
STREAM = Stream("clicks", ARN, "ACTIVE", 1, START, False, DESTINATION)
PROCESSED = replace(STREAM, processor=Processor(FUNCTION))


def shout(event: dict[str, Any]) -> Any:
    """A processor that delivers every record in capitals, one a line."""
    return {
        "records": [
            {
                "recordId": record["recordId"],
                "result": "Ok",
                "data": base64.b64encode(base64.b64decode(record["data"]).upper() + b"\n").decode(),
            }
            for record in event["records"]
        ]
    }


class Cloud:
    """The rest of the cloud, in memory; jobs run at once unless ``later`` collects them."""

    def __init__(self, stream: Stream) -> None:
        self.time = START
        self.wall_offset = 0.0
        self.streams = {(REGION, "clicks"): stream}
        self.objects: dict[str, bytes] = {}
        self.headers: dict[str, Mapping[str, str]] = {}
        self.put_at: dict[str, float] = {}
        self.events: list[dict[str, Any]] = []
        self.invoked: list[tuple[float, str]] = []
        self.logged: list[tuple[str, str, dict[str, Any]]] = []
        self.asked: list[tuple[str, ...]] = []
        self.handler: Callable[[dict[str, Any]], Any] = shout
        self.denied: dict[str, Verdict] = {}
        self.s3_failure: Exception | None = None
        self.woken = 0
        self.later: list[Callable[[], None]] | None = None
        self.firehose = Firehose(self, submit=self.submit, wake=self.wake)

    def submit(self, job: Callable[[], None]) -> None:
        if self.later is None:
            job()
        else:
            self.later.append(job)

    def run_later(self) -> None:
        jobs, self.later = self.later or [], []
        for job in jobs:
            job()

    def wake(self) -> None:
        self.woken += 1

    time_scale = 1.0

    def now(self) -> float:
        return self.time + self.wall_offset

    def steady(self) -> float:
        return self.time

    def stream(self, region: str, name: str) -> Stream | None:
        return self.streams.get((region, name))

    def allowed(
        self, role: str, service: str, action: str, resource: str, external_id: str | None = None
    ) -> Verdict:
        self.asked.append((role, service, action, resource, external_id or ""))
        return self.denied.get(action, Verdict.ALLOWED)

    def invoke(self, function_arn: str, payload: bytes) -> Invocation:
        event = json.loads(payload)
        self.events.append(event)
        self.invoked.append((self.time - START, function_arn))
        answer = self.handler(event)
        if isinstance(answer, Invocation):
            return answer
        return Invocation(json.dumps(answer).encode(), None, "request", "$LATEST", b"", 0.1)

    def put_object(self, region: str, bucket: str, key: str, body: bytes, headers: Mapping[str, str]) -> None:
        assert (region, bucket) == (REGION, "clicks-bucket")
        if self.s3_failure:
            raise self.s3_failure
        self.objects[key] = body
        self.headers[key] = headers
        self.put_at[key] = self.time - START

    def log(self, region: str, group: str, stream: str, message: str) -> None:
        assert region == REGION
        self.logged.append((group, stream, json.loads(message)))

    def put(self, *records: bytes) -> None:
        for record in records:
            self.firehose.put_record(REGION, "clicks", record)

    def run(self, seconds: float) -> None:
        """Let time pass, stopping whenever something is due."""
        end = self.time + seconds
        while (due := self.firehose.due_at()) is not None and due <= end:
            self.time = max(self.time, due)
            self.firehose.advance()
        self.time = end

    def only(self) -> bytes:
        """The only object that was written."""
        (body,) = self.objects.values()
        return body

    def errors(self) -> list[dict[str, Any]]:
        """The lines of the error objects."""
        bodies = [body for key, body in self.objects.items() if key.startswith("bad/processing-failed/")]
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    def change(self, **changes: Any) -> None:
        self.streams[REGION, "clicks"] = replace(self.streams[REGION, "clicks"], **changes)


def test_records_are_glued_together_and_written_after_the_interval() -> None:
    cloud = Cloud(STREAM)
    cloud.put(b"abc", b"abc")
    cloud.run(30)
    cloud.put(b"abc")
    cloud.run(29.9)
    assert cloud.objects == {}

    cloud.run(0.2)
    assert cloud.only() == b"abcabcabc"
    ((key, at),) = cloud.put_at.items()
    assert at == 60
    assert re.fullmatch(r"firehose/2026/11/23/12/clicks-1-2026-11-23-12-00-00-[0-9a-f-]{36}", key)
    assert cloud.headers[key] == {"Content-Type": "application/octet-stream"}
    assert cloud.firehose.due_at() is None
    assert cloud.firehose.pending() == 0


def test_a_full_buffer_is_written_at_once() -> None:
    cloud = Cloud(replace(STREAM, destination=replace(DESTINATION, buffer_bytes=1 * MB)))
    cloud.put(b"x" * 600_000)
    assert cloud.firehose.due_at() == START + 60

    cloud.put(b"y" * 600_000)
    assert cloud.firehose.due_at() == START
    cloud.run(0)
    assert len(cloud.only()) == 1_200_000


def test_both_buffers_are_waited_for_one_after_the_other() -> None:
    cloud = Cloud(PROCESSED)
    cloud.put(b"a", b"b")
    cloud.run(59)
    assert cloud.invoked == []

    cloud.run(1)
    assert cloud.invoked == [(60.0, FUNCTION)]
    assert cloud.objects == {}

    cloud.run(60)
    assert cloud.only() == b"A\nB\n"
    ((key, at),) = cloud.put_at.items()
    assert at == 120
    assert "2026-11-23-12-00-00" in key, "the arrival of the oldest record names the object"


def test_zero_buffering_delivers_without_waiting() -> None:
    destination = replace(DESTINATION, buffer_seconds=0)
    cloud = Cloud(replace(STREAM, destination=destination, processor=Processor(FUNCTION, buffer_seconds=0)))
    cloud.put(b"a")
    cloud.run(0)

    assert cloud.only() == b"A\n"


def test_the_processors_buffer_is_closed_by_size_before_it_overflows() -> None:
    cloud = Cloud(replace(STREAM, processor=Processor(FUNCTION, buffer_bytes=1000)))
    cloud.put(b"x" * 600, b"y" * 600)
    cloud.run(0)
    assert [len(event["records"]) for event in cloud.events] == [1]

    cloud.put(b"z" * 400)
    cloud.run(0)
    assert [len(event["records"]) for event in cloud.events] == [1, 2]


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


def answering(**by_data: Any) -> Callable[[dict[str, Any]], Any]:
    """A processor that answers each record by its data; what is not named is delivered."""

    def handler(event: dict[str, Any]) -> Any:
        answers = []
        for record in event["records"]:
            ok = {"recordId": record["recordId"], "result": "Ok", "data": record["data"]}
            answers += by_data.get(base64.b64decode(record["data"]).decode(), lambda ok: [ok])(ok)
        return {"records": answers}

    return handler


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


def test_the_error_log_gets_a_line_for_what_failed() -> None:
    cloud = Cloud(PROCESSED)
    cloud.handler = answering(bad=lambda ok: [{**ok, "result": "ProcessingFailed"}])
    cloud.put(b"bad", b"bad")
    cloud.run(60)

    assert cloud.logged == [
        (
            "/aws/kinesisfirehose/clicks",
            "S3Delivery",
            {
                "deliveryStreamARN": ARN,
                "destination": "arn:aws:s3:::clicks-bucket",
                "deliveryStreamVersionId": 1,
                "message": "ProcessingFailed status set for record",
                "errorCode": "Lambda.ProcessingFailedStatus",
                "processor": f"{FUNCTION}:$LATEST",
            },
        )
    ]


@pytest.mark.parametrize(
    ("destination", "denied"),
    [
        pytest.param(replace(DESTINATION, log_group=None, log_stream=None), {}, id="logging is off"),
        pytest.param(DESTINATION, {"logs:PutLogEvents": Verdict.DENIED}, id="the role may not log"),
    ],
)
def test_the_error_log_may_stay_empty(destination: Destination, denied: dict[str, Verdict]) -> None:
    cloud = Cloud(replace(PROCESSED, destination=destination))
    cloud.denied = denied
    cloud.handler = lambda event: None
    cloud.put(b"a")
    cloud.run(120)

    assert len(cloud.errors()) == 1
    assert cloud.logged == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(Verdict.DENIED, "S3.AccessDenied", id="the role may not put objects"),
        pytest.param(Verdict.CANNOT_ASSUME, "S3.AccessDenied", id="the role cannot be assumed"),
        pytest.param(S3Error("S3.NoSuchBucket", "gone"), "S3.NoSuchBucket", id="the bucket is missing"),
        pytest.param(OSError("disk"), "InternalError", id="a fault of the local cloud itself"),
    ],
)
def test_an_object_that_s3_refuses_is_tried_again_until_it_arrives(
    fault: Verdict | Exception, code: str
) -> None:
    cloud = Cloud(STREAM)
    if isinstance(fault, Verdict):
        cloud.denied["s3:PutObject"] = fault
    else:
        cloud.s3_failure = fault
    cloud.put(b"a")
    cloud.run(12 * 3600)
    assert cloud.objects == {}
    assert {line["errorCode"] for _, _, line in cloud.logged} == {code}

    cloud.denied, cloud.s3_failure = {}, None
    cloud.run(300)
    assert cloud.only() == b"a"


def test_after_a_day_of_refusals_the_object_is_lost() -> None:
    cloud = Cloud(STREAM)
    cloud.s3_failure = S3Error("S3.NoSuchBucket", "gone")
    cloud.put(b"a")
    cloud.run(25 * 3600)

    assert cloud.firehose.due_at() is None
    assert cloud.firehose.pending() == 0


def test_what_a_deleted_stream_had_buffered_is_gone() -> None:
    cloud = Cloud(STREAM)
    cloud.put(b"a")
    old = cloud.streams.pop((REGION, "clicks"))
    cloud.run(3600)
    assert cloud.objects == {}

    cloud.streams[REGION, "clicks"] = replace(old, created=START + 3600)
    cloud.run(3600)
    assert cloud.objects == {}, "nor does a new stream of that name inherit it"


def test_a_batch_on_its_way_when_the_stream_is_deleted_is_not_delivered() -> None:
    cloud = Cloud(PROCESSED)
    cloud.later = []
    cloud.put(b"a")
    cloud.run(60)
    del cloud.streams[REGION, "clicks"]
    cloud.run(1)
    cloud.firehose.advance()
    cloud.run_later()
    cloud.run(3600)

    assert len(cloud.events) == 1
    assert cloud.objects == {}


def test_an_object_on_its_way_when_the_stream_is_deleted_is_not_written() -> None:
    cloud = Cloud(STREAM)
    cloud.later = []
    cloud.put(b"a")
    cloud.run(60)
    del cloud.streams[REGION, "clicks"]
    cloud.run_later()

    assert cloud.objects == {}


def test_a_changed_destination_is_in_effect_for_what_is_written_next() -> None:
    cloud = Cloud(STREAM)
    cloud.put(b"a")
    cloud.change(version=2, destination=replace(DESTINATION, prefix="b/", buffer_seconds=10))
    cloud.run(10)

    (key,) = cloud.objects
    assert key.startswith("b/2026/11/23/12/clicks-2-")


def test_a_processor_taken_away_leaves_its_records_to_be_delivered() -> None:
    cloud = Cloud(PROCESSED)
    cloud.put(b"a")
    cloud.change(processor=None)
    cloud.run(120)

    assert cloud.only() == b"a"
    assert cloud.events == []


def test_at_most_five_invocations_are_outstanding() -> None:
    cloud = Cloud(replace(STREAM, processor=Processor(FUNCTION, buffer_bytes=1)))
    cloud.later = []
    cloud.put(*[b"%d" % number for number in range(8)])
    cloud.firehose.advance()
    assert len(cloud.later) == 5
    assert cloud.firehose.due_at() is None, "nothing can begin before one of them ends"

    cloud.run_later()
    cloud.firehose.advance()
    assert len(cloud.later) == 3
    cloud.run_later()
    cloud.later = None
    cloud.run(60)
    assert cloud.only() == b"".join(b"%d\n" % number for number in range(8))


def test_records_put_from_many_threads_are_all_delivered_once() -> None:
    cloud = Cloud(replace(STREAM, processor=Processor(FUNCTION, buffer_bytes=2000)))
    with ThreadPoolExecutor(8) as pool:
        jobs: list[Future[None]] = []
        firehose = Firehose(cloud, submit=lambda job: jobs.append(pool.submit(job)), wake=cloud.wake)

        def put(worker: int) -> None:
            for number in range(300):
                firehose.put_record(REGION, "clicks", b"%d-%d" % (worker, number))
                if number % 50 == 0:
                    firehose.advance()

        wait([pool.submit(put, worker) for worker in range(4)])
        for _ in range(100):
            cloud.time += 60
            firehose.advance()
            wait(jobs)
            if not firehose.pending():
                break
    delivered = b"".join(cloud.objects.values()).split()

    assert sorted(delivered) == sorted(
        b"%d-%d" % (worker, number) for worker in range(4) for number in range(300)
    )


def test_puts_wake_whoever_waits_only_when_something_is_due_earlier() -> None:
    cloud = Cloud(STREAM)
    cloud.put(b"a")
    assert cloud.woken == 1
    cloud.put(b"b", b"c")
    assert cloud.woken == 1
    cloud.put(*[b"x" * 1_000_000] * 53)
    assert cloud.woken == 2


@pytest.mark.parametrize(
    ("compression", "extension", "unpack"),
    [
        ("GZIP", ".gz", gzip.decompress),
        ("Snappy", ".snappy", lambda body: bytes(cramjam.snappy.decompress(body))),
        ("ZIP", ".zip", lambda body: zipfile.ZipFile(io.BytesIO(body)).read(_entry(body))),
        ("HADOOP_SNAPPY", ".snappy", lambda body: _unhadoop(body)),
        ("UNCOMPRESSED", "", lambda body: body),
    ],
)
def test_objects_are_compressed(compression: str, extension: str, unpack: Callable[[bytes], bytes]) -> None:
    cloud = Cloud(replace(STREAM, destination=replace(DESTINATION, compression=compression)))
    data = bytes(range(256)) * 2000
    cloud.put(data)
    cloud.run(60)
    ((key, body),) = cloud.objects.items()

    assert unpack(body) == data
    assert re.search(r"-[0-9a-f]{12}" + re.escape(extension) + "$", key)
    assert ("Content-Encoding" in cloud.headers[key]) == (compression == "GZIP")
    if compression == "ZIP":
        assert key.endswith(_entry(body) + ".zip")


def _entry(body: bytes) -> str:
    (name,) = zipfile.ZipFile(io.BytesIO(body)).namelist()
    return name


def _unhadoop(body: bytes) -> bytes:
    data, at = b"", 0
    while at < len(body):
        length, chunk = int.from_bytes(body[at : at + 4], "big"), int.from_bytes(body[at + 4 : at + 8], "big")
        block = bytes(cramjam.snappy.decompress_raw(body[at + 8 : at + 8 + chunk]))
        assert len(block) == length
        data, at = data + block, at + 8 + chunk
    return data


def test_a_file_extension_of_ones_own_replaces_that_of_the_compression() -> None:
    destination = replace(DESTINATION, compression="GZIP", extension=".json.gz")
    cloud = Cloud(replace(STREAM, destination=destination))
    cloud.put(b"a")
    cloud.run(60)

    assert next(iter(cloud.objects)).endswith(".json.gz")


def test_a_delimiter_is_appended_to_each_record() -> None:
    cloud = Cloud(replace(STREAM, delimiter=b"\n"))
    cloud.put(b"a", b"b")
    cloud.run(60)

    assert cloud.only() == b"a\nb\n"


def test_a_backup_keeps_the_records_as_they_were_put() -> None:
    backup = replace(DESTINATION, prefix="raw/", buffer_seconds=30)
    cloud = Cloud(replace(PROCESSED, backup=backup))
    cloud.put(b"a", b"b")
    cloud.run(30)
    ((key, body),) = cloud.objects.items()
    assert key.startswith("raw/2026/11/23/12/clicks-1-")
    assert body == b"ab"

    cloud.run(90)
    assert sorted(cloud.objects.values()) == [b"A\nB\n", b"ab"]


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        pytest.param(
            lambda firehose: firehose.put_record(REGION, "none", b"x"),
            "ResourceNotFoundException",
            "Firehose none under account 123456789012 not found.",
            id="no such stream",
        ),
        pytest.param(
            lambda firehose: firehose.put_record("us-east-1", "clicks", b"x"),
            "ResourceNotFoundException",
            "Firehose clicks under account 123456789012 not found.",
            id="a stream of another region",
        ),
        pytest.param(
            lambda firehose: firehose.put_record(REGION, "clicks", b"x" * (1000 * 1024 + 1)),
            "ValidationException",
            "1 validation error detected: Value at 'record.data' failed to satisfy constraint: "
            "Member must have length less than or equal to 1024000",
            id="a record of more than 1,000 KiB",
        ),
        pytest.param(
            lambda firehose: firehose.put_record_batch(REGION, "clicks", [b"x"] * 501),
            "ValidationException",
            "1 validation error detected: Value at 'records' failed to satisfy constraint: "
            "Member must have length less than or equal to 500",
            id="more than 500 records",
        ),
        pytest.param(
            lambda firehose: firehose.put_record_batch(REGION, "clicks", []),
            "ValidationException",
            "1 validation error detected: Value at 'records' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
            id="no records",
        ),
        pytest.param(
            lambda firehose: firehose.put_record_batch(REGION, "clicks", [b"x" * 1_000_000] * 5),
            "InvalidArgumentException",
            "Records size exceeds 4 MB limit",
            id="more than 4 MiB",
        ),
    ],
)
def test_a_put_is_refused_in_aws_words(call: Callable[[Firehose], object], code: str, message: str) -> None:
    cloud = Cloud(STREAM)
    with pytest.raises(FirehoseError) as caught:
        call(cloud.firehose)

    assert (caught.value.code, str(caught.value)) == (code, message)
    assert cloud.firehose.pending() == 0


@pytest.mark.parametrize("status", ["CREATING", "CREATING_FAILED", "DELETING"])
def test_a_stream_that_is_not_active_takes_no_records(status: str) -> None:
    cloud = Cloud(replace(STREAM, status=status))
    with pytest.raises(FirehoseError, match="not found"):
        cloud.put(b"a")


def test_the_largest_record_and_batch_are_taken() -> None:
    cloud = Cloud(replace(STREAM, encrypted=True))

    record_id, encrypted = cloud.firehose.put_record(REGION, "clicks", b"x" * 1000 * 1024)
    assert (len(record_id), encrypted) == (216, True)
    ids, encrypted = cloud.firehose.put_record_batch(REGION, "clicks", [b"x" * 8388] * 500)
    assert (len(set(ids)), encrypted) == (500, True)


def test_metrics_tell_what_came_in_and_what_arrived() -> None:
    cloud = Cloud(STREAM)
    cloud.put(b"abc", b"d")
    cloud.firehose.put_record_batch(REGION, "clicks", [b"e"])
    cloud.run(60)
    metrics = {metric.name: (metric.value, metric.unit) for metric in cloud.firehose.take_metrics()}

    assert metrics == {
        "PutRecord.Requests": (2, "Count"),
        "PutRecordBatch.Requests": (1, "Count"),
        "IncomingRecords": (3, "Count"),
        "IncomingBytes": (5, "Bytes"),
        "DeliveryToS3.Success": (1.0, "Count"),
        "DeliveryToS3.DataFreshness": (60.0, "Seconds"),
        "DeliveryToS3.Records": (3, "Count"),
        "DeliveryToS3.Bytes": (5, "Bytes"),
    }
    assert cloud.firehose.take_metrics() == []
