"""No stored byte of bucket and logs holds a visitor's IP address or user agent."""

from __future__ import annotations

import base64
import http.client
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from mysfits_stream.clicks import replaying
from tests.support.ledger import Ledger, Pipeline

pytestmark = pytest.mark.slow

ADDRESS, FORWARDED, AGENT = "127.0.0.77", "203.0.113.99", "TellTale/7.77 (visitor)"
TOLD = {
    "User-Agent": AGENT,
    "X-Forwarded-For": FORWARDED,
    "Referer": "https://tell.tale/page",
    "Cookie": "tale=1",
}
SECRETS = (ADDRESS, FORWARDED, "TellTale", "tell.tale", "tale=1")


def put(pipeline: Pipeline, body: Any) -> int:
    """Put a click as a visitor with an address of its own and headers that tell of the visitor."""
    url = urlsplit(pipeline.clicks_url)
    connection = http.client.HTTPConnection(
        str(url.hostname), url.port, timeout=10, source_address=(ADDRESS, 0)
    )
    try:
        connection.request("PUT", url.path, json.dumps(body), {"Content-Type": "application/json", **TOLD})
        return connection.getresponse().status
    finally:
        connection.close()


def stored(pipeline: Pipeline) -> dict[str, bytes]:
    """Place -> bytes: each version of each object with metadata, each event of each log."""
    s3, logs = pipeline.target.clients.s3, pipeline.target.clients.logs
    found: dict[str, bytes] = {}
    bucket = pipeline.names.bucket
    for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
        answer = s3.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        body = answer["Body"].read()
        headers = json.dumps([answer["Metadata"], answer["ResponseMetadata"]["HTTPHeaders"]]).encode()
        found[f"{version['Key']} {version['VersionId']}"] = with_base64(body + headers)
    for group in logs.describe_log_groups()["logGroups"]:
        events = logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        found[group["logGroupName"]] = with_base64("\n".join(event["message"] for event in events).encode())
    return found


def with_base64(content: bytes) -> bytes:
    """Content, and the base64 in it: records in error objects and in functions' logs."""
    hidden = [raw for raw in re.findall(rb"[A-Za-z0-9+/]{16,}={0,2}", content) if len(raw) % 4 == 0]
    return b"\n".join([content, *map(base64.b64decode, hidden)])


def places_of(text: str, everything: dict[str, bytes]) -> list[str]:
    return [place for place, content in everything.items() if text.encode() in content]


def test_no_address_and_no_user_agent_is_stored_whatever_becomes_of_a_click(pipeline: Pipeline) -> None:
    ledger = Ledger(pipeline, chance=None)  # type: ignore[arg-type]
    assert put(pipeline, {"userId": "ada", "mysfitId": "m-1"}) == 200
    assert put(pipeline, [{"userId": "bob", "mysfitId": "new-1"}] * 2) == 200
    assert put(pipeline, {"userId": "eve"}) == 400
    ledger.settle()
    with pipeline.code("def handler(event, context):\n    print(event)\n    raise RuntimeError(event)\n"):
        assert put(pipeline, {"userId": "cid", "mysfitId": "m-2"}) == 200
        ledger.settle()
    failed = stored(pipeline)
    replaying.replay(
        ledger.bucket,
        pipeline.target.clients.firehose,
        pipeline.names.stream,
        since=None,
        limit=None,
        dry_run=False,
        pace=pipeline.target.pace,
    )
    ledger.settle()
    everything = failed | stored(pipeline)
    assert {place.partition("/")[0] for place in everything} >= {"firehose", "processing-failed", "replayed"}
    assert any(b"cid" in content for place, content in everything.items() if place.startswith("/aws/lambda/"))
    assert places_of("ada", everything), "nothing is read"
    assert {secret: places_of(secret, everything) for secret in SECRETS} == {secret: [] for secret in SECRETS}
