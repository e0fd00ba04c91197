"""``failed``: failed clicks, grouped by error code and reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mysfits_stream.clicks import failed as failures
from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.operations.pipeline import clicks_bucket, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.time_range import time_range


@dataclass(frozen=True)
class Failed:
    """The failed clicks of a time range, the most frequent reason first."""

    groups: tuple[failures.Group, ...]
    problems: ParseProblems

    def document(self) -> dict[str, Any]:
        """The failed clicks as JSON."""
        return {"failed": [group.document() for group in self.groups], **self.problems.document()}


def failed_clicks(project: Project, since: str | None) -> Failed:
    """Read and group the failed clicks since a moment, or all failed clicks."""
    problems = ParseProblems()
    with translated(project):
        bucket = clicks_bucket(project)
        now = bucket.now()
        begin = time_range(since, None, now).since
        return Failed(tuple(failures.grouped(failures.read(bucket, begin, now, problems))), problems)
