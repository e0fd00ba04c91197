"""The definition of a click, from the settings ``click``, ``enrich`` and ``privacy``.

Model, mapping template, processor, commands, browser client and export all follow from one
:class:`Definition`. The module validates the settings; a :class:`~mysfits_stream.errors.ConfigError` names
the path of the key.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mysfits_stream import ecma_subset
from mysfits_stream.errors import ConfigError

Schema = dict[str, Any]
"""JSON Schema draft 4, in the subset that API Gateway validates (F101)."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
CLICK_ID: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"}
ANONYMOUS = "guest"
"""The user of a click whose visitor is unknown, or has asked for privacy."""

ADDED = {
    "clickedAt": "time",
    "clickId": "string",
    "requestId": "string",
    "test": "boolean",
    "enriched": "boolean",
}
"""Members that the processor adds to lines, with their types; no field and no attribute has such a name."""

TYPES = ("string", "integer", "number", "boolean")
BOUNDS = {
    "string": ("minLength", "maxLength", "pattern", "enum"),
    "integer": ("minimum", "maximum", "enum"),
    "number": ("minimum", "maximum", "enum"),
    "boolean": (),
}
IGNORED = (
    "exclusiveMinimum",
    "exclusiveMaximum",
    "default",
    "format",
    "const",
    "readOnly",
    "discriminator",
    "example",
)
"""Keywords that API Gateway ignores (F101)."""

LONGEST_STRING = 2048
LARGEST = {"integer": 2**53 - 1, "number": 1.7976931348623157e308}
"""Integers that every JSON reader keeps exact; the largest finite number."""

MOST_CHOICES = 100
ENVIRONMENT_BYTES = 4096
"""All environment variables of a Lambda function, names and values (F65)."""

RESERVED_FOR_OTHER_VARIABLES = 512
"""Bytes of the environment for MYSFITS_API and CACHE_SECONDS."""


@dataclass(frozen=True)
class Field:
    """A member of a click; ``bounds`` are JSON Schema keywords with their values."""

    name: str
    type: str = "string"
    bounds: tuple[tuple[str, Any], ...] = ()
    required: bool = True

    def schema(self) -> Schema:
        """The JSON Schema of the field's values; numbers always carry both bounds."""
        bounds = {key: list(value) if key == "enum" else value for key, value in self.bounds}
        if self.type in LARGEST and "enum" not in bounds:
            bounds = {"minimum": -LARGEST[self.type], "maximum": LARGEST[self.type]} | bounds
        return {"type": self.type, **bounds}

    def accepts(self, value: Any) -> bool:
        """Whether ``value`` is valid: the decision of the API's model and of the processor."""
        bounds = dict(self.bounds)
        if self.type == "string":
            return (
                isinstance(value, str)
                and bounds.get("minLength", 0) <= len(value) <= bounds.get("maxLength", math.inf)
                and (
                    "pattern" not in bounds
                    or ecma_subset.compiled(bounds["pattern"]).search(value) is not None
                )
                and ("enum" not in bounds or value in bounds["enum"])
            )
        if self.type == "boolean":
            return isinstance(value, bool)
        kinds = int if self.type == "integer" else (int, float)
        most = LARGEST[self.type]
        return (
            isinstance(value, kinds)
            and not isinstance(value, bool)
            and ("enum" in bounds or bounds.get("minimum", -most) <= value <= bounds.get("maximum", most))
            and ("enum" not in bounds or value in bounds["enum"])
        )

    def plausible(self) -> Any:
        """A valid value for tests and examples; None if the bounds admit none that is easily found."""
        bounds = dict(self.bounds)
        if "enum" in bounds:
            return bounds["enum"][0]
        if self.type == "boolean":
            return True
        if self.type != "string":
            return max(bounds.get("minimum", 1), min(1, bounds.get("maximum", 1)))
        candidates = ["test", "t" * bounds.get("minLength", 0)]
        if "pattern" in bounds:
            least = bounds.get("minLength", 0)
            sample = ecma_subset.sample(bounds["pattern"], least)
            candidates = [sample, sample.ljust(least, sample[-1:] or "t")]
            candidates.append(ecma_subset.shortest_match(bounds["pattern"]))
            candidates.append(ecma_subset.sample(bounds["pattern"], least, lean=True))
        return next((each for each in candidates if self.accepts(each)), None)


