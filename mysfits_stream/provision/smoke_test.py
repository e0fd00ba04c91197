"""The smoke test of a processor's version: the events, and the verdict on a response. Pure.

The event has a malformed record and a click with an unknown key. Import, time and Firehose's contract decide.
A Mysfits service in trouble makes the processor fail the batch on purpose (F83); a second event without the
click then decides, and the trouble is a warning.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mysfits_stream import processor_contract
from mysfits_stream.click_definition import Definition, Field
from mysfits_stream.processor_contract import ContractError, Record

MALFORMED, CLICK = "smoke-test-malformed", "smoke-test-click"
SERVICE_TROUBLE = "ServiceError"
"""The processor's exception for a Mysfits service that does not answer."""

UNKNOWN = "smoke-test"
"""A key that no item should have."""

AT = 1_767_225_600_000  # 2026-01-01, in milliseconds


@dataclass(frozen=True)
class Verdict:
    """The result of one event.

    ``problem`` is empty for a pass, ``service_trouble`` asks for a second.
    """

    problem: str = ""
    service_trouble: str = ""


def event(definition: Definition, stream_arn: str, *, with_click: bool = True) -> bytes:
    """The event of the smoke test."""
    records = [Record(MALFORMED, b"{", AT)]
    if with_click:
        records.append(Record(CLICK, json.dumps(_envelope(definition)).encode(), AT))
    return processor_contract.event(records, stream_arn, "smoke-test")


def verdict(response: bytes, function_error: str | None, *, with_click: bool = True) -> Verdict:
    """The verdict on a response of Invoke.

    ``function_error`` is the header X-Amz-Function-Error (F286).
    """
    if function_error:
        kind, text = _error(response)
        if with_click and kind == SERVICE_TROUBLE:
            return Verdict(service_trouble=text)
        return Verdict(f"{kind}: {text}")
    try:
        processor_contract.outcomes(response, [MALFORMED, CLICK] if with_click else [MALFORMED])
    except ContractError as error:
        return Verdict(f"{error} (Firehose's contract, F81)")
    return Verdict()


def _envelope(definition: Definition) -> dict[str, Any]:
    """A request as the API's mapping template writes it, marked as a test."""
    click = {field.name: _value(field, definition) for field in definition.fields if field.required}
    digest = {"definition": definition.digest} if definition.digest else {}
    return {
        "v": 1,
        "requestId": UNKNOWN,
        "time": AT,
        "first": 0,
        **digest,
        "test": True,
        "clicks": click,
    }


def _value(field: Field, definition: Definition) -> Any:
    if field.name == definition.key:
        return next((each for each in (UNKNOWN, 2**31 - 1) if field.accepts(each)), field.plausible())
    return field.plausible()


def _error(response: bytes) -> tuple[str, str]:
    try:
        document = json.loads(response)
        return str(document["errorType"]), " ".join(str(document.get("errorMessage", "")).split())
    except (ValueError, KeyError, TypeError):
        return "the function failed", "Lambda gives no reason"
