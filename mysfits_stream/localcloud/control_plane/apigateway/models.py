"""Models, request validators and gateway responses of a REST API."""

from __future__ import annotations

import json
import re
from typing import Any

from jsonschema.exceptions import SchemaError

from mysfits_stream.localcloud.control_plane.apigateway import patch
from mysfits_stream.localcloud.control_plane.apigateway.errors import (
    bad_request,
    conflict,
    invalid_enum,
    not_found,
)
from mysfits_stream.localcloud.execute_api import json_schema
from mysfits_stream.localcloud.execute_api.gateway_responses import TYPES, definition
from mysfits_stream.localcloud.http.messages import read_json

Document = dict[str, Any]

DRAFT4 = "http://json-schema.org/draft-04/schema#"


def default_models(new_id: Any) -> dict[str, Document]:
    """The two initial models of every created API."""
    empty = {"$schema": DRAFT4, "title": "Empty Schema", "type": "object"}
    error = {
        "$schema": DRAFT4,
        "title": "Error Schema",
        "type": "object",
        "properties": {"message": {"type": "string"}},
    }
    return {
        name: {
            "id": new_id(),
            "name": name,
            "description": f"This is a default {name.lower()} schema model",
            "schema": json.dumps(schema, indent=2),
            "contentType": "application/json",
        }
        for name, schema in (("Empty", empty), ("Error", error))
    }


def create_model(api: Document, body: Document, new_id: str) -> Document:
    """Add a model; its schema must be JSON Schema draft-04 (F101)."""
    name = body.get("name") or ""
    if not re.fullmatch(r"[A-Za-z0-9]+", name):
        raise bad_request(
            f"Model name must be alphanumeric: {name}" if name else "Model name must be non-empty"
        )
    if not body.get("contentType"):
        raise bad_request("Content-type must be specified")
    if not re.fullmatch(r"[\w.+*-]+/[\w.+*-]+(\s*;.*)?|\$default", body["contentType"]):
        problem = f"Invalid content type specified: {body['contentType']}"
        raise bad_request(f"Validation Result: warnings : [], errors : [{problem}]")
    if name in api["models"]:
        raise conflict("Model name already exists for this REST API")
    schema = body.get("schema")
    if not schema:
        raise bad_request("Model schema must have at least 1 property or array items defined")
    check_schema(schema)
    model = {"id": new_id, "name": name, "contentType": body["contentType"], "schema": schema}
    if body.get("description"):
        model["description"] = body["description"]
    api["models"][name] = model
    return model


def check_schema(text: str) -> None:
    """Reject an invalid JSON Schema of draft 4."""
    try:
        json_schema.check_schema(read_json(text))
    except ValueError as error:
        raise bad_request(
            "Invalid model specified: Validation Result: warnings : [], errors : [Invalid JSON]"
        ) from error
    except SchemaError as error:
        problem = f"Invalid model schema specified: {error.message}"
        raise bad_request(
            f"Invalid model specified: Validation Result: warnings : [], errors : [{problem}]"
        ) from error


def model(api: Document, name: str) -> Document:
    """The model called ``name``."""
    if name not in api["models"]:
        raise not_found(f"Invalid model name specified: {name}")
    found: Document = api["models"][name]
    return found


def shown_model(model: Document) -> Document:
    """A model without the members internal to the store."""
    return {key: value for key, value in model.items() if key != "imported"}


def listed(api: Document) -> list[Document]:
    """Every model, by name."""
    return [shown_model(api["models"][name]) for name in sorted(api["models"])]


def update_model(api: Document, name: str, operations: list[Document]) -> Document:
    """Change a model's schema or description; the new schema validates every keyword (F101)."""
    changed = dict(model(api, name))
    patch.apply(changed, operations, {"schema": str, "description": str}, replace_only=True)
    check_schema(changed["schema"])
    changed.pop("imported", None)
    api["models"][name] = changed
    return changed


