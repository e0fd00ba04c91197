"""Ctrl-C during a run: finished steps stay, and the same command resumes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import IO

import pytest

from tests.end_to_end.conftest import TIMEOUT, Shell

pytestmark = pytest.mark.slow

SLOW = "local: {behavior: aws, time_scale: 1}"
"""AWS's own pace: IAM takes seconds, the stream half a minute."""

FAST = "local: {behavior: instant, time_scale: 120}"


def _read_until(words: str, stream: IO[str]) -> str:
    read = ""
    for line in stream:
        read += line
        if words in line:
            return read
    raise AssertionError(f"{words!r} was never said, but: {read}")


def test_up_interrupted_while_it_waits_stops_at_once_and_resumes(shell: Shell) -> None:
    shell.write("config.yaml", SLOW)
    running = subprocess.Popen(
        [sys.executable, "-m", "mysfits_stream", "up"],
        cwd=shell.directory,
        env=shell.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr
    _read_until(": waiting for", running.stderr)  # of a resource, not for the local cloud
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=TIMEOUT)
    assert running.returncode == 130
    assert "Stopped." in said
    assert "resumes" in said
    assert "Traceback" not in said

    shell.write("config.yaml", FAST)
    resumed = shell.run("up", "--json")
    assert resumed.code == 0, resumed.err
    actions = {resource["name"]: resource["action"] for resource in resumed.json["resources"]}
    assert "create" in actions.values()
    assert shell.run("status").code == 0
    recorded = json.loads(
        (
            shell.directory / ".mysfits-stream" / "state-local-mysfits-clicks-123456789012-us-east-1.json"
        ).read_text()
    )
    assert set(recorded["resources"]) == set(actions)
