"""AWS's managed policies, added to the account on the first request with the policy's ARN."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Handler, Request, Response
from mysfits_stream.localcloud.http.refusals import refused

POLICY_ARN = re.compile(
    r"arn:(?P<partition>[\w-]+):iam::aws:policy(?P<path>/(?:[\w-]+/)*)(?P<name>[\w+=,.@-]+)"
)


class ManagedPolicies:
    """The override for an account's IAM."""

    def __init__(self, account: str) -> None:
        self._account = account

    def __call__(self, request: Request, ask_moto: Handler) -> Response:
        """Add the managed policies of the request's ARNs, then let moto handle the request."""
        for found in POLICY_ARN.finditer(unquote(request.body.decode(errors="replace"))):
            moto_state.add_managed_policy(
                self._account, found["partition"], found[0], found["path"], found["name"]
            )
        if request.operation == "DeletePolicy" and self._is_boundary(request):
            call = Call("iam", request.operation, request.region)
            return refused(call, 409, "DeleteConflict", "Cannot delete a policy attached to entities.")
        return ask_moto(request)

    def _is_boundary(self, request: Request) -> bool:
        """Whether a role has the policy as permissions boundary; moto counts attachments only."""
        arn = parse_qs(request.body.decode("latin-1")).get("PolicyArn", [""])[0]
        return arn in moto_state.boundaries(self._account, moto_state.partition(request.region))
