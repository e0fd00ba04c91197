"""A flat view of a REST API for comparison, from OpenAPI or API Gateway's responses.

Methods read ``PUT /clicks``; AWS's defaults and AWS's ids are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mysfits_stream.provision.resources.rest_api.openapi import INTEGRATION, Document

TIMEOUT_MS = 29000
"""The timeout of an integration that sets none (F62)."""

GATEWAY_TEMPLATE = '{"message":$context.error.messageString}'
"""The template of a gateway response that sets none."""


def desired_view(document: Document) -> dict[str, Any]:
    """The view that an OpenAPI document describes."""
    return {
        "Methods": {
            f"{verb.upper()} {path}": _desired_method(operation)
            for path, operations in document["paths"].items()
            for verb, operation in operations.items()
        },
        "Models": document["components"]["schemas"],
        "RequestValidators": document["x-amazon-apigateway-request-validators"],
        "GatewayResponses": {
            kind: _gateway_response(response)
            for kind, response in document["x-amazon-apigateway-gateway-responses"].items()
        },
    }


def observed_view(
    resources: Iterable[Any],
    models: Iterable[Any],
    validators: Iterable[Any],
    gateway_responses: Iterable[Any],
) -> dict[str, Any]:
    """The view of API Gateway's responses: resources with their methods, and the rest by name."""
    validators = list(validators)
    names = {validator["id"]: validator["name"] for validator in validators}
    return {
        "Methods": {
            f"{verb} {resource['path']}": _observed_method(method, names)
            for resource in resources
            for verb, method in resource.get("resourceMethods", {}).items()
        },
        # Every new API has the models Empty and Error; nothing uses them.
        "Models": {
            model["name"]: json.loads(model["schema"])
            for model in models
            if model["name"] not in ("Empty", "Error")
        },
        "RequestValidators": {
            validator["name"]: {
                key: validator.get(key, False) for key in ("validateRequestBody", "validateRequestParameters")
            }
            for validator in validators
        },
        "GatewayResponses": {
            response["responseType"]: _gateway_response(response)
            for response in gateway_responses
            if not response.get("defaultResponse")
        },
    }


def _desired_method(operation: Document) -> dict[str, Any]:
    content: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})
    integration = operation[INTEGRATION]
    return {
        "authorization": "NONE",
        "requestParameters": {},
        "validator": operation.get("x-amazon-apigateway-request-validator"),
        "models": {media: body["schema"]["$ref"].rsplit("/", 1)[1] for media, body in content.items()},
        "responses": {status: sorted(answer["headers"]) for status, answer in operation["responses"].items()},
        "integration": {
            "type": integration["type"].upper(),
            "passthroughBehavior": integration["passthroughBehavior"].upper(),
            "contentHandling": None,
            "timeoutInMillis": TIMEOUT_MS,
            **{key: integration.get(key) for key in ("httpMethod", "uri", "credentials")},
            **{key: integration.get(key, {}) for key in ("requestParameters", "requestTemplates")},
            "responses": {
                pattern: {
                    "statusCode": response["statusCode"],
                    "contentHandling": None,
                    "responseParameters": response["responseParameters"],
                    "responseTemplates": _templates(response),
                }
                for pattern, response in integration["responses"].items()
            },
        },
    }


def _observed_method(method: Any, validators: Mapping[str, str]) -> dict[str, Any]:
    integration = method.get("methodIntegration", {})
    mock = integration.get("type") == "MOCK"
    return {
        "authorization": "NONE"
        if not method.get("apiKeyRequired") and method.get("authorizationType", "NONE") == "NONE"
        else "other",
        # A parameter that is required rejects every click without this parameter.
        "requestParameters": {
            key: True for key, wanted in method.get("requestParameters", {}).items() if wanted
        },
        "validator": validators.get(method.get("requestValidatorId", "")),
        "models": method.get("requestModels", {}),
        "responses": {
            status: sorted(name.rsplit(".", 1)[1] for name in answer.get("responseParameters", {}))
            for status, answer in method.get("methodResponses", {}).items()
        },
        "integration": {
            "type": integration.get("type"),
            "passthroughBehavior": integration.get("passthroughBehavior"),
            "contentHandling": integration.get("contentHandling"),
            "timeoutInMillis": integration.get("timeoutInMillis", TIMEOUT_MS),
            # A MOCK integration makes no call; AWS returns an HTTP method for it all the same.
            **{key: None if mock else integration.get(key) for key in ("httpMethod", "uri", "credentials")},
            **{key: integration.get(key, {}) for key in ("requestParameters", "requestTemplates")},
            "responses": {
                _pattern(response): {
                    "statusCode": response.get("statusCode"),
                    "contentHandling": response.get("contentHandling"),
                    "responseParameters": response.get("responseParameters", {}),
                    "responseTemplates": _templates(response),
                }
                for response in integration.get("integrationResponses", {}).values()
            },
        },
    }


def _gateway_response(response: Any) -> dict[str, Any]:
    templates = {media: text for media, text in _templates(response).items() if text != GATEWAY_TEMPLATE}
    return {
        "statusCode": response.get("statusCode"),
        "responseParameters": response.get("responseParameters", {}),
        "responseTemplates": templates,
    }


def _pattern(response: Any) -> str:
    return response.get("selectionPattern") or "default"


def _templates(response: Any) -> dict[str, str]:
    # An empty template may come back as null, or not at all.
    return {media: text for media, text in (response.get("responseTemplates") or {}).items() if text}
