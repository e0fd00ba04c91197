"""The predicate of a schema and jsonschema agree on every document."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mysfits_stream.config import Config
from mysfits_stream.localcloud.execute_api.json_schema import ModelValidator, check_schema
from mysfits_stream.localcloud.execute_api.schema_predicate import compile_predicate

TEXTS = st.sampled_from(["", "a", "b", "ab", "abc", "a\n", "é", "1"])
NUMBERS = st.sampled_from([0, 1, 2, -1, 1.0, 1.5, 10**30])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
SIZES = st.integers(0, 3)
KINDS = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
BOUNDS = st.one_of(
    st.fixed_dictionaries({}, optional={"minimum": NUMBERS, "maximum": NUMBERS}),
    st.fixed_dictionaries({"minimum": NUMBERS, "exclusiveMinimum": st.booleans()}),
    st.fixed_dictionaries({"maximum": NUMBERS, "exclusiveMaximum": st.booleans()}),
)


def schemas(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas with any of the keywords, and ``inner`` schemas."""
    branches = st.lists(inner, min_size=1, max_size=3)
    keywords = st.fixed_dictionaries(
        {},
        optional={
            "type": KINDS | st.lists(KINDS, min_size=1, max_size=3, unique=True),
            "enum": st.lists(TEXTS, min_size=1, max_size=3, unique=True),
            "pattern": st.sampled_from(["^a", "b$", "^[a-b]{1,2}$", ""]),
            "required": st.lists(TEXTS, min_size=1, max_size=2, unique=True),
            "properties": st.dictionaries(TEXTS, inner, max_size=3),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "oneOf": branches,
            "anyOf": branches,
            "allOf": branches,
            **{f"{end}{of}": SIZES for end in ("min", "max") for of in ("Length", "Items", "Properties")},
            "title": st.just("a title"),
        },
    )
    return st.builds(lambda one, other: one | other, keywords, BOUNDS)


ANY: st.SearchStrategy[dict[str, Any]] = st.just({})
SCHEMAS = st.recursive(ANY, schemas, max_leaves=5)


@given(SCHEMAS, DOCUMENTS)
def test_a_predicate_is_the_verdict_of_jsonschema(schema: dict[str, Any], document: Any) -> None:
    check_schema(schema)
    accepts = compile_predicate(schema)
    assert accepts is not None
    assert accepts(document) == ModelValidator(schema).is_valid(document)


def test_the_models_of_clicks_have_a_predicate() -> None:
    assert compile_predicate(Config().definition.schema()) is not None


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://apigateway.amazonaws.com/restapis/api/models/Click"},
        {"patternProperties": {"^a": {"type": "string"}}},
        {"uniqueItems": True},
        {"enum": [1, True]},
        {"items": [{"type": "string"}]},
        {"properties": {"a": {"not": {"type": "string"}}}},
        {"oneOf": [{"multipleOf": 2}, {"type": "string"}]},
    ],
)
def test_a_schema_with_another_keyword_has_no_predicate(schema: dict[str, Any]) -> None:
    check_schema(schema)
    assert compile_predicate(schema) is None
