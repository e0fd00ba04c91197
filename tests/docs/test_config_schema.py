"""The JSON Schema of config.yaml: generated, complete, and consistent with the tool."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml
from jsonschema import Draft202012Validator

from docs.generate import config_schema
from mysfits_stream import config_file
from mysfits_stream.errors import ConfigError
from tests.support.documents import ROOT

SCHEMA: Any = json.loads(config_schema.OUT.read_text(encoding="utf-8"))


def test_the_schema_is_the_generated_one() -> None:
    assert config_schema.OUT.read_text(encoding="utf-8") == config_schema.document(), (
        "run: python -m docs.generate.config_schema"
    )


def test_the_annotated_example_is_valid_and_describes_every_section() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")), SCHEMA)
    for name, schema in SCHEMA["properties"].items():
        assert schema.get("description"), f"config.yaml has no comment on {name}"


VALID = [
    "",
    "stack: shop",
    "api: {rate_limit: 10, allowed_origins: 'https://www.example.com'}",
    "api:",
    "enrich: null",
    "click: {user: null, fields: {a: {maxLength: 5}, b: {type: boolean}}}\nenrich: null",
    "tags: {CostCenter: '42'}",
    "bucket: {name: my-clicks, expire_old_versions_days: 1}",
    "delivery: {compression: GZIP, prefix: ''}",
]
INVALID = [
    "stak: shop",
    "stack: Shop",
    "api: {rate_limit: 0}",
    "api: {rate_limit: fast}",
    "delivery: {compression: LZ4}",
    "delivery: {buffer_seconds: 901}",
    "click: {fields: {}}",
    "click: {fields: {a: {type: text}}}",
    "click: {fields: {a b: {maxLength: 1}}}",
    "local: {behavior: slow}",
    "tags: {CostCenter: 42}",
]


@pytest.mark.parametrize("text", VALID)
def test_schema_and_tool_accept(text: str) -> None:
    document = yaml.safe_load(text) or {}
    config_file.parse(document)
    jsonschema.validate(document, SCHEMA)


@pytest.mark.parametrize("text", INVALID)
def test_schema_and_tool_reject(text: str) -> None:
    document = yaml.safe_load(text)
    with pytest.raises(ConfigError):
        config_file.parse(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)
