"""A run on Athena: its cost, its end, its failures with advice, and its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from mysfits_stream import prices
from mysfits_stream.aws.errors import OF_ATHENA, athena_advice, reason
from mysfits_stream.config import Config
from mysfits_stream.errors import QueryError
from mysfits_stream.query import schema
from mysfits_stream.query.athena import (
    Described,
    Estimate,
    Run,
    Scan,
    described,
    estimate,
    parquet,
    reader,
)
from mysfits_stream.query.engine import Rows
from tests.support.answers import error, ok
from tests.support.clock import Time
from tests.support.scripted import Scripted

COLUMNS = schema.columns(Config().definition)
STARTED = ok(QueryExecutionId="q")
ONE = Described(("perDay",), ("BIGINT",))


def execution(state: str, why: str | None = None) -> Any:
    status = {"State": state, **({"StateChangeReason": why} if why else {})}
    return ok(QueryExecution={"Status": status, "Statistics": {"DataScannedInBytes": 7}})


def run(aws: Scripted, time: Time | None = None) -> Run:
    return Run(aws.client("athena"), "mysfits-clicks", "mysfits_clicks", (time or Time()).pace)


def test_a_query_is_waited_for_and_its_rows_have_the_types_of_the_laptop() -> None:
    def data(*values: str | None) -> Any:
        return {"Data": [{} if value is None else {"VarCharValue": value} for value in values]}

    kinds = ("BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR", "TIMESTAMP WITH TIME ZONE", "DATE", "DECIMAL(3,1)")
    names = ("a", "b", "c", "d", "e", "f", "g")
    moment = "2026-11-26 10:00:00.123 UTC"
    aws = Scripted(
        StartQueryExecution=STARTED,
        GetQueryExecution=[execution("QUEUED"), execution("RUNNING"), execution("SUCCEEDED")],
        GetQueryResults=[
            ok(
                ResultSet={
                    "Rows": [data(*names), data("1", "1.5E7", "true", "x", moment, "2026-11-26", "2.0")]
                },
                NextToken="more",
            ),
            ok(ResultSet={"Rows": [data(*[None] * 7), data("2", "0.5", "false", "", moment, "x", "2.5")]}),
        ],
    )
    time = Time()
    made = run(aws, time)
    rows = made.rows("SELECT 1", Described(names, kinds))
    at = "2026-11-26T10:00:00.123Z"
    assert list(rows.values) == [
        (1, 1.5e7, True, "x", at, "2026-11-26", 2),
        (None,) * 7,
        (2, 0.5, False, "", at, "x", 2.5),
    ]
    assert (rows.names, rows.types, made.scanned) == (names, kinds, 7)
    assert len(time.slept) == 2
    assert aws.asked("StartQueryExecution")[0]["WorkGroup"] == "mysfits-clicks"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("2026-11-26 10:00:00.120 UTC", "2026-11-26T10:00:00.120Z", id="milliseconds"),
        pytest.param("2026-11-26 10:00:00.120000 UTC", "2026-11-26T10:00:00.120Z", id="no microseconds"),
        pytest.param("2026-11-26 10:00:00.000001 UTC", "2026-11-26T10:00:00.000001Z", id="microseconds"),
    ],
)
def test_a_time_reads_as_on_the_laptop(text: str, read: str) -> None:
    assert reader("TIMESTAMP WITH TIME ZONE")(text) == read


@pytest.mark.parametrize(
    ("state", "why", "message"),
    [
        (
            "CANCELLED",
            "Bytes scanned limit was exceeded",
            "cancelled: Bytes scanned limit was exceeded. Choose",
        ),
        ("FAILED", "HIVE_BAD_DATA: Error\nparsing", "failed: HIVE_BAD_DATA: Error parsing. The table's"),
        ("FAILED", "SYNTAX_ERROR: line 1:8", "failed: SYNTAX_ERROR: line 1:8"),
        ("FAILED", None, "failed: no reason given"),
    ],
)
def test_a_query_that_does_not_succeed_says_why_in_one_line(
    state: str, why: str | None, message: str
) -> None:
    aws = Scripted(
        StartQueryExecution=STARTED, GetQueryExecution=execution(state, why), StopQueryExecution=ok()
    )
    with pytest.raises(QueryError) as caught:
        run(aws).rows("SELECT 1", ONE)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_ctrl_c_stops_the_query() -> None:
    aws = Scripted(
        StartQueryExecution=STARTED, GetQueryExecution=execution("RUNNING"), StopQueryExecution=ok()
    )

    class Interrupted(Time):
        def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(aws, Interrupted()).rows("SELECT 1", ONE)
    assert aws.asked("StopQueryExecution") == [{"QueryExecutionId": "q"}]


def test_a_query_that_takes_longer_than_athena_allows_is_stopped() -> None:
    aws = Scripted(
        StartQueryExecution=STARTED, GetQueryExecution=execution("RUNNING"), StopQueryExecution=ok()
    )
    with pytest.raises(QueryError, match=r"still waiting for Athena to run the query after 1800 s"):
        run(aws).rows("SELECT 1", ONE)
    assert len(aws.asked("StopQueryExecution")) == 1


def test_a_request_that_athena_rejects_is_an_error_with_advice() -> None:
    rejected = error(400, "InvalidRequestException", "Unable to verify/create output bucket clicks")
    aws = Scripted(StartQueryExecution=rejected)
    with pytest.raises(Exception, match="Unable to verify") as caught:
        run(aws).rows("SELECT 1", ONE)
    assert "s3:GetBucketLocation" in reason(caught.value)


@pytest.mark.parametrize(("phrase", "advice"), OF_ATHENA, ids=[phrase for phrase, _ in OF_ATHENA])
def test_each_known_error_has_its_advice(phrase: str, advice: str) -> None:
    assert athena_advice(f"something: {phrase} of it") == advice
    assert advice[0].islower() and not advice.endswith(".")


def test_an_unknown_error_has_none() -> None:
    assert athena_advice("SYNTAX_ERROR: line 1:1") == ""


def test_the_cost_is_ten_megabytes_at_least_and_counts_each_read() -> None:
    """F220."""
    small = estimate(Scan("a", "b", 3, 100), 1)
    assert (small.bytes, small.objects) == (10 * 2**20, 3)
    assert str(small).startswith(
        "Athena reads at most 0.01 GB (3 objects), for at most $0.01 ($5 for each TB"
    )
    assert "(1 object)" in str(estimate(Scan("a", "b", 1, 100), 1))
    large = estimate(Scan("a", "b", 3, 2**40), 2)
    assert large.dollars == pytest.approx(10.0)
    assert "for at most $10.00" in str(large)
    assert Estimate(1, 10 * 2**20 + 1).dollars == pytest.approx(11 / 2**20 * 5)


def test_names_and_types_are_those_of_the_laptop(tmp_path: Path) -> None:
    found = described(
        'SELECT userid, count(*), clickedAt AS "lastSeen" FROM clicks GROUP BY ALL;', COLUMNS, tmp_path
    )
    assert found.names == ("userId", "count_star()", "lastSeen")
    assert found.types == ("VARCHAR", "BIGINT", "TIMESTAMP WITH TIME ZONE")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT nope FROM clicks", 'Referenced column "nope" not found'),
        ("DROP TABLE clicks", "DROP is not possible"),
        (
            "SELECT [1] AS several FROM clicks",
            r"column several of type INTEGER\[\] cannot be read from Athena",
        ),
        ("SELECT * FROM read_text('/etc/hostname')", "SQL can read clicks"),
    ],
)
def test_sql_that_the_laptop_rejects_costs_nothing(tmp_path: Path, sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        described(sql, COLUMNS, tmp_path)


def test_rows_become_a_parquet_file(tmp_path: Path) -> None:
    values = iter([(1, True, "ä", "2026-11-26T10:00:00.123Z"), (None, None, None, None)])
    types = ("BIGINT", "BOOLEAN", "VARCHAR", "TIMESTAMP WITH TIME ZONE")
    path = parquet(Rows(("a", "b", 'c"d', "e"), types, values), tmp_path)
    with duckdb.connect() as duck:
        found = duck.execute("SELECT * REPLACE (e::VARCHAR AS e) FROM read_parquet(?)", [str(path)])
        assert [name for name, *_ in found.description] == ["a", "b", 'c"d', "e"]
        assert found.fetchall()[0][:3] == (1, True, "ä")


def test_the_price_has_its_date() -> None:
    assert prices.ATHENA_TB.as_of and prices.ATHENA_TB.dollars(1) == 5
