"""Contents of objects without the clicks of a person: lines of clicks, and error lines."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mysfits_stream.books.person import Wanted, is_click, parse
from mysfits_stream.clicks import failed
from mysfits_stream.clicks.delivered import clicked_at
from mysfits_stream.clicks.failed import FailedClick

CLICKED_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

RAW_DATA = b"rawData"
"""The member of an error line that holds the record, in base64 (F86)."""


@dataclass
class Found:
    """Counts of a person's clicks in contents."""

    clicks: int = 0
    """Clicks in lines of clicks."""
    failed: int = 0
    """Clicks in error lines."""
    raw: int = 0
    """Lines and records that cannot be parsed and contain the value; removed as a whole."""
    later: int = 0
    """Clicks from after the cut-off, which stay."""

    @property
    def removed(self) -> int:
        """The removed clicks, lines and records."""
        return self.clicks + self.failed + self.raw

    def add(self, other: Found) -> None:
        """Add the counts of further contents."""
        self.clicks += other.clicks
        self.failed += other.failed
        self.raw += other.raw
        self.later += other.later


Removed = tuple[bytes, list[bytes]]
"""A removed line, and the lines in its place: the remaining clicks of an error line."""


class StoredClick(NamedTuple):
    """Time and ids of a line of clicks; lines of version 0.1.0 have no ids."""

    at: datetime
    text: str
    """``clickedAt`` as stored."""
    request: str | None
    id: str | None


@dataclass
class Filter:
    """Removes the clicks that a person sent before ``cut_off``; ``found`` counts."""

    person: Wanted
    cut_off: datetime
    found: Found = field(default_factory=Found)
    removed: list[Removed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._cut_off = clicked_at(self.cut_off)

    def without(self, contents: bytes) -> bytes:
        """The contents without the person's lines; every other line is unchanged, byte for byte."""
        if not (self.person.may_be_in(contents) or RAW_DATA in contents):
            return contents
        before, kept = len(self.removed), list[bytes]()
        for line in contents.split(b"\n"):
            parts = self._line(line)
            if parts != [line]:
                self.removed.append((line, parts))
            kept += parts
        return b"\n".join(kept) if len(self.removed) > before else contents

    def _line(self, line: bytes) -> list[bytes]:
        """The line, the parts of the line that stay, or nothing."""
        is_error = RAW_DATA in line
        if not (is_error or self.person.may_be_in(line)) or not line.strip():
            return [line]
        if is_error and (record := failed.parse(line, "")):
            return self._error_line(line, record)
        try:
            document = parse(line)
        except ValueError:
            return self._unparsable(line)
        if is_error and isinstance(document, dict) and self._occurs_in_raw(document):
            self.found.raw += 1
            return []
        if not is_click(document):
            return self._unparsable(line)
        if not self.person.owns(document):
            return [line]
        at = document.get("clickedAt")
        if isinstance(at, str) and at >= self._cut_off and CLICKED_AT.fullmatch(at):
            self.found.later += 1
            return [line]
        self.found.clicks += 1
        return []

    def _unparsable(self, line: bytes) -> list[bytes]:
        if not self.person.occurs_in(line):
            return [line]
        self.found.raw += 1
        return []

    def _occurs_in_raw(self, document: dict[str, Any]) -> bool:
        """Whether the value occurs in the unparsable record of an error line."""
        raw = document.get("rawData")
        try:
            return isinstance(raw, str) and self.person.occurs_in(base64.b64decode(raw))
        except ValueError:
            return False

    def _error_line(self, line: bytes, record: FailedClick) -> list[bytes]:
        """An error line without the person's clicks: a line for each remaining click."""
        clicks, whole = self._clicks_of(record.data)
        if not any(clicks):
            return [line]
        if record.arrived >= self.cut_off:
            self.found.later += clicks.count(self.OWN)
            return [line]
        self.found.failed += clicks.count(self.OWN)
        self.found.raw += clicks.count(self.RAW)
        if whole or all(clicks):
            return []
        pieces = failed.split(record)
        if len(pieces) != len(clicks):
            pieces = _divided(record.data)
        document: Any = json.loads(line)
        rest = [piece for piece, is_theirs in zip(pieces, clicks, strict=True) if not is_theirs]
        return [_error_line_of(document, piece) for piece in rest]

    OWN, RAW = "own", "raw"

    def _clicks_of(self, data: bytes) -> tuple[list[str], bool]:
        """For each click of a record the reason of its removal, or ""; and whether all go."""
        if not self.person.may_be_in(data):
            return [], False
        try:
            document = parse(data.decode())
        except ValueError:
            return ([self.RAW] if self.person.occurs_in(data) else []), True
        if failed.is_envelope(document):
            members = {key: value for key, value in document.items() if key != "clicks"}
            if not is_click(members):
                return ([self.RAW] if self.person.occurs_in(data) else []), True
            if self.person.owns(members):
                return [self.OWN], True
        return [self._reason(element) for element in failed.clicks_in(data)], False

    def _reason(self, element: bytes) -> str:
        document = parse(element.decode())
        if is_click(document):
            return self.OWN if self.person.owns(document) else ""
        return self.RAW if self.person.occurs_in(element) else ""


def identities(contents: bytes) -> Iterator[int]:
    """The identities of the clicks in contents, and of unparsable lines, as hashes."""
    for line in contents.split(b"\n"):
        if not line.strip():
            continue
        if RAW_DATA in line and (record := failed.parse(line, "")):
            yield from (hash(click_id) for _, click_id in ids_of(record))
            continue
        try:
            document = parse(line)
        except ValueError:
            document = None
        click_id = document.get("clickId") if isinstance(document, dict) else None
        yield hash(click_id if isinstance(click_id, str) else line)


def ids_of(record: FailedClick) -> Iterator[tuple[str | bytes, str | bytes]]:
    """Request id and click id of each click of a record, present or future.

    The content stands for the ids of a click without an identity.
    """
    for piece in failed.split(record):
        try:
            envelope = parse(piece.decode())
            request, click = envelope["requestId"], envelope["clicks"]
            click_id = click.get("clickId") or f"{request}:{envelope['first']}"
            if not (isinstance(request, str) and isinstance(click_id, str)):
                raise TypeError
            yield request, click_id
        except (ValueError, LookupError, TypeError, AttributeError):
            yield piece, piece


def stored_click(line: bytes) -> StoredClick | None:
    """Time and ids of a line of clicks; None for a line without a time."""
    try:
        click: Any = json.loads(line)
        text = click["clickedAt"]
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return None
    request, click_id = click.get("requestId"), click.get("clickId")
    if not isinstance(request, str) or not isinstance(click_id, str):
        request = click_id = None
    return StoredClick(at, text, request, click_id)


def _divided(data: bytes) -> list[bytes]:
    """The clicks of a record without a valid identity, each in a copy of the envelope."""
    document: Any = json.loads(data)
    members = {key: value for key, value in document.items() if key != "clicks"}
    return [json.dumps(members | {"clicks": json.loads(click)}).encode() for click in failed.clicks_in(data)]


def _error_line_of(document: dict[str, Any], data: bytes) -> bytes:
    """The error line with a new record."""
    changed = document | {"rawData": base64.b64encode(data).decode()}
    return json.dumps(changed, separators=(",", ":")).encode()
