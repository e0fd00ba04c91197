"""Parquet files of the cache: written from JSON, merged, read back with their sources.

A part holds the clicks of some objects of an hour. Its columns are ``c0``, ``c1``, … in the order of the
schema, so that a field may have any name, and ``id``, a hash of ``clickId`` to find duplicates without
comparing texts. The file's metadata name the objects: a part is never used for changed contents.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mysfits_stream.query import schema
from mysfits_stream.query.schema import Column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FORMAT = 1
METADATA = "mysfits-stream"
OPTIONS = (
    "FORMAT parquet, COMPRESSION lz4, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 1000, ROW_GROUP_SIZE 20480"
)
"""Written fast and in little memory: ids, which hardly compress, are most of a click."""

MEMORY, MORE_MEMORY = "128MB", "1GB"
"""DuckDB's limit while the cache is updated, and for work that does not fit; larger work spills to disk."""

THREADS = 4
IDS_AT_ONCE = 1_000_000
"""Clicks whose ids are compared in one pass: 16 bytes of memory each."""

Sources = frozenset[tuple[str, str]]
"""Keys and ETags of objects."""


@dataclass(frozen=True)
class Part:
    """A Parquet file of the cache, and its source objects."""

    path: Path
    sources: Sources
    foreign: int
    """Lines of these objects that are not clicks."""

    rows: int


@contextmanager
def connection(memory: str = MEMORY, threads: int = THREADS) -> Iterator[DuckDBPyConnection]:
    """DuckDB in memory, with bounded memory and threads, without extensions and the network.

    Work beyond the memory fails until ``spill_into``.
    """
    import duckdb

    settings: dict[str, Any] = {
        "memory_limit": memory,
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
    }
    with interruptible(), closing(duckdb.connect(":memory:", config=settings)) as made:
        made.execute("SET python_enable_replacements = false")
        made.execute("SET enable_progress_bar = false")  # it goes to standard output
        made.execute("SET TimeZone = 'UTC'")
        made.execute(f"SET threads = least({threads}, current_setting('threads'))")
        yield made


def spill_into(duck: DuckDBPyConnection, directory: Path) -> None:
    """Let work beyond the memory use a directory."""
    duck.execute(f"SET temp_directory = {literal(directory)}")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end the block: DuckDB raises a RuntimeError in the main thread.

    That error becomes KeyboardInterrupt.
    """
    try:
        yield
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise


def digest(columns: Sequence[Column]) -> str:
    """A name for the form of the parts; parts of an older form are made again.

    DuckDB's hash function may change with its version.
    """
    import duckdb

    form = [FORMAT, duckdb.__version__, [(column.name, column.type) for column in columns]]
    return hashlib.sha256(json.dumps(form).encode()).hexdigest()[:16]


def literal(text: str | Path) -> str:
    """A text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def literals(paths: Iterable[Path]) -> str:
    """A list of paths as SQL."""
    return f"[{', '.join(map(literal, paths))}]"


