"""The translation of SQL for Athena: what it keeps, and what it refuses by name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mysfits_stream.config import Config
from mysfits_stream.errors import QueryError
from mysfits_stream.query import schema
from mysfits_stream.query.athena_sql import Source, translated

COLUMNS = schema.columns(Config().definition)
SOURCE = Source(
    "mysfits_clicks",
    "clicks_raw",
    "datehour",
    "2026/11/26/00",
    "2026/11/26/12",
    datetime(2026, 11, 26, tzinfo=UTC),
    datetime(2026, 11, 27, tzinfo=UTC),
)


def of(sql: str) -> str:
    """The translation, without the tables in front."""
    text = translated(sql, COLUMNS, SOURCE).sql
    return text[text.rindex('NOT "test")') + len('NOT "test")') :].lstrip(", ")


def test_the_tables_in_front_read_the_partitions_of_the_range_once_typed_and_without_copies() -> None:
    text = translated("SELECT 1 FROM clicks", COLUMNS, SOURCE).sql
    assert text.startswith("WITH mysfits_clicks_raw AS (SELECT ")
    assert 'FROM "mysfits_clicks"."clicks_raw" WHERE "datehour" >= \'2026/11/26/00\'' in text
    assert "AND \"datehour\" <= '2026/11/26/12'" in text
    assert 'TRY(FROM_ISO8601_TIMESTAMP("clickedat")) AS "clickedat"' in text
    assert "\"clickedat\" < FROM_ISO8601_TIMESTAMP('2026-11-27T00:00:00.000000Z')" in text
    assert "\"clickedat\" >= FROM_ISO8601_TIMESTAMP('2026-11-26T00:00:00.000000Z')" in text
    assert 'PARTITION BY "clickid" ORDER BY "clickedat", "requestid"' in text


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT count(*) n FROM clicks", 'SELECT COUNT(*) AS "n" FROM mysfits_clicks AS "clicks"'),
        (
            "FROM clicks_raw SELECT count(*) n",
            'SELECT COUNT(*) AS "n" FROM mysfits_clicks_raw AS "clicks_raw"',
        ),
        ("SELECT 7 / 2 x", 'SELECT CAST(7 AS DOUBLE) / 2 AS "x"'),
        ("SELECT 1.5 x", "SELECT CAST('1.5' AS DECIMAL(2, 1)) AS \"x\""),
        ("SELECT now() - INTERVAL 1 WEEK x", "SELECT CURRENT_TIMESTAMP - INTERVAL '7' DAY AS \"x\""),
        ("SELECT any_value(name) x FROM clicks", 'SELECT ARBITRARY("clicks"."name") AS "x" FROM mysfits'),
        (
            "SELECT strftime(clickedAt, '%Y-%m-%d') x FROM clicks",
            'SELECT DATE_FORMAT("clicks"."clickedat", \'%Y-%m-%d\') AS "x" FROM mysfits',
        ),
    ],
)
def test_a_query_is_carried_over(sql: str, expected: str) -> None:
    if " FROM " in sql or sql.startswith("FROM"):
        assert of(sql).startswith(expected)
    else:
        assert of(f"{sql} FROM clicks").startswith(expected)


def test_group_by_all_and_names_of_results_become_what_trino_knows() -> None:
    assert of("SELECT species s, count(*) FROM clicks GROUP BY ALL").endswith('GROUP BY "clicks"."species"')
    assert of("SELECT species AS s, count(*) n FROM clicks GROUP BY s HAVING n > 1").endswith(
        'GROUP BY "clicks"."species" HAVING COUNT(*) > 1'
    )


def test_a_common_table_expression_of_the_users_may_be_called_clicks() -> None:
    text = translated("WITH clicks AS (SELECT 1 AS x FROM clicks_raw) SELECT x FROM clicks", COLUMNS, SOURCE)
    assert '"clicks" AS (SELECT 1 AS "x" FROM mysfits_clicks_raw AS "clicks_raw")' in text.sql
    assert text.sql.endswith('SELECT "clicks"."x" AS "x" FROM "clicks" AS "clicks"')


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT 1", 0),
        ("SELECT 1 FROM clicks", 1),
        ("SELECT 1 FROM clicks a JOIN clicks_raw b USING (clickId)", 2),
        ("SELECT 1 FROM clicks UNION ALL SELECT 1 FROM clicks", 2),
        ("WITH a AS (SELECT * FROM clicks) SELECT 1 FROM a x, a y, a z", 3),
        ("SELECT (SELECT count(*) FROM clicks_raw) FROM clicks", 2),
        ("SELECT 1 FROM clicks WHERE userId IN (SELECT userId FROM clicks)", 2),
    ],
)
def test_each_read_of_the_table_counts(sql: str, reads: int) -> None:
    assert translated(sql, COLUMNS, SOURCE).reads == reads


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT userId ~ 'x' FROM clicks", "the operator ~"),
        ("SELECT userId !~ 'x' FROM clicks", "the operator "),
        ("SELECT 7 // 2 FROM clicks", "the operator //"),
        ("SELECT median(1) FROM clicks", "the function median"),
        ("SELECT list(userId) FROM clicks", "the function array_agg"),
        ("SELECT string_agg(userId, ',') FROM clicks", "the function group_concat"),
        ("SELECT time_bucket(INTERVAL 5 MINUTE, clickedAt) FROM clicks", "the function date_bin"),
        ("SELECT dayofweek(clickedAt) FROM clicks", "the function day_of_week"),
        ("SELECT extract(dow FROM clickedAt) FROM clicks", "EXTRACT by dow"),
        ("SELECT date_trunc('decade', clickedAt) FROM clicks", "date_trunc by decade"),
        ("SELECT strftime(clickedAt, '%a') FROM clicks", "strftime with '%a'"),
        ("SELECT clickedAt::VARCHAR FROM clicks", "CAST of a time AS VARCHAR"),
        ("SELECT (1.0::DOUBLE)::VARCHAR FROM clicks", "CAST of a DOUBLE AS VARCHAR"),
        ("SELECT 1::HUGEINT FROM clicks", "CAST AS"),
        ("SELECT clickedAt AT TIME ZONE 'Europe/Vienna' FROM clicks", "AT TIME ZONE"),
        ("SELECT userId FROM clicks USING SAMPLE 10", "USING SAMPLE"),
        ("SELECT * FROM clicks a ASOF JOIN clicks b ON a.clickedAt >= b.clickedAt", "ASOF JOIN"),
        ("SELECT * FROM clicks a SEMI JOIN clicks b USING (clickId)", "SEMI JOIN"),
        ("SELECT species FROM clicks GROUP BY ROLLUP (species)", "ROLLUP"),
        ("SELECT {'a': 1} FROM clicks", "a struct"),
        ("SELECT [1, 2] FROM clicks", "a list"),
        ("SELECT unnest([1, 2]) FROM clicks", ""),
        ("SELECT userId[1] FROM clicks", "a list's element"),
        ("SELECT list_transform([1], x -> x) FROM clicks", ""),
        ("SELECT * FROM (VALUES (1)) v(x)", "VALUES"),
        ("SELECT * FROM clicks WHERE userId = ?", "a parameter"),
        ("SELECT greatest(1, NULL) FROM clicks", "the function greatest"),
        ("SELECT regexp_matches(userId, 'x') FROM clicks", "the function regexp_like"),
        ("SELECT substring(userId, -2) FROM clicks", "substring from a position below 1"),
        ("SELECT INTERVAL 1 CENTURY + now() FROM clicks", "INTERVAL"),
        ("SELECT * FROM read_csv('/etc/passwd')", ""),
        ("SELECT COLUMNS('x') FROM clicks", ""),
    ],
)
def test_what_cannot_be_carried_over_is_refused_by_its_name(sql: str, name: str) -> None:
    with pytest.raises(QueryError, match=r"cannot be translated for Athena|no table") as caught:
        translated(sql, COLUMNS, SOURCE)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM failed_clicks", "failed_clicks is a table on the laptop only"),
        ("SELECT * FROM other", "no table other; tables on Athena: clicks and clicks_raw"),
        ("SELECT * FROM main.clicks", "no table main.clicks"),
        ("SELECT FROM WHERE", "cannot be translated for Athena"),
    ],
)
def test_a_table_that_athena_does_not_have_is_named(sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        translated(sql, COLUMNS, SOURCE)
