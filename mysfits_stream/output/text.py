"""Text for a terminal: control characters escaped, numbers with their nouns, sizes."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with control characters and escape sequences written out, safe for terminals."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def cell_len(text: str) -> int:
    """The columns of a terminal that printable text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def many(count: int, thing: str) -> str:
    """A number with its noun: ``1 click``, ``2 clicks``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def size(count: float) -> str:
    """A number of bytes, for example ``2.34 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
