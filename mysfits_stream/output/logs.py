"""Log events for a terminal. Makes no call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from mysfits_stream.output.layout import hanging
from mysfits_stream.output.text import printable

if TYPE_CHECKING:
    from mysfits_stream.operations.logs import LogEvent, LogEvents


def event(found: LogEvent, width: int | None) -> Text:
    """One event; further lines of a message are indented, so that no message forges an event."""
    first, *more = found.message.split("\n")
    time = f"{found.time:%Y-%m-%d %H:%M:%S}.{found.time.microsecond // 1000:03}"
    head = Text(printable(f"{time}  {found.source:<9}  "))
    return Text("\n").join(
        [hanging(head, first, width), *(hanging(Text("    "), line, width) for line in more)]
    )


def events(found: LogEvents, width: int | None) -> Iterator[Text]:
    """Each event, or a line that says where no event was found."""
    yield from (event(each, width) for each in found.events)
    if not found.events:
        groups = " and ".join(found.groups)
        yield hanging(Text(), f"no log events in {groups} since {found.since:%Y-%m-%d %H:%M:%S} UTC", width)
