"""Buffer state of one delivery stream and the time of the next flush.

Arithmetic only: a :class:`Delivery` gets the time as an argument, makes no calls and does not lock. ``now``
is the steady clock, ``arrived`` and ``oldest`` are true times.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mysfits_stream.localcloud.firehose.object_names import EXTENSIONS, error_object_key, object_key
from mysfits_stream.localcloud.firehose.processor import Record
from mysfits_stream.localcloud.firehose.stream import Destination, Stream

MAX_INVOCATIONS = 5  # outstanding at a time (F68)


@dataclass
class Buffer:
    """Buffered bytes; ``oldest`` is the arrival of the oldest record, in milliseconds."""

    opened: float = 0.0
    oldest: int = 0
    size: int = 0
    parts: list[bytes] = field(default_factory=list)

    def append(self, data: bytes, arrived: int, now: float) -> None:
        """Add a part; the first part starts the clock."""
        if not self.parts:
            self.opened, self.oldest = now, arrived
        self.parts.append(data)
        self.size += len(data)
        self.oldest = min(self.oldest, arrived)

    def due_at(self, seconds: float, limit: int) -> float | None:
        """When to close the buffer: full at once, else after ``seconds``, empty never."""
        if not self.parts:
            return None
        return self.opened if self.size >= limit else self.opened + seconds


@dataclass(eq=False)
class Batch:
    """Records in the processor."""

    records: list[Record] = field(default_factory=list)
    size: int = 0
    opened: float = 0.0
    attempts: int = 0
    not_before: float = 0.0


@dataclass(eq=False)
class Upload:
    """An object to be stored in S3."""

    stream: Stream
    destination: Destination
    key: str
    body: bytes
    compression: str
    oldest: int
    records: int
    not_before: float
    first_attempt: float | None = None
    attempts: int = 0
    in_flight: bool = False


@dataclass(frozen=True)
class Snapshot:
    """The records of a :class:`Delivery` without times: batches, three buffers, uploads.

    A buffer is the true time of the oldest record, and the parts.
    """

    stream: Stream
    batches: tuple[tuple[Record, ...], ...]
    buffers: tuple[tuple[int, tuple[bytes, ...]], ...]
    uploads: tuple[Upload, ...]


class Delivery:
    """The buffers of a delivery stream, in the order of processing."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.dropped = False
        self.incoming = Batch()
        self.waiting: deque[Batch] = deque()
        self.processing: list[Batch] = []
        self.outgoing = Buffer()
        self.failed = Buffer()
        self.backup = Buffer()
        self.uploads: list[Upload] = []

    def accept(self, record: Record, now: float) -> bool:
        """Buffer a new record; True if :meth:`due_at` may now be earlier."""
        first = self.outgoing.parts if self.stream.processor is None else self.incoming.records
        opens, closed = not first, len(self.waiting) + len(self.uploads)
        if backup := self.stream.backup:
            opens = opens or not self.backup.parts
            self.backup.append(record.data, record.arrived, now)
            opens = opens or self.backup.size >= backup.buffer_bytes
        self._buffer(record, now)
        return opens or len(self.waiting) + len(self.uploads) != closed

    def _buffer(self, record: Record, now: float) -> None:
        stream = self.stream
        if stream.processor is None:
            self.deliver(record.data, record.arrived, now)
            return
        limit = stream.processor.buffer_bytes
        if self.incoming.records and self.incoming.size + len(record.data) > limit:
            self._close_batch(now)
        if not self.incoming.records:
            self.incoming.opened = now
        self.incoming.records.append(record)
        self.incoming.size += len(record.data)
        if self.incoming.size >= limit:
            self._close_batch(now)

    def deliver(self, data: bytes, arrived: int, now: float) -> None:
        """Buffer the delivered data of a record."""
        self.outgoing.append(data + self.stream.delimiter, arrived, now)
        if self.outgoing.size >= self.stream.destination.buffer_bytes:
            self._close_outgoing(now)

    def fail(self, line: bytes, arrived: int, now: float) -> None:
        """Take the line of an error object."""
        self.failed.append(line, arrived, now)

    def due_at(self) -> float | None:
        """The time of the next flush, batch or upload; None if nothing is due."""
        hints, backup = self.stream.destination, self.stream.backup
        moments = [
            self._incoming_due_at(),
            self.outgoing.due_at(hints.buffer_seconds, hints.buffer_bytes),
            self.failed.due_at(hints.buffer_seconds, hints.buffer_bytes),
            self.backup.due_at(backup.buffer_seconds, backup.buffer_bytes) if backup else None,
        ]
        moments += [upload.not_before for upload in self.uploads if not upload.in_flight]
        if len(self.processing) < MAX_INVOCATIONS:
            moments += [batch.not_before for batch in self.waiting]
        return min((moment for moment in moments if moment is not None), default=None)

    def take_due(self, now: float) -> tuple[list[Batch], list[Upload]]:
        """Flush the due buffers; return the batches to process and the objects to upload."""
        hints, backup = self.stream.destination, self.stream.backup
        if _past(self._incoming_due_at(), now):
            self._close_batch(now)
        if _past(self.outgoing.due_at(hints.buffer_seconds, hints.buffer_bytes), now):
            self._close_outgoing(now)
        if _past(self.failed.due_at(hints.buffer_seconds, hints.buffer_bytes), now):
            self._close_failed(now)
        if backup and _past(self.backup.due_at(backup.buffer_seconds, backup.buffer_bytes), now):
            buffer, self.backup = self.backup, Buffer()
            self._queue(backup, buffer, now)
        ready = [batch for batch in self.waiting if batch.not_before <= now]
        batches = ready[: MAX_INVOCATIONS - len(self.processing)]
        for batch in batches:
            self.waiting.remove(batch)
        self.processing += batches
        uploads = [upload for upload in self.uploads if upload.not_before <= now and not upload.in_flight]
        for upload in uploads:
            upload.in_flight = True
        return batches, uploads

    def pending(self) -> int:
        """How many records, error lines and finished objects have not reached S3."""
        return sum(1 for _ in self.held())

    def oldest(self) -> int | None:
        """The arrival of the oldest undelivered record, in milliseconds.

        None if everything is delivered.
        """
        arrivals = [
            record.arrived
            for batch in (self.incoming, *self.waiting, *self.processing)
            for record in batch.records[:1]
        ]
        arrivals += [buffer.oldest for buffer in (self.outgoing, self.failed, self.backup) if buffer.parts]
        arrivals += [upload.oldest for upload in self.uploads]
        return min(arrivals, default=None)

    def held(self) -> Iterator[bytes]:
        """The undelivered data, item by item: records, error lines, finished objects."""
        for batch in (self.incoming, *self.waiting, *self.processing):
            yield from (record.data for record in batch.records)
        yield from self.outgoing.parts
        yield from self.failed.parts
        yield from (upload.body for upload in self.uploads)

    def snapshot(self) -> Snapshot:
        """A copy of everything in hand."""
        batches = [tuple(batch.records) for batch in (self.incoming, *self.waiting, *self.processing)]
        buffers = (self.outgoing, self.failed, self.backup)
        return Snapshot(
            self.stream,
            tuple(filter(None, batches)),
            tuple((buffer.oldest, tuple(buffer.parts)) for buffer in buffers),
            tuple(replace(upload) for upload in self.uploads),
        )

    @classmethod
    def restored(cls, snapshot: Snapshot, now: float) -> Delivery:
        """A delivery with the data of a snapshot; all waiting times start again."""
        delivery = cls(snapshot.stream)
        for records in snapshot.batches:
            batch = Batch(list(records), sum(len(record.data) for record in records), now, not_before=now)
            delivery.waiting.append(batch)
        delivery.outgoing, delivery.failed, delivery.backup = (
            Buffer(now, oldest, sum(map(len, parts)), list(parts)) for oldest, parts in snapshot.buffers
        )
        delivery.uploads = [
            replace(upload, not_before=now, first_attempt=None, attempts=0, in_flight=False)
            for upload in snapshot.uploads
        ]
        return delivery

    def _incoming_due_at(self) -> float | None:
        if not self.incoming.records:
            return None
        # A processor that was taken away leaves records behind that need not wait for it.
        wait = self.stream.processor.buffer_seconds if self.stream.processor else 0.0
        return self.incoming.opened + wait

    def _close_batch(self, now: float) -> None:
        batch, self.incoming = self.incoming, Batch()
        batch.not_before = now
        self.waiting.append(batch)

    def _close_outgoing(self, now: float) -> None:
        buffer, self.outgoing = self.outgoing, Buffer()
        self._queue(self.stream.destination, buffer, now)

    def _queue(self, destination: Destination, buffer: Buffer, now: float) -> None:
        key = object_key(
            destination.prefix,
            stream=self.stream.name,
            version=self.stream.version,
            oldest=buffer.oldest / 1000,
            time_zone=destination.time_zone,
            extension=destination.extension or EXTENSIONS[destination.compression],
        )
        self._add_upload(destination, key, destination.compression, buffer, now)

    def _close_failed(self, now: float) -> None:
        buffer, self.failed = self.failed, Buffer()
        destination = self.stream.destination
        key = error_object_key(
            destination.prefix,
            destination.error_prefix,
            "processing-failed",
            stream=self.stream.name,
            version=self.stream.version,
            oldest=buffer.oldest / 1000,
            time_zone=destination.time_zone,
        )
        # No source tells of compressed error objects; those that were seen are plain lines (F86).
        self._add_upload(destination, key, "UNCOMPRESSED", buffer, now)

    def _add_upload(
        self, destination: Destination, key: str, compression: str, buffer: Buffer, now: float
    ) -> None:
        body = b"".join(buffer.parts)
        self.uploads.append(
            Upload(self.stream, destination, key, body, compression, buffer.oldest, len(buffer.parts), now)
        )


def _past(moment: float | None, now: float) -> bool:
    return moment is not None and moment <= now
