"""``clicks``: delivered clicks of a time range, or continually."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mysfits_stream.click_definition import Definition
from mysfits_stream.clicks import delivered
from mysfits_stream.clicks.counting import Counts, Group
from mysfits_stream.clicks.delivered import Click, ParseProblems, Summary
from mysfits_stream.clicks.distinct import Distinct
from mysfits_stream.operations.pipeline import clicks_bucket, pace, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.time_range import TimeRange, time_range


@dataclass(frozen=True)
class Delivered:
    """Delivered clicks, the oldest first; read from S3 during the iteration."""

    clicks: Iterator[Click]
    range: TimeRange
    definition: Definition
    problems: ParseProblems
    """Complete after the last click."""

    distinct: Distinct
    """Counts the duplicates that were left out; complete after the last click."""

    def summarized(self) -> tuple[Summary, Iterator[Click]]:
        """A summary of the clicks, complete after the last click of the iterator beside it."""
        summary = Summary.of(self.definition)
        return summary, summary.counted(self.clicks)

    def latest(self, count: int | None) -> Iterable[Click]:
        """The last clicks by ``clickedAt``, or all for None."""
        return self.clicks if count is None else delivered.latest(self.clicks, count)


def delivered_clicks(project: Project, since: str, until: str | None, *, raw: bool = False) -> Delivered:
    """The clicks of a time range, without duplicates or ``raw``.

    Raises ClickError for an empty range.
    """
    with translated(project):
        bucket = clicks_bucket(project)
        now = bucket.now()
        wanted = time_range(since, until, now)
    problems, distinct = ParseProblems(), Distinct()

    def clicks() -> Iterator[Click]:
        begin = wanted.since or wanted.until
        with translated(project):
            found = delivered.read(bucket, begin, wanted.until, problems, landed_until=now)
            yield from found if raw else distinct.clicks(found)

    return Delivered(clicks(), wanted, project.config.definition, problems, distinct)


@dataclass(frozen=True)
class Counted:
    """Clicks counted by groups."""

    counts: Counts
    top: int
    range: TimeRange
    problems: ParseProblems
    duplicates: int

    @cached_property
    def rows(self) -> list[tuple[Group, int]]:
        """The groups with the most clicks."""
        return self.counts.top(self.top)

    def document(self) -> list[dict[str, Any]]:
        """The rows as JSON: the value of each name, and ``clicks``."""
        return [
            dict(zip(self.counts.by, group, strict=True)) | {"clicks": count} for group, count in self.rows
        ]


def count_clicks(
    project: Project, since: str, until: str | None, *, by: str, top: int, raw: bool = False
) -> Counted:
    """Count the clicks of a time range by names separated by commas; raises ClickError."""
    counts = Counts.of(by, project.config.definition)
    found = delivered_clicks(project, since, until, raw=raw)
    counts.add(found.clicks)
    return Counted(counts, top, found.range, found.problems, found.distinct.duplicates)


def follow_clicks(
    project: Project, since: str, report: Callable[[ParseProblems], None], *, raw: bool = False
) -> Iterator[Click]:
    """The clicks since a moment, then each new click on delivery, without end.

    Each once or ``raw``.

    ``report`` receives lines and objects that could not be parsed, once, at once.
    """
    with translated(project):
        bucket = clicks_bucket(project)
        begin = time_range(since, None, bucket.now()).since
        if begin:
            found = delivered.follow(bucket, begin, pace(project), report)
            yield from found if raw else Distinct().followed(found)
