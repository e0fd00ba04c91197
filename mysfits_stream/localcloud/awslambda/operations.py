"""Invoke of Lambda, as AWS clients call the operation."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Protocol

from mysfits_stream.localcloud.awslambda.function import Function, Invocation, LambdaError
from mysfits_stream.localcloud.http.messages import Request, Response, read_json

MAX_PAYLOAD = 6291456  # bytes of a synchronous invocation (F65)
MAX_EVENT = 1048576  # bytes of an asynchronous invocation

INVOCATION_PATH = r"/2015-03-31/functions/(?P<function>[^/]+)/invocations/?"
FUNCTION = re.compile(
    r"(?:(?:arn:[^:]+:lambda:[^:]+:)?\d{12}:function:)?(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?"
)


ENUMERATIONS = {
    "x-amz-invocation-type": ("invocationType", ("Event", "RequestResponse", "DryRun")),
    "x-amz-log-type": ("logType", ("None", "Tail")),
}
NOT_SIMULATED = {
    "x-amz-durable-execution-name": "DurableExecutionName",
    "x-amz-tenant-id": "TenantId",
}


class InvocationServices(Protocol):
    """The functions of the account, for invocations."""

    def function(self, arn: str) -> Function:
        """The function of an ARN, with or without a qualifier. Raises LambdaError."""

    def function_arn(self, region: str, name: str) -> str:
        """The ARN of a function without a qualifier."""

    def invoke(self, function_arn: str, payload: bytes, client_context: str | None = None) -> Invocation:
        """Invoke a function and wait for the result. Raises LambdaError."""

    def invoke_asynchronously(self, function_arn: str, payload: bytes) -> None:
        """Invoke a function without a reader of the result; retries as Lambda does."""


def invoke(
    services: InvocationServices,
    request: Request,
    function: str,
    submit: Callable[[Callable[[], None]], object],
) -> Response:
    """Invoke a function, with all three invocation types.

    ``submit`` runs an asynchronous invocation.
    """
    try:
        _check_headers(request.headers)
        arn = _function_arn(services, request, function)
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        _check_payload(request.body, MAX_EVENT if kind == "Event" else MAX_PAYLOAD)
        if kind == "DryRun":
            services.function(arn)
            return Response(204, {"x-amzn-RequestId": str(uuid.uuid4())})
        context = _client_context(request.headers.get("x-amz-client-context", ""))
        if kind == "Event":
            services.function(arn)
            submit(lambda: services.invoke_asynchronously(arn, request.body or b"{}"))
            return Response(202, {"x-amzn-RequestId": str(uuid.uuid4())})
        invocation = services.invoke(arn, request.body or b"{}", context)
    except LambdaError as error:
        document = {"Type": "User", "Message": str(error)}
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
        return Response(error.status, headers, json.dumps(document).encode())
    headers = {
        "Content-Type": "application/json",
        "X-Amz-Executed-Version": invocation.version,
        "x-amzn-RequestId": invocation.request_id,
    }
    if invocation.error:
        headers["X-Amz-Function-Error"] = invocation.error
    if request.headers.get("x-amz-log-type") == "Tail":
        headers["X-Amz-Log-Result"] = base64.b64encode(invocation.log_tail).decode()
    return Response(200, headers, invocation.payload)


def _check_headers(given: Mapping[str, str]) -> None:
    """Reject values outside of an enumeration, and members of Invoke without an effect here."""
    for header, (member, values) in ENUMERATIONS.items():
        if (value := given.get(header)) and value not in values:
            raise LambdaError(
                "ValidationException",
                f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
                f"Member must satisfy enum value set: [{', '.join(values)}]",
                400,
            )
    for header, member in NOT_SIMULATED.items():
        if given.get(header):
            raise LambdaError(
                "NotSimulated", f"lambda:Invoke: {member} is not simulated by the local cloud", 400
            )


def _client_context(encoded: str) -> str | None:
    """The JSON document of a client context, which clients send in Base64."""
    if not encoded:
        return None
    try:
        document = base64.b64decode(encoded, validate=True).decode()
        if not isinstance(read_json(document), dict):
            raise ValueError
    except ValueError as error:
        raise LambdaError(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
            400,
        ) from error
    return document


def _function_arn(services: InvocationServices, request: Request, function: str) -> str:
    found = FUNCTION.fullmatch(function)
    if found is None:
        raise LambdaError(
            "ValidationException", "1 validation error detected: the function's name is not valid", 400
        )
    qualifier = request.parameters.get("Qualifier") or found["qualifier"]
    arn = services.function_arn(request.region, found["name"])
    return f"{arn}:{qualifier}" if qualifier else arn


def _check_payload(payload: bytes, limit: int) -> None:
    if len(payload) > limit:
        raise LambdaError(
            "RequestEntityTooLargeException",
            f"{len(payload)} byte payload is too large for the RequestResponse invocation type "
            f"(limit {limit} bytes)",
            413,
        )
    try:
        read_json(payload or b"{}")
    except ValueError as error:
        raise LambdaError(
            "InvalidRequestContentException", f"Could not parse request body into json: {error}", 400
        ) from error
