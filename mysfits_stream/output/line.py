"""A line of a result: text in parts, each with a style; ``stream.py`` prints lines."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """Text, and a style of rich, for example ``bold red``."""

    text: str
    style: str = ""


class Line:
    """Text in parts; may break into several lines."""

    __slots__ = ("parts",)

    def __init__(self, *parts: str | tuple[str, str] | Line) -> None:
        self.parts: tuple[Part, ...] = tuple(
            each
            for part in parts
            for each in (
                part.parts
                if isinstance(part, Line)
                else (Part(part) if isinstance(part, str) else Part(*part),)
            )
        )

    def __str__(self) -> str:
        return "".join(text for text, _ in self.parts)

    def styled(self, style: str) -> Line:
        """The same text with a style where the text has none."""
        return Line(*((text, own or style) for text, own in self.parts))
