"""``--help``: sections, one line for each command, and examples that the parser accepts."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator

import click
import pytest

from mysfits_stream import cli
from mysfits_stream.commands.help import SECTIONS, Command

WIDTH = 80
INDENT, GAP = 2, 2


def commands(group: click.Group = cli.cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Command]]:
    """Every visible command of the command line, with its words."""
    for name, command in group.commands.items():
        if not command.hidden:
            assert isinstance(command, Command), f"{name}: declare it with commands.help.command"
            yield " ".join((*path, name)), command
            if isinstance(command, click.Group):
                yield from commands(command, (*path, name))


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_a_summary_fits_one_line_of_80_columns(name: str) -> None:
    names = [words.split()[-1] for words in ALL if len(words.split()) == len(name.split())]
    column = INDENT + max(map(len, names)) + GAP
    assert 0 < len(ALL[name].summary) <= WIDTH - column, ALL[name].summary


@pytest.mark.parametrize("name", ALL)
def test_each_example_is_a_command_line_that_the_parser_accepts(name: str) -> None:
    assert ALL[name].examples
    for example in ALL[name].examples:
        words = shlex.split(example, comments=True)
        assert words[: 1 + len(name.split())] == ["mysfits-stream", *name.split()]
        words = [*itertools.takewhile(lambda word: word not in (">", ">>", "|"), words)]
        parse(words[1:])


def parse(words: list[str]) -> None:
    """Parse a command line without a run; a usage error ends the test."""
    command: click.Command = cli.cli
    parent = command.make_context("mysfits-stream", list(words))
    while isinstance(command, click.Group):
        name, *rest = [*parent._protected_args, *parent.args]
        command = command.commands[name]
        parent = command.make_context(name, rest, parent=parent)


@pytest.mark.parametrize("name", [name for name in ALL if " " not in name])
def test_a_command_has_its_section(name: str) -> None:
    assert ALL[name].section in SECTIONS


def test_global_options_have_a_list_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["up", "--help"])
    own, _, shared = capsys.readouterr().out.partition("Global options:")
    assert "--adopt" in own
    assert "--region" in shared
    assert "--region" not in own.partition("Options:")[2]


def test_a_suggestion_and_the_help_page_are_two_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["upp"])
    message = "Error: No such command 'upp'. Did you mean 'up'? See `mysfits-stream --help`\n"
    assert capsys.readouterr().err == message


def test_no_line_of_the_command_list_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    printed = capsys.readouterr().out
    assert "..." not in printed.partition("Examples:")[0].replace("[ARGS]...", "")
    for name, command in ALL.items():
        if " " not in name:
            assert any(line.split() == [name, *command.summary.split()] for line in printed.splitlines())


@pytest.mark.parametrize(
    ("arguments", "page"),
    [
        (["--nosuch"], "mysfits-stream --help"),
        (["up", "--nosuch"], "mysfits-stream up --help"),
        (["local", "nosuch"], "mysfits-stream local --help"),
        (["clicks", "--last", "none"], "mysfits-stream clicks --help"),
    ],
)
def test_a_usage_error_names_its_help_page(
    arguments: list[str], page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 1
    message = capsys.readouterr().err
    assert message.endswith(f"; see `{page}`\n")
    assert message.count("\n") == 1
