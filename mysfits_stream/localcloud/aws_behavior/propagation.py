"""IAM's propagation: changes of roles and policies take effect after a delay (F1 to F5).

Firehose, Lambda and API Gateway act through the role as of some seconds ago. Lambda and Firehose reject a
role that cannot be assumed yet, in words that change between attempts.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from mysfits_stream.localcloud import iam
from mysfits_stream.localcloud.aws_behavior.chance import Chance
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.http.refusals import EMPTY_500, refused
from mysfits_stream.localcloud.iam import Role

ASSUMABLE = (7.0, 12.0)  # seconds from CreateRole until the role can be assumed (F1)
TAIL = (12.0, 30.0)  # seconds when it takes longer, one time in TAIL_SHARE (F2)
TAIL_SHARE = 0.15
NAME_KNOWN = 5.0  # how much faster a name is that was a role's before (F3)
POLICY_LAG = (0.0, 4.0)  # seconds that a policy takes longer than its role (F33)

CHANGES = (
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "UpdateAssumeRolePolicy",
)

FIREHOSE_USES = ("CreateDeliveryStream", "UpdateDestination")
LAMBDA_USES = ("CreateFunction", "UpdateFunctionConfiguration")

FIREHOSE_WORDINGS = (
    "Firehose is unable to assume role {role}. Please check the role provided.",  # F17
    "The security token included in the request is invalid. "
    "Ensure that the provided IAM role associated with firehose is not deleted.",  # F18
)
FIREHOSE_POLICY_WORDING = (
    "Access was denied. Verify that the IAM role has access to the resources of the delivery stream."  # F19
)
LAMBDA_WORDINGS = (
    "The role defined for the function cannot be assumed by Lambda.",  # F13
    "The provided execution role does not have permissions to call CreateLogStream on CloudWatch Logs",  # F13
    "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
    "CreateGrant. Please check your KMS key settings. KMS Exception: InvalidArnException "
    "KMS Message: ARN does not refer to a valid principal",  # F14
)

RoleOf = Callable[[str], Role | None]


class Propagation:
    """The propagated version of each role; thread-safe. ``now`` is in AWS's seconds."""

    def __init__(self, now: Callable[[], float], chance: Chance, role: RoleOf) -> None:
        self._now = now
        self._chance = chance
        self._role = role
        self._lock = threading.Lock()
        self._versions: dict[str, list[tuple[float, Role | None]]] = {}
        self._counts: Counter[str] = Counter()

    def around(self, call: Call, role_arn: str, answer: Callable[[], Response]) -> Response:
        """Handle a call to IAM, and start the propagation of its change."""
        if call.operation not in CHANGES:
            return answer()
        before = self._role(role_arn)
        response = answer()
        if response.status < 300:
            self._spread(call, role_arn, before)
        return response

    def in_force(self, role_arn: str) -> Role | None:
        """The propagated version of a role; None for a role that cannot be assumed yet."""
        with self._lock:
            versions = self._versions.get(role_arn)
            if versions is None:
                return self._role(role_arn)
            now = self._now()
            while len(versions) > 1 and versions[1][0] <= now:
                del versions[0]
            return versions[0][1]

    def refusal(self, call: Call) -> Response | None:
        """Firehose's or Lambda's rejection of a role in propagation.

        None if accepted or never valid.
        """
        role_arn = _role_of(call)
        role = self._role(role_arn) if role_arn else None
        if role is None or role_arn is None:
            return None
        service = f"{call.service}.amazonaws.com"
        context = {"sts:ExternalId": role_arn.split(":")[4]}
        if not iam.may_assume(role.trust, service, context):
            return None
        in_force = self.in_force(role_arn)
        assumable = in_force is not None and iam.may_assume(in_force.trust, service, context)
        if assumable and (call.service == "lambda" or in_force == role):
            return None
        return self._wording(call, role_arn, assumable)

    def _wording(self, call: Call, role_arn: str, assumable: bool) -> Response:
        with self._lock:
            attempt = self._counts[f"{call.operation} {role_arn}"]
            self._counts[f"{call.operation} {role_arn}"] += 1
        # One empty answer in the middle of the sequence (F4).
        if attempt == self._chance.one_of((1, 2, 3), "empty", role_arn):
            return EMPTY_500
        if call.service == "lambda":
            message = LAMBDA_WORDINGS[attempt % len(LAMBDA_WORDINGS)]
            return refused(call, 400, "InvalidParameterValueException", message)
        message = FIREHOSE_POLICY_WORDING
        if not assumable:
            message = self._chance.one_of(FIREHOSE_WORDINGS, "wording", role_arn, attempt)
        return refused(call, 400, "InvalidArgumentException", message.format(role=role_arn))

    def _spread(self, call: Call, role_arn: str, before: Role | None) -> None:
        after = self._role(role_arn)
        with self._lock:
            count = self._counts[role_arn]
            self._counts[role_arn] += 1
            known = role_arn in self._versions
            versions = self._versions.setdefault(role_arn, [(0.0, before)])
            due = self._now() + self._delay(call, role_arn, count, known)
            # Changes come into force in their order.
            versions.append((max(due, versions[-1][0]), after))

    def _delay(self, call: Call, role_arn: str, count: int, known: bool) -> float:
        slow = self._chance.happens(TAIL_SHARE, "tail", role_arn, count)
        seconds = self._chance.between(*(TAIL if slow else ASSUMABLE), "role", role_arn, count)
        if call.operation == "CreateRole":
            return seconds / NAME_KNOWN if known else seconds
        lag = self._chance.between(*POLICY_LAG, "policy", role_arn, count)
        return lag if call.operation in ("PutRolePolicy", "AttachRolePolicy") else seconds / NAME_KNOWN


def _role_of(call: Call) -> str | None:
    """The role passed to Firehose or Lambda by a call."""
    if call.operation in LAMBDA_USES:
        return call.parameters.get("Role")
    if call.operation in FIREHOSE_USES:
        for name, value in call.parameters.items():
            if name.endswith(("DestinationConfiguration", "DestinationUpdate")) and isinstance(
                value, Mapping
            ):
                return _text(value.get("RoleARN"))
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
