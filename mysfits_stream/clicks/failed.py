"""Failed clicks: records that the processor could not enrich, as Firehose keeps them (F86)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mysfits_stream.clicks.delivered import ParseProblems, clicked_at
from mysfits_stream.clicks.objects import ClicksBucket, UnreadableError

SAMPLES = 3
LONGEST_SAMPLE = 200


@dataclass(frozen=True)
class FailedClick:
    """One record as it was put, and what happened to it."""

    code: str
    message: str
    arrived: datetime
    data: bytes
    key: str
    """The error object that holds it."""


@dataclass
class Group:
    """The failed clicks of one error code and reason."""

    code: str
    message: str
    first: datetime
    last: datetime
    count: int = 0
    samples: list[str] = field(default_factory=list)

    def add(self, failed: FailedClick) -> None:
        """Count one more; the first few are kept to be shown."""
        self.count += 1
        self.first, self.last = min(self.first, failed.arrived), max(self.last, failed.arrived)
        if len(self.samples) < SAMPLES:
            self.samples.append(content(failed.data))

    def document(self) -> dict[str, Any]:
        """The group as JSON says it."""
        return {
            "errorCode": self.code,
            "errorMessage": self.message,
            "count": self.count,
            "first": clicked_at(self.first),
            "last": clicked_at(self.last),
            "samples": self.samples,
        }


def read(
    bucket: ClicksBucket, since: datetime | None, until: datetime, trouble: ParseProblems
) -> Iterator[FailedClick]:
    """The failed clicks that arrived in a time range; ``trouble`` counts what is none."""
    for stored, lines in bucket.read(bucket.failed(since, until)):
        if isinstance(lines, UnreadableError):
            trouble.unreadable[stored.key] = str(lines)
            continue
        for line in lines:
            failed = parse(line, stored.key)
            if failed is None:
                trouble.foreign_lines += 1
            elif since is None or failed.arrived >= since:
                yield failed


def grouped(failed: Iterable[FailedClick]) -> list[Group]:
    """Failed clicks by error code and reason, the most frequent first."""
    groups: dict[tuple[str, str], Group] = {}
    for each in failed:
        groups.setdefault(
            (each.code, each.message), Group(each.code, each.message, each.arrived, each.arrived)
        ).add(each)
    return sorted(groups.values(), key=lambda group: -group.count)


def parse(line: bytes, key: str) -> FailedClick | None:
    """The failed click in a line of an error object, None if it is none.

    Only the record and its arrival have to be right; numbers have been seen as numbers and as text (F86).
    """
    try:
        said: Any = json.loads(line)
        return FailedClick(
            code=str(said.get("errorCode", "")),
            message=str(said.get("errorMessage", "")),
            arrived=datetime.fromtimestamp(int(said["arrivalTimestamp"]) / 1000, UTC),
            data=base64.b64decode(said["rawData"], validate=True),
            key=key,
        )
    except (AttributeError, KeyError, OSError, OverflowError, RecursionError, TypeError, ValueError):
        return None


def clicks_in(data: bytes) -> list[bytes]:
    """A record as single clicks: each element of an array for itself, verbatim; anything else as it is."""
    try:
        text = data.decode()
        if not isinstance(json.loads(text), list):
            return [data]
    except (ValueError, RecursionError):
        return [data]
    decoder, elements, at = json.JSONDecoder(), list[bytes](), text.index("[") + 1
    while True:
        while text[at] in " \t\n\r,":
            at += 1
        if text[at] == "]":
            return elements or [data]
        _, end = decoder.raw_decode(text, at)
        elements.append(text[at:end].encode())
        at = end


def content(data: bytes) -> str:
    """The beginning of a record."""
    text = data.decode("utf-8", "backslashreplace")
    return text if len(text) <= LONGEST_SAMPLE else text[: LONGEST_SAMPLE - 1] + "…"
