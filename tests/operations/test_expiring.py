"""Lifetimes as lifecycle rules: drift, and a warning before a change deletes data."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mysfits_stream.config import BucketConfig
from mysfits_stream.operations.expiring import counted
from mysfits_stream.operations.plan import Plan, plan
from mysfits_stream.operations.project import Project
from mysfits_stream.output.stack import expiring
from tests.support.deployment import Deployment


def project(deployment: Deployment, **bucket: Any) -> Project:
    config = replace(deployment.config, bucket=BucketConfig(**bucket))
    return Project(config, deployment.directory, deployment.target)


@pytest.fixture
def bucket_only(deployment: Deployment) -> Deployment:
    """A stack whose bucket alone is up, with two objects of clicks and one of failed clicks."""
    deployment.resource("clicks-bucket").create()
    s3 = deployment.target.clients.s3
    for key in ("firehose/1", "firehose/2", "processing-failed/x"):
        s3.put_object(Bucket=deployment.names.bucket, Key=key, Body=b"12345")
    return deployment


def bucket_diff(planned: Plan) -> dict[str, Any]:
    found = next(each for each in planned.changes.resources if each.name == "clicks-bucket")
    return found.diff


def test_a_new_lifetime_warns_with_the_objects_that_expire_at_once(bucket_only: Deployment) -> None:
    planned = plan(project(bucket_only, expire_clicks_days=30))
    [found] = planned.expiring
    assert (found.objects, found.bytes) == (0, 0)
    assert planned.document()["deletes"] == [
        {
            "bucket": bucket_only.names.bucket,
            "prefix": "firehose/",
            "days": 30,
            "versions": "current",
            "objects": 0,
            "bytes": 0,
        }
    ]
    text = expiring(found)
    assert text.startswith("Warning: S3 deletes objects below firehose/ 30 days after their creation: 0")

    s3, now = bucket_only.target.clients.s3, datetime.now(UTC)
    later = [counted(s3, found.deletion, now + timedelta(days=days)) for days in (29, 31)]
    assert [(each.objects, each.bytes) for each in later] == [(0, 0), (2, 10)]


def test_a_longer_lifetime_is_no_deletion(bucket_only: Deployment) -> None:
    shorter = project(bucket_only, expire_clicks_days=30, expire_old_versions_days=10)
    made = shorter.build().clicks_bucket
    observed = made.read()
    assert observed
    made.update({"LifecycleConfiguration": (None, made.desired["LifecycleConfiguration"])})
    assert not bucket_diff(plan(shorter))
    assert not plan(shorter).expiring

    longer = plan(project(bucket_only, expire_clicks_days=60, expire_old_versions_days=20))
    assert bucket_diff(longer)
    assert not longer.expiring
    assert "deletes" not in longer.document()

    sooner = plan(project(bucket_only, expire_clicks_days=20, expire_old_versions_days=5))
    assert [(each.objects, each.deletion.days) for each in sooner.expiring] == [(0, 20), (None, 5)]
    assert "each old version 5 days after" in expiring(sooner.expiring[1])


def test_a_rule_that_somebody_changed_is_drift(bucket_only: Deployment) -> None:
    wanted = project(bucket_only, expire_clicks_days=30, expire_failed_days=9, expire_replayed_days=2)
    bucket = wanted.build().clicks_bucket
    bucket.update({"LifecycleConfiguration": (None, None)})
    assert not bucket_diff(plan(wanted))
    s3 = bucket_only.target.clients.s3
    rules: Any = s3.get_bucket_lifecycle_configuration(Bucket=bucket.bucket_name)["Rules"]
    # S3 may return the rules in any order.
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket.bucket_name, LifecycleConfiguration={"Rules": rules[::-1]}
    )
    assert not bucket_diff(plan(wanted))
    rules[0]["Expiration"] = {"Days": 400}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket.bucket_name, LifecycleConfiguration={"Rules": rules})
    assert set(bucket_diff(plan(wanted))) == {"LifecycleConfiguration"}
    bucket.update({"LifecycleConfiguration": (None, None)})
    assert not bucket_diff(plan(wanted))


def test_no_bucket_is_no_deletion(deployment: Deployment) -> None:
    assert not plan(project(deployment, expire_clicks_days=1)).expiring
