"""The data plane's operations as AWS clients call them: PutRecord, PutRecordBatch and Invoke."""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from mysfits_stream.localcloud.awslambda.function import LambdaError
from mysfits_stream.localcloud.firehose.delivery import Firehose, FirehoseError
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.localcloud.services import CloudServices

FIREHOSE_JSON = "application/x-amz-json-1.1"
MAX_PAYLOAD = 6291456  # bytes of a synchronous invocation (F65)
MAX_EVENT = 1048576  # bytes of an asynchronous one

INVOCATION = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations/?")
FUNCTION = re.compile(
    r"(?:(?:arn:[^:]+:lambda:[^:]+:)?\d{12}:function:)?(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?"
)


def is_put(request: Request) -> bool:
    """Whether this is PutRecord or PutRecordBatch."""
    service, _, operation = request.headers.get("x-amz-target", "").partition(".")
    return service == "Firehose_20150804" and operation in ("PutRecord", "PutRecordBatch")


def put(firehose: Firehose, request: Request) -> Response:
    """PutRecord and PutRecordBatch."""
    try:
        document = request.json()
        name = _required(document, "DeliveryStreamName", "deliveryStreamName")
        if request.operation == "PutRecord":
            data = _data(_required(document, "Record", "record"), "record")
            record_id, encrypted = firehose.put_record(request.region, name, data)
            return _answer({"RecordId": record_id, "Encrypted": encrypted})
        entries = _required(document, "Records", "records")
        batch = [_data(entry, f"records.{index}.member") for index, entry in enumerate(entries, 1)]
        ids, encrypted = firehose.put_record_batch(request.region, name, batch)
        responses = [{"RecordId": record_id} for record_id in ids]
        return _answer({"FailedPutCount": 0, "Encrypted": encrypted, "RequestResponses": responses})
    except FirehoseError as error:
        return _answer({"__type": error.code, "message": str(error)}, status=400)
    except (ValueError, AttributeError, TypeError) as error:
        return _answer({"__type": "SerializationException", "message": str(error)}, status=400)


def invoke(
    world: CloudServices, request: Request, submit: Callable[[Callable[[], None]], object]
) -> Response:
    """Invoke, of all three types; an asynchronous invocation is handed to ``submit``."""
    try:
        arn = _function_arn(world, request)
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        _check_payload(request.body, MAX_EVENT if kind == "Event" else MAX_PAYLOAD)
        if kind == "DryRun":
            world.function(arn)
            return Response(204, {"x-amzn-RequestId": str(uuid.uuid4())})
        context = request.headers.get("x-amz-client-context")
        if kind == "Event":
            world.function(arn)
            submit(lambda: world.invoke_asynchronously(arn, request.body or b"{}"))
            return Response(202, {"x-amzn-RequestId": str(uuid.uuid4())})
        invocation = world.invoke(arn, request.body or b"{}", context)
    except LambdaError as error:
        document = {"Type": "User", "Message": str(error)}
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
        return Response(error.status, headers, json.dumps(document).encode())
    headers = {
        "Content-Type": "application/json",
        "X-Amz-Executed-Version": invocation.version,
        "x-amzn-RequestId": invocation.request_id,
    }
    if invocation.error:
        headers["X-Amz-Function-Error"] = invocation.error
    if request.headers.get("x-amz-log-type") == "Tail":
        headers["X-Amz-Log-Result"] = base64.b64encode(invocation.log_tail).decode()
    return Response(200, headers, invocation.payload)


def _function_arn(world: CloudServices, request: Request) -> str:
    found = INVOCATION.fullmatch(request.path)
    function = FUNCTION.fullmatch(unquote(found["function"])) if found else None
    if function is None:
        raise LambdaError(
            "ValidationException", "1 validation error detected: the function's name is not valid", 400
        )
    qualifier = request.parameters.get("Qualifier") or function["qualifier"]
    arn = world.control_plane.arn("lambda", request.region, f"function:{function['name']}")
    return f"{arn}:{qualifier}" if qualifier else arn


def _check_payload(payload: bytes, limit: int) -> None:
    if len(payload) > limit:
        raise LambdaError(
            "RequestEntityTooLargeException",
            f"{len(payload)} byte payload is too large for the RequestResponse invocation type "
            f"(limit {limit} bytes)",
            413,
        )
    try:
        json.loads(payload or b"{}")
    except ValueError as error:
        raise LambdaError(
            "InvalidRequestContentException", f"Could not parse request body into json: {error}", 400
        ) from error


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
    headers = {"Content-Type": FIREHOSE_JSON, "x-amzn-RequestId": str(uuid.uuid4())}
    if status != 200:
        headers["x-amzn-ErrorType"] = document["__type"]
    return Response(status, headers, json.dumps(document).encode())
