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


def at(moment: datetime, weekday: int, hour: int) -> bool:
    """Whether a moment is the hour of the day."""
    return (moment.weekday(), moment.hour, moment.minute) == (weekday, hour, 0)


@pytest.mark.parametrize(
    ("hours", "pause", "inside"),
    [
        ("06:00-22:00", 60, lambda t: t.hour >= 6 and t.hour * 60 + t.minute <= 21 * 60),
        ("06:00-07:00", 60, lambda t: (t.hour, t.minute) == (6, 0)),
        ("06:30-08:00", 45, lambda t: 390 <= t.hour * 60 + t.minute <= 435),
        ("20:00-04:00", 60, lambda t: t.hour >= 20 or t.hour * 60 + t.minute <= 180),
        ("22:00-02:00", 180, lambda t: 22 * 60 <= t.hour * 60 + t.minute <= 23 * 60),
        ("Mon-Fri 06:00-22:00", 60, lambda t: t.weekday() < 5 and 360 <= t.hour * 60 + t.minute <= 1260),
        (
            "Sat-Sun 00:00-00:00",
            60,
            lambda t: t.weekday() == 5 or (t.weekday() == 6 and t.hour < 23) or at(t, 6, 23),
        ),
        (
            "Sun-Thu 00:00-00:00",
            60,
            lambda t: t.weekday() in (6, 0, 1, 2) or (t.weekday() == 3 and t.hour < 23) or at(t, 3, 23),
        ),
        (
            "Mon-Fri 06:00-06:00",
            60,
            lambda t: at(t, 0, 6) or MONDAY + timedelta(hours=6) <= t <= MONDAY + timedelta(days=5, hours=5),
        ),
        (
            "Mon-Fri 22:00-06:00",
            60,
            lambda t: (
                (t.weekday() < 5 and t.hour >= 22)
                or (1 <= t.weekday() <= 5 and t.hour * 60 + t.minute <= 300)
            ),
        ),
        (
            "Fri-Sun 22:00-06:00",
            60,
            lambda t: (
                (t.weekday() >= 4 and t.hour >= 22)
                or (t.weekday() in (5, 6, 0) and t.hour * 60 + t.minute <= 300)
            ),
        ),
        (
            "Mon-Fri 22:00-02:00",
            180,
            lambda t: t.weekday() < 5 and 22 * 60 <= t.hour * 60 + t.minute <= 23 * 60,
        ),
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


@pytest.mark.parametrize("hours", ["00:00-00:00", "Mon-Sun 00:00-00:00", "Thu-Wed 06:00-06:00"])
def test_usual_hours_of_a_whole_week_need_no_expression(hours: str) -> None:
    config = Config(alarms=AlarmsConfig(email="me@example.com", usual_hours=hours))
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
