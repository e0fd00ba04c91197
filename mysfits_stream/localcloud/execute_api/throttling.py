"""Throttling: the token bucket of one method on one stage."""

from __future__ import annotations

import threading


class TokenBucket:
    """``burst`` tokens at most, ``rate`` new ones a second; a request takes one.

    Time is the caller's, in seconds. Safe to use from several threads.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._filled: float | None = None
        self._lock = threading.Lock()

    def take(self, now: float) -> bool:
        """Take a token if there is one."""
        with self._lock:
            if self._filled is not None and now > self._filled:
                self._tokens = min(float(self.burst), self._tokens + (now - self._filled) * self.rate)
            self._filled = now if self._filled is None else max(now, self._filled)
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
