"""Delivery streams: overrides for the operations that moto drops or gets wrong.

Streams are created, described, updated, encrypted and deleted here, and stored in moto's backend, where
moto's operations (tags, and the tagging API) find the streams. Only direct puts to S3 are simulated.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.control_plane.constraints import violation
from mysfits_stream.localcloud.control_plane.firehose.destination import (
    checked,
    defaults_filled,
    described_as_s3,
)
from mysfits_stream.localcloud.control_plane.firehose.errors import ServiceError, invalid
from mysfits_stream.localcloud.control_plane.firehose.stored import DeliveryStream
from mysfits_stream.localcloud.control_plane.transitions import Transitions
from mysfits_stream.localcloud.firehose.stream import Stream
from mysfits_stream.localcloud.http.messages import Handler, Request, Response

DESTINATION_ID = "destinationId-000000000001"
DEFAULT_LIST_LIMIT = 10


class DeliveryStreams:
    """The override for Firehose.

    ``can_assume`` returns whether Firehose may assume a role. ``transitions`` have the
    durations of ``create``, ``delete`` and ``encrypt``.
    """

    def __init__(self, account: str, can_assume: Callable[[str], bool], transitions: Transitions) -> None:
        self._account = account
        self._can_assume = can_assume
        self._transitions = transitions

    def __call__(self, request: Request, ask_moto: Handler) -> Response:
        """Answer a request to Firehose's control plane."""
        operations: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
            "CreateDeliveryStream": self._create,
            "DescribeDeliveryStream": self._describe,
            "UpdateDestination": self._update,
            "DeleteDeliveryStream": self._delete,
            "ListDeliveryStreams": self._list,
            "StartDeliveryStreamEncryption": self._start_encryption,
            "StopDeliveryStreamEncryption": self._stop_encryption,
        }
        try:
            parameters = request.json()
        except json.JSONDecodeError:
            return _response(400, {"__type": "SerializationException", "message": "The request is not JSON"})
        self._forget_the_gone(request.region)
        operation = operations.get(request.operation)
        if operation is None:
            return ask_moto(request)
        try:
            if message := violation("firehose", request.operation, parameters):
                raise ServiceError("ValidationException", message)
            return _response(200, operation(request.region, parameters))
        except ServiceError as error:
            return _response(400, {"__type": error.code, "message": str(error)})

    def stream(self, region: str, name: str) -> Stream | None:
        """The stream for the data plane; takes no lock."""
        stored = self._backend(region).delivery_streams.get(name)
        if not isinstance(stored, DeliveryStream):
            return None
        now = self._transitions.steady()
        gone = stored.gone_at is not None and now >= stored.gone_at
        return None if gone else stored.at(now)

    def fail(self, region: str, name: str, reason: str) -> None:
        """Let the creation of a stream end in CREATING_FAILED (F50)."""
        stored = self._backend(region).delivery_streams.get(name)
        if isinstance(stored, DeliveryStream):
            stored.failure = reason

    def _backend(self, region: str) -> Any:
        return moto_state.backend("firehose", self._account, region)

    def streams(self, region: str) -> list[Stream]:
        """All delivery streams of a region."""
        found = [self.stream(region, name) for name in self._backend(region).delivery_streams]
        return [stream for stream in found if stream]

    def settle(self, region: str) -> None:
        """End transitions started with the clock of an earlier process."""
        now = self._transitions.steady()
        for stored in self._backend(region).delivery_streams.values():
            if isinstance(stored, DeliveryStream):
                stored.active_at = min(stored.active_at, now)
                stored.encryption_settles_at = min(stored.encryption_settles_at, now)
                stored.gone_at = stored.gone_at and min(stored.gone_at, now)

    def _forget_the_gone(self, region: str) -> None:
        backend, now = self._backend(region), self._transitions.steady()
        for name, stored in list(backend.delivery_streams.items()):
            gone_at = getattr(stored, "gone_at", None)
            if gone_at is not None and now >= gone_at:
                backend.tagger.delete_all_tags_for_resource(stored.delivery_stream_arn)
                del backend.delivery_streams[name]

    def _find(self, region: str, parameters: dict[str, Any]) -> DeliveryStream:
        name = parameters["DeliveryStreamName"]
        stored = self._backend(region).delivery_streams.get(name)
        if not isinstance(stored, DeliveryStream):
            raise ServiceError(
                "ResourceNotFoundException", f"Firehose {name} under account {self._account} not found."
            )
        return stored

    def _find_active(self, region: str, parameters: dict[str, Any]) -> DeliveryStream:
        stored = self._find(region, parameters)
        if (status := stored.status(self._transitions.steady())) != "ACTIVE":
            raise ServiceError(
                "ResourceInUseException",
                f"Firehose {stored.delivery_stream_name} under account {self._account} is in state {status}.",
            )
        return stored

    def _check_role(self, destination: dict[str, Any]) -> None:
        role = destination["RoleARN"]
        if role.split(":")[4] != self._account:
            # As of a role that belongs to another account (F31).
            raise ServiceError(
                "AccessDeniedException",
                f"User: arn:aws:iam::{self._account}:root is not authorized to access this resource",
            )
        if not self._can_assume(role):
            raise invalid(f"Firehose is unable to assume role {role}. Please check the role provided.")

    def _check_key(self, destination: dict[str, Any]) -> None:
        """The KMS key of a destination lies in the region of its bucket."""
        key = (destination["EncryptionConfiguration"].get("KMSEncryptionConfig") or {}).get("AWSKMSKeyARN")
        bucket_region = moto_state.bucket_region(destination["BucketARN"].rpartition(":")[2])
        if not key or not bucket_region:
            return
        if (key_region := key.split(":")[3]) != bucket_region:
            raise invalid(
                f"KMS Key {key} does not exist in the same region as the S3 bucket. KMS Key region: "
                f"{key_region}. S3 Bucket Region: {bucket_region}"
            )

    def _create(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        backend, name = self._backend(region), parameters["DeliveryStreamName"]
        given = [
            parameters[key]
            for key in ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration")
            if parameters.get(key)
        ]
        if len(given) != 1:
            raise invalid("Exactly one destination configuration is supported for a Firehose")
        destination = defaults_filled(checked(given[0]))
        if name in backend.delivery_streams:
            raise ServiceError(
                "ResourceInUseException", f"Firehose {name} under accountId {self._account} already exists"
            )
        tags = parameters.get("Tags") or []
        if problem := backend.tagger.validate_tags(tags):
            raise invalid(problem)
        encryption = parameters.get("DeliveryStreamEncryptionConfigurationInput")
        encryption = _encryption(encryption) if encryption else {"Status": "DISABLED"}
        self._check_role(destination)
        self._check_key(destination)
        arn = f"arn:{moto_state.partition(region)}:firehose:{region}:{self._account}:deliverystream/{name}"
        now = self._transitions.now()
        active_at = self._transitions.end("create", arn)
        backend.delivery_streams[name] = DeliveryStream(
            name,
            arn,
            "DirectPut",
            destination,
            now,
            active_at,
            encryption=encryption,
            encryption_settles_at=active_at,
        )
        backend.tagger.tag_resource(arn, tags)
        return {"DeliveryStreamARN": arn}

    def _describe(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        stored, now = self._find(region, parameters), self._transitions.steady()
        description = {
            "DeliveryStreamName": stored.delivery_stream_name,
            "DeliveryStreamARN": stored.delivery_stream_arn,
            "DeliveryStreamStatus": stored.status(now),
            "DeliveryStreamEncryptionConfiguration": stored.encryption_now(now),
            "DeliveryStreamType": stored.delivery_stream_type,
            "VersionId": str(stored.version),
            "CreateTimestamp": stored.created,
            "Destinations": [
                {
                    "DestinationId": DESTINATION_ID,
                    "S3DestinationDescription": described_as_s3(stored.destination),
                    "ExtendedS3DestinationDescription": stored.destination,
                }
            ],
            "HasMoreDestinations": False,
        }
        if stored.updated is not None:
            description["LastUpdateTimestamp"] = stored.updated
        if description["DeliveryStreamStatus"] == "CREATING_FAILED":
            description["FailureDescription"] = {"Type": "UNKNOWN_ERROR", "Details": stored.failure}
        return {"DeliveryStreamDescription": description}

    def _list(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        wanted = parameters.get("DeliveryStreamType")
        after = parameters.get("ExclusiveStartDeliveryStreamName") or ""
        names = sorted(
            name
            for name, stored in self._backend(region).delivery_streams.items()
            if name > after and wanted in (None, stored.delivery_stream_type)
        )
        limit = parameters.get("Limit") or DEFAULT_LIST_LIMIT
        return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}

    def _update(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        stored = self._find_active(region, parameters)
        given = parameters["CurrentDeliveryStreamVersionId"]
        if given != str(stored.version):
            raise ServiceError(
                "ConcurrentModificationException",
                f"Cannot update firehose: {stored.delivery_stream_name} since the current version id: "
                f"{stored.version} and specified version id: {given} do not match",
            )
        if parameters["DestinationId"] != DESTINATION_ID:
            raise invalid(f"Destination Id {parameters['DestinationId']} not found")
        updates = [
            parameters[key]
            for key in ("ExtendedS3DestinationUpdate", "S3DestinationUpdate")
            if parameters.get(key) is not None
        ]
        if len(updates) != 1:
            raise invalid("Exactly one destination configuration is supported for a Firehose")
        # What is left out keeps its value, what is given replaces it whole (F53).
        update = dict(updates[0])
        if backup := update.pop("S3BackupUpdate", None):
            update["S3BackupConfiguration"] = {**stored.destination.get("S3BackupDescription", {}), **backup}
        if stored.destination["S3BackupMode"] == "Enabled" and update.get("S3BackupMode") == "Disabled":
            raise invalid("S3 backup cannot be disabled once it is enabled.")
        destination = defaults_filled({**stored.destination, **checked({**stored.destination, **update})})
        self._check_role(destination)
        self._check_key(destination)
        stored.destination = destination
        stored.changed(self._transitions.now())
        return {}

    def _delete(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        stored = self._find(region, parameters)
        if stored.status(self._transitions.steady()) == "CREATING":
            self._find_active(region, parameters)
        if stored.gone_at is None:
            stored.gone_at = self._transitions.end("delete", stored.delivery_stream_arn)
        self._forget_the_gone(region)
        return {}

    def _start_encryption(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        stored = self._find_active(region, parameters)
        given = parameters.get("DeliveryStreamEncryptionConfigurationInput") or {"KeyType": "AWS_OWNED_CMK"}
        self._encrypt(stored, _encryption(given))
        return {}

    def _stop_encryption(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        stored = self._find_active(region, parameters)
        self._encrypt(stored, {"Status": "DISABLING"})
        return {}

    def _encrypt(self, stored: DeliveryStream, encryption: dict[str, str]) -> None:
        stored.encryption = encryption
        stored.encryption_settles_at = self._transitions.end("encrypt", stored.delivery_stream_arn)


def _encryption(given: dict[str, str]) -> dict[str, str]:
    if given["KeyType"] == "AWS_OWNED_CMK" and given.get("KeyARN"):
        raise invalid("KeyARN cannot be specified when KeyType is AWS_OWNED_CMK")
    if given["KeyType"] == "CUSTOMER_MANAGED_CMK" and not given.get("KeyARN"):
        raise invalid("KeyARN has to be specified when KeyType is CUSTOMER_MANAGED_CMK")
    return {**given, "Status": "ENABLING"}


def _response(status: int, document: dict[str, Any]) -> Response:
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(status, headers, json.dumps(document).encode())
