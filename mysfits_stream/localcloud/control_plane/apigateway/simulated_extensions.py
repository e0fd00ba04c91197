"""Rejects the extensions of an OpenAPI document that the import would ignore."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mysfits_stream.localcloud.control_plane.apigateway.errors import not_simulated

EXTENSION = "x-amazon-apigateway-"

OF_DOCUMENT = {
    "api-key-source",
    "binary-media-types",
    "endpoint-configuration",
    "gateway-responses",
    "importexport-version",
    "minimum-compression-size",
    "policy",
    "request-validator",
    "request-validators",
}
OF_PATH = {"any-method"}
OF_OPERATION = {"auth", "integration", "request-validator"}
OF_SECURITY_SCHEME = {"authtype"}

OF_ENDPOINT = {"disableExecuteApiEndpoint"}
OF_INTEGRATION: dict[str, Collection[Any] | None] = {
    "cacheKeyParameters": ([],),
    "cacheNamespace": None,
    "connectionType": ("INTERNET",),
    "contentHandling": None,
    "credentials": None,
    "httpMethod": None,
    "passthroughBehavior": None,
    "payloadFormatVersion": ("1.0", 1.0),
    "requestParameters": None,
    "requestTemplates": None,
    "responseTransferMode": ("BUFFERED",),
    "responses": None,
    "timeoutInMillis": None,
    "type": None,
    "uri": None,
}
"""Member -> simulated values; None for all values."""
OF_RESPONSE = {"contentHandling", "responseParameters", "responseTemplates", "statusCode"}


def check(document: Mapping[str, Any]) -> None:
    """Raise ApiError with the first part of the document that is not simulated."""
    _extensions(document, OF_DOCUMENT, "")
    _members(document.get(f"{EXTENSION}endpoint-configuration"), OF_ENDPOINT, "endpoint-configuration")
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    for schemes_of in (schemes, document.get("securityDefinitions")):
        for name, scheme in _items(schemes_of):
            _extensions(scheme, OF_SECURITY_SCHEME, f"security scheme {name}: ")
    for path, item in _items(document.get("paths")):
        _extensions(item, OF_PATH, f"{path}: ")
        for verb, operation in _items(item):
            if isinstance(operation, dict):
                place = f"{verb} {path}: "
                _extensions(operation, OF_OPERATION, place)
                _integration(operation.get(f"{EXTENSION}integration"), place)


def _integration(given: Any, place: str) -> None:
    for name, value in _items(given):
        values = OF_INTEGRATION.get(name, ())
        if value is not None and values is not None and value not in values:
            raise not_simulated(f"{place}{EXTENSION}integration: {name}")
    for _, response in _items(given.get("responses") if isinstance(given, dict) else None):
        _members(response, OF_RESPONSE, "integration: responses", place)


def _extensions(given: Any, simulated: Collection[str], place: str) -> None:
    for name, _ in _items(given):
        if str(name).startswith(EXTENSION) and str(name).removeprefix(EXTENSION) not in simulated:
            raise not_simulated(f"{place}{name}")


def _members(given: Any, simulated: Collection[str], extension: str, place: str = "") -> None:
    for name, value in _items(given):
        if value is not None and name not in simulated:
            raise not_simulated(f"{place}{EXTENSION}{extension}: {name}")


def _items(given: Any) -> Any:
    return given.items() if isinstance(given, dict) else ()
