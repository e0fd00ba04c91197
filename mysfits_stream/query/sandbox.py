"""The tables and functions that a query may name, checked in DuckDB's syntax tree.

DuckDB itself opens no other file (``engine``). Its catalog would still show settings and local paths:
``duckdb_settings()``, ``duckdb_views``, ``SHOW ALL TABLES``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mysfits_stream.errors import QueryError
from mysfits_stream.query import schema

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NAMES = frozenset({schema.CLICKS, schema.CLICKS_RAW, schema.FAILED_CLICKS})
TABLES = f"{schema.CLICKS}, {schema.CLICKS_RAW}, {schema.FAILED_CLICKS}"
TABLE_FUNCTIONS = frozenset(
    {"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"}
)
"""Functions in FROM that make rows from their arguments alone."""

REVEALING = frozenset({"current_setting", "getvariable", "pg_get_viewdef", "write_log"})
"""Functions of an expression that read or write more than their arguments."""

Names = frozenset[str]


def is_select(parser: DuckDBPyConnection, sql: str) -> bool:
    """Whether the SQL holds SELECTs alone. Opens no file."""
    return _serialized(parser, sql).startswith('{"error":false')


def check(parser: DuckDBPyConnection, select: str) -> None:
    """Raise QueryError for a SELECT that names other tables or functions than a query may."""
    try:
        tree = json.loads(_serialized(parser, select))
        if tree.get("error"):
            raise QueryError(f"the SQL cannot be checked ({tree.get('error_message')})")
        for name in _foreign(tree):
            raise QueryError(
                f"{name} is not possible: SQL can read {TABLES}, "
                "and no file, no URL, no setting and no other table"
            )
    except RecursionError:
        raise QueryError("the SQL is nested too deeply; write it with fewer levels") from None


def _serialized(parser: DuckDBPyConnection, sql: str) -> str:
    """DuckDB's syntax tree of SELECTs, or its error, as JSON."""
    row = parser.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    return str(row[0]) if row else "{}"


def _foreign(tree: Any) -> Iterator[str]:
    """The names that a query may not use."""
    stack: list[tuple[Any, Names]] = [(tree, NAMES)]
    while stack:
        node, names = stack.pop()
        if isinstance(node, list):
            stack += [(each, names) for each in node]
        elif isinstance(node, dict):
            if found := _foreign_name(node, names):
                yield found
            for entry in (node.get("cte_map") or {}).get("map", ()):
                name, query = entry["key"].lower(), entry["value"]
                # Without RECURSIVE, a table of the same name is meant inside.
                is_recursive = query["query"]["node"]["type"] == "RECURSIVE_CTE_NODE"
                stack.append((query, names | {name} if is_recursive else names))
                names |= {name}
            stack += [(each, names) for key, each in node.items() if key != "cte_map"]


def _foreign_name(node: dict[str, Any], names: Names) -> str:
    """The name in a single node of the tree if it is not allowed."""
    match node.get("type"):
        case "BASE_TABLE":
            table, schemas = str(node["table_name"]), [node.get("catalog_name"), node.get("schema_name")]
            # A qualified name is of the catalog, also where WITH has a name with the same dots.
            qualified = ".".join(filter(None, [*schemas, table]))
            return "" if not any(schemas) and table.lower() in names else qualified
        case "TABLE_FUNCTION":
            name = str(node["function"]["function_name"])
            return "" if name.lower() in TABLE_FUNCTIONS else name
        case "SHOW_REF" if node.get("table_name"):
            shown = str(node["table_name"]).strip('_"')
            return f"SHOW {shown}"
    name = str(node.get("function_name", ""))
    return name if name.lower() in REVEALING else ""
