"""CloudWatch metrics of delivery streams, collected until published."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from mysfits_stream.localcloud.firehose.stream import Stream

MINUTE = 60.0
INCOMING = ("IncomingRecords", "IncomingBytes")
MOST_KEPT = 10_000  # single values, until the next call of take


@dataclass(frozen=True)
class Metric:
    """A value in CloudWatch's namespace AWS/Firehose."""

    region: str
    stream: str
    name: str
    value: float
    unit: str
    at: float


class Metrics:
    """Sums of counters and the single values of measurements; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._measured: deque[Metric] = deque(maxlen=MOST_KEPT)
        self._counted: dict[tuple[str, str, str, float], float] = {}
        """Region, stream, name and minute -> sum."""
        self._puts: dict[tuple[str, str, str, float], list[int]] = {}
        """Region, stream, operation and minute -> requests, records and bytes."""

    def measure(self, stream: Stream, name: str, value: float, unit: str, at: float) -> None:
        """Record a single value."""
        with self._lock:
            self._measured.append(Metric(stream.region, stream.name, name, value, unit, at))

    def count(self, stream: Stream, at: float, values: Mapping[str, float]) -> None:
        """Add the values, by name, to the sums of the minute of ``at``."""
        minute = at // MINUTE * MINUTE
        with self._lock:
            for name, value in values.items():
                key = stream.region, stream.name, name, minute
                self._counted[key] = self._counted.get(key, 0) + value

    def put(self, region: str, stream: str, operation: str, at: float, records: int, size: int) -> None:
        """Count a put of records with ``size`` bytes."""
        key = region, stream, operation, at // MINUTE * MINUTE
        with self._lock:
            sums = self._puts.get(key)
            if sums is None:
                sums = self._puts[key] = [0, 0, 0]
            sums[0] += 1
            sums[1] += records
            sums[2] += size

    def take(self) -> list[Metric]:
        """Everything since the last call."""
        with self._lock:
            measured, counted = list(self._measured), self._counted
            puts, self._puts, self._counted = self._puts, {}, {}
            self._measured.clear()
        for (region, stream, operation, at), sums in puts.items():
            for name, value in zip((f"{operation}.Requests", *INCOMING), sums, strict=True):
                key = region, stream, name, at
                counted[key] = counted.get(key, 0) + value
        return measured + [
            Metric(region, stream, name, value, "Bytes" if name.endswith("Bytes") else "Count", at)
            for (region, stream, name, at), value in counted.items()
        ]
