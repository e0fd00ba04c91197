"""DuckDB over a snapshot's files: bounded, read only, locked before the user's SQL runs.

SQL sees the tables ``clicks``, ``clicks_raw`` and ``failed_clicks`` (``sandbox``). The SQL is a single
SELECT; DuckDB may open the snapshot's files only, loads no extension, opens no connection, and its settings
are locked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NewType, TypeVar

from mysfits_stream.errors import QueryError
from mysfits_stream.query import sandbox, schema
from mysfits_stream.query.cache import Snapshot
from mysfits_stream.query.parts import interruptible, literal, literals
from mysfits_stream.query.sandbox import TABLES
from mysfits_stream.query.schema import Column
from mysfits_stream.query.values import is_nested, plain, readable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")

Select = NewType("Select", str)
"""A single SELECT that names nothing but the tables; made by ``checked``."""

MEMORY = "1GB"
"""DuckDB's limit for a query; larger work spills to disk."""

SPILL = "20GB"
"""The largest size of temporary files of a query."""

ROWS_AT_ONCE = 1_000
PIVOT = re.compile(r"\bPIVOT\b", re.IGNORECASE)


@dataclass(frozen=True)
class TableNames:
    """The tables that an SQL text may need.

    Found by name, in any case, comments and strings included.
    """

    clicks: bool
    failed: bool

    @classmethod
    def of(cls, sql: str) -> TableNames:
        """The tables named in the text."""
        without_failed = sql.lower().replace(schema.FAILED_CLICKS, "")
        return cls(schema.CLICKS in without_failed, schema.FAILED_CLICKS in sql.lower())


@dataclass(frozen=True)
class Rows:
    """The result of a query.

    Values are None, bool, int, float, text, or lists and objects of scalars.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    """DuckDB's types."""

    values: Iterator[tuple[Any, ...]]
    """Read while they are iterated; errors of the query are raised as QueryError."""


