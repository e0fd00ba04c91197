"""The project's local cloud in the background, with errors in one line for the user."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mysfits_stream.errors import TargetError
from mysfits_stream.files import make_private, state_errors
from mysfits_stream.localcloud import daemon
from mysfits_stream.localcloud.daemon import DaemonError, Listed, Running, administration
from mysfits_stream.localcloud.settings import Settings

COMMAND = (sys.executable, "-P", "-m", "mysfits_stream.local_site")
NEEDED = ("moto", "flask", "flask_cors", "cheroot", "airspeed", "jsonschema")
LOG_TAIL_LINES = 100
HELD_CLICKS = "/_local/clicks"
GLANCE_SECONDS = 2.0

Report = Callable[[str], None]


def find(directory: Path) -> Running | None:
    """The directory's local cloud, ready or busy; None if no local cloud lives.

    Raises TargetError for a local cloud that is starting or ending.
    """
    with translated(directory):
        return daemon.find(directory)


def ensure(
    directory: Path,
    settings: Settings,
    *,
    keep: Path | None = None,
    report: Report = daemon.quiet,
    load: bool = False,
    meanwhile: Callable[[], object] = daemon.nothing,
) -> Running:
    """The directory's local cloud, started in the background if no local cloud lives.

    ``keep`` is a directory in which resources and objects survive a restart; ``report`` gets a line about
    each long wait. ``load``: calls of AWS clients follow. ``meanwhile`` is called while a process starts.
    Raises TargetError with one line, and StateError when the directory cannot be used.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise TargetError(
            f"target local needs packages that are not installed ({', '.join(missing)}); "
            "run: pip install 'mysfits-stream[local]'"
        )
    with translated(directory):
        make_private(directory)
        return daemon.ensure(
            directory, settings, COMMAND, keep=keep, report=report, load=load, meanwhile=meanwhile
        )


def stop(directory: Path, *, report: Report = daemon.quiet) -> Running | None:
    """End the directory's local cloud and wait until it is gone; None if no local cloud lived.

    Raises TargetError if the local cloud refuses or stays, StateError when the directory cannot be used.
    """
    with translated(directory):
        return daemon.stop(directory, report=report)


def held_clicks(running: Running) -> int | None:
    """The number of clicks that would be lost with the local cloud; None if it does not answer."""
    if (health(running) or {}).get("loaded") is False:
        return 0
    found = administration.read(running, HELD_CLICKS)
    return None if found is None else sum(found.values())


def health(running: Running) -> Mapping[str, Any] | None:
    """The health of the local cloud; None if the local cloud does not answer at the moment."""
    return administration.health(running, GLANCE_SECONDS)


def list_all() -> list[Listed]:
    """The local clouds of this user."""
    return daemon.list_all(COMMAND)


def set_behavior(running: Running, *, behavior: str | None = None, seed: int | None = None) -> None:
    """Change behavior and seed of a running local cloud; None leaves a setting unchanged.

    Raises TargetError.
    """
    try:
        daemon.set_behavior(running, behavior=behavior, seed=seed)
    except DaemonError as error:
        raise _target_error(error) from error


def log_tail(directory: Path, lines: int = LOG_TAIL_LINES) -> list[str]:
    """The last lines of the log; none if there is no log."""
    with translated(directory):
        return daemon.log_tail(directory, lines)


@contextmanager
def translated(directory: Path) -> Iterator[None]:
    """Raise errors of the local cloud as TargetError, errors of the file system as StateError."""
    try:
        with state_errors(directory):
            yield
    except DaemonError as error:
        raise _target_error(error) from error


def _target_error(error: DaemonError) -> TargetError:
    translated_error = TargetError(str(error))
    for note in getattr(error, "__notes__", ()):
        translated_error.add_note(note)
    return translated_error
