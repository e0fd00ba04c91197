"""The account and region of a stack, ARNs, and the clients of the services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient
    from types_boto3_athena import AthenaClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_firehose import FirehoseClient
    from types_boto3_glue import GlueClient
    from types_boto3_iam import IAMClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_s3 import S3Client
    from types_boto3_s3control import S3ControlClient
    from types_boto3_sns import SNSClient


@dataclass(frozen=True)
class Account:
    """Account, region and partition of a stack: the parts of ARNs and URLs besides names."""

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
        """The ARN of a bucket; bucket names are unique in the partition."""
        return f"arn:{self.partition}:s3:::{bucket_name}"

    def rest_api_arn(self, api_id: str) -> str:
        """The ARN of a REST API, without an account."""
        return f"arn:{self.partition}:apigateway:{self.region}::/restapis/{api_id}"


@dataclass(frozen=True)
class Clients:
    """The clients of the services that the deployer uses, built once, in one thread (F72)."""

    s3: S3Client
    """Calls name the expected owner of a bucket: see ``own_buckets_only``."""
    iam: IAMClient
    function: LambdaClient
    firehose: FirehoseClient
    apigateway: APIGatewayClient
    logs: CloudWatchLogsClient
    glue: GlueClient = None  # type: ignore[assignment]
    """Built with ``query.athena`` only, as is ``athena``."""
    athena: AthenaClient = None  # type: ignore[assignment]
    s3control: Callable[[], S3ControlClient] = None  # type: ignore[assignment]
    """Builds the client on first use: few buckets need S3 Control."""
    cloudwatch: CloudWatchClient = None  # type: ignore[assignment]
    """Built with ``alarms`` only, as is ``sns``."""
    sns: SNSClient = None  # type: ignore[assignment]


def own_buckets_only(s3: Any, account_id: str) -> None:
    """Let S3 reject each call of this client on a bucket of another account, with AccessDenied.

    The name of a bucket does not tell the owner, so every operation with a parameter for the expected owner
    sends the parameter: a configured name never leads into a foreign bucket.
    """

    def name_the_owner(params: dict[str, Any], model: Any, **_: Any) -> None:
        for owner in ("ExpectedBucketOwner", "ExpectedSourceBucketOwner"):
            if model.input_shape and owner in model.input_shape.members:
                params.setdefault(owner, account_id)

    s3.meta.events.register("before-parameter-build.s3", name_the_owner)
