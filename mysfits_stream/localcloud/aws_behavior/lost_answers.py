"""Lost responses: the call has an effect, and the client receives no response (F6)."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mysfits_stream.localcloud.aws_behavior.chance import Chance
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.http.refusals import Cut

SHARE = 0.2
"""The share of creations whose answer is lost; in truth it is far smaller."""


class LostAnswers:
    """Loses answers to creations; safe to use from several threads."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._lock = threading.Lock()
        self._made: set[tuple[str, str]] = set()

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Handle a call; raises Cut for a lost response."""
        response = answer()
        if not call.operation.startswith("Create") or response.status >= 300:
            return response
        with self._lock:
            first = (call.operation, call.resource) not in self._made
            self._made.add((call.operation, call.resource))
        # Once is rare enough; a client that tries again is answered.
        if first and self._chance.happens(SHARE, "lost", call.operation, call.resource):
            raise Cut
        return response
