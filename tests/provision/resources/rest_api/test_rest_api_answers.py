"""The clicks API as read from what API Gateway is known to answer."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.aws.account import Account
from mysfits_stream.provision.resource import difference
from mysfits_stream.provision.resources.rest_api.comparable_view import GATEWAY_TEMPLATE
from mysfits_stream.provision.resources.rest_api.openapi import INTEGRATION
from mysfits_stream.provision.resources.rest_api.rest_api import RestApi
from mysfits_stream.provision.resources.rest_api.stage import DESCRIPTION
from tests.support.answers import Answer, ok
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
from tests.support.scripted import Scripted


def deployed(digest: str = DIGEST) -> Answer:
    return ok(id="dep", description=f"{DESCRIPTION}{digest}")


def as_desired() -> dict[str, Any]:
    """API Gateway's answers for an API as desired, in its own shape and with its additions."""
    document = DEFINITION.document()
    methods = {}
    for verb, operation in document["paths"]["/clicks"].items():
        integration = operation[INTEGRATION]
        methods[verb.upper()] = {
            "httpMethod": verb.upper(),
            "authorizationType": "NONE",
            "apiKeyRequired": False,
            **(
                {"requestValidatorId": "v1", "requestModels": {"application/json": "Clicks"}}
                if verb == "put"
                else {}
            ),
            "methodResponses": {
                status: {
                    "statusCode": status,
                    "responseParameters": {
                        f"method.response.header.{name}": False for name in answer["headers"]
                    },
                }
                for status, answer in operation["responses"].items()
            },
            "methodIntegration": {
                "type": integration["type"].upper(),
                **{
                    key: integration[key]
                    for key in ("httpMethod", "uri", "credentials", "requestParameters")
                    if key in integration
                },
                "requestTemplates": integration["requestTemplates"],
                "passthroughBehavior": "NEVER",
                "timeoutInMillis": 29000,
                "cacheNamespace": "xyz",
                "cacheKeyParameters": [],
                "integrationResponses": {
                    response["statusCode"]: {
                        **({} if pattern == "default" else {"selectionPattern": pattern}),
                        **response,
                    }
                    for pattern, response in integration["responses"].items()
                },
            },
        }
    return {
        "GetRestApis": listed(ID),
        "GetResources": ok(
            items=[
                {"id": "r0", "path": "/"},
                {
                    "id": "r1",
                    "parentId": "r0",
                    "pathPart": "clicks",
                    "path": "/clicks",
                    "resourceMethods": methods,
                },
            ]
        ),
        "GetModels": ok(
            items=[
                {"id": "m1", "name": name, "contentType": "application/json", "schema": json.dumps(schema)}
                for name, schema in {**document["components"]["schemas"], "Empty": {}, "Error": {}}.items()
            ]
        ),
        "GetRequestValidators": ok(
            items=[
                {
                    "id": "v1",
                    "name": "body",
                    "validateRequestBody": True,
                    "validateRequestParameters": False,
                }
            ]
        ),
        "GetGatewayResponses": ok(
            items=[
                {"responseType": kind, "defaultResponse": False, **response}
                for kind, response in document["x-amazon-apigateway-gateway-responses"].items()
            ]
            + [{"responseType": "THROTTLED", "defaultResponse": True, "statusCode": "429"}]
        ),
        "GetStages": stage(),
        "GetDeployment": deployed(),
    }


def with_settings(**changed: Any) -> Answer:
    """The API in the list of all, with other settings."""
    return ok(items=[{**listed(ID).result["items"][0], **changed}])


def method(**changed: Any) -> Answer:
    """The resources, with a PUT that differs."""
    items = copy.deepcopy(as_desired()["GetResources"].result["items"])
    items[1]["resourceMethods"]["PUT"] |= changed
    return ok(items=items)


def integration(**changed: Any) -> Answer:
    """The resources, with a PUT whose integration differs."""
    items = as_desired()["GetResources"].result["items"]
    return method(methodIntegration=items[1]["resourceMethods"]["PUT"]["methodIntegration"] | changed)


