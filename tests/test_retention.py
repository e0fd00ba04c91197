"""Lifetimes of clicks, failed clicks and replayed clicks as rules of the bucket."""

from __future__ import annotations

from typing import Any

import pytest

from mysfits_stream.config import Config
from mysfits_stream.config_file import parse
from mysfits_stream.errors import ConfigError
from mysfits_stream.retention import Expiry


def rules(document: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(each.id, each.prefix, each.days) for each in parse(document).expiries if each.days]


def test_nothing_expires_by_default() -> None:
    assert all(each.days is None for each in Config().expiries)


def test_each_kind_of_object_has_a_rule_of_its_own() -> None:
    bucket = {"expire_clicks_days": 90, "expire_failed_days": 30, "expire_replayed_days": 7}
    assert rules({"bucket": bucket}) == [
        ("expire-clicks", "firehose/", 90),
        ("expire-failed", "processing-failed/", 30),
        ("expire-replayed", "replayed/", 7),
    ]


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "expected"),
    [
        ("c/!{timestamp:yyyy}/", "", ("c/", "processing-failed/", "replayed/")),
        ("c-!{firehose:random-string}/", "e/", ("c-", "e/processing-failed/", "e/replayed/")),
    ],
)
def test_a_rule_has_the_literal_part_of_the_prefix(
    prefix: str, error_prefix: str, expected: tuple[str, ...]
) -> None:
    config = parse({"delivery": {"prefix": prefix, "error_prefix": error_prefix}})
    assert tuple(each.prefix for each in config.expiries) == expected


OVERREACHING = [
    (
        {"expire_clicks_days": 9},
        {"prefix": "!{timestamp:yyyy}/"},
        "bucket.expire_clicks_days: needs a",
    ),
    (
        {"expire_clicks_days": 9},
        {"error_prefix": "firehose/errors/"},
        "bucket.expire_clicks_days: would also delete what lies below firehose/errors/processing-failed/",
    ),
    (
        {"expire_clicks_days": 9, "expire_failed_days": 10, "expire_replayed_days": 3},
        {"error_prefix": "firehose/"},
        "set bucket.expire_failed_days to 9 or less",
    ),
    (
        {"expire_failed_days": 9},
        {"prefix": "e/clicks/", "error_prefix": "e/!{timestamp:yyyy}/"},
        "bucket.expire_failed_days: would also delete what lies below e/clicks/",
    ),
]


@pytest.mark.parametrize(("bucket", "delivery", "message"), OVERREACHING)
def test_a_lifetime_that_would_delete_what_is_kept_longer_is_rejected(
    bucket: dict[str, int], delivery: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"bucket": bucket, "delivery": delivery})
    assert message in str(caught.value)


def test_objects_below_a_prefix_may_live_shorter() -> None:
    bucket = {"expire_clicks_days": 9, "expire_failed_days": 9, "expire_replayed_days": 3}
    assert len(rules({"bucket": bucket, "delivery": {"error_prefix": "firehose/"}})) == 3


def test_the_id_of_a_rule_follows_from_the_setting() -> None:
    assert Expiry("expire_clicks_days", "c/", 1).id == "expire-clicks"
