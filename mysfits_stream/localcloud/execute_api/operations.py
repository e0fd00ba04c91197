"""Requests to deployed APIs, at the invoke URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import quote, unquote

from mysfits_stream.localcloud.execute_api import handler
from mysfits_stream.localcloud.execute_api.deployed import DeployedApi
from mysfits_stream.localcloud.execute_api.handler import CallService
from mysfits_stream.localcloud.http.messages import Request, Response, json_response

INVOKE_PATH = r"/restapis/(?P<api_id>[^/]+)/(?P<stage>[^/]+)/_user_request_(?P<path>/.*|)"
MAX_BODY = handler.PAYLOAD_LIMIT


class Deployments(Protocol):
    """The deployments of stages."""

    def deployed(self, api_id: str, stage: str) -> DeployedApi | None:
        """The deployment of a stage; None for a stage without a deployment."""

    def is_late(self, api_id: str, stage: str) -> bool:
        """Whether a stage exists and does not answer yet."""


def invoke(
    request: Request,
    api_id: str,
    stage: str,
    path: str,
    *,
    deployments: Deployments,
    calls_in: Callable[[str], CallService],
    now: float,
    steady: float,
    measure: Callable[[DeployedApi, int], None] = lambda _deployed, _status: None,
) -> Response:
    """Answer a request to ``path`` of a stage.

    ``calls_in`` returns the service calls of a region. ``measure`` gets the API and the status of each answer
    of a deployed stage.
    """
    deployed = deployments.deployed(api_id, stage)
    if deployed is None and deployments.is_late(api_id, stage):
        return _forbidden("Missing Authentication Token", "MissingAuthenticationTokenException")
    if deployed is None:
        return _forbidden("Forbidden", "ForbiddenException")
    tail = _encoded_tail(request, path) or "/"
    # Not by dataclasses.replace: every click comes this way.
    inner = Request(request.method, tail, request.query, request.headers, request.body, request.environ)
    response = handler.handle(deployed, inner, calls_in(deployed.region), now, steady=steady)
    measure(deployed, response.status)
    return response


def _encoded_tail(request: Request, decoded: str) -> str:
    """The path below ``_user_request_``, percent-encoded as the client sent the path."""
    *prefix, tail = request.path.split("/", 5)
    if len(prefix) == 5 and unquote(prefix[4]) == "_user_request_":
        return f"/{tail}"
    return quote(decoded)


def _forbidden(message: str, code: str) -> Response:
    return json_response(403, {"message": message}, {"x-amzn-ErrorType": code})
