"""What Firehose calls the S3 objects that it writes (F85, F88, F89).

A key is the evaluated prefix and a suffix, glued together without a slash. Prefixes hold expressions,
``!{timestamp:…}`` with the patterns of Java's DateTimeFormatter and ``!{firehose:…}``.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
import string
import uuid
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

EXPRESSION = re.compile(r"!\{([^}]*)\}?")
DEFAULT_DATE = "!{timestamp:yyyy/MM/dd/HH/}"
MAX_EVALUATED = 512
EXTENSIONS = {
    "UNCOMPRESSED": "",
    "GZIP": ".gz",
    "ZIP": ".zip",
    "Snappy": ".snappy",
    "HADOOP_SNAPPY": ".snappy",  # whatever the documentation says (F88)
}
RANDOM_ALPHABET = string.ascii_letters + string.digits


class PrefixError(ValueError):
    """A prefix that Firehose refuses; the text is AWS's."""


def object_key(
    prefix: str, *, stream: str, version: int, oldest: float, time_zone: str = "UTC", extension: str = ""
) -> str:
    """The key of an object of delivered records; ``oldest`` is the arrival of its oldest record."""
    if "timestamp" not in (namespace for namespace, _ in expressions(prefix)):
        prefix += DEFAULT_DATE
    return _key(prefix, "", stream, version, oldest, time_zone, extension)


def error_object_key(
    prefix: str,
    error_prefix: str,
    error_type: str,
    *,
    stream: str,
    version: int,
    oldest: float,
    time_zone: str = "UTC",
) -> str:
    """The key of an object of failed records; only without an error prefix a date follows by itself (F85)."""
    template = error_prefix or f"{prefix}{error_type}/{DEFAULT_DATE}"
    return _key(template, error_type, stream, version, oldest, time_zone, "")


def check_prefixes(prefix: str, error_prefix: str) -> None:
    """Raises PrefixError, with AWS's words, for prefixes that Firehose does not accept (F89)."""
    in_prefix, in_error = list(expressions(prefix)), list(expressions(error_prefix))
    if ("firehose", "error-output-type") in in_prefix:
        raise PrefixError("Prefix must not contain any occurrence of !{firehose:error-output-type}")
    if in_prefix and not error_prefix:
        raise PrefixError("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions")
    if in_error and ("firehose", "error-output-type") not in in_error:
        raise PrefixError(
            "ErrorOutputPrefix must contain at least one occurrence of !{firehose:error-output-type}"
        )
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for member, text in (("Prefix", prefix), ("ErrorOutputPrefix", error_prefix)):
        if len(_evaluated(text, now, "processing-failed", member)) > MAX_EVALUATED:
            raise PrefixError(f"{member} must not be longer than {MAX_EVALUATED} characters once evaluated")


def expressions(prefix: str) -> Iterator[tuple[str, str]]:
    """The expressions of a prefix, as namespace and value."""
    for match in EXPRESSION.finditer(prefix):
        namespace, _, value = match[1].partition(":")
        yield namespace, value


def _key(
    template: str, error_type: str, stream: str, version: int, oldest: float, time_zone: str, extension: str
) -> str:
    moment = dt.datetime.fromtimestamp(oldest, ZoneInfo(time_zone or "UTC"))
    suffix = f"{stream}-{version}-{moment:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}{extension}"
    return _evaluated(template, moment, error_type, "Prefix") + suffix


def _evaluated(template: str, moment: dt.datetime, error_type: str, member: str) -> str:
    def value_of(match: re.Match[str]) -> str:
        namespace, _, value = match[1].partition(":")
        if not match[0].endswith("}"):
            raise PrefixError(f"The expression {match[0]} in {member} has no end")
        if namespace == "timestamp":
            return _formatted(moment, value, member)
        if (namespace, value) == ("firehose", "error-output-type"):
            return error_type
        if (namespace, value) == ("firehose", "random-string"):
            return "".join(secrets.choice(RANDOM_ALPHABET) for _ in range(11))
        raise PrefixError(f"The expression {match[0]} in {member} is not supported")

    return EXPRESSION.sub(value_of, template)


def _formatted(moment: dt.datetime, pattern: str, member: str) -> str:
    """A moment by a pattern of Java's DateTimeFormatter, as far as a prefix has a use for it."""
    text = ""
    for token in _tokens(pattern):
        if token.startswith("'") and len(token) > 1:
            text += token[1:-1].replace("''", "'") or "'"
        elif token[0].isalpha():
            formatter = _LETTERS.get(token[0])
            if formatter is None:
                raise PrefixError(
                    f"Invalid conversion character used in the value of the expression in {member}"
                )
            text += formatter(moment, len(token))
        else:
            text += token
    return text


def _tokens(pattern: str) -> Iterator[str]:
    """Quoted text, runs of one letter, and anything else one by one."""
    for match in re.finditer(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", pattern, re.DOTALL):
        yield match[0]


def _number(part: Callable[[dt.datetime], int]) -> Callable[[dt.datetime, int], str]:
    return lambda moment, width: str(part(moment)).zfill(width)


def _year(moment: dt.datetime, width: int) -> str:
    return f"{moment.year % 100:02d}" if width == 2 else str(moment.year).zfill(width)


def _month(moment: dt.datetime, width: int) -> str:
    return {3: f"{moment:%b}", 4: f"{moment:%B}"}.get(width, str(moment.month).zfill(width))


def _weekday(moment: dt.datetime, width: int) -> str:
    return f"{moment:%A}" if width == 4 else f"{moment:%a}"


def _offset(moment: dt.datetime, width: int) -> str:
    text = moment.strftime("%z")
    return f"{text[:3]}:{text[3:]}" if width == 3 else text


def _iso_offset(moment: dt.datetime, width: int) -> str:
    return "Z" if not moment.utcoffset() else _offset(moment, width)


_LETTERS: dict[str, Callable[[dt.datetime, int], str]] = {
    "y": _year,
    "u": _year,
    "M": _month,
    "L": _month,
    "d": _number(lambda moment: moment.day),
    "D": _number(lambda moment: moment.timetuple().tm_yday),
    "Q": _number(lambda moment: (moment.month + 2) // 3),
    "E": _weekday,
    "a": lambda moment, _: f"{moment:%p}",
    "H": _number(lambda moment: moment.hour),
    "k": _number(lambda moment: moment.hour or 24),
    "h": _number(lambda moment: moment.hour % 12 or 12),
    "K": _number(lambda moment: moment.hour % 12),
    "m": _number(lambda moment: moment.minute),
    "s": _number(lambda moment: moment.second),
    "S": lambda moment, width: f"{moment.microsecond:06d}".ljust(width, "0")[:width],
    "V": lambda moment, _: str(moment.tzinfo),
    "z": lambda moment, _: f"{moment:%Z}",
    "Z": _offset,
    "X": _iso_offset,
}
