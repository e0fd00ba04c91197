"""The laptop's SQL in Athena's dialect: translated if both agree, else rejected.

DuckDB and Trino agree on much of SQL and differ in details that no error shows (integer division, ``~``,
casts of times to text). So a construct is translated only if it stands in the lists below. The tables
``clicks`` and ``clicks_raw`` are common table expressions over the table of text columns, in front of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope, traverse_scope

from mysfits_stream.errors import QueryError
from mysfits_stream.query import schema
from mysfits_stream.query.schema import Column

LAPTOP, ATHENA = "duckdb", "athena"
PREFIX = "mysfits_"
"""Begins the names of the common table expressions, so that none is the user's."""

Type = exp.DataType.Type

CLAUSES = (
    exp.Select, exp.Subquery, exp.With, exp.CTE, exp.Union, exp.Intersect, exp.Except, exp.From, exp.Join,
    exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct,
    exp.Qualify,
    exp.Window, exp.WindowSpec, exp.Table, exp.TableAlias, exp.Alias, exp.Star, exp.Column, exp.Identifier,
    exp.Literal, exp.Null, exp.Boolean, exp.Paren, exp.Tuple, exp.Case, exp.If, exp.Cast, exp.TryCast,
    exp.DataType, exp.DataTypeParam, exp.Interval, exp.Var, exp.Filter, exp.Exists, exp.IgnoreNulls,
    exp.RespectNulls,
)  # fmt: skip
OPERATORS = (
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is,
    exp.NullSafeEQ, exp.NullSafeNEQ, exp.Like, exp.ILike, exp.Escape, exp.Add, exp.Sub, exp.Mul, exp.Div,
    exp.Mod, exp.Neg, exp.DPipe,
)  # fmt: skip
FUNCTIONS = (
    exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.AnyValue, exp.ArgMax, exp.ArgMin,
    exp.LogicalAnd, exp.LogicalOr, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop,
    exp.ApproxDistinct,
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead,
    exp.FirstValue, exp.LastValue, exp.NthValue,
    exp.Coalesce, exp.Nullif, exp.Lower, exp.Upper, exp.Length, exp.Trim, exp.Substring, exp.Replace,
    exp.SplitPart, exp.StartsWith, exp.StrPosition, exp.Concat, exp.Reverse,
    exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sqrt, exp.Ln, exp.Exp, exp.Pow, exp.Sign,
    exp.CurrentTimestamp, exp.CurrentDate, exp.DateTrunc, exp.TimestampTrunc, exp.DateDiff, exp.Extract,
    exp.Year, exp.Quarter, exp.Month, exp.Day, exp.Hour, exp.Minute, exp.Second, exp.DayOfWeekIso,
    exp.TimeToStr, exp.Date,
)  # fmt: skip
KNOWN = (*CLAUSES, *OPERATORS, *FUNCTIONS)
NAMED = {
    exp.IntDiv: "the operator //",
    exp.TableSample: "USING SAMPLE",
    exp.Lateral: "LATERAL",
    exp.Unnest: "UNNEST",
    exp.Pivot: "PIVOT",
    exp.Bracket: "a list's element or slice",
    exp.Array: "a list",
    exp.Struct: "a struct",
    exp.Lambda: "a lambda",
    exp.AtTimeZone: "AT TIME ZONE",
    exp.PositionalColumn: "a column by its position",
    exp.Placeholder: "a parameter",
    exp.Parameter: "a parameter",
    exp.Rollup: "ROLLUP",
    exp.Cube: "CUBE",
    exp.GroupingSets: "GROUPING SETS",
    exp.Values: "VALUES",
    exp.SimilarTo: "SIMILAR TO",
    exp.Glob: "GLOB",
}
"""Constructs whose class has another name than SQL."""

CASTS = {
    Type.TEXT, Type.VARCHAR, Type.BIGINT, Type.INT, Type.SMALLINT, Type.TINYINT, Type.DOUBLE, Type.FLOAT,
    Type.BOOLEAN, Type.DATE, Type.TIMESTAMP, Type.TIMESTAMPTZ, Type.DECIMAL,
}  # fmt: skip
TIMES = {Type.TIMESTAMP, Type.TIMESTAMPTZ, Type.TIMESTAMPNTZ}
UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
EXTRACTED = ("year", "quarter", "month", "day", "hour", "minute")
INTERVALS = ("year", "month", "day", "hour", "minute", "second")
FORMATS = re.compile(r"(?:%[YmdHMS%]|[^%])*")
"""Formats of times that both engines write alike."""


