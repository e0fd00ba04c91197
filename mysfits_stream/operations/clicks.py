"""``clicks``: delivered clicks of a time range, or as they are delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mysfits_stream.clicks import delivered
from mysfits_stream.clicks.delivered import Click, ParseProblems, Summary
from mysfits_stream.operations.pipeline import clicks_bucket, pace, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.time_range import TimeRange, time_range


@dataclass(frozen=True)
class Delivered:
    """Delivered clicks, the oldest first; read from S3 while they are iterated."""

    clicks: Iterator[Click]
    range: TimeRange
    problems: ParseProblems
    """Complete after the last click."""

    def summarized(self) -> tuple[Summary, Iterator[Click]]:
        """A summary of the clicks, complete after the last click of the iterator beside it."""
        summary = Summary()
        return summary, summary.counted(self.clicks)


def delivered_clicks(project: Project, since: str, until: str | None) -> Delivered:
    """The clicks of a time range; raises ClickError if the range is empty."""
    with translated(project):
        bucket = clicks_bucket(project)
        wanted = time_range(since, until, bucket.now())
    problems = ParseProblems()

    def clicks() -> Iterator[Click]:
        begin = wanted.since or wanted.until
        with translated(project):
            yield from delivered.read(bucket, begin, wanted.until, problems)

    return Delivered(clicks(), wanted, problems)


def follow_clicks(project: Project, since: str, report: Callable[[ParseProblems], None]) -> Iterator[Click]:
    """The clicks since a moment, then each click as it is delivered, without end.

    ``report`` receives lines and objects that could not be parsed, once, as soon as they are found.
    """
    with translated(project):
        bucket = clicks_bucket(project)
        begin = time_range(since, None, bucket.now()).since
        if begin:
            yield from delivered.follow(bucket, begin, pace(project), report)
