"""CloudWatch metrics of API requests and function invocations, by minute."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

MINUTE = 60.0

Dimensions = tuple[tuple[str, str], ...]


@dataclass
class Statistics:
    """Sum and number of the values of a metric in a minute."""

    region: str
    namespace: str
    name: str
    unit: str
    dimensions: Dimensions
    at: float
    """The beginning of the minute, in seconds since the epoch."""
    sum: float = 0.0
    samples: int = 0


class RequestMetrics:
    """Values by metric and minute; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minutes: dict[tuple[str, str, str, Dimensions, float], Statistics] = {}
        self._api_requests: Counter[tuple[str, str, str, int, float]] = Counter()
        """Region, API, stage, hundreds of the status and minute -> requests."""

    def api_request(self, region: str, api: str, stage: str, status: int, at: float) -> None:
        """Count a request to a stage of an API."""
        with self._lock:
            self._api_requests[region, api, stage, status // 100, at // MINUTE * MINUTE] += 1

    def invocation(self, region: str, function: str, *, failed: bool, seconds: float, at: float) -> None:
        """Count an invocation that Lambda has run."""
        dimensions = (("FunctionName", function),)
        self._add(region, "AWS/Lambda", dimensions, {"Invocations": 1.0, "Errors": float(failed)}, at)
        self._add(region, "AWS/Lambda", dimensions, {"Duration": seconds * 1000}, at, "Milliseconds")

    def throttle(self, region: str, function: str, at: float) -> None:
        """Count an invocation that Lambda has throttled."""
        self._add(region, "AWS/Lambda", (("FunctionName", function),), {"Throttles": 1.0}, at)

    def take(self) -> list[Statistics]:
        """Everything since the last call."""
        with self._lock:
            requests, self._api_requests = self._api_requests, Counter()
        for (region, api, stage, hundreds, at), count in requests.items():
            values = {"Count": 1.0, "4XXError": float(hundreds == 4), "5XXError": float(hundreds >= 5)}
            for dimensions in ((("ApiName", api),), (("ApiName", api), ("Stage", stage))):
                self._add(region, "AWS/ApiGateway", dimensions, values, at, times=count)
        with self._lock:
            taken, self._minutes = list(self._minutes.values()), {}
        return taken

    def _add(
        self,
        region: str,
        namespace: str,
        dimensions: Dimensions,
        values: Mapping[str, float],
        at: float,
        unit: str = "Count",
        times: int = 1,
    ) -> None:
        minute = at // MINUTE * MINUTE
        with self._lock:
            for name, value in values.items():
                key = (region, namespace, name, dimensions, minute)
                if key not in self._minutes:
                    self._minutes[key] = Statistics(region, namespace, name, unit, dimensions, minute)
                self._minutes[key].sum += value * times
                self._minutes[key].samples += times
