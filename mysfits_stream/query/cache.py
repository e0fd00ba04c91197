"""Delivered clicks as Parquet files in ``.mysfits-stream/cache/``, in step with the bucket.

1. The bucket's objects of the time range are listed every time: a cached file serves only if the bucket still
   has all objects of the file with equal ETags (F200, F201). So the cache is never stale.
2. Uncovered objects are fetched, several at once, and converted, a file for the objects of an hour.
3. The files of a closed hour (25 hours after its end no object of the hour is written, F63) become
   one file, and so do more than a few files of an open hour.
4. The query works on hard links in its own directory, so that a concurrent run may replace and delete files.

A lock is held during steps 1 to 4, not during the query. Files are made elsewhere and renamed: a crash leaves
whole files, and the next run deletes the rest. Files are readable by the user only, and deleted by ``down``.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.clicks.objects import ClicksBucket, StoredObject, ahead, weight
from mysfits_stream.clicks.unpacking import UnreadableError
from mysfits_stream.errors import StateError
from mysfits_stream.files import make_private, open_private, publish, reject_link, state_errors
from mysfits_stream.query import lines, parts
from mysfits_stream.query.parts import Part, PartFiles
from mysfits_stream.query.schema import Column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HOUR = timedelta(hours=1)
CLOSED_AFTER = timedelta(hours=25)
MOST_OPEN_PARTS = 8
MOST_BYTES = 5_000_000_000
"""Size of all cached files of one stack; the files that were used least recently are deleted first."""

MOST_RANGES = 8
"""Sets of files, one for each time range, whose duplicates are kept."""

BYTES_OF_LINES = 256_000_000
"""Lines that become one file."""

LINES_AT_ONCE = 10_000

M_ARENA_MAX = -8
"""glibc's number for the option of mallopt."""

MERGED_BYTES = 256_000_000
"""Files are merged up to this size."""

PART = re.compile(r"(\d{10})-[0-9a-f]{32}\.parquet")
RUN, DUPLICATES = "run-", "duplicates-"


@dataclass(frozen=True)
class Missing:
    """Objects missing in the cache."""

    objects: int
    bytes: int


@dataclass(frozen=True)
class Fetched:
    """The progress of a fetch."""

    objects: int
    bytes: int
    wanted: Missing


@dataclass(frozen=True)
class Snapshot:
    """The clicks of a time range by object, as files for a query."""

    directory: Path
    """A directory for this query alone, for temporary files, too."""

    files: tuple[Path, ...] = ()
    duplicates: Path | None = None
    """Rows that repeat an earlier click; None without files."""

    fetched: Missing = Missing(0, 0)
    clicks: int = 0


