"""One `up` upgrades a stack of 0.1.0: under load, after each kill, with all its clicks."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.clicks import delivered, failed, replaying
from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.clicks.distinct import Distinct
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.engine import Goal, converge
from mysfits_stream.provision.resource import SCHEMA, SCHEMA_TAG
from tests.support.clock import Clock
from tests.support.cloud import CloudUnderTest
from tests.support.deployment import Deployment
from tests.upgrade import recorded

pytestmark = pytest.mark.slow

READS = ("Get", "List", "Head", "Describe", "Lookup")
PROCESSOR = ("TagResource", "UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishVersion", "Invoke")
API = ("PutRestApi", "UpdateModel", "CreateDeployment", "UpdateStage", "UpdateStage", "DeleteDeployment")
UPGRADE = (*PROCESSOR, "CreateAlias", "UpdateDestination", "UpdateRestApi", *API)
"""The changing calls of an upgrade of the recorded stack; stream and API change at the same time."""

SAMPLE = (2, 3, 7, 10)
"""With a configured processor, with its code, with its alias, and with a definition that is not deployed."""

MYSFIT = json.loads(recorded.RECORDING["objects"][recorded.DELIVERED].splitlines()[0])["mysfitId"]


class Killed(BaseException):
    """The process is dead."""


@pytest.fixture
def old(local_cloud: CloudUnderTest, tmp_path: Path) -> Deployment:
    """A stack of 0.1.0 that is up, its state file included."""
    deployment = Deployment(local_cloud, tmp_path)
    state = recorded.deploy(cache(deployment.target.client), f"{local_cloud.endpoint}/_mysfits")
    (tmp_path / "state.json").write_text(state, encoding="utf-8")
    deployment.calls.clear()
    return deployment


class Sender:
    """Sends clicks that nobody else sends, and notes what was accepted."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.url = deployment.clicks_url
        self.accepted: list[str] = []
        self.refused: list[Any] = []

    def send(self) -> None:
        import requests

        number = len(self.accepted)
        clicks = [{"userId": f"u{number}-{part}", "mysfitId": MYSFIT} for part in range(1 + number % 3)]
        response = requests.put(self.url, json=clicks[0] if len(clicks) == 1 else clicks, timeout=10)
        if response.status_code == 200:
            self.accepted += [click["userId"] for click in clicks]
        else:
            self.refused.append((response.status_code, response.text))

    def settle(self) -> None:
        self.deployment.pass_buffers()
        users = Counter(click["userId"] for click in self.deployment.delivered())
        assert users == Counter(self.accepted)
        assert not self.refused
        assert not self.deployment.objects("processing-failed/")


def mutations(calls: list[str]) -> list[str]:
    return [call for call in calls if not call.startswith(READS)]


def test_the_recorded_stack_serves_clicks_as_0_1_0_does(old: Deployment) -> None:
    assert old.put({"userId": "ada", "mysfitId": MYSFIT}).status_code == 200
    old.pass_buffers()
    [line] = old.delivered()
    assert list(line) == ["userId", "mysfitId", "goodevil", "lawchaos", "species", "clickedAt"]


def test_one_up_loses_and_fails_nothing_that_is_accepted_meanwhile(old: Deployment) -> None:
    sender, over = Sender(old), threading.Event()

    def load() -> None:
        while not over.is_set():
            sender.send()

    for _ in range(3):
        sender.send()
    sending = threading.Thread(target=load)
    sending.start()
    try:
        old.up()
    finally:
        over.set()
        sending.join()
    sender.send()
    assert set(old.statuses().values()) == {"in-sync"}
    assert len(sender.accepted) > 10
    sender.settle()


def test_the_processor_that_reads_both_comes_before_the_template_and_nothing_is_made_anew(
    old: Deployment,
) -> None:
    api = old.resource("clicks-api").read().id
    old.up()
    made = mutations(old.calls)
    assert Counter(made) == Counter(UPGRADE)
    assert [call for call in made if call in (*PROCESSOR, "CreateAlias", *API)] == [
        *PROCESSOR,
        "CreateAlias",
        *API,
    ]
    assert old.resource("clicks-api").read().id == api
    old.calls.clear()
    old.up()
    assert mutations(old.calls) == []


def kill_after(old: Deployment, count: int) -> bool:
    """Run `up` until so many changing calls are made; whether it was killed."""
    made = 0

    def note(model: Any, **_: Any) -> None:
        nonlocal made
        made += not model.name.startswith(READS)
        if made > count:
            raise Killed

    clients = [client for client in vars(old.target.clients).values() if hasattr(client, "meta")]
    for client in clients:
        client.meta.events.register("before-call", note)
    try:
        old.up()
    except Killed:
        return True
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", note)
    return False


@pytest.mark.parametrize("count", range(len(UPGRADE)))
def test_an_upgrade_that_is_killed_after_any_call_accepts_and_delivers_all_the_same(
    old: Deployment, count: int, request: pytest.FixtureRequest
) -> None:
    if count not in SAMPLE and not request.config.getoption("--all-cases"):
        pytest.skip("a part of the calls is the sample; `make matrix` runs all")
    sender = Sender(old)
    sender.send()
    assert kill_after(old, count)
    for _ in range(3):
        sender.send()
    old.pass_buffers()
    sender.send()
    old.up()
    sender.send()
    assert set(old.statuses().values()) == {"in-sync"}
    sender.settle()


def test_old_lines_and_old_failed_records_are_read_and_replayed(old: Deployment) -> None:
    for key, content in recorded.RECORDING["objects"].items():
        old.target.clients.s3.put_object(Bucket=old.names.bucket, Key=key, Body=content.encode())
    old.up()
    bucket = ClicksBucket.of(old.config, old.names.bucket, old.target.clients.s3)
    now = datetime.fromtimestamp(old.cloud.clock(), UTC)
    trouble = ParseProblems()
    begin, end = now - timedelta(days=90), now + timedelta(days=1)
    found = list(delivered.read(bucket, begin, end, trouble))
    assert [click["userId"] for click in found] == ["ada", 'dan "q" é']
    assert list(Distinct().clicks(found)) == found, "each line of 0.1.0 counts as itself"
    assert [
        len(list(failed.clicks_in(record.data))) for record in failed.read(bucket, None, end, trouble)
    ] == [2]
    waits = Clock()
    done = replaying.replay(
        bucket,
        old.target.clients.firehose,
        old.names.stream,
        since=None,
        limit=None,
        dry_run=False,
        pace=old.target.pace.__class__(sleep=waits.advance, clock=waits),
    )
    assert done.clicks == 2
    old.pass_buffers()
    lines = {line["userId"]: line for line in old.delivered()}
    assert lines["bob"]["name"]
    assert lines["cid"]["enriched"] is False
    assert not str(trouble)


def test_a_stack_of_a_later_version_is_refused_in_one_line_before_anything_changes(old: Deployment) -> None:
    old.up()
    arn = old.resource("processor").arn
    function = old.target.clients.function
    assert function.list_tags(Resource=arn)["Tags"][SCHEMA_TAG] == str(SCHEMA)
    function.tag_resource(Resource=arn, Tags={SCHEMA_TAG: str(SCHEMA + 1)})
    old.calls.clear()
    with pytest.raises(ProvisionError, match="a later version of mysfits-stream made this stack") as raised:
        old.up()
    assert "\n" not in str(raised.value)
    with pytest.raises(ProvisionError, match=f"schema {SCHEMA + 1}; this version knows {SCHEMA}"):
        converge(old.resources(), old.state, goal=Goal.PRESENT, dry_run=True)
    assert mutations(old.calls) == []
    old.down()
