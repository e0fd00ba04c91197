"""A REST API's settings beside the definition, and the policy that a put must keep.

Putting a definition in overwrite mode replaces description, binary media types and resource policy by the
document's (F108): a policy on the live API has to be in the document as well (F150).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mysfits_stream.provision.policies import Document, canonical
from mysfits_stream.provision.resource import Diff, Properties
from mysfits_stream.provision.resources.rest_api.openapi import POLICY

PATHS = {
    "Description": "/description",
    "MinimumCompressionSize": "/minimumCompressionSize",
    "ApiKeySourceType": "/apiKeySource",
    "DisableExecuteApiEndpoint": "/disableExecuteApiEndpoint",
}
"""Property, in CloudFormation's spelling -> path of the patch."""


def desired_settings(description: str, resource_policy: Mapping[str, Any] | None) -> Properties:
    """The settings of the stack's API; a configured resource policy is compared."""
    policy = {"Policy": canonical(resource_policy)} if resource_policy else {}
    return {
        "Description": description,
        "BinaryMediaTypes": [],
        "MinimumCompressionSize": None,
        "ApiKeySourceType": "HEADER",
        "DisableExecuteApiEndpoint": False,
        **policy,
    }


def observed_settings(api: Any, execute_api_arn: str | None) -> Properties:
    """The settings in API Gateway's answer, with the service's defaults filled in.

    ``execute_api_arn`` is the API's ARN for callers, None if the resource policy is not compared.
    """
    policy = {"Policy": _comparable(api, execute_api_arn)} if execute_api_arn else {}
    return {
        "Description": api.get("description", ""),
        "BinaryMediaTypes": api.get("binaryMediaTypes", []),
        "MinimumCompressionSize": api.get("minimumCompressionSize"),
        "ApiKeySourceType": api.get("apiKeySource", "HEADER"),
        "DisableExecuteApiEndpoint": api.get("disableExecuteApiEndpoint", False),
        **policy,
    }


def patches(diff: Diff) -> list[dict[str, str]]:
    """The patch operations that reset differing settings; empty for a new API (observed: None)."""
    operations = [
        {"op": "replace", "path": path, "value": _text(diff[key][1])}
        for key, path in PATHS.items()
        if key in diff and diff[key][0] is not None
    ]
    media_types = (diff.get("BinaryMediaTypes") or ([], []))[0] or []
    return operations + [
        {"op": "remove", "path": f"/binaryMediaTypes/{media.replace('~', '~0').replace('/', '~1')}"}
        for media in media_types
    ]


def with_policy_of(document: Document, api: Any) -> Document:
    """The document with the live API's resource policy, unless it has its own (F150)."""
    kept = _parsed(api)
    return {POLICY: kept, **document} if kept else document


def _parsed(api: Any) -> Document | None:
    text = api.get("policy")
    if not text:
        return None
    try:
        policy = json.loads(text)
    except ValueError:
        # API Gateway returns the policy with each quote escaped (F150).
        policy = json.loads(json.loads(f'"{text}"'))
    return dict(policy)


def _comparable(api: Any, execute_api_arn: str) -> Document | None:
    """The policy with resources as written; API Gateway expands them to ARNs (F150)."""
    policy = _parsed(api)
    if policy is None:
        return None
    shortened = json.dumps(policy).replace(f'"{execute_api_arn}/', '"execute-api:/')
    return canonical(json.loads(shortened))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
