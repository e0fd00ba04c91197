"""Background work: a clock for all deliveries, and a pool for the jobs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger(__name__)

THREADS = 8
LONGEST_WAIT = 1.0  # seconds between two looks at what is due


class Background:
    """A thread that does what is due whenever it is, and a pool for jobs that take their time."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._jobs = ThreadPoolExecutor(THREADS, "delivery")
        self._clock: threading.Thread | None = None

    def start(self, do_due: Callable[[], float | None]) -> None:
        """Call ``do_due``, which returns when something is due next, until :meth:`stop`."""
        self._clock = threading.Thread(target=self._run, args=(do_due,), name="delivery-clock")
        self._clock.start()

    def submit(self, job: Callable[[], None]) -> None:
        """Do a job soon, in another thread."""
        self._jobs.submit(job)

    def wake(self) -> None:
        """Look now at what is due: it may have changed."""
        self._woken.set()

    def stop(self) -> None:
        """Begin nothing more; jobs go on."""
        self._stopping.set()
        self._woken.set()
        if self._clock:
            self._clock.join()

    def join(self) -> None:
        """Return once every job has ended."""
        self._jobs.shutdown()

    def _run(self, do_due: Callable[[], float | None]) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            due_at = None
            try:
                due_at = do_due()
            except Exception:
                # The clock of all deliveries: one that cannot be made must not end it.
                log.exception("delivering")
            wait = LONGEST_WAIT if due_at is None else min(max(due_at - self._steady(), 0.0), LONGEST_WAIT)
            self._woken.wait(wait)
