"""Alarms on the local cloud: the right alarm for each fault, and none without faults."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from mysfits_stream.aws.waiting import Pace
from mysfits_stream.config import AlarmsConfig, Config
from mysfits_stream.config_file import parse
from mysfits_stream.doctor import alarms as doctor_alarms
from mysfits_stream.errors import ConfigError
from mysfits_stream.localcloud import FaultRule
from mysfits_stream.operations.down import down, plan_removal
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.status import status
from mysfits_stream.operations.up import up
from mysfits_stream.output import stack as rendering
from mysfits_stream.provision.alarm_states import alarm_states
from mysfits_stream.provision.alarms import kinds
from mysfits_stream.provision.resources.topic import Topic
from tests.support.clock import Clock
from tests.support.deployment import Deployment
from tests.support.packages import package

EMAIL = Config(alarms=AlarmsConfig(email="me@example.com"))
CLICK = {"userId": "ann", "mysfitId": "4e53920c-505a-4a90-a694-b9300791f0ae"}
HOUR = 3600.0


class Silent:
    """Progress that nobody watches."""

    def notify(self, progress: Any) -> None: ...

    def waiting(self, name: str, text: str) -> None: ...


@pytest.fixture
def watched(deployment: Deployment) -> Deployment:
    """A stack with alarms, after an hour with clicks."""
    deployment.config = EMAIL
    deployment.deploy()
    for _ in range(4):
        pass_quarter(deployment)
    assert ringing(deployment) == set()
    return deployment


def pass_quarter(deployment: Deployment, *, clicks: int = 1) -> list[requests.Response]:
    """A quarter of an hour, with a click at its beginning."""
    answers = [deployment.put(CLICK) for _ in range(clicks)]
    for _ in range(15):
        deployment.cloud.advance(60)
    return answers


def soon(deployment: Deployment) -> None:
    """Both buffers, and the retries of an invocation."""
    for _ in range(4):
        deployment.cloud.advance(60)


def ringing(deployment: Deployment) -> set[str]:
    """The kinds of the alarms that ring."""
    states = alarm_states(deployment.config, deployment.target.client("cloudwatch"))
    assert len(states) == len(kinds(deployment.config))
    return {state.kind.name for state in states if state.rings}


def take_policy(deployment: Deployment, role: str) -> None:
    iam = deployment.target.clients.iam
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)


def nobody_clicks(deployment: Deployment) -> None:
    for _ in range(5):
        pass_quarter(deployment, clicks=0)


def the_api_may_not_put_records(deployment: Deployment) -> None:
    take_policy(deployment, deployment.names.api_role)
    assert deployment.put(CLICK).status_code >= 500


def the_processor_raises(deployment: Deployment) -> None:
    function = deployment.target.clients.function
    function.update_function_configuration(
        FunctionName=deployment.names.function, Environment={"Variables": {}}
    )
    repoint(deployment)
    deployment.put(CLICK)
    soon(deployment)


def the_processor_times_out(deployment: Deployment) -> None:
    function, name = deployment.target.clients.function, deployment.names.function
    slow = package("import time\ndef handler(event, context):\n    time.sleep(60)\n")
    function.update_function_code(FunctionName=name, ZipFile=slow.zip_bytes)
    function.update_function_configuration(FunctionName=name, Timeout=1)
    repoint(deployment)
    deployment.put(CLICK)
    soon(deployment)


def repoint(deployment: Deployment) -> None:
    """Let the alias name the code and settings as they are now."""
    function = deployment.target.clients.function
    version = function.publish_version(FunctionName=deployment.names.function)["Version"]
    for alias in function.list_aliases(FunctionName=deployment.names.function)["Aliases"]:
        function.update_alias(
            FunctionName=deployment.names.function, Name=alias["Name"], FunctionVersion=version
        )


def the_concurrency_is_used_up(deployment: Deployment) -> None:
    deployment.target.clients.function.put_function_concurrency(
        FunctionName=deployment.names.function, ReservedConcurrentExecutions=0
    )
    deployment.put(CLICK)
    soon(deployment)


def a_record_is_no_click(deployment: Deployment) -> None:
    deployment.target.clients.firehose.put_record(
        DeliveryStreamName=deployment.names.stream, Record={"Data": b"no click"}
    )
    soon(deployment)


def the_delivery_role_may_not_write(deployment: Deployment) -> None:
    """Invocations go on, and writes do not."""
    iam, role = deployment.target.clients.iam, deployment.names.delivery_role
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document: Any = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    kept = [each for each in document["Statement"] if "s3:PutObject" not in each["Action"]]
    text = json.dumps({**document, "Statement": kept})
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)
    deployment.put(CLICK)
    soon(deployment)


def the_bucket_is_gone(deployment: Deployment) -> None:
    s3, bucket = deployment.target.clients.s3, deployment.names.bucket
    for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=bucket)
    deployment.put(CLICK)
    soon(deployment)


def delivery_was_late(deployment: Deployment) -> None:
    """The bucket is written again after half an hour: only the age of the oldest record tells."""
    iam, role = deployment.target.clients.iam, deployment.names.delivery_role
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    before: Any = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    the_delivery_role_may_not_write(deployment)
    for _ in range(2):
        pass_quarter(deployment)
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(before))
    while "delivery" in ringing(deployment):
        deployment.cloud.advance(60)


def firehose_throttles(deployment: Deployment) -> None:
    deployment.cloud.cloud.faults.add(
        FaultRule("PutRecord", code="ServiceUnavailableException", message="Slow down.", status=503)
    )
    assert deployment.put(CLICK).status_code == 503
    assert deployment.put(CLICK).status_code == 200


FAULTS: dict[str, tuple[Callable[[Deployment], None], set[str]]] = {
    "nobody clicks": (nobody_clicks, {"quiet"}),
    "the API may not put records": (the_api_may_not_put_records, {"api-5xx"}),
    # Browsers get a 503, so that both ring.
    "Firehose throttles": (firehose_throttles, {"throttled-records", "api-5xx"}),
    "the processor raises": (the_processor_raises, {"processor-errors"}),
    "the processor times out": (the_processor_times_out, {"processor-errors"}),
    "Lambda's concurrency is used up": (the_concurrency_is_used_up, {"processor-throttles"}),
    "a record is no click": (a_record_is_no_click, {"failed-clicks"}),
    "the delivery role may not write": (the_delivery_role_may_not_write, {"delivery"}),
    "the bucket is gone": (the_bucket_is_gone, {"delivery"}),
    "delivery was late": (delivery_was_late, {"freshness"}),
}


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "right"), FAULTS.values(), ids=FAULTS)
def test_the_right_alarm_rings_and_no_other(
    watched: Deployment, fault: Callable[[Deployment], None], right: set[str]
) -> None:
    fault(watched)
    assert ringing(watched) == right


def test_every_alarm_has_a_fault_here_and_every_fault_a_row_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "production.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!what happens)[^|]+ \| ([^|]+) \| [^|]+ \|$", page, re.MULTILINE)
    documented = [set(re.findall(r"`([a-z0-9-]+)`", cell)) for cell in rows]
    assert set(map(frozenset, documented)) == {frozenset(right) for _, right in FAULTS.values()}
    assert set().union(*documented) == {kind.name for kind in kinds(EMAIL)}


@pytest.mark.slow
def test_no_alarm_rings_on_a_healthy_day(deployment: Deployment) -> None:
    deployment.config = EMAIL
    deployment.deploy()
    pass_quarter(deployment)
    for _ in range(95):
        pass_quarter(deployment)
        assert ringing(deployment) == set()


@pytest.mark.slow
def test_a_pause_rings_within_the_usual_hours_and_not_before(deployment: Deployment) -> None:
    now = datetime.fromtimestamp(deployment.cloud.clock(), UTC)
    begin = now + timedelta(hours=3)
    hours = f"{begin:%H}:00-{begin + timedelta(hours=4):%H}:00"
    deployment.config = Config(alarms=AlarmsConfig(email="me@example.com", usual_hours=hours))
    deployment.deploy()
    assert set(deployment.statuses().values()) == {"in-sync"}
    pass_quarter(deployment)
    heard = {}
    while deployment.cloud.clock() < begin.timestamp() + 1.5 * HOUR:
        pass_quarter(deployment, clicks=0)
        heard[datetime.fromtimestamp(deployment.cloud.clock(), UTC)] = ringing(deployment)
    full_hour = begin.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    assert {moment for moment, found in heard.items() if found == {"quiet"}} == {
        moment for moment in heard if moment >= full_hour
    }
    pass_quarter(deployment)
    assert ringing(deployment) == set()


@pytest.mark.slow
def test_an_alarm_is_over_once_the_fault_is(watched: Deployment) -> None:
    nobody_clicks(watched)
    assert ringing(watched) == {"quiet"}
    pass_quarter(watched)
    assert ringing(watched) == set()


# Commands


@pytest.fixture
def notes() -> list[str]:
    return []


def project(deployment: Deployment, notes: list[str], config: Config) -> Project:
    deployment.config = config
    return Project(config, deployment.directory, deployment.target, notes.append)


@pytest.mark.slow
def test_status_shows_what_rings_and_doctor_explains_it(deployment: Deployment, notes: list[str]) -> None:
    stack = project(deployment, notes, EMAIL)
    up(stack, Silent())
    pass_quarter(deployment)
    found = status(stack)
    assert found.in_sync
    assert [state.state for state in found.alarms] == ["OK"] * 8
    assert "alarms    0 of 8 ring" in "\n".join(map(str, rendering.status(found, None, verbose=False)))
    the_api_may_not_put_records(deployment)
    found = status(stack)
    [ringing] = [state for state in found.document()["alarms"] if state["state"] == "ALARM"]
    assert (ringing["kind"], ringing["link"]) == ("api-5xx", "api")
    assert ringing["command"] == "mysfits-stream doctor --send"
    text = "\n".join(map(str, rendering.status(found, None, verbose=False)))
    assert "alarms    1 of 8 ring" in text and "mysfits-clicks-api-5xx" in text and "doctor --send" in text
    links = doctor_alarms.links(EMAIL, deployment.target.client("cloudwatch"), stack.build().alarm_topic)
    rings, address = list(links)
    assert (rings.name, rings.status) == ("alarm-api-5xx", "warning")
    assert "clicks are not stored" in rings.detail and "doctor --send" in rings.advice
    assert address.name == "alarm-topic" and "me@example.com" in address.detail


@pytest.mark.slow
def test_an_address_that_is_not_confirmed_is_said_by_up_and_status(
    deployment: Deployment, notes: list[str]
) -> None:
    stack = project(deployment, notes, EMAIL)
    for command in (lambda: up(stack, Silent()), lambda: status(stack)):
        notes.clear()
        command()
        [note] = notes
        assert "me@example.com gets no alarm before the link in AWS's email is followed" in note


@pytest.mark.slow
def test_alarms_that_are_turned_off_are_deleted_and_so_is_a_topic_that_another_replaces(
    deployment: Deployment, notes: list[str]
) -> None:
    up(project(deployment, notes, EMAIL), Silent())
    cloudwatch, sns = (deployment.target.client(name) for name in ("cloudwatch", "sns"))
    theirs = sns.create_topic(Name="ours")["TopicArn"]
    up(project(deployment, notes, Config(alarms=AlarmsConfig(topic=theirs))), Silent())
    assert [topic["TopicArn"] for topic in sns.list_topics()["Topics"]] == [theirs]
    found = cloudwatch.describe_alarms()["MetricAlarms"]
    assert len(found) == 8
    assert {action for alarm in found for action in alarm["AlarmActions"]} == {theirs}
    up(project(deployment, notes, Config()), Silent())
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
    assert status(project(deployment, notes, Config())).in_sync


@pytest.mark.slow
def test_down_deletes_alarms_and_topic_and_leaves_a_topic_of_the_users(
    deployment: Deployment, notes: list[str]
) -> None:
    sns = deployment.target.client("sns")
    theirs = sns.create_topic(Name="ours")["TopicArn"]
    stack = project(deployment, notes, EMAIL)
    up(stack, Silent())
    removal = plan_removal(stack, keep_data=False, delete_repository=False, count=False)
    down(stack, removal, Silent(), delete_data=True)
    assert deployment.target.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert [topic["TopicArn"] for topic in sns.list_topics()["Topics"]] == [theirs]


@pytest.mark.slow
def test_without_alarms_neither_service_is_called(deployment: Deployment, notes: list[str]) -> None:
    stack = project(deployment, notes, Config())
    up(stack, Silent())
    status(stack)
    alien = {"PutMetricAlarm", "DescribeAlarms", "CreateTopic", "ListSubscriptionsByTopic"}
    assert not alien & set(deployment.calls)
    assert "DescribeMetricFilters" not in deployment.calls and "PutMetricFilter" not in deployment.calls


def test_an_address_and_a_topic_together_are_an_error_that_names_both() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:ours"
    with pytest.raises(ConfigError, match=r"alarms\.email and alarms\.topic"):
        parse({"alarms": {"email": "me@example.com", "topic": topic}})


@pytest.mark.parametrize("kind", kinds(EMAIL), ids=lambda kind: kind.name)
def test_each_description_says_the_link_and_the_command(kind: Any) -> None:
    assert f"(link {kind.link}). Next: mysfits-stream " in kind.description


# Answers that the local cloud does not give


class Sns:
    """SNS with subscriptions as given; notes what is asked of it."""

    def __init__(self, *subscriptions: tuple[str, str]) -> None:
        self.subscriptions = subscriptions
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def list_tags_for_resource(self, ResourceArn: str) -> Any:
        return {"Tags": [{"Key": "mysfits-stream:stack", "Value": "mysfits-clicks"}]}

    def get_paginator(self, operation: str) -> Any:
        found = [
            {"Protocol": "email", "Endpoint": endpoint, "SubscriptionArn": arn}
            for endpoint, arn in self.subscriptions
        ]

        class Pages:
            def paginate(self, **_: Any) -> list[Any]:
                return [{"Subscriptions": found[:1]}, {"Subscriptions": found[1:]}]

        return Pages()

    def unsubscribe(self, **given: Any) -> None:
        self.asked.append(("unsubscribe", given))

    def subscribe(self, **given: Any) -> None:
        self.asked.append(("subscribe", given))


def topic(deployment: Deployment, sns: Sns) -> Topic:
    deployment.config = EMAIL
    built: Topic = deployment.resource("alarm-topic")
    clients = replace(built.placement.clients, sns=sns)  # type: ignore[arg-type]
    return replace(built, placement=replace(built.placement, clients=clients, pace=Pace()))


CONFIRMED = "arn:aws:sns:eu-west-1:123456789012:t:1"


@pytest.mark.parametrize(
    ("subscriptions", "endpoints", "is_pending"),
    [
        ([("me@example.com", CONFIRMED)], ["me@example.com"], False),
        ([("me@example.com", "PendingConfirmation")], ["me@example.com"], True),
        ([("me@example.com", "Deleted")], [], False),
        (
            [("old@example.com", "PendingConfirmation"), ("me@example.com", CONFIRMED)],
            ["me@example.com"],
            False,
        ),
        (
            [("old@example.com", CONFIRMED), ("me@example.com", CONFIRMED)],
            ["me@example.com", "old@example.com"],
            False,
        ),
    ],
)
def test_a_subscription_counts_unless_it_is_deleted_or_anothers_and_pending(
    deployment: Deployment,
    subscriptions: list[tuple[str, str]],
    endpoints: list[str],
    is_pending: bool,
) -> None:
    found = topic(deployment, Sns(*subscriptions))
    observed = found.read()
    assert observed
    assert [each["Endpoint"] for each in observed.properties["Subscription"]] == endpoints
    assert found.is_pending() is is_pending


def test_a_confirmed_address_that_is_not_configured_any_more_is_unsubscribed(deployment: Deployment) -> None:
    sns = Sns(("old@example.com", CONFIRMED), ("late@example.com", "PendingConfirmation"))
    changed = topic(deployment, sns)
    changed.update({"Subscription": ([], [])})
    assert sns.asked == [
        ("unsubscribe", {"SubscriptionArn": CONFIRMED}),
        ("subscribe", {"TopicArn": changed.arn, "Protocol": "email", "Endpoint": "me@example.com"}),
    ]


class Busy:
    """CloudWatch that throttles the first writes."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.puts = 0

    def put_metric_alarm(self, **_: Any) -> None:
        self.puts += 1
        if self.puts <= self.times:
            answer: Any = {"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}
            raise ClientError(answer, "PutMetricAlarm")


def test_an_alarm_waits_while_cloudwatch_throttles(deployment: Deployment) -> None:
    deployment.config = EMAIL
    alarm, busy, waits = deployment.resource("alarm-quiet"), Busy(5), Clock()
    clients = replace(alarm.placement.clients, cloudwatch=busy)
    pace = Pace(sleep=waits.advance, clock=waits)
    replace(alarm, placement=replace(alarm.placement, clients=clients, pace=pace)).create()
    assert busy.puts == 6
