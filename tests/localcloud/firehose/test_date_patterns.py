"""Java's date patterns: what each letter prints, and which patterns Java rejects."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from mysfits_stream.localcloud.firehose.date_patterns import PatternError, format_date

SUNDAY = dt.datetime(2018, 12, 30, 10, 30, 5, 678_000, tzinfo=dt.UTC)
CALCUTTA = dt.datetime(2018, 8, 27, 0, 5, tzinfo=ZoneInfo("Asia/Calcutta"))


@pytest.mark.parametrize(
    ("pattern", "formatted"),
    [
        pytest.param("G GGGG GGGGG", "AD Anno Domini A", id="era"),
        pytest.param("u uu uuuuu y yy yyyy", "2018 18 02018 2018 18 2018", id="year"),
        pytest.param("YYYY-ww w W", "2019-01 1 6", id="the week of January 1 is the first of its year"),
        pytest.param("Q QQ QQQ QQQQ q qqqq", "4 04 Q4 4th quarter 4 4th quarter", id="quarter"),
        pytest.param("M MM MMM MMMM MMMMM L LLL", "12 12 Dec December D 12 Dec", id="month"),
        pytest.param("d dd D DDD F g", "30 30 364 364 5 58482", id="day"),
        pytest.param("E EEEE EEEEE e ee eee c cccc", "Sun Sunday S 1 01 Sun 1 Sunday", id="day of week"),
        pytest.param("a B BBBB", "AM in the morning in the morning", id="part of the day"),
        pytest.param("H HH k K hh m s SSS S", "10 10 10 10 10 30 5 678 6", id="time"),
        pytest.param("A n N", "37805678 678000000 37805678000000", id="counted since midnight or the second"),
        pytest.param("VV z Z ZZZZ ZZZZZ", "UTC UTC +0000 GMT Z", id="zone"),
        pytest.param("O OOOO X XXX x xx xxx", "GMT GMT Z Z +00 +0000 +00:00", id="offset"),
        pytest.param("pppH[:mm]", " 10:30", id="padded, and an optional section"),
        pytest.param("'it''s' ''yy", "it's '18", id="quotes"),
    ],
)
def test_every_letter_prints_what_java_prints(pattern: str, formatted: str) -> None:
    assert format_date(SUNDAY, pattern) == formatted


@pytest.mark.parametrize(
    ("pattern", "formatted"),
    [
        ("X XX XXX xx Z ZZZZZ", "+0530 +0530 +05:30 +0530 +0530 +05:30"),
        ("O OOOO ZZZZ", "GMT+5:30 GMT+05:30 GMT+05:30"),
        ("VV z k K h a B", "Asia/Calcutta IST 24 0 12 AM at night"),
    ],
)
def test_offsets_and_midnight_elsewhere(pattern: str, formatted: str) -> None:
    assert format_date(CALCUTTA, pattern) == formatted


@pytest.mark.parametrize(
    ("hour", "minute", "period"),
    [
        (0, 0, "midnight"),
        (12, 0, "noon"),
        (13, 0, "in the afternoon"),
        (20, 59, "in the evening"),
        (23, 0, "at night"),
    ],
)
def test_day_periods(hour: int, minute: int, period: str) -> None:
    assert format_date(SUNDAY.replace(hour=hour, minute=minute), "B") == period


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("'year='yyyy'", id="an open quote"),
        pytest.param("HHH", id="three letters of an hour"),
        pytest.param("V", id="one V"),
        pytest.param("cc", id="two c"),
        pytest.param("aa", id="two a"),
        pytest.param("MMMMMM", id="six M"),
        pytest.param("SSSSSSSSSS", id="ten digits of a second"),
        pytest.param("b", id="a letter that Java does not know"),
        pytest.param("{", id="a reserved character"),
        pytest.param("HH]", id="an optional section that nobody opened"),
        pytest.param("pp", id="padding of nothing"),
        pytest.param("p-H", id="padding of a literal"),
    ],
)
def test_a_pattern_is_rejected_as_java_does(pattern: str) -> None:
    with pytest.raises(PatternError):
        format_date(SUNDAY, pattern)
