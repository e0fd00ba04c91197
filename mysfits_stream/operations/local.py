"""``local``: the embedded local cloud, started, stopped and described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mysfits_stream.config import LocalConfig
from mysfits_stream.config_file import MOODS
from mysfits_stream.local_site import PAGE, daemon
from mysfits_stream.local_site.settings import settings_of
from mysfits_stream.localcloud.daemon import Listed, Running
from mysfits_stream.operations.options import CACHE

Report = Callable[[str], None]


@dataclass(frozen=True)
class LocalCloudStatus:
    """The local cloud of a directory; None if no local cloud runs."""

    running: Running | None
    busy: bool = False
    """Whether the local cloud does not answer at the moment."""
    keep_error: str | None = None
    """Why changes cannot be kept; None if they are kept, or are not to be kept."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables for AWS clients of the local cloud."""
        from mysfits_stream.aws import session as sessions  # slow to import
        from mysfits_stream.target import LOCAL_REGION, LOCAL_SECRET

        if self.running is None:
            return {}
        running = self.running
        return sessions.environment(running.endpoint, running.access_key_id, LOCAL_SECRET, LOCAL_REGION)

    @property
    def page(self) -> str | None:
        """The address of the page that sends clicks to the stack."""
        return f"{self.running.endpoint}{PAGE}" if self.running else None

    def document(self) -> dict[str, Any]:
        """The local cloud as JSON."""
        running = self.running
        return {
            "running": running is not None,
            "endpoint": running.endpoint if running else None,
            "pid": running.pid if running else None,
            **({"page": self.page, "busy": self.busy, "keepError": self.keep_error} if running else {}),
            **({"environment": dict(self.environment)} if running else {}),
        }


@dataclass(frozen=True)
class LocalClouds:
    """All local clouds of the user."""

    found: tuple[Listed, ...]

    def document(self) -> dict[str, Any]:
        """The local clouds as JSON."""
        return {
            "localClouds": [
                {
                    "directory": str(each.directory.parent),
                    "pid": each.pid,
                    "endpoint": each.running.endpoint if each.running else None,
                    "memoryBytes": each.memory_bytes,
                    "ageSeconds": round(each.age_seconds()),
                }
                for each in self.found
            ]
        }


@dataclass(frozen=True)
class Stopped:
    """The stopped local cloud; None if no local cloud ran."""

    ended: Running | None

    def document(self) -> dict[str, Any]:
        """The stopped local cloud as JSON."""
        return LocalCloudStatus(None).document()


@dataclass(frozen=True)
class LogTail:
    """The last lines of the local cloud's log."""

    lines: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The lines as JSON."""
        return {"lines": list(self.lines)}


def start(
    config: LocalConfig,
    directory: Path,
    *,
    keep: Path | None,
    behavior: str | None,
    moods: str | None,
    seed: int | None,
    report: Report,
    meanwhile: Callable[[], object],
) -> LocalCloudStatus:
    """Start the local cloud in the background unless it runs.

    ``moods`` is the old spelling of ``behavior``. ``report`` receives warnings and progress.
    ``meanwhile`` is called while the process starts.
    """
    if moods is not None:
        report(f"warning: --moods is deprecated and works until 1.0; write --behavior {MOODS[moods]}")
        behavior = behavior or MOODS[moods]
    running = daemon.ensure(directory, settings_of(config), keep=keep, report=report, meanwhile=meanwhile)
    if behavior is not None or seed is not None:
        daemon.set_behavior(running, behavior=behavior, seed=seed)
    return LocalCloudStatus(running)


def stop(directory: Path, report: Report) -> Stopped:
    """Stop the local cloud and delete its cached clicks.

    Without ``keep``, resources and objects are deleted, too.
    """
    stopped = Stopped(daemon.stop(directory, report=report))
    cached = list((directory / CACHE).glob("local-*"))
    if cached:
        from mysfits_stream.query.cache import remove  # slow to import

        for each in cached:
            remove(each)
    return stopped


def clicks_lost_by_stop(directory: Path) -> int | None:
    """The number of clicks that ``stop`` discards; None if a busy local cloud does not answer."""
    running = daemon.find(directory)
    return daemon.held_clicks(running) if running and not running.keep else 0


def status(directory: Path) -> LocalCloudStatus:
    """The local cloud, if running."""
    running = daemon.find(directory)
    if running is None:
        return LocalCloudStatus(None)
    health = daemon.health(running)
    return LocalCloudStatus(running, busy=health is None, keep_error=(health or {}).get("keep_error"))


def list_all() -> LocalClouds:
    """The local clouds of the user, in all folders."""
    return LocalClouds(tuple(daemon.list_all()))


def logs(directory: Path, lines: int) -> LogTail:
    """The last ``lines`` lines of the local cloud's log."""
    return LogTail(tuple(daemon.log_tail(directory, lines)))
