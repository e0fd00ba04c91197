"""PutRecord and PutRecordBatch of Firehose, as AWS clients call the operations."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from mysfits_stream.localcloud.firehose.delivery import Firehose, FirehoseError
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.localcloud.random_ids import request_id

FIREHOSE_JSON = "application/x-amz-json-1.1"
MAX_BODY = 8 * 1024 * 1024  # bytes: a batch of 4 MB in base64, and names


def is_put(request: Request) -> bool:
    """Whether the request is PutRecord or PutRecordBatch."""
    service, _, operation = request.headers.get("x-amz-target", "").partition(".")
    return service == "Firehose_20150804" and operation in ("PutRecord", "PutRecordBatch")


def put(firehose: Firehose, request: Request) -> Response:
    """Put a record or a batch of records into a delivery stream."""
    try:
        document = request.document
        name = _required(document, "DeliveryStreamName", "deliveryStreamName")
        if request.operation == "PutRecord":
            data = _data(_required(document, "Record", "record"), "record")
            record_id, encrypted = firehose.put_record(request.region, name, data)
            # As of json.dumps, in a fifth of the time; an id in base64 needs no escapes.
            text = f'{{"RecordId": "{record_id}", "Encrypted": {"true" if encrypted else "false"}}}'
            return _response(text)
        entries = _required(document, "Records", "records")
        batch = [_data(entry, f"records.{index}.member") for index, entry in enumerate(entries, 1)]
        ids, encrypted = firehose.put_record_batch(request.region, name, batch)
        responses = [{"RecordId": record_id} for record_id in ids]
        return _answer({"FailedPutCount": 0, "Encrypted": encrypted, "RequestResponses": responses})
    except FirehoseError as error:
        status = 503 if error.code == "ServiceUnavailableException" else 400
        return _answer({"__type": error.code, "message": str(error)}, status)
    except (ValueError, AttributeError, TypeError) as error:
        return _answer({"__type": "SerializationException", "message": str(error)}, status=400)


def _required(document: dict[str, Any], key: str, member: str) -> Any:
    if document.get(key) is None:
        raise FirehoseError(
            "ValidationException",
            f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
            "Member must not be null",
        )
    return document[key]


def _data(record: dict[str, Any], member: str) -> bytes:
    try:
        return base64.b64decode(_required(record, "Data", f"{member}.data"), validate=True)
    except binascii.Error as error:
        raise ValueError(f"{member}.data is not base64: {error}") from error


def _answer(document: dict[str, Any], status: int = 200) -> Response:
    error = {} if status == 200 else {"x-amzn-ErrorType": document["__type"]}
    return _response(json.dumps(document), status, **error)


def _response(text: str, status: int = 200, **error: str) -> Response:
    headers = {"Content-Type": FIREHOSE_JSON, "x-amzn-RequestId": request_id(), **error}
    return Response(status, headers, text.encode())
