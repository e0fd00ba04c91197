"""A clicks API on a script of answers of API Gateway."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from mysfits_stream.aws.account import Account
from mysfits_stream.config import Config
from mysfits_stream.provision.resource import OWNER_TAG
from mysfits_stream.provision.resources.rest_api.openapi import ClicksApi
from mysfits_stream.provision.resources.rest_api.rest_api import RestApi
from tests.support.answers import Answer, error, ok
from tests.support.clock import Time
from tests.support.scripted import ACCOUNT, Scripted, placement

STACK = "mysfits-clicks"
ID = "abc123"
NOT_FOUND = error(404, "NotFoundException", f"Invalid API identifier specified {ACCOUNT.id}:{ID}")
NO_STAGE = ok(item=[])


def api(
    aws: Scripted,
    time: Time | None = None,
    *,
    account: Account = ACCOUNT,
    answers: Any = lambda _api, _stage: True,
    rate_limit: float = 1000,
) -> RestApi:
    return RestApi(
        name="clicks-api",
        definition=ClicksApi(
            title=STACK,
            stream_name="mysfits-clicks-clicks",
            role_arn=account.role_arn("mysfits-clicks-eu-west-1-api"),
            allowed_origins=("*",),
            preflight_max_age_seconds=3600,
            max_clicks_per_request=100,
            click=Config().definition,
            account=account,
        ),
        placement=placement(aws, time, account=account),
        stage="prod",
        rate_limit=rate_limit,
        burst_limit=500,
        answers=answers,
    )


DEFINITION = api(Scripted()).definition
DIGEST = DEFINITION.digest()


def listed(*ids: str, owner: str | None = STACK, name: str = STACK, kind: str = "REGIONAL") -> Answer:
    return ok(
        items=[
            {
                "id": api_id,
                "name": name,
                "description": f"Clicks of the mysfits-stream stack {STACK}",
                "createdDate": datetime(2026, 1, day, tzinfo=UTC),
                "endpointConfiguration": {"types": [kind]},
                "tags": {OWNER_TAG: owner} if owner else {},
            }
            for day, api_id in enumerate(ids, 1)
        ]
    )


def stage(*others: dict[str, Any], **changed: Any) -> Answer:
    """The stage, and others of the same API."""
    settings = {"*/*": {"throttlingRateLimit": 1000.0, "throttlingBurstLimit": 500, "metricsEnabled": False}}
    return ok(
        item=[
            {
                "stageName": "prod",
                "deploymentId": "dep",
                "methodSettings": settings,
                "tags": {OWNER_TAG: STACK},
                **changed,
            },
            *others,
        ]
    )


def other(name: str, owner: str | None = STACK, deployment: str = "dep0") -> dict[str, Any]:
    return {"stageName": name, "deploymentId": deployment, "tags": {OWNER_TAG: owner} if owner else {}}


def put(**changed: Any) -> dict[str, Any]:
    """What it takes to put, deploy and throttle."""
    return {
        "GetRestApis": listed(ID),
        "GetRestApi": ok(id=ID),
        "PutRestApi": ok(id=ID),
        "UpdateModel": ok(id="m1"),
        "CreateDeployment": ok(id="dep2"),
        "GetStages": stage(),
        "UpdateStage": ok(),
        "GetDeployments": ok(items=[{"id": "dep"}]),
        **changed,
    }


ALLOW_LIST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "execute-api:Invoke",
            "Resource": ["execute-api:/*"],
            "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        }
    ],
}
# As API Gateway returns it: with the API's ARN, and each quote escaped (F150).
STORED = (
    json.dumps(ALLOW_LIST)
    .replace("execute-api:/*", ACCOUNT.arn("execute-api", f"{ID}/*"))
    .replace('"', '\\"')
)
