"""Routes: which part of the local cloud answers a request, and which callers may send the request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from mysfits_stream.localcloud.http.messages import Request, Response, json_response

MEGABYTE = 1024 * 1024
LARGEST_BODY = 100 * MEGABYTE
"""A function's zip of 50 MB takes 67 MB in CreateFunction; longer objects need a multipart upload."""


def any_request(request: Request) -> bool:
    """Every request."""
    return True


@dataclass(frozen=True)
class Route:
    """Requests of one kind, and the function that answers them. Closed to everybody unless it says so.

    ``path`` is a regular expression for the whole decoded path, ``matches`` looks at the rest of the request,
    without its body. ``answer`` gets the request, and the named groups of ``path`` as keyword arguments.
    ``methods`` are the methods that the route serves, empty for all.

    Pages of other origins reach routes that are ``open_to_other_origins``. Other users of the machine reach
    routes without ``needs_access_key``. Bodies over ``max_body`` bytes get 413; a route that
    ``rejects_large_bodies`` itself gets the first ``max_body`` + 1 bytes instead.
    """

    name: str
    path: str
    answer: Callable[..., Response]
    matches: Callable[[Request], bool] = any_request
    methods: tuple[str, ...] = ()
    open_to_other_origins: bool = False
    needs_access_key: bool = True
    max_body: int = LARGEST_BODY
    rejects_large_bodies: bool = False


@dataclass(frozen=True)
class RoutedRequest:
    """A request with the one route that answers the request."""

    request: Request
    route: Route
    arguments: dict[str, Any]

    def with_body(self, body: bytes) -> RoutedRequest:
        """The same, once the body has been read."""
        return replace(self, request=replace(self.request, body=body))

    def answer(self) -> Response:
        """The response of the route; 405 for a method that the route does not serve."""
        methods = self.route.methods
        if methods and self.request.method not in methods:
            message = f"{self.route.name}: the method must be {' or '.join(methods)}"
            return json_response(405, {"message": message}, {"Allow": ", ".join(methods)})
        return self.route.answer(self.request, **self.arguments)


def find_route(routes: Iterable[Route], request: Request) -> RoutedRequest:
    """The first route that matches; the last route of a table matches every request."""
    path = request.decoded_path
    for route in routes:
        if (found := re.fullmatch(route.path, path, re.DOTALL)) and route.matches(request):
            return RoutedRequest(request, route, found.groupdict())
    raise LookupError(f"no route for {request.method} {request.path}")
