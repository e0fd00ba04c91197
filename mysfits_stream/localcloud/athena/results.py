"""Results in Athena's format: text for each value, ColumnInfo, and the CSV object (F222)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

PRECISIONS = {
    "varchar": 2147483647,
    "tinyint": 3,
    "smallint": 5,
    "integer": 10,
    "bigint": 19,
    "float": 17,
    "double": 17,
    "timestamp": 3,
    "timestamp with time zone": 3,
}
ATHENA_TYPES = {
    "VARCHAR": "varchar",
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    # DuckDB's sums of integers; Trino's are bigint.
    "HUGEINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "TIME": "time",
    "JSON": "json",
    '"NULL"': "varchar",
}


@dataclass(frozen=True)
class Result:
    """The rows of a query as text, None for null."""

    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: list[tuple[str | None, ...]] = field(default_factory=list)

    def column_info(self) -> list[dict[str, Any]]:
        """The columns in the form of ResultSetMetadata."""
        return [
            {
                "CatalogName": "hive",
                "SchemaName": "",
                "TableName": "",
                "Name": name,
                "Label": name,
                "Type": kind.partition("(")[0],
                "Precision": PRECISIONS.get(kind, 0),
                "Scale": 0,
                "Nullable": "UNKNOWN",
                "CaseSensitive": kind == "varchar",
            }
            for name, kind in zip(self.names, self.types, strict=True)
        ]

    def csv(self) -> bytes:
        """The CSV object in Athena's format: every value in quotes, null as nothing."""
        lines = [_line(self.names), *map(_line, self.rows)]
        return "".join(f"{line}\n" for line in lines).encode()


def athena_type(duckdb: str) -> str:
    """Trino's type of a column of DuckDB."""
    if duckdb.startswith("DECIMAL"):
        return "decimal" + duckdb[len("DECIMAL") :]
    if duckdb.endswith("[]"):
        return "array"
    if duckdb.startswith("STRUCT"):
        return "row"
    return "map" if duckdb.startswith("MAP") else ATHENA_TYPES.get(duckdb, "varchar")


def text(value: Any, kind: str) -> str | None:
    """A value in the spelling of Athena's results."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _double(value)
    if isinstance(value, dt.datetime):
        stamp = f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03}"
        return f"{stamp} UTC" if kind == "timestamp with time zone" else stamp
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return f"[{', '.join(str(text(item, '')) for item in value)}]"
    if isinstance(value, dict):
        members = ", ".join(f"{key}={text(item, '')}" for key, item in value.items())
        return f"{{{members}}}"
    return value if isinstance(value, str) else str(value)


def _double(value: float) -> str:
    """A double as Java's ``Double.toString`` writes it."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        written = repr(value)
        return written if "." in written and "e" not in written else f"{value:.1f}"
    digits, _, exponent = f"{Decimal(repr(value)).normalize():e}".lower().partition("e")
    mantissa = digits if "." in digits else f"{digits}.0"
    return f"{mantissa}E{int(exponent)}"


def _line(values: Sequence[str | None]) -> str:
    return ",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in values)
