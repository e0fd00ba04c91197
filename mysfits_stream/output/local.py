"""The local cloud for a terminal. Makes no call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mysfits_stream.operations.local import LocalCloudStatus, Stopped

NOT_RUNNING = "No local cloud runs here."


def status(found: LocalCloudStatus) -> str:
    """Whether the local cloud runs, and where."""
    running = found.running
    return f"The local cloud runs at {running.endpoint} (pid {running.pid})." if running else NOT_RUNNING


def environment(found: LocalCloudStatus) -> Iterator[str]:
    """Lines for a shell that make AWS clients use the local cloud."""
    for name, value in found.environment.items():
        yield f"export {name}={value}"


def stopped(stopped: Stopped) -> str:
    """The end of the local cloud."""
    return f"The local cloud (pid {stopped.ended.pid}) has ended." if stopped.ended else NOT_RUNNING
