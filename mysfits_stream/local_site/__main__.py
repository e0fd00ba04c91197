"""The background process of the local cloud: ``python -m mysfits_stream.local_site DIRECTORY OPTIONS``.

``localcloud/daemon.py`` starts, finds and stops the process.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.control_plane.persistence import KeepingError
from mysfits_stream.localcloud.daemon import (
    CANNOT_KEEP,
    PORT_IN_USE,
    STOP_BUDGET,
    Files,
    Running,
    read_state,
    write_state,
)
from mysfits_stream.localcloud.server import LocalCloud
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.localcloud.version import VERSION

IDLE_LIMIT = 12 * 3600.0  # seconds without a request
WATCH_INTERVAL = 2.0

log = logging.getLogger("mysfits_stream.local_site")


def serve(
    directory: Path, options: dict[str, Any], ended: threading.Event, interval: float = WATCH_INTERVAL
) -> int:
    """Serve until ``ended`` is set, the state file is gone, or the last request is IDLE_LIMIT seconds ago.

    Checks all three every ``interval`` seconds. Returns the exit status.
    """
    files = Files(directory)
    settings = Settings().changed(options["settings"])
    keep = Path(options["keep"]) if options["keep"] else None
    with files.alive_lock().acquire(timeout=STOP_BUDGET):
        try:
            cloud = local_cloud(settings, keep=keep, on_stop=ended.set)
        except KeepingError as error:
            log.error("%s", error)
            return CANNOT_KEEP
        try:
            cloud.start()
            running = Running(
                cloud.port,
                os.getpid(),
                settings.time_scale,
                cloud.identity,
                VERSION,
                options["keep"],
                cloud.access_key_id,
            )
            write_state(files, running)
            log.info("serving %s", running.endpoint)
            _watch(cloud, files, running, ended, interval)
            if read_state(files) == running:
                files.state.unlink()
        except OSError as error:
            log.error("%s", error)
            return PORT_IN_USE if error.errno == errno.EADDRINUSE else 1
        finally:
            cloud.stop()
    log.info("ended")
    return 0


def _watch(
    cloud: LocalCloud, files: Files, running: Running, ended: threading.Event, interval: float
) -> None:
    """Wait for a reason to end, and persist changes in the meantime."""
    while not ended.wait(interval):
        try:
            cloud.save()
        except Exception:
            # What runs goes on running, and the next change is a new attempt.
            log.exception("keeping what has changed")
        if read_state(files) != running:
            log.info("%s is gone, so nobody can find this local cloud any more: ending", files.state)
            return
        if cloud.idle_seconds() > IDLE_LIMIT:
            log.info("no request for %g s: ending", IDLE_LIMIT)
            return


def main() -> int:
    """Serve with the options of the command line, until a signal or a request to stop."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    return serve(Path(sys.argv[1]), json.loads(sys.argv[2]), ended)


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # All has been ended and written by now, and taking moto's modules apart would take longer than that.
    os._exit(status)
