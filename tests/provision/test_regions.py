"""The stack in every kind of region, and in two regions of one account at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mysfits_stream.aws.account import Account
from mysfits_stream.config import Config
from mysfits_stream.errors import NotOwnedError
from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.server import LocalCloud
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.provision.adopt import adoptable
from mysfits_stream.provision.engine import Goal, converge, survey
from mysfits_stream.provision.stack import Names
from mysfits_stream.provision.verify_deleted import verify_deleted
from tests.support.clock import Clock
from tests.support.in_process import ACCOUNT_ID, ApiCall, InProcess, Send

pytestmark = pytest.mark.slow

CONFIG = Config()

REGIONS = [
    pytest.param("us-east-1", "aws", None, id="the one that must not be named when a bucket is made (F43)"),
    pytest.param("eu-west-1", "aws", "eu-west-1", id="an ordinary one"),
    pytest.param("cn-north-1", "aws-cn", "cn-north-1", id="China"),
    pytest.param("us-gov-west-1", "aws-us-gov", "us-gov-west-1", id="GovCloud"),
    pytest.param("ap-east-1", "aws", "ap-east-1", id="one that has to be opted into"),
]


@pytest.fixture
def cloud() -> Iterator[tuple[LocalCloud, Clock]]:
    clock = Clock()
    cloud = local_cloud(Settings(time_scale=1), now=clock, background=False)
    try:
        yield cloud, clock
    finally:
        cloud.stop()


def up(aws: InProcess, directory: Path, config: Config = CONFIG) -> list[str]:
    """Bring the stack up; what was done to each resource."""
    state = aws.state(directory / f"state-{aws.account.region}.json", config)
    return [c.action.value for c in converge(aws.resources(config), state, goal=Goal.PRESENT)]


def down(aws: InProcess, directory: Path, config: Config = CONFIG) -> None:
    """Take the stack down, and prove it."""
    resources = aws.resources(config, delete_data=True)
    state = aws.state(directory / f"state-{aws.account.region}.json", config)
    converge(resources, state, goal=Goal.ABSENT)
    verify_deleted(resources, config.stack, aws.tagging, aws.clients.apigateway, aws.pace)


def statuses(aws: InProcess, config: Config = CONFIG) -> set[str]:
    return {change.status for change in survey(aws.resources(config), Goal.PRESENT, config.stack)}


@pytest.mark.parametrize(("region", "partition", "constraint"), REGIONS)
def test_a_stack_lives_in_a_region(
    cloud: tuple[LocalCloud, Clock], tmp_path: Path, region: str, partition: str, constraint: str | None
) -> None:
    aws = InProcess(*cloud, region)
    asked: list[object] = []

    def listen(call: ApiCall, send: Send) -> Response:
        if call.operation == "CreateBucket":
            asked.append(call.parameters["CreateBucketConfiguration"].get("LocationConstraint"))
        return send()

    aws.intercept = listen
    assert set(up(aws, tmp_path)) == {"create"}
    assert set(up(aws, tmp_path)) == {"none"}
    assert statuses(aws) == {"in-sync"}
    assert asked == [constraint]
    arns = [
        entry["arn"]
        for entry in json.loads((tmp_path / f"state-{region}.json").read_text())["resources"].values()
    ]
    assert {arn.split(":")[1] for arn in arns} == {partition}
    assert {arn.split(":")[3] for arn in arns} <= {region, ""}
    assert {arn.split(":")[4] for arn in arns} <= {ACCOUNT_ID, ""}
    down(aws, tmp_path)
    assert statuses(aws) == {"missing"}


def test_two_regions_of_an_account_hold_a_stack_of_the_same_name(
    cloud: tuple[LocalCloud, Clock], tmp_path: Path
) -> None:
    here, there = InProcess(*cloud, "eu-west-1"), InProcess(*cloud, "us-east-1")
    assert set(up(here, tmp_path)) == set(up(there, tmp_path)) == {"create"}
    assert statuses(here) == statuses(there) == {"in-sync"}
    down(here, tmp_path)
    assert (statuses(here), statuses(there)) == ({"missing"}, {"in-sync"})
    down(there, tmp_path)


@pytest.mark.parametrize(("here", "there"), [("eu-west-1", "us-east-1"), ("us-east-1", "eu-west-1")])
def test_a_bucket_that_is_named_for_two_regions_stays_with_the_first(
    cloud: tuple[LocalCloud, Clock], tmp_path: Path, here: str, there: str
) -> None:
    named = replace(CONFIG, bucket=replace(CONFIG.bucket, name="all-our-clicks"))
    elsewhere = replace(CONFIG, bucket=replace(CONFIG.bucket, name="other-clicks"))
    first, second = InProcess(*cloud, here), InProcess(*cloud, there)
    up(first, tmp_path, named)
    for command in (up, down):
        with pytest.raises(
            NotOwnedError, match=rf"is in region {here} \(set another bucket\.name for {there}\)"
        ):
            command(second, tmp_path, named)
    assert statuses(second, named) == {"missing", "not-ours"}
    with pytest.raises(NotOwnedError, match=f"is in region {here}"):
        adoptable(survey(second.resources(named), Goal.PRESENT, named.stack))
    assert set(up(second, tmp_path, elsewhere)) == {"create"}
    down(second, tmp_path, elsewhere)
    assert statuses(first, named) == {"in-sync"}
    down(first, tmp_path, named)


def test_what_is_unique_beyond_a_region_has_the_region_in_its_name() -> None:
    names = [Names.of(CONFIG, Account(ACCOUNT_ID, region)) for region in ("eu-west-1", "us-east-1")]
    for field in ("bucket", "processor_role", "delivery_role", "api_role"):
        assert len({getattr(each, field) for each in names}) == 2
