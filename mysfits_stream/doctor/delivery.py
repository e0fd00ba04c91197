"""The delivery stream and the processor, by their descriptions, logs and metrics."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from mysfits_stream.aws.cloudwatch import Metric, Point, read
from mysfits_stream.aws.errors import is_error
from mysfits_stream.doctor.links import (
    BROKEN,
    OK,
    REPAIR,
    SINGLE_RECORDS,
    UNKNOWN,
    WARNING,
    Link,
    advice_for,
)

METRICS = {
    "incoming": ("AWS/Firehose", "IncomingRecords", "Sum"),
    "throttled": ("AWS/Firehose", "ThrottledRecords", "Sum"),
    "processing": ("AWS/Firehose", "ExecuteProcessing.Success", "Average"),
    "delivery": ("AWS/Firehose", "DeliveryToS3.Success", "Average"),
    "freshness": ("AWS/Firehose", "DeliveryToS3.DataFreshness", "Maximum"),
    "errors": ("AWS/Lambda", "Errors", "Sum"),
    "throttles": ("AWS/Lambda", "Throttles", "Sum"),
}
DIMENSIONS = {"AWS/Firehose": "DeliveryStreamName", "AWS/Lambda": "FunctionName"}

LOG_EVENTS = 1000
LOG_STREAMS = 3


@dataclass(frozen=True)
class Metrics:
    """Metrics of a time range, the oldest point first."""

    points: dict[str, list[Point]]

    def total(self, name: str) -> int:
        """The sum of all points."""
        return round(sum(value for _, value in self.points[name]))

    def last(self, name: str) -> Point | None:
        """The latest point, or None."""
        return self.points[name][-1] if self.points[name] else None


def measured(cloudwatch: Any, stream: str, function: str, since: datetime, until: datetime) -> Metrics:
    """The metrics of stream and processor in a time range."""
    names = {"AWS/Firehose": stream, "AWS/Lambda": function}
    wanted = {
        key: Metric(namespace, metric, statistic, ((DIMENSIONS[namespace], names[namespace]),))
        for key, (namespace, metric, statistic) in METRICS.items()
    }
    return Metrics(read(cloudwatch, wanted, since, until))


def stream(firehose: Any, name: str) -> Link:
    """Whether the delivery stream takes records."""
    try:
        found = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    except ClientError as error:
        if is_error(error, "ResourceNotFoundException"):
            return Link("stream", BROKEN, f"there is no delivery stream {name}", "run `mysfits-stream up`")
        raise
    status = found["DeliveryStreamStatus"]
    if status == "ACTIVE":
        return Link("stream", OK, f"{name} is ACTIVE")
    failure = found.get("FailureDescription", {})
    details = f": {failure.get('Type')}: {failure.get('Details')}" if failure else ""
    advice = "wait a minute or two" if status == "CREATING" else REPAIR
    return Link("stream", BROKEN, f"{name} is {status}{details}", advice)


def flow(metrics: Metrics, now: datetime, lag: timedelta) -> Iterator[Link]:
    """Incoming records, invocations of the processor, and written objects."""
    incoming, throttled = metrics.total("incoming"), metrics.total("throttled")
    if throttled:
        advice = "request a higher Firehose quota; browsers retry, other clients may not"
        yield Link("records", WARNING, f"{incoming} came in, throttled: {throttled}", advice)
    else:
        last = metrics.last("incoming")
        when = f", the last at {_clock(last[0])}" if last else ""
        yield Link("records", OK if incoming else UNKNOWN, f"{incoming} came in{when}")
    yield _success("processing", metrics, "processor invocations")
    delivery = _success("delivery", metrics, "writes to S3")
    earliest = next((at for at, value in metrics.points["incoming"] if value), None)
    if delivery.status == UNKNOWN and earliest and earliest + lag < now:
        delivery = Link(
            "delivery",
            BROKEN,
            f"records were received at {_clock(earliest)}, and no record was written to S3 since",
            "see the links below for the cause; Firehose keeps records for a day",
        )
    yield delivery


def error_log(logs: Any, group: str, log_stream: str, since: datetime) -> Link:
    """Firehose's entries in the stream's error log (F87)."""
    try:
        answer = logs.get_log_events(
            logGroupName=group,
            logStreamName=log_stream,
            startTime=_milliseconds(since),
            limit=LOG_EVENTS,
            startFromHead=False,
        )
    except ClientError as error:
        if is_error(error, "ResourceNotFoundException"):
            return Link("delivery-log", WARNING, f"there is no {group}/{log_stream}", REPAIR)
        raise
    events = [(event["timestamp"], _parsed(event["message"])) for event in answer["events"]]
    if not events:
        return Link("delivery-log", OK, "no errors")
    counted = [(str(said.get("errorCode", "unknown")), at, said.get("message", "")) for at, said in events]
    counts = ", ".join(
        f"{count} x {code}" for code, count in Counter(code for code, _, _ in counted).most_common()
    )
    # What is broken now may not be what has failed most often.
    serious = [each for each in counted if each[0] not in SINGLE_RECORDS | {"unknown"}]
    code, at, message = (serious or counted)[-1]
    detail = f"{counts}; the last at {_clock(_moment(at))}: {message}"
    return Link("delivery-log", WARNING, detail, advice_for(code))


def function(metrics: Metrics | None, logs: Any, group: str, since: datetime) -> Link:
    """Errors and throttles of the processor, by its metrics and the end of its log."""
    errors, throttles = (metrics.total("errors"), metrics.total("throttles")) if metrics else (0, 0)
    complaints = list(_complaints(logs, group, since))
    counts = ", ".join(
        f"{what}: {count}" for count, what in ((errors, "errors"), (throttles, "throttles")) if count
    )
    if complaints:
        at, text = complaints[-1]
        detail = f"{counts or f'error lines in the log: {len(complaints)}'}; the last at {_clock(at)}: {text}"
        return Link("processor-log", WARNING, detail, _function_advice(text))
    if counts:
        advice = advice_for("Lambda.InvokeLimitExceeded" if throttles else "Lambda.FunctionError")
        return Link("processor-log", WARNING, counts, advice)
    return Link("processor-log", OK, "no errors and no throttles")


def _complaints(logs: Any, group: str, since: datetime) -> Iterator[tuple[datetime, str]]:
    """Error messages in the processor's last log streams, the oldest first."""
    try:
        answer = logs.describe_log_streams(
            logGroupName=group, orderBy="LastEventTime", descending=True, limit=LOG_STREAMS
        )
    except ClientError as error:
        if is_error(error, "ResourceNotFoundException"):
            return
        raise
    found: list[tuple[datetime, str]] = []
    for log_stream in answer["logStreams"]:
        events = logs.get_log_events(
            logGroupName=group,
            logStreamName=log_stream["logStreamName"],
            startTime=_milliseconds(since),
            limit=LOG_EVENTS,
            startFromHead=False,
        )["events"]
        for event in events:
            if complaint := _complaint(event["message"].strip()):
                found.append((_moment(event["timestamp"]), complaint))
    yield from sorted(found)


