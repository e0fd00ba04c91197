"""A query on Athena: its highest cost, its run, and its rows as on the laptop.

Glue and Athena lower-case names and return text. DuckDB describes the same SQL over empty tables, so names
and types are those of the laptop, and a mistake in the SQL is found before anything is paid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mysfits_stream import prices
from mysfits_stream.aws.errors import athena_advice
from mysfits_stream.aws.waiting import Expired, Pace, wait_until
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.date_partitions import DatePartitions
from mysfits_stream.errors import QueryError
from mysfits_stream.query import schema
from mysfits_stream.query.engine import Rows, checked, query_errors
from mysfits_stream.query.parts import connection, literal, spill_into
from mysfits_stream.query.schema import Column
from mysfits_stream.query.values import exact

if TYPE_CHECKING:
    from types_boto3_athena import AthenaClient

BUDGET = 1800.0
"""Seconds that Athena runs a query at most, by its quota for DML."""

LEAST_BYTES = 10 * 2**20
"""What a query costs at least (F220)."""

MB, GB, TB = 2**20, 2**30, 2**40
HOUR = timedelta(hours=1)
ROWS_AT_ONCE = 10_000
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


@dataclass(frozen=True)
class Described:
    """The result of a query on the laptop: names and DuckDB's types."""

    names: tuple[str, ...]
    types: tuple[str, ...]


@dataclass(frozen=True)
class Estimate:
    """The most that a query reads and costs."""

    objects: int
    bytes: int
    """At least 10 MB."""

    @property
    def dollars(self) -> float:
        """The most that the query costs."""
        return prices.ATHENA_TB.dollars(math.ceil(self.bytes / MB) * MB / TB)

    def __str__(self) -> str:
        objects = f"{self.objects:,} {'object' if self.objects == 1 else 'objects'}"
        cost = f"${self.dollars:,.2f}" if self.dollars >= 0.01 else "$0.01"
        return (
            f"Athena reads at most {self.bytes / GB:.2f} GB ({objects}), for at most "
            f"{cost} (${prices.ATHENA_TB.tiers[0][1]:g} for each TB, {prices.ATHENA_TB.as_of}, "
            f"{prices.REGION})"
        )


@dataclass(frozen=True)
class Scan:
    """The partitions that a query reads, and their objects."""

    first: str
    last: str
    objects: int
    bytes: int


def described(sql: str, columns: Sequence[Column], directory: Path) -> Described:
    """The laptop's types for a query.

    Raises QueryError for SQL that the laptop rejects.
    """
    with query_errors(), connection() as duck:
        select = checked(duck, sql)
        spill_into(duck, directory)
        listed = ", ".join(f"{column.quoted} {column.type}" for column in columns)
        for name in (schema.CLICKS, schema.CLICKS_RAW):
            duck.execute(f"CREATE TABLE {name} ({listed})")
        failed = ", ".join(f"{column.quoted} {column.type}" for column in schema.FAILED_COLUMNS)
        duck.execute(f"CREATE TABLE {schema.FAILED_CLICKS} ({failed})")
        duck.execute("SET enable_external_access = false")
        duck.execute("SET lock_configuration = true")
        found = duck.execute(f"DESCRIBE SELECT * FROM (\n{select}\n)").fetchall()
    result = Described(tuple(str(name) for name, *_ in found), tuple(str(kind) for _, kind, *_ in found))
    for name, kind in zip(result.names, result.types, strict=True):
        if not _is_readable(kind):
            raise QueryError(
                f"column {name} of type {kind} cannot be read from Athena; select its parts, or run without "
                "--on athena"
            )
    return result


def scan(bucket: ClicksBucket, partitions: DatePartitions, since: datetime | None, now: datetime) -> Scan:
    """The partitions of a time range of ``clickedAt``, and the bytes of their objects.

    An object is named after its oldest record, and retries arrive later: so objects from ``since`` less the
    buffers and an hour, up to now, are read.
    """
    begin = since - HOUR if since else None
    count, size, oldest = 0, 0, now
    for stored in bucket.delivered(begin, now):
        count, size, oldest = count + 1, size + stored.size, min(oldest, stored.started)
    # A partition is read as a whole.
    first = min(oldest, begin - bucket.span) if begin else oldest
    return Scan(partitions.of(first), partitions.of(now + HOUR), count, size)


def estimate(found: Scan, reads: int) -> Estimate:
    """The cost of a query that reads the objects so many times."""
    return Estimate(found.objects, max(LEAST_BYTES, found.bytes * reads))


