"""Resources and methods, piece by piece."""

from __future__ import annotations

import re
from typing import Any

from mysfits_stream.localcloud.control_plane.apigateway import patch
from mysfits_stream.localcloud.control_plane.apigateway.errors import (
    bad_request,
    conflict,
    not_found,
)

Document = dict[str, Any]

HTTP_METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_PARAMETER = re.compile(
    r"method\.request\.(path|querystring|header|multivalueheader|multivaluequerystring)\.[\w.:$-]+"
)
_PATH_PART = re.compile(r"[a-zA-Z0-9._\-:$]+|\{[a-zA-Z0-9._\-:]+\+?\}")


def resource(api: Document, identifier: str) -> Document:
    """The resource with the id."""
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


def listed(api: Document, embed: bool) -> list[Document]:
    """Every resource, by path."""
    found = sorted(api["resources"].values(), key=lambda each: str(each["path"]))
    return [shown_resource(each, embed) for each in found]


def _check_place(api: Document, parent_id: str, part: str, identifier: str = "") -> None:
    """Reject a path part or a parent as AWS does, for a new resource or for ``identifier``."""
    parent = resource(api, parent_id)
    if not _PATH_PART.fullmatch(part):
        raise bad_request(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces "
            "at the beginning and the end"
        )
    if parent["path"].endswith("+}"):
        raise bad_request(
            f"Cannot create a child of a resource with a greedy path variable: {parent['pathPart']}"
        )
    others = [
        each
        for each in api["resources"].values()
        if each.get("parentId") == parent_id and each["id"] != identifier
    ]
    if any(each["pathPart"] == part for each in others):
        raise conflict(f"Another resource with the same parent already has this name: {part}")
    if part.startswith("{") and (taken := [each for each in others if each["pathPart"].startswith("{")]):
        raise bad_request(
            f"A sibling ({taken[0]['pathPart']}) of this resource already has a variable path part -- "
            "only one is allowed"
        )


def create_resource(api: Document, parent_id: str, part: str, new_id: str) -> Document:
    """Add a child to a resource."""
    parent = resource(api, parent_id)
    _check_place(api, parent_id, part)
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
    """Rename a resource or change its parent; the paths below follow."""
    changed = dict(resource(api, identifier))
    patch.apply(changed, operations, {"pathPart": str, "parentId": str}, replace_only=True)
    if identifier == api["rootResourceId"]:
        raise bad_request("Root resource cannot be updated")
    if "parentId" not in changed or "pathPart" not in changed:
        raise bad_request("Resource's parent and path part must be specified")
    ancestor = changed["parentId"]
    while ancestor:
        if ancestor == identifier:
            raise bad_request("Resources cannot be cyclical.")
        ancestor = resource(api, ancestor).get("parentId")
    _check_place(api, changed["parentId"], changed["pathPart"], identifier)
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
    """A method of a resource."""
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
    for parameter in body.get("requestParameters") or {}:
        check_parameter(parameter)
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


def check_parameter(name: str) -> None:
    """Reject a request parameter not of the form ``method.request.<place>.<name>``."""
    if not _PARAMETER.fullmatch(name):
        raise bad_request(
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
            f"[Invalid mapping expression specified: {name}]"
        )


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
            check_parameter(patch.segments(path)[1])
    fields: dict[str, patch.Convert] = {
        "apiKeyRequired": patch.boolean,
        "authorizationType": str,
        "authorizerId": str,
        "operationName": str,
        "requestValidatorId": str,
    }
    patch.apply(
        changed,
        operations,
        fields,
        ("requestParameters", "requestModels"),
        ("authorizationScopes",),
        rejection=patch.unknown_path,
    )
    resource(api, resource_id)["resourceMethods"][http_method] = changed
    return changed


def delete_method(api: Document, resource_id: str, http_method: str) -> None:
    """Remove a method."""
    method(api, resource_id, http_method)
    del resource(api, resource_id)["resourceMethods"][http_method]