def _complaint(line: str) -> str | None:
    """The error message in a line of the processor's log, or None."""
    said = _parsed(line)
    if said.get("error"):
        return str(said["error"])
    if "Task timed out" in line or line.startswith("[ERROR]") or "Runtime exited" in line:
        return line[:300]
    return None


def _function_advice(complaint: str) -> str:
    if "Mysfits service" in complaint:
        return "Firehose retries failed batches; check the Mysfits service below, then run replay"
    code = "Lambda.FunctionTimedOut" if "timed out" in complaint else "Lambda.FunctionError"
    return advice_for(code)


def _success(name: str, metrics: Metrics, what: str) -> Link:
    points, last = metrics.points[name], metrics.last(name)
    if last is None:
        return Link(name, UNKNOWN, f"no {what} in this time")
    failing = [(at, value) for at, value in points if value < 1]
    if not failing:
        return Link(name, OK, f"all {what} succeeded, the last at {_clock(last[0])}")
    if last[1] < 1:
        detail = f"{1 - last[1]:.0%} of {what} failed at {_clock(last[0])}"
        return Link(name, BROKEN, detail, "see the logs below for the cause")
    return Link(name, WARNING, f"{what} failed until {_clock(failing[-1][0])}, and succeed again")


def _parsed(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {"message": line[:300]}
    return said if isinstance(said, dict) else {"message": line[:300]}


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
