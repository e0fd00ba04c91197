"""Changes of the clicks API against what API Gateway is known to answer."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.aws.account import Account
from mysfits_stream.aws.waiting import Expired
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.resource import OWNER_TAG
from mysfits_stream.provision.resources.rest_api.stage import DESCRIPTION
from tests.support.answers import EMPTY_500, Answer, error, ok
from tests.support.clock import Time
from tests.support.rest_api import (
    ALLOW_LIST,
    DEFINITION,
    DIGEST,
    ID,
    NO_STAGE,
    NOT_FOUND,
    STACK,
    STORED,
    api,
    listed,
    other,
    put,
    stage,
)
from tests.support.scripted import ACCOUNT, Scripted

CONCURRENT = error(
    409,
    "ConflictException",
    "Unable to complete operation due to concurrent modification. Please try again later.",
)
CONCURRENT_OF_OLD = error(400, "BadRequestException", "Unable to complete: concurrent modification")
THROTTLED = error(429, "TooManyRequestsException", "Too Many Requests", retry_after="7")
THROTTLED_WITHOUT_WORD = error(429, "TooManyRequestsException", "Too Many Requests")
NO_SUCH_STAGE = error(404, "NotFoundException", "Invalid stage identifier specified")
NO_LOGS = ok(logGroups=[])
NO_LOG_GROUP = error(400, "ResourceNotFoundException", "The specified log group does not exist.")
ABORTED = error(400, "OperationAbortedException", "A conflicting operation is in progress, please try again")
ACTIVE_STAGES = error(
    400, "BadRequestException", "Active stages pointing to this deployment must be moved or deleted"
)
DENIED = error(
    403,
    "AccessDeniedException",
    f"User: arn:aws:iam::{ACCOUNT.id}:user/me is not authorized to perform: apigateway:POST on resource: "
    "arn:aws:apigateway:eu-west-1::/restapis",
)


def logged(*names: str) -> Answer:
    return ok(logGroups=[{"logGroupName": f"API-Gateway-Execution-Logs_{name}"} for name in names])


def test_what_an_import_warns_of_is_told() -> None:
    time = Time()
    warned = put(PutRestApi=ok(id=ID, warnings=["maxItems is not supported"]))
    api(Scripted(**warned), time).update({"Models": (None, {})})
    assert "API Gateway warns: maxItems is not supported" in time.reports


@pytest.mark.parametrize("stored", [STORED, json.dumps(ALLOW_LIST)], ids=["escaped", "plain"])
def test_a_put_keeps_the_resource_policy_that_somebody_attached(stored: str) -> None:
    """F150: an overwrite without the policy in its document would remove the policy."""
    aws = Scripted(**put(GetRestApi=ok(id=ID, policy=stored)))
    api(aws).update({"Models": (None, {})})
    sent = json.loads(aws.asked("PutRestApi")[0]["body"])
    assert sent["x-amazon-apigateway-policy"]["Statement"][0]["Condition"] == {
        "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}
    }


def test_a_put_without_a_policy_sends_none() -> None:
    aws = Scripted(**put())
    api(aws).update({"Models": (None, {})})
    assert "x-amazon-apigateway-policy" not in json.loads(aws.asked("PutRestApi")[0]["body"])


def test_settings_are_set_back_and_deployed() -> None:
    aws = Scripted(**put(UpdateRestApi=ok(id=ID)))
    api(aws).update(
        {
            "BinaryMediaTypes": (["image/png", "*/*"], []),
            "MinimumCompressionSize": (0, None),
            "ApiKeySourceType": ("AUTHORIZER", "HEADER"),
            "DisableExecuteApiEndpoint": (True, False),
        }
    )
    [changed] = aws.asked("UpdateRestApi")
    assert changed["patchOperations"] == [
        {"op": "replace", "path": "/minimumCompressionSize", "value": ""},
        {"op": "replace", "path": "/apiKeySource", "value": "HEADER"},
        {"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "false"},
        {"op": "remove", "path": "/binaryMediaTypes/image~1png"},
        {"op": "remove", "path": "/binaryMediaTypes/*~1*"},
    ]
    assert aws.names("UpdateRestApi", "CreateDeployment") == ["UpdateRestApi", "CreateDeployment"]


def test_a_canary_is_removed() -> None:
    aws = Scripted(**put())
    api(aws).update({"CanarySetting": ({"percentTraffic": 10.0}, None)})
    assert aws.asked("UpdateStage")[0]["patchOperations"] == [{"op": "remove", "path": "/canarySettings"}]
    assert "PutRestApi" not in aws.names()


def test_an_api_is_made_tagged_and_regional_then_put_and_deployed_whole() -> None:
    """F46, F107, F108, F109."""
    aws = Scripted(**put(CreateRestApi=ok(id=ID), GetStages=[NO_STAGE, stage()], CreateStage=ok()))
    api(aws).create()
    created = aws.asked("CreateRestApi")[0]
    assert (created["tags"], created["endpointConfiguration"]) == (
        {OWNER_TAG: STACK},
        {"types": ["REGIONAL"]},
    )
    sent = aws.asked("PutRestApi")[0]
    assert (sent["mode"], sent["failOnWarnings"]) == ("overwrite", False)
    # An overwrite takes the name from the document.
    assert json.loads(sent["body"])["info"]["title"] == created["name"] == STACK
    assert aws.asked("CreateStage")[0]["tags"] == {OWNER_TAG: STACK}
    assert aws.asked("CreateDeployment")[0]["description"] == f"{DESCRIPTION}{DIGEST}"
    order = aws.names("CreateRestApi", "PutRestApi", "UpdateModel", "CreateDeployment", "CreateStage")
    assert order == ["CreateRestApi", "PutRestApi", "UpdateModel", "CreateDeployment", "CreateStage"]


def test_the_model_is_set_again_after_an_import_that_drops_its_limits() -> None:
    """F101: an import drops minItems and maxItems; they are set before the deployment."""
    aws = Scripted(**put())
    api(aws).update({"Models": (None, None)})
    patched = aws.asked("UpdateModel")[0]["patchOperations"][0]
    assert json.loads(patched["value"]) == DEFINITION.document()["components"]["schemas"]["Clicks"]
    assert patched["path"] == "/schema"


def test_one_change_of_an_api_at_a_time_is_waited_for() -> None:
    """F20, F20c, with an empty 500 in between (F4)."""
    time = Time()
    aws = Scripted(**put(PutRestApi=[CONCURRENT, CONCURRENT_OF_OLD, EMPTY_500, CONCURRENT, ok(id=ID)]))
    api(aws, time).update({"Methods": (None, None)})
    assert len(aws.asked("PutRestApi")) == 5
    assert time.slept == [0.25, 0.5, 1.0, 1.0]


def test_another_conflict_is_not_waited_out() -> None:
    time = Time()
    with pytest.raises(ClientError, match="already exists"):
        api(
            Scripted(**put(PutRestApi=error(409, "ConflictException", "The name already exists"))), time
        ).update({"Methods": (None, None)})
    assert time.slept == []


def test_changes_that_never_end_are_given_up_after_a_minute() -> None:
    """F20b: bounded."""
    time = Time()
    with pytest.raises(Expired, match=r"after a concurrent change of the API after 60 s; another run"):
        api(Scripted(**put(PutRestApi=CONCURRENT, GetRestApi=ok(id=ID))), time).update(
            {"Methods": (None, None)}
        )
    assert 50 < time.now <= 60


def test_an_api_that_is_gone_is_told_from_one_that_is_busy() -> None:
    """F20b: of an id that does not exist, AWS has said "try again later" too."""
    with pytest.raises(ClientError, match="Invalid API identifier"):
        api(Scripted(**put(PutRestApi=CONCURRENT, GetRestApi=NOT_FOUND))).update({"Methods": (None, None)})


def test_an_api_that_is_gone_is_deleted_even_if_aws_says_that_it_is_busy() -> None:
    aws = Scripted(
        GetRestApis=listed(ID), DeleteRestApi=CONCURRENT, GetRestApi=NOT_FOUND, DescribeLogGroups=NO_LOGS
    )
    api(aws).delete()
    assert aws.names()[-2:] == ["GetRestApi", "DescribeLogGroups"]


def test_the_wait_that_aws_names_is_kept() -> None:
    """F21, F61: Retry-After where AWS sends it, and the quota's 30 s where not."""
    time = Time()
    aws = Scripted(
        GetRestApis=listed(ID),
        DeleteRestApi=[THROTTLED, THROTTLED_WITHOUT_WORD, CONCURRENT, THROTTLED, ok()],
        DescribeLogGroups=NO_LOGS,
    )
    api(aws, time).delete()
    assert time.slept == [7.0, 31.0, 0.25, 7.0]
    assert time.reports[0] == "waiting for API Gateway's quota of one deletion in 30 s, 0 s of 900 s"


