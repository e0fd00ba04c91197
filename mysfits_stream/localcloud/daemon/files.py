"""The files of a local cloud in the background, in one directory.

The process holds ``local-cloud.lock`` from its first moment until its end, of whatever kind: the command that
starts the process locks the file, and the process inherits the lock. So the lock says whether a local
cloud lives. ``local-cloud.json`` contains the address of a ready local cloud.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mysfits_stream.localcloud.files import open_file, read_end, read_file, replace_file

LOOK_AGAIN = 0.05  # seconds; no other process notifies of a released lock or of a written file
PATIENCE = 5.0  # seconds of waiting without a word
LARGEST_PID = 2**31 - 1

Report = Callable[[str], None]


class DaemonError(Exception):
    """A local cloud cannot be started, reached or stopped: one line, and notes with details."""


@dataclass(frozen=True)
class Running:
    """The address of a local cloud, and the options of its start."""

    port: int
    pid: int
    time_scale: float
    identity: str
    version: str
    keep: str | None = None
    access_key_id: str = ""
    """The access key id that AWS clients need; the state file has mode 0600."""
    started_at: float = 0.0
    """Seconds since the epoch."""

    @property
    def endpoint(self) -> str:
        """The base URL, for AWS clients as for browsers."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Files:
    """The files of a directory's local cloud."""

    directory: Path

    @property
    def state(self) -> Path:
        """Port, pid and identity of the process; written when the process is ready."""
        return self.directory / "local-cloud.json"

    @property
    def log(self) -> Path:
        """The output of the process."""
        return self.directory / "local-cloud.log"

    @property
    def lock(self) -> Path:
        """Locked by the process for its whole life."""
        return self.directory / "local-cloud.lock"

    @property
    def start_lock(self) -> Path:
        """Locked by a command that starts or stops the process."""
        return self.directory / "local-cloud.start.lock"

    @property
    def scratch(self) -> Path:
        """The process's directory for temporary files; a killed process leaves its files."""
        return self.directory / "local-cloud.tmp"

    def try_lock(self, path: Path) -> int | None:
        """The file descriptor of an exclusive lock; None while a further process has the lock."""
        descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
        if _flock(descriptor, fcntl.LOCK_EX):
            return descriptor
        os.close(descriptor)
        return None

    def is_alive(self) -> bool:
        """Whether a process holds the lock."""
        try:
            descriptor = open_file(self.lock, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            # Shared, so that two commands that look at the same moment see no lock.
            return not _flock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def holds(self, descriptor: int) -> bool:
        """Whether the lock of ``descriptor`` is the directory's lock, not of a removed file."""
        try:
            return os.path.samestat(os.fstat(descriptor), self.lock.lstat())
        except OSError:
            return False

    def read_state(self) -> Running | None:
        """The content of the state file; None for a missing or unreadable file."""
        try:
            document = json.loads(read_file(self.state))
            known = {field.name: document[field.name] for field in fields(Running) if field.name in document}
            running = Running(**known)
            valid = (
                isinstance(running.port, int)
                and isinstance(running.pid, int)
                and 0 < running.port < 65536
                and 0 < running.pid <= LARGEST_PID
            )
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return running if valid else None

    def write_state(self, running: Running) -> None:
        """Say where the local cloud listens."""
        replace_file(self.state, (json.dumps(asdict(running), indent=2) + "\n").encode())

    def log_tail(self, lines: int) -> list[str]:
        """The last lines of the log; no lines if there is no log."""
        try:
            text = read_end(self.log).decode("utf-8", "replace")
        except FileNotFoundError:
            return []
        return text.splitlines()[-lines:]

    def remove_scratch(self) -> None:
        """Remove the temporary files."""
        if self.scratch.is_symlink() or not self.scratch.is_dir():
            self.scratch.unlink(missing_ok=True)
        if self.scratch.exists():
            import shutil  # a start without a predecessor does not need it

            shutil.rmtree(self.scratch, ignore_errors=True)

    @contextmanager
    def starting_or_stopping(self, budget: float, report: Report) -> Iterator[None]:
        """Let one command at a time start or stop the local cloud.

        Raises DaemonError after ``budget``.
        """
        wait = Wait(budget, report, "waiting for another command that starts or stops the local cloud")
        while (descriptor := self.try_lock(self.start_lock)) is None:
            if not wait.again():
                raise DaemonError(
                    f"another command has been starting or stopping the local cloud for {budget:g} s; "
                    f"wait for that command, or end it ({self.start_lock} is locked)"
                )
        try:
            yield
        finally:
            os.close(descriptor)


class Wait:
    """Waiting for another process.

    Sleeps, reports once after ``patience`` seconds, ends after ``budget``.
    """

    def __init__(
        self,
        budget: float,
        report: Report,
        text: str,
        patience: float = PATIENCE,
        look_again: float = LOOK_AGAIN,
    ) -> None:
        self._began = time.monotonic()
        self._budget = budget
        self._report: Report | None = report
        self._text = text
        self._patience = patience
        self._look_again = look_again

    @property
    def left(self) -> float:
        """Seconds until the end of the budget."""
        return max(0.0, self._began + self._budget - time.monotonic())

    def again(self, text: str = "") -> bool:
        """Sleep for a moment; False at the end of the budget."""
        if self._report and time.monotonic() - self._began >= self._patience:
            self._report(text or self._text)
            self._report = None
        time.sleep(min(self._look_again, self.left))
        return self.left > 0


def _flock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True
