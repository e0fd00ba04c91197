"""``clicks --html``: the clicks of a time range in one page's numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mysfits_stream.click_definition import ANONYMOUS, Definition
from mysfits_stream.clicks import failed as failures
from mysfits_stream.clicks.counting import MOST_GROUPS, unit_of, units_between
from mysfits_stream.clicks.delivered import Click, ParseProblems, clicked_at, text
from mysfits_stream.errors import ClickError
from mysfits_stream.operations.clicks import delivered_clicks
from mysfits_stream.operations.pipeline import clicks_bucket, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.time_range import TimeRange

LONGEST = {"hour": timedelta(days=3, hours=1), "day": timedelta(days=120)}
"""Unit of time of the chart -> the longest range with this unit; longer ranges are counted by week."""

MOST_USERS = 1_000_000
"""Different users that are told apart: about 70 MB."""


@dataclass
class Report:
    """Sums of the clicks of a time range, each click once; test clicks are counted apart."""

    stack: str
    range: TimeRange
    unit: str
    """``hour``, ``day`` or ``week``: of the chart over time."""

    key: str | None
    """The field that names the clicked item."""

    by: dict[str, Counter[str]]
    """Field or attribute -> clicks by its values."""

    made: datetime
    """The time of the report, by S3's clock."""

    names: dict[str, str] = field(default_factory=dict)
    """Clicked item -> its attribute ``name``."""

    times: Counter[str] = field(default_factory=Counter)
    clicks: int = 0
    tests: int = 0
    duplicates: int = 0
    anonymous: int = 0
    """Clicks of visitors without a name."""

    newest: str | None = None
    """``clickedAt`` of the last click."""

    failed: list[failures.Group] = field(default_factory=list)
    problems: ParseProblems = field(default_factory=ParseProblems)
    _users: set[int] | None = field(default=None, repr=False)

    @property
    def users(self) -> int | None:
        """The number of different users; None where clicks have no user."""
        return None if self._users is None else len(self._users)

    @property
    def users_are_complete(self) -> bool:
        """Whether no more users were there than are told apart."""
        return self._users is None or len(self._users) < MOST_USERS

    @property
    def failed_records(self) -> int:
        """The number of failed records of the range."""
        return sum(group.count for group in self.failed)

    @property
    def age(self) -> timedelta | None:
        """The time from the last click to the report."""
        return None if self.newest is None else self.made - datetime.fromisoformat(self.newest)

    def over_time(self) -> list[tuple[str, int]]:
        """The clicks of each unit of time of the range, those without clicks, too."""
        begin = self.range.since or self.range.until
        first = unit_of(clicked_at(begin), self.unit)
        last = unit_of(clicked_at(self.range.until - timedelta(milliseconds=1)), self.unit)
        return [(each, self.times[each]) for each in units_between(str(first), str(last), self.unit)]

    def document(self) -> dict[str, Any]:
        """The sums as JSON."""
        return {
            "clicks": self.clicks,
            "testClicks": self.tests,
            "duplicates": self.duplicates,
            "users": self.users,
            "failedRecords": self.failed_records,
            "lastClick": self.newest,
            **self.problems.document(),
        }

    def counted(self, clicks: Iterator[Click], user: str | None) -> None:
        """Count clicks; raises ClickError for more different values than fit into memory."""
        for click in clicks:
            if click.get("test") is True:
                self.tests += 1
                continue
            self.clicks += 1
            self.newest = max(self.newest or "", click["clickedAt"])
            if (unit := unit_of(click["clickedAt"], self.unit)) is not None:
                self.times[unit] += 1
            for name, counter in self.by.items():
                counter[text(click.get(name))] += 1
                if len(counter) > MOST_GROUPS:
                    raise ClickError(
                        f"--html: {name} has more than {MOST_GROUPS:,} values; use a shorter range, or "
                        "`mysfits-stream query` with GROUP BY and LIMIT"
                    )
            if self.key and isinstance(label := click.get("name"), str):
                self.names[text(click.get(self.key))] = label
            if user and self._users is not None:
                self._count_user(click.get(user))

    def _count_user(self, user: Any) -> None:
        if user is None or user == ANONYMOUS:
            self.anonymous += 1
        elif self._users is not None and len(self._users) < MOST_USERS:
            self._users.add(hash(user))


def report(project: Project, since: str, until: str | None) -> Report:
    """Count the delivered and failed clicks of a time range; raises ClickError."""
    definition = project.config.definition
    found = delivered_clicks(project, since, until)
    with translated(project):
        bucket = clicks_bucket(project)
        now = bucket.now()
    made = _empty(project.config.stack, definition, found.range, now.astimezone(UTC))
    made.counted(found.clicks, definition.user)
    made.duplicates, made.problems = found.distinct.duplicates, found.problems
    with translated(project):
        begin, end = found.range.since, found.range.until
        failed = failures.read(bucket, begin, end, made.problems)
        made.failed = failures.grouped(each for each in failed if each.arrived < end)
    return made


def _empty(stack: str, definition: Definition, wanted: TimeRange, now: datetime) -> Report:
    length = wanted.until - (wanted.since or wanted.until)
    unit = next((unit for unit, longest in LONGEST.items() if length <= longest), "week")
    names = [*([definition.key] if definition.key else []), *definition.attributes]
    return Report(
        stack,
        wanted,
        unit,
        definition.key,
        # The name of an item stands beside the item.
        {name: Counter() for name in names if name != "name" or definition.key is None},
        now,
        _users=set() if definition.user else None,
    )
