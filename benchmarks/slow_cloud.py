"""A local cloud that takes AWS's typical time for calls and transitions.

Unlike behavior `aws` of the local cloud, nothing here is by chance, so that runs can be compared.
"""

from __future__ import annotations

import multiprocessing
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection

import requests

from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.aws_behavior import AwsBehavior
from mysfits_stream.localcloud.aws_behavior.propagation import LAMBDA_WORDINGS
from mysfits_stream.localcloud.control_plane.control_plane import ControlPlane
from mysfits_stream.localcloud.execute_api.deployed import DeployedApi
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.http.refusals import refused
from mysfits_stream.localcloud.iam import Role
from mysfits_stream.localcloud.settings import Settings

CALL_SECONDS = 0.08
SCALE = 10.0
"""How many of AWS's seconds pass in one of ours; calls take what they take all the same."""

ASSUMABLE = 10.0
"""AWS's seconds from a role's creation until it can be assumed."""
LASTING = {("firehose", "create"): 25.0, ("lambda", "create"): 2.0, ("lambda", "update"): 2.0}
"""(Service, transition) -> AWS's seconds; others take none."""

START_SECONDS = 60.0


@dataclass(frozen=True)
class Durations:
    """What the cloud takes, in our own seconds."""

    call: float = CALL_SECONDS
    """A call that is not listed."""
    calls: Mapping[str, float] = field(default_factory=dict)
    """Service, or service and operation (``iam``, ``iam.CreateRole``) -> a call's."""
    assumable: float = ASSUMABLE / SCALE
    lasting: Mapping[tuple[str, str], float] = field(
        default_factory=lambda: {key: seconds / SCALE for key, seconds in LASTING.items()}
    )
    """(Service, transition) -> its seconds."""
    stage: float = 0.0
    """From a stage's creation until it answers."""
    change_set: float = 0.0
    """How long CloudFormation takes to find out what a change set changes."""

    def of(self, call: Call) -> float:
        """A call's seconds."""
        by_service = self.calls.get(call.service, self.call)
        return self.calls.get(f"{call.service}.{call.operation}", by_service)


class Typical(AwsBehavior):
    """AWS on an ordinary day."""

    def __init__(self, control_plane: ControlPlane, durations: Durations) -> None:
        self._control_plane = control_plane
        self._durations = durations
        self._change_set_at = 0.0
        self._lock = threading.Lock()
        self._assumable: dict[str, float] = {}
        self._answers: dict[str, float] = {}

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Answer late, and refuse roles that are not known yet."""
        time.sleep(self._durations.of(call))  # the simulated latency of a call, equal for all sides
        if call.operation in ("CreateFunction", "CreateDeliveryStream"):
            destination = call.parameters.get("ExtendedS3DestinationConfiguration", {})
            role = str(call.parameters.get("Role") or destination.get("RoleARN", ""))
            with self._lock:
                assumable = self._assumable.get(role.rpartition("/")[2], 0.0)
            if time.monotonic() < assumable:
                return _not_assumable(call, role)
        if call.operation == "CreateRole":
            with self._lock:
                self._assumable[call.resource] = time.monotonic() + self._durations.assumable
        if call.operation == "CreateChangeSet":
            self._change_set_at = time.monotonic() + self._durations.change_set
        if call.operation == "CreateStage":
            with self._lock:
                self._answers[call.resource] = time.monotonic() + self._durations.stage
        response = answer()
        if call.operation == "DescribeChangeSet" and time.monotonic() < self._change_set_at:
            body = re.sub(rb"<Status>\w+</Status>", b"<Status>CREATE_IN_PROGRESS</Status>", response.body)
            return replace(response, body=body)
        return response

    def role(self, arn: str) -> Role | None:
        """The role as it is stored."""
        return self._control_plane.role(arn)

    def settling(self, transition: str, arn: str) -> float:
        """Our own seconds that a transition takes."""
        return self._durations.lasting.get((arn.split(":")[2], transition), 0.0)

    def deployed(self, api_id: str, stage: str) -> DeployedApi | None:
        """What is deployed, once the stage answers."""
        if self.is_late(api_id, stage):
            return None
        return self._control_plane.rest_apis.deployed(api_id, stage)

    def is_late(self, api_id: str, stage: str) -> bool:
        """Whether the stage was made a moment ago."""
        return time.monotonic() < self._answers.get(api_id, 0.0)


@contextmanager
def slow_cloud(durations: Durations | None = None, time_scale: float = SCALE) -> Iterator[str]:
    """The endpoint of one in a process of its own; :func:`reset` empties it."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, durations or Durations(), time_scale)
    )
    process.start()
    try:
        if not ours.poll(START_SECONDS):
            raise TimeoutError("the local cloud did not start")
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        ours.send("stop")
        process.join(START_SECONDS)


def reset(endpoint: str) -> None:
    """Forget everything that was made there."""
    requests.post(f"{endpoint}/_local/reset", timeout=30).raise_for_status()


def _not_assumable(call: Call, role: str) -> Response:
    if call.service == "lambda":
        return refused(call, 400, "InvalidParameterValueException", LAMBDA_WORDINGS[0])
    message = f"Firehose is unable to assume role {role}. Please check the role provided."
    return refused(call, 400, "InvalidArgumentException", message)


def _serve(pipe: Connection, durations: Durations, time_scale: float) -> None:
    cloud = local_cloud(
        Settings(time_scale=time_scale, access="open"),
        behavior=lambda control_plane: Typical(control_plane, durations),
    )
    cloud.start()
    pipe.send(cloud.port)
    pipe.recv()
    cloud.stop()
