"""`local start` and `local status`: behavior, old spellings, and who may use the local cloud."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.end_to_end.conftest import Shell

pytestmark = pytest.mark.slow


def settings(shell: Shell) -> Any:
    environment = shell.run("local", "status", "--json").json["environment"]
    health = requests.get(f"{environment['AWS_ENDPOINT_URL']}/_local/health", timeout=10)
    return health.json()["settings"]


def test_behavior_and_its_old_spellings(shell: Shell) -> None:
    shell.write("config.yaml", "local: {moods: aws, seed: 5}")
    started = shell.run("local", "start")
    assert started.code == 0
    warning = "warning: config.yaml: local.moods is deprecated and works until 1.0; write local.behavior: aws"
    assert started.err.splitlines() == [warning]
    assert (settings(shell)["behavior"], settings(shell)["seed"]) == ("aws", 5)
    shell.write("config.yaml", "stack: mysfits-clicks")
    old = shell.run("local", "start", "--moods", "none")
    assert old.err.splitlines() == [
        "warning: --moods is deprecated and works until 1.0; write --behavior instant"
    ]
    assert settings(shell)["behavior"] == "instant"
    new = shell.run("local", "start", "--behavior", "aws", "--seed", "7")
    assert (new.code, new.err) == (0, "")
    assert (settings(shell)["behavior"], settings(shell)["seed"]) == ("aws", 7)
    help_text = shell.run("local", "start", "--help").out
    assert "--behavior [instant|aws]" in help_text and "--moods" not in help_text


def test_status_prints_the_environment_of_aws_clients(shell: Shell) -> None:
    started = shell.run("local", "start", "--json").json["environment"]
    printed = shell.run("local", "status").out.splitlines()
    assert printed[1:] == [f"export {name}={value}" for name, value in started.items()]
    assert list(started) == [
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
    ]
    refused = requests.post(f"{started['AWS_ENDPOINT_URL']}/_local/stop", timeout=10)
    assert refused.status_code == 403


@pytest.mark.parametrize("arguments", ["--json local status", "local --json status", "local status --json"])
def test_global_options_stand_wherever_one_likes(shell: Shell, arguments: str) -> None:
    assert shell.run(*arguments.split()).json == {"running": False, "endpoint": None, "pid": None}


def test_access_is_private_unless_configured_otherwise(shell: Shell) -> None:
    shell.run("local", "start")
    assert settings(shell)["access"] == "private"
    shell.run("local", "start", MYSFITS_STREAM_LOCAL_ACCESS="open")
    assert settings(shell)["access"] == "open"
    shell.write("config.yaml", "local: {access: open}")
    shell.run("local", "start")
    assert settings(shell)["access"] == "open"
    wrong = shell.run("local", "start", MYSFITS_STREAM_LOCAL_ACCESS="public")
    assert (wrong.code, wrong.err.strip()) == (
        1,
        "Error: MYSFITS_STREAM_LOCAL_ACCESS: local.access: must be one of private, open, found 'public'",
    )
