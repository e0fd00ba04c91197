"""Resource policies of REST APIs, evaluated for each request (F147)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.session import Session

from mysfits_stream.localcloud import iam
from mysfits_stream.localcloud.iam import Decision

ACTION = "execute-api:Invoke"


@dataclass(frozen=True)
class ResourcePolicy:
    """The compiled policy of a deployment; ``arn`` is the ARN of the API."""

    arn: str
    document: Mapping[str, Any]

    def denial(
        self, stage: str, method: str, path: str, context: Mapping[str, str], *, signed: bool
    ) -> str | None:
        """AWS's message for a denied request, None for an allowed request.

        An anonymous request needs an Allow; for a ``signed`` request of the account the absence of a Deny is
        enough.
        """
        resource = f"{self.arn}/{stage}/{method}{path}"
        decision = iam.evaluate([self.document], ACTION, resource, context)
        if decision is Decision.ALLOW or (signed and decision is Decision.IMPLICIT_DENY):
            return None
        account = self.arn.split(":")[4]
        masked = resource.replace(f":{account}:", f":{'*' * 8}{account[-4:]}:")
        explicit = " with an explicit deny" if decision is Decision.EXPLICIT_DENY else ""
        return f"User: anonymous is not authorized to perform: {ACTION} on resource: {masked}{explicit}"


def compile_policy(text: str, api_id: str, account: str, region: str) -> ResourcePolicy:
    """The policy of an API; ``execute-api:/stage/method/path`` stands for the ARN of the API."""
    arn = f"arn:{_partition(region)}:execute-api:{region}:{account}:{api_id}"
    document = json.loads(text)
    statements = [
        _for_api(statement, arn)
        for statement in iam.listed(document.get("Statement"))
        if _names_everyone(statement)
    ]
    return ResourcePolicy(arn, {**document, "Statement": statements})


@cache
def _partition(region: str) -> str:
    return Session().get_partition_for_region(region)


def _for_api(statement: Mapping[str, Any], arn: str) -> dict[str, Any]:
    return {
        key: [_full_arn(resource, arn) for resource in iam.listed(value)]
        if key in ("Resource", "NotResource")
        else value
        for key, value in statement.items()
    }


def _full_arn(resource: str, arn: str) -> str:
    return (
        f"{arn}{resource.removeprefix('execute-api:')}" if resource.startswith("execute-api:/") else resource
    )


def _names_everyone(statement: Mapping[str, Any]) -> bool:
    """Whether a statement applies to anonymous requests."""
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    return principal == "*" or (isinstance(principal, dict) and "*" in iam.listed(principal.get("AWS")))
