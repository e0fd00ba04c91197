"""The account we are in, its clients, and predicates on AWS's errors.

What an error means for a resource is for that resource's own file to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mysfits_stream.provision.resource import OWNER_TAG

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


def is_error(error: BaseException, *codes: str, message: str = "") -> bool:
    """Whether AWS answered with one of these codes, and with a text that contains ``message``.

    Codes are compared as AWS sends them: much of what AWS returns is not in botocore's models (F41).
    """
    return (
        isinstance(error, ClientError)
        and error.response["Error"].get("Code") in codes
        and message in (error.response["Error"].get("Message") or "")
    )


def is_server_error(error: BaseException) -> bool:
    """Whether AWS itself failed: an empty 500 may come in the middle of anything (F4)."""
    if not isinstance(error, ClientError):
        return False
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500


def is_denied(error: BaseException) -> bool:
    """Whether the operator's own permissions do not suffice; never worth a retry (F132)."""
    # The answer to HEAD has no body, so that its code is the status (F40).
    return is_error(error, "AccessDenied", "AccessDeniedException", "UnauthorizedException", "403")


def retry_after(error: Exception) -> float | None:
    """The seconds that AWS asks us to wait, from the Retry-After header (F21, F61)."""
    if not isinstance(error, ClientError):
        return None
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    value = headers.get("retry-after", "")
    return float(value) if value.isdigit() else None


@contextmanager
def ignoring(*codes: str) -> Iterator[None]:
    """Go on if AWS answers with one of these codes: what was asked for is so already."""
    try:
        yield
    except ClientError as error:
        if not is_error(error, *codes):
            raise


def tag_list(tags: Mapping[str, str]) -> list[Any]:
    """Tags as S3, IAM and Firehose spell them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def owner_of(tags: Any) -> str | None:
    """The owner tag's value among tags in any of AWS's spellings: a mapping, or a list of Key and Value."""
    if isinstance(tags, Mapping):
        return tags.get(OWNER_TAG)
    return next((tag["Value"] for tag in tags if tag["Key"] == OWNER_TAG), None)
