"""Delays a new deployment; after a later deployment, old and new responses alternate (F34)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from mysfits_stream.localcloud.aws_behavior.chance import Chance
from mysfits_stream.localcloud.execute_api.deployed import DeployedApi
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response

FIRST = (3.0, 20.0)  # seconds until a new stage answers
AGAIN = (10.0, 90.0)  # seconds for which both the old and the new deployment answer
NEW_SHARE = 0.5

DEPLOYS = ("CreateDeployment", "CreateStage", "UpdateStage", "DeleteStage", "DeleteRestApi")


@dataclass
class Changed:
    """A stage's earlier deployment, and the end of its use."""

    old: DeployedApi | None
    until: float
    number: int
    asked: int = 0
    """How many requests came meanwhile."""


class Deployments:
    """The deployment of each stage.

    Safe to use from several threads. ``now`` is in AWS's seconds.

    ``deployed`` returns the control plane's deployment of (API id, stage).
    """

    def __init__(
        self, now: Callable[[], float], chance: Chance, deployed: Callable[[str, str], DeployedApi | None]
    ) -> None:
        self._now = now
        self._chance = chance
        self._deployed = deployed
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], DeployedApi] = {}
        self._changed: dict[tuple[str, str], Changed] = {}

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Handle a call with a possible deployment."""
        if call.service != "apigateway" or call.operation not in DEPLOYS:
            return answer()
        response = answer()
        name = str(call.parameters.get("stage_name") or call.parameters.get("stageName") or "")
        if response.status < 300 and name:
            self._look(call.resource, name)
        return response

    def served(self, api_id: str, stage: str) -> DeployedApi | None:
        """The deployment for the next request to a stage; None before the first deployment."""
        current = self._deployed(api_id, stage)
        with self._lock:
            changed = self._changed.get((api_id, stage))
            if changed is None or self._now() >= changed.until:
                return current
            if changed.old is None:
                return None
            changed.asked += 1
            # The API's own id is drawn anew in every run.
            new = self._chance.happens(NEW_SHARE, "served", stage, changed.number, changed.asked)
            return current if new else changed.old

    def is_late(self, api_id: str, stage: str) -> bool:
        """Whether a stage exists and does not answer anything yet."""
        with self._lock:
            changed = self._changed.get((api_id, stage))
            return changed is not None and changed.old is None and self._now() < changed.until

    def _look(self, api_id: str, stage: str) -> None:
        current = self._deployed(api_id, stage)
        with self._lock:
            seen = self._seen.get((api_id, stage))
            if current is None:
                self._seen.pop((api_id, stage), None)
                self._changed.pop((api_id, stage), None)
                return
            if seen and current.stage.deployment_id == seen.stage.deployment_id:
                return
            before = self._changed.get((api_id, stage))
            number = before.number + 1 if before else 0
            late = before is not None and before.old is None and self._now() < before.until
            seconds = self._chance.between(*(FIRST if seen is None else AGAIN), "deployed", stage, number)
            self._seen[api_id, stage] = current
            until = self._now() + seconds
            self._changed[api_id, stage] = Changed(
                None if late else seen, before.until if before and late else until, number
            )
