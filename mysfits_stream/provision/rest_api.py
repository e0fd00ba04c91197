"""The clicks API: one REST API, put whole from its document, deployed to one stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.api_view import desired_view, observed_view
from mysfits_stream.provision.aws import (
    Account,
    ignoring,
    is_error,
    is_server_error,
    owner_of,
    retry_after,
    tag_list,
)
from mysfits_stream.provision.delivery_stream import DeliveryStream
from mysfits_stream.provision.openapi import MODEL, ClicksApi
from mysfits_stream.provision.resource import OWNER_TAG, Diff, Observed, Properties, Template, logical_id
from mysfits_stream.provision.role import Role
from mysfits_stream.provision.wait import Expired, Pace, retry_while, wait_until

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient
    from types_boto3_logs import CloudWatchLogsClient

DESCRIPTION = "mysfits-stream definition "
"""A deployment's description begins like this and ends with the digest of its document."""

QUOTA_BUDGET = 900.0
"""Seconds to wait out quotas that the whole account shares: one DeleteRestApi in 30 s (F60, F61)."""

QUOTA_PAUSE = 31.0
CHANGE_BUDGET = 60.0
"""Seconds for which another change of the same API may be under way (F20)."""

DATA_PLANE_BUDGET = 120.0
"""Seconds until a new stage answers everywhere (F34)."""

DEFINITION = ("Methods", "Models", "RequestValidators", "GatewayResponses", "Deployment")


