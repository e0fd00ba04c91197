"""The condition keys of policies: keys that a role's request has, and keys not simulated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from mysfits_stream.localcloud import iam

# Keys that every request has, by :func:`request_context`; ``/`` ends a key that is followed by a name.
PRESENT = (
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalTag/",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:SecureTransport",
    "aws:ViaAWSService",
    "sts:ExternalId",
)
# Keys that a request of a service's role never has, so that a condition holds as on AWS.
ABSENT = (
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:RequestTag/",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:TagKeys",
    "aws:VpcSourceIp",
)
EVALUATED = ("aws", "firehose", "kms", "lambda", "logs", "s3", "sts")
"""The prefixes of the keys that can decide about a call of the local cloud."""


def request_context(
    *,
    role_arn: str,
    role_tags: Mapping[str, str],
    region: str,
    resource_account: str,
    now: float,
) -> dict[str, str]:
    """The global keys of a service's request with a role's credentials at the time ``now``."""
    return {
        "aws:CurrentTime": dt.datetime.fromtimestamp(now, dt.UTC).isoformat(timespec="seconds"),
        "aws:EpochTime": str(int(now)),
        "aws:PrincipalAccount": role_arn.split(":")[4],
        "aws:PrincipalArn": role_arn,
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalType": "AssumedRole",
        "aws:RequestedRegion": region,
        "aws:ResourceAccount": resource_account,
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
    } | {f"aws:PrincipalTag/{key}": value for key, value in role_tags.items()}


def trust_context(*, now: float, external_id: str | None = None) -> dict[str, str]:
    """The keys of the AssumeRole request of a service principal."""
    return {
        "aws:CurrentTime": dt.datetime.fromtimestamp(now, dt.UTC).isoformat(timespec="seconds"),
        "aws:EpochTime": str(int(now)),
        "aws:PrincipalIsAWSService": "true",
        "aws:SecureTransport": "true",
    } | ({} if external_id is None else {"sts:ExternalId": external_id})


def not_simulated(document: Mapping[str, Any]) -> Iterator[str]:
    """The condition keys of a policy that the local cloud can neither evaluate nor disregard."""
    for statement in iam.listed(document.get("Statement")):
        condition = statement.get("Condition") if isinstance(statement, Mapping) else None
        for keys in (condition or {}).values() if isinstance(condition, Mapping) else ():
            for key in keys if isinstance(keys, Mapping) else ():
                if key.partition(":")[0].lower() in EVALUATED and not _is_known(key):
                    yield key


def _is_known(key: str) -> bool:
    return any(
        key.lower().startswith(known.lower()) if known.endswith("/") else key.lower() == known.lower()
        for known in (*PRESENT, *ABSENT)
    )
