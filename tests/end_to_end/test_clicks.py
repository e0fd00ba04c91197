"""Clicks by the real commands: sent, shown, failed, replayed, and the path examined."""

from __future__ import annotations

import json

import boto3
import pytest
import requests

from tests.end_to_end.conftest import Shell

pytestmark = pytest.mark.slow

LOST = b'{"userId": "lost", "mysfitId": "no such mysfit"}'


@pytest.fixture(scope="module")
def clicked(shared_shell: Shell) -> Shell:
    """A stack with test clicks, a failed record and three visitors' clicks, one sent twice."""
    assert shared_shell.run("up", "--quiet").code == 0
    sent = shared_shell.run("send-test-click", "--count", "3", "--json")
    assert [click["status"] for click in sent.json["clicks"]] == ["delivered"] * 3
    assert len({click["userId"] for click in sent.json["clicks"]}) == 3
    mysfit = sent.json["clicks"][0]["mysfitId"]
    clicks = [{"userId": f"visitor-{n}", "mysfitId": mysfit, "clickId": f"click-{n:08}"} for n in range(3)]
    url = shared_shell.run("status", "--json").json["endpoint"] + "/clicks"
    for request in (clicks, clicks[0]):
        assert requests.put(url, json=request, timeout=30).ok
    local = shared_shell.run("local", "status", "--json").json
    firehose = boto3.client(
        "firehose",
        endpoint_url=local["endpoint"],
        region_name="us-east-1",
        aws_access_key_id=local["environment"]["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key="anything",
    )
    firehose.put_record(DeliveryStreamName="mysfits-clicks-clicks", Record={"Data": LOST})
    unknown = shared_shell.run("send-test-click", "--mysfit", "no-such-mysfit", "--user", "me", "--json")
    assert (unknown.code, unknown.json["clicks"][0]["record"]["enriched"]) == (0, False)
    assert shared_shell.run("send-test-click", "--quiet").code == 0, "the buffers are empty"
    return shared_shell


def test_clicks_are_json_lines_in_the_order_of_their_time(clicked: Shell) -> None:
    shown = clicked.run("clicks", "--json")
    records = [json.loads(line) for line in shown.out.splitlines()]
    assert len(records) == 8
    assert [record.get("test", False) for record in records].count(False) == 3
    assert len({record["clickId"] for record in records}) == 8
    assert "left out: 1 duplicate; --raw shows all" in shown.err
    assert len(clicked.run("clicks", "--json", "--raw").out.splitlines()) == 9
    assert [record["clickedAt"] for record in records] == sorted(record["clickedAt"] for record in records)
    last = clicked.run("clicks", "--json", "--last", "1")
    assert [json.loads(line) for line in last.out.splitlines()] == records[-1:]
    earlier = ("--since", "2025-12-01", "--until", "2026-01-01")
    assert clicked.run("clicks", "--json", *earlier).out == ""


def test_clicks_are_shown_as_a_table_with_bars(clicked: Shell) -> None:
    shown = clicked.run("clicks")
    assert shown.code == 0
    assert "CLICKED AT" in shown.out
    assert "8 clicks" in shown.out
    assert "The sums leave out 5 test clicks." in shown.out
    assert "by species" in shown.out
    assert "█" in shown.out


def test_failed_clicks_are_shown_replayed_and_then_elsewhere(clicked: Shell) -> None:
    [group] = clicked.run("failed", "--json").json["failed"]
    assert (group["errorCode"], group["count"]) == ("Lambda.ProcessingFailedStatus", 1)
    assert group["samples"] == [LOST.decode()]
    assert "lost" in clicked.run("failed", "--since", "1h").out

    dry = clicked.run("replay", "--dry-run", "--json").json
    assert (dry["dryRun"], dry["objects"], dry["records"]) == (True, 1, 1)
    done = clicked.run("replay", "--json").json
    assert (done["dryRun"], done["objects"], done["records"], done["clicks"]) == (False, 1, 1, 1)
    assert done["movedTo"].endswith("/replayed/")


def test_the_doctor_finds_a_healthy_path_healthy(clicked: Shell) -> None:
    found = clicked.run("doctor", "--json", "--send")
    assert found.code == 0, found.out
    links = {link["link"]: link["status"] for link in found.json["links"]}
    assert found.json["healthy"] is True
    assert links.keys() >= {"endpoint", "preflight", "put", "stream", "records", "processing", "delivery"}
    assert {links[name] for name in ("endpoint", "preflight", "put", "stream", "data")} == {"ok"}


def test_an_invalid_field_is_refused_before_it_is_sent(clicked: Shell) -> None:
    refused = clicked.run("send-test-click", "--mysfit", "not a mysfit")
    assert (refused.code, refused.out) == (1, "")
    assert "--mysfit: mysfitId: 'not a mysfit' is not valid; expected string: pattern" in refused.err


def test_without_waiting_a_click_is_only_accepted(clicked: Shell) -> None:
    sent = clicked.run("send-test-click", "--no-wait", "--json")
    assert sent.code == 0
    assert sent.json["clicks"][0]["status"] == "accepted"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("clicks", "--since", "yesterday"), "--since 'yesterday': expected a time span"),
        (("clicks", "--until", "2026-01-01"), "2026-01-01 00:00:00 UTC is empty"),
        (("clicks", "--follow", "--last", "3"), "--follow works with --since only"),
        (("replay", "--limit", "0"), "--limit"),
        (("send-test-click", "--count", "0"), "--count"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_asked_wrongly_is_one_line(clicked: Shell, arguments: tuple[str, ...], says: str) -> None:
    asked = clicked.run(*arguments)
    assert asked.code == 1
    assert says in asked.err
    assert "Traceback" not in asked.err


@pytest.mark.parametrize("command", ["send-test-click", "clicks", "failed", "replay"])
def test_without_a_stack_the_way_to_one_is_named(clicked: Shell, command: str) -> None:
    asked = clicked.run(command, "--stack", "another")
    assert asked.code == 1
    assert "mysfits-stream up" in asked.err
    assert "Traceback" not in asked.err


def test_without_a_stack_the_doctor_says_what_is_missing(clicked: Shell) -> None:
    found = clicked.run("doctor", "--json", "--stack", "another")
    assert found.code == 1
    broken = {link["link"] for link in found.json["links"] if link["status"] == "broken"}
    assert broken == {"endpoint", "stream", "bucket"}
