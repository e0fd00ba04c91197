"""The clicks of a person: the clicks with a value in a field."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
OF_AN_ID = r"[A-Za-z0-9_-]"
"""Characters that continue an ID: ``u-1`` does not occur in ``u-12``."""


class Wanted(Protocol):
    """Decides whether a click belongs to the person."""

    def may_be_in(self, data: bytes) -> bool:
        """Whether JSON text can contain a click of the person; False is certain."""

    def owns(self, click: dict[str, Any]) -> bool:
        """Whether a parsed click is the person's."""

    def occurs_in(self, data: bytes) -> bool:
        """Whether an unparsable record contains the value."""


@dataclass(frozen=True)
class Person:
    """The clicks with ``value`` in ``field``; numbers and booleans compare by their JSON text."""

    field: str
    value: str

    def may_be_in(self, data: bytes) -> bool:
        """Whether text can contain the value: as UTF-8, with escapes, as UTF-16.

        Numbers have many forms.
        """
        return self._is_scalar or self._bytes in data or b"\\" in data or b"\0" in data

    def owns(self, click: dict[str, Any]) -> bool:
        """Whether the click has the value in the field."""
        return canonical(click.get(self.field)) == self.value

    def occurs_in(self, data: bytes) -> bool:
        """Whether the value occurs in the data, escaped or not, and not as a part of a longer ID."""
        text = data.decode("utf-8", "replace")
        if self._pattern.search(text) or ("\\" in text and self._pattern.search(unescaped(text))):
            return True
        return b"\0" in data and any(
            self.value.encode(encoding) in data for encoding in ("utf-16-le", "utf-16-be")
        )

    @cached_property
    def _bytes(self) -> bytes:
        return self.value.encode()

    @cached_property
    def _is_scalar(self) -> bool:
        """Whether a number or a boolean can have the value."""
        try:
            return not isinstance(json.loads(self.value), str | list | dict)
        except (ValueError, RecursionError):
            return False

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(f"(?<!{OF_AN_ID}){re.escape(self.value)}(?!{OF_AN_ID})")


@dataclass(frozen=True)
class HashedPerson:
    """A person known by a salted hash only; unparsable records cannot be searched."""

    field: str
    salt: str
    hash: str

    def may_be_in(self, data: bytes) -> bool:
        """True: a hash cannot be searched in text."""
        return True

    def owns(self, click: dict[str, Any]) -> bool:
        """Whether the hash of the click's value is the person's."""
        value = canonical(click.get(self.field))
        return value is not None and salted_hash(self.salt, value) == self.hash

    def occurs_in(self, data: bytes) -> bool:
        """False: a hash cannot be searched in text."""
        return False


def canonical(value: Any) -> str | None:
    """A scalar as text: text unchanged, 5.0 as 5, true as ``true``; None for lists and objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value) if isinstance(value, int | float) else None


def salted_hash(salt: str, value: str) -> str:
    """The hash of a value in a receipt; a short value can be found by trying all values."""
    return hashlib.sha256(f"{salt}\n{value}".encode("utf-8", "surrogatepass")).hexdigest()


def unescaped(text: str) -> str:
    """The text with JSON's escapes resolved, whether or not the text is JSON."""

    def resolved(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        return ESCAPED.get(found[2], found[2])

    # Characters beyond U+FFFF are escaped as two surrogates.
    return ESCAPE.sub(resolved, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def is_click(document: Any) -> bool:
    """Whether a parsed document can be a click: an object of scalars."""
    return isinstance(document, dict) and not any(
        isinstance(value, dict | list) for value in document.values()
    )


def parse(text: bytes | str) -> Any:
    """A JSON document.

    Raises ValueError, also for a repeated key, whose value depends on the reader.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key occurs twice")
    return document
