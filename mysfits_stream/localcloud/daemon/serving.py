"""The main loop of the background process: serves until a reason to end."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from mysfits_stream.localcloud.daemon.files import Files, Running
from mysfits_stream.localcloud.daemon.starting import PORT_IN_USE, REFUSED
from mysfits_stream.localcloud.door import Door
from mysfits_stream.localcloud.files import KeepingError
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.localcloud.version import VERSION

if TYPE_CHECKING:
    from mysfits_stream.localcloud.server import LocalCloud

IDLE_LIMIT = 12 * 3600.0  # seconds without a request
WATCH_INTERVAL = 2.0

log = logging.getLogger("mysfits_stream.localcloud")

MakeCloud = Callable[..., "LocalCloud"]
"""Makes a local cloud from settings, and from the options ``keep``, ``on_stop`` and ``door``."""


def main(make_cloud: MakeCloud, directory: Path, options: dict[str, Any]) -> None:
    """Serve until a signal or a request to stop, then end the process; never returns.

    A second signal ends the process at once.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        if ended.is_set():
            os._exit(128 + number)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    status = 1
    try:
        status = serve(partial(_isolated, make_cloud), directory, options, ended)
        Files(directory).remove_scratch()
    except Exception:  # the log is the only place for a traceback of a background process
        log.exception("the local cloud fails")
    finally:
        logging.shutdown()
        sys.stdout.flush()
        # No thread can keep the process alive, and taking moto's modules apart would take seconds.
        os._exit(status)


def _isolated(make_cloud: MakeCloud, *arguments: Any, **options: Any) -> LocalCloud:
    """The cloud, without the user's models in ~/.aws/models.

    No environment variable leaves these models out.
    """
    from botocore.loaders import Loader

    Loader.CUSTOMER_DATA_PATH = Loader.BUILTIN_DATA_PATH
    return make_cloud(*arguments, **options)


def serve(
    make_cloud: MakeCloud,
    directory: Path,
    options: dict[str, Any],
    ended: threading.Event,
    interval: float = WATCH_INTERVAL,
) -> int:
    """Serve until ``ended`` is set, the state file is gone, or IDLE_LIMIT idle seconds pass.

    Checks all three every ``interval`` seconds. ``options["lock"]`` is the inherited, locked descriptor.
    Returns the exit status.
    """
    files = Files(directory)
    lock = options["lock"]
    os.set_inheritable(lock, False)
    settings = Settings().changed(options["settings"])
    keep = Path(options["keep"]) if options["keep"] else None

    def make(door: Door[LocalCloud]) -> LocalCloud:
        return make_cloud(settings, keep=keep, on_stop=ended.set, door=door)

    door = Door(settings, make, ended.set)
    try:
        if keep:
            # Kept deliveries go on at once, and an unusable directory is an error of the start.
            door.load()
    except KeepingError as error:
        log.error("%s", error)
        return REFUSED
    try:
        door.start(settings.port)
        running = Running(
            port=door.port,
            pid=os.getpid(),
            time_scale=settings.time_scale,
            identity=door.identity,
            version=VERSION,
            keep=options["keep"],
            access_key_id=door.access_key_id,
            started_at=time.time(),
        )
        files.write_state(running)
        log.info("serving %s", running.endpoint)
        if options["load"]:
            door.load_soon()
        _watch(door, files, lock, running, ended, interval)
        if files.holds(lock) and files.read_state() == running:
            files.state.unlink()
    except OSError as error:
        log.error("%s", error)
        return PORT_IN_USE if error.errno == errno.EADDRINUSE else REFUSED
    except (RuntimeError, MemoryError) as error:
        # A container limits processes or memory. The threads that did start go with the process.
        log.error(
            "the local cloud cannot start its threads: %s; raise the limit of processes or memory", error
        )
        return REFUSED
    door.stop()
    try:
        if door.cloud:
            door.cloud.stop()
    except KeepingError as error:
        log.error("%s", error)
        return 1
    log.info("ended")
    return 0


def _watch(
    door: Door[LocalCloud],
    files: Files,
    lock: int,
    running: Running,
    ended: threading.Event,
    interval: float,
) -> None:
    """Wait for a reason to end, and save changes in the meantime."""
    while not ended.wait(interval):
        saved = _save(door.cloud) if door.cloud else True
        if not files.holds(lock):
            log.info("%s is gone: ending", files.lock)
            return
        if not files.state.exists() or door.idle_seconds() > IDLE_LIMIT:
            if saved:
                log.info("%s is gone, or there was no request for %g s: ending", files.state, IDLE_LIMIT)
                return
            log.error("not ending: the changes would be lost")
        if files.read_state() != running:
            # The lock is ours, so the file is damaged, or an unsaved local cloud was asked to end.
            _write_state(files, running)


def _save(cloud: LocalCloud) -> bool:
    try:
        cloud.save_if_due()
    except KeepingError as error:
        # The next change is a new attempt; health and each command say so meanwhile.
        log.error("%s", error)
        return False
    return True


def _write_state(files: Files, running: Running) -> None:
    try:
        files.write_state(running)
    except OSError as error:
        log.error("%s", error)
