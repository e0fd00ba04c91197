"""Whole objects of S3 in half of the CPU time of botocore's GetObject.

botocore takes 2 ms of CPU time for an object: rules of endpoints, a dozen events, a parser that walks the
model. ``query``, ``clicks`` and ``audit`` read hundreds of objects for each million clicks. Here botocore
makes the request of a bucket's first object; its URL, signer and headers serve all further objects.

Signatures and the HTTP session (proxies, TLS, timeouts, connections) stay botocore's. Any answer but a
complete 200 is requested once more by botocore, which retries, redirects and describes errors. The length of
a content is checked, S3's additional checksum is not.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import percent_encode

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

READER = "mysfits_stream_reader"
METADATA = "x-amz-meta-"
OPERATION = "GetObject"


def install(s3: S3Client) -> None:
    """Let ``get_object`` read quickly with this client."""
    setattr(s3, READER, _Reader(s3))


def get_object(s3: S3Client, bucket: str, key: str) -> dict[str, Any]:
    """GetObject with the members Body, ETag and Metadata.

    Quick with clients of ``aws/session.py``. Raises the errors of botocore.
    """
    reader = getattr(s3, READER, None)
    if isinstance(reader, _Reader):
        return dict(reader.get(bucket, key))
    return dict(s3.get_object(Bucket=bucket, Key=key))


@dataclass(frozen=True)
class _Template:
    """The request of a bucket's first object, without its key."""

    url: str
    headers: dict[str, str]
    context: dict[str, Any]
    signer: Any


class _Reader:
    """Reads with one client; safe to use from several threads."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self._templates: dict[str, _Template] = {}
        self._made = threading.local()
        s3.meta.events.register(f"before-call.s3.{OPERATION}", self._keep)

    def get(self, bucket: str, key: str) -> Any:
        """An object, quickly where possible."""
        if template := self._templates.get(bucket):
            try:
                found = self._read(template, key)
            except (AttributeError, BotoCoreError, ClientError, OSError):
                found = None  # botocore meets and describes the same error
            if found:
                return found
        answer = self._s3.get_object(Bucket=bucket, Key=key)
        made, path = self._made.template, _quoted(key)
        if made.url.endswith(f"/{path}"):
            self._templates[bucket] = _Template(
                made.url.removesuffix(path), made.headers, made.context, made.signer
            )
        return answer

    def _keep(self, params: dict[str, Any], request_signer: Any, **_: Any) -> None:
        """Keep the request that botocore makes in this thread."""
        agent = {"User-Agent": params["headers"].get("User-Agent", "")}
        self._made.template = _Template(params["url"], agent, params["context"], request_signer)

    def _read(self, template: _Template, key: str) -> dict[str, Any] | None:
        """An object of a complete response; else None."""
        request = AWSRequest("GET", template.url + _quoted(key), dict(template.headers))
        request.context.update(template.context)
        template.signer.sign(OPERATION, request)
        prepared = request.prepare()
        sent = self._s3.meta.events.emit_until_response(f"before-send.s3.{OPERATION}", request=prepared)
        # The session has no public name; without it, botocore reads.
        response = sent[1] or self._s3._endpoint.http_session.send(prepared)
        content, headers = response.content, response.headers
        if response.status_code != 200 or headers.get("Content-Length") != str(len(content)):
            return None
        metadata = {
            name[len(METADATA) :]: value
            for name, value in headers.items()
            if name.lower().startswith(METADATA)
        }
        etag = {"ETag": headers["ETag"]} if "ETag" in headers else {}
        return {"Body": BytesIO(content), "Metadata": metadata, **etag}


def _quoted(key: str) -> str:
    return str(percent_encode(key, safe="/~"))
