"""Java's DateTimeFormatter patterns in prefixes (F89).

Every letter of Java 17 is formatted, in the English of the United States; weeks begin on Sunday. Raises
PatternError for patterns that Java rejects.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator

_TOKEN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", re.DOTALL)
_RESERVED = "{}#"
_FIRST_MODIFIED_JULIAN_DAY = dt.date(1858, 11, 17)
_QUARTERS = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")


class PatternError(ValueError):
    """Java's DateTimeFormatter rejects the pattern."""


def format_date(moment: dt.datetime, pattern: str) -> str:
    """Format an aware ``moment``; raises PatternError."""
    formatted, optional_depth, width = "", 0, 0
    for part in _tokens(pattern):
        if part == "[":
            optional_depth += 1
        elif part == "]":
            optional_depth -= 1
            if optional_depth < 0:
                raise PatternError("Pattern invalid as it contains ] without previous [")
        elif part[0] == "p":
            width = len(part)
        else:
            if width and not part[0].isalpha():
                break
            formatted += _formatted(moment, part).rjust(width)
            width = 0
    if width:
        raise PatternError(f"Pad letter 'p' must be followed by valid pad pattern: {pattern}")
    return formatted


def _tokens(pattern: str) -> Iterator[str]:
    """Quoted text, runs of a letter, and single characters."""
    return (match[0] for match in _TOKEN.finditer(pattern))


def _formatted(moment: dt.datetime, part: str) -> str:
    if part[0] == "'":
        if len(part) == 1:
            raise PatternError("Pattern ends with an incomplete string literal")
        return part[1:-1].replace("''", "'") or "'"
    if part in _RESERVED:
        raise PatternError(f"Pattern includes reserved character: '{part}'")
    if not (part[0].isascii() and part[0].isalpha()):
        return part
    if part[0] not in _LETTERS:
        raise PatternError(f"Unknown pattern letter: {part[0]}")
    counts, formatter = _LETTERS[part[0]]
    if len(part) not in counts:
        raise PatternError(f"Pattern letter count is not supported: {part}")
    return formatter(moment, len(part))


Formatter = Callable[[dt.datetime, int], str]


def _number(part: Callable[[dt.datetime], int]) -> Formatter:
    return lambda moment, count: str(part(moment)).zfill(count)


def _year(part: Callable[[dt.datetime], int]) -> Formatter:
    return lambda moment, count: str(part(moment))[-2:] if count == 2 else str(part(moment)).zfill(count)


def _text(short: str, full: str, number: Callable[[dt.datetime], int] | None = None) -> Formatter:
    """A name in the widths of TextStyle; one or two letters print ``number``."""

    def formatted(moment: dt.datetime, count: int) -> str:
        if number is not None and count <= 2:
            return str(number(moment)).zfill(count)
        name = moment.strftime(full if count >= 4 else short)
        return name[0] if count == 5 else name

    return formatted


def _quarter(moment: dt.datetime, count: int) -> str:
    quarter = (moment.month + 2) // 3
    if count == 3:
        return f"Q{quarter}"
    return _QUARTERS[quarter - 1] if count == 4 else str(quarter).zfill(count if count == 2 else 1)


def _era(moment: dt.datetime, count: int) -> str:
    return {4: "Anno Domini", 5: "A"}.get(count, "AD")


def _day_period(moment: dt.datetime, count: int) -> str:
    if moment.hour == 12 and moment.minute == 0:
        return "n" if count == 5 else "noon"
    if moment.hour == 0 and moment.minute == 0:
        return "mi" if count == 5 else "midnight"
    periods = ((6, "at night"), (12, "in the morning"), (18, "in the afternoon"), (21, "in the evening"))
    return next((name for end, name in periods if moment.hour < end), "at night")


def _weekday(moment: dt.datetime) -> int:
    return moment.isoweekday() % 7 + 1


def _week_of(day: int, weekday: int) -> int:
    """The week of a day in a month or year; the first and the last week may be incomplete."""
    return (day - 1 + (weekday - day) % 7) // 7 + 1


def _week_based(moment: dt.datetime) -> tuple[int, int]:
    """Year and week where the week of January 1 is the first."""
    saturday = moment.date() + dt.timedelta(days=7 - _weekday(moment))
    if saturday.year > moment.year:
        return saturday.year, 1
    day = moment.timetuple().tm_yday
    return moment.year, _week_of(day, _weekday(moment))


def _since_midnight(moment: dt.datetime) -> int:
    """Microseconds."""
    seconds = (moment.hour * 60 + moment.minute) * 60 + moment.second
    return seconds * 1_000_000 + moment.microsecond


