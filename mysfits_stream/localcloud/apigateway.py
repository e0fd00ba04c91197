"""The data plane of deployed REST APIs: a request in, the response that AWS would give out.

The steps have the names of API Gateway's guide: method request (route, authorization, throttling,
validation), integration request, integration, integration response, method response. Each either passes its
result on or raises a :class:`Refusal`, which becomes the gateway response of its type. Nothing here knows who
serves the integrations: they are called through an injected function.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from mysfits_stream.localcloud.apigateway_deployed import (
    CompileError,
    DeployedApi,
    Integration,
    IntegrationResponse,
    Method,
    compile,
    on_stage,
)
from mysfits_stream.localcloud.apigateway_exchange import Exchange, Log, header_text, media_type
from mysfits_stream.localcloud.apigateway_responses import Refusal
from mysfits_stream.localcloud.mapping import Template
from mysfits_stream.localcloud.mapping_input import BodyNotJson
from mysfits_stream.localcloud.mapping_values import MappingError
from mysfits_stream.localcloud.wire import Request, Response

__all__ = [
    "CannotAssumeRole",
    "CompileError",
    "DeployedApi",
    "compile",
    "handle",
    "invoke_method",
    "on_stage",
]

PAYLOAD_LIMIT = 10 * 1024 * 1024  # F62

Answer = tuple[int, Mapping[str, str], bytes]
# (service, action, headers, body, role ARN) -> answer. The action is the name of an operation ("PutRecord"),
# or for integrations by path the request line ("POST /2015-03-31/functions/…/invocations").
CallService = Callable[[str, str, Mapping[str, str], bytes, str | None], Answer]

_URI = re.compile(
    r"arn:aws[\w-]*:apigateway:(?P<region>[\w-]*):(?:(?P<subdomain>[^.:]+)\.)?(?P<service>[^:]+):"
    r"(?P<kind>action|path)/(?P<rest>.*)",
    re.DOTALL,
)
_VARIABLE = re.compile(r"\$\{stageVariables\.([\w-]+)\}")
_LENIENT = ((re.compile(r",\s*}"), "}"), (re.compile(r"([{,]\s*)'?([A-Za-z_]\w*)'?\s*:"), r'\1"\2":'))


class CannotAssumeRole(Exception):
    """The integration's role cannot be assumed by API Gateway (F35)."""


def handle(
    deployed: DeployedApi,
    request: Request,
    call_service: CallService,
    now: float,
    log: Log | None = None,
) -> Response:
    """Serve one request to a deployed API.

    ``request.path`` is the path below the stage, ``now`` AWS's time in seconds since the epoch. ``log``
    receives the lines of the execution log. ``call_service`` calls an AWS service with an integration's role;
    it raises CannotAssumeRole where that is not allowed and TimeoutError where no answer comes in time.
    """
    exchange = Exchange(deployed, request, now, log)
    try:
        if len(request.body) > PAYLOAD_LIMIT:
            raise Refusal("REQUEST_TOO_LARGE")
        route = deployed.find(request.method, request.path)
        if route is None:
            raise Refusal("MISSING_AUTHENTICATION_TOKEN")
        exchange.found(*route)
        _authorize(exchange, route[0])
        _throttle(exchange, route[0])
        return _execute(exchange, route[0], call_service)
    except Refusal as refusal:
        return _gateway_response(exchange, refusal)


def invoke_method(
    deployed: DeployedApi,
    method: Method,
    request: Request,
    parameters: dict[str, str],
    call_service: CallService,
    now: float,
    log: Log,
) -> Response:
    """TestInvokeMethod: one method without stage, authorization and throttling."""
    exchange = Exchange(deployed, request, now, log)
    exchange.found(method, parameters)
    try:
        return _execute(exchange, method, call_service)
    except Refusal as refusal:
        return _gateway_response(exchange, refusal)


def _authorize(exchange: Exchange, method: Method) -> None:
    headers = exchange.request.headers
    if method.authorization == "AWS_IAM" and "authorization" not in headers:
        raise Refusal("MISSING_AUTHENTICATION_TOKEN")
    if method.authorization in ("CUSTOM", "COGNITO_USER_POOLS"):
        if "authorization" not in headers:
            raise Refusal("UNAUTHORIZED")
        raise Refusal("AUTHORIZER_CONFIGURATION_ERROR", reason="The local cloud runs no authorizers")
    if method.api_key_required and "x-api-key" not in headers:
        raise Refusal("INVALID_API_KEY")


def _throttle(exchange: Exchange, method: Method) -> None:
    bucket = exchange.deployed.stage.buckets.get((method.resource_path, method.http_method))
    if bucket is not None and not bucket.take(exchange.now):
        raise Refusal("THROTTLED")


