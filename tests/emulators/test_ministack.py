"""A second opinion: the deployer against MiniStack, which shares no code with us.

It does not know PutRestApi, so the clicks API stays empty there, and is the one resource that does.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

MINISTACK = "ministack==1.5.33"
START_BUDGET = 60.0

pytestmark = pytest.mark.emulator


@dataclass(frozen=True)
class Emulator:
    """Where it listens, and a directory to work with it from."""

    endpoint: str
    directory: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command of ours against it."""
        return subprocess.run(
            [sys.executable, "-m", "mysfits_stream", *arguments],
            cwd=self.directory,
            env={
                **os.environ,
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    directory = tmp_path_factory.mktemp("ministack")
    subprocess.run([sys.executable, "-m", "venv", directory / "venv"], check=True, timeout=120)
    binaries = directory / "venv" / ("Scripts" if os.name == "nt" else "bin")
    installed = subprocess.run(
        [binaries / "python", "-m", "pip", "install", "--quiet", MINISTACK],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"{MINISTACK} cannot be installed here: {installed.stderr[-200:]}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "TMPDIR": str(directory)}
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [binaries / "ministack"], env={**os.environ, **settings}, stdout=log, stderr=log, cwd=directory
        )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        wait_for(f"{endpoint}/_ministack/health", process)
        work = directory / "work"
        work.mkdir()
        configuration = {
            "target": "aws",
            "region": "us-east-1",
            "mysfits_api": f"{endpoint}/mysfits",
            "invoke_url": f"{endpoint}/restapis/{{api_id}}/{{stage}}/_user_request_",
        }
        (work / "config.yaml").write_text(json.dumps(configuration))
        yield Emulator(endpoint, work)
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_BUDGET
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


def statuses(emulator: Emulator) -> dict[str, str]:
    document: Any = json.loads(emulator.run("status", "--json").stdout)
    return {resource["name"]: resource["status"] for resource in document["resources"]}


def test_what_another_emulator_knows_comes_up_is_in_sync_and_goes(emulator: Emulator) -> None:
    # A failed resource ends a run before all others have begun; the next one goes on from there.
    for _ in range(4):
        up = emulator.run("up")
        assert up.returncode == 1
        [error] = [line for line in up.stderr.splitlines() if line.startswith("Error: ")]
        assert error.startswith("Error: clicks-api: PutRestApi: NotFoundException: Unknown API Gateway")
    found = statuses(emulator)
    assert found.pop("clicks-api") == "drifted"
    assert set(found.values()) == {"in-sync"}
    assert len(found) == 8
    down = emulator.run("down", "--yes", "--delete-data")
    assert (down.returncode, down.stdout.splitlines()[-1]) == (0, "9 resources deleted. Nothing is left.")
    assert set(statuses(emulator).values()) == {"missing"}
