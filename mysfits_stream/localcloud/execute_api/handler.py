"""The data plane of deployed REST APIs: from a request to AWS's response.

The steps have the names of API Gateway's guide: method request (route, authorization, throttling,
validation), integration request, integration, integration response, method response. A step returns a result
or raises a :class:`Refusal`, which becomes a gateway response. Integrations are called through an injected
function.
"""

from __future__ import annotations

import json
from functools import lru_cache

from mysfits_stream.localcloud.execute_api import headers
from mysfits_stream.localcloud.execute_api.context import (
    Log,
    RequestContext,
    header_text,
    logged,
    media_type,
    sendable,
)
from mysfits_stream.localcloud.execute_api.deployed import (
    CompileError,
    DeployedApi,
    Integration,
    IntegrationResponse,
    Method,
    compile,
    on_stage,
)
from mysfits_stream.localcloud.execute_api.gateway_responses import Refusal
from mysfits_stream.localcloud.execute_api.integration_request import (
    Answer,
    CallService,
    CannotAssumeRole,
    NotPermitted,
    integrate,
)
from mysfits_stream.localcloud.execute_api.lambda_proxy import proxy_response
from mysfits_stream.localcloud.execute_api.payload_encodings import (
    TO_BINARY,
    converted_response,
    decoded,
    is_binary,
    response_text,
)
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.localcloud.velocity.template import Template
from mysfits_stream.localcloud.velocity.values import MappingError

__all__ = [
    "Answer",
    "CallService",
    "CannotAssumeRole",
    "CompileError",
    "DeployedApi",
    "NotPermitted",
    "compile",
    "handle",
    "invoke_method",
    "on_stage",
]

PAYLOAD_LIMIT = 10 * 1024 * 1024  # F62
# What stands before API Gateway refuses a longer body, so no gateway response can change this answer (F104).
TOO_LONG = Response(
    413, {"Content-Type": "text; charset=utf-8"}, b"HTTP content length exceeded %d bytes." % PAYLOAD_LIMIT
)


def handle(
    deployed: DeployedApi,
    request: Request,
    call_service: CallService,
    now: float,
    log: Log | None = None,
    *,
    steady: float | None = None,
) -> Response:
    """Serve a request to a deployed API.

    ``request.path`` is the path below the stage, ``now`` AWS's time in seconds since the epoch, ``steady`` a
    monotonic time for throttling (``now`` if not given). ``log`` receives the lines of the execution log.
    ``call_service`` calls an AWS service with an integration's role; ``call_service`` raises
    CannotAssumeRole, and TimeoutError without an answer in time.
    """
    if len(request.body) > PAYLOAD_LIMIT:
        return TOO_LONG
    exchange = RequestContext(deployed, request, now, log)
    try:
        route = deployed.find(request.method, request.path)
        if route is None:
            raise Refusal("MISSING_AUTHENTICATION_TOKEN")
        exchange.found(*route)
        exchange.headers.update(headers.forwarded(request, now))
        _authorize(exchange, route[0])
        _throttle(exchange, route[0], now if steady is None else steady)
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
    """TestInvokeMethod: a method without stage, authorization and throttling."""
    exchange = RequestContext(deployed, request, now, log)
    exchange.found(method, parameters)
    try:
        return _execute(exchange, method, call_service)
    except Refusal as refusal:
        return _gateway_response(exchange, refusal)


def _authorize(exchange: RequestContext, method: Method) -> None:
    given = exchange.request.headers
    if method.authorization == "AWS_IAM" and "authorization" not in given:
        raise Refusal("MISSING_AUTHENTICATION_TOKEN")
    if method.authorization in ("CUSTOM", "COGNITO_USER_POOLS"):
        if "authorization" not in given:
            raise Refusal("UNAUTHORIZED")
        raise Refusal("AUTHORIZER_CONFIGURATION_ERROR", reason="The local cloud runs no authorizers")
    _check_resource_policy(exchange, method)
    if method.api_key_required:
        # The local cloud has no API keys, so no key is valid.
        raise Refusal("INVALID_API_KEY")


def _check_resource_policy(exchange: RequestContext, method: Method) -> None:
    policy, request = exchange.deployed.policy, exchange.request
    if policy is None:
        return
    context = {
        "aws:SourceIp": request.environ.get("REMOTE_ADDR", "127.0.0.1"),
        "aws:SecureTransport": "true",
        "aws:EpochTime": str(int(exchange.now)),
        "aws:CurrentTime": str(int(exchange.now)),
    }
    for key, header in (("aws:UserAgent", "user-agent"), ("aws:Referer", "referer")):
        if header in request.headers:
            context[key] = request.headers[header]
    denial = policy.denial(
        exchange.deployed.stage.name,
        request.method,
        request.path,
        context,
        signed=method.authorization == "AWS_IAM",
    )
    if denial:
        raise Refusal("ACCESS_DENIED", denial)


def _throttle(exchange: RequestContext, method: Method, steady: float) -> None:
    bucket = exchange.deployed.stage.buckets.get((method.resource_path, method.http_method))
    if bucket is not None and not bucket.take(steady):
        raise Refusal("THROTTLED")


