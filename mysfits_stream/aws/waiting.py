"""Waiting for AWS: two loops, with sleep and clock injected.

Transient errors are listed per resource, at the foot of the resource's file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TypeVar

T = TypeVar("T")

IAM_BUDGET = 120.0
"""Seconds within which a change in IAM is in force everywhere, tail included (F2)."""

FIRST_PAUSES = (0.25, 0.5)
"""Seconds. Most waits are short, and often on the critical path (F3)."""


class Expired(Exception):
    """A wait exceeded the budget; the text names the condition and gives advice."""


class Interrupted(Exception):
    """The run was asked to stop; the wait ended early."""


class Interrupt:
    """A sleep that a single call ends in every thread, so that Ctrl-C does not wait for AWS."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """End every sleep, now and from now on."""
        self._event.set()

    def sleep(self, seconds: float) -> None:
        """Sleep; raises Interrupted once ``set`` was called."""
        if self._event.wait(seconds):
            raise Interrupted("interrupted")


@dataclass(frozen=True)
class Pace:
    """Sleep and clock of waits, in AWS's seconds, and the receiver of progress lines."""

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    report: Callable[[str], None] = lambda _: None


def retry_while(
    transient: Callable[[Exception], bool],
    call: Callable[[], T],
    pace: Pace,
    *,
    waiting_for: str,
    advice: str,
    budget: float = IAM_BUDGET,
    pause: Callable[[Exception], float | None] = lambda _: None,
) -> T:
    """Call until success, an error that is not transient, or the end of ``budget`` seconds.

    The budget covers all attempts: messages change while AWS gets ready (F5). ``pause`` returns the seconds
    to wait after an error if AWS states them. Raises Expired with the last error and ``advice``.
    """
    started = pace.clock()
    for delay in _delays():
        try:
            return call()
        except Exception as error:  # ``transient`` decides on any error, and the rest is raised unchanged
            if not transient(error):
                raise
            elapsed = pace.clock() - started
            wanted = pause(error) or delay
            if elapsed + wanted > budget:
                raise Expired(
                    _verdict(waiting_for, budget, advice, f"last response of AWS: {error}")
                ) from error
            pace.report(f"waiting for {waiting_for}, {elapsed:.0f} s of {budget:.0f} s")
            pace.sleep(wanted)
    raise AssertionError("the delays never end")


def wait_until(
    condition: Callable[[], bool],
    pace: Pace,
    *,
    waiting_for: str,
    advice: str,
    budget: float,
    in_a_row: int = 1,
) -> None:
    """Check until the condition holds ``in_a_row`` times without a miss.

    Eventually consistent reads may miss a new resource again after a good read (F12, F24, F25).
    Raises Expired with ``advice`` after ``budget`` seconds.
    """
    started = pace.clock()
    held = 0
    for delay in _delays():
        held = held + 1 if condition() else 0
        if held >= in_a_row:
            return
        elapsed = pace.clock() - started
        if elapsed + delay > budget:
            raise Expired(_verdict(waiting_for, budget, advice))
        pace.report(f"waiting for {waiting_for}, {elapsed:.0f} s of {budget:.0f} s")
        pace.sleep(delay)


def _delays() -> Iterator[float]:
    # Every second for a minute, as half a pause is lost on average. Firehose's reads may be made five times a
    # second (F63), and throttled writes are retried.
    return chain(FIRST_PAUSES, repeat(1.0, 60), repeat(2.0))


def _verdict(waiting_for: str, budget: float, *hints: str) -> str:
    text = f"still waiting for {waiting_for} after {budget:.0f} s"
    return "; ".join([text, *(hint.rstrip(".") for hint in hints)])
