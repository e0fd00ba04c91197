"""The account we are in, its clients, and predicates on AWS's errors.

What an error means for a resource is for that resource's own file to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient
    from types_boto3_firehose import FirehoseClient
    from types_boto3_iam import IAMClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class Account:
    """Where the stack lives: all that its ARNs and URLs need besides names."""

    id: str
    region: str
    partition: str = "aws"
    dns_suffix: str = "amazonaws.com"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a regional resource."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.id}:{resource}"

    def role_arn(self, role_name: str) -> str:
        """The ARN of a role; IAM knows no regions."""
        return f"arn:{self.partition}:iam::{self.id}:role/{role_name}"

    def bucket_arn(self, bucket_name: str) -> str:
        """The ARN of a bucket; its name is unique in the partition."""
        return f"arn:{self.partition}:s3:::{bucket_name}"


@dataclass(frozen=True)
class Clients:
    """The clients of the services that the deployer uses, built once, in one thread (F72)."""

    s3: S3Client
    iam: IAMClient
    function: LambdaClient
    firehose: FirehoseClient
    apigateway: APIGatewayClient
    logs: CloudWatchLogsClient
