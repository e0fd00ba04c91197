"""The local clouds of the user, found among the processes of the machine."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mysfits_stream.localcloud.daemon.files import Files, Running

PS_SECONDS = 10.0
PROC = Path("/proc")


@dataclass(frozen=True)
class Listed:
    """A living local cloud; ``running`` is None until the local cloud is ready."""

    directory: Path
    pid: int
    memory_bytes: int
    running: Running | None

    def age_seconds(self, now: float | None = None) -> float:
        """Seconds since the local cloud was ready."""
        if self.running is None:
            return 0.0
        return max(0.0, (time.time() if now is None else now) - self.running.started_at)


def list_all(command: Sequence[str]) -> list[Listed]:
    """The user's living local clouds, started with ``command``, sorted by directory."""
    marker = list(command[1:])
    found = []
    for pid, memory_bytes, arguments in _processes():
        if arguments[1 : len(marker) + 1] == marker and len(arguments) > len(marker) + 1:
            directory = Path(arguments[len(marker) + 1])
            files = Files(directory)
            with contextlib.suppress(OSError):
                running = files.read_state()
                if files.is_alive():
                    ours = running if running and running.pid == pid else None
                    found.append(Listed(directory, pid, memory_bytes, ours))
    return sorted(found, key=lambda each: each.directory)


def _processes() -> Iterator[tuple[int, int, list[str]]]:
    """Process id, resident memory and arguments of each process of the user."""
    if not (PROC / "self/cmdline").exists():
        yield from _processes_of_ps()
        return
    page = os.sysconf("SC_PAGE_SIZE")
    for entry in PROC.iterdir():
        # A process may end at any moment, and other users' processes may be hidden.
        with contextlib.suppress(OSError, ValueError, IndexError):
            if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                arguments = (entry / "cmdline").read_bytes().decode("utf-8", "surrogateescape").split("\0")
                resident = int((entry / "statm").read_text().split()[1])
                yield int(entry.name), resident * page, arguments


def _processes_of_ps() -> Iterator[tuple[int, int, list[str]]]:
    # Without -ww, a path that is longer than the terminal is cut off.
    command = ["ps", "-ww", "-U", str(os.getuid()), "-o", "pid=,rss=,args="]
    import subprocess  # the background process needs none

    listing = subprocess.run(command, capture_output=True, text=True, timeout=PS_SECONDS, check=False).stdout  # noqa: S603
    for line in listing.splitlines():
        pid, kilobytes, arguments = line.split(None, 2)
        # The options, a JSON object, follow the directory, which may have spaces.
        before, _, _ = arguments.partition(' {"')
        words = before.split(" ", 4)
        yield int(pid), int(kilobytes) * 1024, [*words, ""]
