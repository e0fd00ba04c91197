"""Is all gone? A read may miss what is there, and the index of tags may name what is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.errors import MysfitsStreamError, ProvisionError
from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.aws_behavior import Cut, FaultRule
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.provision.engine import Goal, converge
from mysfits_stream.provision.resource import OWNER_TAG
from mysfits_stream.provision.verify_deleted import verify_deleted
from tests.matrix.world import CONFIG, Case, Killed, World
from tests.support.clock import Clock
from tests.support.in_process import ApiCall, InProcess, Send, untouched

pytestmark = pytest.mark.slow

BUCKET = "mysfits-clicks-123456789012-eu-west-1"
ROLE = "mysfits-clicks-eu-west-1-api"
STREAM = "mysfits-clicks-clicks"


def account(directory: Path, settings: Settings) -> Iterator[World]:
    clock = Clock()
    cloud = local_cloud(settings, now=clock, background=False, sleep=clock.advance)
    try:
        yield World(cloud, clock, InProcess(cloud, clock, attempts=5), directory)
    finally:
        cloud.stop()


@pytest.fixture
def calm(tmp_path: Path) -> Iterator[World]:
    yield from account(tmp_path, Settings(time_scale=1))


@pytest.fixture(params=range(1, 5), ids="seed {}".format)
def moody(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    yield from account(tmp_path, Settings(time_scale=1, behavior="aws", seed=request.param))


@dataclass(frozen=True)
class Index:
    """An index of tags that says always the same; counts how often it was asked."""

    entries: list[Any]
    asked: list[str]

    def get_paginator(self, operation: str) -> Index:
        self.asked.append(operation)
        return self

    def paginate(self, **_: object) -> list[dict[str, object]]:
        return [{"ResourceTagMappingList": self.entries}]


def prove(world: World, index: Any, **said: Any) -> None:
    """Look for what is left, with this index of tags."""
    resources = world.aws.resources(CONFIG)
    verify_deleted(resources, CONFIG.stack, index, world.aws.clients.apigateway, world.aws.pace, **said)


def down(world: World) -> None:
    """Take down what is there by one look, and prove it as the command does."""
    resources = world.aws.resources(CONFIG, delete_data=True)
    changes = converge(resources, world.aws.state(world.path, CONFIG), goal=Goal.ABSENT)
    prove(world, world.aws.tagging, whole=all(change.observed for change in changes))


def die_once_made(world: World, operation: str, name: str) -> None:
    """Bring the stack up, in a process that dies right after it has made this."""
    case = Case(None, None, world.path)

    def intercept(call: ApiCall, send: Send) -> Response:
        last = call.operation == operation and name in call.parameters.values()
        try:
            answer = case.intercept(call, send)
        except Cut:
            # It is made, and only the answer got lost.
            if last:
                case.die()
            raise
        if last and answer.status < 300:
            case.die()
        return answer

    world.aws.intercept = intercept
    with pytest.raises(Killed):
        world.up()
    case.bury()
    world.aws.intercept = untouched


@pytest.mark.parametrize(
    ("operation", "name"),
    [("CreateRole", ROLE), ("CreateBucket", BUCKET), ("CreateDeliveryStream", STREAM)],
    ids=["a role", "the bucket", "the stream"],
)
def test_a_down_right_after_an_up_was_killed_leaves_nothing_silently(
    moody: World, operation: str, name: str
) -> None:
    """Whatever reads miss by then: the first `down` that ends well has left nothing."""
    die_once_made(moody, operation, name)
    for _ in range(5):
        try:
            down(moody)
        except MysfitsStreamError:
            continue
        break
    else:
        pytest.fail("it never ended well")
    moody.clock.advance(60)
    assert list(moody.wrong_when_down()) == []


MISSED = [
    pytest.param(
        FaultRule(
            "GetBucketTagging", 2, code="NoSuchBucket", message="The bucket does not exist", status=404
        ),
        f"arn:aws:s3:::{BUCKET}",
        id="a bucket",
    ),
    pytest.param(
        FaultRule("GetRole", 2, resource=ROLE, code="NoSuchEntity", message="cannot be found", status=404),
        f"arn:aws:iam::123456789012:role/{ROLE}",
        id="a role, which the index of tags does not know",
    ),
]


@pytest.mark.parametrize(("rule", "arn"), MISSED)
def test_what_two_reads_missed_is_named_and_goes_with_the_next_down(
    calm: World, rule: FaultRule, arn: str
) -> None:
    calm.up()
    calm.cloud.faults.add(rule)
    with pytest.raises(ProvisionError, match=f"not deleted: {arn}. Run `down` again"):
        down(calm)
    down(calm)
    assert list(calm.wrong_when_down()) == []


def test_what_the_tags_name_is_looked_at_again_though_the_whole_stack_was_seen(calm: World) -> None:
    calm.up()
    entries = [{"ResourceARN": f"arn:aws:s3:::{BUCKET}"}]
    down(calm)
    calm.aws.clients.s3.create_bucket(
        Bucket=BUCKET,
        CreateBucketConfiguration={
            "LocationConstraint": "eu-west-1",
            "Tags": [{"Key": OWNER_TAG, "Value": CONFIG.stack}],
        },
    )
    calm.cloud.faults.add(
        FaultRule("GetBucketTagging", 1, code="NoSuchBucket", message="no bucket", status=404)
    )
    with pytest.raises(ProvisionError, match=f"not deleted: arn:aws:s3:::{BUCKET}"):
        prove(calm, Index(entries, []), whole=True)


def test_what_answers_to_its_name_is_named_though_the_tags_know_nothing(calm: World) -> None:
    calm.up()
    with pytest.raises(ProvisionError, match=f"not deleted: .*{BUCKET}.*{ROLE}"):
        prove(calm, Index([], []), whole=True)


def test_what_was_to_stay_is_not_left_over(calm: World) -> None:
    calm.up()
    with pytest.raises(ProvisionError, match=f"not deleted: (?!.*{BUCKET}).*{ROLE}"):
        prove(calm, calm.aws.tagging, whole=True, kept=["clicks-bucket"])


def test_something_else_that_carries_the_tag_is_named(calm: World) -> None:
    calm.up()
    calm.aws.clients.logs.create_log_group(logGroupName="by-hand", tags={OWNER_TAG: CONFIG.stack})
    with pytest.raises(ProvisionError, match=r"not deleted: .*log-group:by-hand"):
        down(calm)


def test_the_index_of_tags_may_name_what_is_gone(calm: World) -> None:
    calm.up()
    entries = calm.aws.tagging.get_resources()["ResourceTagMappingList"]
    assert len(entries) > 5
    down(calm)
    prove(calm, Index(entries, []), whole=True)


@pytest.mark.parametrize(
    ("whole", "looks"),
    [
        pytest.param(True, 1, id="once, if it was seen whole: then none of it was new"),
        pytest.param(False, 5, id="again and again, if some of it was not seen"),
    ],
)
def test_a_stack_that_nothing_names_any_more_is_looked_for(calm: World, whole: bool, looks: int) -> None:
    index = Index([], [])
    prove(calm, index, whole=whole)
    assert len(index.asked) == looks