def test_quotas_that_the_whole_account_uses_up_are_waited_out_for_long() -> None:
    """F61: ten minutes and more."""
    time = Time()
    aws = Scripted(
        **put(CreateDeployment=[*[error(429, "LimitExceededException", "Rate")] * 20, ok(id="dep2")])
    )
    api(aws, time).update({"Deployment": (None, None)})
    assert time.now == 20 * 31


def test_a_quota_that_never_frees_ends_in_what_it_may_be() -> None:
    with pytest.raises(
        Expired, match="check which other clients in this account and region delete REST APIs"
    ):
        api(Scripted(GetRestApis=listed(ID), DeleteRestApi=THROTTLED, DescribeLogGroups=NO_LOGS)).delete()
    with pytest.raises(Expired, match="check whether the account has reached its number of REST APIs"):
        api(Scripted(CreateRestApi=THROTTLED)).create()
    with pytest.raises(
        Expired, match="check which other clients in this account and region call API Gateway"
    ):
        api(Scripted(**put(PutRestApi=THROTTLED))).update({"Methods": (None, None)})


def test_an_api_that_is_made_and_never_shows_is_told_of() -> None:
    with pytest.raises(Expired, match="check in API Gateway's console whether it was deleted"):
        api(Scripted(CreateRestApi=ok(id=ID), GetRestApis=listed())).create()


