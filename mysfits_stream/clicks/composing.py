"""Test clicks of any definition, with plausible values for missing required fields."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import requests

from mysfits_stream import bounded_http
from mysfits_stream.click_definition import Definition, Field
from mysfits_stream.errors import ClickError

SECONDS = 10.0  # the processor waits for 5
TEST_USER = "test-"
"""Begins the user of a test click that names none, followed by eight random characters."""


def items(definition: Definition, mysfits_api: str, seconds: float = SECONDS) -> list[Any]:
    """The keys of the items in the Mysfits service's list. Raises ClickError.

    The list is an array of objects with the key, or an object with a single array of such objects.
    """
    enrichment = definition.enrichment
    if enrichment is None or not enrichment.list:
        raise ClickError(
            "enrich.list is empty, so that no list of items can be read; name the item with --mysfit"
        )
    url = f"{mysfits_api.rstrip('/')}{enrichment.list}"
    advice = "check mysfits_api, or name a mysfit with --mysfit"
    try:
        response = bounded_http.send("GET", url, seconds=seconds)
        if response.status != 200:
            raise ValueError(f"HTTP {response.status}")
        document = response.json()
    except (requests.RequestException, ValueError) as error:
        raise ClickError(f"the Mysfits service does not respond at {url}: {error}; {advice}") from error
    key = definition.field(enrichment.key)
    found = [each.get(enrichment.key) for each in listed(document) or () if isinstance(each, dict)]
    usable = [value for value in found if key and key.accepts(value)]
    if not usable:
        raise ClickError(f"the Mysfits service lists no mysfits at {url}; {advice}")
    return usable


def listed(document: Any) -> list[Any] | None:
    """The items of a list: an array, or the only array of an object.

    None for any further document.
    """
    members = document.values() if isinstance(document, dict) else (document,)
    arrays = [value for value in members if isinstance(value, list)]
    return arrays[0] if len(arrays) == 1 else None


def given(definition: Definition, texts: Mapping[str, str], option: str = "--field") -> dict[str, Any]:
    """The values of fields given as text, by the fields' types.

    Raises ClickError for an invalid value.
    """
    values = {}
    for name, text in texts.items():
        field = definition.field(name)
        if field is None:
            raise ClickError(
                f"{option}: {name!r} is not a field of a click; fields: {', '.join(definition.names)}"
            )
        values[name] = _value(field, text)
        if not field.accepts(values[name]):
            raise ClickError(f"{option}: {name}: {text!r} is not valid; {describe(field)}")
    return values


def complete(definition: Definition, values: Mapping[str, Any]) -> dict[str, Any]:
    """A click with the given values, and a plausible value for every missing required field."""
    return {
        field.name: values[field.name] if field.name in values else _plausible(field, definition)
        for field in definition.fields
        if field.required or field.name in values
    }


def test_click(
    definition: Definition,
    mysfits_api: Callable[[], str],
    *,
    user: str | None = None,
    mysfit: str | None = None,
    fields: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Compose a test click.

    ``mysfit`` is a key as text, ``random``, or None for the first item of the list.
    ``mysfits_api`` returns the base URL of the Mysfits service, and is called only if the list is needed.
    Raises ClickError.
    """
    return test_clicks(definition, mysfits_api, 1, user=user, mysfit=mysfit, fields=fields)[0]


def test_clicks(
    definition: Definition,
    mysfits_api: Callable[[], str],
    count: int,
    *,
    user: str | None = None,
    mysfit: str | None = None,
    fields: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """``count`` test clicks as in :func:`test_click`; ``random`` chooses an item per click."""
    values = given(definition, fields or {})
    if user is not None:
        if definition.user is None:
            raise ClickError("--user: clicks have no user (click.user is null); leave the option out")
        values |= given(definition, {definition.user: user}, "--user")
    key = definition.key
    if mysfit is not None and key is None:
        raise ClickError("--mysfit: clicks have no key (enrich is null); use --field NAME=VALUE")
    keys: list[Any] = []
    if key is not None and mysfit not in (None, "random"):
        values |= given(definition, {key: mysfit}, "--mysfit")
    elif (
        key is not None
        and key not in values
        and (mysfit == "random" or (definition.enrichment and definition.enrichment.list))
    ):
        keys = items(definition, mysfits_api())
        keys = keys if mysfit == "random" else keys[:1]
    return [
        complete(definition, values | ({key: secrets.choice(keys)} if key and keys else {}))
        for _ in range(count)
    ]


def describe(field: Field) -> str:
    """The type and bounds of a field, for a message."""
    bounds = ", ".join(f"{key} {json.dumps(value)}" for key, value in field.bounds)
    return f"expected {field.type}{': ' if bounds else ''}{bounds}"


def _value(field: Field, text: str) -> Any:
    if field.type == "string":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _plausible(field: Field, definition: Definition) -> Any:
    if field.name == definition.user and field.accepts(user := TEST_USER + secrets.token_hex(4)):
        return user
    value = field.plausible()
    if value is None:
        raise ClickError(
            f"cannot compose a value for the field {field.name}; set a value: --field {field.name}=VALUE"
        )
    return value
