"""Metric filters on one member of JSON log events, and the values that they count (F257)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

PATTERN = re.compile(r'\{ \$\.(?P<member>[A-Za-z0-9_]+) = "(?P<value>[^"*]*)" \}')
"""The only filter pattern that is simulated: a member that equals a text."""


def is_simulated(pattern: str) -> bool:
    """Whether the local cloud evaluates a filter pattern."""
    return PATTERN.fullmatch(pattern) is not None


def remove(backend: Any, group: str, name: str | None = None) -> None:
    """Delete one filter of a log group, or all filters.

    moto keeps filters of deleted groups, and duplicates.
    """
    stored = backend.filters.metric_filters
    stored[:] = [
        each
        for each in stored
        if each["logGroupName"] != group or (name is not None and each["filterName"] != name)
    ]


def counted(backend: Any, group: str, message: str) -> Iterator[tuple[str, str, float]]:
    """(namespace, metric, value) of each filter of the group that matches a log event."""
    for each in backend.filters.metric_filters:
        if each["logGroupName"] == group and _matches(each["filterPattern"], message):
            for metric in each["metricTransformations"]:
                yield metric["metricNamespace"], metric["metricName"], float(metric["metricValue"])


def _matches(pattern: str, message: str) -> bool:
    match = PATTERN.fullmatch(pattern)
    try:
        document = json.loads(message)
    except ValueError:
        return False
    return bool(match and isinstance(document, Mapping) and document.get(match["member"]) == match["value"])
