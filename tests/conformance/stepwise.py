"""A REST API made call by call from its definition, because some emulators import none.

It covers what ``cases/requests.json`` defines. Import has cases of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

ANY = "x-amazon-apigateway-any-method"
PLACES = {"query": "querystring", "header": "header", "path": "path"}


def create(client: Any, definition: Mapping[str, Any]) -> str:
    """Make the API; its id."""
    api: str = client.create_rest_api(name="conformance")["id"]
    _models(client, api, definition.get("components", {}).get("schemas", {}))
    validators = {
        name: client.create_request_validator(restApiId=api, name=name, **checks)["id"]
        for name, checks in definition.get("x-amazon-apigateway-request-validators", {}).items()
    }
    for kind, response in definition.get("x-amazon-apigateway-gateway-responses", {}).items():
        given = {key: str(value) if key == "statusCode" else value for key, value in response.items()}
        client.put_gateway_response(restApiId=api, responseType=kind, **given)
    resources = {"/": client.get_resources(restApiId=api)["items"][0]["id"]}
    for path, methods in definition["paths"].items():
        for method, operation in methods.items():
            http_method = "ANY" if method == ANY else method.upper()
            where = {"restApiId": api, "resourceId": _resource(client, api, path, resources)}
            _method(client, {**where, "httpMethod": http_method}, operation, validators)
    return api


def _models(client: Any, api: str, schemas: Mapping[str, Any]) -> None:
    base = f"https://apigateway.amazonaws.com/restapis/{api}/models/"
    # A model is made after those that it refers to: here, those that refer to none come first.
    for name, schema in sorted(schemas.items(), key=lambda item: "$ref" in json.dumps(item[1])):
        text = json.dumps(schema).replace("#/components/schemas/", base)
        client.create_model(restApiId=api, name=name, contentType="application/json", schema=text)


def _resource(client: Any, api: str, path: str, resources: dict[str, str]) -> str:
    if path not in resources:
        parent, _, part = path.rpartition("/")
        parent_id = _resource(client, api, parent or "/", resources)
        resources[path] = client.create_resource(restApiId=api, parentId=parent_id, pathPart=part)["id"]
    return resources[path]


def _method(
    client: Any, where: Mapping[str, str], operation: Mapping[str, Any], validators: Mapping[str, str]
) -> None:
    optional: dict[str, Any] = {}
    if parameters := operation.get("parameters"):
        optional["requestParameters"] = {
            f"method.request.{PLACES[parameter['in']]}.{parameter['name']}": parameter["required"]
            for parameter in parameters
        }
    if content := operation.get("requestBody", {}).get("content"):
        optional["requestModels"] = {
            media_type: body["schema"]["$ref"].rpartition("/")[2] for media_type, body in content.items()
        }
    if validator := operation.get("x-amazon-apigateway-request-validator"):
        optional["requestValidatorId"] = validators[validator]
    client.put_method(**where, authorizationType="NONE", **optional)
    for status, response in operation["responses"].items():
        headers = {f"method.response.header.{name}": False for name in response["headers"]}
        client.put_method_response(**where, statusCode=status, responseParameters=headers)

    integration = operation["x-amazon-apigateway-integration"]
    client.put_integration(
        **where,
        type=integration["type"].upper(),
        passthroughBehavior=integration["passthroughBehavior"].upper(),
        requestTemplates=integration.get("requestTemplates", {}),
    )
    for pattern, response in integration["responses"].items():
        chosen = {} if pattern == "default" else {"selectionPattern": pattern}
        client.put_integration_response(**where, **chosen, **response)
