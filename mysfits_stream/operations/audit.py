"""``audit``: the books of the pipeline, CloudWatch against S3."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import is_error
from mysfits_stream.books import audit as books
from mysfits_stream.books.metrics import MOST_MINUTES, Names
from mysfits_stream.books.statement import Books
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.errors import ClickError
from mysfits_stream.operations.pipeline import clicks_bucket, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.time_range import time_range
from mysfits_stream.provision.expiring import shortest

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
        return books.audit(
            bucket,
            project.target.client("cloudwatch"),
            names,
            begin,
            until,
            time_scale=project.target.time_scale,
            lifetime=_lifetime(project, bucket),
        )


def _lifetime(project: Project, bucket: ClicksBucket) -> timedelta | None:
    """The age at which the first objects expire by the bucket's rules; None if no object does."""
    try:
        rules: Any = bucket.s3.get_bucket_lifecycle_configuration(Bucket=bucket.name)
    except ClientError as error:
        if is_error(error, "NoSuchLifecycleConfiguration"):
            return None
        raise
    days = shortest(rules, (expiry.prefix for expiry in project.config.expiries))
    # What lives longer than a range can be does not expire in it; S3 takes numbers beyond Python's dates.
    return None if days is None or days > LONGEST.days else timedelta(days=days)
