"""The one stage of the clicks API: what is deployed to it, and how much it lets through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mysfits_stream.provision.api_changes import Changes
from mysfits_stream.provision.aws import ignoring, is_error
from mysfits_stream.provision.resource import OWNER_TAG, Properties

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient

DESCRIPTION = "mysfits-stream definition "
"""A deployment's description begins like this and ends with the digest of its document."""


@dataclass(frozen=True)
class Stage:
    """A stage of a REST API, whichever id that has."""

    name: str
    owner: str
    digest: str
    """Names the definition that is to be served."""
    rate_limit: float
    burst_limit: int
    apigateway: APIGatewayClient
    changes: Changes

    @property
    def desired(self) -> Properties:
        """The stage, the deployment that it serves, and its throttling."""
        return {
            "Stage": self.name,
            "Deployment": self.digest,
            "MethodSettings": {
                "*/*": {"throttlingRateLimit": self.rate_limit, "throttlingBurstLimit": self.burst_limit}
            },
        }

    @property
    def deployment_description(self) -> str:
        """By which a deployment of the definition is known."""
        return f"{DESCRIPTION}{self.digest}"

    def read(self, api_id: str) -> Properties:
        """What API Gateway says of the stage, with the keys of ``desired``; None for what there is not."""
        stage = self._found(api_id)
        settings = stage.get("methodSettings", {}) if stage else {}
        return {
            "Stage": stage["stageName"] if stage else None,
            "Deployment": self._served(api_id, stage) if stage else None,
            "MethodSettings": {
                path: {key: values.get(key) for key in ("throttlingRateLimit", "throttlingBurstLimit")}
                for path, values in settings.items()
            },
        }

    def deploy(self, api_id: str) -> None:
        """Deploy the definition as it was put, and remove the deployments that no stage serves any more."""
        deployment: Any = self.changes.make(
            lambda: self.apigateway.create_deployment(
                restApiId=api_id, description=self.deployment_description
            ),
            "API Gateway to deploy the definition",
            api_id,
        )
        if self._found(api_id) is None:
            # A lost answer may have made it: then it only has to be pointed at this deployment (F110).
            with ignoring("ConflictException"):
                self.changes.make(
                    lambda: self.apigateway.create_stage(
                        restApiId=api_id,
                        stageName=self.name,
                        deploymentId=deployment["id"],
                        tags={OWNER_TAG: self.owner},
                    ),
                    f"API Gateway to make stage {self.name}",
                    api_id,
                )
        self._patch(api_id, {"/deploymentId": deployment["id"]})
        self._remove_deployments(api_id, but=deployment["id"])

    def set_throttling(self, api_id: str) -> None:
        """Limit all methods alike, and none by itself."""
        stage = self._found(api_id) or {}
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

    def _found(self, api_id: str) -> Any:
        try:
            return self.apigateway.get_stage(restApiId=api_id, stageName=self.name)
        except ClientError as error:
            if is_error(error, "NotFoundException"):
                return None
            raise

    def _served(self, api_id: str, stage: Any) -> str | None:
        """The digest of the definition that the stage serves, None if it is none of ours."""
        deployment = self.apigateway.get_deployment(restApiId=api_id, deploymentId=stage["deploymentId"])
        description = deployment.get("description", "")
        return description.removeprefix(DESCRIPTION) if description.startswith(DESCRIPTION) else None

    def _remove_deployments(self, api_id: str, *, but: str) -> None:
        pages = self.apigateway.get_paginator("get_deployments").paginate(restApiId=api_id)
        for old in [item["id"] for page in pages for item in page["items"] if item["id"] != but]:
            # One that another stage still serves stays.
            with ignoring("BadRequestException", "NotFoundException"):
                self.changes.make(
                    lambda old=old: self.apigateway.delete_deployment(  # type: ignore[misc]
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
        self.changes.make(
            lambda: self.apigateway.update_stage(
                restApiId=api_id, stageName=self.name, patchOperations=operations
            ),
            f"API Gateway to change stage {self.name}",
            api_id,
        )
