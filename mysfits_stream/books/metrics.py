"""CloudWatch's side of the books: records and requests by minute."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mysfits_stream.aws import cloudwatch
from mysfits_stream.aws.cloudwatch import Metric, Point

MOST_MINUTES = 15 * 1440
"""CloudWatch keeps minutes for 15 days."""


@dataclass(frozen=True)
class Names:
    """The names of the stack's stream, API and function in CloudWatch."""

    stream: str
    api: str


@dataclass(frozen=True)
class Sums:
    """CloudWatch's side, by minute."""

    incoming: Counter[datetime]
    api: Counter[datetime]
    processed: Counter[datetime]
    delivered: Counter[datetime]
    failing: tuple[datetime, ...]
    """Minutes with a failed delivery to S3."""
    freshness: tuple[Point, ...]
    """Minute -> age in seconds of the oldest record that Firehose held, the oldest minute first."""


def read(client: Any, names: Names, since: datetime, until: datetime) -> Sums:
    """The sums of a time range, by minute."""
    stream, api = (("DeliveryStreamName", names.stream),), (("ApiName", names.api),)
    wanted = {
        "incoming": Metric("AWS/Firehose", "IncomingRecords", "Sum", stream),
        "processed": Metric("AWS/Firehose", "SucceedProcessing.Records", "Sum", stream),
        "delivered": Metric("AWS/Firehose", "DeliveryToS3.Records", "Sum", stream),
        "success": Metric("AWS/Firehose", "DeliveryToS3.Success", "Average", stream),
        "freshness": Metric("AWS/Firehose", "DeliveryToS3.DataFreshness", "Maximum", stream),
        "requests": Metric("AWS/ApiGateway", "Count", "SampleCount", api),
        "clientErrors": Metric("AWS/ApiGateway", "4XXError", "Sum", api),
        "serverErrors": Metric("AWS/ApiGateway", "5XXError", "Sum", api),
    }
    points = cloudwatch.read(client, wanted, since, until, MOST_MINUTES)

    def by_minute(key: str) -> Counter[datetime]:
        return Counter({floor(at): round(value) for at, value in points[key]})

    answered = by_minute("requests")
    answered.subtract(by_minute("clientErrors"))
    answered.subtract(by_minute("serverErrors"))
    return Sums(
        by_minute("incoming"),
        answered,
        by_minute("processed"),
        by_minute("delivered"),
        tuple(floor(at) for at, share in points["success"] if share < 1),
        tuple((floor(at), age) for at, age in points["freshness"]),
    )


def floor(moment: datetime) -> datetime:
    """The beginning of the minute."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
