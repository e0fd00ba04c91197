"""The log groups against what CloudWatch Logs is known to answer."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.aws.waiting import Expired
from mysfits_stream.provision.resource import OWNER_TAG, difference
from mysfits_stream.provision.resources.log_group import LogGroup
from tests.support.answers import EMPTY_500, Answer, error, ok
from tests.support.clock import Time
from tests.support.scripted import ACCOUNT, Scripted, placement

NAME = "/aws/kinesisfirehose/mysfits-clicks-clicks"
STREAM = "S3Delivery"
TAGGED = ok(tags={OWNER_TAG: "mysfits-clicks"})
UNTAGGED = ok(tags={})
STREAMS = ok(logStreams=[{"logStreamName": STREAM}])
EXISTS = error(400, "ResourceAlreadyExistsException", "The specified log group already exists")
NOT_FOUND = error(400, "ResourceNotFoundException", "The specified log group does not exist.")
ABORTED = error(
    400,
    "OperationAbortedException",
    "A conflicting operation is currently in progress against this resource. Please try again.",
)
DENIED = error(
    400,
    "AccessDeniedException",
    f"User: arn:aws:iam::{ACCOUNT.id}:user/me is not authorized to perform: logs:CreateLogGroup on resource: "
    f"{ACCOUNT.arn('logs', f'log-group:{NAME}')} because no identity-based policy allows the action",
)


def groups(*names: str, retention: int | None = 30) -> Answer:
    extra: dict[str, Any] = {} if retention is None else {"retentionInDays": retention}
    return ok(
        logGroups=[
            {"logGroupName": name, "arn": ACCOUNT.arn("logs", f"log-group:{name}:*"), **extra}
            for name in names
        ]
    )


def governed(days: int | None) -> Answer:
    """The group under an account-level retention policy."""
    found = dict(groups(NAME, retention=days).result["logGroups"][0])
    return ok(logGroups=[found | {"retentionPolicyName": "baseline"}])


def group(aws: Scripted, time: Time | None = None) -> LogGroup:
    return LogGroup(
        name="delivery-logs",
        group_name=NAME,
        placement=placement(aws, time),
        retention_days=30,
        log_streams=(STREAM,),
    )


def test_a_group_that_is_as_desired_reads_in_sync_without_the_star_of_its_arn() -> None:
    """F112."""
    aws = Scripted(
        DescribeLogGroups=groups(f"{NAME}-other", NAME),
        ListTagsForResource=TAGGED,
        DescribeLogStreams=STREAMS,
    )
    observed = group(aws).read()
    assert observed and (observed.properties, observed.owner) == (group(aws).desired, "mysfits-clicks")
    assert observed.arn == aws.asked("ListTagsForResource")[0]["resourceArn"]
    assert not observed.arn.endswith(":*")


def test_a_group_whose_name_only_begins_alike_is_not_ours() -> None:
    assert group(Scripted(DescribeLogGroups=groups(f"{NAME}-other"))).read() is None


def test_a_group_that_goes_while_it_is_read_reads_none() -> None:
    assert group(Scripted(DescribeLogGroups=groups(NAME), ListTagsForResource=NOT_FOUND)).read() is None


def test_a_group_resurrected_by_late_log_events_is_mended() -> None:
    """F77: it has no tag and no retention, and stops nobody."""
    aws = Scripted(
        DescribeLogGroups=groups(NAME, retention=None),
        ListTagsForResource=UNTAGGED,
        DescribeLogStreams=ok(logStreams=[]),
        TagResource=ok(),
        PutRetentionPolicy=ok(),
        CreateLogStream=EXISTS,
    )
    resource = group(aws)
    observed = resource.read()
    assert observed and observed.owner == "mysfits-clicks"
    resource.update(difference(observed.properties, resource.desired))
    # The tag first: without it, and with a retention, nobody would know it for ours any more.
    assert aws.names("TagResource", "PutRetentionPolicy", "CreateLogStream") == [
        "TagResource",
        "PutRetentionPolicy",
        "CreateLogStream",
    ]


def test_a_group_resurrected_while_ours_is_made_gets_its_tag() -> None:
    """F77: late events may come between the reading and the making."""
    aws = Scripted(
        CreateLogGroup=EXISTS,
        DescribeLogGroups=groups(NAME, retention=None),
        ListTagsForResource=UNTAGGED,
        DescribeLogStreams=ok(logStreams=[]),
        TagResource=ok(),
        PutRetentionPolicy=ok(),
        CreateLogStream=ok(),
    )
    group(aws).create()
    assert aws.asked("TagResource")[0]["tags"] == {OWNER_TAG: "mysfits-clicks"}


@pytest.mark.parametrize("days", [30, 90], ids=["of our length", "of another length"])
def test_an_account_level_policy_decides_the_retention(days: int) -> None:
    """F152: PutRetentionPolicy would succeed without effect, again and again."""
    aws = Scripted(DescribeLogGroups=governed(days), ListTagsForResource=TAGGED, DescribeLogStreams=STREAMS)
    observed = group(aws).read()
    assert observed and difference(observed.properties, group(aws).desired) == {}


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(lambda: governed(90), id="an account-level policy gave a retention (F152)"),
        pytest.param(lambda: governed(None), id="an account-level policy lets events never expire"),
        pytest.param(lambda: groups(NAME, retention=7), id="a job of the account set a retention"),
    ],
)
def test_a_resurrected_group_is_known_by_its_missing_tags_alone(found: Any) -> None:
    aws = Scripted(
        DescribeLogGroups=found(), ListTagsForResource=UNTAGGED, DescribeLogStreams=STREAMS, TagResource=ok()
    )
    observed = group(aws).read()
    assert observed and observed.owner == "mysfits-clicks"
    assert "Tags" in difference(observed.properties, group(aws).desired)


def test_a_group_with_tags_of_others_is_not_ours() -> None:
    aws = Scripted(
        CreateLogGroup=EXISTS,
        DescribeLogGroups=groups(NAME),
        ListTagsForResource=ok(tags={"team": "other"}),
        DescribeLogStreams=STREAMS,
    )
    observed = group(aws).read()
    assert observed and observed.owner is None
    group(aws).create()
    assert not aws.names("TagResource", "PutRetentionPolicy", "CreateLogStream")


def test_a_group_made_already_by_a_call_whose_answer_was_lost_is_completed() -> None:
    """F6."""
    aws = Scripted(
        CreateLogGroup=EXISTS,
        DescribeLogGroups=groups(NAME, retention=None),
        ListTagsForResource=TAGGED,
        DescribeLogStreams=ok(logStreams=[]),
        PutRetentionPolicy=[ABORTED, ok()],
        CreateLogStream=ok(),
    )
    group(aws).create()
    assert len(aws.asked("PutRetentionPolicy")) == 2
    assert len(aws.asked("CreateLogStream")) == 1


def test_a_new_group_carries_the_owner_tag_at_birth() -> None:
    aws = Scripted(
        CreateLogGroup=ok(),
        DescribeLogGroups=groups(NAME, retention=None),
        ListTagsForResource=TAGGED,
        DescribeLogStreams=ok(logStreams=[]),
        PutRetentionPolicy=ok(),
        CreateLogStream=ok(),
    )
    group(aws).create()
    assert aws.asked("CreateLogGroup")[0]["tags"] == {OWNER_TAG: "mysfits-clicks"}


def test_another_change_of_the_group_is_waited_for() -> None:
    """F27, with an empty 500 in between (F4)."""
    time = Time()
    aws = Scripted(DeleteLogGroup=[ABORTED, EMPTY_500, ABORTED, ok()])
    group(aws, time).delete()
    assert time.slept == [0.25, 0.5, 1.0]
    assert time.reports[0] == f"waiting for CloudWatch Logs to accept a change of {NAME}, 0 s of 120 s"


def test_a_name_that_is_still_being_deleted_is_waited_for() -> None:
    aws = Scripted(
        CreateLogGroup=[ABORTED, ok()],
        DescribeLogGroups=groups(NAME),
        ListTagsForResource=TAGGED,
        DescribeLogStreams=STREAMS,
    )
    group(aws).create()
    assert len(aws.asked("CreateLogGroup")) == 2


def test_a_group_that_is_never_at_rest_ends_in_what_to_check() -> None:
    advice = (
        "after 120 s; check that no other process changes or deletes the log group, and run the same command "
        "again; last response of AWS: "
    )
    with pytest.raises(Expired, match=f"CloudWatch Logs to accept a change of {NAME} {advice}"):
        group(Scripted(DeleteLogGroup=ABORTED)).delete()


def test_a_group_that_is_gone_is_deleted() -> None:
    group(Scripted(DeleteLogGroup=NOT_FOUND)).delete()


def test_an_operators_own_denial_fails_at_once() -> None:
    """F132."""
    time = Time()
    with pytest.raises(ClientError, match="logs:CreateLogGroup"):
        group(Scripted(CreateLogGroup=DENIED), time).create()
    assert time.slept == []