@dataclass(frozen=True)
class Engine:
    """A locked DuckDB with the tables."""

    duck: DuckDBPyConnection
    directory: Path
    thread: ThreadPoolExecutor
    """Runs the queries: DuckDB does not react to Ctrl-C in the main thread."""

    def run(self, select: Select) -> Rows:
        """Run a SELECT; raises QueryError."""
        with query_errors(first_line=2):
            described = self.duck.execute(f"DESCRIBE SELECT * FROM (\n{select}\n)").fetchall()
            names = tuple(str(name) for name, *_ in described)
            types = tuple(str(kind) for _, kind, *_ in described)
            # A result may have a name twice; numbers are unique.
            aliases = [f"c{number}" for number in range(len(names))]
            chosen = ", ".join(readable(*each) for each in zip(aliases, types, strict=True))
            self._wait(
                self.duck.execute, f"SELECT {chosen} FROM (\n{select}\n) AS result({', '.join(aliases)})"
            )
        return Rows(names, types, self._values(types))

    def write_parquet(self, select: Select) -> Path:
        """Run a SELECT, and write the rows to a new Parquet file in the engine's directory."""
        path = self.directory / "result.parquet"
        with query_errors(first_line=2):
            self._wait(self.duck.execute, f"COPY (\n{select}\n) TO {literal(path)} (FORMAT parquet)")
        return path

    def _wait(self, call: Callable[[Any], T], argument: Any) -> T:
        """The result of a call; Ctrl-C ends it."""
        try:
            return self.thread.submit(call, argument).result()
        except KeyboardInterrupt:
            self.duck.interrupt()
            raise

    def _values(self, types: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        nested = [index for index, kind in enumerate(types) if is_nested(kind)]
        decimals = [
            index for index, kind in enumerate(types) if kind.startswith("DECIMAL") and index not in nested
        ]
        while True:
            with query_errors():
                rows = self._wait(self.duck.fetchmany, ROWS_AT_ONCE)
            if not rows:
                return
            yield from (plain(row, nested, decimals) for row in rows) if nested or decimals else rows


def checked(duck: DuckDBPyConnection, sql: str) -> Select:
    """The text of the only statement, a SELECT over the tables, without a final semicolon.

    Nothing of the text is run. Raises QueryError.
    """
    import duckdb

    try:
        sql.encode()
    except UnicodeEncodeError:
        raise QueryError("the SQL is not UTF-8; check the terminal's encoding") from None
    with query_errors(), interruptible(), _parser(duck, sql) as parser:
        statements = parser.extract_statements(sql)
        if len(statements) != 1:
            advice = "; PIVOT needs the values of its columns (ON … IN …)" if PIVOT.search(sql) else ""
            raise QueryError(f"the SQL holds {len(statements)} statements; write one SELECT{advice}")
        [statement] = statements
        if statement.type != duckdb.StatementType.SELECT:
            raise QueryError(
                f"{statement.type.name} is not possible: a query is one SELECT or WITH … SELECT over {TABLES}"
            )
        select = _without_end(str(statement.query)).strip()
        sandbox.check(parser, select)
    return Select(select)


@contextmanager
def _parser(duck: DuckDBPyConnection, sql: str) -> Iterator[DuckDBPyConnection]:
    """A DuckDB to parse the SQL: the given one for SELECTs, else one that opens no file.

    ``extract_statements`` reads the files of IMPORT DATABASE, if it may. Starting DuckDB takes 15 ms.
    """
    import duckdb

    if sandbox.is_select(duck, sql):
        yield duck
        return
    with closing(duckdb.connect(config={"enable_external_access": False})) as parser:
        yield parser


def _without_end(statement: str) -> str:
    """A statement without the semicolons at its end, and without what comments on them."""
    import duckdb

    text = statement.encode()
    end = len(text)
    for place, _ in reversed(duckdb.tokenize(statement)):
        if text[place : place + 1] != b";":
            break
        end = place
    return text[:end].decode()


@contextmanager
def opened(
    duck: DuckDBPyConnection,
    snapshot: Snapshot,
    columns: Sequence[Column],
    since: datetime | None,
    until: datetime,
    failed: Path | None,
) -> Iterator[Engine]:
    """A DuckDB as an engine with the tables, locked for good.

    ``failed`` is a file of JSON lines with the failed clicks; ``since`` and ``until``, excluded, bound
    ``clickedAt``.
    """
    with interruptible(), ThreadPoolExecutor(1) as thread:
        with query_errors():
            duck.execute(f"SET memory_limit = '{MEMORY}'")
            duck.execute(f"SET max_temp_directory_size = '{SPILL}'")
            bounds = _bounds(since, until)
            duck.execute(f"CREATE VIEW {schema.CLICKS_RAW} AS {_clicks(snapshot, columns, bounds, '')}")
            duck.execute(
                f"CREATE VIEW {schema.CLICKS} AS {_distinct(duck, snapshot, columns, bounds, since)}"
            )
            duck.execute(f"CREATE TABLE {schema.FAILED_CLICKS} AS {_failed(failed)}")
            allowed = [*snapshot.files, *([snapshot.duplicates] if snapshot.duplicates else [])]
            duck.execute(f"SET allowed_paths = {literals(allowed)}")
            duck.execute("SET enable_external_access = false")
            duck.execute("SET lock_configuration = true")
        yield Engine(duck, snapshot.directory, thread)


@contextmanager
def query_errors(first_line: int = 1) -> Iterator[None]:
    """Raise DuckDB's errors as a QueryError in one line; the SQL begins in line ``first_line``."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        reason = _one_line(error, first_line)
        if isinstance(error, duckdb.PermissionException):
            reason = f"SQL can read {TABLES}, and no file, no URL and no other database ({reason})"
        elif isinstance(error, duckdb.OutOfMemoryException):
            reason = (
                f"the query needs more memory or temporary space than it may use ({reason}); select fewer "
                "columns, or a shorter range with --since and --until"
            )
        raise QueryError(reason) from error


def _one_line(error: Exception, first_line: int) -> str:
    """DuckDB's message, with the place in the SQL if known."""
    message, _, place = str(error).partition("\n\nPossible solutions")[0].partition("\n\nLINE ")
    line = place.partition(":")[0]
    hint = "INSTALL" in message or "extension" in message
    text = " ".join(message.partition("\n\n")[0].split() if hint else message.split())
    return f"{text} (line {int(line) - first_line + 1})" if line.isdigit() else text


def _bounds(since: datetime | None, until: datetime) -> str:
    bounds = [f"< TIMESTAMPTZ '{until.astimezone(UTC).isoformat()}'"]
    if since:
        bounds.append(f">= TIMESTAMPTZ '{since.astimezone(UTC).isoformat()}'")
    return " AND ".join(f"{{clickedAt}} {bound}" for bound in bounds)


def _clicks(snapshot: Snapshot, columns: Sequence[Column], bounds: str, rest: str) -> str:
    """The rows of a time range, with ``rest`` after FROM and WHERE."""
    chosen = ", ".join(f"c{index} AS {column.quoted}" for index, column in enumerate(columns))
    if not snapshot.files:
        empty = ", ".join(f"NULL::{column.type} AS c{index}" for index, column in enumerate(columns))
        return f"SELECT {chosen} FROM (SELECT {empty}) WHERE false"
    source = f"read_parquet({literals(snapshot.files)}) AS part"
    return f"SELECT {chosen} FROM {source} {rest} WHERE {bounds.format(**_numbers(columns))}"


def _distinct(
    duck: DuckDBPyConnection,
    snapshot: Snapshot,
    columns: Sequence[Column],
    bounds: str,
    since: datetime | None,
) -> str:
    """The rows of ``clicks``: the first of equal ids in the range, without test clicks."""
    bounds += " AND NOT {test}"
    if not snapshot.duplicates:
        return _clicks(snapshot, columns, bounds, "")
    # A row repeats a click of the range if the click before it is in the range.
    after = f"WHERE previous >= TIMESTAMPTZ '{since.astimezone(UTC).isoformat()}'" if since else ""
    repeated = f"SELECT file, row FROM read_parquet({literal(snapshot.duplicates)}) {after}"
    found = duck.execute(f"SELECT count(*) FROM ({repeated})").fetchone()
    if not found or not found[0]:
        return _clicks(snapshot, columns, bounds, "")
    join = f"ANTI JOIN ({repeated}) AS again ON part.file_index = again.file "
    return _clicks(snapshot, columns, bounds, join + "AND part.file_row_number = again.row")


def _failed(path: Path | None) -> str:
    columns = schema.FAILED_COLUMNS
    if path is None:
        empty = ", ".join(f"NULL::{column.type} AS {column.quoted}" for column in columns)
        return f"SELECT * FROM (SELECT {empty}) WHERE false"
    types = ", ".join(f"{literal(column.name)}: '{column.type}'" for column in columns)
    return (
        f"SELECT * FROM read_json({literal(path)}, format='newline_delimited', columns={{{types}}}, "
        "maximum_object_size=8388608)"
    )


def _numbers(columns: Sequence[Column]) -> dict[str, str]:
    return {column.name: f"c{index}" for index, column in enumerate(columns)}
