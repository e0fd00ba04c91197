"""What AWS answers, put into the bytes that each of its protocols has for it.

The bytes then go through botocore's own parsers, so that codes, messages and headers reach the deployer
as they would from AWS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape


@dataclass(frozen=True)
class Answer:
    """A result, in the names of botocore's model, or an error."""

    result: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def ok(**result: Any) -> Answer:
    """A successful answer with these members."""
    return Answer(result)


def error(status: int, code: str, message: str = "", **headers: str) -> Answer:
    """An error; a header's name is given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(code=code, message=message, status=status, headers=named)


EMPTY_500 = Answer(status=500)
"""What may come in the middle of anything: no code, no text, not even a body (F4)."""


def rendered(answer: Answer, operation: OperationModel) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body that carry an answer to an operation."""
    protocol = operation.service_model.resolved_protocol
    if answer.status >= 400:
        return _error(answer, protocol) if answer.code else (answer.headers, b"")
    shape = operation.output_shape
    if shape is None:
        return answer.headers, b"<Response/>" if protocol == "query" else b""
    if protocol == "query":
        inside = _xml_members(shape, answer.result)
        wrapper = shape.serialization.get("resultWrapper", f"{operation.name}Result")
        return {}, f"<Response><{wrapper}>{inside}</{wrapper}></Response>".encode()
    if protocol == "rest-xml":
        return answer.headers, _rest_xml(shape, answer.result)
    payload = shape.serialization.get("payload")
    if payload and shape.members[payload].type_name == "blob":
        return answer.headers, answer.result[payload]
    return answer.headers, json.dumps(_json(shape, answer.result)).encode()


def _error(answer: Answer, protocol: str | None) -> tuple[Mapping[str, str], bytes]:
    code, message = answer.code, answer.message
    if protocol == "query":
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return answer.headers, f"{body}<RequestId>r</RequestId></ErrorResponse>".encode()
    if protocol == "rest-xml":
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return answer.headers, body.encode()
    if protocol == "rest-json":
        return {"x-amzn-ErrorType": code, **answer.headers}, json.dumps({"message": message}).encode()
    return answer.headers, json.dumps({"__type": code, "message": message}).encode()


def _json(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        members = {name: shape.members[name] for name in value}
        return {
            member.serialization.get("name", name): _json(member, value[name])
            for name, member in members.items()
        }
    if isinstance(shape, ListShape):
        return [_json(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _json(shape.value, item) for key, item in value.items()}
    return value.timestamp() if isinstance(value, datetime) else value


def _rest_xml(shape: StructureShape, result: Mapping[str, Any]) -> bytes:
    payload = shape.serialization.get("payload")
    if payload is None:
        return f"<Result>{_xml_members(shape, result)}</Result>".encode()
    member = shape.members[payload]
    if isinstance(member, StructureShape):
        return f"<{payload}>{_xml_members(member, result[payload])}</{payload}>".encode()
    return str(result[payload]).encode()


def _xml_members(shape: StructureShape, value: Mapping[str, Any]) -> str:
    members = {name: shape.members[name] for name in value}
    return "".join(
        _xml(member.serialization.get("name", name), member, value[name]) for name, member in members.items()
    )


def _xml(name: str, shape: Shape, value: Any) -> str:
    if isinstance(shape, ListShape):
        if shape.serialization.get("flattened"):
            return "".join(_xml(name, shape.member, item) for item in value)
        inner = shape.member.serialization.get("name", "member")
        return f"<{name}>{''.join(_xml(inner, shape.member, item) for item in value)}</{name}>"
    if isinstance(shape, StructureShape):
        return f"<{name}>{_xml_members(shape, value)}</{name}>"
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, datetime):
        value = value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"<{name}>{escape(str(value))}</{name}>"
