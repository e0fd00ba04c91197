"""Throttling: the token bucket of a method of a stage."""

from __future__ import annotations

import threading


class TokenBucket:
    """At most ``burst`` tokens, ``rate`` new tokens a second; a request takes a token.

    The caller gives the time, in seconds. Safe to use from several threads.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._filled: float | None = None
        self._lock = threading.Lock()

    def take(self, now: float) -> bool:
        """Take a token; False if the bucket is empty."""
        with self._lock:
            if self._filled is not None and now > self._filled:
                self._tokens = min(float(self.burst), self._tokens + (now - self._filled) * self.rate)
            self._filled = now if self._filled is None else max(now, self._filled)
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
