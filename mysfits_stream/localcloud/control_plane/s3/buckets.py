"""S3, where moto differs: tags on creation, defaults of a new bucket, expected owner.

State: the bucket policies; all further state is in moto's buckets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from mysfits_stream.localcloud import iam
from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.control_plane.s3 import versions
from mysfits_stream.localcloud.http.messages import Handler, Request, Response

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
    f'<OwnershipControls xmlns="{XMLNS}"><Rule><ObjectOwnership>{{}}</ObjectOwnership></Rule>'
    "</OwnershipControls>"
)

COPY_TO_ITSELF = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the "
    "object's metadata, storage class, website redirect location or encryption attributes."
)
# The parameters of listings, which ListBucket allows.
LISTING = {
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "list-type",
    "marker",
    "max-keys",
    "prefix",
    "start-after",
    "x-id",
}
NO_TIME = re.compile(rb"<(Days|Years)>0</\1>")
QUIET = re.compile(rb"<Quiet>\s*true\s*</Quiet>", re.IGNORECASE)
TAG_WITHOUT_VALUE = re.compile(rb"(<Tag>\s*<Key>[^<]*</Key>)\s*(?:<Value\s*/>)?\s*</Tag>")
TAG_WITH_VALUE = rb"\1<Value></Value></Tag>"
KEY_WITHOUT_KMS = (
    "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
)
DELETED = re.compile(rb"<Deleted>.*?</Deleted>\s*", re.DOTALL)

# The local cloud simulates an endpoint with TLS.
SECURE = {"aws:SecureTransport": "true"}


class S3:
    """The override for S3 of an account; ``owner`` returns a bucket's account, or None."""

    def __init__(self, account: str, owner: Callable[[str], str | None]) -> None:
        self._account = account
        self._owner = owner
        self.policies: dict[str, str] = {}
        """Bucket policies as they were put; moto evaluates them without their conditions."""

    def __call__(self, request: Request, moto: Handler) -> Response:
        """Handle a request to S3."""
        bucket, key = bucket_and_key(request)
        if not bucket:
            return moto(request)
        creates = request.method == "PUT" and not key and not request.query
        owner = self._owner(bucket)
        caller = request.headers.get("x-moto-account-id", self._account)
        expected = request.headers.get("x-amz-expected-bucket-owner", owner)
        if owner and not creates and (caller != owner or expected != owner):
            return _error(403, "AccessDenied", "Access Denied", bucket, request.method)
        if owner and not _is_signed(request) and not self._is_public(request, bucket, key):
            return _error(403, "AccessDenied", "Access Denied", bucket, request.method)
        if creates:
            return self._create_bucket(request, bucket, moto)
        parameters = request.parameters
        if not key and "policy" in parameters and owner:
            return self._policy(request, bucket, moto)
        if request.method == "PUT" and "acl" in parameters and self._ignores_acls(request, moto):
            return _error(400, "AccessControlListNotSupported", "The bucket does not allow ACLs", bucket)
        if request.method == "GET" and not key and "versions" in parameters:
            stored = moto_state.bucket(self._account, request.region, bucket)
            if stored is not None:
                page = versions.listed(bucket, stored.keys, parameters)
                return Response(200, {"Content-Type": "application/xml"}, page.encode())
        if "x-amz-copy-source" in request.headers and self._changes_nothing(request, bucket, key, moto):
            return _error(400, "InvalidRequest", COPY_TO_ITSELF, bucket)
        if request.method == "PUT" and "encryption" in parameters and _has_key_without_kms(request.body):
            return _error(400, "InvalidArgument", KEY_WITHOUT_KMS, bucket)
        markers = self._deleted_markers(request, bucket, key)
        response = moto(request)
        if markers:
            response = _with_markers(request, response, markers)
        if request.method == "GET" and "tagging" in parameters:
            response = response.with_body(TAG_WITHOUT_VALUE.sub(TAG_WITH_VALUE, response.body))
        if request.method == "GET" and "object-lock" in parameters:
            # moto answers with the unit that is not set, too.
            return response.with_body(NO_TIME.sub(b"", response.body))
        if request.method == "DELETE" and "encryption" in parameters and response.status == 204:
            # A bucket without a configuration of its own has the default (F45).
            moto(Request("PUT", request.path, "encryption", _signed(request), ENCRYPTION.encode()))
        if request.method == "POST" and "delete" in parameters and QUIET.search(request.body):
            # moto lists the deleted keys in any case.
            return response.with_body(DELETED.sub(b"", response.body))
        if request.method == "DELETE" and not key and not parameters:
            if response.status == 204:
                self.policies.pop(bucket, None)
            elif b"BucketNotEmpty" in response.body and b"<Status>" in _ask(moto, request, "versioning").body:
                message = (
                    "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
                )
                return _error(409, "BucketNotEmpty", message, bucket)
        return response

    def _deleted_markers(self, request: Request, bucket: str, key: str) -> set[tuple[str, str]]:
        """The delete markers, as key and version, among the versions deleted by a request."""
        if request.method == "DELETE" and key and "versionId" in request.parameters:
            named = [(key, request.parameters["versionId"])]
        elif request.method == "POST" and not key and "delete" in request.parameters:
            named = _named_versions(request.body)
        else:
            return set()
        stored = moto_state.bucket(self._account, request.region, bucket)
        return {each for each in named if stored is not None and versions.is_marker(stored.keys, *each)}

    def _is_public(self, request: Request, bucket: str, key: str) -> bool:
        """Whether the bucket's policy allows the request for the public.

        Only reads can be public here.
        """
        if bucket not in self.policies or request.method not in ("GET", "HEAD"):
            return False
        resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
        policy = json.loads(self.policies[bucket])
        anybody = [s for s in policy["Statement"] if s.get("Principal") in ("*", {"AWS": "*"})]
        action = "s3:GetObject" if key else "s3:ListBucket"
        if key and request.parameters.keys() == {"versionId"}:
            action = "s3:GetObjectVersion"
        elif request.parameters.keys() - (() if key else LISTING):
            # Tags, policies and other settings have actions of their own.
            return False
        allowed = iam.evaluate([{"Statement": anybody}], action, resource, SECURE)
        return allowed is iam.Decision.ALLOW

    def _policy(self, request: Request, bucket: str, moto: Handler) -> Response:
        """Store the policy unchanged; pass moto the statements whose conditions hold here."""
        if request.method == "GET" and bucket in self.policies:
            return Response(200, {"Content-Type": "application/json"}, self.policies[bucket].encode())
        if request.method == "DELETE":
            self.policies.pop(bucket, None)
        if request.method != "PUT":
            return moto(request)
        try:
            policy = request.json()
            statements = [_unconditional(s) for s in policy["Statement"] if _holds(s)]
        except (ValueError, KeyError, TypeError):
            return _error(
                400, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'", bucket
            )
        if statements:
            body = json.dumps({**policy, "Statement": statements}).encode()
            response = moto(Request("PUT", request.path, "policy", _signed(request), body))
        else:
            response = moto(Request("DELETE", request.path, "policy", _signed(request)))
        if response.status < 300:
            self.policies[bucket] = request.body.decode()
            return Response(204)
        return response

    def _changes_nothing(self, request: Request, bucket: str, key: str, moto: Handler) -> bool:
        """Whether a copy has its own source as target, and changes no attribute."""
        source = unquote(request.headers["x-amz-copy-source"]).lstrip("/")
        changes = (
            request.headers.get("x-amz-metadata-directive", "COPY") == "REPLACE"
            or request.headers.get("x-amz-storage-class", "STANDARD") != "STANDARD"
            or "x-amz-server-side-encryption" in request.headers
            or b"aws:kms" in _ask(moto, request, "encryption").body
        )
        return source == f"{bucket}/{key}" and not request.query and not changes

    def _ignores_acls(self, request: Request, moto: Handler) -> bool:
        return b"BucketOwnerEnforced" in _ask(moto, request, "ownershipControls").body

    def _create_bucket(self, request: Request, bucket: str, moto: Handler) -> Response:
        tags = _tags(request.body)
        head = Request("HEAD", request.path, "", _signed(request))
        existed = moto(head).status == 200
        if existed and tags and request.region == "us-east-1":
            # Without tags this region answers 200, even for a bucket that is there (F43).
            message = "Your previous request to create the named bucket succeeded and you already own it."
            return _error(409, "BucketAlreadyOwnedByYou", message, bucket)
        response = moto(request)
        if response.status == 200 and not existed:
            settings = {
                "encryption": ENCRYPTION,
                "publicAccessBlock": PUBLIC_ACCESS_BLOCK,
                "ownershipControls": OWNERSHIP.format(
                    escape(request.headers.get("x-amz-object-ownership", "BucketOwnerEnforced"))
                ),
            }
            if tags:
                settings["tagging"] = _tagging(tags)
            for name, document in settings.items():
                put = Request("PUT", request.path, name, _signed(request), document.encode())
                moto(put)
        return response