def parquet(rows: Rows, directory: Path) -> Path:
    """Write rows to a new Parquet file in a directory."""
    path = directory / "result.parquet"
    with query_errors(), connection() as duck:
        spill_into(duck, directory)
        names = [f"c{number}" for number in range(len(rows.names))]
        kinds = ["VARCHAR" if kind == '"NULL"' else kind for kind in rows.types]
        columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, kinds, strict=True))
        duck.execute(f"CREATE TABLE result ({columns})")
        chosen = ", ".join(f"unnest(?::VARCHAR[])::{kind}" for kind in kinds)
        while batch := list(islice(rows.values, ROWS_AT_ONCE)):
            texts = [
                [None if value is None else str(value) for value in each] for each in zip(*batch, strict=True)
            ]
            duck.execute(f"INSERT INTO result SELECT {chosen}", texts)
        quoted = ['"' + name.replace('"', '""') + '"' for name in rows.names]
        named = ", ".join(f"{name} AS {alias}" for name, alias in zip(names, quoted, strict=True))
        duck.execute(f"COPY (SELECT {named} FROM result) TO {literal(path)} (FORMAT parquet)")
    return path


class Run:
    """One query execution; ``pace`` waits for it."""

    def __init__(self, athena: AthenaClient, workgroup: str, database: str, pace: Pace) -> None:
        self._athena = athena
        self._workgroup = workgroup
        self._database = database
        self._pace = pace
        self.scanned = 0

    def rows(self, sql: str, result: Described) -> Rows:
        """Run a query to its end; raises QueryError. Ctrl-C stops the query."""
        started = self._athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self._database},
            WorkGroup=self._workgroup,
        )
        execution = started["QueryExecutionId"]
        try:
            self._wait(execution)
        except BaseException:
            # Also what costs goes on else: nobody waits for the result.
            self._athena.stop_query_execution(QueryExecutionId=execution)
            raise
        return Rows(result.names, result.types, self._values(execution, result.types))

    def _wait(self, execution: str) -> None:
        status: Any = {}

        def ended() -> bool:
            nonlocal status
            found: Any = self._athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]
            status = found["Status"]
            self.scanned = found.get("Statistics", {}).get("DataScannedInBytes", 0)
            return status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED")

        try:
            wait_until(
                ended,
                self._pace,
                waiting_for="Athena to run the query",
                budget=BUDGET,
                advice="choose a shorter range with --since and --until",
            )
        except Expired as error:
            raise QueryError(str(error)) from error
        if status["State"] != "SUCCEEDED":
            reason = " ".join(str(status.get("StateChangeReason") or "no reason given").split())
            advice = athena_advice(reason)
            more = f". {advice[0].upper()}{advice[1:]}" if advice else ""
            raise QueryError(f"Athena: {status['State'].lower()}: {reason.rstrip('.')}{more}")

    def _values(self, execution: str, types: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        readers = [reader(kind) for kind in types]
        pages = self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution)
        skip = 1  # the first row of the first page holds the names (F222)
        for page in pages:
            for row in page["ResultSet"]["Rows"][skip:]:
                yield tuple(
                    None if (text := value.get("VarCharValue")) is None else read(text)
                    for read, value in zip(readers, row["Data"], strict=True)
                )
            skip = 0


def _is_readable(kind: str) -> bool:
    known = ("VARCHAR", "BOOLEAN", "FLOAT", "DOUBLE", "DATE", '"NULL"', *INTEGERS)
    return kind in known or kind.startswith(("DECIMAL", "TIMESTAMP"))


def reader(kind: str) -> Callable[[str], Any]:
    """Reads the text of a value as the laptop's engine returns the value."""
    if kind == "BOOLEAN":
        return lambda text: text == "true"
    if kind in INTEGERS:
        return int
    if kind in ("FLOAT", "DOUBLE"):
        return float
    if kind.startswith("DECIMAL"):
        return _decimal
    if kind == "TIMESTAMP WITH TIME ZONE":
        return lambda text: _iso(text) + "Z"
    return _iso if kind.startswith("TIMESTAMP") else str


def _decimal(text: str) -> int | float | Decimal:
    return exact(Decimal(text))


def _iso(text: str) -> str:
    """A time with milliseconds, or microseconds if it has these; Athena's is in UTC."""
    moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    return moment.isoformat(timespec="microseconds" if moment.microsecond % 1000 else "milliseconds")
