"""The workflow in docs/ci.md: its steps run in order, with the least permissions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mysfits_stream.local_site import daemon
from mysfits_stream.operations.options import DIRECTORY

PAGE = Path(__file__).parents[2] / "docs" / "ci.md"


@pytest.fixture(scope="module")
def workflow() -> Any:
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return yaml.safe_load(text)


def runs(job: Any) -> list[str]:
    """The scripts of a job, without the installation."""
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    return [script for script in scripts if not script.startswith("pip install ")]


def test_jobs_may_read_the_repository_and_get_a_token_and_nothing_else(workflow: Any) -> None:
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    assert all("permissions" not in job for job in workflow["jobs"].values())


def test_no_key_is_stored(workflow: Any) -> None:
    assert "secrets." not in str(workflow)
    for job in workflow["jobs"].values():
        [credentials] = [step for step in job["steps"] if "aws-actions" in step.get("uses", "")]
        assert set(credentials["with"]) == {"role-to-assume", "aws-region"}


def test_each_event_has_its_job(workflow: Any) -> None:
    # PyYAML reads the key `on` as true.
    assert set(workflow[True]) == {"pull_request", "push", "schedule"}
    assert {name: job["if"] for name, job in workflow["jobs"].items()} == {
        "plan": "github.event_name == 'pull_request'",
        "up": "github.event_name == 'push'",
        "nightly": "github.event_name == 'schedule'",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "mysfits-stream"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mysfits_stream "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    yield tmp_path
    daemon.stop(tmp_path / DIRECTORY)


def run(script: str, folder: Path) -> int:
    """Run a step as GitHub does, on a local cloud in place of AWS."""
    environment = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "MYSFITS_STREAM_TARGET": "local",
    }
    shell = ["bash", "-e", "-c", script]
    return subprocess.run(shell, cwd=folder, env=environment, check=False, timeout=120).returncode


@pytest.mark.slow
def test_the_steps_of_all_jobs_work(workflow: Any, folder: Path) -> None:
    jobs = workflow["jobs"]
    [plan] = runs(jobs["plan"])
    [drift, canary] = runs(jobs["nightly"])
    assert run(drift, folder) == 2
    assert run(plan, folder) == 0
    assert "to create" in (folder / "summary.md").read_text(encoding="utf-8")
    for script in [*runs(jobs["up"]), plan, drift, canary]:
        assert run(script, folder) == 0, script
    (folder / "config.yaml").write_text("api: {rate_limit: nonsense}", encoding="utf-8")
    assert run(plan, folder) == 1
