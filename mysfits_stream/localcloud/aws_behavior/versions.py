"""Versions and aliases of functions, eventually consistent (F284, F343).

A new version is Pending for some seconds, and may be missed; a new alias may be missed, and a changed alias
may be read as before the change. A Pending version refuses invocations by its number; an alias invokes the
version that the control plane stores.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from mysfits_stream.localcloud.aws_behavior.chance import Chance
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.http.refusals import refused

MISSED = 0.4
"""The share of reads that miss, as long as any do."""
SHOWN_AFTER = (0.5, 2.0)  # seconds until every read shows a new version or alias
ACTIVE_AFTER = (1.0, 3.0)  # seconds for which a new version is Pending
CHANGE_SHOWN_AFTER = (1.0, 5.0)  # seconds until every read shows a changed alias

PENDING = {
    "State": "Pending",
    "StateReason": "The function is being created.",
    "StateReasonCode": "Creating",
}
BUSY = (
    "The operation cannot be performed at this time. "
    "The function is currently in the following state: Pending"
)

CONFIGURATIONS = ("PublishVersion", "GetFunction", "GetFunctionConfiguration")
"""Operations that answer with the state of a version."""

Key = tuple[str, str, str]
"""Region, function, and version or alias."""


class Versions:
    """The recent changes of versions and aliases; thread-safe. ``now`` is in AWS's seconds."""

    def __init__(self, now: Callable[[], float], chance: Chance, account: str) -> None:
        self._now = now
        self._chance = chance
        self._account = account
        self._lock = threading.Lock()
        self._known: set[Key] = set()
        self._shown: dict[Key, float] = {}
        self._active: dict[Key, float] = {}
        self._answers: dict[Key, Response] = {}
        self._earlier: dict[Key, tuple[float, Response]] = {}
        self._counts: Counter[tuple[str, ...]] = Counter()

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Handle a call to Lambda at a replica, possibly without the latest change."""
        if call.service != "lambda":
            return answer()
        with self._lock:
            self._counts[call.operation, call.resource] += 1
            count = self._counts[call.operation, call.resource]
            early = self._early(call, count)
        if early:
            return early
        response = answer()
        if response.status < 300:
            with self._lock:
                return self._remembered(call, response, count)
        return response

    def _early(self, call: Call, count: int) -> Response | None:
        """The answer of a replica that lacks the latest change, or None."""
        key = _key(call)
        if key is None:
            return None
        missed = self._chance.happens(MISSED, "missed", call.operation, *key, count)
        if self._now() < self._shown.get(key, 0.0) and missed:
            return self._missing(call, key)
        until, earlier = self._earlier.get(key, (0.0, Response(500)))
        if call.operation == "GetAlias" and self._now() < until and missed:
            return earlier
        if call.operation == "Invoke" and self._now() < self._active.get(key, 0.0):
            return refused(call, 409, "ResourceConflictException", BUSY)
        return None

    def _missing(self, call: Call, key: Key) -> Response:
        region, function, qualifier = key
        arn = f"arn:aws:lambda:{region}:{self._account}:function:{function}:{qualifier}"
        words = "Cannot find alias arn" if call.operation == "GetAlias" else "Function not found"
        return refused(call, 404, "ResourceNotFoundException", f"{words}: {arn}")

    def _remembered(self, call: Call, response: Response, count: int) -> Response:
        """The response, with the state of a new version."""
        if call.operation == "PublishVersion":
            key = call.region, call.resource, str(json.loads(response.body)["Version"])
            if key not in self._known:
                self._known.add(key)
                self._make(key, count)
                self._active[key] = self._now() + self._chance.between(*ACTIVE_AFTER, "active", *key)
        elif call.operation == "CreateAlias":
            key = call.region, call.resource, str(call.parameters.get("Name"))
            self._make(key, count)
            self._answers[key] = response
        elif call.operation in ("GetAlias", "UpdateAlias") and (found := _key(call, of_alias=True)):
            key = found
            self._shown.pop(key, None)
            if call.operation == "UpdateAlias" and key in self._answers:
                seconds = self._chance.between(*CHANGE_SHOWN_AFTER, "changed", *key, count)
                self._earlier[key] = self._now() + seconds, self._answers[key]
            self._answers[key] = response
        elif call.operation == "DeleteFunction" and not call.parameters.get("Qualifier"):
            self._forget(call)
        elif found := _key(call):
            key = found
            self._shown.pop(key, None)
        else:
            return response
        if call.operation in CONFIGURATIONS and self._now() < self._active.get(key, 0.0):
            return response.with_body(_as_pending(json.loads(response.body)))
        return response

    def _make(self, key: Key, count: int) -> None:
        self._shown[key] = self._now() + self._chance.between(*SHOWN_AFTER, "shown", *key, count)
        self._earlier.pop(key, None)

    def _forget(self, call: Call) -> None:
        """Forget a deleted function, whose successor begins anew."""
        mine = (call.region, call.resource)
        for key in [key for key in {*self._known, *self._answers} if key[:2] == mine]:
            self._known.discard(key)
            for times in (self._shown, self._active):
                times.pop(key, None)
            self._answers.pop(key, None)
            self._earlier.pop(key, None)


def _as_pending(document: dict[str, Any]) -> bytes:
    """The body of an answer of ``CONFIGURATIONS``, in the state Pending."""
    if "Configuration" in document:
        changed = {**document, "Configuration": {**document["Configuration"], **PENDING}}
    else:
        changed = {**document, **PENDING}
    return json.dumps(changed).encode()


def _key(call: Call, *, of_alias: bool = False) -> Key | None:
    """What a call reads: the alias or the version that the call names."""
    given = call.parameters
    if call.operation == "GetAlias" or of_alias:
        named = given.get("Name")
    elif call.operation in ("CreateAlias", "UpdateAlias"):
        named = given.get("FunctionVersion")
    else:
        named = given.get("Qualifier")
    return (call.region, call.resource, str(named)) if named else None
