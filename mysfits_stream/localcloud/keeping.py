"""Persists resources, objects and accepted records over a restart and a kill.

A save writes everything: the control plane, and the records that delivery streams have in hand. Puts after
the save go to the journal. Reading the save and then the journal gives every accepted record once; a record
that was delivered after the save is delivered again, into the state of the save.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from mysfits_stream.localcloud.control_plane.control_plane import ControlPlane
from mysfits_stream.localcloud.files import KeepingError, open_file
from mysfits_stream.localcloud.firehose import journal
from mysfits_stream.localcloud.firehose.delivery import Firehose, FirehoseError
from mysfits_stream.localcloud.firehose.journal import Journal
from mysfits_stream.localcloud.firehose.stream import Stream

SHARE = 20
"""A save while running is due after this many times the duration of the last save."""


class Keeping:
    """The ``keep`` directory of one local cloud; safe to use from several threads."""

    def __init__(
        self,
        directory: Path,
        control_plane: ControlPlane,
        firehose: Firehose,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._lock_file = directory / "local-cloud.keep.lock"
        self._control_plane = control_plane
        self._firehose = firehose
        self._clock = clock
        self._saving = threading.Lock()
        self._saved_changes: int | None = None
        self._saved_streams: set[tuple[str, float]] = set()
        self._due_at = 0.0
        self._lock: int | None = None
        self.error: str | None = None
        """Why the last save failed; None after a successful save."""

    def load(self) -> None:
        """Read the directory, and save: an unwritable directory fails at the start.

        Raises KeepingError.
        """
        try:
            self._lock_directory()
            self._read()
            self.save()
        except KeepingError:
            self._release()
            raise
        self._firehose.journal, self._firehose.before_put = self._journal.append, self._ensure_saved

    def _lock_directory(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = open_file(self._lock_file, os.O_RDWR | os.O_CREAT)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._release()
            self.error = f"{self._directory}: another local cloud keeps its resources there"
            raise KeepingError(self.error) from error
        except FileExistsError as error:
            raise self._failure(NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))) from error
        except OSError as error:
            raise self._failure(error) from error

    def _holds_directory(self) -> bool:
        """Whether the lock is the lock of the directory, not of a directory that was there before."""
        try:
            return self._lock is not None and os.path.samestat(os.fstat(self._lock), self._lock_file.lstat())
        except OSError:
            return False

    def _read(self) -> None:
        kept = self._control_plane.load(self._directory)
        self._firehose.restore(kept.get("deliveries", []))
        try:
            for put in journal.read(self._directory, kept.get("journal", 0)):
                self._firehose.put_again(put)
        except journal.DamagedError as error:
            raise KeepingError(str(error)) from error
        except Exception as error:  # a damaged pickle may raise anything
            raise KeepingError(f"{self._directory}: the journal cannot be read: {error}") from error
        self._journal = Journal(self._directory)

    def save_if_due(self) -> None:
        """Save changes, unless the last save has just taken long. Raises KeepingError."""
        if self._clock() >= self._due_at:
            self.save()

    def save(self) -> None:
        """Save all changes since the last save. Raises KeepingError."""
        with self._saving:
            changes = self._control_plane.changes
            held = self._holds_directory()
            unchanged = changes == self._saved_changes and self._journal.length == 0 and self.error is None
            if held and unchanged:
                return
            began = self._clock()
            if not held:
                # The directory was removed or renamed. Everything is in memory, and is written anew.
                self._release()
                self._lock_directory()
            try:
                self._save()
            except OSError as error:
                raise self._failure(error) from error
            self._saved_changes = changes
            self._due_at = self._clock() + SHARE * (self._clock() - began)
            self.error = None

    def close(self) -> None:
        """Release the directory."""
        self._firehose.journal = self._firehose.before_put = None
        self._journal.close()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _ensure_saved(self, stream: Stream) -> None:
        """Save now if the last save lacks the stream: its records would be lost."""
        if (stream.arn, stream.created) not in self._saved_streams:
            try:
                self.save()
            except KeepingError as error:
                raise FirehoseError("ServiceUnavailableException", str(error)) from error

    def _save(self) -> None:
        with ExitStack() as locked:
            # Puts wait until the next journal is begun, the control plane until its state is copied.
            with self._firehose.paused() as deliveries:
                locked.enter_context(self._control_plane.lock)
                number = self._journal.begin_next()
            streams = {(stream.arn, stream.created) for stream in self._control_plane.streams()}
            copy = self._control_plane.dump({"deliveries": deliveries, "journal": number})
        self._control_plane.write(self._directory, copy)
        self._saved_streams = streams
        self._journal.remove_before(number)

    def _failure(self, error: OSError) -> KeepingError:
        self.error = f"{self._directory}: changes cannot be kept there ({error.strerror or error})"
        return KeepingError(self.error)
