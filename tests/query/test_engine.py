"""What SQL sees and what it cannot."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream import click_definition
from mysfits_stream.click_definition import Enrichment, Field
from mysfits_stream.errors import QueryError
from mysfits_stream.query.engine import TableNames
from tests.support.asking import Asking
from tests.support.clicks_bucket import NOON, Clock, MemoryS3, enriched, key, lines

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    return Asking(MemoryS3(Clock(NOON + HOUR)), tmp_path)


def put(asking: Asking, *clicks: Any, number: int = 0) -> None:
    asking.s3.objects[key(NOON, number)] = lines(*clicks)


def test_each_click_counts_once_the_earliest_and_test_clicks_are_left_out(asking: Asking) -> None:
    put(
        asking,
        enriched(NOON + 2 * MINUTE, "late", clickId="a" * 8, requestId="2"),
        enriched(NOON, "test", clickId="t" * 8) | {"test": True},
        enriched(NOON, "old"),
        enriched(NOON, "old"),
    )
    put(asking, enriched(NOON + MINUTE, "early", clickId="a" * 8, requestId="1"), number=1)
    assert asking.ask('SELECT "userId" FROM clicks ORDER BY 1') == [("early",), ("old",), ("old",)]
    assert asking.ask('SELECT "userId" FROM clicks_raw ORDER BY 1') == [
        ("early",),
        ("late",),
        ("old",),
        ("old",),
        ("test",),
    ]


def test_a_click_whose_first_copy_is_before_the_range_counts_in_the_range(asking: Asking) -> None:
    """As `clicks` counts it: the range is cut first."""
    put(
        asking,
        enriched(NOON, "first", clickId="a" * 8),
        enriched(NOON + 2 * MINUTE, "second", clickId="a" * 8),
        enriched(NOON + 3 * MINUTE, "third", clickId="a" * 8),
    )
    sql = 'SELECT "userId" FROM clicks'
    assert asking.ask(sql) == [("first",)]
    assert asking.ask(sql, NOON + MINUTE) == [("second",)]
    assert asking.ask(sql, NOON + 3 * MINUTE) == [("third",)]
    assert asking.ask(sql, NOON, NOON + MINUTE) == [("first",)]
    assert asking.ask(sql, NOON + MINUTE, NOON + 2 * MINUTE) == []


def test_since_and_until_bound_the_time_of_the_click_and_not_of_the_object(asking: Asking) -> None:
    put(asking, *(enriched(NOON + n * MINUTE, f"u{n}") for n in range(5)))
    replayed = enriched(NOON + MINUTE, "replayed")
    asking.s3.objects[key(NOON + HOUR)] = lines(replayed)
    found = asking.ask('SELECT "userId" FROM clicks ORDER BY 1', NOON + MINUTE, NOON + 3 * MINUTE)
    assert found == [("replayed",), ("u1",), ("u2",)]


def test_columns_have_the_types_of_the_definition(asking: Asking) -> None:
    asking.definition = click_definition.define(
        (
            Field("productId", "integer"),
            Field("weight", "number"),
            Field("select", "boolean", required=False),
            Field("group", bounds=(("maxLength", 9),), required=False),
        ),
        None,
        Enrichment("productId", "/p/{productId}", "", ("price", "sold")),
        anonymize=False,
    )
    put(
        asking,
        {
            "productId": 9007199254740991,
            "weight": 1,
            "select": False,
            "group": "g\u2603\U0001f984",
            "price": 12.5,
            "sold": True,
            "clickedAt": "2026-11-23T12:00:00.250Z",
            "clickId": "c" * 8,
            "requestId": "r",
            "enriched": False,
        },
        # Of an earlier definition: what does not fit the type is NULL.
        {
            "productId": "x1",
            "weight": "inf",
            "select": "yes",
            "group": 7,
            "clickedAt": "2026-11-23T12:00:01Z",
        },
        {"productId": 1.5, "weight": True, "clickedAt": "2026-11-23T12:00:02.000Z", "price": None},
    )
    assert asking.ask("SELECT * FROM clicks_raw ORDER BY clickedAt") == [
        (
            9007199254740991,
            1.0,
            False,
            "g\u2603\U0001f984",
            "12.5",
            "true",
            "2026-11-23T12:00:00.250Z",
            "c" * 8,
            "r",
            False,
            False,
        ),
        (None, None, None, "7", None, None, "2026-11-23T12:00:01.000Z", None, None, False, True),
        (None, None, None, None, None, None, "2026-11-23T12:00:02.000Z", None, None, False, True),
    ]
    described = asking.ask("SELECT column_name, column_type FROM (DESCRIBE clicks)")
    assert described[:4] == [
        ("productId", "BIGINT"),
        ("weight", "DOUBLE"),
        ("select", "BOOLEAN"),
        ("group", "VARCHAR"),
    ]
    assert ("clickedAt", "TIMESTAMP WITH TIME ZONE") in described


def test_results_of_every_type_are_plain_values(asking: Asking) -> None:
    sql = (
        "SELECT 1::HUGEINT, 1.5::DECIMAL(5,2), 2::DECIMAL(5,2), 'x', true, NULL, DATE '2026-11-23', "
        "TIMESTAMP '2026-11-23 12:00:00', TIMESTAMPTZ '2026-11-23 12:00:00+01', INTERVAL 2 HOUR, "
        "[DATE '2026-11-23'], {'a': TIMESTAMPTZ '2026-11-23 12:00:00+00'}, MAP {'k': 1.5}, 'ab'::BLOB, "
        "'{\"a\": [1]}'::JSON, TIME '12:00:01', sum(3) OVER () AS s"
    )
    assert asking.ask(sql) == [
        (
            *(1, 1.5, 2, "x", True, None, "2026-11-23", "2026-11-23T12:00:00.000"),
            *("2026-11-23T11:00:00.000Z", "02:00:00", ["2026-11-23"]),
            {"a": "2026-11-23 12:00:00+00"},
            {"k": 1.5},
            *("ab", {"a": [1]}, "12:00:01", 3),
        )
    ]


def test_times_have_milliseconds_and_the_microseconds_that_they_have(asking: Asking) -> None:
    sql = (
        "SELECT TIMESTAMP '2026-11-23 12:00:00.123456', TIMESTAMPTZ '2026-11-23 12:00:00.000001+00', "
        "TIMESTAMPTZ '2026-11-23 12:00:00.12+00', 'infinity'::TIMESTAMPTZ, NULL::TIMESTAMP"
    )
    assert asking.ask(sql) == [
        (
            *("2026-11-23T12:00:00.123456", "2026-11-23T12:00:00.000001Z", "2026-11-23T12:00:00.120Z"),
            *("infinity", None),
        )
    ]


def test_columns_of_the_same_name_and_comments_at_the_end_are_no_trouble(asking: Asking) -> None:
    assert asking.ask("SELECT 1 AS x, 2 AS x -- both") == [(1, 2)]
    assert asking.ask("/* WITH */ WITH a AS (SELECT 1) SELECT * FROM a;") == [(1,)]
    assert asking.ask("VALUES (2), (1) ORDER BY 1") == [(1,), (2,)]


def test_foreign_lines_are_counted_with_and_without_the_cache(asking: Asking) -> None:
    good = enriched(NOON, "u")
    asking.s3.objects[key(NOON)] = (
        lines(good)
        + b'not JSON\n{"a": 1}\n\n[1]\n'
        + lines(enriched(NOON, "n") | {"x": [1]}, enriched(NOON, "t") | {"clickedAt": "noon"})
    )
    for _ in range(2):
        assert asking.ask('SELECT "userId" FROM clicks') == [("u",)]
        assert asking.problems.foreign_lines == 5


@pytest.mark.parametrize(
    "text",
    ["half \ud800 pair", "brackets [{", "\x00\x1b[2J", "\U0001f984", "'; DROP TABLE clicks; --", "\\ud800"],
)
def test_any_text_is_read_as_it_is_but_for_half_a_surrogate_pair(asking: Asking, text: str) -> None:
    put(asking, enriched(NOON, text))
    expected = text.encode("utf-8", "replace").decode()
    assert asking.ask('SELECT "userId" FROM clicks') == [(expected,)]


def test_an_object_that_cannot_be_read_is_named_and_the_others_serve(asking: Asking) -> None:
    put(asking, enriched(NOON, "u"))
    archived = key(NOON, 1)
    asking.s3.objects[archived] = b"x"
    asking.s3.unreadable[archived] = "InvalidObjectState"
    assert asking.ask("SELECT count(*) FROM clicks") == [(1,)]
    assert asking.problems.unreadable == {archived: "InvalidObjectState: no"}


FORBIDDEN = {
    "a file": ("SELECT * FROM read_csv('/etc/passwd')", "SQL can read clicks, clicks_raw, failed_clicks"),
    "a file's text": ("SELECT * FROM read_text('/etc/passwd')", "no file"),
    "a list of files": ("SELECT * FROM glob('/*')", "no file"),
    "a file as a table": ("SELECT * FROM '/etc/passwd'", "/etc/passwd is not possible: SQL can read"),
    "a URL": ("SELECT * FROM read_json('https://example.com/x.json')", "no URL"),
    "another Parquet file": ("SELECT * FROM read_parquet('/tmp/x.parquet')", "no file"),
    "a file's metadata": ("SELECT * FROM parquet_metadata('/tmp/x.parquet')", "no file"),
    "the environment": ("SELECT getenv('HOME')", "getenv does not exist"),
    "an extension's function": ("SELECT * FROM sqlite_scan('x', 'y')", "sqlite_scan"),
    "secrets": ("SELECT * FROM duckdb_secrets()", "SQL can read"),
    "COPY": ("COPY (SELECT 1) TO '/tmp/stolen.csv'", "COPY is not possible: a query is one SELECT"),
    "ATTACH": ("ATTACH '/tmp/x.db'", "ATTACH is not possible"),
    "INSTALL": ("INSTALL httpfs", "LOAD is not possible"),
    "LOAD": ("LOAD httpfs", "LOAD is not possible"),
    "SET": ("SET memory_limit = '1TB'", "SET is not possible"),
    "a change": ("DELETE FROM failed_clicks", "DELETE is not possible"),
    "a table": ("CREATE TABLE x (y INT)", "CREATE is not possible"),
    "CALL": ("CALL enable_logging()", "CALL is not possible"),
    "PRAGMA": ("PRAGMA enable_profiling", "PRAGMA is not possible"),
    "EXPORT": ("EXPORT DATABASE '/tmp/stolen.csv'", "is not possible"),
    "IMPORT": ("IMPORT DATABASE '/etc'", "SQL can read"),
    "two statements": ("SELECT 1; SELECT 2", "2 statements; write one SELECT"),
    "an end of the wrapping": ("SELECT 1) TO '/tmp/x'; --", "syntax error"),
    "no statement": ("-- nothing", "0 statements"),
    "no SQL": ("SELEC 1", 'syntax error at or near "SELEC" (line 1)'),
    "no column": ("SELECT colour\nFROM clicks", '"goodevil", "clickedAt", "lawchaos" (line 1)'),
    "no table": ("SELECT *\nFROM orders", "orders is not possible: SQL can read clicks, clicks_raw, failed"),
    "settings": ("SELECT * FROM duckdb_settings()", "duckdb_settings is not possible"),
    "settings, FROM first": ("FROM duckdb_settings()", "no setting and no other table"),
    "one setting": ("SELECT current_setting('temp_directory')", "current_setting is not possible"),
    "a setting inside": ("SELECT 1 WHERE (SELECT lower(CURRENT_SETTING('threads'))) = 'x'", "not possible"),
    "views": ("SELECT sql FROM duckdb_views", "duckdb_views is not possible"),
    "a definition of a view": ("SELECT pg_get_viewdef(1)", "pg_get_viewdef is not possible"),
    "the catalog": ("SELECT * FROM information_schema.views", "information_schema.views is not possible"),
    "a description of the catalog": ("DESCRIBE sqlite_master", "sqlite_master is not possible"),
    "the settings' description": ("DESCRIBE SELECT * FROM duckdb_settings()", "is not possible"),
    "SHOW TABLES": ("SHOW TABLES", "SHOW"),
    "SHOW ALL TABLES": ("SELECT * FROM (SHOW ALL TABLES)", "is not possible: SQL can read"),
    "SHOW DATABASES": ("SHOW DATABASES", "is not possible: SQL can read"),
    "SQL as a text": ("FROM query('FROM duckdb_settings()')", "query is not possible"),
    "a table named by a text": ("FROM query_table('duckdb_views')", "query_table is not possible"),
    "memory": ("FROM arrow_scan(1, 2, 3)", "arrow_scan is not possible"),
    "a name of WITH, outside": (
        "SELECT * FROM duckdb_views, (WITH duckdb_views AS (SELECT 1) FROM duckdb_views)",
        "duckdb_views is not possible",
    ),
    "a name of WITH, in itself": (
        "WITH duckdb_views AS (SELECT * FROM duckdb_views) FROM duckdb_views",
        "duckdb_views is not possible",
    ),
    "a name of WITH with a dot": (
        'WITH "information_schema.tables" AS (SELECT 1) SELECT * FROM information_schema.tables',
        "information_schema.tables is not possible",
    ),
    "a recursion inside WITH": (
        "WITH duckdb_views AS (WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 2) "
        "SELECT sql FROM duckdb_views LIMIT 2) SELECT * FROM duckdb_views",
        "duckdb_views is not possible",
    ),
    "many levels": ("SELECT " + "+".join(["1"] * 900), "nested too deeply"),
}


@pytest.mark.parametrize(("sql", "says"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_sql_reads_and_writes_nothing_but_the_tables_and_says_so_in_one_line(
    asking: Asking, sql: str, says: str
) -> None:
    put(asking, enriched(NOON, "u"))
    with pytest.raises(QueryError) as raised:
        asking.ask(sql)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not Path("/tmp/stolen.csv").exists()  # noqa: S108 - the file that must not be there


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("FROM clicks SELECT count(*)", [(1,)]),
        ("SELECT count(*) FROM (DESCRIBE Clicks)", [(11,)]),
        ("WITH a AS (FROM CLICKS_RAW), b AS (FROM A) SELECT count(*) FROM b", [(1,)]),
        (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3) FROM n LIMIT 1",
            [(1,)],
        ),
        ("SELECT count(*) FROM clicks AS c, range(3), unnest([1, 2]), generate_series(1, 2)", [(12,)]),
        ("SELECT (SELECT count(*) FROM clicks WHERE c.species = species) FROM clicks AS c", [(1,)]),
        ("PIVOT clicks ON species IN ('Griffin') USING count(*) GROUP BY goodevil", [("good", 1)]),
        ("SELECT value FROM json_each('[7]')", [(7,)]),
    ],
)
def test_sql_of_many_forms_reads_the_tables(asking: Asking, sql: str, found: list[Any]) -> None:
    put(asking, enriched(NOON, "u"))
    assert asking.ask(sql) == found


def test_a_python_variable_is_no_table(asking: Asking) -> None:
    stolen = [1]
    with pytest.raises(QueryError, match="stolen is not possible: SQL can read"):
        asking.ask("SELECT * FROM stolen")
    assert stolen == [1]


@pytest.mark.parametrize(
    ("sql", "clicks", "failed"),
    [
        ("SELECT 1", False, False),
        ("SELECT * FROM Clicks", True, False),
        ("SELECT * FROM clicks_raw", True, False),
        ("SELECT * FROM FAILED_clicks", False, True),
        ("SELECT * FROM failed_clicks, clicks", True, True),
    ],
)
def test_only_the_tables_that_are_named_are_fetched(sql: str, clicks: bool, failed: bool) -> None:
    assert TableNames.of(sql) == TableNames(clicks, failed)


def test_ctrl_c_ends_a_query_that_would_take_hours(asking: Asking) -> None:
    put(asking, enriched(NOON, "u"))
    interrupt = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    interrupt.start()
    endless = "SELECT count(*) FROM range(1000000000000) a, range(1000) b WHERE a.range % 7 = b.range"
    with pytest.raises(KeyboardInterrupt):
        while True:  # the signal may arrive before the query
            asking.ask(endless)
    interrupt.join()
