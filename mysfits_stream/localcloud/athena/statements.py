"""Athena's SQL statements, parsed, and rejected beyond the simulated subset."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from mysfits_stream.localcloud.athena.errors import FailedError, NotSimulatedError, RejectedError

DIALECT = "athena"
CATALOG = "awsdatacatalog"
SELECTS = (exp.Select, exp.SetOperation, exp.Subquery)

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of statements that are refused here

Schema = Mapping[str, Mapping[str, str]]
"""Table -> column -> type."""


@dataclass(frozen=True)
class TableName:
    """A table in a query."""

    database: str
    name: str


def parsed(sql: str) -> exp.Expression:
    """The only statement of an SQL text. Raises RejectedError or NotSimulatedError."""
    try:
        statements = [each for each in sqlglot.parse(sql, dialect=DIALECT) if each is not None]
    except SqlglotError as error:
        raise RejectedError(_place(error)) from error
    if len(statements) != 1:
        raise RejectedError("Only one sql statement is allowed")
    statement: Any = statements[0]
    if isinstance(statement, SELECTS):
        _check_select(statement)
    elif not isinstance(statement, exp.Create | exp.Drop):
        raise NotSimulatedError(f"the statement {_first_words(sql)}")
    return statement  # type: ignore[no-any-return]


def is_select(statement: exp.Expression) -> bool:
    """Whether a statement returns rows of tables."""
    return isinstance(statement, SELECTS)


def tables(statement: exp.Expression, database: str) -> Iterator[tuple[exp.Table, TableName]]:
    """The nodes of a query with a table's name, by default in the current database."""
    for scope in traverse_scope(statement):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                catalog = source.catalog.lower()
                if catalog not in ("", CATALOG):
                    raise FailedError(f"CATALOG_NOT_FOUND: Catalog '{catalog}' does not exist")
                yield source, TableName((source.db or database).lower(), source.name.lower())


def resolved(statement: exp.Expression, schema: Schema) -> exp.Expression:
    """A query with every column resolved and typed. Raises FailedError."""
    try:
        # Names are compared in lower case, and shown so.
        qualified = qualify(
            statement,
            schema={name: dict(columns) for name, columns in schema.items()},
            dialect=DIALECT,
            quote_identifiers=True,
            identify=True,
            # Trino resolves aliases in ORDER BY only.
            expand_alias_refs=False,
        )
        return annotate_types(qualified, schema=dict(schema), dialect=DIALECT)
    except (OptimizeError, SqlglotError) as error:
        raise FailedError(f"COLUMN_NOT_FOUND: {' '.join(str(error).split())}") from error


def conditions(statement: exp.Expression, alias: str, columns: set[str]) -> list[exp.Expression]:
    """The conditions of WHERE on the columns of a table only, for pruning."""
    found: list[Any] = []
    for scope in traverse_scope(statement):
        where = scope.expression.args.get("where")
        if alias not in scope.sources or where is None:
            continue
        for condition in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
            read = list(condition.find_all(exp.Column))
            if (
                read
                and all(each.table == alias and each.name in columns for each in read)
                and not condition.find(exp.Query)
            ):
                found.append(condition)
    return found


def _check_select(statement: exp.Expression) -> None:
    for node in statement.walk():
        if isinstance(node, exp.Anonymous):
            raise NotSimulatedError(f"the function {node.name.lower()}")
        if isinstance(node, exp.Command | exp.Into):
            raise NotSimulatedError(f"the construct {type(node).__name__}")
        if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
            raise NotSimulatedError(f"the table function {node.this.sql(DIALECT).partition('(')[0].lower()}")


def _first_words(sql: str) -> str:
    return " ".join(sql.split()[:2]).upper()


def _place(error: Any) -> str:
    details = (getattr(error, "errors", None) or [{}])[0]
    line, column = details.get("line"), details.get("col")
    what = details.get("highlight") or ""
    place = f"line {line}:{column}: " if line else ""
    return f"{place}mismatched input '{what}'" if what else f"{place}the statement cannot be parsed"
