"""Two clocks: true time for names and records, steady time for waiting.

The wall clock may be set back or forward at any moment. Only true times come from the wall clock; buffers,
pauses, throttling and transitions of resources wait by the steady clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Now = Callable[[], float]


def steady_clock(wall: Now = time.time, monotonic: Now = time.monotonic) -> Now:
    """Seconds that pass evenly, beginning with the present time of the wall clock.

    Beginning there keeps the order of times over a restart of the local cloud.
    """
    offset = wall() - monotonic()
    return lambda: offset + monotonic()
