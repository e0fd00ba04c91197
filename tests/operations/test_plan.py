"""The plan as JSON, with and without the cost of clicks."""

from __future__ import annotations

import pytest

from mysfits_stream import cost, cost_ceiling
from mysfits_stream.config import Config
from mysfits_stream.errors import ConfigError
from mysfits_stream.operations.changes import StackChanges
from mysfits_stream.operations.plan import Plan, throttle_warning
from mysfits_stream.output import stack as rendering

CHANGES = StackChanges("s", "local", "123456789012", "us-east-1", None, ())


def test_the_cost_is_part_of_the_json() -> None:
    bill = cost.monthly(Config(), 1e6)
    document = Plan(CHANGES, bill).document()
    assert document["cost"]["clicksPerMonth"] == 1e6
    assert document["cost"]["dollarsPerMonth"] == pytest.approx(bill.total, abs=0.01)
    assert [line["item"] for line in document["cost"]["lines"]] == [line.item for line in bill.lines]
    assert sum(line["dollars"] for line in document["cost"]["lines"]) == pytest.approx(bill.total, abs=0.01)


def test_the_bill_says_whose_prices_count() -> None:
    bill = cost.monthly(Config(region="sa-east-1"), 1e6)
    assert Plan(CHANGES, bill).document()["cost"]["pricesOf"] == "us-east-1, 2025-10"
    assert "(prices of us-east-1, 2025-10; other regions cost" in rendering.cost(bill)


def test_the_ceiling_is_part_of_the_json() -> None:
    ceiling = cost_ceiling.of(Config())
    document = Plan(CHANGES, ceiling=ceiling).document()
    assert document["costCeiling"] == ceiling.document()
    assert set(document["costCeiling"]) == {"perDay", "requestsPerSecond", "pricesOf"}


def test_without_a_volume_there_is_no_cost() -> None:
    assert Plan(CHANGES).document() == CHANGES.document()


@pytest.mark.parametrize(("volume", "warns"), [("40/s", False), ("41/s", True), ("1M/month", False)])
def test_a_volume_that_the_throttle_rejects_has_a_warning(volume: str, warns: bool) -> None:
    warning = throttle_warning(Config(), cost.parse_volume(volume))
    assert (warning is not None) == warns
    if warning:
        assert "is 41 clicks a second, and the throttle allows 40 requests a second" in warning


def test_an_empty_volume_is_an_error() -> None:
    with pytest.raises(ConfigError, match="--clicks: expected a number"):
        cost.parse_volume("")
