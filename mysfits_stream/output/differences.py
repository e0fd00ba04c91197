"""The differences of two JSON values by path: ``Definition.info.title: "a" -> "b"``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest
from os.path import commonprefix
from typing import Any

MOST = 60
"""Characters of a value that are shown."""

BEFORE = 12
"""Characters that are shown before the first difference of two long values."""

ABSENT = "(absent)"


class _Absent:
    """The value of a key or an element missing on this side."""


_ABSENT = _Absent()


def differences(path: str, observed: Any, desired: Any) -> Iterator[str]:
    """A line with both values for each path with a difference."""
    if observed == desired:
        return
    if isinstance(observed, dict) and isinstance(desired, dict):
        for key in [*observed, *(key for key in desired if key not in observed)]:
            sides = observed.get(key, _ABSENT), desired.get(key, _ABSENT)
            yield from differences(f"{path}.{key}", *sides)
    elif isinstance(observed, list) and isinstance(desired, list) and not _fit(observed, desired):
        for index, sides in enumerate(zip_longest(observed, desired, fillvalue=_ABSENT)):
            yield from differences(f"{path}[{index}]", *sides)
    else:
        before, after = _text(observed), _text(desired)
        start = 0
        if max(len(before), len(after)) > MOST:
            start = max(0, len(commonprefix([before, after])) - BEFORE)  # noqa: RUF071 - JSON, not paths
        yield f"{path}: {_excerpt(before, start)} -> {_excerpt(after, start)}"


def _fit(*values: Any) -> bool:
    return all(len(_text(value)) <= MOST for value in values)


def _text(value: Any) -> str:
    return ABSENT if value is _ABSENT else json.dumps(value, default=str)


def _excerpt(text: str, start: int) -> str:
    """At most MOST characters of a text from ``start``; an ellipsis marks a cut."""
    cut = text[start : start + MOST]
    return ("…" if start else "") + cut + ("…" if start + MOST < len(text) else "")
