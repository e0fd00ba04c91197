"""Partitions that Athena can generate, for each prefix that a delivery stream may have."""

from __future__ import annotations

import pytest

from mysfits_stream.date_partitions import DatePartitions, date_partitions

PROJECTED = [
    ("firehose/", "yyyy/MM/dd/HH", "HOURS", "s3://b/firehose/${d}/", "s3://b/firehose/", "2018/01/01/00"),
    ("", "yyyy/MM/dd/HH", "HOURS", "s3://b/${d}/", "s3://b/", "2018/01/01/00"),
    (
        "c/y=!{timestamp:yyyy}/m=!{timestamp:MM}/d=!{timestamp:dd}/",
        "yyyy'/m='MM'/d='dd",
        "DAYS",
        "s3://b/c/y=${d}/",
        "s3://b/c/",
        "2018/m=01/d=01",
    ),
    ("c/!{timestamp:yyyy-MM-dd-HH}-x/", "yyyy-MM-dd-HH", "HOURS", "s3://b/c/${d}-x/", "s3://b/c/", None),
    ("c/!{timestamp:'year='yyyy}/", "'year='yyyy", "YEARS", "s3://b/c/${d}/", "s3://b/c/", "year=2018"),
    (
        "c/!{timestamp:yyyy/MM}/!{firehose:random-string}/",
        "yyyy/MM",
        "MONTHS",
        "s3://b/c/${d}/",
        "s3://b/c/",
        "2018/01",
    ),
    ("a-!{timestamp:yyyy}/", "yyyy", "YEARS", "s3://b/a-${d}/", "s3://b/", "2018"),
    ("!{timestamp:yyyy'a'}b'c!{timestamp:MM}/", "yyyy'ab''c'MM", "MONTHS", "s3://b/${d}/", "s3://b/", None),
]


@pytest.mark.parametrize(("prefix", "pattern", "unit", "template", "location", "first"), PROJECTED)
def test_a_prefix_from_the_year_down_is_projected(
    prefix: str, pattern: str, unit: str, template: str, location: str, first: str | None
) -> None:
    found = date_partitions(prefix)
    assert (found.format, found.unit) == (pattern, unit)
    assert found.template("b", "d") == template
    assert found.location("b") == location
    assert first is None or found.first(2018) == first


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        ("!{firehose:random-string}/", "stands before the end of the date"),
        ("!{timestamp:yyyy}/!{firehose:random-string}/!{timestamp:MM}/", "stands before the end of the date"),
        ("!{timestamp:dd/MM/yyyy}/", "consists of dd, MM, yyyy"),
        ("!{timestamp:MM}/", "consists of MM"),
        ("!{timestamp:yyyy/MM/dd/HH/mm}/", "consists of yyyy, MM, dd, HH, mm"),
        ("!{timestamp:yyyy}/!{timestamp:yyyy/MM}/", "consists of yyyy, yyyy, MM"),
        ("!{timestamp:yy}/", "consists of yy"),
        ("!{timestamp:'x'}/", "consists of nothing"),
        ("!{timestamp:yyyy}-!{firehose:random-string}/", "followed by a slash"),
        ("${x}/!{timestamp:yyyy}/", "stands for a column"),
    ],
)
def test_a_prefix_that_athena_cannot_generate_is_refused_with_the_reason(prefix: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        date_partitions(prefix)


def test_the_number_of_parts_follows_from_the_interval() -> None:
    assert DatePartitions("", "yyyy/MM/dd", "DAYS", "/").parts == 3
