"""The clicks bucket's records of a time range: stored once, repeatedly, failed, replayed.

A record has the ``requestId`` of its lines. A failed record lies in error objects; a replay puts each of its
clicks on the stream as a new record, so a stored click of a failed record is a further put. Lines of version
0.1.0 have no ids: the number of distinct times is the least, and of lines the greatest number of records.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from mysfits_stream.books import erased_counts
from mysfits_stream.books.erased_counts import ErasedCounts, numbered
from mysfits_stream.books.lines import ids_of, stored_click
from mysfits_stream.books.metrics import floor
from mysfits_stream.clicks import failed
from mysfits_stream.clicks.delivered import LATENESS, ParseProblems
from mysfits_stream.clicks.failed import FailedClick
from mysfits_stream.clicks.objects import ClicksBucket, StoredObject
from mysfits_stream.clicks.unpacking import UnreadableError

MINUTE = timedelta(minutes=1)
MOST_IDS = 20

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Repeated:
    """A click stored more than once."""

    click_id: str
    minute: datetime
    times: int
    keys: tuple[str, ...]
    """Objects with the click."""


@dataclass
class Ledger:
    """The records of the bucket by minute: of the request, or of the arrival of a failure."""

    stored: Counter[datetime] = field(default_factory=Counter)
    """Minute -> records that were delivered at their first try, each once."""
    errors: Counter[datetime] = field(default_factory=Counter)
    """Minute of arrival -> error lines, replayed or not."""
    replayed_puts: Counter[datetime] = field(default_factory=Counter)
    """Minute from which the object holds records -> stored clicks that a replay put on the stream."""
    without_id: Counter[datetime] = field(default_factory=Counter)
    """Minute -> lines without ids."""
    times_without_id: Counter[datetime] = field(default_factory=Counter)
    """Minute -> different times of lines without ids."""
    failed: int = 0
    """Records of the range that failed, and were not put back."""
    replayed: int = 0
    """Error lines of the range whose clicks were put back."""
    recovered: int = 0
    """Records of the range that failed, and whose clicks are all stored."""
    repeated_errors: Counter[datetime] = field(default_factory=Counter)
    """Minute of arrival -> error lines of records that a replay had put on the stream."""
    repeated: list[Repeated] = field(default_factory=list)
    gaps: Counter[datetime] = field(default_factory=Counter)
    """Minute -> clicks that their requests must have had."""
    missing: dict[datetime, list[str]] = field(default_factory=dict)
    """Minute -> the first ids of these clicks."""
    erased: ErasedCounts = field(default_factory=ErasedCounts)
    """What the objects held before an erasure."""
    edges: list[datetime] = field(default_factory=list)
    """Times of records close to the ends of the settled range, sorted."""
    trouble: ParseProblems = field(default_factory=ParseProblems)

    def near(self, moment: datetime, quiet: timedelta) -> int:
        """The records of a span before a moment, which may have arrived after the moment."""
        kept = bisect_left(self.edges, moment) - bisect_left(self.edges, moment - quiet)
        # Of erased records the minute is known only.
        return kept + abs(self.erased.balance(floor(moment) - MINUTE))


def read(
    bucket: ClicksBucket, since: datetime, until: datetime, bands: Iterable[tuple[datetime, datetime]]
) -> Ledger:
    """The ledger of a time range; ``bands`` are the time ranges in which single times are kept."""
    reader = _Reader(since, tuple(bands))
    for place, objects in (
        ("failed", bucket.failed(None, until)),
        ("replayed", bucket.replayed_objects()),
        ("stored", bucket.delivered(since, until)),
    ):
        for stored, lines in bucket.read(objects):
            if isinstance(lines, UnreadableError):
                reader.ledger.trouble.unreadable[stored.key] = str(lines)
                continue
            reader.erased(stored, is_copied=place != "stored")
            for line in lines:
                if place == "stored":
                    reader.line(stored, line)
                elif record := failed.parse(line, stored.key):
                    reader.error(record, line, is_replayed=place == "replayed")
                else:
                    reader.ledger.trouble.foreign_lines += 1
    return reader.finished()


class _Reader:
    """Counts lines; the error lines first, to identify replayed clicks."""

    def __init__(self, since: datetime, bands: tuple[tuple[datetime, datetime], ...]) -> None:
        self.ledger = Ledger()
        self._since = since
        self._bands = bands
        self._errors: dict[int, list[tuple[datetime, bool, int]]] = defaultdict(list)
        """Record -> arrival of each error line, whether the line was replayed, and the line's first click."""
        self._clicks: dict[int, set[int]] = defaultdict(set)
        """Failed record -> its clicks; failed again means the same ids."""
        self._outstanding: set[int] = set()
        """Clicks in error objects that were not replayed."""
        self._error_lines: dict[int, int] = {}
        """Error line -> how often one object holds the line, at most."""
        self._of_object: tuple[str, Counter[int]] = ("", Counter())
        self._copied: set[tuple[str, str]] = set()
        self._seen: dict[int, int] = {}
        """Stored click -> how often, as far as more than once."""
        self._once: set[int] = set()
        self._names: dict[int, tuple[str, datetime, set[str]]] = {}
        self._requests: dict[str, tuple[int, int, datetime]] = {}
        """Request -> clicks with a number, the highest number, minute."""
        self._times: set[tuple[datetime, str]] = set()

    def erased(self, stored: StoredObject, *, is_copied: bool) -> None:
        """Count what an erasure removed; ``is_copied`` for an object that a replay may have copied."""
        counts = erased_counts.of_metadata(stored.metadata)
        if is_copied and counts.minutes:
            copy = UUID.sub("", stored.key.rpartition("/")[2]), stored.metadata[erased_counts.NAME]
            if copy in self._copied:
                return
            self._copied.add(copy)
        self.ledger.erased.add(counts.since(self._since))

    def error(self, record: FailedClick, line: bytes, *, is_replayed: bool) -> None:
        """Count an error line; not the copy of a line that a replay leaves for a later replay."""
        if self._of_object[0] != record.key:
            self._of_object = record.key, Counter()
        identity, times = hash(line), self._of_object[1]
        times[identity] += 1
        if times[identity] <= self._error_lines.get(identity, 0):
            return
        self._error_lines[identity] = times[identity]
        minute = floor(record.arrived)
        if record.arrived >= self._since:
            self.ledger.errors[minute] += 1
            self._keep(record.arrived)
        ids = [(hash(request), hash((request, click))) for request, click in ids_of(record)]
        request = ids[0][0]
        self._errors[request].append((record.arrived, is_replayed, ids[0][1]))
        for _, each in ids:
            self._clicks[request].add(each)
            if not is_replayed:
                self._outstanding.add(each)

    def line(self, stored: StoredObject, line: bytes) -> None:
        """Count a line of an object with delivered clicks."""
        click = stored_click(line)
        if click is None:
            self.ledger.trouble.foreign_lines += 1
            return
        at, text, request_id, click_id = click
        minute = floor(at)
        if request_id is None or click_id is None:
            if at >= self._since:
                self.ledger.without_id[minute] += 1
                if (minute, text) not in self._times:
                    self._times.add((minute, text))
                    self.ledger.times_without_id[minute] += 1
            return
        request, identity = hash(request_id), hash((request_id, click_id))
        has_failed = request in self._errors
        # The error line of a replayed click may have expired. A second copy of a click that did not fail is a
        # repetition, though, however late.
        is_late = at < stored.started - LATENESS and (at < self._since or identity not in self._once)
        if has_failed or is_late:
            # Where the first try failed, a click comes by a replay, maybe by one that died and came again.
            self.ledger.replayed_puts[floor(stored.started)] += 1
            self._once.add(identity)
            return
        if at < self._since:
            return
        if identity in self._once:
            self._repeat(identity, click_id, minute, stored.key)
            return
        self._once.add(identity)
        if request_id not in self._requests:
            self.ledger.stored[minute] += 1
            self._keep(at)
        count, highest, _ = self._requests.get(request_id, (0, -1, minute))
        if number := numbered(click_id, request_id):
            count, highest = count + 1, max(highest, int(number[1]))
        self._requests[request_id] = (count, highest, minute)

    def _repeat(self, identity: int, click_id: str, minute: datetime, key: str) -> None:
        self._seen[identity] = self._seen.get(identity, 1) + 1
        _, _, keys = self._names.setdefault(identity, (click_id, minute, set()))
        if len(keys) < MOST_IDS:
            keys.add(key)

    def _keep(self, at: datetime) -> None:
        if any(begin <= at <= end for begin, end in self._bands):
            self.ledger.edges.append(at)

    def finished(self) -> Ledger:
        """The ledger, after the last line."""
        ledger = self.ledger
        for request, lines in self._errors.items():
            first = min(arrived for arrived, _, _ in lines)
            # A replay puts clicks later. What comes a second time at once are equal records without ids.
            records = max(Counter(click for arrived, _, click in lines if arrived == first).values())
            again = Counter(floor(arrived) for arrived, _, _ in lines if arrived >= self._since)
            ledger.replayed += sum(
                is_replayed and arrived >= self._since for arrived, is_replayed, _ in lines
            )
            if first >= self._since:
                again[floor(first)] -= records
                clicks = self._clicks[request]
                if clicks <= self._once:
                    ledger.recovered += records
                elif clicks & self._outstanding:
                    ledger.failed += records
            ledger.repeated_errors.update(again)
        for identity, times in self._seen.items():
            click_id, minute, keys = self._names[identity]
            ledger.repeated.append(Repeated(click_id, minute, times, tuple(sorted(keys))))
        ledger.repeated.sort(key=lambda each: (each.minute, each.click_id))
        for request_id, (count, highest, minute) in self._requests.items():
            if 0 < count <= highest:
                ledger.gaps[minute] += highest + 1 - count
                missing = ledger.missing.setdefault(minute, [])
                missing += islice(self._gaps(request_id, highest), MOST_IDS - len(missing))
        ledger.edges.sort()
        return ledger

    def _gaps(self, request_id: str, highest: int) -> Iterator[str]:
        for number in range(highest):
            if hash((request_id, f"{request_id}:{number}")) not in self._once:
                yield f"{request_id}:{number}"
