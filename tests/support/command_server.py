"""Runs each ``mysfits-stream`` command in a forked process, without the imports of a start.

Importing what a command uses takes longer than most commands. ``python -m tests.support.command_server``
imports all of that once, reads a request a line and forks. A child has the directory, the environment and the
files of its request, and ends as an interpreter does.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

TIMEOUT = 120
"""Seconds after which a command is killed."""

ROOT = Path(__file__).parents[2]
PACKAGES = ("mysfits_stream.commands", "mysfits_stream.operations", "mysfits_stream.output")


class CommandServer:
    """The server, as a test uses it."""

    def __init__(self, directory: Path) -> None:
        self._out, self._err = directory / "out", directory / "err"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.command_server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: tuple[str, ...], directory: Path, environment: dict[str, str]) -> Any:
        """Run one command to its end: exit code, standard output and standard error."""
        assert self._process.stdin and self._process.stdout
        request = (arguments, str(directory), environment, str(self._out), str(self._err))
        print(json.dumps(request), file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        return code, self._out.read_text("utf-8"), self._err.read_text("utf-8")

    def close(self) -> None:
        """End the server."""
        self._process.communicate()


def serve() -> None:
    """Fork a child for each line of standard input, and write the exit code of each."""
    for package in PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    import boto3  # noqa: F401

    gc.freeze()
    # The children of a shell in the background ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for line in sys.stdin:
        if not (child := os.fork()):
            run(*json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run(arguments: list[str], directory: str, environment: dict[str, str], out: str, err: str) -> None:
    """Be the process of one command."""
    from mysfits_stream.cli import main

    signal.alarm(TIMEOUT)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    modes = ((os.devnull, os.O_RDONLY), (out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
    for number, (name, mode) in enumerate((*modes, (err, modes[1][1]))):
        opened = os.open(name, mode, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(open(number, mode, closefd=False), "utf-8", errors, write_through=number == 2)  # noqa: SIM115
        for number, mode, errors in ((0, "rb", "strict"), (1, "wb", "strict"), (2, "wb", "backslashreplace"))
    )
    sys.argv = ["mysfits-stream", *arguments]
    main()


if __name__ == "__main__":
    serve()
