"""The engine: rows of JSON lines, projected partitions, Trino's SQL, tables only."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from typing import Any

import pytest

from mysfits_stream.localcloud.athena import engine, statements
from mysfits_stream.localcloud.athena.errors import (
    CancelledError,
    FailedError,
    NotSimulatedError,
    RejectedError,
)
from mysfits_stream.localcloud.athena.projection import Table, places
from mysfits_stream.localcloud.athena.results import text

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
OPENX = "org.openx.data.jsonserde.JsonSerDe"
PROJECTION = {
    "projection.enabled": "true",
    "projection.datehour.type": "date",
    "projection.datehour.format": "yyyy/MM/dd/HH",
    "projection.datehour.range": "2021/01/01/00,NOW",
    "projection.datehour.interval": "1",
    "projection.datehour.interval.unit": "HOURS",
    "storage.location.template": "s3://b/p/${datehour}/",
}


def table(
    columns: dict[str, str] | None = None,
    *,
    parameters: dict[str, str] | None = None,
    keys: dict[str, str] | None = None,
    serde: str = OPENX,
    properties: dict[str, str] | None = None,
) -> Table:
    return Table(
        "t",
        tuple((columns or {"userid": "string", "n": "bigint"}).items()),
        tuple(({"datehour": "string"} if keys is None else keys).items()),
        "s3://b/p",
        serde,
        {"ignore.malformed.json": "true"} if properties is None else properties,
        PROJECTION if parameters is None else parameters,
    )


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


class World:
    """A bucket, a table, and a run of the engine over both."""

    def __init__(self, found: Table | None = None, cutoff: int | None = None) -> None:
        self.objects: dict[str, bytes] = {}
        self.table = found or table()
        self.read: list[str] = []
        self.run = engine.Run(
            NOW, engine.Objects(self.listed, self.content), lambda _name: self.table, cutoff
        )

    def listed(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        assert bucket == "b"
        return [(key, len(body)) for key, body in self.objects.items() if key.startswith(prefix)]

    def content(self, bucket: str, key: str) -> bytes:
        self.read.append(key)
        return self.objects[key]

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        return self.run.select(statements.parsed(sql), "db").rows


def test_keys_are_read_whatever_their_case_and_numbers_as_text_where_the_column_is_text() -> None:
    world = World(table({"userid": "string", "n": "string"}))
    world.objects["p/2026/11/26/10/a"] = lines({"userId": "u", "n": 1.50}, {"USERID": None, "n": True})
    world.objects["p/2026/11/26/10/b"] = lines({"userid": {"a": [1]}, "n": 10**20})
    assert world.rows("SELECT userid, n FROM t ORDER BY n") == [
        ("u", "1.5"),
        ('{"a":["1"]}', "100000000000000000000"),
        (None, "true"),
    ]


def test_a_malformed_line_is_a_row_of_nulls_or_an_error() -> None:
    """F215."""
    world = World()
    world.objects["p/2026/11/26/10/a"] = b'{"userId": "u"}\nnothing\n[1]\n{"n": NaN}\n'
    assert world.rows("SELECT count(*), count(userid) FROM t") == [("4", "1")]
    world.table = table(properties={})
    with pytest.raises(FailedError, match="HIVE_CURSOR_ERROR: Row is not a valid JSON Object"):
        world.rows("SELECT * FROM t")


def test_a_value_of_another_type_fails_the_query() -> None:
    world = World()
    world.objects["p/2026/11/26/10/a"] = lines({"n": "many"})
    with pytest.raises(FailedError, match="HIVE_BAD_DATA: Error parsing field value 'many' for field n"):
        world.rows("SELECT n FROM t")


def test_compression_is_told_by_the_extension() -> None:
    """F214."""
    world = World()
    world.objects["p/2026/11/26/10/a.gz"] = gzip.compress(lines({"n": 1}))
    assert world.rows("SELECT n FROM t") == [("1",)]
    world.objects["p/2026/11/26/10/b.gz"] = lines({"n": 2})
    with pytest.raises(FailedError, match="HIVE_CURSOR_ERROR: incorrect header check"):
        world.rows("SELECT n FROM t")


def test_only_projected_partitions_are_read_and_conditions_prune_them() -> None:
    world = World()
    for key in ("2020/12/31/23", "2021/01/01/00", "2026/11/26/11", "2026/11/26/12", "2026/11/26/13", "x"):
        world.objects[f"p/{key}/o"] = lines({"userId": key})
    world.objects["p/2026/11/26/11/_hidden"] = world.objects["p/2026/11/26/11/.hidden"] = b"x"
    found = [("2021/01/01/00",), ("2026/11/26/11",), ("2026/11/26/12",)]
    assert world.rows("SELECT datehour FROM t ORDER BY 1") == found
    world.read.clear()
    world.run.scanned = 0
    pruned = "SELECT userid FROM t AS x WHERE x.datehour > '2021' AND datehour < '2026/11/26/12' ORDER BY 1"
    assert world.rows(pruned) == found[:2]
    assert world.read == ["p/2021/01/01/00/o", "p/2026/11/26/11/o"]
    assert world.run.scanned == sum(len(world.objects[key]) for key in world.read)


def test_a_query_over_the_limit_is_cancelled() -> None:
    """F218."""
    world = World(cutoff=10)
    world.objects["p/2026/11/26/10/a"] = lines({"userId": "longer than ten"})
    with pytest.raises(CancelledError, match="Bytes scanned limit was exceeded"):
        world.rows("SELECT * FROM t")
    assert (world.run.scanned, world.read) == (10, [])


def test_a_stopped_query_reads_nothing_more() -> None:
    world = World()
    world.objects["p/2026/11/26/10/a"] = lines({"n": 1})
    world.run.stop()
    with pytest.raises(CancelledError, match="cancelled by user"):
        world.rows("SELECT * FROM t")
    assert world.read == []


KEYS = {"day": "string", "hour": "int"}
BY_DAY_AND_HOUR = {
    "projection.enabled": "true",
    "projection.day.type": "date",
    "projection.day.format": "yyyy-MM-dd",
    "projection.day.range": "NOW-2DAYS,NOW",
    "projection.hour.type": "integer",
    "projection.hour.range": "0,23",
    "projection.hour.digits": "2",
}


def test_several_partition_columns_and_the_default_template_are_projected() -> None:
    found = places(table(keys=KEYS, parameters=BY_DAY_AND_HOUR), NOW)
    assert found.location.prefix == "p/day="
    assert found.values("p/day=2026-11-25/hour=07/o") == {"day": "2026-11-25", "hour": "07"}
    for key in ("p/day=2026-11-25/hour=7/o", "p/day=2026-11-25/hour=24/o", "p/day=2026-11-23/hour=07/o"):
        assert found.values(key) is None


def test_an_enumeration_and_an_interval_are_projected() -> None:
    parameters = {
        "projection.enabled": "TRUE",
        "projection.kind.type": "enum",
        "projection.kind.values": "a,b",
        "projection.n.type": "integer",
        "projection.n.range": "1,9",
        "projection.n.interval": "2",
        "storage.location.template": "s3://b/${kind}/${n}/${kind}/",
    }
    found = places(table(keys={"kind": "string", "n": "int"}, parameters=parameters), NOW)
    assert found.values("a/3/a/o") == {"kind": "a", "n": "3"}
    assert [found.values(key) for key in ("a/4/a/o", "a/3/b/o", "c/3/c/o")] == [None, None, None]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"storage.location.template": "s3://b/p/"}, "must contain templates for all partition columns"),
        ({"projection.datehour.range": "2021/01/01/00-NOW"}, "two values with a comma"),
        ({"projection.datehour.range": "2021,NOW"}, "does not have the format of the column"),
        ({"projection.datehour.type": ""}, "projection type  is|projection type"),
    ],
)
def test_a_wrong_projection_fails_the_query(changed: dict[str, str], message: str) -> None:
    """F225."""
    with pytest.raises((FailedError, NotSimulatedError), match=message):
        places(table(parameters=PROJECTION | changed), NOW)


def test_a_partitioned_table_without_projection_has_no_partitions_and_a_plain_one_is_read() -> None:
    world = World(table(parameters={}))
    world.objects["p/2026/11/26/10/a"] = lines({"n": 1})
    assert world.rows("SELECT n FROM t") == []
    world.table = table(parameters={}, keys={})
    assert world.rows("SELECT n FROM t") == [("1",)]


VALUES = [
    ("7 / 2", "3"),
    ("-7 / 2", "-3"),
    ("7 / 2e0", "3.5"),
    ("0.1 + 0.2", "0.30000000000000004"),
    ("1e10", "1.0E10"),
    ("12345678.5", "1.23456785E7"),
    ("true", "true"),
    ("null", None),
    ("DECIMAL '1.50'", "1.50"),
    ("ARRAY[1, 2]", "[1, 2]"),
    ("date '2026-11-26'", "2026-11-26"),
    ("timestamp '2026-11-26 10:11:12.5'", "2026-11-26 10:11:12.500"),
    ("from_iso8601_timestamp('2026-11-26T10:11:12.345Z')", "2026-11-26 10:11:12.345 UTC"),
    ("try(from_iso8601_timestamp('soon'))", None),
    ("try_cast('x' AS bigint)", None),
    ("current_timestamp", "2026-11-26 12:00:00.000 UTC"),
    ("current_date", "2026-11-26"),
    ("date_format(timestamp '2026-11-26 10:11:12', '%Y-%m-%d %H:%i:%s')", "2026-11-26 10:11:12"),
    ("day_of_week(date '2026-11-26')", "4"),
    ("split_part('a-b', '-', 2)", "b"),
    ("regexp_like('abc', '^a')", "true"),
    ("json_extract_scalar('{\"a\": 1}', '$.a')", "1"),
    ("date_diff('hour', timestamp '2026-01-01 00:00:00', timestamp '2026-01-01 02:00:00')", "2"),
    ("if(1 > 2, 'a', 'b')", "b"),
    ("coalesce(null, 'x')", "x"),
    ("cardinality(ARRAY[1, 2])", "2"),
]


@pytest.mark.parametrize(("expression", "value"), VALUES, ids=[expression for expression, _ in VALUES])
def test_an_expression_has_the_value_that_trino_gives_it(expression: str, value: str | None) -> None:
    assert World().rows(f"SELECT {expression}") == [(value,)]


def test_names_are_in_lower_case_and_a_column_without_a_name_is_numbered() -> None:
    result = World().run.select(
        statements.parsed('SELECT n AS "perDay", count(*), N FROM T GROUP BY n'), "db"
    )
    assert result.names == ("perday", "_col1", "n")
    assert result.types == ("bigint", "bigint", "bigint")


@pytest.mark.parametrize(
    ("sql", "error", "message"),
    [
        ("SELECT * FROM read_csv('/etc/passwd')", NotSimulatedError, "the table function read_csv"),
        ("SELECT read_text('/etc/passwd')", NotSimulatedError, "read_text"),
        ("SELECT foo(n) FROM t", NotSimulatedError, "the function foo"),
        ("SHOW TABLES", NotSimulatedError, "the statement SHOW TABLES"),
        ("EXPLAIN SELECT 1", NotSimulatedError, "the statement EXPLAIN SELECT"),
        ("INSERT INTO t VALUES (1, 2)", NotSimulatedError, "the statement INSERT INTO"),
        ("COPY t TO '/tmp/x'", NotSimulatedError, "the statement COPY T"),
        ("SELECT 1; SELECT 2", RejectedError, "Only one sql statement is allowed"),
        ("SELEC 1", RejectedError, "mismatched input"),
        ("", RejectedError, "Only one sql statement"),
        ("SELECT nope FROM t", FailedError, "COLUMN_NOT_FOUND: Column 'nope'"),
        ("SELECT n AS m FROM t GROUP BY m", FailedError, "COLUMN_NOT_FOUND"),
        ("SELECT * FROM other.db.t", FailedError, "CATALOG_NOT_FOUND: Catalog 'other' does not exist"),
        ("SELECT n || userid FROM t WHERE n LIKE 1.5", FailedError, "GENERIC_USER_ERROR"),
    ],
)
def test_what_is_not_simulated_is_refused_and_what_is_wrong_fails(
    sql: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        World().rows(sql)


@pytest.mark.parametrize("name", ["/etc/passwd", "/etc/hostname", "a.parquet"])
def test_a_table_that_is_called_as_a_file_is_a_table(name: str) -> None:
    world = World()
    world.objects["p/2026/11/26/10/a"] = lines({"n": 5})
    sql = 'SELECT n FROM "a file"'.replace("a file", name)
    assert world.rows(sql) == [("5",)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"serde": "org.apache.hadoop.hive.serde2.OpenCSVSerde"}, "SerDe org.apache.hadoop.hive.serde2.Open"),
        ({"properties": {"mapping.a": "b"}}, "SerDe property mapping.a"),
        ({"columns": {"a": "array<string>"}}, "column type array<string>"),
    ],
)
def test_a_table_of_another_format_is_refused(changed: Any, message: str) -> None:
    with pytest.raises(NotSimulatedError, match=message):
        World(table(**changed)).rows("SELECT * FROM t")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.0"),
        (-2.0, "-2.0"),
        (1e7, "1.0E7"),
        (1.5e-7, "1.5E-7"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        ({"a": 1}, "{a=1}"),
    ],
)
def test_a_value_is_spelled_as_athena_spells_it(value: Any, shown: str) -> None:
    assert text(value, "") == shown
