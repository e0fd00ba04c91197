"""The local cloud as a background process: start it, find it again, stop it.

``local-cloud.json`` in the directory ``.mysfits-stream`` says where it is. What says that it lives is a lock
that the process holds until it ends, however it ends: a number that the system gave to another process in the
meantime is never taken for ours.

The process itself is ``__main__.py``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock, Timeout

from mysfits_stream.errors import TargetError
from mysfits_stream.files import state_errors, write_atomically
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.localcloud.version import VERSION

START_BUDGET = 30.0
STOP_BUDGET = 20.0
LOG_TAIL_LINES = 12
NEEDED = ("moto", "flask", "flask_cors", "cheroot", "airspeed", "jsonschema")
PORT_IN_USE = 76  # exit status: the port is taken
CANNOT_KEEP = 77  # exit status: what was kept cannot be read


@dataclass(frozen=True)
class Running:
    """A local cloud that answers."""

    port: int
    pid: int
    time_scale: float
    identity: str
    version: str
    keep: str | None = None
    access_key_id: str = ""
    """The access key id that AWS clients need; the state file has mode 0600."""

    @property
    def endpoint(self) -> str:
        """The base URL, for AWS clients as for browsers."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Files:
    """Where a directory's local cloud keeps what it needs."""

    directory: Path

    @property
    def state(self) -> Path:
        """Port, pid and identity of the running process; written when it is ready."""
        return self.directory / "local-cloud.json"

    @property
    def log(self) -> Path:
        """What the process prints."""
        return self.directory / "local-cloud.log"

    def alive_lock(self) -> FileLock:
        """Held by the process for as long as it lives."""
        return FileLock(self.directory / "local-cloud.lock")

    def start_lock(self) -> FileLock:
        """Held by whoever starts it, so that two commands at once start one."""
        return FileLock(self.directory / "local-cloud.start.lock")


def find(directory: Path) -> Running | None:
    """The directory's local cloud if it runs; a file that a dead one left behind counts for nothing."""
    files = Files(directory)
    if not files.state.exists() or not _is_alive(files):
        return None
    running = read_state(files)
    return running if running and _answers(running) else None


def ensure(
    directory: Path, settings: Settings, *, keep: Path | None = None, budget: float = START_BUDGET
) -> Running:
    """The directory's local cloud, started in the background if it does not run.

    ``keep`` is a directory in which resources and objects survive a restart. Raises TargetError with one line
    when it cannot be had: the port is taken, it does not get ready, or what runs is not what is configured;
    and StateError when the directory cannot be used.
    """
    files = Files(directory)
    with state_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
        starting = files.start_lock().acquire()
    with starting:
        running = find(directory)
        if running is None:
            return _start(files, settings, keep, budget)
    if running.version != VERSION:
        raise TargetError(
            f"the local cloud (pid {running.pid}) is of version {running.version}, this is {VERSION}; "
            "end it with: mysfits-stream local stop"
        )
    if settings.port not in (0, running.port):
        raise TargetError(
            f"the local cloud runs on port {running.port}, configured is {settings.port}; "
            "end it with: mysfits-stream local stop"
        )
    if keep and str(keep.resolve()) != running.keep:
        where = f"in {running.keep}" if running.keep else "nowhere"
        raise TargetError(
            f"the local cloud runs already and keeps its resources {where}; "
            "end it with: mysfits-stream local stop"
        )
    return _configured(running, settings)


def stop(directory: Path, *, budget: float = STOP_BUDGET) -> Running | None:
    """End the directory's local cloud and wait until it is gone; None if none ran.

    It is asked over HTTP, and by a signal if it does not listen any more. Raises TargetError if it stays, and
    StateError when the directory cannot be used.
    """
    files = Files(directory)
    with state_errors(directory):
        if not directory.exists() or not _is_alive(files):
            files.state.unlink(missing_ok=True)
            return None
    running = read_state(files)
    if running is None:
        raise TargetError(f"the local cloud is starting or ending; try again (log: {files.log})")
    _ask_to_stop(running)
    if not _wait_for_end(files, running.pid, budget / 2) and _is_alive(files):
        # The lock is still held, so the pid in the file is still that of our process.
        os.kill(running.pid, signal.SIGTERM)
        if not _wait_for_end(files, running.pid, budget / 2):
            raise TargetError(f"the local cloud (pid {running.pid}) does not end; log: {files.log}")
    files.state.unlink(missing_ok=True)
    return running


def log_tail(directory: Path, lines: int = LOG_TAIL_LINES) -> list[str]:
    """The last lines of the log; none if there is no log."""
    log = Files(directory).log
    return log.read_text("utf-8", "replace").splitlines()[-lines:] if log.exists() else []