class PartFiles:
    """Writes and reads parts of a form."""

    def __init__(self, duck: DuckDBPyConnection, columns: Sequence[Column]) -> None:
        self._duck = duck
        self._columns = columns
        self._digest = digest(columns)

    def write(self, lines: Path, path: Path, sources: Sources, count: int, foreign: int) -> int:
        """Make a part of ``count`` lines of JSON; returns its rows.

        Raises duckdb.Error for lines that DuckDB cannot parse.
        """
        members = ", ".join(f"{literal(column.name)}: 'VARCHAR'" for column in self._columns)
        clicked_at, click_id = self._column("clickedAt"), self._column("clickId")
        chosen = [f"{_typed(column)} AS c{index}" for index, column in enumerate(self._columns)]
        chosen.append('hash("clickId") AS id')
        source = (
            f"read_json({literal(lines)}, format='newline_delimited', compression='uncompressed', "
            f"columns={{{members}}}, maximum_object_size=2097152)"
        )
        rows = self._copy(
            f"SELECT * REPLACE (CASE WHEN {click_id} IS NOT NULL THEN id END AS id) "
            f"FROM (SELECT {', '.join(chosen)} FROM {source}) WHERE isfinite({clicked_at})",
            path,
            {"sources": sorted(sources), "foreign": foreign},
        )
        if rows < count:
            # A click without a valid time is foreign, too, and only the result tells how many there are.
            self._describe(path, sources, foreign + count - rows)
        return rows

    def merge(self, parts: Sequence[Part], path: Path) -> None:
        """Make a single part of several, in their order."""
        sources = frozenset[tuple[str, str]]().union(*(part.sources for part in parts))
        foreign = sum(part.foreign for part in parts)
        files = literals(part.path for part in parts)
        self._copy(
            f"SELECT * FROM read_parquet({files})", path, {"sources": sorted(sources), "foreign": foreign}
        )

    def read(self, paths: Sequence[Path]) -> Iterator[Part]:
        """The parts at the paths, without damaged files and files of an older form."""
        import duckdb

        try:
            yield from self._read(paths)
        except duckdb.Error:
            if len(paths) > 1:
                for path in paths:
                    yield from self.read([path])

    def duplicates(self, parts: Sequence[Part], path: Path) -> None:
        """Write the rows that repeat an earlier click: file, row, earlier ``clickedAt``.

        Of equal ``clickId`` the first by ``clickedAt``, then ``requestId``, then the other columns counts.
        """
        files = literals(part.path for part in parts)
        passes = sum(part.rows for part in parts) // IDS_AT_ONCE + 1
        self._run("CREATE OR REPLACE TEMP TABLE repeated (id UBIGINT)")
        for number in range(passes):
            self._run(
                f"INSERT INTO repeated SELECT id FROM read_parquet({files}) "
                f"WHERE id % {passes} = {number} GROUP BY id HAVING count(*) > 1"
            )
        names = [column.name for column in self._columns]
        first = [names.index("clickedAt"), names.index("requestId")]
        order = ", ".join(f"c{n} NULLS LAST" for n in dict.fromkeys([*first, *range(len(names))]))
        click_id, clicked_at = self._column("clickId"), self._column("clickedAt")
        self._run(
            f"COPY (SELECT file, row, previous FROM (SELECT file_index AS file, file_row_number AS row, "
            f"lag({clicked_at}) OVER (PARTITION BY {click_id} ORDER BY {order}) AS previous "
            f"FROM read_parquet({files}) WHERE id IN (SELECT id FROM repeated)) "
            f"WHERE previous IS NOT NULL) TO {literal(path)} (FORMAT parquet)"
        )
        self._run("DROP TABLE repeated")

    def _read(self, paths: Sequence[Path]) -> list[Part]:
        if not paths:
            return []
        files = literals(paths)
        rows = self._run(
            f"SELECT file_name, num_rows, decode(value) FROM parquet_file_metadata({files}) "
            f"JOIN parquet_kv_metadata({files}) USING (file_name) WHERE decode(key) = {literal(METADATA)}"
        ).fetchall()
        found = []
        for name, count, text in rows:
            document = json.loads(text)
            if document["form"] == self._digest:
                sources = frozenset((key, etag) for key, etag in document["sources"])
                found.append(Part(Path(name), sources, document["foreign"], count))
        return found

    def _run(self, sql: str) -> DuckDBPyConnection:
        """Run a statement, once more with more memory if the first limit is too small."""
        import duckdb

        try:
            return self._duck.execute(sql)
        except duckdb.OutOfMemoryException:
            self._duck.execute(f"SET memory_limit = {literal(MORE_MEMORY)}")
            return self._duck.execute(sql)

    def _column(self, name: str) -> str:
        return f"c{[column.name for column in self._columns].index(name)}"

    def _describe(self, path: Path, sources: Sources, foreign: int) -> None:
        """Write a part again with new metadata."""
        again = path.with_suffix(".again")
        described = {"sources": sorted(sources), "foreign": foreign}
        self._copy(f"SELECT * FROM read_parquet({literal(path)})", again, described)
        again.replace(path)

    def _copy(self, select: str, path: Path, metadata: dict[str, Any]) -> int:
        """Write the rows of a SELECT; returns their number."""
        described = literal(json.dumps({"form": self._digest, **metadata}))
        written = self._run(
            f"COPY ({select}) TO {literal(path)} "
            f"({OPTIONS}, KV_METADATA {{{literal(METADATA)}: {described}}})"
        ).fetchone()
        return int(written[0]) if written else 0


def _typed(column: Column) -> str:
    """A column from the text of a JSON scalar (``schema``)."""
    text = column.quoted
    typed = {
        schema.VARCHAR: text,
        schema.BIGINT: f"CASE WHEN regexp_full_match({text}, '-?[0-9]+') THEN TRY_CAST({text} AS BIGINT) END",
        schema.DOUBLE: f"CASE WHEN regexp_full_match({text}, '[-+0-9.eE]+') "
        f"THEN TRY_CAST({text} AS DOUBLE) END",
        schema.BOOLEAN: f"CASE {text} WHEN 'true' THEN true WHEN 'false' THEN false END",
        schema.TIMESTAMPTZ: f"TRY_CAST({text} AS TIMESTAMPTZ)",
    }[column.type]
    return f"coalesce({typed}, {column.absent})" if column.absent else typed
