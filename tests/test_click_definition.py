"""The definition of a click: valid settings, and one decision in every part."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mysfits_stream import ecma_subset
from mysfits_stream.click_definition import DEFAULT_FIELDS, Definition
from mysfits_stream.clicks import composing
from mysfits_stream.config import Config
from mysfits_stream.config_file import parse
from mysfits_stream.ecma_subset import PatternError
from mysfits_stream.errors import ConfigError
from mysfits_stream.lambda_src import stream_processor
from mysfits_stream.localcloud.execute_api.json_schema import ModelValidator, check_schema, matches
from tests.support.definitions import ALL_TYPES, SHOP
from tests.support.scripted_mysfits import envelope, event


def defined(settings: dict[str, Any]) -> Definition:
    return parse(settings).definition


def with_field(**bounds: Any) -> dict[str, Any]:
    """Settings of a click with one field besides the workshop's."""
    workshop = {field.name: {"type": field.type, **dict(field.bounds)} for field in DEFAULT_FIELDS}
    return {"click": {"fields": workshop | {"extra": bounds}}}


def test_by_default_a_click_is_the_workshops() -> None:
    definition = Config().definition
    assert (definition.names, definition.user, definition.key) == (
        ("userId", "mysfitId"),
        "userId",
        "mysfitId",
    )
    assert definition.attributes == ("goodevil", "lawchaos", "species", "name")
    assert (definition.digest, definition.browser()) == (None, "")


def test_a_shop_is_defined_by_configuration_alone() -> None:
    definition = defined(SHOP)
    assert (definition.names, definition.user, definition.key) == (
        ("visitorId", "productId", "campaign", "quantity"),
        "visitorId",
        "productId",
    )
    assert definition.schema()["required"] == ["visitorId", "productId"]
    assert definition.digest
    assert json.loads(definition.browser())["key"] == "productId"


def test_a_definition_with_all_types_and_bounds_is_one() -> None:
    definition = defined(ALL_TYPES)
    kinds = {field.type for field in definition.fields}
    bounds = {name for field in definition.fields for name, _ in field.bounds}
    assert kinds == {"string", "integer", "number", "boolean"}
    assert bounds == {"minLength", "maxLength", "pattern", "enum", "minimum", "maximum"}
    assert (definition.user, definition.key) == ("who", "item")


