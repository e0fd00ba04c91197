"""The data plane of delivery streams: records in, through the processor, objects out.

Two buffers lie between a record and S3 (F91): the buffer of the processor, then the buffer of the buffering
hints, both flushed by size or by age. All waiting is arithmetic on the steady clock; nothing sleeps.
:meth:`Firehose.due_at` returns the time of the next work, and :meth:`Firehose.advance` does the work.
Invocations and uploads are handed to ``submit`` and never delay a put. Every put and every advance looks the
stream up, so a changed destination has effect at once, and the buffered records of a deleted stream are lost
(F52).

Not simulated: destinations other than S3, sources other than direct puts, format conversion and dynamic
partitioning.
"""

from __future__ import annotations

import functools
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mysfits_stream.localcloud.awslambda.function import LambdaError
from mysfits_stream.localcloud.firehose import processor as processing
from mysfits_stream.localcloud.firehose.buffers import Batch, Delivery, Snapshot, Upload
from mysfits_stream.localcloud.firehose.compression import compressed
from mysfits_stream.localcloud.firehose.journal import Put
from mysfits_stream.localcloud.firehose.metrics import Metric, Metrics
from mysfits_stream.localcloud.firehose.processor import Failure, Record, Results
from mysfits_stream.localcloud.firehose.services import DeliveryServices, S3Error
from mysfits_stream.localcloud.firehose.stream import Destination, Stream
from mysfits_stream.localcloud.iam import Verdict
from mysfits_stream.localcloud.random_ids import url_safe

DEFAULT_ACCOUNT = "123456789012"
SERVICE = "firehose.amazonaws.com"
MAX_RECORD = 1000 * 1024  # bytes before base64 (F63)
FRESHNESS = "DeliveryToS3.DataFreshness"
RECORD_ID_BYTES = 162  # makes the length of AWS's; the processor sees other ids
MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 4 * 1024 * 1024
FIRST_PAUSE = 2.0  # and twice as long each time: three retries take 14 s, as was seen (F82)
LONGEST_INVOKE_PAUSE = 30.0
LONGEST_S3_PAUSE = 300.0
S3_RETRY_SECONDS = 24 * 3600.0  # then the data is lost (F63)
S3_ACCESS_DENIED = (
    "Access was denied. Ensure that the trust policy for the provided IAM role allows Firehose to assume the "
    "role, and the access policy allows access to the S3 bucket."
)


