"""Emptying a versioned bucket: every version and delete marker, in full batches, several at once (F49)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BATCH = 1000
"""What one DeleteObjects takes."""

AT_ONCE = 8
"""Batches under way while the next page is listed; with this bound memory stays flat."""

GONE = ("NoSuchKey", "NoSuchVersion")


@dataclass(frozen=True)
class Contents:
    """What a bucket holds: current objects, all versions (markers included) and the bytes of all of them."""

    objects: int
    versions: int
    bytes: int


def contents(s3: S3Client, bucket: str) -> Contents:
    """Count what a bucket holds; one that does not exist holds nothing."""
    objects = versions = size = 0
    try:
        for version in _listing(s3, bucket):
            versions += 1
            size += version.get("Size", 0)
            objects += "Size" in version and version["IsLatest"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
    return Contents(objects, versions, size)


def empty(s3: S3Client, bucket: str, report: Callable[[str], None] = lambda _: None) -> int:
    """Delete everything in a bucket and return how many versions and markers that were.

    Raises ClientError if S3 refuses a key; a key that is gone already is fine.
    """
    deleted = 0
    under_way: set[Future[int]] = set()
    versions = _listing(s3, bucket)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while batch := list(islice(versions, BATCH)):
            under_way.add(pool.submit(_delete, s3, bucket, batch))
            if len(under_way) >= AT_ONCE:
                finished, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                deleted += sum(future.result() for future in finished)
                report(f"emptying {bucket}, {deleted} versions deleted")
        deleted += sum(future.result() for future in under_way)
    report(f"emptying {bucket}, {deleted} versions deleted")
    return deleted


def _listing(s3: S3Client, bucket: str) -> Iterator[dict[str, Any]]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        yield from page.get("Versions", ())  # type: ignore[misc]
        yield from page.get("DeleteMarkers", ())  # type: ignore[misc]


def _delete(s3: S3Client, bucket: str, batch: list[dict[str, Any]]) -> int:
    in_xml = [version for version in batch if _fits_xml(version["Key"])]
    if in_xml:
        keys: Any = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in in_xml]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        for failure in answer.get("Errors", ()):
            if failure.get("Code") not in GONE:
                raise ClientError(
                    {"Error": {"Code": failure.get("Code", ""), "Message": _complaint(failure)}},
                    "DeleteObjects",
                )
    for version in batch:
        if not _fits_xml(version["Key"]):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    return len(batch)


def _fits_xml(key: str) -> bool:
    """Whether XML 1.0 can carry the key; DeleteObjects cannot name the others."""
    return all(character >= " " and character not in "\ufffe\uffff" for character in key)


def _complaint(failure: Any) -> str:
    return f"{failure.get('Message', '')} ({failure.get('Key')}, version {failure.get('VersionId')})"
