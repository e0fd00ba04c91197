"""Lambda proxy integrations: the request as event, the function's result as response."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from mysfits_stream.localcloud.execute_api.context import RequestContext
from mysfits_stream.localcloud.execute_api.gateway_responses import Refusal
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.velocity.values import text

_MEMBERS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


def proxy_event(exchange: RequestContext) -> bytes:
    """The event, in the payload format 1.0."""
    request, parameters = exchange.request, exchange.parameters()
    headers = parameters["header"]
    binary = bool(request.body) and exchange.is_binary
    body = base64.b64encode(request.body).decode("ascii") if binary else exchange.body
    context = {
        key: value
        for key, value in exchange.context.items()
        if key not in ("requestOverride", "responseOverride")
    }
    event: dict[str, Any] = {
        "resource": exchange.context.get("resourcePath"),
        "path": request.path,
        "httpMethod": request.method,
        "headers": headers or None,
        "multiValueHeaders": {name: [value] for name, value in headers.items()} or None,
        "queryStringParameters": parameters["querystring"] or None,
        "multiValueQueryStringParameters": exchange.query or None,
        "pathParameters": exchange.path_parameters or None,
        "stageVariables": dict(exchange.deployed.stage.variables) or None,
        "requestContext": context,
        "body": body or None,
        "isBase64Encoded": binary,
    }
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")


def proxy_response(exchange: RequestContext) -> Response:
    """The response in a function's result; a malformed result is AWS's 502."""
    try:
        result = json.loads(exchange.integration_body or "null")
    except ValueError as error:
        raise _malformed() from error
    failed = any(name.lower() == "x-amz-function-error" for name in exchange.integration_headers)
    if failed or not isinstance(result, dict) or not set(result) <= _MEMBERS:
        raise _malformed()
    body = result.get("body")
    if body is None:
        body = ""
    try:
        status = int(result.get("statusCode") or 200)
        headers = _headers(result)
        encoded = result.get("isBase64Encoded") and exchange.accepts_binary
        payload = base64.b64decode(body, validate=True) if encoded else body.encode("utf-8", "replace")
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise _malformed() from error
    return Response(status, headers, payload)


def _headers(result: dict[str, Any]) -> dict[str, str]:
    """The headers of both members, merged; raises TypeError for values of other types."""
    merged = {name: [value] for name, value in (result.get("headers") or {}).items()}
    for name, values in (result.get("multiValueHeaders") or {}).items():
        if not isinstance(values, list):
            raise TypeError(f"the values of {name} are not a list")
        single = merged.setdefault(name, [])
        merged[name] = [value for value in single if value not in values] + values
    if any(isinstance(value, dict | list) for values in merged.values() for value in values):
        raise TypeError("the value of a header is not text")
    if not any(name.lower() == "content-type" for name in merged):
        merged["Content-Type"] = ["application/json"]
    return {name: ", ".join(map(text, values)) for name, values in merged.items()}


def _malformed() -> Refusal:
    return Refusal("API_CONFIGURATION_ERROR", reason="Malformed Lambda proxy response", status=502)
