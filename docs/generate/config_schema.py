"""Writes ``mysfits_stream/config.schema.json``: ``python -m docs.generate.config_schema``.

The JSON Schema of ``config.yaml``, with which editors complete and check the file. Types, defaults and limits
come from the dataclasses of ``mysfits_stream/config.py``, descriptions from the comments of ``config.yaml``.
What no JSON Schema can say (a definition of a click that cannot work, say) is left to the tool.
"""

from __future__ import annotations

import json
import re
import types
from dataclasses import Field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mysfits_stream import click_definition, config, config_file, setting_limits

ROOT = Path(__file__).parents[2]
OUT = ROOT / "mysfits_stream" / "config.schema.json"
ANNOTATED = ROOT / "config.yaml"
DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def document() -> str:
    """The whole of ``config.schema.json``."""
    comments = annotations(ANNOTATED.read_text(encoding="utf-8"))
    schema = {
        "$schema": DRAFT,
        "title": "The configuration of mysfits-stream",
        **_section(config.Config, comments, ""),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def annotations(text: str) -> dict[str, str]:
    """The comment of each key of an annotated YAML file, by the key's path."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        key = re.match(r"( *)([A-Za-z_]\w*):(?:$|[^#]*?)(?:#\s*(.*))?$", line)
        more = re.match(r"\s+#\s*(.*)$", line)
        if key:
            indent = len(key[1])
            path = [*(each for each in path if each[0] < indent), (indent, key[2])]
            found[".".join(name for _, name in path)] = key[3] or ""
        elif more and path:
            name = ".".join(name for _, name in path)
            found[name] = f"{found[name]} {more[1]}".strip()
    return found


def _section(schema: type, comments: dict[str, str], path: str) -> Schema:
    hints = get_type_hints(schema)
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            each.name: _described(each, hints[each.name], comments, f"{path}.{each.name}".lstrip("."))
            for each in fields(schema)
        },
    }


def _described(each: Field[Any], hint: Any, comments: dict[str, str], path: str) -> Schema:
    described = _property(each, hint, comments, path)
    if comment := comments.get(path):
        described["description"] = comment
    if isinstance(each.default, str | int | float | bool) or each.default is None:
        described["default"] = each.default
    elif isinstance(each.default, tuple) and all(isinstance(item, str) for item in each.default):
        described["default"] = list(each.default)
    return described


def _property(each: Field[Any], hint: Any, comments: dict[str, str], path: str) -> Schema:
    allowed = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    optional = type(None) in allowed
    if is_dataclass(allowed[0]):
        section = _section(allowed[0], comments, path)  # type: ignore[arg-type]
        # An empty section is one with its defaults.
        return section | {"type": ["object", "null"]}
    if each.metadata.get("read") is click_definition.parse_fields:
        return _click_fields()
    schema = _value(allowed[0], each.metadata.get("limit"))
    if not optional:
        return schema
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    return schema | {"type": [schema["type"], "null"]}


def _value(kind: Any, limit: Any) -> Schema:
    if isinstance(limit, setting_limits.OneOf):
        return {"enum": list(limit.choices)}
    if kind == config_file.PAIRS:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if kind is setting_limits.JsonText:
        return {"type": "object"}
    if get_origin(kind) is tuple:
        return {"type": ["array", "string"], "items": {"type": "string"}}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    schema: Schema = {"type": {str: "string", int: "integer", float: "number", bool: "boolean"}[kind]}
    if isinstance(limit, setting_limits.Between):
        schema |= {"minimum": limit.least, "maximum": limit.most}
    shape = limit if isinstance(limit, setting_limits.Matching) else getattr(limit, "shape", None)
    if shape is not None:
        schema["pattern"] = f"^(?:{shape.pattern})$"
    return schema


def _click_fields() -> Schema:
    bound: dict[str, Schema] = {
        "minLength": {"type": "integer", "minimum": 0},
        "maxLength": {"type": "integer", "minimum": 1, "maximum": click_definition.LONGEST_STRING},
        "pattern": {"type": "string"},
        "enum": {"type": "array", "minItems": 1, "maxItems": click_definition.MOST_CHOICES},
        "minimum": {"type": "number"},
        "maximum": {"type": "number"},
    }
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{click_definition.NAME.pattern}$"},
        "additionalProperties": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "type": {"enum": list(click_definition.TYPES), "default": "string"},
                **bound,
                "required": {"type": "boolean", "default": True},
            },
        },
    }


if __name__ == "__main__":
    OUT.write_text(document(), encoding="utf-8")
