from __future__ import annotations

from mysfits_stream import click_definition
from mysfits_stream.click_definition import Enrichment, Field
from mysfits_stream.config import Config
from mysfits_stream.query import schema


def test_the_workshops_click_has_its_fields_attributes_and_the_processors_members() -> None:
    found = [(column.name, column.type) for column in schema.columns(Config().definition)]
    assert found == [
        ("userId", "VARCHAR"),
        ("mysfitId", "VARCHAR"),
        ("goodevil", "VARCHAR"),
        ("lawchaos", "VARCHAR"),
        ("species", "VARCHAR"),
        ("name", "VARCHAR"),
        ("clickedAt", "TIMESTAMPTZ"),
        ("clickId", "VARCHAR"),
        ("requestId", "VARCHAR"),
        ("test", "BOOLEAN"),
        ("enriched", "BOOLEAN"),
    ]


def test_a_field_has_the_type_of_the_definition_and_an_attribute_is_text() -> None:
    fields = (
        Field("productId", "integer"),
        Field("price", "number"),
        Field("select", "boolean"),
        Field("note", bounds=(("maxLength", 9),), required=False),
    )
    definition = click_definition.define(
        fields,
        None,
        Enrichment("productId", "/products/{productId}", "", ("stock",)),
        anonymize=False,
    )
    found = schema.columns(definition)[:5]
    assert [(each.quoted, each.type, each.origin) for each in found] == [
        ('"productId"', "BIGINT", "field"),
        ('"price"', "DOUBLE", "field"),
        ('"select"', "BOOLEAN", "field"),
        ('"note"', "VARCHAR", "field"),
        ('"stock"', "VARCHAR", "attribute"),
    ]


def test_every_type_of_a_member_has_a_column_type() -> None:
    assert schema.TYPES.keys() == {*click_definition.TYPES, *click_definition.ADDED.values()}


def test_the_processors_members_are_columns_and_reserved_names() -> None:
    assert [(each.name, each.type, each.absent) for each in schema.ADDED] == [
        ("clickedAt", "TIMESTAMPTZ", None),
        ("clickId", "VARCHAR", None),
        ("requestId", "VARCHAR", None),
        ("test", "BOOLEAN", "false"),
        ("enriched", "BOOLEAN", "true"),
    ]
    assert [each.name for each in schema.ADDED] == list(click_definition.ADDED)
