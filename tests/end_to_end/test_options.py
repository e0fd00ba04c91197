"""The global options: before or after the command, from the environment, on output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from mysfits_stream.operations.options import DIRECTORY
from tests.end_to_end.conftest import TIMEOUT, Shell

pytestmark = pytest.mark.slow

FULL = Path("/dev/full")


@pytest.mark.parametrize(
    ("arguments", "environment", "stack"),
    [
        (("--stack", "before", "plan", "--json"), {}, "before"),
        (("plan", "--json", "--stack", "after"), {}, "after"),
        (("--stack", "before", "plan", "--json", "--stack", "after"), {}, "after"),
        (("plan", "--json"), {"MYSFITS_STREAM_STACK": "surroundings"}, "surroundings"),
        (("--stack", "before", "plan", "--json"), {"MYSFITS_STREAM_STACK": "surroundings"}, "before"),
        (("plan",), {"MYSFITS_STREAM_JSON": "1", "MYSFITS_STREAM_STACK": "surroundings"}, "surroundings"),
        (("plan", "--json"), {}, "written"),
    ],
    ids=[
        "before the command",
        "after the command",
        "the one nearer to the command wins",
        "from the environment",
        "an option comes before the environment",
        "a flag from the environment",
        "from the configuration",
    ],
)
def test_an_option_is_taken_from_wherever_it_stands(
    shared_shell: Shell, arguments: tuple[str, ...], environment: dict[str, str], stack: str
) -> None:
    shared_shell.write("config.yaml", "stack: written")
    outcome = shared_shell.run(*arguments, **environment)
    assert outcome.code == 2, outcome.err
    assert outcome.json["stack"] == stack


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "MYSFITS_STREAM_TARGET: target: must be one of local, aws, found 'mars'"),
        (("--target", "moon"), "target: must be one of local, aws, found 'moon'"),
    ],
    ids=["of the variable", "of the option, which comes first"],
)
def test_an_error_names_the_variable_of_a_value(
    shared_shell: Shell, arguments: tuple[str, ...], error: str
) -> None:
    outcome = shared_shell.run(*arguments, "plan", MYSFITS_STREAM_TARGET="mars")
    assert (outcome.code, outcome.err.strip()) == (1, f"Error: {error}")


def test_quiet_says_nothing_but_errors(shared_shell: Shell) -> None:
    shared_shell.write("config.yaml", "stack: written")
    assert shared_shell.run("plan", "--quiet").out == ""
    assert shared_shell.run("plan", "--quiet").err == ""
    assert "Error: " in shared_shell.run("plan", "--quiet", "--target", "mars").err


@pytest.mark.parametrize(
    ("environment", "colours"),
    [({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False), ({}, False)],
    ids=["asked for", "asked not to", "into a pipe"],
)
def test_colours_are_for_who_wants_them(
    shared_shell: Shell, environment: dict[str, str], colours: bool
) -> None:
    shared_shell.write("config.yaml", "stack: written")
    assert ("\x1b[32m" in shared_shell.run("plan", **environment).out) == colours


@pytest.mark.parametrize("group", [(), ("local",)], ids=["of all", "of a group"])
def test_who_names_no_command_gets_the_help(shared_shell: Shell, group: tuple[str, ...]) -> None:
    outcome = shared_shell.run(*group)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == shared_shell.run(*group, "--help").out
    assert ("Commands:" if group else "Stack:") in outcome.out.splitlines()


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", r"a na\xefve \u2603 \U0001f600"),
        ("latin-1", "a na\u00efve " + r"\u2603 \U0001f600"),
        ("utf-8", "a na\u00efve \u2603 \U0001f600"),
    ],
    ids=["ascii", "latin-1", "utf-8"],
)
def test_what_an_output_cannot_show_is_spelt_out(shell: Shell, encoding: str, shown: str) -> None:
    line = "a na\u00efve \u2603 \U0001f600"
    directory = shell.directory / DIRECTORY
    directory.mkdir()
    (directory / "local-cloud.log").write_text(line + "\n", encoding="utf-8")
    outcome = shell.start("local", "logs", encoding=encoding)
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{shown}\n", "")
    assert shell.start("local", "logs", "--json", encoding=encoding).json == {"lines": [line]}


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["for a person", "as JSON"])
def test_an_output_that_is_full_is_said_in_one_line(shell: Shell, options: list[str]) -> None:
    with FULL.open("w") as full:
        done = printing_to(full, shell, "local", "status", *options)
    assert done.returncode == 1
    assert done.stderr == "Error: standard output cannot be written to: No space left on device\n"


def test_an_output_that_is_not_open_for_writing_is_said_in_one_line(shell: Shell) -> None:
    with Path(os.devnull).open() as readable:
        done = printing_to(readable, shell, "local", "status")
    assert done.returncode == 1
    assert done.stderr == "Error: standard output cannot be written to: Bad file descriptor\n"


def test_an_output_beyond_the_largest_file_is_said_in_one_line(shell: Shell, tmp_path: Path) -> None:
    limited = 'ulimit -f 0; exec "$@" > big'
    done = subprocess.run(
        ["/bin/sh", "-c", limited, "sh", sys.executable, "-m", "mysfits_stream", "local", "status"],
        cwd=shell.directory,
        env=shell.environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "Error: standard output cannot be written to: File too large\n"


@pytest.mark.parametrize(("closed", "left"), [("2>&-", "No local cloud is running here.\n"), (">&-", "")])
def test_a_stream_that_the_shell_closed_is_no_error(shell: Shell, closed: str, left: str) -> None:
    done = subprocess.run(
        [
            "/bin/sh",
            "-c",
            f'exec "$@" {closed}',
            "sh",
            sys.executable,
            "-m",
            "mysfits_stream",
            "local",
            "status",
        ],
        cwd=shell.directory,
        env=shell.environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, left)


@pytest.mark.parametrize("command", [("local", "start"), ("plan", "--target", "mars")])
def test_notes_and_errors_may_go_nowhere(shell: Shell, command: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-m", "mysfits_stream", *command],
        cwd=shell.directory,
        env=shell.environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == (1 if "mars" in command else 0)


@pytest.mark.parametrize("columns", ["0", "00"])
def test_a_terminal_of_no_width_is_one_of_unknown_width(shell: Shell, columns: str) -> None:
    outcome = shell.run("local", "status", COLUMNS=columns)
    assert outcome.out.startswith("No local cloud is running here.")
    assert shell.run("nonsense", COLUMNS=columns).err.startswith("Error: No such command")


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["for a person", "as JSON"])
def test_who_reads_no_further_hears_no_complaint(shell: Shell, options: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as nobody:
        done = printing_to(nobody, shell, "local", "status", *options)
    assert (done.returncode, done.stderr) == (1, "")


def printing_to(where: IO[str], shell: Shell, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mysfits_stream", *arguments],
        cwd=shell.directory,
        env=shell.environment(),
        stdout=where,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


@pytest.mark.parametrize(
    "proxies",
    [
        {"HTTP_PROXY": "http://127.0.0.1:9"},
        {"http_proxy": "http://127.0.0.1:9", "NO_PROXY": "example.com"},
        {"ALL_PROXY": "http://127.0.0.1:9", "no_proxy": "*"},
    ],
    ids=["one", "one with exceptions", "one that is not used"],
)
def test_no_proxy_stands_between_us_and_the_local_cloud(shell: Shell, proxies: dict[str, str]) -> None:
    outcome = shell.run("plan", "--json", **proxies)
    assert (outcome.code, outcome.json["account"]) == (2, "123456789012"), outcome.err


def test_stacks_live_side_by_side_in_one_directory(shell: Shell) -> None:
    (shell.directory / "other.yaml").write_text("stack: third\n")
    ways: dict[str, tuple[str, ...]] = {
        "mysfits-clicks-123456789012-us-east-1": (),
        "second-123456789012-us-east-1": ("--stack", "second"),
        "mysfits-clicks-123456789012-eu-west-1": ("--region", "eu-west-1"),
        "third-123456789012-us-east-1": ("--config", "other.yaml"),
    }
    for options in ways.values():
        up = shell.run("up", *options)
        assert up.code == 0, up.err
    for options in ways.values():
        assert shell.run("status", *options).code == 0
    files = {path.name for path in (shell.directory / ".mysfits-stream").glob("state-*.json")}
    assert files == {f"state-local-{name}.json" for name in ways}

    (_, first), *others = ways.items()
    removed = shell.run("down", "--yes", "--delete-data", *first)
    assert removed.code == 0, removed.err
    assert "The local cloud keeps running: it holds stack mysfits-clicks, second, third." in removed.err
    for _, options in others:
        assert shell.run("status", *options).code == 0
        assert shell.run("down", "--yes", "--delete-data", *options).code == 0
    assert not shell.run("local", "status", "--json").json["running"]


def test_two_runs_in_one_directory_do_not_interleave(shared_shell: Shell) -> None:
    from filelock import FileLock

    shared_shell.write("config.yaml", "stack: written")
    with FileLock(
        shared_shell.directory / ".mysfits-stream" / "state-local-written-123456789012-us-east-1.lock"
    ):
        refused = shared_shell.run("up")
    assert refused.code == 1
    assert "another mysfits-stream is changing this stack" in refused.err
    assert shared_shell.run("plan").code == 2
