"""Deployments and stages."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

from mysfits_stream.localcloud.control_plane.apigateway import patch
from mysfits_stream.localcloud.control_plane.apigateway.errors import bad_request, conflict, not_found

Document = dict[str, Any]

# What a deployment keeps of its API, as it was at that moment (F109).
SNAPSHOT = (
    "id",
    "policy",
    "name",
    "binaryMediaTypes",
    "resources",
    "models",
    "requestValidators",
    "gatewayResponses",
)

# A stage's method setting once any of it is set (F62).
METHOD_SETTING: Document = {
    "metricsEnabled": False,
    "dataTraceEnabled": False,
    "throttlingBurstLimit": 5000,
    "throttlingRateLimit": 10000.0,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}
_SETTINGS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "metrics/enabled": ("metricsEnabled", patch.boolean),
    "logging/loglevel": ("loggingLevel", str),
    "logging/dataTrace": ("dataTraceEnabled", patch.boolean),
    "throttling/burstLimit": ("throttlingBurstLimit", int),
    "throttling/rateLimit": ("throttlingRateLimit", float),
    "caching/enabled": ("cachingEnabled", patch.boolean),
    "caching/ttlInSeconds": ("cacheTtlInSeconds", int),
    "caching/dataEncrypted": ("cacheDataEncrypted", patch.boolean),
    "caching/requireAuthorizationForCacheControl": ("requireAuthorizationForCacheControl", patch.boolean),
    "caching/unauthorizedCacheControlHeaderStrategy": ("unauthorizedCacheControlHeaderStrategy", str),
}
_STAGE_FIELDS: dict[str, Callable[[str], Any]] = {
    "cacheClusterEnabled": patch.boolean,
    "cacheClusterSize": str,
    "clientCertificateId": str,
    "deploymentId": str,
    "description": str,
    "tracingEnabled": patch.boolean,
}
_ACCESS_LOG = ("destinationArn", "format")
MAX_CACHE_TTL = 3600
_TTL = f"Invalid time-to-live setting, must be an integer no greater than {MAX_CACHE_TTL}"


def deployment(api: Document, identifier: str) -> Document:
    """The deployment with the id."""
    if identifier not in api["deployments"]:
        raise not_found("Invalid Deployment identifier specified")
    found: Document = api["deployments"][identifier]
    return found


def shown_deployment(deployment: Document, embed: bool = False) -> Document:
    """A deployment in the form of GetDeployment, on request with its methods."""
    shown = {key: value for key, value in deployment.items() if key != "snapshot"}
    if embed:
        shown["apiSummary"] = {
            resource["path"]: {
                verb: {
                    "authorizationType": method["authorizationType"],
                    "apiKeyRequired": method["apiKeyRequired"],
                }
                for verb, method in resource["resourceMethods"].items()
            }
            for resource in deployment["snapshot"]["resources"].values()
            if resource["resourceMethods"]
        }
    return shown


def create_deployment(
    api: Document, body: Document, new_id: str, now: int, check: Callable[[Document], None]
) -> Document:
    """Take a snapshot of the API; with a stage name, create or update the stage.

    ``check`` rejects a snapshot that cannot be served.
    """
    found = [method for each in api["resources"].values() for method in each["resourceMethods"].values()]
    if not found:
        raise bad_request("The REST API doesn't contain any methods")
    if any("methodIntegration" not in method for method in found):
        raise bad_request("No integration defined for method")
    stage_name = body.get("stageName")
    if stage_name:
        _check_name(stage_name)
    snapshot = copy.deepcopy({member: api[member] for member in SNAPSHOT if member in api})
    check(snapshot)
    created: Document = {"id": new_id, "createdDate": now, "snapshot": snapshot}
    if body.get("description"):
        created["description"] = body["description"]
    api["deployments"][new_id] = created
    if stage_name:
        settings = {
            "stageName": stage_name,
            "deploymentId": new_id,
            "description": body.get("stageDescription"),
            "variables": body.get("variables"),
            "cacheClusterEnabled": body.get("cacheClusterEnabled"),
            "cacheClusterSize": body.get("cacheClusterSize"),
            "tracingEnabled": body.get("tracingEnabled"),
            "canarySettings": body.get("canarySettings"),
        }
        if stage_name in api["stages"]:
            existing = api["stages"][stage_name]
            existing |= {key: value for key, value in settings.items() if value is not None}
            existing["lastUpdatedDate"] = now
        else:
            api["stages"][stage_name] = _stage(settings, now)
    return created


def update_deployment(api: Document, identifier: str, operations: list[Document]) -> Document:
    """Change a deployment's description."""
    changed = dict(deployment(api, identifier))
    patch.apply(changed, operations, {"description": str})
    api["deployments"][identifier] = changed
    return changed


