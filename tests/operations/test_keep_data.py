"""``down --keep-data`` and back: every click survives, counted by its identity."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from mysfits_stream.operations.down import down, plan_removal
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.up import up
from tests.support.deployment import Deployment

pytestmark = pytest.mark.slow

CLICK = {"userId": "ann", "mysfitId": "4e53920c-505a-4a90-a694-b9300791f0ae"}


class Silent:
    """Progress without a reader."""

    def notify(self, progress: Any) -> None: ...

    def waiting(self, name: str, text: str) -> None: ...


def identities(deployment: Deployment) -> Counter[tuple[str, str]]:
    return Counter((each["requestId"], each["clickId"]) for each in deployment.delivered())


def versions(deployment: Deployment) -> list[tuple[str, str]]:
    found = deployment.target.clients.s3.list_object_versions(Bucket=deployment.names.bucket)
    return [(each["Key"], each["VersionId"]) for each in found.get("Versions", ())]


def test_every_click_survives_removal_and_a_new_up(deployment: Deployment) -> None:
    # A target of another name, so that the local cloud of the test goes on.
    project = Project(deployment.config, deployment.directory, replace(deployment.target, name="aws"))
    up(project, Silent())
    for body in (CLICK, [CLICK, CLICK], CLICK):
        assert deployment.put(body).ok
    deployment.pass_buffers()
    failed = json.dumps({"userId": "bob"}).encode()
    deployment.target.clients.firehose.put_record(
        DeliveryStreamName=deployment.names.stream, Record={"Data": failed}
    )
    deployment.pass_buffers()
    before, objects = identities(deployment), versions(deployment)
    assert before.total() == len(before) == 4
    assert any(key.startswith("processing-failed/") for key, _ in objects)

    removal = plan_removal(project, keep_data=True, delete_repository=False, count=False)
    down(project, removal, Silent(), delete_data=False)
    assert identities(deployment) == before
    assert versions(deployment) == objects
    assert deployment.target.clients.firehose.list_delivery_streams()["DeliveryStreamNames"] == []

    up(project, Silent())
    assert identities(deployment) == before
    assert deployment.put(CLICK).ok
    deployment.pass_buffers()
    after = identities(deployment)
    assert after.total() == len(after) == 5
    assert before <= after
