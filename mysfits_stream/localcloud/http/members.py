"""The members of a request, by the names in botocore's model of the operation.

Every value of a request is listed, also values without a member in the model: a service that ignores the
value would do less than the client asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Request
from mysfits_stream.localcloud.service_models import service_model as model_named

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel

# Names of the credential scope that differ from botocore's names of services.
BOTOCORE_NAMES = {
    "tagging": "resourcegroupstaggingapi",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
}

# Headers of the transport: SigV4, retries and the encoding of the body.
TRANSPORT_HEADERS = re.compile(
    r"x-amz-(date|content-sha256|security-token|user-agent|decoded-content-length|trailer|te|api-version"
    r"|sdk-.*|checksum-.*|target)"
)
TRANSPORT_QUERY = re.compile(r"X-Amz-.*|x-id|Signature|AWSAccessKeyId|Expires", re.IGNORECASE)

SURROGATE = re.compile("[\ud800-\udfff]")

Given = Iterator[tuple[str, Any]]


def service_model(service: str) -> ServiceModel:
    """The model of a service, by the name in the credential scope. Raises UnknownServiceError."""
    return model_named(BOTOCORE_NAMES.get(service, service))


def given_members(call: Call, request: Request) -> Given:
    """Each value of a request with a path like ``VpcConfig.SubnetIds``.

    Lists and maps add no segment.
    """
    model = service_model(call.service).operation_model(call.operation)
    shape = model.input_shape
    if "x-amz-target" in request.headers:
        yield from _of_json(shape, _document(request.body), "")
    elif request.is_form:
        yield from _of_form(request)
    else:
        yield from _of_query(model, request)
        yield from _of_headers(shape, request)
        yield from _of_body(shape, request)


def _of_body(shape: Any, request: Request) -> Given:
    if shape is None or not request.body:
        return
    payload = shape.serialization.get("payload")
    if payload and shape.members[payload].type_name == "structure":
        yield from _of_xml(shape.members[payload], request.body, payload)
    elif payload:
        yield payload, request.body
    else:
        in_body = {n: m for n, m in shape.members.items() if "location" not in m.serialization}
        yield from _of_json(shape, _document(request.body), "", in_body)


def _of_json(shape: Any, value: Any, path: str, members: Any = None) -> Given:
    """The scalars of a JSON document."""
    kind = shape.type_name if shape is not None else None
    if kind == "list" and isinstance(value, list):
        for item in value:
            yield from _of_json(shape.member, item, path)
    elif kind == "structure" and isinstance(value, dict):
        known = shape.members if members is None else members
        names = {member.serialization.get("name", name): name for name, member in known.items()}
        if path and not known:
            # A structure without members, such as one choice of a union, says something by its presence.
            yield path, "{}"
        for key, item in value.items():
            name = names.get(key)
            yield from _of_json(known[name] if name else None, item, _join(path, name or key))
    elif isinstance(value, dict | list):
        if value:
            yield path, value
    else:
        yield path, value


def _of_form(request: Request) -> Given:
    for key, value in parse_qsl(request.body.decode("latin-1"), keep_blank_values=True):
        if key not in ("Action", "Version"):
            # Tags.member.1.Key, Parameters.entry.2.value
            yield re.sub(r"\.(member|entry)(?=\.\d+)|\.\d+(\.(key|value)$)?", "", key), value


def _of_query(model: OperationModel, request: Request) -> Given:
    in_uri = {key for key, _ in parse_qsl(model.http["requestUri"].partition("?")[2], keep_blank_values=True)}
    names: dict[str, str] = {}
    rest = None
    for name, member in (model.input_shape.members if model.input_shape else {}).items():
        if member.serialization.get("location") == "querystring":
            names[member.serialization.get("name", name)] = name
            # A map takes all parameters that have no member of their own.
            rest = name if member.type_name == "map" else rest
    for key, value in parse_qsl(request.query, keep_blank_values=True):
        if key not in in_uri and not TRANSPORT_QUERY.fullmatch(key):
            yield names.get(key) or rest or key, value


def _of_headers(shape: Any, request: Request) -> Given:
    names: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    for name, member in (shape.members if shape is not None else {}).items():
        location = member.serialization.get("location")
        if location == "header":
            names[member.serialization["name"].lower()] = name
        elif location == "headers":
            prefixes[member.serialization["name"].lower()] = name
    for header, value in request.headers.items():
        if header in names:
            yield names[header], value
        elif header.startswith("x-amz-") and not TRANSPORT_HEADERS.fullmatch(header):
            yield (
                next((name for prefix, name in prefixes.items() if header.startswith(prefix)), header),
                value,
            )


def _of_xml(shape: Any, body: bytes, path: str) -> Given:
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - of a client that may do anything here
    except ElementTree.ParseError:
        return
    yield from _of_element(shape, root, path)


def _of_element(shape: Any, element: ElementTree.Element, path: str) -> Given:
    kind = shape.type_name if shape is not None else None
    if kind == "structure":
        names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
        for child in element:
            tag = child.tag.rpartition("}")[2]
            name = names.get(tag)
            member = shape.members[name] if name else None
            if member is not None and member.type_name == "list" and member.serialization.get("flattened"):
                member = member.member
            yield from _of_element(member, child, _join(path, name or tag))
    elif kind == "list":
        for child in element:
            yield from _of_element(shape.member, child, path)
    else:
        yield path, (element.text or "").strip() or (list(element) or "")


def _document(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# The Python types of JSON values, by the type of the shape.
JSON_TYPES: dict[str, tuple[Any, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (str,),
    "timestamp": (str, int, float),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
}


def unreadable(call: Call, request: Request) -> str | None:
    """The reason why a service cannot read the JSON document of a call.

    None for a readable document. A value with half a surrogate pair has no encoding, and no service reads it.
    """
    shape: Any = service_model(call.service).operation_model(call.operation).input_shape
    if shape is None or request.is_form or shape.serialization.get("payload") or not request.body:
        return None
    try:
        document = json.loads(request.body)
    except (ValueError, RecursionError):
        # Services of the REST protocol have errors of their own for this.
        return "the document is not JSON" if call.json else None
    if not isinstance(document, dict):
        return "the document is not an object" if call.json else None
    return _mismatch(shape, document, "")


def without_nulls(value: Any) -> Any:
    """A JSON document without null members and entries: AWS reads a null as absent."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def _mismatch(shape: Any, value: Any, path: str) -> str | None:
    if value is None:
        return None
    kind = shape.type_name
    types = JSON_TYPES[kind]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        return f"{path}: expected {kind}, found {type(value).__name__}"
    if isinstance(value, str) and SURROGATE.search(value):
        return f"{path}: half of a surrogate pair"
    parts: Iterator[tuple[Any, Any, str]] = iter(())
    if kind == "structure":
        names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
        parts = (
            (shape.members[names[key]], item, _join(path, names[key]))
            for key, item in value.items()
            if key in names and "location" not in shape.members[names[key]].serialization
        )
    elif kind == "list":
        parts = ((shape.member, item, path) for item in value)
    elif kind == "map":
        parts = ((shape.value, item, _join(path, key)) for key, item in value.items())
    return next((found for part in parts if (found := _mismatch(*part))), None)
