"""Integrations of methods, and the responses of both."""

from __future__ import annotations

import re
from typing import Any

from mysfits_stream.localcloud.control_plane.apigateway import methods, patch
from mysfits_stream.localcloud.control_plane.apigateway.errors import (
    bad_request,
    conflict,
    invalid_enum,
    not_found,
)

Document = dict[str, Any]

INTEGRATION_TYPES = ["HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"]
PASSTHROUGH = ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")
_STATIC = re.compile(r"'[^']*'")
_EXPRESSION = re.compile(
    r"(method\.request\.(path|querystring|header|multivalueheader|multivaluequerystring)\.[\w.$-]+"
    r"|method\.request\.body(\..+)?|integration\.response\.(header|multivalueheader)\.[\w.$-]+"
    r"|integration\.response\.body(\..+)?|context\.[\w.]+|stageVariables\.\w+)",
    re.DOTALL,
)


def put_integration(api: Document, resource_id: str, http_method: str, body: Document) -> Document:
    """Set a method's integration; the responses of the replaced integration are deleted."""
    owner = methods.method(api, resource_id, http_method)
    given = {**body, "type": str(body.get("type") or "").upper()}
    mapped = {**(owner.get("requestParameters") or {}), **(body.get("requestParameters") or {})}
    if any(name not in mapped for name in body.get("cacheKeyParameters") or []):
        raise bad_request("Invalid cache key parameter specified")
    created = integration(given, resource_id)
    owner["methodIntegration"] = created
    return created


def integration(given: Document, cache_namespace: str) -> Document:
    """An integration with AWS's defaults; rejects the same members as AWS (F71, F92)."""
    kind = given["type"]
    if kind not in INTEGRATION_TYPES:
        raise invalid_enum(kind, "putIntegrationInput.type", INTEGRATION_TYPES)
    uri, timeout = given.get("uri") or "", given.get("timeoutInMillis")
    passthrough = str(given.get("passthroughBehavior") or "WHEN_NO_MATCH").upper()
    if passthrough not in PASSTHROUGH:
        raise bad_request(
            f"Invalid passthroughBehavior specified: {passthrough}. Valid values are {', '.join(PASSTHROUGH)}"
        )
    if kind != "MOCK" and not given.get("httpMethod"):
        raise bad_request("Enumeration value for HttpMethod must be non-empty")
    if kind in ("AWS", "AWS_PROXY"):
        _check_aws(uri, given.get("credentials"))
    elif kind in ("HTTP", "HTTP_PROXY") and not re.match(r"https?://|\$\{stageVariables", uri):
        raise bad_request("Invalid HTTP endpoint specified for URI")
    if timeout is not None and not 50 <= int(timeout) <= 29000:
        raise bad_request("Timeout should be between 50 ms and 29000 ms")
    check_expressions(given.get("requestParameters") or {}, "integration.request")
    created: Document = {"type": kind}
    for member in (
        "httpMethod",
        "uri",
        "connectionType",
        "connectionId",
        "credentials",
        "requestParameters",
        "requestTemplates",
        "contentHandling",
        "tlsConfig",
    ):
        if given.get(member) is not None:
            created[member] = given[member]
    if kind in ("HTTP", "HTTP_PROXY"):
        created.setdefault("connectionType", "INTERNET")
    created |= {
        "passthroughBehavior": passthrough,
        "timeoutInMillis": int(timeout or 29000),
        "cacheNamespace": given.get("cacheNamespace") or cache_namespace,
        "cacheKeyParameters": given.get("cacheKeyParameters") or [],
    }
    return created


def _check_aws(uri: str, credentials: str | None) -> None:
    if not uri.startswith("arn:"):
        raise bad_request("Invalid ARN specified in the request")
    if not re.search(r":(action|path)/", uri):
        raise bad_request("AWS ARN for integration must contain path or action")
    if not re.match(r"arn:aws[\w-]*:apigateway:", uri):
        raise bad_request("Invalid ARN specified in the request")
    if ":lambda:path/" not in uri and not credentials:
        raise bad_request("Role ARN must be specified for AWS integrations")
    if credentials and not re.match(r"arn:aws[\w-]*:iam::|\$\{stageVariables", credentials):
        raise bad_request("Invalid ARN specified in the request")


