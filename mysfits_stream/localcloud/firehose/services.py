"""What Firehose needs of the rest of the cloud, as the calls that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mysfits_stream.localcloud.awslambda.function import Invocation
from mysfits_stream.localcloud.firehose.stream import Stream
from mysfits_stream.localcloud.iam import Verdict


class S3Error(Exception):
    """An object that S3 did not take: ``code`` as in Firehose's error log (``S3.NoSuchBucket``)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class DeliveryServices(Protocol):
    """What Firehose needs of the rest of the cloud.

    ``time_scale`` is how many times shorter pauses are than on AWS; streams come with their intervals scaled.
    """

    @property
    def time_scale(self) -> float:
        """1 is AWS's pace."""

    def now(self) -> float:
        """AWS's time in seconds since the epoch, for names and records."""

    def steady(self) -> float:
        """Seconds for waiting, which no change of the wall clock moves."""

    def stream(self, region: str, name: str) -> Stream | None:
        """The stream as it is now, None when there is none; must be quick."""

    def allowed(
        self, role: str, service: str, action: str, resource: str, external_id: str | None = None
    ) -> Verdict:
        """Whether the service may assume the role and do this."""

    def invoke(self, function_arn: str, payload: bytes) -> Invocation:
        """Invoke a function and wait for it. Raises LambdaError when it cannot be invoked."""

    def put_object(self, region: str, bucket: str, key: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Store an object. Raises S3Error."""

    def log(self, region: str, group: str, stream: str, message: str) -> None:
        """Append to a log stream."""
