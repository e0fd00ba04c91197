"""AWS's moods, one by one, each on a clock that the test moves."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mysfits_stream.localcloud.aws_behavior.chance import Chance
from mysfits_stream.localcloud.aws_behavior.deployments import AGAIN, FIRST, Deployments
from mysfits_stream.localcloud.aws_behavior.lifecycle import DURATIONS, Lifecycle
from mysfits_stream.localcloud.aws_behavior.lost_answers import LostAnswers
from mysfits_stream.localcloud.aws_behavior.propagation import (
    ASSUMABLE,
    FIREHOSE_POLICY_WORDING,
    FIREHOSE_WORDINGS,
    LAMBDA_WORDINGS,
    POLICY_LAG,
    TAIL,
    Propagation,
)
from mysfits_stream.localcloud.aws_behavior.quotas import Quotas
from mysfits_stream.localcloud.aws_behavior.reads import LINGERS, MAKES, NAME_HELD, Reads
from mysfits_stream.localcloud.execute_api.deployed import DeployedApi, Stage
from mysfits_stream.localcloud.http.calls import Call, identify
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.localcloud.http.refusals import Cut
from mysfits_stream.localcloud.iam import Role
from tests.support.clock import Clock

REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/r"
SEEDS = range(20)
OK = Response(200)


def trusting(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return {"Statement": [statement]}


POLICY = {"Statement": [{"Effect": "Allow", "Action": "firehose:PutRecord", "Resource": "*"}]}


# Which call a request is

SIGNED = [
    ("PUT", "/b", "", "s3", "CreateBucket", "b"),
    ("PUT", "/b", "tagging", "s3", "PutBucketTagging", "b"),
    ("GET", "/b", "list-type=2&prefix=x", "s3", "ListObjectsV2", "b"),
    ("GET", "/b", "versions", "s3", "ListObjectVersions", "b"),
    ("POST", "/b", "delete", "s3", "DeleteObjects", "b"),
    ("PUT", "/b/some/key", "", "s3", "PutObject", "b"),
    ("DELETE", "/b", "", "s3", "DeleteBucket", "b"),
    ("POST", "/restapis", "", "apigateway", "CreateRestApi", ""),
    ("PUT", "/restapis/a1", "mode=overwrite", "apigateway", "PutRestApi", "a1"),
    ("PATCH", "/restapis/a1/stages/prod", "", "apigateway", "UpdateStage", "a1"),
    ("GET", "/restapis/a1/resources", "embed=methods", "apigateway", "GetResources", "a1"),
    ("PUT", "/2015-03-31/functions/f/code", "", "lambda", "UpdateFunctionCode", "f"),
    ("POST", "/2015-03-31/functions/f/invocations", "", "lambda", "Invoke", "f"),
    (
        "GET",
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Ax%3A1%3Afunction%3Af",
        "",
        "lambda",
        "GetFunction",
        "f",
    ),
]


@pytest.mark.parametrize(("method", "path", "query", "service", "operation", "resource"), SIGNED)
def test_a_request_by_path_is_told_by_botocores_model(
    method: str, path: str, query: str, service: str, operation: str, resource: str
) -> None:
    assert identify(signed(service, method, path, query)) == Call(service, operation, REGION, resource)


def test_a_copy_is_told_by_its_header() -> None:
    request = signed("s3", "PUT", "/b/k")
    copy = dataclasses.replace(request, headers={**request.headers, "x-amz-copy-source": "b/j"})
    assert (identify(request), identify(copy)) == (
        Call("s3", "PutObject", REGION, "b"),
        Call("s3", "CopyObject", REGION, "b"),
    )


def test_what_is_not_signed_is_no_call() -> None:
    assert identify(Request("GET", "/b")) is None


def signed(service: str, method: str, path: str, query: str = "") -> Request:
    scope = f"AWS4-HMAC-SHA256 Credential=k/20260101/{REGION}/{service}/aws4_request"
    return Request(method, path, query, {"authorization": scope})


# Propagation


@dataclasses.dataclass
class Roles:
    """IAM with one role, and its propagation."""

    clock: Clock
    role: Role | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        self.propagation = Propagation(self.clock, Chance(self.seed), lambda arn: self.role)

    def change(self, operation: str, role: Role | None) -> None:
        def answer() -> Response:
            self.role = role
            return OK

        self.propagation.around(Call("iam", operation, REGION, "r"), ROLE, answer)


FIREHOSE_CREATES = Call(
    "firehose",
    "CreateDeliveryStream",
    REGION,
    "s",
    {"ExtendedS3DestinationConfiguration": {"RoleARN": ROLE}},
)
LAMBDA_CREATES = Call("lambda", "CreateFunction", REGION, "f", {"Role": ROLE})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_new_role_is_assumable_after_a_while(seed: int) -> None:
    roles = Roles(Clock(0), seed=seed)
    roles.change("CreateRole", Role(trusting("lambda.amazonaws.com"), ()))
    roles.clock.advance(ASSUMABLE[0] - 0.1)
    assert roles.propagation.in_force(ROLE) is None
    roles.clock.advance(TAIL[1])
    assert roles.propagation.in_force(ROLE) == roles.role


@pytest.mark.parametrize("seed", SEEDS)
def test_a_policy_is_in_force_after_its_role(seed: int) -> None:
    roles = Roles(Clock(0), seed=seed)
    bare = Role(trusting("apigateway.amazonaws.com"), ())
    roles.change("CreateRole", bare)
    roles.change("PutRolePolicy", dataclasses.replace(bare, policies=(POLICY,)))
    seen = []
    for _ in range(60):
        seen.append(roles.propagation.in_force(ROLE))
        roles.clock.advance(1)
    assert seen[0] is None
    assert seen[-1] == roles.role
    assert seen == sorted(seen, key=lambda role: (role is not None, len(role.policies) if role else 0))


def test_a_change_of_a_policy_is_in_force_some_seconds_later() -> None:
    roles = Roles(Clock(0), Role(trusting("apigateway.amazonaws.com"), (POLICY,)))
    roles.change("PutRolePolicy", Role(trusting("apigateway.amazonaws.com"), ()))
    in_force = roles.propagation.in_force(ROLE)
    assert in_force and in_force.policies == (POLICY,)
    roles.clock.advance(POLICY_LAG[1])
    assert roles.propagation.in_force(ROLE) == roles.role


def test_a_name_that_was_a_roles_before_propagates_faster() -> None:
    roles = Roles(Clock(0))
    role = Role(trusting("lambda.amazonaws.com"), ())
    roles.change("CreateRole", role)
    roles.clock.advance(100)
    roles.change("DeleteRole", None)
    roles.clock.advance(100)
    roles.change("CreateRole", role)
    roles.clock.advance(TAIL[1] / 5)
    assert roles.propagation.in_force(ROLE) == role


USES: list[tuple[Call, tuple[str, ...], str]] = [
    (FIREHOSE_CREATES, FIREHOSE_WORDINGS, "firehose.amazonaws.com"),
    (LAMBDA_CREATES, LAMBDA_WORDINGS, "lambda.amazonaws.com"),
]


@pytest.mark.parametrize(("call", "wordings", "service"), USES)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_role_is_refused_in_changing_words_until_it_is_in_force(
    call: Call, wordings: tuple[str, ...], service: str, seed: int
) -> None:
    roles = Roles(Clock(0), seed=seed)
    roles.change("CreateRole", Role(trusting(service), ()))
    refusals = []
    while refusal := roles.propagation.refusal(call):
        refusals.append(refusal)
        roles.clock.advance(0.5)
    messages = {r.json().get("message") for r in refusals if r.body}
    assert messages <= {wording.format(role=ROLE) for wording in wordings}
    assert len(messages) > 1
    assert [r.status for r in refusals if not r.body] == [500], "one empty answer in their midst"
    assert ASSUMABLE[0] <= roles.clock.now <= TAIL[1] + 0.5


def test_a_policy_is_refused_in_words_of_its_own_until_it_is_in_force() -> None:
    bare = Role(trusting("firehose.amazonaws.com"), ())
    roles = Roles(Clock(0), bare)
    roles.change("PutRolePolicy", dataclasses.replace(bare, policies=(POLICY,)))
    messages = set()
    while refusal := roles.propagation.refusal(FIREHOSE_CREATES):
        messages.add(refusal.json()["message"] if refusal.body else "")
        roles.clock.advance(0.5)
    assert messages - {""} == {FIREHOSE_POLICY_WORDING}
    assert roles.clock.now <= POLICY_LAG[1] + 0.5


def test_a_role_that_will_never_do_is_not_a_matter_of_time() -> None:
    roles = Roles(Clock(0))
    roles.change("CreateRole", Role(trusting("ec2.amazonaws.com"), ()))
    assert roles.propagation.refusal(FIREHOSE_CREATES) is None, "the service itself refuses it"
    roles.change("DeleteRole", None)
    assert roles.propagation.refusal(FIREHOSE_CREATES) is None


# Quotas


def test_one_api_may_be_deleted_in_thirty_seconds() -> None:
    clock = Clock(0)
    quotas = Quotas(clock)
    call = Call("apigateway", "DeleteRestApi", REGION, "a")
    assert quotas.refusal(call) is None
    clock.advance(4)
    refused = quotas.refusal(call)
    assert refused
    assert (refused.status, refused.headers["Retry-After"]) == (429, "26")
    assert refused.headers["x-amzn-ErrorType"] == "TooManyRequestsException"
    assert quotas.refusal(dataclasses.replace(call, region="eu-west-2")) is None, "a region of its own"
    clock.advance(26)
    assert quotas.refusal(call) is None


RATES = [
    ("apigateway", "CreateDeployment", 1, 5.0),
    ("apigateway", "CreateRestApi", 1, 3.0),
    ("apigateway", "PutRestApi", 1, 1.0),
    ("apigateway", "UpdateAccount", 1, 20.0),
    ("apigateway", "GetStage", 40, 0.1),
    ("firehose", "DescribeDeliveryStream", 5, 0.2),
    ("lambda", "GetFunction", 15, 1 / 15),
]


@pytest.mark.parametrize(("service", "operation", "burst", "seconds"), RATES)
def test_a_quota_lets_a_burst_pass_and_then_one_by_one(
    service: str, operation: str, burst: int, seconds: float
) -> None:
    clock = Clock(0)
    quotas = Quotas(clock)
    call = Call(service, operation, REGION)
    assert [quotas.refusal(call) for _ in range(burst)] == [None] * burst
    assert quotas.refusal(call) is not None
    clock.advance(seconds)
    assert quotas.refusal(call) is None
    assert quotas.refusal(call) is not None


@pytest.mark.parametrize(
    ("service", "operation"), [("lambda", "Invoke"), ("firehose", "PutRecord"), ("s3", "X")]
)
def test_the_data_plane_has_no_such_quota(service: str, operation: str) -> None:
    quotas = Quotas(Clock(0))
    assert not any(quotas.refusal(Call(service, operation, REGION)) for _ in range(200))


# Reads


@dataclasses.dataclass
class Replicas:
    """A service that makes whatever it is asked for, and its reads."""

    clock: Clock
    seed: int

    def __post_init__(self) -> None:
        self.reads = Reads(self.clock, Chance(self.seed), "123456789012")

    def ask(self, service: str, operation: str, response: Response = OK) -> Response:
        return self.reads.around(Call(service, operation, REGION, "n"), lambda: response)


MADE = [
    ("iam", "CreateRole", "GetRole", 404),
    ("iam", "CreateRole", "PutRolePolicy", 404),
    ("lambda", "CreateFunction", "GetFunction", 404),
    ("firehose", "CreateDeliveryStream", "DescribeDeliveryStream", 400),
    ("s3", "CreateBucket", "PutBucketTagging", 404),
]


@pytest.mark.parametrize(("service", "create", "read", "status"), MADE)
def test_a_read_may_miss_what_was_just_made(service: str, create: str, read: str, status: int) -> None:
    missed = 0
    for seed in SEEDS:
        replicas = Replicas(Clock(0), seed)
        assert replicas.ask(service, create) is OK
        statuses = {replicas.ask(service, read).status for _ in range(10)}
        assert statuses <= {200, status, 409}
        missed += status in statuses
        replicas.clock.advance(MAKES[create][1])
        assert {replicas.ask(service, read).status for _ in range(10)} == {200}
    assert missed > len(SEEDS) / 4


@pytest.mark.parametrize(("service", "create", "read"), [row[:3] for row in MADE[2:4]])
def test_what_lambda_and_firehose_have_shown_they_show_again(service: str, create: str, read: str) -> None:
    for seed in SEEDS:
        replicas = Replicas(Clock(0), seed)
        replicas.ask(service, create)
        statuses = [replicas.ask(service, read).status for _ in range(12)]
        assert 200 in statuses
        assert set(statuses[statuses.index(200) :]) == {200}


def test_a_new_buckets_settings_may_meet_another_change_of_it() -> None:
    busy = []
    for seed in SEEDS:
        replicas = Replicas(Clock(0), seed)
        replicas.ask("s3", "CreateBucket")
        answers = [replicas.ask("s3", "PutBucketVersioning") for _ in range(10)]
        busy += [answer for answer in answers if answer.status == 409]
        replicas.clock.advance(MAKES["CreateBucket"][1])
        assert replicas.ask("s3", "PutBucketVersioning") is OK
    assert len(busy) > len(SEEDS) / 4
    assert all(b"<Code>OperationAborted</Code>" in answer.body for answer in busy)


def test_a_new_roles_arn_may_show_its_unique_id() -> None:
    answer = Response(200, body=b"<Role><RoleId>AROA1</RoleId><Arn>arn:aws:iam::1:role/n</Arn></Role>")
    bodies = set()
    for seed in SEEDS:
        replicas = Replicas(Clock(0), seed)
        replicas.ask("iam", "CreateRole")
        bodies |= {replicas.ask("iam", "GetRole", answer).body for _ in range(10)}
        replicas.clock.advance(10)
        assert replicas.ask("iam", "GetRole", answer) is answer
    assert b"<Role><RoleId>AROA1</RoleId><Arn>AROA1</Arn></Role>" in bodies


def test_a_deleted_bucket_lingers_and_holds_its_name() -> None:
    for seed in SEEDS:
        replicas = Replicas(Clock(0), seed)
        replicas.ask("s3", "DeleteBucket")
        assert replicas.ask("s3", "HeadBucket", Response(404)).status == 200
        refused = replicas.ask("s3", "CreateBucket")
        assert b"OperationAborted" in refused.body
        replicas.clock.advance(LINGERS[1])
        assert replicas.ask("s3", "HeadBucket", Response(404)).status == 404
        replicas.clock.advance(NAME_HELD[1])
        assert replicas.ask("s3", "CreateBucket") is OK


# Lifecycle, deployments, lost answers


@pytest.mark.parametrize(("service", "transition"), DURATIONS)
def test_every_transition_takes_its_time_and_the_same_for_a_seed(service: str, transition: str) -> None:
    low, high = DURATIONS[service, transition]
    arn = f"arn:aws:{service}:eu-west-1:1:x"
    for seed in SEEDS:
        first, again = Lifecycle(Chance(seed)), Lifecycle(Chance(seed))
        seconds = [first.seconds(transition, arn) for _ in range(3)]
        assert all(low <= each <= high for each in seconds)
        assert seconds == [again.seconds(transition, arn) for _ in range(3)]
        assert len(set(seconds)) == 3


@dataclasses.dataclass
class OneStage:
    """An API with one stage, and its data plane."""

    clock: Clock
    seed: int
    id: str = "a"
    current: DeployedApi | None = None

    def __post_init__(self) -> None:
        self.plane = Deployments(self.clock, Chance(self.seed), lambda api, stage: self.current)

    def deploy(self, operation: str, identifier: str) -> None:
        def answer() -> Response:
            self.current = DeployedApi(self.id, "1", REGION, (), {}, {}, (), Stage("prod", identifier))
            return OK

        self.plane.around(Call("apigateway", operation, REGION, self.id, {"stageName": "prod"}), answer)

    def served(self) -> str | None:
        deployed = self.plane.served(self.id, "prod")
        return deployed.stage.deployment_id if deployed else None


def test_a_new_stage_answers_late_and_a_new_deployment_by_and_by() -> None:
    for seed in SEEDS:
        api = OneStage(Clock(0), seed)
        api.deploy("CreateStage", "d1")
        assert (api.served(), api.plane.is_late("a", "prod")) == (None, True)
        api.clock.advance(FIRST[1])
        assert (api.served(), api.plane.is_late("a", "prod")) == ("d1", False)
        api.deploy("UpdateStage", "d2")
        assert {api.served() for _ in range(50)} == {"d1", "d2"}
        api.clock.advance(AGAIN[1])
        assert {api.served() for _ in range(50)} == {"d2"}


def test_old_and_new_take_turns_alike_for_a_seed_whatever_the_apis_id() -> None:
    turns = []
    for identifier in ("a", "b"):
        api = OneStage(Clock(0), 7, identifier)
        api.deploy("CreateStage", "d1")
        api.clock.advance(FIRST[1])
        api.deploy("UpdateStage", "d2")
        turns.append([api.served() for _ in range(30)])
    assert turns[0] == turns[1]
    assert set(turns[0]) == {"d1", "d2"}


def test_a_stage_setting_is_no_deployment() -> None:
    api = OneStage(Clock(0), 1)
    api.deploy("CreateStage", "d1")
    api.clock.advance(FIRST[1])
    api.deploy("UpdateStage", "d1")
    assert {api.served() for _ in range(20)} == {"d1"}


@dataclasses.dataclass
class Creations:
    """Something that is made again and again, over a line that loses answers."""

    seed: int
    made: int = 0

    def __post_init__(self) -> None:
        self.answers = LostAnswers(Chance(self.seed))

    def lost(self, operation: str = "CreateRole", status: int = 200) -> bool:
        def answer() -> Response:
            self.made += 1
            return Response(status)

        try:
            self.answers.around(Call("iam", operation, REGION, "r"), answer)
        except Cut:
            return True
        return False


def test_an_answer_is_lost_at_most_once_and_only_after_the_effect() -> None:
    lost = 0
    for seed in SEEDS:
        creations = Creations(seed)
        lost += sum(creations.lost() for _ in range(5))
        assert creations.made == 5
    assert 0 < lost < len(SEEDS)


@pytest.mark.parametrize(("operation", "status"), [("CreateRole", 409), ("GetRole", 200)])
def test_refusals_and_reads_are_never_lost(operation: str, status: int) -> None:
    assert not any(Creations(seed).lost(operation, status) for seed in SEEDS)
