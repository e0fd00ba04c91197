"""The least time of a deployment, by graph, calls and AWS's waits."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.slow_cloud import ASSUMABLE, CALL_SECONDS, LASTING, SCALE
from mysfits_stream.aws.concurrently import THREAD_NAME
from mysfits_stream.provision.engine import Progress, dependencies
from mysfits_stream.provision.resource import Resource

BESIDE = "beside"
"""Stands for the threads whose calls nothing waits for longer than for others."""

Counts = Mapping[tuple[str, str], Sequence[str]]
"""(Logical name, phase) -> the operations of that phase in their order; a repeated look counts once."""


@dataclass
class Recorder:
    """What was called and what was begun and done, by thread."""

    log: list[tuple[str, str, Any]] = field(default_factory=list)

    def called(self, model: Any, parsed: Any, http_response: Any, **_: Any) -> None:
        """Botocore's event after a call."""
        stream = parsed.get("DeliveryStreamDescription", {}).get("DeliveryStreamStatus")
        refused = http_response.status_code >= 400 and "assume" in parsed.get("Error", {}).get("Message", "")
        in_vain = refused or stream == "CREATING" or parsed.get("State") == "Pending"
        # Of the reads made together, the chain is the one in the resource's own thread.
        name = _thread()
        thread = BESIDE if name.startswith(THREAD_NAME) else name
        self.log.append((thread, "call", (model.name, in_vain, refused)))

    def notified(self, progress: Progress) -> None:
        """The engine's notification, in the thread that works on the resource."""
        self.log.append((_thread(), progress.phase, progress.resource))

    def chain(self) -> int:
        """How many of the calls were made one after the other, by one thread."""
        return sum(kind == "call" and thread != BESIDE for thread, kind, _ in self.log)

    def operations(self) -> list[str]:
        """All that was called."""
        return [what[0] for _, kind, what in self.log if kind == "call"]

    def counts(self) -> Counts:
        """Every call with the resource and the phase that its thread was in."""
        phases = {"started": "read", "settling": "act", "done": "settle"}
        found: dict[tuple[str, str], list[str]] = {}
        since: dict[str, list[tuple[str, bool, bool]]] = {}
        for thread, kind, what in self.log:
            if kind == "call":
                since.setdefault(thread, []).append(what)
                continue
            phase = phases[kind]
            found[what, phase] = [
                operation
                for operation, in_vain, refused in since.pop(thread, [])
                if not refused and not (in_vain and phase == "settle")
            ]
        return found


def _thread() -> str:
    """Names are not used again, as the numbers of threads are."""
    return threading.current_thread().name


def critical_path(resources: Sequence[Resource], surveyed: int, counts: Counts) -> float:
    """The seconds that the calls and AWS's waits take at least, if all that can overlap does.

    ``surveyed`` is the longest chain of reads before anything is touched.
    """
    assumable: dict[str, float] = {}
    made: dict[str, float] = {}
    end = 0.0
    for resource in resources:
        needed = dependencies(resource, missing=True)
        at = max([surveyed * CALL_SECONDS, *(made[each.name] for each in needed)])
        at += len(counts[resource.name, "read"]) * CALL_SECONDS
        usable = 0.0
        for operation in counts[resource.name, "act"]:
            if operation in ("CreateFunction", "CreateDeliveryStream"):
                at = max([at, *(assumable.get(each.name, 0.0) for each in needed)])
                service = "lambda" if operation == "CreateFunction" else "firehose"
                usable = at + CALL_SECONDS + LASTING[service, "create"] / SCALE
            at += CALL_SECONDS
            if operation == "CreateRole":
                assumable[resource.name] = at + ASSUMABLE / SCALE
        made[resource.name] = at
        end = max(end, max(at, usable) + len(counts[resource.name, "settle"]) * CALL_SECONDS)
    return end
