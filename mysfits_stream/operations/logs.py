"""``logs``: the log events of the processor and of the delivery stream, merged by time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import TYPE_CHECKING, Any

from mysfits_stream.operations.pipeline import pace, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.time_range import time_range

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

PROCESSOR, DELIVERY = "processor", "delivery"

FOLLOW_SECONDS = 5.0
LATE = timedelta(minutes=2)
"""Events may be readable some time after their timestamp, in any order (F253)."""

Now = Callable[[], datetime]


@dataclass(frozen=True)
class LogEvent:
    """One event of a log group."""

    source: str
    """``processor`` or ``delivery``."""
    time: datetime
    stream: str
    message: str
    id: str

    def document(self) -> dict[str, Any]:
        """The event as JSON."""
        return {
            "source": self.source,
            "time": self.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "stream": self.stream,
            "message": self.message,
        }


@dataclass(frozen=True)
class LogEvents:
    """Log events, the oldest first."""

    groups: tuple[str, ...]
    since: datetime
    events: tuple[LogEvent, ...]

    def document(self) -> dict[str, Any]:
        """The events as JSON."""
        return {"logGroups": list(self.groups), "events": [event.document() for event in self.events]}


def logs(
    project: Project, source: str | None, *, lines: int, since: str, now: Now = lambda: datetime.now(UTC)
) -> LogEvents:
    """The last ``lines`` events since a moment.

    ``source`` None means all sources. Raises ClickError.
    """
    begin = _begin(since, now())
    groups = _groups(project, source)
    with translated(project):
        logs = project.target.clients.logs
        found = tuple(deque(_events(logs, groups, begin), maxlen=lines))
    return LogEvents(tuple(groups.values()), begin, found)


def follow(
    project: Project, source: str | None, *, lines: int, since: str, now: Now = lambda: datetime.now(UTC)
) -> Iterator[LogEvent]:
    """The last ``lines`` events since a moment, then every new event, without end."""
    begin = _begin(since, now())
    groups, speed = _groups(project, source), pace(project)
    seen: dict[str, datetime] = {}
    with translated(project):
        logs, first = project.target.clients.logs, True
        while True:
            new = [event for event in _events(logs, groups, begin) if event.id not in seen]
            seen |= {event.id: event.time for event in new}
            yield from new[-lines:] if first else new
            first = False
            if seen:
                begin = max(begin, max(seen.values()) - LATE)
            seen = {id: time for id, time in seen.items() if time >= begin}
            speed.sleep(FOLLOW_SECONDS)


def _begin(since: str, now: datetime) -> datetime:
    return time_range(since, None, now).since or now


def _groups(project: Project, source: str | None) -> dict[str, str]:
    """Source -> log group."""
    names = project.names
    groups = {PROCESSOR: names.processor_logs, DELIVERY: names.delivery_logs}
    return {source: groups[source]} if source else groups


def _events(logs: CloudWatchLogsClient, groups: dict[str, str], since: datetime) -> Iterator[LogEvent]:
    """The events of all groups since a moment, the oldest first."""
    each = (_of_group(logs, source, group, since) for source, group in groups.items())
    return merge(*each, key=lambda event: event.time)


def _of_group(logs: CloudWatchLogsClient, source: str, group: str, since: datetime) -> Iterator[LogEvent]:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since.timestamp() * 1000)
    )
    # Events of one page are ordered within each log stream only.
    found = [
        LogEvent(
            source=source,
            time=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
            stream=event["logStreamName"],
            message=event["message"].rstrip("\n"),
            id=event["eventId"],
        )
        for page in pages
        for event in page["events"]
    ]
    return iter(sorted(found, key=lambda event: event.time))
