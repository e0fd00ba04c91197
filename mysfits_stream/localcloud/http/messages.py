"""HTTP messages inside the local cloud: completely read requests, and responses.

Only this module converts from and to WSGI.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, unquote_to_bytes, urlsplit

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

HEADERS = "mysfits_stream.headers"
"""The variable of an environ for all headers, by name in lower case; in place of the variables of WSGI."""

LONGEST_FORM = 1024 * 1024
"""Bytes of a query-protocol call; the longest are templates of 51,200 bytes, percent-encoded."""

# Authorization: AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …
CREDENTIAL_SCOPE = re.compile(r"Credential=[^/\s]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


def read_json(text: str | bytes) -> Any:
    """The value of a JSON document; too deep nesting is a JSONDecodeError, too."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise json.JSONDecodeError("nested too deeply", "", 0) from error


# Not frozen: to make a frozen dataclass takes four times as long, and a click makes ten of these.


@dataclass
class Request:
    """An HTTP request; ``path`` is still percent-encoded, header names are in lower case.

    Read-only, but for the body, which is read after the head.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    environ: Environ = field(default_factory=dict, repr=False, compare=False)

    @property
    def decoded_path(self) -> str:
        """The path, percent-decoded once, as the control plane decodes the path."""
        return unquote(self.path) if "%" in self.path else self.path

    @property
    def service(self) -> str:
        """The service in the SigV4 credential scope; empty for an unsigned request."""
        return self._scope("service")

    @property
    def region(self) -> str:
        """The region in the SigV4 credential scope; empty for an unsigned request."""
        return self._scope("region")

    @property
    def operation(self) -> str:
        """The operation in a JSON 1.x header or a query form; empty for other protocols."""
        if target := self.headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        # A parsed form takes many times the memory of its text.
        if self.is_form and len(self.body) <= LONGEST_FORM:
            return parse_qs(self.body.decode("latin-1")).get("Action", [""])[0]
        return ""

    @property
    def is_form(self) -> bool:
        """Whether the body is a form, as in the query protocol."""
        return self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")

    @property
    def parameters(self) -> dict[str, str]:
        """The query string's parameters, the first value of each; a key without a value is empty."""
        return {name: values[0] for name, values in parse_qs(self.query, keep_blank_values=True).items()}

    def json(self) -> Any:
        """The body as JSON; an empty body is an empty object."""
        return read_json(self.body or b"{}")

    @cached_property
    def document(self) -> Any:
        """The body as JSON, parsed once; not to be changed."""
        return self.json()

    def _scope(self, part: str) -> str:
        authorization = self.headers.get("authorization", "")
        if not authorization and "X-Amz-Credential" in self.query:
            authorization = f"Credential={self.parameters['X-Amz-Credential']}"
        scope = _scope(authorization) if authorization else None
        return scope[part] if scope else ""


@lru_cache(maxsize=16)
def _scope(authorization: str) -> re.Match[str] | None:
    return CREDENTIAL_SCOPE.search(authorization)


@dataclass
class Response:
    """An HTTP response; read-only."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def with_body(self, body: bytes) -> Response:
        """The response with a new body, and without the length of the former body."""
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        return Response(self.status, headers, body)


Handler = Callable[[Request], Response]


def json_response(status: int, document: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A response whose body is a JSON document."""
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(status, {"Content-Type": "application/json", **(headers or {})}, body)


def read_head(environ: Environ) -> Request:
    """The request of a WSGI server, without the body."""
    headers: dict[str, str] | None = environ.get(HEADERS)
    if headers is None:
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") and isinstance(value, str)
        }
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if environ.get(name):
                headers[name.replace("_", "-").lower()] = environ[name]
    uri = environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ.get("PATH_INFO", "/")
    path = urlsplit(uri).path if "://" in uri.split("?", 1)[0] else uri.split("?", 1)[0]
    return Request(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers, environ=environ)


def to_environ(request: Request) -> Environ:
    """The WSGI environ of ``request``, for a WSGI application inside the local cloud."""
    host, _, port = request.headers.get("host", "localhost").rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "RAW_URI": request.path,
        "QUERY_STRING": request.query,
        "SERVER_NAME": host or "localhost",
        "SERVER_PORT": port if port.isdigit() else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.environ.get("REMOTE_ADDR", "127.0.0.1"),
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        # The body has been read, so how it was sent is over.
        if name not in ("content-type", "content-length", "transfer-encoding", "expect"):
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    environ.setdefault("HTTP_HOST", "localhost")
    return environ


def run_wsgi(application: Callable[[Environ, StartResponse], Iterable[bytes]], environ: Environ) -> Response:
    """The complete response of a WSGI application."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        started.append((status, headers))

    chunks = application(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if close := getattr(chunks, "close", None):
            close()
    status, headers = started[-1]
    return Response(int(status.split()[0]), dict(headers), body)


def send_response(response: Response, request: Request, start_response: StartResponse) -> list[bytes]:
    """Answer a WSGI server. A HEAD request gets only the headers, with the length of the body."""
    headers, announced = [], ""
    for name, value in response.headers.items():
        if name.lower() == "content-length":
            announced = value
        else:
            headers.append((name, value))
    bodiless = request.method == "HEAD" or response.status in (204, 304)
    if response.status not in (204, 304):
        headers.append(("Content-Length", (bodiless and announced) or str(len(response.body))))
    start_response(_status_line(response.status), headers)
    return [] if bodiless else [response.body]


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"
