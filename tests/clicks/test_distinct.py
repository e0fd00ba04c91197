"""Each click is shown once: the earliest of its duplicates, in any reading order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mysfits_stream.clicks import distinct
from mysfits_stream.clicks.distinct import Distinct
from mysfits_stream.errors import ClickError

ids = st.sampled_from(["click-id-1", "click-id-2", "\ud800", "", "r:0", None, 7])
times = st.sampled_from([f"2026-11-26T12:00:0{second}.000Z" for second in range(5)])
clicks = st.builds(
    lambda click_id, at, user: (
        {"userId": user, "clickedAt": at} | ({} if click_id is None else {"clickId": click_id})
    ),
    ids,
    times,
    st.integers(),
)


@settings(deadline=None)
@given(st.lists(clicks, max_size=30))
def test_of_each_id_the_earliest_is_shown_and_the_others_are_counted(found: list[dict[str, Any]]) -> None:
    counted = Distinct()
    shown = list(counted.clicks(found))
    expected = []
    for position, click in enumerate(found):
        same = [
            (other["clickedAt"], number)
            for number, other in enumerate(found)
            if isinstance(click.get("clickId"), str) and other.get("clickId") == click["clickId"]
        ]
        if not same or min(same)[1] == position:
            expected.append(click)
    assert shown == expected
    assert counted.duplicates == len(found) - len(shown)


def test_a_replayed_click_that_is_earlier_is_shown_in_place_of_the_retry_that_was_read_first() -> None:
    retry = {"clickId": "click-id-1", "clickedAt": "2026-11-26T12:00:09.000Z"}
    other = {"clickId": "click-id-2", "clickedAt": "2026-11-26T12:30:00.000Z"}
    replayed = {"clickId": "click-id-1", "clickedAt": "2026-11-26T12:00:01.000Z"}
    counted = Distinct()
    assert list(counted.clicks([retry, other, replayed])) == [other, replayed]
    assert counted.duplicates == 1


def many(count: int) -> Iterator[dict[str, Any]]:
    """Clicks of which every tenth comes again."""
    for number in range(count):
        click_id = f"click-{number - 5 if number % 10 == 9 else number:012}"
        yield {"userId": "u" * 40, "clickId": click_id, "clickedAt": f"2026-11-26T{number:012}"}


def test_many_clicks_take_files_and_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every buffer small, all of it goes through files on disk."""
    monkeypatch.setattr(distinct, "BYTES_IN_MEMORY", 1000)
    monkeypatch.setattr(distinct, "SHARE_BYTES_IN_MEMORY", 1000)
    counted = Distinct()
    shown = [click["clickedAt"] for click in counted.clicks(many(20_000))]
    assert (len(shown), counted.duplicates) == (18_000, 2_000)
    assert all(first < second for first, second in pairwise(shown))


def test_files_without_room_get_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct, "BYTES_IN_MEMORY", 10)
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(ClickError, match=r"temporary files in /nowhere cannot be used .* add --raw"):
        list(Distinct().clicks(many(10)))


def test_followed_clicks_are_shown_at_once_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct, "REMEMBERED", 100)
    counted = Distinct()
    followed = counted.followed(many(10_000))
    assert next(followed)["clickId"] == "click-000000000000"
    assert sum(1 for _ in followed) == 8_999
    assert counted.duplicates == 1_000
    assert len(counted._seen) <= 100
