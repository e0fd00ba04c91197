"""What every resource promises (provision/resource.py), held against the local cloud.

A new resource arrives with its tests written: it has to join the stack, and say in ``drifts.py`` how each of
its properties can drift.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.aws.account import Account, Clients
from mysfits_stream.aws.waiting import Pace
from mysfits_stream.config import Config
from mysfits_stream.config_file import parse
from mysfits_stream.errors import DataProtectedError
from mysfits_stream.provision import alarms, policies, stack
from mysfits_stream.provision.engine import Action, Goal, converge, decide, dependencies, survey
from mysfits_stream.provision.resource import OWNER_TAG, Observed, Resource, difference
from mysfits_stream.provision.resources.alias import Alias
from mysfits_stream.provision.state import State
from tests.provision.resources.drifts import (
    ACCOUNT,
    BUCKET,
    CANNOT_DRIFT,
    CONFIG,
    DRIFTS,
    PROCESSOR_LOGS,
    STACK,
    change_table,
    resurrect,
)
from tests.support.cloud import CloudUnderTest
from tests.support.definitions import ALL_TYPES, SHOP
from tests.support.in_process import InProcess

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """The process died here."""


@pytest.fixture(scope="session")
def clients(cloud_server: CloudUnderTest) -> Clients:
    """The clients of the deployer, without sockets."""
    return InProcess(cloud_server.cloud, cloud_server.clock).clients


@pytest.fixture
def calls(clients: Clients) -> Iterator[list[str]]:
    """The operations that the deployer asks for, from here on."""
    asked: list[str] = []

    def note(model: Any, **_: Any) -> None:
        asked.append(model.name)

    for client in filter(None, vars(clients).values()):
        client.meta.events.register("before-call", note, unique_id="contract-calls")
    yield asked
    for client in filter(None, vars(clients).values()):
        client.meta.events.unregister("before-call", unique_id="contract-calls")


def is_write(operation: str) -> bool:
    return not operation.startswith(("Get", "List", "Describe", "Head"))


@pytest.fixture
def build(local_cloud: Any, clients: Clients) -> Callable[..., dict[str, Resource]]:
    """The stack in an empty cloud, whose time passes as the deployer waits."""

    def build(**options: Any) -> dict[str, Resource]:
        resources = stack.build(
            options.pop("config", CONFIG),
            ACCOUNT,
            clients,
            mysfits_api="http://localhost:9",
            answers=lambda _api, _stage: True,
            pace=Pace(sleep=local_cloud.clock.advance, clock=local_cloud.clock),
            **options,
        )
        return {resource.name: resource for resource in resources}

    return build


@pytest.fixture
def resources(build: Callable[..., dict[str, Resource]]) -> dict[str, Resource]:
    return build()


NAMES = (
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
    "clicks-database",
    "clicks-table",
    "query-workgroup",
    "alarm-topic",
    *(f"alarm-{kind.name}" for kind in alarms.kinds(CONFIG)),
    "clicks-domain",
)
CLIENTS = {
    "S3": "s3",
    "IAM": "iam",
    "Lambda": "function",
    "KinesisFirehose": "firehose",
    "ApiGateway": "apigateway",
    "Logs": "logs",
    "Glue": "glue",
    "Athena": "athena",
    "CloudWatch": "cloudwatch",
    "SNS": "sns",
}
EACH = pytest.mark.parametrize("name", NAMES)


def make(resource: Resource) -> None:
    """Make a resource after all that it needs."""
    for needed in dependencies(resource):
        if needed.read() is None:
            make_untested(needed) if isinstance(needed, Alias) else make(needed)
    resource.create()


def make_untested(alias: Alias) -> None:
    """Make an alias without its smoke test, which takes a process."""
    if alias.function.read() is None:
        make(alias.function)
    lambda_, name = alias.placement.clients.function, alias.function.function_name
    version = lambda_.publish_version(FunctionName=name)["Version"]
    lambda_.create_alias(FunctionName=name, Name=alias.alias_name, FunctionVersion=version)


def seen(resource: Resource) -> Observed:
    observed = resource.read()
    assert observed is not None
    return observed


def drift(resource: Resource) -> Any:
    return difference(seen(resource).properties, resource.desired)


def test_every_resource_of_the_stack_is_under_contract(resources: dict[str, Resource]) -> None:
    assert tuple(resources) == NAMES


@EACH
def test_absent_reads_none_and_is_deleted(resources: dict[str, Resource], name: str) -> None:
    assert resources[name].read() is None
    resources[name].delete()
    assert resources[name].read() is None


@EACH
def test_created_reads_as_desired_and_settles(resources: dict[str, Resource], name: str) -> None:
    resource = resources[name]
    make(resource)
    resource.settle()
    observed = seen(resource)
    assert observed.properties == resource.desired
    assert (observed.owner, observed.settled) == (STACK, True)
    assert decide(resource, observed, Goal.PRESENT, STACK).action is Action.NONE
    # JSON values only: they are shown and compared as such.
    assert json.loads(json.dumps(observed.properties)) == observed.properties


@EACH
def test_created_again_is_no_error(resources: dict[str, Resource], name: str) -> None:
    """The answer to the first call may have been lost (F6)."""
    resource = resources[name]
    make(resource)
    resource.create()
    # Names of APIs are not unique: a second one was made, and removed as a duplicate.
    assert drift(resource) == {}


@EACH
def test_updated_twice_is_the_same(resources: dict[str, Resource], name: str) -> None:
    resource = resources[name]
    make(resource)
    resource.settle()
    everything = {key: (None, value) for key, value in resource.desired.items()}
    for key in ("DeliveryStreamStatus", "DeliveryStreamType", "DeliveryStreamEncryption", "State"):
        everything.pop(key, None)  # these replace or restart, which the drifts below show
    resource.update(everything)
    first = seen(resource)
    resource.settle()
    resource.update(everything)
    assert seen(resource).properties == first.properties == resource.desired


@EACH
def test_deleted_reads_none_and_is_deleted_again(resources: dict[str, Resource], name: str) -> None:
    resource = resources[name]
    make(resource)
    resource.settle()
    resource.delete()
    assert resource.read() is None
    resource.delete()


@EACH
def test_tagged_ours_at_birth(resources: dict[str, Resource], clients: Clients, name: str) -> None:
    """Killed after the first creating call, the resource is ours, and up or down goes on."""
    resource = resources[name]
    for needed in dependencies(resource):
        make_untested(needed) if isinstance(needed, Alias) else make(needed)
    owning = getattr(clients, CLIENTS[resource.type.split("::")[1]])

    def die(model: Any, **_: Any) -> None:
        if is_write(model.name):
            raise Killed

    owning.meta.events.register("after-call", die, unique_id="contract-death")
    try:
        with pytest.raises(Killed):
            resource.create()
    finally:
        owning.meta.events.unregister("after-call", unique_id="contract-death")

    change = decide(resource, resource.read(), Goal.PRESENT, STACK)
    if name == "processor-live":
        # The first call publishes a version, which belongs to the function (F283).
        assert change.action is Action.CREATE
        resource.create()
    elif change.action is not Action.NONE:
        resource.update(change.diff)
    resource.settle()
    assert seen(resource).owner == STACK
    assert drift(resource) == {}


def test_every_property_can_drift(resources: dict[str, Resource]) -> None:
    shown = {(name, key) for name, key, _ in DRIFTS}
    # Alarms differ in values only: one stands for all.
    others = {f"alarm-{kind.name}" for kind in alarms.kinds(CONFIG)} - {"alarm-quiet"}
    assert shown | CANNOT_DRIFT.keys() == {
        (name, key) for name, resource in resources.items() for key in resource.desired if name not in others
    }
    assert not shown & CANNOT_DRIFT.keys()


TRUSTED = {"delivery-stream": "firehose.amazonaws.com"}


@pytest.mark.parametrize(
    ("name", "key", "by_hand"),
    [pytest.param(*row, id=f"{row[0]}: {row[1]} ({number})") for number, row in enumerate(DRIFTS)],
)
def test_drift_is_seen_and_heals(
    resources: dict[str, Resource],
    clients: Clients,
    name: str,
    key: str,
    by_hand: Callable[[Clients], Any],
) -> None:
    resource = resources[name]
    make(resource)
    resource.settle()
    trusted = json.dumps(policies.trusting(TRUSTED.get(name, "lambda.amazonaws.com")))
    clients.iam.create_role(RoleName="somebody-elses", AssumeRolePolicyDocument=trusted)

    by_hand(clients)
    found = drift(resource)
    assert key in found
    assert decide(resource, seen(resource), Goal.PRESENT, STACK).action is Action.UPDATE
    resource.update(found)
    resource.settle()
    assert drift(resource) == {}


@EACH
def test_what_is_not_ours_is_seen_as_such(
    resources: dict[str, Resource], clients: Clients, name: str
) -> None:
    resource = resources[name]
    if name == "clicks-api":
        # Names are not unique: an API of ours beside a stranger's is no conflict.
        clients.apigateway.create_rest_api(name=STACK)
        assert resource.read() is None
        return
    make(resource)
    retag(clients, seen(resource), "another-stack")
    assert seen(resource).owner == "another-stack"


def retag(c: Clients, observed: Observed, owner: str) -> None:
    service = observed.arn.split(":")[2]
    tags = [{"Key": OWNER_TAG, "Value": owner}]
    calls: dict[str, Callable[[], Any]] = {
        "s3": lambda: c.s3.put_bucket_tagging(Bucket=observed.id, Tagging={"TagSet": tags}),  # type: ignore[typeddict-item]
        "iam": lambda: c.iam.tag_role(RoleName=observed.id, Tags=tags),  # type: ignore[arg-type]
        # Tags belong to the function, not to an alias (F283).
        "lambda": lambda: c.function.tag_resource(
            Resource=observed.arn.removesuffix(":live"), Tags={OWNER_TAG: owner}
        ),
        "firehose": lambda: c.firehose.tag_delivery_stream(
            DeliveryStreamName=observed.id,
            Tags=tags,  # type: ignore[arg-type]
        ),
        "logs": lambda: c.logs.tag_resource(resourceArn=observed.arn, tags={OWNER_TAG: owner}),
        "cloudwatch": lambda: c.cloudwatch.tag_resource(ResourceARN=observed.arn, Tags=tags),  # type: ignore[arg-type]
        "sns": lambda: c.sns.tag_resource(ResourceArn=observed.arn, Tags=tags),  # type: ignore[arg-type]
        "apigateway": lambda: c.apigateway.tag_resource(resourceArn=observed.arn, tags={OWNER_TAG: owner}),
        "athena": lambda: c.athena.tag_resource(ResourceARN=observed.arn, Tags=tags),  # type: ignore[arg-type]
        "glue": lambda: (
            change_table(c, lambda t: t["Parameters"].update({OWNER_TAG: owner}))
            if ":table/" in observed.arn
            else c.glue.tag_resource(ResourceArn=observed.arn, TagsToAdd={OWNER_TAG: owner})
        ),
    }
    calls[service]()


@pytest.mark.parametrize("settings", [SHOP, ALL_TYPES], ids=["a shop", "all types"])
def test_another_definition_of_a_click_is_drift_of_what_follows_from_it_and_heals(
    build: Callable[..., dict[str, Resource]], settings: dict[str, Any]
) -> None:
    for resource in build().values():
        if resource.read() is None:
            make_untested(resource) if isinstance(resource, Alias) else make(resource)
    defined = parse(settings)
    resources = build(config=replace(CONFIG, click=defined.click, enrich=defined.enrich))
    differing = [name for name, resource in resources.items() if drift(resource)]
    assert differing == ["processor", "processor-live", "clicks-api", "clicks-table"]
    for name in differing:
        resources[name].update(drift(resources[name]))
        resources[name].settle()
        assert drift(resources[name]) == {}
    for resource in reversed(resources.values()):
        resource.delete()
        assert resource.read() is None


def test_an_account_level_retention_is_no_drift_and_a_resurrected_group_heals(
    resources: dict[str, Resource], clients: Clients
) -> None:
    """F152."""
    group = resources["processor-logs"]
    group.create()
    logs: Any = clients.logs  # the stubs do not know this type of policy
    logs.put_account_policy(
        policyName="baseline",
        policyType="RETENTION_POLICY",
        policyDocument='{"retentionInDays": 90, "enforcementMode": "RETROACTIVE"}',
        selectionCriteria='LogGroupNamePrefix IN ["/aws/"]',
    )
    [shown] = clients.logs.describe_log_groups(logGroupNamePrefix=PROCESSOR_LOGS)["logGroups"]
    assert shown["retentionInDays"] == 90
    assert drift(group) == {}
    resurrect(clients, PROCESSOR_LOGS)
    assert decide(group, seen(group), Goal.PRESENT, STACK).action is Action.UPDATE
    group.update(drift(group))
    assert drift(group) == {}
    logs.delete_account_policy(policyName="baseline", policyType="RETENTION_POLICY")
    # The retention of the group itself was never written while the policy decided.
    assert set(drift(group)) == {"RetentionInDays"}


def test_a_bucket_with_clicks_goes_only_with_licence(build: Callable[..., Any], clients: Clients) -> None:
    bucket = build()["clicks-bucket"]
    bucket.create()
    for body in (b"1", b"2"):
        clients.s3.put_object(Bucket=BUCKET, Key="firehose/x", Body=body)
    clients.s3.delete_object(Bucket=BUCKET, Key="firehose/x")
    clients.s3.put_object(Bucket=BUCKET, Key="firehose/ä + %20 & <x>", Body=b"")
    with pytest.raises(DataProtectedError):
        bucket.delete()
    assert bucket.read() is not None
    build(delete_data=True)["clicks-bucket"].delete()
    assert bucket.read() is None


def test_the_whole_stack_goes_up_once_and_down(
    resources: dict[str, Resource], calls: list[str], tmp_path: Path
) -> None:
    state = State(tmp_path / "state.json", stack=STACK, account=ACCOUNT.id, region=ACCOUNT.region)
    stacked = list(resources.values())
    converge(stacked, state, goal=Goal.PRESENT)
    assert {change.status for change in survey(stacked, Goal.PRESENT, STACK)} == {"in-sync"}

    calls.clear()
    again = converge(stacked, state, goal=Goal.PRESENT)
    assert {change.action for change in again} == {Action.NONE}
    assert [operation for operation in calls if is_write(operation)] == []

    converge(stacked, state, goal=Goal.ABSENT)
    assert {change.status for change in survey(stacked, Goal.PRESENT, STACK)} == {"missing"}
    assert not (tmp_path / "state.json").exists()


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("us-east-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
    ],
)
def test_the_same_stack_stands_in_two_regions_at_once(
    local_cloud: Any, clients: Clients, tmp_path: Path, region: str, partition: str
) -> None:
    """Where CreateBucket names its region and where it must not (F43), and in other partitions."""
    there = Account(ACCOUNT.id, region, partition)
    services = {
        name: client.meta.service_model.service_name for name, client in vars(clients).items() if client
    }
    elsewhere = Clients(**{name: local_cloud.client(service, region) for name, service in services.items()})
    pace = Pace(sleep=local_cloud.clock.advance, clock=local_cloud.clock)
    both = [
        (
            stack.build(
                Config(),
                account,
                through,
                mysfits_api="http://localhost:9",
                answers=lambda _api, _stage: True,
                pace=pace,
            ),
            State(tmp_path / account.region, stack=STACK, account=account.id, region=account.region),
        )
        for account, through in ((ACCOUNT, clients), (there, elsewhere))
    ]
    for resources, state in both:
        converge(resources, state, goal=Goal.PRESENT)
    for resources, _ in both:
        assert {change.status for change in survey(resources, Goal.PRESENT, STACK)} == {"in-sync"}
    (here, here_state), (others, _) = both
    converge(here, here_state, goal=Goal.ABSENT)
    assert {change.status for change in survey(others, Goal.PRESENT, STACK)} == {"in-sync"}
    found = survey(others, Goal.PRESENT, STACK)
    assert {change.observed.arn.split(":")[1] for change in found if change.observed} == {partition}


def test_a_missing_role_and_its_function_are_healed_in_one_run(
    resources: dict[str, Resource], clients: Clients, local_cloud: Any, tmp_path: Path
) -> None:
    """F55: a new role of the same name leaves the function of the old one broken."""
    state = State(tmp_path / "state.json", stack=STACK, account=ACCOUNT.id, region=ACCOUNT.region)
    stacked = list(resources.values())
    converge(stacked, state, goal=Goal.PRESENT)
    role = f"{STACK}-{ACCOUNT.region}-processor"
    clients.iam.delete_role_policy(RoleName=role, PolicyName="permissions")
    clients.iam.delete_role(RoleName=role)
    local_cloud.advance(60)

    changes = {change.resource.name: change.action for change in converge(stacked, state, goal=Goal.PRESENT)}
    assert changes["processor-role"] is Action.CREATE
    assert changes["processor"] is Action.UPDATE
    assert {change.status for change in survey(stacked, Goal.PRESENT, STACK)} == {"in-sync"}