def check_expressions(parameters: Document, place: str) -> None:
    """Reject mapping expressions unknown to AWS (F92)."""
    for name, value in parameters.items():
        if not isinstance(value, str) or not (_STATIC.fullmatch(value) or _EXPRESSION.fullmatch(value)):
            raise bad_request(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                f"[Invalid mapping expression specified: {value}]"
            )
        if not name.startswith((place, "method.response")):
            raise bad_request(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                f"[Invalid mapping expression specified: {name}]"
            )


def of_method(api: Document, resource_id: str, http_method: str, owned: bool = False) -> Document:
    """A method's integration.

    For a part of an integration (``owned``) a missing method is not told apart.
    """
    if owned and http_method not in methods.resource(api, resource_id)["resourceMethods"]:
        raise not_found("Invalid Integration identifier specified")
    found = methods.method(api, resource_id, http_method).get("methodIntegration")
    if found is None:
        raise not_found("Invalid Integration identifier specified")
    return found  # type: ignore[no-any-return]


def update_integration(
    api: Document, resource_id: str, http_method: str, operations: list[Document]
) -> Document:
    """Change an integration."""
    changed = dict(of_method(api, resource_id, http_method))
    fields = {
        "httpMethod": str,
        "uri": str,
        "credentials": str,
        "passthroughBehavior": str,
        "contentHandling": str,
        "cacheNamespace": str,
        "connectionType": str,
        "connectionId": str,
        "timeoutInMillis": int,
        "type": str,
    }
    patch.apply(
        changed, operations, fields, ("requestParameters", "requestTemplates"), ("cacheKeyParameters",)
    )
    responses = changed.get("integrationResponses")
    checked = integration(changed, resource_id)
    if responses:
        checked["integrationResponses"] = responses
    methods.method(api, resource_id, http_method)["methodIntegration"] = checked
    return checked


def delete_integration(api: Document, resource_id: str, http_method: str) -> None:
    """Remove a method's integration."""
    of_method(api, resource_id, http_method)
    del methods.method(api, resource_id, http_method)["methodIntegration"]


def put_response(owner: Document, member: str, status: str, body: Document) -> Document:
    """Add a response: ``methodResponses`` or ``integrationResponses``."""
    if not re.fullmatch(r"[1-5]\d\d", status):
        raise bad_request(
            f"1 validation error detected: Value '{status}' at 'statusCode' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [1-5]\\d\\d"
        )
    if member == "methodResponses" and status in owner.get(member, {}):
        raise conflict("Response already exists for this resource")
    created: Document = {"statusCode": status}
    allowed = {
        "methodResponses": ("responseParameters", "responseModels"),
        "integrationResponses": (
            "selectionPattern",
            "responseParameters",
            "responseTemplates",
            "contentHandling",
        ),
    }[member]
    for name in allowed:
        if body.get(name) is not None:
            created[name] = body[name]
    if member == "integrationResponses":
        check_expressions(created.get("responseParameters") or {}, "method.response")
        _check_pattern(created.get("selectionPattern"))
    owner.setdefault(member, {})[status] = created
    return created


def _check_pattern(pattern: str | None) -> None:
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise bad_request("Invalid regex pattern specified") from error


def response(owner: Document, member: str, status: str) -> Document:
    """A response of a method or an integration."""
    found = owner.get(member, {}).get(status)
    if found is None:
        raise not_found(
            "Invalid Response status code specified"
            if member == "methodResponses"
            else "Invalid Integration Response identifier specified"
        )
    return found  # type: ignore[no-any-return]


def update_response(owner: Document, member: str, status: str, operations: list[Document]) -> Document:
    """Change a response."""
    changed = dict(response(owner, member, status))
    if member == "methodResponses":
        for operation in operations:
            if operation.get("path", "").startswith("/responseParameters/") and "value" in operation:
                operation["value"] = patch.boolean(str(operation["value"]))
        patch.apply(changed, operations, {}, ("responseParameters", "responseModels"))
    else:
        fields = {"selectionPattern": str, "contentHandling": str, "statusCode": str}
        patch.apply(changed, operations, fields, ("responseParameters", "responseTemplates"))
        _check_pattern(changed.get("selectionPattern"))
    owner[member][status] = changed
    return changed


def delete_response(owner: Document, member: str, status: str) -> None:
    """Remove a response; a member without any disappears."""
    response(owner, member, status)
    del owner[member][status]
    if not owner[member]:
        del owner[member]
