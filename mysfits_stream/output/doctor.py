"""The links of a click's path for a terminal. Makes no call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from mysfits_stream.output.layout import hanging

if TYPE_CHECKING:
    from mysfits_stream.doctor.links import Link
    from mysfits_stream.operations.doctor import Diagnosis

LINK_STYLES = {"ok": "green", "warning": "yellow", "broken": "bold red", "unknown": "dim"}


def link(link: Link, width: int | None) -> Iterator[Text]:
    """The result for a link, and the advice."""
    head = Text.assemble((f"{link.status:<8}", LINK_STYLES[link.status]), f" {link.name:<16} ")
    yield hanging(head, link.detail, width)
    if link.advice:
        advice = hanging(Text(f"{'':<26}-> "), link.advice, width)
        advice.stylize("italic")
        yield advice


def verdict(diagnosis: Diagnosis) -> str:
    """The broken links, in one line."""
    broken = diagnosis.broken
    return f"\nBroken: {', '.join(broken)}." if broken else "\nNo link is broken."