def _execute(exchange: RequestContext, method: Method, call_service: CallService) -> Response:
    if exchange.log is not None:
        request, parameters = exchange.request, exchange.parameters()
        exchange.note("Starting execution for request: %s", exchange.request_id)
        exchange.note("HTTP Method: %s, Resource Path: %s", request.method, request.path)
        exchange.note("Method request path: %s", logged(exchange.path_parameters))
        exchange.note("Method request query string: %s", logged(parameters["querystring"]))
        exchange.note("Method request headers: %s", logged(parameters["header"]))
        exchange.note("Method request body before transformations: %s", exchange.body)
    method.validation.check_parameters(exchange.parameter)
    method.validation.check_body(exchange.media_type, exchange.input().read)
    integration = method.integration
    if integration is None:
        raise Refusal("API_CONFIGURATION_ERROR", reason="No integration defined for method")
    try:
        status = integrate(exchange, integration, call_service)
        if integration.type == "AWS_PROXY":
            return _finished(exchange, integration, proxy_response(exchange))
        return _method_response(exchange, method, integration, status)
    except MappingError as error:
        raise Refusal("API_CONFIGURATION_ERROR", reason=f"Unable to transform: {error}") from error
    except RecursionError as error:
        raise Refusal("API_CONFIGURATION_ERROR", reason="The body is nested too deeply") from error


def _method_response(
    exchange: RequestContext, method: Method, integration: Integration, status: int
) -> Response:
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
    kind, template = _without_bucket(response, exchange.request.headers.get("accept", ""))
    payload = _payload(exchange, response, template)
    mapped = {"Content-Type": kind, **response.literals}
    for name, source in response.parameters:
        value = exchange.value(source)
        if value is not None:
            mapped[name] = header_text(value)
    status, overridden = _overrides(exchange)
    mapped.update(overridden)
    return _finished(exchange, integration, Response(status or response.status, mapped, payload))


def _payload(exchange: RequestContext, response: IntegrationResponse, template: Template | None) -> bytes:
    """The body of the method response, rendered by a template or converted."""
    plain = response.content_handling is None and not response.parameters
    if template is not None and template.text is not None and plain:
        return template.text.encode("utf-8", "replace")
    returned = next((v for k, v in exchange.integration_headers.items() if k.lower() == "content-type"), "")
    binary = is_binary(media_type(returned), exchange.deployed.binary_media_types)
    body, handling = exchange.integration_bytes, response.content_handling
    if template is None:
        accepts = exchange.accepts_binary
        return converted_response(body, binary=binary, handling=handling, accepts_binary=accepts)
    exchange.integration_body = response_text(body, binary=binary, handling=handling)
    rendered = template.render(exchange.variables(exchange.response_input()))
    to_binary = not binary and handling == TO_BINARY
    return decoded(rendered) if to_binary else rendered.encode("utf-8", "replace")


def _overrides(exchange: RequestContext) -> tuple[int, dict[str, str]]:
    """``$context.responseOverride`` of a template: the status, or 0, and headers."""
    override = exchange.context.get("responseOverride")
    if not isinstance(override, dict):
        return 0, {}
    given = override.get("header")
    named = given.items() if isinstance(given, dict) else ()
    try:
        return int(override.get("status") or 0), {name: header_text(value) for name, value in named}
    except (TypeError, ValueError) as error:
        raise MappingError(f"responseOverride.status is no number: {error}") from error


def _finished(exchange: RequestContext, integration: Integration, response: Response) -> Response:
    """The method response with the headers of every answer."""
    if exchange.log is not None:
        body = response.body.decode("utf-8", "replace")
        exchange.note("Method response body after transformations: %s", body)
        exchange.note("Method response headers: %s", logged(response.headers))
        exchange.note("Successfully completed execution")
        exchange.note("Method completed with status: %s", response.status)
    own = {"x-amzn-RequestId": exchange.request_id, "x-amz-apigw-id": exchange.extended_id}
    if integration.type != "MOCK":
        own["X-Amzn-Trace-Id"] = headers.trace_header(
            exchange.headers.get(headers.TRACE_ID, ""), exchange.context["requestTimeEpoch"] / 1000
        )
    return Response(response.status, {**_sent(tuple(response.headers.items())), **own}, response.body)


@lru_cache(maxsize=256)
def _sent(mapped: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The headers of a method response as HTTP sends the headers."""
    return sendable(headers.of_response(dict(mapped)))


def _outcome(exchange: RequestContext, integration: Integration, status: int) -> str | None:
    """The text for selection patterns: the status, or the error message of a Lambda function."""
    if ":lambda:path/" not in integration.uri:
        return str(status)
    if not any(name.lower() == "x-amz-function-error" for name in exchange.integration_headers):
        return None
    try:
        return str(json.loads(exchange.integration_body).get("errorMessage"))
    except (ValueError, AttributeError):
        return exchange.integration_body


def _without_bucket(response: IntegrationResponse, accept: str) -> tuple[str, Template | None]:
    """The response template for the Accept header, else the first template (F98)."""
    if not response.templates:
        return "application/json", None
    for wanted in accept.lower().split(","):
        template = response.templates.get(media_type(wanted)) if wanted.strip() else None
        if template is not None:
            return media_type(wanted), template
    return next(iter(response.templates.items()))


def _gateway_response(exchange: RequestContext, refusal: Refusal) -> Response:
    exchange.context["error"] = refusal.error()
    if refusal.reason:
        kind = "configuration error" if refusal.kind == "API_CONFIGURATION_ERROR" else "error"
        exchange.note("Execution failed due to %s: %s", kind, refusal.reason)
    elif exchange.log is not None:
        exchange.note("Execution failed: %s", refusal.text)
    answer = exchange.deployed.gateway_responses[refusal.kind]
    status, sent, body = answer.answer(exchange.request.headers.get("accept", ""), exchange.value)
    status = refusal.status or status
    exchange.note("Method completed with status: %s", status)
    own = {
        "x-amzn-RequestId": exchange.request_id,
        "x-amzn-ErrorType": refusal.error_type,
        "x-amz-apigw-id": exchange.extended_id,
    }
    return Response(status, {**sendable(sent), **own}, body.encode("utf-8", "replace"))
