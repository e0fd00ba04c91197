"""Starts the background process and waits for its readiness."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mysfits_stream.localcloud.daemon.files import DaemonError, Files, Report, Running, Wait
from mysfits_stream.localcloud.files import open_file
from mysfits_stream.localcloud.settings import Settings

if TYPE_CHECKING:
    import subprocess

Command = Sequence[str]
"""The command of the process; the directory and a JSON document with options are added."""

START_BUDGET = 60.0
START_PATIENCE = 15.0  # a start with ``keep`` takes two seconds, and more on a busy machine
END_SECONDS = 5.0
LOG_TAIL_LINES = 12
START_POLL = 0.01  # seconds; a start takes a fifth of a second
MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Settings of glibc: without them, each thread keeps the memory of the largest batches that it delivered."""
REFUSED = 77  # exit status: the last line of the log says why the local cloud cannot start
PORT_IN_USE = 76  # exit status: the port is taken


def start(
    files: Files,
    lock: int,
    settings: Settings,
    command: Command,
    keep: Path | None,
    report: Report,
    load: bool,
    meanwhile: Callable[[], object],
    budget: float = START_BUDGET,
) -> Running:
    """Start the process, which inherits ``lock``, and wait until the process listens.

    The process goes on after the death of the caller. With ``load``, the process loads moto before the first
    request that needs moto. ``meanwhile`` is called while the process starts. Raises DaemonError.
    """
    import subprocess  # the background process imports this module, too, and starts no process

    files.state.unlink(missing_ok=True)
    files.remove_scratch()
    files.scratch.mkdir(mode=0o700)
    options = {
        "settings": asdict(settings),
        "keep": str(keep.resolve()) if keep else None,
        "lock": lock,
        "load": load,
    }
    with os.fdopen(open_file(files.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as log:
        process = subprocess.Popen(  # noqa: S603, the command is the caller's
            [*command, str(files.directory.resolve()), json.dumps(options)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=files.directory,
            env=_environment(files.scratch.resolve()),
            pass_fds=[lock],
            start_new_session=True,
        )
    # The process outlives most callers. For a caller that lives longer, a thread collects the exit status.
    with contextlib.suppress(RuntimeError):  # no more threads to be had
        threading.Thread(target=process.wait, daemon=True).start()
    meanwhile()
    wait = Wait(budget, report, "waiting for the local cloud to get ready", START_PATIENCE, START_POLL)
    while process.poll() is None:
        running = files.read_state()
        # Written by our child, once the port is open.
        if running and running.pid == process.pid:
            return running
        if not wait.again():
            _end(process)
            raise _failure(files, f"the local cloud is not ready after {budget:g} s; log: {files.log}")
    if process.returncode == PORT_IN_USE:
        raise DaemonError(
            f"port {settings.port} is in use by another program; set local.port to another, or to 0 for any"
        )
    if process.returncode == REFUSED:
        raise DaemonError(" ".join(files.log_tail(1)).partition("ERROR ")[2])
    raise _failure(files, f"the local cloud ended with status {process.returncode}; log: {files.log}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End our own child; the pid stays the child's until its status is collected."""
    import subprocess

    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _failure(files: Files, message: str) -> DaemonError:
    failure = DaemonError(message)
    for line in files.log_tail(LOG_TAIL_LINES):
        failure.add_note(line)
    return failure


def _environment(scratch: Path) -> dict[str, str]:
    """The caller's environment without AWS settings: no AWS setting may reach the local cloud."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    return {
        **MEMORY,
        **kept,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(scratch),
    }