def _execute(exchange: Exchange, method: Method, call_service: CallService) -> Response:
    request = exchange.request
    if exchange.log is not None:
        parameters = exchange.parameters()
        exchange.note("Starting execution for request: %s", exchange.request_id)
        exchange.note("HTTP Method: %s, Resource Path: %s", request.method, request.path)
        exchange.note("Method request path: %s", _logged(exchange.path_parameters))
        exchange.note("Method request query string: %s", _logged(parameters["querystring"]))
        exchange.note("Method request headers: %s", _logged(parameters["header"]))
        exchange.note("Method request body before transformations: %s", exchange.body)
    method.validation.check_parameters(exchange.parameter)
    method.validation.check_body(exchange.media_type, exchange.body)
    integration = method.integration
    if integration is None:
        raise Refusal("API_CONFIGURATION_ERROR", reason="No integration defined for method")
    try:
        mapped = _integration_request(exchange, integration)
        headers: Mapping[str, str]
        if integration.type == "MOCK":
            status, headers, body = _mock(mapped), {}, ""
        elif integration.type == "AWS":
            status, headers, body = _call(exchange, integration, mapped, call_service)
        else:
            raise Refusal(
                "API_CONFIGURATION_ERROR",
                reason=f"The local cloud serves no {integration.type} integrations",
            )
        exchange.integration_headers, exchange.integration_body = headers, body
        exchange.context["integration"] = {"status": status}
        exchange.note("Endpoint response body before transformations: %s", body)
        exchange.note("Endpoint response headers: %s", _logged(headers))
        return _method_response(exchange, method, integration, status)
    except MappingError as error:
        raise Refusal("API_CONFIGURATION_ERROR", reason=f"Unable to transform: {error}") from error


def _integration_request(exchange: Exchange, integration: Integration) -> str:
    """The body that the integration gets: mapped, or passed through where that is allowed (F96)."""
    template = integration.templates.get(exchange.media_type)
    if template is not None:
        try:
            return template.render(exchange.variables(exchange.input()))
        except BodyNotJson as error:
            raise Refusal("BAD_REQUEST_BODY", str(error)) from error
    behaviour = integration.passthrough
    if behaviour == "NEVER" or (behaviour == "WHEN_NO_TEMPLATES" and integration.templates):
        raise Refusal("UNSUPPORTED_MEDIA_TYPE")
    return exchange.body


def _mock(mapped: str) -> int:
    document = _lenient_json(mapped)
    status = document.get("statusCode") if isinstance(document, dict) else None
    if isinstance(status, bool) or not isinstance(status, int):
        raise Refusal(
            "API_CONFIGURATION_ERROR",
            reason="Unable to parse statusCode. "
            "It should be an integer that is defined in the request template.",
        )
    return status


def _lenient_json(source: str) -> Any:
    """JSON as API Gateway's parser takes it: also with a trailing comma, and with names without quotes."""
    try:
        return json.loads(source)
    except ValueError:
        for pattern, replacement in _LENIENT:
            source = pattern.sub(replacement, source)
        try:
            return json.loads(source)
        except ValueError:
            return None


def _call(
    exchange: Exchange, integration: Integration, mapped: str, call_service: CallService
) -> tuple[int, Mapping[str, str], str]:
    headers, query, path = _request_parameters(exchange, integration)
    uri = _VARIABLE.sub(lambda m: exchange.deployed.stage.variables.get(m[1], ""), integration.uri)
    target = _URI.match(uri)
    if target is None:
        raise Refusal("API_CONFIGURATION_ERROR", reason=f"Invalid endpoint address: {uri}")
    action = target["rest"]
    if target["kind"] == "path":
        for name, value in path.items():
            action = action.replace("{" + name + "}", header_text(value))
        http_method = integration.http_method
        if http_method == "ANY":
            http_method = exchange.request.method
        action = f"{http_method} /{action.lstrip('/')}"
        if query:
            action += ("&" if "?" in action else "?") + urlencode(query, doseq=True)
    elif query:
        # A query protocol service takes its parameters from either place.
        mapped = "&".join(filter(None, (mapped, urlencode(query, doseq=True))))
    exchange.note("Endpoint request URI: %s", uri)
    exchange.note("Endpoint request headers: %s", _logged(headers))
    exchange.note("Endpoint request body after transformations: %s", mapped)
    body = mapped.encode("utf-8", "surrogatepass")
    if integration.content_handling == "CONVERT_TO_BINARY":
        body = _decoded(mapped)
    try:
        exchange.note("Sending request to %s", uri)
        status, answered, raw = call_service(
            target["service"], action, headers, body, _credentials(exchange, integration)
        )
    except CannotAssumeRole as error:
        reason = "API Gateway does not have permission to assume the provided role"
        raise Refusal("API_CONFIGURATION_ERROR", reason=f"{reason} {integration.credentials}") from error
    except TimeoutError as error:
        raise Refusal("INTEGRATION_TIMEOUT") from error
    except OSError as error:
        raise Refusal("INTEGRATION_FAILURE", reason=str(error)) from error
    exchange.note("Received response. Status: %s, Integration latency: 0 ms", status)
    return status, answered, raw.decode("utf-8", "replace")


