"""The usual hours of clicks: ``Mon-Fri 06:00-22:00``, in UTC as CloudWatch's functions."""

from __future__ import annotations

import re
from dataclasses import dataclass

DAY_MINUTES = 1440
WEEK_MINUTES = 7 * DAY_MINUTES
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_DAY, _TIME = f"({'|'.join(DAYS)})", r"([01]\d|2[0-3]):([0-5]\d)"
PATTERN = rf"({_DAY}-{_DAY} )?{_TIME}-{_TIME}"


@dataclass(frozen=True)
class UsualHours:
    """A range of hours, perhaps over midnight, on a range of days."""

    begin: int
    """Minutes after midnight."""
    minutes: int
    """The length of the range, up to a day."""
    days: tuple[int, int] | None
    """The days on which the range begins, the first and the last; Monday is 1. None: every day."""

    @classmethod
    def of(cls, text: str) -> UsualHours:
        """The hours of a text that matches PATTERN."""
        found = re.fullmatch(PATTERN, text)
        if not found:
            raise ValueError(text)
        _, first, last, *times = found.groups()
        hour, minute, end_hour, end_minute = map(int, times)
        begin, end = hour * 60 + minute, end_hour * 60 + end_minute
        days = (DAYS.index(first) + 1, DAYS.index(last) + 1) if first else None
        if days and (days[1] - days[0]) % 7 == 6:
            days = None
        return cls(begin, (end - begin) % DAY_MINUTES or DAY_MINUTES, days)

    def condition(self, metric: str, pause: int) -> str:
        """Metric math that is true if a pause of this many minutes lies within the hours.

        A value has the time of the beginning of its period (F340).
        """
        time, day = f"HOUR({metric}) * 60 + MINUTE({metric})", f"DAY({metric})"
        latest = self.begin + self.minutes - pause
        if not self.days:
            is_whole = self.minutes == DAY_MINUTES
            return "" if is_whole else _between(time, self.begin, latest % DAY_MINUTES)
        first, last = self.days
        if self.minutes == DAY_MINUTES:
            # The hours of one day end where those of the next day begin.
            return _between(
                f"{day} * {DAY_MINUTES} + {time}",
                first * DAY_MINUTES + self.begin,
                _of_week(last * DAY_MINUTES + latest),
            )
        on_day = _between(day, first, last)
        if latest < DAY_MINUTES:
            return f"{_between(time, self.begin, latest)} AND {on_day}"
        after = _between(day, first % 7 + 1, last % 7 + 1)
        return f"(({on_day} AND {time} >= {self.begin}) OR ({after} AND {time} <= {latest - DAY_MINUTES}))"


def _of_week(minutes: int) -> int:
    """Minutes of the week as DAY, HOUR and MINUTE give these: Monday begins with 1440."""
    return (minutes - DAY_MINUTES) % WEEK_MINUTES + DAY_MINUTES


def _between(value: str, first: int, last: int) -> str:
    """Metric math for the time from ``first`` to ``last``, around the end of day or week."""
    joined = "AND" if first <= last else "OR"
    return f"({value} >= {first} {joined} {value} <= {last})"
