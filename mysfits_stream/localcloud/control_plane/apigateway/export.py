"""GetExport: a deployed API as an OpenAPI 3.0 or Swagger 2.0 document."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from mysfits_stream.localcloud.control_plane.apigateway import stages
from mysfits_stream.localcloud.control_plane.apigateway.call import Call
from mysfits_stream.localcloud.control_plane.apigateway.errors import bad_request
from mysfits_stream.localcloud.http.messages import Response

Document = dict[str, Any]

_PLACES = {"querystring": "query", "header": "header", "path": "path"}
_MODEL = re.compile(r"https://apigateway\.amazonaws\.com/restapis/[^/]+/models/(\w+)")


def answer(call: Call) -> Response:
    """The response to GetExport."""
    api, kind = call.api, call.path["kind"]
    stage = stages.stage(api, call.name)
    snapshot = stages.deployment(api, stage["deploymentId"])["snapshot"]
    if kind not in ("oas30", "swagger"):
        raise bad_request(f"No API exporter for type '{kind}'")
    wanted = {name.strip() for value in call.query.get("extensions", []) for name in value.split(",")}
    document = export(api, snapshot, stage, kind, wanted)
    accept = call.request.headers.get("accept", "")
    name = f'attachment; filename="{kind}_{stage["lastUpdatedDate"]}'
    if "yaml" in accept:
        body = yaml.safe_dump(document, sort_keys=False).encode()
        return Response(
            200, {"Content-Type": "application/yaml", "Content-Disposition": f'{name}.yaml"'}, body
        )
    body = json.dumps(document, indent=2, ensure_ascii=False).encode()
    return Response(200, {"Content-Type": "application/json", "Content-Disposition": f'{name}.json"'}, body)


def export(api: Document, snapshot: Document, stage: Document, kind: str, extensions: set[str]) -> Document:
    """The document.

    ``extensions`` are ``integrations``, ``authorizers``, ``apigateway`` (all), or empty.
    """
    full = "apigateway" in extensions
    integrations = full or "integrations" in extensions
    swagger = kind == "swagger"
    host = f"{api['id']}.execute-api.{api['region']}.amazonaws.com"
    info = {"title": api["name"]}
    if api.get("description"):
        info["description"] = api["description"]
    info["version"] = api.get("version") or str(api["createdDate"])
    document: Document
    if swagger:
        document = {
            "swagger": "2.0",
            "info": info,
            "host": host,
            "basePath": f"/{stage['stageName']}",
            "schemes": ["https"],
        }
    else:
        server = {
            "url": f"https://{host}/{{basePath}}",
            "variables": {"basePath": {"default": stage["stageName"]}},
        }
        document = {"openapi": "3.0.1", "info": info, "servers": [server]}
    validators = {each["id"]: each["name"] for each in snapshot["requestValidators"].values()}
    resources = sorted(snapshot["resources"].values(), key=lambda each: each["path"])
    document["paths"] = {
        resource["path"]: {
            _verb(verb): _operation(method, validators if full else {}, integrations, swagger)
            for verb, method in sorted(resource["resourceMethods"].items())
        }
        for resource in resources
        if resource["resourceMethods"]
    }
    schemas = {
        name: _schema(json.loads(model["schema"]), swagger)
        for name, model in sorted(snapshot["models"].items())
        if _used(name, snapshot)
    }
    if swagger:
        if schemas:
            document["definitions"] = schemas
    else:
        document["components"] = {"schemas": schemas} if schemas else {}
    if full:
        document |= _extensions(snapshot)
    return document


def _verb(verb: str) -> str:
    return "x-amazon-apigateway-any-method" if verb == "ANY" else verb.lower()


def _operation(method: Document, validators: Document, integrations: bool, swagger: bool) -> Document:
    operation: Document = {}
    if method.get("operationName"):
        operation["operationId"] = method["operationName"]
    parameters: list[Document] = []
    for name, required in (method.get("requestParameters") or {}).items():
        place, _, key = name.removeprefix("method.request.").partition(".")
        if place in _PLACES:
            parameter: Document = {"name": key, "in": _PLACES[place]}
            if required or place == "path":
                parameter["required"] = True
            parameter |= {"type": "string"} if swagger else {"schema": {"type": "string"}}
            parameters.append(parameter)
    bodies = method.get("requestModels") or {}
    if swagger and bodies:
        operation["consumes"] = list(bodies)
        name = next(iter(bodies.values()))
        parameters.append({"in": "body", "name": name, "required": True, "schema": _reference(name, swagger)})
    if parameters:
        operation["parameters"] = parameters
    if bodies and not swagger:
        content = {media_type: {"schema": _reference(name, swagger)} for media_type, name in bodies.items()}
        operation["requestBody"] = {"content": content, "required": True}
    operation["responses"] = {
        status: _response(response, swagger)
        for status, response in sorted((method.get("methodResponses") or {}).items())
    }
    if method.get("apiKeyRequired"):
        operation["security"] = [{"api_key": []}]
    validator = validators.get(method.get("requestValidatorId", ""))
    if validator:
        operation["x-amazon-apigateway-request-validator"] = validator
    if integrations and "methodIntegration" in method:
        operation["x-amazon-apigateway-integration"] = _integration(method["methodIntegration"])
    return operation


def _response(response: Document, swagger: bool) -> Document:
    shown: Document = {"description": f"{response['statusCode']} response"}
    headers = response.get("responseParameters") or {}
    if headers:
        value: Document = {"type": "string"} if swagger else {"schema": {"type": "string"}}
        shown["headers"] = {name.removeprefix("method.response.header."): dict(value) for name in headers}
    models = response.get("responseModels") or {}
    if models and swagger:
        shown["schema"] = _reference(next(iter(models.values())), swagger)
    elif models:
        shown["content"] = {kind: {"schema": _reference(name, swagger)} for kind, name in models.items()}
    elif not swagger:
        shown["content"] = {}
    return shown


def _integration(integration: Document) -> Document:
    shown: Document = {"type": integration["type"].lower()}
    for member in (
        "httpMethod",
        "uri",
        "credentials",
        "requestParameters",
        "requestTemplates",
        "contentHandling",
    ):
        if integration.get(member):
            shown[member] = integration[member]
    shown["passthroughBehavior"] = integration["passthroughBehavior"].lower()
    if integration["timeoutInMillis"] != 29000:
        shown["timeoutInMillis"] = integration["timeoutInMillis"]
    if integration["cacheKeyParameters"]:
        shown["cacheKeyParameters"] = integration["cacheKeyParameters"]
    responses = {}
    for response in (integration.get("integrationResponses") or {}).values():
        pattern = response.get("selectionPattern") or "default"
        responses[pattern] = {key: value for key, value in response.items() if key != "selectionPattern"}
    if responses:
        shown["responses"] = responses
    return shown


def _extensions(snapshot: Document) -> Document:
    found: Document = {}
    if snapshot["requestValidators"]:
        found["x-amazon-apigateway-request-validators"] = {
            each["name"]: {
                "validateRequestParameters": each["validateRequestParameters"],
                "validateRequestBody": each["validateRequestBody"],
            }
            for each in snapshot["requestValidators"].values()
        }
    if snapshot["gatewayResponses"]:
        found["x-amazon-apigateway-gateway-responses"] = {
            kind: {
                key: value
                for key, value in response.items()
                if key in ("statusCode", "responseParameters", "responseTemplates") and value
            }
            for kind, response in snapshot["gatewayResponses"].items()
        }
    if snapshot.get("binaryMediaTypes"):
        found["x-amazon-apigateway-binary-media-types"] = snapshot["binaryMediaTypes"]
    return found


def _reference(name: str, swagger: bool) -> Document:
    return {"$ref": f"#/{'definitions' if swagger else 'components/schemas'}/{name}"}


def _schema(schema: Any, swagger: bool) -> Any:
    """A model's schema without draft marker, its references within the document."""
    if isinstance(schema, list):
        return [_schema(item, swagger) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = _MODEL.fullmatch(str(schema.get("$ref", "")))
    if found:
        return _reference(found[1], swagger)
    return {key: _schema(value, swagger) for key, value in schema.items() if key != "$schema"}


def _used(name: str, snapshot: Document) -> bool:
    """Whether a model is exported: the models Empty and Error only if referenced."""
    if name not in ("Empty", "Error"):
        return True
    return any(
        name in (method.get("requestModels") or {}).values()
        or any(
            name in (response.get("responseModels") or {}).values()
            for response in (method.get("methodResponses") or {}).values()
        )
        for resource in snapshot["resources"].values()
        for method in resource["resourceMethods"].values()
    )
