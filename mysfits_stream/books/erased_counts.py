"""The counts of erased records, in the metadata of the object that held the records.

A conditional write changes contents and counts at once, so a crash leaves neither without the other. The
counts are numbers by minute, without any id: ``audit`` adds the counts to the bucket's side. Minutes of which
CloudWatch has no values any more are left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from mysfits_stream.books.lines import RAW_DATA, Removed, ids_of, stored_click
from mysfits_stream.books.metrics import MOST_MINUTES, floor
from mysfits_stream.clicks import failed
from mysfits_stream.clicks.delivered import LATENESS

NAME = "mysfits-stream-erased"
"""The name of the metadata, after ``x-amz-meta-``."""

PREFIX_BYTES = len("x-amz-meta-")

MOST_BYTES = 2048
"""Of all metadata of an object, names and values (F330)."""

KEPT = timedelta(minutes=MOST_MINUTES)

INDEX = re.compile(r":(\d{1,7})")
"""After the request id, the number of the click in its request: the id of a click without one of its own."""

FORMATS = {16: "%Y-%m-%dT%H:%M", 13: "%Y-%m-%dT%H", 10: "%Y-%m-%d"}
"""Length of a text -> format of the minute, the hour or the day."""

MOST_COUNT = 10**9
MAY_BE_NEGATIVE = ("errors", "gaps")
"""An error line may become several, and what is left of a request may end before a gap."""

Minutes = Counter[datetime]


@dataclass
class ErasedCounts:
    """Minute -> how many more records the object held before, under the ledger's names.

    A count is negative where an error line became several error lines.
    """

    stored: Minutes = field(default_factory=Counter)
    errors: Minutes = field(default_factory=Counter)
    failed: Minutes = field(default_factory=Counter)
    """Failed records of which no error line is left."""
    replayed_puts: Minutes = field(default_factory=Counter)
    without_id: Minutes = field(default_factory=Counter)
    times_without_id: Minutes = field(default_factory=Counter)
    gaps: Minutes = field(default_factory=Counter)
    """Erased clicks between remaining clicks of the same request."""

    def add(self, other: ErasedCounts) -> None:
        """Add further counts."""
        for name, minutes in vars(self).items():
            minutes.update(getattr(other, name))

    def since(self, begin: datetime) -> ErasedCounts:
        """The counts of the minutes from ``begin`` on."""
        return ErasedCounts(
            **{
                name: Counter({at: count for at, count in minutes.items() if count and at >= begin})
                for name, minutes in vars(self).items()
            }
        )

    def balance(self, minute: datetime) -> int:
        """The erased records of a minute, as IncomingRecords counted these."""
        sides = (self.stored, self.errors, self.replayed_puts, self.times_without_id)
        return sum(side[minute] for side in sides)

    @property
    def minutes(self) -> set[datetime]:
        """The minutes with counts."""
        return set(chain.from_iterable(vars(self).values()))

    def metadata(self, other: Mapping[str, str], cut_off: datetime) -> dict[str, str]:
        """An object's metadata with these counts added; without counts, the metadata unchanged.

        Counts that do not fit are summed by hour, then by day, at the beginning of each; where the sums do
        not fit either, the earlier counts stay. ``cut_off`` is the time of the erasure.
        """
        total = of_metadata(other)
        total.add(self)
        total = total.since(cut_off - KEPT)
        rest = {name: value for name, value in other.items() if name != NAME}
        if not total.minutes:
            return rest
        # S3's guide does not say whether the prefix counts.
        taken = sum(PREFIX_BYTES + len(name) + len(value.encode()) for name, value in rest.items())
        room = MOST_BYTES - taken - PREFIX_BYTES - len(NAME)
        for length in FORMATS:
            text = json.dumps(total._document(length), separators=(",", ":"))
            if len(text) <= room:
                return rest | {NAME: text}
        return dict(other)

    def _document(self, length: int) -> dict[str, dict[str, int]]:
        document: dict[str, dict[str, int]] = {}
        for name, minutes in vars(self).items():
            for at, count in sorted(minutes.items()):
                side, text = document.setdefault(name, {}), at.strftime(FORMATS[length])
                side[text] = side.get(text, 0) + count
        return document


def of_metadata(metadata: Mapping[str, str]) -> ErasedCounts:
    """The counts in an object's metadata; empty for an invalid text."""
    found = ErasedCounts()
    try:
        document: Any = json.loads(metadata.get(NAME, "{}"))
        for name, minutes in vars(found).items():
            for text, count in document.get(name, {}).items():
                least = -MOST_COUNT if name in MAY_BE_NEGATIVE else 0
                if not isinstance(count, int) or not least <= count <= MOST_COUNT:
                    return ErasedCounts()
                at = datetime.strptime(text, FORMATS[len(text)])
                minutes[at.replace(tzinfo=UTC)] += count
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return ErasedCounts()
    return found


