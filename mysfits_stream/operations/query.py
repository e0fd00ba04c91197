"""``query``: SQL over delivered and failed clicks, run by DuckDB on this machine.

Another engine takes the same SQL and the same columns (``query.schema``), and returns the same
:class:`Answer`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mysfits_stream.click_definition import Definition
from mysfits_stream.clicks import failed as failures
from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.errors import QueryError
from mysfits_stream.files import state_errors
from mysfits_stream.operations.pipeline import clicks_bucket, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.time_range import TimeRange, time_range
from mysfits_stream.query import schema

if TYPE_CHECKING:
    from mysfits_stream.query.cache import Fetched, Missing
    from mysfits_stream.query.engine import Rows

INSTALL = "pip install 'mysfits-stream[query]'"
LARGE_FETCH = 1_000_000_000
"""Bytes above which a fetch needs confirmation."""


@dataclass(frozen=True)
class Answer:
    """The result of a query: rows, read while they are iterated, or a Parquet file."""

    rows: Rows | None
    parquet: Path | None
    range: TimeRange
    problems: ParseProblems


@dataclass(frozen=True)
class Table:
    """A table that SQL sees."""

    name: str
    meaning: str
    columns: tuple[schema.Column, ...]


@dataclass(frozen=True)
class Tables:
    """All tables, and three queries to begin with."""

    tables: tuple[Table, ...]
    examples: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The tables as JSON."""
        return {
            "tables": [
                {
                    "table": table.name,
                    "meaning": table.meaning,
                    "columns": [{"column": each.name, "type": each.type} for each in table.columns],
                }
                for table in self.tables
            ],
            "examples": list(self.examples),
        }


def tables(definition: Definition) -> Tables:
    """The tables of a definition; needs neither a target nor DuckDB."""
    columns = schema.columns(definition)
    return Tables(
        (
            Table(schema.CLICKS, "each click once, without test clicks", columns),
            Table(schema.CLICKS_RAW, "every stored line: with duplicates and test clicks", columns),
            Table(schema.FAILED_CLICKS, "records that the processor could not enrich", schema.FAILED_COLUMNS),
        ),
        _examples(definition),
    )


def read_sql(sql: str | None, file: str | None, standard_input: Callable[[], str] | None) -> str | None:
    """The SQL of the argument, of a file, or of standard input for ``-``.

    None without any of these. Raises QueryError.
    """
    if sql is not None and file is not None:
        raise QueryError("give the SQL as an argument or with --file, not both")
    if file is not None and file != "-":
        try:
            return Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise QueryError(f"--file {file}: cannot be read ({reason})") from None
    if sql == "-" or file == "-" or (sql is None and standard_input is not None):
        found = standard_input() if standard_input else ""
        return found if found.strip() else None
    return sql


@contextmanager
def query(
    project: Project,
    sql: str,
    since: str | None,
    until: str | None,
    *,
    to_parquet: bool = False,
    confirm: Callable[[Missing], None],
    report: Callable[[Fetched], None],
) -> Iterator[Answer]:
    """Run a query over a time range of ``clickedAt``, by default over all clicks.

    ``confirm`` receives what has to be fetched if that is more than LARGE_FETCH, and may raise; ``report``
    receives the progress. Raises ClickError, QueryError or StateError.
    """
    from mysfits_stream.query import engine, failed, parts
    from mysfits_stream.query.cache import Cache, Snapshot

    columns = schema.columns(project.config.definition)
    needed, problems = engine.TableNames.of(sql), ParseProblems()

    def confirm_large(missing: Missing) -> None:
        if missing.bytes > LARGE_FETCH:
            confirm(missing)

    cache = Cache(project.cache_directory, columns, confirm_large, report, project.note)
    with parts.connection() as duck:  # one for all steps: DuckDB starts in 15 ms
        select = engine.checked(duck, sql)  # before anything is fetched
        with translated(project):
            bucket = clicks_bucket(project)
            now = bucket.now()
            wanted = time_range(since, until, now)
        with cache.directory_of_run() as run:
            parts.spill_into(duck, run)
            snapshot, failed_lines = Snapshot(run), None
            with translated(project):
                if needed.clicks:
                    snapshot = cache.snapshot(duck, run, bucket, wanted.since, now, problems)
                if needed.failed:
                    found = failures.read(bucket, wanted.since, wanted.until, problems)
                    in_range = (each for each in found if each.arrived < wanted.until)
                    with state_errors(cache.directory):
                        failed_lines = failed.write(in_range, run / "failed.json")
            with engine.opened(duck, snapshot, columns, wanted.since, wanted.until, failed_lines) as opened:
                if to_parquet:
                    path = opened.write_parquet(select)
                    yield Answer(None, path, wanted, problems)
                else:
                    yield Answer(opened.run(select), None, wanted, problems)


def require_duckdb() -> None:
    """Raise QueryError with the command that installs DuckDB, unless it is installed."""
    if importlib.util.find_spec("duckdb") is None:
        raise QueryError(f"queries need DuckDB; run: {INSTALL}")


def _examples(definition: Definition) -> tuple[str, ...]:
    """Three queries that fit the definition."""
    names = (*definition.attributes, definition.key, *definition.names)
    subject = next(name for name in names if name)
    users = f', count(DISTINCT "{definition.user}") AS users' if definition.user else ""
    return (
        f'SELECT "{subject}", count(*) AS clicks FROM clicks GROUP BY 1 ORDER BY 2 DESC LIMIT 10',
        f"SELECT date_trunc('day', \"clickedAt\") AS day, count(*) AS clicks{users} "
        "FROM clicks GROUP BY 1 ORDER BY 1",
        'SELECT "errorCode", count(*) AS records FROM failed_clicks GROUP BY 1 ORDER BY 2 DESC',
    )
