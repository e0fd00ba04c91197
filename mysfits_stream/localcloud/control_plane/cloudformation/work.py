"""The types of roles, functions and delivery streams."""

from __future__ import annotations

import json

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.control_plane.cloudformation.provided import Provided
from mysfits_stream.localcloud.control_plane.moto_state import CloudFormationModel
from mysfits_stream.localcloud.settings import ACCOUNT


class Role(Provided, CloudFormationModel):
    """A role with inline policies."""

    TYPE = "AWS::IAM::Role"
    NAME = "RoleName"
    ATTRIBUTES = ("Arn", "RoleId")

    def put(self) -> None:
        """Create or update the role."""
        role, trust = (
            {"RoleName": self.physical_resource_id},
            json.dumps(self.properties["AssumeRolePolicyDocument"]),
        )
        if self.exists:
            self.call("iam", "update_assume_role_policy", **role, PolicyDocument=trust)
        else:
            given = ("Description", "Tags", "Path", "PermissionsBoundary")
            kept = {key: self.properties[key] for key in given if key in self.properties}
            made = self.call("iam", "create_role", **role, AssumeRolePolicyDocument=trust, **kept)["Role"]
            self.attributes |= {"Arn": made["Arn"], "RoleId": made["RoleId"]}
        for policy in self.properties.get("Policies", ()):
            self.call(
                "iam",
                "put_role_policy",
                **role,
                PolicyName=policy["PolicyName"],
                PolicyDocument=json.dumps(policy["PolicyDocument"]),
            )

    def remove(self) -> None:
        """Delete the role."""
        for policy in self.properties.get("Policies", ()):
            self.call(
                "iam",
                "delete_role_policy",
                RoleName=self.physical_resource_id,
                PolicyName=policy["PolicyName"],
            )
        self.call("iam", "delete_role", RoleName=self.physical_resource_id)


class Function(Provided, CloudFormationModel):
    """A function with code from S3."""

    TYPE = "AWS::Lambda::Function"
    NAME = "FunctionName"

    def put(self) -> None:
        """Create or update the function."""
        apart = ("Code", "Architectures", "Tags")
        configuration = {key: value for key, value in self.properties.items() if key not in apart}
        architectures = self.properties.get("Architectures", ["x86_64"])
        if self.exists:
            self.call("lambda", "update_function_configuration", **configuration)
            self._complete()
            self.call(
                "lambda",
                "update_function_code",
                FunctionName=self.physical_resource_id,
                Architectures=architectures,
                **self.properties["Code"],
            )
            self._complete()
            return
        made = self.call(
            "lambda",
            "create_function",
            **configuration,
            Code=self.properties["Code"],
            Architectures=architectures,
            Tags=self.tags(),
        )
        self.attributes["Arn"] = made["FunctionArn"]
        self._complete()

    def _complete(self) -> None:
        """End the transition of the function, for which CloudFormation waits on AWS."""
        stored = moto_state.backend("lambda", ACCOUNT, self.region).get_function(self.physical_resource_id)
        stored.settles_at = 0.0

    def remove(self) -> None:
        """Delete the function."""
        self.call("lambda", "delete_function", FunctionName=self.physical_resource_id)


class Version(Provided, CloudFormationModel):
    """A published version; a version is never changed."""

    TYPE = "AWS::Lambda::Version"
    ATTRIBUTES = ("Version", "FunctionArn")

    def put(self) -> None:
        """Publish the version."""
        made = self.call("lambda", "publish_version", **self.properties)
        self.physical_resource_id = made["FunctionArn"]
        self.attributes |= {"Version": made["Version"], "FunctionArn": made["FunctionArn"]}

    def remove(self) -> None:
        """Delete the version."""
        function, _, version = self.physical_resource_id.rpartition(":")
        self.call("lambda", "delete_function", FunctionName=function, Qualifier=version)


class Alias(Provided, CloudFormationModel):
    """An alias of a function."""

    TYPE = "AWS::Lambda::Alias"
    ATTRIBUTES = ("AliasArn",)

    def put(self) -> None:
        """Create or update the alias."""
        made = self.call("lambda", "update_alias" if self.exists else "create_alias", **self.properties)
        self.physical_resource_id = self.attributes["AliasArn"] = made["AliasArn"]

    def remove(self) -> None:
        """Delete the alias."""
        self.call(
            "lambda",
            "delete_alias",
            FunctionName=self.properties["FunctionName"],
            Name=self.properties["Name"],
        )


class DeliveryStream(Provided, CloudFormationModel):
    """A delivery stream to S3."""

    TYPE = "AWS::KinesisFirehose::DeliveryStream"
    NAME = "DeliveryStreamName"

    def put(self) -> None:
        """Create or update the stream."""
        if not self.exists:
            made = self.call("firehose", "create_delivery_stream", **self.properties)
            self.attributes["Arn"] = made["DeliveryStreamARN"]
            return
        name = {"DeliveryStreamName": self.physical_resource_id}
        found = self.call("firehose", "describe_delivery_stream", **name)["DeliveryStreamDescription"]
        self.call(
            "firehose",
            "update_destination",
            **name,
            CurrentDeliveryStreamVersionId=found["VersionId"],
            DestinationId=found["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate=self.properties["ExtendedS3DestinationConfiguration"],
        )

    def remove(self) -> None:
        """Delete the stream."""
        self.call("firehose", "delete_delivery_stream", DeliveryStreamName=self.physical_resource_id)
