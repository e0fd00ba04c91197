"""A local cloud as a background process: start, find and stop the process.

The process is a command of the caller, which calls ``serving.serve``. A busy or stopped process is alive by
its lock (``files.py``). Commands wait for the process to answer, and never replace a process that holds the
lock. No process is ever signalled by a pid from a file: a process that ignores a request to stop ends by
itself after the removal of its state file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mysfits_stream.localcloud.daemon import administration
from mysfits_stream.localcloud.daemon.files import DaemonError, Files, Report, Running, Wait
from mysfits_stream.localcloud.daemon.listing import Listed, list_all
from mysfits_stream.localcloud.daemon.starting import Command, start
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.localcloud.version import VERSION

ANSWER_BUDGET = 60.0  # seconds that a living local cloud may take to answer
FIND_BUDGET = 10.0
STOP_BUDGET = 30.0
EXIT_BUDGET = 2.0

__all__ = [
    "DaemonError",
    "Files",
    "Listed",
    "Report",
    "Running",
    "ensure",
    "find",
    "list_all",
    "log_tail",
    "set_behavior",
    "stop",
]


def quiet(text: str) -> None:
    """Report nothing."""


def nothing() -> None:
    """Do nothing meanwhile."""


def find(directory: Path, *, budget: float = FIND_BUDGET) -> Running | None:
    """The directory's local cloud, ready or busy; None if no local cloud lives.

    Raises DaemonError for a local cloud that is still starting or ending after ``budget`` seconds.
    """
    files = Files(directory)
    wait = Wait(budget, quiet, "")
    while files.is_alive():
        if running := files.read_state():
            return running
        if not wait.again():
            raise DaemonError(f"the local cloud is starting or ending; try again (log: {files.log})")
    return None


def ensure(
    directory: Path,
    settings: Settings,
    command: Command,
    *,
    keep: Path | None = None,
    report: Report = quiet,
    load: bool = False,
    meanwhile: Callable[[], object] = nothing,
    budget: float = ANSWER_BUDGET,
) -> Running:
    """The directory's local cloud, started in the background if necessary.

    ``command`` starts the process. ``keep`` is a directory in which resources and objects survive a restart.
    ``report`` gets a line about each long wait. ``load``: calls of AWS clients follow, so a new process loads
    moto at once. ``meanwhile`` is called while a process starts.

    Raises DaemonError for a port in use, and for a local cloud that does not get ready or does not answer, or
    runs with other settings; OSError for an unusable directory.
    """
    files = Files(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with files.starting_or_stopping(budget, report):
        lock = files.try_lock(files.lock)
        while lock is None:
            if found := _answering(files, budget, report):
                running, health = found
                if problem := health.get("keep_error"):
                    report(f"warning: {problem}")
                return _configured(running, health["settings"], settings, keep)
            lock = files.try_lock(files.lock)
        try:
            return start(files, lock, settings, command, keep, report, load, meanwhile)
        finally:
            os.close(lock)


def stop(directory: Path, *, report: Report = quiet, budget: float = STOP_BUDGET) -> Running | None:
    """End the directory's local cloud and wait for the end; None if no local cloud lived.

    Raises DaemonError if the local cloud refuses or stays, OSError for an unusable directory.
    """
    files = Files(directory)
    if not directory.exists():
        return None
    with files.starting_or_stopping(budget, report):
        wait = Wait(budget, report, "waiting for the local cloud to get ready")
        while (running := files.read_state()) is None and files.is_alive():
            if not wait.again():
                raise DaemonError(f"the local cloud is starting or ending; try again (log: {files.log})")
        if running is None or not files.is_alive():
            files.state.unlink(missing_ok=True)
            return None
        if not administration.request_stop(running):
            files.state.unlink(missing_ok=True)
        wait = Wait(budget, report, f"waiting for the local cloud (pid {running.pid}) to end")
        while files.is_alive():
            if not wait.again():
                raise DaemonError(
                    f"the local cloud (pid {running.pid}) does not end; end it with: kill -9 {running.pid} "
                    f"(log: {files.log})"
                )
        files.state.unlink(missing_ok=True)
        wait = Wait(EXIT_BUDGET, quiet, "")
        while _exists(running.pid) and wait.again():
            pass
    return running


def log_tail(directory: Path, lines: int) -> list[str]:
    """The last lines of the log, empty without a log."""
    return Files(directory).log_tail(lines)


def set_behavior(running: Running, *, behavior: str | None = None, seed: int | None = None) -> None:
    """Change behavior and seed of a running local cloud; None leaves a setting unchanged.

    Raises DaemonError.
    """
    wanted = {"behavior": behavior, "seed": seed}
    administration.change_settings(
        running, {key: value for key, value in wanted.items() if value is not None}
    )


def _answering(files: Files, budget: float, report: Report) -> tuple[Running, dict[str, Any]] | None:
    """The local cloud that holds the lock, and its health, once answering; None after its end.

    Raises DaemonError.
    """
    wait = Wait(budget, report, "waiting for the local cloud to get ready")
    while files.is_alive():
        running = files.read_state()
        health = running and administration.health(running, min(administration.ANSWER_SECONDS, wait.left))
        if running and health:
            return running, health
        busy = f"waiting for the local cloud (pid {running.pid}), which is busy" if running else ""
        if not wait.again(busy):
            who = f"the local cloud (pid {running.pid})" if running else "the local cloud"
            raise DaemonError(
                f"{who} runs, but has not answered for {budget:g} s; try again later, or end it with: "
                f"mysfits-stream local stop (log: {files.log})"
            )
    return None


def _configured(
    running: Running, current: Mapping[str, Any], settings: Settings, keep: Path | None
) -> Running:
    """Change all settings but the port of a running local cloud. Raises DaemonError.

    ``current`` are its settings now.

    A behavior from ``local start --behavior`` stays, unless the configuration sets a behavior.
    """
    end_it = "end it with: mysfits-stream local stop"
    if running.version != VERSION:
        raise DaemonError(
            f"the local cloud (pid {running.pid}) is of version {running.version}, this is {VERSION}; "
            f"{end_it}"
        )
    if settings.port not in (0, running.port):
        raise DaemonError(
            f"the local cloud runs on port {running.port}, configured is {settings.port}; {end_it}"
        )
    if keep and str(keep.resolve()) != running.keep:
        where = f"in {running.keep}" if running.keep else "nowhere"
        raise DaemonError(f"the local cloud runs already and keeps its resources {where}; {end_it}")
    wanted: dict[str, object] = {
        "time_scale": settings.time_scale,
        "allowed_origins": list(settings.allowed_origins),
        "access": settings.access,
    }
    if settings.behavior != "instant":
        wanted |= {"behavior": settings.behavior, "seed": settings.seed}
    if any(current.get(name) != value for name, value in wanted.items()):
        administration.change_settings(running, wanted)
    return replace(running, time_scale=settings.time_scale)


def _exists(pid: int) -> bool:
    """Whether the system has a process with the number; signal 0 has no effect."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
