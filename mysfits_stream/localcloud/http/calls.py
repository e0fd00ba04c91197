"""The service and the operation of a request, by botocore's models: a pure function."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qs, unquote

from mysfits_stream.localcloud.http.messages import Request
from mysfits_stream.localcloud.service_models import description

# The member that names what a call is about, wherever a request has it: in the path, in the form or in JSON.
NAMES = (
    "RoleName",
    "FunctionName",
    "DeliveryStreamName",
    "logGroupName",
    "WorkGroup",
    "DatabaseName",
    "restapi_id",
    "restApiId",
    "Bucket",
    "TableName",
    "name",
)
BY_PATH = ("apigateway", "lambda", "s3")


@dataclass(frozen=True)
class Call:
    """A call of an AWS client; ``resource`` is the physical name of its resource, or empty."""

    service: str
    operation: str
    region: str
    resource: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    json: bool = field(default=False, compare=False)
    """Whether the client chose a JSON protocol, which some services have beside the query protocol."""


@dataclass(frozen=True)
class Route:
    """An operation in a REST protocol, identified by method and path."""

    operation: str
    method: str
    path: str
    """A regular expression for the whole path."""
    query: Mapping[str, str]
    required: tuple[str, ...]
    """Query parameters that every call of the operation has, such as ``uploadId``."""
    deprecated: bool
    weight: int

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled ``path``; most operations of a service are never called."""
        return re.compile(self.path, re.DOTALL)

    def takes(self, request: Request, query: Mapping[str, str]) -> bool:
        """Whether a request for the path has the parameters of the operation."""
        # Only a header tells a copy from an upload.
        copies = self.method == "PUT" and "x-amz-copy-source" in request.headers
        return (
            ("Copy" in self.operation) == copies
            and all(query.get(key) == value for key, value in self.query.items())
            and all(key in query for key in self.required)
        )


def identify(request: Request) -> Call | None:
    """The call of a signed request; None for an unsigned request or an unknown operation."""
    return identify_as(request.service, request) if request.service else None


def identify_as(service: str, request: Request) -> Call | None:
    """The call of a request to a service, signed or not; None for an unknown operation."""
    if operation := request.operation:
        is_json = "x-amz-target" in request.headers
        given = _document(request.body) if is_json else _form(request)
        return Call(service, operation, request.region, _named(given), given, is_json)
    if service not in BY_PATH:
        return None
    path = _below_bucket(request) if service == "s3" else request.path
    query = request.parameters
    for route in _routes(service):
        if route.method != request.method:
            continue
        if (match := route.pattern.fullmatch(path)) and route.takes(request, query):
            labels = {key: unquote(value) for key, value in match.groupdict().items()}
            # Lambda's versions and aliases are named in the query.
            named = query if service == "lambda" else {}
            given = {**({} if service == "s3" else _document(request.body)), **named, **labels}
            return Call(service, route.operation, request.region, _named(given), given)
    return None


def _below_bucket(request: Request) -> str:
    """The path with the bucket, also for a request with the bucket in its host."""
    host = re.fullmatch(r"(?P<bucket>.+)\.localhost(:\d+)?", request.headers.get("host", ""))
    return f"/{host['bucket']}{request.path}" if host else request.path


def _form(request: Request) -> dict[str, Any]:
    return {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _named(given: Mapping[str, Any]) -> str:
    name = next((str(given[key]) for key in NAMES if given.get(key)), "")
    # A function may be named by its ARN.
    return name.rsplit(":", 1)[-1] if name.startswith("arn:") else name


@cache
def _routes(service: str) -> tuple[Route, ...]:
    """The operations of a service, the most specific first."""
    # The document itself: botocore's objects for hundreds of shapes would take most of the time.
    document = description(service)
    shapes = document["shapes"]
    routes = [
        _route(name, operation, shapes[operation["input"]["shape"]] if "input" in operation else {})
        for name, operation in document["operations"].items()
    ]
    return tuple(sorted(routes, key=lambda route: (-route.weight, route.deprecated, route.operation)))


def _route(name: str, operation: Mapping[str, Any], shape: Mapping[str, Any]) -> Route:
    http = operation["http"]
    path, _, query = http["requestUri"].partition("?")
    members = {key: shape["members"][key] for key in shape.get("required", ())}
    required = tuple(
        member.get("locationName", key)
        for key, member in members.items()
        if member.get("location") == "querystring"
    )
    wanted = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
    pattern = "".join(
        _label(piece) if piece.startswith("{") else re.escape(piece)
        for piece in re.split(r"(\{[^}]+\})", path.rstrip("/"))
    )
    literal = len(re.sub(r"\{[^}]+\}", "", path))
    weight = 1000 * (len(wanted) + len(required)) + literal
    deprecated = bool(operation.get("deprecated"))
    return Route(name, http["method"], f"{pattern}/?", wanted, required, deprecated, weight)


def _label(piece: str) -> str:
    name = re.sub(r"\W", "", piece)
    return f"(?P<{name}>.+)" if piece.endswith("+}") else f"(?P<{name}>[^/]+)"
