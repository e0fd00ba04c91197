"""botocore's requests answered by a local cloud of the same process, without sockets.

botocore builds, signs and parses as ever; the local cloud stands in place of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import formatdate
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError

from mysfits_stream.localcloud.aws_behavior import Cut
from mysfits_stream.localcloud.http.messages import Request, Response


def answered(request: Any, handle: Callable[[Request], Response], now: float) -> AWSResponse:
    """The response to a prepared request; its Date is ``now``, in seconds since the epoch.

    A cut connection raises ConnectionClosedError.
    """
    try:
        response = handle(received(request))
    except Cut as cut:
        raise ConnectionClosedError(endpoint_url=request.url) from cut
    body = b"" if request.method == "HEAD" else response.body
    headers: Any = _Headers({"Date": formatdate(now, usegmt=True), **response.headers})
    return AWSResponse(request.url, response.status, headers, _Body(body))


def received(request: Any) -> Request:
    """A prepared request of botocore, as the front reads it."""
    url = urlsplit(request.url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    return Request(
        request.method,
        url.path or "/",
        url.query,
        {"host": url.netloc, **headers},
        body.encode() if isinstance(body, str) else bytes(body),
    )


class _Headers(dict[str, str]):
    """Headers as botocore reads them: whatever the case of their names."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())


class _Body(BytesIO):
    """A body as urllib3 streams it."""

    def stream(self, **_: Any) -> Any:
        yield self.read()
