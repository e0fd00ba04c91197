"""Routes: which part of the local cloud answers a request, and which callers may send the request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mysfits_stream.localcloud.http.messages import Request, Response, json_response


@dataclass(frozen=True)
class Route:
    """Requests of one kind, and the function that answers them.

    ``path`` is a regular expression for the whole decoded path. ``answer`` gets the request, and the named
    groups of ``path`` as keyword arguments. ``target`` is a regular expression for the whole X-Amz-Target
    header. ``methods`` are the methods that the route serves, empty for all.
    """

    name: str
    path: str
    answer: Callable[..., Response]
    open_to_other_origins: bool = False
    methods: tuple[str, ...] = ()
    target: str = ""

    def match(self, request: Request) -> re.Match[str] | None:
        """The match of the decoded path; None when the request belongs to another route."""
        if self.target and not re.fullmatch(self.target, request.headers.get("x-amz-target", "")):
            return None
        return re.fullmatch(self.path, request.decoded_path, re.DOTALL)


@dataclass(frozen=True)
class RoutedRequest:
    """A request with the one route that answers the request."""

    request: Request
    route: Route
    arguments: dict[str, str]

    def answer(self) -> Response:
        """The response of the route; 405 for a method that the route does not serve."""
        methods = self.route.methods
        if methods and self.request.method not in methods:
            message = f"{self.route.name}: the method must be {' or '.join(methods)}"
            return json_response(405, {"message": message}, {"Allow": ", ".join(methods)})
        return self.route.answer(self.request, **self.arguments)


def find_route(routes: Iterable[Route], request: Request) -> RoutedRequest:
    """The first route that matches; the last route of a table matches every request."""
    for route in routes:
        if found := route.match(request):
            return RoutedRequest(request, route, found.groupdict())
    raise LookupError(f"no route for {request.method} {request.path}")
