"""What the function is packed with has the same floors wherever the floors are written."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from mysfits_stream.provision.processor_zip import below_floor

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "mysfits_stream" / "lambda_src" / "requirements.txt"


def lines() -> list[str]:
    text = REQUIREMENTS.read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_tool_installs_no_version_that_the_function_may_not_have() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(lines()) <= set(project["dependencies"])


def test_the_audit_looks_at_the_floor_of_each_requirement() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    [command] = re.findall(r"^\tsed -n '(.*)' (\S+) > build/floors\.txt$", makefile, re.MULTILINE)
    script = command[0].replace("$$", "$")
    shown = subprocess.run(
        ["sed", "-n", script, command[1]],  # noqa: S607 - the same as in the Makefile
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.splitlines() == [line.replace(">=", "==") for line in lines()]
    assert len(lines()) == 5


@pytest.mark.parametrize(
    ("installed", "missed"),
    [
        ({"urllib3": "2.6.3"}, ["urllib3>=2.7.0"]),
        ({"urllib3": "2.10.0"}, []),
        ({"urllib3": "2.7"}, []),
        ({"urllib3": "1.26.20", "Charset_Normalizer": "3.2"}, ["urllib3>=2.7.0", "charset-normalizer>=3.3"]),
        ({"certifi": "2026.10.19.post1", "another": "0"}, []),
        ({}, []),
    ],
)
def test_versions_below_a_floor_are_not_packed(installed: dict[str, str], missed: list[str]) -> None:
    assert below_floor(["# a note", "urllib3>=2.7.0", "charset-normalizer>=3.3"], installed) == missed
