"""A clicks bucket, a delivery stream and a clock in memory, for the click commands."""

from __future__ import annotations

import hashlib
import io
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from botocore.exceptions import ClientError

from mysfits_stream.clicks.failed import clicks_in
from mysfits_stream.clicks.objects import ClicksBucket
from tests.support.clock import Time

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BUCKET = "clicks"
ID = "01234567-89ab-cdef-0123-456789abcdef"


class Clock(Time):
    """The time of day; ``on_sleep`` runs after each sleep."""

    def __init__(self, at: datetime = NOON) -> None:
        super().__init__(at.timestamp())
        self.on_sleep: Callable[[], None] = lambda: None

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    @at.setter
    def at(self, at: datetime) -> None:
        self.now = at.timestamp()

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.on_sleep()


@dataclass
class MemoryS3:
    """One bucket; every call is kept in ``calls``."""

    clock: Clock
    objects: dict[str, bytes] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    """Operations that fail."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Keys that are listed and cannot be read: the code of S3's answer."""

    def head_bucket(self, Bucket: str) -> Any:
        return self._answer("head_bucket", "")

    def get_paginator(self, operation: str) -> MemoryS3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str, StartAfter: str = "") -> Iterator[Any]:
        self._answer("list", Prefix)
        keys = sorted(key for key in list(self.objects) if key.startswith(Prefix) and key > StartAfter)
        for at in range(0, len(keys), 2):
            yield {
                "IsTruncated": at + 2 < len(keys),
                "Contents": [
                    {
                        "Key": key,
                        "Size": len(self.objects[key]),
                        "LastModified": self.clock.at,
                        "ETag": _etag(self.objects[key]),
                    }
                    for key in keys[at : at + 2]
                ],
            }
        yield {}

    def get_object(self, Bucket: str, Key: str) -> Any:
        if Key in self.unreadable:
            raise ClientError({"Error": {"Code": self.unreadable[Key], "Message": "no"}}, "GetObject")
        body = self.objects[Key]
        return {**self._answer("get", Key), "Body": io.BytesIO(body), "ETag": _etag(body)}

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> Any:
        answer = self._answer("put", Key)
        self.objects[Key] = Body
        return answer

    def copy_object(self, Bucket: str, Key: str, CopySource: dict[str, str]) -> Any:
        answer = self._answer("copy", Key)
        self.objects[Key] = self.objects[CopySource["Key"]]
        return answer

    def delete_object(self, Bucket: str, Key: str) -> Any:
        answer = self._answer("delete", Key)
        self.objects.pop(Key, None)
        return answer

    def _answer(self, operation: str, key: str) -> Any:
        self.calls.append((operation, key))
        if operation in self.refuse:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "Please reduce"}}, operation)
        date = format_datetime(self.clock.at, usegmt=True)
        return {"ResponseMetadata": {"HTTPHeaders": {"date": date}, "HTTPStatusCode": 200}}

    def keys(self, beginning: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(beginning))


@dataclass
class MemoryFirehose:
    """Takes records; ``refusals`` says for each call how many of its first records it refuses."""

    refusals: list[int] = field(default_factory=list)
    accepted: list[bytes] = field(default_factory=list)
    batches: list[list[bytes]] = field(default_factory=list)

    @property
    def clicks(self) -> list[bytes]:
        """The clicks in the records that were accepted, without their envelopes."""
        return [click for record in self.accepted for click in clicks_in(record)]

    def put_record_batch(self, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> Any:
        batch = [record["Data"] for record in Records]
        self.batches.append(batch)
        refused = self.refusals.pop(0) if self.refusals else 0
        self.accepted += batch[refused:]
        answers = [
            {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
            if index < refused
            else {"RecordId": str(index)}
            for index in range(len(batch))
        ]
        return {"FailedPutCount": refused, "RequestResponses": answers}


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def clicks_bucket(s3: MemoryS3, *, prefix: str = "firehose/", error_prefix: str = "") -> ClicksBucket:
    client: Any = s3
    return ClicksBucket(client, BUCKET, prefix, error_prefix, timedelta(minutes=6))


def name(at: datetime, number: int = 0) -> str:
    """The last part of an object's key."""
    return f"shop-clicks-1-{at:%Y-%m-%d-%H-%M-%S}-{ID[:-4]}{number:04x}"


def key(at: datetime, number: int = 0, *, prefix: str = "firehose/") -> str:
    return f"{prefix}{at:%Y/%m/%d/%H}/{name(at, number)}"


def enriched(at: datetime, user: str = "ann", mysfit: str = "m1", **others: str) -> dict[str, str]:
    clicked_at = at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return {
        "userId": user,
        "mysfitId": mysfit,
        "goodevil": "good",
        "lawchaos": "chaotic",
        "species": "Griffin",
        **others,
        "clickedAt": clicked_at,
    }


def lines(*documents: Any) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def failed_line(
    data: bytes, at: datetime, code: str = "Lambda.FunctionError", **others: Any
) -> dict[str, Any]:
    return {
        "attemptsMade": 4,
        "arrivalTimestamp": int(at.timestamp() * 1000),
        "errorCode": code,
        "errorMessage": "it broke",
        "attemptEndingTimestamp": int(at.timestamp() * 1000) + 5000,
        "rawData": b64encode(data).decode(),
        "lambdaARN": "arn:aws:lambda:us-east-1:123456789012:function:shop-processor",
        **others,
    }


def click(user: str, mysfit: str = "m1") -> bytes:
    return json.dumps({"userId": user, "mysfitId": mysfit}).encode()
