"""``$input`` and ``$util``, the objects and functions of mapping templates.

A body is data: API Gateway parses a body as JSON and never reads a body as a template.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import quote_plus, unquote_plus

from mysfits_stream.localcloud.velocity.jsonpath import PathError, compile_path
from mysfits_stream.localcloud.velocity.values import MappingError, text, to_json

_UNREAD = object()


class BodyNotJson(MappingError):
    """The body is not JSON; the message is AWS's."""


class Input:
    """``$input``: the body of a request or response, and the request's parameters.

    ``parameters`` is called once a template reads a parameter.
    """

    __slots__ = ("_document", "body", "parameters")

    def __init__(
        self, body: str, parameters: Callable[[], Mapping[str, dict[str, Any]]], document: Any = _UNREAD
    ) -> None:
        # AWS gives templates an empty object where there is no body (F94).
        self.body = body or "{}"
        self.parameters = parameters
        self._document = document

    def properties(self, name: str) -> Any:
        """``$input.body``."""
        return self.body if name == "body" else None

    def document(self) -> Any:
        """The body as JSON, parsed once."""
        try:
            return self.read()
        except (ValueError, RecursionError) as error:
            raise BodyNotJson(f"Could not parse request body into json: {error}") from error

    def read(self) -> Any:
        """As :meth:`document`, with the error of the parser: ValueError or RecursionError."""
        if self._document is _UNREAD:
            self._document = read_json(self.body)
        return self._document

    def path(self, path: Any) -> Any:
        """``$input.path(path)``: the value at a path, for navigation."""
        try:
            return compile_path(path)(self.document())
        except PathError as error:
            raise MappingError(str(error)) from error

    def json(self, path: Any) -> str:
        """``$input.json(path)``: the value at a path as JSON text, or the empty string's JSON."""
        value = self.path(path)
        return '""' if value is None else to_json(value)

    def params(self, *name: Any) -> Any:
        """``$input.params()``: all parameters, or the first of path, query string and header."""
        parameters = self.parameters()
        if not name:
            return {kind: dict(parameters[kind]) for kind in ("path", "querystring", "header")}
        for kind in ("path", "querystring", "header"):
            found = parameters[kind].get(name[0])
            if found is not None:
                return found
        wanted = str(name[0]).lower()
        return next((value for key, value in parameters["header"].items() if key.lower() == wanted), "")

    methods: ClassVar = {"path": path, "json": json, "params": params}


def read_json(source: str) -> Any:
    """Parse JSON without NaN and Infinity, which Python accepts.

    Raises ValueError or RecursionError.
    """
    return _decode(source)


def _no_constant(name: str) -> Any:
    raise ValueError(f"Unrecognized token '{name}'")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


class Util:
    """``$util``: API Gateway's functions."""

    __slots__ = ()
    methods: ClassVar[dict[str, Any]]


def escape_javascript(value: Any) -> str:
    """As Apache Commons' ``escapeJavaScript``: quotes, slash, control, non-ASCII (F94)."""
    return _ESCAPED.sub(_escape, text(value))


_ESCAPED = re.compile(r"[^ !#-&(-.0-\[\]-~]")
_NAMED = {
    '"': '\\"',
    "'": "\\'",
    "\\": "\\\\",
    "/": "\\/",
    "\b": "\\b",
    "\n": "\\n",
    "\t": "\\t",
    "\f": "\\f",
    "\r": "\\r",
}


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _NAMED:
        return _NAMED[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04X}" for i in range(0, len(units), 2))


def _base64_encode(value: Any) -> str:
    return base64.b64encode(text(value).encode("utf-8", "replace")).decode("ascii")


def _base64_decode(value: Any) -> str:
    try:
        return base64.b64decode(text(value)).decode("utf-8", "replace")
    except binascii.Error as error:
        raise MappingError(f"base64Decode: {error}") from error


def _parse_json(value: Any) -> Any:
    try:
        return read_json(text(value))
    except (ValueError, RecursionError) as error:
        raise MappingError(f"parseJson: {error}") from error


Util.methods = {
    "base64Decode": lambda _, value: _base64_decode(value),
    "base64Encode": lambda _, value: _base64_encode(value),
    "escapeJavaScript": lambda _, value: escape_javascript(value),
    "parseJson": lambda _, value: _parse_json(value),
    # Java's URLEncoder keeps these four as they are, writes a blank as a plus, and escapes the tilde.
    "urlDecode": lambda _, value: unquote_plus(text(value)),
    "urlEncode": lambda _, value: quote_plus(text(value), safe="*-._").replace("~", "%7E"),
}
UTIL = Util()
