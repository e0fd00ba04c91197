"""The limits of settings: each gives the reason to reject a value.

``config.py`` attaches a limit to a setting, and names the fact or the comment with the limit's source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mysfits_stream import bucket_names, origins
from mysfits_stream.key_prefixes import rejection

TAG_KEY, TAG_VALUE = r"[\w .:/=+@-]{1,128}", r"[\w .:/=+@-]{0,256}"
MOST_TAGS = 45
"""A resource has at most 50 tags (F46), and one of these is the owner tag."""


class JsonText(str):
    """A JSON document of any shape, as text."""


@dataclass(frozen=True)
class OneOf:
    """The value is a member of a set."""

    choices: tuple[Any, ...]

    def complaint(self, value: Any) -> str | None:
        """The reason to reject ``value``, if any."""
        return None if value in self.choices else f"must be one of {', '.join(map(str, self.choices))}"


@dataclass(frozen=True)
class Between:
    """The number lies between two others, both included."""

    least: float
    most: float
    unit: str = ""

    def complaint(self, value: Any) -> str | None:
        """The reason to reject ``value``, if any."""
        if self.least <= value <= self.most:
            return None
        return f"must be between {self.least:g} and {self.most:g} {self.unit}".rstrip()


@dataclass(frozen=True)
class Matching:
    """The text matches a regular expression as a whole."""

    pattern: str
    meaning: str

    def complaint(self, value: Any) -> str | None:
        """The reason to reject ``value``, if any."""
        return None if re.fullmatch(self.pattern, value) else f"must be {self.meaning}"


@dataclass(frozen=True)
class Origins:
    """The origins whose pages may use the API: ``*``, or a list."""

    def complaint(self, values: tuple[str, ...]) -> str | None:
        """The reason to reject ``values``, if any."""
        if values == ("*",) or (values and _are_origins(values) and len(set(values)) == len(values)):
            return None
        return "must be '*' alone, or different origins such as https://www.example.com"


@dataclass(frozen=True)
class NamedOrigins:
    """The origins whose pages may use the local cloud; empty by default."""

    def complaint(self, values: tuple[str, ...]) -> str | None:
        """The reason to reject ``values``, if any."""
        return None if _are_origins(values) else "must be origins such as http://localhost:8000"


@dataclass(frozen=True)
class BucketName:
    """A valid bucket name in S3."""

    def complaint(self, value: str) -> str | None:
        """The reason to reject ``value``, if any."""
        reason = bucket_names.rejection(value)
        return f"must be a bucket name that S3 accepts: {reason}" if reason else None


@dataclass(frozen=True)
class StackName:
    """A name of a stack, and the beginning of its bucket's name."""

    shape: Matching = Matching(
        # The bucket's name is the narrowest: 63 characters hold stack, account and the longest region.
        r"[a-z][a-z0-9-]{1,30}[a-z0-9]",
        "3 to 32 of a-z, 0-9 and '-', beginning with a letter and not ending with '-'",
    )

    def complaint(self, value: str) -> str | None:
        """The reason to reject ``value``, if any."""
        if complaint := self.shape.complaint(value):
            return complaint
        reserved = next((each for each in bucket_names.RESERVED_PREFIXES if value.startswith(each)), None)
        return (
            f"must not begin with {reserved}: S3 reserves it, and the bucket's name begins so"
            if reserved
            else None
        )


@dataclass(frozen=True)
class KeyPrefix:
    """The beginning of S3 keys, with expressions valid in Firehose (F89)."""

    shape: Matching = Matching(
        r"([!-~]{1,400}/)?", "at most 400 printable characters that end with a slash, or empty"
    )
    forbidden: str | None = None

    def complaint(self, value: str) -> str | None:
        """The reason to reject ``value``, if any."""
        if complaint := self.shape.complaint(value):
            return complaint
        if self.forbidden and self.forbidden in value:
            return f"must not contain {self.forbidden}"
        if reason := rejection(value):
            return f"must be a prefix that Firehose accepts: {reason}"
        return None


@dataclass(frozen=True)
class Headers:
    """Names of HTTP headers."""

    def complaint(self, values: tuple[str, ...]) -> str | None:
        """The reason to reject ``values``, if any."""
        if all(re.fullmatch(r"[A-Za-z0-9!#$%&*+.^_|~-]+", value) for value in values):
            return None
        return "must be names of HTTP headers such as traceparent"


@dataclass(frozen=True)
class Tags:
    """Tags valid in all services: S3, IAM, Lambda, Firehose, API Gateway and CloudWatch Logs."""

    def complaint(self, values: tuple[tuple[str, str], ...]) -> str | None:
        """The reason to reject ``values``, if any."""
        for key, value in values:
            if key.lower().startswith(("aws:", "mysfits-stream:")):
                return f"keys that begin with aws: or mysfits-stream: are reserved, such as {key}"
            if not re.fullmatch(TAG_KEY, key) or not re.fullmatch(TAG_VALUE, value):
                return "must be keys of 1 to 128, values of 0 to 256 letters, digits, spaces and _.:/=+-@"
        return None if len(values) <= MOST_TAGS else f"must be at most {MOST_TAGS} tags"


@dataclass(frozen=True)
class ResourcePolicy:
    """The policy document of a REST API."""

    def complaint(self, value: JsonText) -> str | None:
        """The reason to reject ``value``, if any."""
        statements = json.loads(value).get("Statement")
        if isinstance(statements, list) and statements and all(map(self._is_statement, statements)):
            return None
        return "must have Version and a list Statement, each with Effect, Principal, Action and Resource"

    def _is_statement(self, found: Any) -> bool:
        elements = ("Principal", "Action", "Resource")
        return (
            isinstance(found, Mapping)
            and "Effect" in found
            and all({each, f"Not{each}"} & found.keys() for each in elements)
        )


Limit = (
    OneOf
    | Between
    | Matching
    | Origins
    | NamedOrigins
    | BucketName
    | StackName
    | KeyPrefix
    | Headers
    | Tags
    | ResourcePolicy
)


def normalized_origins(values: tuple[str, ...]) -> tuple[str, ...]:
    """Origins as browsers send origins; invalid origins stay, for the limit to reject."""
    return tuple(_origin_of(value) or value for value in values)


def _are_origins(values: tuple[str, ...]) -> bool:
    return all(_origin_of(value) == value for value in values)


def _origin_of(text: str) -> str | None:
    try:
        return origins.normalized(text)
    except ValueError:
        return None
