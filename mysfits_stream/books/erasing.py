"""Erases the clicks of a person from every version of every object of the clicks bucket.

A current object is overwritten by a conditional write (``IfMatch``), with the counts of the erased records in
its metadata, then the version with the person is deleted. An old version with the person is deleted. After
each step the next run can resume: the remaining clicks are in the new version before the earlier version is
deleted. Results of Athena are copies, and are deleted whole.

Objects are read several at a time, bounded in number and in bytes; memory holds a line for each changed
version.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import (
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)

from mysfits_stream.aws.errors import THROTTLED, is_error, is_server_error
from mysfits_stream.aws.waiting import Pace, retry_while
from mysfits_stream.books import erased_counts, packing
from mysfits_stream.books.lines import Filter, Found, identities, ids_of
from mysfits_stream.books.person import Wanted
from mysfits_stream.clicks import failed
from mysfits_stream.clicks.objects import ClicksBucket, ahead, started_at, weight
from mysfits_stream.clicks.unpacking import UnreadableError
from mysfits_stream.errors import ClickError
from mysfits_stream.provision.resources.emptying import BATCH, delete_versions

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")

PROBE = "mysfits-stream-erase-probe"
ATTEMPTS = 5
"""How often an object that changes meanwhile is read again."""

BUDGET = 120.0
"""Seconds for one call, over all its attempts."""

NULL = "null"
"""The version id of objects in a bucket without versions (F232)."""

GONE = ("NoSuchKey", "NoSuchVersion", "404")
CHANGED = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409", *GONE)
"""Answers to a conditional write of an object that somebody else has changed or deleted (F232)."""

UNREADABLE = (
    "AccessDenied",
    "InvalidObjectState",
    "InvalidRequest",
    "KMS.DisabledException",
    "KMS.KMSInvalidStateException",
    "KMS.NotFoundException",
)
"""S3's answers for a single object: archived, or encrypted with a key that cannot be used."""

KEPT_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "BucketKeyEnabled",
    "WebsiteRedirectLocation",
)
"""What a rewritten object takes over; a tag set is read apart."""

Version = dict[str, Any]


@dataclass(frozen=True)
class Places:
    """The key prefixes of replayed clicks and of Athena's results."""

    replayed: str
    results: str


@dataclass(frozen=True)
class Failures:
    """The person's error lines before an erasure.

    The objects with these lines are erased last: a run that resumes still finds the requests.
    """

    keys: frozenset[str] = frozenset()
    requests: frozenset[str | bytes] = frozenset()

    @classmethod
    def of(cls, bucket: ClicksBucket, person: Wanted, cut_off: datetime) -> Failures:
        """Of failed and replayed objects; unreadable objects are left out."""
        keys, requests = set[str](), set[str | bytes]()
        for place in (bucket.failed(None, bucket.now()), bucket.replayed_objects()):
            for stored, lines in bucket.read(place):
                if isinstance(lines, UnreadableError):
                    continue
                search = Filter(person, cut_off)
                search.without(b"\n".join(lines))
                if search.removed:
                    keys.add(stored.key)
                records = (failed.parse(line, stored.key) for line, _ in search.removed)
                requests |= {next(ids_of(record))[0] for record in records if record}
        return cls(frozenset(keys), frozenset(requests))


@dataclass(frozen=True)
class Group:
    """All versions of a key, the newest first; delete markers are counted only."""

    key: str
    versions: tuple[Version, ...]
    markers: int


@dataclass(frozen=True)
class ChangedVersion:
    """A version that held clicks of the person, with digests of the object's bytes."""

    key: str
    version: str
    before: str
    after: str | None
    """None for a version that was deleted without a successor."""
    new_version: str | None
    clicks: int

    def document(self) -> dict[str, Any]:
        """The version as JSON."""
        return {
            "key": self.key,
            "versionId": self.version,
            "sha256Before": self.before,
            "sha256After": self.after,
            "newVersionId": self.new_version,
            "clicks": self.clicks,
        }


