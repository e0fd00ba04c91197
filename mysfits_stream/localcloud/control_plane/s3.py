"""S3, where moto differs: tags at birth, what a new bucket already has, and the expected owner.

State: none of its own; everything is put into moto's buckets.
"""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.etree import ElementTree  # noqa: S405, what is parsed comes from our own clients
from xml.sax.saxutils import escape

from mysfits_stream.localcloud.wire import Handler, Request, Response

XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"

# What every bucket has from the start (F45).
ENCRYPTION = (
    f'<ServerSideEncryptionConfiguration xmlns="{XMLNS}"><Rule><ApplyServerSideEncryptionByDefault>'
    "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled>"
    "</Rule></ServerSideEncryptionConfiguration>"
)
PUBLIC_ACCESS_BLOCK = (
    f'<PublicAccessBlockConfiguration xmlns="{XMLNS}"><BlockPublicAcls>true</BlockPublicAcls>'
    "<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>"
    "<RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
)
OWNERSHIP = (
    f'<OwnershipControls xmlns="{XMLNS}"><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>'
    "</OwnershipControls>"
)


class S3:
    """The mend for S3 of one account."""

    def __init__(self, account: str) -> None:
        self._account = account

    def __call__(self, request: Request, moto: Handler) -> Response:
        """Answer one request to S3."""
        bucket, key = bucket_and_key(request)
        expected = request.headers.get("x-amz-expected-bucket-owner")
        if bucket and expected and expected != self._account:
            return _error(403, "AccessDenied", "Access Denied", bucket, request.method)
        if request.method == "PUT" and bucket and not key and not request.query:
            return self._create_bucket(request, bucket, moto)
        return moto(request)

    def _create_bucket(self, request: Request, bucket: str, moto: Handler) -> Response:
        tags = _tags(request.body)
        head = Request("HEAD", request.path, "", _signed(request))
        existed = moto(head).status == 200
        if existed and tags and request.region == "us-east-1":
            # Without tags this region answers 200, even for a bucket that is there (section 2.2 of the facts).
            message = "Your previous request to create the named bucket succeeded and you already own it."
            return _error(409, "BucketAlreadyOwnedByYou", message, bucket, request.method)
        response = moto(request)
        if response.status == 200 and not existed:
            settings = {
                "encryption": ENCRYPTION,
                "publicAccessBlock": PUBLIC_ACCESS_BLOCK,
                "ownershipControls": OWNERSHIP,
            }
            if tags:
                settings["tagging"] = _tagging(tags)
            for name, document in settings.items():
                put = Request("PUT", request.path, name, _signed(request), document.encode())
                moto(put)
        return response


def bucket_and_key(request: Request) -> tuple[str, str]:
    """The bucket and the key that a request names, in its path or the bucket in its host."""
    path = unquote(request.path).lstrip("/")
    host = re.fullmatch(r"(?P<bucket>.+)\.localhost(:\d+)?", request.headers.get("host", ""))
    if host:
        return host["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key


def _signed(request: Request) -> dict[str, str]:
    return {name: request.headers[name] for name in ("authorization", "host") if name in request.headers}


def _tags(body: bytes) -> list[tuple[str, str]]:
    """The tags of a CreateBucketConfiguration (F46)."""
    if not body.strip():
        return []
    try:
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError:
        return []
    return [
        (tag.findtext("{*}Key") or "", tag.findtext("{*}Value") or "")
        for tag in root.findall("{*}Tags/{*}Tag")
    ]


def _tagging(tags: list[tuple[str, str]]) -> str:
    entries = "".join(
        f"<Tag><Key>{escape(key)}</Key><Value>{escape(value)}</Value></Tag>" for key, value in tags
    )
    return f'<Tagging xmlns="{XMLNS}"><TagSet>{entries}</TagSet></Tagging>'


def _error(status: int, code: str, message: str, bucket: str, method: str) -> Response:
    document = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message><BucketName>{escape(bucket)}</BucketName></Error>"
    )
    body = b"" if method == "HEAD" else document.encode()
    return Response(status, {"Content-Type": "application/xml"}, body)
