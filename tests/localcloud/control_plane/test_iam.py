"""IAM's control plane: the policies that IAM rejects, and permissions boundaries."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.localcloud.test_server import CLICK, click_pipeline
from tests.support.cloud import CloudUnderTest

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "firehose.amazonaws.com"}}
LONG = [f"arn:aws:s3:::{'x' * 200}/{number}" for number in range(60)]
MALFORMED = "MalformedPolicyDocument"


def document(*statements: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


@pytest.fixture
def iam(local_cloud: CloudUnderTest) -> Any:
    client = local_cloud.client("iam")
    client.create_role(RoleName="role", AssumeRolePolicyDocument=document(TRUST))
    return client


IDENTITY = [
    pytest.param(document({**ALLOW, "Principal": "*"}), MALFORMED, "not specify a principal", id="principal"),
    pytest.param(
        document({**ALLOW, "NotPrincipal": {"AWS": "*"}}), MALFORMED, "not specify a principal", id="not one"
    ),
    pytest.param(document({**ALLOW, "Resource": LONG}), "LimitExceeded", "size of 10240 bytes", id="long"),
    pytest.param(
        document({**ALLOW, "Condition": {"StringEqualz": {"aws:CurrentTime": "1"}}}),
        MALFORMED,
        "StringEqualz",
        id="no such operator",
    ),
    pytest.param(document({**ALLOW, "Condition": "x"}), MALFORMED, "Syntax errors", id="condition is text"),
    pytest.param(document({**ALLOW, "Sid": "\ud83d"}), MALFORMED, "alpha-numeric", id="lone surrogate"),
    pytest.param(document({**ALLOW, "Sid": "a b"}), MALFORMED, "alpha-numeric", id="sid"),
    pytest.param(document("text"), MALFORMED, "Syntax errors", id="statement is text"),
    pytest.param("[" * 100_000, MALFORMED, "invalid Json", id="nested deeply"),
    pytest.param("[1]", MALFORMED, "invalid Json", id="a list"),
    pytest.param(
        document({**ALLOW, "Condition": {"StringEquals": {"aws:ResourceTag/team": "clicks"}}}),
        "NotSimulated",
        "condition aws:ResourceTag/team",
        id="key that is not simulated",
    ),
]


@pytest.mark.parametrize(("text", "code", "message"), IDENTITY)
def test_an_inline_policy_that_iam_rejects(iam: Any, text: str, code: str, message: str) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        iam.put_role_policy(RoleName="role", PolicyName="policy", PolicyDocument=text)
    assert caught.value.response["Error"]["Code"] == code
    assert iam.list_role_policies(RoleName="role")["PolicyNames"] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Action": "*:GetObject"}, "Action vendors .* must not contain wildcards"),
        ({"Action": ["s3:GetObject", "s?:PutObject"]}, "Action vendors .* must not contain wildcards"),
        (
            {"Resource": "arn:aws-cn:s3:::b"},
            'Partition "aws-cn" is not valid for resource "arn:aws-cn:s3:::b"',
        ),
    ],
)
def test_an_identity_policy_names_services_and_the_accounts_partition(
    iam: Any, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        iam.put_role_policy(RoleName="role", PolicyName="p", PolicyDocument=document({**ALLOW, **change}))


@pytest.mark.parametrize(
    ("arn", "code", "message"),
    [
        ("a-long-name-without-an-arn", "ValidationError", "Invalid ARN:  Could not be parsed!"),
        ("arn:aws:iam::123456789012:role/role", "InvalidInput", "is not valid"),
    ],
)
def test_a_policy_is_named_by_its_arn(iam: Any, arn: str, code: str, message: str) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        iam.attach_role_policy(RoleName="role", PolicyArn=arn)
    assert caught.value.response["Error"]["Code"] == code


def test_inline_policies_are_counted_together(iam: Any) -> None:
    half = document({**ALLOW, "Resource": LONG[:30]})
    iam.put_role_policy(RoleName="role", PolicyName="first", PolicyDocument=half)
    iam.put_role_policy(RoleName="role", PolicyName="first", PolicyDocument=half)
    with pytest.raises(ClientError, match="Maximum policy size"):
        iam.put_role_policy(RoleName="role", PolicyName="second", PolicyDocument=half)


def test_a_managed_policy_is_shorter(iam: Any) -> None:
    with pytest.raises(ClientError, match="PolicySize: 6144"):
        iam.create_policy(PolicyName="policy", PolicyDocument=document({**ALLOW, "Resource": LONG[:40]}))


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ({**TRUST, "Action": "sts:*"}, "only specify STS AssumeRole actions"),
        ({**TRUST, "Action": "*"}, "only specify STS AssumeRole actions"),
        ({**TRUST, "Action": "sts:assumerole"}, "only specify STS AssumeRole actions"),
        ({**TRUST, "Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}}, "Invalid principal"),
        ({**TRUST, "Action": ["sts:AssumeRole", "s3:GetObject"]}, "only specify STS AssumeRole actions"),
        (
            {**TRUST, "Principal": {"Service": "firehouse.amazonaws.com"}},
            '"SERVICE":"firehouse.amaz',
        ),
        ({**TRUST, "Principal": {"Service": "firehose"}}, '"SERVICE":"firehose"'),
        ({**TRUST, "Principal": {"AWS": "nobody"}}, '"AWS":"nobody"'),
        ({**TRUST, "Principal": {"AWS": "arn:aws:iam::123456789012:role/none"}}, "role/none"),
        ({**TRUST, "Principal": {"Somebody": "x"}}, "Invalid principal"),
        ({**TRUST, "Resource": "*"}, "prohibited field Resource"),
        ("text", "Syntax errors"),
    ],
)
def test_a_trust_policy_that_iam_rejects(iam: Any, statement: Any, message: str) -> None:
    text = document(statement)
    with pytest.raises(ClientError, match=message) as created:
        iam.create_role(RoleName="other", AssumeRolePolicyDocument=text)
    with pytest.raises(ClientError, match=message) as updated:
        iam.update_assume_role_policy(RoleName="role", PolicyDocument=text)
    assert {each.value.response["Error"]["Code"] for each in (created, updated)} == {MALFORMED}
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["role"]


@pytest.mark.parametrize(
    "principal",
    [
        {"Service": ["firehose.amazonaws.com", "edgelambda.amazonaws.com", "logs.eu-west-1.amazonaws.com"]},
        {"AWS": ["111122223333", "arn:aws:iam::111122223333:root", "arn:aws:iam::123456789012:role/role"]},
        "*",
    ],
)
def test_a_trust_policy_that_iam_accepts(iam: Any, principal: Any) -> None:
    trust = {**TRUST, "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    iam.update_assume_role_policy(RoleName="role", PolicyDocument=document(trust))


def test_values_are_checked_by_the_model(iam: Any) -> None:
    for given in ({"Path": "teams"}, {"MaxSessionDuration": 43201}, {"Description": "x" * 1001}):
        with pytest.raises(ClientError, match="1 validation error detected"):
            iam.create_role(RoleName="other", AssumeRolePolicyDocument=document(TRUST), **given)


def test_a_boundary_must_exist(iam: Any) -> None:
    missing = "arn:aws:iam::123456789012:policy/missing"
    with pytest.raises(ClientError, match="does not exist or is not attachable"):
        iam.put_role_permissions_boundary(RoleName="role", PermissionsBoundary=missing)
    boundary = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    iam.put_role_permissions_boundary(RoleName="role", PermissionsBoundary=boundary)
    shown = iam.get_role(RoleName="role")["Role"]["PermissionsBoundary"]
    assert shown == {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
        "PermissionsBoundaryArn": boundary,
    }
    iam.delete_role_permissions_boundary(RoleName="role")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="role")["Role"]


def put(url: str) -> int:
    return requests.put(url, json=CLICK, timeout=10).status_code


def test_a_boundary_limits_what_a_role_may_do(local_cloud: CloudUnderTest) -> None:
    url, iam = click_pipeline(local_cloud), local_cloud.client("iam")
    statuses = []
    for service in ("firehose", "s3"):
        policy = document({"Effect": "Allow", "Action": f"{service}:*", "Resource": "*"})
        arn = iam.create_policy(PolicyName=service, PolicyDocument=policy)["Policy"]["Arn"]
        iam.put_role_permissions_boundary(RoleName="api", PermissionsBoundary=arn)
        statuses.append(put(url))
    iam.delete_role_permissions_boundary(RoleName="api")
    assert (statuses, put(url)) == ([200, 502], 200)


@pytest.mark.parametrize(
    ("operator", "key", "value", "status"),
    [
        ("StringEquals", "aws:RequestedRegion", "eu-west-1", 200),
        ("StringEquals", "aws:RequestedRegion", "us-east-1", 502),
        ("StringEquals", "aws:ResourceAccount", "123456789012", 200),
        ("StringEquals", "aws:ResourceAccount", "${aws:PrincipalAccount}", 200),
        ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z", 200),
        ("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z", 502),
        ("NumericGreaterThan", "aws:EpochTime", "1577836800", 200),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/api", 200),
        ("Bool", "aws:SecureTransport", "true", 200),
        ("Bool", "aws:ViaAWSService", "true", 502),
        ("StringEquals", "aws:PrincipalTag/team", "clicks", 200),
        ("StringEquals", "aws:PrincipalTag/team", "others", 502),
        ("Null", "aws:MultiFactorAuthAge", "true", 200),
    ],
)
def test_a_request_has_the_global_condition_keys(
    local_cloud: CloudUnderTest, operator: str, key: str, value: str, status: int
) -> None:
    url, iam = click_pipeline(local_cloud), local_cloud.client("iam")
    iam.tag_role(RoleName="api", Tags=[{"Key": "team", "Value": "clicks"}])
    [name] = iam.list_role_policies(RoleName="api")["PolicyNames"]
    may = {"Effect": "Allow", "Action": "firehose:PutRecord", "Resource": "*"}
    policy = document({**may, "Condition": {operator: {key: value}}})
    iam.put_role_policy(RoleName="api", PolicyName=name, PolicyDocument=policy)
    assert put(url) == status


def test_the_region_and_the_account_of_a_bucket_count(local_cloud: CloudUnderTest) -> None:
    url, iam = click_pipeline(local_cloud), local_cloud.client("iam")
    condition = {"StringEquals": {"aws:RequestedRegion": "eu-west-1", "aws:ResourceAccount": "123456789012"}}
    may = {"Effect": "Allow", "Action": ["s3:*", "lambda:*"], "Resource": "*", "Condition": condition}
    [name] = iam.list_role_policies(RoleName="delivery")["PolicyNames"]
    iam.put_role_policy(RoleName="delivery", PolicyName=name, PolicyDocument=document(may))
    assert put(url) == 200
    local_cloud.advance(60)
    local_cloud.advance(60)
    assert local_cloud.client("s3").list_objects_v2(Bucket="clicks", Prefix="firehose/2")["KeyCount"] == 1
