"""Lines and tables fit 80 and 60 columns, and are whole without a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from mysfits_stream.books.erasing import Erasure
from mysfits_stream.books.lines import Found
from mysfits_stream.books.person import Person
from mysfits_stream.books.receipt import Receipt, Verified
from mysfits_stream.books.statement import Books, Suspect, Totals
from mysfits_stream.clicks.counting import Counts
from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.clicks.distinct import Distinct
from mysfits_stream.clicks.sending import TestClick
from mysfits_stream.config import Config
from mysfits_stream.doctor.links import Link
from mysfits_stream.operations.changes import ResourceChange, StackChanges
from mysfits_stream.operations.clicks import Counted, Delivered
from mysfits_stream.operations.erase import Erased
from mysfits_stream.operations.logs import LogEvent, LogEvents
from mysfits_stream.operations.plan import Plan
from mysfits_stream.operations.query import Answer, tables
from mysfits_stream.operations.send_test_click import TestClicks
from mysfits_stream.operations.time_range import TimeRange
from mysfits_stream.operations.up import Up
from mysfits_stream.output.console import Output
from mysfits_stream.output.layout import hanging
from mysfits_stream.output.line import Line
from mysfits_stream.provision.engine import Action
from mysfits_stream.query.engine import Rows

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


CLICKS = [
    CLICK | {"mysfitId": f"{number % 9:x}{ID[1:]}", "clickedAt": f"2026-11-23T{number:02}:24:05.719Z"}
    for number in range(24)
]
RANGE = TimeRange(TIME, TIME + timedelta(days=1))


def counted(by: str) -> Counted:
    counts = Counts.of(by, DEFINITION)
    counts.add([*CLICKS, CLICK, CLICK | {"test": True}])
    return Counted(counts, 20, RANGE, ParseProblems(), 0)


def answer() -> Answer:
    rows = [tuple(click.values()) for click in CLICKS]
    return Answer(Rows(tuple(CLICK), ("VARCHAR",) * len(CLICK), iter(rows)), None, RANGE, ParseProblems())


BOOKS = Books(
    TIME,
    TIME + timedelta(days=1),
    TIME + timedelta(hours=23),
    (),
    Totals(1_234_567, 1_234_567, 1_234_560, 3, 2, 4, 0),
    (Suspect("lost", TIME, 1, 3, "processor", f"the processor {ROLE} dropped them", (ID, ID)),),
    ParseProblems(),
    failing_since=TIME,
)


def erased(*, dry_run: bool) -> Erased:
    found = Found(clicks=1_000, failed=3, raw=1)
    counts = Erasure(dry_run, found, found, 2, 90, 120, 1, 5, [], {f"firehose/{ID}/{ID}": "AccessDenied: no"})
    return Erased(Person("userId", ID), TIME, counts, 3, Path(f"receipts/{ID}.json"), held=True)


def verified() -> Verified:
    done, person = erased(dry_run=False), Person("userId", ID)
    receipt = Receipt.of("clicks", person, TIME)
    return Verified(receipt, done.counts, (f"firehose/{ID}?versionId={ID}",), 3, 2, searched_raw=False)


def log_events() -> LogEvents:
    messages = (f"failed for {ROLE}: " + "no answer " * 9, "first\n" + "second " * 20 + ID)
    events = [LogEvent("processor", TIME, "s", message, "1") for message in messages]
    return LogEvents(("/aws/lambda/p",), TIME, tuple(events))


STYLE = re.compile(r"\x1b\[[0-9;]*m")
RESULTS: dict[str, Callable[[Output], None]] = {
    "plan": lambda out: out.plan(Plan(CHANGES)),
    "up": lambda out: out.up(Up(CHANGES, 11.6), lambda: FIELDS),
    "status": lambda out: out.status(CHANGES),
    "clicks": lambda out: out.clicks(delivered(), None),
    "clicks --follow": lambda out: out.click_lines([CLICK], DEFINITION),
    "clicks --by": lambda out: out.counted(counted("mysfitId,userId")),
    "clicks --by, by time": lambda out: out.counted(counted("mysfitId,hour")),
    "query": lambda out: out.query(answer(), "table", None),
    "query without SQL": lambda out: out.query_tables(tables(DEFINITION)),
    "audit": lambda out: out.audit(BOOKS),
    "erase": lambda out: out.erased(erased(dry_run=False)),
    "erase --dry-run": lambda out: out.erased(erased(dry_run=True)),
    "erase --verify": lambda out: out.verified(verified()),
    "logs": lambda out: out.log_events(log_events()),
    "logs --follow": lambda out: out.follow_log_events(log_events().events),
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
    assert any(value in shown for value in (ROLE, ID, "clickedAt  TIMESTAMPTZ"))
    assert "…" not in shown


def test_an_arn_breaks_after_a_colon_or_a_slash() -> None:
    lines = str(hanging(Line("processor-role   missing   "), ROLE, 60)).split("\n")
    assert lines == [
        "processor-role   missing   arn:aws:iam::123456789012:role/",
        "    mysfits-clicks-us-east-1-processor",
    ]
    lines = str(hanging(Line("delivery-stream  missing   "), STREAM, 60)).split("\n")
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
