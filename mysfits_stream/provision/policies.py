"""The policy documents of the stack, with the least permissions.

Pure: names in, documents out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mysfits_stream.aws.account import Account

Document = dict[str, Any]


def document(*statements: dict[str, Any]) -> Document:
    """A policy document with the statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    """A statement that allows actions on resources."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def canonical(policy: Any) -> Document:
    """A policy document in which an element and a list of a single element read the same (F48)."""
    statements = policy.get("Statement", [])
    return {
        **policy,
        "Statement": [
            {
                key: value[0] if isinstance(value, list) and len(value) == 1 else value
                for key, value in statement.items()
            }
            if isinstance(statement, Mapping)
            else statement
            for statement in (statements if isinstance(statements, list) else [statements])
        ],
    }


def trusting(service: str, *, external_id: str | None = None) -> Document:
    """A trust policy for a service, with a condition on ``external_id`` if given (F116)."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return document(statement)


def trusting_github(account: Account, owner: str, repository: str) -> Document:
    """A trust policy for a repository's GitHub Actions: pull requests, branch main (F254)."""
    issuer = "token.actions.githubusercontent.com"
    subject = f"repo:{owner}/{repository}"
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:{account.partition}:iam::{account.id}:oidc-provider/{issuer}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{issuer}:aud": "sts.amazonaws.com",
                    f"{issuer}:sub": [f"{subject}:pull_request", f"{subject}:ref:refs/heads/main"],
                }
            },
        }
    )


def tls_only(bucket_arn: str) -> Document:
    """A bucket policy that denies requests without TLS."""
    return document(
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket_arn, f"{bucket_arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def processor_permissions(account: Account, log_group: str) -> Document:
    """Permission to write to the function's log group, and not to make the group (F77)."""
    return document(
        allow(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [account.arn("logs", f"log-group:{log_group}:*")],
        )
    )


def delivery_permissions(
    account: Account,
    *,
    bucket_arn: str,
    function_arn: str,
    log_group: str,
    log_stream: str,
    kms_key: str | None = None,
) -> Document:
    """The permissions of Firehose's guide on the stack's bucket, function and logs (F118).

    The function is named with and without a version: Firehose invokes the qualified ARN (F119).
    """
    return document(
        allow(
            ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            [bucket_arn],
        ),
        allow(["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], [f"{bucket_arn}/*"]),
        allow(
            ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"],
            [function_arn, f"{function_arn}:*"],
        ),
        allow(
            ["logs:PutLogEvents"],
            [account.arn("logs", f"log-group:{log_group}:log-stream:{log_stream}")],
        ),
        *([through_s3(account, bucket_arn, kms_key)] if kms_key else []),
    )


def through_s3(account: Account, bucket_arn: str, kms_key: str) -> dict[str, Any]:
    """A statement that allows S3 to use a key for the objects of a bucket (F118).

    With bucket keys, S3 names the bucket in the encryption context, else the object.
    """
    return {
        **allow(["kms:Decrypt", "kms:GenerateDataKey"], [kms_key]),
        "Condition": {
            "StringEquals": {"kms:ViaService": f"s3.{account.region}.{account.dns_suffix}"},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": [bucket_arn, f"{bucket_arn}/*"]},
        },
    }


def api_permissions(stream_arn: str) -> Document:
    """Permission to put single records on a delivery stream (F115)."""
    return document(allow(["firehose:PutRecord"], [stream_arn]))
