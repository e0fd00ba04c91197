"""The rules of a response that Firehose accepts (F81), one broken rule at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mysfits_stream import processor_contract
from mysfits_stream.processor_contract import ContractError, Outcome, Record

OK = {"recordId": "a", "result": "Ok", "data": "Y2xpY2s="}
FAILED = {"recordId": "b", "result": "ProcessingFailed"}


def outcomes(*records: Any) -> dict[str, Outcome]:
    return processor_contract.outcomes(json.dumps({"records": records}).encode(), ["a", "b"])


def test_a_response_in_any_order_has_an_outcome_for_each_record() -> None:
    assert outcomes(FAILED, OK) == {"a": Outcome("Ok", b"click"), "b": Outcome("ProcessingFailed")}
    dropped = {"recordId": "b", "result": "Dropped", "data": None}
    assert outcomes(OK, dropped)["b"] == Outcome("Dropped")


@pytest.mark.parametrize(
    ("response", "rule"),
    [
        (b"<html>", "is not JSON"),
        (b"null", "no list `records`"),
        (b'{"records": {}}', "no list `records`"),
        ([OK], "record ids are missing in the response: b"),
        ([OK, FAILED, FAILED], "record ids are returned more than once: b"),
        ([OK, FAILED, FAILED | {"recordId": "c"}], "record ids are returned that the event does not have: c"),
        ([OK, "b"], "a returned record has no recordId"),
        ([OK, {"recordId": 1, "result": "Ok"}], "a returned record has no recordId"),
        (
            [OK, FAILED | {"result": "ok"}],
            "record b has the result 'ok'; known: Ok, Dropped, ProcessingFailed",
        ),
        ([OK, FAILED | {"result": "Ok"}], "record b is Ok without data"),
        ([OK, FAILED | {"result": "Ok", "data": "a click"}], "the data of record b is not base64"),
    ],
)
def test_a_broken_rule_is_named(response: Any, rule: str) -> None:
    body = response if isinstance(response, bytes) else json.dumps({"records": response}).encode()
    with pytest.raises(ContractError) as broken:
        processor_contract.outcomes(body, ["a", "b"])
    assert rule in str(broken.value)


def test_an_event_is_firehoses() -> None:
    arn = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/clicks"
    assert json.loads(processor_contract.event([Record("a", b"click", 7)], arn, "i")) == {
        "invocationId": "i",
        "deliveryStreamArn": arn,
        "region": "eu-west-1",
        "records": [{"recordId": "a", "approximateArrivalTimestamp": 7, "data": "Y2xpY2s="}],
    }
