"""A request to a REST API: its parts, context, execution log and mapping expressions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from mysfits_stream.localcloud.execute_api import headers
from mysfits_stream.localcloud.execute_api.deployed import DeployedApi, Method, is_literal
from mysfits_stream.localcloud.execute_api.payload_encodings import is_binary
from mysfits_stream.localcloud.http.messages import Request
from mysfits_stream.localcloud.random_ids import letters_and_digits, request_id
from mysfits_stream.localcloud.velocity.functions import UTIL, Input, read_json
from mysfits_stream.localcloud.velocity.jsonpath import compile_path
from mysfits_stream.localcloud.velocity.values import SilentMap, text, to_json

Log = Callable[[str], None]

_LINE_END = re.compile(r"[\r\n\x00]+")


class RequestContext:
    """The request, the results of the steps, and the variables of templates and expressions."""

    def __init__(self, deployed: DeployedApi, request: Request, now: float, log: Log | None) -> None:
        self.deployed = deployed
        self.request = request
        self.now = now
        self.log = log
        self.method: Method | None = None
        self.path_parameters: dict[str, str] = {}
        self.query: dict[str, list[str]] = {}
        for name, value in parse_qsl(request.query, keep_blank_values=True) if request.query else ():
            self.query.setdefault(name, []).append(value)
        self.request_id = request_id()
        self.extended_id = f"{letters_and_digits(15)}="
        self.body = request.body.decode("utf-8", "replace")
        self.headers = headers.of_request(request)
        self.media_type = media_type(request.headers.get("content-type", ""))
        """The request's media type without parameters; JSON without a Content-Type (F95)."""
        self.integration_headers: Mapping[str, str] = {}
        self.integration_body = ""
        self.integration_bytes = b""
        self.context: dict[str, Any] = self._context()
        self._input: Input | None = None
        self._parameters: dict[str, dict[str, Any]] | None = None

    @property
    def is_binary(self) -> bool:
        """Whether the request's media type is a binary media type of the API."""
        return is_binary(self.media_type, self.deployed.binary_media_types)

    @property
    def accepts_binary(self) -> bool:
        """Whether the first media type of the Accept header is a binary media type of the API."""
        accepted = self.request.headers.get("accept", "").partition(",")[0]
        return is_binary(accepted.partition(";")[0].strip().lower(), self.deployed.binary_media_types)

    def note(self, line: str, *values: Any) -> None:
        """Write a line to the execution log, if there is a log."""
        if self.log is not None:
            self.log(line % values if values else line)

    def answered(self, status: int, response_headers: Mapping[str, str], body: bytes) -> None:
        """The integration answered."""
        self.integration_headers = response_headers
        self.integration_bytes = body
        self.integration_body = body.decode("utf-8", "replace")
        self.context["integration"] = SilentMap(status=status)

    def found(self, method: Method, parameters: dict[str, str]) -> None:
        """The route is known."""
        self.method = method
        self.path_parameters = parameters
        self.context["resourcePath"] = method.resource_path
        self.context["resourceId"] = method.resource_id

    def parameter(self, place: str, name: str) -> Any:
        """A parameter of the request by place: path, querystring or header; None if absent."""
        if place in ("header", "multivalueheader"):
            value = self.headers.get(name.lower())
            return [value] if place == "multivalueheader" and value is not None else value
        if place in ("querystring", "multivaluequerystring"):
            values = self.query.get(name)
            return values if place == "multivaluequerystring" or not values else values[-1]
        return self.path_parameters.get(name)

    def value(self, expression: str) -> Any:
        """The value of a mapping expression: ``method.request.header.Origin``, ``'static'``."""
        if is_literal(expression):
            return expression[1:-1]
        head, _, rest = expression.partition(".")
        if head == "context":
            return self._walk(self.context, rest)
        if head == "stageVariables":
            return self.deployed.stage.variables.get(rest)
        source, _, rest = rest.partition(".")
        place, _, name = rest.partition(".")
        if head == "method" and source == "request":
            return self._of_body(self.input(), name) if place == "body" else self.parameter(place, name)
        if head == "integration" and source == "response":
            if place == "body":
                return self._of_body(Input(with_custom_error(self.integration_body), dict), name)
            return next((v for k, v in self.integration_headers.items() if k.lower() == name.lower()), None)
        return None

    def input(self) -> Input:
        """``$input`` of the request; the body is parsed at most once."""
        if self._input is None:
            self._input = Input(self.body, self.parameters)
        return self._input

    def replace_body(self, body: str) -> None:
        """Another text of the body for templates."""
        self.body, self._input = body, None

    def response_input(self) -> Input:
        """``$input`` of the integration's response."""
        return Input(self.integration_body, self.parameters)

    def parameters(self) -> dict[str, dict[str, Any]]:
        """``$input.params()``; WSGI drops the case of header names, so names get the usual case."""
        if self._parameters is None:
            self._parameters = {
                "path": self.path_parameters,
                "querystring": {name: values[-1] for name, values in self.query.items()},
                "header": {name.title(): value for name, value in self.headers.items()},
            }
        return self._parameters

    def variables(self, body: Input) -> dict[str, Any]:
        """The variables of a mapping template."""
        return {
            "input": body,
            "util": UTIL,
            "context": self.context,
            "stageVariables": self.deployed.stage.variables,
        }

    def _of_body(self, body: Input, path: str) -> Any:
        return compile_path(f"$.{path}" if path else "$")(body.document())

    def _walk(self, value: Any, path: str) -> Any:
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def _context(self) -> dict[str, Any]:
        request, deployed, stage = self.request, self.deployed, self.deployed.stage
        host = request.headers.get("host", "")
        context: dict[str, Any] = {
            "accountId": deployed.account,
            "apiId": deployed.id,
            "deploymentId": stage.deployment_id,
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "extendedRequestId": self.extended_id,
            "httpMethod": request.method,
            "identity": SilentMap(
                sourceIp=request.environ.get("REMOTE_ADDR", "127.0.0.1"),
                userAgent=request.headers.get("user-agent", ""),
            ),
            "path": f"/{stage.name}{request.path}",
            "protocol": "HTTP/1.1",
            "requestId": self.request_id,
            "requestOverride": SilentMap(header=SilentMap(), querystring=SilentMap(), path=SilentMap()),
            "requestTime": _common_log_time(int(self.now)),
            "requestTimeEpoch": int(self.now * 1000),
            "responseOverride": SilentMap(header=SilentMap()),
            "stage": stage.name,
        }
        if stage.canary:
            context["isCanaryRequest"] = False
        return context


