"""An error of AWS in the bytes of every protocol.

And a connection that ends without a response.
"""

from __future__ import annotations

import errno
import json
from functools import partial
from html import escape as html_escape

from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.random_ids import request_id

JSON = ("firehose", "logs", "tagging", "dynamodb", "kinesis", "events", "codecommit", "athena", "glue")
QUERY = ("iam", "sts", "cloudformation", "cloudwatch", "monitoring", "sns")

# As of xml.sax.saxutils, whose import takes a third of the local cloud's start.
escape = partial(html_escape, quote=False)

EMPTY_500 = Response(500)
"""What may come in the middle of anything: no code, no text, not even a body (F4)."""


class Cut(ConnectionResetError):
    """The connection ends here, and the client never learns the result of its call."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "cut by the local cloud")


def refused(
    call: Call, status: int, code: str, message: str, *, retry_after: float | None = None
) -> Response:
    """The response of AWS that rejects a call with an error."""
    headers = {"x-amzn-RequestId": request_id()}
    if retry_after is not None:
        headers["Retry-After"] = f"{retry_after:.0f}"
    if call.service == "s3":
        document = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        body = b"" if call.operation.startswith("Head") else document.encode()
        return Response(status, {**headers, "Content-Type": "application/xml"}, body)
    if call.service in QUERY and not call.json:
        document = (
            f"<ErrorResponse><Error><Type>{'Sender' if status < 500 else 'Receiver'}</Type>"
            f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
            f"<RequestId>{request_id()}</RequestId></ErrorResponse>"
        )
        return Response(status, {**headers, "Content-Type": "text/xml"}, document.encode())
    if call.service in JSON or call.json:
        headers["Content-Type"] = "application/x-amz-json-1.1"
        return Response(status, headers, json.dumps({"__type": code, "message": message}).encode())
    headers |= {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return Response(status, headers, json.dumps({"message": message, "Message": message}).encode())
