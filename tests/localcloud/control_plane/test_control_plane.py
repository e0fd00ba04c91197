"""Buckets, roles, log groups and tags, where AWS answers otherwise than moto."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from mysfits_stream.localcloud.control_plane import control_plane
from mysfits_stream.localcloud.control_plane.moto_state import Datum
from tests.support.cloud import CloudUnderTest

ACCOUNT = "123456789012"
TAGS = [{"Key": "mysfits-stream:stack", "Value": "clicks"}]


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def new_bucket(cloud: CloudUnderTest, name: str = "clicks") -> Any:
    s3 = cloud.client("s3")
    s3.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": cloud.region, "Tags": TAGS}
    )
    return s3


def foreign(cloud: CloudUnderTest, service: str) -> Any:
    """A client of another account."""
    client = cloud.client(service)

    def sign(request: Any, **_: Any) -> None:
        request.headers["x-moto-account-id"] = "999999999999"

    client.meta.events.register(f"before-sign.{service}", sign)
    return client


def test_a_bucket_is_born_with_its_tags(local_cloud: CloudUnderTest) -> None:
    assert new_bucket(local_cloud).get_bucket_tagging(Bucket="clicks")["TagSet"] == TAGS


def test_a_new_bucket_is_closed_and_encrypted(local_cloud: CloudUnderTest) -> None:
    s3 = new_bucket(local_cloud)
    [rule] = s3.get_bucket_encryption(Bucket="clicks")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    block = s3.get_public_access_block(Bucket="clicks")["PublicAccessBlockConfiguration"]
    assert list(block.values()) == [True] * 4
    controls = s3.get_bucket_ownership_controls(Bucket="clicks")["OwnershipControls"]
    assert controls == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    with pytest.raises(ClientError) as error:
        s3.put_bucket_acl(Bucket="clicks", ACL="public-read")
    assert code(error) == ("AccessControlListNotSupported", 400)


AGAIN = [
    ("eu-west-1", [], "BucketAlreadyOwnedByYou", "every other region says so"),
    ("us-east-1", TAGS, "BucketAlreadyOwnedByYou", "tags make us-east-1 say so"),
    ("us-east-1", [], None, "without tags us-east-1 is content"),
]


@pytest.mark.parametrize(
    ("region", "tags", "expected"), [pytest.param(r, t, e, id=why) for r, t, e, why in AGAIN]
)
def test_creating_our_own_bucket_again(
    local_cloud: CloudUnderTest, region: str, tags: list[Any], expected: str | None
) -> None:
    s3 = local_cloud.client("s3", region)
    where: dict[str, Any] = {} if region == "us-east-1" else {"LocationConstraint": region}
    where |= {"Tags": tags} if tags else {}
    given = {"CreateBucketConfiguration": where} if where else {}
    s3.create_bucket(Bucket="clicks", **given)
    if expected is None:
        s3.create_bucket(Bucket="clicks", **given)
        return
    with pytest.raises(ClientError) as error:
        s3.create_bucket(Bucket="clicks", **given)
    assert code(error) == (expected, 409)


def test_a_bucket_of_another_account_is_taken_and_closed(local_cloud: CloudUnderTest) -> None:
    foreign(local_cloud, "s3").create_bucket(
        Bucket="taken", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    s3 = local_cloud.client("s3")
    with pytest.raises(ClientError) as error:
        new_bucket(local_cloud, "taken")
    assert code(error) == ("BucketAlreadyExists", 409)
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket="taken")
    assert code(error) == ("403", 403)
    assert s3.list_buckets()["Buckets"] == []


def test_the_expected_owner_is_checked(local_cloud: CloudUnderTest) -> None:
    s3 = new_bucket(local_cloud)
    assert s3.head_bucket(Bucket="clicks", ExpectedBucketOwner=ACCOUNT)["BucketRegion"] == "eu-west-1"
    with pytest.raises(ClientError) as error:
        s3.get_bucket_tagging(Bucket="clicks", ExpectedBucketOwner="999999999999")
    assert code(error) == ("AccessDenied", 403)


def test_a_bucket_with_a_delete_marker_is_not_empty(local_cloud: CloudUnderTest) -> None:
    s3 = new_bucket(local_cloud)
    s3.put_bucket_versioning(Bucket="clicks", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="clicks", Key="a", Body=b"")["VersionId"]
    s3.delete_object(Bucket="clicks", Key="a")
    s3.delete_object(Bucket="clicks", Key="a", VersionId=version)
    with pytest.raises(ClientError, match="You must delete all versions in the bucket") as error:
        s3.delete_bucket(Bucket="clicks")
    assert code(error) == ("BucketNotEmpty", 409)


def test_a_policy_that_demands_tls_does_not_close_the_bucket(local_cloud: CloudUnderTest) -> None:
    s3 = new_bucket(local_cloud)
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::clicks", "arn:aws:s3:::clicks/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket="clicks", Policy=json.dumps(policy))
    s3.put_object(Bucket="clicks", Key="a", Body=b"open")
    assert s3.get_object(Bucket="clicks", Key="a")["Body"].read() == b"open"
    assert json.loads(s3.get_bucket_policy(Bucket="clicks")["Policy"]) == policy
    s3.delete_bucket_policy(Bucket="clicks")
    with pytest.raises(ClientError) as error:
        s3.get_bucket_policy(Bucket="clicks")
    assert code(error) == ("NoSuchBucketPolicy", 404)


def test_without_a_signature_only_what_is_given_to_everybody_is_read(local_cloud: CloudUnderTest) -> None:
    s3 = new_bucket(local_cloud)
    for key in ("site/index.html", "clicks"):
        s3.put_object(Bucket="clicks", Key=key, Body=key.encode())
    allow = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::clicks/site/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    url = f"{local_cloud.endpoint}/clicks"
    assert requests.get(f"{url}/site/index.html", timeout=10).status_code == 403
    s3.put_bucket_policy(Bucket="clicks", Policy=json.dumps(policy))
    assert requests.get(f"{url}/site/index.html", timeout=10).content == b"site/index.html"
    assert requests.get(f"{url}/clicks", timeout=10).status_code == 403
    assert requests.get(url, timeout=10).status_code == 403
    assert requests.put(f"{url}/site/index.html", data=b"mine now", timeout=10).status_code == 403
    signed = s3.generate_presigned_url("get_object", {"Bucket": "clicks", "Key": "clicks"})
    assert requests.get(signed, timeout=10).content == b"clicks"


def test_the_data_plane_writes_objects_as_the_bucket_says(local_cloud: CloudUnderTest) -> None:
    s3 = new_bucket(local_cloud)
    s3.put_bucket_versioning(Bucket="clicks", VersioningConfiguration={"Status": "Enabled"})
    headers = {"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"}
    plane = local_cloud.cloud.control_plane
    plane.put_object(local_cloud.region, "clicks", "a/ü", b"data", headers)
    found = s3.get_object(Bucket="clicks", Key="a/ü")
    assert found["Body"].read() == b"data"
    assert (found["ContentType"], found["ContentEncoding"]) == ("application/octet-stream", "gzip")
    assert (found["ServerSideEncryption"], found["VersionId"] != "null") == ("AES256", True)


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def without(member: str) -> dict[str, Any]:
    [statement] = TRUST["Statement"]
    assert isinstance(statement, dict)
    return {**TRUST, "Statement": [{key: value for key, value in statement.items() if key != member}]}


BAD_ROLES = [
    ("R" * 65, TRUST, "ValidationError", 400, "longer than 64 characters"),
    ("a/b", TRUST, "ValidationError", 400, "a slash in the name"),
    ("TAKEN", TRUST, "EntityAlreadyExists", 409, "taken in another spelling"),
    ("new", without("Principal"), "MalformedPolicyDocument", 400, "trusts nobody"),
    ("new", without("Action"), "MalformedPolicyDocument", 400, "allows nothing"),
    ("new", without("Effect"), "MalformedPolicyDocument", 400, "neither allows nor denies"),
    ("new", {"Version": "2012-10-17"}, "MalformedPolicyDocument", 400, "has no statements"),
    ("new", {**TRUST, "Id": "x" * 2048}, "LimitExceeded", 409, "longer than IAM takes"),
]


@pytest.mark.parametrize(
    ("name", "trust", "expected", "status"),
    [pytest.param(n, t, e, s, id=why) for n, t, e, s, why in BAD_ROLES],
)
def test_a_role_that_iam_refuses(
    local_cloud: CloudUnderTest, name: str, trust: Any, expected: str, status: int
) -> None:
    iam = local_cloud.client("iam")
    iam.create_role(RoleName="taken", AssumeRolePolicyDocument=json.dumps(TRUST))
    with pytest.raises(ClientError) as error:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    assert code(error) == (expected, status)


def test_a_missing_role_is_told_in_awss_words(local_cloud: CloudUnderTest) -> None:
    with pytest.raises(ClientError, match="The role with name nobody cannot be found") as error:
        local_cloud.client("iam").get_role(RoleName="nobody")
    assert code(error) == ("NoSuchEntity", 404)


def test_the_data_plane_reads_a_roles_inline_and_attached_policies(local_cloud: CloudUnderTest) -> None:
    iam = local_cloud.client("iam")
    arn = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    inline = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="reader", PolicyName="own", PolicyDocument=json.dumps(inline))
    managed = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.attach_role_policy(RoleName="reader", PolicyArn=managed)
    role = local_cloud.cloud.control_plane.role(arn)
    assert role is not None
    assert role.trust == TRUST
    assert role.policies[0] == inline
    assert "logs:PutLogEvents" in json.dumps(role.policies[1])
    assert local_cloud.cloud.control_plane.role(f"{arn}-of-nobody") is None


def group_arn(cloud: CloudUnderTest, name: str) -> str:
    return f"arn:aws:logs:{cloud.region}:{ACCOUNT}:log-group:{name}"


def test_log_groups_refuse_what_cloudwatch_refuses(local_cloud: CloudUnderTest) -> None:
    logs = local_cloud.client("logs")
    logs.create_log_group(logGroupName="/g", tags={"a": "b"})
    with pytest.raises(ClientError, match="at 'retentionInDays' failed") as error:
        logs.put_retention_policy(logGroupName="/g", retentionInDays=31)
    assert code(error) == ("InvalidParameterException", 400)
    assert logs.list_tags_for_resource(resourceArn=group_arn(local_cloud, "/g"))["tags"] == {"a": "b"}
    with pytest.raises(ClientError) as error:
        logs.list_tags_for_resource(resourceArn=group_arn(local_cloud, "/none"))
    assert code(error) == ("ResourceNotFoundException", 400)
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    with pytest.raises(ClientError, match="log stream already exists"):
        logs.create_log_stream(logGroupName="/g", logStreamName="s")


def test_a_log_event_of_another_time_is_kept(local_cloud: CloudUnderTest) -> None:
    local_cloud.client("logs").create_log_group(logGroupName="/g")
    local_cloud.client("logs").create_log_stream(logGroupName="/g", logStreamName="s")
    plane = local_cloud.cloud.control_plane
    assert plane.put_log_event(local_cloud.region, "/g", "s", "long ago", 1_000_000_000.5)
    [event] = local_cloud.client("logs").filter_log_events(logGroupName="/g")["events"]
    assert (event["timestamp"], event["message"]) == (1_000_000_000_500, "long ago")


def test_a_log_event_without_its_log_stream_is_lost(local_cloud: CloudUnderTest) -> None:
    logs, plane = local_cloud.client("logs"), local_cloud.cloud.control_plane
    logs.create_log_group(logGroupName="/g")
    assert not plane.put_log_event(local_cloud.region, "/none", "s", "lost", 1_000_000_000.5)
    assert not plane.put_log_event(local_cloud.region, "/g", "s", "lost", 1_000_000_000.5)
    assert logs.describe_log_streams(logGroupName="/g")["logStreams"] == []


def test_a_log_is_made_once_and_a_log_stream_only_in_its_group(local_cloud: CloudUnderTest) -> None:
    logs, plane = local_cloud.client("logs"), local_cloud.cloud.control_plane
    plane.create_log(local_cloud.region, "/g", "s")
    assert logs.describe_log_groups()["logGroups"] == []
    for stream in (None, None, "s", "s"):
        plane.create_log(local_cloud.region, "/g", stream)
    [group] = logs.describe_log_groups()["logGroups"]
    assert group["logGroupName"] == "/g"
    assert [
        found["logStreamName"] for found in logs.describe_log_streams(logGroupName="/g")["logStreams"]
    ] == ["s"]


TAG_QUERIES = [
    ({}, {"api", "stage", "clicks"}, "everything that has a tag"),
    ({"TagFilters": [{"Key": "owner", "Values": ["S"]}]}, {"api", "stage", "clicks"}, "a tag with its value"),
    ({"TagFilters": [{"Key": "owner"}]}, {"api", "stage", "clicks"}, "a tag with any value"),
    ({"TagFilters": [{"Key": "owner", "Values": ["T"]}]}, set(), "another value"),
    ({"ResourceTypeFilters": ["apigateway"]}, {"api", "stage"}, "a service"),
    ({"ResourceTypeFilters": ["apigateway:restapis"]}, {"api", "stage"}, "a type"),
    ({"ResourceTypeFilters": ["s3"]}, {"clicks"}, "another service"),
]


@pytest.mark.parametrize(("query", "expected"), [pytest.param(q, e, id=why) for q, e, why in TAG_QUERIES])
def test_the_tagging_api_finds_rest_apis_and_stages(
    local_cloud: CloudUnderTest, query: dict[str, Any], expected: set[str]
) -> None:
    owner = {"owner": "S"}
    s3 = new_bucket(local_cloud)
    s3.put_bucket_tagging(Bucket="clicks", Tagging={"TagSet": [{"Key": "owner", "Value": "S"}]})
    apis = local_cloud.client("apigateway")
    api = apis.create_rest_api(name="clicks", tags=owner)["id"]
    root = apis.get_resources(restApiId=api)["items"][0]["id"]
    apis.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    apis.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    deployed = apis.create_deployment(restApiId=api)["id"]
    apis.create_stage(restApiId=api, stageName="prod", deploymentId=deployed, tags=owner)
    apis.create_rest_api(name="without tags")
    local_cloud.client("apigateway", "us-east-1").create_rest_api(name="elsewhere", tags=owner)
    arn = f"arn:aws:apigateway:eu-west-1::/restapis/{api}"
    names = {arn: "api", f"{arn}/stages/prod": "stage", "arn:aws:s3:::clicks": "clicks"}
    found = local_cloud.client("resourcegroupstaggingapi").get_resources(**query)["ResourceTagMappingList"]
    assert {names[each["ResourceARN"]] for each in found} == expected


def test_a_quiet_deletion_lists_no_deleted_objects(local_cloud: CloudUnderTest) -> None:
    s3 = new_bucket(local_cloud)
    for key in ("a", "b"):
        s3.put_object(Bucket="clicks", Key=key)
    told = s3.delete_objects(Bucket="clicks", Delete={"Objects": [{"Key": "a"}]})
    quiet = s3.delete_objects(Bucket="clicks", Delete={"Objects": [{"Key": "b"}], "Quiet": True})
    assert ([each["Key"] for each in told["Deleted"]], "Deleted" in quiet) == (["a"], False)
    assert s3.list_objects_v2(Bucket="clicks")["KeyCount"] == 0


def test_the_oldest_values_of_metrics_are_deleted(
    local_cloud: CloudUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_plane, "MOST_METRIC_DATA", 3)
    for value in range(5):
        datum = Datum("clicks", "count", value, "Count", {}, local_cloud.clock() + 60 * value)
        local_cloud.cloud.control_plane.put_metric("eu-west-1", datum)
    stored = local_cloud.cloud.control_plane.backend("cloudwatch", "eu-west-1").metric_data
    assert [each.sum for each in stored] == [2, 3, 4]
