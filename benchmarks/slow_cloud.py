"""A local cloud that takes AWS's time: each call some milliseconds, each transition what it typically takes.

Unlike behavior `aws` of the local cloud, nothing here is by chance, so that runs can be compared.
"""

from __future__ import annotations

import multiprocessing
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
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


class Typical(AwsBehavior):
    """AWS on an ordinary day."""

    def __init__(self, control_plane: ControlPlane, change_set_seconds: float) -> None:
        self._control_plane = control_plane
        self._change_set_seconds = change_set_seconds
        self._change_set_at = 0.0
        self._lock = threading.Lock()
        self._assumable: dict[str, float] = {}

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Answer late, and refuse roles that are not known yet."""
        time.sleep(CALL_SECONDS)  # the simulated latency of a call, equal for all sides
        if call.operation in ("CreateFunction", "CreateDeliveryStream"):
            destination = call.parameters.get("ExtendedS3DestinationConfiguration", {})
            role = str(call.parameters.get("Role") or destination.get("RoleARN", ""))
            with self._lock:
                assumable = self._assumable.get(role.rpartition("/")[2], 0.0)
            if time.monotonic() < assumable:
                return _not_assumable(call, role)
        if call.operation == "CreateRole":
            with self._lock:
                self._assumable[call.resource] = time.monotonic() + ASSUMABLE / SCALE
        if call.operation == "CreateChangeSet":
            self._change_set_at = time.monotonic() + self._change_set_seconds
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
        return LASTING.get((arn.split(":")[2], transition), 0.0) / SCALE

    def deployed(self, api_id: str, stage: str) -> DeployedApi | None:
        """What is deployed, at once."""
        return self._control_plane.rest_apis.deployed(api_id, stage)

    def is_late(self, api_id: str, stage: str) -> bool:
        """Never."""
        return False


@contextmanager
def slow_cloud(change_set_seconds: float = 0.0) -> Iterator[str]:
    """The endpoint of one in a process of its own; :func:`reset` empties it.

    ``change_set_seconds`` are our own: how long CloudFormation takes to find out what a change set changes.
    """
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, change_set_seconds))
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


def _serve(pipe: Connection, change_set_seconds: float) -> None:
    cloud = local_cloud(
        Settings(time_scale=SCALE, access="open"),
        behavior=lambda control_plane: Typical(control_plane, change_set_seconds),
    )
    cloud.start()
    pipe.send(cloud.port)
    pipe.recv()
    cloud.stop()
