"""Moments as a person gives them: ``90s``, ``15m``, ``1h``, ``7d`` or ``2w`` ago, or in ISO 8601."""

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
    """The moment that ``text`` names, as far as there can be clicks; without an offset it is UTC, as S3's
    keys are. Raises ClickError.
    """
    try:
        if ago := AGO.fullmatch(text.strip()):
            moment = now - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        else:
            moment = datetime.fromisoformat(text.strip())
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return min(max(moment, EARLIEST), now + TICK)
    except (ValueError, OverflowError):
        raise ClickError(
            f"{option} {text!r}: say how long ago (90s, 15m, 1h, 7d) or when (2026-11-23, 2026-11-23T14:30Z)"
        ) from None
