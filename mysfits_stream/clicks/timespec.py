"""Points in time as typed by people: ``15m``, ``1h``, ``7d`` ago, or in ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from mysfits_stream.errors import ClickError

AGO = re.compile(r"([0-9]{1,9})([smhdw])")
EARLIEST = datetime(2015, 10, 1, tzinfo=UTC)
"""Before this there was no Firehose, and so no clicks."""

TICK = timedelta(seconds=1)
"""S3's clock, which ``now`` comes from, has no fractions of a second."""

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse(text: str, now: datetime, option: str) -> datetime:
    """The point in time of ``text``, within the range of possible clicks.

    The default offset is UTC, as in S3's keys. Raises ClickError.
    """
    try:
        if ago := AGO.fullmatch(text.strip()):
            moment = _ago(now, int(ago[1]), UNITS[ago[2]])
        else:
            moment = datetime.fromisoformat(text.strip())
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return min(max(moment, EARLIEST), now + TICK)
    except (ValueError, OverflowError):
        raise ClickError(
            f"{option} {text!r}: expected a time span such as 90s, 15m, 1h or 7d, "
            "or a time such as 2026-11-23 or 2026-11-23T14:30Z"
        ) from None


def _ago(now: datetime, count: int, unit: str) -> datetime:
    try:
        return now - timedelta(**{unit: count})
    except OverflowError:  # before the year 1
        return EARLIEST