USER_ID = Field("userId", bounds=(("minLength", 1), ("maxLength", 128)))
MYSFIT_ID = Field("mysfitId", bounds=(("pattern", "^[A-Za-z0-9_-]{1,64}$"),))
DEFAULT_FIELDS = (USER_ID, MYSFIT_ID)
"""The click of the workshop."""


@dataclass(frozen=True)
class Enrichment:
    """The source of a click's attributes: ``path`` below ``mysfits_api`` holds ``{key}`` once.

    ``list`` is the path of the list of all items, empty without a list. ``attributes`` are members of an
    item.
    """

    key: str
    path: str
    list: str
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class Definition:
    """The fields of a click, and the enrichment.

    Raises ConfigError for an inconsistent definition.
    """

    fields: tuple[Field, ...]
    user: str | None
    """The field that holds the user; None: clicks have no user."""

    enrichment: Enrichment | None
    anonymize: bool
    """Whether clicks with the header ``Sec-GPC: 1`` lose their user."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, in order."""
        return tuple(field.name for field in self.fields)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of the attributes, in order."""
        return self.enrichment.attributes if self.enrichment else ()

    @property
    def key(self) -> str | None:
        """The field that names the clicked item; None without enrichment."""
        return self.enrichment.key if self.enrichment else None

    def field(self, name: str) -> Field | None:
        """The field with the name, or None."""
        return next((field for field in self.fields if field.name == name), None)

    def schema(self) -> Schema:
        """The JSON Schema of a click, for the API's model and the processor."""
        required = [field.name for field in self.fields if field.required]
        return {
            "type": "object",
            # Draft 4 allows no empty list.
            **({"required": required} if required else {}),
            "properties": {field.name: field.schema() for field in self.fields} | {"clickId": CLICK_ID},
            "additionalProperties": False,
        }

    @cached_property
    def digest(self) -> str | None:
        """A name for the fields, None for the workshop's; stands in the envelope of each request.

        After a change of the fields, the digest marks the records in the buffers that the earlier model
        validated.
        """
        if self.fields == DEFAULT_FIELDS:
            return None
        return hashlib.sha256(json.dumps(self.schema()).encode()).hexdigest()[:8]

    def environment(self) -> str:
        """The definition as JSON, as the processor reads it from the environment variable CLICK."""
        document: dict[str, Any] = {"schema": self.schema(), "digest": self.digest, "user": self.user}
        document["gpc"] = "anonymize" if self.anonymize else "ignore"
        if self.enrichment:
            document["enrich"] = {
                "key": self.enrichment.key,
                "path": self.enrichment.path,
                "list": self.enrichment.list,
                "attributes": list(self.enrichment.attributes),
            }
        return json.dumps(document, separators=(",", ":"))

    def browser(self) -> str:
        """The definition as JSON for the browser client; empty for the workshop's click."""
        if self.digest is None and self.user == USER_ID.name and self.key in (MYSFIT_ID.name, None):
            return ""
        return browser_client(self.environment())


def browser_client(environment: str) -> str:
    """The browser client's part of a definition, from the value of the variable CLICK."""
    document = json.loads(environment)
    schema, user = document["schema"], document["user"]
    fields = {
        name: field | {"required": name in schema.get("required", ())}
        for name, field in schema["properties"].items()
        if name != "clickId"
    }
    key = document.get("enrich", {}).get("key") or next((name for name in fields if name != user), None)
    return json.dumps({"fields": fields, "user": user, "key": key}, separators=(",", ":"))


def parse_fields(document: Any, path: str) -> tuple[Field, ...]:
    """The fields of a section ``click.fields``; raises ConfigError."""
    if not isinstance(document, Mapping) or not document:
        raise ConfigError(f"{path}: expected fields, such as productId: {{type: string, maxLength: 64}}")
    return tuple(_field(name, value, f"{path}.{name}") for name, value in document.items())


def define(
    fields: tuple[Field, ...], user: str | None, enrichment: Enrichment | None, *, anonymize: bool
) -> Definition:
    """The definition for the settings; raises ConfigError for contradicting settings.

    ``user`` "" selects the default: ``userId``, else the first required string except the key.
    """
    _check_names([field.name for field in fields], "click.fields")
    if enrichment:
        _check_enrichment(enrichment, fields)
    key = enrichment.key if enrichment else None
    definition = Definition(fields, _user(user, fields, key), enrichment, anonymize)
    _check_user(definition)
    used = len(definition.environment().encode()) + len("CLICK")
    room = ENVIRONMENT_BYTES - RESERVED_FOR_OTHER_VARIABLES
    if used > room:
        raise ConfigError(
            f"click: the definition takes {used:,} bytes of the function's environment, and {room:,} is the "
            "limit (Lambda allows 4 KB); use fewer or shorter names, patterns and enum values"
        )
    return definition


