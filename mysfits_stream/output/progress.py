"""The progress of each resource: line by line, or in a continually updated table."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from mysfits_stream.output.text import many, printable, size

if TYPE_CHECKING:
    from mysfits_stream.provision.engine import Progress
    from mysfits_stream.query.cache import Fetched

DONE = {"create": "created", "update": "updated", "delete": "deleted", "none": "unchanged"}
BAR_WIDTH = 30
DOING = {"create": "creating", "update": "updating", "delete": "deleting", "none": "waiting"}


class ProgressView:
    """Takes the reports of the engine and the waits, and prints nothing."""

    def notify(self, progress: Progress) -> None:
        """Handle the next phase of a resource."""

    def waiting(self, name: str, text: str) -> None:
        """A resource waits for something."""


class PlainProgress(ProgressView):
    """A line for each phase, and for each new reason to wait."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._started: dict[str, float] = {}
        self._waits: dict[str, str] = {}

    def notify(self, progress: Progress) -> None:
        """Print the phase, with the seconds since its start."""
        name, doing = progress.resource, DOING[progress.action.value]
        if progress.phase == "started":
            self._started[name] = self._clock()
            self._console.print(f"{name}: {doing}")
        elif progress.phase != "settling":
            elapsed = self._clock() - self._started.get(name, self._clock())
            word = DONE[progress.action.value] if progress.phase == "done" else "failed"
            why = f": {printable(progress.reason)}" if progress.reason else ""
            self._console.print(f"{name}: {word} after {elapsed:.1f} s{why}")

    def waiting(self, name: str, text: str) -> None:
        """Print a wait's reason once, not every second."""
        what = text.split(",", 1)[0]
        if self._waits.get(name) != what:
            self._waits[name] = what
            self._console.print(printable(f"{name}: {what}"))


class LiveProgress(ProgressView):
    """A continually updated table; a resource's row is a single line of the terminal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[str, str, float, float | None]] = {}
        self._waits: dict[str, str] = {}

    @property
    def begun(self) -> bool:
        """Whether the table has rows."""
        return bool(self._rows)

    def notify(self, progress: Progress) -> None:
        """Keep the phase of the resource's row."""
        now = self._clock()
        with self._lock:
            _, _, started, _ = self._rows.get(progress.resource, ("", "", now, None))
            ended = now if progress.phase in ("done", "failed") else None
            self._rows[progress.resource] = (progress.action.value, progress.phase, started, ended)
            if ended:
                self._waits.pop(progress.resource, None)
            if progress.reason:
                self._waits[progress.resource] = progress.reason

    def waiting(self, name: str, text: str) -> None:
        """Store the wait's reason for the resource's row."""
        with self._lock:
            self._waits[name] = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now = self._clock()
        with self._lock:
            rows = list(self._rows.items())
            waits = dict(self._waits)
        longest = max((len(name) for name, _ in rows), default=0)
        for name, (action, phase, started, ended) in rows:
            word = {"done": DONE[action], "failed": "failed"}.get(phase, DOING[action])
            style = {"done": "green", "failed": "red"}.get(phase, "yellow")
            line = Text.assemble(
                f"{name:<{longest}}  ",
                (f"{word:<8}", style),
                f"  {(ended or now) - started:6.1f} s  ",
                (printable(waits.get(name, "")), "dim"),
            )
            line.rstrip()
            line.truncate(options.max_width, overflow="ellipsis")
            yield line
        # The terminal echoes ^C where the cursor is: on a line of its own, which is erased with the rows.
        yield Text()


class FetchProgress:
    """A bar with the objects, bytes and rate of a fetch; ``console`` None shows nothing."""

    def __init__(self, console: Console | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began: float | None = None
        self._live: Live | None = None

    def __call__(self, fetched: Fetched) -> None:
        """Show how far the fetch is."""
        if self._console is None:
            return
        if self._live is None:
            self._began = self._clock()
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
        seconds = self._clock() - (self._began or 0.0)
        self._live.update(self._bar(fetched, seconds, self._console.width))
        if fetched.objects == fetched.wanted.objects:
            self.end()

    def end(self) -> None:
        """Remove the bar from the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _bar(self, fetched: Fetched, seconds: float, width: int) -> Text:
        described = fetch_line(fetched, seconds)
        room = max(0, min(BAR_WIDTH, width - len(described) - 1))
        done = room * fetched.objects // max(1, fetched.wanted.objects)
        bar = Text.assemble("█" * done, ("░" * (room - done), "dim"), " " if room else "", described)
        bar.truncate(width, overflow="ellipsis")
        return bar


def fetch_line(fetched: Fetched, seconds: float) -> str:
    """The progress of a fetch in a line."""
    wanted = fetched.wanted
    rate = size(fetched.bytes / seconds) if seconds else size(fetched.bytes)
    return (
        f"{fetched.objects} of {many(wanted.objects, 'object')}, "
        f"{size(fetched.bytes)} of {size(wanted.bytes)}, {rate}/s"
    )
