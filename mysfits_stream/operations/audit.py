"""``audit``: the books of the pipeline, CloudWatch against S3."""

from __future__ import annotations

from datetime import datetime, timedelta

from mysfits_stream.books import audit as books
from mysfits_stream.books.metrics import MOST_MINUTES, Names
from mysfits_stream.books.statement import Books
from mysfits_stream.errors import ClickError
from mysfits_stream.operations.pipeline import clicks_bucket, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.time_range import time_range

LONGEST = timedelta(minutes=MOST_MINUTES) - timedelta(hours=1)


def audit(project: Project, since: str, now: datetime | None = None) -> Books:
    """The books of a time range until ``now``, by default the time of S3.

    Raises ClickError for a range that is empty, or of which CloudWatch no longer has the minutes.
    """
    with translated(project):
        bucket = clicks_bucket(project)
        until = now or bucket.now()
        begin = time_range(since, None, until).since or until
        if until - begin > LONGEST:
            raise ClickError(
                f"--since {since}: CloudWatch keeps minutes for 15 days; give for example --since 14d"
            )
        names = Names(project.names.stream, project.names.api)
        cloudwatch = project.target.client("cloudwatch")
        return books.audit(bucket, cloudwatch, names, begin, until, time_scale=project.target.time_scale)
