"""The delivery stream: Firehose, its processor and its S3 destination."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import ignoring, is_error, is_server_error
from mysfits_stream.aws.waiting import retry_while, wait_until
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.resource import (
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    logical_id,
    owner_of,
    tag_list,
)
from mysfits_stream.provision.resources.alias import Alias
from mysfits_stream.provision.resources.bucket import Bucket
from mysfits_stream.provision.resources.log_group import LogGroup
from mysfits_stream.provision.resources.role import Role

if TYPE_CHECKING:
    from types_boto3_firehose import FirehoseClient

CREATE_BUDGET = 1500.0
"""Seconds until ACTIVE: 15 to 40 are usual, over 20 minutes have been seen (F51)."""

PROCESSOR_BUDGET = 420.0
"""Seconds that the processor can take until it is there: its role (F5) and the function (F54)."""

DRAIN_SLACK = 60
DRAIN_STEP = 2

SHOW_BUDGET = 30.0
"""Seconds for which a stream just made may not be found (F50)."""

PROCESSOR_DEFAULTS = {"NumberOfRetries": "3", "BufferSizeInMBs": "1", "BufferIntervalInSeconds": "60"}
"""What Firehose uses for parameters that it was not given, and may leave out or add when asked (F53b)."""

NO_ENCRYPTION: dict[str, Any] = {"NoEncryptionConfig": "NoEncryption"}

RESET: dict[str, Any] = {
    "CustomTimeZone": "UTC",
    "FileExtension": "",
    "EncryptionConfiguration": NO_ENCRYPTION,
    "DataFormatConversionConfiguration": {"Enabled": False},
}
"""Settings of the destination that the stack leaves at Firehose's default; only drift sends these."""

REPLACEABLE = ("CREATING_FAILED", "DELETING", "DELETING_FAILED")
"""The states in which a stream holds nothing any more, or never did."""

MOST_TAGS = 50
"""What a stream can have, and one page of its tags can hold (F139)."""

WORKING = ("CREATING", "DELETING")
ENCRYPTED = {"KeyType": "AWS_OWNED_CMK", "Status": "ENABLED"}


