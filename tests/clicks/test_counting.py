"""Clicks counted by fields, attributes and units of time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mysfits_stream import click_definition
from mysfits_stream.clicks import counting
from mysfits_stream.clicks.counting import Counts, unit_of, units_between
from mysfits_stream.config import Config
from mysfits_stream.errors import ClickError
from mysfits_stream.output.counts import sparkline

DEFINITION = Config().definition


def clicks(*rows: tuple[str, str | None]) -> list[dict[str, Any]]:
    return [{"clickedAt": at, "species": species} for at, species in rows]


def test_groups_with_the_most_clicks_come_first_and_equal_ones_in_their_order() -> None:
    counts = Counts.of("species", DEFINITION)
    found = clicks(*((f"2026-11-23T12:00:0{n}.000Z", name) for n, name in enumerate("bbaac")))
    counts.add([*found, found[0] | {"test": True}, found[0] | {"species": None}])
    assert counts.top(10) == [(("a",), 2), (("b",), 2), (("c",), 1), ((None,), 1)]
    assert counts.top(1) == [(("a",), 2)]
    assert (counts.clicks, counts.tests) == (6, 1)


def test_units_of_time_are_in_utc_and_a_week_begins_on_monday() -> None:
    late = "2026-11-29T23:59:59.999Z"
    assert [unit_of(late, unit) for unit in counting.UNITS] == [
        "2026-11-29T23:00Z",
        "2026-11-29",
        "2026-11-23",
    ]
    assert unit_of("2026-11-30T00:00:00.000Z", "week") == "2026-11-30"
    assert unit_of("2026-11-30T00:30:00.000+01:00", "day") == "2026-11-29"
    assert unit_of("noon", "day") is None


def test_rows_that_begin_with_a_time_are_in_its_order() -> None:
    counts = Counts.of("day, species", DEFINITION)
    counts.add(clicks(*[("2026-11-24T00:00:00.000Z", "a")] * 3, ("2026-11-23T00:00:00.000Z", "b")))
    assert counts.top(10) == [(("2026-11-23", "b"), 1), (("2026-11-24", "a"), 3)]
    assert counts.top(1) == [(("2026-11-24", "a"), 3)]


def test_a_field_comes_before_a_unit_of_time_of_the_same_name() -> None:
    fields = (click_definition.Field("hour", bounds=(("maxLength", 9),)),)
    counts = Counts.of("hour", click_definition.define(fields, None, None, anonymize=False))
    counts.add([{"clickedAt": "2026-11-24T00:00:00.000Z", "hour": "noon"}])
    assert counts.groups == Counter({("noon",): 1})


@pytest.mark.parametrize("by", ["colour", "species,", "", "SPECIES"])
def test_an_unknown_name_is_refused_with_the_names_there_are(by: str) -> None:
    with pytest.raises(
        ClickError, match=r"not a field, an attribute or a unit of time; known: userId,.*week"
    ):
        Counts.of(by, DEFINITION)


def test_more_groups_than_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST_GROUPS", 2)
    counts = Counts.of("userId", DEFINITION)
    with pytest.raises(ClickError, match="more than 2 groups; use fewer names, a shorter range"):
        counts.add({"clickedAt": "2026-11-24T00:00:00.000Z", "userId": str(n)} for n in range(3))


def test_units_between_leave_none_out() -> None:
    assert list(units_between("2026-11-23T22:00Z", "2026-11-24T01:00Z", "hour")) == [
        "2026-11-23T22:00Z",
        "2026-11-23T23:00Z",
        "2026-11-24T00:00Z",
        "2026-11-24T01:00Z",
    ]
    assert list(units_between("2026-02-27", "2026-03-01", "day")) == [
        "2026-02-27",
        "2026-02-28",
        "2026-03-01",
    ]
    assert list(units_between("2026-11-23", "2026-12-07", "week")) == [
        "2026-11-23",
        "2026-11-30",
        "2026-12-07",
    ]


def test_a_sparkline_has_a_character_for_each_number() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▁▄█"
    assert sparkline([0, 0]) == "  "
    assert sparkline([]) == ""
