"""SQL over a bucket in memory, as ``query`` runs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mysfits_stream.click_definition import Definition
from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.config import Config
from mysfits_stream.query import engine, parts, schema
from mysfits_stream.query.cache import Cache, Fetched, Missing
from tests.support.clicks_bucket import MemoryS3, clicks_bucket


@dataclass
class Asking:
    """One cache, and what was fetched for each query."""

    s3: MemoryS3
    directory: Path
    definition: Definition = field(default_factory=lambda: Config().definition)
    fetches: list[Missing] = field(default_factory=list)
    progress: list[Fetched] = field(default_factory=list)
    problems: ParseProblems = field(default_factory=ParseProblems)

    @property
    def cache(self) -> Cache:
        return Cache(
            self.directory / "cache" / "stack",
            schema.columns(self.definition),
            self.fetches.append,
            self.progress.append,
        )

    def ask(
        self,
        sql: str,
        since: datetime | None = None,
        until: datetime | None = None,
        prefix: str = "firehose/",
    ) -> list[tuple[Any, ...]]:
        """The rows of a query at the time of the bucket's clock."""
        now = self.s3.clock.at
        cache, self.problems = self.cache, ParseProblems()
        with parts.connection() as duck, cache.directory_of_run() as run:
            select = engine.checked(duck, sql)
            parts.spill_into(duck, run)
            bucket = clicks_bucket(self.s3, prefix=prefix)
            snapshot = cache.snapshot(duck, run, bucket, since, now, self.problems)
            with engine.opened(duck, snapshot, cache.columns, since, until or now, None) as opened:
                return list(opened.run(select).values)

    def fetched(self) -> list[str]:
        """The keys that were fetched since the last time."""
        found = [key for operation, key in self.s3.calls if operation == "get"]
        self.s3.calls.clear()
        return found

    def files(self) -> list[Path]:
        """The cached parts."""
        return sorted(path for path in self.cache.directory.glob("2*.parquet"))
