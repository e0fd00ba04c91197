"""The processor against what Lambda is known to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.aws.waiting import Expired
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision import policies
from mysfits_stream.provision.processor_zip import Package
from mysfits_stream.provision.resource import OWNER_TAG, difference
from mysfits_stream.provision.resources.function import Function
from mysfits_stream.provision.resources.log_group import LogGroup
from mysfits_stream.provision.resources.role import Role
from tests.support.answers import EMPTY_500, Answer, error, ok
from tests.support.clock import Time
from tests.support.scripted import ACCOUNT, Scripted, placement

NAME = "mysfits-clicks-processor"
ROLE_NAME = "mysfits-clicks-eu-west-1-processor"
PACKAGE = Package(b"zip", ())
NOT_FOUND = error(404, "ResourceNotFoundException", f"Function not found: {ACCOUNT.arn('lambda', NAME)}")
EXISTS = error(409, "ResourceConflictException", f"Function already exist: {NAME}")
BUSY = error(
    409,
    "ResourceConflictException",
    "The operation cannot be performed at this time. An update is in progress for resource: "
    + ACCOUNT.arn("lambda", f"function:{NAME}"),
)
PENDING = error(
    409,
    "ResourceConflictException",
    "The operation cannot be performed at this time. "
    "The function is currently in the following state: Pending",
)


def invalid(message: str) -> Answer:
    return error(400, "InvalidParameterValueException", message)


CANNOT_BE_ASSUMED = invalid("The role defined for the function cannot be assumed by Lambda.")
NO_PERMISSIONS = invalid(
    "The provided execution role does not have permissions to call CreateNetworkInterface"
)
THROTTLED = invalid("Lambda was throttled by EC2")
NO_GRANT = invalid(
    "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
    "CreateGrant. Please check your KMS key settings."
)
PASS_ROLE = error(
    403,
    "AccessDeniedException",
    f"User: arn:aws:iam::{ACCOUNT.id}:user/me is not authorized to perform: iam:PassRole on resource: "
    f"arn:aws:iam::{ACCOUNT.id}:role/{ROLE_NAME}",
)


def function(aws: Scripted, time: Time | None = None) -> Function:
    at = placement(aws, time)
    role = Role(
        name="processor-role",
        role_name=ROLE_NAME,
        placement=at,
        trust=policies.trusting("lambda.amazonaws.com"),
        permissions=policies.processor_permissions(ACCOUNT, f"/aws/lambda/{NAME}"),
    )
    group = LogGroup(
        name="processor-logs",
        group_name=f"/aws/lambda/{NAME}",
        placement=at,
        retention_days=30,
    )
    return Function(
        name="processor",
        function_name=NAME,
        placement=at,
        package=lambda: PACKAGE,
        handler="stream_processor.handler",
        runtime="python3.13",
        architecture="arm64",
        memory_mb=256,
        timeout_seconds=60,
        environment=(("MYSFITS_API", "https://mysfits.example.com"),),
        role=role,
        log_group=group,
    )


def configuration(**changed: Any) -> dict[str, Any]:
    return {
        "FunctionName": NAME,
        "FunctionArn": ACCOUNT.arn("lambda", f"function:{NAME}"),
        "Runtime": "python3.13",
        "Role": ACCOUNT.role_arn(ROLE_NAME),
        "Handler": "stream_processor.handler",
        "Timeout": 60,
        "MemorySize": 256,
        "LastModified": "2026-01-02T00:00:00.000+0000",
        "CodeSha256": PACKAGE.sha256,
        "Environment": {"Variables": {"MYSFITS_API": "https://mysfits.example.com"}},
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "Architectures": ["arm64"],
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{NAME}"},
        **changed,
    }


def shown(**changed: Any) -> Answer:
    return ok(Configuration=configuration(**changed), Tags={OWNER_TAG: "mysfits-clicks"})


def state(State: str = "Active", LastUpdateStatus: str = "Successful") -> Answer:
    return ok(**configuration(State=State, LastUpdateStatus=LastUpdateStatus))


def the_role(made: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> Answer:
    return ok(
        Role={
            "Path": "/",
            "RoleName": ROLE_NAME,
            "RoleId": "AROAEXAMPLE",
            "Arn": ACCOUNT.role_arn(ROLE_NAME),
            "CreateDate": made,
        }
    )


MADE = ok(**configuration(State="Pending"))
NO_ROLE = error(404, "NoSuchEntity", f"The role with name {ROLE_NAME} cannot be found.")


def diff(aws: Scripted) -> Mapping[str, Any]:
    resource = function(aws)
    observed = resource.read()
    assert observed
    return difference(observed.properties, resource.desired)


def test_a_function_that_is_as_desired_reads_in_sync() -> None:
    assert diff(Scripted(GetFunction=shown(), GetRole=the_role())) == {}


def test_what_lambda_leaves_out_reads_as_its_default() -> None:
    found = configuration()
    del found["LoggingConfig"], found["Architectures"]
    aws = Scripted(GetFunction=ok(Configuration=found), GetRole=the_role())
    assert diff(aws) == {
        "Architectures": (["x86_64"], ["arm64"]),
        "Tags": ({}, {OWNER_TAG: "mysfits-clicks"}),
    }
    observed = function(aws).read()
    assert observed and observed.owner is None


@pytest.mark.parametrize("verb", ["read", "create"])
def test_an_operators_own_denial_fails_at_once(verb: str) -> None:
    """F132: it has "is not authorized to" in it, and is not propagation."""
    time = Time()
    aws = Scripted(GetFunction=PASS_ROLE, CreateFunction=PASS_ROLE)
    with pytest.raises(ClientError, match="iam:PassRole"):
        getattr(function(aws, time), verb)()
    assert (len(aws.calls), time.slept) == (1, [])


def test_the_role_is_waited_for_while_lambda_changes_its_wording() -> None:
    """F13, F14, with an empty 500 in the middle (F4): one budget for the whole sequence (F5)."""
    time = Time()
    aws = Scripted(
        CreateFunction=[CANNOT_BE_ASSUMED, NO_PERMISSIONS, EMPTY_500, THROTTLED, NO_GRANT, MADE],
        GetFunction=[NOT_FOUND, shown()],
        GetRole=the_role(),
    )
    function(aws, time).create()
    assert time.slept == [0.25, 0.5, 1.0, 1.0, 1.0, 0.25]
    assert time.reports[1] == f"waiting for {ROLE_NAME} to be assumable by Lambda, 0 s of 120 s"
    assert aws.asked("CreateFunction")[0]["Tags"] == {OWNER_TAG: "mysfits-clicks"}


def test_a_role_that_never_is_assumable_ends_in_what_to_check() -> None:
    time = Time()
    with pytest.raises(Expired, match=r"trusts lambda\.amazonaws\.com") as raised:
        function(Scripted(CreateFunction=CANNOT_BE_ASSUMED), time).create()
    assert "cannot be assumed by Lambda" in str(raised.value)
    assert 110 <= time.now <= 120


ROLE_ADVICE = f"check that role {ROLE_NAME} exists and trusts lambda.amazonaws.com"
STATE_ADVICE = f"aws lambda get-function --function-name {NAME} names the reason"


@pytest.mark.parametrize(
    ("script", "act", "waited_for", "advice"),
    [
        (
            {"CreateFunction": CANNOT_BE_ASSUMED},
            Function.create,
            f"{ROLE_NAME} to be assumable by Lambda after 120 s",
            ROLE_ADVICE,
        ),
        (
            {"CreateFunction": MADE, "GetFunction": NOT_FOUND},
            Function.create,
            f"Lambda to return {NAME} after 120 s",
            "check that no other process deletes the function, and run `up` again",
        ),
        (
            {"GetFunctionConfiguration": state(), "UpdateFunctionConfiguration": CANNOT_BE_ASSUMED},
            lambda function: function.update({"Role": ("other", "ours")}),
            f"Lambda to take the new configuration of {NAME} after 120 s",
            f"{ROLE_ADVICE}, and check that no other process updates the function",
        ),
        (
            {"GetFunctionConfiguration": state(), "UpdateFunctionCode": BUSY},
            lambda function: function.update({"CodeSha256": ("old", "new")}),
            f"Lambda to take the new code of {NAME} after 120 s",
            STATE_ADVICE,
        ),
        (
            {"GetFunctionConfiguration": state("Pending")},
            Function.settle,
            f"{NAME} to be Active after 300 s",
            STATE_ADVICE,
        ),
        (
            {"DeleteFunction": BUSY},
            Function.delete,
            f"Lambda to be ready to delete {NAME} after 300 s",
            STATE_ADVICE,
        ),
        (
            {"DeleteFunction": ok(), "GetFunctionConfiguration": state()},
            Function.delete,
            f"Lambda to delete {NAME} after 300 s",
            "check that no other process creates the function again, and run the same command again",
        ),
    ],
    ids=["role", "showing", "configuration", "code", "state", "deletion", "forgetting"],
)
def test_a_wait_that_ends_says_what_to_check(
    script: Any, act: Callable[[Function], None], waited_for: str, advice: str
) -> None:
    with pytest.raises(Expired) as raised:
        act(function(Scripted(**script)))
    said, _, _ = str(raised.value).partition("; last response of AWS")
    assert said == f"still waiting for {waited_for}; {advice}"


def test_another_invalid_parameter_is_not_waited_out() -> None:
    aws = Scripted(CreateFunction=invalid("The runtime parameter of python3.7 is no longer supported"))
    with pytest.raises(ClientError, match="no longer supported"):
        function(aws).create()
    assert len(aws.calls) == 1


def test_a_function_found_made_already_is_no_error() -> None:
    """F6, and F15: the code is that of a busy function, the text is not."""
    time = Time()
    aws = Scripted(CreateFunction=EXISTS, GetFunction=shown(), GetRole=the_role())
    function(aws, time).create()
    assert aws.names() == ["CreateFunction", "GetFunction", "GetRole"]
    assert time.slept == []


def test_configuration_is_settled_before_code_is_sent() -> None:
    """F54, F15."""
    aws = Scripted(
        GetFunctionConfiguration=[
            state("Pending", "InProgress"),
            state(),
            state(LastUpdateStatus="InProgress"),
            state(),
        ],
        UpdateFunctionConfiguration=[BUSY, EMPTY_500, CANNOT_BE_ASSUMED, ok(**configuration())],
        UpdateFunctionCode=[BUSY, PENDING, ok(**configuration())],
    )
    function(aws).update({"Timeout": (3, 60), "CodeSha256": ("old", "new")})
    assert aws.names() == [
        *["GetFunctionConfiguration"] * 2,
        *["UpdateFunctionConfiguration"] * 4,
        *["GetFunctionConfiguration"] * 2,
        *["UpdateFunctionCode"] * 3,
    ]


@pytest.mark.parametrize(
    ("differing", "sent"),
    [("CodeSha256", "UpdateFunctionCode"), ("MemorySize", "UpdateFunctionConfiguration")],
)
def test_only_what_differs_is_sent(differing: str, sent: str) -> None:
    aws = Scripted(GetFunctionConfiguration=state(), **{sent: ok(**configuration())})
    function(aws).update({differing: (None, None)})
    assert aws.names("UpdateFunctionCode", "UpdateFunctionConfiguration") == [sent]


def test_a_pending_function_is_deleted_once_it_can_be() -> None:
    """F15; up to five minutes."""
    time = Time()
    aws = Scripted(
        DeleteFunction=[*[PENDING] * 100, EMPTY_500, ok()],
        GetFunctionConfiguration=[state(), NOT_FOUND],
    )
    function(aws, time).delete()
    assert 130 < time.now < 300
    assert aws.names()[-1] == "GetFunctionConfiguration"


def test_a_function_that_is_gone_is_deleted() -> None:
    function(Scripted(DeleteFunction=NOT_FOUND, GetFunctionConfiguration=NOT_FOUND)).delete()


def test_a_function_settles_when_it_is_active_and_updated() -> None:
    time = Time()
    aws = Scripted(
        GetFunctionConfiguration=[
            state("Pending", "InProgress"),
            state(LastUpdateStatus="InProgress"),
            state(),
        ]
    )
    function(aws, time).settle()
    assert time.reports[-1] == f"waiting for {NAME} to be Active, 0 s of 300 s"


@pytest.mark.parametrize("status", [("Failed", "Successful"), ("Active", "Failed")], ids=" / ".join)
def test_a_failed_function_stops_the_settling_and_is_replaced_by_the_next_up(status: tuple[str, str]) -> None:
    failed = configuration(State=status[0], LastUpdateStatus=status[1], StateReason="Out of luck.")
    aws = Scripted(
        GetFunctionConfiguration=[ok(**failed), NOT_FOUND],
        GetFunction=[ok(Configuration=failed, Tags={OWNER_TAG: "mysfits-clicks"}), shown()],
        GetRole=the_role(),
        DeleteFunction=ok(),
        CreateFunction=MADE,
    )
    with pytest.raises(ProvisionError, match=r"Failed.*: Out of luck; the next `up` replaces it"):
        function(aws).settle()

    resource = function(aws)
    observed = resource.read()
    assert observed
    found = difference(observed.properties, resource.desired)
    assert found == {"State": ("Failed", "Active")}
    resource.update(found)
    assert aws.names("DeleteFunction", "CreateFunction") == ["DeleteFunction", "CreateFunction"]


@pytest.mark.parametrize(
    "role",
    [
        pytest.param(the_role(datetime(2026, 1, 3, tzinfo=UTC)), id="was made again after the function"),
        pytest.param(NO_ROLE, id="is missing, and about to be made again"),
    ],
)
def test_a_function_whose_role(role: Answer) -> None:
    """F55: the grant to decrypt the environment went with the role; a new function gets one."""
    aws = Scripted(
        GetFunction=shown(),
        GetRole=role,
        DeleteFunction=ok(),
        GetFunctionConfiguration=NOT_FOUND,
        CreateFunction=MADE,
    )
    found = diff(aws)
    assert set(found) == {"Role"}
    function(aws).update(dict(found))
    assert aws.names("DeleteFunction", "CreateFunction", "UpdateFunctionConfiguration") == [
        "DeleteFunction",
        "CreateFunction",
    ]


def test_a_function_under_another_role_is_given_its_own_back() -> None:
    """Lambda renews the grant itself when the role's ARN changes (F55)."""
    other = ACCOUNT.role_arn("other")
    aws = Scripted(
        GetFunction=shown(Role=other),
        GetRole=NO_ROLE,
        GetFunctionConfiguration=state(),
        UpdateFunctionConfiguration=ok(**configuration()),
    )
    found = diff(aws)
    assert found == {"Role": (other, ACCOUNT.role_arn(ROLE_NAME))}
    function(aws).update(dict(found))
    assert "UpdateFunctionConfiguration" in aws.names()


