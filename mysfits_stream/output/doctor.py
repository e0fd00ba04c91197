"""The links of a click's path for a terminal. Makes no call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from mysfits_stream.output.text import printable

if TYPE_CHECKING:
    from mysfits_stream.doctor.links import Link
    from mysfits_stream.operations.doctor import Diagnosis

LINK_STYLES = {"ok": "green", "warning": "yellow", "broken": "bold red", "unknown": "dim"}


def link(link: Link) -> Iterator[Text]:
    """What the examination of a link says, and what to do."""
    yield Text.assemble(
        (f"{link.status:<8}", LINK_STYLES[link.status]), f" {link.name:<16} {printable(link.detail)}"
    )
    if link.advice:
        yield Text(f"{'':<26}-> {link.advice}", style="italic")


def verdict(diagnosis: Diagnosis) -> str:
    """The broken links, in one line."""
    broken = diagnosis.broken
    return f"\nBroken: {', '.join(broken)}." if broken else "\nNo link is broken."
