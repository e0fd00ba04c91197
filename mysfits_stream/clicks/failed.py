"""Failed clicks: records that could not be enriched, in Firehose's error format (F86)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mysfits_stream.clicks.delivered import ParseProblems, clicked_at
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.clicks.unpacking import UnreadableError

SAMPLES = 3
LONGEST_SAMPLE = 200


@dataclass(frozen=True)
class FailedClick:
    """A record as put, with the error and the time of arrival."""

    code: str
    message: str
    arrived: datetime
    data: bytes
    key: str
    """The error object that holds it."""


@dataclass
class Group:
    """The failed clicks of an error code and reason."""

    code: str
    message: str
    first: datetime
    last: datetime
    count: int = 0
    samples: list[str] = field(default_factory=list)

    def add(self, failed: FailedClick) -> None:
        """Count a failed click; the first few are kept as examples."""
        self.count += 1
        self.first, self.last = min(self.first, failed.arrived), max(self.last, failed.arrived)
        if len(self.samples) < SAMPLES:
            self.samples.append(content(failed.data))

    def document(self) -> dict[str, Any]:
        """The group as a JSON object."""
        return {
            "errorCode": self.code,
            "errorMessage": self.message,
            "count": self.count,
            "first": clicked_at(self.first),
            "last": clicked_at(self.last),
            "samples": self.samples,
        }


def read(
    bucket: ClicksBucket, since: datetime | None, until: datetime, trouble: ParseProblems
) -> Iterator[FailedClick]:
    """The failed clicks that arrived in a time range.

    ``trouble`` counts unparsable lines and objects.
    """
    for stored, lines in bucket.read(bucket.failed(since, until)):
        if isinstance(lines, UnreadableError):
            trouble.unreadable[stored.key] = str(lines)
            continue
        for line in lines:
            failed = parse(line, stored.key)
            if failed is None:
                trouble.foreign_lines += 1
            elif since is None or failed.arrived >= since:
                yield failed


def grouped(failed: Iterable[FailedClick]) -> list[Group]:
    """Failed clicks by error code and reason, the most frequent first."""
    groups: dict[tuple[str, str], Group] = {}
    for each in failed:
        groups.setdefault(
            (each.code, each.message), Group(each.code, each.message, each.arrived, each.arrived)
        ).add(each)
    return sorted(groups.values(), key=lambda group: -group.count)


def parse(line: bytes, key: str) -> FailedClick | None:
    """The failed click in a line of an error object, or None.

    Only the record and its arrival have to be valid; numbers occur as numbers and as text (F86).
    """
    try:
        said: Any = json.loads(line)
        return FailedClick(
            code=str(said.get("errorCode", "")),
            message=str(said.get("errorMessage", "")),
            arrived=datetime.fromtimestamp(int(said["arrivalTimestamp"]) / 1000, UTC),
            data=base64.b64decode(said["rawData"], validate=True),
            key=key,
        )
    except (AttributeError, KeyError, OSError, OverflowError, RecursionError, TypeError, ValueError):
        return None


def clicks_in(data: bytes) -> list[bytes]:
    """The clicks of a record, verbatim; the whole record if neither clicks nor an envelope."""
    begin, text = _clicks_text(data)
    return [data] if begin is None else _elements(text, begin) or [data]


def split(record: FailedClick) -> list[bytes]:
    """A record as records of single clicks, in envelopes with the identity of the request.

    An envelope's ``first`` is the number of its click. A record without an envelope gets an envelope: the
    time of arrival, and a request id derived from content and arrival, so that a second replay of the record
    gives equal ids. A record that cannot be parsed stays unchanged.
    """
    begin, text = _clicks_text(record.data)
    clicks = [] if begin is None else _elements(text, begin)
    if not clicks:
        return [record.data]
    document: Any = json.loads(text)
    milliseconds = round(record.arrived.timestamp() * 1000)
    if is_envelope(document):
        members = {key: value for key, value in document.items() if key != "clicks"}
    else:
        digest = hashlib.sha256(f"{milliseconds}\n".encode() + record.data).hexdigest()
        members = {"v": 1, "requestId": digest[:32], "time": milliseconds, "first": 0}
    first = members.get("first")
    if not isinstance(first, int):
        return [record.data]
    return [
        json.dumps(members | {"first": first + index}).encode()[:-1] + b', "clicks": ' + click + b"}"
        for index, click in enumerate(clicks)
    ]


def is_envelope(document: Any) -> bool:
    """Whether a record's document is an envelope, of any version."""
    return isinstance(document, dict) and "v" in document and "clicks" in document


def _clicks_text(data: bytes) -> tuple[int | None, str]:
    """The offset of the clicks in a record's text; None for a record that cannot be parsed."""
    try:
        text = data.decode()
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None, ""
    if not is_envelope(document):
        return 0, text
    decoder, at = json.JSONDecoder(), text.index("{") + 1
    begin = None
    while True:
        at = _past(text, at, " \t\n\r,:")
        if text[at] == "}":
            return begin, text
        key, at = decoder.raw_decode(text, at)
        at = _past(text, at, " \t\n\r:")
        # As for json.loads, the last of equal keys counts.
        begin = at if key == "clicks" else begin
        _, at = decoder.raw_decode(text, at)


def _elements(text: str, begin: int) -> list[bytes]:
    """The elements of the array at offset ``begin``, verbatim.

    A value of a different type as the only element.
    """
    decoder, elements, at = json.JSONDecoder(), list[bytes](), _past(text, begin, " \t\n\r")
    if text[at] != "[":
        _, end = decoder.raw_decode(text, at)
        return [text[at:end].encode()]
    at += 1
    while True:
        at = _past(text, at, " \t\n\r,")
        if text[at] == "]":
            return elements
        _, end = decoder.raw_decode(text, at)
        elements.append(text[at:end].encode())
        at = end


def _past(text: str, at: int, skipped: str) -> int:
    while text[at] in skipped:
        at += 1
    return at


def content(data: bytes) -> str:
    """The beginning of a record."""
    text = data.decode("utf-8", "backslashreplace")
    return text if len(text) <= LONGEST_SAMPLE else text[: LONGEST_SAMPLE - 1] + "…"