@dataclass(frozen=True)
class Source:
    """The table of Glue, and the part of its partitions that a query reads."""

    database: str
    table: str
    partition_column: str
    first: str
    """The first and the last partition, as keys spell the date."""
    last: str
    since: datetime | None
    until: datetime


@dataclass(frozen=True)
class Translated:
    """A query in Athena's dialect."""

    sql: str
    reads: int
    """How often the table is read; 0 for SQL without a table."""


def translated(sql: str, columns: Sequence[Column], source: Source) -> Translated:
    """A SELECT of the laptop for Athena; raises QueryError with the construct's name."""
    _check_tokens(sql)
    try:
        tree: Any = sqlglot.parse_one(sql, dialect=LAPTOP)
    except SqlglotError as error:
        raise QueryError(f"cannot be translated for Athena: {_one_line(error)}") from error
    _expand_group_by_all(tree)
    for node in list(tree.find_all(exp.Anonymous)):
        if node.name.lower() == "now" and not node.expressions:
            node.replace(exp.CurrentTimestamp())
    for node in tree.walk():
        _check(node)
    tables: dict[str, Any] = {
        name: {column.name.lower(): column.type for column in columns} for name in schema_tables()
    }
    _check_tables(tree)
    try:
        tree = qualify(tree, schema=tables, dialect=LAPTOP, quote_identifiers=True, identify=True)
        tree = annotate_types(tree, schema=tables, dialect=LAPTOP)
    except SqlglotError as error:
        raise QueryError(f"cannot be translated for Athena: {_one_line(error)}") from error
    for node in list(tree.walk()):
        _check_types(node)
    scope = build_scope(tree)
    reads = max(1, _reads(scope) if scope else 1) if _names_table(tree) else 0
    _rename_tables(tree)
    for node in list(tree.walk()):
        _rewrite(node)
    try:
        text = tree.sql(ATHENA, unsupported_level=ErrorLevel.RAISE)
        query: Any = sqlglot.parse_one(text, dialect=ATHENA)
        front: Any = sqlglot.parse_one(f"{_front(columns, source)} SELECT 1", dialect=ATHENA)
    except SqlglotError as error:
        raise QueryError(f"cannot be translated for Athena: {_one_line(error)}") from error
    return Translated(_joined(front, query), reads)


def schema_tables() -> tuple[str, ...]:
    """The tables that Athena has."""
    return schema.CLICKS, schema.CLICKS_RAW


def typed(column: Column, text: str) -> str:
    """Trino's expression of a column from a JSON scalar's text, typed as on the laptop."""
    value = {
        schema.VARCHAR: text,
        schema.BIGINT: f"CASE WHEN regexp_like({text}, '^-?[0-9]+$') THEN TRY_CAST({text} AS BIGINT) END",
        schema.DOUBLE: f"CASE WHEN regexp_like({text}, '^[-+0-9.eE]+$') THEN TRY_CAST({text} AS DOUBLE) END",
        schema.BOOLEAN: f"CASE {text} WHEN 'true' THEN true WHEN 'false' THEN false END",
        schema.TIMESTAMPTZ: f"TRY(from_iso8601_timestamp({text}))",
    }[column.type]
    return f"COALESCE({value}, {column.absent})" if column.absent else value


def _front(columns: Sequence[Column], source: Source) -> str:
    """The tables as common table expressions: types, the time range, and each click once."""
    names = [f'"{column.name.lower()}"' for column in columns]
    chosen = ", ".join(f"{typed(c, name)} AS {name}" for c, name in zip(columns, names, strict=True))
    partition = f'"{source.partition_column}"'
    raw = f'"{source.database}"."{source.table}"'
    bounds = [f'"clickedat" < {_moment(source.until)}']
    if source.since:
        bounds.append(f'"clickedat" >= {_moment(source.since)}')
    first = ['"clickedat"', '"requestid"']
    order = ", ".join(dict.fromkeys([*first, *names]))
    listed = ", ".join(names)
    return (
        f"WITH {PREFIX}{schema.CLICKS_RAW} AS (SELECT {listed} FROM (SELECT {chosen} FROM {raw} "
        f"WHERE {partition} >= {_literal(source.first)} AND {partition} <= {_literal(source.last)}) AS lines "
        f"WHERE {' AND '.join(bounds)}), "
        f"{PREFIX}{schema.CLICKS} AS (SELECT {listed} FROM (SELECT {listed}, row_number() OVER "
        f'(PARTITION BY "clickid" ORDER BY {order}) AS copy FROM {PREFIX}{schema.CLICKS_RAW}) AS copies '
        f'WHERE (copy = 1 OR "clickid" IS NULL) AND NOT "test")'
    )


