"""A changed bucket.name or api.stage: what stays, what stops, and what ``down`` does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mysfits_stream.config import ApiConfig, BucketConfig
from mysfits_stream.operations.down import down, plan_removal
from mysfits_stream.operations.plan import plan
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.status import status
from mysfits_stream.operations.up import up
from tests.support.deployment import Deployment

pytestmark = pytest.mark.slow


class Silent:
    """Progress that nobody watches."""

    def notify(self, progress: Any) -> None: ...

    def waiting(self, name: str, text: str) -> None: ...


@pytest.fixture
def notes() -> list[str]:
    return []


def project(deployment: Deployment, notes: list[str], **changed: Any) -> Project:
    config = replace(deployment.config, **changed)
    return Project(config, deployment.directory, deployment.target, notes.append)


RENAMED = BucketConfig(name="another-name-for-clicks")


def test_a_bucket_of_an_earlier_name_is_seen_by_every_command(
    deployment: Deployment, notes: list[str]
) -> None:
    first = project(deployment, notes)
    up(first, Silent())
    plan(first)
    status(first)
    assert notes == []

    renamed = project(deployment, notes, bucket=RENAMED)
    for command in (lambda: plan(renamed), lambda: up(renamed, Silent()), lambda: status(renamed)):
        notes.clear()
        command()
        [note] = notes
        assert f"bucket {first.names.bucket} stays with its clicks" in note
        assert f"set bucket.name: {first.names.bucket}" in note


@pytest.mark.parametrize("keep_data", [False, True], ids=["deleted", "kept"])
def test_down_treats_both_buckets_alike(deployment: Deployment, notes: list[str], keep_data: bool) -> None:
    first = project(deployment, notes)
    up(first, Silent())
    s3 = deployment.target.clients.s3
    s3.put_object(Bucket=first.names.bucket, Key="firehose/x", Body=b"1")
    renamed = project(deployment, notes, bucket=RENAMED)
    up(renamed, Silent())
    s3.put_object(Bucket="another-name-for-clicks", Key="firehose/y", Body=b"1")

    removal = plan_removal(renamed, keep_data=keep_data, delete_repository=False, count=not keep_data)
    assert (removal.contents and removal.contents.objects) == (None if keep_data else 2)
    # A target of another name, so that the local cloud of the test goes on.
    elsewhere = replace(renamed, target=replace(deployment.target, name="aws"))
    down(elsewhere, removal, Silent(), delete_data=True)
    left = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert left == ({first.names.bucket, "another-name-for-clicks"} if keep_data else set())


def test_a_stage_that_stops_answering_is_named(deployment: Deployment, notes: list[str]) -> None:
    up(project(deployment, notes), Silent())
    moved = project(deployment, notes, api=ApiConfig(stage="v2"))
    plan(moved)
    [note] = notes
    assert "stage prod stops answering at once" in note and "set api.stage: prod" in note
    up(moved, Silent())
    assert len(notes) == 2
    status(moved)
    assert len(notes) == 2


def test_an_existing_stack_hears_that_its_limit_gets_lower(deployment: Deployment, notes: list[str]) -> None:
    up(project(deployment, notes, api=ApiConfig(rate_limit=1000, burst_limit=500)), Silent())
    today = project(deployment, notes)
    for command in (lambda: plan(today), lambda: status(today), lambda: up(today, Silent())):
        notes.clear()
        command()
        [note] = notes
        assert "lowers the limit from 1000 to 40 requests a second; set api.rate_limit to keep it" in note
    notes.clear()
    status(today)
    assert notes == []
