"""``init`` writes an annotated config.yaml: options, three questions, no overwriting."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import jsonschema
import pytest
import yaml

from mysfits_stream import config_file
from mysfits_stream.operations.options import DIRECTORY
from tests.end_to_end.conftest import TIMEOUT, Shell
from tests.support.documents import ROOT

pytestmark = pytest.mark.slow

EXAMPLE = (ROOT / "config.yaml").read_text(encoding="utf-8")


def written(shell: Shell, name: str = "config.yaml") -> str:
    return (shell.directory / name).read_text(encoding="utf-8")


def test_without_options_the_annotated_example_is_written_and_nothing_is_overwritten(shell: Shell) -> None:
    outcome = shell.run("init")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[0] == "wrote config.yaml"
    modeline, _, text = written(shell).partition("\n")
    assert text == EXAMPLE
    schema = (shell.directory / modeline.partition("$schema=")[2]).read_text(encoding="utf-8")
    jsonschema.validate(yaml.safe_load(text), yaml.safe_load(schema))
    assert shell.run("status").code == 2, "the tool reads its own file: a stack that is missing"

    shell.write("config.yaml", "stack: mine")
    other = shell.run("init", "--config", "other shop.yaml")
    assert "mysfits-stream --config 'other shop.yaml' plan" in other.out
    again = shell.run("init")
    assert (again.code, again.err) == (1, "Error: config.yaml: exists already; init overwrites nothing\n")
    assert written(shell) == "stack: mine"


def test_options_are_written_in_their_lines(shell: Shell) -> None:
    given = ("--stack", "shop", "--target", "aws", "--region", "eu-west-1", "--config", "shop.yaml")
    made = shell.run("init", *given, "--mysfits-api", "https://api.example.com/v1", "--json")
    assert made.json == {"files": ["shop.yaml"]}
    loaded = config_file.load(shell.directory / "shop.yaml")
    assert (loaded.stack, loaded.target, loaded.region) == ("shop", "aws", "eu-west-1")
    assert loaded.mysfits_api == "https://api.example.com/v1"
    assert written(shell, "shop.yaml").count("#") >= EXAMPLE.count("#"), "the comments stay"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--stack", "S"), "stack: must be 3 to 32"),
        (("--target", "mars"), "target: must be one of local, aws"),
        (("--config", "missing/config.yaml"), "missing/config.yaml: cannot be written: No such file"),
    ],
)
def test_what_cannot_work_is_one_line_and_no_file(
    shell: Shell, arguments: tuple[str, ...], says: str
) -> None:
    outcome = shell.run("init", *arguments)
    assert outcome.code == 1
    assert outcome.err.startswith(f"Error: {says}")
    assert outcome.err.count("\n") == 1
    assert not (shell.directory / "config.yaml").exists()


def test_a_terminal_is_asked_three_questions(shell: Shell) -> None:
    here, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "mysfits_stream", "init"],
            cwd=shell.directory,
            env=shell.environment(),
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.write(here, b"shop\n\nhttps://api.example.com\n")
        out, questions = process.communicate(timeout=TIMEOUT)
    finally:
        os.close(here)
        os.close(terminal)
    assert process.returncode == 0, questions
    assert questions.count(": ") >= 3
    loaded = config_file.load(shell.directory / "config.yaml")
    assert (loaded.stack, loaded.target, loaded.mysfits_api) == ("shop", "local", "https://api.example.com")
    assert "wrote config.yaml" in out
    assert (shell.directory / DIRECTORY / ".gitignore").exists()
