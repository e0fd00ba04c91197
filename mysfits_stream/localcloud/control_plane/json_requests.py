"""JSON requests as read by the services: null is absent, required members are present."""

from __future__ import annotations

import json
from dataclasses import replace

from mysfits_stream.localcloud.control_plane import constraints
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.members import service_model, unreadable, without_nulls
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.localcloud.http.refusals import refused

CODES = {"codecommit": "ValidationException", "logs": "InvalidParameterException"}
"""Service -> code of the error for an absent member; the other overrides check all constraints themselves."""


def read(call: Call, request: Request) -> Request | Response:
    """The request without nulls, or the service's response to an unreadable request."""
    if why := unreadable(call, request):
        return refused(call, 400, "SerializationException", why)
    if not call.json or call.service not in CODES:
        return request
    document = without_nulls(request.json())
    shape = service_model(call.service).operation_model(call.operation).input_shape
    if why := constraints.summary(list(constraints.missing_members(shape, document))):
        return refused(call, 400, CODES[call.service], why)
    return replace(request, body=json.dumps(document).encode())