def test_a_function_at_work_is_not_settled() -> None:
    for busy in ({"State": "Pending"}, {"LastUpdateStatus": "InProgress"}):
        observed = function(Scripted(GetFunction=shown(**busy), GetRole=the_role())).read()
        assert observed and not observed.settled


def test_an_idle_function_is_no_difference() -> None:
    assert diff(Scripted(GetFunction=shown(State="Inactive"), GetRole=the_role())) == {}


def test_the_log_group_is_named_only_to_mend_it() -> None:
    """What we want is Lambda's default, and some partitions refuse to be told."""
    aws = Scripted(
        CreateFunction=ok(),
        GetFunction=ok(Configuration=configuration(), Tags={}),
        GetFunctionConfiguration=ok(**configuration()),
        GetRole=the_role(),
        UpdateFunctionConfiguration=ok(),
    )
    function(aws).create()
    function(aws).update({"Timeout": (1, 60)})
    function(aws).update({"LoggingConfig": ({}, {})})
    assert ["LoggingConfig" in sent for sent in aws.asked("CreateFunction")] == [False]
    assert ["LoggingConfig" in sent for sent in aws.asked("UpdateFunctionConfiguration")] == [False, True]


def test_an_architecture_that_the_region_lacks_is_said_in_our_setting() -> None:
    refusal = error(
        400,
        "InvalidParameterValueException",
        'Architecture "arm64" is not supported in eu-west-1. Please select "x86_64" for your architecture.',
    )
    time = Time()
    with pytest.raises(ProvisionError, match=r"not supported in eu-west-1.*processor\.architecture"):
        function(Scripted(CreateFunction=refusal), time).create()
    assert time.slept == []


