"""Log events for a terminal. Makes no call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mysfits_stream.output.layout import hanging
from mysfits_stream.output.line import Line
from mysfits_stream.output.text import printable

if TYPE_CHECKING:
    from mysfits_stream.operations.logs import LogEvent, LogEvents


def event(found: LogEvent, width: int | None) -> Line:
    """One event; further lines of a message are indented, so that no message forges an event."""
    first, *more = found.message.split("\n")
    time = f"{found.time:%Y-%m-%d %H:%M:%S}.{found.time.microsecond // 1000:03}"
    head = Line(printable(f"{time}  {found.source:<9}  "))
    indented = (Line("\n", hanging(Line("    "), line, width)) for line in more)
    return Line(hanging(head, first, width), *indented)


def events(found: LogEvents, width: int | None) -> Iterator[Line]:
    """Each event, or a line that says where no event was found."""
    yield from (event(each, width) for each in found.events)
    if not found.events:
        groups = " and ".join(found.groups)
        yield hanging(Line(), f"no log events in {groups} since {found.since:%Y-%m-%d %H:%M:%S} UTC", width)
