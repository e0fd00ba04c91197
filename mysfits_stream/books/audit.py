"""The books of the pipeline: CloudWatch's incoming records against the clicks bucket.

``IncomingRecords`` is exact. Each incoming record is stored, lies in an error object, or is under way. So the
running sums of both sides must meet again: a permanent difference is the number of lost records. Records
stored twice, and not put twice by a replay, are named by their ids.

Records are settled if older than both buffers, the processor's tries and CloudWatch's lag, and older than the
oldest record in Firehose; while deliveries fail, only records from before the failures are settled. A request
and its record may fall into two minutes, so the ends of the settled range move back to a moment without
requests before; without a quiet moment, the requests at the end make a bound.

Erased records are in the counts that an erasure leaves in the metadata of objects. Records from before the
shortest lifetime of objects may have expired: what is missing there is a bound, and neither lost nor stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from mysfits_stream.books import ledger as ledgers
from mysfits_stream.books import metrics
from mysfits_stream.books.ledger import MINUTE, MOST_IDS, Ledger
from mysfits_stream.books.links import latest, likeliest
from mysfits_stream.books.metrics import Names, Sums, floor
from mysfits_stream.books.statement import Books, Expired, Minute, Suspect, Totals
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
    lifetime: timedelta | None = None,
) -> Books:
    """The books from ``since`` until ``now``; ``client`` is a client of CloudWatch.

    ``time_scale`` is the factor by which the target's waiting times are shorter than AWS's; ``lifetime`` the
    age at which the first objects expire.
    """
    begin, end = floor(since), floor(now) + MINUTE
    span = bucket.span / time_scale
    # CloudWatch sums the minutes from the beginning of the range.
    known = max(floor(begin - BAND - latest(span)), end - timedelta(minutes=metrics.MOST_MINUTES))
    sums = metrics.read(client, names, known, end)
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
    kept_since = now - lifetime if lifetime is not None and low < now - lifetime else None
    return _Closing(sums, found, low, high, span, quiet, kept_since).books(now, failing_since)


@dataclass(frozen=True)
class _Closing:
    """Both sides of the books, and the settled range."""

    sums: Sums
    ledger: Ledger
    low: datetime
    high: datetime
    span: timedelta
    quiet: timedelta = QUIET
    kept_since: datetime | None = None
    """The time before which objects of the range may have expired; None if no object has."""

    def books(self, now: datetime, failing_since: datetime | None) -> Books:
        minutes, expired = self._unexpired(tuple(self._minutes(now)))
        suspects = [*self._lost(minutes), *self._repeated(), *self._incomplete()]
        lost = sum(each.at_least for each in suspects if each.kind == "lost")
        return Books(
            self.low,
            now,
            self.high,
            minutes,
            self._totals(lost + expired),
            tuple(sorted(suspects, key=lambda each: (each.minute, each.kind))),
            self.ledger.trouble,
            failing_since,
            Expired(self.kept_since, expired) if self.kept_since else None,
        )

    def _unexpired(self, minutes: tuple[Minute, ...]) -> tuple[tuple[Minute, ...], int]:
        """The minutes without possibly expired records, and the number of these records."""
        if self.kept_since is None:
            return minutes, 0
        begin = min(self.kept_since, self.high)
        # A difference of requests and arrivals goes away later, so the least is what stays.
        later = [minute.balance for minute in minutes if begin <= minute.at < self.high]
        until = [minute.balance for minute in minutes if minute.at < begin]
        expired = max(0, min(later + until[-1:], default=0))
        return tuple(
            replace(each, balance=each.balance - min(expired, max(0, each.balance))) for each in minutes
        ), expired

    def _minutes(self, now: datetime) -> Iterator[Minute]:
        sums, ledger, balance = self.sums, self.ledger, 0
        sides = (
            sums.incoming,
            sums.api,
            ledger.stored,
            ledger.errors,
            ledger.replayed_puts,
            ledger.without_id,
            ledger.erased.minutes,
        )
        for at in sorted({minute for side in sides for minute in side if self.low <= minute <= now}):
            stored = ledger.stored[at] + ledger.replayed_puts[at] + ledger.times_without_id[at]
            erased = ledger.erased.balance(at)
            balance += sums.incoming[at] - stored - ledger.errors[at] - erased
            yield Minute(
                at,
                sums.incoming[at],
                sums.api[at],
                sums.processed[at],
                sums.delivered[at],
                stored,
                ledger.errors[at],
                erased,
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
        spread, final = highest - lowest, settled[-1].balance * sign
        # Requests are counted before their records come in, so only a loss lifts the difference for the
        # first time to a level at which it ends.
        peak, found = 0, None
        for minute in settled:
            level = min(minute.balance * sign, final)
            if level > peak:
                kind, step = "lost" if sign > 0 else "surplus", level - peak
                if sign > 0 and (found is None or not found.begin <= minute.at <= found.end):
                    found = likeliest(self.sums, self.ledger, minute.at, (self.low, self.high), self.span)
                link, reason = (found.link, found.reason) if found else ("bucket", SURPLUS)
                yield Suspect(kind, minute.at, max(0, step - spread), step, link, reason)
                peak = level

    def _bounds(self, balance: int) -> tuple[int, int]:
        """The difference at the end of the settled range, at least and at most."""
        ledger, low, high = self.ledger, self.low, self.high
        # A record may come in after the end before which its request came.
        early, late = ledger.near(low, self.quiet), ledger.near(high, self.quiet)
        puts, latest = (ledger.replayed_puts + ledger.erased.replayed_puts).items(), MINUTE + self.span
        early += sum(count for at, count in puts if at < low < at + latest)
        late += sum(count for at, count in puts if low <= at < high < at + latest)
        erased = ledger.erased
        several = (ledger.without_id + erased.without_id) - (
            ledger.times_without_id + erased.times_without_id
        )
        early += sum(count for at, count in several.items() if low <= at < high)
        return balance - early, balance + late

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
        for minute, count in sorted(self.ledger.gaps.items()):
            lost = count - max(0, self.ledger.erased.gaps[minute])
            if lost > 0 and self.low <= minute < self.high:
                # A click at the end of its request leaves no gap.
                reason = INCOMPLETE if lost == count else f"{INCOMPLETE}; {count - lost} of these were erased"
                ids = tuple(self.ledger.missing[minute])
                yield Suspect("incomplete", minute, lost, lost, "bucket", reason, ids)

    def _totals(self, lost: int) -> Totals:
        ledger = self.ledger

        def whole(side: Mapping[datetime, int]) -> int:
            return sum(count for at, count in side.items() if at >= self.low)

        gone = ledger.erased
        erased_again = whole(gone.errors) - whole(gone.failed)
        replays = whole(ledger.replayed_puts) + whole(ledger.repeated_errors)
        replays += whole(gone.replayed_puts) + erased_again
        accepted = max(0, whole(self.sums.incoming) - replays)
        erased = whole(gone.stored) + whole(gone.failed) + whole(gone.times_without_id)
        lost += erased
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
            erased,
        )


REPEATED = (
    "stored more than once, and not put on the stream again by a replay; Firehose delivers at least once"
)
INCOMPLETE = "later clicks of the same requests are stored"
SURPLUS = "more records are stored than came in; another program writes objects, or CloudWatch lacks values"


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
