"""Delivery streams as AWS's clients create, describe, update and delete them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mysfits_stream.localcloud.control_plane.firehose.delivery_streams import DeliveryStreams
from mysfits_stream.localcloud.control_plane.transitions import Transitions
from mysfits_stream.localcloud.firehose.stream import Destination, Processor
from mysfits_stream.localcloud.http.messages import Request, Response

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/delivery"
BUCKET = "arn:aws:s3:::clicks-bucket"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:processor"
START = 1_795_435_200.0
MB = 1024 * 1024


class Refused(Exception):
    """What a client makes of an error response."""


class Client:
    """Calls the override as an AWS client would; what it hands on to moto ends up in ``moto``."""

    def __init__(self, durations: dict[str, float] | None = None) -> None:
        self.time = START
        self.assumable = True
        self.durations = durations or {}
        self.moto: list[str] = []
        transitions = Transitions(
            now=lambda: self.time,
            steady=lambda: self.time,
            settling=lambda transition, arn: self.durations.get(transition, 0.0),
        )
        self.override = DeliveryStreams(ACCOUNT, lambda role: self.assumable, transitions)

    def __call__(self, operation: str, **parameters: Any) -> Any:
        headers = {
            "x-amz-target": f"Firehose_20150804.{operation}",
            "authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261123/eu-west-1/firehose/aws4_request",
        }
        request = Request("POST", "/", headers=headers, body=json.dumps(parameters).encode())
        response = self.override(request, self._moto)
        if response.status != 200:
            raise Refused(response.json()["__type"], response.json()["message"])
        return response.json()

    def _moto(self, request: Request) -> Response:
        self.moto.append(request.operation)
        return Response(200, {}, b"{}")

    def create(self, name: str = "clicks", **destination: Any) -> Any:
        configuration = {"RoleARN": ROLE, "BucketARN": BUCKET, **destination}
        return self(
            "CreateDeliveryStream", DeliveryStreamName=name, ExtendedS3DestinationConfiguration=configuration
        )

    def describe(self, name: str = "clicks") -> Any:
        return self("DescribeDeliveryStream", DeliveryStreamName=name)["DeliveryStreamDescription"]

    def extended(self) -> Any:
        return self.describe()["Destinations"][0]["ExtendedS3DestinationDescription"]

    def update(self, version: str = "1", **update: Any) -> Any:
        return self(
            "UpdateDestination",
            DeliveryStreamName="clicks",
            CurrentDeliveryStreamVersionId=version,
            DestinationId="destinationId-000000000001",
            ExtendedS3DestinationUpdate=update,
        )


@pytest.fixture
def client() -> Client:
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    return Client()


def processing(**parameters: str) -> dict[str, Any]:
    listed = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    return {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": listed}]}


def test_describe_fills_in_what_was_not_said(client: Client) -> None:
    arn = f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/clicks"
    assert client.create() == {"DeliveryStreamARN": arn}

    s3 = {
        "RoleARN": ROLE,
        "BucketARN": BUCKET,
        "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
        "CompressionFormat": "UNCOMPRESSED",
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        "CloudWatchLoggingOptions": {"Enabled": False},
    }
    assert client.describe() == {
        "DeliveryStreamName": "clicks",
        "DeliveryStreamARN": arn,
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamEncryptionConfiguration": {"Status": "DISABLED"},
        "DeliveryStreamType": "DirectPut",
        "VersionId": "1",
        "CreateTimestamp": START,
        "Destinations": [
            {
                "DestinationId": "destinationId-000000000001",
                "S3DestinationDescription": s3,
                "ExtendedS3DestinationDescription": {
                    **s3,
                    "ProcessingConfiguration": {"Enabled": False, "Processors": []},
                    "S3BackupMode": "Disabled",
                    "DataFormatConversionConfiguration": {"Enabled": False},
                },
            }
        ],
        "HasMoreDestinations": False,
    }


def test_a_processors_defaults_are_added_as_text(client: Client) -> None:
    client.create(ProcessingConfiguration=processing(LambdaArn=FUNCTION))
    (processor,) = client.extended()["ProcessingConfiguration"]["Processors"]

    assert {entry["ParameterName"]: entry["ParameterValue"] for entry in processor["Parameters"]} == {
        "LambdaArn": FUNCTION,
        "RoleArn": ROLE,
        "NumberOfRetries": "3",
        "BufferSizeInMBs": "1",
        "BufferIntervalInSeconds": "60",
    }


def test_the_data_plane_gets_the_stream_as_values(client: Client) -> None:
    client.create(
        Prefix="firehose/",
        ErrorOutputPrefix="bad/",
        BufferingHints={"SizeInMBs": 50, "IntervalInSeconds": 60},
        CompressionFormat="GZIP",
        FileExtension=".json.gz",
        CustomTimeZone="Asia/Tokyo",
        CloudWatchLoggingOptions={"Enabled": True, "LogGroupName": "group", "LogStreamName": "stream"},
        ProcessingConfiguration={
            "Enabled": True,
            "Processors": [
                *processing(
                    LambdaArn=FUNCTION,
                    BufferSizeInMBs="0.2",
                    BufferIntervalInSeconds="0",
                    NumberOfRetries="5",
                )["Processors"],
                {
                    "Type": "AppendDelimiterToRecord",
                    "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}],
                },
            ],
        },
        S3BackupMode="Enabled",
        S3BackupConfiguration={"RoleARN": ROLE, "BucketARN": BUCKET, "Prefix": "raw/"},
    )
    stream = client.override.stream("eu-west-1", "clicks")

    assert stream
    assert (stream.name, stream.status, stream.version, stream.created) == ("clicks", "ACTIVE", 1, START)
    assert stream.destination == Destination(
        role_arn=ROLE,
        bucket="clicks-bucket",
        prefix="firehose/",
        error_prefix="bad/",
        buffer_seconds=60,
        buffer_bytes=50 * MB,
        compression="GZIP",
        extension=".json.gz",
        time_zone="Asia/Tokyo",
        log_group="group",
        log_stream="stream",
    )
    assert stream.processor == Processor(FUNCTION, 0, int(0.2 * MB), 5)
    assert stream.delimiter == b"\n"
    assert stream.backup == Destination(role_arn=ROLE, bucket="clicks-bucket", prefix="raw/")
    assert client.override.stream("us-east-1", "clicks") is None


def test_a_processor_that_is_switched_off_is_none_for_the_data_plane(client: Client) -> None:
    client.create(ProcessingConfiguration={**processing(LambdaArn=FUNCTION), "Enabled": False})
    stream = client.override.stream("eu-west-1", "clicks")

    assert stream
    assert stream.processor is None


def test_an_update_keeps_what_it_leaves_out_and_makes_a_new_version(client: Client) -> None:
    client.create(Prefix="a/", CompressionFormat="GZIP")
    client.time += 100
    client.update(Prefix="b/", BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0})
    described = client.describe()

    assert described["VersionId"] == "2"
    assert described["LastUpdateTimestamp"] == START + 100
    assert described["Destinations"][0]["DestinationId"] == "destinationId-000000000001"
    extended = client.extended()
    assert (extended["Prefix"], extended["CompressionFormat"]) == ("b/", "GZIP")
    stream = client.override.stream("eu-west-1", "clicks")
    assert stream
    assert (stream.version, stream.destination.prefix, stream.destination.buffer_seconds) == (2, "b/", 0)


def test_an_update_through_the_s3_shape_reaches_the_same_destination(client: Client) -> None:
    client.create(Prefix="a/")
    client(
        "UpdateDestination",
        DeliveryStreamName="clicks",
        CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001",
        S3DestinationUpdate={"Prefix": "b/"},
    )
    assert client.extended()["Prefix"] == "b/"


def test_a_stream_made_through_the_s3_shape_is_described_in_both(client: Client) -> None:
    client(
        "CreateDeliveryStream",
        DeliveryStreamName="clicks",
        S3DestinationConfiguration={"RoleARN": ROLE, "BucketARN": BUCKET, "Prefix": "p/"},
    )
    (destination,) = client.describe()["Destinations"]

    assert destination["S3DestinationDescription"]["Prefix"] == "p/"
    assert destination["ExtendedS3DestinationDescription"]["S3BackupMode"] == "Disabled"


def test_states_take_the_time_they_are_given() -> None:
    client = Client({"create": 20, "delete": 60, "encrypt": 5})
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    client.create()
    assert client.describe()["DeliveryStreamStatus"] == "CREATING"
    stream = client.override.stream("eu-west-1", "clicks")
    assert stream
    assert stream.status == "CREATING"
    with pytest.raises(Refused, match="ResourceInUseException"):
        client("DeleteDeliveryStream", DeliveryStreamName="clicks")
    with pytest.raises(Refused, match="ResourceInUseException"):
        client("StartDeliveryStreamEncryption", DeliveryStreamName="clicks")

    client.time += 20
    assert client.describe()["DeliveryStreamStatus"] == "ACTIVE"
    client("StartDeliveryStreamEncryption", DeliveryStreamName="clicks")
    assert client.describe()["DeliveryStreamEncryptionConfiguration"] == {
        "KeyType": "AWS_OWNED_CMK",
        "Status": "ENABLING",
    }
    client.time += 5
    assert client.describe()["DeliveryStreamEncryptionConfiguration"]["Status"] == "ENABLED"
    stream = client.override.stream("eu-west-1", "clicks")
    assert stream
    assert stream.encrypted

    client("DeleteDeliveryStream", DeliveryStreamName="clicks")
    assert client.describe()["DeliveryStreamStatus"] == "DELETING"
    with pytest.raises(Refused, match="ResourceInUseException"):
        client.create()
    client.time += 60
    assert client.override.stream("eu-west-1", "clicks") is None
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        client.describe()
    client.create()


def test_encryption_may_be_asked_for_at_birth_and_stopped(client: Client) -> None:
    client(
        "CreateDeliveryStream",
        DeliveryStreamName="clicks",
        DeliveryStreamEncryptionConfigurationInput={"KeyType": "AWS_OWNED_CMK"},
        ExtendedS3DestinationConfiguration={"RoleARN": ROLE, "BucketARN": BUCKET},
    )
    assert client.describe()["DeliveryStreamEncryptionConfiguration"] == {
        "KeyType": "AWS_OWNED_CMK",
        "Status": "ENABLED",
    }
    client("StopDeliveryStreamEncryption", DeliveryStreamName="clicks")
    assert client.describe()["DeliveryStreamEncryptionConfiguration"] == {"Status": "DISABLED"}


def test_streams_are_listed_by_name_ten_at_a_time(client: Client) -> None:
    for number in range(12):
        client.create(f"stream-{number:02d}")
    first = client("ListDeliveryStreams")
    rest = client("ListDeliveryStreams", ExclusiveStartDeliveryStreamName="stream-09", Limit=2)

    assert first == {
        "DeliveryStreamNames": [f"stream-{number:02d}" for number in range(10)],
        "HasMoreDeliveryStreams": True,
    }
    assert rest == {"DeliveryStreamNames": ["stream-10", "stream-11"], "HasMoreDeliveryStreams": False}


@pytest.mark.parametrize("operation", ["TagDeliveryStream", "ListTagsForDeliveryStream"])
def test_tags_are_left_to_moto(client: Client, operation: str) -> None:
    client(operation, DeliveryStreamName="clicks")

    assert client.moto == [operation]


LAMBDA = {"LambdaArn": FUNCTION}


@pytest.mark.parametrize(
    ("destination", "code", "message"),
    [
        pytest.param(
            {"CompressionFormat": "gzip"},
            "ValidationException",
            "1 validation error detected: Value 'gzip' at "
            "'extendedS3DestinationConfiguration.compressionFormat' failed to satisfy constraint: "
            "Member must satisfy enum value set: [UNCOMPRESSED, GZIP, ZIP, Snappy, HADOOP_SNAPPY]",
            id="a compression in the wrong case",
        ),
        pytest.param(
            {"BufferingHints": {"SizeInMBs": 129, "IntervalInSeconds": 901}},
            "ValidationException",
            "2 validation errors detected: Value '129' at "
            "'extendedS3DestinationConfiguration.bufferingHints.sizeInMBs' failed to satisfy constraint: "
            "Member must have value less than or equal to 128; Value '901' at "
            "'extendedS3DestinationConfiguration.bufferingHints.intervalInSeconds' failed to satisfy "
            "constraint: Member must have value less than or equal to 900",
            id="hints beyond the limits",
        ),
        pytest.param(
            {"BucketARN": "clicks-bucket"},
            "ValidationException",
            "1 validation error detected: Value 'clicks-bucket' at "
            "'extendedS3DestinationConfiguration.bucketARN' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: arn:.*:s3:::[\w\.\-]{1,255}",
            id="a bucket's name for its ARN",
        ),
        pytest.param(
            {"BufferingHints": {"SizeInMBs": 5}},
            "InvalidArgumentException",
            "Both SizeInMBs and IntervalInSeconds are required to configure buffering.",
            id="one hint alone",
        ),
        pytest.param(
            {"Prefix": "!{timestamp:yyyy}/"},
            "InvalidArgumentException",
            "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions",
            id="an expression without an error prefix",
        ),
        pytest.param(
            {"CloudWatchLoggingOptions": {"Enabled": True}},
            "InvalidArgumentException",
            "CloudWatch Log Group Name is required if CloudWatch Logging is enabled",
            id="logging to nowhere",
        ),
        pytest.param(
            {"EncryptionConfiguration": {}},
            "InvalidArgumentException",
            "Exactly one of NoEncryptionConfig or KMSEncryptionConfig must be specified",
            id="no encryption at all",
        ),
        pytest.param(
            {"ProcessingConfiguration": {"Enabled": True, "Processors": []}},
            "InvalidArgumentException",
            "A maximum of 5 and a minimum of 1 processor needs to be supplied when processing is enabled.",
            id="processing without a processor",
        ),
        pytest.param(
            {
                "ProcessingConfiguration": {
                    "Enabled": True,
                    "Processors": processing(**LAMBDA)["Processors"] * 2,
                }
            },
            "InvalidArgumentException",
            "Cannot have more than 1 Lambda processor",
            id="two functions",
        ),
        pytest.param(
            {"ProcessingConfiguration": processing(NumberOfRetries="1")},
            "InvalidArgumentException",
            "LambdaArn is required when Lambda processor is used.",
            id="no function",
        ),
        pytest.param(
            {"ProcessingConfiguration": processing(**LAMBDA, BufferSizeInMBs="1")},
            "InvalidArgumentException",
            "Both BufferSizeInMBs and BufferIntervalInSeconds are required to configure buffering for lambda "
            "processor.",
            id="half a processor's buffer",
        ),
        pytest.param(
            {
                "ProcessingConfiguration": processing(
                    **LAMBDA, BufferSizeInMBs="0.1", BufferIntervalInSeconds="60"
                )
            },
            "InvalidArgumentException",
            "BufferSizeInMBs for lambda processor must be between 0.2 and 3.",
            id="too small a processor's buffer",
        ),
        pytest.param(
            {
                "ProcessingConfiguration": processing(
                    **LAMBDA, BufferSizeInMBs="1", BufferIntervalInSeconds="901"
                )
            },
            "InvalidArgumentException",
            "BufferIntervalInSeconds for lambda processor must be between 0 and 900.",
            id="too long a processor's buffer",
        ),
        pytest.param(
            {"ProcessingConfiguration": processing(**LAMBDA, NumberOfRetries="301")},
            "InvalidArgumentException",
            "Number of retries for lambda must be between 0 and 300.",
            id="too many retries",
        ),
        pytest.param(
            {"CustomTimeZone": "Mars/Olympus"},
            "InvalidArgumentException",
            "Provided custom time zone is not supported. Custom time zones are limited to UTC and "
            "non-3-letter IANA time zones.",
            id="a time zone that is none",
        ),
        pytest.param(
            {"RoleARN": "arn:aws:iam::999999999999:role/delivery"},
            "AccessDeniedException",
            f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to access this resource",
            id="another account's role (F31)",
        ),
    ],
)
def test_a_destination_is_refused_in_aws_words(
    client: Client, destination: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(Refused) as caught:
        client.create(**destination)
    assert caught.value.args == (code, message)

    client.create()
    if code != "ValidationException":
        with pytest.raises(Refused) as caught:
            client.update(**destination)
        assert caught.value.args == (code, message)
    assert client.describe()["VersionId"] == "1"


def test_a_role_that_firehose_cannot_assume_is_refused(client: Client) -> None:
    client.assumable = False
    with pytest.raises(Refused) as caught:
        client.create()

    assert caught.value.args == (
        "InvalidArgumentException",
        f"Firehose is unable to assume role {ROLE}. Please check the role provided.",
    )


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        pytest.param(
            lambda client: client.create(),
            "ResourceInUseException",
            f"Firehose clicks under accountId {ACCOUNT} already exists",
            id="the name is taken",
        ),
        pytest.param(
            lambda client: client.create("no spaces please"),
            "ValidationException",
            "1 validation error detected: Value 'no spaces please' at 'deliveryStreamName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
            id="a bad name",
        ),
        pytest.param(
            lambda client: client("CreateDeliveryStream", DeliveryStreamName="none"),
            "InvalidArgumentException",
            "Exactly one destination configuration is supported for a Firehose",
            id="no destination",
        ),
        pytest.param(
            lambda client: client.describe("none"),
            "ResourceNotFoundException",
            f"Firehose none under account {ACCOUNT} not found.",
            id="describe of none",
        ),
        pytest.param(
            lambda client: client("DeleteDeliveryStream", DeliveryStreamName="none"),
            "ResourceNotFoundException",
            f"Firehose none under account {ACCOUNT} not found.",
            id="delete of none",
        ),
        pytest.param(
            lambda client: client("DescribeDeliveryStream"),
            "ValidationException",
            "1 validation error detected: Value null at 'deliveryStreamName' failed to satisfy constraint: "
            "Member must not be null",
            id="no name",
        ),
        pytest.param(
            lambda client: client.update("99", Prefix="b/"),
            "ConcurrentModificationException",
            "Cannot update firehose: clicks since the current version id: 1 and specified version id: 99 "
            "do not match",
            id="a stale version",
        ),
        pytest.param(
            lambda client: client(
                "UpdateDestination",
                DeliveryStreamName="clicks",
                CurrentDeliveryStreamVersionId="1",
                DestinationId="destinationId-000000000002",
                ExtendedS3DestinationUpdate={},
            ),
            "InvalidArgumentException",
            "Destination Id destinationId-000000000002 not found",
            id="another destination",
        ),
        pytest.param(
            lambda client: client(
                "StartDeliveryStreamEncryption",
                DeliveryStreamName="clicks",
                DeliveryStreamEncryptionConfigurationInput={
                    "KeyType": "AWS_OWNED_CMK",
                    "KeyARN": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/a",
                },
            ),
            "InvalidArgumentException",
            "KeyARN cannot be specified when KeyType is AWS_OWNED_CMK",
            id="a key that is not one's own",
        ),
    ],
)
def test_a_request_is_refused_in_aws_words(
    client: Client, call: Callable[[Client], Any], code: str, message: str
) -> None:
    client.create()
    with pytest.raises(Refused) as caught:
        call(client)

    assert caught.value.args == (code, message)


def test_a_backup_cannot_be_taken_back(client: Client) -> None:
    client.create(
        S3BackupMode="Enabled", S3BackupConfiguration={"RoleARN": ROLE, "BucketARN": BUCKET, "Prefix": "raw/"}
    )
    assert client.extended()["S3BackupDescription"]["BufferingHints"]["SizeInMBs"] == 5

    client.update(S3BackupUpdate={"Prefix": "raw2/"})
    assert client.extended()["S3BackupDescription"]["Prefix"] == "raw2/"
    assert client.extended()["S3BackupDescription"]["BucketARN"] == BUCKET
    with pytest.raises(Refused, match="cannot be disabled"):
        client.update("2", S3BackupMode="Disabled")
