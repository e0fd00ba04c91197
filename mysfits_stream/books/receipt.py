"""The receipt of an erasure: a salted hash of the person, the time, the changed versions."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import is_error
from mysfits_stream.books.erasing import GONE, Erasure, digest
from mysfits_stream.books.person import HashedPerson, Person, salted_hash
from mysfits_stream.clicks.delivered import clicked_at
from mysfits_stream.errors import ClickError, MysfitsStreamError
from mysfits_stream.files import write_atomically

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

FORMAT = 1
HASH = "sha256(salt + newline + value)"


@dataclass(frozen=True)
class Receipt:
    """An erasure; ``complete`` is False during a run and after an interrupted run."""

    bucket: str
    field: str
    salt: str
    hash: str
    cut_off: datetime
    complete: bool = False
    counts: Mapping[str, Any] | None = None
    versions: tuple[dict[str, Any], ...] = ()
    """The changed versions, as :meth:`ChangedVersion.document` has them."""

    @classmethod
    def of(cls, bucket: str, person: Person, cut_off: datetime) -> Receipt:
        """A receipt at the beginning of an erasure."""
        salt = secrets.token_hex(16)
        return cls(bucket, person.field, salt, salted_hash(salt, person.value), cut_off)

    @property
    def person(self) -> HashedPerson:
        """The person, as far as the receipt knows."""
        return HashedPerson(self.field, self.salt, self.hash)

    def is_of(self, person: Person) -> bool:
        """Whether the receipt is of an erasure of the person."""
        return (self.field, self.hash) == (person.field, salted_hash(self.salt, person.value))

    def with_result(self, erasure: Erasure, *, complete: bool) -> Receipt:
        """The receipt after a run; the versions of earlier runs stay."""
        versions = (*self.versions, *(each.document() for each in erasure.changed))
        return replace(self, complete=complete, counts=erasure.document(), versions=versions)

    def document(self) -> dict[str, Any]:
        """The receipt as JSON."""
        return {
            "format": FORMAT,
            "bucket": self.bucket,
            "field": self.field,
            "salt": self.salt,
            "hash": self.hash,
            "hashOf": HASH,
            "cutOff": clicked_at(self.cut_off),
            "complete": self.complete,
            "counts": self.counts,
            "objects": list(self.versions),
        }

    def write(self, path: Path) -> None:
        """Write the receipt, whole or not at all. Raises StateError."""
        write_atomically(path, json.dumps(self.document(), indent=2) + "\n")


def load(path: Path) -> Receipt:
    """The receipt in a file. Raises ClickError for a file that is no receipt."""
    try:
        said: Any = json.loads(path.read_text("utf-8"))
        if said["format"] != FORMAT:
            raise ValueError(f"format {said['format']!r}, expected {FORMAT}")
        texts = [said[name] for name in ("bucket", "field", "salt", "hash", "cutOff")]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("bucket, field, salt, hash and cutOff must be texts")
        for name, digits in (("salt", 32), ("hash", 64)):
            if not re.fullmatch(f"[0-9a-f]{{{digits}}}", said[name]):
                raise ValueError(f"{name} is not {digits} hexadecimal digits")
        versions = tuple({"key": str(each["key"]), **each} for each in said["objects"])
        for each in versions:
            _ = str(each["versionId"]), each["sha256After"]
        cut_off = datetime.fromisoformat(texts[4])
        if cut_off.tzinfo is None:
            raise ValueError("cutOff has no time zone")
        return Receipt(
            bucket=texts[0],
            field=texts[1],
            salt=texts[2],
            hash=texts[3],
            cut_off=cut_off,
            complete=said["complete"] is True,
            # A killed run has counted nothing yet.
            counts=None if said["counts"] is None else dict(said["counts"]),
            versions=versions,
        )
    except OSError as error:
        raise ClickError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ClickError(
            f"{path}: not a receipt of `mysfits-stream erase` ({' '.join(str(error).split())})"
        ) from error


def begin(path: Path, bucket: str, person: Person, cut_off: datetime) -> Receipt:
    """A new receipt in a file, or the person's unfinished receipt; raises ClickError otherwise."""
    if not path.exists():
        if not path.parent.is_dir():
            raise ClickError(f"{path}: cannot be written: {path.parent} is no directory")
        made = Receipt.of(bucket, person, cut_off)
        made.write(path)
        return made
    found = load(path)
    if found.complete or not found.is_of(person) or found.bucket != bucket:
        raise ClickError(f"{path}: exists with another receipt; name another file with --receipt")
    return replace(found, cut_off=cut_off)


@dataclass(frozen=True)
class Verified:
    """The remaining clicks of an erased person, and the state of the changed objects."""

    receipt: Receipt
    found: Erasure
    """What a new erasure would remove: nothing."""
    remaining: tuple[str, ...]
    """Deleted versions that exist, as ``key?versionId=…``."""
    unchanged: int
    """Rewritten objects with the digest of the receipt."""
    changed_since: int
    """Rewritten objects that have changed or are gone."""
    searched_raw: bool
    """Whether records that cannot be parsed were searched, which needs the value."""

    @property
    def holds(self) -> bool:
        """Whether nothing of the person is left."""
        return self.receipt.complete and self.found.is_clean and not self.remaining

    def document(self) -> dict[str, Any]:
        """The check as JSON."""
        return {
            "holds": self.holds,
            "complete": self.receipt.complete,
            "field": self.receipt.field,
            "cutOff": clicked_at(self.receipt.cut_off),
            "found": self.found.document(),
            "remainingVersions": list(self.remaining),
            "unchangedObjects": self.unchanged,
            "objectsChangedSince": self.changed_since,
            "searchedRawRecords": self.searched_raw,
        }


def still_there(s3: S3Client, bucket: str, versions: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """The existing versions among a receipt's deleted versions."""
    return tuple(
        f"{each['key']}?versionId={each['versionId']}"
        for each in versions
        if each["versionId"] != each.get("newVersionId") and _exists(s3, bucket, each)
    )


def _exists(s3: S3Client, bucket: str, version: dict[str, Any]) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=version["key"], VersionId=version["versionId"])
    except ClientError as error:
        # A malformed version id is one that S3 never gave.
        if is_error(error, *GONE, "400", "405"):
            return False
        raise
    return True


def unchanged(s3: S3Client, bucket: str, versions: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """How many rewritten objects have the receipt's digest, and how many have changed or are gone."""
    same = other = 0
    for each in versions:
        if each["sha256After"] is None:
            continue
        try:
            body = s3.get_object(Bucket=bucket, Key=each["key"])["Body"].read()
        except ClientError as error:
            if not is_error(error, *GONE):
                raise
            body = b""
        if digest(body) == each["sha256After"]:
            same += 1
        else:
            other += 1
    return same, other


def sought(person: Person | None, receipt: Receipt) -> Person | HashedPerson:
    """The person to look for: the value where it is given, else the hash.

    Raises MysfitsStreamError.
    """
    if person is None:
        return receipt.person
    if not receipt.is_of(person):
        raise MysfitsStreamError(f"the receipt is not of this value of {person.field}: the hashes differ")
    return person
