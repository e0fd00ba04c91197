"""A JSON schema as a predicate: ``jsonschema``'s verdict in a twentieth of the time.

Every click is validated, and most clicks are valid. ``jsonschema`` makes a validator and an iterator of
errors for each part of a document; here the schema becomes nested functions once. A predicate knows the
keywords of common models. A schema with another keyword has no predicate, and ``jsonschema`` validates alone.
Errors are always described by ``jsonschema``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from regress import Regex

Predicate = Callable[[Any], bool]

# Draft 4: the type of a document is the type of its Python value, and true is no number.
TYPES: dict[str, frozenset[type]] = {
    "array": frozenset({list}),
    "boolean": frozenset({bool}),
    "integer": frozenset({int}),
    "null": frozenset({type(None)}),
    "number": frozenset({int, float}),
    "object": frozenset({dict}),
    "string": frozenset({str}),
}
IGNORED = frozenset({"$schema", "id", "title", "description", "default", "format"})
SEPARATE = frozenset({"type", "exclusiveMinimum", "exclusiveMaximum", "properties", "additionalProperties"})
"""Keywords that are read first, with another keyword, or together."""


def compile_predicate(schema: Any) -> Predicate | None:
    """The predicate of a valid draft-04 schema; None for a schema with an unknown keyword.

    A predicate takes a document of ``json.loads``, and returns whether the document matches the schema.
    """
    try:
        return _all(_checks(schema))
    except _UnknownKeyword:
        return None


class _UnknownKeyword(Exception):
    """Only jsonschema can validate the schema."""


def _checks(schema: Any) -> Iterable[Predicate]:
    if not isinstance(schema, dict):
        raise _UnknownKeyword
    if "type" in schema:  # first, because the type is the quickest check
        yield _type(schema["type"], schema)
    if "properties" in schema or "additionalProperties" in schema:
        yield _object(schema.get("properties", {}), schema.get("additionalProperties", True))
    for keyword, value in schema.items():
        if keyword in KEYWORDS:
            yield KEYWORDS[keyword](value, schema)
        elif keyword not in IGNORED and keyword not in SEPARATE:
            raise _UnknownKeyword(keyword)


def _of(schema: Any) -> Predicate:
    return _all(_checks(schema))


def _all(checks: Iterable[Predicate]) -> Predicate:
    listed = tuple(checks)
    if len(listed) == 1:
        return listed[0]

    def accepts(document: Any) -> bool:
        for check in listed:  # noqa: SIM110, a generator costs as much as the checks
            if not check(document):
                return False
        return True

    return accepts


def _type(wanted: Any, _: Mapping[str, Any]) -> Predicate:
    names = wanted if isinstance(wanted, list) else [wanted]
    kinds = frozenset().union(*(TYPES[name] for name in names))
    return lambda document: type(document) in kinds


def _enum(values: list[Any], _: Mapping[str, Any]) -> Predicate:
    if not all(isinstance(value, str) for value in values):
        raise _UnknownKeyword("enum")  # 1, 1.0 and true are equal in Python
    known = frozenset(values)
    return lambda document: type(document) is str and document in known


def _pattern(pattern: str, _: Mapping[str, Any]) -> Predicate:
    find = Regex(pattern).find
    return lambda document: type(document) is not str or find(document) is not None


def _required(names: list[str], _: Mapping[str, Any]) -> Predicate:
    wanted = frozenset(names)
    return lambda document: type(document) is not dict or document.keys() >= wanted


def _object(properties: Mapping[str, Any], additional: Any) -> Predicate:
    known = {name: _of(schema) for name, schema in properties.items()}
    other: Predicate | None = _of(additional) if isinstance(additional, dict) else None

    def accepts(document: Any) -> bool:
        if type(document) is not dict:
            return True
        for name, value in document.items():
            if name in known:
                if not known[name](value):
                    return False
            elif other is not None:
                if not other(value):
                    return False
            elif not additional:
                return False
        return True

    return accepts


def _items(items: Any, _: Mapping[str, Any]) -> Predicate:
    accepts = _of(items)
    return lambda document: type(document) is not list or all(map(accepts, document))


def _one_of(schemas: list[Any], _: Mapping[str, Any]) -> Predicate:
    branches = [_of(schema) for schema in schemas]
    return lambda document: [branch(document) for branch in branches].count(True) == 1


def _any_of(schemas: list[Any], _: Mapping[str, Any]) -> Predicate:
    branches = [_of(schema) for schema in schemas]
    return lambda document: any(branch(document) for branch in branches)


def _minimum(limit: Any, schema: Mapping[str, Any]) -> Predicate:
    numbers = TYPES["number"]
    if schema.get("exclusiveMinimum"):
        return lambda document: type(document) not in numbers or document > limit
    return lambda document: type(document) not in numbers or document >= limit


def _maximum(limit: Any, schema: Mapping[str, Any]) -> Predicate:
    numbers = TYPES["number"]
    if schema.get("exclusiveMaximum"):
        return lambda document: type(document) not in numbers or document < limit
    return lambda document: type(document) not in numbers or document <= limit


def _least(kind: type[Any], limit: int) -> Predicate:
    return lambda document: type(document) is not kind or len(document) >= limit


def _most(kind: type[Any], limit: int) -> Predicate:
    return lambda document: type(document) is not kind or len(document) <= limit


KEYWORDS: dict[str, Callable[[Any, Mapping[str, Any]], Predicate]] = {
    "enum": _enum,
    "pattern": _pattern,
    "required": _required,
    "items": _items,
    "oneOf": _one_of,
    "anyOf": _any_of,
    "allOf": lambda schemas, _: _all([_of(schema) for schema in schemas]),
    "minimum": _minimum,
    "maximum": _maximum,
    "minLength": lambda limit, _: _least(str, limit),
    "maxLength": lambda limit, _: _most(str, limit),
    "minItems": lambda limit, _: _least(list, limit),
    "maxItems": lambda limit, _: _most(list, limit),
    "minProperties": lambda limit, _: _least(dict, limit),
    "maxProperties": lambda limit, _: _most(dict, limit),
}