def _joined(front: Any, query: Any) -> str:
    """The query with the tables in front of its own common table expressions."""
    mine, theirs = front.args["with_"], query.args.get("with_")
    if theirs:
        for each in theirs.expressions:
            mine.append("expressions", each)
        mine.set("recursive", theirs.args.get("recursive"))
    query.set("with_", mine)
    return str(query.sql(ATHENA, unsupported_level=ErrorLevel.RAISE))


def _moment(moment: datetime) -> str:
    return f"from_iso8601_timestamp('{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z')"


def _check_tokens(sql: str) -> None:
    """Refuse operators that sqlglot reads as others: ``~`` matches a whole text in DuckDB only."""
    for token in sqlglot.tokenize(sql, dialect=LAPTOP):
        if token.text.startswith(("~", "!~", "^@")):
            raise _refused(f"the operator {token.text}")


def _check_tables(tree: Any) -> None:
    for scope in traverse_scope(tree):
        for found in scope.sources.values():
            if not isinstance(found, exp.Table):
                continue
            if found.name.lower() == schema.FAILED_CLICKS:
                raise QueryError(
                    f"{schema.FAILED_CLICKS} is a table on the laptop only; run without --on athena"
                )
            if found.db or found.name.lower() not in schema_tables():
                known = " and ".join(schema_tables())
                raise QueryError(f"no table {found.sql(LAPTOP)}; tables on Athena: {known}")


def _check(node: Any) -> None:
    """Refuse what is in no list, and forms of what is."""
    if not isinstance(node, KNOWN):
        raise _refused(_name(node))
    checks: Mapping[type, Callable[[Any], str | None]] = {
        exp.Join: _of_join,
        exp.Group: _of_group,
        exp.Extract: lambda n: _unit(n.name or n.this.name, EXTRACTED, "EXTRACT"),
        exp.DateTrunc: lambda n: _unit(n.args["unit"].name, UNITS, "date_trunc"),
        exp.TimestampTrunc: lambda n: _unit(n.args["unit"].name, UNITS, "date_trunc"),
        exp.DateDiff: lambda n: _unit(
            n.args["unit"].name if n.args.get("unit") else "day", UNITS, "date_diff"
        ),
        exp.TimeToStr: _of_format,
        exp.Substring: _of_substring,
        exp.Trim: lambda n: "trim with characters" if n.expression else None,
        exp.Union: lambda n: "UNION BY NAME" if n.args.get("by_name") else None,
        exp.StrPosition: lambda n: "a function of positions" if n.args.get("occurrence") else None,
        exp.Star: lambda n: None,
    }
    for kind, check in checks.items():
        if isinstance(node, kind) and (reason := check(node)):
            raise _refused(reason)


def _of_join(node: Any) -> str | None:
    method, kind = str(node.args.get("method") or "").upper(), str(node.args.get("kind") or "").upper()
    if method not in ("", "NATURAL") or kind not in ("", "INNER", "OUTER", "CROSS"):
        return f"{method or kind} JOIN"
    return "NATURAL JOIN" if method else None


def _of_group(node: Any) -> str | None:
    others = [name for name in ("rollup", "cube", "grouping_sets", "totals") if node.args.get(name)]
    return others[0].upper().replace("_", " ") if others else None


def _unit(unit: str, known: Iterable[str], function: str) -> str | None:
    return None if unit.lower() in known else f"{function} by {unit.lower()}"


def _of_format(node: Any) -> str | None:
    form = node.args.get("format")
    if form is None or not form.is_string or not FORMATS.fullmatch(form.name):
        return f"strftime with {form.sql(LAPTOP) if form is not None else 'a format'}"
    return None