@dataclass
class Erasure:
    """The counts of an erasure, or with ``dry_run`` of its plan."""

    dry_run: bool = False
    current: Found = field(default_factory=Found)
    """Clicks, failed clicks and raw records in current versions."""
    noncurrent: Found = field(default_factory=Found)
    replayed: int = 0
    """Of the failed clicks, those that were replayed before."""
    objects: int = 0
    """Objects that were read."""
    versions: int = 0
    """Versions that were read."""
    results: int = 0
    """Versions of Athena's results, all deleted."""
    others: int = 0
    """Clicks of others in deleted old versions that no current version has."""
    changed: list[ChangedVersion] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Key -> why the object could not be read; such objects are not erased."""

    @property
    def rewritten(self) -> int:
        """Current objects that were written again."""
        return sum(each.after is not None for each in tuple(self.changed))

    @property
    def deleted(self) -> int:
        """Versions that were deleted without a successor."""
        return sum(each.after is None for each in tuple(self.changed))

    @property
    def is_clean(self) -> bool:
        """Whether nothing of the person was found, and every object was read."""
        return not (self.current.removed or self.noncurrent.removed or self.unreadable)

    def document(self) -> dict[str, Any]:
        """The counts as JSON."""
        return {
            "clicks": self.current.clicks,
            "failedClicks": self.current.failed - self.replayed,
            "replayedClicks": self.replayed,
            "rawRecords": self.current.raw,
            "inOldVersions": self.noncurrent.removed,
            "objectsRead": self.objects,
            "versionsRead": self.versions,
            "objectsRewritten": self.rewritten,
            "versionsDeleted": self.deleted,
            "othersClicksDeleted": self.others,
            "keptAfterCutOff": self.current.later,
            "athenaResults": self.results,
            "unreadableObjects": self.unreadable,
        }


class _ChangedMeanwhile(Exception):
    """A foreign client has written or deleted the object."""


@dataclass
class _Result:
    """The outcome of a key."""

    key: str
    current: Found = field(default_factory=Found)
    noncurrent: Found = field(default_factory=Found)
    versions: int = 0
    unreadable: str = ""
    others: set[int] = field(default_factory=set)


def probe(s3: S3Client, bucket: str) -> None:
    """Put an empty object, read the object and delete its version.

    Raises ClickError on refusal.

    Object Lock with a default retention, and missing permissions, show before anything is changed.
    """
    key = f"{PROBE}-{uuid.uuid4()}"
    try:
        made = s3.put_object(Bucket=bucket, Key=key, Body=b"")
        version: Any = {"VersionId": made["VersionId"]} if made.get("VersionId") else {}
        s3.get_object(Bucket=bucket, Key=key, **version)["Body"].close()
        s3.delete_object(Bucket=bucket, Key=key, **version)
    except ClientError as error:
        if not is_error(error, "AccessDenied", "InvalidRequest", "MethodNotAllowed"):
            raise
        raise ClickError(
            f"nothing was erased: S3 refuses {error.operation_name} of the empty test object {key} "
            f"({error.response['Error'].get('Message')}). Object Lock with a default retention forbids "
            "deletions, also of this object; else `mysfits-stream operator-policy --for erase` prints the "
            "required policy"
        ) from error


def erase(
    s3: S3Client,
    bucket: str,
    person: Wanted,
    cut_off: datetime,
    places: Places,
    *,
    dry_run: bool = False,
    pace: Pace | None = None,
    failures: Failures = Failures(),
    report: Callable[[Erasure], None] = lambda _: None,
) -> Erasure:
    """Erase the person's clicks from before ``cut_off`` from all versions of all objects.

    With ``dry_run``, count only; without, ``failures`` are the person's error lines before. Objects that
    cannot be read are listed in the result. Raises ClientError if S3 refuses a change; the same call resumes.
    ``report`` gets the counts after each object, and before an error.
    """
    done = Erasure(dry_run)
    eraser = _Eraser(s3, bucket, person, cut_off, dry_run, pace or Pace(), done.changed, failures.requests)
    others: set[int] = set()
    results: list[Version] = []
    last: list[Group] = []

    def wanted() -> Iterator[Group]:
        for group, listed in _groups(s3, bucket):
            if group.key in failures.keys:
                last.append(group)
            elif not group.key.startswith(places.results):
                yield group
            else:
                done.results += len(listed)
                results.extend(listed)
                if len(results) >= BATCH:
                    eraser.delete_all(results)

    def count(result: _Result) -> None:
        done.objects += 1
        done.versions += result.versions
        done.current.add(result.current)
        done.noncurrent.add(result.noncurrent)
        others.update(result.others)
        if result.key.startswith(places.replayed):
            done.replayed += result.current.failed
        if result.unreadable:
            done.unreadable[result.key] = result.unreadable
        report(done)

    try:
        for groups in (wanted(), last):
            # Closed before the last report: threads that are under way change objects until then.
            with closing(ahead(eraser.erase, groups, weight=_weight)) as outcomes:
                for result in outcomes:
                    count(result)
    except BaseException:
        report(done)
        raise
    eraser.delete_all(results)
    done.others = len(others - _in_current(eraser, others)) if others else 0
    return done


def _in_current(eraser: _Eraser, wanted: set[int]) -> set[int]:
    """The identities that current objects hold, for clicks moved between objects."""
    found: set[int] = set()
    groups = (group for group, _ in _groups(eraser.s3, eraser.bucket))
    for held in ahead(eraser.current_identities, groups, weight=_weight):
        found |= wanted & held
    return found


@dataclass(frozen=True)
class _Eraser:
    """Erases the person key by key; safe to use from several threads."""

    s3: S3Client
    bucket: str
    person: Wanted
    cut_off: datetime
    dry_run: bool
    pace: Pace
    changed: list[ChangedVersion]
    """All changes, in their order; appended by several threads."""
    failed_requests: frozenset[str | bytes] = frozenset()
    """Requests of which a record failed, before anything was erased."""
    claims: dict[int, str] = field(default_factory=dict)
    """Erased record -> the key whose metadata counts the record."""

    def erase(self, group: Group) -> _Result:
        """Erase the person from all versions of a key."""
        for _ in range(ATTEMPTS):
            try:
                return self._once(group)
            except _ChangedMeanwhile:
                group = self._listed(group.key)
        raise ClickError(f"{group.key}: another process keeps changing the object; run erase again")

    def current_identities(self, group: Group) -> set[int]:
        """The identities of the clicks in the current version."""
        for version in group.versions[:1]:
            try:
                if version["IsLatest"] and (got := self._get(group.key, version)):
                    return set(identities(packing.contents(got[0], group.key)))
            except UnreadableError:
                pass  # listed in the result already
        return set()

    def delete_all(self, versions: list[Version]) -> None:
        """Delete the versions, and empty the list."""
        while versions and not self.dry_run:
            batch = versions[:BATCH]
            self._retry(lambda batch=batch: delete_versions(self.s3, self.bucket, batch))  # type: ignore[misc]
            del versions[:BATCH]
        versions.clear()

    def _once(self, group: Group) -> _Result:
        result, key = _Result(group.key), group.key
        current: bytes | None = None
        """The current contents without the person, for comparison with old versions."""
        for version in group.versions:
            try:
                got = self._get(key, version)
                if got is None:
                    continue
                body, answer = got
                search = Filter(self.person, self.cut_off)
                rest = packing.changed(body, key, search.without)
            except UnreadableError as error:
                result.unreadable = str(error)
                continue
            result.versions += 1
            is_latest = version["IsLatest"]
            (result.current if is_latest else result.noncurrent).add(search.found)
            if is_latest:
                current = rest
            if not search.found.removed:
                continue
            if not is_latest:
                kept = set(identities(packing.contents(rest, key)))
                here = set(identities(packing.contents(current, key))) if current is not None else set()
                result.others |= kept - here
            if not self.dry_run:
                self._change(group, version, answer, body, rest, search)
        return result

    def _change(
        self, group: Group, version: Version, answer: Any, body: bytes, rest: bytes, search: Filter
    ) -> None:
        key, version_id = group.key, version["VersionId"]

        def record(after: str | None = None, new_version: str | None = None) -> None:
            change = ChangedVersion(key, version_id, digest(body), after, new_version, search.found.removed)
            self.changed.append(change)

        if not version["IsLatest"]:
            self._delete(key, version_id)
            record()
            return
        left = packing.contents(rest, key)
        started = started_at(key, answer["LastModified"])
        counts = erased_counts.of_lines(key, started, search.removed, left, self.claims, self.failed_requests)
        metadata = counts.metadata(answer.get("Metadata", {}), self.cut_off)
        # An object without clicks stays for its counts, and above older versions. Without versions, only the
        # write is conditional: a deletion would remove what somebody has written meanwhile.
        is_alone = len(group.versions) == 1 and not group.markers and version_id != NULL
        if left.strip() or erased_counts.NAME in metadata or not is_alone:
            new_version = self._put(key, answer | {"Metadata": metadata}, rest)
            record(digest(rest), new_version)
            if new_version != version_id:
                self._delete(key, version_id)
        else:
            self._delete(key, version_id)
            record()

    def _put(self, key: str, answer: Any, body: bytes) -> str:
        """Overwrite the object that was read, and return the version id. Raises _ChangedMeanwhile."""
        kept = {name: answer[name] for name in KEPT_HEADERS if answer.get(name)}
        if expires := answer.get("ExpiresString"):
            kept["Expires"] = expires
        if answer.get("TagCount"):
            kept["Tagging"] = self._tagging(key)
        try:
            made = self._retry(
                lambda: self.s3.put_object(
                    Bucket=self.bucket, Key=key, Body=body, IfMatch=answer["ETag"], **kept
                )
            )
        except ClientError as error:
            if is_error(error, *CHANGED):
                raise _ChangedMeanwhile from error
            raise
        version: str = made.get("VersionId", NULL)
        return version

    def _tagging(self, key: str) -> str:
        from urllib.parse import urlencode

        tags = self._retry(lambda: self.s3.get_object_tagging(Bucket=self.bucket, Key=key))["TagSet"]
        return urlencode([(tag["Key"], tag["Value"]) for tag in tags])

    def _delete(self, key: str, version_id: str) -> None:
        def delete() -> None:
            try:
                self.s3.delete_object(Bucket=self.bucket, Key=key, VersionId=version_id)
            except ClientError as error:
                if is_error(error, *GONE):
                    return
                if not is_error(error, "AccessDenied"):
                    raise
                # The probe has shown the permission for other objects (F331).
                message = error.response["Error"].get("Message")
                raise ClickError(
                    f"{key}: S3 refuses to delete version {version_id} ({message}). Object Lock or a bucket "
                    "policy protects the version; run the same erase again once the version may be deleted"
                ) from error

        self._retry(delete)

    def _get(self, key: str, version: Version) -> tuple[bytes, Any] | None:
        """The bytes of a version and S3's answer; None for a deleted version.

        Raises UnreadableError.
        """

        def get() -> tuple[bytes, Any]:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key, VersionId=version["VersionId"])
            return answer["Body"].read(), answer

        try:
            return self._retry(get)
        except ClientError as error:
            if is_error(error, *GONE):
                return None
            if is_error(error, *UNREADABLE):
                said = error.response["Error"]
                raise UnreadableError(f"{said['Code']}: {said.get('Message')}") from error
            raise

    def _listed(self, key: str) -> Group:
        """The versions of a key now."""
        for group, _ in _groups(self.s3, self.bucket, key):
            if group.key == key:
                return group
        return Group(key, (), 0)

    def _retry(self, call: Callable[[], T]) -> T:
        return retry_while(
            _may_pass,
            call,
            self.pace,
            waiting_for="S3 to answer",
            advice="run erase again to resume",
            budget=BUDGET,
        )


def _may_pass(error: Exception) -> bool:
    """Whether S3 or the connection is merely busy."""
    streams = (ConnectionError, HTTPClientError, IncompleteReadError, ResponseStreamingError)
    return is_server_error(error) or is_error(error, *THROTTLED) or isinstance(error, streams)


def _groups(s3: S3Client, bucket: str, prefix: str = "") -> Iterator[tuple[Group, Sequence[Version]]]:
    """Each key with its versions, and all its versions and markers: by key, the newest first."""
    waiting: dict[str, tuple[list[Version], list[Version]]] = {}
    pages: Iterable[Any] = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for number, member in enumerate(("Versions", "DeleteMarkers")):
            for entry in page.get(member, ()):
                waiting.setdefault(entry["Key"], ([], []))[number].append(entry)
        # The next page may go on with the last key of this page.
        last = page.get("NextKeyMarker") if page.get("IsTruncated") else None
        for key in [key for key in waiting if key != last]:
            versions, markers = waiting.pop(key)
            yield Group(key, tuple(versions), len(markers)), [*versions, *markers]


def _weight(group: Group) -> int:
    return weight(group.key, max((version.get("Size", 0) for version in group.versions), default=0))


def digest(body: bytes) -> str:
    """The SHA-256 of an object, as receipts have it."""
    return hashlib.sha256(body).hexdigest()
