"""The types of storage: buckets and log groups."""

from __future__ import annotations

import json

from mysfits_stream.localcloud.control_plane.cloudformation.calls import partition
from mysfits_stream.localcloud.control_plane.cloudformation.provided import Properties, Provided
from mysfits_stream.localcloud.control_plane.moto_state import CloudFormationModel


class Bucket(Provided, CloudFormationModel):
    """A bucket with settings."""

    TYPE = "AWS::S3::Bucket"
    NAME = "BucketName"

    def put(self) -> None:
        """Create or update the bucket."""
        bucket, given = {"Bucket": self.physical_resource_id}, self.properties
        if not self.exists:
            configuration: Properties = {"Tags": given.get("Tags", [])}
            if self.region != "us-east-1":
                configuration["LocationConstraint"] = self.region
            self.call("s3", "create_bucket", **bucket, CreateBucketConfiguration=configuration)
            self.attributes["Arn"] = f"arn:{partition(self.region)}:s3:::{self.physical_resource_id}"
        if versioning := given.get("VersioningConfiguration"):
            self.call("s3", "put_bucket_versioning", **bucket, VersioningConfiguration=versioning)
        if block := given.get("PublicAccessBlockConfiguration"):
            self.call("s3", "put_public_access_block", **bucket, PublicAccessBlockConfiguration=block)
        if ownership := given.get("OwnershipControls"):
            self.call("s3", "put_bucket_ownership_controls", **bucket, OwnershipControls=ownership)
        if encryption := given.get("BucketEncryption"):
            rules = [
                {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
                | {key: rule[key] for key in ("BucketKeyEnabled",) if key in rule}
                for rule in encryption["ServerSideEncryptionConfiguration"]
            ]
            self.call(
                "s3", "put_bucket_encryption", **bucket, ServerSideEncryptionConfiguration={"Rules": rules}
            )
        if lifecycle := given.get("LifecycleConfiguration"):
            renamed = [
                {"ID": rule["Id"], "Filter": {"Prefix": rule.get("Prefix", "")}}
                | ({"Expiration": {"Days": rule["ExpirationInDays"]}} if "ExpirationInDays" in rule else {})
                | {key: rule[key] for key in rule if key not in ("Id", "Prefix", "ExpirationInDays")}
                for rule in lifecycle["Rules"]
            ]
            self.call(
                "s3",
                "put_bucket_lifecycle_configuration",
                **bucket,
                LifecycleConfiguration={"Rules": renamed},
            )

    def remove(self) -> None:
        """Delete the bucket."""
        self.call("s3", "delete_bucket", Bucket=self.physical_resource_id)


class BucketPolicy(Provided, CloudFormationModel):
    """A bucket's policy."""

    TYPE = "AWS::S3::BucketPolicy"
    NAME = "Bucket"
    ATTRIBUTES = ()

    def put(self) -> None:
        """Set the policy."""
        policy = json.dumps(self.properties["PolicyDocument"])
        self.call("s3", "put_bucket_policy", Bucket=self.physical_resource_id, Policy=policy)

    def remove(self) -> None:
        """Delete the policy."""
        self.call("s3", "delete_bucket_policy", Bucket=self.physical_resource_id)


class LogGroup(Provided, CloudFormationModel):
    """A log group with a retention."""

    TYPE = "AWS::Logs::LogGroup"
    NAME = "LogGroupName"

    def put(self) -> None:
        """Create or update the log group."""
        group = {"logGroupName": self.physical_resource_id}
        if not self.exists:
            tags = {"tags": self.tags()} if self.tags() else {}
            self.call("logs", "create_log_group", **group, **tags)
            found = self.call("logs", "describe_log_groups", logGroupNamePrefix=self.physical_resource_id)
            self.attributes["Arn"] = found["logGroups"][0]["arn"]
        if days := self.properties.get("RetentionInDays"):
            self.call("logs", "put_retention_policy", **group, retentionInDays=days)

    def remove(self) -> None:
        """Delete the log group."""
        self.call("logs", "delete_log_group", logGroupName=self.physical_resource_id)


class LogStream(Provided, CloudFormationModel):
    """A log stream."""

    TYPE = "AWS::Logs::LogStream"
    NAME = "LogStreamName"
    ATTRIBUTES = ()

    def put(self) -> None:
        """Create the log stream."""
        if not self.exists:
            self.call("logs", "create_log_stream", **self._stream())

    def remove(self) -> None:
        """Delete the log stream."""
        self.call("logs", "delete_log_stream", **self._stream())

    def _stream(self) -> Properties:
        return {
            "logGroupName": self.properties["LogGroupName"],
            "logStreamName": self.physical_resource_id,
        }
