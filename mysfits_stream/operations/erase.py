"""``erase``: the clicks of one person, out of every version of every object, and a receipt."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mysfits_stream.aws.errors import is_error
from mysfits_stream.books import erasing, metrics, receipt
from mysfits_stream.books.erasing import Erasure, Failures, Places
from mysfits_stream.books.person import Person
from mysfits_stream.books.receipt import Receipt, Verified
from mysfits_stream.click_definition import Definition
from mysfits_stream.clicks.delivered import clicked_at
from mysfits_stream.clicks.objects import SKEW, ClicksBucket
from mysfits_stream.config import RESULTS_PREFIX
from mysfits_stream.errors import ClickError, MysfitsStreamError
from mysfits_stream.operations.options import CACHE
from mysfits_stream.operations.pipeline import clicks_bucket, pace, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.query.cache import remove
from mysfits_stream.query.schema import columns

RECENT = timedelta(minutes=6)
"""How old Firehose's last measurement can be: a minute, and CloudWatch's lag."""

INTERRUPTED = "What is erased stays erased; the same command resumes, and completes the receipt."
STEP = 10.0
"""Seconds between two looks at the clock while buffers are flushed."""


@dataclass(frozen=True)
class Erased:
    """An erasure, or with ``counts.dry_run`` a preview."""

    person: Person
    cut_off: datetime
    counts: Erasure
    cached: int
    """Files of the query cache, all deleted."""
    receipt: Path | None = None
    held: bool = False
    """Whether Firehose still holds records from before the cut-off."""

    @property
    def is_complete(self) -> bool:
        """Whether all objects were readable and all records before the cut-off delivered."""
        return not (self.counts.unreadable or self.held)

    def document(self) -> dict[str, Any]:
        """The erasure as JSON; without the value of the field."""
        return {
            "dryRun": self.counts.dry_run,
            "field": self.person.field,
            "cutOff": clicked_at(self.cut_off),
            "complete": self.is_complete,
            **self.counts.document(),
            "queryCacheFiles": self.cached,
            "receipt": str(self.receipt) if self.receipt else None,
        }


def find_person(project: Project, user: str | None, where: str | None) -> Person:
    """The person of ``--user ID`` or ``--where FIELD=VALUE``. Raises MysfitsStreamError."""
    if (user is None) == (where is None):
        raise MysfitsStreamError("give either --user ID or --where FIELD=VALUE")
    if where is not None:
        field, equals, value = where.partition("=")
        if not (field and equals):
            raise MysfitsStreamError(f"--where {where!r}: expected FIELD=VALUE, such as visitorId=v-1")
    else:
        value = user or ""
        field = project.config.definition.user or ""
        if not field:
            raise MysfitsStreamError(
                "no field of a click names the user (click.user is null); name the field: --where FIELD=VALUE"
            )
    if not value:
        raise MysfitsStreamError("an empty value would erase clicks of many people; give the value of one")
    if note := _unknown_field(field, project.config.definition):
        project.note(note)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise MysfitsStreamError("the value is not valid UTF-8; check the terminal's encoding") from None
    return Person(field, value)


def _unknown_field(field: str, definition: Definition) -> str | None:
    """A note on a field that stored clicks lack; clicks of an earlier definition may have it."""
    if field in [column.name for column in columns(definition)]:
        return None
    known = definition.names
    alike = get_close_matches(field.lower(), [name.lower() for name in known], n=1)
    similar = next((name for name in known if alike and name.lower() == alike[0]), None)
    question = f"; did you mean {similar}?" if similar else ""
    return f"note: clicks have no field {field} (fields: {', '.join(known)}){question}"


def preview(project: Project, person: Person) -> Erased:
    """What an erasure would remove now; clicks in the buffers of the stream are not counted."""
    with translated(project):
        bucket = clicks_bucket(project)
        cut_off = cut_off_of(bucket)
        counts = erasing.erase(
            bucket.s3, bucket.name, person, cut_off, places(bucket), dry_run=True, pace=project.target.pace
        )
    return Erased(person, cut_off, counts, len(cached_files(project)))


def erase(
    project: Project,
    person: Person,
    *,
    receipt_path: Path | None = None,
    cut_off: datetime | None = None,
    report: Callable[[Erasure], None] = lambda _: None,
) -> Erased:
    """Erase the clicks that a person sent before now, or before ``cut_off``.

    ``report`` gets the counts. Waits for the buffers of the delivery stream first. ``up``, ``replay`` and
    ``down`` are locked out meanwhile. Raises ClickError; the same command resumes.
    """
    latest, begun, written = Erasure(), None, 0

    def remember(counts: Erasure) -> None:
        nonlocal latest, written
        latest = counts
        # A killed process loses the last few versions only; the file is not written for every version.
        if len(counts.changed) > written * 9 // 8:
            written = len(counts.changed)
            _write(begun, receipt_path, counts, complete=False)
        report(counts)

    with translated(project), project.locked(), project.interruptible(INTERRUPTED):
        bucket = clicks_bucket(project)
        cut_off = cut_off or cut_off_of(bucket)
        begun = receipt.begin(receipt_path, bucket.name, person, cut_off) if receipt_path else None
        erasing.probe(bucket.s3, bucket.name)
        _wait_for_buffers(project, bucket)
        try:
            latest = erasing.erase(
                bucket.s3,
                bucket.name,
                person,
                cut_off,
                places(bucket),
                pace=project.target.pace,
                failures=Failures.of(bucket, person, cut_off),
                report=remember,
            )
            cached = _delete_cache(project)
        except BaseException:
            _write(begun, receipt_path, latest, complete=False)
            raise
        held = _is_held(project, bucket, cut_off)
        done = Erased(person, cut_off, latest, cached, receipt_path, held)
        _write(begun, receipt_path, latest, complete=done.is_complete)
    return done


def verify(project: Project, path: Path, person: Person | None) -> Verified:
    """Look for an erased person again.

    Without ``person``, records that cannot be parsed are not searched.
    """
    known = receipt.load(path)
    sought = receipt.sought(person, known)
    with translated(project):
        bucket = clicks_bucket(project)
        if known.bucket != bucket.name:
            raise ClickError(f"{path}: a receipt of bucket {known.bucket}, and the stack has {bucket.name}")
        found = erasing.erase(
            bucket.s3,
            bucket.name,
            sought,
            known.cut_off,
            places(bucket),
            dry_run=True,
            pace=project.target.pace,
        )
        same, other = receipt.unchanged(bucket.s3, bucket.name, known.versions)
        remaining = receipt.still_there(bucket.s3, bucket.name, known.versions)
    return Verified(known, found, remaining, same, other, searched_raw=person is not None)


def places(bucket: ClicksBucket) -> Places:
    """Where the bucket keeps failed and replayed clicks, and Athena's results."""
    return Places(bucket.replayed, RESULTS_PREFIX)


