"""``completion`` prints a script for the shell: targets, fields and files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import CompletionItem, ShellComplete

from mysfits_stream import cli
from mysfits_stream.commands.app import App

SHOP = """
click:
  fields:
    visitorId: {type: string, maxLength: 64}
    channel: {type: string, enum: [web, app], required: false}
    gift: {type: boolean, required: false}
enrich: null
"""


def complete(words: str, incomplete: str = "") -> list[CompletionItem]:
    """The completions of a command line, as a shell gets them."""
    shell = ShellComplete(cli.cli, {"obj": App()}, "mysfits-stream", "_MYSFITS_STREAM_COMPLETE")
    return shell.get_completions(words.split(), incomplete)


def values(words: str, incomplete: str = "") -> list[str]:
    return [item.value for item in complete(words, incomplete)]


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_targets_are_completed_before_and_after_the_command() -> None:
    assert values("--target") == ["local", "aws"]
    assert values("up --target", "a") == ["aws"]


def test_the_fields_of_a_click_are_completed(directory: Path) -> None:
    assert values("send-test-click --field") == ["userId=", "mysfitId="]
    (directory / "config.yaml").write_text(SHOP, encoding="utf-8")
    assert values("send-test-click --field") == ["visitorId=", "channel=", "gift="]
    assert values("send-test-click --field", "ch") == ["channel="]
    assert values("send-test-click --field", "channel=") == ["channel=web", "channel=app"]
    assert values("send-test-click --field", "gift=t") == ["gift=true"]
    assert values("send-test-click --field", "visitorId=") == []


def test_a_configuration_with_an_error_completes_no_field(directory: Path) -> None:
    (directory / "config.yaml").write_text("stack: 1", encoding="utf-8")
    assert values("send-test-click --field") == []


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("--config", "file"),
        ("publish-site --source", "file"),
        ("publish-site --out", "dir"),
        ("export --out", "dir"),
        ("local start --keep", "dir"),
    ],
)
def test_the_shell_completes_paths(words: str, kind: str) -> None:
    assert [item.type for item in complete(words)] == [kind]


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main(["completion", shell])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_calls_the_tool(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = script(shell, capsys)
    assert f"_MYSFITS_STREAM_COMPLETE={shell}_complete" in printed
    assert "mysfits-stream" in printed
    if program := shutil.which(shell):
        checked = subprocess.run([program, "-n"], input=printed, text=True, capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_another_shell_is_rejected_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["completion", "tcsh"])
    assert ended.value.code == 1
    message = capsys.readouterr().err
    assert "'bash', 'zsh', 'fish'" in message
    assert message.count("\n") == 1
