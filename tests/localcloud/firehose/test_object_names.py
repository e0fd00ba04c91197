"""Keys of S3 objects: prefixes, expressions and suffixes, at 10:30:05 UTC on Aug 27, 2018."""

from __future__ import annotations

import re

import pytest

from mysfits_stream.localcloud.firehose.object_names import (
    PrefixError,
    check_prefixes,
    error_object_key,
    object_key,
)

OLDEST = 1_535_365_805.678
SUFFIX = r"clicks-3-2018-08-27-10-30-05-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.mark.parametrize(
    ("prefix", "evaluated"),
    [
        pytest.param("", "2018/08/27/10/", id="the default is the hour"),
        pytest.param("clicks/", "clicks/2018/08/27/10/", id="the hour follows a literal prefix"),
        pytest.param("clicks", "clicks2018/08/27/10/", id="no slash is inserted"),
        pytest.param("x=!{timestamp:yyyy}/", "x=2018/", id="a timestamp of its own replaces the hour"),
        pytest.param("!{timestamp:yyyy'-'MM'-'dd}/", "2018-08-27/", id="quoted text is literal"),
        pytest.param(
            "!{timestamp:'year='yyyy'/h='HH}/", "year=2018/h=10/", id="letters in quotes are literal"
        ),
        pytest.param("!{timestamp:yy-M-d H:m:s.SSS}/", "18-8-27 10:30:5.678/", id="short forms"),
        pytest.param("!{timestamp:MMM MMMM EEE EEEE a}/", "Aug August Mon Monday AM/", id="names"),
        pytest.param("!{timestamp:DDD}/", "239/", id="the day of the year"),
        pytest.param("!{timestamp:hh KK kk Q}/", "10 10 10 3/", id="other clocks, and the quarter"),
        pytest.param("!{timestamp:Z XXX VV}/", "+0000 Z UTC/", id="zones"),
        pytest.param("!{timestamp:'it''s' HH}/", "it's 10/", id="a quote in quotes"),
    ],
)
def test_a_prefix_is_evaluated(prefix: str, evaluated: str) -> None:
    key = object_key(prefix, stream="clicks", version=3, oldest=OLDEST)

    assert re.fullmatch(re.escape(evaluated) + SUFFIX, key)


def test_random_strings_have_eleven_characters_and_each_is_another() -> None:
    prefix = "!{timestamp:yyyy}/!{firehose:random-string}/!{firehose:random-string}/"
    key = object_key(prefix, stream="clicks", version=3, oldest=OLDEST)
    match = re.fullmatch(r"2018/([0-9A-Za-z]{11})/([0-9A-Za-z]{11})/" + SUFFIX, key)

    assert match
    assert match[1] != match[2]


def test_the_hour_follows_a_random_string_without_a_timestamp() -> None:
    key = object_key("!{firehose:random-string}/", stream="clicks", version=3, oldest=OLDEST)

    assert re.fullmatch(r"[0-9A-Za-z]{11}/2018/08/27/10/" + SUFFIX, key)


def test_a_time_zone_is_that_of_prefix_and_suffix() -> None:
    key = object_key("", stream="clicks", version=3, oldest=OLDEST, time_zone="Asia/Tokyo")

    assert key.startswith("2018/08/27/19/clicks-3-2018-08-27-19-30-05-")


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "evaluated"),
    [
        pytest.param("", "", "processing-failed/2018/08/27/10/", id="neither"),
        pytest.param("clicks/", "", "clicks/processing-failed/2018/08/27/10/", id="a prefix only (F85)"),
        pytest.param(
            "", "bad/!{firehose:error-output-type}/", "bad/processing-failed/", id="no date by itself"
        ),
        pytest.param(
            "",
            "bad/!{firehose:error-output-type}/!{timestamp:yyyy}/any/!{timestamp:dd}",
            "bad/processing-failed/2018/any/27",
            id="the documentation's example",
        ),
        pytest.param("clicks/", "bad/", "bad/", id="a literal error prefix stays as it is"),
    ],
)
def test_an_error_prefix_is_evaluated(prefix: str, error_prefix: str, evaluated: str) -> None:
    key = error_object_key(
        prefix, error_prefix, "processing-failed", stream="clicks", version=3, oldest=OLDEST
    )

    assert re.fullmatch(re.escape(evaluated) + SUFFIX, key)


ERRORS = "bad/!{firehose:error-output-type}/"


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "message"),
    [
        (
            "!{timestamp:yyyy}/",
            "",
            "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions",
        ),
        (
            "!{timestamp:yyyy}/",
            "bad/!{timestamp:yyyy}/",
            "ErrorOutputPrefix must contain at least one occurrence of !{firehose:error-output-type}",
        ),
        (
            ERRORS,
            ERRORS,
            "Prefix must not contain any occurrence of !{firehose:error-output-type}",
        ),
        (
            "!{timestamp:yyyy-bb}/",
            ERRORS,
            "Invalid conversion character used in the value of the expression in Prefix",
        ),
        (
            "!{partitionKeyFromQuery:id}/",
            ERRORS,
            "The expression !{partitionKeyFromQuery:id} in Prefix is not simulated by the local cloud",
        ),
        ("!{timestamp:yyyy", ERRORS, "The expression !{timestamp:yyyy in Prefix has no end"),
        ("x" * 513, "", "Prefix must not be longer than 512 characters once evaluated"),
    ],
)
def test_a_bad_prefix_is_refused_in_aws_words(prefix: str, error_prefix: str, message: str) -> None:
    with pytest.raises(PrefixError, match=re.escape(message)):
        check_prefixes(prefix, error_prefix)


@pytest.mark.parametrize(
    ("prefix", "error_prefix"),
    [("", ""), ("clicks/", ""), ("clicks/", "literal/"), ("", ERRORS), ("!{timestamp:yyyy}/", ERRORS)],
)
def test_a_good_prefix_is_accepted(prefix: str, error_prefix: str) -> None:
    check_prefixes(prefix, error_prefix)
