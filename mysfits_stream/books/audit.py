"""The books of the pipeline: CloudWatch's incoming records against the clicks bucket.

``IncomingRecords`` is exact. Each incoming record is stored, lies in an error object, or is under way. So the
running sums of both sides must meet again: a permanent difference is the number of lost records. Records
stored twice, and not put twice by a replay, are named by their ids.

Records are settled if older than both buffers, the processor's tries and CloudWatch's lag, and older than the
oldest record in Firehose; while deliveries fail, only records from before the failures are settled. A request
and its record may fall into two minutes, so the ends of the settled range move back to a moment without
requests before; without a quiet moment, the requests at the end make a bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mysfits_stream.books import ledger as ledgers
from mysfits_stream.books import metrics
from mysfits_stream.books.ledger import MINUTE, MOST_IDS, Ledger
from mysfits_stream.books.metrics import Names, Sums, floor
from mysfits_stream.books.statement import Books, Minute, Suspect, Totals
from mysfits_stream.clicks.objects import ClicksBucket

LAG = timedelta(minutes=5)
"""How late CloudWatch may show a metric."""

QUIET = timedelta(seconds=30)
"""The longest time from a request to the arrival of its record: API Gateway's timeout (F62)."""

SHORTEST_QUIET = timedelta(seconds=1)
"""The same on a target whose waiting times are shorter than AWS's: a busy machine takes that long."""

BAND = timedelta(minutes=15)
"""How far the ends of the settled range move back at most."""

RETRY = timedelta(minutes=10)
"""After the last failed delivery, how long its objects may still be retried."""


def audit(
    bucket: ClicksBucket,
    client: Any,
    names: Names,
    since: datetime,
    now: datetime,
    *,
    time_scale: float = 1.0,
) -> Books:
    """The books from ``since`` until ``now``; ``client`` is a client of CloudWatch.

    ``time_scale`` is the factor by which the target's waiting times are shorter than AWS's.
    """
    begin, end = floor(since), floor(now) + MINUTE
    sums = metrics.read(client, names, begin - BAND, end)
    span = bucket.span / time_scale
    failing_since = _failing_since(sums.failing, now, (RETRY + LAG) / time_scale)
    settled = now - span - LAG / time_scale
    if failing_since is not None:
        settled = min(settled, failing_since - span)
    # Firehose may hold older records than its buffers explain; it says so each minute while it holds any.
    for at, age in sums.freshness[-1:]:
        if at > now - (LAG + MINUTE) / time_scale - MINUTE:
            settled = min(settled, at - timedelta(seconds=age))
    settled = max(begin, floor(settled))
    bands = [(begin - BAND, begin), (settled - BAND, settled)]
    found = ledgers.read(bucket, begin - BAND, now, bands)
    quiet = max(SHORTEST_QUIET, QUIET / time_scale)
    low = _quiet(begin, found, begin - BAND, quiet)
    high = max(low, _quiet(settled, found, max(low, settled - BAND), quiet))
    return _Closing(sums, found, low, high, span, quiet).books(now, failing_since)


