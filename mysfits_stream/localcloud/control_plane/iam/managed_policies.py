"""AWS's managed policies, each added to the account when a request names the policy first."""

from __future__ import annotations

import re
from urllib.parse import unquote

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.http.messages import Handler, Request, Response

POLICY_ARN = re.compile(
    r"arn:(?P<partition>[\w-]+):iam::aws:policy(?P<path>/(?:[\w-]+/)*)(?P<name>[\w+=,.@-]+)"
)


class ManagedPolicies:
    """The override for IAM of one account."""

    def __init__(self, account: str) -> None:
        self._account = account

    def __call__(self, request: Request, ask_moto: Handler) -> Response:
        """Add the managed policies that the request names, then let moto answer."""
        for found in POLICY_ARN.finditer(unquote(request.body.decode(errors="replace"))):
            moto_state.add_managed_policy(
                self._account, found["partition"], found[0], found["path"], found["name"]
            )
        return ask_moto(request)
