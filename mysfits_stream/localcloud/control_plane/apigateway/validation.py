"""Constraints of API Gateway's service model, checked before any resource is looked up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mysfits_stream.localcloud.control_plane import constraints
from mysfits_stream.localcloud.control_plane.apigateway.errors import ApiError
from mysfits_stream.localcloud.http.calls import identify
from mysfits_stream.localcloud.http.messages import Request
from mysfits_stream.localcloud.service_models import service_model


def check(request: Request) -> None:
    """Raises a ValidationException for members that violate the model of the operation."""
    call = identify(request)
    shape = call and service_model("apigateway").operation_model(call.operation).input_shape
    if not call or not shape:
        return
    body = f"{call.operation[:1].lower()}{call.operation[1:]}Input"
    given = {**request.parameters, **call.parameters}
    if message := constraints.summary(list(_violations(shape, given, body))):
        raise ApiError("ValidationException", message)


def _violations(shape: Any, parameters: Any, body: str) -> Iterator[str]:
    """Violations of members of path, query string and body.

    The operations check required members.
    """
    for name, member in shape.members.items():
        location = member.serialization.get("name", name)
        in_body = "location" not in member.serialization
        value = parameters.get(location)
        if value not in (None, ""):
            path = f"{body}.{location}" if in_body else name
            yield from constraints.violations(member, value, path, required=False)
