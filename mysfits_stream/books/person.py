"""The clicks of a person: the clicks with a value in a field."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
DEPTH = 4
"""How many levels of escapes are resolved: JSON in a text of JSON has two."""

WIDE = (("utf-16-le", 2), ("utf-16-be", 2), ("utf-32-le", 4), ("utf-32-be", 4))
"""Encodings with zero bytes, and the bytes of a unit."""

NARROW = ("cp1252", "latin-1")
"""Encodings for data that is not UTF-8."""


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
        """Whether text can contain the value: encoded, escaped, or as another form of a number."""
        return self._is_scalar or b"\\" in data or b"\0" in data or any(form in data for form in self._forms)

    def owns(self, click: dict[str, Any]) -> bool:
        """Whether the click has the value in the field."""
        return canonical(click.get(self.field)) == self.value

    def occurs_in(self, data: bytes) -> bool:
        """Whether the value occurs in the data, escaped or not, and not as a part of a longer ID."""
        return any(self._occurs(text) for text in _texts(data))

    def _occurs(self, text: str) -> bool:
        for _ in range(DEPTH):
            if self._is_apart(text):
                return True
            if "\\" not in text:
                return False
            text = unescaped(text)
        return self._is_apart(text)

    def _is_apart(self, text: str) -> bool:
        at = text.find(self.value)
        while at >= 0:
            beside = text[max(0, at - 1) : at] + text[at + len(self.value) : at + len(self.value) + 1]
            if not any(map(_continues, beside)):
                return True
            at = text.find(self.value, at + 1)
        return False

    @cached_property
    def _forms(self) -> tuple[bytes, ...]:
        """The bytes of the value in encodings without zero bytes."""
        found = {self.value.encode(encoding, "ignore") for encoding in ("utf-8", *NARROW)}
        return tuple(form for form in found if form)

    @cached_property
    def _is_scalar(self) -> bool:
        """Whether a number or a boolean can have the value."""
        try:
            return not isinstance(json.loads(self.value), str | list | dict)
        except (ValueError, RecursionError):
            return False


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


def _texts(data: bytes) -> Iterator[str]:
    """The data as text, in each encoding that the data can have."""
    try:
        yield data.decode()
    except UnicodeDecodeError:
        for encoding in ("utf-8", *NARROW):
            yield data.decode(encoding, "replace")
    if b"\0" in data:
        for encoding, width in WIDE:
            # A line that was split off at a byte can begin within a unit.
            for shift in range(width):
                yield (data[shift:] + bytes(width)).decode(encoding, "replace")


def _continues(character: str) -> bool:
    """Whether a character continues an ID: ``u-1`` is not in ``u-12``, nor before an emoji."""
    if character in "_-" or character.isalnum():
        return True
    # Marks, symbols and joiners; the replacement character stands for bytes that are no text.
    category = unicodedata.category(character)
    return character > "\x7f" and character != "\ufffd" and (category[0] in "MS" or category == "Cf")


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
