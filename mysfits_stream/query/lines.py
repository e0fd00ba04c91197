"""The lines of an object, in a form with equal results in DuckDB and Python.

A line is a click or not by :func:`mysfits_stream.clicks.delivered.parse`, as in the command ``clicks``.
DuckDB reads lines of plain clicks much faster than Python. Lines with possibly different results (nested
values, foreign lines, half surrogate pairs) are parsed here and written again.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mysfits_stream.clicks import delivered

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
LONGEST_LINE = 1_500_000
"""Bytes; all fields of a definition, each of 2,048 characters as ``\\uXXXX``, are shorter."""


@dataclass(frozen=True)
class Lines:
    """Lines of JSON with a final newline each, and the number of dropped lines."""

    text: bytes
    count: int
    foreign: int = 0


def of_object(content: bytes, names: Iterable[str]) -> Lines:
    """An object's clicks: verbatim if all lines are plain, else parsed into columns."""
    if content and not content.endswith(b"\n"):
        content += b"\n"
    count = content.count(b"\n")
    is_plain = (
        content.count(b"{") == count
        and b"[" not in content
        and _has_no_long_line(content)
        and not (b"\\" in content and SURROGATE.search(content))
    )
    return Lines(content, count) if is_plain else parsed(content.split(b"\n"), names)


def parsed(lines: Iterable[bytes], names: Iterable[str]) -> Lines:
    """The clicks among the lines, reduced to the columns."""
    wanted = tuple(names)
    found, foreign = [], 0
    for line in lines:
        if not line.strip():
            continue
        click = delivered.parse(line) if len(line) <= LONGEST_LINE else None
        if click is None:
            foreign += 1
            continue
        found.append(json.dumps({name: _storable(click[name]) for name in wanted if name in click}))
    return Lines("".join(f"{line}\n" for line in found).encode(), len(found), foreign)


def _has_no_long_line(content: bytes) -> bool:
    return len(content) <= LONGEST_LINE or max(map(len, io.BytesIO(content))) <= LONGEST_LINE


def _storable(value: Any) -> Any:
    """A scalar for UTF-8 and SQL: no lone surrogate, no infinite number."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return None if isinstance(value, float) and not math.isfinite(value) else value
