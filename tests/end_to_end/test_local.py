"""``local start`` and ``local status``: behavior, old spellings, and access."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from mysfits_stream.operations.options import DIRECTORY
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


def test_stop_says_how_many_clicks_it_discards_and_asks(shell: Shell) -> None:
    shell.run("up", "--quiet")
    assert shell.run("local", "stop").code == 0, "there is no click to ask about"
    shell.run("up", "--quiet")
    sent = shell.run("send-test-click", "--count", "7", "--no-wait")
    assert sent.code == 0, sent.err
    refused = shell.run("local", "stop")
    assert (refused.code, refused.err.strip()) == (
        1,
        "Error: local stop would discard 7 clicks; add --yes to discard them without a question",
    )
    assert shell.run("local", "status", "--json").json["running"]
    assert shell.run("local", "stop", "--yes").code == 0
    assert not shell.run("local", "status", "--json").json["running"]


def test_status_in_a_fresh_folder_starts_nothing(shell: Shell) -> None:
    status = shell.run("status", "--json")
    assert status.code == 2
    assert {each["status"] for each in status.json["resources"]} == {"missing"}
    assert (status.json["account"], status.json["endpoint"]) == ("123456789012", None)
    assert status.err.splitlines() == ["No local cloud runs here; mysfits-stream up starts one."]
    assert not (shell.directory / DIRECTORY).exists()
    shell.run("local", "start")
    after = shell.run("status", "--json")
    names = [each["name"] for each in after.json["resources"]]
    assert [each["name"] for each in status.json["resources"]] == names


def test_list_shows_the_local_clouds_of_this_user(shell: Shell) -> None:
    def here() -> list[Any]:
        found = shell.run("local", "list", "--json").json["localClouds"]
        return [each for each in found if each["directory"] == str(shell.directory.resolve())]

    assert here() == []
    started = shell.run("local", "start", "--json").json
    [listed] = here()
    assert (listed["pid"], listed["endpoint"]) == (started["pid"], started["endpoint"])
    assert listed["memoryBytes"] > 10_000_000 and 0 <= listed["ageSeconds"] < 120
    lines = shell.run("local", "list").out.splitlines()
    assert any(line.startswith(f"{shell.directory.resolve()}  pid {listed['pid']}  ") for line in lines)


def test_git_ignores_the_directory_of_state_and_local_cloud(shell: Shell) -> None:
    assert shell.run("local", "start").code == 0
    ignored = shell.directory / DIRECTORY / ".gitignore"
    assert ignored.read_text(encoding="utf-8") == "*\n"
    ignored.write_text("# mine\n", encoding="utf-8")
    assert shell.run("up").code == 0
    assert ignored.read_text(encoding="utf-8") == "# mine\n"


def test_up_and_local_status_print_the_page_and_the_way_of_other_clients(shell: Shell) -> None:
    printed = shell.run("up").out
    found = shell.run("local", "status", "--json").json
    exports = [f"export {name}={value}" for name, value in found["environment"].items()]
    assert {f"  {line}" for line in exports} <= set(printed.splitlines())
    assert f"page      {found['page']}" in printed.splitlines()
    assert shell.run("up", "--json").json["page"] == found["page"]
    lines = shell.run("local", "status").out.splitlines()
    assert lines[0].endswith(f"The page is {found['page']}")
    assert lines[1:] == exports
    page = requests.get(found["page"], timeout=10)
    assert (page.status_code, page.headers["Content-Type"].partition(";")[0]) == (200, "text/html")


def test_up_opens_the_page_in_the_browser(shell: Shell) -> None:
    shell.write("browser", '#!/bin/sh\necho "$1" > opened\n')
    (shell.directory / "browser").chmod(0o700)
    opened = shell.run("up", "--open", BROWSER=f"{shell.directory}/browser %s")
    assert (opened.code, opened.err.count("Error")) == (0, 0)
    page = shell.run("local", "status", "--json").json["page"]
    assert (shell.directory / "opened").read_text() == f"{page}\n"
    without = shell.run("up", "--open", PATH="", BROWSER="/no/browser %s")
    assert without.code == 1
    assert without.err.splitlines()[-1] == f"Error: no browser can be started here; open {page} yourself"


@pytest.mark.parametrize(
    "arguments",
    [
        "clicks",
        "failed",
        "replay",
        "send-test-click",
        "query SELECT",
        "audit",
        "erase --user u-1 --dry-run",
        "doctor",
        "logs processor",
        "rehearse --since 1h --yes",
        "rollback",
    ],
)
def test_a_command_for_an_existing_stack_starts_no_local_cloud(shell: Shell, arguments: str) -> None:
    refused = shell.run(*arguments.split())
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.splitlines() == ["Error: no local cloud is running here; mysfits-stream up starts one"]
    assert shell.run("local", "status", "--json").json["running"] is False
