"""The examination of a click's path, hop by hop: the broken link, and advice.

    links       the result for a link, and the advice for an error code
    resources   each resource of the stack, compared with the configuration
    api         endpoint, preflight, put: from the browser to the delivery stream
    delivery    the stream, its processor, and their logs and metrics
    arrival     the Mysfits service, and the objects in the clicks bucket
    alarms      the alarms that ring

Nothing is changed, and a click is sent only on request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import is_error
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.config import Config
from mysfits_stream.doctor import alarms, api, arrival, delivery
from mysfits_stream.doctor.links import BROKEN, UNKNOWN, WARNING, Link, examined
from mysfits_stream.doctor.resources import compared
from mysfits_stream.provision.left_behind import earlier_buckets
from mysfits_stream.provision.resource import Resource
from mysfits_stream.provision.stack import LOG_STREAM, Names

SLACK = timedelta(minutes=5)
"""What processing and CloudWatch take beyond the buffers."""


@dataclass(frozen=True)
class Path:
    """The examined path: configuration, stack, clients and endpoint."""

    config: Config
    names: Names
    resources: Iterable[Resource]
    endpoint: str | None
    api_id: str | None
    mysfits_api: str | None
    bucket: ClicksBucket
    client: Callable[[str], Any]
    """Service -> its boto3 client."""
    http: api.Http = api.http

    @property
    def lag(self) -> timedelta:
        """The longest time from the acceptance of a click to the delivery."""
        buffers = self.config.processor.buffer_seconds + self.config.delivery.buffer_seconds
        return timedelta(seconds=buffers) + SLACK


def examine(path: Path, *, window: timedelta, click: Mapping[str, Any] | None = None) -> Iterator[Link]:
    """The resources, then every link from the browser to S3, in the order of a click's path.

    ``window`` is the length of the examined time range; ``click`` is sent as a test click if given. An
    unreadable link is ``unknown``, and never ends the examination.
    """
    names, client = path.names, path.client
    yield from compared(path.resources)
    yield from examined("earlier-buckets", lambda: _earlier_buckets(path))
    yield from examined("endpoint", lambda: _api(path, click))
    yield from examined("stream", lambda: [delivery.stream(client("firehose"), names.stream)])
    now = datetime.now(UTC)
    try:
        now = path.bucket.now()
    except ClientError as error:
        if is_error(error, "404", "NoSuchBucket"):
            yield Link("bucket", BROKEN, f"there is no bucket {names.bucket}", "run `mysfits-stream up`")
        # Any other refusal comes up again below, where the bucket is read.
    since = (now - window).replace(second=0)
    metrics: list[delivery.Metrics] = []

    def flow() -> Iterator[Link]:
        end = now + timedelta(minutes=1)
        metrics.append(delivery.measured(client("cloudwatch"), names.stream, names.function, since, end))
        yield from delivery.flow(metrics[0], now, path.lag)

    yield from examined("metrics", flow)
    logs = client("logs")
    yield from examined(
        "delivery-log", lambda: [delivery.error_log(logs, names.delivery_logs, LOG_STREAM, since)]
    )
    measured = metrics[0] if metrics else None
    yield from examined(
        "processor-log", lambda: [delivery.function(measured, logs, names.processor_logs, since)]
    )
    yield from examined("mysfits-service", lambda: [_service(path)])
    yield from examined("data", lambda: _arrival(path.bucket, since, now))
    if path.config.alarms.on:
        topic = getattr(path.resources, "alarm_topic", None)
        yield from examined("alarms", lambda: alarms.links(path.config, client("cloudwatch"), topic))


def _earlier_buckets(path: Path) -> Iterator[Link]:
    """Buckets of an earlier configuration; `clicks` does not list their clicks."""
    for bucket in earlier_buckets(path.resources, path.client("resourcegroupstaggingapi")):
        detail = f"{bucket.bucket_name} is the stack's and not the configured bucket"
        remedy = f"set bucket.name: {bucket.bucket_name}, or copy the clicks"
        yield Link(bucket.name, WARNING, detail, remedy)


def _api(path: Path, click: Mapping[str, Any] | None) -> Iterator[Link]:
    endpoint, api_id = path.endpoint, path.api_id
    if endpoint is None or api_id is None:
        yield Link("endpoint", BROKEN, f"there is no clicks API {path.names.api}", "run `mysfits-stream up`")
        return

    def explain(body: str) -> str:
        return api.explained(path.client("apigateway"), api_id, body)

    yield from api.links(endpoint, path.config.api.allowed_origins, click, path.http, explain)


def _service(path: Path) -> Link:
    if path.mysfits_api is None:
        return Link("mysfits-service", UNKNOWN, "mysfits_api is not set", "name it in config.yaml")
    return arrival.service(path.mysfits_api, path.config.definition, path.http)


def _arrival(bucket: ClicksBucket, since: datetime, now: datetime) -> Iterator[Link]:
    link, delivered = arrival.freshness(bucket, since, now)
    yield link
    yield arrival.failed_clicks(bucket, since, now, delivered)
