"""A query, run by DuckDB over the objects of its tables; the SQL can read nothing else.

The engine translates the resolved SQL from Trino's dialect. Rows are loaded before, by the SerDe of the
table, so that DuckDB needs neither files nor the network, and has neither.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError

from mysfits_stream.localcloud.athena import json_lines, results, statements
from mysfits_stream.localcloud.athena.errors import CancelledError, FailedError, NotSimulatedError
from mysfits_stream.localcloud.athena.projection import Table, places
from mysfits_stream.localcloud.athena.results import Result
from mysfits_stream.localcloud.athena.statements import TableName

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROWS_AT_ONCE = 20_000
SETTINGS: dict[str, Any] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "memory_limit": "1GB",
}


@dataclass(frozen=True)
class Objects:
    """The objects of a bucket: listed with sizes, and read."""

    listed: Callable[[str, str], Iterable[tuple[str, int]]]
    """(bucket, prefix) -> keys with sizes; raises FailedError for a bucket that the caller cannot read."""
    content: Callable[[str, str], bytes]


@dataclass
class Run:
    """A run of a query; ``stop`` ends the run from a second thread."""

    now: dt.datetime
    objects: Objects
    find: Callable[[TableName], Table]
    """The table of a name. Raises FailedError."""
    cutoff: int | None = None
    """The most bytes that the query may read."""
    scanned: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _duck: DuckDBPyConnection | None = None

    def stop(self) -> None:
        """End the run as cancelled."""
        self._stopped.set()
        if duck := self._duck:
            with suppress(RuntimeError):
                duck.interrupt()

    def select(self, statement: exp.Expression, database: str) -> Result:
        """The rows of a query. Raises FailedError, CancelledError or NotSimulatedError."""
        import duckdb

        statement = statement.copy()
        unnamed = _unnamed(statement)
        loading: dict[str, Table] = {}
        for number, (node, name) in enumerate(list(statements.tables(statement, database))):
            table = self.find(name)
            json_lines.check(table)
            alias = node.alias or node.name.lower()
            loading[f"table{number}"] = table
            node.replace(exp.alias_(exp.to_table(f"table{number}"), alias, table=True))
        schema = {name: _columns(table) for name, table in loading.items()}
        query = statements.resolved(statement, schema)
        _name_columns(query, unnamed)
        _set_clock(query, self.now)
        _set_doubles(query)
        try:
            sql = query.sql("duckdb", unsupported_level=ErrorLevel.RAISE)
        except UnsupportedError as error:
            raise NotSimulatedError(f"the construct {error}") from error
        try:
            with closing(duckdb.connect(":memory:", config=SETTINGS)) as duck:
                self._duck = duck
                duck.execute("SET TimeZone = 'UTC'")
                duck.execute("SET python_enable_replacements = false")
                for loaded, table in loading.items():
                    self._load(duck, loaded, table, _aliases(query, loaded), query)
                duck.execute("SET lock_configuration = true")
                self._check()
                return _result(duck, sql)
        except duckdb.InterruptException as error:
            raise CancelledError("Query cancelled by user") from error
        except duckdb.CatalogException as error:
            raise NotSimulatedError(_one_line(error)) from error
        except duckdb.Error as error:
            raise FailedError(f"GENERIC_USER_ERROR: {_one_line(error)}") from error
        finally:
            self._duck = None

    def _load(
        self, duck: DuckDBPyConnection, name: str, table: Table, aliases: Sequence[str], query: exp.Expression
    ) -> None:
        columns = ", ".join(f'"{column}" {kind}' for column, kind in _columns(table).items())
        duck.execute(f"CREATE TABLE {name} ({columns})")
        partitions = places(table, self.now)
        keys = [column for column, _ in table.partition_keys]
        found = [
            (key, size, values)
            for key, size in self.objects.listed(partitions.location.bucket, partitions.location.prefix)
            if (values := partitions.values(key)) is not None
        ]
        texts = [tuple(values[column] for column in keys) for _, _, values in found]
        wanted = self._pruned(duck, texts, keys, _columns(table), aliases, query)
        for key, size, values in found:
            if tuple(values[column] for column in keys) not in wanted:
                continue
            self.scanned += size
            if self.cutoff is not None and self.scanned > self.cutoff:
                self.scanned = self.cutoff
                raise CancelledError("Bytes scanned limit was exceeded")
            self._check()
            content = self.objects.content(partitions.location.bucket, key)
            self._insert(duck, name, table, (values[column] for column in keys), key, content)

    def _insert(
        self,
        duck: DuckDBPyConnection,
        name: str,
        table: Table,
        partition: Iterable[str],
        key: str,
        content: bytes,
    ) -> None:
        fixed = list(partition)
        kinds = list(_columns(table).values())
        chosen = ", ".join(
            f"unnest(?::{kind if kind in ('BOOLEAN', 'DOUBLE', 'FLOAT') or 'INT' in kind else 'VARCHAR'}[])"
            for kind in kinds[: len(table.columns)]
        )
        statement = f"INSERT INTO {name} SELECT {', '.join([chosen, *('?' for _ in fixed)])}"
        rows = json_lines.rows(table, key, content)
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            duck.execute(statement, [*map(list, zip(*batch, strict=True)), *fixed])

    def _pruned(
        self,
        duck: DuckDBPyConnection,
        partitions: Iterable[tuple[str, ...]],
        keys: Sequence[str],
        kinds: Mapping[str, str],
        aliases: Sequence[str],
        query: exp.Expression,
    ) -> set[tuple[str, ...]]:
        """The remaining partitions under the query's conditions."""
        distinct = list(dict.fromkeys(partitions))
        found = [
            condition for alias in aliases for condition in statements.conditions(query, alias, set(keys))
        ]
        if not found or not distinct or len(aliases) > 1:
            return set(distinct)
        listed = ", ".join("(" + ", ".join(_literal(text) for text in each) + ")" for each in distinct)
        where = " AND ".join(f"({condition.sql('duckdb')})" for condition in found)
        raw = ", ".join(f"raw{number}" for number in range(len(keys)))
        typed = ", ".join(f'CAST(raw{number} AS {kinds[key]}) AS "{key}"' for number, key in enumerate(keys))
        values = f"(VALUES {listed}) AS texts({raw})"
        # Quoted names and literals only.
        source = f'(SELECT {raw}, {typed} FROM {values}) AS "{aliases[0]}"'  # noqa: S608
        sql = f"SELECT {raw} FROM {source} WHERE {where}"  # noqa: S608
        return {tuple(row) for row in duck.execute(sql).fetchall()}

    def _check(self) -> None:
        if self._stopped.is_set():
            raise CancelledError("Query cancelled by user")