@dataclass(frozen=True)
class _Closing:
    """Both sides of the books, and the settled range."""

    sums: Sums
    ledger: Ledger
    low: datetime
    high: datetime
    span: timedelta
    quiet: timedelta = QUIET

    def books(self, now: datetime, failing_since: datetime | None) -> Books:
        minutes = tuple(self._minutes(now))
        suspects = [*self._lost(minutes), *self._repeated(), *self._incomplete()]
        lost = sum(each.at_least for each in suspects if each.kind == "lost")
        return Books(
            self.low,
            now,
            self.high,
            minutes,
            self._totals(lost),
            tuple(sorted(suspects, key=lambda each: (each.minute, each.kind))),
            self.ledger.trouble,
            failing_since,
        )

    def _minutes(self, now: datetime) -> Iterator[Minute]:
        sums, ledger, balance = self.sums, self.ledger, 0
        sides = (
            sums.incoming,
            sums.api,
            ledger.stored,
            ledger.errors,
            ledger.replayed_puts,
            ledger.without_id,
        )
        for at in sorted({minute for side in sides for minute in side if self.low <= minute <= now}):
            stored = ledger.stored[at] + ledger.replayed_puts[at] + ledger.times_without_id[at]
            balance += sums.incoming[at] - stored - ledger.errors[at]
            yield Minute(
                at,
                sums.incoming[at],
                sums.api[at],
                sums.processed[at],
                sums.delivered[at],
                stored,
                ledger.errors[at],
                balance,
            )

    def _lost(self, minutes: tuple[Minute, ...]) -> Iterator[Suspect]:
        """The minutes from which a difference of both sides stays."""
        settled = [minute for minute in minutes if minute.at < self.high]
        if not settled:
            return
        lowest, highest = self._bounds(settled[-1].balance)
        if lowest <= 0 <= highest:
            return
        sign = 1 if lowest > 0 else -1
        link, reason = self._likeliest(settled) if sign > 0 else ("bucket", SURPLUS)
        spread, final = highest - lowest, settled[-1].balance * sign
        # Requests are counted before their records come in, so only a loss lifts the difference for the
        # first time to a level at which it ends.
        peak = 0
        for minute in settled:
            level = min(minute.balance * sign, final)
            if level > peak:
                kind, step = "lost" if sign > 0 else "surplus", level - peak
                yield Suspect(kind, minute.at, max(0, step - spread), step, link, reason)
                peak = level

    def _bounds(self, balance: int) -> tuple[int, int]:
        """The difference at the end of the settled range, at least and at most."""
        ledger, low, high = self.ledger, self.low, self.high
        # A record may come in after the end before which its request came.
        early, late = ledger.near(low, self.quiet), ledger.near(high, self.quiet)
        puts, latest = ledger.replayed_puts.items(), MINUTE + self.span
        early += sum(count for at, count in puts if at < low < at + latest)
        late += sum(count for at, count in puts if low <= at < high < at + latest)
        several = ledger.without_id - ledger.times_without_id
        early += sum(count for at, count in several.items() if low <= at < high)
        return balance - early, balance + late

    def _likeliest(self, settled: list[Minute]) -> tuple[str, str]:
        """The link with fewer outgoing than incoming records."""
        last = settled[-1].at
        incoming = sum(minute.incoming for minute in settled)
        errors = sum(minute.failed for minute in settled)

        def until(side: Mapping[datetime, int], late: timedelta) -> int:
            return sum(count for at, count in side.items() if self.low <= at <= last + late)

        processed = until(self.sums.processed, self.span + MINUTE)
        delivered = until(self.sums.delivered, 2 * self.span + MINUTE)
        if processed + errors < incoming:
            return "processor", f"{incoming} records came in, {processed} were processed and {errors} failed"
        if delivered < processed:
            return "delivery", f"{processed} records were processed, {delivered} were delivered to S3"
        return "bucket", DELIVERED

    def _repeated(self) -> Iterator[Suspect]:
        """The clicks stored more than once, by minute."""
        by_minute: dict[datetime, list[ledgers.Repeated]] = {}
        for each in self.ledger.repeated:
            if self.low <= each.minute < self.high:
                by_minute.setdefault(each.minute, []).append(each)
        for minute, clicks in by_minute.items():
            extra = sum(each.times - 1 for each in clicks)
            keys = sorted({key for each in clicks for key in each.keys})
            ids = tuple(each.click_id for each in clicks[:MOST_IDS])
            yield Suspect("repeated", minute, extra, extra, "delivery", REPEATED, ids, tuple(keys[:MOST_IDS]))

    def _incomplete(self) -> Iterator[Suspect]:
        """The missing clicks of requests whose later clicks are stored, by minute."""
        by_minute: dict[datetime, list[str]] = {}
        for click_id, minute in self.ledger.missing.items():
            if self.low <= minute < self.high:
                by_minute.setdefault(minute, []).append(click_id)
        for minute, ids in by_minute.items():
            # A click at the end of its request leaves no gap.
            yield Suspect("incomplete", minute, len(ids), len(ids), "bucket", INCOMPLETE, tuple(ids))

    def _totals(self, lost: int) -> Totals:
        ledger = self.ledger

        def whole(side: Mapping[datetime, int]) -> int:
            return sum(count for at, count in side.items() if at >= self.low)

        replays = whole(ledger.replayed_puts) + whole(ledger.repeated_errors)
        accepted = max(0, whole(self.sums.incoming) - replays)
        with_id = whole(ledger.stored) + ledger.recovered
        least, most = whole(ledger.times_without_id), whole(ledger.without_id)
        without_id = min(most, max(least, accepted - with_id - ledger.failed - lost))
        delivered = with_id + without_id
        return Totals(
            accepted,
            whole(self.sums.processed),
            delivered,
            ledger.failed,
            ledger.replayed,
            max(0, accepted - delivered - ledger.failed - lost),
            sum(each.times - 1 for each in ledger.repeated if each.minute >= self.low),
        )


REPEATED = (
    "stored more than once, and not put on the stream again by a replay; Firehose delivers at least once"
)
INCOMPLETE = "later clicks of the same requests are stored"
SURPLUS = "more records are stored than came in; somebody else writes objects, or CloudWatch lacks values"
DELIVERED = (
    "CloudWatch counts as many records delivered to S3 as came in: objects were deleted or changed later "
    "(erased, expired, or by other hands)"
)


def _failing_since(failing: tuple[datetime, ...], now: datetime, patience: timedelta) -> datetime | None:
    """The beginning of the failures that go on until now; None if the last failure is long ago."""
    begin, after = None, now
    for at in reversed(failing):
        if after - at > patience + MINUTE:
            break
        begin = after = at
    return begin


def _quiet(edge: datetime, found: Ledger, earliest: datetime, quiet: timedelta = QUIET) -> datetime:
    """The latest minute up to ``edge`` without requests for a while before; else ``edge``."""
    at = edge
    while at >= earliest:
        if not found.near(at, quiet):
            return at
        at -= MINUTE
    return edge
