"""``query --on athena``: the same SQL over the same clicks, run by Athena."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.date_partitions import date_partitions, partition_column
from mysfits_stream.errors import QueryError
from mysfits_stream.operations.pipeline import clicks_bucket, pace, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.query import Answer
from mysfits_stream.operations.time_range import time_range
from mysfits_stream.provision.stack import CLICKS_TABLE
from mysfits_stream.query import schema


@contextmanager
def query(
    project: Project, sql: str, since: str | None, until: str | None, *, to_parquet: bool = False
) -> Iterator[Answer]:
    """Run a query on Athena over a time range of ``clickedAt``, by default over all clicks.

    Notes the cost at most before the query runs. Raises ClickError, QueryError or StateError.
    """
    from mysfits_stream.query import athena, athena_sql

    config = project.config
    if not config.query.athena:
        raise QueryError(
            "--on athena needs a table and a workgroup: set query.athena: true in config.yaml and run "
            "`mysfits-stream up`"
        )
    columns = schema.columns(config.definition)
    partitions = date_partitions(config.delivery.prefix)
    with TemporaryDirectory(prefix="mysfits-stream-") as scratch:
        result = athena.described(sql, columns, Path(scratch))
    with translated(project):
        bucket = clicks_bucket(project)
        now = bucket.now()
        wanted = time_range(since, until, now)
        found = athena.scan(bucket, partitions, wanted.since, now)
    source = athena_sql.Source(
        database=project.names.database,
        table=CLICKS_TABLE,
        partition_column=partition_column(tuple(column.name for column in columns)),
        first=found.first,
        last=found.last,
        since=wanted.since,
        until=wanted.until,
    )
    ready = athena_sql.translated(sql, columns, source)
    estimate = athena.estimate(found, ready.reads)
    limit = config.query.scan_limit_gb
    if estimate.bytes > limit * athena.GB and estimate.bytes > athena.LEAST_BYTES:
        raise QueryError(
            f"the query would read {estimate.bytes / athena.GB:.2f} GB, and query.scan_limit_gb stops it at "
            f"{limit:g} GB: choose a shorter range with --since and --until, or raise the limit and run `up`"
        )
    if ready.reads:
        project.note(f"{estimate}; the workgroup stops it at {limit:g} GB.")
    else:
        project.note("The SQL names no table: Athena reads no object.")
    with translated(project):
        run = athena.Run(
            project.target.client("athena"), project.names.workgroup, project.names.database, pace(project)
        )
        rows = run.rows(ready.sql, result)
        project.note(f"Athena read {run.scanned / athena.MB:.2f} MB.")
        if to_parquet:
            with TemporaryDirectory(prefix="mysfits-stream-") as scratch:
                yield Answer(None, athena.parquet(rows, Path(scratch)), wanted, ParseProblems())
        else:
            yield Answer(rows, None, wanted, ParseProblems())
