"""An error in the command line itself: as JSON wherever JSON is asked for, and on standard error."""

from __future__ import annotations

import json

import pytest

from mysfits_stream import cli


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Standard output and standard error of a command line that is rejected."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 1
    printed = capsys.readouterr()
    return printed.out, printed.err


@pytest.mark.parametrize(
    ("variable", "arguments"),
    [
        ("", "--json --nosuch"),
        ("", "--nosuch --json"),
        ("", "--json up --nosuch"),
        ("", "up --nosuch --json"),
        ("", "up --json --nosuch"),
        ("1", "--nosuch"),
        ("1", "up --nosuch"),
    ],
)
def test_a_rejected_option_is_an_error_in_json_where_json_is_asked_for(
    variable: str, arguments: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYSFITS_STREAM_JSON", variable)
    out, err = error_of(arguments.split(), capsys)
    message = json.loads(out)["error"]["message"]
    assert "--nosuch" in message
    assert err == f"Error: {message}\n"


@pytest.mark.parametrize("arguments", ["--nosuch", "up --nosuch", "--json=maybe --nosuch", "up -- --json"])
def test_a_rejected_option_is_text_otherwise(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = error_of(arguments.split(), capsys)
    assert out == ""
    assert err.startswith("Error: ")
