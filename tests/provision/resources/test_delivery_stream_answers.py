"""The delivery stream against what Firehose is known to answer."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.aws.waiting import Expired
from mysfits_stream.config import Config
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision import stack
from mysfits_stream.provision.resource import OWNER_TAG, difference
from mysfits_stream.provision.resources.delivery_stream import RESET, DeliveryStream
from tests.support.answers import EMPTY_500, Answer, error, ok
from tests.support.clock import Time
from tests.support.scripted import ACCOUNT, Scripted, placement

NAME = "mysfits-clicks-clicks"
ROLE_NAME = "mysfits-clicks-eu-west-1-delivery"
FUNCTION = ACCOUNT.arn("lambda", "function:mysfits-clicks-processor")
TAGGED = ok(Tags=[{"Key": OWNER_TAG, "Value": "mysfits-clicks"}], HasMoreTags=False)
NOT_FOUND = error(400, "ResourceNotFoundException", f"Firehose {NAME} under account {ACCOUNT.id} not found.")
IN_USE = error(400, "ResourceInUseException", f"Firehose {NAME} is in use")
STALE = error(400, "ConcurrentModificationException", "The version does not match")


def invalid(message: str) -> Answer:
    return error(400, "InvalidArgumentException", message)


UNABLE_TO_ASSUME = invalid(
    f"Firehose is unable to assume role {ACCOUNT.role_arn(ROLE_NAME)}. Please check the role provided."
)
TOKEN_INVALID = invalid(
    "The security token included in the request is invalid. "
    "Ensure that the provided IAM role associated with firehose is not deleted."
)
ACCESS_DENIED = invalid("Access was denied when calling S3.")
NOT_AUTHORIZED = invalid("role is not authorized to perform s3:GetBucketLocation")
VERIFY = invalid("Verify that the IAM role has access to the bucket.")
VPC = invalid("Please make sure the role specified in VpcConfiguration has permissions.")


def stream(aws: Scripted, time: Time | None = None) -> DeliveryStream:
    time = time or Time()
    resources = stack.build(
        Config(),
        ACCOUNT,
        placement(aws).clients,
        mysfits_api="https://mysfits.example.com",
        answers=lambda _api, _stage: True,
        pace=time.pace,
        report=lambda _resource, text: time.reports.append(text),
    )
    return next(resource for resource in resources if isinstance(resource, DeliveryStream))


AS_DESIRED = stream(Scripted())


def described(
    status: str = "ACTIVE",
    encryption: dict[str, Any] | None = None,
    failure: str = "",
    version: str = "1",
    **changed: Any,
) -> Answer:
    """The stream as Firehose describes it when it is as desired, but for what is ``changed``."""
    wanted = AS_DESIRED.desired
    parameters = [{"ParameterName": k, "ParameterValue": v} for k, v in wanted["Processor"].items()]
    destination: dict[str, Any] = {
        key: wanted[key]
        for key in (
            "RoleARN",
            "BucketARN",
            "Prefix",
            "ErrorOutputPrefix",
            "BufferingHints",
            "CompressionFormat",
            "CloudWatchLoggingOptions",
            "S3BackupMode",
        )
    }
    destination |= {
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        "ProcessingConfiguration": {
            "Enabled": True,
            "Processors": [{"Type": "Lambda", "Parameters": parameters}],
        },
    }
    destination |= changed
    description: dict[str, Any] = {
        "DeliveryStreamName": NAME,
        "DeliveryStreamARN": AS_DESIRED.arn,
        "DeliveryStreamStatus": status,
        "DeliveryStreamType": "DirectPut",
        "VersionId": version,
        "HasMoreDestinations": False,
        "DeliveryStreamEncryptionConfiguration": encryption
        or {"KeyType": "AWS_OWNED_CMK", "Status": "ENABLED"},
        "Destinations": [
            {
                "DestinationId": "destinationId-000000000001",
                "ExtendedS3DestinationDescription": {k: v for k, v in destination.items() if v is not None},
            }
        ],
    }
    if failure:
        description["FailureDescription"] = {"Type": "UNKNOWN_ERROR", "Details": failure}
    return ok(DeliveryStreamDescription=description)


def diff(aws: Scripted) -> Any:
    resource = stream(aws)
    observed = resource.read()
    assert observed
    return difference(observed.properties, resource.desired)


def test_a_stream_that_is_as_desired_reads_in_sync() -> None:
    aws = Scripted(DescribeDeliveryStream=described(), ListTagsForDeliveryStream=TAGGED)
    assert diff(aws) == {}


def test_defaults_that_firehose_leaves_out_are_filled_in() -> None:
    """F53b: otherwise the stream would differ for ever."""
    processing = {
        "Enabled": True,
        "Processors": [
            {
                "Type": "Lambda",
                "Parameters": [
                    {
                        "ParameterName": "LambdaArn",
                        "ParameterValue": f"{FUNCTION}:live",
                    }
                ],
            }
        ],
    }
    aws = Scripted(
        DescribeDeliveryStream=described(
            ProcessingConfiguration=processing, S3BackupMode=None, CompressionFormat=None
        ),
        ListTagsForDeliveryStream=TAGGED,
    )
    assert diff(aws) == {}


def test_a_processor_that_was_switched_off_reads_as_differing() -> None:
    aws = Scripted(
        DescribeDeliveryStream=described(ProcessingConfiguration={"Enabled": False}),
        ListTagsForDeliveryStream=TAGGED,
    )
    assert set(diff(aws)) == {"Processor"}


def test_a_stream_on_its_way_is_in_sync_and_not_settled() -> None:
    encryption = {"KeyType": "AWS_OWNED_CMK", "Status": "ENABLING"}
    for answer in (described("CREATING"), described(encryption=encryption)):
        aws = Scripted(DescribeDeliveryStream=answer, ListTagsForDeliveryStream=TAGGED)
        observed = stream(aws).read()
        assert observed and not observed.settled
        assert diff(aws) == {}


def test_an_unknown_status_is_no_crash() -> None:
    """F50: the console knows SUSPENDED."""
    aws = Scripted(DescribeDeliveryStream=described("SUSPENDED"), ListTagsForDeliveryStream=TAGGED)
    assert diff(aws) == {"DeliveryStreamStatus": ("SUSPENDED", "ACTIVE")}


@pytest.mark.parametrize(
    "script",
    [
        {"DescribeDeliveryStream": NOT_FOUND},
        {"DescribeDeliveryStream": described(), "ListTagsForDeliveryStream": NOT_FOUND},
    ],
    ids=["is missing", "goes while it is read"],
)
def test_reads_none_where_the_stream(script: dict[str, Answer]) -> None:
    assert stream(Scripted(**script)).read() is None


def test_a_creation_that_misses_the_function_is_repeated() -> None:
    """F74: Firehose is not known to check the function (F32); the function may be under way."""
    time = Time()
    missed = invalid(f"Function {FUNCTION}:live does not exist")
    aws = Scripted(
        CreateDeliveryStream=[missed, missed, ok(DeliveryStreamARN="arn")],
        DescribeDeliveryStream=described("CREATING"),
    )
    stream(aws, time).create()
    assert (len(aws.asked("CreateDeliveryStream")), time.slept) == (3, [0.25, 0.5])
    assert time.reports[0] == f"waiting for Firehose to find {FUNCTION.rpartition(':')[2]}, 0 s of 420 s"


def test_a_function_that_firehose_never_finds_ends_in_what_to_check() -> None:
    time = Time()
    missed = invalid(f"Function {FUNCTION}:live does not exist")
    aws = Scripted(CreateDeliveryStream=missed)
    with pytest.raises(Expired, match=r"Firehose to find .*see the error of the processor"):
        stream(aws, time).create()


def test_the_role_is_waited_for_while_firehose_changes_its_wording() -> None:
    """F17, F18, F19 with an empty 500 (F4): one budget for the whole sequence (F5)."""
    time = Time()
    wordings = [UNABLE_TO_ASSUME, TOKEN_INVALID, EMPTY_500, ACCESS_DENIED, NOT_AUTHORIZED, VERIFY, VPC]
    aws = Scripted(
        CreateDeliveryStream=[*wordings, ok(DeliveryStreamARN="arn")],
        DescribeDeliveryStream=[NOT_FOUND, NOT_FOUND, described("CREATING")],
    )
    stream(aws, time).create()
    assert len(aws.asked("CreateDeliveryStream")) == len(wordings) + 1
    assert time.slept[:4] == [0.25, 0.5, 1.0, 1.0]
    assert time.reports[0] == f"waiting for {ROLE_NAME} to be assumable by Firehose, 0 s of 120 s"


def test_the_stream_is_made_with_tag_encryption_and_processor() -> None:
    aws = Scripted(CreateDeliveryStream=ok(DeliveryStreamARN="arn"), DescribeDeliveryStream=described())
    stream(aws).create()
    made = aws.asked("CreateDeliveryStream")[0]
    assert made["Tags"] == [{"Key": OWNER_TAG, "Value": "mysfits-clicks"}]
    assert made["DeliveryStreamEncryptionConfigurationInput"] == {"KeyType": "AWS_OWNED_CMK"}
    parameters = made["ExtendedS3DestinationConfiguration"]["ProcessingConfiguration"]["Processors"][0]
    assert {p["ParameterName"]: p["ParameterValue"] for p in parameters["Parameters"]} == stream(aws).desired[
        "Processor"
    ]


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(
            error(
                400, "UnrecognizedClientException", "The security token included in the request is invalid."
            ),
            id="the operator's own credentials (F30)",
        ),
        pytest.param(
            error(400, "AccessDeniedException", "User: x is not authorized to access this resource"),
            id="a role of another account (F31)",
        ),
        pytest.param(
            error(
                400,
                "AccessDeniedException",
                "User: x is not authorized to perform: firehose:TagDeliveryStream on resource: y",
            ),
            id="an operator who may not tag (F130, F132)",
        ),
        pytest.param(
            error(400, "LimitExceededException", "You have already consumed your firehose quota"),
            id="the quota of streams (F7)",
        ),
        pytest.param(
            invalid("BufferSizeInMBs for lambda processor must be between 0.2 and 3."),
            id="a value out of range (F66)",
        ),
    ],
)
def test_what_time_does_not_heal_fails_at_once(refusal: Answer) -> None:
    time = Time()
    with pytest.raises(ClientError):
        stream(Scripted(CreateDeliveryStream=refusal), time).create()
    assert time.slept == []


def test_a_role_that_never_is_assumable_ends_in_what_to_check() -> None:
    time = Time()
    with pytest.raises(Expired, match=r"trusts firehose\.amazonaws\.com; last response of AWS"):
        stream(Scripted(CreateDeliveryStream=UNABLE_TO_ASSUME), time).create()
    assert 110 <= time.now <= 120


def test_a_stream_found_made_already_is_no_error() -> None:
    """F6."""
    aws = Scripted(CreateDeliveryStream=IN_USE, DescribeDeliveryStream=described("CREATING"))
    stream(aws).create()
    assert len(aws.asked("CreateDeliveryStream")) == 1


def test_a_name_that_an_earlier_stream_still_holds_is_waited_for() -> None:
    """F52: several minutes."""
    time = Time()
    aws = Scripted(
        CreateDeliveryStream=[*[IN_USE] * 120, ok(DeliveryStreamARN="arn")],
        DescribeDeliveryStream=[*[described("DELETING")] * 120, described("CREATING")],
    )
    stream(aws, time).create()
    assert len(aws.asked("CreateDeliveryStream")) == 121
    assert time.now > 170
    assert time.reports[0] == f"waiting for Firehose to release the name {NAME}, 0 s of 1500 s"


def test_a_stream_is_asked_for_again_when_an_earlier_one_goes_right_after_it_was_in_the_way() -> None:
    """F52: nothing holds the name any more, and nothing was made."""
    aws = Scripted(
        CreateDeliveryStream=[IN_USE, ok(DeliveryStreamARN="arn")],
        DescribeDeliveryStream=[NOT_FOUND, described("CREATING")],
    )
    stream(aws).create()
    assert aws.names() == ["CreateDeliveryStream", "DescribeDeliveryStream"] * 2


def test_an_earlier_stream_that_cannot_be_deleted_is_explained() -> None:
    """F50: it keeps the name, and the next `up` deletes it once more."""
    stuck = described("DELETING_FAILED", failure="A grant is left.")
    resource = stream(Scripted(CreateDeliveryStream=IN_USE, DescribeDeliveryStream=stuck))
    resource.create()
    with pytest.raises(ProvisionError, match="DELETING_FAILED: A grant is left; the next `up` replaces it"):
        resource.settle()


def test_a_new_stream_is_waited_for_until_firehose_shows_it() -> None:
    """F50."""
    time = Time()
    aws = Scripted(
        CreateDeliveryStream=ok(DeliveryStreamARN="arn"),
        DescribeDeliveryStream=[NOT_FOUND, NOT_FOUND, described("CREATING")],
    )
    stream(aws, time).create()
    assert time.slept == [0.25, 0.5]
    assert time.reports[0] == f"waiting for Firehose to return {NAME}, 0 s of 30 s"


def test_a_stream_that_firehose_misses_again_for_a_moment_still_settles() -> None:
    """F50: one good answer is not yet the last bad one."""
    time = Time()
    enabling = described(encryption={"KeyType": "AWS_OWNED_CMK", "Status": "ENABLING"})
    aws = Scripted(
        DescribeDeliveryStream=[
            NOT_FOUND,
            described("CREATING"),
            NOT_FOUND,
            described(),
            NOT_FOUND,
            enabling,
            NOT_FOUND,
            described(),
        ]
    )
    stream(aws, time).settle()
    assert len(aws.calls) == 8


@pytest.mark.parametrize("verb", ["create", "settle"])
def test_a_stream_that_never_shows_ends_in_what_to_check(verb: str) -> None:
    time = Time()
    aws = Scripted(CreateDeliveryStream=ok(DeliveryStreamARN="arn"), DescribeDeliveryStream=NOT_FOUND)
    with pytest.raises(
        Expired, match=f"Firehose to return {NAME} after 30 s; check that no other process deletes"
    ):
        getattr(stream(aws, time), verb)()
    assert 25 < time.now <= 30


def test_a_destination_is_updated_with_the_version_just_read() -> None:
    """F53: a stale version is read again."""
    aws = Scripted(
        DescribeDeliveryStream=[described(), described(version="7"), described(version="8")],
        UpdateDestination=[STALE, ok()],
    )
    stream(aws).update({"Prefix": ("other/", "firehose/")})
    assert [call["CurrentDeliveryStreamVersionId"] for call in aws.asked("UpdateDestination")] == ["7", "8"]
    assert aws.asked("UpdateDestination")[0]["DestinationId"] == "destinationId-000000000001"
    sent = aws.asked("UpdateDestination")[1]["ExtendedS3DestinationUpdate"]
    assert {"BufferingHints", "ProcessingConfiguration", "CloudWatchLoggingOptions", "S3BackupMode"} <= set(
        sent
    )


@pytest.mark.parametrize(
    ("drifted", "key", "sent"),
    [
        pytest.param({"CustomTimeZone": "Europe/Vienna"}, "CustomTimeZone", "UTC", id="a time zone"),
        pytest.param({"FileExtension": ".json"}, "FileExtension", "", id="an extension"),
        pytest.param(
            {"EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": "arn:aws:kms:x"}}},
            "EncryptionConfiguration",
            {"NoEncryptionConfig": "NoEncryption"},
            id="a key",
        ),
        pytest.param(
            {"DataFormatConversionConfiguration": {"Enabled": True, "SchemaConfiguration": {"Region": "x"}}},
            "DataFormatConversionConfiguration",
            {"Enabled": False},
            id="a conversion",
        ),
    ],
)
def test_a_setting_of_the_destination_goes_back_to_firehoses_default(
    drifted: dict[str, Any], key: str, sent: Any
) -> None:
    aws = Scripted(
        DescribeDeliveryStream=described(**drifted), ListTagsForDeliveryStream=TAGGED, UpdateDestination=ok()
    )
    found = diff(aws)
    assert list(found) == [key]
    stream(aws).update(found)
    [update] = aws.asked("UpdateDestination")
    assert update["ExtendedS3DestinationUpdate"][key] == sent
    assert not RESET.keys() & update["ExtendedS3DestinationUpdate"].keys() - {key}


def test_a_processor_that_somebody_added_reads_as_differing() -> None:
    processing = deepcopy(
        described().result["DeliveryStreamDescription"]["Destinations"][0][
            "ExtendedS3DestinationDescription"
        ]["ProcessingConfiguration"]
    )
    processing["Processors"].append({"Type": "AppendDelimiterToRecord", "Parameters": []})
    aws = Scripted(
        DescribeDeliveryStream=described(ProcessingConfiguration=processing), ListTagsForDeliveryStream=TAGGED
    )
    assert diff(aws) == {"OtherProcessors": (["AppendDelimiterToRecord"], [])}


def test_a_backup_is_kept_and_explained_once_the_rest_is_healed() -> None:
    """F53: Firehose never switches one off, and rejects a change that tries to."""
    aws = Scripted(
        DescribeDeliveryStream=described(S3BackupMode="Enabled", Prefix="other/"),
        ListTagsForDeliveryStream=TAGGED,
        UpdateDestination=ok(),
    )
    found = diff(aws)
    assert set(found) == {"S3BackupMode", "Prefix"}
    with pytest.raises(ProvisionError, match=r"can never switch off; .* delete the stream .* run `up` again"):
        stream(aws).update(found)
    [update] = aws.asked("UpdateDestination")
    assert "S3BackupMode" not in update["ExtendedS3DestinationUpdate"]
    with pytest.raises(ProvisionError):
        stream(aws).update({"S3BackupMode": ("Enabled", "Disabled")})
    assert len(aws.asked("UpdateDestination")) == 1


def test_a_changed_role_is_waited_for_when_the_destination_is_updated() -> None:
    aws = Scripted(
        DescribeDeliveryStream=described(),
        UpdateDestination=[UNABLE_TO_ASSUME, TOKEN_INVALID, EMPTY_500, ok()],
    )
    stream(aws).update({"RoleARN": ("other", "ours")})
    assert len(aws.asked("UpdateDestination")) == 4


def test_encryption_is_switched_on_again_and_nothing_else_is_sent() -> None:
    """F53c."""
    failed = {"KeyType": "AWS_OWNED_CMK", "Status": "ENABLING_FAILED"}
    aws = Scripted(
        DescribeDeliveryStream=described(encryption=failed),
        ListTagsForDeliveryStream=TAGGED,
        StartDeliveryStreamEncryption=ok(),
    )
    found = diff(aws)
    assert set(found) == {"DeliveryStreamEncryption"}
    stream(aws).update(found)
    assert aws.names()[-1] == "StartDeliveryStreamEncryption"


def test_a_stream_that_could_not_be_made_is_replaced() -> None:
    """F50: CREATING_FAILED is terminal."""
    failed = described("CREATING_FAILED", failure="The role was deleted.")
    aws = Scripted(
        DescribeDeliveryStream=[failed, failed, NOT_FOUND, described("CREATING")],
        ListTagsForDeliveryStream=TAGGED,
        DeleteDeliveryStream=ok(),
        CreateDeliveryStream=ok(DeliveryStreamARN="arn"),
    )
    with pytest.raises(
        ProvisionError, match="CREATING_FAILED: The role was deleted; the next `up` replaces it"
    ):
        stream(aws).settle()
    found = diff(aws)
    stream(aws).update(found)
    assert aws.names("DeleteDeliveryStream", "CreateDeliveryStream") == [
        "DeleteDeliveryStream",
        "CreateDeliveryStream",
    ]


def test_a_stream_that_is_being_deleted_is_made_again_once_it_is_gone() -> None:
    aws = Scripted(
        DescribeDeliveryStream=[*[described("DELETING")] * 5, NOT_FOUND, described("CREATING")],
        ListTagsForDeliveryStream=TAGGED,
        DeleteDeliveryStream=ok(),
        CreateDeliveryStream=ok(DeliveryStreamARN="arn"),
    )
    found = diff(aws)
    assert found == {"DeliveryStreamStatus": ("DELETING", "ACTIVE")}
    stream(aws).update(found)
    created = aws.names().index("CreateDeliveryStream")
    assert set(aws.names()[created - 6 : created]) == {"DeleteDeliveryStream", "DescribeDeliveryStream"}
    assert created > 5


def test_a_stream_that_is_still_creating_is_deleted_once_it_can_be() -> None:
    """F50, F51: over twenty minutes have been seen."""
    time = Time()
    aws = Scripted(
        DeleteDeliveryStream=[*[IN_USE] * 600, EMPTY_500, ok()],
        DescribeDeliveryStream=[described("DELETING"), NOT_FOUND],
    )
    stream(aws, time).delete()
    assert time.now > 1130
    assert aws.asked("DeleteDeliveryStream")[0]["AllowForceDelete"] is True


def test_a_stream_that_is_gone_is_deleted() -> None:
    stream(Scripted(DeleteDeliveryStream=NOT_FOUND, DescribeDeliveryStream=NOT_FOUND)).delete()


@pytest.mark.parametrize("status", ["DELETING_FAILED", "CREATING_FAILED"])
def test_a_stream_that_cannot_be_deleted_ends_the_wait_at_once_and_says_why(status: str) -> None:
    """F50: it stays so until it is deleted once more."""
    time = Time()
    aws = Scripted(
        DeleteDeliveryStream=ok(),
        DescribeDeliveryStream=[described("DELETING"), described(status, failure="A grant is left.")],
    )
    with pytest.raises(ProvisionError) as raised:
        stream(aws, time).delete()
    assert str(raised.value) == (
        f"delivery-stream: delete: {AS_DESIRED.arn} is {status}: A grant is left; "
        "resolve the problem, then run the same command again"
    )
    assert time.slept == [0.25]


def test_a_stream_settles_when_it_is_active_and_encrypted() -> None:
    time = Time()
    enabling = described(encryption={"KeyType": "AWS_OWNED_CMK", "Status": "ENABLING"})
    aws = Scripted(DescribeDeliveryStream=[described("CREATING"), enabling, enabling, enabling, described()])
    stream(aws, time).settle()
    assert time.reports == [
        f"waiting for {NAME} to be ACTIVE, 0 s of 1500 s",
        f"waiting for {NAME} to be encrypted, 0 s of 1500 s",
        f"waiting for {NAME} to be encrypted, 0 s of 1500 s",
    ]


ROLE_ADVICE = f"check that role {ROLE_NAME} exists and trusts firehose.amazonaws.com"
STATE_ADVICE = f"check its state (aws firehose describe-delivery-stream --delivery-stream-name {NAME})"


@pytest.mark.parametrize(
    ("script", "act", "waited_for", "advice"),
    [
        (
            {"CreateDeliveryStream": UNABLE_TO_ASSUME},
            DeliveryStream.create,
            f"{ROLE_NAME} to be assumable by Firehose after 120 s",
            ROLE_ADVICE,
        ),
        (
            {"CreateDeliveryStream": IN_USE, "DescribeDeliveryStream": described("DELETING")},
            DeliveryStream.create,
            f"Firehose to release the name {NAME} after 1500 s",
            f"{STATE_ADVICE}, and run `up` again to go on waiting",
        ),
        (
            {"DescribeDeliveryStream": described(), "UpdateDestination": STALE},
            lambda stream: stream.update({"Prefix": ("other/", "firehose/")}),
            f"Firehose to take the new destination of {NAME} after 120 s",
            f"{ROLE_ADVICE}, and check that no other process updates the stream",
        ),
        (
            {"DescribeDeliveryStream": described("CREATING")},
            DeliveryStream.settle,
            f"{NAME} to be ACTIVE after 1500 s",
            f"{STATE_ADVICE}, and run `up` again to go on waiting",
        ),
        (
            {"DeleteDeliveryStream": IN_USE},
            DeliveryStream.delete,
            f"{NAME} to accept its deletion after 1500 s",
            f"{STATE_ADVICE}, and run the same command again to go on waiting",
        ),
        (
            {"DeleteDeliveryStream": ok(), "DescribeDeliveryStream": described("DELETING")},
            DeliveryStream.delete,
            f"Firehose to delete {NAME} after 1500 s",
            f"{STATE_ADVICE}, and run the same command again to go on waiting",
        ),
    ],
    ids=["role", "name", "destination", "state", "readiness", "deletion"],
)
def test_a_wait_that_ends_says_what_to_check(
    script: Any, act: Callable[[DeliveryStream], None], waited_for: str, advice: str
) -> None:
    with pytest.raises(Expired) as raised:
        act(stream(Scripted(**script)))
    said, _, _ = str(raised.value).partition("; last response of AWS")
    assert said == f"still waiting for {waited_for}; {advice}"


def test_desired_is_what_is_sent() -> None:
    """Every property that can differ is one that an update can bring back."""
    aws = Scripted(CreateDeliveryStream=ok(DeliveryStreamARN="arn"), DescribeDeliveryStream=described())
    resource = stream(aws)
    resource.create()
    sent = deepcopy(aws.asked("CreateDeliveryStream")[0]["ExtendedS3DestinationConfiguration"])
    assert set(resource.desired) - set(sent) == {
        "DeliveryStreamType",
        "DeliveryStreamStatus",
        "DeliveryStreamEncryption",
        "Processor",
        # Firehose's defaults: an update sends what drifted.
        "OtherProcessors",
        *RESET,
        # Beside the configuration of the destination.
        "Tags",
    }


@pytest.mark.parametrize(
    "differing",
    [
        {"DeliveryStreamStatus": ("SUSPENDED", "ACTIVE")},
        {"DeliveryStreamType": ("KinesisStreamAsSource", "DirectPut")},
    ],
    ids=["a state that we do not know", "another type"],
)
def test_a_stream_that_may_hold_clicks_is_left_to_a_person(differing: Any) -> None:
    """F52: deleting it would lose them."""
    aws = Scripted()
    with pytest.raises(ProvisionError, match="not delivered yet"):
        stream(aws).update(differing)
    assert aws.calls == []


def test_encryption_that_is_on_its_way_is_not_started_again() -> None:
    """F53c: starting it is rationed."""
    aws = Scripted(DescribeDeliveryStream=described(encryption={"Status": "ENABLING"}))
    stream(aws).update({"DeliveryStreamEncryption": ({"Status": "DISABLED"}, {})})
    assert set(aws.names()) == {"DescribeDeliveryStream"}


def test_all_tags_of_a_stream_are_asked_for() -> None:
    aws = Scripted(DescribeDeliveryStream=described(), ListTagsForDeliveryStream=TAGGED)
    stream(aws).read()
    assert aws.asked("ListTagsForDeliveryStream")[0]["Limit"] == 50


def test_numbers_of_the_processor_compare_as_numbers() -> None:
    parameters = {**AS_DESIRED.desired["Processor"], "BufferSizeInMBs": "1.0", "NumberOfRetries": "3.0"}
    processing = {
        "Enabled": True,
        "Processors": [
            {
                "Type": "Lambda",
                "Parameters": [{"ParameterName": k, "ParameterValue": v} for k, v in parameters.items()],
            }
        ],
    }
    aws = Scripted(
        DescribeDeliveryStream=described(ProcessingConfiguration=processing), ListTagsForDeliveryStream=TAGGED
    )
    assert diff(aws) == {}


def test_a_stream_that_drains_lets_both_buffers_pass_before_it_goes() -> None:
    time = Time()
    gone = error(400, "ResourceNotFoundException", "not found")
    aws = Scripted(DescribeDeliveryStream=[described(), gone], DeleteDeliveryStream=ok())
    replace(stream(aws, time), drain=True).delete()
    assert sum(time.slept) >= 60 + 60
    assert "waiting for buffered clicks" in time.reports[0]
