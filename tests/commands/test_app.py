"""Usage errors are JSON wherever JSON is asked for, and on standard error."""

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


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["rollback", "$LATEST"], "'$LATEST' is not a whole number; see `mysfits-stream rollback --help`"),
        (["rollback", "--", "-1"], "-1 is not in the range x>=1; see `mysfits-stream rollback --help`"),
        (["logs", "--lines", "1.5"], "'1.5' is not a whole number; see `mysfits-stream logs --help`"),
        (["send-test-click", "--timeout", "soon"], "'soon' is not a number; see "),
    ],
)
def test_a_value_that_is_no_number_is_told_in_words(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reason in error_of(arguments, capsys)[1]


@pytest.mark.parametrize("arguments", ["--nosuch", "up --nosuch", "--json=maybe --nosuch", "up -- --json"])
def test_a_rejected_option_is_text_otherwise(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = error_of(arguments.split(), capsys)
    assert out == ""
    assert err.startswith("Error: ")
