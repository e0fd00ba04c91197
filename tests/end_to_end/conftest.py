"""The real command in a subprocess, in its own directory, without the user's settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.local_site import daemon
from mysfits_stream.operations.options import DIRECTORY
from tests.support.command_server import TIMEOUT, CommandServer

__all__ = ["TIMEOUT", "Outcome", "Shell"]


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is one JSON document."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """A directory to run commands in."""

    directory: Path
    server: CommandServer

    def run(self, *arguments: str, **environment: str) -> Outcome:
        """Run ``mysfits-stream`` and wait for its end."""
        return Outcome(*self.server.run(arguments, self.directory, self.environment(**environment)))

    def start(self, *arguments: str, encoding: str = "utf-8", **environment: str) -> Outcome:
        """As :meth:`run`, with an interpreter that starts anew."""
        done = subprocess.run(
            [sys.executable, "-m", "mysfits_stream", *arguments],
            cwd=self.directory,
            env=self.environment(PYTHONIOENCODING=encoding, **environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding=encoding,
            timeout=TIMEOUT,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def environment(self, **more: str) -> dict[str, str]:
        """A fresh user's: no AWS settings, and no home to find any in."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return {**kept, "HOME": str(self.directory), "AWS_EC2_METADATA_DISABLED": "true", **more}

    def write(self, name: str, text: str) -> None:
        """Put a file into the directory."""
        (self.directory / name).write_text(text)


@pytest.fixture
def shell(tmp_path: Path, command_server: CommandServer) -> Iterator[Shell]:
    """A new directory; whatever local cloud was started in it ends with the test."""
    yield Shell(tmp_path, command_server)
    daemon.stop(tmp_path / DIRECTORY)


@pytest.fixture(scope="module")
def shared_shell(tmp_path_factory: pytest.TempPathFactory, command_server: CommandServer) -> Iterator[Shell]:
    """One directory, and one local cloud, for the tests of a module."""
    directory = tmp_path_factory.mktemp("shell")
    yield Shell(directory, command_server)
    daemon.stop(directory / DIRECTORY)