def _columns(table: Table) -> dict[str, str]:
    return {name: json_lines.duckdb_type(hive) for name, hive in (*table.columns, *table.partition_keys)}


def _aliases(query: exp.Expression, name: str) -> list[str]:
    return [node.alias_or_name for node in query.find_all(exp.Table) if node.name == name]


def _unnamed(statement: exp.Expression) -> list[int]:
    """The numbers of the result's columns without a name."""
    outer = _outer(statement)
    return [
        number
        for number, projection in enumerate(outer.expressions if outer else ())
        if not isinstance(projection, exp.Alias | exp.Column | exp.Star)
    ]


def _name_columns(query: exp.Expression, unnamed: Sequence[int]) -> None:
    """Name columns without a name as Athena does: ``_col0``."""
    outer = _outer(query)
    for number in unnamed if outer else ():
        projection = outer.expressions[number] if outer else None
        if isinstance(projection, exp.Alias):
            projection.set("alias", exp.to_identifier(f"_col{number}", quoted=True))


def _outer(statement: exp.Expression) -> exp.Select | None:
    """The SELECT that names the columns of the result; a star makes the numbers unknown."""
    while isinstance(statement, exp.SetOperation | exp.Subquery):
        statement = statement.this
    if not isinstance(statement, exp.Select) or statement.is_star:
        return None
    return statement


def _set_clock(query: exp.Expression, now: dt.datetime) -> None:
    moment = exp.cast(exp.Literal.string(now.isoformat()), "timestamptz")
    for node in list(query.find_all(exp.CurrentTimestamp, exp.CurrentDate)):
        day = isinstance(node, exp.CurrentDate)
        node.replace(exp.cast(moment.copy(), "date") if day else moment.copy())


def _set_doubles(query: exp.Expression) -> None:
    """A number with a point is a double for Athena, and a decimal for DuckDB (F224).

    A decimal literal keeps its written digits.
    """
    for cast in list(query.find_all(exp.Cast)):
        if cast.to.this == exp.DataType.Type.DECIMAL and not cast.to.expressions and cast.this.is_string:
            digits, _, places = cast.this.name.lstrip("+-").partition(".")
            cast.set("to", exp.DataType.build(f"DECIMAL({max(1, len(digits + places))}, {len(places)})"))
    for number in list(query.find_all(exp.Literal)):
        if not number.is_string and "." in number.name and not isinstance(number.parent, exp.Interval):
            number.replace(exp.cast(number.copy(), "double"))


def _result(duck: DuckDBPyConnection, sql: str) -> Result:
    described = duck.execute(f"DESCRIBE {sql}").fetchall()
    kinds = tuple(results.athena_type(kind) for _, kind, *_ in described)
    # Without a package for time zones, Python reads no TIMESTAMPTZ.
    chosen = ", ".join(
        f"c{number} AT TIME ZONE 'UTC'" if kind == "timestamp with time zone" else f"c{number}"
        for number, kind in enumerate(kinds)
    )
    names = ", ".join(f"c{number}" for number in range(len(kinds)))
    rows = duck.execute(f"SELECT {chosen} FROM ({sql}) AS result({names})")  # noqa: S608 - the query itself
    return Result(
        tuple(str(name) for name, *_ in described),
        kinds,
        [
            tuple(results.text(value, kind) for value, kind in zip(row, kinds, strict=True))
            for row in _fetched(rows)
        ],
    )


def _fetched(duck: DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := duck.fetchmany(ROWS_AT_ONCE):
        yield from rows


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).partition("\n\nLINE ")[0].split())
