"""Integration requests of REST APIs: mapped bodies, MOCK answers, calls of AWS services."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from mysfits_stream.localcloud.execute_api.context import RequestContext, header_text, logged
from mysfits_stream.localcloud.execute_api.deployed import Integration
from mysfits_stream.localcloud.execute_api.gateway_responses import Refusal
from mysfits_stream.localcloud.execute_api.headers import DROPPED_FROM_INTEGRATION_REQUEST, unmappable
from mysfits_stream.localcloud.execute_api.lambda_proxy import proxy_event
from mysfits_stream.localcloud.execute_api.payload_encodings import (
    TO_BINARY,
    converted_request,
    decoded,
    request_text,
)
from mysfits_stream.localcloud.velocity.functions import BodyNotJson

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


class NotPermitted(Exception):
    """API Gateway may not call the service without a role.

    The message is for the execution log.
    """


def integrate(exchange: RequestContext, integration: Integration, call_service: CallService) -> int:
    """Map the request and call the backend.

    Keeps the answer in the context and returns the status.
    """
    proxy = integration.type == "AWS_PROXY"
    body = proxy_event(exchange) if proxy else _request_body(exchange, integration)
    if integration.type == "MOCK":
        status = _mock_status(body)
        exchange.answered(status, {}, b"")
        return status
    if integration.type not in ("AWS", "AWS_PROXY"):
        reason = f"The local cloud serves no {integration.type} integrations"
        raise Refusal("API_CONFIGURATION_ERROR", reason=reason)
    answer = _call(exchange, integration, body, call_service)
    exchange.answered(*answer)
    return answer[0]


def _request_body(exchange: RequestContext, integration: Integration) -> bytes:
    """The body for the integration: mapped, or passed through where allowed (F96)."""
    raw, binary, handling = exchange.request.body, exchange.is_binary, integration.content_handling
    template = integration.templates.get(exchange.media_type)
    if template is not None:
        if binary:
            exchange.replace_body(request_text(raw, binary=binary, handling=handling))
        try:
            mapped = template.render(exchange.variables(exchange.input()))
        except BodyNotJson as error:
            raise Refusal("BAD_REQUEST_BODY", str(error)) from error
        return decoded(mapped) if handling == TO_BINARY else mapped.encode("utf-8", "replace")
    behaviour = integration.passthrough
    if behaviour == "NEVER" or (behaviour == "WHEN_NO_TEMPLATES" and integration.templates):
        raise Refusal("UNSUPPORTED_MEDIA_TYPE")
    return converted_request(raw, binary=binary, handling=handling)


def _mock_status(mapped: bytes) -> int:
    document = _lenient_json(mapped.decode("utf-8", "replace"))
    status = document.get("statusCode") if isinstance(document, dict) else None
    if isinstance(status, bool) or not isinstance(status, int):
        reason = (
            "Unable to parse statusCode. It should be an integer that is defined in the request template."
        )
        raise Refusal("API_CONFIGURATION_ERROR", reason=reason)
    return status


def _lenient_json(source: str) -> Any:
    """JSON of API Gateway's parser, which accepts trailing commas and names without quotes."""
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
    exchange: RequestContext, integration: Integration, body: bytes, call_service: CallService
) -> Answer:
    headers, query, path = _request_parameters(exchange, integration)
    uri = _with_stage_variables(exchange, integration.uri)
    target = _target(uri)
    if target is None:
        raise Refusal("API_CONFIGURATION_ERROR", reason=f"Invalid endpoint address: {uri}")
    action = target["rest"]
    if target["kind"] == "path":
        for name, value in path.items():
            action = action.replace("{" + name + "}", header_text(value))
        http_method = integration.http_method
        if http_method == "ANY":
            http_method = exchange.request.method
        if target["service"] == "lambda" and http_method != "POST":
            raise Refusal("API_CONFIGURATION_ERROR", reason="Lambda functions are invoked with POST only")
        action = f"{http_method} /{action.lstrip('/')}"
        if query:
            action += ("&" if "?" in action else "?") + urlencode(query, doseq=True)
    elif query:
        # A query protocol service takes its parameters from either place.
        body = b"&".join(filter(None, (body, urlencode(query, doseq=True).encode())))
    credentials = integration.credentials and _with_stage_variables(exchange, integration.credentials)
    if exchange.log is not None:
        exchange.note("Endpoint request URI: %s", uri)
        exchange.note("Endpoint request headers: %s", logged(headers))
        exchange.note("Endpoint request body after transformations: %s", body.decode("utf-8", "replace"))
        exchange.note("Sending request to %s", uri)
    started = time.perf_counter()
    try:
        answer = call_service(target["service"], action, headers, body, credentials)
    except CannotAssumeRole as error:
        reason = f"API Gateway does not have permission to assume the provided role {credentials}"
        raise Refusal("API_CONFIGURATION_ERROR", reason=reason) from error
    except NotPermitted as error:
        raise Refusal("API_CONFIGURATION_ERROR", reason=str(error)) from error
    except TimeoutError as error:
        raise Refusal("INTEGRATION_TIMEOUT") from error
    except OSError as error:
        raise Refusal("INTEGRATION_FAILURE", reason=str(error)) from error
    if answer[0] == 413 and target["service"] == "lambda":
        raise Refusal("REQUEST_TOO_LARGE")
    if exchange.log is not None:
        latency = int(1000 * (time.perf_counter() - started))
        exchange.note("Received response. Status: %s, Integration latency: %s ms", answer[0], latency)
        exchange.note("Endpoint response headers: %s", logged(answer[1]))
        exchange.note(
            "Endpoint response body before transformations: %s", answer[2].decode("utf-8", "replace")
        )
    return answer


@lru_cache(maxsize=256)
def _target(uri: str) -> re.Match[str] | None:
    return _URI.match(uri)


def _with_stage_variables(exchange: RequestContext, text: str) -> str:
    if "${" not in text:
        return text
    return _VARIABLE.sub(lambda match: exchange.deployed.stage.variables.get(match[1], ""), text)


def _has_values(override: Any) -> bool:
    """Whether a template has set a member of ``$context.requestOverride``."""
    return not isinstance(override, dict) or any(override.values())


def _request_parameters(
    exchange: RequestContext, integration: Integration
) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
    """Headers, query and path parameters of the integration request, with overrides."""
    override = exchange.context.get("requestOverride")
    if integration.literal_headers is not None and not _has_values(override):
        return dict(integration.literal_headers), {}, {}
    places: dict[str, dict[str, Any]] = {"header": {}, "querystring": {}, "path": {}}
    for name, source in integration.parameters:
        place, _, key = name.removeprefix("integration.request.").partition(".")
        value = exchange.value(source)
        if value is not None:
            places[place.removeprefix("multivalue")][key] = value
    for place, values in override.items() if isinstance(override, dict) else ():
        if place in places and isinstance(values, dict):
            places[place].update(values)
    headers = {
        name: header_text(value)
        for name, value in places["header"].items()
        if name.lower() not in DROPPED_FROM_INTEGRATION_REQUEST
    }
    if rejected := unmappable(headers):
        raise Refusal("API_CONFIGURATION_ERROR", reason=f"The header {rejected} cannot be mapped")
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = exchange.request.headers.get("content-type", "application/json")
    return headers, places["querystring"], places["path"]
