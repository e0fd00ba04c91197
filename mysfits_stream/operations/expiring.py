"""The objects that S3 will delete because of a change of the lifecycle rules, counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mysfits_stream.clicks.objects import service_time
from mysfits_stream.operations.project import Project
from mysfits_stream.provision.engine import Change, translated
from mysfits_stream.provision.expiring import Deletion, deletions

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class Expiring:
    """One change, with the objects that are older than the new lifetime now."""

    deletion: Deletion
    objects: int | None
    """None for noncurrent versions, which are not counted."""
    bytes: int | None

    def document(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "bucket": self.deletion.bucket,
            "prefix": self.deletion.prefix,
            "days": self.deletion.days,
            "versions": "current" if self.deletion.current else "noncurrent",
            "objects": self.objects,
            "bytes": self.bytes,
        }


def expiring(project: Project, changes: Sequence[Change]) -> tuple[Expiring, ...]:
    """What the changes let expire; lists objects only where a lifetime is new or shorter."""
    s3, found = project.target.clients.s3, []
    for deletion in deletions(changes):
        with translated("clicks-bucket", "count the objects that expire"):
            found.append(counted(s3, deletion, service_time(s3.head_bucket(Bucket=deletion.bucket))))
    return tuple(found)


def counted(s3: S3Client, deletion: Deletion, now: datetime) -> Expiring:
    """The current objects that are old enough at ``now`` to expire.

    Noncurrent versions are not counted.
    """
    if not deletion.current:
        return Expiring(deletion, None, None)
    before = now - timedelta(days=deletion.days)
    objects = size = 0
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=deletion.bucket, Prefix=deletion.prefix)
    for page in pages:
        for entry in page.get("Contents", ()):
            if entry["LastModified"] <= before:
                objects += 1
                size += entry["Size"]
    return Expiring(deletion, objects, size)
