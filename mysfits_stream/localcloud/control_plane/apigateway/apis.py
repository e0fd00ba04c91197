"""Create, update and describe a REST API itself.

The parts of an API are in the neighbouring modules.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from mysfits_stream.localcloud.control_plane.apigateway import models, openapi, patch
from mysfits_stream.localcloud.control_plane.apigateway.call import Call
from mysfits_stream.localcloud.control_plane.apigateway.errors import bad_request

Document = dict[str, Any]
NewId = Callable[..., str]

MAX_COMPRESSION_SIZE = 10485760


def _compression_size(value: Any) -> int:
    try:
        size = int(value)
    except ValueError:
        size = -1
    if not 0 <= size <= MAX_COMPRESSION_SIZE:
        raise bad_request(f"Invalid minimum compression size, must be between 0 and {MAX_COMPRESSION_SIZE}")
    return size


_FIELDS: dict[str, patch.Convert] = {
    "apiKeySource": str,
    "description": str,
    "disableExecuteApiEndpoint": patch.boolean,
    "minimumCompressionSize": _compression_size,
    "name": str,
    "policy": str,
    "version": str,
}
_PARTS = (
    "region",
    "resources",
    "models",
    "requestValidators",
    "gatewayResponses",
    "deployments",
    "stages",
)


def shown(api: Document) -> Document:
    """An API as GetRestApi shows it."""
    return {key: value for key, value in api.items() if key not in _PARTS}


def create(call: Call, new_id: NewId, now: int) -> Document:
    """CreateRestApi: an API with the two default models."""
    body = call.body()
    if not body.get("name"):
        raise bad_request("Invalid API name" if "name" in body else "API name must be specified")
    if body.get("cloneFrom"):
        raise bad_request("The local cloud does not clone APIs")
    api = _new(call.request.region, str(body["name"]), new_id, now)
    for member in ("description", "version", "binaryMediaTypes", "minimumCompressionSize", "policy"):
        if body.get(member) is not None:
            api[member] = body[member]
    if "minimumCompressionSize" in api:
        api["minimumCompressionSize"] = _compression_size(api["minimumCompressionSize"])
    api["apiKeySource"] = body.get("apiKeySource") or "HEADER"
    api["disableExecuteApiEndpoint"] = bool(body.get("disableExecuteApiEndpoint"))
    api["endpointConfiguration"] |= _endpoint(body.get("endpointConfiguration") or {})
    api["tags"] = dict(body.get("tags") or {})
    api["models"] = models.default_models(new_id)
    return api


def imported(call: Call, new_id: NewId, now: int) -> tuple[Document, Document]:
    """ImportRestApi: create an API from a document; returns the API and the warnings."""
    api = _new(call.request.region, "", new_id, now)
    types = call.query.get("endpointConfigurationTypes")
    api["endpointConfiguration"] |= _endpoint({"types": types[0].split(",")} if types else {})
    return _put(openapi.parse(call.request.body), api, call, new_id, "overwrite")


def put(call: Call, new_id: NewId, mode: str) -> tuple[Document, Document]:
    """PutRestApi: a copy of the API with the document's definitions, and warnings (F106, F108)."""
    document = openapi.parse(call.request.body)
    return _put(document, call.api, call, new_id, mode)


def _put(
    document: Document, api: Document, call: Call, new_id: NewId, mode: str
) -> tuple[Document, Document]:
    changed = copy.deepcopy(api)
    document_import = openapi.Import(document, changed, new_id, call.query.get("basepath", ["ignore"])[0])
    if mode == "overwrite":
        document_import.overwrite()
    elif mode == "merge":
        document_import.merge()
    else:
        raise bad_request(f"Invalid import mode specified: {mode}")
    warnings = document_import.warnings
    if warnings and call.flag("failonwarnings"):
        raise bad_request("Warnings found during import:\n\t" + "\n\t".join(warnings))
    return changed, {"warnings": warnings} if warnings else {}


def update(api: Document, operations: list[Document]) -> Document:
    """UpdateRestApi: a changed copy."""
    changed = copy.deepcopy(api)
    plain = []
    for operation in operations:
        path = operation.get("path", "")
        if path.startswith("/endpointConfiguration/types"):
            changed["endpointConfiguration"] |= _endpoint({"types": [operation.get("value")]})
        elif path == "/endpointConfiguration/ipAddressType":
            changed["endpointConfiguration"]["ipAddressType"] = operation.get("value")
        elif path == "/minimumCompressionSize" and not operation.get("value"):
            # Without a size nothing is compressed; Chalice says so at each deployment.
            changed.pop("minimumCompressionSize", None)
        elif path.removeprefix("/") in _FIELDS and operation.get("op") != "replace":
            raise bad_request("Invalid patch operation specified. Must be one of: [replace]")
        else:
            plain.append(operation)
    patch.apply(changed, plain, _FIELDS, lists=("binaryMediaTypes",))
    if not changed.get("name"):
        raise bad_request("Invalid API name")
    if not changed.get("binaryMediaTypes"):
        changed.pop("binaryMediaTypes", None)
    return changed


def _new(region: str, name: str, new_id: NewId, now: int) -> Document:
    identifier, root = new_id(10), new_id(10)
    return {
        "id": identifier,
        "name": name,
        "createdDate": now,
        "apiKeySource": "HEADER",
        # The default, also of an import (F107).
        "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
        "disableExecuteApiEndpoint": False,
        "rootResourceId": root,
        "region": region or "us-east-1",
        "resources": {root: {"id": root, "path": "/", "resourceMethods": {}}},
        "models": {},
        "requestValidators": {},
        "gatewayResponses": {},
        "deployments": {},
        "stages": {},
    }


def _endpoint(given: Document) -> Document:
    kinds = [kind for kind in given.get("types") or [] if kind]
    if any(kind not in ("EDGE", "REGIONAL", "PRIVATE") for kind in kinds):
        raise bad_request(f"Invalid endpoint type specified: {', '.join(kinds)}")
    if len(kinds) > 1:
        raise bad_request("Cannot create an api with multiple Endpoint Types.")
    changed: Document = {"types": kinds} if kinds else {}
    if "PRIVATE" in kinds:
        changed["ipAddressType"] = "dualstack"
    for member in ("vpcEndpointIds", "ipAddressType"):
        if given.get(member):
            changed[member] = given[member]
    return changed
