from __future__ import annotations

from datetime import datetime

import pytest

from mysfits_stream.clicks import timespec
from mysfits_stream.errors import ClickError
from tests.support.clicks_bucket import NOON


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", "2026-11-23T11:58:30+00:00"),
        ("15m", "2026-11-23T11:45:00+00:00"),
        ("1h", "2026-11-23T11:00:00+00:00"),
        (" 7d ", "2026-11-16T12:00:00+00:00"),
        ("2w", "2026-11-09T12:00:00+00:00"),
        ("2026-11-20", "2026-11-20T00:00:00+00:00"),
        ("2026-11-20T14:30Z", "2026-11-20T14:30:00+00:00"),
        ("2026-11-20T14:30+02:00", "2026-11-20T12:30:00+00:00"),
        ("99999w", "2015-10-01T00:00:00+00:00"),
        ("99999999d", "2015-10-01T00:00:00+00:00"),
        ("999999999w", "2015-10-01T00:00:00+00:00"),
        ("0001-01-01", "2015-10-01T00:00:00+00:00"),
        # Nothing is clicked later than now, whatever fraction of the second has passed.
        ("2040-01-01", "2026-11-23T12:00:01+00:00"),
        ("9999-12-31T23:59:59Z", "2026-11-23T12:00:01+00:00"),
    ],
)
def test_a_moment_is_told_from_now_or_by_itself(text: str, moment: str) -> None:
    assert timespec.parse(text, NOON, "--since") == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "1", "h", "-1h", "1.5h", "9999999999w", "2026-13-01", "١h"]
)
def test_anything_else_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(ClickError, match=r"--since .*expected a time span"):
        timespec.parse(text, NOON, "--since")