@dataclass(frozen=True)
class Cache:
    """The cached files of a stack on a target."""

    directory: Path
    columns: tuple[Column, ...]
    confirm: Callable[[Missing], None] = lambda _: None
    """Receives what has to be fetched; may raise."""

    report: Callable[[Fetched], None] = lambda _: None
    wait: Callable[[str], None] = lambda _: None
    """Receives a note while another query holds the lock."""

    def snapshot(
        self,
        duck: DuckDBPyConnection,
        run: Path,
        bucket: ClicksBucket,
        since: datetime | None,
        now: datetime,
        problems: ParseProblems,
    ) -> Snapshot:
        """The clicks of the objects from ``since`` to ``now``, as files in ``run``.

        Raises StateError where the cache's directory cannot be used.
        """
        import duckdb

        with state_errors(self.directory), self._locked():
            try:
                return _Update(self, bucket, run, duck, problems).of_range(since, now)
            except duckdb.Error as error:  # no room on the disk, or not enough memory
                reason = " ".join(str(error).partition("\n\n")[0].split())
                raise StateError(f"{self.directory}: the cache cannot be updated ({reason})") from error

    @contextmanager
    def directory_of_run(self) -> Iterator[Path]:
        """A new directory for a query; abandoned directories of earlier queries are deleted."""
        with state_errors(self.directory):
            reject_link(self.directory.parent.parent)
            make_private(self.directory.parent.parent)
            for each in (self.directory.parent, self.directory):
                reject_link(each)
                each.mkdir(mode=0o700, exist_ok=True)
            with self._locked():
                for left in self.directory.glob(f"{RUN}*"):
                    _delete_if_abandoned(left)
                run = Path(tempfile.mkdtemp(prefix=RUN, dir=self.directory))
                held = FileLock(run / "lock").acquire()
        try:
            yield run
        finally:
            held.lock.release()
            shutil.rmtree(run, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = _lock_of(self.directory)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.wait("waiting for another query, which updates the cache")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def remove(directory: Path) -> None:
    """Delete the cached files of a stack, and the folder of all caches with the last stack.

    Waits for a run that updates the cache: the run would write what it has read before.
    """
    with state_errors(directory.parent):
        if directory.is_symlink():
            directory.unlink()
        elif directory.is_dir():
            with _lock_of(directory):
                shutil.rmtree(directory)
        with suppress(OSError):  # another stack's cache is there, or no cache at all
            directory.parent.rmdir()


def _lock_of(directory: Path) -> FileLock:
    path = directory / "lock"
    if path.is_symlink():  # opening would truncate the destination
        path.unlink()
    return FileLock(path, mode=0o600)


@dataclass
class _Update:
    """An update of the cache, under its lock."""

    cache: Cache
    bucket: ClicksBucket
    run: Path
    duck: DuckDBPyConnection
    problems: ParseProblems
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1 << 62)))

    def __post_init__(self) -> None:
        self._files = PartFiles(self.duck, self.cache.columns)
        self._names = [column.name for column in self.cache.columns]

    def of_range(self, since: datetime | None, now: datetime) -> Snapshot:
        begin = _hour(since - self.bucket.span - HOUR) + self.bucket.span if since else None
        listed: dict[datetime, list[StoredObject]] = defaultdict(list)
        for stored in self.bucket.delivered(begin, now):
            listed[_hour(stored.started)].append(stored)
        first = begin - self.bucket.span if begin else None
        kept = self._kept(first, listed)
        missing = _missing(listed, kept)
        wanted = Missing(len(missing), sum(stored.size for stored in missing))
        if missing:
            self.cache.confirm(wanted)
            for hour, part in self._fetched(missing, wanted):
                kept[hour].append(part)
        for hour, found in kept.items():
            kept[hour] = self._merged(hour, found, closed=hour + HOUR + CLOSED_AFTER <= now)
        used = [part for _, found in sorted(kept.items()) for part in found]
        self.problems.foreign_lines += sum(part.foreign for part in used)
        duplicates = self._duplicates(used) if used else None
        snapshot = Snapshot(
            self.run,
            tuple(self._linked(part.path) for part in used),
            self._linked(duplicates) if duplicates else None,
            wanted,
            sum(part.rows for part in used),
        )
        self._evict([part.path for part in used])
        return snapshot

    def _kept(
        self, first: datetime | None, listed: dict[datetime, list[StoredObject]]
    ) -> dict[datetime, list[Part]]:
        """The up-to-date cached files of the range, by hour; all further files are deleted."""
        paths: dict[Path, datetime] = {}
        for path in self.cache.directory.glob("*.parquet"):
            if path.is_symlink():
                path.unlink()
            elif named := PART.fullmatch(path.name):
                hour = datetime.strptime(named[1], "%Y%m%d%H").replace(tzinfo=UTC)
                if first is None or hour >= first:
                    paths[path] = hour
        current = {hour: {(each.key, each.etag) for each in found} for hour, found in listed.items()}
        kept: dict[datetime, list[Part]] = defaultdict(list)
        # A crash between a merge and the deletion of what was merged leaves both: the larger file serves.
        readable = sorted(self._files.read(sorted(paths)), key=lambda part: -len(part.sources))
        for part in readable:
            hour = paths[part.path]
            left = current.get(hour, set())
            if part.sources <= left:
                left -= part.sources
                kept[hour].append(part)
                del paths[part.path]
        for path in paths:
            path.unlink(missing_ok=True)
        return kept

    def _fetched(self, missing: Sequence[StoredObject], wanted: Missing) -> Iterator[tuple[datetime, Part]]:
        """Fetch objects and convert them, a batch of an hour each.

        A conversion overlaps the fetch of the next batch. It has a single thread: to share an hour among
        threads takes DuckDB half as much time again, and a second conversion takes 80 MB.
        """
        _limit_arenas()
        with parts.connection(threads=1) as duck:
            parts.spill_into(duck, self.run)
            # No row's place matters before the file is written, and order takes memory.
            duck.execute("SET preserve_insertion_order = false")
            files = PartFiles(duck, self.cache.columns)

            def converted(batch: tuple[datetime, _Spool]) -> tuple[datetime, Part]:
                return batch[0], self._converted(files, *batch)

            yield from ahead(converted, self._batches(missing, wanted), at_once=1)

    def _batches(self, missing: Sequence[StoredObject], wanted: Missing) -> Iterator[tuple[datetime, _Spool]]:
        """Fetch objects; their lines by hour, at most BYTES_OF_LINES at once."""
        done = done_bytes = 0

        def content(stored: StoredObject) -> _Content:
            try:
                found = self.bucket.content(stored)
                return _Content(stored, found.etag, lines.of_object(found.data, self._names))
            except UnreadableError as error:
                return _Content(stored, "", None, str(error))

        fetched = ahead(content, missing, weight=lambda each: weight(each.key, each.size))
        for hour, contents in groupby(fetched, key=lambda each: _hour(each.stored.started)):
            spool = self._spool()
            for each in contents:
                done, done_bytes = done + 1, done_bytes + each.stored.size
                self.cache.report(Fetched(done, done_bytes, wanted))
                if each.lines is None:
                    self.problems.unreadable[each.stored.key] = each.reason
                    continue
                spool.add(each.lines, (each.stored.key, each.etag))
                if spool.size >= BYTES_OF_LINES:
                    yield hour, spool
                    spool = self._spool()
            if spool.sources:
                yield hour, spool

    def _spool(self) -> _Spool:
        return _Spool(self.run / f"{next(self._numbers)}.lines")

    def _converted(self, files: PartFiles, hour: datetime, spool: _Spool) -> Part:
        import duckdb

        made = self.run / f"{next(self._numbers)}.made"
        sources = frozenset(spool.sources)
        try:
            rows = files.write(spool.close(), made, sources, spool.count, spool.foreign)
        except duckdb.InvalidInputException:
            # DuckDB and Python disagree about a line: Python decides, line by line.
            spool = spool.parsed(self._names)
            rows = files.write(spool.close(), made, sources, spool.count, spool.foreign)
        spool.path.unlink()
        return Part(self._published(made, hour), sources, spool.foreign + spool.count - rows, rows)

    def _merged(self, hour: datetime, found: list[Part], *, closed: bool) -> list[Part]:
        small = [part for part in found if part.path.stat().st_size < MERGED_BYTES / 4]
        if len(small) < 2 or not (closed or len(small) > MOST_OPEN_PARTS):
            return found
        made = self.run / f"{next(self._numbers)}.made"
        self._files.merge(small, made)
        merged = Part(
            self._published(made, hour),
            frozenset[tuple[str, str]]().union(*(part.sources for part in small)),
            sum(part.foreign for part in small),
            sum(part.rows for part in small),
        )
        for part in small:
            part.path.unlink()
        return [merged, *(part for part in found if part not in small)]

    def _duplicates(self, used: Sequence[Part]) -> Path:
        """The file of duplicates among the parts; its name follows from the parts."""
        name = hashlib.sha256("\n".join(part.path.name for part in used).encode()).hexdigest()[:32]
        path = self.cache.directory / f"{DUPLICATES}{name}.parquet"
        if not path.exists():
            made = self.run / "duplicates.made"
            self._files.duplicates(used, made)
            publish(made, path)
        return path

    def _published(self, made: Path, hour: datetime) -> Path:
        path = self.cache.directory / f"{hour:%Y%m%d%H}-{uuid.uuid4().hex}.parquet"
        publish(made, path)
        return path

    def _linked(self, path: Path) -> Path:
        os.utime(path)
        link = self.run / path.name
        try:
            link.hardlink_to(path)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, link)
        return link

    def _evict(self, used: Sequence[Path]) -> None:
        """Delete the least recently used files beyond the limit of all sizes."""
        by_use = sorted(self.cache.directory.glob(f"{DUPLICATES}*"), key=lambda path: -path.stat().st_mtime)
        for path in by_use[MOST_RANGES:]:
            path.unlink(missing_ok=True)
        in_use = set(used)
        found = [
            (path not in in_use, path.stat().st_mtime, path.stat().st_size, path)
            for path in self.cache.directory.glob("*.parquet")
        ]
        total = sum(size for _, _, size, _ in found)
        for _, _, size, path in sorted(found, key=lambda each: (not each[0], each[1])):
            if total <= MOST_BYTES:
                break
            path.unlink(missing_ok=True)
            total -= size


