"""The configuration and the local cloud reject the same date patterns."""

from __future__ import annotations

import datetime as dt
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mysfits_stream import key_prefixes
from mysfits_stream.localcloud.firehose.date_patterns import PatternError, format_date

NOON = dt.datetime(2026, 3, 7, 12, 0, tzinfo=dt.UTC)


def rejected_locally(pattern: str) -> bool:
    try:
        format_date(NOON, pattern)
    except PatternError:
        return True
    return False


@pytest.mark.parametrize("letter", string.ascii_letters)
def test_every_letter_is_accepted_as_often_by_both(letter: str) -> None:
    for count in range(1, 21):
        pattern = letter * count
        assert bool(key_prefixes.date_pattern_rejection(pattern)) == rejected_locally(pattern), pattern


@given(st.text("yMdHVpb'[]{#-/", max_size=8))
def test_every_pattern_is_judged_alike_by_both(pattern: str) -> None:
    assert bool(key_prefixes.date_pattern_rejection(pattern)) == rejected_locally(pattern)