def test_an_api_with_no_definition_deployed_is_not_made_twice() -> None:
    """F6: a lost answer leaves one, and what is missing is put."""
    aws = Scripted(**put())
    api(aws).update({"Deployment": (None, DIGEST), "Methods": ({}, {})})
    assert "CreateRestApi" not in aws.names()


def test_a_stage_made_already_by_a_call_whose_answer_was_lost_is_pointed_at_the_deployment() -> None:
    """F110."""
    taken = error(409, "ConflictException", "Stage already exists")
    aws = Scripted(**put(GetStages=[NO_STAGE, stage()], CreateStage=taken))
    api(aws).update({"Deployment": (None, None)})
    assert aws.asked("UpdateStage")[0]["patchOperations"] == [
        {"op": "replace", "path": "/deploymentId", "value": "dep2"}
    ]


def test_old_deployments_go_and_those_still_staged_stay() -> None:
    """F76, F109."""
    aws = Scripted(
        **put(
            GetStages=stage(other("somebodys", None, "dep3"), deploymentId="dep2"),
            GetDeployments=ok(items=[{"id": f"dep{number}"} for number in range(4)]),
            DeleteDeployment=[ACTIVE_STAGES, ok()],
        )
    )
    api(aws).update({"Deployment": (None, None)})
    assert [call["deploymentId"] for call in aws.asked("DeleteDeployment")] == ["dep0", "dep1"]


def test_a_stage_of_an_earlier_name_goes_with_its_deployment_and_somebodys_stays() -> None:
    """F109: once the stage of the new name is complete."""
    others = (other("old"), other("older"), other("manual", None, "dep3"), other("theirs", "other", "dep4"))
    aws = Scripted(
        **put(
            GetStages=stage(*others),
            GetDeployments=ok(items=[{"id": name} for name in ("dep", "dep0", "dep3", "dep4")]),
            DeleteStage=[CONCURRENT, ok(), NO_SUCH_STAGE],
            DeleteDeployment=ok(),
        )
    )
    api(aws).update({"OtherStages": (["old", "older"], [])})
    assert [call["stageName"] for call in aws.asked("DeleteStage")] == ["old", "old", "older"]
    assert [call["deploymentId"] for call in aws.asked("DeleteDeployment")] == ["dep0"]
    assert aws.names("UpdateStage", "DeleteStage")[0] == "UpdateStage"
    assert "CreateDeployment" not in aws.names()


def test_two_apis_of_ours_are_healed_to_the_older_one() -> None:
    """F6."""
    aws = Scripted(
        **put(GetRestApis=listed(ID, "second"), DeleteRestApi=[THROTTLED, ok()], DescribeLogGroups=NO_LOGS)
    )
    api(aws).update({"Duplicates": (["second"], [])})
    assert {call["restApiId"] for call in aws.asked("DeleteRestApi")} == {"second"}
    assert "PutRestApi" not in aws.names()


def test_throttling_is_patched_with_texts_and_settings_of_single_methods_are_removed_whole() -> None:
    """F111."""
    settings = {"*/*": {}, "clicks/PUT": {"throttlingRateLimit": 1.0}, "/clicks/OPTIONS": {}}
    aws = Scripted(**put(GetStages=stage(methodSettings=settings)))
    api(aws, rate_limit=1234.5678).update({"MethodSettings": (None, None)})
    patches = [call["patchOperations"] for call in aws.asked("UpdateStage")]
    assert patches == [
        [{"op": "remove", "path": "/clicks/PUT"}],
        [{"op": "remove", "path": "/~1clicks/OPTIONS"}],
        [
            {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "1234.5678"},
            {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "500"},
        ],
    ]


def test_an_edge_api_is_made_regional() -> None:
    """F107."""
    aws = Scripted(**put(GetRestApis=listed(ID, kind="EDGE"), UpdateRestApi=[CONCURRENT, ok()]))
    api(aws).update({"EndpointConfiguration": (None, None)})
    assert aws.asked("UpdateRestApi")[1]["patchOperations"] == [
        {"op": "replace", "path": "/endpointConfiguration/types/EDGE", "value": "REGIONAL"}
    ]


