"""Lines and tables fit terminals of 80 and of 60 columns, and are whole where there is no terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len
from rich.text import Text

from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.clicks.distinct import Distinct
from mysfits_stream.clicks.sending import TestClick
from mysfits_stream.config import Config
from mysfits_stream.doctor.links import Link
from mysfits_stream.operations.changes import ResourceChange, StackChanges
from mysfits_stream.operations.clicks import Delivered
from mysfits_stream.operations.plan import Plan
from mysfits_stream.operations.send_test_click import TestClicks
from mysfits_stream.operations.time_range import TimeRange
from mysfits_stream.operations.up import Up
from mysfits_stream.output.console import Output
from mysfits_stream.output.layout import hanging
from mysfits_stream.provision.engine import Action

ROLE = "arn:aws:iam::123456789012:role/mysfits-clicks-us-east-1-processor"
STREAM = "arn:aws:firehose:us-east-1:123456789012:deliverystream/mysfits-clicks-clicks"
ID = "7d1c5b1e-2f60-4f0a-9a53-0b6a3f1d8c01"
CLICK = {
    "clickedAt": "2026-11-23T12:24:05.719Z",
    "userId": ID,
    "species": "Triceratops",
    "goodevil": "Neutral",
    "lawchaos": "Chaotic",
    "mysfitId": ID,
}
FIELDS = {"userId": ID, "mysfitId": ID}
DEFINITION = Config().definition
TIME = datetime(2026, 11, 23, tzinfo=UTC)
CHANGES = StackChanges(
    stack="s",
    target="aws",
    account="123456789012",
    region="us-east-1",
    endpoint=None,
    resources=tuple(
        ResourceChange(name, "T", name, arn, "missing", Action.CREATE, {})
        for name, arn in [("processor-role", ROLE), ("delivery-stream", STREAM)]
    ),
)


def delivered() -> Delivered:
    clicks = [CLICK | {"mysfitId": f"{number:x}{ID[1:]}"} for number in range(12)] + [CLICK] * 12
    return Delivered(iter(clicks), TimeRange(TIME, TIME), DEFINITION, ParseProblems(), Distinct())


STYLE = re.compile(r"\x1b\[[0-9;]*m")
RESULTS: dict[str, Callable[[Output], None]] = {
    "plan": lambda out: out.plan(Plan(CHANGES)),
    "up": lambda out: out.up(Up(CHANGES, 11.6), lambda: FIELDS),
    "status": lambda out: out.status(CHANGES),
    "clicks": lambda out: out.clicks(delivered(), None),
    "clicks --follow": lambda out: out.click_lines([CLICK], DEFINITION),
    "send-test-click": lambda out: out.test_clicks(
        TestClicks((TestClick(FIELDS, ID, "delivered", CLICK, "firehose/2026/11/23/12/" + "x" * 60, 1.0),))
    ),
    "doctor": lambda out: out.link(
        Link("mysfits-service", "broken", "no answer " * 12 + ROLE, "check " * 20)
    ),
}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Output]:
    def of(columns: int) -> Output:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        return Output()

    return of


@pytest.mark.parametrize("columns", [80, 60])
@pytest.mark.parametrize("show", RESULTS.values(), ids=RESULTS)
def test_every_result_fits_the_terminal(
    terminal: Callable[[int], Output], show: Callable[[Output], None], columns: int, capsys: Any
) -> None:
    show(terminal(columns))
    shown = STYLE.sub("", capsys.readouterr().out).splitlines()
    assert shown
    assert [line for line in shown if cell_len(line) > columns] == []


@pytest.mark.parametrize("show", RESULTS.values(), ids=RESULTS)
def test_a_pipe_gets_every_value_whole(show: Callable[[Output], None], capsys: Any) -> None:
    show(Output())
    shown = capsys.readouterr().out
    assert any(value in shown for value in (ROLE, ID))
    assert "…" not in shown


def test_an_arn_breaks_after_a_colon_or_a_slash() -> None:
    lines = hanging(Text("processor-role   missing   "), ROLE, 60).plain.split("\n")
    assert lines == [
        "processor-role   missing   arn:aws:iam::123456789012:role/",
        "    mysfits-clicks-us-east-1-processor",
    ]
    lines = hanging(Text("delivery-stream  missing   "), STREAM, 60).plain.split("\n")
    assert lines == [
        "delivery-stream  missing   arn:aws:firehose:us-east-1:",
        "                           123456789012:deliverystream/",
        "                           mysfits-clicks-clicks",
    ]


def test_up_and_plan_end_in_a_summary(capsys: Any) -> None:
    Output().plan(Plan(CHANGES))
    Output().up(Up(CHANGES, 11.6), lambda: FIELDS)
    lines = capsys.readouterr().out.splitlines()
    assert "2 to create" in lines
    assert "2 created in 12 s" in lines


def test_many_test_clicks_are_counted_with_each_reason_once(capsys: Any) -> None:
    good = TestClick(FIELDS, ID, "delivered", CLICK, "key", 1.5)
    bad = TestClick(FIELDS, ID, "refused", reason="HTTP 400: no", seconds=0.1)
    Output().test_clicks(TestClicks((good,) * 998 + (bad,) * 2))
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "998 clicks delivered  the median after 1.50 s, the last after 1.50 s",
        "2 clicks refused  the median after 0.10 s, the last after 0.10 s",
        "  2 x refused: HTTP 400: no",
    ]
    assert printed.err == "Error: 2 refused, of 1000 clicks sent\n"
