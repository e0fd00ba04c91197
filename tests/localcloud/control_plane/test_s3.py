"""S3's control plane: versions in every state of versioning, copies, ownership, and memory."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.support.cloud import CloudUnderTest


@pytest.fixture
def s3(local_cloud: CloudUnderTest) -> Any:
    client = local_cloud.client("s3")
    location = {"LocationConstraint": local_cloud.region}
    client.create_bucket(Bucket="clicks", CreateBucketConfiguration=location)
    return client


def versioning(s3: Any, status: str) -> None:
    s3.put_bucket_versioning(Bucket="clicks", VersioningConfiguration={"Status": status})


def put(s3: Any, body: str, key: str = "a") -> str:
    return str(s3.put_object(Bucket="clicks", Key=key, Body=body).get("VersionId", "null"))


def bodies(s3: Any) -> list[str]:
    """Each version's content, latest first; a delete marker is a dash."""
    listed = s3.list_object_versions(Bucket="clicks")
    rows = [(each["IsLatest"], each["VersionId"], False) for each in listed.get("Versions", ())]
    rows += [(each["IsLatest"], each["VersionId"], True) for each in listed.get("DeleteMarkers", ())]
    assert sum(latest for latest, *_ in rows) == (1 if rows else 0)
    return [
        "-" if marker else s3.get_object(Bucket="clicks", Key="a", VersionId=version)["Body"].read().decode()
        for _, version, marker in sorted(rows, reverse=True)
    ]


def test_a_put_in_a_suspended_bucket_keeps_the_versions(s3: Any) -> None:
    put(s3, "before")
    versioning(s3, "Enabled")
    put(s3, "first")
    versioning(s3, "Suspended")
    assert put(s3, "second") == "null"
    put(s3, "third")
    assert sorted(bodies(s3)) == ["first", "third"], "the null version is replaced, the other is kept"
    assert s3.get_object(Bucket="clicks", Key="a")["Body"].read() == b"third"
    versioning(s3, "Enabled")
    put(s3, "fourth")
    assert sorted(bodies(s3)) == ["first", "fourth", "third"]


def test_a_deletion_in_a_suspended_bucket_keeps_the_versions(s3: Any) -> None:
    versioning(s3, "Enabled")
    first = put(s3, "first")
    versioning(s3, "Suspended")
    put(s3, "second")
    for _ in range(2):
        answer = s3.delete_object(Bucket="clicks", Key="a")
        assert (answer["VersionId"], answer["DeleteMarker"]) == ("null", True)
        assert sorted(bodies(s3)) == ["-", "first"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="clicks", Key="a")
    with pytest.raises(ClientError, match="delete all versions"):
        s3.delete_bucket(Bucket="clicks")
    s3.delete_object(Bucket="clicks", Key="a", VersionId="null")
    assert bodies(s3) == ["first"]
    s3.delete_objects(Bucket="clicks", Delete={"Objects": [{"Key": "a", "VersionId": first}]})
    s3.delete_bucket(Bucket="clicks")


def test_versions_are_listed_page_by_page(s3: Any) -> None:
    versioning(s3, "Enabled")
    keys = ["a/1", "a/2", "b+c & d", "b/1", "é"]
    for key in keys:
        put(s3, "1", key)
        put(s3, "2", key)
    s3.delete_object(Bucket="clicks", Key="a/2")
    whole = s3.list_object_versions(Bucket="clicks")
    assert [each["Key"] for each in whole["Versions"]] == [key for key in keys for _ in range(2)]
    assert [each["Key"] for each in whole["Versions"] if each["IsLatest"]] == [k for k in keys if k != "a/2"]
    assert {(each["Size"], each["StorageClass"]) for each in whole["Versions"]} == {(1, "STANDARD")}
    assert whole["Versions"][0]["ETag"] == s3.head_object(Bucket="clicks", Key="a/1")["ETag"]
    for size in (1, 2, 3, 10, 11):
        pages = s3.get_paginator("list_object_versions").paginate(
            Bucket="clicks", PaginationConfig={"PageSize": size}
        )
        found = [
            (each["Key"], each["VersionId"])
            for page in pages
            for kind in ("Versions", "DeleteMarkers")
            for each in page.get(kind, ())
        ]
        assert len(found) == len(set(found)) == 11