class _Spool:
    """Lines of several objects in a file: an hour's lines need not fit into memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sources: list[tuple[str, str]] = []
        self.size = self.count = self.foreign = 0
        path.unlink(missing_ok=True)
        self._file = open_private(path)

    def add(self, found: lines.Lines, *sources: tuple[str, str]) -> None:
        """Append the lines of objects."""
        self._file.write(found.text)
        self.sources += sources
        self.size += len(found.text)
        self.count += found.count
        self.foreign += found.foreign

    def close(self) -> Path:
        """The complete file."""
        self._file.close()
        return self.path

    def parsed(self, names: Sequence[str]) -> _Spool:
        """The same lines, parsed by Python."""
        found = _Spool(self.path.with_suffix(".parsed"))
        found.foreign = self.foreign
        with self.path.open("rb") as file:
            while some := list(islice(file, LINES_AT_ONCE)):
                found.add(lines.parsed(some, names))
        self.path.unlink()
        return found


@dataclass(frozen=True)
class _Content:
    """A fetched object; without lines for an unreadable object."""

    stored: StoredObject
    etag: str
    lines: lines.Lines | None
    reason: str = ""


def _missing(
    listed: dict[datetime, list[StoredObject]], kept: dict[datetime, list[Part]]
) -> list[StoredObject]:
    covered = {source for found in kept.values() for part in found for source in part.sources}
    return [
        stored
        for _, objects in sorted(listed.items())
        for stored in objects
        if (stored.key, stored.etag) not in covered
    ]


def _limit_arenas() -> None:
    """Let threads share two memory arenas of glibc: an arena keeps freed memory.

    Without the limit, sixteen threads keep 60 MB more after two million clicks.
    """
    import ctypes  # most queries fetch nothing

    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _delete_if_abandoned(run: Path) -> None:
    """Delete the directory of a run whose process has ended."""
    if run.is_symlink():
        run.unlink()
        return
    with suppress(Timeout, OSError):
        lock = _lock_of(run)
        lock.acquire(timeout=0)
        lock.release()
        shutil.rmtree(run, ignore_errors=True)
