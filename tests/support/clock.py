"""Clocks for tests: one that the test moves, and one that moves while somebody sleeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from mysfits_stream.aws.waiting import Pace

START = 1_790_000_000.0
"""Where the clock of every test begins: 2026-09-21, 14:13:20 UTC."""


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@dataclass
class Time:
    """A clock that moves only during sleeps, and records sleeps and reports."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self.now += seconds

    def seconds(self) -> float:
        """The time, for code that takes a clock."""
        return self.now

    @property
    def pace(self) -> Pace:
        """The pace of this time."""
        return Pace(sleep=self.sleep, clock=self.seconds, report=self.reports.append)
