"""What the person who runs the tool needs, and no more: a policy from the names of ``stack.py``. Pure."""

from __future__ import annotations

from mysfits_stream.aws.account import Account
from mysfits_stream.provision.policies import Document, allow, document
from mysfits_stream.provision.stack import Names

PASSED_TO = ["apigateway.amazonaws.com", "firehose.amazonaws.com", "lambda.amazonaws.com"]


def operator_policy(names: Names, account: Account, code_repository: str | None = None) -> Document:
    """The identity policy for every command of the tool on this stack, in this region.

    ``code_repository`` is where the code is published, if it is.
    """
    roles = [account.role_arn(name) for name in (names.processor_role, names.delivery_role, names.api_role)]
    bucket = account.bucket_arn(names.bucket)
    function = account.arn("lambda", f"function:{names.function}")
    stream = account.arn("firehose", f"deliverystream/{names.stream}")
    apis = f"arn:{account.partition}:apigateway:{account.region}::"
    groups = [
        account.arn("logs", f"log-group:{name}{suffix}")
        for name in (names.processor_logs, names.delivery_logs, "API-Gateway-Execution-Logs_*")
        for suffix in ("", ":*")
    ]
    code = account.arn("codecommit", code_repository) if code_repository else None
    return document(
        allow(_named("iam", ROLE_ACTIONS), roles),
        {
            **allow(["iam:PassRole"], roles),
            "Condition": {"StringEquals": {"iam:PassedToService": PASSED_TO}},
        },
        allow(_named("s3", BUCKET_ACTIONS), [bucket]),
        allow(_named("s3", OBJECT_ACTIONS), [f"{bucket}/*"]),
        allow(_named("lambda", FUNCTION_ACTIONS), [function, f"{function}:*"]),
        allow(_named("firehose", STREAM_ACTIONS), [stream]),
        # The API's id is AWS's to choose, so the path cannot name it; tags are written on creation.
        allow(["apigateway:GET", "apigateway:POST"], [f"{apis}/restapis"]),
        allow(
            [f"apigateway:{verb}" for verb in ("GET", "POST", "PUT", "PATCH", "DELETE")],
            [f"{apis}/restapis/*", f"{apis}/tags/*"],
        ),
        allow(_named("logs", LOG_ACTIONS), groups),
        *([allow(_named("codecommit", CODE_ACTIONS), [code])] if code else []),
        # These know no narrower resource.
        allow(
            [
                "cloudwatch:GetMetricData",
                "logs:DescribeLogGroups",
                "sts:GetCallerIdentity",
                "tag:GetResources",
            ],
            ["*"],
        ),
    )


def _named(service: str, actions: str) -> list[str]:
    return [f"{service}:{action}" for action in actions.split()]


ROLE_ACTIONS = """
    CreateRole DeleteRole DeleteRolePolicy DetachRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies
    ListRolePolicies PutRolePolicy TagRole UpdateAssumeRolePolicy
"""

BUCKET_ACTIONS = """
    CreateBucket DeleteBucket GetBucketOwnershipControls GetBucketPolicy GetBucketPublicAccessBlock
    GetBucketTagging GetBucketVersioning GetEncryptionConfiguration GetLifecycleConfiguration ListBucket
    ListBucketVersions PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging
    PutBucketVersioning PutEncryptionConfiguration PutLifecycleConfiguration TagResource
"""
"""PutBucketTagging is for `up --adopt`."""

OBJECT_ACTIONS = "DeleteObject DeleteObjectVersion GetObject PutObject"
"""PutObject is for `replay`, which moves what it has put back aside."""

FUNCTION_ACTIONS = """
    CreateFunction DeleteFunction DeleteFunctionConcurrency GetFunction GetFunctionConfiguration ListTags
    TagResource UpdateFunctionCode UpdateFunctionConfiguration
"""

STREAM_ACTIONS = """
    CreateDeliveryStream DeleteDeliveryStream DescribeDeliveryStream ListTagsForDeliveryStream PutRecordBatch
    StartDeliveryStreamEncryption TagDeliveryStream UpdateDestination
"""

LOG_ACTIONS = """
    CreateLogGroup CreateLogStream DeleteLogGroup DescribeLogStreams GetLogEvents ListTagsForResource
    PutRetentionPolicy TagResource
"""

CODE_ACTIONS = """
    CreateCommit CreateRepository DeleteRepository GetBranch GetFolder GetRepository ListTagsForResource
    TagResource
"""
