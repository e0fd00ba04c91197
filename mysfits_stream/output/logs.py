"""Log events for a terminal. Makes no call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mysfits_stream.output.text import printable

if TYPE_CHECKING:
    from mysfits_stream.operations.logs import LogEvent, LogEvents


def event(found: LogEvent) -> str:
    """One event; further lines of a message are indented, so that no message forges an event."""
    first, *more = map(printable, found.message.split("\n"))
    head = f"{found.time:%Y-%m-%d %H:%M:%S}.{found.time.microsecond // 1000:03}  {found.source:<9}  "
    return "\n".join([head + first, *(f"    {line}" for line in more)])


def events(found: LogEvents) -> Iterator[str]:
    """Each event, or a line that says where no event was found."""
    yield from map(event, found.events)
    if not found.events:
        groups = " and ".join(found.groups)
        yield f"no log events in {groups} since {found.since:%Y-%m-%d %H:%M:%S} UTC"