def _start(files: Files, settings: Settings, keep: Path | None, budget: float) -> Running:
    _check_installed()
    with state_errors(files.directory):
        files.state.unlink(missing_ok=True)
        log_file = files.log.open("wb")
    options = {"settings": asdict(settings), "keep": str(keep.resolve()) if keep else None}
    command = [
        sys.executable,
        "-P",
        "-m",
        "mysfits_stream.local_site",
        str(files.directory.resolve()),
        json.dumps(options),
    ]
    with log_file as log:
        process = subprocess.Popen(  # noqa: S603, the command is this file
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=files.directory,
            env=_clean_environment(),
            start_new_session=True,
        )
    # It outlives us as a rule; if it does not, somebody has to take note of its end.
    threading.Thread(target=process.wait, daemon=True).start()
    deadline = time.monotonic() + budget
    while time.monotonic() < deadline:
        running = read_state(files)
        if running and running.pid == process.pid and _answers(running):
            return running
        if process.poll() is not None:
            break
        time.sleep(0.02)  # nothing tells of another process's readiness but asking again
    if process.poll() == PORT_IN_USE:
        raise TargetError(
            f"port {settings.port} is in use by another program; set local.port to another, or to 0 for any"
        )
    if process.poll() == CANNOT_KEEP:
        raise TargetError(" ".join(log_tail(files.directory, 1)).partition("ERROR ")[2])
    if process.poll() is None:
        process.terminate()
        failure = TargetError(f"the local cloud is not ready after {budget:g} s; log: {files.log}")
    else:
        failure = TargetError(f"the local cloud ended with status {process.poll()}; log: {files.log}")
    for line in log_tail(files.directory):
        failure.add_note(line)
    raise failure


def _check_installed() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise TargetError(
            f"target local needs packages that are not installed ({', '.join(missing)}); "
            "run: pip install 'mysfits-stream[local]'"
        )


def _clean_environment() -> dict[str, str]:
    """Ours without the user's AWS settings: none of them may reach the local cloud."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }


def set_behavior(running: Running, *, behavior: str | None = None, seed: int | None = None) -> None:
    """Change behavior and seed of a running local cloud; None leaves a setting unchanged.

    Raises TargetError.
    """
    wanted = {"behavior": behavior, "seed": seed}
    _set(running, {key: value for key, value in wanted.items() if value is not None})


def _configured(running: Running, settings: Settings) -> Running:
    """What is configured may have changed since the start; all but the port can change while it runs.

    A behavior from ``local start --behavior`` stays, unless the configuration sets a behavior.
    """
    wanted: dict[str, object] = {
        "time_scale": settings.time_scale,
        "allowed_origins": settings.allowed_origins,
        "access": settings.access,
    }
    if settings.behavior != "instant":
        wanted |= {"behavior": settings.behavior, "seed": settings.seed}
    return Running(**{**asdict(running), "time_scale": _set(running, wanted)["time_scale"]})


def _set(running: Running, wanted: dict[str, object]) -> dict[str, Any]:
    try:
        answer = requests.put(
            f"{running.endpoint}/_local/settings", json=wanted, headers=_signed(running), timeout=10
        )
        answer.raise_for_status()
    except requests.RequestException as error:
        raise TargetError(f"the local cloud does not take its settings: {error}") from error
    settings: dict[str, Any] = answer.json()
    return settings


def _is_alive(files: Files) -> bool:
    lock = files.alive_lock()
    try:
        with lock.acquire(blocking=False):
            return False
    except Timeout:
        return True


def read_state(files: Files) -> Running | None:
    """What the state file says; None if there is none, or none that can be read."""
    try:
        return Running(**json.loads(files.state.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _answers(running: Running) -> bool:
    """Whether our process, and no other program, serves the port."""
    try:
        health = requests.get(f"{running.endpoint}/_local/health", timeout=5).json()
    except (requests.RequestException, ValueError):
        return False
    return isinstance(health, dict) and health.get("identity") == running.identity


def _ask_to_stop(running: Running) -> bool:
    try:
        return _answers(running) and _post_stop(running)
    except requests.RequestException:
        return False


def _post_stop(running: Running) -> bool:
    return requests.post(f"{running.endpoint}/_local/stop", headers=_signed(running), timeout=5).ok


def _signed(running: Running) -> dict[str, str]:
    """The headers of a request to the administration, which needs the access key."""
    return {"Authorization": f"Bearer {running.access_key_id}"}


def _wait_for_end(files: Files, pid: int, budget: float) -> bool:
    deadline = time.monotonic() + budget
    while _is_alive(files) or _exists(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)  # only a parent can wait for a process; anybody else asks again
    return True


def _exists(pid: int) -> bool:
    """Whether the system still has the process, on systems where one can ask."""
    if os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def write_state(files: Files, running: Running) -> None:
    """Say where the local cloud runs."""
    write_atomically(files.state, json.dumps(asdict(running), indent=2) + "\n")
