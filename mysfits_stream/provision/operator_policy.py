"""The least permissions to run the tool: policies from the names of ``stack.py``. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any

from mysfits_stream.aws.account import Account
from mysfits_stream.config import Config
from mysfits_stream.provision.alarms import kinds
from mysfits_stream.provision.policies import Document, allow, document, through_s3
from mysfits_stream.provision.resource import OWNER_TAG
from mysfits_stream.provision.stack import Names

PASSED_TO = ["apigateway.amazonaws.com", "firehose.amazonaws.com", "lambda.amazonaws.com"]

MOST_CHARACTERS = 6144
"""The size of a managed policy, white space not counted."""


def operator_policies(config: Config, account: Account, purposes: Collection[str] = ()) -> list[Document]:
    """The identity policy for every command of the tool on this stack, in this region.

    Permissions follow the settings: a repository, a key and a permissions boundary add statements; so do
    ``purposes``, the commands of ``PURPOSES`` that need more. A managed policy holds 6,144 characters; a
    larger policy is split into several documents.
    """
    documents: list[Document] = []
    extra = [PURPOSES[purpose](config, account) for purpose in sorted(set(purposes))]
    for statement in [*_statements(config, account), *extra]:
        if documents and size(document(*documents[-1]["Statement"], statement)) <= MOST_CHARACTERS:
            documents[-1]["Statement"].append(statement)
        else:
            documents.append(document(statement))
    return documents


def _erase(config: Config, account: Account) -> dict[str, Any]:
    """Reads of old versions, and tags of rewritten objects."""
    bucket = account.bucket_arn(Names.of(config, account).bucket)
    return allow(_named("s3", ERASE_ACTIONS), [f"{bucket}/*"])


def size(policy: Document) -> int:
    """The characters of a policy that IAM counts."""
    return len(re.sub(r"\s", "", json.dumps(policy)))


def _statements(config: Config, account: Account) -> list[dict[str, Any]]:
    names = Names.of(config, account)
    path = config.iam.path.lstrip("/")
    roles = [
        account.role_arn(path + name) for name in (names.processor_role, names.delivery_role, names.api_role)
    ]
    bucket = account.bucket_arn(names.bucket)
    function = account.arn("lambda", f"function:{names.function}")
    stream = account.arn("firehose", f"deliverystream/{names.stream}")
    apis = f"arn:{account.partition}:apigateway:{account.region}::"
    groups = [
        account.arn("logs", f"log-group:{name}{suffix}")
        for name in (names.processor_logs, names.delivery_logs)
        for suffix in ("", ":*")
    ]
    statements = [
        *_roles(roles, config.iam.permissions_boundary),
        {
            **allow(["iam:PassRole"], roles),
            "Condition": {"StringEquals": {"iam:PassedToService": PASSED_TO}},
        },
        allow(_named("s3", BUCKET_ACTIONS), [bucket]),
        allow(_named("s3", OBJECT_ACTIONS), [f"{bucket}/*"]),
        allow(_named("lambda", FUNCTION_ACTIONS), [function, f"{function}:*"]),
        allow(_named("firehose", STREAM_ACTIONS), [stream]),
        # AWS chooses the API's id: reads and the create name no API. The create writes the tags.
        allow(["apigateway:GET"], [f"{apis}/restapis", f"{apis}/restapis/*"]),
        allow(["apigateway:POST"], [f"{apis}/restapis"]),
        allow(["apigateway:PUT"], [f"{apis}/tags/*"]),
        {
            **allow(
                [f"apigateway:{verb}" for verb in ("POST", "PUT", "PATCH", "DELETE")], [f"{apis}/restapis/*"]
            ),
            "Condition": {"StringEquals": {f"aws:ResourceTag/{OWNER_TAG}": config.stack}},
        },
        allow(_named("logs", LOG_ACTIONS), groups),
        # API Gateway makes these groups, untagged, with the API's id in the name (F78).
        allow(
            ["logs:DeleteLogGroup"],
            [account.arn("logs", "log-group:API-Gateway-Execution-Logs_*")],
        ),
        # These actions know no narrower resource.
        allow(
            [
                "cloudwatch:GetMetricData",
                "logs:DescribeLogGroups",
                "sts:GetCallerIdentity",
                "tag:GetResources",
            ],
            ["*"],
        ),
    ]
    if config.code_repository:
        statements.append(
            allow(_named("codecommit", CODE_ACTIONS), [account.arn("codecommit", config.code_repository)])
        )
    if config.api.domain:
        domain = f"{apis}/domainnames/{config.api.domain}"
        statements += [
            allow(["apigateway:POST"], [f"{apis}/domainnames"]),
            # The name is part of the configuration, so it needs no condition on tags.
            allow(
                [f"apigateway:{verb}" for verb in ("DELETE", "GET", "PATCH", "POST")],
                [domain, f"{domain}/basepathmappings", f"{domain}/basepathmappings/*"],
            ),
        ]
    if config.query.athena:
        statements += _of_queries(account, names, bucket)
    if config.alarms.on:
        statements += _of_alarms(config, account, names)
    if config.bucket.kms_key:
        statements.append(through_s3(account, bucket, config.bucket.kms_key))
    return statements


def _of_alarms(config: Config, account: Account, names: Names) -> list[dict[str, Any]]:
    """The alarms of the stack, and the topic unless it is the user's own."""
    own = [account.arn("cloudwatch", f"alarm:{config.stack}-{kind.name}") for kind in kinds(config)]
    statements = [
        allow(_named("cloudwatch", ALARM_ACTIONS), own),
        allow(["cloudwatch:DescribeAlarms"], [account.arn("cloudwatch", "alarm:*")]),
    ]
    statements.append(
        allow(
            ["logs:DescribeMetricFilters", "logs:PutMetricFilter"],
            [account.arn("logs", f"log-group:{names.delivery_logs}{suffix}") for suffix in ("", ":*")],
        )
    )
    if not config.alarms.topic:
        statements.append(allow(_named("sns", TOPIC_ACTIONS), [account.arn("sns", names.topic)]))
    return statements


