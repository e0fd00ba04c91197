"""``audit`` on a local cloud's stack: its range, and the bucket's lifecycle rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mysfits_stream.errors import ClickError
from mysfits_stream.operations.audit import audit
from mysfits_stream.operations.project import Project
from mysfits_stream.output import books
from tests.support.deployment import Deployment


@pytest.fixture
def project(deployment: Deployment) -> Iterator[Project]:
    """A stack whose bucket alone exists."""
    deployment.resource("clicks-bucket").create()
    yield Project(deployment.config, deployment.directory, deployment.target)


def expire(project: Project, **days_of: int) -> None:
    rules: list[Any] = [
        {
            "ID": prefix,
            "Filter": {"Prefix": prefix.replace("_", "-") + "/"},
            "Status": "Enabled",
            "Expiration": {"Days": days},
        }
        for prefix, days in days_of.items()
    ]
    project.target.clients.s3.put_bucket_lifecycle_configuration(
        Bucket=project.names.bucket, LifecycleConfiguration={"Rules": rules}
    )


def test_what_may_have_expired_is_said_in_one_line_if_records_are_missing(project: Project) -> None:
    expire(project, firehose=7, replayed=3, athena_results=1)
    found = audit(project, "14d")
    assert found.expired
    assert found.expired.before == found.until - timedelta(days=3)
    assert found.document()["expired"]["atMost"] == 0
    assert not any("expired" in line for line in books.audit(found))
    missing = replace(found, expired=replace(found.expired, at_most=3))
    [line] = [line for line in books.audit(missing) if "may have expired" in line]
    assert "3 records missing there. Expired and lost records cannot be distinguished." in line
    assert audit(project, "2d").expired is None


@pytest.mark.parametrize("rules", [{}, {"athena_results": 1}, {"firehose": 2**31 - 1}])
def test_without_a_rule_for_clicks_nothing_expires(project: Project, rules: dict[str, int]) -> None:
    if rules:
        expire(project, **rules)
    else:
        project.target.clients.s3.delete_bucket_lifecycle(Bucket=project.names.bucket)
    assert audit(project, "14d").expired is None


def test_a_range_that_cloudwatch_forgets_is_rejected(project: Project) -> None:
    with pytest.raises(
        ClickError, match="CloudWatch keeps minutes for 15 days; give for example --since 14d"
    ):
        audit(project, "16d")
