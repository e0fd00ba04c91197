"""The keys of S3 objects written by Firehose (F85, F88, F89).

A key is the evaluated prefix and a suffix, joined without a slash. Prefixes hold expressions,
``!{timestamp:…}`` with the patterns of Java's DateTimeFormatter and ``!{firehose:…}``.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
import string
import uuid
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from mysfits_stream.localcloud.firehose.date_patterns import PatternError, format_date

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
DYNAMIC_PARTITIONING = ("partitionKeyFromQuery", "partitionKeyFromLambda")
RANDOM_ALPHABET = string.ascii_letters + string.digits

_INVALID_VALUE = "Invalid conversion character used in the value of the expression in"


class PrefixError(ValueError):
    """Firehose rejects the prefix; the text is AWS's."""


def object_key(
    prefix: str, *, stream: str, version: int, oldest: float, time_zone: str = "UTC", extension: str = ""
) -> str:
    """The key of an object of delivered records.

    ``oldest`` is the arrival of the oldest record.
    """
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
    """The key of an object of failed records.

    A date is added only without an error prefix (F85).
    """
    template = error_prefix or f"{prefix}{error_type}/{DEFAULT_DATE}"
    return _key(template, error_type, stream, version, oldest, time_zone, "")


def check_prefixes(prefix: str, error_prefix: str) -> None:
    """Raise PrefixError, with AWS's words, for prefixes that Firehose rejects (F89)."""
    in_prefix, in_error = list(expressions(prefix)), list(expressions(error_prefix))
    if ("firehose", "error-output-type") in in_prefix:
        raise PrefixError("Prefix must not contain any occurrence of !{firehose:error-output-type}")
    if in_prefix and not error_prefix:
        raise PrefixError("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions")
    if any(namespace in DYNAMIC_PARTITIONING for namespace, _ in in_error):
        raise PrefixError("Dynamic Partitioning Namespaces can't be part of an error prefix expression")
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
            try:
                return format_date(moment, value)
            except PatternError as error:
                raise PrefixError(f"{_INVALID_VALUE} {member}") from error
        if (namespace, value) == ("firehose", "error-output-type"):
            return error_type
        if (namespace, value) == ("firehose", "random-string"):
            return "".join(secrets.choice(RANDOM_ALPHABET) for _ in range(11))
        if namespace == "firehose":
            raise PrefixError(f"{_INVALID_VALUE} {member}")
        if namespace in DYNAMIC_PARTITIONING:
            raise PrefixError(f"The expression {match[0]} in {member} is not simulated by the local cloud")
        raise PrefixError(f"Namespace to the left of colon ({namespace}) is an invalid keyword!")

    return EXPRESSION.sub(value_of, template)
