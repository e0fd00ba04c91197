"""AWS's own managed policies, which moto knows and leaves out until it is told to load all of them.

Loading 1,500 policies at every start is slow, so each is put in place when it is first named.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any
from urllib.parse import unquote

from moto.backends import get_backend
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy

from mysfits_stream.localcloud.http.messages import Handler, Request, Response

POLICY_ARN = re.compile(
    r"arn:(?P<partition>[\w-]+):iam::aws:policy(?P<path>/(?:[\w-]+/)*)(?P<name>[\w+=,.@-]+)"
)


class ManagedPolicies:
    """The override for IAM of one account."""

    def __init__(self, account: str) -> None:
        self._account = account

    def __call__(self, request: Request, ask_moto: Handler) -> Response:
        """Answer one request to IAM, with the managed policies that it names in place."""
        for found in POLICY_ARN.finditer(unquote(request.body.decode(errors="replace"))):
            backend: Any = get_backend("iam")[self._account][found["partition"]]
            data = _known().get(found["name"])
            if data and data.get("Path", "/") == found["path"] and found[0] not in backend.managed_policies:
                policy = AWSManagedPolicy.from_data(found["name"], self._account, found["partition"], data)
                backend.managed_policies[found[0]] = policy
        return ask_moto(request)


@cache
def _known() -> dict[str, dict[str, Any]]:
    policies: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    return policies