def gateway(**changed: Any) -> Answer:
    """The gateway responses, with a first that differs."""
    first, *others = as_desired()["GetGatewayResponses"].result["items"]
    return ok(items=[first | changed, *others])


def diff(aws: Scripted) -> Any:
    resource = api(aws)
    observed = resource.read()
    assert observed
    return difference(observed.properties, resource.desired)


def test_an_api_that_is_as_desired_reads_in_sync() -> None:
    aws = Scripted(**as_desired())
    assert diff(aws) == {}
    observed = api(aws).read()
    assert observed and (observed.id, observed.owner) == (ID, STACK)
    assert observed.arn == "arn:aws:apigateway:eu-west-1::/restapis/abc123"


@pytest.mark.parametrize(
    ("account", "arn"),
    [
        pytest.param(
            Account("1", "cn-north-1", "aws-cn", "amazonaws.com.cn"),
            "arn:aws-cn:apigateway:cn-north-1::/restapis/abc123",
            id="in China",
        ),
        pytest.param(
            Account("1", "us-gov-west-1", "aws-us-gov"),
            "arn:aws-us-gov:apigateway:us-gov-west-1::/restapis/abc123",
            id="in GovCloud",
        ),
    ],
)
def test_the_arns_of_another_partition(account: Account, arn: str) -> None:
    observed = api(Scripted(**as_desired()), account=account).read()
    assert observed and observed.arn == arn
    uri = api(Scripted(), account=account).desired["Methods"]["PUT /clicks"]["integration"]["uri"]
    assert uri == f"arn:{account.partition}:apigateway:{account.region}:firehose:action/PutRecord"


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(listed(ID, owner=None), id="untagged"),
        pytest.param(listed(ID, owner="other"), id="another stack's"),
        pytest.param(listed(ID, name="other"), id="of another name"),
        pytest.param(listed(), id="none at all"),
    ],
)
def test_an_api_that_is_not_ours_is_not_seen(found: Answer) -> None:
    """Names are not unique: a stranger of our name is no obstacle (section 2.2)."""
    assert api(Scripted(GetRestApis=found)).read() is None


def test_an_api_that_goes_while_it_is_read_reads_none() -> None:
    gone = {"GetModels": NOT_FOUND, "GetRestApis": [listed(ID), listed()]}
    assert api(Scripted(**(as_desired() | gone))).read() is None


def test_an_api_of_which_only_a_part_is_missing_is_not_taken_for_none() -> None:
    aws = Scripted(**(as_desired() | {"GetModels": NOT_FOUND}))
    with pytest.raises(ClientError, match="NotFoundException"):
        api(aws).read()


def test_an_api_on_a_later_page_is_found() -> None:
    first = ok(items=[{"id": "x", "name": "other"}], position="next")
    aws = Scripted(**(as_desired() | {"GetRestApis": [first, listed(ID)]}))
    observed = api(aws).read()
    assert observed and observed.id == ID
    assert aws.asked("GetRestApis")[0]["limit"] == 500


