"""S3 destinations of delivery streams: validated and completed as in AWS.

The data plane reads the result.
"""

from __future__ import annotations

from typing import Any

from mysfits_stream.localcloud.control_plane.firehose.errors import invalid
from mysfits_stream.localcloud.firehose import time_zones
from mysfits_stream.localcloud.firehose.object_names import PrefixError, check_prefixes
from mysfits_stream.localcloud.firehose.stream import Destination, Processor, Stream

MB = 1024 * 1024
DEFAULTS: dict[str, Any] = {
    "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
    "CompressionFormat": "UNCOMPRESSED",
    "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
    "CloudWatchLoggingOptions": {"Enabled": False},
}
EXTENDED_DEFAULTS: dict[str, Any] = {
    "ProcessingConfiguration": {"Enabled": False, "Processors": []},
    "S3BackupMode": "Disabled",
    "DataFormatConversionConfiguration": {"Enabled": False},
}
LAMBDA_DEFAULTS = {"NumberOfRetries": "3", "BufferSizeInMBs": "1", "BufferIntervalInSeconds": "60"}
# What S3DestinationDescription has of the extended one.
S3_MEMBERS = ("RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", *DEFAULTS)


def checked(configuration: dict[str, Any]) -> dict[str, Any]:
    """The configuration itself, or InvalidArgumentException with AWS's words (F66, F67, F89)."""
    hints = configuration.get("BufferingHints")
    if hints is not None and len(hints) != 2:
        raise invalid("Both SizeInMBs and IntervalInSeconds are required to configure buffering.")
    for member in ("DataFormatConversionConfiguration", "DynamicPartitioningConfiguration"):
        if (configuration.get(member) or {}).get("Enabled"):
            raise invalid(f"{member} is not simulated by the local cloud")
    try:
        check_prefixes(configuration.get("Prefix") or "", configuration.get("ErrorOutputPrefix") or "")
    except PrefixError as error:
        raise invalid(str(error)) from error
    encryption = configuration.get("EncryptionConfiguration")
    if encryption is not None and len([value for value in encryption.values() if value]) != 1:
        raise invalid("Exactly one of NoEncryptionConfig or KMSEncryptionConfig must be specified")
    logging = configuration.get("CloudWatchLoggingOptions") or {}
    for member in ("Group", "Stream"):
        if logging.get("Enabled") and not logging.get(f"Log{member}Name"):
            raise invalid(f"CloudWatch Log {member} Name is required if CloudWatch Logging is enabled")
    if (configuration.get("CustomTimeZone") or "UTC") not in time_zones.SUPPORTED:
        raise invalid(
            "Provided custom time zone is not supported. Custom time zones are limited to UTC and "
            "non-3-letter IANA time zones."
        )
    processing = configuration.get("ProcessingConfiguration") or {}
    if processing.get("Enabled"):
        _check_processors(processing.get("Processors") or [])
    backup = configuration.get("S3BackupConfiguration")
    if configuration.get("S3BackupMode") == "Enabled":
        if backup is None and configuration.get("S3BackupDescription") is None:
            raise invalid("S3BackupConfiguration is required when S3BackupMode is Enabled")
        checked(backup or {})
    return configuration


def defaults_filled(configuration: dict[str, Any]) -> dict[str, Any]:
    """The configuration in the form of Describe, with AWS's defaults (F53b)."""
    description = {**DEFAULTS, **EXTENDED_DEFAULTS, **_given(configuration)}
    if backup := description.pop("S3BackupConfiguration", None):
        description["S3BackupDescription"] = {**DEFAULTS, **_given(backup)}
    processing = description["ProcessingConfiguration"]
    description["ProcessingConfiguration"] = {
        "Enabled": bool(processing.get("Enabled")),
        "Processors": [
            _filled_processor(processor, description["RoleARN"])
            for processor in processing.get("Processors") or []
        ],
    }
    return description


def described_as_s3(description: dict[str, Any]) -> dict[str, Any]:
    """The S3DestinationDescription for an extended description."""
    return {member: description[member] for member in S3_MEMBERS if member in description}


