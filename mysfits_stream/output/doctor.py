"""The links of a click's path for a terminal. Makes no call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mysfits_stream.output.layout import hanging
from mysfits_stream.output.line import Line

if TYPE_CHECKING:
    from mysfits_stream.doctor.links import Link
    from mysfits_stream.operations.doctor import Diagnosis

LINK_STYLES = {"ok": "green", "warning": "yellow", "broken": "bold red", "unknown": "dim"}


def link(link: Link, width: int | None) -> Iterator[Line]:
    """The result for a link, and the advice."""
    head = Line((f"{link.status:<8}", LINK_STYLES[link.status]), f" {link.name:<16} ")
    yield hanging(head, link.detail, width)
    if link.advice:
        yield hanging(Line(f"{'':<26}-> "), link.advice, width).styled("italic")


def verdict(diagnosis: Diagnosis) -> str:
    """The broken links, in one line."""
    broken = diagnosis.broken
    return f"\nBroken: {', '.join(broken)}." if broken else "\nNo link is broken."
