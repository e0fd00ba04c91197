r"""Regular expressions with equal matches in ECMAScript (API model) and Python (processor).

Grammar: ``^`` and ``$`` at the ends; ASCII characters; escaped punctuation, ``\d`` and ``\w``; character
classes without ``^``; groups ``(…)`` and ``(?:…)``; ``|``; the quantifiers ``?``, ``*``, ``+``, ``{n}``,
``{n,}``, ``{n,m}``. A repeated group holds neither a quantifier of variable length nor ``|``: matching takes
linear time.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

PUNCTUATION = r"\.*+?()[]{}|^$/-"
LARGEST_COUNT = 2048
LONGEST_PATTERN = 512
LITERALS = re.compile(r"[ !-~]")


class PatternError(ValueError):
    """The pattern is not in the subset; the text says why."""


class Part(NamedTuple):
    """The longest match of a pattern's part (None: no limit), and whether matching may branch."""

    longest: int | None
    branches: bool
    sample: str = ""
    """A text that matches; each quantifier repeats once, or as often as it must."""

    shortest: str = ""
    """The shortest text that matches."""


def longest_match(pattern: str) -> int | None:
    """The number of characters of the longest matching text; None without a limit.

    Raises PatternError for a pattern outside the subset. A pattern without ``^`` and ``$`` has no limit.
    """
    starts, ends = pattern.startswith("^"), _ends_anchored(pattern)
    part = _read(pattern)
    compiled(pattern)
    return part.longest if starts and ends else None


def shortest_match(pattern: str) -> str:
    """The shortest matching text; raises PatternError for a pattern outside the subset."""
    return _read(pattern).shortest


def sample(pattern: str, least: int = 0, *, lean: bool = False) -> str:
    """A matching text of at least ``least`` characters, if the quantifiers allow the length.

    ``lean`` leaves out optional parts where ``least`` allows. Raises PatternError for a pattern outside the
    subset.
    """
    found = _read(pattern, lean=lean).sample
    return found if len(found) >= least else _read(pattern, least - len(found), lean=lean).sample


def _read(pattern: str, stretched: int = 0, *, lean: bool = False) -> Part:
    if len(pattern) > LONGEST_PATTERN:
        raise PatternError(f"longer than {LONGEST_PATTERN} characters")
    starts, ends = pattern.startswith("^"), _ends_anchored(pattern)
    reader = _Reader(pattern[starts : len(pattern) - ends], stretched, lean=lean)
    part, alternatives = reader.alternation()
    if reader.rest:
        raise PatternError("a ')' without its '('")
    if alternatives > 1 and (starts or ends):
        raise PatternError("write ^(?:a|b)$ in place of ^a|b$")
    return part


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    r"""A pattern of the subset for ``search``; ``$`` becomes ``\Z``.

    In Python, ``$`` also matches before a final "\n".
    """
    try:
        return re.compile(pattern[:-1] + r"\Z" if _ends_anchored(pattern) else pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"not a regular expression: {error}") from None


def _ends_anchored(pattern: str) -> bool:
    before = pattern[:-1]
    escaped = (len(before) - len(before.rstrip("\\"))) % 2 == 1
    return pattern.endswith("$") and not escaped


