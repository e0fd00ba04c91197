"""Values of SQL as Python reads them without other packages, exactly."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from mysfits_stream.errors import QueryError

TIME = "%Y-%m-%dT%H:%M:%S.%f"

PLAIN = ("VARCHAR", "BOOLEAN", "DOUBLE", "DECIMAL")
INTEGERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?")
MOST_DIGITS = 4_300  # of an integer that Python writes


def readable(alias: str, kind: str) -> str:
    """The SQL of a column as Python reads it: times as text, nested values as JSON.

    Times have milliseconds, as in stored clicks, and microseconds only where they have these.
    """
    if is_nested(kind):
        return f"to_json({alias})::VARCHAR"
    if kind == "FLOAT":
        return f"{alias}::VARCHAR::DOUBLE"  # Python's wider number would show the rounding
    if kind in PLAIN or kind.startswith("DECIMAL(") or INTEGERS.fullmatch(kind):
        return alias
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"regexp_replace(strftime({alias}, '{TIME}Z'), '000Z$', 'Z')"
    if kind.startswith("TIMESTAMP"):
        return f"regexp_replace(strftime({alias}::TIMESTAMP, '{TIME}'), '000$', '')"
    return f"{alias}::VARCHAR"


def is_nested(kind: str) -> bool:
    """Whether DuckDB's type holds further values."""
    return kind.endswith("]") or kind.startswith(("STRUCT(", "MAP(", "UNION(")) or kind == "JSON"


def plain(row: tuple[Any, ...], nested: Sequence[int], decimals: Sequence[int]) -> tuple[Any, ...]:
    """A row of ``readable`` columns with parsed JSON and plain numbers at the given places.

    Raises QueryError.
    """
    values = list(row)
    for index in nested:
        try:
            values[index] = values[index] and json.loads(
                values[index], object_pairs_hook=_object, parse_int=_integer
            )
        except RecursionError:
            raise QueryError("a value is nested too deeply; select its parts") from None
    for index in decimals:
        values[index] = None if values[index] is None else exact(values[index])
    return tuple(values)


def _object(pairs: list[tuple[str, Any]]) -> Any:
    """A struct as an object; a list for several members without names, as of ``row(1, 2)``."""
    is_unnamed = len(pairs) > 1 and not any(name for name, _ in pairs)
    return [value for _, value in pairs] if is_unnamed else dict(pairs)


def _integer(digits: str) -> int | str:
    """An integer, or the digits where Python would not write as many."""
    return int(digits) if len(digits) <= MOST_DIGITS else digits


def exact(value: Decimal) -> int | float | Decimal:
    """A decimal number as an integer if integral, and as a float if the float is spelled alike.

    Sums of integers are decimal in some functions.
    """
    if value == value.to_integral_value():
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else value