@pytest.mark.parametrize(
    ("settings", "user"),
    [
        ({}, "userId"),
        ({"click": {"user": None}}, None),
        ({"click": {"user": "mysfitId"}, "enrich": None}, "mysfitId"),
        (
            {"click": {"fields": {"a": {"type": "integer"}, "b": {"maxLength": 9}}}, "enrich": None},
            "b",
        ),
        ({"click": {"fields": {"a": {"type": "integer"}}}, "enrich": None}, None),
        ({"click": {"fields": {"a": {"maxLength": 9, "required": False}}}, "enrich": None}, None),
    ],
    ids=["default", "nobody", "named", "first text", "no text", "no required text"],
)
def test_the_user_is_named_or_the_first_required_text(settings: dict[str, Any], user: str | None) -> None:
    assert defined(settings).user == user


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("no fields", {"click": {"fields": {}}}, "click.fields: expected fields"),
    ("a list", {"click": {"fields": ["a"]}}, "click.fields: expected fields"),
    (
        "a name with a dash",
        {"click": {"fields": {"a-b": {"maxLength": 1}}}},
        "click.fields.a-b: a field's name",
    ),
    (
        "a name that is a number",
        {"click": {"fields": {1: {"maxLength": 1}}}},
        "click.fields.1: a field's name",
    ),
    ("a long name", {"click": {"fields": {"a" * 65: {"maxLength": 1}}}}, "a field's name is 1 to 64"),
    (
        "equal but for case",
        with_field() | {"click": {"fields": {"a": {"maxLength": 9}, "A": {"maxLength": 9}}}},
        "A is taken, as a",
    ),
    ("a name of ours", {"click": {"fields": {"clickid": {"maxLength": 9}}}}, "added by the processor"),
    ("an unknown type", with_field(type="date"), "extra.type: must be one of string, integer"),
    ("a type that is a list", with_field(type=["string", "null"]), "extra.type: must be one of"),
    ("a field that is text", {"click": {"fields": {"a": "string"}}}, "click.fields.a: expected a type"),
    (
        "required that is text",
        with_field(maxLength=1, required="no"),
        "extra.required: must be true or false",
    ),
    ("an unbounded text", with_field(), "the text has no limit"),
    ("an unanchored pattern", with_field(pattern="[a-z]{1,3}"), "the text has no limit"),
    ("an endless pattern", with_field(pattern="^[a-z]+$"), "the text has no limit"),
    ("a text too long", with_field(maxLength=5000), "maxLength: must be between 0 and 2048"),
    ("a pattern too long", with_field(pattern="^(?:a{100}){100}$"), "may be 10000 characters long"),
    ("lengths in the wrong order", with_field(minLength=9, maxLength=3), "minLength 9 is more than"),
    ("a length that is true", with_field(maxLength=True), "maxLength: must be between"),
    (
        "an ignored bound",
        with_field(type="integer", exclusiveMinimum=True),
        "API Gateway ignores exclusiveMinimum (F101)",
    ),
    ("a format", with_field(format="uuid", maxLength=36), "API Gateway ignores format (F101)"),
    (
        "a bound of another type",
        with_field(type="integer", maxLength=3),
        "maxLength: unknown for type integer",
    ),
    (
        "numbers in the wrong order",
        with_field(type="integer", minimum=2, maximum=1),
        "minimum 2 is more than",
    ),
    (
        "a fraction for an integer",
        with_field(type="integer", minimum=0.5),
        "minimum: expected a whole number",
    ),
    ("an infinite bound", with_field(type="number", minimum=float("inf")), "minimum: expected a number"),
    ("a number no reader keeps", with_field(type="integer", maximum=2**60), "maximum: must be between"),
    ("an empty choice", with_field(enum=[]), "enum: expected a list"),
    ("a choice of another type", with_field(enum=["a", 1]), "1 is not of the field's type"),
    (
        "a choice outside the length",
        with_field(enum=["ab"], maxLength=1),
        "enum: 'ab' is outside the field's",
    ),
    (
        "a choice outside the pattern",
        with_field(enum=["1", "x"], pattern="^[0-9]$"),
        "enum: 'x' is outside the field's other bounds",
    ),
    ("a choice no reader keeps", with_field(type="integer", enum=[2**53]), "9007199254740992 is larger than"),
    (
        "a pattern longer than allowed",
        with_field(pattern="^[0-9]{5}x?$", maxLength=4),
        "maxLength 4 is less than the shortest text of the pattern, 5",
    ),
    ("a part longer than allowed", with_field(pattern="(?:abc|abcd)", maxLength=2), "shortest text of the"),
    ("an enum of nothing", with_field(enum=None), "enum: expected a list"),
    ("a field without a type or bounds", {"click": {"fields": {"a": None}}}, "a: expected a type and bounds"),
    ("fields that are text", {"click": {"fields": "a"}}, "click.fields: expected fields"),
    ("a boolean with bounds", with_field(type="boolean", enum=[True]), "enum: unknown for type boolean"),
    ("an attribute twice", {"enrich": {"attributes": ["name", "Name"]}}, "Name is taken, as name"),
    (
        "a key of another type",
        {
            "click": {"fields": {"userId": {"maxLength": 9}, "on": {"type": "boolean"}}},
            "enrich": {"key": "on", "path": "/x/{on}"},
        },
        "a key is a string or an integer",
    ),
    (
        "a guest that an enum lacks",
        {"click": {"fields": {"userId": {"enum": ["a"]}}}, "enrich": None},
        "'guest'",
    ),
    (
        "a user with too little room",
        {"click": {"fields": {"userId": {"maxLength": 4}}}, "enrich": None},
        "does not accept 'guest'",
    ),
    ("a choice twice", with_field(enum=["a", "a"]), "a value is written twice"),
    (
        "choice and bounds",
        with_field(type="integer", enum=[1], minimum=1),
        "use enum, or minimum and maximum",
    ),
    ("a user that is no field", {"click": {"user": "who"}}, "click.user: 'who' is not a field"),
    ("a user that is the key", {"click": {"user": "mysfitId"}}, "is the key of the enrichment"),
    (
        "a user that is no text",
        with_field(type="integer") | {"click": {**with_field(type="integer")["click"], "user": "extra"}},
        "the user is a string",
    ),
    (
        "no room for a guest",
        {"click": {"fields": {"userId": {"pattern": "^[0-9]{3}$"}, "mysfitId": {"maxLength": 9}}}},
        "does not accept 'guest'",
    ),
    ("a key that is no field", {"enrich": {"key": "productId"}}, "enrich.key: 'productId' is not a field"),
    ("a path without its key", {"enrich": {"path": "/mysfits"}}, "enrich.path: must hold {mysfitId} once"),
    (
        "a path with another field",
        {"enrich": {"path": "/m/{userId}/{mysfitId}"}},
        "must hold {mysfitId} once",
    ),
    (
        "a path without a slash",
        {"enrich": {"path": "mysfits/{mysfitId}"}},
        "enrich.path: must begin with '/'",
    ),
    ("a list with braces", {"enrich": {"list": "/m/{x}"}}, "enrich.list: holds no braces"),
    ("no attributes", {"enrich": {"attributes": []}}, "name at least one attribute"),
    ("an attribute that is a field", {"enrich": {"attributes": ["UserId"]}}, "UserId is taken, as userId"),
    ("an attribute of ours", {"enrich": {"attributes": ["test"]}}, "added by the processor"),
    ("an attribute with a dot", {"enrich": {"attributes": ["a.b"]}}, "'a.b': a name is 1 to 64"),
    (
        "more than a function's environment",
        {
            "click": {
                "fields": {
                    "userId": {"maxLength": 9},
                    "mysfitId": {"maxLength": 9},
                    **{f"f{n}": {"enum": ["x" * 40, "y" * 40]} for n in range(40)},
                }
            }
        },
        "bytes of the function's environment",
    ),
    ("an unknown gpc", {"privacy": {"gpc": "sell"}}, "privacy.gpc: must be one of anonymize, ignore"),
]


