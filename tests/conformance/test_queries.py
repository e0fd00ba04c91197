"""Athena's documented tables and functions for Firehose's keys, from the table to the rows."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest

from tests.conformance.cloud import Cloud, load

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


class Analyst:
    """A bucket, a database and queries over both."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._athena = cloud.client("athena")
        self._s3 = cloud.client("s3")
        self.bucket = f"queries-{uuid.uuid4().hex[:12]}"
        self.database = self.bucket.replace("-", "_")
        self._s3.create_bucket(Bucket=self.bucket)

    def put(self, objects: dict[str, list[Any]]) -> None:
        for key, lines in objects.items():
            body = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=body.encode())

    def run(self, sql: str) -> list[list[str | None]]:
        """The rows of a statement without their names; fails unless the statement succeeds."""
        execution = self._athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database},
            ResultConfiguration={"OutputLocation": f"s3://{self.bucket}/results/"},
        )["QueryExecutionId"]
        deadline = time.monotonic() + self._cloud.patience
        while True:
            found = self._athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]
            if found["Status"]["State"] in ENDED:
                break
            assert time.monotonic() < deadline, found["Status"]
            time.sleep(0.1)  # another emulator may take its time
        assert found["Status"]["State"] == "SUCCEEDED", found["Status"].get("StateChangeReason")
        rows = self._athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"]
        return [[value.get("VarCharValue") for value in row["Data"]] for row in rows[1:]]


@pytest.mark.parametrize("case", load("queries.json"), ids=lambda case: case["id"])
def test_a_query_answers_as_documented(cloud: Cloud, case: dict[str, Any]) -> None:
    analyst = Analyst(cloud)
    analyst.put(case["objects"])
    if case["table"]:
        analyst.run(f"CREATE DATABASE {analyst.database}")
        analyst.run(case["table"].replace("{bucket}", analyst.bucket))
    assert analyst.run(case["sql"]) == case["rows"]
