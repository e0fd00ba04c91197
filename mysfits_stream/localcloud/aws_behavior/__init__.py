"""Simulation of AWS's delays, throttling and eventual consistency, and faults on request.

The server calls a behavior around each call of an AWS client: ``instant.py`` returns at once, and
:class:`AwsBehavior` (setting ``behavior: aws``) simulates AWS with the figures of the facts, drawn from the
setting ``seed``. Faults on request (``faults.py``) work with both behaviors.

    quotas.py          throttling, and Retry-After
    propagation.py     roles and policies during propagation
    reads.py           eventually consistent reads: a new resource is missing
    stale_reads.py     eventually consistent reads: a bucket's earlier settings
    lifecycle.py       CREATING, DELETING, Pending, InProgress
    deployments.py     delayed deployments of an API
    versions.py        a function's versions and aliases: Pending, missing, or as before a change
    domain_names.py    PENDING and UPDATING domain names
    lost_answers.py    calls with an effect and without a response
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from mysfits_stream.localcloud.aws_behavior.chance import Chance
from mysfits_stream.localcloud.aws_behavior.deployments import Deployments
from mysfits_stream.localcloud.aws_behavior.domain_names import DomainNames
from mysfits_stream.localcloud.aws_behavior.faults import (
    FaultRule,
    Faults,
    RuleError,
    as_documents,
    read_rules,
)
from mysfits_stream.localcloud.aws_behavior.instant import Behavior, InstantBehavior
from mysfits_stream.localcloud.aws_behavior.lifecycle import Lifecycle
from mysfits_stream.localcloud.aws_behavior.lost_answers import LostAnswers
from mysfits_stream.localcloud.aws_behavior.propagation import Propagation
from mysfits_stream.localcloud.aws_behavior.quotas import Quotas
from mysfits_stream.localcloud.aws_behavior.reads import Reads
from mysfits_stream.localcloud.aws_behavior.stale_reads import StaleReads
from mysfits_stream.localcloud.aws_behavior.versions import Versions
from mysfits_stream.localcloud.control_plane.control_plane import ControlPlane
from mysfits_stream.localcloud.execute_api.deployed import DeployedApi
from mysfits_stream.localcloud.http.calls import Call, identify
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.http.refusals import Cut
from mysfits_stream.localcloud.iam import Role
from mysfits_stream.localcloud.settings import ACCOUNT

__all__ = [
    "AwsBehavior",
    "Behavior",
    "Cut",
    "FaultRule",
    "Faults",
    "InstantBehavior",
    "RuleError",
    "as_documents",
    "identify",
    "read_rules",
]


class AwsBehavior:
    """AWS's behavior on the local clock: ``time_scale`` AWS seconds in a second of ``now``."""

    identifies_calls: ClassVar[bool] = True

    def __init__(
        self, control_plane: ControlPlane, *, now: Callable[[], float], time_scale: float, seed: int
    ) -> None:
        def aws_seconds() -> float:
            return now() * time_scale

        chance = Chance(seed)
        self._control_plane = control_plane
        self._time_scale = time_scale
        self._propagation = Propagation(aws_seconds, chance, control_plane.role)
        self._quotas = Quotas(aws_seconds)
        self._reads = Reads(aws_seconds, chance, ACCOUNT)
        self._stale_reads = StaleReads(aws_seconds, chance)
        self._versions = Versions(aws_seconds, chance, ACCOUNT)
        self._domain_names = DomainNames(aws_seconds, chance)
        self._lifecycle = Lifecycle(chance)
        self._lost_answers = LostAnswers(chance)
        self._deployments = Deployments(
            aws_seconds, chance, lambda api_id, stage: control_plane.rest_apis.deployed(api_id, stage)
        )

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Answer a call as AWS would; raises Cut where the connection ends."""
        if refusal := self._quotas.refusal(call) or self._propagation.refusal(call):
            return refusal

        def reads() -> Response:
            return self._reads.around(call, stale_reads)

        def stale_reads() -> Response:
            return self._stale_reads.around(call, versions)

        def versions() -> Response:
            return self._versions.around(call, domain_names)

        def domain_names() -> Response:
            return self._domain_names.around(call, deployments)

        def deployments() -> Response:
            return self._deployments.around(call, propagation)

        def propagation() -> Response:
            if call.service != "iam":
                return answer()
            return self._propagation.around(call, self._role_arn(call), answer)

        return self._lost_answers.around(call, reads)

    def role(self, arn: str) -> Role | None:
        """The propagated role."""
        return self._propagation.in_force(arn)

    def settling(self, transition: str, arn: str) -> float:
        """How many of the clock's seconds a transition of a resource takes."""
        return self._lifecycle.seconds(transition, arn) / self._time_scale

    def deployed(self, api_id: str, stage: str) -> DeployedApi | None:
        """The deployment for a stage's next request; None before the first deployment."""
        return self._deployments.served(api_id, stage)

    def is_late(self, api_id: str, stage: str) -> bool:
        """Whether a stage exists and its deployment is still in propagation."""
        return self._deployments.is_late(api_id, stage)

    def _role_arn(self, call: Call) -> str:
        path = call.parameters.get("Path") or "/"
        return self._control_plane.role_arn(call.region, call.resource, path)