def test_versions_are_listed_by_prefix_and_delimiter(s3: Any) -> None:
    versioning(s3, "Enabled")
    for key in ("a/1", "a/2", "b/x/1", "b/y", "c"):
        put(s3, "1", key)

    def shown(**given: Any) -> tuple[list[str], list[str]]:
        keys, prefixes = [], []
        for page in s3.get_paginator("list_object_versions").paginate(Bucket="clicks", **given):
            keys += [each["Key"] for each in page.get("Versions", ())]
            prefixes += [each["Prefix"] for each in page.get("CommonPrefixes", ())]
        return keys, prefixes

    assert shown(Delimiter="/") == (["c"], ["a/", "b/"])
    assert shown(Delimiter="/", PaginationConfig={"PageSize": 1}) == (["c"], ["a/", "b/"])
    assert shown(Prefix="b/", Delimiter="/") == (["b/y"], ["b/x/"])
    assert shown(Prefix="none") == ([], [])


def test_listing_versions_copies_no_object(local_cloud: CloudUnderTest, s3: Any) -> None:
    for key in ("a", "b"):
        s3.put_object(Bucket="clicks", Key=key, Body=b"x" * (6 << 20))
    before = spooled()
    for _ in range(3):
        s3.list_object_versions(Bucket="clicks")
    assert spooled() <= before


def test_objects_that_are_gone_take_no_memory(local_cloud: CloudUnderTest, s3: Any) -> None:
    before = spooled()
    for _ in range(50):
        put(s3, "x")
        s3.delete_object(Bucket="clicks", Key="a")
    assert spooled() <= before


def spooled() -> int:
    """How many contents of objects the process holds."""
    gc.collect()
    return sum(type(each).__name__ == "SpooledTemporaryFile" for each in gc.get_objects())


def test_a_copy_of_an_object_onto_itself_must_change_something(s3: Any) -> None:
    put(s3, "1")
    source = {"Bucket": "clicks", "Key": "a"}
    with pytest.raises(ClientError, match="copy an object to itself without changing"):
        s3.copy_object(Bucket="clicks", Key="a", CopySource=source)
    s3.copy_object(Bucket="clicks", Key="a", CopySource=source, MetadataDirective="REPLACE")
    s3.copy_object(Bucket="clicks", Key="a", CopySource=source, StorageClass="STANDARD_IA")
    s3.copy_object(Bucket="clicks", Key="b", CopySource=source)
    assert s3.get_object(Bucket="clicks", Key="b")["Body"].read() == b"1"


@pytest.mark.parametrize("ownership", ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"])
def test_a_bucket_has_the_ownership_of_its_creation(local_cloud: CloudUnderTest, ownership: str) -> None:
    s3 = local_cloud.client("s3")
    location = {"LocationConstraint": local_cloud.region}
    s3.create_bucket(Bucket="owned", CreateBucketConfiguration=location, ObjectOwnership=ownership)
    [rule] = s3.get_bucket_ownership_controls(Bucket="owned")["OwnershipControls"]["Rules"]
    assert rule == {"ObjectOwnership": ownership}


def test_without_a_configuration_the_default_encryption_stays(s3: Any) -> None:
    before = s3.get_bucket_encryption(Bucket="clicks")["ServerSideEncryptionConfiguration"]
    s3.put_bucket_encryption(
        Bucket="clicks",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        },
    )
    s3.delete_bucket_encryption(Bucket="clicks")
    assert s3.get_bucket_encryption(Bucket="clicks")["ServerSideEncryptionConfiguration"] == before


def test_a_public_listing_gives_no_settings_away(local_cloud: CloudUnderTest, s3: Any) -> None:
    s3.delete_public_access_block(Bucket="clicks")
    statement = (
        '{"Effect": "Allow", "Principal": "*", "Action": ["s3:ListBucket", "s3:GetObject"], '
        '"Resource": ["arn:aws:s3:::clicks", "arn:aws:s3:::clicks/*"]}'
    )
    s3.put_bucket_policy(Bucket="clicks", Policy=f'{{"Version": "2012-10-17", "Statement": [{statement}]}}')
    put(s3, "1")
    url = f"{local_cloud.endpoint}/clicks"
    for query, status in (("?list-type=2&prefix=a", 200), ("?policy", 403), ("?versions", 403)):
        assert requests.get(f"{url}{query}", timeout=10).status_code == status
    assert requests.get(f"{url}/a", timeout=10).status_code == 200
    assert requests.get(f"{url}/a?tagging", timeout=10).status_code == 403