@dataclass(frozen=True)
class RestApi:
    """A REST API of one stage. Names are not unique, so it is found by name and owner tag (section 2.2)."""

    name: str
    definition: ClicksApi
    owner: str
    stage: str
    rate_limit: float
    burst_limit: int
    role: Role
    account: Account
    apigateway: APIGatewayClient
    logs: CloudWatchLogsClient
    answers: Callable[[str, str], bool]
    """(API id, stage) -> whether the data plane serves the preflight of ``/clicks``."""
    pace: Pace
    drains_into: DeliveryStream | None = None
    """Set to have the API gone before this stream waits for its last clicks; else they do not care."""
    type: ClassVar[str] = "AWS::ApiGateway::RestApi"

    @property
    def desired(self) -> Properties:
        """The definition piece by piece, the deployment that carries it, and the stage."""
        return {
            **desired_view(self.definition.document()),
            "EndpointConfiguration": {"Types": ["REGIONAL"]},
            "Deployment": self.definition.digest(),
            "Stage": self.stage,
            "MethodSettings": {
                "*/*": {"throttlingRateLimit": self.rate_limit, "throttlingBurstLimit": self.burst_limit}
            },
            "Duplicates": [],
        }

    def template(self) -> Template:
        """The API with its document, the deployment of exactly this document, and the stage.

        CloudFormation deploys an API once, so that another document needs another deployment's logical id.
        """
        name = logical_id(self.name)
        deployment = f"{name}Deployment{self.definition.digest()}"
        throttling = self.desired["MethodSettings"]["*/*"]
        return {
            name: {
                "Type": self.type,
                "Properties": {
                    "Name": self.definition.title,
                    "Description": self._description,
                    "EndpointConfiguration": self.desired["EndpointConfiguration"],
                    "Mode": "overwrite",
                    "Body": self.definition.document(),
                    "Tags": tag_list({OWNER_TAG: self.owner}),
                },
            },
            deployment: {
                "Type": "AWS::ApiGateway::Deployment",
                "Properties": {"RestApiId": {"Ref": name}, "Description": self._deployment_description},
            },
            f"{name}Stage": {
                "Type": "AWS::ApiGateway::Stage",
                "Properties": {
                    "RestApiId": {"Ref": name},
                    "DeploymentId": {"Ref": deployment},
                    "StageName": self.stage,
                    "MethodSettings": [
                        {
                            "ResourcePath": "/*",
                            "HttpMethod": "*",
                            "ThrottlingRateLimit": throttling["throttlingRateLimit"],
                            "ThrottlingBurstLimit": throttling["throttlingBurstLimit"],
                        }
                    ],
                    "Tags": tag_list({OWNER_TAG: self.owner}),
                },
            },
        }

    def read(self) -> Observed | None:
        """What API Gateway says of the API, its stage and what is deployed there."""
        apis = self._ours()
        if not apis:
            return None
        api, *duplicates = apis
        where = {"restApiId": api["id"]}
        try:
            view = observed_view(
                self._items("get_resources", **where, embed=["methods"]),
                self._items("get_models", **where),
                self._items("get_request_validators", **where),
                self._items("get_gateway_responses", **where),
            )
            stage = self._stage(api["id"])
            deployed = self._deployed(api["id"], stage)
        except ClientError as error:
            # Deleted while it was read, or is it only a part that is missing?
            if is_error(error, "NotFoundException") and not self._ours():
                return None
            raise
        settings = stage.get("methodSettings", {}) if stage else {}
        properties = {
            **view,
            "EndpointConfiguration": {"Types": api.get("endpointConfiguration", {}).get("types", [])},
            "Deployment": deployed,
            "Stage": stage["stageName"] if stage else None,
            "MethodSettings": {
                path: {key: values.get(key) for key in ("throttlingRateLimit", "throttlingBurstLimit")}
                for path, values in settings.items()
            },
            "Duplicates": [duplicate["id"] for duplicate in duplicates],
        }
        return Observed(api["id"], self.arn_of(api["id"]), properties, owner_of(api["tags"]))

    def create(self) -> None:
        """Make the API with its owner tag, then put the definition, deploy it and set the stage up."""
        self._patiently(
            lambda: self.apigateway.create_rest_api(
                name=self.definition.title,
                description=self._description,
                endpointConfiguration={"types": ["REGIONAL"]},
                tags={OWNER_TAG: self.owner},
            ),
            "API Gateway to make the API",
        )
        wait_until(
            lambda: bool(self._ours()),
            self.pace,
            waiting_for=f"API Gateway to show {self.definition.title}",
            budget=60,
        )
        self.update({key: (None, value) for key, value in self.desired.items()})

    def update(self, diff: Diff) -> None:
        """Put and deploy a differing definition, mend the stage, remove duplicates and old deployments."""
        api, *duplicates = self._existing()
        api_id = api["id"]
        if "EndpointConfiguration" in diff:
            self._make_regional(api)
        if any(key in diff for key in DEFINITION):
            self._put_definition(api_id)
            self._deploy(api_id)
        elif "Stage" in diff:
            self._deploy(api_id)
        self._set_throttling(api_id)
        for duplicate in duplicates:
            self._delete_api(duplicate["id"])

    def delete(self) -> None:
        """Delete the API, any duplicate, and the execution logs that it leaves behind (F78)."""
        for api in self._ours():
            self._delete_api(api["id"])
            with ignoring("ResourceNotFoundException"):
                self.logs.delete_log_group(
                    logGroupName=f"API-Gateway-Execution-Logs_{api['id']}/{self.stage}"
                )

    def settle(self) -> None:
        """Wait until the stage answers a preflight."""
        api, *_ = self._existing()
        wait_until(
            lambda: self.answers(api["id"], self.stage),
            self.pace,
            waiting_for=f"stage {self.stage} to answer",
            budget=DATA_PLANE_BUDGET,
            advice="the API is deployed; its URL may need a little longer"
            + (
                ", and in China the account needs an ICP licence"
                if self.account.partition == "aws-cn"
                else ""
            ),
        )

    @property
    def _description(self) -> str:
        return f"Clicks of the mysfits-stream stack {self.owner}"

    @property
    def _deployment_description(self) -> str:
        return f"{DESCRIPTION}{self.definition.digest()}"

    def _ours(self) -> list[Any]:
        """Our APIs, the oldest first: a lost answer may have left a second one (F6)."""
        found = [
            api
            for api in self._items("get_rest_apis")
            if api.get("name") == self.definition.title and owner_of(api.get("tags", {})) == self.owner
        ]
        return sorted(found, key=lambda api: (api["createdDate"], api["id"]))

    def _existing(self) -> list[Any]:
        if not (apis := self._ours()):
            raise ProvisionError(self.name, "find", f"{self.definition.title} is gone; `up` makes it again")
        return apis

    def _items(self, operation: str, **parameters: Any) -> list[Any]:
        if self.apigateway.can_paginate(operation):
            paginator: Any = self.apigateway.get_paginator(operation)  # type: ignore[call-overload]
            pages = paginator.paginate(**parameters, PaginationConfig={"PageSize": 500})
            return [item for page in pages for item in page.get("items", ())]
        answer: Any = getattr(self.apigateway, operation)(**parameters)
        return list(answer.get("items", ()))

    def _stage(self, api_id: str) -> Any:
        try:
            return self.apigateway.get_stage(restApiId=api_id, stageName=self.stage)
        except ClientError as error:
            if is_error(error, "NotFoundException"):
                return None
            raise

    def _deployed(self, api_id: str, stage: Any) -> str | None:
        """The digest of the definition that the stage serves, None if it serves none of ours."""
        if stage is None:
            return None
        deployment = self.apigateway.get_deployment(restApiId=api_id, deploymentId=stage["deploymentId"])
        description = deployment.get("description", "")
        return description.removeprefix(DESCRIPTION) if description.startswith(DESCRIPTION) else None

    def _put_definition(self, api_id: str) -> None:
        document = self.definition.document()
        # A warning is told and not obeyed: whatever the import left out reads as drift, piece by piece.
        answer: Any = self._patiently(
            lambda: self.apigateway.put_rest_api(
                restApiId=api_id, mode="overwrite", failOnWarnings=False, body=json.dumps(document).encode()
            ),
            "API Gateway to take the definition",
            api_id,
        )
        for warning in answer.get("warnings", ()):
            self.pace.report(f"API Gateway warns: {warning}")
        # An import drops minItems and maxItems from models (F101); setting the schema afterwards keeps them.
        schema = json.dumps(document["components"]["schemas"][MODEL])
        self._patiently(
            lambda: self.apigateway.update_model(
                restApiId=api_id,
                modelName=MODEL,
                patchOperations=[{"op": "replace", "path": "/schema", "value": schema}],
            ),
            "API Gateway to take the model",
            api_id,
        )

    def _deploy(self, api_id: str) -> None:
        deployment: Any = self._patiently(
            lambda: self.apigateway.create_deployment(
                restApiId=api_id, description=self._deployment_description
            ),
            "API Gateway to deploy the definition",
            api_id,
        )
        if self._stage(api_id) is None:
            # A lost answer may have made it: then it only has to be pointed at this deployment (F110).
            with ignoring("ConflictException"):
                self._patiently(
                    lambda: self.apigateway.create_stage(
                        restApiId=api_id,
                        stageName=self.stage,
                        deploymentId=deployment["id"],
                        tags={OWNER_TAG: self.owner},
                    ),
                    f"API Gateway to make stage {self.stage}",
                    api_id,
                )
        self._patch_stage(api_id, {"/deploymentId": deployment["id"]})
        for old in self._items("get_deployments", restApiId=api_id):
            if old["id"] != deployment["id"]:
                # One that another stage still serves stays.
                with ignoring("BadRequestException", "NotFoundException"):
                    self._patiently(
                        lambda old=old: self.apigateway.delete_deployment(  # type: ignore[misc]
                            restApiId=api_id, deploymentId=old["id"]
                        ),
                        "API Gateway to remove an old deployment",
                        api_id,
                    )

    def _set_throttling(self, api_id: str) -> None:
        wanted = self.desired["MethodSettings"]
        stage = self._stage(api_id)
        for path in stage.get("methodSettings", {}):
            if path not in wanted:
                resource, _, verb = path.rpartition("/")
                self._patch_stage(api_id, {f"/{resource.replace('/', '~1')}/{verb}": None})
        self._patch_stage(
            api_id,
            {
                "/*/*/throttling/rateLimit": str(self.rate_limit),
                "/*/*/throttling/burstLimit": str(self.burst_limit),
            },
        )

    def _patch_stage(self, api_id: str, values: dict[str, str | None]) -> None:
        operations: Any = [
            {"op": "remove", "path": path}
            if value is None
            else {"op": "replace", "path": path, "value": value}
            for path, value in values.items()
        ]
        self._patiently(
            lambda: self.apigateway.update_stage(
                restApiId=api_id, stageName=self.stage, patchOperations=operations
            ),
            f"API Gateway to change stage {self.stage}",
            api_id,
        )

    def _make_regional(self, api: Any) -> None:
        current = (api.get("endpointConfiguration", {}).get("types") or ["EDGE"])[0]
        if current != "REGIONAL":
            self._patiently(
                lambda: self.apigateway.update_rest_api(
                    restApiId=api["id"],
                    patchOperations=[
                        {
                            "op": "replace",
                            "path": f"/endpointConfiguration/types/{current}",
                            "value": "REGIONAL",
                        }
                    ],
                ),
                "API Gateway to make the API regional",
                api["id"],
            )

    def _delete_api(self, api_id: str) -> None:
        with ignoring("NotFoundException"):
            self._patiently(
                lambda: self.apigateway.delete_rest_api(restApiId=api_id),
                "API Gateway's quota of one deletion in 30 s",
                api_id,
            )

    def _patiently(self, call: Callable[[], Any], waiting_for: str, api_id: str | None = None) -> Any:
        """Call, waiting a minute for other changes of the API to end, and longer for the account's quotas."""

        def between_changes() -> Any:
            try:
                return retry_while(
                    _changing,
                    call,
                    self.pace,
                    waiting_for=f"{waiting_for}, after another change of it",
                    budget=CHANGE_BUDGET,
                    advice="another run may be at work on it",
                )
            except Expired:
                if api_id:
                    # An API that is gone may be spoken of in the same words (F20b); this call tells.
                    self.apigateway.get_rest_api(restApiId=api_id)
                raise

        return retry_while(
            _throttled,
            between_changes,
            self.pace,
            waiting_for=waiting_for,
            budget=QUOTA_BUDGET,
            pause=lambda error: retry_after(error) or QUOTA_PAUSE,
            advice="the quota is the account's: others may use it up, or it has all the APIs it may have",
        )

    def arn_of(self, api_id: str) -> str:
        """The ARN of the API that has this id."""
        return f"arn:{self.account.partition}:apigateway:{self.account.region}::/restapis/{api_id}"


def _changing(error: Exception) -> bool:
    """API Gateway takes one change of an API at a time (F20)."""
    return (
        is_error(error, "ConflictException", message="try again later")
        or is_error(error, "BadRequestException", message="concurrent modification")
        or is_server_error(error)
    )


def _throttled(error: Exception) -> bool:
    """API Gateway takes few changes of any API (F21, F60)."""
    return is_error(error, "TooManyRequestsException", "LimitExceededException")
