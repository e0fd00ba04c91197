"""Patterns of models, where ECMA 262 and Python differ, and where they must not."""

from __future__ import annotations

import pytest
from regress import RegressError

from mysfits_stream.localcloud.execute_api.json_schema import matches

CASES = [
    ("a dollar ends before no newline", "^[A-Za-z0-9_-]{1,64}$", "m-1", "m-1\n"),
    ("a dollar ends an alternative", "^(a$|b)", "a", "a\n"),
    ("an escaped dollar is itself", r"\$$", "5$", "5"),
    ("a dollar in a class is itself", "^[$.]+$", "$.$", "a"),
    ("a dot stops at every line terminator", "^a.b$", "a\x85b", "a\u2028b"),
    ("a dot stops at a carriage return", "^a.b$", "a\tb", "a\rb"),
    ("an escaped dot is itself", r"^a\.b$", "a.b", "axb"),
    ("digits are ASCII", r"^\d$", "7", "\u0667"),
    ("digits in a class are ASCII", r"^[\d_]+$", "7_", "\u0667"),
    ("what is no digit may be one elsewhere", r"^\D$", "\u0667", "7"),
    ("words are ASCII", r"^\w+$", "az_9", "\u00e9"),
    ("words in a negated class are ASCII", r"^[^\w]$", "\u00e9", "e"),
    ("white space is Unicode's and the byte order mark", r"^\s+$", " \t\u00a0\ufeff\u3000", "\x1c"),
    ("what is no white space", r"^\S$", "\x1c", "\ufeff"),
    ("an empty class matches nothing", "^[]?a$", "a", "[]a"),
    ("a class of everything", "^[^]$", "\n", ""),
    ("a bracket in a class is itself", "^[[]$", "[", "]"),
    ("sets of sets are none", "^[a&&b]$", "&", "c"),
    ("a control letter", r"^\cJ$", "\n", "J"),
    ("an unknown escape is its letter", r"^\Z\A$", "ZA", ""),
    ("a slash may be escaped", r"^a\/b$", "a/b", "ab"),
    ("a code unit by its number", r"^\u0041\x42\0$", "AB\0", "AB0"),
    ("a pattern is found anywhere", "b+", "abbc", "ac"),
]


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_pattern_is_read_as_ecma_262_means_it(pattern: str, fits: str, does_not: str) -> None:
    assert matches(pattern, fits)
    assert not matches(pattern, does_not)


def test_what_is_no_pattern_is_an_error() -> None:
    with pytest.raises(RegressError):
        matches("(", "(")