@pytest.mark.parametrize(
    ("settings", "complaint"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_definition_that_cannot_work_gets_one_line(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(settings)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


PATTERNS: list[tuple[str, int | None]] = [
    ("^[A-Za-z0-9_-]{1,64}$", 64),
    (r"^\d{3}-\w{2}$", 6),
    (r"^(?:a|bcd)\.x?$", 5),
    ("^(?:-[0-9]{2}){0,3}$", 9),
    ("^a*$", None),
    ("a{1,3}", None),
    (r"^\$$", 1),
    ("^$", 0),
    (r"^[\]\\^-]$", 1),
]


@pytest.mark.parametrize(("pattern", "longest"), PATTERNS)
def test_a_pattern_tells_its_longest_match_and_a_sample(pattern: str, longest: int | None) -> None:
    assert ecma_subset.longest_match(pattern) == longest
    sample = ecma_subset.sample(pattern)
    assert matches(pattern, sample)
    assert ecma_subset.compiled(pattern).search(sample)
    shortest = ecma_subset.shortest_match(pattern)
    assert ecma_subset.compiled(pattern).search(shortest)
    assert len(shortest) <= len(sample)


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "[a", "a{2", "a{3,1}", "a{9999}", "[]", "[b-a]", "a**", "a*?", "a++", "{2}", "*"),
        *(".", "[^a]", r"\s", r"\b", r"\1", r"\u0041", "(?=a)", "(?i)a", "(?P<n>a)", "a\\"),
        *("^a|b$", "a^b", "a$b", "é", "a\nb", "[[:alpha:]]", "[a&&b]", "x" * 600),
        *("^(a+)+$", "^(?:a|a){1,9}$", "^(?:a?){20}a{20}$", "^(?:a{1,9}){1,9}$"),
    ],
)
def test_what_engines_read_differently_or_slowly_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        ecma_subset.longest_match(pattern)


atoms = st.sampled_from(["a", "b", "[a-c]", r"\d", r"\w", r"[\w.-]", r"\.", "_", "(?:ab|c)", "(?:a)"])
quantifiers = st.sampled_from(["", "", "?", "*", "+", "{2}", "{1,3}", "{2,}"])
patterns = st.builds(
    lambda parts, begin, end: begin + "".join(parts) + end,
    st.lists(st.builds(str.__add__, atoms, quantifiers), min_size=1, max_size=4),
    st.sampled_from(["", "^"]),
    st.sampled_from(["", "$"]),
)
texts = st.text(st.sampled_from("abc019_.-\n é\u2028\U0001f409\ud800"), max_size=9)


@settings(deadline=None)
@given(patterns, texts)
def test_a_pattern_of_the_subset_matches_alike_in_both_languages(pattern: str, text: str) -> None:
    try:
        ecma_subset.longest_match(pattern)
    except PatternError:
        return
    if "\ud800" in text:
        return  # no JSON text of UTF-8 holds half a surrogate pair unescaped
    assert (ecma_subset.compiled(pattern).search(text) is not None) is matches(pattern, text)


names = st.sampled_from(["a", "b", "visitor", "_x", "Page2"])
string_bounds = st.fixed_dictionaries(
    {"maxLength": st.integers(5, 20)},
    optional={
        "minLength": st.integers(0, 5),
        "pattern": st.sampled_from(["^[a-z]*$", "[0-9]", r"^\w{1,8}$", "^(?:a?b?c?d?e?f?)$"]),
    },
)
enums = st.fixed_dictionaries(
    {"enum": st.lists(st.sampled_from(["guest", "x", ""]), min_size=1, unique=True)}
)
numbers = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={"minimum": st.integers(-5, 0), "maximum": st.integers(0, 99)},
)
number_enums = st.fixed_dictionaries(
    {"type": st.just("integer"), "enum": st.lists(st.integers(0, 3), min_size=1, unique=True)}
)
booleans = st.just({"type": "boolean"})
fields = st.builds(
    lambda bounds, required: bounds | {"required": required},
    string_bounds | enums | numbers | number_enums | booleans,
    st.booleans(),
)
definitions = st.dictionaries(names, fields, min_size=1, max_size=4)
values = (
    st.text(st.sampled_from("abz09_ é\n"), max_size=22)
    | st.sampled_from(["guest", "x", ""])
    | st.integers(-9, 120)
    | st.sampled_from([2**53, -(2**53), 2**80, 1.0, 0.5, 1e400, -1e400])
    | st.booleans()
    | st.none()
    | st.lists(st.integers(), max_size=1)
)
client_ids = st.sampled_from(["click-id-1", "short", "x" * 65, "with space", 12345678])