def _of_substring(node: Any) -> str | None:
    start = node.args.get("start")
    plain = isinstance(start, exp.Literal) and start.is_int and int(start.name) >= 1
    return None if plain else "substring from a position below 1"


def _check_types(node: Any) -> None:
    if isinstance(node, exp.Cast | exp.TryCast):
        to, of = node.to.this, node.this.type.this if node.this.type else None
        if to not in CASTS:
            raise _refused(f"CAST AS {node.to.sql(LAPTOP)}")
        if to in (Type.TEXT, Type.VARCHAR) and of in TIMES:
            raise _refused("CAST of a time AS VARCHAR (use strftime)")
        if to in (Type.TEXT, Type.VARCHAR) and of in (Type.DOUBLE, Type.FLOAT):
            raise _refused("CAST of a DOUBLE AS VARCHAR")
    if isinstance(node, exp.Interval):
        unit = node.args["unit"].name.lower().removesuffix("s") if node.args.get("unit") else ""
        if unit == "week" and node.this.is_string and node.this.name.isdigit():
            node.set("this", exp.Literal.string(str(7 * int(node.this.name))))
            node.set("unit", exp.var("DAY"))
        elif unit not in INTERVALS or not node.this.is_string:
            raise _refused(f"INTERVAL {node.this.name} {unit}".rstrip())


def _reads(scope: Scope) -> int:
    """How often a scope reads the table; each reference to a common table expression reads."""
    total = 0
    for _, source in scope.selected_sources.values():
        total += _reads(source) if isinstance(source, Scope) else 1
    # Older versions of sqlglot have another name.
    united: Any = getattr(scope, "set_operation_scopes", None) or getattr(scope, "union_scopes", ())
    return total + sum(_reads(each) for each in [*scope.subquery_scopes, *united])


def _names_table(tree: Any) -> bool:
    return any(table.name.lower() in schema_tables() for table in tree.find_all(exp.Table))


def _rename_tables(tree: Any) -> None:
    for scope in traverse_scope(tree):
        for found in list(scope.sources.values()):
            if isinstance(found, exp.Table):
                alias = found.alias_or_name
                renamed = exp.to_table(f"{PREFIX}{found.name.lower()}")
                found.replace(exp.alias_(renamed, alias, table=True, quoted=True))


def _rewrite(node: Any) -> None:
    """Forms that sqlglot writes otherwise than Trino reads them."""
    if isinstance(node, exp.AnyValue) and isinstance(node.parent, exp.IgnoreNulls):
        node.parent.replace(node)
    elif (
        isinstance(node, exp.Literal) and not node.is_string and re.fullmatch(r"\d*\.\d+|\d+\.\d*", node.name)
    ):
        # A decimal on the laptop, and a double for Athena (F224).
        whole, _, places = node.name.partition(".")
        kind = exp.DataType.build(f"DECIMAL({max(1, len(whole.lstrip('0') + places))}, {len(places)})")
        node.replace(exp.Cast(this=exp.Literal.string(node.name), to=kind))


def _expand_group_by_all(tree: Any) -> None:
    """``GROUP BY ALL`` as the positions of the columns without an aggregate."""
    for select in tree.find_all(exp.Select):
        group = select.args.get("group")
        if group is None or not group.args.get("all"):
            continue
        if any(each.is_star for each in select.expressions):
            raise _refused("GROUP BY ALL with *")
        positions = [
            exp.Literal.number(number)
            for number, each in enumerate(select.expressions, 1)
            if all(found.find_ancestor(exp.Window) for found in each.find_all(exp.AggFunc))
        ]
        select.set("group", exp.Group(expressions=positions) if positions else None)


def _name(node: Any) -> str:
    """What SQL calls a construct."""
    if type(node) in NAMED:
        return NAMED[type(node)]
    if isinstance(node, exp.Anonymous):
        return f"the function {node.name.lower()}"
    if isinstance(node, exp.Func):
        return f"the function {node.sql_name().lower()}"
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(node).__name__).upper()


def _refused(what: str) -> QueryError:
    return QueryError(
        f"{what} cannot be translated for Athena; write the query without it, or run it without --on athena"
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _one_line(error: Exception) -> str:
    return re.sub(r"\x1b\[\d*m", "", " ".join(str(error).split()))
