"""The clocks of resources that change their state in the background (F50 to F54)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def at_once(transition: str, arn: str) -> float:
    """The default duration of a transition."""
    return 0.0


@dataclass(frozen=True)
class Transitions:
    """The times of transitions: ``now`` for stored times, ``steady`` for their ends."""

    now: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    settling: Callable[[str, str], float] = at_once
    """The duration of (transition, ARN), in seconds of ``steady``."""

    def end(self, transition: str, arn: str) -> float:
        """The end, by ``steady``, of a transition that starts now."""
        return self.steady() + self.settling(transition, arn)
