"""The clicks bucket's objects: listed by the hour, read concurrently, unpacked into lines.

Reading ahead is bounded in number and in bytes. Listed objects are held in memory by folder for sorting; all
listed objects only if the order of folders is not the order of time.
"""

from __future__ import annotations

import gzip
import io
import re
import struct
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import is_error
from mysfits_stream.clicks import prefixes
from mysfits_stream.config import RESULTS_PREFIX
from mysfits_stream.errors import ClickError
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

HADOOP_ENDINGS = (".snappy", ".hsnappy")

GZIP, ZIP, SNAPPY = b"\x1f\x8b", b"PK\x03\x04", b"\xff\x06\x00\x00sNaPpY"


@dataclass(frozen=True)
class StoredObject:
    """An object in S3; no record of the object is older than ``started``."""

    key: str
    size: int
    modified: datetime
    started: datetime
    etag: str = ""
    """S3's name for this content: another content of the key has another ETag (F200)."""


class UnreadableError(Exception):
    """An object that cannot be read or unpacked; the text is the reason."""


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
        """The error objects of a time range, without ``since`` from the beginning, the oldest first."""
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

    def content(self, stored: StoredObject) -> tuple[bytes, str]:
        """An object's content, unpacked, and the ETag of this content. Raises UnreadableError."""
        try:
            answer = self.s3.get_object(Bucket=self.name, Key=stored.key)
            body = answer["Body"].read()
        except ClientError as error:
            if is_error(error, *REFUSALS):
                said = error.response["Error"]
                raise UnreadableError(f"{said['Code']}: {said.get('Message')}") from error
            raise
        # The object may have been replaced since it was listed.
        return unpacked(body, stored.key), answer.get("ETag", stored.etag)

    def lines(self, stored: StoredObject) -> list[bytes]:
        """An object's lines, unpacked. Raises UnreadableError."""
        return [line for line in self.content(stored)[0].split(b"\n") if line.strip()]

    def read(
        self, objects: Iterable[StoredObject]
    ) -> Iterator[tuple[StoredObject, list[bytes] | UnreadableError]]:
        """Objects in the given order with their lines; further objects are read ahead."""

        def lines(stored: StoredObject) -> tuple[StoredObject, list[bytes] | UnreadableError]:
            try:
                return stored, self.lines(stored)
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
        """The objects of the prefixes, in S3's order."""

        def pages(prefix: str) -> Iterator[Any]:
            found = iter(self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix))
            return chain(list(islice(found, 1)), found)

        for found in ahead(pages, listing):
            for page in found:
                yield from map(_stored, page.get("Contents", ()))


def ahead(
    function: Callable[[T], R], items: Iterable[T], *, weight: Callable[[T], int] = lambda _: 0
) -> Iterator[R]:
    """``map`` with concurrent calls, in order; calls are bounded in number and in weight."""
    running: deque[tuple[Future[R], int]] = deque()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for item in items:
                while running and (
                    len(running) >= AT_ONCE or sum(size for _, size in running) + weight(item) > BYTES_AT_ONCE
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


def unpacked(body: bytes, key: str) -> bytes:
    """An object's contents, whatever the stream's compression was. Raises UnreadableError."""
    try:
        if body.startswith(GZIP):
            return gzip.decompress(body)
        if body.startswith(ZIP):
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                return b"".join(archive.read(name) for name in archive.namelist())
        if body.startswith(SNAPPY):
            return _snappy("decompress", body)
        return _hadoop_snappy(body) if key.endswith(HADOOP_ENDINGS) else body
    except ClickError:
        raise
    except Exception as error:  # a foreign archive may raise any error
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def _hadoop_snappy(body: bytes) -> bytes:
    """Unpack blocks with a length header, made of chunks with a length header."""
    text, at = bytearray(), 0
    while at < len(body):
        (length,) = struct.unpack_from(">I", body, at)
        at, end = at + 4, len(text) + length
        while len(text) < end:
            (size,) = struct.unpack_from(">I", body, at)
            text += _snappy("decompress_raw", body[at + 4 : at + 4 + size])
            at += 4 + size
    return bytes(text)


def _snappy(operation: str, data: bytes) -> bytes:
    try:
        import cramjam
    except ImportError as error:
        raise ClickError("reading Snappy needs another package; run: pip install cramjam") from error
    try:
        return bytes(getattr(cramjam.snappy, operation)(data))
    except cramjam.DecompressionError as error:
        raise ValueError(error) from error


def _by_time(objects: Iterable[StoredObject], pattern: str) -> Iterator[StoredObject]:
    """Objects whose keys have the pattern, as S3 lists them, the oldest first."""
    sorted_folders = prefixes.sort_by_time(pattern)
    for _, together in groupby(objects, key=lambda each: sorted_folders and each.key.rpartition("/")[0]):
        yield from sorted(together, key=lambda each: (each.started, each.key))


def _stored(entry: Any) -> StoredObject:
    named = STARTED.search(entry["Key"].rpartition("/")[2])
    started = modified = entry["LastModified"]
    if named:
        # The name of a foreign object may look like an invalid time.
        with suppress(ValueError):
            started = datetime.strptime(named[1], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
    return StoredObject(entry["Key"], entry["Size"], modified, started, entry.get("ETag", ""))


def weight(key: str, size: int) -> int:
    """The memory that an object takes when unpacked, about."""
    return size * (GROWTH if key.endswith((".gz", ".zip", *HADOOP_ENDINGS)) else 1)
