"""``clicks`` as it is run, on a bucket in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from mysfits_stream import cli
from mysfits_stream.aws.account import Account
from mysfits_stream.commands.app import App
from mysfits_stream.config import Config
from mysfits_stream.errors import ClickError
from tests.support.clicks_bucket import NOON, Clock, MemoryS3, enriched, key, lines

HOSTILE = {
    "half of a pair": "half \ud800 pair",
    "no Latin": "Ødegård мышь 鼠",
    "beyond the basic plane": "🦄",
    "line ends for some": "one\u2028two\u2029three\x85four",
    "what a terminal obeys": "\x1b[2J\x9b2J\x7f",
}


@dataclass
class Operator:
    """Somebody at a terminal, who presses Ctrl-C after so many pauses."""

    s3: MemoryS3
    patience: int = 0
    time_scale: float = 1.0
    name: str = "aws"
    account: Account = field(default_factory=lambda: Account("123456789012", "us-east-1"))

    def run(self, *arguments: str, command: str = "clicks") -> int:
        app, target = App(), self
        anything: Any = target
        app.config, app.target = Config(region="us-east-1"), anything
        code: int = cli.cli.main([command, *arguments], standalone_mode=False, obj=app)
        return code

    @property
    def clients(self) -> Any:
        return SimpleNamespace(s3=self.s3)

    @property
    def interrupt(self) -> Any:
        return self

    def set(self) -> None:
        """The waits of other threads end; there are none."""

    def sleep(self, seconds: float) -> None:
        self.patience -= 1
        if self.patience < 0:
            raise KeyboardInterrupt
        self.s3.clock.sleep(seconds)


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.chdir(tmp_path)
    return Operator(MemoryS3(Clock()))


def test_each_line_of_json_is_ascii_whatever_a_click_says(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    clicks = [
        enriched(NOON - timedelta(seconds=60 - number), user) for number, user in enumerate(HOSTILE.values())
    ]
    operator.s3.objects[key(NOON - timedelta(seconds=60))] = lines(*clicks)
    assert operator.run("--json") == 0
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert [json.loads(line) for line in shown.splitlines()] == clicks


def test_the_table_shows_what_a_terminal_would_obey_as_text(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    operator.s3.objects[key(NOON)] = lines(*(enriched(NOON, user) for user in HOSTILE.values()))
    assert operator.run() == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("half \\ud800 pair", "мышь", "\\u2028two", "\\x1b[2J\\x9b2J\\x7f"))
    assert all(line.isprintable() for line in shown.split("\n"))


def test_until_a_time_to_come_shows_what_there_is(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    operator.s3.objects[key(NOON)] = lines(enriched(NOON + timedelta(milliseconds=999)))
    assert operator.run("--json", "--until", "9999-12-31T23:59:59Z") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    # Today's hours, not those of centuries.
    assert len(operator.s3.calls) < 10


def test_following_says_what_is_no_click_once_as_it_lands(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    landing = iter([{}, {key(NOON) + ".gz": b"\x1f\x8bbroken"}, {}, {key(NOON, 1): lines(enriched(NOON))}])
    operator.s3.clock.on_sleep = lambda: operator.s3.objects.update(next(landing, {}))
    operator.patience = 40
    assert operator.run("--follow", "--json") == 0
    shown = capsys.readouterr()
    assert [json.loads(line) for line in shown.out.splitlines()] == [enriched(NOON)]
    assert shown.err.count("also found: ") == 1
    assert f"{key(NOON)}.gz cannot be read (" in shown.err


def test_until_before_since_is_an_empty_range_and_an_error(operator: Operator) -> None:
    operator.s3.objects[key(NOON - timedelta(days=3))] = lines(enriched(NOON - timedelta(days=3)))
    day = f"{NOON - timedelta(days=2):%Y-%m-%d}"
    with pytest.raises(
        ClickError, match=f"is empty: --since 1h is not before --until {day}. Give an earlier"
    ):
        operator.run("--until", day)
    assert operator.run("--json", "--since", "5d", "--until", day) == 0


@pytest.mark.parametrize("command", ["clicks", "failed", "replay"])
def test_since_a_time_to_come_is_an_empty_range_and_an_error(operator: Operator, command: str) -> None:
    with pytest.raises(ClickError, match="--since 9999-12-31 is in the future: it is 2026-11-23 1"):
        operator.run("--since", "9999-12-31", command=command)


def test_no_clicks_names_the_range(operator: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    assert operator.run("--since", "2h", "--until", "1h") == 0
    since, until = (f"{NOON - timedelta(hours=hours):%Y-%m-%d %H:%M:%S}" for hours in (2, 1))
    assert capsys.readouterr().out == f"No clicks were delivered from {since} to {until} UTC.\n"


def test_clicks_are_counted_by_names_each_once_and_without_test_clicks(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    hour = timedelta(hours=1)
    operator.s3.objects[key(NOON - hour)] = lines(
        enriched(NOON - hour, "ann", clickId="c" * 8),
        enriched(NOON - hour, "ann", clickId="c" * 8),
        enriched(NOON - hour, "bob", clickId="d" * 8) | {"test": True},
        *(enriched(NOON - timedelta(seconds=n + 1), "\x1b[2J", clickId=f"e{n}234567") for n in range(3)),
    )
    assert operator.run("--by", "userId", "--since", "2h", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows == [{"userId": "\x1b[2J", "clicks": 3}, {"userId": "ann", "clicks": 1}]
    assert operator.run("--by", "hour", "--since", "2h", "--json", "--top", "1") == 0
    assert json.loads(capsys.readouterr().out) == [{"hour": "2026-11-23T11:00Z", "clicks": 4}]

    assert operator.run("--by", "userId", "--since", "2h", "--top", "1") == 0
    shown = capsys.readouterr()
    assert "\\x1b[2J" in shown.out
    assert "█" in shown.out
    assert "and 1 other group" in shown.out
    assert "4 clicks from" in shown.out
    assert "Left out: 1 test click." in shown.out
    assert "left out: 1 duplicate; --raw counts all" in shown.err
    assert operator.run("--by", "userId,hour", "--since", "2h") == 0
    assert "by hour, 2026-11-23T11:00Z to 2026-11-23T11:00Z" in capsys.readouterr().out
    assert operator.run("--by", "species", "--since", "1s") == 0
    assert "No clicks were delivered" in capsys.readouterr().out
    only_test = ("--since", "61m", "--until", "2026-11-23T11:00:00.001Z", "--by", "species")
    operator.s3.objects = {key(NOON - hour): lines(enriched(NOON - hour, "bob") | {"test": True})}
    assert operator.run(*only_test) == 0
    assert "Left out: 1 test click." in capsys.readouterr().out


def test_quiet_prints_clicks_and_counts_all_the_same(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    operator.s3.objects[key(NOON)] = lines(enriched(NOON, "ann"))
    for arguments in ((), ("--by", "userId"), ("--json",)):
        assert operator.run(*arguments) == 0
        expected = capsys.readouterr().out
        assert operator.run(*arguments, "--quiet") == 0
        assert (found := capsys.readouterr().out) == expected
        assert "ann" in found


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--by", ""), "--by '': not a field"),
        (("--by", "species,"), "--by '': not a field"),
        (("--by", "species,day,species"), "--by species,day,species: species is there twice; name each once"),
        (("--since", ""), "--since '': expected a time span"),
        (("--until", ""), "--until '': expected a time span"),
    ],
)
def test_an_empty_or_repeated_name_is_refused(
    operator: Operator, arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises(ClickError, match=f"^{says}"):
        operator.run(*arguments)


def test_a_span_longer_than_all_time_is_all_clicks(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    operator.s3.objects[key(NOON)] = lines(enriched(NOON))
    assert operator.run("--since", "99999999d", "--json") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("others", [["--follow"], ["--last", "3"]])
def test_counts_are_of_a_whole_range(operator: Operator, others: list[str]) -> None:
    with pytest.raises(click.UsageError, match="--by counts all clicks"):
        operator.run("--by", "species", *others)
    with pytest.raises(click.UsageError, match="--top needs --by"):
        operator.run("--top", "3")
