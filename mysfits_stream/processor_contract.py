"""Firehose's contract with a processor (F80 to F82): events, and the rules of responses."""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RESULTS = ("Ok", "Dropped", "ProcessingFailed")
MOST_SHOWN = 3


class ContractError(Exception):
    """A response that Firehose rejects, in whole or for a record.

    The text names the broken rule.
    """


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a record; ``data`` is empty unless the result is ``Ok``."""

    result: str
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of an event; ``arrived`` in milliseconds since the epoch."""

    id: str
    data: bytes
    arrived: int


def event(records: Sequence[Record], stream_arn: str, invocation_id: str) -> bytes:
    """The event of an invocation with the records."""
    document = {
        "invocationId": invocation_id,
        "deliveryStreamArn": stream_arn,
        "region": stream_arn.split(":")[3],
        "records": [
            {
                "recordId": record.id,
                "approximateArrivalTimestamp": record.arrived,
                "data": base64.b64encode(record.data).decode(),
            }
            for record in records
        ],
    }
    return json.dumps(document).encode()


def outcomes(response: bytes, ids: Sequence[str]) -> dict[str, Outcome]:
    """The outcome of each record by id. Raises ContractError.

    The rules: ``records`` is a list, each id of the event occurs once and no unknown id occurs, ``result`` is
    known, and ``data`` of an ``Ok`` record is base64.
    """
    try:
        document: Any = json.loads(response)
    except ValueError:
        raise ContractError("the response is not JSON") from None
    returned = document.get("records") if isinstance(document, dict) else None
    if not isinstance(returned, list):
        raise ContractError("the response has no list `records`")
    found = [_outcome(entry) for entry in returned]
    times = Counter(record_id for record_id, _ in found)
    if missing := [record_id for record_id in ids if record_id not in times]:
        raise ContractError(f"record ids are missing in the response: {_some(missing)}")
    if twice := [record_id for record_id, count in times.items() if count > 1]:
        raise ContractError(f"record ids are returned more than once: {_some(twice)}")
    if unknown := sorted(times.keys() - set(ids)):
        raise ContractError(f"record ids are returned that the event does not have: {_some(unknown)}")
    return dict(found)


def _outcome(entry: Any) -> tuple[str, Outcome]:
    if not isinstance(entry, dict) or not isinstance(entry.get("recordId"), str):
        raise ContractError("a returned record has no recordId")
    record_id, result, data = entry["recordId"], entry.get("result"), entry.get("data")
    if result not in RESULTS:
        raise ContractError(f"record {record_id} has the result {result!r}; known: {', '.join(RESULTS)}")
    if result != "Ok":
        return record_id, Outcome(result)
    if not isinstance(data, str):
        raise ContractError(f"record {record_id} is Ok without data")
    try:
        return record_id, Outcome(result, base64.b64decode(data, validate=True))
    except binascii.Error:
        raise ContractError(f"the data of record {record_id} is not base64") from None


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - MOST_SHOWN} more" if len(ids) > MOST_SHOWN else ""
    return ", ".join(ids[:MOST_SHOWN]) + more