class FirehoseError(Exception):
    """Firehose rejects a put: ``code`` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Firehose:
    """Accepts records for delivery streams and delivers records.

    Safe to call from several threads. ``submit`` runs a job on some thread, or at once; ``wake`` is called
    when :meth:`due_at` may have become earlier. ``account`` is the account of the streams.
    """

    def __init__(
        self,
        services: DeliveryServices,
        *,
        submit: Callable[[Callable[[], None]], object],
        wake: Callable[[], None],
        account: str = DEFAULT_ACCOUNT,
    ) -> None:
        self._services = services
        self._account = account
        self._submit = submit
        self._wake = wake
        self._lock = threading.Lock()
        self._deliveries: dict[tuple[str, float], Delivery] = {}
        self._metrics = Metrics()
        self._serial = time.time_ns()
        self.journal: Callable[[Put], None] | None = None
        """Writes each put before the put is answered; raises OSError where that fails."""
        self.before_put: Callable[[Stream], None] | None = None
        """Called before each put, without a lock."""

    def put_record(self, region: str, name: str, data: bytes) -> tuple[str, bool]:
        """Accept a record; returns the record id, and whether the record is encrypted at rest.

        Raises FirehoseError.
        """
        ids, encrypted = self._put(region, name, [data], "PutRecord")
        return ids[0], encrypted

    def put_record_batch(self, region: str, name: str, batch: Sequence[bytes]) -> tuple[list[str], bool]:
        """Accept 1 to 500 records or no record; returns record ids and encryption as above.

        Raises FirehoseError.
        """
        if not batch:
            raise _violation("records", "Member must have length greater than or equal to 1")
        if len(batch) > MAX_BATCH_RECORDS:
            raise _violation("records", f"Member must have length less than or equal to {MAX_BATCH_RECORDS}")
        if sum(map(len, batch)) > MAX_BATCH_BYTES:
            raise FirehoseError("InvalidArgumentException", "Records size exceeds 4 MB limit")
        return self._put(region, name, batch, "PutRecordBatch")

    def due_at(self) -> float | None:
        """The time of the next work of :meth:`advance`; None if everything is delivered."""
        with self._lock:
            for delivery in self._deliveries.values():
                delivery.stream = self._current(delivery.stream) or delivery.stream
            moments = [delivery.due_at() for delivery in self._deliveries.values()]
        return min((moment for moment in moments if moment is not None), default=None)

    def advance(self) -> None:
        """Do all due work."""
        while jobs := self._due_jobs(self._services.steady()):
            for job in jobs:
                self._submit(job)

    def pending(self) -> int:
        """How many records and finished objects have not reached S3."""
        with self._lock:
            return sum(delivery.pending() for delivery in self._deliveries.values())

    def held(self) -> list[bytes]:
        """The records, error lines and finished objects in buffers."""
        with self._lock:
            return [data for delivery in self._deliveries.values() for data in delivery.held()]

    @contextmanager
    def paused(self) -> Iterator[list[Snapshot]]:
        """Stop puts and deliveries, and return the undelivered data of all streams."""
        with self._lock:
            yield [delivery.snapshot() for delivery in self._deliveries.values()]

    def restore(self, snapshots: Sequence[Snapshot]) -> None:
        """Restore the data from :meth:`paused`."""
        now = self._services.steady()
        with self._lock:
            for snapshot in snapshots:
                key = (snapshot.stream.arn, snapshot.stream.created)
                self._deliveries[key] = Delivery.restored(snapshot, now)
        self._wake()

    def put_again(self, put: Put) -> None:
        """Accept a put from the journal; the put of a deleted stream is lost with the stream (F52)."""
        stream = self._services.stream(put.region, put.stream)
        if stream is not None and stream.created == put.created:
            with self._lock:
                self._accept(stream, put, self._services.steady())
            self._wake()

    def take_metrics(self) -> list[Metric]:
        """The metrics since the last call, and the age of the oldest record in each stream."""
        now = self._services.now()
        with self._lock:
            for delivery in self._deliveries.values():
                if (oldest := delivery.oldest()) is not None:
                    age = max(0.0, now - oldest / 1000)
                    self._metrics.measure(delivery.stream, FRESHNESS, age, "Seconds", now)
        return self._metrics.take()

    def _put(self, region: str, name: str, batch: Sequence[bytes], operation: str) -> tuple[list[str], bool]:
        for index, data in enumerate(batch, 1):
            if len(data) > MAX_RECORD:
                member = "record.data" if operation == "PutRecord" else f"records.{index}.member.data"
                raise _violation(member, f"Member must have length less than or equal to {MAX_RECORD}")
        arrived, steady = int(self._services.now() * 1000), self._services.steady()
        stream = self._services.stream(region, name)
        if stream is None or stream.status != "ACTIVE":
            # A stream that does not take records, yet or any more, is as good as none (F50).
            raise FirehoseError(
                "ResourceNotFoundException", f"Firehose {name} under account {self._account} not found."
            )
        if self.before_put:
            self.before_put(stream)
        put = Put(region, name, stream.created, arrived, batch)
        with self._lock:
            self._write(put)
            due = self._accept(stream, put, steady)
        self._metrics.put(region, name, operation, arrived / 1000, len(batch), sum(map(len, batch)))
        if due:
            self._wake()
        return [url_safe(RECORD_ID_BYTES) for _ in batch], stream.encrypted

    def _write(self, put: Put) -> None:
        try:
            if self.journal:
                self.journal(put)
        except OSError as error:
            raise FirehoseError(
                "ServiceUnavailableException", f"The record cannot be kept: {error.strerror or error}"
            ) from error

    def _accept(self, stream: Stream, put: Put, steady: float) -> bool:
        """Buffer the records of a put; True if something may now be due earlier than before."""
        delivery = self._deliveries.get((stream.arn, stream.created))
        if delivery is None:
            delivery = self._deliveries[stream.arn, stream.created] = Delivery(stream)
        earlier = delivery.stream is not stream
        delivery.stream = stream
        for data in put.records:
            self._serial += 1
            record = Record(f"{self._serial:050d}000000", data, put.arrived)
            earlier = delivery.accept(record, steady) or earlier
        return earlier

    def _due_jobs(self, now: float) -> list[Callable[[], None]]:
        jobs: list[Callable[[], None]] = []
        with self._lock:
            for identity, delivery in list(self._deliveries.items()):
                stream = self._current(delivery.stream)
                if stream is None:
                    delivery.dropped = True
                    del self._deliveries[identity]
                    continue
                delivery.stream = stream
                batches, uploads = delivery.take_due(now)
                jobs += [functools.partial(self._process, delivery, stream, batch) for batch in batches]
                jobs += [functools.partial(self._upload, delivery, upload) for upload in uploads]
        return jobs

    def _current(self, stream: Stream) -> Stream | None:
        """The stream's current configuration.

        None if deleted, also if the name belongs to a newer stream.
        """
        current = self._services.stream(stream.region, stream.name)
        if current is None or current.status == "DELETING" or current.created != stream.created:
            return None
        return current

    def _process(self, delivery: Delivery, stream: Stream, batch: Batch) -> None:
        """Invoke the processor once for a batch, and buffer the results or the failure."""
        began = self._services.steady()
        outcome = self._invoke(stream, batch)
        now, steady = self._services.now(), self._services.steady()
        batch.attempts += 1
        retries = stream.processor.retries if stream.processor else 0
        function_arn = stream.processor.function_arn if stream.processor else ""
        failure = outcome if isinstance(outcome, Failure) else None
        results = Results() if isinstance(outcome, Failure) else outcome
        again = failure is not None and batch.attempts <= retries
        if failure and not again:
            results = Results(failed=[(record, failure) for record in batch.records])
        with self._lock:
            delivery.processing.remove(batch)
            self._metrics.measure(
                stream, "ExecuteProcessing.Duration", (steady - began) * 1000, "Milliseconds", now
            )
            self._metrics.measure(stream, "ExecuteProcessing.Success", 0.0 if failure else 1.0, "Count", now)
            self._metrics.count(stream, now, {"SucceedProcessing.Records": len(results.delivered)})
            if again and not delivery.dropped:
                batch.not_before = steady + self._pause(batch.attempts, LONGEST_INVOKE_PAUSE)
                delivery.waiting.append(batch)
            for record, data in results.delivered:
                delivery.deliver(data, record.arrived, steady)
            for record, reason in results.failed:
                line = processing.error_line(
                    record, reason, attempts=batch.attempts, ended=int(now * 1000), function_arn=function_arn
                )
                delivery.fail(line, record.arrived, steady)
        self._wake()
        reasons = {failure} if failure else {reason for _, reason in results.failed}
        for reason in sorted(reasons, key=lambda reason: reason.code):
            self._log(stream, stream.destination, reason, function_arn)

    def _invoke(self, stream: Stream, batch: Batch) -> Failure | Results:
        processor = stream.processor
        if processor is None:
            # The processor was taken away while the batch waited; its records are delivered as they are.
            return Results(delivered=[(record, record.data) for record in batch.records])
        try:
            verdict = self._allowed(
                stream, stream.destination, "lambda:InvokeFunction", qualified(processor.function_arn)
            )
            if verdict is Verdict.CANNOT_ASSUME:
                return processing.CANNOT_ASSUME
            if verdict is Verdict.DENIED:
                return processing.ACCESS_DENIED
            payload = processing.event(stream.arn, batch.records, str(uuid.uuid4()))
            invocation = self._services.invoke(processor.function_arn, payload)
            failure = processing.batch_failure(invocation)
            return failure or processing.sort_out(invocation.payload, batch.records)
        except LambdaError as error:
            return processing.refusal(error)
        except Exception as error:
            # A fault in the local cloud must not strand the batch; it shows in the error object and the log.
            return Failure("InternalError", f"{type(error).__name__}: {error}")

    def _upload(self, delivery: Delivery, upload: Upload) -> None:
        """Try once to store an object; retried for a day if S3 rejects the object."""
        if self._current(upload.stream) is None:
            # Whoever deleted the stream empties the bucket next, and must not find objects there again (F76).
            return
        failure = self._store(upload)
        now, steady = self._services.now(), self._services.steady()
        stream = upload.stream
        with self._lock:
            upload.in_flight = False
            upload.attempts += 1
            upload.first_attempt = steady if upload.first_attempt is None else upload.first_attempt
            if (
                failure is None
                or steady - upload.first_attempt >= S3_RETRY_SECONDS / self._services.time_scale
            ):
                delivery.uploads.remove(upload)
            else:
                upload.not_before = steady + self._pause(upload.attempts, LONGEST_S3_PAUSE)
            self._metrics.measure(stream, "DeliveryToS3.Success", 0.0 if failure else 1.0, "Count", now)
            if failure is None:
                age = max(0.0, now - upload.oldest / 1000)
                self._metrics.measure(stream, FRESHNESS, age, "Seconds", now)
                delivered = {"DeliveryToS3.Records": upload.records, "DeliveryToS3.Bytes": len(upload.body)}
                self._metrics.count(stream, now, delivered)
        self._wake()
        if failure:
            self._log(stream, upload.destination, failure, None)

    def _store(self, upload: Upload) -> Failure | None:
        stream, destination = upload.stream, upload.destination
        resource = f"arn:{stream.partition}:s3:::{destination.bucket}/{upload.key}"
        headers = {"Content-Type": "application/octet-stream"}
        if upload.compression == "GZIP":
            headers["Content-Encoding"] = "gzip"
        try:
            if self._allowed(stream, destination, "s3:PutObject", resource) is not Verdict.ALLOWED:
                return Failure("S3.AccessDenied", S3_ACCESS_DENIED)
            entry = upload.key.rsplit("/", 1)[-1].removesuffix(".zip")
            body = compressed(upload.body, upload.compression, entry)
            self._services.put_object(stream.region, destination.bucket, upload.key, body, headers)
        except S3Error as error:
            return Failure(error.code, str(error))
        except Exception as error:
            # A fault in the local cloud must not lose the object; it shows in the log, and is tried again.
            return Failure("InternalError", f"{type(error).__name__}: {error}")
        return None

    def _allowed(self, stream: Stream, destination: Destination, action: str, resource: str) -> Verdict:
        return self._services.allowed(destination.role_arn, SERVICE, action, resource, stream.account)

    def _log(
        self, stream: Stream, destination: Destination, failure: Failure, function_arn: str | None
    ) -> None:
        """Write a line to the stream's error log, if configured and permitted by the role (F87)."""
        group, log_stream = destination.log_group, destination.log_stream
        if not group or not log_stream:
            return
        logs = f"arn:{stream.partition}:logs:{stream.region}:{stream.account}"
        resource = f"{logs}:log-group:{group}:log-stream:{log_stream}"
        if self._allowed(stream, destination, "logs:PutLogEvents", resource) is not Verdict.ALLOWED:
            return
        document = {
            "deliveryStreamARN": stream.arn,
            "destination": f"arn:{stream.partition}:s3:::{destination.bucket}",
            "deliveryStreamVersionId": stream.version,
            "message": failure.message,
            "errorCode": failure.code,
        }
        if function_arn:
            document["processor"] = qualified(function_arn)
        self._services.log(stream.region, group, log_stream, json.dumps(document))

    def _pause(self, attempts: int, longest: float) -> float:
        return min(FIRST_PAUSE * 2.0 ** min(attempts - 1, 16), longest) / self._services.time_scale


def qualified(function_arn: str) -> str:
    """The resource of a check of ``lambda:InvokeFunction``: never the bare function (F119)."""
    return function_arn if function_arn.count(":") > 6 else f"{function_arn}:$LATEST"


def _violation(member: str, constraint: str) -> FirehoseError:
    message = f"1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"
    return FirehoseError("ValidationException", message)
