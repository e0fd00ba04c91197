"""The interface of every behavior around a call, and the instant behavior."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from mysfits_stream.localcloud.control_plane.control_plane import ControlPlane
from mysfits_stream.localcloud.execute_api.deployed import DeployedApi
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.iam import Role


class Behavior(Protocol):
    """Delays, throttling and eventual consistency of calls, transitions, roles and deployments."""

    identifies_calls: ClassVar[bool]
    """Whether :meth:`around` wants calls; identifying the operation of each request takes time."""

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Answer a call; raises Cut where the connection ends."""

    def role(self, arn: str) -> Role | None:
        """The propagated role; None for a role that cannot be assumed."""

    def settling(self, transition: str, arn: str) -> float:
        """The duration of a resource's transition in seconds of the local clock."""

    def deployed(self, api_id: str, stage: str) -> DeployedApi | None:
        """The deployment of a stage; None for a stage without a deployment."""

    def is_late(self, api_id: str, stage: str) -> bool:
        """Whether a stage exists and does not answer yet."""


class InstantBehavior:
    """Every change takes effect at once, and no call is throttled."""

    identifies_calls: ClassVar[bool] = False

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Answer a call."""
        return answer()

    def role(self, arn: str) -> Role | None:
        """The role as stored."""
        return self._control_plane.role(arn)

    def settling(self, transition: str, arn: str) -> float:
        """No time."""
        return 0.0

    def deployed(self, api_id: str, stage: str) -> DeployedApi | None:
        """The latest deployment of a stage."""
        return self._control_plane.rest_apis.deployed(api_id, stage)

    def is_late(self, api_id: str, stage: str) -> bool:
        """Never."""
        return False
