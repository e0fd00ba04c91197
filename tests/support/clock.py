"""A clock for tests: it stands still until the test moves it."""

from __future__ import annotations

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
