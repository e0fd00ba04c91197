"""Replay failed clicks onto the delivery stream, without ever losing a click.

The clicks of an error object are put on the stream, then the object is copied aside, and only then removed,
or overwritten with the remaining lines. After an interruption, the next replay puts the clicks once more,
with equal ids: ``clicks`` shows every click once.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mysfits_stream.aws.errors import is_error, is_server_error
from mysfits_stream.aws.waiting import Expired, Pace, retry_while
from mysfits_stream.clicks import failed
from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.clicks.objects import ClicksBucket, StoredObject
from mysfits_stream.clicks.unpacking import UnreadableError
from mysfits_stream.errors import ClickError

if TYPE_CHECKING:
    from types_boto3_firehose import FirehoseClient

BATCH_RECORDS, BATCH_BYTES = 500, 4 * 1024 * 1024  # of one PutRecordBatch (F63)
PUT_BUDGET = 120.0
"""Seconds for one batch, over all its attempts."""

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Replay:
    """The counts of a replay, or with ``dry_run`` of a planned replay."""

    dry_run: bool = False
    objects: int = 0
    """Error objects that are done with."""
    records: int = 0
    """Failed records in them."""
    clicks: int = 0
    """Records put on the stream instead, arrays split."""
    retried: int = 0
    """Puts that the stream refused at first."""
    trouble: ParseProblems = field(default_factory=ParseProblems)

    def document(self, bucket: ClicksBucket) -> dict[str, Any]:
        """The replay as a JSON object."""
        return {
            "dryRun": self.dry_run,
            "objects": self.objects,
            "records": self.records,
            "clicks": self.clicks,
            "retried": self.retried,
            "movedTo": f"s3://{bucket.name}/{bucket.replayed}",
            **self.trouble.document(),
        }


def replay(
    bucket: ClicksBucket,
    firehose: FirehoseClient,
    stream: str,
    *,
    since: datetime | None,
    limit: int | None,
    dry_run: bool,
    pace: Pace,
    report: Callable[[Replay], None] = lambda _: None,
) -> Replay:
    """Put at most ``limit`` failed records on the stream again, the oldest first.

    Unparsable lines are counted and stay in place. Raises ClickError if the stream does not accept the clicks
    within the budget; an object whose clicks were not all accepted stays in place. ``report`` is called after
    each object.
    """

    def room(done: Replay) -> int | None:
        return None if limit is None else limit - done.records

    done = Replay(dry_run)
    # What fails once more meanwhile is for another replay.
    for stored, lines in bucket.read(bucket.failed(since, bucket.now())):
        if isinstance(lines, UnreadableError):
            done.trouble.unreadable[stored.key] = str(lines)
            continue
        wanted: list[failed.FailedClick] = []
        rest: list[bytes] = []
        for line in lines:
            record = failed.parse(line, stored.key)
            if record is None:
                done.trouble.foreign_lines += 1
                rest.append(line)
            elif (since and record.arrived < since) or len(wanted) == room(done):
                rest.append(line)
            else:
                wanted.append(record)
        if not wanted:
            continue
        clicks = [click for record in wanted for click in failed.split(record)]
        if not dry_run:
            for batch in batches(clicks):
                done.retried += _put(firehose, stream, batch, pace)
            _move_aside(bucket, stored, rest)
        done.objects += 1
        done.records += len(wanted)
        done.clicks += len(clicks)
        report(done)
        if room(done) == 0:
            break
    return done


def batches(clicks: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Clicks in groups within the limits of PutRecordBatch."""
    batch: list[bytes] = []
    size = 0
    for click in clicks:
        if batch and (len(batch) == BATCH_RECORDS or size + len(click) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(click)
        size += len(click)
    if batch:
        yield batch


class _SomeRefused(Exception):
    """The stream accepted part of a batch; the text is the reason for the rejected records."""


def _put(firehose: FirehoseClient, stream: str, batch: list[bytes], pace: Pace) -> int:
    """Put a batch until all records are accepted; returns the number of retried records."""
    remaining = batch
    retried = 0

    def attempt() -> None:
        nonlocal remaining, retried
        answer = firehose.put_record_batch(
            DeliveryStreamName=stream, Records=[{"Data": data} for data in remaining]
        )
        results = list(zip(remaining, answer["RequestResponses"], strict=True))
        refused = [(data, result) for data, result in results if result.get("ErrorCode")]
        remaining = [data for data, _ in refused]
        if refused:
            retried += len(refused)
            _, first = refused[0]
            raise _SomeRefused(f"{first.get('ErrorCode')}: {first.get('ErrorMessage')}")

    try:
        retry_while(
            _may_pass,
            attempt,
            pace,
            waiting_for=f"{stream} to accept {len(batch)} clicks",
            budget=PUT_BUDGET,
            advice="another producer may be exceeding the stream's limits",
        )
    except Expired as error:
        raise ClickError(
            f"{error}. Error objects that were not accepted completely stay; run replay again to resume"
        ) from error
    return retried


def _may_pass(error: Exception) -> bool:
    """Whether the stream is merely busy."""
    throttled = is_error(
        error, "ServiceUnavailableException", "ThrottlingException", "LimitExceededException"
    )
    return isinstance(error, _SomeRefused) or throttled or is_server_error(error)


def _move_aside(bucket: ClicksBucket, stored: StoredObject, rest: list[bytes]) -> None:
    """Move an error object aside except for the remaining lines, with at most one write."""
    begin = bucket.replayed.removesuffix("replayed/")
    # What stays is moved aside later, under the object's own name.
    aside = _renamed(stored.key) if rest else stored.key
    bucket.s3.copy_object(
        Bucket=bucket.name,
        Key=bucket.replayed + aside.removeprefix(begin),
        CopySource={"Bucket": bucket.name, "Key": stored.key},
    )
    if rest:
        bucket.s3.put_object(Bucket=bucket.name, Key=stored.key, Body=b"".join(line + b"\n" for line in rest))
    else:
        bucket.s3.delete_object(Bucket=bucket.name, Key=stored.key)


def _renamed(key: str) -> str:
    """A name for a copy of an object: in the object's hour, with a new id."""
    fresh = str(uuid.uuid4())
    folder, slash, name = key.rpartition("/")
    renamed, count = UUID.subn(fresh, name)
    return folder + slash + (renamed if count else f"{name}-{fresh}")
