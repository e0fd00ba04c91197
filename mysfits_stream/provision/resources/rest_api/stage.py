"""The stage of the clicks API: its deployment and its throttling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mysfits_stream.aws.errors import ignoring
from mysfits_stream.provision.resource import Placement, Properties, owner_of
from mysfits_stream.provision.resources.rest_api.throttled_changes import Changes

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient

DESCRIPTION = "mysfits-stream definition "
"""A deployment's description begins like this and ends with the digest of its document."""


@dataclass(frozen=True)
class Stage:
    """A stage of a REST API; the verbs take the API's id."""

    name: str
    placement: Placement
    digest: str
    """Names the definition that is to be served."""
    rate_limit: float
    burst_limit: int

    @property
    def desired(self) -> Properties:
        """The stage, no stage of an earlier name, the deployment, and the throttling."""
        return {
            "Stage": self.name,
            "OtherStages": [],
            "Deployment": self.digest,
            "CanarySetting": None,
            "StageTags": self.placement.tags,
            "MethodSettings": {
                "*/*": {"throttlingRateLimit": self.rate_limit, "throttlingBurstLimit": self.burst_limit}
            },
        }

    @property
    def deployment_description(self) -> str:
        """The description that identifies a deployment of the definition."""
        return f"{DESCRIPTION}{self.digest}"

    def read(self, api_id: str) -> Properties:
        """The stage as API Gateway returns it, with the keys of ``desired``.

        None for missing parts.
        """
        stages = self._all(api_id)
        stage = self._mine(stages)
        settings = stage.get("methodSettings", {}) if stage else {}
        return {
            "Stage": stage["stageName"] if stage else None,
            "OtherStages": self._others(stages),
            "Deployment": self._served(api_id, stage) if stage else None,
            # A canary sends a part of the clicks to another deployment.
            "CanarySetting": stage.get("canarySettings") if stage else None,
            "StageTags": self.placement.ours(stage.get("tags", {})) if stage else {},
            "MethodSettings": {
                path: {key: values.get(key) for key in ("throttlingRateLimit", "throttlingBurstLimit")}
                for path, values in settings.items()
            },
        }

    def deploy(self, api_id: str) -> None:
        """Deploy the definition that was put."""
        deployment: Any = Changes.of(self.placement).make(
            lambda: self._apigateway.create_deployment(
                restApiId=api_id, description=self.deployment_description
            ),
            "API Gateway to deploy the definition",
            api_id,
        )
        if self._mine(self._all(api_id)) is None:
            # A lost answer may have made it: then it only has to be pointed at this deployment (F110).
            with ignoring("ConflictException"):
                Changes.of(self.placement).make(
                    lambda: self._apigateway.create_stage(
                        restApiId=api_id,
                        stageName=self.name,
                        deploymentId=deployment["id"],
                        tags=self.placement.tags,
                    ),
                    f"API Gateway to make stage {self.name}",
                    api_id,
                )
        self._patch(api_id, {"/deploymentId": deployment["id"]})

    def tidy(self, api_id: str) -> None:
        """Remove the stack's stages of earlier names, and deployments without a stage."""
        stages = self._all(api_id)
        others = self._others(stages)
        for name in others:
            with ignoring("NotFoundException"):
                Changes.of(self.placement).make(
                    lambda name=name: self._apigateway.delete_stage(  # type: ignore[misc]
                        restApiId=api_id, stageName=name
                    ),
                    f"API Gateway to remove stage {name}",
                    api_id,
                )
        self._remove_deployments(
            api_id, but={stage["deploymentId"] for stage in stages if stage["stageName"] not in others}
        )

    def set_throttling(self, api_id: str) -> None:
        """Limit all methods alike, without settings for single methods."""
        stage = self._mine(self._all(api_id)) or {}
        for path in stage.get("methodSettings", {}):
            if path != "*/*":
                # Only a whole setting can be removed (F111).
                resource, _, verb = path.rpartition("/")
                self._patch(api_id, {f"/{resource.replace('/', '~1')}/{verb}": None})
        self._patch(
            api_id,
            {
                "/*/*/throttling/rateLimit": str(self.rate_limit),
                "/*/*/throttling/burstLimit": str(self.burst_limit),
            },
        )

    @property
    def _apigateway(self) -> APIGatewayClient:
        return self.placement.clients.apigateway

    def remove_canary(self, api_id: str) -> None:
        """Let the stage serve its own deployment alone."""
        self._patch(api_id, {"/canarySettings": None})

    def tag(self, api_id: str) -> None:
        """Write the tags on the stage; TagResource keeps the others."""
        arn = f"{self.placement.account.rest_api_arn(api_id)}/stages/{self.name}"
        Changes.of(self.placement).make(
            lambda: self._apigateway.tag_resource(resourceArn=arn, tags=self.placement.tags),
            f"API Gateway to tag stage {self.name}",
            api_id,
        )

    def _all(self, api_id: str) -> list[Any]:
        return list(self._apigateway.get_stages(restApiId=api_id).get("item", ()))

    def _mine(self, stages: list[Any]) -> Any:
        return next((stage for stage in stages if stage["stageName"] == self.name), None)

    def _others(self, stages: list[Any]) -> list[str]:
        """The stack's stages of earlier names.

        Stages without the owner tag are not the stack's (F109).
        """
        return sorted(
            stage["stageName"]
            for stage in stages
            if stage["stageName"] != self.name and owner_of(stage.get("tags", {})) == self.placement.owner
        )

    def _served(self, api_id: str, stage: Any) -> str | None:
        """The digest of the deployed definition, None for a deployment by hand."""
        deployment = self._apigateway.get_deployment(restApiId=api_id, deploymentId=stage["deploymentId"])
        description = deployment.get("description", "")
        return description.removeprefix(DESCRIPTION) if description.startswith(DESCRIPTION) else None

    def _remove_deployments(self, api_id: str, *, but: set[str]) -> None:
        pages = self._apigateway.get_paginator("get_deployments").paginate(restApiId=api_id)
        for old in [item["id"] for page in pages for item in page["items"] if item["id"] not in but]:
            # One that a stage serves by now stays.
            with ignoring("BadRequestException", "NotFoundException"):
                Changes.of(self.placement).make(
                    lambda old=old: self._apigateway.delete_deployment(  # type: ignore[misc]
                        restApiId=api_id, deploymentId=old
                    ),
                    "API Gateway to remove an old deployment",
                    api_id,
                )

    def _patch(self, api_id: str, values: dict[str, str | None]) -> None:
        operations: Any = [
            {"op": "remove", "path": path}
            if value is None
            else {"op": "replace", "path": path, "value": value}
            for path, value in values.items()
        ]
        Changes.of(self.placement).make(
            lambda: self._apigateway.update_stage(
                restApiId=api_id, stageName=self.name, patchOperations=operations
            ),
            f"API Gateway to change stage {self.name}",
            api_id,
        )
