"""The local cloud for a terminal. Makes no call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mysfits_stream.operations.local import LocalClouds, LocalCloudStatus, Stopped

NOT_RUNNING = "No local cloud is running here."


def status(found: LocalCloudStatus) -> str:
    """Whether the local cloud runs, and where."""
    running = found.running
    if running is None:
        return NOT_RUNNING
    busy = ", but does not answer at the moment" if found.busy else ""
    unkept = f"\nwarning: {found.keep_error}" if found.keep_error else ""
    line = f"The local cloud runs at {running.endpoint} (pid {running.pid}){busy}. The page is {found.page}"
    return f"{line}{unkept}"


def listed(found: LocalClouds) -> list[str]:
    """A line for each local cloud: folder, process, memory, age."""
    lines = [
        f"{each.directory.parent}  pid {each.pid}  {each.memory_bytes / 1e6:.0f} MB  "
        f"{age(each.age_seconds())}"
        for each in found.found
    ]
    return lines or ["No local cloud of this user runs."]


def age(seconds: float) -> str:
    """A time span in its two largest units."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min {int(seconds) % 60} s"


def environment(variables: Mapping[str, str]) -> Iterator[str]:
    """Shell lines for AWS clients of the local cloud."""
    for name, value in variables.items():
        yield f"export {name}={value}"


def stopped(stopped: Stopped) -> str:
    """The end of the local cloud."""
    return f"The local cloud (pid {stopped.ended.pid}) has stopped." if stopped.ended else NOT_RUNNING
