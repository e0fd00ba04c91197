"""CloudWatch metrics of delivery streams, collected until published."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from mysfits_stream.localcloud.firehose.stream import Stream

MINUTE = 60.0
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

    def take(self) -> list[Metric]:
        """Everything since the last call."""
        with self._lock:
            measured, counted = list(self._measured), dict(self._counted)
            self._measured.clear()
            self._counted.clear()
        return measured + [
            Metric(region, stream, name, value, "Bytes" if name.endswith("Bytes") else "Count", at)
            for (region, stream, name, at), value in counted.items()
        ]
