"""The stack as a whole: names fit and do not collide, and the order suits AWS."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any, cast

import pytest
from botocore.session import Session

from mysfits_stream.aws.account import Account, Clients
from mysfits_stream.config import BucketConfig, Config
from mysfits_stream.provision import stack
from mysfits_stream.provision.engine import dependencies
from mysfits_stream.provision.resource import Resource
from mysfits_stream.provision.stack import Names

PARTITIONS = ("aws", "aws-cn", "aws-us-gov")
REGIONS = [
    (partition, region)
    for partition in PARTITIONS
    for region in Session().get_available_regions("lambda", partition)
]
ACCOUNT = Account(id="123456789012", region="eu-west-1")


class Uncallable:
    """A client that nothing may be asked of."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called")


def build(config: Config | None = None, account: Account = ACCOUNT, **options: Any) -> dict[str, Resource]:
    nobody = cast(Any, Uncallable())
    resources = stack.build(
        config or Config(),
        account,
        Clients(nobody, nobody, nobody, nobody, nobody, nobody),
        mysfits_api="https://mysfits.example.com",
        answers=lambda _api, _stage: False,
        **options,
    )
    return {resource.name: resource for resource in resources}


def needs(resources: dict[str, Resource]) -> dict[str, set[str]]:
    return {name: {held.name for held in dependencies(each)} for name, each in resources.items()}


def test_building_makes_no_call() -> None:
    resources = build()
    assert list(resources) == [
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
    ]
    assert all(resource.desired for resource in resources.values())


def test_what_is_slow_or_limited_to_remove_waits_for_nothing() -> None:
    """F61, F76: `down` begins with the API and the stream, since nothing holds them."""
    held = set().union(*needs(build()).values())
    assert not held & {"clicks-api", "delivery-stream"}


def test_the_api_does_not_wait_for_the_stream() -> None:
    """F71, F73: it can be deployed while the stream is still CREATING."""
    assert needs(build())["clicks-api"] == {"api-role", "processor-live"}


def test_the_stream_is_created_without_the_processor() -> None:
    """F32, F73: the stream takes longest.

    No click comes before the API, which waits for the alias.
    """
    stream = build()["delivery-stream"]
    needed = {each.name for each in dependencies(stream, missing=True)}
    assert needed == {"delivery-role", "clicks-bucket", "delivery-logs"}


def test_the_bucket_and_the_logs_go_after_what_writes_to_them() -> None:
    """F76, F77: or late objects and late log events would come after."""
    wanted = needs(build())
    assert wanted["delivery-stream"] == {"delivery-role", "clicks-bucket", "processor-live", "delivery-logs"}
    assert wanted["processor"] == {"processor-role", "processor-logs"}


@pytest.mark.parametrize(("partition", "region"), REGIONS, ids=[region for _, region in REGIONS])
def test_the_longest_names_fit_everywhere(partition: str, region: str) -> None:
    """F48, F65, F67, and S3's 63 characters."""
    longest = Config(stack="s" * 32)
    names = Names.of(longest, Account("1" * 12, region, partition))
    assert len(names.bucket) <= 63
    assert len(names.function) <= 64 and len(names.stream) <= 64
    assert max(len(role) for role in (names.processor_role, names.delivery_role, names.api_role)) <= 64
    assert max(len(group) for group in (names.processor_logs, names.delivery_logs)) <= 512


def test_names_that_are_unique_beyond_a_region_hold_it() -> None:
    """The same stack in two regions of one account does not collide."""
    here, there = Names.of(Config(), ACCOUNT), Names.of(Config(), replace(ACCOUNT, region="us-east-1"))
    for kind in ("bucket", "processor_role", "delivery_role", "api_role"):
        assert getattr(here, kind) != getattr(there, kind)


def test_no_two_names_of_a_kind_are_alike() -> None:
    names = Names.of(Config(), ACCOUNT)
    assert len({names.processor_role, names.delivery_role, names.api_role}) == 3
    assert names.processor_logs != names.delivery_logs
    # The workgroup of Athena and the REST API have the stack's own name.
    assert names.workgroup == names.api
    assert len(set(astuple(names))) == len(astuple(names)) - 1


def test_the_bucket_can_be_named() -> None:
    assert Names.of(Config(bucket=BucketConfig(name="mine")), ACCOUNT).bucket == "mine"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_arn_is_of_the_partition(partition: str) -> None:
    desired = {
        name: resource.desired
        for name, resource in build(None, replace(ACCOUNT, partition=partition)).items()
    }
    found = {text for text in _texts(desired) if text.startswith("arn:")}
    assert len(found) > 10
    assert {text.split(":")[1] for text in found} == {partition}


def test_the_parts_agree_on_each_others_names() -> None:
    resources = build()
    stream, api = resources["delivery-stream"].desired, resources["clicks-api"].desired
    roles = {
        kind: resources[f"{kind}-role"].desired["Policies"]["permissions"]["Statement"]
        for kind in ("delivery", "api")
    }
    granted = {text for kind in roles for text in _texts(roles[kind])}
    assert stream["Processor"]["LambdaArn"].removesuffix(":live") in granted
    assert stream["BucketARN"] in granted
    put = api["Methods"]["PUT /clicks"]["integration"]
    assert put["credentials"].endswith("-api")
    name = "mysfits-clicks-clicks"
    assert f'"DeliveryStreamName": "{name}"' in put["requestTemplates"]["application/json"]
    assert ACCOUNT.arn("firehose", f"deliverystream/{name}") in granted


def _texts(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(_texts, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(_texts, value)) if value else set()
    return {value} if isinstance(value, str) else set()


def test_with_data_to_keep_the_api_goes_before_its_stream_drains() -> None:
    """Otherwise clicks accepted while API Gateway's quota is waited out would be lost (F61)."""
    assert needs(build(drain=True))["clicks-api"] == {"api-role", "processor-live", "delivery-stream"}
