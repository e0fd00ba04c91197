"""Bodies of requests to Lambda's control plane, and errors of several operations."""

from __future__ import annotations

import json
from typing import Any

from mysfits_stream.localcloud.awslambda.function import LambdaError
from mysfits_stream.localcloud.control_plane.constraints import violation
from mysfits_stream.localcloud.http.messages import Request


def parsed(request: Request, operation: str, **in_path: str) -> dict[str, Any]:
    """The body of a request, validated with the parameters ``in_path``. Raises LambdaError."""
    try:
        given: dict[str, Any] = request.json() if request.body else {}
    except json.JSONDecodeError as error:
        raise LambdaError(
            "InvalidRequestContentException", "Could not parse request body into json", 400
        ) from error
    if message := violation("lambda", operation, {**given, **in_path}):
        raise LambdaError("ValidationException", message, 400)
    return given


def invalid(message: str) -> LambdaError:
    """The error for a parameter that Lambda rejects."""
    return LambdaError("InvalidParameterValueException", message, 400)


def not_found(arn: str) -> LambdaError:
    """The error for a function or a version that does not exist."""
    return LambdaError("ResourceNotFoundException", f"Function not found: {arn}", 404)
