"""The progress of each resource, line by line."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from mysfits_stream.output.text import many, printable, size

if TYPE_CHECKING:
    from mysfits_stream.provision.engine import Progress
    from mysfits_stream.query.cache import Fetched

DONE = {"create": "created", "update": "updated", "delete": "deleted", "none": "unchanged"}
DOING = {"create": "creating", "update": "updating", "delete": "deleting", "none": "waiting"}


class ProgressView:
    """Takes the reports of the engine and the waits, and prints nothing."""

    def notify(self, progress: Progress) -> None:
        """Handle the next phase of a resource."""

    def waiting(self, name: str, text: str) -> None:
        """A resource waits for something."""


class PlainProgress(ProgressView):
    """A line for each phase, and for each new reason to wait."""

    def __init__(
        self, print_line: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._print = print_line
        self._clock = clock
        self._started: dict[str, float] = {}
        self._waits: dict[str, str] = {}

    def notify(self, progress: Progress) -> None:
        """Print the phase, with the seconds since its start."""
        name, doing = progress.resource, DOING[progress.action.value]
        if progress.phase == "started":
            self._started[name] = self._clock()
            self._print(f"{name}: {doing}")
        elif progress.phase != "settling":
            elapsed = self._clock() - self._started.get(name, self._clock())
            word = DONE[progress.action.value] if progress.phase == "done" else "failed"
            why = f": {printable(progress.reason)}" if progress.reason else ""
            self._print(f"{name}: {word} after {elapsed:.1f} s{why}")

    def waiting(self, name: str, text: str) -> None:
        """Print a wait's reason once, not every second."""
        what = text.split(",", 1)[0]
        if self._waits.get(name) != what:
            self._waits[name] = what
            self._print(printable(f"{name}: {what}"))


def fetch_line(fetched: Fetched, seconds: float) -> str:
    """The progress of a fetch in a line."""
    wanted = fetched.wanted
    rate = size(fetched.bytes / seconds) if seconds else size(fetched.bytes)
    return (
        f"{fetched.objects} of {many(wanted.objects, 'object')}, "
        f"{size(fetched.bytes)} of {size(wanted.bytes)}, {rate}/s"
    )
