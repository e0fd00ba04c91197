"""AWS's managed policies, added to the account on the first request with the policy's ARN."""

from __future__ import annotations

import re
from urllib.parse import unquote

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.http.messages import Handler, Request, Response

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
        return ask_moto(request)
