"""Enriched clicks in the order of their time, and their summary."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mysfits_stream.aws.waiting import Pace
from mysfits_stream.click_definition import Definition
from mysfits_stream.clicks.objects import LONGEST_SPAN, ClicksBucket, StoredObject
from mysfits_stream.clicks.unpacking import UnreadableError

Click = dict[str, Any]

LATENESS = timedelta(minutes=1)
"""The longest time from a request, ``clickedAt``, to the arrival of its record, which names the object."""

FOLLOW_SECONDS = 5.0
LOOK_BACK = timedelta(minutes=1)
"""While following, how often to look for what S3 has refused for long."""


@dataclass
class ParseProblems:
    """Lines and objects that could not be parsed as clicks."""

    foreign_lines: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    """Key -> why the object could not be had or unpacked."""

    def document(self) -> dict[str, Any]:
        """The counts as a JSON object."""
        return {"foreignLines": self.foreign_lines, "unreadableObjects": self.unreadable}

    def __str__(self) -> str:
        parts = []
        if self.foreign_lines:
            parts.append(f"lines that could not be parsed: {self.foreign_lines}")
        parts += [f"{key} cannot be read ({why})" for key, why in self.unreadable.items()]
        return "; ".join(parts)


@dataclass
class Summary:
    """Clicks by the clicked item and by each attribute but the name.

    Test clicks are counted apart.
    """

    by: dict[str, Counter[str]]
    key: str | None = None
    """The field that names the clicked item."""

    names: dict[str, str] = field(default_factory=dict)
    """Item -> its attribute ``name``, as far as clicks have one."""

    clicks: int = 0
    tests: int = 0

    @classmethod
    def of(cls, definition: Definition) -> Summary:
        """An empty summary for clicks of a definition."""
        keys = [*([definition.key] if definition.key else []), *definition.attributes]
        return cls({key: Counter() for key in keys if key != "name"}, definition.key)

    def counted(self, clicks: Iterable[Click]) -> Iterator[Click]:
        """Yield the clicks unchanged, and count every yielded click."""
        for click in clicks:
            yield click
            if click.get("test") is True:
                self.tests += 1
                continue
            self.clicks += 1
            for key, counter in self.by.items():
                counter[text(click.get(key))] += 1
            if self.key and isinstance(name := click.get("name"), str):
                self.names[text(click.get(self.key))] = name


def read(
    bucket: ClicksBucket,
    since: datetime,
    until: datetime,
    trouble: ParseProblems,
    landed_until: datetime | None = None,
) -> Iterator[Click]:
    """The clicks of a time range by ``clickedAt``, ``until`` excluded, the oldest first.

    Objects are read up to ``landed_until``, by default ``until``: a retried or replayed click lies in an
    object of a later hour, and comes after younger clicks. ``trouble`` counts lines and objects that could
    not be parsed. Memory holds only the lines of objects with overlapping times, and the objects read ahead.
    """
    objects = bucket.read(bucket.delivered(since, max(until, landed_until or until)))
    return _in_order(objects, clicked_at(since), clicked_at(until), trouble)


def latest(clicks: Iterable[Click], count: int) -> list[Click]:
    """The last ``count`` clicks by ``clickedAt``, the oldest first."""
    numbered = ((click["clickedAt"], number, click) for number, click in enumerate(clicks))
    return [click for _, _, click in sorted(heapq.nlargest(count, numbered))]


def follow(
    bucket: ClicksBucket, since: datetime, pace: Pace, report: Callable[[ParseProblems], None]
) -> Iterator[Click]:
    """The clicks since a moment, then every new click on arrival, without end.

    ``report`` is called at once, a single time, for every line or object that could not be parsed.
    """
    seen: set[str] = set()
    begin, now = since, bucket.now()
    looked_back = now
    while True:
        trouble = ParseProblems()
        listed = list(bucket.delivered(begin, now))
        new = [stored for stored in listed if stored.key not in seen]
        yield from _in_order(bucket.read(new), clicked_at(since), "~", trouble)
        if str(trouble):
            report(trouble)
        keys = {stored.key for stored in listed}
        seen = keys if now == looked_back else seen | keys
        pace.sleep(FOLLOW_SECONDS)
        # An object carries the name of a time before it lands: usually of the span, at most of a day.
        now = max(now, bucket.now())
        begin = now - bucket.span
        if now - looked_back >= LOOK_BACK:
            begin, looked_back = now - LONGEST_SPAN, now
        begin = max(begin, since)


def parse(line: bytes) -> Click | None:
    """The enriched click in a line, or None.

    A click is a JSON object of scalars with the text ``clickedAt``, of any definition and version.
    """
    try:
        click = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(click, dict) or not isinstance(click.get("clickedAt"), str):
        return None
    return None if any(isinstance(value, dict | list) for value in click.values()) else click


def text(value: Any) -> str:
    """A field's value for a table: text unchanged, null and missing as "-", else as in JSON."""
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)


def clicked_at(moment: datetime) -> str:
    """A moment in the format of ``clickedAt``; the texts sort by time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _in_order(
    objects: Iterable[tuple[StoredObject, list[bytes] | UnreadableError]],
    since: str,
    until: str,
    trouble: ParseProblems,
) -> Iterator[Click]:
    # A line takes a quarter of the memory of its click, and a large object has many.
    waiting: list[tuple[str, int, bytes]] = []
    serial = 0
    for stored, lines in objects:
        # No later object holds a click from before this one began, but for a request's time and for replays.
        began = clicked_at(stored.started - LATENESS)
        while waiting and waiting[0][0] < began:
            yield json.loads(heapq.heappop(waiting)[2])
        if isinstance(lines, UnreadableError):
            trouble.unreadable[stored.key] = str(lines)
            continue
        for line in lines:
            click = parse(line)
            if click is None:
                trouble.foreign_lines += 1
            elif since <= click["clickedAt"] < until:
                serial += 1
                heapq.heappush(waiting, (click["clickedAt"], serial, line))
    while waiting:
        yield json.loads(heapq.heappop(waiting)[2])
