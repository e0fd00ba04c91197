"""Each piece of bad input ends in one clear line and exit code 1, with no traceback."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mysfits_stream.commands.app import App
from mysfits_stream.errors import StateError
from mysfits_stream.operations.options import DIRECTORY
from tests.end_to_end.conftest import Shell

pytestmark = pytest.mark.slow

NO_NETWORK = {
    # A closed port of this machine in place of AWS: the tests reach no other host.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_MAX_ATTEMPTS": "1",
}
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
ROLE = "arn:aws:iam::123456789012:role/me"


@dataclass(frozen=True)
class Bad:
    """Something a user may do wrong, and what the one line has to say."""

    reason: str
    says: tuple[str, ...]
    arguments: tuple[str, ...] = ("plan",)
    config: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


CASES = [
    Bad("broken YAML", ("config.yaml", "line 2", "not valid YAML"), config="stack: a\n  b: [\n"),
    Bad(
        "an unknown key",
        ("config.yaml", "delivery.bufer_seconds", "unknown key"),
        config="delivery: {bufer_seconds: 1}",
    ),
    Bad(
        "a wrong type",
        ("delivery.buffer_seconds", "whole number", "'soon'"),
        config="delivery: {buffer_seconds: soon}",
    ),
    Bad(
        "a value out of range",
        ("between 0 and 900 seconds", "1000"),
        config="delivery: {buffer_seconds: 1000}",
    ),
    Bad("a stack name that AWS's limits do not hold", ("stack", "3 to 32"), ("plan", "--stack", "a" * 33)),
    Bad(
        "a configuration that is not there",
        ("nowhere.yaml", "no such file"),
        ("plan", "--config", "nowhere.yaml"),
    ),
    Bad("an unknown target", ("target", "local, aws"), ("plan", "--target", "mars")),
    Bad("an unknown option", ("No such option", "--fast"), ("up", "--fast")),
    Bad("an unknown command", ("No such command", "upp"), ("upp",)),
    Bad(
        "nothing that target aws needs",
        (
            "target aws lacks 3 settings",
            "no region",
            "--region",
            "no credentials",
            "mysfits_api",
            "--mysfits-api",
        ),
        ("plan", "--target", "aws"),
        environment=NO_NETWORK,
    ),
    Bad(
        "no region",
        ("Error: no region", "--region"),
        ("plan", "--target", "aws", "--mysfits-api", "https://mysfits.example.com"),
        environment=NO_NETWORK | KEYS,
    ),
    Bad(
        "another tool's config.yaml",
        ("config.yaml", "another tool's", "baseURL, title", "--config", "MYSFITS_STREAM_CONFIG"),
        config="baseURL: https://example.com\ntitle: Mine\ntheme: ananke\n",
    ),
    Bad(
        "a service that is no URL",
        ("mysfits_api", "https://"),
        ("plan", "--mysfits-api", "mysfits"),
    ),
    Bad(
        "a service in the environment that is no URL",
        ("MYSFITS_STREAM_MYSFITS_API", "mysfits_api", "https://"),
        environment={"MYSFITS_STREAM_MYSFITS_API": "mysfits"},
    ),
    Bad(
        "no credentials",
        ("Unable to locate credentials", "aws configure"),
        ("plan", "--target", "aws", "--region", "eu-west-1", "--mysfits-api", "https://mysfits.example.com"),
        environment=NO_NETWORK,
    ),
    Bad("a region that is none", ("region", "moon"), ("plan", "--target", "aws", "--region", "moon")),
    Bad(
        "an unknown profile",
        ("nobody", "--profile"),
        ("plan", "--target", "aws", "--region", "eu-west-1", "--profile", "nobody"),
        environment=NO_NETWORK,
    ),
    Bad(
        "AWS out of reach, as with a wrong region",
        ("Could not connect", "eu-west-1", "connection and proxies"),
        ("plan", "--target", "aws", "--region", "eu-west-1"),
        environment=NO_NETWORK | KEYS,
    ),
    Bad("a date that is none", ("config.yaml", "not valid YAML", "month"), config="stack: 2020-13-45"),
    Bad("YAML without end", ("config.yaml", "not valid YAML", "recursion"), config="[" * 20_000),
    Bad(
        "an endpoint that is no URL",
        ("AWS settings", "garbage", "AWS_ENDPOINT_URL"),
        ("plan", "--target", "aws", "--region", "eu-west-1"),
        environment=KEYS | {"AWS_ENDPOINT_URL": "garbage"},
    ),
    Bad(
        "a region of AWS's own variable, and half an address",
        ("AWS settings", "IPv6", "AWS_ENDPOINT_URL"),
        ("plan", "--target", "aws"),
        environment=KEYS | {"AWS_ENDPOINT_URL": "http://[::1", "AWS_REGION": "eu-west-1"},
    ),
    Bad(
        "an endpoint of S3 alone that is no URL",
        ("AWS settings", "AWS_ENDPOINT_URL"),
        ("plan", "--target", "aws", "--region", "eu-west-1"),
        environment=KEYS | NO_NETWORK | {"AWS_ENDPOINT_URL": "http://[::1"},
    ),
    Bad(
        "a credential process that is not there",
        ("AWS settings", "/not/there", "credential_process"),
        ("plan", "--target", "aws", "--region", "eu-west-1"),
        environment=NO_NETWORK | {"AWS_CONFIG_FILE": "aws-config"},
        files={"aws-config": "[default]\ncredential_process = /not/there\n"},
    ),
    Bad(
        "a token that is not there",
        ("AWS settings", "/not/there", "files"),
        ("plan", "--target", "aws", "--region", "eu-west-1"),
        environment=NO_NETWORK | {"AWS_CONFIG_FILE": "aws-config"},
        files={"aws-config": f"[default]\nrole_arn = {ROLE}\nweb_identity_token_file = /not/there\n"},
    ),
    *(
        Bad(
            f"a file in the place of the directory of state, for {command}",
            (DIRECTORY, "has to be a directory"),
            tuple(command.split()),
            files={DIRECTORY: ""},
        )
        for command in ("up", "status", "down", "local start", "local stop")
    ),
    Bad("two wishes that contradict each other", ("contradict",), ("down", "--keep-data", "--delete-data")),
]


@pytest.mark.parametrize("bad", CASES, ids=[bad.reason for bad in CASES])
@pytest.mark.parametrize("as_json", [False, True], ids=["for a person", "as JSON"])
def test_bad_input_ends_in_one_line(shell: Shell, bad: Bad, as_json: bool) -> None:
    for name, text in bad.files.items():
        shell.write(name, text)
    if bad.config:
        shell.write("config.yaml", bad.config)
    outcome = shell.run(*bad.arguments, *(["--json"] if as_json else []), **bad.environment)
    for name in bad.files:
        (shell.directory / name).unlink()
    assert outcome.code == 1
    [line] = [line for line in outcome.err.splitlines() if line.startswith("Error: ")]
    assert "Traceback" not in outcome.err
    for words in bad.says:
        assert words in line
    if as_json:
        error = json.loads(outcome.out)["error"]
        assert list(error) == ["message", "resource", "operation"]
    else:
        assert outcome.out == ""


@pytest.mark.skipif(os.name != "posix", reason="others keep a directory that somebody works in")
def test_a_working_directory_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    with pytest.raises(StateError, match="the working directory was deleted"):
        App().directory  # noqa: B018, asking is what fails


def test_a_damaged_state_file_is_named_and_left_alone(shell: Shell) -> None:
    assert shell.run("up").code == 0
    shell.write(".mysfits-stream/state-local-mysfits-clicks-123456789012-us-east-1.json", "{")
    outcome = shell.run("up")
    assert outcome.code == 1
    assert "state-local-mysfits-clicks-123456789012-us-east-1.json" in outcome.err
    assert "damaged" in outcome.err
    assert (
        shell.directory / ".mysfits-stream" / "state-local-mysfits-clicks-123456789012-us-east-1.json"
    ).read_text() == "{"


def test_a_port_in_use_is_named(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shell.write("config.yaml", f"local: {{port: {port}}}")
        outcome = shell.run("up")
    assert outcome.code == 1
    assert f"port {port} is in use" in outcome.err


def test_a_mysfits_service_that_is_down_is_named_by_send_test_click(shell: Shell) -> None:
    shell.write("config.yaml", "mysfits_api: http://127.0.0.1:9")
    assert shell.run("up").code == 0
    outcome = shell.run("send-test-click")
    assert outcome.code == 1
    assert "http://127.0.0.1:9/mysfits" in outcome.err
