"""The clicks API: a REST API, put whole from a single document, deployed to a single stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.concurrently import concurrently
from mysfits_stream.aws.errors import ignoring, is_error
from mysfits_stream.aws.waiting import wait_until
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.resource import (
    Diff,
    Observed,
    Placement,
    Properties,
    Resource,
    Template,
    logical_id,
    owner_of,
    tag_list,
)
from mysfits_stream.provision.resources.rest_api.comparable_view import desired_view, observed_view
from mysfits_stream.provision.resources.rest_api.execution_logs import ExecutionLogs
from mysfits_stream.provision.resources.rest_api.openapi import MODEL, ClicksApi
from mysfits_stream.provision.resources.rest_api.settings import (
    desired_settings,
    observed_settings,
    patches,
    with_policy_of,
)
from mysfits_stream.provision.resources.rest_api.stage import Stage
from mysfits_stream.provision.resources.rest_api.throttled_changes import Changes

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient

DATA_PLANE_BUDGET = 120.0
"""Seconds until a new stage answers everywhere (F34)."""

DEFINITION = ("Methods", "Models", "RequestValidators", "GatewayResponses", "Policy", "Deployment")


@dataclass(frozen=True)
class RestApi:
    """A REST API with a stage, found by name and owner tag: names are not unique (section 2.2)."""

    name: str
    placement: Placement
    definition: ClicksApi
    stage: str
    rate_limit: float
    burst_limit: int
    answers: Callable[[str, str], bool]
    """(API id, stage) -> whether the data plane serves the preflight of ``/clicks``."""
    after: tuple[Resource, ...] = ()
    """Created before the API, deleted after the API: its role, the processor, the stream that is drained."""
    type: ClassVar[str] = "AWS::ApiGateway::RestApi"

    @property
    def desired(self) -> Properties:
        """The definition piece by piece, its deployment, the settings and the stage."""
        return {
            **desired_view(self.definition.document()),
            **desired_settings(self.definition.description, self.definition.resource_policy),
            "EndpointConfiguration": {"Types": ["REGIONAL"]},
            **self._stage.desired,
            "Duplicates": [],
            "Tags": self.placement.tags,
        }

    def template(self) -> Template:
        """The API with its document, a deployment of exactly this document, and the stage.

        CloudFormation deploys an API once: a changed document needs a deployment with a new logical id.
        """
        name = logical_id(self.name)
        deployment = f"{name}Deployment{self.definition.digest()}"
        throttling = self.desired["MethodSettings"]["*/*"]
        return {
            name: {
                "Type": self.type,
                "Properties": {
                    "Name": self.definition.title,
                    "Description": self.definition.description,
                    "EndpointConfiguration": self.desired["EndpointConfiguration"],
                    "Mode": "overwrite",
                    "Body": self.definition.document(),
                    "Tags": tag_list(self.placement.tags),
                },
            },
            deployment: {
                "Type": "AWS::ApiGateway::Deployment",
                "Properties": {"RestApiId": {"Ref": name}, "Description": self._stage.deployment_description},
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
                    "Tags": tag_list(self.placement.tags),
                },
            },
        }

    def read(self) -> Observed | None:
        """The API as API Gateway returns it, with the stage and the deployment."""
        apis = self._ours()
        if not apis:
            return None
        api, *duplicates = apis
        where = {"restApiId": api["id"]}
        try:
            staged, *parts = concurrently(
                lambda: self._stage.read(api["id"]),
                lambda: self._items("get_resources", **where, embed=["methods"]),
                lambda: self._items("get_models", **where),
                lambda: self._items("get_request_validators", **where),
                lambda: self._items("get_gateway_responses", **where),
            )
        except ClientError as error:
            # Deleted while it was read, or is it only a part that is missing?
            if is_error(error, "NotFoundException") and not self._ours():
                return None
            raise
        properties = {
            **observed_view(*parts),
            **observed_settings(
                api,
                self.placement.account.arn("execute-api", api["id"])
                if self.definition.resource_policy
                else None,
            ),
            "EndpointConfiguration": {"Types": api.get("endpointConfiguration", {}).get("types", [])},
            **staged,
            "Duplicates": [duplicate["id"] for duplicate in duplicates],
            "Tags": self.placement.ours(api.get("tags", {})),
        }
        return Observed(api["id"], self.arn_of(api["id"]), properties, owner_of(api.get("tags", {})))

    def create(self) -> None:
        """Create the API with its owner tag, then put the definition, deploy, and set up the stage."""
        self._changes.make(
            lambda: self._apigateway.create_rest_api(
                name=self.definition.title,
                description=self.definition.description,
                endpointConfiguration={"types": ["REGIONAL"]},
                tags=self.placement.tags,
            ),
            "API Gateway to make the API",
            quota="check whether the account has reached its number of REST APIs in this region",
        )
        wait_until(
            lambda: bool(self._ours()),
            self.placement.pace,
            waiting_for=f"API Gateway to return {self.definition.title}",
            budget=60,
            advice="the API was created: check in API Gateway's console whether it was deleted, "
            "and run `up` again",
        )
        self.update({key: (None, value) for key, value in self.desired.items() if key != "Tags"})

    def update(self, diff: Diff) -> None:
        """Deploy a differing definition, heal the stage, remove leftovers of earlier runs."""
        api, *duplicates = self._existing()
        api_id = api["id"]
        if "EndpointConfiguration" in diff:
            self._make_regional(api)
        settings = patches(diff)
        if settings:
            self._patch(api_id, settings, "API Gateway to take the settings")
        # Settings, too, are in force once deployed.
        if settings or any(key in diff for key in DEFINITION):
            self._put_definition(api_id)
            self._stage.deploy(api_id)
        elif "Stage" in diff:
            self._stage.deploy(api_id)
        if (diff.get("CanarySetting") or (None,))[0]:
            self._stage.remove_canary(api_id)
        if "StageTags" in diff and "Stage" not in diff:
            self._stage.tag(api_id)
        self._stage.set_throttling(api_id)
        self._stage.tidy(api_id)
        if "Tags" in diff:
            self.tag(self.placement.account.rest_api_arn(api_id))
        for duplicate in duplicates:
            self._delete_api(duplicate["id"])

    def tag(self, arn: str) -> None:
        """Write the tags on an API; TagResource keeps the others."""
        self._changes.make(
            lambda: self._apigateway.tag_resource(resourceArn=arn, tags=self.placement.tags),
            "API Gateway to tag the API",
        )

    def delete(self) -> None:
        """Delete the API, any duplicate, and the execution logs (F78)."""
        for api in self._ours():
            self._delete_api(api["id"])

    def find_id(self) -> str | None:
        """The id of the API; None if there is none."""
        return next((str(api["id"]) for api in self._ours()), None)

    def settle(self) -> None:
        """Wait until the stage answers a preflight."""
        api, *_ = self._existing()
        wait_until(
            lambda: self.answers(api["id"], self.stage),
            self.placement.pace,
            waiting_for=f"stage {self.stage} to respond",
            budget=DATA_PLANE_BUDGET,
            advice="the API is deployed, and the deployment may still be propagating; "
            "`mysfits-stream doctor` shows the response"
            + (  # F136
                ". In China, check whether the account has an ICP licence"
                if self.placement.account.partition == "aws-cn"
                else ""
            ),
        )

    @property
    def _apigateway(self) -> APIGatewayClient:
        return self.placement.clients.apigateway

    @property
    def _changes(self) -> Changes:
        return Changes.of(self.placement)

    @property
    def _stage(self) -> Stage:
        return Stage(
            name=self.stage,
            placement=self.placement,
            digest=self.definition.digest(),
            rate_limit=self.rate_limit,
            burst_limit=self.burst_limit,
        )

    def _ours(self) -> list[Any]:
        """The stack's APIs, the oldest first: a lost answer may have left a second API (F6)."""
        found = [
            api
            for api in self._items("get_rest_apis")
            if api.get("name") == self.definition.title
            and owner_of(api.get("tags", {})) == self.placement.owner
        ]
        return sorted(found, key=lambda api: (api["createdDate"], api["id"]))

    def _existing(self) -> list[Any]:
        if not (apis := self._ours()):
            raise ProvisionError(self.name, "find", f"{self.definition.title} is gone; `up` makes it again")
        return apis

    def _items(self, operation: str, **parameters: Any) -> list[Any]:
        if self._apigateway.can_paginate(operation):
            paginator: Any = self._apigateway.get_paginator(operation)  # type: ignore[call-overload]
            pages = paginator.paginate(**parameters, PaginationConfig={"PageSize": 500})
            return [item for page in pages for item in page.get("items", ())]
        answer: Any = getattr(self._apigateway, operation)(**parameters)
        return list(answer.get("items", ()))

    def _put_definition(self, api_id: str) -> None:
        live = self._apigateway.get_rest_api(restApiId=api_id)
        document = with_policy_of(self.definition.document(), live)
        # A warning is reported only: parts that the import left out read as drift.
        answer: Any = self._changes.make(
            lambda: self._apigateway.put_rest_api(
                restApiId=api_id, mode="overwrite", failOnWarnings=False, body=json.dumps(document).encode()
            ),
            "API Gateway to take the definition",
            api_id,
        )
        for warning in answer.get("warnings", ()):
            self.placement.pace.report(f"API Gateway warns: {warning}")
        # An import drops minItems and maxItems from models (F101); setting the schema afterwards keeps them.
        schema = json.dumps(document["components"]["schemas"][MODEL])
        self._changes.make(
            lambda: self._apigateway.update_model(
                restApiId=api_id,
                modelName=MODEL,
                patchOperations=[{"op": "replace", "path": "/schema", "value": schema}],
            ),
            "API Gateway to take the model",
            api_id,
        )

    def _make_regional(self, api: Any) -> None:
        current = (api.get("endpointConfiguration", {}).get("types") or ["EDGE"])[0]
        if current != "REGIONAL":
            path = f"/endpointConfiguration/types/{current}"
            operations = [{"op": "replace", "path": path, "value": "REGIONAL"}]
            self._patch(api["id"], operations, "API Gateway to make the API regional")

    def _patch(self, api_id: str, operations: Any, waiting_for: str) -> None:
        self._changes.make(
            lambda: self._apigateway.update_rest_api(restApiId=api_id, patchOperations=operations),
            waiting_for,
            api_id,
        )

    def _delete_api(self, api_id: str) -> None:
        # Before the API, whose id names the groups; and again after it, for later log events.
        execution_logs = ExecutionLogs(self.placement.clients.logs, self.placement.pace)
        execution_logs.delete(api_id)
        with ignoring("NotFoundException"):
            self._changes.make(
                lambda: self._apigateway.delete_rest_api(restApiId=api_id),
                "API Gateway's quota of one deletion in 30 s",
                api_id,
                quota="check which other clients in this account and region delete REST APIs",
            )
        execution_logs.delete(api_id)

    def arn_of(self, api_id: str) -> str:
        """The ARN of the API with the id."""
        return self.placement.account.rest_api_arn(api_id)
