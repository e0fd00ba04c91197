"""Athena's partition projection for the keys of Firehose under a prefix (F212, F213).

A partition column of type ``date`` covers all dates in a key, so that a time range prunes the listing.
Athena can generate the keys only for dates from the year down, with every part once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from mysfits_stream.key_prefixes import DATE_TOKEN, EXPRESSION, delivered_pattern

DATE_PARTS = ("yyyy", "MM", "dd", "HH")
"""The parts of a date in the order in which keys must hold them."""

UNITS = ("YEARS", "MONTHS", "DAYS", "HOURS")
"""The interval between two partitions, by the last part of the date."""

_PLAIN = re.compile(r"[^A-Za-z'\[\]{}#]*")
"""Text that stands for itself in a date pattern."""


@dataclass(frozen=True)
class DatePartitions:
    """The key of an interval's objects: ``before``, a date of ``format``, ``after``."""

    before: str
    format: str
    """A pattern of Java's DateTimeFormatter."""
    unit: str
    after: str
    """Ends with a slash."""

    @property
    def parts(self) -> int:
        """How many parts the date has: 1 for years, 4 for hours."""
        return UNITS.index(self.unit) + 1

    def template(self, bucket: str, column: str) -> str:
        """The value of ``storage.location.template``."""
        return f"s3://{bucket}/{self.before}${{{column}}}{self.after}"

    def first(self, year: int) -> str:
        """The partition of the first moment of a year, as the keys spell the date."""
        return self.of(datetime(year, 1, 1, tzinfo=UTC))

    def of(self, moment: datetime) -> str:
        """The partition of a moment, as the keys spell the date."""
        at = moment.astimezone(UTC)
        parts = (f"{at.year:04}", f"{at.month:02}", f"{at.day:02}", f"{at.hour:02}")
        values = dict(zip(DATE_PARTS, parts, strict=True))
        return "".join(
            values[token[0]] if token[1] else _unquoted(token[0])
            for token in DATE_TOKEN.finditer(self.format)
        )

    def location(self, bucket: str) -> str:
        """The folder of the table; each partition lies below."""
        return f"s3://{bucket}/{self.before[: self.before.rfind('/') + 1]}"


def date_partitions(prefix: str) -> DatePartitions:
    """The partitions of a delivery prefix.

    Raises ValueError with the reason if Athena cannot project the partitions.
    """
    pattern = delivered_pattern(prefix)
    before, between, dates, parts = "", "", "", list[str]()
    for piece in re.split(r"(!\{[^}]*\})", pattern):
        expression = EXPRESSION.fullmatch(piece)
        namespace, _, value = expression[1].partition(":") if expression else ("", "", "")
        if not expression:
            between += piece
        elif namespace == "timestamp":
            if dates:
                dates = _joined(dates, _quoted(between), value)
            else:
                before, dates = between, value
            between = ""
            parts += [token[0] for token in DATE_TOKEN.finditer(value) if token[1]]
        elif "!{timestamp:" in pattern.partition(piece)[2]:
            raise ValueError(f"{piece} stands before the end of the date, and Athena cannot generate it")
        else:
            break
    if not parts or tuple(parts) != DATE_PARTS[: len(parts)]:
        raise ValueError(
            f"its date consists of {', '.join(parts) or 'nothing'}, and Athena needs yyyy, MM, dd, HH in "
            "this order (the last ones may be left out)"
        )
    after = between[: between.rfind("/") + 1]
    if not after:
        raise ValueError("the date has to be followed by a slash, before any random string")
    if "${" in before + after:
        raise ValueError("${ stands for a column in Athena's template of locations")
    return DatePartitions(before, dates, UNITS[len(parts) - 1], after)


def partition_column(columns: tuple[str, ...]) -> str:
    """The name of the partition column of a table with these columns."""
    name, taken = "datehour", {column.lower() for column in columns}
    while name in taken:
        name += "_"
    return name


def _joined(*patterns: str) -> str:
    """Date patterns as one; two quoted texts side by side would read as a quote in a text."""
    whole = ""
    for pattern in patterns:
        meet = whole.endswith("'") and pattern.startswith("'")
        whole = whole[:-1] + pattern[1:] if meet else whole + pattern
    return whole


def _quoted(text: str) -> str:
    """Text between two dates, as a date pattern spells it."""
    if _PLAIN.fullmatch(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def _unquoted(token: str) -> str:
    return token[1:-1].replace("''", "'") if token.startswith("'") else token
