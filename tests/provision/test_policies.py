"""Each role may do what it is for, and nothing that only looks alike."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from mysfits_stream.aws.account import Account
from mysfits_stream.localcloud.iam import Decision, evaluate, may_assume
from mysfits_stream.provision import policies

ACCOUNT = Account(id="123456789012", region="eu-west-1")
ACCOUNTS = [
    ACCOUNT,
    Account("123456789012", "cn-north-1", "aws-cn", "amazonaws.com.cn"),
    Account("123456789012", "us-gov-west-1", "aws-us-gov"),
]
BUCKET = "arn:aws:s3:::clicks-123456789012-eu-west-1"
FUNCTION = ACCOUNT.arn("lambda", "function:clicks-processor")
STREAM = ACCOUNT.arn("firehose", "deliverystream/clicks-clicks")
GROUP = "/aws/kinesisfirehose/clicks-clicks"
LOG_STREAM = ACCOUNT.arn("logs", f"log-group:{GROUP}:log-stream:S3Delivery")
PROCESSOR_GROUP = ACCOUNT.arn("logs", "log-group:/aws/lambda/clicks-processor")

PROCESSOR = policies.processor_permissions(ACCOUNT, "/aws/lambda/clicks-processor")
DELIVERY = policies.delivery_permissions(
    ACCOUNT, bucket_arn=BUCKET, function_arn=FUNCTION, log_group=GROUP, log_stream="S3Delivery"
)
API = policies.api_permissions(STREAM)

ALLOWED = [
    (PROCESSOR, "logs:CreateLogStream", f"{PROCESSOR_GROUP}:log-stream:2026/01/01/[$LATEST]x"),
    (PROCESSOR, "logs:PutLogEvents", f"{PROCESSOR_GROUP}:log-stream:2026/01/01/[$LATEST]x"),
    *[(DELIVERY, f"s3:{action}", BUCKET) for action in ("GetBucketLocation", "ListBucket")],
    (DELIVERY, "s3:ListBucketMultipartUploads", BUCKET),
    *[
        (DELIVERY, f"s3:{action}", f"{BUCKET}/firehose/x")
        for action in ("PutObject", "GetObject", "AbortMultipartUpload")
    ],
    *[
        (DELIVERY, f"lambda:{action}", arn)
        for action in ("InvokeFunction", "GetFunctionConfiguration")
        for arn in (FUNCTION, f"{FUNCTION}:$LATEST")
    ],
    (DELIVERY, "logs:PutLogEvents", LOG_STREAM),
    (API, "firehose:PutRecord", STREAM),
]

DENIED = [
    (PROCESSOR, "logs:CreateLogGroup", PROCESSOR_GROUP, "a late log event would bring the group back (F77)"),
    (PROCESSOR, "logs:CreateLogGroup", f"{PROCESSOR_GROUP}:*", "the same, as other services spell a group"),
    (PROCESSOR, "logs:PutLogEvents", f"{LOG_STREAM}", "the delivery's log is not the processor's"),
    (PROCESSOR, "dynamodb:GetItem", "*", "the workshop gave this, and nothing uses it"),
    (DELIVERY, "s3:PutObject", f"{BUCKET}-backup/x", "another bucket begins alike (F120)"),
    (DELIVERY, "s3:ListBucket", f"{BUCKET}-backup", "another bucket begins alike (F120)"),
    (DELIVERY, "s3:DeleteObject", f"{BUCKET}/x", "delivery deletes nothing"),
    (DELIVERY, "s3:PutObjectAcl", f"{BUCKET}/x", "only other accounts' buckets need it (F118)"),
    (DELIVERY, "lambda:InvokeFunction", f"{FUNCTION}-other", "another function begins alike"),
    (DELIVERY, "logs:PutLogEvents", f"{LOG_STREAM}2", "another log stream begins alike"),
    (API, "firehose:PutRecord", f"{STREAM}2", "another stream begins alike"),
    (API, "firehose:PutRecordBatch", STREAM, "the API puts one record at a time (F115)"),
    (API, "firehose:DeleteDeliveryStream", STREAM, "the API only puts"),
]


@pytest.mark.parametrize(
    ("document", "action", "resource"), ALLOWED, ids=[f"{action} on {arn}" for _, action, arn in ALLOWED]
)
def test_allows(document: dict[str, Any], action: str, resource: str) -> None:
    assert evaluate([document], action, resource) is Decision.ALLOW


@pytest.mark.parametrize(
    ("document", "action", "resource"),
    [pytest.param(*row[:3], id=f"{row[1]}: {row[3]}") for row in DENIED],
)
def test_does_not_allow(document: dict[str, Any], action: str, resource: str) -> None:
    assert evaluate([document], action, resource) is Decision.IMPLICIT_DENY


@pytest.mark.parametrize("statements", [5, "x", [5], [None], {"Effect": "Allow"}])
def test_a_policy_of_another_form_differs_from_ours(statements: Any) -> None:
    assert policies.canonical({"Statement": statements}) != policies.canonical(policies.document())


def test_no_statement_names_everything() -> None:
    for statement in itertools.chain(*(d["Statement"] for d in (PROCESSOR, DELIVERY, API))):
        assert "*" not in statement["Resource"]
        assert not [action for action in statement["Action"] if "*" in action]


@pytest.mark.parametrize(
    ("trust", "service", "context", "trusted"),
    [
        (policies.trusting("lambda.amazonaws.com"), "lambda.amazonaws.com", {}, True),
        (policies.trusting("lambda.amazonaws.com"), "firehose.amazonaws.com", {}, False),
        # Firehose brings the account's number along, and a confused deputy another one (F116).
        (
            policies.trusting("firehose.amazonaws.com", external_id="1"),
            "firehose.amazonaws.com",
            {"sts:ExternalId": "1"},
            True,
        ),
        (
            policies.trusting("firehose.amazonaws.com", external_id="1"),
            "firehose.amazonaws.com",
            {"sts:ExternalId": "2"},
            False,
        ),
        (policies.trusting("firehose.amazonaws.com", external_id="1"), "firehose.amazonaws.com", {}, False),
    ],
)
def test_trusts_one_service_only(
    trust: dict[str, Any], service: str, context: dict[str, str], trusted: bool
) -> None:
    assert may_assume(trust, service, context) is trusted


def test_the_api_role_is_trusted_without_a_condition() -> None:
    """F115: API Gateway brings neither account nor ARN along, and every click would fail."""
    assert "Condition" not in policies.trusting("apigateway.amazonaws.com")["Statement"][0]


def test_the_bucket_refuses_what_does_not_come_over_tls() -> None:
    document = policies.tls_only(BUCKET)
    (statement,) = document["Statement"]
    assert statement["Effect"] == "Deny" and statement["Principal"] == "*"
    assert statement["Resource"] == [BUCKET, f"{BUCKET}/*"]
    plain, tls = {"aws:SecureTransport": "false"}, {"aws:SecureTransport": "true"}
    assert evaluate([document], "s3:GetObject", f"{BUCKET}/x", plain) is Decision.EXPLICIT_DENY
    assert evaluate([document], "s3:GetObject", f"{BUCKET}/x", tls) is Decision.IMPLICIT_DENY


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.partition)
def test_arns_carry_their_partition(account: Account) -> None:
    documents = [
        policies.processor_permissions(account, "g"),
        policies.delivery_permissions(
            account,
            bucket_arn=account.bucket_arn("b"),
            function_arn=account.arn("lambda", "function:f"),
            log_group="g",
            log_stream="s",
        ),
        policies.api_permissions(account.arn("firehose", "deliverystream/s")),
    ]
    arns = [arn for d in documents for statement in d["Statement"] for arn in statement["Resource"]]
    assert {arn.split(":")[1] for arn in arns} == {account.partition}
    assert account.role_arn("r") == f"arn:{account.partition}:iam::123456789012:role/r"


def test_policies_fit_into_iams_limits() -> None:
    """A trust policy has 2,048 characters (F48), a role's inline policies 10,240 together."""
    assert len(json.dumps(policies.trusting("firehose.amazonaws.com", external_id="1" * 12))) < 2048
    longest = Account("1" * 12, "ap-southeast-1", "aws-us-gov")
    document = policies.delivery_permissions(
        longest,
        bucket_arn=longest.bucket_arn("b" * 63),
        function_arn=longest.arn("lambda", "function:" + "f" * 64),
        log_group="g" * 100,
        log_stream="s" * 20,
    )
    assert len(json.dumps(document)) < 10_240
