"""The likeliest link of a loss, by CloudWatch's counts of records around each link."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from mysfits_stream.books.ledger import MINUTE, Ledger
from mysfits_stream.books.metrics import Sums

DELIVERED = (
    "CloudWatch counts as many records delivered to S3 as came in: objects were deleted or changed later "
    "(by a lifecycle rule or another client)"
)
NOT_TOLD = (
    "records came in without a pause, so CloudWatch's counts cannot locate the loss; most often objects were "
    "deleted or changed after their delivery"
)


class Likeliest(NamedTuple):
    """The likeliest link of each loss between two pauses."""

    begin: datetime
    end: datetime
    """The first and the last minute with records between the pauses."""
    link: str
    reason: str


def likeliest(
    sums: Sums, ledger: Ledger, at: datetime, settled: tuple[datetime, datetime], span: timedelta
) -> Likeliest:
    """The link with fewer outgoing than incoming records around a minute.

    The counts compare exactly over records between two pauses, of which no other record is under way.
    """
    late, (low, high) = latest(span), settled
    first, last = _between_pauses(sums.incoming, at, late)
    is_exact = first >= low and last < high
    begin, end = max(first, low), min(last, high - MINUTE)

    def total(side: Mapping[datetime, int], more: timedelta = MINUTE) -> int:
        return sum(count for minute, count in side.items() if begin <= minute <= end + more)

    incoming, processed = total(sums.incoming, timedelta(0)), total(sums.processed, late)
    delivered = total(sums.delivered, late)
    errors = total(ledger.errors) + total(ledger.erased.errors)
    if processed + errors < incoming:
        reason = f"{incoming} records came in, {processed} were processed and {errors} failed"
        return Likeliest(first, last, "processor", reason)
    if delivered < processed and delivered + errors < incoming:
        reason = f"{processed} records were processed, {delivered} were delivered to S3"
        return Likeliest(first, last, "delivery", reason)
    return Likeliest(first, last, "bucket", DELIVERED if is_exact else NOT_TOLD)


def latest(span: timedelta) -> timedelta:
    """The longest time from the arrival of a record to its delivery, in CloudWatch's minutes."""
    return 2 * span + MINUTE


def _between_pauses(
    incoming: Mapping[datetime, int], at: datetime, pause: timedelta
) -> tuple[datetime, datetime]:
    """The first and the last minute with records around a minute, without a pause between."""
    begin = end = at
    busy = sorted(minute for minute, count in incoming.items() if count)
    for minute in busy:
        if end < minute <= end + pause:
            end = minute
    for minute in reversed(busy):
        if begin - pause <= minute < begin:
            begin = minute
    return begin, end
