"""The clicks bucket's objects: listed by the hour, read concurrently, unpacked into lines.

Reading ahead is bounded in number and in bytes. Listed objects are held in memory by folder for sorting; all
listed objects only if the order of folders is not the order of time.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import chain, groupby, islice
from os.path import commonprefix
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from mysfits_stream.aws import fast_get
from mysfits_stream.aws.errors import is_error
from mysfits_stream.clicks import prefixes
from mysfits_stream.clicks.unpacking import HADOOP_ENDINGS, UnreadableError, unpacked
from mysfits_stream.config import RESULTS_PREFIX
from mysfits_stream.retention import replayed_prefix

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from mysfits_stream.config import Config

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 16
BYTES_AT_ONCE = 64_000_000
GROWTH = 10
"""How many times as large a compressed object of clicks becomes, about."""

SKEW = timedelta(minutes=1)
"""What S3's clock and Firehose's may differ by."""

LONGEST_SPAN = timedelta(days=1)  # S3 refused for longer means that the records are lost (F63)

STARTED = re.compile(r"-\d+-(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-[0-9a-f-]{36}")
"""In a key's last part: the arrival of the oldest record in the object (F88)."""

REFUSALS = ("AccessDenied", "InvalidObjectState", "NoSuchKey")
"""What S3 answers for a single object: its key may not be used, it is archived, it was deleted meanwhile."""


@dataclass(frozen=True)
class StoredObject:
    """An object in S3; no record of the object is older than ``started``."""

    key: str
    size: int
    modified: datetime
    started: datetime
    etag: str = ""
    """S3's name for this content: another content of the key has another ETag (F200)."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The user's metadata of an object that was read; listings do not tell it."""


@dataclass(frozen=True)
class Content:
    """An unpacked object, and S3's ETag and metadata of this content."""

    data: bytes
    etag: str
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class ClicksBucket:
    """The bucket and the delivery stream's object names; safe to use from several threads."""

    s3: S3Client
    name: str
    prefix: str
    error_prefix: str
    span: timedelta
    """How much younger than its object's name says a record can be."""

    @classmethod
    def of(cls, config: Config, name: str, s3: S3Client) -> ClicksBucket:
        """The clicks bucket of a configured stack."""
        processor, delivery = config.processor, config.delivery
        # Both buffers, and the attempts of the processor; Firehose pauses between those.
        seconds = processor.buffer_seconds + delivery.buffer_seconds
        seconds += (processor.retries + 1) * (processor.timeout_seconds + 30)
        return cls(
            s3, name, delivery.prefix, delivery.error_prefix, min(timedelta(seconds=seconds), LONGEST_SPAN)
        )

    def now(self) -> datetime:
        """The time by S3's clock: a laptop's may be wrong, and the local cloud's runs faster."""
        return service_time(self.s3.head_bucket(Bucket=self.name))

    def delivered(self, since: datetime | None, until: datetime) -> Iterator[StoredObject]:
        """The objects that may hold enriched clicks of a time range, the oldest first.

        Without ``since``, the range begins with the first object.
        """
        pattern = prefixes.delivered_pattern(self.prefix)
        begin = since - self.span if since else self._first(pattern)
        until += SKEW
        listing = prefixes.of_hours(pattern, begin, until) if begin else [prefixes.literal(pattern)]

        def wanted(found: StoredObject) -> bool:
            is_in_range = (begin is None or begin <= found.started) and found.started <= until
            return is_in_range and not self._is_aside(found.key)

        return _by_time(filter(wanted, self._listed(listing)), pattern)

    def failed(self, since: datetime | None, until: datetime) -> Iterator[StoredObject]:
        """The error objects of a time range, the oldest first; ``since`` None for all until then."""
        pattern = prefixes.failed_pattern(self.error_prefix)
        begin = since and since - self.span
        until += SKEW
        listing = [prefixes.literal(pattern)] if begin is None else prefixes.of_hours(pattern, begin, until)

        def wanted(found: StoredObject) -> bool:
            is_failed = f"{prefixes.ERROR_TYPE}/" in found.key and not found.key.startswith(self.replayed)
            return is_failed and (begin is None or begin <= found.started) and found.started <= until

        return _by_time(filter(wanted, self._listed(listing)), pattern)

    def replayed_objects(self) -> Iterator[StoredObject]:
        """All error objects whose clicks were put on the stream again, in no particular order."""
        return self._listed([self.replayed])

    def content(self, stored: StoredObject) -> Content:
        """An object's content, unpacked. Raises UnreadableError."""
        try:
            answer = fast_get.get_object(self.s3, self.name, stored.key)
            body = answer["Body"].read()
        except ClientError as error:
            if is_error(error, *REFUSALS):
                said = error.response["Error"]
                raise UnreadableError(f"{said['Code']}: {said.get('Message')}") from error
            raise
        # The object may have been replaced since it was listed.
        etag, metadata = answer.get("ETag", stored.etag), answer.get("Metadata", {})
        return Content(unpacked(body, stored.key), etag, metadata)

    def read(
        self, objects: Iterable[StoredObject]
    ) -> Iterator[tuple[StoredObject, list[bytes] | UnreadableError]]:
        """Objects in the given order, with metadata and lines; further objects are read ahead."""

        def lines(stored: StoredObject) -> tuple[StoredObject, list[bytes] | UnreadableError]:
            try:
                content = self.content(stored)
                found = [line for line in content.data.split(b"\n") if line.strip()]
                return replace(stored, metadata=content.metadata), found
            except UnreadableError as error:
                return stored, error

        return ahead(lines, objects, weight=lambda stored: weight(stored.key, stored.size))

    @property
    def replayed(self) -> str:
        """The prefix for error objects after the replay of their clicks."""
        return replayed_prefix(self.error_prefix)

    def _first(self, pattern: str) -> datetime | None:
        """The hour of the first object in the folder of its hour.

        None where S3's order does not tell it.
        """
        if prefixes.sort_by_time(pattern):
            for stored in self._listed([prefixes.literal(pattern)]):
                hour = stored.started.replace(minute=0, second=0, microsecond=0)
                if stored.key.startswith(prefixes.of_hour(pattern, hour)):
                    return hour
        return None

    def _is_aside(self, key: str) -> bool:
        """Whether a key belongs to failed clicks or to results of Athena.

        Only listings of unknown dates contain such keys.
        """
        errors = prefixes.literal(prefixes.failed_pattern(self.error_prefix))
        if key.startswith(RESULTS_PREFIX) and not self.prefix.startswith(RESULTS_PREFIX):
            return True
        return key.startswith((errors, self.replayed)) and errors != ""

    def _listed(self, listing: list[str]) -> Iterator[StoredObject]:
        """The objects of disjoint prefixes, in S3's order.

        A single call lists all prefixes from the first on. Only if the page is full, the rest is listed
        concurrently by prefix from the end of the page.
        """
        if len(listing) > 1:
            shared = commonprefix(listing)  # noqa: RUF071 - a key is text: nothing says that it has slashes
            found = self._pages(shared, min(listing)[:-1])
            page = next(found)
            entries = page.get("Contents", [])
            wanted = tuple(listing)
            yield from (_stored(each) for each in entries if each["Key"].startswith(wanted))
            if not page.get("IsTruncated"):
                return
            last = entries[-1]["Key"] if entries else ""
        else:
            last = ""

        def pages(prefix: str) -> Iterator[Any]:
            found = self._pages(prefix, last if last.startswith(prefix) else "")
            return chain(list(islice(found, 1)), found)

        # Keys are listed in the order of their characters.
        for found in ahead(pages, (each for each in listing if each >= last[: len(each)])):
            for page in found:
                yield from map(_stored, page.get("Contents", ()))

    def _pages(self, prefix: str, after: str) -> Iterator[Any]:
        start: Any = {"StartAfter": after} if after else {}
        found: Any = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix, **start
        )
        return iter(found)


