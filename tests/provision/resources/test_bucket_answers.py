"""The clicks bucket against what S3 is known to answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.aws.account import Account
from mysfits_stream.aws.waiting import Expired
from mysfits_stream.errors import DataProtectedError, NotOwnedError
from mysfits_stream.provision.engine import Goal, decide
from mysfits_stream.provision.resource import OWNER_TAG
from mysfits_stream.provision.resources.bucket import Bucket
from tests.support.answers import EMPTY_500, Answer, error, ok
from tests.support.clock import Time
from tests.support.scripted import ACCOUNT, Scripted, placement

NAME = "mysfits-clicks-123456789012-eu-west-1"
TAGGED = ok(TagSet=[{"Key": OWNER_TAG, "Value": "mysfits-clicks"}])
NO_BUCKET = error(404, "NoSuchBucket", "The specified bucket does not exist")
NO_TAGS = error(404, "NoSuchTagSet", "The TagSet does not exist")
ABORTED = error(
    409,
    "OperationAborted",
    "A conflicting conditional operation is currently in progress against this resource. Please try again.",
)
OURS_ALREADY = error(
    409,
    "BucketAlreadyOwnedByYou",
    "Your previous request to create the named bucket succeeded and you already own it.",
)
TAKEN = error(
    409,
    "BucketAlreadyExists",
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system.",
)
FOREIGN = error(403, "AccessDenied", "Access Denied")
SAME_ORGANISATION = error(
    403,
    "AccessDenied",
    f"User: arn:aws:iam::{ACCOUNT.id}:user/me is not authorized to perform: s3:GetBucketTagging on resource: "
    f'"arn:aws:s3:::{NAME}" because no resource-based policy allows the s3:GetBucketTagging action',
)
DENIED = error(
    403,
    "AccessDenied",
    f"User: arn:aws:iam::{ACCOUNT.id}:user/me is not authorized to perform: s3:GetBucketTagging on resource: "
    f'"arn:aws:s3:::{NAME}" because no identity-based policy allows the s3:GetBucketTagging action',
)
NOT_EMPTY = error(
    409,
    "BucketNotEmpty",
    "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
)
GONE = Answer(status=404)


def lies_in(region: str) -> Answer:
    """The answer to HEAD: where the bucket is."""
    return Answer(headers={"x-amz-bucket-region": region})


HERE = lies_in(ACCOUNT.region)

SETTINGS = [
    "PutBucketVersioning",
    "PutPublicAccessBlock",
    "PutBucketOwnershipControls",
    "PutBucketEncryption",
    "PutBucketLifecycleConfiguration",
    "PutBucketPolicy",
]
BLOCKED = {"EncryptionType": ["SSE-C"]}
NEW_ENCRYPTION = ok(
    ServerSideEncryptionConfiguration={
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                "BlockedEncryptionTypes": BLOCKED,
            }
        ]
    }
)
ALL_SET: dict[str, Any] = dict.fromkeys(SETTINGS, ok()) | {"GetBucketEncryption": NEW_ENCRYPTION}


def bucket(
    aws: Scripted, time: Time | None = None, *, account: Account = ACCOUNT, delete_data: bool = False
) -> Bucket:
    return Bucket(
        name="clicks-bucket",
        bucket_name=NAME,
        placement=placement(aws, time, account=account),
        expire_old_versions_days=30,
        abort_multipart_days=7,
        delete_data=delete_data,
    )


def as_desired() -> dict[str, Any]:
    desired = bucket(Scripted()).desired
    return {
        "GetBucketTagging": TAGGED,
        "HeadBucket": HERE,
        "GetBucketVersioning": ok(Status="Enabled"),
        "GetPublicAccessBlock": ok(PublicAccessBlockConfiguration=desired["PublicAccessBlockConfiguration"]),
        "GetBucketOwnershipControls": ok(OwnershipControls=desired["OwnershipControls"]),
        "GetBucketEncryption": ok(
            ServerSideEncryptionConfiguration={
                "Rules": [
                    {
                        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                        "BucketKeyEnabled": False,
                    }
                ]
            }
        ),
        "GetBucketLifecycleConfiguration": ok(Rules=desired["LifecycleConfiguration"]["Rules"]),
        "GetBucketPolicy": ok(Policy=json.dumps(desired["BucketPolicy"])),
    }


def test_a_bucket_that_is_as_desired_reads_in_sync() -> None:
    resource = bucket(Scripted(**as_desired()))
    observed = resource.read()
    assert observed and (observed.properties, observed.owner) == (resource.desired, "mysfits-clicks")


@pytest.mark.parametrize(
    ("operation", "code", "key", "value"),
    [
        (
            "GetPublicAccessBlock",
            "NoSuchPublicAccessBlockConfiguration",
            "PublicAccessBlockConfiguration",
            None,
        ),
        ("GetBucketOwnershipControls", "OwnershipControlsNotFoundError", "OwnershipControls", None),
        (
            "GetBucketEncryption",
            "ServerSideEncryptionConfigurationNotFoundError",
            "BucketEncryption",
            None,
        ),
        ("GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration", "LifecycleConfiguration", None),
        ("GetBucketPolicy", "NoSuchBucketPolicy", "BucketPolicy", None),
    ],
)
def test_a_setting_that_is_absent_reads_as_differing(operation: str, code: str, key: str, value: Any) -> None:
    """F40: each setting has its own code for not being there."""
    aws = Scripted(**(as_desired() | {operation: error(404, code, "not there")}))
    observed = bucket(aws).read()
    assert observed and observed.properties == {**bucket(aws).desired, key: value}


def test_versioning_that_was_never_set_reads_as_suspended() -> None:
    observed = bucket(Scripted(**(as_desired() | {"GetBucketVersioning": ok()}))).read()
    assert observed and observed.properties["VersioningConfiguration"] == {"Status": "Suspended"}


def test_a_missing_bucket_reads_none() -> None:
    assert bucket(Scripted(GetBucketTagging=NO_BUCKET)).read() is None


def test_every_call_names_the_account_that_must_own_the_bucket() -> None:
    aws = Scripted(**as_desired())
    bucket(aws).read()
    assert {parameters["ExpectedBucketOwner"] for _, parameters in aws.calls} == {ACCOUNT.id}


def test_an_untagged_bucket_has_no_owner() -> None:
    observed = bucket(Scripted(**(as_desired() | {"GetBucketTagging": NO_TAGS}))).read()
    assert observed and observed.owner is None


@pytest.mark.parametrize(
    "refusal", [FOREIGN, SAME_ORGANISATION], ids=["another account", "an account of the same organisation"]
)
def test_another_accounts_bucket_is_refused_with_both_things_that_it_may_be(refusal: Answer) -> None:
    """F131: to a stranger, and to an operator without permission, S3 says the same; F154."""
    resource = bucket(Scripted(GetBucketTagging=refusal))
    with pytest.raises(NotOwnedError, match=r"belongs to another account, or .*s3:GetBucketTagging"):
        decide(resource, resource.read(), Goal.PRESENT, "mysfits-clicks")


def test_a_denial_of_anything_but_the_tags_is_the_operators_own() -> None:
    """Whoever has read the tags is of the bucket's account."""
    with pytest.raises(ClientError, match="GetBucketPolicy"):
        bucket(Scripted(**(as_desired() | {"GetBucketPolicy": FOREIGN}))).read()
    with pytest.raises(ClientError, match="HeadBucket"):
        bucket(Scripted(**(as_desired() | {"HeadBucket": Answer(status=403)}))).read()


