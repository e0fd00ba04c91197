"""Routes: the parts of the local cloud that answer requests, and their callers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from mysfits_stream.localcloud.http.messages import Request, Response, json_response

MEGABYTE = 1024 * 1024
LARGEST_BODY = 100 * MEGABYTE
"""A function's zip of 50 MB takes 67 MB in CreateFunction; longer objects need a multipart upload."""
USUAL_PATH = 256
"""Characters; the routes for shorter paths are remembered."""

# What makes a request signed, or a request to another service than S3, for the control plane and for moto.
SIGNED_HEADERS = {"authorization", "x-amz-target"}
SIGNED_QUERY = ("X-Amz-", "Signature=", "AWSAccessKeyId")
OTHER_SERVICES = ("/.well-known/jwks.json", "/.well-known/openid-configuration")
BUCKET_HOST = re.compile(r"[a-z0-9][a-z0-9.-]+\.localhost\.?(:\d+)?")
BUCKET_PATH = re.compile(r"/[a-z0-9][a-z0-9.-]{2,62}(/.*)?", re.DOTALL)


def any_request(request: Request) -> bool:
    """Every request."""
    return True


def is_posted_form(request: Request) -> bool:
    """A call of the query protocol (IAM, STS, CloudFormation, CloudWatch)."""
    return request.method == "POST" and request.is_form


def is_unsigned_read(request: Request) -> bool:
    """A read of an object or a bucket without any signature.

    S3 then evaluates the bucket policy.
    """
    named = BUCKET_HOST.fullmatch(request.headers.get("host", "")) or BUCKET_PATH.fullmatch(
        request.decoded_path
    )
    return bool(
        named
        and request.method in ("GET", "HEAD")
        and not SIGNED_HEADERS & request.headers.keys()
        and not any(name in request.query for name in SIGNED_QUERY)
        and not request.decoded_path.endswith(OTHER_SERVICES)
    )


@dataclass(frozen=True)
class Route:
    """Requests of one kind, and the function that answers. A route is closed by default.

    ``path`` is a regular expression for the whole decoded path, ``matches`` a condition on the rest of the
    request, without the body. ``answer`` gets the request, and the named groups of ``path`` as keyword
    arguments. ``methods`` are the served methods, empty for all.

    Pages of other origins reach routes that are ``open_to_other_origins``. Other users of the machine reach
    routes without ``needs_access_key``. Bodies over ``max_body`` bytes get 413; routes with
    ``rejects_large_bodies`` get the first ``max_body`` + 1 bytes instead and answer in their own words.
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

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled ``path``."""
        return re.compile(self.path, re.DOTALL)


@dataclass
class RoutedRequest:
    """A request and the route that answers."""

    request: Request
    route: Route
    arguments: dict[str, Any]

    def answer(self) -> Response:
        """The response of the route; 405 for methods outside of ``methods``."""
        methods = self.route.methods
        if methods and self.request.method not in methods:
            message = f"{self.route.name}: the method must be {' or '.join(methods)}"
            return json_response(405, {"message": message}, {"Allow": ", ".join(methods)})
        return self.route.answer(self.request, **self.arguments)


class RouteTable:
    """Routes in order; the last route matches every request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        self._known = lru_cache(maxsize=256)(self._matching)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def find(self, request: Request) -> RoutedRequest:
        """The first route that matches a request."""
        path = request.decoded_path
        # Clicks have few paths, and long paths would fill the memory.
        for route, arguments in self._known(path) if len(path) <= USUAL_PATH else self._matching(path):
            if route.matches(request):
                return RoutedRequest(request, route, arguments)
        raise LookupError(f"no route for {request.method} {request.path}")

    def _matching(self, path: str) -> list[tuple[Route, dict[str, Any]]]:
        """The routes for a path, with the named groups of the path."""
        matches = ((route, route.pattern.fullmatch(path)) for route in self._routes)
        return [(route, found.groupdict()) for route, found in matches if found]
