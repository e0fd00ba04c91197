"""The time range of a command, from the options ``--since`` and ``--until``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mysfits_stream.clicks import timespec
from mysfits_stream.errors import ClickError


@dataclass(frozen=True)
class TimeRange:
    """A time range, ``until`` excluded; ``since`` None starts at the first click."""

    since: datetime | None
    until: datetime

    def __str__(self) -> str:
        since = f"{self.since:%Y-%m-%d %H:%M:%S} to " if self.since else "the first click to "
        return f"{since}{self.until:%Y-%m-%d %H:%M:%S} UTC"


def time_range(since: str | None, until: str | None, now: datetime) -> TimeRange:
    """The time range of the options; raises ClickError for an empty or a future range."""
    begin = None if since is None else timespec.parse(since, now, "--since")
    end = now + timespec.TICK if until is None else timespec.parse(until, now, "--until")
    if begin and begin >= now + timespec.TICK:
        raise ClickError(
            f"--since {since} is in the future: it is {now:%Y-%m-%d %H:%M:%S} UTC. Give an earlier time, for "
            "example --since 7d"
        )
    found = TimeRange(begin, end)
    if begin and begin >= end:
        raise ClickError(
            f"the time range {found} is empty: --since {since} is not before --until {until}. "
            "Give an earlier --since, for example --since 7d"
        )
    return found
