"""Which calls list a time range: one for all hours, then one for each hour that is left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mysfits_stream.clicks import prefixes
from mysfits_stream.clicks.objects import ClicksBucket
from tests.support.clicks_bucket import BUCKET, NOON, Clock, MemoryS3, key

HOUR = timedelta(hours=1)
DEFAULT = "firehose/"

PREFIXES = [
    (DEFAULT, "what Firehose appends"),
    ("y=!{timestamp:yyyy}/m=!{timestamp:MM}/d=!{timestamp:dd}/h=!{timestamp:HH}/", "Hive"),
    ("!{timestamp:yyyy/M/d/H}/", "hours that do not sort as time does"),
    ("!{timestamp:yyyy-M-d-H}", "hours whose names begin as those of others"),
    ("!{timestamp:HH/dd/MM/yyyy}/", "hours that share no beginning"),
    ("clicks-!{timestamp:yyyyMMdd}", "days only"),
]


def bucket(s3: MemoryS3, prefix: str = DEFAULT) -> ClicksBucket:
    return ClicksBucket(s3, BUCKET, prefix, "processing-failed/", HOUR)  # type: ignore[arg-type]


def listed(s3: MemoryS3) -> list[str]:
    return [prefix for operation, prefix in s3.calls if operation == "list"]


def test_the_hours_of_a_range_are_listed_by_one_call() -> None:
    keys = [key(NOON - HOUR * 30), key(NOON)]
    s3 = MemoryS3(Clock(), dict.fromkeys(keys, b""))
    assert [each.key for each in bucket(s3).delivered(NOON - HOUR * 40, NOON)] == keys
    assert listed(s3) == ["firehose/2026/11/2"]


def test_hours_beyond_a_full_page_are_listed_concurrently_from_the_end_of_the_page() -> None:
    keys = [key(NOON - HOUR * ago, number) for ago in (3, 2, 1, 0) for number in (1, 2, 3)]
    s3 = MemoryS3(Clock(), dict.fromkeys(keys, b""))  # a page has two
    assert [each.key for each in bucket(s3).delivered(NOON - HOUR * 2, NOON)] == keys
    first, *rest = listed(s3)
    assert first == "firehose/2026/11/23/"
    assert sorted(rest) == [f"firehose/2026/11/23/{hour:02d}/" for hour in (9, 10, 11, 12)]


@pytest.mark.parametrize(("prefix", "reason"), PREFIXES, ids=[reason for _, reason in PREFIXES])
@given(
    objects=st.sets(st.tuples(st.integers(0, 60), st.integers(0, 3)), max_size=30),
    since=st.integers(0, 60),
    until=st.integers(0, 60),
)
def test_every_object_of_the_range_is_listed_once(
    prefix: str, reason: str, objects: set[tuple[int, int]], since: int, until: int
) -> None:
    pattern = prefixes.delivered_pattern(prefix)
    keys = {}
    for ago, number in objects:
        at = NOON - HOUR * ago
        keys[f"{prefixes.of_hour(pattern, at)}{key(at, number).rpartition('/')[2]}"] = at
    s3 = MemoryS3(Clock(), dict.fromkeys([*keys, "a", "firehose/a", "firehose/2026/11/23/1", "z"], b""))
    begin, end = NOON - HOUR * max(since, until), NOON - HOUR * min(since, until)
    found = [each.key for each in bucket(s3, prefix).delivered(begin, end)]
    assert found == sorted(
        (key for key, at in keys.items() if begin - HOUR <= at <= end), key=lambda each: (keys[each], each)
    )