class _Reader:
    """Reads a pattern from left to right.

    Samples are lengthened by up to ``stretched`` repetitions.
    """

    def __init__(self, text: str, stretched: int = 0, *, lean: bool = False) -> None:
        self._text = text
        self._fewest = 0 if lean else 1
        self._at = 0
        self._stretched = stretched

    @property
    def rest(self) -> str:
        return self._text[self._at :]

    def alternation(self) -> tuple[Part, int]:
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        return _either(parts), len(parts)

    def _sequence(self) -> Part:
        longest: int | None = 0
        branches, sample, shortest = False, "", ""
        while self.rest and self.rest[0] not in "|)":
            part = self._quantified()
            longest = None if longest is None or part.longest is None else longest + part.longest
            branches = branches or part.branches
            sample += part.sample
            shortest += part.shortest
        return Part(longest, branches, sample, shortest)

    def _quantified(self) -> Part:
        part, is_group = self._atom()
        least, most = self._quantifier()
        if self.rest[:1] in ("?", "*", "+", "{") and self.rest:
            raise PatternError(f"a quantifier after another: {self.rest[0]!r}")
        if is_group and part.branches and most != 1:
            raise PatternError("a repeated group holds no '|' and no quantifier of variable length")
        longest = None if most is None or part.longest is None else most * part.longest
        times = max(least, self._fewest) if most is None or most > 0 else 0
        if self._stretched and part.sample:
            more = self._stretched if most is None else min(self._stretched, most - times)
            times, self._stretched = times + more, self._stretched - more
        return Part(longest, part.branches or least != most, part.sample * times, part.shortest * least)

    def _atom(self) -> tuple[Part, bool]:
        if self._take("(?:") or (not self.rest.startswith("(?") and self._take("(")):
            part, _ = self.alternation()
            if not self._take(")"):
                raise PatternError("a '(' without its ')'")
            return part, True
        if self._take("["):
            sample = self._class()
        elif self._take("\\"):
            sample = self._escape() or "1"
        else:
            sample = self._next()
            if sample in PUNCTUATION.replace("/", "").replace("-", ""):
                raise PatternError(f"{self._named(sample)} is not supported here")
        return Part(1, branches=False, sample=sample, shortest=sample), False

    def _class(self) -> str:
        """A character class; returns a character of the class."""
        if self.rest.startswith("^"):
            raise PatternError("'[^…]' matches characters beyond ASCII differently; list what is allowed")
        sample = ""
        while not self._take("]"):
            first = self._class_character()
            sample = sample or first or "1"
            if self.rest.startswith("-") and not self.rest.startswith("-]"):
                self._take("-")
                last = self._class_character()
                if first is None or last is None or first > last:
                    raise PatternError("a range in '[…]' runs from a lower to a higher character")
        if not sample:
            raise PatternError("'[]' is empty")
        return sample

    def _class_character(self) -> str | None:
        r"""A character of a class; None for an escaped class like ``\d``."""
        if self._take("\\"):
            return self._escape()
        character = self._next()
        if (character in "[&~|" and self.rest[:1] == character) or character == "[":
            raise PatternError(f"write {character!r} in '[…]' as '\\{character}'")
        return character

    def _escape(self) -> str | None:
        r"""The character after a backslash; None for ``\d`` and ``\w``, whose example is 1."""
        character = self._next()
        if character in "dw":
            return None
        if character not in PUNCTUATION:
            raise PatternError(
                f"'\\{character}' is not supported; supported: \\d, \\w and escaped punctuation"
            )
        return character

    def _quantifier(self) -> tuple[int, int | None]:
        for sign, counts in {"?": (0, 1), "*": (0, None), "+": (1, None)}.items():
            if self._take(sign):
                return counts
        if not self.rest.startswith("{"):
            return 1, 1
        match = re.match(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}", self.rest, re.ASCII)
        if not match:
            raise PatternError("a '{' that begins no quantifier such as {2,5}; write '\\{'")
        self._at += match.end()
        least = int(match[1])
        most = least if not match[2] else None if match[3] is None else int(match[3])
        if least > LARGEST_COUNT or (most is not None and not least <= most <= LARGEST_COUNT):
            raise PatternError(f"{match[0]}: counts go up to {LARGEST_COUNT}, the lower first")
        return least, most

    def _next(self) -> str:
        if not self.rest:
            raise PatternError("ends in the middle")
        character = self.rest[0]
        if not LITERALS.fullmatch(character):
            raise PatternError(f"{character!r} is not printable ASCII")
        self._at += 1
        return character

    def _take(self, token: str) -> bool:
        found = self.rest.startswith(token)
        self._at += len(token) * found
        return found

    @staticmethod
    def _named(character: str) -> str:
        hints = {".": "'.' (a line's end differs; use a class)", "^": "'^' (only at the beginning)"}
        return hints.get(character, repr(character)) if character != "$" else "'$' (only at the end)"


def _either(parts: list[Part]) -> Part:
    lengths = [part.longest for part in parts]
    longest = None if None in lengths else max(length for length in lengths if length is not None)
    shortest = min((part.shortest for part in parts), key=len)
    return Part(longest, len(parts) > 1 or any(part.branches for part in parts), parts[0].sample, shortest)
