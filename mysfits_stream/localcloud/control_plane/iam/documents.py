"""IAM's checks of policy documents: trust policies and identity policies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.session import Session

from mysfits_stream.localcloud import condition_keys, iam, simulated

TRUST_POLICY_QUOTA = 2048  # characters without white space (F48)
INLINE_POLICIES_QUOTA = 10_240  # of all inline policies of a role together
MANAGED_POLICY_QUOTA = 6_144

ASSUME_ROLE_ACTIONS = (
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:SetContext",
    "sts:SetSourceIdentity",
    "sts:TagSession",
)
STATEMENT_MEMBERS = {
    "Action",
    "Condition",
    "Effect",
    "NotAction",
    "NotPrincipal",
    "NotResource",
    "Principal",
    "Resource",
    "Sid",
}
ACCOUNT_PRINCIPAL = re.compile(
    r"\*|\d{12}|arn:[\w-]+:(iam::\d{12}:(root|(user|role)/[^*?]+)|sts::\d{12}:[^*?]+)"
)
SERVICE_PRINCIPAL = re.compile(r"(?P<labels>[a-z0-9.-]+)\.amazonaws\.com(\.cn)?")
# Principals whose name is no name of a service in botocore.
OTHER_SERVICES = {
    "billingconsole",
    "delivery",
    "ecs-tasks",
    "edgelambda",
    "kinesisanalytics",
    "ops",
    "replicator",
    "spotfleet",
    "trustedadvisor",
    "vpc-flow-logs",
}


@dataclass(frozen=True)
class Refusal(Exception):
    """The rejection of a policy document: AWS's code, status and message."""

    code: str
    message: str
    status: int = 400


class NotSimulatedError(Exception):
    """A policy document with condition keys that the local cloud does not evaluate."""


def check_trust_policy(text: str, is_role: Callable[[str], bool], account: str) -> None:
    """Raises Refusal for a trust policy that IAM rejects.

    ``is_role`` finds roles of ``account`` by ARN.
    """
    document = _parsed(text)
    for statement in _statements(document):
        if "Resource" in statement or "NotResource" in statement:
            raise _malformed("Has prohibited field Resource")
        if not {"Principal", "NotPrincipal"} & statement.keys():
            raise _malformed("Missing required field Principal")
        for action in iam.listed(statement.get("Action", statement.get("NotAction"))):
            # IAM evaluates actions in any spelling, and stores only this spelling in a trust policy.
            if action not in ASSUME_ROLE_ACTIONS:
                raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
        for kind, name in _principals(statement):
            if not _is_principal(kind, name, is_role, account):
                shown = "SERVICE" if kind == "Service" else kind.upper()
                raise _malformed(f'Invalid principal in policy: "{shown}":"{name}"')
    if _length(text) > TRUST_POLICY_QUOTA:
        raise Refusal("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_QUOTA}", 409)
    _check_keys(document)


def check_inline_policy(role: str, text: str, others: list[str], partition: str) -> None:
    """Raises Refusal for an invalid inline policy; ``others`` are the role's further policies."""
    _check_identity_policy(text, partition)
    if sum(map(_length, (text, *others))) > INLINE_POLICIES_QUOTA:
        message = f"Maximum policy size of {INLINE_POLICIES_QUOTA} bytes exceeded for role {role}"
        raise Refusal("LimitExceeded", message, 409)


def check_managed_policy(text: str, partition: str) -> None:
    """Raises Refusal for an invalid managed policy."""
    _check_identity_policy(text, partition)
    if _length(text) > MANAGED_POLICY_QUOTA:
        raise Refusal("LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED_POLICY_QUOTA}", 409)


def check_policy_arn(arn: str) -> None:
    """Raises Refusal for an invalid ARN."""
    if not arn.startswith("arn:"):
        raise Refusal("ValidationError", "Invalid ARN:  Could not be parsed!")
    if not re.fullmatch(r"arn:[\w-]+:iam::(aws|\d{12}):policy/[\w+=,.@/-]+", arn):
        raise Refusal("InvalidInput", f"ARN {arn} is not valid.")


def _check_identity_policy(text: str, partition: str) -> None:
    """Check the parts of the grammar not checked by moto."""
    document = _parsed(text)
    for statement in _statements(document):
        if {"Principal", "NotPrincipal"} & statement.keys():
            raise _malformed("Policy document should not specify a principal.")
        for action in iam.listed(statement.get("Action", statement.get("NotAction"))):
            if re.match(r"[^:]*[*?][^:]*:", str(action)):
                raise _malformed("Action vendors (e.g., aws, ec2, etc.) must not contain wildcards.")
        for resource in iam.listed(statement.get("Resource", statement.get("NotResource"))):
            named = re.match(r"arn:([\w-]+):", str(resource))
            if named and named[1] != partition:
                raise _malformed(f'Partition "{named[1]}" is not valid for resource "{resource}".')
    _check_keys(document)


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or "Statement" not in document:
        raise _malformed("This policy contains invalid Json")
    if document.get("Version", "2012-10-17") not in ("2012-10-17", "2008-10-17"):
        raise _malformed("The policy must contain a valid version string")
    return document


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = iam.listed(document["Statement"])
    if not statements or not all(isinstance(statement, dict) for statement in statements):
        raise _malformed("Syntax errors in policy.")
    for statement in statements:
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise _malformed("Missing required field Effect")
        if not {"Action", "NotAction"} & statement.keys():
            raise _malformed("Missing required field Action")
        condition = statement.get("Condition", {})
        if (
            statement.keys() - STATEMENT_MEMBERS
            or not isinstance(condition, dict)
            or not all(isinstance(keys, dict) for keys in condition.values())
        ):
            raise _malformed("Syntax errors in policy.")
        if not re.fullmatch(r"[0-9A-Za-z]*", str(statement.get("Sid", ""))):
            raise _malformed(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
                "expression [0-9A-Za-z]*"
            )
        if unknown := iam.unknown_operator(statement):
            raise _malformed(f"Invalid Condition type : {unknown}")
    return statements


def _principals(statement: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if isinstance(principal, dict):
        for kind, names in principal.items():
            yield from ((kind, str(name)) for name in iam.listed(names))
    else:
        yield "AWS", str(principal)


def _is_principal(kind: str, name: str, is_role: Callable[[str], bool], account: str) -> bool:
    if kind == "Service":
        found = SERVICE_PRINCIPAL.fullmatch(name)
        labels = found["labels"].split(".") if found else []
        # The list of all services is long, and read only for a principal that may be none.
        return any(map(simulated.is_listed, labels)) or not _services().isdisjoint(labels)
    if kind == "AWS":
        if ACCOUNT_PRINCIPAL.fullmatch(name) is None:
            return False
        # IAM looks up the users and roles of the account; the local cloud has no users.
        ours = re.fullmatch(rf"arn:[\w-]+:iam::{account}:(user|role)/.+", name)
        return ours is None or is_role(name)
    return kind in ("Federated", "CanonicalUser") and bool(name)


@cache
def _services() -> frozenset[str]:
    endpoints = Session().get_data("endpoints")["partitions"]
    return frozenset().union(*(partition["services"] for partition in endpoints)) | OTHER_SERVICES


def _check_keys(document: Mapping[str, Any]) -> None:
    if keys := sorted(set(condition_keys.not_simulated(document))):
        raise NotSimulatedError(f"the condition {', '.join(keys)}")


def _length(text: str) -> int:
    return len(re.sub(r"\s", "", text))


def _malformed(message: str) -> Refusal:
    return Refusal("MalformedPolicyDocument", message)
