"""README and docs: commands and settings are run, links and anchors are followed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import requests
import yaml

from mysfits_stream import cli, config, config_file
from mysfits_stream.local_site.mysfits import mysfits
from tests.end_to_end.conftest import Shell, shell
from tests.support.documents import DOCUMENTS, ROOT, anchors, blocks, command_lines, links

__all__ = ["shell"]

HISTORY = ROOT / "CHANGELOG.md"
NOT_RUN = {
    "--target aws": "needs an account",
    "AWS_ENDPOINT_URL": "needs another emulator",
    "--follow": "ends with Ctrl-C only",
    " -f": "ends with Ctrl-C only",
    "publish-site --bucket": "needs a bucket of the reader's",
    "mysfits-stream rollback": "needs an earlier version of the code",
    "erase --user u-7f3a --receipt": "asks for the stack's name",
    "erase --where visitorId": "needs the definition of the shop",
    "erase --verify": "needs the receipt of an erasure",
    "query --on athena": "needs query.athena; tests/docs/test_query.py runs the questions on both engines",
}
SECTIONS = set(config.Config.__dataclass_fields__)


def all_command_lines() -> Iterator[Any]:
    for document in DOCUMENTS:
        for place, line in command_lines(document):
            yield pytest.param(line, id=place)


def words_of(line: str) -> list[str]:
    """The arguments of a documented line, up to a redirection."""
    words = shlex.split(line)
    words = words[words.index("mysfits-stream") + 1 :]
    for stop in (">", ">>", "|", "<", "&&"):
        words = words[: words.index(stop)] if stop in words else words
    return words


@pytest.mark.parametrize("line", list(all_command_lines()))
def test_the_parser_accepts_each_documented_command_line(line: str) -> None:
    command: click.Command = cli.cli
    context = command.make_context("mysfits-stream", words_of(line))
    while isinstance(command, click.Group):
        name, *rest = [*context._protected_args, *context.args]
        command = command.commands[name]
        context = command.make_context(name, rest, parent=context)


def runnable(document: Path) -> list[tuple[str, str]]:
    return [
        (place, line) for place, line in command_lines(document) if not any(part in line for part in NOT_RUN)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "document",
    [pytest.param(each, id=str(each.relative_to(ROOT))) for each in DOCUMENTS if runnable(each)],
)
def test_each_documented_command_line_runs_in_the_order_of_its_document(document: Path, shell: Shell) -> None:
    """On a stack with a delivered click, in a directory of a new user."""
    assert shell.run("up").code == 0
    assert shell.run("send-test-click").code == 0
    for place, line in runnable(document):
        outcome = shell.run(*words_of(line))
        # plan and status say with 2 that something differs.
        assert outcome.code in (0, 2), f"{place}: {line}\n{outcome.err}"
        assert "Traceback" not in outcome.err


@pytest.mark.slow
def test_the_readmes_question_has_the_answer_that_is_printed_there(shell: Shell) -> None:
    """Five clicks of visitors, and the demo's test click on the first mysfit."""
    [example] = [block for block in blocks(ROOT / "README.md") if "$ mysfits-stream query" in block.text]
    question, *answer = example.lines
    endpoint = shell.run("up", "--json").json["endpoint"]
    by_species = {str(each["species"]): each["mysfitId"] for each in mysfits()}
    clicked = ["Griffin", "Kitsune", "Griffin", "Kraken", "Kitsune"]
    clicks = [{"userId": "visitor", "mysfitId": by_species[species]} for species in clicked]
    requests.put(f"{endpoint}/clicks", json=clicks, timeout=30).raise_for_status()
    assert shell.run("send-test-click").code == 0
    printed = shell.run(*words_of(question)).out.splitlines()
    answer = [line for line in answer if line]
    assert printed[:-1] == answer


def yaml_snippets() -> Iterator[Any]:
    """YAML blocks, and indented blocks whose first key is a section of config.yaml."""
    for document in DOCUMENTS:
        for block in blocks(document):
            text = "\n".join(line for line in block.lines if "mysfits-stream " not in line.partition("#")[0])
            if not text.strip():
                continue
            try:
                parsed = yaml.safe_load(text)
            except yaml.YAMLError:
                assert block.language != "yaml", f"{block.place}: not valid YAML"
                continue
            # JSON is YAML, too; a result of the tool is no setting.
            if isinstance(parsed, dict) and set(map(str, parsed)) <= SECTIONS and "resources" not in parsed:
                yield pytest.param(parsed, id=block.place)


@pytest.mark.parametrize("parsed", list(yaml_snippets()))
def test_each_documented_setting_is_accepted(parsed: dict[str, Any]) -> None:
    config_file.parse(parsed)


def all_links() -> Iterator[Any]:
    for document in DOCUMENTS:
        for address in dict.fromkeys(links(document)):
            if not address.startswith(("http://", "https://", "mailto:")):
                yield pytest.param(document, address, id=f"{document.relative_to(ROOT)}: {address}")


@pytest.mark.parametrize(("document", "address"), list(all_links()))
def test_each_link_and_anchor_leads_somewhere(document: Path, address: str) -> None:
    path, _, anchor = address.partition("#")
    target = (document.parent / path).resolve() if path else document
    assert target.exists(), f"{target} does not exist"
    if anchor:
        assert anchor in anchors(target), f"{target.name} has no heading for #{anchor}"


def test_there_is_something_to_check() -> None:
    assert sum(1 for _ in all_command_lines()) >= 10
    assert sum(1 for _ in yaml_snippets()) >= 2
    assert sum(1 for _ in all_links()) >= 20