def cut_off_of(bucket: ClicksBucket) -> datetime:
    """The end of the current second by S3's clock: clicks accepted until now are older."""
    return bucket.now() + timedelta(seconds=1)


def cached_files(project: Project) -> list[Path]:
    """The files of the query cache."""
    cache = project.directory / CACHE
    return [] if cache.is_symlink() else [path for path in cache.rglob("*") if path.is_file()]


def _delete_cache(project: Project) -> int:
    """Delete the query cache; the next query reads the bucket again."""
    cache, count = project.directory / CACHE, len(cached_files(project))
    try:
        if cache.is_dir() and not cache.is_symlink():
            for each in list(cache.iterdir()):
                remove(each)  # not while a query writes what it has read before the erasure
            if cache.exists():
                shutil.rmtree(cache)
    except OSError as error:
        raise ClickError(f"{cache}: cannot be deleted: {error.strerror or error}; delete it") from error
    return count


def _write(begun: Receipt | None, path: Path | None, counts: Erasure, *, complete: bool) -> None:
    if begun and path:
        begun.with_result(counts, complete=complete).write(path)


def _is_held(project: Project, bucket: ClicksBucket, cut_off: datetime) -> bool:
    """Whether Firehose, by its last measurement, holds records from before the cut-off.

    Then deliveries fail.
    """
    now = bucket.now()
    names = metrics.Names(project.names.stream, project.names.api)
    since = metrics.floor(now - RECENT / project.target.time_scale)
    until = now + timedelta(minutes=1)
    found = metrics.read(project.target.client("cloudwatch"), names, since, until)
    # A point is of any second of its minute.
    return any(at + timedelta(minutes=1, seconds=-age) < cut_off for at, age in found.freshness[-1:])


def _wait_for_buffers(project: Project, bucket: ClicksBucket) -> None:
    """Wait until the stream has delivered what it held at the beginning.

    Not for a stack without a stream.
    """
    firehose = project.target.client("firehose")
    try:
        firehose.describe_delivery_stream(DeliveryStreamName=project.names.stream)
    except Exception as error:
        if is_error(error, "ResourceNotFoundException"):
            return
        raise
    seconds = (bucket.span + SKEW).total_seconds()
    project.note(
        f"Waiting {seconds / 60:.0f} minutes of AWS's time until the stream's buffers are delivered."
    )
    waiting = pace(project)
    end = waiting.clock() + seconds
    while (left := end - waiting.clock()) > 0:
        waiting.sleep(min(left, STEP))
