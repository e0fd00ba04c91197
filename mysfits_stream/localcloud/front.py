"""The WSGI application of the local cloud: route, caller, body and answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from mysfits_stream.localcloud.http import host_guard
from mysfits_stream.localcloud.http.body import BodyError, BodyReader
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.host_guard import AllowedCallers, Denial
from mysfits_stream.localcloud.http.messages import (
    Environ,
    Request,
    Response,
    StartResponse,
    json_response,
    read_head,
    send_response,
)
from mysfits_stream.localcloud.http.refusals import Cut, refused
from mysfits_stream.localcloud.http.routes import Route, RoutedRequest, RouteTable

log = logging.getLogger(__name__)

CLOSE = {"Connection": "close"}


class Front:
    """A WSGI application for ``routes``.

    ``allowed`` returns the current callers of closed routes. ``handle`` answers a request that may pass, with
    the complete body.
    """

    def __init__(
        self,
        routes: RouteTable,
        allowed: Callable[[], AllowedCallers],
        handle: Callable[[RoutedRequest], Response],
    ) -> None:
        self._routes = routes
        self._allowed = allowed
        self._handle = handle

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; raises Cut where the connection is to end."""
        request, body = read_head(environ), BodyReader(environ)
        try:
            response = self._answer(self._routes.find(request), body)
        except Cut:
            # The listener closes the connection.
            raise
        except BodyError as error:
            response = json_response(400, {"message": str(error)}, CLOSE)
        except Exception:  # a fault in a request must not end the worker
            log.exception("%s %s", request.method, request.path)
            response = json_response(500, {"message": "internal error of the local cloud; see its log"})
        if not body.finished and not body.discard():
            response = replace(response, headers={**response.headers, **CLOSE})
        return send_response(response, request, start_response)

    def _answer(self, routed: RoutedRequest, reader: BodyReader) -> Response:
        """Check the caller before reading the body, and the length while reading the body."""
        route = routed.route
        if denial := host_guard.denial(routed.request, route, self._allowed()):
            return _denied(routed.request, denial)
        if reader.announced > route.max_body and not route.rejects_large_bodies:
            return _too_large(route)
        body = reader.read(route.max_body)
        if not body.complete and not route.rejects_large_bodies:
            return _too_large(route)
        routed.request.body = body.data
        return self._handle(routed)


def _too_large(route: Route) -> Response:
    return json_response(413, {"message": f"{route.name}: a body may have at most {route.max_body} bytes"})


def _denied(request: Request, denial: Denial) -> Response:
    if denial.wrong_key and request.service:
        call = Call(request.service, request.operation, request.region)
        return refused(call, 403, "InvalidClientTokenId", denial.message)
    return json_response(403, {"message": denial.message})
