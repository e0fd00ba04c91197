"""Key prefixes of the objects of an hour, by the stream's prefixes (F85, F88, F89).

Parts unknown in advance end a prefix: a random string, a minute, an unsupported pattern letter. So a listing
may hold more objects than requested, and never fewer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from os.path import commonprefix

from mysfits_stream.key_prefixes import DATE_TOKEN, DEFAULT_DATE, EXPRESSION
from mysfits_stream.key_prefixes import ERROR_TYPE as ERROR_TYPE
from mysfits_stream.key_prefixes import delivered_pattern as delivered_pattern
from mysfits_stream.key_prefixes import literal as literal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SORTING = ["yyyy", "MM", "dd", "HH", "mm", "ss"]
"""What dates consist of, zero-padded and from the largest to the smallest, if they sort as time does."""

LETTERS: dict[str, Callable[[datetime, int], str]] = {
    "y": lambda at, width: f"{at.year % 100:02d}" if width == 2 else str(at.year).zfill(width),
    "M": lambda at, width: {3: f"{at:%b}", 4: f"{at:%B}"}.get(width, str(at.month).zfill(width)),
    "d": lambda at, width: str(at.day).zfill(width),
    "D": lambda at, width: str(at.timetuple().tm_yday).zfill(width),
    "H": lambda at, width: str(at.hour).zfill(width),
}
"""The letters of Java's DateTimeFormatter that stay the same for an hour and have a use in a prefix."""


def failed_pattern(error_prefix: str) -> str:
    """The pattern of error objects' keys, as the stack configures the error prefix."""
    return f"{error_prefix}{ERROR_TYPE}/{DEFAULT_DATE}"


def of_hour(pattern: str, hour: datetime) -> str:
    """The common beginning of the keys of an hour."""
    text, at = "", 0
    for expression in EXPRESSION.finditer(pattern):
        text += pattern[at : expression.start()]
        at = expression.end()
        namespace, _, value = expression[1].partition(":")
        if (namespace, value) == ("firehose", "error-output-type"):
            text += ERROR_TYPE
        elif namespace == "timestamp":
            evaluated, whole = _evaluated(value, hour.astimezone(UTC))
            text += evaluated
            if not whole:
                return text
        else:
            return text
    return text + pattern[at:]


def of_hours(pattern: str, since: datetime, until: datetime) -> list[str]:
    """Prefixes of the keys of a time range, disjoint: whole days where possible, else hours."""
    hour = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    found: dict[str, None] = {}
    while hour <= until:
        day = _of_day(pattern, hour) if hour.hour == 0 and hour + DAY <= until else None
        found[day or of_hour(pattern, hour)] = None
        hour += DAY if day else HOUR
    # Without leading zeros the first of a month may begin as the tenth does.
    return [each for each in found if not any(each[:length] in found for length in range(len(each)))]


def sort_by_time(pattern: str) -> bool:
    """Whether S3, which lists by name, lists the folders of a pattern in the order of time."""
    date: list[str] = []
    for expression in EXPRESSION.finditer(pattern):
        namespace, _, value = expression[1].partition(":")
        if namespace == "timestamp":
            date += [token[0] for token in DATE_TOKEN.finditer(value) if token[1]]
        elif (namespace, value) != ("firehose", "error-output-type"):
            return False
    return date == SORTING[: len(date)]


def _of_day(pattern: str, midnight: datetime) -> str | None:
    """The prefix of a day's keys, or None if keys of adjacent days may have the prefix."""
    # A pattern writes hours 0 and 23 with a different first digit, so their keys share what all 24 hours do.
    before, first, last, after = (of_hour(pattern, midnight + HOUR * number) for number in (-1, 0, 23, 24))
    day = commonprefix((first, last))  # noqa: RUF071 - a key is text: nothing says that it has slashes
    return None if before.startswith(day) or after.startswith(day) else day


def _evaluated(pattern: str, hour: datetime) -> tuple[str, bool]:
    """The part of a date pattern known for a whole hour; True if all of the pattern is known."""
    text = ""
    for token in DATE_TOKEN.finditer(pattern):
        if token[0].startswith("'"):
            text += token[0][1:-1].replace("''", "'") or "'"
        elif token[1] is None:
            text += token[0]
        elif token[1] in LETTERS:
            text += LETTERS[token[1]](hour, len(token[0]))
        else:
            return text, False
    return text, True
