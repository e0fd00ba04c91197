"""The constraints of AWS's service models, checked as the services check them.

botocore's clients check a part of these before they send anything, and other clients none; moto checks few.
The models are botocore's own, so this file knows no service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape


@cache
def service_model(service: str) -> ServiceModel:
    """The model of a service, by botocore's name for it."""
    return botocore.session.get_session().get_service_model(service)


def violation(service: str, operation: str, parameters: Any) -> str | None:
    """The message of the ValidationException that these parameters deserve; None when they are fine."""
    shape = service_model(service).operation_model(operation).input_shape
    found = list(_violations(shape, parameters, "")) if shape else []
    if not found:
        return None
    count = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
    return f"{count} detected: {'; '.join(found)}"


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name in shape.required_members:
            if value.get(name) is None:
                yield _told(None, _join(path, name), "Member must not be null")
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _violations(member, value[name], _join(path, name))
    elif isinstance(shape, ListShape) and isinstance(value, list):
        yield from _length(shape, value, path)
        for index, entry in enumerate(value, 1):
            yield from _violations(shape.member, entry, f"{path}.{index}.member")
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        yield from _length(shape, value, path)
    elif shape.type_name == "string" and isinstance(value, str):
        yield from _text(shape, value, path)
    elif shape.type_name in ("integer", "long", "double", "float") and isinstance(value, int | float):
        limits = shape.metadata
        if "min" in limits and value < limits["min"]:
            yield _told(value, path, f"Member must have value greater than or equal to {limits['min']}")
        if "max" in limits and value > limits["max"]:
            yield _told(value, path, f"Member must have value less than or equal to {limits['max']}")


def _text(shape: Shape, value: str, path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    pattern = shape.metadata.get("pattern")
    if pattern and (compiled := _compiled(pattern)) and not compiled.fullmatch(value):
        yield _told(value, path, f"Member must satisfy regular expression pattern: {pattern}")
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield _told(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern, or None if it uses what only Java's regular expressions know, such as ``\\p{L}``."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _length(shape: Shape, value: Any, path: str) -> Iterator[str]:
    limits = shape.metadata
    if "min" in limits and len(value) < limits["min"]:
        yield _told(value, path, f"Member must have length greater than or equal to {limits['min']}")
    if "max" in limits and len(value) > limits["max"]:
        yield _told(value, path, f"Member must have length less than or equal to {limits['max']}")


def _told(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member
