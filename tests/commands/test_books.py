"""The question before an erasure, and the exit codes of ``erase`` and ``audit``."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from mysfits_stream.books.erasing import Erasure
from mysfits_stream.books.person import Person
from mysfits_stream.books.statement import Books, Suspect, Totals
from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.commands import questions
from mysfits_stream.commands.app import App
from mysfits_stream.config import Config
from mysfits_stream.errors import MysfitsStreamError
from mysfits_stream.operations.erase import Erased

SEEN = Erased(Person("userId", "ann"), datetime(2026, 11, 26, tzinfo=UTC), Erasure(dry_run=True), 0)


class Terminal(io.StringIO):
    """Standard input of somebody at a terminal."""

    def isatty(self) -> bool:
        return True


def app() -> App:
    made = App()
    made.config = Config()
    return made


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr("sys.stdin", Terminal(text))


def test_the_stacks_name_is_the_only_yes(typed: Callable[[str], None], capsys: Any) -> None:
    typed("mysfits-clicks\n")
    questions.ask_to_erase(app(), lambda: SEEN)
    shown = capsys.readouterr().err
    assert "Would erase userId=ann" in shown
    assert "Type the stack's name, mysfits-clicks, to erase these clicks" in shown
    for other in ("yes\n", "\n", "mysfits\n"):
        typed(other)
        with pytest.raises(click.Abort):
            questions.ask_to_erase(app(), lambda: SEEN)


def test_without_a_terminal_nothing_is_counted_and_nothing_asked() -> None:
    def count() -> Erased:
        raise AssertionError("counted")

    with pytest.raises(MysfitsStreamError, match="erase needs confirmation; add --yes"):
        questions.ask_to_erase(app(), count)


def test_verify_reads_only(tmp_path: Path) -> None:
    from mysfits_stream.commands.books import erase

    with pytest.raises(click.UsageError, match="--verify reads only"):
        erase.main(["--verify", str(tmp_path), "--yes"], standalone_mode=False, obj=app())


def test_a_dry_run_writes_no_receipt(tmp_path: Path) -> None:
    from mysfits_stream.commands.books import erase

    with pytest.raises(click.UsageError, match="remove --receipt"):
        erase.main(["--dry-run", "--receipt", str(tmp_path)], standalone_mode=False, obj=app())


@pytest.mark.parametrize(("kinds", "code"), [((), 0), (("lost",), 2), (("repeated",), 2)])
def test_the_exit_code_of_audit_says_whether_the_books_close(
    kinds: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from mysfits_stream.commands.books import audit

    noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    suspects = tuple(Suspect(kind, noon, 1, 2, "processor", "a reason") for kind in kinds)
    found = Books(noon, noon, noon, (), Totals(3, 1, 1, 0, 0, 0, 0), suspects, ParseProblems())
    monkeypatch.setattr("mysfits_stream.operations.audit.audit", lambda *_: found)
    monkeypatch.setattr(App, "standing_project", None)
    assert audit.main([], standalone_mode=False, obj=app()) == code
    shown = capsys.readouterr().out
    assert ("The books close" in shown) == (not kinds)
    assert ("2026-11-26 12:00 UTC  1 to 2 records lost, likeliest at the processor" in shown) is (
        kinds == ("lost",)
    )
