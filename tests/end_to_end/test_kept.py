"""A killed local cloud with ``--keep`` comes back with every accepted click."""

from __future__ import annotations

import os
import signal

import pytest
import requests

from mysfits_stream.localcloud.daemon import Files
from mysfits_stream.operations.options import DIRECTORY
from tests.end_to_end.conftest import Shell

pytestmark = pytest.mark.slow


def test_every_click_that_was_answered_survives_a_kill(shell: Shell) -> None:
    # With a port of its own, the processor finds the stand-in service after the restart.
    shell.run("local", "start", "--keep", "kept")
    port = shell.run("local", "status", "--json").json["endpoint"].rpartition(":")[2]
    shell.write("config.yaml", f"local: {{port: {port}}}\napi: {{rate_limit: 1000, burst_limit: 1000}}")
    url = f"{shell.run('up', '--json').json['endpoint']}/clicks"
    mysfit = requests.get(f"http://127.0.0.1:{port}/_mysfits/mysfits", timeout=10).json()["mysfits"][0]
    accepted = []
    for number in range(200):
        click = {"userId": f"user-{number}", "mysfitId": mysfit["mysfitId"]}
        if requests.put(url, json=click, timeout=10).status_code == 200:
            accepted.append(click["userId"])
    pid = shell.run("local", "status", "--json").json["pid"]
    os.kill(pid, signal.SIGKILL)
    files = Files(shell.directory / DIRECTORY)
    while files.is_alive():
        pass
    assert shell.run("local", "start", "--keep", "kept").code == 0
    found: list[str] = []
    for _ in range(60):
        listed = shell.run("clicks", "--json").out.splitlines()
        found = [line.partition('"userId": "')[2].partition('"')[0] for line in listed]
        if len(found) >= len(accepted):
            break
    assert len(accepted) > 100
    assert sorted(found) == sorted(accepted)
