"""Eventually consistent reads: a new resource is sometimes not found (F12, F16, F24, F50)."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable

from mysfits_stream.localcloud.aws_behavior.chance import Chance
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.http.refusals import refused

MISSED = 0.4
"""The share of reads that miss, as long as any do."""
ONCE_SEEN = ("lambda", "firehose")
"""The services that are not known to miss what they have shown already; IAM and S3 are."""

# What makes something -> for how many seconds some reads miss it.
MAKES = {
    "CreateRole": (1.0, 4.0),
    "CreateFunction": (0.5, 2.0),
    "CreateDeliveryStream": (0.5, 3.0),
    "CreateBucket": (1.0, 4.0),
}
FORGETS = ("DeleteRole", "DeleteFunction", "DeleteDeliveryStream", "DeleteBucket")

BUSY = 0.3
"""The share of a new bucket's settings that meet another change of it (F23)."""
NAME_HELD = (2.0, 20.0)  # seconds for which a deleted bucket's name cannot be had again (F44)
LINGERS = (0.5, 3.0)  # seconds for which HeadBucket still sees a deleted bucket

CONFLICT = (
    "A conflicting conditional operation is currently in progress against this resource. Please try again."
)

TAGS = ("GetFunction", "ListTagsForDeliveryStream")
"""The reads, beside GetRole, that show the tags of a new resource late."""

READS = {
    "iam": ("GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies", "PutRolePolicy"),
    "lambda": ("GetFunction", "GetFunctionConfiguration"),
    "firehose": ("DescribeDeliveryStream", "ListTagsForDeliveryStream"),
}


class Reads:
    """The recent creations and deletions; thread-safe. ``now`` is in AWS's seconds."""

    def __init__(self, now: Callable[[], float], chance: Chance, account: str) -> None:
        self._now = now
        self._chance = chance
        self._account = account
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str, str], float] = {}
        self._untagged: dict[tuple[str, str, str], float] = {}
        self._deleted: dict[str, tuple[float, float]] = {}
        self._counts: Counter[tuple[str, ...]] = Counter()

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Handle a call at a replica, possibly without the latest write."""
        if early := self._of_deleted_bucket(call):
            return early
        count = self._count(call)
        if self._is_new(call) and (miss := self._missed(call, count)):
            return miss
        response = answer()
        if response.status < 300:
            self._remember(call, count)
            if call.service in ONCE_SEEN and call.operation in READS[call.service]:
                with self._lock:
                    self._made.pop(_key(call), None)
            if call.operation == "GetRole" and self._is_new(call):
                return self._without_tags(call, self._with_unique_id(call, response, count), count)
            if call.operation in TAGS and self._tags_are_late(call):
                return self._without_tags(call, response, count)
        return response

    def _remember(self, call: Call, count: int) -> None:
        with self._lock:
            if call.operation in MAKES:
                seconds = self._chance.between(*MAKES[call.operation], *_key(call), count)
                self._made[_key(call)] = self._now() + seconds
                self._untagged[_key(call)] = self._now() + seconds
                self._deleted.pop(call.resource, None)
            elif call.operation in FORGETS:
                self._made.pop(_key(call), None)
            if call.operation == "DeleteBucket":
                lingers = self._chance.between(*LINGERS, "lingers", call.resource, count)
                held = self._chance.between(*NAME_HELD, "held", call.resource, count)
                self._deleted[call.resource] = (self._now() + lingers, self._now() + held)

    def _is_new(self, call: Call) -> bool:
        with self._lock:
            return self._now() < self._made.get(_key(call), 0.0)

    def _tags_are_late(self, call: Call) -> bool:
        with self._lock:
            return self._now() < self._untagged.get(_key(call), 0.0)

    def _without_tags(self, call: Call, response: Response, count: int) -> Response:
        """The response without the tags of a new resource, now and then (F151)."""
        hidden = self._chance.happens(MISSED, "untagged", call.operation, call.resource, count)
        if not hidden or b"Tags" not in response.body:
            return response
        if call.service == "iam":
            return response.with_body(re.sub(rb"<Tags>.*?</Tags>", b"", response.body, flags=re.DOTALL))
        document = json.loads(response.body)
        if call.service == "lambda":
            document.pop("Tags", None)
        else:
            document["Tags"] = []
        return response.with_body(json.dumps(document).encode())

    def _missed(self, call: Call, count: int) -> Response | None:
        if call.service == "s3":
            return self._of_new_bucket(call, count)
        if call.operation not in READS.get(call.service, ()):
            return None
        if not self._chance.happens(MISSED, "missed", call.operation, call.resource, count):
            return None
        name = call.resource
        if call.service == "iam":
            return refused(call, 404, "NoSuchEntity", f"The role with name {name} cannot be found.")
        if call.service == "lambda":
            arn = f"arn:aws:lambda:{call.region}:{self._account}:function:{name}"
            return refused(call, 404, "ResourceNotFoundException", f"Function not found: {arn}")
        message = f"Firehose {name} under account {self._account} not found."
        return refused(call, 400, "ResourceNotFoundException", message)

    def _of_new_bucket(self, call: Call, count: int) -> Response | None:
        if call.operation == "CreateBucket":
            return None
        dice = (call.operation, call.resource, count)
        if self._chance.happens(MISSED, "missed", *dice):
            return refused(call, 404, "NoSuchBucket", "The specified bucket does not exist")
        if call.operation.startswith("PutBucket") and self._chance.happens(BUSY, "busy", *dice):
            return refused(call, 409, "OperationAborted", CONFLICT)
        return None

    def _of_deleted_bucket(self, call: Call) -> Response | None:
        if call.service != "s3":
            return None
        with self._lock:
            lingers, held = self._deleted.get(call.resource, (0.0, 0.0))
        if call.operation == "HeadBucket" and self._now() < lingers:
            return Response(200, {"x-amz-bucket-region": call.region, "Content-Type": "application/xml"})
        if call.operation == "CreateBucket" and self._now() < held:
            return refused(call, 409, "OperationAborted", CONFLICT)
        return None

    def _with_unique_id(self, call: Call, response: Response, count: int) -> Response:
        """Show the role's unique id in place of its name in the ARN, for a moment (F12)."""
        unique_id = re.search(rb"<RoleId>([^<]+)</RoleId>", response.body)
        if unique_id is None or not self._chance.happens(MISSED, "unique id", call.resource, count):
            return response
        body = re.sub(rb"<Arn>[^<]+</Arn>", b"<Arn>" + unique_id[1] + b"</Arn>", response.body, count=1)
        return response.with_body(body)

    def _count(self, call: Call) -> int:
        with self._lock:
            self._counts[call.operation, *_key(call)] += 1
            return self._counts[call.operation, *_key(call)]


def _key(call: Call) -> tuple[str, str, str]:
    return call.service, "" if call.service == "iam" else call.region, call.resource