@settings(deadline=None, max_examples=300)
@given(definitions, st.data())
def test_what_the_model_accepts_the_processor_accepts_and_nothing_else(
    fields: dict[str, Any], data: st.DataObject
) -> None:
    try:
        definition = defined({"click": {"fields": fields, "user": None}, "enrich": None})
    except ConfigError:
        return
    check_schema(definition.schema())
    model = ModelValidator(definition.schema())
    processor = stream_processor.Definition(json.loads(definition.environment()))
    given_values = {
        name: data.draw(values | st.just(composing.complete(definition, {}).get(name)))
        for name in data.draw(st.sets(st.sampled_from([*fields, "other"])))
    }
    if data.draw(st.booleans()):
        given_values["clickId"] = data.draw(client_ids)
    click = {name: value for name, value in given_values.items() if value is not None or name == "other"}
    accepted = model.is_valid(click)
    members = {"definition": definition.digest} if definition.digest else {}
    for record in event(envelope(click, **members), json.dumps(click).encode())["records"]:
        read = stream_processor.read(record, processor)
        assert bool(read.lines) is accepted
        if accepted:
            [answered], _ = stream_processor.answer([read], processor, {})
            line = json.loads(written := base64.b64decode(answered["data"]).decode())
            assert written == json.dumps(line) + "\n"
            in_order = [name for name in definition.names if name in click]
            assert list(line) == [*in_order, "clickedAt", "clickId", "requestId"]
            assert all(line[name] == click[name] for name in in_order)
            assert line["clickId"] == click.get("clickId", f"{line['requestId']}:0")
    known = {name: value for name, value in click.items() if name in fields}
    assert all(
        bool(field.accepts(known[field.name])) is ModelValidator(field.schema()).is_valid(known[field.name])
        for field in definition.fields
        if field.name in known
    )


@settings(deadline=None)
@given(definitions)
def test_a_test_click_of_any_definition_is_one_that_its_api_accepts(fields: dict[str, Any]) -> None:
    try:
        definition = defined({"click": {"fields": fields, "user": None}, "enrich": None})
    except ConfigError:
        return
    click = composing.complete(definition, {})
    assert ModelValidator(definition.schema()).is_valid(click)


@pytest.mark.parametrize(
    ("bounds", "value", "valid"),
    [
        ({"maxLength": 2}, "\U0001f409\U0001f409", True),
        ({"maxLength": 2}, "\U0001f409e\u0301", False),
        ({"minLength": 2, "maxLength": 9}, "\U0001f409", False),
        ({"type": "integer"}, 1.0, False),
        ({"type": "integer"}, json.loads("1e2"), False),
        ({"type": "integer"}, 2**53 - 1, True),
        ({"type": "integer"}, 2**53, False),
        ({"type": "integer"}, True, False),
        ({"type": "number"}, False, False),
        ({"type": "number"}, 2**80, True),
        ({"type": "boolean"}, 1, False),
        ({"pattern": "^[a-z]{1,3}$"}, "abc\n", False),
        ({"enum": ["1"]}, 1, False),
        ({"type": "integer", "enum": [1]}, True, False),
        ({"type": "integer", "enum": [1]}, 1.0, False),
    ],
)
def test_model_processor_and_deployer_decide_alike_where_languages_differ(
    bounds: dict[str, Any], value: Any, valid: bool
) -> None:
    """F182, and what Python takes for equal: 1, 1.0 and True."""
    definition = defined({"click": {"fields": {"value": bounds}, "user": None}, "enrich": None})
    processor = stream_processor.Definition(json.loads(definition.environment()))
    [record] = event(envelope({"value": value}, definition=definition.digest))["records"]
    assert ModelValidator(definition.schema()).is_valid({"value": value}) is valid
    assert bool(stream_processor.read(record, processor).lines) is valid
    [field] = definition.fields
    assert bool(field.accepts(value)) is valid


def test_a_given_value_is_read_by_its_fields_type() -> None:
    shop = defined(SHOP)
    assert composing.given(shop, {"quantity": "3", "productId": "007"}) == {"quantity": 3, "productId": "007"}
