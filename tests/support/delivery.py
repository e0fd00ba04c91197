"""Firehose with the rest of the cloud in memory, on a clock that the test turns."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mysfits_stream.localcloud.awslambda.function import Invocation
from mysfits_stream.localcloud.firehose.delivery import Firehose
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


def answering(**by_data: Any) -> Callable[[dict[str, Any]], Any]:
    """A processor that answers each record by its data; what is not named is delivered."""

    def handler(event: dict[str, Any]) -> Any:
        answers = []
        for record in event["records"]:
            ok = {"recordId": record["recordId"], "result": "Ok", "data": record["data"]}
            answers += by_data.get(base64.b64decode(record["data"]).decode(), lambda ok: [ok])(ok)
        return {"records": answers}

    return handler
