"""Expressions in S3 prefixes, by Firehose's rules (F89).

A prefix holds ``!{timestamp:…}`` with a pattern of Java's DateTimeFormatter, and ``!{firehose:…}``. Firehose
rejects further namespaces, unless dynamic partitioning is on, and every invalid pattern of Java.
"""

from __future__ import annotations

import re

ERROR_TYPE = "processing-failed"
"""The value of ``!{firehose:error-output-type}`` for records that the processor could not process."""

FIREHOSE_VALUES = ("random-string", "error-output-type")

EXPRESSION = re.compile(r"!\{([^}]*)\}")
DATE_TOKEN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']")
DEFAULT_DATE = "!{timestamp:yyyy/MM/dd/HH}/"

_EXPRESSION = re.compile(r"!\{([^}]*)(\}?)")
_TOKEN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", re.DOTALL)
# Letter -> how many of that letter may stand together.
_COUNTS: dict[str, range | tuple[int, ...]] = {
    **dict.fromkeys("uyYgAnN", range(1, 20)),
    **dict.fromkeys("GQqMLEeZXx", range(1, 6)),
    **dict.fromkeys("wdHkKhms", (1, 2)),
    **dict.fromkeys("WFa", (1,)),
    **dict.fromkeys("vO", (1, 4)),
    "D": range(1, 4),
    "S": range(1, 10),
    "c": (1, 3, 4, 5),
    "B": (1, 4, 5),
    "V": (2,),
    "z": range(1, 5),
}


def literal(pattern: str) -> str:
    """The part of a pattern that every key begins with."""
    return pattern.partition("!{")[0]


def delivered_pattern(prefix: str) -> str:
    """The pattern of delivered objects' keys: Firehose adds a missing date and hour (F88)."""
    return prefix if "!{timestamp:" in prefix else prefix + DEFAULT_DATE


def rejection(prefix: str) -> str | None:
    """Firehose's reason to reject a prefix for its expressions, or None."""
    for expression in _EXPRESSION.finditer(prefix):
        namespace, colon, value = expression[1].partition(":")
        if not expression[2]:
            return f"the expression {expression[0]} has no closing brace"
        if namespace == "timestamp" and colon:
            if reason := date_pattern_rejection(value):
                return f"{reason} in {expression[0]}"
        elif namespace == "firehose":
            if value not in FIREHOSE_VALUES:
                return f"{expression[0]} is unknown; write !{{firehose:random-string}}"
        else:
            return f"{expression[0]} is unknown; write !{{timestamp:…}} or !{{firehose:random-string}}"
    return None


def date_pattern_rejection(pattern: str) -> str | None:
    """The reason of Java's DateTimeFormatter to reject a pattern, or None."""
    depth = 0
    padded = False
    for match in _TOKEN.finditer(pattern):
        part = match[0]
        if padded and match[1] in (None, "p"):
            return "the padding letter p is not followed by another letter"
        padded = match[1] == "p"
        depth += {"[": 1, "]": -1}.get(part, 0)
        if part == "'":
            return "a quote is not closed"
        if depth < 0:
            return "']' closes no '['"
        if part in ("{", "}", "#"):
            return f"the character {part} is reserved"
        if match[1] and not padded and len(part) not in _COUNTS.get(match[1], ()):
            return f"{part} is no date pattern"
    return "the padding letter p is not followed by another letter" if padded else None
