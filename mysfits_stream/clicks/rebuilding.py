"""Records as Firehose sends them to a processor, rebuilt from delivered lines.

A line is a click with what the processor added. Without the additions, in the envelope of a request, the
click can be processed again. Clicks of one request that follow each other share a record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mysfits_stream.click_definition import ADDED
from mysfits_stream.processor_contract import Record

Click = dict[str, Any]

UNKNOWN_REQUEST = "rehearsal"
"""The request of lines of version 0.1.0, which name none."""


@dataclass(frozen=True)
class Rebuilt:
    """A record, and the ids of the clicks in the record."""

    record: Record
    ids: tuple[str, ...]


def rebuilt(clicks: Iterable[Click], environment: Mapping[str, Any]) -> Iterator[Rebuilt]:
    """The records of delivered clicks.

    ``environment`` is the definition of the click by which the lines were written, as the processor reads it
    from the variable CLICK.
    """
    dropped = {*ADDED} | set((environment.get("enrich") or {}).get("attributes", ()))
    digest = environment.get("digest")
    number = 0
    group: list[Click] = []
    ids: list[str] = []
    head: tuple[Any, ...] = ()
    for line in clicks:
        request = line.get("requestId") or UNKNOWN_REQUEST
        click_id = line.get("clickId")
        click = {name: value for name, value in line.items() if name not in dropped}
        position = _position(click_id, request)
        if position is None and click_id:
            click["clickId"] = click_id
        key = request, line["clickedAt"], line.get("test") is True
        follows = position is not None and position == (head[3] + len(group) if head else -1)
        if not (group and follows and head[:3] == key):
            if group:
                yield _record(number, head, group, ids, digest)
                number += 1
            group, ids, head = [], [], (*key, position or 0)
        group.append(click)
        ids.append(click_id or f"line {number}")
    if group:
        yield _record(number, head, group, ids, digest)


def batches(records: Iterable[Rebuilt], most_bytes: float) -> Iterator[list[Rebuilt]]:
    """The records in batches as Firehose's buffer of the processor makes them, by size."""
    batch: list[Rebuilt] = []
    size = 0
    for each in records:
        if batch and size + len(each.record.data) > most_bytes:
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += len(each.record.data)
    if batch:
        yield batch


def _record(number: int, head: tuple[Any, ...], clicks: list[Click], ids: list[str], digest: Any) -> Rebuilt:
    request, at, test, first = head
    arrived = _milliseconds(at)
    envelope: dict[str, Any] = {"v": 1, "requestId": request, "time": arrived, "first": first}
    if digest:
        envelope["definition"] = digest
    if test:
        envelope["test"] = True
    envelope["clicks"] = clicks
    return Rebuilt(Record(f"{number:012d}", json.dumps(envelope).encode(), arrived), tuple(ids))


def _position(click_id: Any, request: str) -> int | None:
    """The position in the request that an id names; None for an id that the client chose."""
    if not isinstance(click_id, str) or not click_id.startswith(f"{request}:"):
        return None
    number = click_id[len(request) + 1 :]
    return int(number) if number.isdecimal() and len(number) < 7 else None


def _milliseconds(moment: str) -> int:
    at = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