def bucket_and_key(request: Request) -> tuple[str, str]:
    """The bucket and the key of a request, from its path, or the bucket from its host."""
    path = unquote(request.path).lstrip("/")
    host = re.fullmatch(r"(?P<bucket>.+)\.localhost(:\d+)?", request.headers.get("host", ""))
    if host:
        return host["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key


def _named_versions(body: bytes) -> list[tuple[str, str]]:
    """The objects of a DeleteObjects request with a version."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError:
        return []
    named = ((each.findtext("{*}Key"), each.findtext("{*}VersionId")) for each in root.iterfind("{*}Object"))
    return [(key, version) for key, version in named if key and version]


def _with_markers(request: Request, response: Response, markers: set[tuple[str, str]]) -> Response:
    """The response to a deletion, with the deleted versions marked as delete markers."""
    if request.method == "DELETE":
        return replace(response, headers={**response.headers, "x-amz-delete-marker": "true"})

    def told(found: re.Match[bytes]) -> bytes:
        element = ElementTree.fromstring(found[0])  # noqa: S314
        version = element.findtext("VersionId") or ""
        if (element.findtext("Key"), version) not in markers:
            return found[0]
        marker = f"<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>{version}</DeleteMarkerVersionId>"
        return found[0].replace(b"</Deleted>", marker.encode() + b"</Deleted>")

    return response.with_body(DELETED.sub(told, response.body))


def _has_key_without_kms(body: bytes) -> bool:
    return b"<KMSMasterKeyID>" in body and b"<SSEAlgorithm>AES256<" in body


def _is_signed(request: Request) -> bool:
    return "authorization" in request.headers or "Signature=" in request.query


def _ask(moto: Handler, request: Request, what: str) -> Response:
    """moto's response about a setting of the request's bucket."""
    path = "/" if ".localhost" in request.headers.get("host", "") else f"/{request.path.split('/')[1]}"
    return moto(Request("GET", path, what, _signed(request)))


def _holds(statement: Mapping[str, Any]) -> bool:
    """Whether a statement's conditions hold for requests to the local cloud."""
    probe = {
        "Effect": "Allow",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": statement.get("Condition", {}),
    }
    return iam.evaluate([{"Statement": [probe]}], "s3:GetObject", "*", SECURE) is iam.Decision.ALLOW


def _unconditional(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in statement.items() if key != "Condition"}


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


def _error(status: int, code: str, message: str, bucket: str, method: str = "GET") -> Response:
    document = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message><BucketName>{escape(bucket)}</BucketName></Error>"
    )
    body = b"" if method == "HEAD" else document.encode()
    return Response(status, {"Content-Type": "application/xml"}, body)
