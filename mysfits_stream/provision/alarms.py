"""The alarms of a stack as data: metric, threshold, link of the path, advice.

AWS sends every metric but the failed records' free of charge, which a metric filter counts and which costs
only while there are some; CloudWatch's free tier covers ten alarms (F255, F257).
"""

from __future__ import annotations

from dataclasses import dataclass

from mysfits_stream.config import Config

PREFIX = "alarm-"
TOPIC = "alarm-topic"
"""The logical name of the topic; those of the alarms are ``alarm-<kind>``."""

MINUTE = 60
SLACK_SECONDS = 900
"""By which the oldest record may be older than both buffers: an invocation, its retries, and a write."""

FIREHOSE, LAMBDA, API = "AWS/Firehose", "AWS/Lambda", "AWS/ApiGateway"
CLICKS = "mysfits-stream"
"""The namespace of the metric of failed records, with the stack's name behind a slash."""

FAILED_RECORDS = "FailedRecords"
FAILED_PATTERN = '{ $.errorCode = "Lambda.ProcessingFailedStatus" }'
"""Log events of Firehose about records that the processor rejects (F87, F257)."""


@dataclass(frozen=True)
class Kind:
    """What one alarm looks at."""

    name: str
    link: str
    """The link of the path, as ``doctor`` calls it."""
    namespace: str
    metric: str
    statistic: str
    comparison: str
    threshold: float
    meaning: str
    command: str
    """The command that looks further."""
    period: int = 5 * MINUTE
    periods: int = 1
    missing: str = "notBreaching"
    expression: str = ""
    """Metric math over the metric with the Id ``records``; empty: the metric itself."""

    @property
    def description(self) -> str:
        """What the alarm says: the meaning, the link, and the command."""
        return f"{self.meaning} (link {self.link}). Next: {self.command}"


def kinds(config: Config) -> tuple[Kind, ...]:
    """The kinds of alarms, in the order of a click's path."""
    buffers = config.processor.buffer_seconds + config.delivery.buffer_seconds
    above, below = "GreaterThanThreshold", "LessThanThreshold"
    return (
        Kind(
            "api-5xx",
            "api",
            API,
            "5XXError",
            "Sum",
            above,
            0,
            "the clicks API answers with a 5xx status: clicks are not stored",
            "mysfits-stream doctor --send",
        ),
        Kind(
            "quiet",
            "records",
            FIREHOSE,
            "IncomingRecords",
            "Sum",
            below,
            1,
            f"no click came in for {config.alarms.quiet_minutes} minutes{_when(config)}",
            "mysfits-stream send-test-click",
            period=config.alarms.quiet_minutes * MINUTE,
            # Firehose sends no value while no record comes in.
            missing="breaching",
            expression=_where_usual(config),
        ),
        Kind(
            "throttled-records",
            "records",
            FIREHOSE,
            "ThrottledRecords",
            "Sum",
            above,
            0,
            "Firehose throttles records: the stream's quota is used up",
            "mysfits-stream doctor",
        ),
        Kind(
            "processor-errors",
            "processing",
            LAMBDA,
            "Errors",
            "Sum",
            above,
            0,
            "the processor fails; Firehose retries, then the clicks are failed clicks",
            "mysfits-stream logs processor",
        ),
        Kind(
            "processor-throttles",
            "processing",
            LAMBDA,
            "Throttles",
            "Sum",
            above,
            0,
            "Lambda throttles the processor: the account's concurrency is used up",
            "mysfits-stream doctor",
        ),
        Kind(
            "failed-clicks",
            "failed",
            CLICKS,
            FAILED_RECORDS,
            "Sum",
            above,
            0,
            "the processor rejects records: their clicks are failed clicks",
            "mysfits-stream failed",
        ),
        Kind(
            "delivery",
            "delivery",
            FIREHOSE,
            "DeliveryToS3.Success",
            "Average",
            below,
            1,
            "Firehose cannot write to the clicks bucket; it retries for a day",
            "mysfits-stream logs delivery",
        ),
        Kind(
            "freshness",
            "delivery",
            FIREHOSE,
            "DeliveryToS3.DataFreshness",
            "Maximum",
            above,
            buffers + SLACK_SECONDS,
            f"the oldest click waits for more than {buffers + SLACK_SECONDS} s, beyond both buffers",
            "mysfits-stream doctor",
        ),
    )


def _when(config: Config) -> str:
    hours = config.alarms.usual_hours
    return f" within the usual hours, {hours} UTC" if hours else ""


def _where_usual(config: Config) -> str:
    """The number of records, and 1 outside of the usual hours; empty if every hour is usual.

    Only functions of a value and of its time: CloudWatch reads more values than the evaluated periods, so
    functions over all values give other results in alarms (F340).
    """
    usual = config.alarms.usual
    condition = usual.condition("records", config.alarms.quiet_minutes) if usual else ""
    return f"IF({condition}, records, 1)" if condition else ""