def _of_queries(account: Account, names: Names, bucket: str) -> list[dict[str, Any]]:
    """Glue authorizes a call on a table for the catalog, the database and the table (F216)."""
    database = names.database
    catalog = [
        account.arn("glue", resource)
        for resource in (
            "catalog",
            f"database/{database}",
            f"table/{database}/*",
            # DeleteDatabase deletes functions, too.
            f"userDefinedFunction/{database}/*",
        )
    ]
    return [
        allow(_named("glue", CATALOG_ACTIONS), catalog),
        allow(_named("athena", WORKGROUP_ACTIONS), [account.arn("athena", f"workgroup/{names.workgroup}")]),
        # Athena reads clicks and writes results with the caller's permissions (F221).
        allow(_named("s3", RESULT_ACTIONS), [bucket, f"{bucket}/*"]),
    ]


def _roles(roles: list[str], boundary: str | None) -> list[dict[str, Any]]:
    """All actions on the roles; with a boundary, writes only to roles with the boundary."""
    if not boundary:
        return [allow(_named("iam", f"{ROLE_ACTIONS} {BOUNDED_ACTIONS}"), roles)]
    bounded = allow(_named("iam", f"{BOUNDED_ACTIONS} PutRolePermissionsBoundary"), roles)
    return [
        allow(_named("iam", ROLE_ACTIONS), roles),
        {**bounded, "Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}}},
    ]


def _named(service: str, actions: str) -> list[str]:
    return [f"{service}:{action}" for action in actions.split()]


ROLE_ACTIONS = """
    DeleteRole DeleteRolePolicy DetachRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies
    ListRolePolicies TagRole UpdateAssumeRolePolicy
"""

BOUNDED_ACTIONS = "CreateRole PutRolePolicy"
"""Actions that IAM authorizes by the boundary of the role (condition key iam:PermissionsBoundary)."""

BUCKET_ACTIONS = """
    CreateBucket DeleteBucket GetBucketOwnershipControls GetBucketPolicy GetBucketPublicAccessBlock
    GetBucketTagging GetBucketVersioning GetEncryptionConfiguration GetLifecycleConfiguration ListBucket
    ListBucketVersions PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging
    PutBucketVersioning PutEncryptionConfiguration PutLifecycleConfiguration TagResource
"""
"""PutBucketTagging is for `up --adopt`; TagResource also tags buckets with access control by tags (F46)."""

OBJECT_ACTIONS = "DeleteObject DeleteObjectVersion GetObject PutObject"
"""PutObject is for `replay`, which moves what it has put back aside."""

ERASE_ACTIONS = "GetObjectTagging GetObjectVersion PutObjectTagging"

FUNCTION_ACTIONS = """
    CreateAlias CreateFunction DeleteAlias DeleteFunction DeleteFunctionConcurrency GetAlias GetFunction
    GetFunctionConfiguration InvokeFunction ListTags ListVersionsByFunction PublishVersion TagResource
    UpdateAlias UpdateFunctionCode UpdateFunctionConfiguration
"""

STREAM_ACTIONS = """
    CreateDeliveryStream DeleteDeliveryStream DescribeDeliveryStream ListTagsForDeliveryStream PutRecordBatch
    StartDeliveryStreamEncryption TagDeliveryStream UpdateDestination
"""

LOG_ACTIONS = """
    CreateLogGroup CreateLogStream DeleteLogGroup DescribeLogStreams FilterLogEvents GetLogEvents
    ListTagsForResource PutRetentionPolicy TagResource
"""

CATALOG_ACTIONS = """
    CreateDatabase CreateTable DeleteDatabase DeleteTable GetDatabase GetTable GetTags TagResource
    UpdateDatabase UpdateTable
"""

ALARM_ACTIONS = "DeleteAlarms ListTagsForResource PutMetricAlarm TagResource"

TOPIC_ACTIONS = """
    CreateTopic DeleteTopic ListSubscriptionsByTopic ListTagsForResource Subscribe TagResource Unsubscribe
"""

WORKGROUP_ACTIONS = """
    CreateWorkGroup DeleteWorkGroup GetQueryExecution GetQueryResults GetWorkGroup ListTagsForResource
    StartQueryExecution StopQueryExecution TagResource UpdateWorkGroup
"""

RESULT_ACTIONS = """
    AbortMultipartUpload GetBucketLocation ListBucketMultipartUploads ListMultipartUploadParts
"""

CODE_ACTIONS = """
    CreateCommit CreateRepository DeleteRepository GetBranch GetFolder GetRepository ListTagsForResource
    TagResource
"""

PURPOSES: dict[str, Callable[[Config, Account], dict[str, Any]]] = {"erase": _erase}
"""Commands with a statement of their own, which only ``operator-policy --for`` prints."""