def read_destination(
    name: str, arn: str, version: int, created: float, description: dict[str, Any]
) -> Stream:
    """The stream for the data plane, active and not encrypted."""
    processing = description["ProcessingConfiguration"]
    processors = processing["Processors"] if processing["Enabled"] else []
    by_type = {processor["Type"]: _parameters(processor) for processor in processors}
    delimiter = by_type.get("AppendDelimiterToRecord", {}).get("Delimiter", "\\n")
    backup = description.get("S3BackupDescription") if description["S3BackupMode"] == "Enabled" else None
    return Stream(
        name=name,
        arn=arn,
        status="ACTIVE",
        version=version,
        created=created,
        encrypted=False,
        destination=_destination(description),
        processor=_processor(by_type["Lambda"]) if "Lambda" in by_type else None,
        delimiter=delimiter.replace("\\n", "\n").encode() if "AppendDelimiterToRecord" in by_type else b"",
        backup=_destination(backup) if backup else None,
    )


def _given(configuration: dict[str, Any]) -> dict[str, Any]:
    return {member: value for member, value in configuration.items() if value is not None}


def _check_processors(processors: list[dict[str, Any]]) -> None:
    if not 1 <= len(processors) <= 5:
        raise invalid(
            "A maximum of 5 and a minimum of 1 processor needs to be supplied when processing is enabled."
        )
    functions = [processor for processor in processors if processor["Type"] == "Lambda"]
    if len(functions) > 1:
        raise invalid("Cannot have more than 1 Lambda processor")
    for processor in processors:
        if processor["Type"] not in ("Lambda", "AppendDelimiterToRecord"):
            raise invalid(f"The processor {processor['Type']} is not simulated by the local cloud")
    for processor in functions:
        _check_lambda(_parameters(processor))


def _check_lambda(parameters: dict[str, str]) -> None:
    if not parameters.get("LambdaArn"):
        raise invalid("LambdaArn is required when Lambda processor is used.")
    if ("BufferSizeInMBs" in parameters) != ("BufferIntervalInSeconds" in parameters):
        raise invalid(
            "Both BufferSizeInMBs and BufferIntervalInSeconds are required to configure buffering for lambda "
            "processor."
        )
    limits = (
        ("BufferSizeInMBs", 0.2, 3, "BufferSizeInMBs for lambda processor must be between 0.2 and 3."),
        (
            "BufferIntervalInSeconds",
            0,
            900,
            "BufferIntervalInSeconds for lambda processor must be between 0 and 900.",
        ),
        ("NumberOfRetries", 0, 300, "Number of retries for lambda must be between 0 and 300."),
    )
    for parameter, least, most, message in limits:
        if parameter in parameters and not _between(parameters[parameter], least, most):
            raise invalid(message)


def _between(text: str, least: float, most: float) -> bool:
    try:
        return least <= float(text) <= most
    except ValueError:
        return False


def _parameters(processor: dict[str, Any]) -> dict[str, str]:
    return {
        parameter["ParameterName"]: parameter["ParameterValue"]
        for parameter in processor.get("Parameters") or []
    }


def _filled_processor(processor: dict[str, Any], role: str) -> dict[str, Any]:
    parameters = _parameters(processor)
    if processor["Type"] == "Lambda":
        parameters = {**parameters, **{"RoleArn": role, **LAMBDA_DEFAULTS, **parameters}}
    return {
        "Type": processor["Type"],
        "Parameters": [
            {"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    }


def _processor(parameters: dict[str, str]) -> Processor:
    return Processor(
        function_arn=parameters["LambdaArn"],
        buffer_seconds=float(parameters["BufferIntervalInSeconds"]),
        buffer_bytes=int(float(parameters["BufferSizeInMBs"]) * MB),
        retries=int(parameters["NumberOfRetries"]),
    )


def _destination(description: dict[str, Any]) -> Destination:
    hints, logging = description["BufferingHints"], description["CloudWatchLoggingOptions"]
    logs = bool(logging.get("Enabled"))
    return Destination(
        role_arn=description["RoleARN"],
        bucket=description["BucketARN"].split(":::", 1)[1],
        prefix=description.get("Prefix") or "",
        error_prefix=description.get("ErrorOutputPrefix") or "",
        buffer_seconds=hints["IntervalInSeconds"],
        buffer_bytes=hints["SizeInMBs"] * MB,
        compression=description["CompressionFormat"],
        extension=description.get("FileExtension") or "",
        time_zone=description.get("CustomTimeZone") or "UTC",
        log_group=logging.get("LogGroupName") if logs else None,
        log_stream=logging.get("LogStreamName") if logs else None,
    )
