"""CloudWatch metrics of API requests and function invocations, by minute."""

from __future__ import annotations

import threading
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

    def api_request(self, region: str, api: str, stage: str, status: int, at: float) -> None:
        """Count a request to a stage of an API."""
        values = {"Count": 1.0, "4XXError": float(400 <= status < 500), "5XXError": float(status >= 500)}
        for dimensions in ((("ApiName", api),), (("ApiName", api), ("Stage", stage))):
            self._add(region, "AWS/ApiGateway", dimensions, values, at)

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
    ) -> None:
        minute = at // MINUTE * MINUTE
        with self._lock:
            for name, value in values.items():
                key = (region, namespace, name, dimensions, minute)
                if key not in self._minutes:
                    self._minutes[key] = Statistics(region, namespace, name, unit, dimensions, minute)
                self._minutes[key].sum += value
                self._minutes[key].samples += 1