ELSEWHERE = [
    pytest.param({"Layers": [{"Arn": "arn:aws:lambda:eu-west-1:1:layer:x:1"}]}, "Layers", [], id="a layer"),
    pytest.param(
        {"VpcConfig": {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
        "VpcConfig",
        {"SubnetIds": [], "SecurityGroupIds": []},
        id="a VPC",
    ),
    pytest.param(
        {"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-west-1:1:x"}},
        "DeadLetterConfig",
        {"TargetArn": ""},
        id="a dead-letter queue",
    ),
    pytest.param(
        {"FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:x", "LocalMountPath": "/mnt/x"}]},
        "FileSystemConfigs",
        [],
        id="a file system",
    ),
    pytest.param({"EphemeralStorage": {"Size": 1024}}, "EphemeralStorage", {"Size": 512}, id="more storage"),
]


@pytest.mark.parametrize(("drifted", "key", "sent"), ELSEWHERE)
def test_a_setting_that_the_stack_leaves_alone_goes_back_to_lambdas_default(
    drifted: dict[str, Any], key: str, sent: Any
) -> None:
    aws = Scripted(
        GetFunction=shown(**drifted),
        GetRole=the_role(),
        GetFunctionConfiguration=state(),
        UpdateFunctionConfiguration=ok(**configuration()),
    )
    observed = function(aws).read()
    assert observed
    found = difference(observed.properties, function(aws).desired)
    assert list(found) == [key]
    function(aws).update(found)
    [changed] = aws.asked("UpdateFunctionConfiguration")
    assert changed[key] == sent
    assert not {"Layers", "VpcConfig", "DeadLetterConfig"} & changed.keys() - {key}