def _field(name: Any, document: Any, path: str) -> Field:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ConfigError(
            f"{path}: a field's name is 1 to 64 letters, digits and '_', and does not begin with a digit"
        )
    if not isinstance(document, Mapping):
        raise ConfigError(f"{path}: expected a type and bounds, such as {{type: string, maxLength: 64}}")
    kind = document.get("type", "string")
    if kind not in TYPES:
        raise ConfigError(f"{path}.type: must be one of {', '.join(TYPES)}, found {kind!r}")
    required = document.get("required", True)
    if not isinstance(required, bool):
        raise ConfigError(f"{path}.required: must be true or false, found {required!r}")
    bounds = {key: value for key, value in document.items() if key not in ("type", "required")}
    for key in bounds:
        if key in IGNORED:
            raise ConfigError(f"{path}.{key}: API Gateway ignores {key} (F101); use {_instead(kind)}")
        if key not in BOUNDS[kind]:
            known = ", ".join(("type", "required", *BOUNDS[kind]))
            raise ConfigError(f"{path}.{key}: unknown for type {kind}; known here: {known}")
    checked = _string_bounds(bounds, path) if kind == "string" else _number_bounds(bounds, kind, path)
    return Field(name, kind, tuple(checked.items()), required)


def _instead(kind: str) -> str:
    return ", ".join(BOUNDS[kind]) if BOUNDS[kind] else "required"


def _string_bounds(bounds: dict[str, Any], path: str) -> dict[str, Any]:
    for key in ("minLength", "maxLength"):
        value = bounds.get(key, 0)
        if not _is_int(value) or not 0 <= value <= LONGEST_STRING:
            raise ConfigError(
                f"{path}.{key}: must be between 0 and {LONGEST_STRING} characters, found {value!r}"
            )
    longest = bounds.get("maxLength")
    if "pattern" in bounds:
        pattern = bounds["pattern"]
        if not isinstance(pattern, str):
            raise ConfigError(f"{path}.pattern: expected text, found {pattern!r}")
        try:
            matched = ecma_subset.longest_match(pattern)
        except ecma_subset.PatternError as error:
            raise ConfigError(f"{path}.pattern: {error}") from None
        shortest = len(ecma_subset.shortest_match(pattern))
        if longest is not None and shortest > longest:
            raise ConfigError(
                f"{path}: maxLength {longest} is less than the shortest text of the pattern, {shortest}"
            )
        longest = longest if matched is None else min(matched, longest if longest is not None else matched)
    if "enum" in bounds:
        bounds["enum"] = _choices(bounds["enum"], f"{path}.enum", str)
        for value in bounds["enum"]:
            if not Field("", "string", tuple(bounds.items())).accepts(value):
                raise ConfigError(f"{path}.enum: {value!r} is outside the field's other bounds")
        longest = max(map(len, bounds["enum"]))
    if longest is None:
        raise ConfigError(
            f"{path}: the text has no limit; add maxLength, an enum, or a pattern with ^, $ and no '*' or '+'"
        )
    if longest > LONGEST_STRING:
        raise ConfigError(f"{path}: the text may be {longest} characters long; the limit is {LONGEST_STRING}")
    if bounds.get("minLength", 0) > longest:
        raise ConfigError(f"{path}: minLength {bounds['minLength']} is more than the longest text, {longest}")
    return bounds


def _number_bounds(bounds: dict[str, Any], kind: str, path: str) -> dict[str, Any]:
    wanted = "a whole number" if kind == "integer" else "a number"
    for key in ("minimum", "maximum"):
        if key in bounds and not (_is_int(bounds[key]) or (kind == "number" and _is_finite(bounds[key]))):
            raise ConfigError(f"{path}.{key}: expected {wanted}, found {bounds[key]!r}")
        if key in bounds and abs(bounds[key]) > LARGEST[kind]:
            raise ConfigError(f"{path}.{key}: must be between {-LARGEST[kind]:g} and {LARGEST[kind]:g}")
    if "enum" in bounds:
        if len(bounds) > 1:
            raise ConfigError(f"{path}: use enum, or minimum and maximum, not both")
        bounds["enum"] = _choices(bounds["enum"], f"{path}.enum", int if kind == "integer" else (int, float))
    if bounds.get("minimum", -math.inf) > bounds.get("maximum", math.inf):
        raise ConfigError(f"{path}: minimum {bounds['minimum']} is more than maximum {bounds['maximum']}")
    return bounds


