"""Lines and columns within the width of a terminal.

Without a width, no cuts and no wrapping. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from mysfits_stream.output.line import Line
from mysfits_stream.output.text import cell_len, printable

LEAST = 4
"""The smallest width that a column shrinks to, and the indent where a hanging indent leaves no room."""

PIECE = re.compile(r"[^:/]*[:/]|[^:/]+")
"""The parts of an ARN, a path or a URL: a line breaks after a colon or a slash."""


HEAD = re.compile(r" *(?:\d+  )?")
"""The beginning of a line before its words: an indent, a count."""


def hanging(head: Line, body: str, width: int | None) -> Line:
    """``head`` and ``body`` in one line, or with ``body`` wrapped to ``width`` and indented.

    Control characters in ``body`` are written out. Lines break at spaces; a word longer than a line breaks
    after a colon or a slash, and a longer part of a word anywhere.
    """
    body = printable(body)
    whole = Line(head, body)
    if width is None or cell_len(str(whole)) <= width:
        return whole
    from rich.cells import chop_cells

    words = body.split(" ")
    beginning = cell_len(str(head))
    indent = beginning
    if any(cell_len(piece) > width - indent for word in words for piece in PIECE.findall(word)):
        indent = LEAST
    room = max(width - indent, LEAST)
    lines, left = [""], width - beginning
    for word in words:
        glue = " " if lines[-1] else ""
        pieces = [word]
        if cell_len(word) > room:
            pieces = [part for piece in PIECE.findall(word) for part in chop_cells(piece, room)]
        for piece in pieces:
            if cell_len(lines[-1] + glue + piece) > left and (lines[-1] or left < room):
                lines.append("")
                left, glue = room, ""
            lines[-1] += glue + piece
            glue = ""
    return Line(head, f"\n{' ' * indent}".join(lines))


def wrapped(lines: Iterable[str], width: int | None) -> Iterator[Line]:
    """Each line within the width; what follows of a line keeps the indent of the line's words."""
    for line in lines:
        head = HEAD.match(line)
        at = head.end() if head else 0
        yield hanging(Line(line[:at]), line[at:], width)


def widths(natural: Sequence[int], gap: int, width: int | None, fixed: Sequence[int] = ()) -> list[int]:
    """The widths of columns within ``width``, with ``gap`` between; the widest shrinks first.

    The columns with an index in ``fixed`` keep their natural width.
    """
    found = list(natural)
    if width is None:
        return found
    room = width - gap * (len(found) - 1)
    while sum(found) > room:
        index = max((i for i in range(len(found)) if i not in fixed), key=lambda i: found[i], default=None)
        if index is None or found[index] <= LEAST:
            break
        found[index] -= 1
    return found


def cell(text: str, width: int) -> str:
    """The text in exactly ``width`` columns; an ellipsis marks a cut."""
    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1) + "…"