def delete_deployment(api: Document, identifier: str) -> None:
    """Delete a deployment not served by any stage (F76)."""
    deployment(api, identifier)
    if any(stage["deploymentId"] == identifier for stage in api["stages"].values()):
        raise bad_request("Active stages pointing to this deployment must be moved or deleted")
    del api["deployments"][identifier]


def stage(api: Document, name: str) -> Document:
    """The stage called ``name``."""
    if name not in api["stages"]:
        raise not_found("Invalid stage identifier specified")
    found: Document = api["stages"][name]
    return found


def listed(api: Document, deployment_id: str) -> Document:
    """All stages, or the stages of a deployment."""
    found = api["stages"].values()
    return {"item": [each for each in found if deployment_id in ("", each["deploymentId"])]}


def create_stage(api: Document, body: Document, now: int) -> Document:
    """Add a stage for a deployment."""
    name = body.get("stageName") or ""
    _check_name(name)
    if not body.get("deploymentId"):
        raise bad_request("Deployment id must be specified")
    deployment(api, body["deploymentId"])
    if name in api["stages"]:
        raise conflict("Stage already exists")
    created = _stage(body, now)
    api["stages"][name] = created
    return created


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise bad_request("Stage name only allows a-zA-Z0-9_")


def _check_variables(variables: Document) -> None:
    for name in variables:
        if not re.fullmatch(r"\w+", name, re.ASCII):
            raise bad_request(
                f"Invalid stage variable name: {name}. Please use names with only word characters."
            )


def _stage(given: Document, now: int) -> Document:
    _check_variables(given.get("variables") or {})
    created: Document = {
        "deploymentId": given["deploymentId"],
        "stageName": given["stageName"],
        "cacheClusterEnabled": bool(given.get("cacheClusterEnabled")),
        "cacheClusterStatus": "AVAILABLE" if given.get("cacheClusterEnabled") else "NOT_AVAILABLE",
        "methodSettings": {},
        "tracingEnabled": bool(given.get("tracingEnabled")),
        "createdDate": now,
        "lastUpdatedDate": now,
    }
    for member in (
        "description",
        "cacheClusterSize",
        "variables",
        "documentationVersion",
        "canarySettings",
        "tags",
    ):
        if given.get(member):
            created[member] = given[member]
    return created


def update_stage(api: Document, name: str, operations: list[Document], now: int) -> Document:
    """Change a stage: its members, variables, method settings and access logs (F111, F112)."""
    changed = copy.deepcopy(stage(api, name))
    plain = []
    for operation in operations or ():
        parts = patch.segments(operation.get("path", ""))
        if parts[0] == "accessLogSettings":
            _access_log(changed, operation, parts)
        elif parts[0] in _STAGE_FIELDS or parts[0] in ("variables", "canarySettings"):
            plain.append(operation)
        elif len(parts) >= 2:
            _method_setting(changed, operation)
        else:
            allowed = [
                *_STAGE_FIELDS,
                "variables/*",
                "accessLogSettings/destinationArn",
                "accessLogSettings/format",
            ]
            raise patch.invalid_path(operation.get("path", ""), operation.get("op", ""), allowed)
    patch.apply(changed, plain, _STAGE_FIELDS, ("variables", "canarySettings"))
    deployment(api, changed.get("deploymentId", ""))
    _check_variables(changed.get("variables") or {})
    if not changed.get("variables"):
        changed.pop("variables", None)
    changed["cacheClusterStatus"] = "AVAILABLE" if changed["cacheClusterEnabled"] else "NOT_AVAILABLE"
    changed["lastUpdatedDate"] = now
    api["stages"][name] = changed
    return changed


