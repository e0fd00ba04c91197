"""Glue and Athena over the wire: workgroups, tables, and queries from start to result."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.localcloud.control_plane.athena.executions import Execution
from tests.support.cloud import CloudUnderTest

INGESTED = """
CREATE EXTERNAL TABLE my_ingested_data (userId STRING, n BIGINT)
PARTITIONED BY (datehour STRING)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION "s3://clicks/prefix/"
TBLPROPERTIES (
 "projection.enabled" = "true",
 "projection.datehour.type" = "date",
 "projection.datehour.format" = "yyyy/MM/dd/HH",
 "projection.datehour.range" = "2021/01/01/00,NOW",
 "projection.datehour.interval" = "1",
 "projection.datehour.interval.unit" = "HOURS",
 "storage.location.template" = "s3://clicks/prefix/${datehour}/"
)
"""


class Analyst:
    """Somebody with a bucket of clicks, a bucket for results, and SQL."""

    def __init__(self, cloud: CloudUnderTest) -> None:
        self.s3, self.athena, self.glue = (cloud.client(name) for name in ("s3", "athena", "glue"))
        region = {"CreateBucketConfiguration": {"LocationConstraint": cloud.region}}
        for bucket in ("clicks", "results"):
            self.s3.create_bucket(Bucket=bucket, **region)
        body = b'{"userId": "a", "n": 1}\n{"userId": "b", "n": 2}\n'
        self.s3.put_object(Bucket="clicks", Key="prefix/2023/01/02/03/o", Body=body)

    def start(self, sql: str, **more: Any) -> str:
        given = {"ResultConfiguration": {"OutputLocation": "s3://results/of/"}, **more}
        context = {"Database": "db"}
        started = self.athena.start_query_execution(QueryString=sql, QueryExecutionContext=context, **given)
        return str(started["QueryExecutionId"])

    def run(self, sql: str, **more: Any) -> Any:
        """The execution once it has ended; queries run at once in this cloud."""
        execution = self.start(sql, **more)
        return self.athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]

    def rows(self, execution: Any, **page: Any) -> list[list[str | None]]:
        found = self.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"], **page)
        return [[value.get("VarCharValue") for value in row["Data"]] for row in found["ResultSet"]["Rows"]]


@pytest.fixture
def analyst(local_cloud: CloudUnderTest) -> Analyst:
    made = Analyst(local_cloud)
    for sql in ("CREATE DATABASE db", INGESTED):
        assert made.run(sql)["Status"]["State"] == "SUCCEEDED"
    return made


def refused(call: Callable[[], Any], message: str, code: str = "InvalidRequestException") -> None:
    with pytest.raises(ClientError, match=message) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code


def test_the_documented_table_for_firehose_answers_a_query(analyst: Analyst) -> None:
    """F212."""
    execution = analyst.run(
        "SELECT * FROM my_ingested_data WHERE datehour >= '2020/12/15/00' AND datehour < '2027/02/03/15'"
    )
    assert execution["Status"]["State"] == "SUCCEEDED"
    assert execution["Statistics"]["DataScannedInBytes"] == 48
    expected = [
        ["userid", "n", "datehour"],
        ["a", "1", "2023/01/02/03"],
        ["b", "2", "2023/01/02/03"],
    ]
    assert analyst.rows(execution) == expected
    location = execution["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://results/of/{execution['QueryExecutionId']}.csv"
    written = analyst.s3.get_object(Bucket="results", Key=location.removeprefix("s3://results/"))
    assert written["Body"].read().decode() == "".join(
        ",".join(f'"{value}"' for value in row) + "\n" for row in expected
    )


def test_results_come_in_pages_the_names_on_the_first(analyst: Analyst) -> None:
    """F222."""
    execution = analyst.run("SELECT n FROM my_ingested_data ORDER BY 1")
    name = {"QueryExecutionId": execution["QueryExecutionId"]}
    first = analyst.athena.get_query_results(**name, MaxResults=2)
    second = analyst.athena.get_query_results(**name, MaxResults=2, NextToken=first["NextToken"])
    assert [len(page["ResultSet"]["Rows"]) for page in (first, second)] == [2, 1]
    assert "NextToken" not in second
    [column] = first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert (column["Name"], column["Type"], column["Precision"]) == ("n", "bigint", 19)


def test_a_query_that_fails_says_why_and_has_no_results(analyst: Analyst) -> None:
    execution = analyst.run("SELECT * FROM nope")
    assert execution["Status"]["State"] == "FAILED"
    assert execution["Status"]["StateChangeReason"].startswith(
        "TABLE_NOT_FOUND: Table 'awsdatacatalog.db.nope'"
    )
    refused(lambda: analyst.rows(execution), "Query did not finish successfully. Final query state: FAILED")
    missing = analyst.run("SELECT * FROM other.t")["Status"]["StateChangeReason"]
    assert missing == "SCHEMA_NOT_FOUND: Schema 'other' does not exist"


@pytest.mark.parametrize(
    ("sql", "more", "message", "code"),
    [
        ("SELEC 1", {}, "mismatched input", "InvalidRequestException"),
        ("SHOW TABLES", {}, "the statement SHOW TABLES is not simulated", "NotSimulated"),
        ("SELECT 1", {"ResultConfiguration": {}}, "No output location provided", "InvalidRequestException"),
        (
            "SELECT 1",
            {"ResultConfiguration": {"OutputLocation": "s3://nowhere/"}},
            "Unable to verify/create output bucket nowhere",
            "InvalidRequestException",
        ),
        ("SELECT 1", {"WorkGroup": "nobodys"}, "WorkGroup is not found.", "InvalidRequestException"),
        ("SELECT ?", {"ExecutionParameters": ["1"]}, "ExecutionParameters is not simulated", "NotSimulated"),
        ("CREATE TABLE t (n int)", {}, "No location was specified for table", "InvalidRequestException"),
        ("CREATE TABLE t AS SELECT 1", {}, "CREATE TABLE AS is not simulated", "NotSimulated"),
        ("CREATE VIEW v AS SELECT 1", {}, "CREATE VIEW is not simulated", "NotSimulated"),
        (
            INGESTED.replace("PARTITIONED", "CLUSTERED BY (n) INTO 2 BUCKETS PARTITIONED"),
            {},
            "is not simulated|mis",
            "",
        ),
    ],
)
def test_what_athena_rejects_starts_no_query(
    analyst: Analyst, sql: str, more: dict[str, Any], message: str, code: str
) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        analyst.start(sql, **more)
    assert not code or caught.value.response["Error"]["Code"] == code
    listed = analyst.athena.list_query_executions(WorkGroup="primary")["QueryExecutionIds"]
    assert len(listed) == 2, "those that made the database and the table"


def test_a_workgroup_that_enforces_its_settings_decides_on_place_and_limit(analyst: Analyst) -> None:
    results = {"OutputLocation": "s3://results/enforced/", "ExpectedBucketOwner": "123456789012"}
    analyst.athena.create_work_group(
        Name="bounded",
        Configuration={"ResultConfiguration": results, "BytesScannedCutoffPerQuery": 10_485_760},
    )
    found = analyst.run("SELECT 1", WorkGroup="bounded")
    assert found["ResultConfiguration"]["OutputLocation"].startswith("s3://results/enforced/")
    analyst.s3.put_object(Bucket="clicks", Key="prefix/2023/01/02/04/o", Body=b"{}\n" * 4_000_000)
    found = analyst.run("SELECT count(*) FROM my_ingested_data", WorkGroup="bounded")
    assert (found["Status"]["State"], found["Status"]["StateChangeReason"]) == (
        "CANCELLED",
        "Bytes scanned limit was exceeded",
    )
    refused(lambda: analyst.athena.delete_work_group(WorkGroup="bounded"), "WorkGroup bounded is not empty")
    analyst.athena.delete_work_group(WorkGroup="bounded", RecursiveDeleteOption=True)
    refused(lambda: analyst.athena.get_work_group(WorkGroup="bounded"), "WorkGroup is not found.")


def test_a_disabled_workgroup_runs_nothing(analyst: Analyst) -> None:
    analyst.athena.update_work_group(WorkGroup="primary", State="DISABLED")
    refused(lambda: analyst.start("SELECT 1"), "WorkGroup primary is disabled")


def test_a_request_that_was_sent_twice_starts_one_query(analyst: Analyst) -> None:
    token = "t" * 32
    first = analyst.start("SELECT 1", ClientRequestToken=token)
    assert analyst.start("SELECT 1", ClientRequestToken=token) == first
    refused(lambda: analyst.start("SELECT 2", ClientRequestToken=token), "Idempotent parameters do not match")


def test_a_query_is_queued_then_stopped(analyst: Analyst, local_cloud: CloudUnderTest) -> None:
    jobs: list[Callable[[], None]] = []
    plane = local_cloud.cloud.control_plane
    before, plane.run_later = plane.run_later, jobs.append
    try:
        execution = analyst.start("SELECT count(*) FROM my_ingested_data")
        name = {"QueryExecutionId": execution}
        refused(lambda: analyst.athena.get_query_results(**name), "Current state: QUEUED")
        analyst.athena.stop_query_execution(**name)
        [job] = jobs
        job()
        found = analyst.athena.get_query_execution(**name)["QueryExecution"]
        assert found["Status"]["State"] == "CANCELLED"
        analyst.athena.stop_query_execution(**name)  # nothing to stop any more
        running = analyst.start("SELECT count(*) FROM my_ingested_data CROSS JOIN my_ingested_data AS b")
        reading, stopped = threading.Event(), threading.Event()
        content = plane.object_content

        def slow(bucket: str, key: str) -> bytes:
            reading.set()
            assert stopped.wait(30)
            return content(bucket, key)

        plane.object_content = slow  # type: ignore[method-assign]
        thread = threading.Thread(target=jobs[-1])
        thread.start()
        assert reading.wait(30)
        name = {"QueryExecutionId": running}
        state = analyst.athena.get_query_execution(**name)["QueryExecution"]["Status"]["State"]
        assert state == "RUNNING"
        analyst.athena.stop_query_execution(**name)
        stopped.set()
        thread.join(30)
        found = analyst.athena.get_query_execution(**name)["QueryExecution"]
        assert found["Status"]["State"] == "CANCELLED"
    finally:
        plane.run_later = before
        plane.__dict__.pop("object_content", None)


def test_an_unknown_query_is_not_found(analyst: Analyst) -> None:
    refused(
        lambda: analyst.athena.get_query_execution(QueryExecutionId="x"), "QueryExecution x was not found"
    )


def test_databases_and_tables_are_created_and_dropped_once(analyst: Analyst) -> None:
    def reason(sql: str) -> str:
        return str(analyst.run(sql)["Status"].get("StateChangeReason", ""))

    assert "already exists" in reason("CREATE DATABASE db")
    assert "already exists" in reason(INGESTED)
    assert reason("CREATE DATABASE IF NOT EXISTS db") == ""
    assert reason(INGESTED.replace("TABLE my", "TABLE IF NOT EXISTS my")) == ""
    assert "is not empty" in reason("DROP DATABASE db")
    assert reason("DROP TABLE my_ingested_data") == ""
    assert "Table not found" in reason("DROP TABLE my_ingested_data")
    assert reason("DROP TABLE IF EXISTS my_ingested_data") == ""
    assert reason("DROP DATABASE db") == ""
    assert "Database does not exist" in reason("DROP DATABASE db")
    assert reason("DROP DATABASE IF EXISTS db") == ""


def test_names_of_the_catalog_are_in_lower_case(analyst: Analyst) -> None:
    """F210."""
    analyst.glue.create_database(DatabaseInput={"Name": "UPPER"})
    assert analyst.glue.get_database(Name="Upper")["Database"]["Name"] == "upper"
    refused(
        lambda: analyst.glue.create_database(DatabaseInput={"Name": "upper"}),
        "already exists",
        "AlreadyExistsException",
    )


def test_a_deleted_database_loses_its_tags_and_an_unknown_one_has_none(analyst: Analyst) -> None:
    arn = "arn:aws:glue:eu-west-1:123456789012:database/tagged"
    analyst.glue.create_database(DatabaseInput={"Name": "tagged"}, Tags={"a": "b"})
    analyst.glue.delete_database(Name="tagged")
    refused(lambda: analyst.glue.get_tags(ResourceArn=arn), "Entity not found", "EntityNotFoundException")
    analyst.glue.create_database(DatabaseInput={"Name": "tagged"})
    assert analyst.glue.get_tags(ResourceArn=arn)["Tags"] == {}


def test_a_workgroup_is_checked_and_primary_stays(analyst: Analyst) -> None:
    athena = analyst.athena
    small = {"BytesScannedCutoffPerQuery": 10_000_000}
    refused(lambda: athena.create_work_group(Name="w", Configuration=small), "at least 10485760 bytes")
    old = {"EngineVersion": {"SelectedEngineVersion": "Athena engine version 2"}}
    refused(lambda: athena.create_work_group(Name="w", Configuration=old), "version 2 is not supported")
    refused(lambda: athena.create_work_group(Name="primary"), "WorkGroup already exists")
    refused(lambda: athena.delete_work_group(WorkGroup="primary"), "could not be deleted")
    managed = {"ManagedQueryResultsConfiguration": {"Enabled": True}}
    refused(
        lambda: athena.create_work_group(Name="w", Configuration=managed),
        "ManagedQueryResultsConfiguration is not simulated",
        "NotSimulated",
    )


def test_executions_outlive_a_restart(analyst: Analyst, local_cloud: CloudUnderTest, tmp_path: Any) -> None:
    execution = analyst.run("SELECT n FROM my_ingested_data ORDER BY 1")
    local_cloud.cloud.control_plane.save(tmp_path)
    local_cloud.cloud.reset()
    local_cloud.cloud.control_plane.load(tmp_path)
    assert analyst.rows(execution) == [["n"], ["1"], ["2"]]
    assert isinstance(
        local_cloud.cloud.control_plane.backend("athena", "eu-west-1").executions[
            execution["QueryExecutionId"]
        ],
        Execution,
    )
