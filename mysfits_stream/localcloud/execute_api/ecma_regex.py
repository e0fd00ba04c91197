"""Patterns of JSON Schema as ECMA 262 means them, which is how API Gateway's validator reads them.

Only what differs from Python is rewritten: ``$`` ends before no final newline, ``.`` stops at every line
terminator, ``\\d`` and ``\\w`` are ASCII, and ``\\s`` is the white space of ECMA.
"""

from __future__ import annotations

import re
from functools import lru_cache

# An escape, a character class, or a single character that Python reads otherwise.
TOKEN = re.compile(r"\\(?:c[A-Za-z]|.)|\[(?:\\.|[^\]\\])*\]|[.$]", re.DOTALL)
IN_CLASS = re.compile(r"\\(?:c[A-Za-z]|.)|[\[&|~]", re.DOTALL)  # Python keeps these for sets of sets
SPACE = r"\t\n\x0b\x0c\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
WORDS = {r"\d": "0-9", r"\w": "A-Za-z0-9_", r"\s": SPACE}


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text. Raises re.error for one that is none."""
    return compiled(pattern).search(text) is not None


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as one of Python's. Raises re.error for one that is none."""
    return re.compile(TOKEN.sub(_outside, pattern), re.ASCII)


def _outside(token: re.Match[str]) -> str:
    text = token[0]
    if text == "$":
        return r"\Z"
    if text == ".":
        return r"[^\n\r\u2028\u2029]"
    if text.startswith("["):
        # Empty classes are legal: nothing, and anything.
        return {"[]": "(?!)", "[^]": r"[\s\S]"}.get(text) or f"[{IN_CLASS.sub(_inside, text[1:-1])}]"
    if text == r"\S":
        return f"[^{SPACE}]"
    return f"[{WORDS[text]}]" if text in WORDS else _escape(text)


def _inside(token: re.Match[str]) -> str:
    text = token[0]
    if len(text) == 1:
        return f"\\{text}"
    return WORDS.get(text) or _escape(text)


def _escape(text: str) -> str:
    """An escape outside of Python's: a control letter, a terminator, or a letter that means itself."""
    if text.startswith(r"\c") and len(text) == 3:
        return re.escape(chr(ord(text[2]) % 32))
    if text == r"\0":
        return r"\x00"
    if text[1].isalpha() and text[1] not in "bBDWSdwsfnrtvxu":
        return re.escape(text[1])
    return text
