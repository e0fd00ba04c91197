"""The alias and its versions against what Lambda is known to answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.aws.waiting import Expired
from mysfits_stream.config import Config
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.resource import difference
from mysfits_stream.provision.resources.alias import Alias
from tests.provision.resources.test_function_answers import (
    BUSY,
    NAME,
    configuration,
    function,
    shown,
    state,
    the_role,
)
from tests.support.answers import EMPTY_500, Answer, error, ok
from tests.support.clock import Time
from tests.support.scripted import ACCOUNT, Scripted, placement

ARN = ACCOUNT.arn("lambda", f"function:{NAME}")
GONE = error(404, "ResourceNotFoundException", f"Cannot find alias arn: {ARN}:live")
NOT_SHOWN = error(404, "ResourceNotFoundException", f"Function not found: {ARN}:3")
EXISTS = error(409, "ResourceConflictException", f"Alias already exists: {ARN}:live")
USED = error(
    409,
    "ResourceConflictException",
    "Unable to delete version because the following aliases reference it: [beta]",
)
PASSED = {
    "records": [
        {"recordId": "smoke-test-malformed", "result": "ProcessingFailed"},
        {"recordId": "smoke-test-click", "result": "Ok", "data": "e30K"},
    ]
}
WITHOUT_CLICK = {"records": PASSED["records"][:1]}
TROUBLE = {"errorType": "ServiceError", "errorMessage": "the Mysfits service is in trouble"}


def alias(aws: Scripted, time: Time | None = None, warnings: list[str] | None = None) -> Alias:
    return Alias(
        name="processor-live",
        placement=placement(aws, time),
        alias_name="live",
        function=function(aws, time),
        definition=Config().definition,
        stream_arn=ACCOUNT.arn("firehose", "deliverystream/mysfits-clicks-clicks"),
        warn=(warnings if warnings is not None else []).append,
    )


def named(version: str = "2", **changed: Any) -> Answer:
    return ok(AliasArn=f"{ARN}:live", Name="live", FunctionVersion=version, **changed)


def version(number: str = "3", **changed: Any) -> dict[str, Any]:
    kept = {key: value for key, value in configuration(**changed).items() if key != "LastUpdateStatus"}
    return {**kept, "Version": number, "FunctionArn": f"{ARN}:{number}"}


def answered(document: Any, error: str = "") -> Answer:
    headers = {"X-Amz-Function-Error": error} if error else {}
    return replace(ok(Payload=json.dumps(document).encode()), headers=headers)


def listed(*numbers: str) -> Answer:
    return ok(Versions=[configuration(Version="$LATEST"), *map(version, numbers)])


def script(**changed: Any) -> Scripted:
    return Scripted(
        **{
            "GetAlias": named(),
            "GetFunction": shown(),
            "GetRole": the_role(),
            "GetFunctionConfiguration": lambda asked: ok(**version(asked.get("Qualifier", "3"))),
            "PublishVersion": ok(**version()),
            "Invoke": answered(PASSED),
            "ListVersionsByFunction": listed("2", "3"),
            "UpdateAlias": named("3"),
            "CreateAlias": named("3"),
            **changed,
        }
    )


def drift(aws: Scripted) -> Any:
    resource = alias(aws)
    observed = resource.read()
    assert observed
    return difference(observed.properties, resource.desired)


def test_an_alias_on_a_version_with_the_desired_content_reads_in_sync() -> None:
    aws = script()
    assert drift(aws) == {}
    assert sorted(aws.names()) == ["GetAlias", "GetFunction", "GetFunctionConfiguration", "GetRole"]
    assert alias(script(GetAlias=GONE)).read() is None


def test_weights_between_two_versions_are_drift_and_end_with_an_update() -> None:
    weights = {"AdditionalVersionWeights": {"1": 0.1}}
    found = drift(script(GetAlias=named(RoutingConfig=weights)))
    assert found == {"RoutingConfig": (weights, {})}
    aws = script()
    alias(aws).update(found)
    [asked] = aws.asked("UpdateAlias")
    assert (asked["FunctionVersion"], asked["RoutingConfig"]) == ("3", {"AdditionalVersionWeights": {}})


def test_an_alias_on_latest_is_drift_whatever_latest_holds() -> None:
    assert set(drift(script(GetAlias=named("$LATEST")))) == {"CodeSha256"}


def test_a_function_that_will_be_replaced_is_drift_of_its_alias() -> None:
    """The function takes its aliases along; the same run has to make the alias anew."""
    failed = script(GetFunction=shown(State="Failed"))
    assert drift(failed) == {"State": ("Failed", "Active")}


def test_a_version_is_tested_before_the_alias_moves() -> None:
    aws = script()
    alias(aws).update({})
    assert aws.names("PublishVersion", "Invoke", "ListVersionsByFunction", "UpdateAlias") == [
        "PublishVersion",
        "Invoke",
        "ListVersionsByFunction",
        "UpdateAlias",
    ]
    [asked] = aws.asked("Invoke")
    assert asked["Qualifier"] == "3"
    assert len(json.loads(asked["Payload"])["records"]) == 2
    [published] = aws.asked("PublishVersion")
    assert published["Description"].startswith("click definition ")
    assert published["CodeSha256"] == alias(aws).desired["CodeSha256"]


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (
            answered(
                {"errorType": "Runtime.ImportModuleError", "errorMessage": "No module named 'x'"}, "Unhandled"
            ),
            "Runtime.ImportModuleError: No module named 'x'",
        ),
        (
            answered(
                {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 60.00 seconds"},
                "Unhandled",
            ),
            "Sandbox.Timedout: Task timed out after 60.00 seconds",
        ),
        (answered(WITHOUT_CLICK), "record ids are missing in the response: smoke-test-click"),
        (answered("text", "Unhandled"), "the function failed: Lambda gives no reason"),
    ],
)
def test_a_version_that_fails_never_gets_the_alias(response: Answer, reason: str) -> None:
    aws = script(Invoke=response)
    with pytest.raises(ProvisionError) as refused:
        alias(aws).update({})
    assert reason in str(refused.value)
    assert "clicks take the way that they took before" in str(refused.value)
    assert aws.names("UpdateAlias", "CreateAlias", "DeleteFunction") == []


def test_a_mysfits_service_in_trouble_is_a_warning() -> None:
    warnings: list[str] = []
    aws = script(Invoke=[answered(TROUBLE, "Unhandled"), answered(WITHOUT_CLICK)])
    alias(aws, warnings=warnings).update({})
    first, second = (json.loads(asked["Payload"])["records"] for asked in aws.asked("Invoke"))
    assert (len(first), len(second)) == (2, 1)
    assert aws.names("UpdateAlias") == ["UpdateAlias"]
    [warning] = warnings
    assert "the Mysfits service is in trouble" in warning


def test_service_trouble_hides_no_broken_contract() -> None:
    aws = script(Invoke=[answered(TROUBLE, "Unhandled"), answered({})])
    with pytest.raises(ProvisionError, match="no list `records`"):
        alias(aws).update({})


def test_what_is_not_shown_or_not_ready_yet_is_waited_for() -> None:
    """F15, F284."""
    time = Time()
    pending = ok(**version(State="Pending"))
    ready = ok(**version())
    throttled = error(429, "TooManyRequestsException", "Rate Exceeded.")
    aws = script(
        PublishVersion=[BUSY, EMPTY_500, ok(**version())],
        GetFunctionConfiguration=[state(), NOT_SHOWN, pending, ready],
        Invoke=[NOT_SHOWN, throttled, answered(PASSED)],
        UpdateAlias=[NOT_SHOWN, named("3")],
    )
    alias(aws, time).update({})
    assert len(aws.asked("UpdateAlias")) == 2
    assert time.slept == [0.25, 0.5, 0.25, 0.5, 0.25, 0.5, 0.25]


def test_an_alias_that_exists_already_is_pointed_to_the_version() -> None:
    """F6, or another run was faster."""
    aws = script(CreateAlias=EXISTS, GetAlias=[GONE, named("3")])
    alias(aws).create()
    assert aws.asked("UpdateAlias")[0]["FunctionVersion"] == "3"


def test_five_versions_stay_and_the_aliass_and_those_of_other_aliases() -> None:
    aws = script(
        GetAlias=named("2"),
        PublishVersion=ok(**version("10")),
        ListVersionsByFunction=listed("10", "9", "8", "7", "6", "5", "4", "3", "2", "1"),
        DeleteFunction=[ok(), USED, ok(), ok()],
    )
    alias(aws).update({})
    assert [asked["Qualifier"] for asked in aws.asked("DeleteFunction")] == ["1", "3", "4", "5"]
    assert all(asked["FunctionName"] == NAME for asked in aws.asked("DeleteFunction"))


def test_a_version_of_somebody_elses_change_is_not_used() -> None:
    aws = script(PublishVersion=ok(**version(MemorySize=512)))
    with pytest.raises(ProvisionError, match="version 3 differs in MemorySize"):
        alias(aws).update({})
    assert aws.names("Invoke", "UpdateAlias") == []


def test_a_version_that_lambda_fails_is_told_with_the_reason() -> None:
    failed = ok(**version(State="Failed", StateReason="The image is gone."))
    aws = script(GetFunctionConfiguration=[state(), failed])
    with pytest.raises(ProvisionError, match="version 3 is Failed: The image is gone; run `up` again"):
        alias(aws).update({})


def test_an_operators_own_denial_fails_at_once() -> None:
    time = Time()
    denied = error(403, "AccessDeniedException", "is not authorized to perform: lambda:InvokeFunction")
    aws = script(Invoke=denied)
    with pytest.raises(ClientError, match="InvokeFunction"):
        alias(aws, time).update({})
    assert time.slept == []


def test_a_version_that_never_shows_ends_in_what_to_check() -> None:
    with pytest.raises(Expired, match=r"Lambda to show version 3 after 60 s.*aws lambda get-alias"):
        alias(script(UpdateAlias=NOT_SHOWN)).update({})


def test_a_deleted_alias_is_waited_for() -> None:
    time = Time()
    aws = script(DeleteAlias=[BUSY, ok()], GetAlias=[named(), GONE])
    alias(aws, time).delete()
    assert time.slept == [0.25, 0.25]
