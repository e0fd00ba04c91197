"""``replay``: failed clicks, put back on the delivery stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mysfits_stream.clicks import replaying
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.operations.pipeline import clicks_bucket, pace, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.time_range import time_range


@dataclass(frozen=True)
class Replayed:
    """A replay, or with ``counts.dry_run`` its preview."""

    counts: replaying.Replay
    bucket: ClicksBucket

    @property
    def moved_to(self) -> str:
        """Where replayed error objects are."""
        return f"s3://{self.bucket.name}/{self.bucket.replayed}"

    def document(self) -> dict[str, Any]:
        """The replay as JSON."""
        return self.counts.document(self.bucket)


def replay(
    project: Project,
    *,
    since: str | None,
    limit: int | None,
    dry_run: bool,
    report: Callable[[replaying.Replay], None],
) -> Replayed:
    """Put failed clicks back on the stream.

    ``report`` receives the counts after each error object.
    """
    with translated(project), project.locked():
        bucket = clicks_bucket(project)
        begin = time_range(since, None, bucket.now()).since
        counts = replaying.replay(
            bucket,
            project.target.client("firehose"),
            project.names.stream,
            since=begin,
            limit=limit,
            dry_run=dry_run,
            pace=pace(project),
            report=report,
        )
    return Replayed(counts, bucket)
