"""Which operation of which service a request is, as botocore's models tell: a pure function of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.session import Session

from mysfits_stream.localcloud.http.messages import Request

# The member that names what a call is about, wherever a request has it: in the path, in the form or in JSON.
NAMES = (
    "RoleName",
    "FunctionName",
    "DeliveryStreamName",
    "logGroupName",
    "restapi_id",
    "restApiId",
    "Bucket",
    "TableName",
    "name",
)
BY_PATH = ("apigateway", "lambda", "s3")


@dataclass(frozen=True)
class Call:
    """One call of an AWS client; ``resource`` is the physical name of what it is about, or empty."""

    service: str
    operation: str
    region: str
    resource: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Route:
    """An operation of a service that is spoken to by method and path."""

    operation: str
    method: str
    path: re.Pattern[str]
    query: Mapping[str, str]
    weight: int


def identify(request: Request) -> Call | None:
    """The call that a signed request makes; None for what is not one, or not of a known operation."""
    service = request.service
    if not service:
        return None
    if operation := request.operation:
        given = _form(request) if "x-amz-target" not in request.headers else _document(request.body)
        return Call(service, operation, request.region, _named(given), given)
    if service not in BY_PATH:
        return None
    path = _below_bucket(request) if service == "s3" else request.path
    query = request.parameters
    for route in _routes(service):
        # Only a header tells a copy from an upload.
        if route.method != request.method or ("Copy" in route.operation) > (
            "x-amz-copy-source" in request.headers
        ):
            continue
        if (match := route.path.fullmatch(path)) and all(
            query.get(key) == value for key, value in route.query.items()
        ):
            labels = {key: unquote(value) for key, value in match.groupdict().items()}
            given = {**({} if service == "s3" else _document(request.body)), **labels}
            return Call(service, route.operation, request.region, _named(given), given)
    return None


def _below_bucket(request: Request) -> str:
    """The path with the bucket in it, where the client put the bucket into the host."""
    host = re.fullmatch(r"(?P<bucket>.+)\.localhost(:\d+)?", request.headers.get("host", ""))
    return f"/{host['bucket']}{request.path}" if host else request.path


def _form(request: Request) -> dict[str, Any]:
    return {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _named(given: Mapping[str, Any]) -> str:
    name = next((str(given[key]) for key in NAMES if given.get(key)), "")
    # A function may be named by its ARN.
    return name.rsplit(":", 1)[-1] if name.startswith("arn:") else name


@cache
def _routes(service: str) -> tuple[Route, ...]:
    """The operations of a service, those first that a request must say more for."""
    model = Session().get_service_model(service)
    routes = [_route(name, model.operation_model(name).http) for name in model.operation_names]
    return tuple(sorted(routes, key=lambda route: (-route.weight, route.operation)))


def _route(operation: str, http: Mapping[str, str]) -> Route:
    path, _, query = http["requestUri"].partition("?")
    wanted = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
    pattern = "".join(
        _label(piece) if piece.startswith("{") else re.escape(piece)
        for piece in re.split(r"(\{[^}]+\})", path.rstrip("/"))
    )
    literal = len(re.sub(r"\{[^}]+\}", "", path))
    return Route(operation, http["method"], re.compile(f"{pattern}/?"), wanted, 1000 * len(wanted) + literal)


def _label(piece: str) -> str:
    name = re.sub(r"\W", "", piece)
    return f"(?P<{name}>.+)" if piece.endswith("+}") else f"(?P<{name}>[^/]+)"
