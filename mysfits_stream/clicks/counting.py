"""Clicks counted by fields, attributes and units of time; needs no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mysfits_stream.click_definition import Definition
from mysfits_stream.clicks.delivered import Click
from mysfits_stream.errors import ClickError

UNITS = ("hour", "day", "week")
"""Units of ``clickedAt`` in UTC; a week begins on Monday. A field of the same name comes first."""

MOST_GROUPS = 200_000
"""Groups that are held in memory."""

Group = tuple[Any, ...]
"""A value for each name, None where a click has no such value."""


@dataclass
class Counts:
    """The number of clicks of each group; test clicks are counted apart."""

    by: tuple[str, ...]
    units: frozenset[str]
    """The names in ``by`` that are units of time."""

    groups: Counter[Group] = field(default_factory=Counter)
    clicks: int = 0
    tests: int = 0

    @classmethod
    def of(cls, names: str, definition: Definition) -> Counts:
        """No clicks yet, by names separated by commas; raises ClickError for an unknown name."""
        by = tuple(name.strip() for name in names.split(","))
        members = {*definition.names, *definition.attributes}
        for name in by:
            if by.count(name) > 1:
                raise ClickError(f"--by {names}: {name or 'an empty name'} is there twice; name each once")
            if name not in members and name not in UNITS:
                known = ", ".join([*definition.names, *definition.attributes, *UNITS])
                raise ClickError(
                    f"--by {name or repr(name)}: not a field, an attribute or a unit of time; known: {known}"
                )
        if "clicks" in by:
            raise ClickError("--by clicks: the result has the number of clicks under this name; use `query`")
        return cls(by, frozenset(by) - members)

    def add(self, clicks: Iterable[Click]) -> None:
        """Count clicks; raises ClickError for more groups than fit into memory."""
        for click in clicks:
            if click.get("test") is True:
                self.tests += 1
                continue
            self.clicks += 1
            group = tuple(self._value(click, name) for name in self.by)
            self.groups[group] += 1
            if len(self.groups) > MOST_GROUPS:
                raise ClickError(
                    f"--by {','.join(self.by)}: more than {MOST_GROUPS:,} groups; use fewer names, a shorter "
                    "range, or `mysfits-stream query` with GROUP BY and LIMIT"
                )

    def top(self, count: int) -> list[tuple[Group, int]]:
        """The groups with the most clicks.

        In the order of time where the first name is a unit of time.
        """
        # Equal numbers in the order of the values, so that a second run gives the same rows.
        rows = sorted(self.groups.items(), key=lambda row: (-row[1], _sortable(row[0])))[:count]
        return sorted(rows, key=lambda row: _sortable(row[0])) if self.by[0] in self.units else rows

    def _value(self, click: Click, name: str) -> Any:
        return unit_of(click["clickedAt"], name) if name in self.units else click.get(name)


def unit_of(clicked_at: str, unit: str) -> str | None:
    """The hour (``2026-11-23T12:00Z``), day or week of a click.

    None for a time that cannot be parsed.
    """
    try:
        moment = datetime.fromisoformat(clicked_at).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if unit == "hour":
        return f"{moment:%Y-%m-%dT%H}:00Z"
    day = moment.date()
    return str(day - timedelta(days=day.weekday()) if unit == "week" else day)


def units_between(first: str, last: str, unit: str) -> Iterator[str]:
    """Each hour, day or week from the first to the last, as ``unit_of`` spells them."""
    step = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}[unit]
    if unit == "hour":
        moment, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
        while moment <= end:
            yield f"{moment:%Y-%m-%dT%H}:00Z"
            moment += step
        return
    day, final = date.fromisoformat(first), date.fromisoformat(last)
    while day <= final:
        yield str(day)
        day += step


def _sortable(group: Sequence[Any]) -> list[tuple[bool, str, Any]]:
    """Values of several types in one order: NULL last."""
    return [(value is None, type(value).__name__, value) for value in group]