def _credentials(exchange: Exchange, integration: Integration) -> str | None:
    given = integration.credentials
    return _VARIABLE.sub(lambda m: exchange.deployed.stage.variables.get(m[1], ""), given) if given else None


def _decoded(mapped: str) -> bytes:
    try:
        return base64.b64decode(mapped, validate=True)
    except binascii.Error as error:
        raise MappingError(f"the body is not base64: {error}") from error


def _request_parameters(
    exchange: Exchange, integration: Integration
) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
    """Headers, query string and path parameters of the integration request, with the template's overrides."""
    places: dict[str, dict[str, Any]] = {"header": {}, "querystring": {}, "path": {}}
    for name, source in integration.parameters:
        place, _, key = name.removeprefix("integration.request.").partition(".")
        value = exchange.value(source)
        if value is not None:
            places[place.removeprefix("multivalue")][key] = value
    for place, overrides in exchange.context["requestOverride"].items():
        if place in places and isinstance(overrides, dict):
            places[place].update(overrides)
    headers = {name: header_text(value) for name, value in places["header"].items()}
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = exchange.request.headers.get("content-type", "application/json")
    return headers, places["querystring"], places["path"]


def _method_response(exchange: Exchange, method: Method, integration: Integration, status: int) -> Response:
    response = integration.response_to(_outcome(exchange, integration, status))
    if response is None:
        raise Refusal(
            "API_CONFIGURATION_ERROR",
            reason="No match for output mapping and no default output mapping configured. "
            f"Endpoint Response Status Code: {status}",
        )
    if response.status not in method.responses:
        reason = f"Output mapping refers to an invalid method response: {response.status}"
        raise Refusal("API_CONFIGURATION_ERROR", reason=reason)
    kind, template = _chosen(response, exchange.request.headers.get("accept", ""))
    body = exchange.integration_body
    if template is not None:
        body = template.render(exchange.variables(exchange.response_input()))
    headers = {"Content-Type": kind}
    for name, source in response.parameters:
        value = exchange.value(source)
        if value is not None:
            headers[name.removeprefix("method.response.header.")] = header_text(value)
    override = exchange.context["responseOverride"]
    for name, value in (override.get("header") or {}).items():
        headers[name] = header_text(value)
    final = int(override.get("status") or response.status)
    exchange.note("Method response body after transformations: %s", body)
    exchange.note("Method response headers: %s", _logged(headers))
    exchange.note("Successfully completed execution")
    exchange.note("Method completed with status: %s", final)
    payload = (
        _decoded(body)
        if response.content_handling == "CONVERT_TO_BINARY"
        else body.encode("utf-8", "replace")
    )
    return Response(
        final,
        {**headers, "x-amzn-RequestId": exchange.request_id, "x-amz-apigw-id": exchange.extended_id},
        payload,
    )


def _outcome(exchange: Exchange, integration: Integration, status: int) -> str | None:
    """What selection patterns are held against: the status, or what a Lambda function says went wrong."""
    if ":lambda:path/" not in integration.uri:
        return str(status)
    if not any(name.lower() == "x-amz-function-error" for name in exchange.integration_headers):
        return None
    try:
        return str(json.loads(exchange.integration_body).get("errorMessage"))
    except (ValueError, AttributeError):
        return exchange.integration_body


def _chosen(response: IntegrationResponse, accept: str) -> tuple[str, Template | None]:
    """The response template that Accept asks for, else the first (F98)."""
    if not response.templates:
        return "application/json", None
    for wanted in accept.lower().split(","):
        template = response.templates.get(media_type(wanted)) if wanted.strip() else None
        if template is not None:
            return media_type(wanted), template
    return next(iter(response.templates.items()))


def _gateway_response(exchange: Exchange, refusal: Refusal) -> Response:
    exchange.context["error"] = refusal.error()
    if refusal.reason:
        kind = "configuration error" if refusal.kind == "API_CONFIGURATION_ERROR" else "error"
        exchange.note("Execution failed due to %s: %s", kind, refusal.reason)
    elif exchange.log is not None:
        exchange.note("Execution failed: %s", refusal.text)
    answer = exchange.deployed.gateway_responses[refusal.kind]
    status, headers, body = answer.answer(exchange.request.headers.get("accept", ""), exchange.value)
    exchange.note("Method completed with status: %s", status)
    own = {
        "x-amzn-RequestId": exchange.request_id,
        "x-amzn-ErrorType": refusal.error_type,
        "x-amz-apigw-id": exchange.extended_id,
    }
    return Response(status, {**headers, **own}, body.encode("utf-8", "replace"))


def _logged(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}={header_text(value)}" for name, value in values.items()) + "}"
