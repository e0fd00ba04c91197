"""Points of CloudWatch metrics in a time range, by the minute while CloudWatch has minutes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Point = tuple[datetime, float]

MOST_POINTS = 1440
"""Longer ranges are read more coarsely by default."""


@dataclass(frozen=True)
class Metric:
    """A metric with a statistic."""

    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]


def read(
    cloudwatch: Any,
    metrics: Mapping[str, Metric],
    since: datetime,
    until: datetime,
    most_points: int = MOST_POINTS,
) -> dict[str, list[Point]]:
    """The points of each metric, the oldest first; no more than about ``most_points`` for each."""
    minutes = period(since, until, most_points)
    queries = [
        {
            "Id": key,
            "MetricStat": {
                "Metric": {
                    "Namespace": metric.namespace,
                    "MetricName": metric.name,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
                },
                "Period": 60 * minutes,
                "Stat": metric.statistic,
            },
        }
        for key, metric in metrics.items()
    ]
    points: dict[str, list[Point]] = {key: [] for key in metrics}
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=since, EndTime=until, ScanBy="TimestampAscending"
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            if result["Id"] in points:
                points[result["Id"]] += zip(result["Timestamps"], result["Values"], strict=False)
    return {key: sorted(found) for key, found in points.items()}


def period(since: datetime, until: datetime, most_points: int = MOST_POINTS) -> int:
    """The minutes between two points."""
    minutes = max(1, math.ceil((until - since) / timedelta(minutes=most_points)))
    # CloudWatch keeps older points more coarsely: by 5 minutes after 15 days, by the hour after 63.
    grain = 60 if minutes > 63 else 5 if minutes > 15 else 1
    return math.ceil(minutes / grain) * grain
