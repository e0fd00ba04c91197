"""Resources, methods, integrations and their responses, piece by piece."""

from __future__ import annotations

import re
from typing import Any

from mysfits_stream.localcloud.control_plane.apigateway import patch
from mysfits_stream.localcloud.control_plane.apigateway.errors import (
    bad_request,
    conflict,
    invalid_enum,
    not_found,
)

Document = dict[str, Any]

HTTP_METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
INTEGRATION_TYPES = ["HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"]
PASSTHROUGH = ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")
_PATH_PART = re.compile(r"[a-zA-Z0-9._\-:$]+|\{[a-zA-Z0-9._\-:]+\+?\}")
_STATIC = re.compile(r"'[^']*'")
_EXPRESSION = re.compile(
    r"(method\.request\.(path|querystring|header|multivalueheader|multivaluequerystring)\.[\w.$-]+"
    r"|method\.request\.body(\..+)?|integration\.response\.(header|multivalueheader)\.[\w.$-]+"
    r"|integration\.response\.body(\..+)?|context\.[\w.]+|stageVariables\.\w+)",
    re.DOTALL,
)


def resource(api: Document, identifier: str) -> Document:
    """The resource with this id."""
    if identifier not in api["resources"]:
        raise not_found("Invalid Resource identifier specified")
    found: Document = api["resources"][identifier]
    return found


def shown_resource(resource: Document, embed: bool = False) -> Document:
    """A resource as GetResource shows it; its methods are empty unless embedded."""
    shown = {key: value for key, value in resource.items() if key != "resourceMethods"}
    if resource["resourceMethods"]:
        shown["resourceMethods"] = {
            name: method if embed else {} for name, method in resource["resourceMethods"].items()
        }
    return shown


def create_resource(api: Document, parent_id: str, part: str, new_id: str) -> Document:
    """Add a child to a resource."""
    parent = resource(api, parent_id)
    if not _PATH_PART.fullmatch(part):
        raise bad_request(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces "
            "at the beginning and the end"
        )
    if parent["path"].endswith("+}"):
        raise bad_request(
            f"Cannot create a child of a resource with a greedy path variable: {parent['path']}"
        )
    siblings = [each for each in api["resources"].values() if each.get("parentId") == parent_id]
    if any(each["pathPart"] == part for each in siblings):
        raise conflict(f"Another resource with the same parent already has this name: {part}")
    if part.startswith("{") and (taken := [s for s in siblings if s["pathPart"].startswith("{")]):
        raise bad_request(
            f"A sibling ({taken[0]['pathPart']}) of this resource already has a variable path part -- "
            "only one is allowed"
        )
    created = {
        "id": new_id,
        "parentId": parent_id,
        "pathPart": part,
        "path": f"{parent['path'].rstrip('/')}/{part}",
        "resourceMethods": {},
    }
    api["resources"][new_id] = created
    return created


def update_resource(api: Document, identifier: str, operations: list[Document]) -> Document:
    """Rename a resource or give it another parent; the paths below follow."""
    changed = dict(resource(api, identifier))
    patch.apply(changed, operations, {"pathPart": str, "parentId": str})
    if "parentId" in changed:
        resource(api, changed["parentId"])
    api["resources"][identifier] = changed
    _set_paths(api)
    return changed


def _set_paths(api: Document) -> None:
    def path(each: Document) -> str:
        if "parentId" not in each:
            return "/"
        return f"{path(api['resources'][each['parentId']]).rstrip('/')}/{each['pathPart']}"

    for each in api["resources"].values():
        each["path"] = path(each)


def delete_resource(api: Document, identifier: str) -> None:
    """Remove a resource and everything below it; the root stays."""
    gone = resource(api, identifier)
    if "parentId" not in gone:
        raise bad_request("Root resource cannot be deleted")
    for child in [each for each in api["resources"].values() if each.get("parentId") == identifier]:
        delete_resource(api, child["id"])
    del api["resources"][identifier]


def method(api: Document, resource_id: str, http_method: str) -> Document:
    """One method of a resource."""
    found = resource(api, resource_id)["resourceMethods"].get(http_method)
    if found is None:
        raise not_found("Invalid Method identifier specified")
    return found  # type: ignore[no-any-return]


