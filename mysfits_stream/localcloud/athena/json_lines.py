"""Rows of JSON lines, by the rules of Athena's two JSON SerDes (F214, F215)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mysfits_stream.localcloud.athena.errors import FailedError, NotSimulatedError
from mysfits_stream.localcloud.athena.projection import Table

OPENX = "org.openx.data.jsonserde.JsonSerDe"
HIVE = "org.apache.hive.hcatalog.data.JsonSerDe"
SERDES = (OPENX, HIVE)
OPENX_PROPERTIES = ("ignore.malformed.json", "case.insensitive", "serialization.format", "paths")

DUCKDB_TYPES = {
    "string": "VARCHAR",
    "varchar": "VARCHAR",
    "char": "VARCHAR",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
"""Hive's primitive types -> DuckDB's."""

INTEGERS = ("tinyint", "smallint", "int", "integer", "bigint")


class Number(str):
    """A number in the spelling of the line."""


def duckdb_type(hive: str) -> str:
    """DuckDB's type of a column. Raises NotSimulatedError."""
    base = hive.partition("(")[0].strip()
    if base not in DUCKDB_TYPES:
        raise NotSimulatedError(f"column type {hive}")
    return DUCKDB_TYPES[base]


def check(table: Table) -> None:
    """Raise NotSimulatedError for a table in an unsupported format."""
    if table.serde not in SERDES:
        raise NotSimulatedError(f"SerDe {table.serde or 'LazySimpleSerDe'}")
    known = OPENX_PROPERTIES if table.serde == OPENX else ("serialization.format", "paths")
    for name, value in table.serde_parameters.items():
        if name not in known or (name == "case.insensitive" and value.lower() == "false"):
            raise NotSimulatedError(f"SerDe property {name}")
    for _, hive in (*table.columns, *table.partition_keys):
        duckdb_type(hive)


def rows(table: Table, key: str, content: bytes) -> Iterator[list[Any]]:
    """The rows of an object, with a value for each column. Raises FailedError."""
    lenient = (
        table.serde == OPENX and table.serde_parameters.get("ignore.malformed.json", "").lower() == "true"
    )
    readers = [(name, _reader(hive)) for name, hive in table.columns]
    for line in _unpacked(key, content).split(b"\n"):
        if not line.strip():
            continue
        members = _members(line)
        if members is None and not lenient:
            raise FailedError("HIVE_CURSOR_ERROR: Row is not a valid JSON Object")
        yield [_read(reader, members.get(name), name) if members else None for name, reader in readers]


def _unpacked(key: str, content: bytes) -> bytes:
    """Athena tells compression by the extension."""
    if not key.endswith((".gz", ".gzip")):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise FailedError(f"HIVE_CURSOR_ERROR: incorrect header check ({key})") from error


def _members(line: bytes) -> Mapping[str, Any] | None:
    """The members of a line by name in lower case; None for a line that is not a JSON object."""
    try:
        parsed = json.loads(line, parse_int=Number, parse_float=Number, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return {name.lower(): value for name, value in parsed.items()} if isinstance(parsed, dict) else None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _read(reader: Callable[[Any], Any], value: Any, name: str) -> Any:
    if value is None:
        return None
    try:
        return reader(value)
    except (ValueError, TypeError) as error:
        raise FailedError(
            f"HIVE_BAD_DATA: Error parsing field value {_text(value)!r} for field {name}: {error}"
        ) from error


def _reader(hive: str) -> Callable[[Any], Any]:
    base = hive.partition("(")[0].strip()
    if base in INTEGERS:
        return lambda value: int(_text(value))
    if base in ("float", "double"):
        return lambda value: float(_text(value))
    if base == "boolean":
        return _boolean
    return _text


def _boolean(value: Any) -> bool:
    text = _text(value).lower()
    if text not in ("true", "false"):
        raise ValueError("not a boolean")
    return text == "true"


def _text(value: Any) -> str:
    """A scalar as text; nested values as JSON."""
    if isinstance(value, str):
        # Text that is no Unicode, such as half a surrogate pair, cannot be stored.
        return value.encode("utf-8", "replace").decode()
    return json.dumps(value, separators=(",", ":"), default=str)