@dataclass(frozen=True)
class DeliveryStream:
    """A direct-put delivery stream into a bucket, through a processor.

    The stream holds the processor's alias (F280): an update waits for a tested version behind the alias, and
    buffered clicks find their processor alive when the stream is deleted. The creation does not wait, as
    Firehose is not known to check the function (F32) and takes longest of all (F73): in a first `up` no
    click comes before the API, which waits for the alias.
    """

    name: str
    placement: Placement
    stream_name: str
    role: Role
    bucket: Bucket
    processor: Alias
    log_group: LogGroup
    log_stream: str
    prefix: str
    error_prefix: str
    buffer_seconds: int
    buffer_mb: int
    compression: str
    processor_buffer_seconds: int
    processor_buffer_mb: float
    processor_retries: int
    drain: bool = False
    """Whether to let buffered clicks be delivered before the stream is deleted, and they with it (F52)."""
    type: ClassVar[str] = "AWS::KinesisFirehose::DeliveryStream"
    created_without: ClassVar[tuple[str, ...]] = ("processor",)

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        return self.placement.account.arn("firehose", f"deliverystream/{self.stream_name}")

    @property
    def desired(self) -> Properties:
        """The destination block by block, the processor's parameters by name, and encryption."""
        return {
            "DeliveryStreamType": "DirectPut",
            "DeliveryStreamStatus": "ACTIVE",
            "DeliveryStreamEncryption": ENCRYPTED,
            "RoleARN": self.role.arn,
            "BucketARN": self.bucket.arn,
            "Prefix": self.prefix,
            # The day and hour are spelled out: with expressions, Firehose adds none of its own (F85, F89).
            "ErrorOutputPrefix": (
                f"{self.error_prefix}!{{firehose:error-output-type}}/!{{timestamp:yyyy/MM/dd/HH}}/"
            ),
            "BufferingHints": {"IntervalInSeconds": self.buffer_seconds, "SizeInMBs": self.buffer_mb},
            "CompressionFormat": self.compression,
            "CloudWatchLoggingOptions": {
                "Enabled": True,
                "LogGroupName": self.log_group.group_name,
                "LogStreamName": self.log_stream,
            },
            "Processor": {
                "LambdaArn": self.processor.arn,
                "RoleArn": self.role.arn,
                "NumberOfRetries": str(self.processor_retries),
                "BufferSizeInMBs": f"{self.processor_buffer_mb:g}",
                "BufferIntervalInSeconds": str(self.processor_buffer_seconds),
            },
            "OtherProcessors": [],
            **RESET,
            "EncryptionConfiguration": self._encryption_of_objects,
            "S3BackupMode": "Disabled",
            "Tags": self.placement.tags,
        }

    def template(self) -> Template:
        """The stream with its destination."""
        return {
            logical_id(self.name): {
                "Type": self.type,
                "DeletionPolicy": "Delete",
                "UpdateReplacePolicy": "Delete",
                "Properties": {
                    "DeliveryStreamName": self.stream_name,
                    "DeliveryStreamType": self.desired["DeliveryStreamType"],
                    "DeliveryStreamEncryptionConfigurationInput": {"KeyType": ENCRYPTED["KeyType"]},
                    "ExtendedS3DestinationConfiguration": self._destination(),
                    "Tags": tag_list(self.placement.tags),
                },
            }
        }

    def read(self) -> Observed | None:
        """The stream as Firehose returns it, with Firehose's defaults filled in."""
        try:
            found = self._describe()
            tags = self._firehose.list_tags_for_delivery_stream(
                DeliveryStreamName=self.stream_name, Limit=MOST_TAGS
            )["Tags"]
        except ClientError as error:
            if is_error(error, "ResourceNotFoundException"):
                return None
            raise
        destination = found["Destinations"][0].get("ExtendedS3DestinationDescription", {})
        status = found["DeliveryStreamStatus"]
        encryption = found.get("DeliveryStreamEncryptionConfiguration", {})
        properties = {key: destination.get(key) for key in DESTINATION_KEYS}
        properties |= {
            **{key: destination.get(key) or default for key, default in RESET.items()},
            # Schema and formats may stay behind when the conversion is switched off.
            "DataFormatConversionConfiguration": {
                "Enabled": destination.get("DataFormatConversionConfiguration", {}).get("Enabled", False)
            },
            "DeliveryStreamType": found["DeliveryStreamType"],
            # On its way to ACTIVE is not a difference; failed or on its way out is.
            "DeliveryStreamStatus": "ACTIVE" if status == "CREATING" else status,
            "DeliveryStreamEncryption": _encryption(encryption),
            "Prefix": destination.get("Prefix", ""),
            "ErrorOutputPrefix": destination.get("ErrorOutputPrefix", ""),
            "CompressionFormat": destination.get("CompressionFormat", "UNCOMPRESSED"),
            "S3BackupMode": destination.get("S3BackupMode", "Disabled"),
            "Processor": self._processor_of(destination),
            "OtherProcessors": _other_processors(destination),
            "Tags": self.placement.ours(tags),
        }
        settled = status not in WORKING and encryption.get("Status") != "ENABLING"
        return Observed(self.stream_name, self.arn, properties, owner_of(tags), settled=settled)

    def create(self) -> None:
        """Create the stream, waiting until its role is assumable.

        On return the stream is still CREATING.
        """
        with ignoring("ResourceInUseException"):
            retry_while(
                self._freed,
                lambda: retry_while(
                    self._misses_processor,
                    lambda: self._retry(
                        self._ask, f"{self.role.role_name} to be assumable by Firehose", self._role_advice
                    ),
                    self.placement.pace,
                    waiting_for=f"Firehose to find {self.processor.function.function_name}",
                    budget=PROCESSOR_BUDGET,
                    advice="see the error of the processor, and run `up` again",
                ),
                self.placement.pace,
                waiting_for=f"Firehose to release the name {self.stream_name}",
                budget=CREATE_BUDGET,
                advice=f"{self._state_advice}, and run `up` again to go on waiting",
            )
        self._shown()

    def update(self, diff: Diff) -> None:
        """Change the destination in place; replace a failed stream or a stream in deletion.

        A stream in any other state may hold undelivered clicks, so a person has to decide.
        """
        status, _ = diff.get("DeliveryStreamStatus", ("ACTIVE", "ACTIVE"))
        if status in REPLACEABLE:
            self.delete()
            self.create()
            return
        if status != "ACTIVE" or "DeliveryStreamType" in diff:
            raise ProvisionError(
                self.name,
                "update",
                f"{self.arn} is {status} or of another type, and may hold records that are not delivered "
                "yet; see to those, delete it, and run `up` again",
            )
        self._wait_for(self._active, "ACTIVE")
        if "DeliveryStreamEncryption" in diff and not self._encrypting():
            self._firehose.start_delivery_stream_encryption(
                DeliveryStreamName=self.stream_name,
                DeliveryStreamEncryptionConfigurationInput={"KeyType": "AWS_OWNED_CMK"},
            )
        if "Tags" in diff:
            self.tag(self.arn)
        if set(diff) - {"DeliveryStreamEncryption", "S3BackupMode", "Tags"}:
            self._retry(
                lambda: self._update_destination(diff),
                f"Firehose to take the new destination of {self.stream_name}",
                f"{self._role_advice}, and check that no other process updates the stream",
            )
        if diff.get("S3BackupMode", (None,))[0] == "Enabled":
            raise ProvisionError(
                self.name,
                "update",
                f"{self.arn} keeps a backup of raw clicks in S3, which Firehose can never switch off; all "
                "else is as configured. To end the backup, delete the stream (aws firehose "
                f"delete-delivery-stream --delivery-stream-name {self.stream_name}), which loses the clicks "
                "of the last minutes, and run `up` again",
            )

    def tag(self, arn: str) -> None:
        """Write the tags; TagDeliveryStream keeps the others."""
        self._firehose.tag_delivery_stream(
            DeliveryStreamName=self.stream_name, Tags=tag_list(self.placement.tags)
        )

    def delete(self) -> None:
        """Delete the stream and wait until the name is free.

        A stream in CREATING is waited for (F50).
        """
        if self.drain and self._status() == "ACTIVE":
            self._wait_for_buffers()
        with ignoring("ResourceNotFoundException"):
            retry_while(
                lambda error: is_error(error, "ResourceInUseException") or is_server_error(error),
                lambda: self._firehose.delete_delivery_stream(
                    DeliveryStreamName=self.stream_name, AllowForceDelete=True
                ),
                self.placement.pace,
                waiting_for=f"{self.stream_name} to accept its deletion",
                budget=CREATE_BUDGET,
                advice=f"{self._state_advice}, and run the same command again to go on waiting",
            )
        wait_until(
            self._gone,
            self.placement.pace,
            waiting_for=f"Firehose to delete {self.stream_name}",
            budget=CREATE_BUDGET,
            advice=f"{self._state_advice}, and run the same command again to go on waiting",
        )

    def settle(self) -> None:
        """Wait until the stream is ACTIVE and encrypted."""
        self._wait_for(self._active, "ACTIVE")
        self._wait_for(self._encrypted, "encrypted")

    @property
    def _firehose(self) -> FirehoseClient:
        return self.placement.clients.firehose

    @property
    def _encryption_of_objects(self) -> dict[str, Any]:
        """How Firehose encrypts objects: by default as the bucket does."""
        key = self.bucket.kms_key
        return {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}} if key else NO_ENCRYPTION

    @property
    def _role_advice(self) -> str:
        return f"check that role {self.role.role_name} exists and trusts firehose.amazonaws.com"

    @property
    def _state_advice(self) -> str:
        command = f"aws firehose describe-delivery-stream --delivery-stream-name {self.stream_name}"
        return f"check its state ({command})"

    def _destination(self) -> Any:
        wanted = self.desired
        parameters = [
            {"ParameterName": name, "ParameterValue": value} for name, value in wanted["Processor"].items()
        ]
        encryption = {"EncryptionConfiguration": self._encryption_of_objects} if self.bucket.kms_key else {}
        return (
            {key: wanted[key] for key in DESTINATION_KEYS}
            | encryption
            | {
                "ProcessingConfiguration": {
                    "Enabled": True,
                    "Processors": [{"Type": "Lambda", "Parameters": parameters}],
                }
            }
        )

    def _ask(self) -> None:
        self._firehose.create_delivery_stream(
            DeliveryStreamName=self.stream_name,
            DeliveryStreamType="DirectPut",
            DeliveryStreamEncryptionConfigurationInput={"KeyType": "AWS_OWNED_CMK"},
            ExtendedS3DestinationConfiguration=self._destination(),
            Tags=tag_list(self.placement.tags),
        )

    def _misses_processor(self, error: Exception) -> bool:
        """Whether Firehose names the function, which may be under way: a hedge (F74)."""
        name = self.processor.function.function_name
        return is_error(error, "InvalidArgumentException", message=name)

    def _freed(self, error: Exception) -> bool:
        """Whether an earlier stream of the name is being deleted, or was deleted just now (F52)."""
        return is_error(error, "ResourceInUseException") and self._status() in (None, "DELETING")

    def _update_destination(self, diff: Diff) -> None:
        # Every block is sent whole: whether Firehose merges inside them is not documented (F53).
        found = self._shown()
        changed = self._destination() | {key: self.desired[key] for key in RESET if key in diff}
        if (
            found["Destinations"][0].get("ExtendedS3DestinationDescription", {}).get("S3BackupMode")
            == "Enabled"
        ):
            # Firehose rejects the whole change (F53).
            del changed["S3BackupMode"]
        self._firehose.update_destination(
            DeliveryStreamName=self.stream_name,
            CurrentDeliveryStreamVersionId=found["VersionId"],
            DestinationId=found["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate=changed,
        )

    def _wait_for_buffers(self) -> None:
        """Let both buffers run full by time, and some more for the processor and S3 (F91)."""
        seconds = self.processor_buffer_seconds + self.buffer_seconds + DRAIN_SLACK
        for elapsed in range(0, seconds, DRAIN_STEP):
            self.placement.pace.report(
                f"waiting for buffered clicks to be delivered, {elapsed} s of {seconds} s"
            )
            self.placement.pace.sleep(DRAIN_STEP)

    def _describe(self) -> Any:
        answer = self._firehose.describe_delivery_stream(DeliveryStreamName=self.stream_name)
        return answer["DeliveryStreamDescription"]

    def _status(self) -> str | None:
        try:
            return str(self._describe()["DeliveryStreamStatus"])
        except ClientError as error:
            if is_error(error, "ResourceNotFoundException"):
                return None
            raise

    def _shown(self) -> Any:
        """The stream as described; Firehose may miss a new stream for a while (F50)."""
        return retry_while(
            lambda error: is_error(error, "ResourceNotFoundException"),
            self._describe,
            self.placement.pace,
            waiting_for=f"Firehose to return {self.stream_name}",
            budget=SHOW_BUDGET,
            advice="check that no other process deletes the stream, and run `up` again",
        )

    def _wait_for(self, condition: Callable[[], bool], state: str) -> None:
        wait_until(
            condition,
            self.placement.pace,
            waiting_for=f"{self.stream_name} to be {state}",
            budget=CREATE_BUDGET,
            advice=f"{self._state_advice}, and run `up` again to go on waiting",
        )

    def _gone(self) -> bool:
        with ignoring("ResourceNotFoundException"):
            found = self._describe()
            remedy = "resolve the problem, then run the same command again"
            self._check("delete", found["DeliveryStreamStatus"], found, remedy)
            return False
        return True

    def _active(self) -> bool:
        found = self._shown()
        self._check("settle", found["DeliveryStreamStatus"], found, "the next `up` replaces it")
        return bool(found["DeliveryStreamStatus"] == "ACTIVE")

    def _encrypted(self) -> bool:
        encryption = self._shown().get("DeliveryStreamEncryptionConfiguration", {})
        remedy = "the next `up` tries to encrypt it again"
        self._check("settle", encryption.get("Status", ""), encryption, remedy)
        return bool(encryption.get("Status") != "ENABLING")

    def _encrypting(self) -> bool:
        """Whether the stream is encrypted, or will be soon: AWS limits the starts (F53c)."""
        return _encryption(self._shown().get("DeliveryStreamEncryptionConfiguration", {})) == ENCRYPTED

    def _check(self, verb: str, status: str, holder: Any, remedy: str) -> None:
        if status.endswith("_FAILED"):
            details = holder.get("FailureDescription", {}).get("Details", "AWS gives no reason").rstrip(".")
            raise ProvisionError(self.name, verb, f"{self.arn} is {status}: {details}; {remedy}")

    def _processor_of(self, destination: Any) -> dict[str, str] | None:
        for processor in _processors(destination):
            if processor["Type"] == "Lambda":
                given = {p["ParameterName"]: p["ParameterValue"] for p in processor.get("Parameters", ())}
                numbers = {name: f"{float(given[name]):g}" for name in PROCESSOR_DEFAULTS if name in given}
                return PROCESSOR_DEFAULTS | {"RoleArn": destination["RoleARN"]} | given | numbers
        return None

    def _retry(self, call: Callable[[], Any], waiting_for: str, advice: str) -> Any:
        return retry_while(
            _getting_ready,
            call,
            self.placement.pace,
            waiting_for=waiting_for,
            advice=advice,
        )


def _processors(destination: Any) -> list[Any]:
    configuration = destination.get("ProcessingConfiguration", {})
    return list(configuration.get("Processors", ())) if configuration.get("Enabled") else []


def _other_processors(destination: Any) -> list[str]:
    """The types of the processors beside the first Lambda function."""
    types = [processor["Type"] for processor in _processors(destination)]
    if "Lambda" in types:
        types.remove("Lambda")
    return types


DESTINATION_KEYS = (
    "RoleARN",
    "BucketARN",
    "Prefix",
    "ErrorOutputPrefix",
    "BufferingHints",
    "CompressionFormat",
    "CloudWatchLoggingOptions",
    "S3BackupMode",
)


def _encryption(configuration: Any) -> dict[str, str]:
    status = configuration.get("Status", "DISABLED")
    # ENABLING is on its way; a stream waits for it in settle.
    return {
        "KeyType": configuration.get("KeyType", ENCRYPTED["KeyType"]),
        "Status": "ENABLED" if status == "ENABLING" else status,
    }


def _getting_ready(error: Exception) -> bool:
    """Role or policy not in force yet, as Firehose words it, or a stale version (F53)."""
    return (
        any(is_error(error, "InvalidArgumentException", message=phrase) for phrase in ROLE_PHRASES)
        or is_error(error, "ConcurrentModificationException")
        or is_server_error(error)
    )


ROLE_PHRASES = (
    "Firehose is unable to assume role",  # F17
    "Ensure that the provided IAM role associated with firehose is not deleted",  # F18
    "Access was denied",  # F19, as the three below
    "is not authorized to",
    "Verify that the IAM role has access",
    "Please make sure the role specified in VpcConfiguration has permissions",
)