def _method_setting(changed: Document, operation: Document) -> None:
    path, op = operation["path"], operation.get("op")
    # The resource's slashes are encoded (F111): /~1clicks/PUT/throttling/rateLimit
    parts = path.removeprefix("/").split("/", 2)
    key = "/".join(parts[:2])
    settings = changed["methodSettings"]
    if op == "remove":
        if len(parts) > 2 or key not in settings:
            shown = "/".join(parts[:2])
            raise bad_request(
                f"Cannot remove method setting {shown} because there is no method setting for this method "
            )
        del settings[key]
        return
    if len(parts) < 3 or parts[2] not in _SETTINGS or not path.startswith("/"):
        raise bad_request(f"Invalid method setting path: {path}. Must be one of: [{_paths()}]")
    member, convert = _SETTINGS[parts[2]]
    value = str(operation.get("value", ""))
    if member == "loggingLevel" and value not in ("OFF", "ERROR", "INFO"):
        raise bad_request(f"Invalid logging level: {value}. Must be one of: [OFF, ERROR, INFO]")
    try:
        converted = convert(value)
    except ValueError:
        problem = f"Invalid value: {value} for method setting path: {path}"
        raise bad_request(_TTL if member == "cacheTtlInSeconds" else problem) from None
    if member == "cacheTtlInSeconds" and not 0 <= converted <= MAX_CACHE_TTL:
        raise bad_request(_TTL)
    settings.setdefault(key, dict(METHOD_SETTING))[member] = converted


def _paths() -> str:
    """The paths that UpdateStage changes, in AWS's order."""
    plain = ["deploymentId", "description", "cacheClusterEnabled", "cacheClusterSize", "clientCertificateId"]
    logs = ["accessLogSettings", *(f"accessLogSettings/{name}" for name in _ACCESS_LOG)]
    settings = [f"{owner}/{name}" for owner in ("{resourcePath}/{httpMethod}", "*/*") for name in _SETTINGS]
    return ", ".join(f"/{path}" for path in [*plain, *logs, *settings, "variables/{variable_name}"])


def _access_log(changed: Document, operation: Document, parts: list[str]) -> None:
    if operation.get("op") == "remove":
        changed.pop("accessLogSettings", None)
        return
    if len(parts) != 2 or parts[1] not in _ACCESS_LOG:
        choices = ", ".join(f"/accessLogSettings/{name}" for name in _ACCESS_LOG)
        raise bad_request(f"Invalid accessLogSettings path. Must be one of : [{choices}]")
    value = operation.get("value", "")
    if not value:
        raise bad_request("Access Log value must not be empty")
    if parts[1] == "format" and not re.search(r"\$context\.(requestId|extendedRequestId)\b", value):
        raise bad_request(
            "Access Log format must include either $context.requestId or $context.extendedRequestId : "
            f"'{value}'"
        )
    if parts[1] == "destinationArn" and not value.startswith("arn:"):
        raise bad_request(f"Invalid ARN specified in the request. ARNs must start with 'arn:': {value}")
    changed.setdefault("accessLogSettings", {})[parts[1]] = value.removesuffix(":*")


def delete_stage(api: Document, name: str) -> None:
    """Remove a stage; its deployment stays."""
    stage(api, name)
    del api["stages"][name]
