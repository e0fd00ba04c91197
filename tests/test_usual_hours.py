"""Usual hours: every pause within the hours rings, and no other, at any minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mysfits_stream.config import AlarmsConfig, Config
from mysfits_stream.config_file import parse
from mysfits_stream.errors import ConfigError
from mysfits_stream.localcloud.control_plane import metric_math
from mysfits_stream.provision.alarms import kinds

MONDAY = datetime(2026, 9, 21, tzinfo=UTC)


def rings(hours: str, pause: int) -> list[datetime]:
    """The beginnings of the pauses that ring, by quarters of an hour of a week."""
    config = Config(alarms=AlarmsConfig(email="me@example.com", quiet_minutes=pause, usual_hours=hours))
    [quiet] = [kind for kind in kinds(config) if kind.name == "quiet"]
    value = metric_math.compiled(quiet.expression, "records")
    quarters = [MONDAY + timedelta(minutes=15 * number) for number in range(7 * 96)]
    return [begin for begin in quarters if value(None, begin.timestamp()) == 0]


@pytest.mark.parametrize(
    ("hours", "pause", "inside"),
    [
        ("06:00-22:00", 60, lambda t: t.hour >= 6 and t.hour * 60 + t.minute <= 21 * 60),
        ("06:00-07:00", 60, lambda t: (t.hour, t.minute) == (6, 0)),
        ("06:30-08:00", 45, lambda t: 390 <= t.hour * 60 + t.minute <= 435),
        ("20:00-04:00", 60, lambda t: t.hour >= 20 or t.hour * 60 + t.minute <= 180),
        ("22:00-02:00", 180, lambda t: 22 * 60 <= t.hour * 60 + t.minute <= 23 * 60),
        ("Mon-Fri 06:00-22:00", 60, lambda t: t.weekday() < 5 and 360 <= t.hour * 60 + t.minute <= 1260),
        ("Sat-Sun 00:00-00:00", 60, lambda t: t.weekday() >= 5),
        ("Sun-Thu 00:00-00:00", 60, lambda t: t.weekday() not in (4, 5)),
    ],
)
def test_a_pause_rings_if_all_of_it_is_within_the_hours(hours: str, pause: int, inside: object) -> None:
    found = rings(hours, pause)
    assert callable(inside)
    assert found == [
        quarter
        for quarter in (MONDAY + timedelta(minutes=15 * number) for number in range(7 * 96))
        if inside(quarter)
    ]
    assert found


def test_usual_hours_of_a_whole_day_need_no_expression() -> None:
    config = Config(alarms=AlarmsConfig(email="me@example.com", usual_hours="00:00-00:00"))
    assert {kind.expression for kind in kinds(config)} == {""}


@pytest.mark.parametrize(
    "hours", ["6-22", "06:00", "24:00-01:00", "06:60-07:00", "Mon 06:00-22:00", "mon-fri 06:00-22:00", ""]
)
def test_other_texts_are_rejected_with_an_example(hours: str) -> None:
    with pytest.raises(ConfigError, match=r"alarms\.usual_hours: must be hours in UTC such as 06:00-22:00"):
        parse({"alarms": {"email": "me@example.com", "usual_hours": hours}})


def test_a_pause_longer_than_the_hours_is_rejected() -> None:
    with pytest.raises(ConfigError, match=r"a pause of 720 minutes does not fit into alarms\.usual_hours"):
        parse({"alarms": {"email": "a@b", "usual_hours": "08:00-18:00", "quiet_minutes": 720}})