def of_lines(
    key: str,
    started: datetime,
    removed: Iterable[Removed],
    rest: bytes,
    claims: dict[int, str],
    failed_before: Collection[str | bytes] = (),
) -> ErasedCounts:
    """The counts of an object from which lines were removed; ``rest`` is what remains.

    ``started`` is the arrival of the object's oldest record. ``claims`` holds the key that counts a record,
    over all objects of an erasure: a record can lie in several objects. Stored clicks of the requests in
    ``failed_before`` were put on the stream by a replay.
    """

    def first(*record: Any) -> bool:
        return claims.setdefault(hash(record), key) == key

    found = ErasedCounts()
    failed_requests: dict[str | bytes, tuple[datetime, Counter[bytes]]] = {}
    clicks: dict[str, list[str]] = {}
    minutes: dict[str, datetime] = {}
    times: set[str] = set()
    for line, parts in removed:
        if record := failed.parse(line, key):
            minute = floor(record.arrived)
            found.errors[minute] += first(line) - sum(map(first, parts))
            failed_requests.setdefault(next(ids_of(record))[0], (minute, Counter()))[1][line] += 1
        elif click := stored_click(line):
            minute = floor(click.at)
            if click.request is None or click.id is None:
                found.without_id[minute] += 1
                times.add(click.text)
                minutes[click.text] = minute
            elif click.request in failed_before:
                found.replayed_puts[floor(started)] += 1
            elif click.at < started - LATENESS:
                # A further copy is a repetition, as in the ledger, and no put.
                found.replayed_puts[floor(started)] += first("click", click.request, click.id)
            else:
                first("click", click.request, click.id)
                clicks.setdefault(click.request, []).append(click.id)
                minutes[click.request] = minute
    left_failed = _failed_requests(rest) if failed_requests else set()
    for failed_request, (minute, equal) in failed_requests.items():
        if failed_request not in left_failed and first("failed", failed_request):
            # Equal records without ids that came in at once have equal lines.
            found.failed[minute] += max(equal.values())
    left_times, left_numbers = _left(rest) if times or clicks else (set(), {})
    for text in times:
        found.times_without_id[minutes[text]] += text not in left_times and first("time", text)
    for request, ids in clicks.items():
        found.stored[minutes[request]] += request not in left_numbers and first("stored", request)
        left = left_numbers.get(request, set())
        gone = {int(number[1]) for each in ids if (number := numbered(each, request))}
        if first("gaps", request):
            found.gaps[minutes[request]] += _gaps(left) - _gaps(left | gone)
    return found


def _left(contents: bytes) -> tuple[set[str], dict[str, set[int]]]:
    """The times of lines without ids in contents; request -> the numbers of its clicks."""
    times: set[str] = set()
    numbers: dict[str, set[int]] = {}
    for line in contents.split(b"\n"):
        if click := stored_click(line):
            if click.request is None or click.id is None:
                times.add(click.text)
            else:
                of_request = numbers.setdefault(click.request, set())
                if number := numbered(click.id, click.request):
                    of_request.add(int(number[1]))
    return times, numbers


def _failed_requests(contents: bytes) -> set[str | bytes]:
    """The requests of the error lines in contents."""
    records = (failed.parse(line, "") for line in contents.split(b"\n") if RAW_DATA in line)
    return {next(ids_of(record))[0] for record in records if record}


def numbered(click_id: str, request: str) -> re.Match[str] | None:
    """The match of the click's number, in group 1, for a click without an id of its own."""
    return INDEX.fullmatch(click_id, len(request)) if click_id.startswith(request) else None


def _gaps(numbers: set[int]) -> int:
    return max(numbers, default=-1) + 1 - len(numbers)
