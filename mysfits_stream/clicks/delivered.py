"""Enriched clicks in the order of their time, and what they add up to."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mysfits_stream.aws.waiting import Pace
from mysfits_stream.clicks.objects import LONGEST_SPAN, ClicksBucket, StoredObject, UnreadableError

Click = dict[str, Any]

TEXTS = ("userId", "mysfitId", "goodevil", "lawchaos", "species", "clickedAt")
"""What an enriched click says, all of it as text."""

FOLLOW_SECONDS = 5.0
LOOK_BACK = timedelta(minutes=1)
"""While following, how often to look for what S3 has refused for long."""


@dataclass
class ParseProblems:
    """What lay among the clicks and is none."""

    foreign_lines: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    """Key -> why the object could not be had or unpacked."""

    def document(self) -> dict[str, Any]:
        """The same as JSON says it."""
        return {"foreignLines": self.foreign_lines, "unreadableObjects": self.unreadable}

    def __str__(self) -> str:
        parts = []
        if self.foreign_lines:
            parts.append(f"lines that were not understood: {self.foreign_lines}")
        parts += [f"{key} cannot be read ({why})" for key, why in self.unreadable.items()]
        return "; ".join(parts)


@dataclass
class Summary:
    """Clicks by what their mysfits are like."""

    clicks: int = 0
    by: dict[str, Counter[str]] = field(
        default_factory=lambda: {key: Counter() for key in ("mysfitId", "species", "goodevil", "lawchaos")}
    )

    def counted(self, clicks: Iterable[Click]) -> Iterator[Click]:
        """The same clicks, each counted as it passes."""
        for click in clicks:
            self.clicks += 1
            for key, counter in self.by.items():
                counter[click[key]] += 1
            yield click


def read(bucket: ClicksBucket, since: datetime, until: datetime, trouble: ParseProblems) -> Iterator[Click]:
    """The clicks of a time range, ``until`` excluded, the oldest first; ``trouble`` counts what is none.

    In memory are only the lines of objects that overlap in time, and the objects read ahead.
    """
    return _in_order(
        bucket.read(bucket.delivered(since, until)), clicked_at(since), clicked_at(until), trouble
    )


def follow(
    bucket: ClicksBucket, since: datetime, pace: Pace, report: Callable[[ParseProblems], None]
) -> Iterator[Click]:
    """The clicks since a moment, and then each as it lands, without end.

    ``report`` is told what is none, once, as soon as it is met.
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
    """The enriched click in a line, None if it is none."""
    try:
        click = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(click, dict) or not all(isinstance(click.get(key), str) for key in TEXTS):
        return None
    return click


def clicked_at(moment: datetime) -> str:
    """A moment as enriched clicks spell it; such texts sort by time."""
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
        # No later object holds a click from before this one began.
        began = clicked_at(stored.started)
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
