"""Progress drawn in place on a terminal: a table of resources, and the bar of a fetch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from mysfits_stream.output.progress import DOING, DONE, ProgressView, fetch_line
from mysfits_stream.output.text import printable

if TYPE_CHECKING:
    from mysfits_stream.provision.engine import Progress
    from mysfits_stream.query.cache import Fetched

BAR_WIDTH = 30


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


@contextmanager
def live_progress(console: Console) -> Iterator[LiveProgress]:
    """The table while a run goes on; after an error, the progress so far stays on the screen."""
    live = LiveProgress()
    try:
        with Live(live, console=console, refresh_per_second=8, transient=True):
            yield live
    except BaseException:
        if live.begun:
            console.print(live)
        raise


class FetchProgress:
    """A bar with the objects, bytes and rate of a fetch."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began: float | None = None
        self._live: Live | None = None

    def __call__(self, fetched: Fetched) -> None:
        """Show how far the fetch is."""
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
