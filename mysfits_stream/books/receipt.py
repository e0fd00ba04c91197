"""The receipt of an erasure: a salted hash of the person, the time, the changed versions."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
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
    earlier_runs: int = 0
    """Runs of the erasure before the last run; these were stopped, or could not erase everything."""

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
            "earlierRuns": self.earlier_runs,
            "objects": list(self.versions),
        }

    def write(self, path: Path) -> None:
        """Write the receipt, whole or not at all. Raises StateError."""
        write_atomically(path, json.dumps(self.document(), indent=2) + "\n")


def load(path: Path) -> Receipt:
    """The receipt in a file. Raises ClickError for a file that is no receipt."""
    if path.exists() and not path.is_file():  # a device or a pipe may never end
        raise ClickError(f"{path}: cannot be read: no regular file; name another file")
    try:
        said: Any = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ClickError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError):
        said = None
    if reason := "not JSON" if said is None else _rejection(said):
        raise ClickError(f"{path}: not a receipt of `mysfits-stream erase` ({reason})")
    return Receipt(
        bucket=said["bucket"],
        field=said["field"],
        salt=said["salt"],
        hash=said["hash"],
        cut_off=datetime.fromisoformat(said["cutOff"]),
        complete=said["complete"],
        counts=said["counts"],
        versions=tuple(said["objects"]),
        earlier_runs=said.get("earlierRuns", 0),
    )


def _is_text(value: Any) -> bool:
    """A text that can be sent to S3."""
    try:
        return isinstance(value, str) and bool(value.encode())
    except UnicodeEncodeError:
        return False


def _is_time(value: Any) -> bool:
    """An ISO 8601 time with a time zone."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.tzinfo is not None and bool(moment.astimezone(UTC))
    except (ValueError, TypeError, OverflowError):
        return False


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


Check = tuple[str, Callable[[Any], Any], str]
"""A member, the check of its value, and what the value has to be."""

MEMBERS: tuple[Check, ...] = (
    ("format", lambda value: _is_count(value) and value == FORMAT, str(FORMAT)),
    ("bucket", _is_text, "a text"),
    ("field", _is_text, "a text"),
    ("salt", lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value), "32 hex digits"),
    ("hash", _is_digest, "64 hex digits"),
    ("cutOff", _is_time, "a time with its zone"),
    ("complete", lambda value: isinstance(value, bool), "true or false"),
    # A killed run has counted nothing yet.
    ("counts", lambda value: value is None or isinstance(value, dict), "an object or null"),
    ("objects", lambda value: isinstance(value, list), "a list"),
)
OF_OBJECTS: tuple[Check, ...] = (
    ("key", _is_text, "a text"),
    ("versionId", _is_text, "a text"),
    ("sha256Before", _is_digest, "64 hex digits"),
    ("sha256After", lambda value: value is None or _is_digest(value), "64 hex digits or null"),
    ("newVersionId", lambda value: value is None or _is_text(value), "a text or null"),
    ("clicks", _is_count, "a count"),
)


def _rejection(said: Any) -> str | None:
    """The reason why a JSON document is no receipt, or None."""
    if reason := _wrong(said, "", MEMBERS):
        return reason
    if said["complete"] and said["counts"] is None:
        return "complete, and counts is null"
    if not _is_count(said.get("earlierRuns", 0)):
        return "earlierRuns is not a count"
    reasons = (_wrong(each, f"objects[{at}]", OF_OBJECTS) for at, each in enumerate(said["objects"]))
    return next(filter(None, reasons), None)


def _wrong(said: Any, place: str, checks: tuple[Check, ...]) -> str | None:
    if not isinstance(said, dict):
        return f"{place or 'the document'} is not an object"
    for name, check, expected in checks:
        path = f"{place}.{name}" if place else name
        if name not in said:
            return f"{path} is missing"
        if not check(said[name]):
            return f"{path} is not {expected}"
    return None


def begin(path: Path, bucket: str, person: Person, cut_off: datetime) -> Receipt:
    """A new receipt in a file, or the person's unfinished receipt; raises ClickError otherwise."""
    if not path.exists():
        if not path.parent.is_dir():
            raise ClickError(f"{path}: cannot be written: {path.parent} is no directory")
        made = Receipt.of(bucket, person, cut_off)
        made.write(path)
        return made
    found = load(path)
    if not found.is_of(person) or found.bucket != bucket:
        raise ClickError(f"{path}: exists with another receipt; name another file with --receipt")
    if found.complete:
        raise ClickError(
            f"{path}: this erasure is complete: `mysfits-stream erase --verify {path}` looks again; to erase "
            "what came since, name another file with --receipt"
        )
    resumed = replace(found, cut_off=cut_off, earlier_runs=found.earlier_runs + 1)
    resumed.write(path)
    return resumed


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
    """How many rewritten objects have the receipt's digest, and how many changed or are gone."""
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
