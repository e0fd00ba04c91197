"""The Lambda processor's event, and the interpretation of its answer (F80 to F82, F86).

Pure functions; ``delivery.py`` decides on invocations and retries.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mysfits_stream.localcloud.awslambda.function import Invocation, LambdaError

MAX_SECONDS = 300.0  # Firehose does not wait longer, whatever the function's timeout (F68)


@dataclass(frozen=True, slots=True)
class Record:
    """A record as put; ``arrived`` is in milliseconds since the epoch."""

    id: str
    data: bytes
    arrived: int


@dataclass(frozen=True)
class Failure:
    """The reason of a failed processing, for error objects and the log."""

    code: str
    message: str


@dataclass
class Results:
    """The results of a batch's records."""

    delivered: list[tuple[Record, bytes]] = field(default_factory=list)
    dropped: list[Record] = field(default_factory=list)
    failed: list[tuple[Record, Failure]] = field(default_factory=list)


CANNOT_ASSUME = Failure(
    "Lambda.AssumeRoleAccessDenied",
    "Access was denied. "
    "Ensure that the trust policy for the provided IAM role allows Firehose to assume the role.",
)
ACCESS_DENIED = Failure(
    "Lambda.InvokeAccessDenied",
    "Access was denied. Ensure that the access policy allows access to the Lambda function.",
)
FUNCTION_ERROR = Failure(
    "Lambda.FunctionError",
    "The Lambda function was successfully invoked but it returned an error result.",
)
TIMED_OUT = Failure(
    "Lambda.FunctionTimedOut",
    "The Lambda function invocation timed out. Increase the Timeout setting in the Lambda function.",
)
PROCESSING_FAILED = Failure("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record")
MISSING = Failure(
    "Lambda.MissingRecordId",
    "One or more record Ids were not returned. "
    "Ensure that the Lambda function returns all received record Ids.",
)
DUPLICATED = Failure(
    "Lambda.DuplicatedRecordId",
    "Multiple records were returned with the same record Id. "
    "Ensure that the Lambda function returns unique record Ids for each record.",
)
NO_DATA = Failure(
    "Lambda.InvalidReturnFormat", "The data field cannot be null when the SourceType is DirectPut."
)
NOT_UNDERSTOOD = Failure(
    "Lambda.JsonProcessingException",
    "There was an error parsing returned records from the Lambda function. "
    "Ensure that the returned records follow the status model required by Firehose.",
)
_REFUSED = {
    "ResourceNotFoundException": Failure(
        "Lambda.ResourceNotFound",
        "The specified Lambda function does not exist. Use a different function that does exist.",
    ),
    "TooManyRequestsException": Failure(
        "Lambda.InvokeLimitExceeded",
        "The Lambda concurrent execution limit is exceeded. Increase the concurrent execution limit.",
    ),
}


def event(stream_arn: str, records: Sequence[Record], invocation_id: str) -> bytes:
    """The event of an invocation."""
    document = {
        "invocationId": invocation_id,
        "deliveryStreamArn": stream_arn,
        "region": stream_arn.split(":")[3],
        "records": [
            {
                "recordId": record.id,
                "approximateArrivalTimestamp": record.arrived,
                "data": base64.b64encode(record.data).decode(),
            }
            for record in records
        ],
    }
    return json.dumps(document).encode()


def refusal(error: LambdaError) -> Failure:
    """The failure for a function that Lambda did not invoke."""
    return _REFUSED.get(error.code) or Failure(f"Lambda.{error.code.removesuffix('Exception')}", str(error))


def batch_failure(invocation: Invocation) -> Failure | None:
    """The reason to retry the whole invocation; None if the records of the answer can be read."""
    if invocation.timed_out or invocation.seconds > MAX_SECONDS:
        return TIMED_OUT
    return FUNCTION_ERROR if invocation.error else None


def sort_out(payload: bytes, records: Sequence[Record]) -> Results:
    """The outcome of every record, from the answer of a successful invocation."""
    answer = json.loads(payload)
    returned = answer.get("records") if isinstance(answer, dict) else None
    if returned is None:
        return Results(failed=[(record, MISSING) for record in records])
    try:
        by_id = {entry["recordId"]: _outcome(entry) for entry in returned}
        times = Counter(entry["recordId"] for entry in returned)
    except (TypeError, KeyError, AttributeError, ValueError):
        return Results(failed=[(record, NOT_UNDERSTOOD) for record in records])
    results = Results()
    for record in records:
        outcome = by_id.get(record.id, MISSING) if times[record.id] < 2 else DUPLICATED
        if isinstance(outcome, Failure):
            results.failed.append((record, outcome))
        elif outcome is None:
            results.dropped.append(record)
        else:
            results.delivered.append((record, outcome))
    return results


def _outcome(entry: dict[str, Any]) -> bytes | Failure | None:
    """The data to deliver, the failure, or None for a dropped record. Raises ValueError."""
    result = entry["result"]
    if result == "Dropped":
        return None
    if result == "ProcessingFailed":
        return PROCESSING_FAILED
    if result != "Ok":
        raise ValueError(result)
    if entry.get("data") is None:
        return NO_DATA
    try:
        return base64.b64decode(entry["data"], validate=True)
    except binascii.Error as error:
        raise ValueError("data is not base64") from error


def error_line(record: Record, failure: Failure, *, attempts: int, ended: int, function_arn: str) -> bytes:
    """A line of an error object: the record as put, and the failure (F86)."""
    document = {
        "attemptsMade": attempts,
        "arrivalTimestamp": record.arrived,
        "errorCode": failure.code,
        "errorMessage": failure.message,
        "attemptEndingTimestamp": ended,
        "rawData": base64.b64encode(record.data).decode(),
        "lambdaARN": function_arn,
    }
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