@pytest.mark.parametrize(
    ("changed", "keys"),
    [
        pytest.param(
            {"GetStages": NO_STAGE}, {"Stage", "StageTags", "Deployment", "MethodSettings"}, id="no stage"
        ),
        pytest.param({"GetStages": stage(tags={})}, {"StageTags"}, id="a stage without tags"),
        pytest.param(
            {"GetDeployment": deployed("0" * 16)}, {"Deployment"}, id="an older definition deployed"
        ),
        pytest.param({"GetDeployment": ok(id="dep")}, {"Deployment"}, id="a deployment made by hand"),
        pytest.param({"GetRestApis": listed(ID, kind="EDGE")}, {"EndpointConfiguration"}, id="edge (F107)"),
        pytest.param({"GetRestApis": listed(ID, "second")}, {"Duplicates"}, id="a second API (F6)"),
        pytest.param({"GetStages": stage(methodSettings={})}, {"MethodSettings"}, id="no throttling"),
        pytest.param(
            {"GetStages": stage(canarySettings={"percentTraffic": 10.0, "deploymentId": "dep0"})},
            {"CanarySetting"},
            id="a canary",
        ),
        *(
            pytest.param({"GetRestApis": with_settings(**{key: value})}, {name}, id=key)
            for key, value, name in (
                ("description", "Mine", "Description"),
                ("binaryMediaTypes", ["*/*"], "BinaryMediaTypes"),
                ("minimumCompressionSize", 0, "MinimumCompressionSize"),
                ("apiKeySource", "AUTHORIZER", "ApiKeySourceType"),
                ("disableExecuteApiEndpoint", True, "DisableExecuteApiEndpoint"),
            )
        ),
        pytest.param({"GetRestApis": with_settings(policy="{}")}, set(), id="a policy, and none configured"),
        *(
            pytest.param(
                {"GetResources": method(**changed)}, {"Methods"}, id=f"{next(iter(changed))} changed"
            )
            for changed in (
                {"requestParameters": {"method.request.header.X": True}},
                {"apiKeyRequired": True},
                {"authorizationType": "AWS_IAM"},
            )
        ),
        pytest.param({"GetResources": integration(timeoutInMillis=50)}, {"Methods"}, id="a timeout"),
        pytest.param(
            {"GetResources": integration(contentHandling="CONVERT_TO_BINARY")}, {"Methods"}, id="conversion"
        ),
        pytest.param({"GetGatewayResponses": gateway(statusCode="200")}, {"GatewayResponses"}, id="a status"),
        pytest.param(
            {"GetGatewayResponses": gateway(responseTemplates={"application/json": "{}"})},
            {"GatewayResponses"},
            id="a template",
        ),
        pytest.param(
            {"GetGatewayResponses": gateway(responseTemplates={"application/json": GATEWAY_TEMPLATE})},
            set(),
            id="the default template",
        ),
        pytest.param({"GetStages": stage(other("old"))}, {"OtherStages"}, id="a stage of an earlier name"),
        pytest.param({"GetStages": stage(other("x", None))}, set(), id="somebody's stage (F109)"),
        pytest.param({"GetStages": stage(other("x", "other"))}, set(), id="another stack's stage"),
        pytest.param(
            {"GetStages": ok(item=[other("old")])},
            {"Stage", "StageTags", "OtherStages", "Deployment", "MethodSettings"},
            id="a stage of an earlier name only",
        ),
    ],
)
def test_differs_with(changed: dict[str, Answer], keys: set[str]) -> None:
    assert set(diff(Scripted(**(as_desired() | changed)))) == keys


def test_a_configured_policy_is_compared_as_written_and_put() -> None:
    def configured(aws: Scripted) -> RestApi:
        plain = api(aws)
        return replace(plain, definition=replace(plain.definition, resource_policy=ALLOW_LIST))

    in_sync = {
        "GetRestApis": with_settings(policy=STORED),
        "GetDeployment": deployed(configured(Scripted()).definition.digest()),
    }
    resource = configured(Scripted(**(as_desired() | in_sync)))
    observed = resource.read()
    assert observed and difference(observed.properties, resource.desired) == {}

    opened = STORED.replace("10.0.0.0/8", "0.0.0.0/0")
    resource = configured(
        Scripted(**(as_desired() | in_sync | {"GetRestApis": with_settings(policy=opened)}))
    )
    observed = resource.read()
    assert observed
    found = difference(observed.properties, resource.desired)
    assert set(found) == {"Policy"}
    aws = Scripted(**put(GetRestApi=ok(id=ID, policy=opened)))
    configured(aws).update(found)
    assert json.loads(aws.asked("PutRestApi")[0]["body"])["x-amazon-apigateway-policy"] == ALLOW_LIST


def test_an_emulator_that_leaves_fields_out_is_read() -> None:
    items = copy.deepcopy(as_desired()["GetResources"].result["items"])
    for found in items[1]["resourceMethods"].values():
        for left_out in ("authorizationType", "apiKeyRequired"):
            del found[left_out]
    answers = as_desired() | {
        "GetResources": ok(items=items),
        "GetRequestValidators": ok(items=[{"id": "v1", "name": "body", "validateRequestBody": True}]),
    }
    assert diff(Scripted(**answers)) == {}