def put_method(api: Document, resource_id: str, http_method: str, body: Document) -> Document:
    """Add a method to a resource."""
    methods = resource(api, resource_id)["resourceMethods"]
    if http_method not in HTTP_METHODS:
        raise bad_request(
            "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"
        )
    if http_method in methods:
        raise conflict("Method already exists for this resource")
    created: Document = {
        "httpMethod": http_method,
        "authorizationType": (body.get("authorizationType") or "NONE").upper(),
        "apiKeyRequired": bool(body.get("apiKeyRequired")),
    }
    for model in (body.get("requestModels") or {}).values():
        if model not in api["models"]:
            raise bad_request(f"Invalid model identifier specified: {model}")
    validator = body.get("requestValidatorId")
    if validator and validator not in api["requestValidators"]:
        raise bad_request("Invalid Request Validator identifier specified")
    for member in (
        "operationName",
        "authorizerId",
        "authorizationScopes",
        "requestParameters",
        "requestModels",
        "requestValidatorId",
    ):
        if body.get(member) not in (None, ""):
            created[member] = body[member]
    methods[http_method] = created
    return created


def update_method(api: Document, resource_id: str, http_method: str, operations: list[Document]) -> Document:
    """Change a method."""
    changed = dict(method(api, resource_id, http_method))
    for operation in operations:
        path = operation.get("path", "")
        if path == "/requestValidatorId" and operation.get("op") != "remove":
            wanted = operation.get("value")
            if wanted and wanted not in api["requestValidators"]:
                raise bad_request("Invalid Request Validator identifier specified")
        if path.startswith("/requestParameters/") and operation.get("op") != "remove":
            operation["value"] = patch.boolean(str(operation.get("value", "false")))
    fields: dict[str, patch.Convert] = {
        "apiKeyRequired": patch.boolean,
        "authorizationType": str,
        "authorizerId": str,
        "operationName": str,
        "requestValidatorId": str,
    }
    patch.apply(changed, operations, fields, ("requestParameters", "requestModels"), ("authorizationScopes",))
    resource(api, resource_id)["resourceMethods"][http_method] = changed
    return changed


def delete_method(api: Document, resource_id: str, http_method: str) -> None:
    """Remove a method."""
    method(api, resource_id, http_method)
    del resource(api, resource_id)["resourceMethods"][http_method]


def put_integration(api: Document, resource_id: str, http_method: str, body: Document) -> Document:
    """Give a method its integration; the integration's responses go with the one it replaces."""
    owner = method(api, resource_id, http_method)
    given = {**body, "type": str(body.get("type") or "").upper()}
    created = integration(given, resource_id)
    owner["methodIntegration"] = created
    return created


def integration(given: Document, cache_namespace: str) -> Document:
    """An integration with AWS's defaults; refuses what AWS refuses (F71, F92)."""
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
    elif kind in ("HTTP", "HTTP_PROXY") and not re.match(r"https?://|\$\{stageVariables|echo://", uri):
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
    if not re.match(r"arn:aws[\w-]*:apigateway:", uri):
        raise bad_request("Invalid ARN specified in the request")
    if not re.search(r":(action|path)/", uri):
        raise bad_request("AWS ARN for integration must contain path or action")
    if ":lambda:path/" not in uri and not credentials:
        raise bad_request("Role ARN must be specified for AWS integrations")
    if credentials and not re.match(r"arn:aws[\w-]*:iam::|\$\{stageVariables", credentials):
        raise bad_request("Invalid ARN specified in the request")


def check_expressions(parameters: Document, place: str) -> None:
    """Refuse mapping expressions that AWS does not understand (F92)."""
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


def method_integration(api: Document, resource_id: str, http_method: str) -> Document:
    """A method's integration."""
    found = method(api, resource_id, http_method).get("methodIntegration")
    if found is None:
        raise not_found("Invalid Integration identifier specified")
    return found  # type: ignore[no-any-return]


def update_integration(
    api: Document, resource_id: str, http_method: str, operations: list[Document]
) -> Document:
    """Change an integration."""
    changed = dict(method_integration(api, resource_id, http_method))
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
    method(api, resource_id, http_method)["methodIntegration"] = checked
    return checked


def delete_integration(api: Document, resource_id: str, http_method: str) -> None:
    """Remove a method's integration."""
    method_integration(api, resource_id, http_method)
    del method(api, resource_id, http_method)["methodIntegration"]


def put_response(owner: Document, member: str, status: str, body: Document) -> Document:
    """Add a response to a method (``methodResponses``) or to an integration (``integrationResponses``)."""
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
        if body.get(name) is not None and (name != "selectionPattern" or body[name]):
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
    """One response of a method or an integration."""
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