def test_a_function_outside_every_vpc_reads_in_sync() -> None:
    """Lambda returns empty lists, or nothing."""
    nowhere = {"VpcId": "", "SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": False}
    aws = Scripted(GetFunction=shown(VpcConfig=nowhere, Layers=[], DeadLetterConfig={}), GetRole=the_role())
    observed = function(aws).read()
    assert observed and observed.properties == function(aws).desired


@pytest.mark.parametrize("reserved", [0, 5])
def test_reserved_concurrency_is_given_back(reserved: int) -> None:
    """F65; 0 stops the processor."""
    aws = Scripted(
        GetFunction=ok(
            Configuration=configuration(),
            Tags={OWNER_TAG: "mysfits-clicks"},
            Concurrency={"ReservedConcurrentExecutions": reserved},
        ),
        GetRole=the_role(),
        GetFunctionConfiguration=state(),
        DeleteFunctionConcurrency=ok(),
    )
    observed = function(aws).read()
    assert observed
    found = difference(observed.properties, function(aws).desired)
    assert found == {"ReservedConcurrentExecutions": (reserved, None)}
    function(aws).update(found)
    assert aws.names("DeleteFunctionConcurrency", "UpdateFunctionConfiguration") == [
        "DeleteFunctionConcurrency"
    ]
