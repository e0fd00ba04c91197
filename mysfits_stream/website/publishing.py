"""Files of a website, written or uploaded without overwriting the user's own files.

A file that ``publish-site`` wrote earlier may be replaced. An upload marks its object with metadata; for
directories, the digests of written files are kept in ``.mysfits-stream/published.json``.
The bucket of a website belongs to its owner: no bucket is created here, and no access is changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import is_error, translated
from mysfits_stream.errors import SiteError
from mysfits_stream.files import read_own, write_atomically
from mysfits_stream.website.pages import SiteFile

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Action = Literal["create", "replace", "overwrite", "keep"]
"""``replace`` a file that publish-site wrote, ``overwrite`` one of another origin, ``keep`` equal content."""

RECORD = "published.json"
MARK = "mysfits-stream-sha256"
"""Key of an object's metadata: the digest of the content that was uploaded."""


ADVICE = {
    "AccessDenied": "The upload needs s3:PutObject on the website's bucket, which that policy does not grant",
    "NoSuchBucket": "Create the bucket first, or choose another bucket with --bucket",
}
READ_ADVICE = {
    "AccessDenied": "To compare existing files, s3:GetObject and s3:ListBucket are required on the website's "
    "bucket; --yes uploads without the comparison",
    "NoSuchBucket": ADVICE["NoSuchBucket"],
}


@dataclass(frozen=True)
class FileChange:
    """A file, its path or URL, and the change by publishing."""

    file: SiteFile
    place: str
    action: Action


def changes_in_directory(files: Iterable[SiteFile], directory: Path, record: Path) -> list[FileChange]:
    """The changes by writing the files to ``directory``.

    ``record`` is the file with the digests.
    """
    published = _published(record)
    changes = []
    for file in files:
        path = directory / file.name
        try:
            standing = path.read_bytes()
        except FileNotFoundError:
            changes.append(FileChange(file, str(path), "create"))
            continue
        except OSError as error:
            raise SiteError(f"{path}: cannot be read: {error.strerror}") from error
        ours = published.get(str(path.absolute())) == sha256(standing).hexdigest()
        changes.append(FileChange(file, str(path), _action(file, standing, ours=ours)))
    return changes


def changes_in_bucket(files: Iterable[SiteFile], bucket: str, s3: S3Client) -> list[FileChange]:
    """The changes by an upload to ``bucket``; raises SiteError if the objects cannot be read."""
    changes = []
    for file in files:
        place = f"s3://{bucket}/{file.name}"
        with translated(partial(_not_read, place), "GetObject", READ_ADVICE):
            try:
                found = s3.get_object(Bucket=bucket, Key=file.name)
            except ClientError as error:
                if not is_error(error, "NoSuchKey"):
                    raise
                changes.append(FileChange(file, place, "create"))
                continue
        with found["Body"] as body:
            # Other sizes are other content: there is no need to read a large object.
            standing = body.read() if found["ContentLength"] == len(file.body) else b""
        ours = MARK in found.get("Metadata", {})
        changes.append(FileChange(file, place, _action(file, standing, ours=ours)))
    return changes


def unknown_changes(files: Iterable[SiteFile], bucket: str) -> list[FileChange]:
    """Unknown changes by an upload, for a user with write access and without read access."""
    return [FileChange(file, f"s3://{bucket}/{file.name}", "overwrite") for file in files]


def write(files: Iterable[SiteFile], directory: Path, record: Path) -> list[Path]:
    """Write the files into ``directory``, created if necessary, and return the paths.

    ``record`` is the file that keeps the digests; the caller has the lock of its directory.
    """
    files = list(files)
    written = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in files:
            path = directory / file.name
            path.write_bytes(file.body)
            written.append(path)
    except OSError as error:
        raise SiteError(f"{error.filename or directory}: cannot be written: {error.strerror}") from error
    digests = {
        str(path.absolute()): sha256(file.body).hexdigest() for path, file in zip(written, files, strict=True)
    }
    write_atomically(record, json.dumps({**_published(record), **digests}, indent=2) + "\n")
    return written


def reject_clicks_bucket(bucket: str, clicks_bucket: str) -> None:
    """Raise SiteError if a website would go to the clicks bucket."""
    if bucket == clicks_bucket:
        raise SiteError(
            f"{bucket} is the clicks bucket, which stays private; a website needs a bucket of its own"
        )


def publish(files: Iterable[SiteFile], bucket: str, clicks_bucket: str, s3: S3Client) -> list[str]:
    """Upload the files to an existing bucket and return their keys.

    Pages go last, so that a page never refers to a missing file. Never touches the bucket's policy or its
    public access; rejects the clicks bucket, whose objects are visitors' behavior and never a website.
    """
    reject_clicks_bucket(bucket, clicks_bucket)
    uploaded: list[str] = []
    for file in sorted(files, key=lambda file: file.content_type.startswith("text/html")):
        with translated(partial(_not_uploaded, bucket, file.name), "PutObject", ADVICE):
            s3.put_object(
                Bucket=bucket,
                Key=file.name,
                Body=file.body,
                ContentType=file.content_type,
                CacheControl=file.cache_control,
                Metadata={MARK: sha256(file.body).hexdigest()},
            )
        uploaded.append(file.name)
    return uploaded


def _not_uploaded(bucket: str, key: str, operation: str, reason: str) -> SiteError:
    return SiteError(f"s3://{bucket}/{key}: {operation}: {reason}")


def _not_read(place: str, operation: str, reason: str) -> SiteError:
    return SiteError(f"{place}: {operation}: {reason}")


def _action(file: SiteFile, standing: bytes, *, ours: bool) -> Action:
    if standing == file.body:
        return "keep"
    return "replace" if ours else "overwrite"


def _published(record: Path) -> Mapping[str, Any]:
    """Path -> digest of the content last written; a damaged record counts as empty."""
    try:
        published = json.loads(read_own(record))
    except (OSError, ValueError, RecursionError):
        return {}
    return published if isinstance(published, dict) else {}
