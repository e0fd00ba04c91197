"""Custom domain names of APIs, which are PENDING or UPDATING for a while (F291, F344)."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable

from mysfits_stream.localcloud.aws_behavior.chance import Chance
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response

# Operation -> status, and for how many seconds a domain name has the status.
TRANSITIONS = {
    "CreateDomainName": ("PENDING", (5.0, 60.0)),
    "UpdateDomainName": ("UPDATING", (60.0, 240.0)),
}


class DomainNames:
    """The transitions of domain names; thread-safe. ``now`` is in AWS's seconds."""

    def __init__(self, now: Callable[[], float], chance: Chance) -> None:
        self._now = now
        self._chance = chance
        self._lock = threading.Lock()
        self._running: dict[tuple[str, str], tuple[float, str]] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Answer a call; a domain name in a transition shows the transition."""
        name = str(call.parameters.get("domain_name") or call.parameters.get("domainName") or "")
        response = answer()
        if call.service != "apigateway" or not name or response.status >= 300:
            return response
        key = call.region, name
        with self._lock:
            if call.operation in TRANSITIONS:
                status, seconds = TRANSITIONS[call.operation]
                self._counts[key] += 1
                due = self._now() + self._chance.between(*seconds, call.operation, *key, self._counts[key])
                self._running[key] = due, status
            until, status = self._running.get(key, (0.0, ""))
        if self._now() >= until or call.operation not in ("GetDomainName", *TRANSITIONS):
            return response
        document = {**json.loads(response.body), "domainNameStatus": status}
        return response.with_body(json.dumps(document).encode())