def test_a_bucket_of_ours_in_another_region_is_refused_with_that_region() -> None:
    """A configured name is the same in every region, and so is the bucket."""
    resource = bucket(Scripted(**(as_desired() | {"HeadBucket": lies_in("us-east-1")})))
    with pytest.raises(
        NotOwnedError, match=r"is in region us-east-1 \(set another bucket\.name for eu-west-1\)"
    ):
        decide(resource, resource.read(), Goal.ABSENT, "mysfits-clicks")


def test_an_endpoint_that_knows_no_regions_has_the_bucket_where_it_is_asked() -> None:
    resource = bucket(Scripted(**(as_desired() | {"HeadBucket": ok()})))
    observed = resource.read()
    assert observed and observed.owner == "mysfits-clicks"


def test_a_bucket_that_only_head_misses_reads_none() -> None:
    """F24, and its code in an answer without body (F40)."""
    assert bucket(Scripted(**(as_desired() | {"HeadBucket": GONE}))).read() is None


def test_an_operators_own_denial_fails_at_once() -> None:
    """F132."""
    time = Time()
    with pytest.raises(ClientError, match="s3:GetBucketTagging"):
        bucket(Scripted(GetBucketTagging=DENIED), time).read()
    with pytest.raises(ClientError, match="s3:GetBucketTagging"):
        bucket(Scripted(CreateBucket=DENIED), time).create()
    assert time.slept == []


