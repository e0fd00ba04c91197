"""The local cloud of a soak: its wall clock is off by the seconds that a file says.

``python -m benchmarks.soak_cloud DIRECTORY OPTIONS``, as ``python -m mysfits_stream.local_site``.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.clock import steady_clock
from mysfits_stream.localcloud.daemon.serving import main
from mysfits_stream.localcloud.server import LocalCloud

CLOCK_FILE = "clock-offset"


def jumping_cloud(directory: Path, *arguments: Any, **options: Any) -> LocalCloud:
    """A local cloud whose wall clock is off by the number in CLOCK_FILE."""
    file = directory / CLOCK_FILE

    def wall() -> float:
        try:
            return time.time() + float(file.read_text())
        except (OSError, ValueError):
            return time.time()

    return local_cloud(*arguments, now=wall, steady=steady_clock(), **options)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    main(lambda *a, **o: jumping_cloud(place, *a, **o), place, json.loads(sys.argv[2]))