def test_the_execution_logs_of_any_stage_go_before_the_api_and_late_ones_after_it() -> None:
    """F78: the API's id is all that tells whose they are, and then it is gone."""
    time = Time()
    aws = Scripted(
        GetRestApis=listed(ID),
        DeleteRestApi=ok(),
        DescribeLogGroups=[logged(f"{ID}/old", f"{ID}/prod"), logged(f"{ID}/prod")],
        DeleteLogGroup=[NO_LOG_GROUP, ABORTED, EMPTY_500, ok(), ok()],
    )
    api(aws, time).delete()
    assert [call["logGroupNamePrefix"] for call in aws.asked("DescribeLogGroups")] == [
        f"API-Gateway-Execution-Logs_{ID}/"
    ] * 2
    assert [call["logGroupName"].rpartition("/")[2] for call in aws.asked("DeleteLogGroup")] == [
        "old",
        "prod",
        "prod",
        "prod",
        "prod",
    ]
    assert aws.names()[1:] == [
        "DescribeLogGroups",
        *["DeleteLogGroup"] * 4,
        "DeleteRestApi",
        "DescribeLogGroups",
        "DeleteLogGroup",
    ]
    assert time.slept == [0.25, 0.5]  # F27, F4


def test_an_api_stays_as_long_as_its_execution_logs_do() -> None:
    """Else the next run would know of neither."""
    denied = error(400, "AccessDeniedException", "not authorized to perform: logs:DeleteLogGroup")
    aws = Scripted(GetRestApis=listed(ID), DescribeLogGroups=logged(f"{ID}/prod"), DeleteLogGroup=denied)
    with pytest.raises(ClientError, match="logs:DeleteLogGroup"):
        api(aws).delete()
    aws = Scripted(GetRestApis=listed(ID), DescribeLogGroups=logged(f"{ID}/prod"), DeleteLogGroup=ABORTED)
    with pytest.raises(Expired, match="check that no other process changes or deletes the log group"):
        api(aws).delete()


def test_the_execution_logs_of_a_second_api_go_with_it() -> None:
    aws = Scripted(
        **put(
            GetRestApis=listed(ID, "second"),
            DeleteRestApi=ok(),
            DescribeLogGroups=[logged("second/prod"), NO_LOGS],
            DeleteLogGroup=ok(),
        )
    )
    api(aws).update({"Duplicates": (["second"], [])})
    assert {call["logGroupNamePrefix"] for call in aws.asked("DescribeLogGroups")} == {
        "API-Gateway-Execution-Logs_second/"
    }
    assert len(aws.asked("DeleteLogGroup")) == 1


def test_an_api_that_is_gone_is_deleted() -> None:
    api(Scripted(GetRestApis=listed())).delete()
    api(Scripted(GetRestApis=listed(ID), DeleteRestApi=NOT_FOUND, DescribeLogGroups=NO_LOGS)).delete()


def test_an_api_settles_when_its_stage_answers() -> None:
    """F34."""
    time = Time()
    asked: list[tuple[str, str]] = []

    def answers(api_id: str, stage_name: str) -> bool:
        asked.append((api_id, stage_name))
        return len(asked) == 4

    api(Scripted(GetRestApis=listed(ID)), time, answers=answers).settle()
    assert asked == [(ID, "prod")] * 4
    assert time.reports[0] == "waiting for stage prod to respond, 0 s of 120 s"


@pytest.mark.parametrize(
    ("account", "licence"),
    [
        pytest.param(ACCOUNT, False, id="anywhere else"),
        pytest.param(Account("1", "cn-north-1", "aws-cn", "amazonaws.com.cn"), True, id="in China (F136)"),
    ],
)
def test_a_stage_that_never_answers_is_reported(account: Account, licence: bool) -> None:
    with pytest.raises(Expired, match="may still be propagating; `mysfits-stream doctor`") as expired:
        api(Scripted(GetRestApis=listed(ID)), account=account, answers=lambda _api, _stage: False).settle()
    assert ("ICP licence" in str(expired.value)) is licence


@pytest.mark.parametrize("verb", ["settle", "update"])
def test_an_api_that_somebody_removed_during_the_run_is_reported(verb: str) -> None:
    resource = api(Scripted(GetRestApis=listed()))
    with pytest.raises(ProvisionError, match="is gone; `up` makes it again"):
        resource.settle() if verb == "settle" else resource.update({"Stage": (None, None)})


def test_an_operators_own_denial_fails_at_once() -> None:
    """F132."""
    time = Time()
    with pytest.raises(ClientError, match="apigateway:POST"):
        api(Scripted(CreateRestApi=DENIED), time).create()
    assert time.slept == []
