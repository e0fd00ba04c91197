"""Emptying a versioned bucket: all versions and markers, in full batches (F49)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BATCH = 1000
"""What one DeleteObjects takes."""

AT_ONCE = 12
"""Batches under way, and pages; with this bound memory stays flat."""

MOST_PARTS = 100
"""Prefixes of one level worth a listing of their own each: there may be as many as there are keys."""

BEYOND_XML = re.compile(r"[\x00-\x1f\ufffe\uffff]")
"""What XML 1.0 does not hold, or not unchanged; DeleteObjects cannot name a key with such a character."""

Version = dict[str, Any]
"""What S3 says of a version or delete marker."""

DEPTH = 8
"""Folders within each other that are looked into: Firehose nests five or so."""

BAR = 20
"""The length of a progress bar, in characters."""

GONE = ("NoSuchKey", "NoSuchVersion")


@dataclass(frozen=True)
class Contents:
    """The contents of a bucket: current objects, all versions (with markers), and the bytes."""

    objects: int
    versions: int
    bytes: int


def contents(s3: S3Client, bucket: str) -> Contents:
    """Count the contents of a bucket; a missing bucket is empty."""
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


def empty(
    s3: S3Client, bucket: str, report: Callable[[str], None] = lambda _: None, *, expected: int = 0
) -> int:
    """Delete everything in a bucket and return the number of versions and markers.

    ``expected`` is the number, if known: then the reports have a bar. Raises ClientError if S3 refuses a
    key; a missing key is fine.
    """
    deleted = 0
    under_way: set[Future[int]] = set()
    versions = _listing(s3, bucket)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while batch := list(islice(versions, BATCH)):
            under_way.add(pool.submit(delete_versions, s3, bucket, batch))
            if len(under_way) >= AT_ONCE:
                finished, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                deleted += sum(future.result() for future in finished)
                report(_progress(bucket, deleted, expected))
        deleted += sum(future.result() for future in under_way)
    report(_progress(bucket, deleted, expected))
    return deleted


def _progress(bucket: str, deleted: int, expected: int) -> str:
    if not expected:
        return f"emptying {bucket}, {deleted} versions deleted"
    done = BAR * min(deleted, expected) // expected
    return f"emptying {bucket}, {'█' * done}{'░' * (BAR - done)} {deleted:,} of {expected:,} versions"


def _listing(s3: S3Client, bucket: str) -> Iterator[Version]:
    """Every version and delete marker, in no order; several pages are fetched at once."""
    first = s3.list_object_versions(Bucket=bucket)
    if not first["IsTruncated"]:
        yield from _versions(first)
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        some_key = next(_versions(first))["Key"]
        parts, beside = _divided(s3, bucket, some_key, pool)
        yield from beside
        waiting = deque(_pages(s3, bucket, part) for part in parts)
        under_way: dict[Future[Any], Iterator[Any]] = {}
        while waiting or under_way:
            while waiting and len(under_way) < AT_ONCE:
                pages = waiting.popleft()
                under_way[pool.submit(next, pages, None)] = pages
            finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in finished:
                pages, page = under_way.pop(future), future.result()
                if page is not None:
                    under_way[pool.submit(next, pages, None)] = pages
                    yield from _versions(page)


def _divided(
    s3: S3Client, bucket: str, key: str, pool: ThreadPoolExecutor
) -> tuple[list[str], list[Version]]:
    """Enough prefixes to list concurrently, and the versions without any of the prefixes.

    The folders on the way to ``key`` are listed concurrently until the prefixes are enough.
    """
    ends = [at for at, character in enumerate(key, 1) if character == "/"]
    folders = [key[:end] for end in (0, *ends[:DEPTH])]
    parts, beside = [""], list[Version]()

    def look(prefix: str) -> Any:
        return s3.list_object_versions(Bucket=bucket, Prefix=prefix, Delimiter="/")

    for folder, seen in zip(folders, pool.map(look, folders), strict=True):
        below = [each["Prefix"] for each in seen.get("CommonPrefixes", ())]
        divides = below and len(below) <= MOST_PARTS and not seen["IsTruncated"]
        if not divides or folder not in parts or len(parts) >= AT_ONCE:
            break
        parts.remove(folder)
        parts += below
        beside += _versions(seen)
    return parts, beside


def _pages(s3: S3Client, bucket: str, prefix: str) -> Iterator[Any]:
    return iter(s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix))


def _versions(page: Any) -> Iterator[Version]:
    return chain(page.get("Versions", ()), page.get("DeleteMarkers", ()))


def delete_versions(s3: S3Client, bucket: str, batch: Sequence[Version]) -> int:
    """Delete at most 1,000 versions and markers, and return their number.

    A missing version is fine.
    """
    in_xml = [version for version in batch if not BEYOND_XML.search(version["Key"])]
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
        if BEYOND_XML.search(version["Key"]):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    return len(batch)


def _complaint(failure: Any) -> str:
    return f"{failure.get('Message', '')} ({failure.get('Key')}, version {failure.get('VersionId')})"
