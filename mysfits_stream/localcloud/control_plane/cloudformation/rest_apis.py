"""The types of REST APIs, deployments and stages."""

from __future__ import annotations

import json

from mysfits_stream.localcloud.control_plane.cloudformation.provided import Provided
from mysfits_stream.localcloud.control_plane.moto_state import CloudFormationModel


class RestApi(Provided, CloudFormationModel):
    """A REST API, imported from its body."""

    TYPE = "AWS::ApiGateway::RestApi"
    ATTRIBUTES = ("RestApiId", "RootResourceId")

    def put(self) -> None:
        """Import the API, or overwrite an existing API."""
        given = self.properties
        if not self.exists:
            made = self.call(
                "apigateway",
                "create_rest_api",
                name=given["Name"],
                description=given.get("Description", ""),
                endpointConfiguration={
                    "types": given.get("EndpointConfiguration", {}).get("Types", ["EDGE"])
                },
                tags=self.tags(),
            )
            self.physical_resource_id = made["id"]
            self.attributes |= {"RestApiId": made["id"], "RootResourceId": made["rootResourceId"]}
        if "Body" in given:
            self.call(
                "apigateway",
                "put_rest_api",
                restApiId=self.physical_resource_id,
                mode=given.get("Mode", "overwrite"),
                failOnWarnings=given.get("FailOnWarnings", False),
                body=json.dumps(given["Body"]).encode(),
            )

    def remove(self) -> None:
        """Delete the API."""
        self.call("apigateway", "delete_rest_api", restApiId=self.physical_resource_id)


class Deployment(Provided, CloudFormationModel):
    """A deployment of a REST API."""

    TYPE = "AWS::ApiGateway::Deployment"
    ATTRIBUTES = ("DeploymentId",)

    def put(self) -> None:
        """Create the deployment."""
        if not self.exists:
            made = self.call(
                "apigateway",
                "create_deployment",
                restApiId=self.properties["RestApiId"],
                description=self.properties.get("Description", ""),
            )
            self.physical_resource_id = self.attributes["DeploymentId"] = made["id"]

    def remove(self) -> None:
        """Delete the deployment."""
        self.call(
            "apigateway",
            "delete_deployment",
            restApiId=self.properties["RestApiId"],
            deploymentId=self.physical_resource_id,
        )


class Stage(Provided, CloudFormationModel):
    """A stage with method settings."""

    TYPE = "AWS::ApiGateway::Stage"
    NAME = "StageName"
    ATTRIBUTES = ()

    def put(self) -> None:
        """Create or update the stage."""
        given = self.properties
        stage = {"restApiId": given["RestApiId"], "stageName": self.physical_resource_id}
        changes = {}
        if self.exists:
            changes["/deploymentId"] = given["DeploymentId"]
        else:
            self.call(
                "apigateway", "create_stage", **stage, deploymentId=given["DeploymentId"], tags=self.tags()
            )
        for settings in given.get("MethodSettings", ()):
            path = settings["ResourcePath"].removeprefix("/").replace("/", "~1")
            where = f"/{path}/{settings['HttpMethod']}/throttling"
            changes[f"{where}/rateLimit"] = settings["ThrottlingRateLimit"]
            changes[f"{where}/burstLimit"] = settings["ThrottlingBurstLimit"]
        operations = [{"op": "replace", "path": path, "value": value} for path, value in changes.items()]
        self.call("apigateway", "update_stage", **stage, patchOperations=operations)

    def remove(self) -> None:
        """Delete the stage."""
        self.call(
            "apigateway",
            "delete_stage",
            restApiId=self.properties["RestApiId"],
            stageName=self.physical_resource_id,
        )
