"""Every version of every object of a bucket without one person, on the local cloud."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mysfits_stream.books import erasing, packing
from mysfits_stream.books.erasing import Erasure, Places
from mysfits_stream.books.person import Person
from mysfits_stream.errors import ClickError
from mysfits_stream.localcloud.firehose.compression import compressed
from tests.books.versions import every_version
from tests.support.clicks_bucket import NOON, enriched, failed_line, lines
from tests.support.cloud import CloudUnderTest

BUCKET = "clicks"
PLACES = Places("replayed/", "athena-results/")
LATER = NOON + timedelta(hours=1)
ANN = "ann-9d1c7c52-9c0e-4f7e-8d5e-0a4f3b1f2c6d"


@pytest.fixture
def s3(local_cloud: CloudUnderTest) -> Iterator[Any]:
    client = local_cloud.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": local_cloud.region})
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield client


def erase(s3: Any, user: str = ANN, **options: Any) -> Erasure:
    return erasing.erase(s3, BUCKET, Person("userId", user), LATER, PLACES, **options)


def put(s3: Any, key: str, body: bytes, **options: Any) -> str:
    version: str = s3.put_object(Bucket=BUCKET, Key=key, Body=body, **options).get("VersionId", "null")
    return version


def users(s3: Any) -> dict[str, list[str]]:
    """Key -> users of the current object."""
    found = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {
        each["Key"]: [
            json.loads(line)["userId"]
            for line in packing.contents(
                s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read(), each["Key"]
            ).splitlines()
        ]
        for each in found
    }


def clicks(*names: str) -> bytes:
    return lines(*(enriched(NOON, name) | {"clickId": f"{name}:{at}"} for at, name in enumerate(names)))


def assert_gone(s3: Any, user: str = ANN) -> None:
    assert not [key for key, contents in every_version(s3, BUCKET) if user.encode() in contents]


def test_current_objects_are_rewritten_and_their_earlier_versions_deleted(s3: Any) -> None:
    put(s3, "firehose/1", clicks("bob", ANN, "eve"))
    untouched = put(s3, "firehose/2", clicks("bob"))
    put(s3, "firehose/3", clicks(ANN))
    done = erase(s3)
    assert users(s3) == {"firehose/1": ["bob", "eve"], "firehose/2": ["bob"], "firehose/3": []}
    assert (done.current.clicks, done.objects, done.rewritten, done.deleted) == (2, 3, 2, 0)
    assert s3.get_object(Bucket=BUCKET, Key="firehose/2")["VersionId"] == untouched
    assert len(every_version(s3, BUCKET)) == 3
    assert not s3.list_object_versions(Bucket=BUCKET).get("DeleteMarkers")
    assert erase(s3).is_clean


def test_a_rewritten_object_keeps_its_properties(s3: Any) -> None:
    put(
        s3,
        "firehose/1.gz",
        gzip.compress(clicks("bob", ANN)),
        ContentType="application/octet-stream",
        ContentEncoding="gzip",
        CacheControl="no-store",
        Metadata={"origin": "firehose"},
        StorageClass="STANDARD_IA",
        Tagging="kind=clicks&cost=4%202",
    )
    erase(s3)
    answer = s3.get_object(Bucket=BUCKET, Key="firehose/1.gz")
    assert gzip.decompress(answer["Body"].read()) == clicks("bob")
    assert answer["ContentType"] == "application/octet-stream"
    assert answer["ContentEncoding"] == "gzip"
    assert answer["CacheControl"] == "no-store"
    counts = '{"without_id":{"2026-11-23T12:00":1}}'
    assert answer["Metadata"] == {"origin": "firehose", "mysfits-stream-erased": counts}
    assert answer["StorageClass"] == "STANDARD_IA"
    tags = s3.get_object_tagging(Bucket=BUCKET, Key="firehose/1.gz")["TagSet"]
    assert sorted((tag["Key"], tag["Value"]) for tag in tags) == [("cost", "4 2"), ("kind", "clicks")]


@pytest.mark.parametrize(
    ("compression", "ending"),
    [("GZIP", ".gz"), ("ZIP", ".zip"), ("Snappy", ".snappy"), ("HADOOP_SNAPPY", ".hsnappy")],
)
def test_compression_is_kept(s3: Any, compression: str, ending: str) -> None:
    many = clicks(*["bob"] * 2000, ANN)
    put(s3, f"firehose/1{ending}", compressed(many, compression, "1"))
    erase(s3)
    body = s3.get_object(Bucket=BUCKET, Key=f"firehose/1{ending}")["Body"].read()
    assert body[:4] == compressed(b"x", compression, "1")[:4] or compression == "HADOOP_SNAPPY"
    assert packing.contents(body, f"firehose/1{ending}") == clicks(*["bob"] * 2000)
    assert_gone(s3)


def test_old_versions_with_the_person_are_deleted_and_lost_clicks_of_others_counted(s3: Any) -> None:
    put(s3, "firehose/1", clicks("bob", ANN))
    put(s3, "firehose/1", clicks("bob"))
    put(s3, "firehose/2", clicks(ANN, "eve", "moved"))
    s3.delete_object(Bucket=BUCKET, Key="firehose/2")
    put(s3, "firehose/3", lines(enriched(NOON, "moved") | {"clickId": "moved:2"}))
    kept = put(s3, "firehose/4", clicks("old"))
    put(s3, "firehose/4", clicks("new"))
    done = erase(s3)
    assert_gone(s3)
    assert done.noncurrent.clicks == 2
    assert done.others == 1  # eve's; bob's and the moved click are in current objects
    assert kept in [each["VersionId"] for each in s3.list_object_versions(Bucket=BUCKET)["Versions"]]
    assert users(s3) == {"firehose/1": ["bob"], "firehose/3": ["moved"], "firehose/4": ["new"]}


def test_an_older_version_does_not_become_current_again(s3: Any) -> None:
    old = put(s3, "processing-failed/1", lines(failed_line(b'{"userId": "bob"}', NOON)))
    put(s3, "processing-failed/1", lines(failed_line(json.dumps({"userId": ANN}).encode(), NOON)))
    erase(s3)
    assert users(s3) == {"processing-failed/1": []}
    versions = s3.list_object_versions(Bucket=BUCKET)["Versions"]
    assert [each["VersionId"] for each in versions if not each["IsLatest"]] == [old]
    assert erase(s3).is_clean


def test_failed_and_replayed_clicks_and_results_go(s3: Any) -> None:
    record = json.dumps({"userId": ANN, "mysfitId": "m"}).encode()
    other = failed_line(b'{"userId": "bob", "mysfitId": "m"}', NOON)
    for folder in ("processing-failed/", "replayed/processing-failed/"):
        put(s3, f"{folder}1", lines(failed_line(record, NOON), other))
    put(s3, "athena-results/q.csv", b"bob")
    put(s3, "athena-results/q.csv", ANN.encode())
    done = erase(s3)
    assert (done.current.failed, done.replayed, done.results) == (2, 1, 2)
    left = every_version(s3, BUCKET)
    assert [key for key, _ in left] == ["processing-failed/1", "replayed/processing-failed/1"]
    assert all(contents == lines(other) for _, contents in left)


def test_a_dry_run_changes_nothing(s3: Any) -> None:
    put(s3, "firehose/1", clicks(ANN, "bob"))
    put(s3, "firehose/1", clicks("bob"))
    put(s3, "athena-results/1", b"x")
    before = every_version(s3, BUCKET)
    done = erase(s3, dry_run=True)
    assert every_version(s3, BUCKET) == before
    assert (done.noncurrent.clicks, done.results, done.changed) == (1, 1, [])


def test_a_bucket_without_versions_loses_no_object(s3: Any) -> None:
    s3.create_bucket(Bucket="plain", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="plain", Key="firehose/1", Body=clicks("bob", ANN))
    s3.put_object(Bucket="plain", Key="firehose/2", Body=clicks(ANN))
    erasing.probe(s3, "plain")
    erasing.erase(s3, "plain", Person("userId", ANN), LATER, PLACES)
    assert every_version(s3, "plain") == [("firehose/1", clicks("bob")), ("firehose/2", b"")]


def test_versioning_that_was_suspended_loses_no_object(s3: Any) -> None:
    put(s3, "firehose/1", clicks("bob", ANN))
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    put(s3, "firehose/2", clicks("eve", ANN))
    erase(s3)
    assert users(s3) == {"firehose/1": ["bob"], "firehose/2": ["eve"]}
    assert_gone(s3)


def test_objects_that_cannot_be_unpacked_are_named_and_stay(s3: Any) -> None:
    put(s3, "firehose/1.gz", b"\x1f\x8bnot gzip")
    put(s3, "firehose/2", b"PAR1 " + ANN.encode())
    done = erase(s3)
    assert set(done.unreadable) == {"firehose/1.gz", "firehose/2"}
    assert not done.is_clean
    assert len(every_version(s3, BUCKET, unpack=False)) == 2


class Meddling:
    """S3 in which somebody writes an object between the read and the write of erase."""

    def __init__(self, s3: Any, change: Any) -> None:
        self._s3, self._change = s3, [change]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def put_object(self, **given: Any) -> Any:
        if self._change:
            self._change.pop()()
        return self._s3.put_object(**given)


def test_an_object_that_changes_meanwhile_is_read_again(s3: Any) -> None:
    put(s3, "firehose/1", clicks("bob", ANN))
    done = erase(Meddling(s3, lambda: put(s3, "firehose/1", clicks("bob", ANN, "new"))))
    assert users(s3) == {"firehose/1": ["bob", "new"]}
    assert_gone(s3)
    assert done.others == 0


def test_an_object_that_is_deleted_meanwhile_does_not_come_back(s3: Any) -> None:
    put(s3, "firehose/1", clicks("bob", ANN))
    erase(Meddling(s3, lambda: s3.delete_object(Bucket=BUCKET, Key="firehose/1")))
    assert users(s3) == {}
    assert_gone(s3)


def test_the_probe_leaves_nothing(s3: Any) -> None:
    erasing.probe(s3, BUCKET)
    assert every_version(s3, BUCKET) == []


def test_the_probe_names_what_s3_refuses(local_cloud: CloudUnderTest, s3: Any) -> None:
    from mysfits_stream.localcloud.aws_behavior.faults import FaultRule

    local_cloud.cloud.faults.add(
        FaultRule("DeleteObject", status=403, code="AccessDenied", message="Access Denied because of a lock")
    )
    with pytest.raises(ClickError, match="nothing was erased: S3 refuses DeleteObject of the empty test"):
        erasing.probe(s3, BUCKET)


def lock(s3: Any, **rule: Any) -> None:
    s3.put_object_lock_configuration(
        Bucket=BUCKET,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
        | ({"Rule": {"DefaultRetention": rule}} if rule else {}),
    )


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_default_retention_stops_the_command_before_it_changes_anything(s3: Any, mode: str) -> None:
    put(s3, "firehose/1", clicks("bob", ANN))
    before = every_version(s3, BUCKET)
    lock(s3, Mode=mode, Days=1)
    with pytest.raises(ClickError, match=r"nothing was erased: S3 refuses DeleteObject .*Object Lock"):
        erasing.probe(s3, BUCKET)
    probes = [key for key, _ in every_version(s3, BUCKET) if key.startswith(erasing.PROBE)]
    assert every_version(s3, BUCKET) == [*before, (probes[0], b"")]


@pytest.mark.parametrize("hold", ["legal hold", "retention"])
def test_a_lock_of_one_version_stops_the_command_which_resumes(s3: Any, hold: str) -> None:
    lock(s3)
    version = put(s3, "firehose/1", clicks("bob", ANN))
    put(s3, "firehose/2", clicks("eve", ANN))
    of = {"Bucket": BUCKET, "Key": "firehose/1", "VersionId": version}

    def held(until: str, status: str) -> None:
        if hold == "legal hold":
            s3.put_object_legal_hold(**of, LegalHold={"Status": status})
        else:
            s3.put_object_retention(**of, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})

    held("2099-01-01T00:00:00Z", "ON")
    erasing.probe(s3, BUCKET)
    reports: list[Erasure] = []
    with pytest.raises(
        ClickError, match=rf"^firehose/1: S3 refuses to delete version {version} .*erase again"
    ):
        erase(s3, report=reports.append)
    assert users(s3)["firehose/1"] == ["bob"]
    # The report before the error has all changes, also of the key that failed.
    assert version in [each.version for each in reports[-1].changed if each.after]
    held("2020-01-01T00:00:00Z", "OFF")
    erase(s3)
    assert users(s3) == {"firehose/1": ["bob"], "firehose/2": ["eve"]}
    assert_gone(s3)


def test_many_keys_over_several_pages(s3: Any) -> None:
    for number in range(7):
        put(s3, f"firehose/{number}", clicks("bob", ANN))
        put(s3, f"firehose/{number}", clicks("bob"))

    class Small:
        def __getattr__(self, name: str) -> Any:
            return getattr(s3, name)

        def get_paginator(self, operation: str) -> Any:
            pages = s3.get_paginator(operation)

            class Paged:
                def paginate(self, **given: Any) -> Any:
                    return pages.paginate(**given, PaginationConfig={"PageSize": 3})

            return Paged()

    done = erase(Small())
    assert (done.objects, done.versions, done.deleted) == (7, 14, 7)
    assert_gone(s3)
    assert NOON.tzinfo is UTC and isinstance(NOON, datetime)
