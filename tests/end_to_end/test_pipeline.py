"""The main job with the real command: up, click, drift, heal, down."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from mysfits_stream.operations.options import DIRECTORY
from tests.end_to_end.conftest import Shell

pytestmark = pytest.mark.slow

KEYS = ["stack", "target", "account", "region", "endpoint", "resources"]
RESOURCE_KEYS = ["name", "type", "id", "arn", "status", "action", "diff"]
ALL = {
    "clicks-bucket",
    "processor-logs",
    "processor-role",
    "processor",
    "processor-live",
    "delivery-logs",
    "delivery-role",
    "delivery-stream",
    "api-role",
    "clicks-api",
}


def _client(shell: Shell, service: str) -> Any:
    environment = shell.run("local", "status", "--json").json["environment"]
    name: Any = service
    return boto3.client(
        name,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key="test",
    )


def _by_name(document: Any, key: str) -> dict[str, Any]:
    return {resource["name"]: resource[key] for resource in document["resources"]}


def test_the_whole_pipeline_up_clicked_drifted_healed_and_down_again(shell: Shell) -> None:
    planned = shell.run("plan", "--json")
    assert planned.code == 2
    assert set(_by_name(planned.json, "action").values()) == {"create"}

    made = shell.run("up", "--json")
    assert made.code == 0, made.err
    assert list(made.json) == [*KEYS, "page", "costCeiling"]
    assert all(list(resource) == RESOURCE_KEYS for resource in made.json["resources"])
    assert set(_by_name(made.json, "name")) == ALL
    assert set(_by_name(made.json, "status").values()) == {"in-sync"}
    assert set(_by_name(made.json, "action").values()) == {"create"}
    assert made.json["endpoint"].startswith("http://127.0.0.1:")

    sent = shell.run("send-test-click", "--user", "me", "--json")
    assert sent.code == 0, sent.err
    [click] = sent.json["clicks"]
    assert list(click) == [
        *("userId", "mysfitId", "click", "clickId"),
        *("status", "record", "object", "seconds"),
    ]
    assert (click["status"], click["record"]["userId"]) == ("delivered", "me")
    assert click["object"].startswith("firehose/")

    again = shell.run("up")
    assert again.code == 0
    assert "Nothing to do" in again.out
    assert f"curl -X PUT {made.json['endpoint']}/clicks " in again.out

    _client(shell, "lambda").update_function_configuration(
        FunctionName="mysfits-clicks-processor", Timeout=17
    )
    drifted = shell.run("status", "--json")
    assert drifted.code == 2
    assert _by_name(drifted.json, "status")["processor"] == "drifted"
    assert _by_name(drifted.json, "diff")["processor"] == {"Timeout": [17, 60]}
    assert sum(status == "drifted" for status in _by_name(drifted.json, "status").values()) == 1

    healed = shell.run("up", "--json")
    assert _by_name(healed.json, "action")["processor"] == "update"
    assert shell.run("status").code == 0

    refused = shell.run("down", "--yes")
    assert refused.code == 1
    assert "--delete-data" in refused.err
    assert shell.run("status").code == 0

    removed = shell.run("down", "--yes", "--delete-data", "--json")
    assert removed.code == 0, removed.err
    assert set(_by_name(removed.json, "action").values()) == {"delete"}
    assert set(_by_name(removed.json, "status").values()) == {"missing"}
    assert shell.run("local", "status", "--json").json == {"running": False, "endpoint": None, "pid": None}
    assert not (
        shell.directory / DIRECTORY / "state-local-mysfits-clicks-123456789012-us-east-1.json"
    ).exists()


def test_the_bucket_that_down_kept_is_taken_up_again_with_its_clicks(shell: Shell) -> None:
    assert shell.run("up").code == 0
    assert shell.run("send-test-click").code == 0
    kept = shell.run("down", "--yes", "--keep-data")
    assert kept.code == 0, kept.err
    assert shell.run("local", "status", "--json").json["running"]
    state = json.loads(
        (shell.directory / DIRECTORY / "state-local-mysfits-clicks-123456789012-us-east-1.json").read_text()
    )
    assert list(state["resources"]) == ["clicks-bucket"]
    before = _client(shell, "s3").list_objects_v2(Bucket="mysfits-clicks-123456789012-us-east-1")["KeyCount"]
    again = shell.run("up", "--json")
    assert _by_name(again.json, "action")["clicks-bucket"] == "none"
    after = _client(shell, "s3").list_objects_v2(Bucket="mysfits-clicks-123456789012-us-east-1")["KeyCount"]
    assert before == after == 1


def test_down_twice_is_as_good_as_once(shell: Shell) -> None:
    assert shell.run("up").code == 0
    assert shell.run("down", "--yes").code == 0
    second = shell.run("down", "--yes")
    assert second.code == 0
    assert "nothing to remove" in second.out


def test_a_dry_run_of_down_shows_what_would_go_and_removes_nothing(shell: Shell) -> None:
    assert shell.run("up").code == 0
    dry = shell.run("down", "--dry-run", "--json")
    assert dry.code == 0
    assert set(_by_name(dry.json, "action").values()) == {"delete"}
    assert shell.run("status").code == 0


def test_a_second_stack_lives_beside_the_first_in_one_directory(shell: Shell) -> None:
    assert shell.run("up").code == 0
    other = shell.run("status", "--stack", "another", "--json")
    assert other.code == 2, other.err
    assert {resource["status"] for resource in other.json["resources"]} == {"missing"}
    assert shell.run("status").code == 0


def test_a_click_that_is_still_under_way_is_waited_for_when_the_data_is_kept(shell: Shell) -> None:
    assert shell.run("up").code == 0
    assert shell.run("send-test-click", "--user", "last", "--no-wait").code == 0
    assert shell.run("down", "--yes", "--keep-data").code == 0
    s3 = _client(shell, "s3")
    [entry] = s3.list_objects_v2(Bucket="mysfits-clicks-123456789012-us-east-1")["Contents"]
    content = s3.get_object(Bucket="mysfits-clicks-123456789012-us-east-1", Key=entry["Key"])["Body"].read()
    assert json.loads(content)["userId"] == "last"
