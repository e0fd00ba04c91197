"""Rate quotas of AWS's control planes, by account and region (F60, F61, F63, F65, F292)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.http.refusals import refused


@dataclass(frozen=True)
class Quota:
    """A number of calls per AWS seconds, and the size of a burst."""

    calls: float
    seconds: float
    burst: int = 1

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds


# By service and operation; what stands under None counts all operations of the service together.
QUOTAS: dict[str, dict[str | None, Quota]] = {
    "apigateway": {
        None: Quota(10, 1, burst=40),
        "CreateDeployment": Quota(1, 5),
        "CreateDomainName": Quota(1, 30),
        "CreateResource": Quota(5, 1, burst=5),
        "CreateRestApi": Quota(1, 3),
        "DeleteDomainName": Quota(1, 30),
        "DeleteResource": Quota(5, 1, burst=5),
        "DeleteRestApi": Quota(1, 30),
        "GetResources": Quota(5, 2, burst=5),
        "ImportRestApi": Quota(1, 3),
        "PutRestApi": Quota(1, 1),
        "UpdateAccount": Quota(1, 20),
        "UpdateDomainName": Quota(1, 30),
    },
    "firehose": {
        operation: Quota(5, 1, burst=5)
        for operation in (
            "CreateDeliveryStream",
            "DeleteDeliveryStream",
            "DescribeDeliveryStream",
            "ListDeliveryStreams",
            "ListTagsForDeliveryStream",
            "StartDeliveryStreamEncryption",
            "StopDeliveryStreamEncryption",
            "TagDeliveryStream",
            "UntagDeliveryStream",
            "UpdateDestination",
        )
    },
    "lambda": {None: Quota(15, 1, burst=15)},
}
DATA_PLANE = ("Invoke", "InvokeAsync")
TOO_MANY = {
    "apigateway": (429, "TooManyRequestsException", "Too Many Requests"),
    "firehose": (400, "ThrottlingException", "Rate exceeded"),
    "lambda": (429, "TooManyRequestsException", "Rate exceeded"),
}
SAYS_WHEN = ("apigateway", "lambda")
"""The services whose refusal carries Retry-After (F21)."""


@dataclass
class Bucket:
    """The available calls, and the time of the last count."""

    calls: float
    at: float


class Quotas:
    """The account's use of its quotas.

    Safe to use from several threads. ``now`` is in AWS's seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str, str | None], Bucket] = {}

    def refusal(self, call: Call) -> Response | None:
        """The throttling response to a call; None counts an allowed call."""
        if call.operation in DATA_PLANE:
            return None
        quotas = QUOTAS.get(call.service, {})
        counted = {name: quotas[name] for name in (None, call.operation) if name in quotas}
        with self._lock:
            buckets = {name: self._filled(call, name, quota) for name, quota in counted.items()}
            waits = [
                (1 - bucket.calls) / counted[name].rate
                for name, bucket in buckets.items()
                if bucket.calls < 1 - 1e-9
            ]
            if not waits:
                for bucket in buckets.values():
                    bucket.calls -= 1
                return None
        status, code, message = TOO_MANY[call.service]
        retry_after = max(1.0, -(-max(waits) // 1)) if call.service in SAYS_WHEN else None
        return refused(call, status, code, message, retry_after=retry_after)

    def _filled(self, call: Call, name: str | None, quota: Quota) -> Bucket:
        now = self._now()
        bucket = self._buckets.setdefault((call.service, call.region, name), Bucket(quota.burst, now))
        bucket.calls = min(quota.burst, bucket.calls + (now - bucket.at) * quota.rate)
        bucket.at = now
        return bucket