def delete_model(api: Document, name: str) -> None:
    """Delete a model unless a method or a model refers to the model."""
    model(api, name)
    for other in api["models"].values():
        if f'/models/{name}"' in other["schema"] and other["name"] != name:
            raise conflict(f"Cannot delete model '{name}', is referenced in model: {other['name']}")
    # The root is named last.
    for resource in sorted(api["resources"].values(), key=lambda each: (each["path"] == "/", each["path"])):
        for http_method, method in resource["resourceMethods"].items():
            if name in (method.get("requestModels") or {}).values():
                raise conflict(
                    f"Cannot delete model '{name}', is referenced in method request: "
                    f"{resource['path']}/{http_method}"
                )
    del api["models"][name]


def request_validator(api: Document, identifier: str) -> Document:
    """The request validator with the id."""
    if identifier not in api["requestValidators"]:
        raise not_found("Invalid Request Validator identifier specified")
    found: Document = api["requestValidators"][identifier]
    return found


def create_request_validator(api: Document, body: Document, new_id: str) -> Document:
    """Add a request validator."""
    validator = {
        "id": new_id,
        "name": body.get("name") or "",
        "validateRequestBody": bool(body.get("validateRequestBody")),
        "validateRequestParameters": bool(body.get("validateRequestParameters")),
    }
    api["requestValidators"][new_id] = validator
    return validator


def update_request_validator(api: Document, identifier: str, operations: list[Document]) -> Document:
    """Change the checks of a request validator."""
    validator = dict(request_validator(api, identifier))
    fields: dict[str, patch.Convert] = {
        "name": str,
        "validateRequestBody": patch.boolean,
        "validateRequestParameters": patch.boolean,
    }
    patch.apply(validator, operations, fields, replace_only=True)
    api["requestValidators"][identifier] = validator
    return validator


def delete_request_validator(api: Document, identifier: str) -> None:
    """Delete a request validator unless a method uses the validator."""
    request_validator(api, identifier)
    for resource in api["resources"].values():
        for http_method, method in resource["resourceMethods"].items():
            if method.get("requestValidatorId") == identifier:
                raise conflict(
                    f"Cannot delete request validator {identifier}, is referenced in method: "
                    f"{resource['path']}/{http_method}"
                )
    del api["requestValidators"][identifier]


def gateway_responses(api: Document) -> list[Document]:
    """All types, customised or not."""
    return [definition(kind, api["gatewayResponses"]) for kind in TYPES]


def gateway_response(api: Document, kind: str) -> Document:
    """The gateway response of a type."""
    _known(kind)
    return definition(kind, api["gatewayResponses"])


def put_gateway_response(api: Document, kind: str, body: Document) -> Document:
    """Customise the gateway response of a type."""
    _known(kind)
    response: Document = {
        "responseType": kind,
        "responseParameters": body.get("responseParameters") or {},
        "responseTemplates": body.get("responseTemplates") or {},
        "defaultResponse": False,
    }
    status = body.get("statusCode") or TYPES[kind][0]
    if status:
        response["statusCode"] = str(status)
        if not re.fullmatch(r"[1-5]\d\d", str(status)):
            raise bad_request(
                f"1 validation error detected: Value '{status}' at 'statusCode' failed to satisfy "
                "constraint: Member must satisfy regular expression pattern: [1-5]\\d\\d"
            )
    api["gatewayResponses"][kind] = response
    return response


def update_gateway_response(api: Document, kind: str, operations: list[Document]) -> Document:
    """Change the gateway response of a type, and mark the response as customised."""
    _known(kind)
    response = dict(definition(kind, api["gatewayResponses"]), defaultResponse=False)
    patch.apply(
        response,
        operations,
        {"statusCode": str},
        ("responseParameters", "responseTemplates"),
        rejection=patch.unknown_path,
    )
    api["gatewayResponses"][kind] = response
    return response


def delete_gateway_response(api: Document, kind: str) -> None:
    """Back to the default."""
    _known(kind)
    if kind not in api["gatewayResponses"]:
        raise not_found("Gateway response type not defined on api")
    del api["gatewayResponses"][kind]


def _known(kind: str) -> None:
    if kind not in TYPES:
        raise invalid_enum(kind, "responseType", list(TYPES))
