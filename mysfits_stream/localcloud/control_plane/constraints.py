"""The constraints of AWS's service models, checked as the services check requests.

botocore's clients check a part of the constraints before a request, foreign clients and moto few or none at
all. The models are botocore's own, so this file contains no knowledge of a service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from mysfits_stream.localcloud.service_models import service_model

# Enumerations that the services list in another order than botocore's models.
AS_RECORDED = {
    "EndpointType": ["PRIVATE", "EDGE", "REGIONAL"],
    "IntegrationType": ["HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"],
}


def violation(service: str, operation: str, parameters: Any) -> str | None:
    """The message of the ValidationException for the parameters; None for valid parameters."""
    shape = service_model(service).operation_model(operation).input_shape
    return summary(list(violations(shape, parameters, "")) if shape else [])


def summary(found: list[str]) -> str | None:
    """The message with all violations; None without violations."""
    if not found:
        return None
    count = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
    return f"{count} detected: {'; '.join(found)}"


def missing_members(shape: Shape | None, value: Any, path: str = "") -> Iterator[str]:
    """The violation of each required member that is absent, at any depth."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name in shape.required_members:
            if value.get(name) is None:
                yield _told(None, _join(path, name), "Member must not be null")
        for name, member in shape.members.items():
            yield from missing_members(member, value.get(name), _join(path, name))
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for index, entry in enumerate(value, 1):
            yield from missing_members(shape.member, entry, f"{path}.{index}.member")


def scalar_violation(service: str, operation: str, given: Mapping[str, str]) -> str | None:
    """The message for the first invalid scalar of a query form.

    None when all scalars are valid.
    """
    shape = service_model(service).operation_model(operation).input_shape
    for name, text in given.items():
        member = shape.members.get(name) if shape else None
        if member is None:
            continue
        numeric = member.type_name in ("integer", "long") and text.lstrip("-").isdigit()
        if found := next(violations(member, int(text) if numeric else text, _join("", name)), None):
            return f"1 validation error detected: {found}"
    return None


def violations(shape: Shape, value: Any, path: str, *, required: bool = True) -> Iterator[str]:
    """The violations of a value; without ``required``, absent members are accepted."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name in shape.required_members if required else ():
            if value.get(name) is None:
                yield _told(None, _join(path, name), "Member must not be null")
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from violations(member, value[name], _join(path, name), required=required)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        yield from _length(shape, value, path)
        if shape.member.type_name == "string":
            yield from _each(shape.member, value, f"Value '[{', '.join(map(str, value))}]'", path, "Member")
            return
        for index, entry in enumerate(value, 1):
            yield from violations(shape.member, entry, f"{path}.{index}.member", required=required)
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        yield from _length(shape, value, path)
        yield from _each(shape.key, value, "Value", path, "Map keys")
    elif shape.type_name == "string" and isinstance(value, str):
        yield from _text(shape, value, path)
    elif shape.type_name in ("integer", "long", "double", "float") and isinstance(value, int | float):
        limits = shape.metadata
        if "min" in limits and value < limits["min"]:
            yield _told(value, path, f"Member must have value greater than or equal to {limits['min']}")
        if "max" in limits and value > limits["max"]:
            yield _told(value, path, f"Member must have value less than or equal to {limits['max']}")


def _each(shape: Shape, values: Iterable[Any], shown: str, path: str, what: str) -> Iterator[str]:
    """A single violation for all strings of a list, or for all keys of a map."""
    if any(isinstance(value, str) and list(_text_constraints(shape, value)) for value in values):
        listed = ", ".join(_of_strings(shape))
        yield f"{shown} at '{path}' failed to satisfy constraint: {what} must satisfy constraint: [{listed}]"


def _of_strings(shape: Shape) -> Iterator[str]:
    limits = shape.metadata
    if "max" in limits:
        yield f"Member must have length less than or equal to {limits['max']}"
    if "min" in limits:
        yield f"Member must have length greater than or equal to {limits['min']}"
    if "pattern" in limits:
        yield f"Member must satisfy regular expression pattern: {limits['pattern']}"
    if "enum" in limits:
        yield f"Member must satisfy enum value set: [{', '.join(_enumeration(shape))}]"


def _text(shape: Shape, value: str, path: str) -> Iterator[str]:
    return (_told(value, path, constraint) for constraint in _text_constraints(shape, value))


def _text_constraints(shape: Shape, value: str) -> Iterator[str]:
    yield from _length_constraints(shape, value)
    pattern = shape.metadata.get("pattern")
    if pattern and (compiled := _compiled(pattern)) and not compiled.fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {pattern}"
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"Member must satisfy enum value set: [{', '.join(_enumeration(shape))}]"


def _enumeration(shape: Shape) -> list[str]:
    return AS_RECORDED.get(shape.name) or list(shape.metadata["enum"])


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    r"""The pattern, or None if the syntax is Java's own, for example ``\p{L}``."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _length(shape: Shape, value: Any, path: str) -> Iterator[str]:
    return (_told(value, path, constraint) for constraint in _length_constraints(shape, value))


def _length_constraints(shape: Shape, value: Any) -> Iterator[str]:
    limits = shape.metadata
    if "min" in limits and len(value) < limits["min"]:
        yield f"Member must have length greater than or equal to {limits['min']}"
    if "max" in limits and len(value) > limits["max"]:
        yield f"Member must have length less than or equal to {limits['max']}"


def _told(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member
