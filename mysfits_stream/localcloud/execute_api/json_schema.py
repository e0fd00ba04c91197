"""JSON Schema draft-04 as API Gateway validates it; ``regress`` runs ECMA 262 patterns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft4Validator, FormatChecker, ValidationError, validators
from regress import Regex, RegressError

FORMATS = FormatChecker(formats=())


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text.

    Raises RegressError for an invalid pattern.
    """
    return _compiled(pattern).find(text) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Regex:
    return Regex(pattern)


@FORMATS.checks("regex", raises=RegressError)
def _is_regex(value: object) -> bool:
    return not isinstance(value, str) or _compiled(value) is not None


def check_schema(schema: Any) -> None:
    """Raise SchemaError for an invalid schema of draft 4 or an invalid pattern."""
    Draft4Validator.check_schema(schema, format_checker=FORMATS)


def additional_properties(instance: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """The properties without a name or a pattern in the schema."""
    patterns = schema.get("patternProperties", {})
    return sorted(
        name
        for name in instance
        if name not in schema.get("properties", {})
        and not any(matches(pattern, name) for pattern in patterns)
    )


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not matches(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, subschema in patterns.items():
            for name, value in instance.items():
                if matches(pattern, name):
                    yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    extra = additional_properties(instance, schema)
    if validator.is_type(allowed, "object"):
        for name in extra:
            yield from validator.descend(instance[name], allowed, path=name)
    elif not allowed and extra:
        yield ValidationError(f"properties that are not allowed: {extra}")


# Any: jsonschema gives its classes made this way no types.
ModelValidator: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft4Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    },
)