def test_deleting_a_delete_marker_by_its_version_says_so(s3: Any) -> None:
    versioning(s3, "Enabled")
    version = put(s3, "first")
    marker = s3.delete_object(Bucket="clicks", Key="a")["VersionId"]
    named = [{"Key": "a", "VersionId": each} for each in (version, marker)]
    deleted = s3.delete_objects(Bucket="clicks", Delete={"Objects": named})["Deleted"]
    told = {each["VersionId"]: each.get("DeleteMarkerVersionId") for each in deleted if each.get("VersionId")}
    assert told == {version: None, marker: marker}

    put(s3, "second")
    marker = s3.delete_object(Bucket="clicks", Key="a")["VersionId"]
    assert s3.delete_object(Bucket="clicks", Key="a", VersionId=marker)["DeleteMarker"] is True


def test_a_tag_may_have_an_empty_value(s3: Any) -> None:
    tags = [{"Key": "empty", "Value": ""}, {"Key": "full", "Value": "x"}]
    s3.put_bucket_tagging(Bucket="clicks", Tagging={"TagSet": tags})
    assert sorted(s3.get_bucket_tagging(Bucket="clicks")["TagSet"], key=str) == tags


def test_encryption_with_a_key_needs_kms(s3: Any) -> None:
    default = {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "arn:aws:kms:eu-west-1:123456789012:key/a"}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    with pytest.raises(ClientError, match="KMSMasterKeyID is not applicable") as caught:
        s3.put_bucket_encryption(Bucket="clicks", ServerSideEncryptionConfiguration=rules)
    assert caught.value.response["Error"]["Code"] == "InvalidArgument"


@pytest.mark.parametrize("member", ["ObjectSizeGreaterThan", "ObjectSizeLessThan"])
def test_a_lifecycle_rule_by_size_is_refused(s3: Any, member: str) -> None:
    rule = {"ID": "r", "Status": "Enabled", "Filter": {member: 20}, "Expiration": {"Days": 1}}
    with pytest.raises(ClientError, match=f"{member} is not simulated by the local cloud"):
        s3.put_bucket_lifecycle_configuration(Bucket="clicks", LifecycleConfiguration={"Rules": [rule]})


def test_a_default_retention_locks_later_versions_and_deliveries(
    local_cloud: CloudUnderTest, s3: Any
) -> None:
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    rule: Any = {"ObjectLockEnabled": "Enabled", "Rule": retention}
    with pytest.raises(ClientError, match="InvalidBucketState"):
        s3.put_object_lock_configuration(Bucket="clicks", ObjectLockConfiguration=rule)
    versioning(s3, "Enabled")
    earlier = put(s3, "1")
    s3.put_object_lock_configuration(Bucket="clicks", ObjectLockConfiguration=rule)
    assert s3.get_object_lock_configuration(Bucket="clicks")["ObjectLockConfiguration"] == rule
    with pytest.raises(ClientError, match=r"InvalidBucketState.*the versioning state cannot be changed"):
        versioning(s3, "Suspended")
    versioning(s3, "Enabled")
    later = put(s3, "2")
    local_cloud.cloud.control_plane.put_object(local_cloud.region, "clicks", "delivered", b"3")
    delivered = s3.head_object(Bucket="clicks", Key="delivered")["VersionId"]
    for key, version in (("a", later), ("delivered", delivered)):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket="clicks", Key=key, VersionId=version)
    # A marker on top and an earlier version are not protected (F331).
    s3.delete_object(Bucket="clicks", Key="a")
    s3.delete_object(Bucket="clicks", Key="a", VersionId=earlier)
    assert [
        each["VersionId"] for each in s3.list_object_versions(Bucket="clicks", Prefix="a")["Versions"]
    ] == [later]
    s3.put_object_retention(
        Bucket="clicks",
        Key="a",
        VersionId=later,
        Retention={"Mode": "GOVERNANCE", "RetainUntilDate": "2020-01-01T00:00:00Z"},
    )
    s3.delete_object(Bucket="clicks", Key="a", VersionId=later)