def _choices(values: Any, path: str, kinds: Any) -> tuple[Any, ...]:
    if not isinstance(values, Sequence) or isinstance(values, str) or not 1 <= len(values) <= MOST_CHOICES:
        raise ConfigError(f"{path}: expected a list of 1 to {MOST_CHOICES} values")
    for value in values:
        if (
            not isinstance(value, kinds)
            or isinstance(value, bool)
            or (isinstance(value, float) and not _is_finite(value))
        ):
            raise ConfigError(f"{path}: {value!r} is not of the field's type")
        if isinstance(value, int) and abs(value) > LARGEST["integer"]:
            raise ConfigError(f"{path}: {value} is larger than the integers that JSON readers keep, 2^53 - 1")
    if len(set(values)) < len(values):
        raise ConfigError(f"{path}: a value is written twice")
    return tuple(values)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_names(names: Sequence[str], path: str) -> None:
    """Names of columns: distinct but for case, because Glue and SQL ignore case."""
    seen: dict[str, str] = {name.lower(): name for name in ADDED}
    for name in names:
        other = seen.get(name.lower())
        if other is not None:
            taken = "added by the processor" if other in ADDED else f"as {other}"
            raise ConfigError(f"{path}: the name {name} is taken, {taken}; choose another name")
        seen[name.lower()] = name


def _check_enrichment(enrichment: Enrichment, fields: tuple[Field, ...]) -> None:
    key = next((field for field in fields if field.name == enrichment.key), None)
    if key is None:
        names = ", ".join(field.name for field in fields)
        raise ConfigError(f"enrich.key: {enrichment.key!r} is not a field of click.fields; fields: {names}")
    if key.type not in ("string", "integer"):
        raise ConfigError(f"enrich.key: {key.name} is a {key.type}; a key is a string or an integer")
    if re.findall(r"\{([^{}]*)\}", enrichment.path) != [key.name] or enrichment.path.count("{") != 1:
        raise ConfigError(
            f"enrich.path: must hold {{{key.name}}} once, and no other braces; found {enrichment.path!r}"
        )
    for where, path in (("path", enrichment.path), ("list", enrichment.list)):
        if path and not re.fullmatch(r"/[!-\"$-~]*", path):
            raise ConfigError(f"enrich.{where}: must begin with '/', without spaces and '#'; found {path!r}")
    if "{" in enrichment.list or "}" in enrichment.list:
        raise ConfigError(f"enrich.list: holds no braces; found {enrichment.list!r}")
    if not enrichment.attributes:
        raise ConfigError("enrich.attributes: name at least one attribute, or write `enrich:` with null")
    for name in enrichment.attributes:
        if not NAME.fullmatch(name):
            raise ConfigError(
                f"enrich.attributes: {name!r}: a name is 1 to 64 letters, digits and '_', no digit first"
            )
    _check_names([*(field.name for field in fields), *enrichment.attributes], "enrich.attributes")


def _user(name: str | None, fields: tuple[Field, ...], key: str | None) -> str | None:
    if name is None:
        return None
    if name:
        return name
    texts = [
        field.name for field in fields if field.type == "string" and field.required and field.name != key
    ]
    return "userId" if "userId" in texts else next(iter(texts), None)


def _check_user(definition: Definition) -> None:
    if definition.user is None:
        return
    field = definition.field(definition.user)
    if field is None:
        raise ConfigError(
            f"click.user: {definition.user!r} is not a field of click.fields; fields: "
            f"{', '.join(definition.names)}"
        )
    if field.type != "string":
        raise ConfigError(f"click.user: {field.name} is a {field.type}; the user is a string")
    if field.name == definition.key:
        raise ConfigError(
            f"click.user: {field.name} is the key of the enrichment; choose another field, or null"
        )
    if not field.accepts(ANONYMOUS):
        raise ConfigError(
            f"click.fields.{field.name}: does not accept '{ANONYMOUS}', the user of visitors without a name; "
            "widen the bounds, or write `user: null` below click"
        )