def _fraction(moment: dt.datetime, count: int) -> str:
    return f"{moment.microsecond:06d}".ljust(count, "0")[:count]


def _offset_parts(moment: dt.datetime) -> tuple[str, int, int, int]:
    offset = moment.utcoffset() or dt.timedelta()
    seconds = abs(int(offset.total_seconds()))
    return "-" if offset < dt.timedelta() else "+", seconds // 3600, seconds // 60 % 60, seconds % 60


def _offset(moment: dt.datetime, count: int) -> str:
    """As of the letter x: 1 is +HHmm, 2 +HHMM, 3 +HH:MM, 4 +HHMMss, 5 +HH:MM:ss."""
    sign, hours, minutes, seconds = _offset_parts(moment)
    colon = ":" if count in (3, 5) else ""
    text = f"{sign}{hours:02d}"
    if count > 1 or minutes:
        text += f"{colon}{minutes:02d}"
    return f"{text}{colon}{seconds:02d}" if count > 3 and seconds else text


def _zulu_offset(moment: dt.datetime, count: int) -> str:
    return _offset(moment, count) if moment.utcoffset() else "Z"


def _localized_offset(moment: dt.datetime, count: int) -> str:
    sign, hours, minutes, _ = _offset_parts(moment)
    if not moment.utcoffset():
        return "GMT"
    if count == 4:
        return f"GMT{sign}{hours:02d}:{minutes:02d}"
    return f"GMT{sign}{hours}" + (f":{minutes:02d}" if minutes else "")


def _rfc_offset(moment: dt.datetime, count: int) -> str:
    if count == 4:
        return _localized_offset(moment, 4)
    return _zulu_offset(moment, 5) if count == 5 else _offset(moment, 2)


_ANY = range(1, 20)
_TEXT = range(1, 6)
_TWO = (1, 2)

# Letter -> the counts that Java accepts, and the formatter.
_LETTERS: dict[str, tuple[range | tuple[int, ...], Formatter]] = {
    "G": (_TEXT, _era),
    "u": (_ANY, _year(lambda moment: moment.year)),
    "y": (_ANY, _year(lambda moment: moment.year)),
    "Y": (_ANY, _year(lambda moment: _week_based(moment)[0])),
    "Q": (_TEXT, _quarter),
    "q": (_TEXT, _quarter),
    "M": (_TEXT, _text("%b", "%B", lambda moment: moment.month)),
    "L": (_TEXT, _text("%b", "%B", lambda moment: moment.month)),
    "w": (_TWO, _number(lambda moment: _week_based(moment)[1])),
    "W": ((1,), _number(lambda moment: _week_of(moment.day, _weekday(moment)))),
    "d": (_TWO, _number(lambda moment: moment.day)),
    "D": (range(1, 4), _number(lambda moment: moment.timetuple().tm_yday)),
    "F": ((1,), _number(lambda moment: (moment.day - 1) // 7 + 1)),
    "g": (_ANY, _number(lambda moment: (moment.date() - _FIRST_MODIFIED_JULIAN_DAY).days)),
    "E": (_TEXT, _text("%a", "%A")),
    "e": (_TEXT, _text("%a", "%A", _weekday)),
    "c": ((1, 3, 4, 5), _text("%a", "%A", _weekday)),
    "a": ((1,), lambda moment, _: f"{moment:%p}"),
    "B": ((1, 4, 5), _day_period),
    "H": (_TWO, _number(lambda moment: moment.hour)),
    "k": (_TWO, _number(lambda moment: moment.hour or 24)),
    "h": (_TWO, _number(lambda moment: moment.hour % 12 or 12)),
    "K": (_TWO, _number(lambda moment: moment.hour % 12)),
    "m": (_TWO, _number(lambda moment: moment.minute)),
    "s": (_TWO, _number(lambda moment: moment.second)),
    "S": (range(1, 10), _fraction),
    "A": (_ANY, _number(lambda moment: _since_midnight(moment) // 1000)),
    "n": (_ANY, _number(lambda moment: moment.microsecond * 1000)),
    "N": (_ANY, _number(lambda moment: _since_midnight(moment) * 1000)),
    "V": ((2,), lambda moment, _: str(moment.tzinfo)),
    "v": ((1, 4), lambda moment, _: f"{moment:%Z}"),
    "z": (range(1, 5), lambda moment, _: f"{moment:%Z}"),
    "Z": (_TEXT, _rfc_offset),
    "O": ((1, 4), _localized_offset),
    "X": (_TEXT, _zulu_offset),
    "x": (_TEXT, _offset),
}