@lru_cache(maxsize=4)
def _common_log_time(seconds: int) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(seconds))


@lru_cache(maxsize=64)
def media_type(header: str) -> str:
    """The media type of a Content-Type header without parameters.

    JSON for an empty header (F95).
    """
    return header.partition(";")[0].strip().lower() or "application/json"


def logged(values: Mapping[str, Any]) -> str:
    """Headers or parameters in the format of the execution log."""
    return "{" + ", ".join(f"{name}={header_text(value)}" for name, value in values.items()) + "}"


def sendable(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as HTTP can carry headers: values without line ends, UTF-8 as Latin-1."""
    return {
        name: value
        if value.isascii() and value.isprintable()
        else _LINE_END.sub(" ", value).encode("utf-8", "replace").decode("latin-1")
        for name, value in headers.items()
    }


def with_custom_error(body: str) -> str:
    """A function's answer, its ``errorMessage`` parsed if that is JSON.

    Used for mappings to headers, not for bodies.
    """
    try:
        document = read_json(body)
        error = read_json(document["errorMessage"])
    except (ValueError, RecursionError, LookupError, TypeError):
        return body
    return to_json({**document, "errorMessage": error}) if isinstance(error, dict) else body


def header_text(value: Any) -> str:
    """The text of a header: an object as JSON, the members of a list joined by commas."""
    if isinstance(value, dict):
        return to_json(value)
    return ",".join(map(text, value)) if isinstance(value, list) else text(value)