def ahead(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    weight: Callable[[T], int] = lambda _: 0,
    at_once: int = AT_ONCE,
) -> Generator[R]:
    """``map`` with concurrent calls, in order; calls are bounded in number and in weight."""
    running: deque[tuple[Future[R], int]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for item in items:
                while running and (
                    len(running) >= at_once or sum(size for _, size in running) + weight(item) > BYTES_AT_ONCE
                ):
                    yield running.popleft()[0].result()
                running.append((pool.submit(function, item), weight(item)))
            while running:
                yield running.popleft()[0].result()
        finally:
            for future, _ in running:
                future.cancel()


def service_time(answer: Any) -> datetime:
    """The time of a response by AWS's clock."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC)


def _by_time(objects: Iterable[StoredObject], pattern: str) -> Iterator[StoredObject]:
    """Objects whose keys have the pattern, as S3 lists them, the oldest first."""
    sorted_folders = prefixes.sort_by_time(pattern)
    for _, together in groupby(objects, key=lambda each: sorted_folders and each.key.rpartition("/")[0]):
        yield from sorted(together, key=lambda each: (each.started, each.key))


def _stored(entry: Any) -> StoredObject:
    modified = entry["LastModified"]
    started = started_at(entry["Key"], modified)
    return StoredObject(entry["Key"], entry["Size"], modified, started, entry.get("ETag", ""))


def started_at(key: str, modified: datetime) -> datetime:
    """The arrival of an object's oldest record by its key, else ``modified``."""
    named = STARTED.search(key.rpartition("/")[2])
    if named:
        # The name of a foreign object may look like an invalid time.
        with suppress(ValueError):
            # Listings are long, and strptime takes ten times as long.
            year, month, day, hour, minute, second = map(int, named[1].split("-"))
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return modified


def weight(key: str, size: int) -> int:
    """The memory that an object takes when unpacked, about."""
    return size * (GROWTH if key.endswith((".gz", ".zip", *HADOOP_ENDINGS)) else 1)
