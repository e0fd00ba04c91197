"""The interface of Firehose to the other services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mysfits_stream.localcloud.awslambda.function import Invocation
from mysfits_stream.localcloud.firehose.stream import Stream
from mysfits_stream.localcloud.iam import Verdict


class S3Error(Exception):
    """S3 rejects an object: ``code`` as in Firehose's error log (``S3.NoSuchBucket``)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class DeliveryServices(Protocol):
    """The interface of Firehose to the other services.

    ``time_scale`` is the factor by which pauses are shorter than on AWS; the intervals of streams are scaled
    already.
    """

    @property
    def time_scale(self) -> float:
        """1 is AWS's pace."""

    def now(self) -> float:
        """AWS's time in seconds since the epoch, for names and records."""

    def steady(self) -> float:
        """Seconds of a monotonic clock, for waiting."""

    def stream(self, region: str, name: str) -> Stream | None:
        """The stream's current configuration, None for a missing stream; must be quick."""

    def allowed(
        self, role: str, service: str, action: str, resource: str, external_id: str | None = None
    ) -> Verdict:
        """Whether the service may assume the role and do the action."""

    def invoke(self, function_arn: str, payload: bytes) -> Invocation:
        """Invoke a function and wait for the result. Raises LambdaError."""

    def put_object(self, region: str, bucket: str, key: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Store an object. Raises S3Error."""

    def log(self, region: str, group: str, stream: str, message: str) -> None:
        """Append to a log stream."""
