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