@pytest.mark.parametrize(
    ("account", "constraint"),
    [
        pytest.param(Account("1", "us-east-1"), None, id="is not named in us-east-1"),
        pytest.param(Account("1", "eu-west-1"), "eu-west-1", id="is named elsewhere"),
        pytest.param(Account("1", "cn-north-1", "aws-cn"), "cn-north-1", id="is named in China"),
        pytest.param(Account("1", "us-gov-west-1", "aws-us-gov"), "us-gov-west-1", id="is named in GovCloud"),
    ],
)
def test_the_region_of_a_new_bucket(account: Account, constraint: str | None) -> None:
    """F43; and the tags are there in any region (section 2.2)."""
    aws = Scripted(CreateBucket=ok(), GetBucketTagging=TAGGED, **ALL_SET)
    bucket(aws, account=account).create()
    configuration = aws.asked("CreateBucket")[0]["CreateBucketConfiguration"]
    assert configuration.get("LocationConstraint") == constraint
    assert configuration["Tags"] == [{"Key": OWNER_TAG, "Value": "mysfits-clicks"}]


def test_a_new_bucket_is_set_up_one_setting_at_a_time() -> None:
    aws = Scripted(CreateBucket=ok(), GetBucketTagging=TAGGED, **ALL_SET)
    bucket(aws).create()
    assert aws.names("CreateBucket", *SETTINGS) == ["CreateBucket", *SETTINGS]
    # The types of encryption that S3 blocks in a new bucket stay blocked (F45).
    [rule] = aws.asked("PutBucketEncryption")[0]["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["BlockedEncryptionTypes"] == BLOCKED


def test_s3_is_waited_for_until_it_agrees_on_the_bucket() -> None:
    """F23 and F24, with an empty 500 in between (F4)."""
    time = Time()
    aws = Scripted(
        CreateBucket=[ABORTED, ABORTED, EMPTY_500, ok()],
        GetBucketTagging=[NO_BUCKET, TAGGED],
        **{**ALL_SET, "PutBucketVersioning": [NO_BUCKET, ABORTED, EMPTY_500, ok()]},
    )
    bucket(aws, time).create()
    assert len(aws.asked("CreateBucket")) == 4
    assert len(aws.asked("PutBucketVersioning")) == 4
    assert time.reports[0] == f"waiting for S3 to finish other operations on {NAME}, 0 s of 120 s"


def test_a_name_that_was_just_given_up_ends_in_what_to_do() -> None:
    """F44: it may take up to an hour."""
    with pytest.raises(
        Expired, match=r"a bucket of this name was deleted recently, wait .* or set bucket\.name"
    ):
        bucket(Scripted(CreateBucket=ABORTED)).create()


def test_a_bucket_made_already_by_a_call_whose_answer_was_lost_is_completed() -> None:
    """F6, and the 409 that tags make us-east-1 give."""
    aws = Scripted(
        CreateBucket=OURS_ALREADY,
        GetBucketTagging=TAGGED,
        HeadBucket=[GONE, lies_in("us-east-1")],
        **ALL_SET,
    )
    bucket(aws, account=Account(ACCOUNT.id, "us-east-1")).create()
    assert aws.names("PutBucketPolicy")


def test_a_bucket_that_another_region_was_faster_to_make_is_left_alone() -> None:
    aws = Scripted(CreateBucket=OURS_ALREADY, GetBucketTagging=TAGGED, HeadBucket=lies_in("us-east-1"))
    bucket(aws).create()
    assert aws.names() == ["CreateBucket", "GetBucketTagging", "HeadBucket"]


@pytest.mark.parametrize(
    ("script", "verb", "advice"),
    [
        pytest.param(
            {"HeadBucket": GONE},
            Bucket.settle,
            "check that no other process deletes the bucket, and run `up` again",
            id="the new bucket",
        ),
        pytest.param(
            {"DeleteBucket": ok(), "HeadBucket": ok()},
            Bucket.delete,
            "check that no other process creates the bucket again, and run `down` again",
            id="its end",
        ),
        pytest.param(
            {"PutBucketVersioning": ABORTED},
            lambda resource: resource.update({"VersioningConfiguration": (None, None)}),
            "check that no other process changes the bucket",
            id="a change",
        ),
    ],
)
def test_a_wait_that_ends_without_it_says_what_to_check(
    script: dict[str, Any], verb: Callable[[Bucket], None], advice: str
) -> None:
    with pytest.raises(Expired, match=re.escape(advice)):
        verb(bucket(Scripted(**script)))


@pytest.mark.parametrize(
    ("created", "tags"),
    [
        pytest.param(TAKEN, FOREIGN, id="another account took it meanwhile"),
        pytest.param(OURS_ALREADY, NO_TAGS, id="it is the account's and untagged"),
        pytest.param(
            OURS_ALREADY, ok(TagSet=[{"Key": OWNER_TAG, "Value": "other"}]), id="it is another stack's"
        ),
    ],
)
def test_a_bucket_found_made_already_is_left_alone_if(created: Answer, tags: Answer) -> None:
    aws = Scripted(CreateBucket=created, GetBucketTagging=tags)
    bucket(aws).create()
    assert aws.names() == ["CreateBucket", "GetBucketTagging"]


def test_only_what_differs_is_written() -> None:
    aws = Scripted(PutBucketPolicy=ok())
    bucket(aws).update({"BucketPolicy": (None, None)})
    assert json.loads(aws.asked("PutBucketPolicy")[0]["Policy"]) == bucket(aws).desired["BucketPolicy"]


BY_TAGS = error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")


def test_a_bucket_with_access_control_by_tags_is_tagged_by_s3_control() -> None:
    aws = Scripted(GetBucketTagging=NO_TAGS, PutBucketTagging=BY_TAGS, TagResource=ok())
    bucket(aws).tag("arn")
    [asked] = aws.asked("TagResource")
    assert asked["AccountId"] == ACCOUNT.id
    assert asked["ResourceArn"] == f"arn:aws:s3:::{NAME}"
    assert asked["Tags"] == [{"Key": OWNER_TAG, "Value": "mysfits-clicks"}]


def test_where_s3_control_does_not_tag_either_the_answer_of_s3_counts() -> None:
    aws = Scripted(GetBucketTagging=NO_TAGS, PutBucketTagging=BY_TAGS, TagResource=DENIED)
    with pytest.raises(ClientError, match="MethodNotAllowed"):
        bucket(aws).tag("arn")


def test_a_deleted_bucket_is_waited_for_until_s3_forgets_it() -> None:
    time = Time()
    aws = Scripted(DeleteBucket=[ABORTED, EMPTY_500, ok()], HeadBucket=[ok(), EMPTY_500, GONE])
    bucket(aws, time).delete()
    assert aws.names() == [*["DeleteBucket"] * 3, *["HeadBucket"] * 3]
    assert time.reports[-1] == f"waiting for S3 to delete {NAME}, 0 s of 60 s"


def test_a_bucket_that_is_gone_is_deleted() -> None:
    bucket(Scripted(DeleteBucket=NO_BUCKET, HeadBucket=GONE)).delete()


def test_a_bucket_that_holds_clicks_is_not_emptied_without_licence() -> None:
    aws = Scripted(DeleteBucket=NOT_EMPTY)
    with pytest.raises(DataProtectedError, match="--delete-data deletes them, --keep-data keeps them"):
        bucket(aws).delete()
    assert aws.names() == ["DeleteBucket"]


def test_a_bucket_is_emptied_again_while_a_writer_is_faster() -> None:
    """F49: a late object may land between the emptying and the deletion."""
    aws = Scripted(
        DeleteBucket=[NOT_EMPTY, NOT_EMPTY, NOT_EMPTY, ok()],
        ListObjectVersions=ok(IsTruncated=False, Versions=[{"Key": "k", "VersionId": "v", "IsLatest": True}]),
        DeleteObjects=ok(),
        HeadBucket=GONE,
    )
    bucket(aws, delete_data=True).delete()
    assert len(aws.asked("DeleteObjects")) == 3


def test_a_writer_that_never_ends_is_reported() -> None:
    aws = Scripted(
        DeleteBucket=NOT_EMPTY,
        ListObjectVersions=ok(IsTruncated=False, Versions=[{"Key": "k", "VersionId": "v", "IsLatest": True}]),
        DeleteObjects=ok(),
    )
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        bucket(aws, delete_data=True).delete()
    assert len(aws.asked("DeleteObjects")) == 3


def test_a_bucket_that_goes_while_it_is_emptied_is_deleted() -> None:
    aws = Scripted(DeleteBucket=[NOT_EMPTY, NO_BUCKET], ListObjectVersions=NO_BUCKET, HeadBucket=GONE)
    bucket(aws, delete_data=True).delete()


def test_a_bucket_settles_when_s3_no_longer_misses_it() -> None:
    """F24."""
    time = Time()
    aws = Scripted(**(as_desired() | {"HeadBucket": [HERE, GONE, HERE, HERE, GONE, HERE]}))
    bucket(aws, time).settle()
    # Eight until three in a row, and one for each of three reads of the settings.
    assert len(aws.asked("HeadBucket")) == 8 + 3
    steadily = [text for text in time.reports if f"waiting for S3 to return {NAME} consistently" in text]
    assert len(steadily) == 7


def test_a_bucket_settles_when_s3_shows_its_settings() -> None:
    """F153: otherwise `status` right after `up` would call the bucket drifted."""
    time = Time()
    current = as_desired()["GetBucketLifecycleConfiguration"]
    late = error(404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
    answers = [late, current, EMPTY_500, late, current]
    aws = Scripted(**(as_desired() | {"GetBucketLifecycleConfiguration": answers}))
    bucket(aws, time).settle()
    assert len(aws.asked("GetBucketLifecycleConfiguration")) == 7
    assert time.reports[-1].startswith(f"waiting for S3 to return the new settings of {NAME}")


def test_settings_that_never_show_end_in_what_to_check() -> None:
    time = Time()
    suspended = as_desired() | {"GetBucketVersioning": ok(Status="Suspended")}
    with pytest.raises(Expired, match="check that no other process changes the settings; `status` shows"):
        bucket(Scripted(**suspended), time).settle()
    assert 290 < time.now <= 310


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "UnsupportedArgument", "The request contained an unsupported argument."),
        error(400, "MalformedXML", "The XML you provided was not well-formed"),
    ],
    ids=["a partition that does not know tags on creation", "an endpoint that is not AWS's"],
)
def test_where_a_bucket_cannot_be_made_with_tags_they_follow_at_once(refusal: Answer) -> None:
    aws = Scripted(CreateBucket=[refusal, ok()], PutBucketTagging=ok(), GetBucketTagging=TAGGED, **ALL_SET)
    bucket(aws).create()
    assert aws.names()[:3] == ["CreateBucket", "CreateBucket", "PutBucketTagging"]
    assert "Tags" not in aws.asked("CreateBucket")[1]["CreateBucketConfiguration"]
    [tagging] = aws.asked("PutBucketTagging")
    assert tagging["Tagging"] == {"TagSet": [{"Key": OWNER_TAG, "Value": "mysfits-clicks"}]}


def test_a_bucket_that_was_there_before_is_not_tagged_as_ours() -> None:
    refusal = error(400, "UnsupportedArgument", "The request contained an unsupported argument.")
    aws = Scripted(CreateBucket=[refusal, OURS_ALREADY], GetBucketTagging=NO_TAGS)
    bucket(aws).create()
    assert aws.names() == ["CreateBucket", "CreateBucket", "GetBucketTagging"]


def test_a_bucket_that_this_call_made_is_set_up_before_its_tags_can_be_read() -> None:
    """F151: the engine waits for the tags."""
    aws = Scripted(CreateBucket=ok(), GetBucketTagging=NO_TAGS, **ALL_SET)
    bucket(aws).create()
    assert set(SETTINGS) <= set(aws.names())


def test_an_encryption_rule_without_a_default_reads_as_differing() -> None:
    rules = ok(ServerSideEncryptionConfiguration={"Rules": [{"BucketKeyEnabled": False}]})
    observed = bucket(Scripted(**(as_desired() | {"GetBucketEncryption": rules}))).read()
    assert observed and observed.properties["BucketEncryption"] is None
