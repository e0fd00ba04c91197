from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mysfits_stream.clicks import prefixes

AT = datetime(2026, 3, 7, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("prefix", "begins", "reason"),
    [
        ("firehose/", "firehose/2026/03/07/09/", "Firehose appends the hour where there is no timestamp"),
        ("", "2026/03/07/09/", "also to no prefix at all"),
        ("a/!{timestamp:yyyy-MM-dd}/", "a/2026-03-07/", "a timestamp of one's own replaces it"),
        ("y=!{timestamp:yyyy}/m=!{timestamp:MM}/", "y=2026/m=03/", "several expressions"),
        ("!{timestamp:'day='yy-D}/", "day=26-66/", "quoted text, short year, day of the year"),
        ("!{timestamp:''yyyy}/", "'2026/", "two quotes are one"),
        ("!{timestamp:MMM/d/H}/", "Mar/7/9/", "month by name, numbers without zeros"),
        ("t/!{timestamp:HH/mm}/x/", "t/09/", "minutes are not known for a whole hour"),
        ("t/!{timestamp:yyyy/ww}/x/", "t/2026/", "a letter that is not understood"),
        ("!{firehose:random-string}/!{timestamp:yyyy}/", "", "a random string can be anything"),
    ],
    ids=lambda value: value if " " in str(value) else "",
)
def test_an_hour_has_the_prefix_that_firehose_gives_it(prefix: str, begins: str, reason: str) -> None:
    assert prefixes.of_hour(prefixes.delivered_pattern(prefix), AT) == begins, reason


def test_failed_clicks_lie_under_the_error_prefix() -> None:
    assert (
        prefixes.of_hour(prefixes.failed_pattern("errors/"), AT) == "errors/processing-failed/2026/03/07/09/"
    )


def test_hours_are_those_of_utc_wherever_the_moment_was_given() -> None:
    elsewhere = AT.astimezone(datetime.strptime("+0530", "%z").tzinfo)
    assert prefixes.of_hours("!{timestamp:HH}/", elsewhere, elsewhere) == ["09/"]


def test_a_range_lists_its_hours_and_no_others() -> None:
    begin, end = AT + timedelta(minutes=59), AT + timedelta(hours=2)
    found = prefixes.of_hours(prefixes.delivered_pattern("c/"), begin, end)
    assert found == ["c/2026/03/07/09/", "c/2026/03/07/10/", "c/2026/03/07/11/"]


def test_a_prefix_that_several_hours_share_is_listed_once() -> None:
    assert prefixes.of_hours("!{timestamp:yyyy/MM}/", AT, AT + timedelta(days=20)) == ["2026/03/"]


def test_no_key_is_listed_twice_where_one_days_prefix_begins_as_anothers() -> None:
    # What follows the day is not known, so that the keys of the 1st and of the 10th begin alike.
    found = prefixes.of_hours("!{timestamp:yyyy-M-d}!{firehose:random-string}/", AT, AT + timedelta(days=30))
    assert found == [
        *(f"2026-3-{day}" for day in (7, 8, 9)),
        *(f"2026-3-{day}" for day in range(10, 32)),
        *(f"2026-4-{day}" for day in range(1, 7)),
    ]


@pytest.mark.parametrize(
    ("pattern", "sorts", "reason"),
    [
        (prefixes.delivered_pattern("firehose/"), True, "what Firehose appends"),
        (prefixes.failed_pattern("errors/"), True, "the stack's error prefix"),
        ("y=!{timestamp:yyyy}/m=!{timestamp:MM}/", True, "months"),
        ("!{timestamp:yyyy/MM/dd/HH/mm/ss}/", True, "to the second"),
        ("!{timestamp:'d'yyyy-MM-dd}/x/", True, "quoted text is the same for all"),
        ("!{timestamp:yyyy/M/d/H}/", False, "10 comes before 2"),
        ("!{timestamp:yyyy/MM/dd/HH/m}/", False, "the same for minutes"),
        ("!{timestamp:EEE}/!{timestamp:yyyy}/", False, "Friday comes before Monday"),
        ("!{timestamp:dd/MM/yyyy}/", False, "the day comes first"),
        ("!{timestamp:yyyy/MMM}/", False, "April comes before January"),
        ("!{timestamp:HH}/", False, "every day has the same hours"),
        ("!{firehose:random-string}/!{timestamp:yyyy/MM/dd/HH}/", False, "a random string comes first"),
    ],
    ids=lambda value: value if " " in str(value) else "",
)
def test_folders_sort_as_time_does_if_their_dates_are_padded_and_begin_with_the_year(
    pattern: str, sorts: bool, reason: str
) -> None:
    assert prefixes.sort_by_time(pattern) is sorts, reason


def test_whole_days_are_listed_as_days() -> None:
    begin = datetime(2026, 3, 6, 22, 30, tzinfo=UTC)
    found = prefixes.of_hours(prefixes.delivered_pattern("c/"), begin, begin + timedelta(days=2, hours=3))
    assert found == [
        "c/2026/03/06/22/",
        "c/2026/03/06/23/",
        "c/2026/03/07/",
        "c/2026/03/08/",
        "c/2026/03/09/00/",
        "c/2026/03/09/01/",
    ]


def test_days_are_not_listed_as_days_where_keys_begin_with_the_hour() -> None:
    midnight = datetime(2026, 3, 7, tzinfo=UTC)
    found = prefixes.of_hours("!{timestamp:HH/dd}/", midnight, midnight + timedelta(days=1))
    assert len(found) == 25
    assert found[0] == "00/07/"


@pytest.mark.parametrize("hour", ["H", "HH", "HHH", "HH'h'", "hh", "dd", "D/H"])
@pytest.mark.parametrize("date", ["yyyy/MM/dd/", "d-M-", "MMM/", ""])
def test_each_hour_of_whole_days_has_exactly_one_of_their_prefixes(date: str, hour: str) -> None:
    midnight = datetime(2026, 3, 7, tzinfo=UTC)
    pattern = f"c/!{{timestamp:{date}{hour}}}/"
    found = prefixes.of_hours(pattern, midnight, midnight + timedelta(days=2))
    for number in range(48):
        key = prefixes.of_hour(pattern, midnight + timedelta(hours=number))
        assert len([prefix for prefix in found if key.startswith(prefix)]) == 1, key
