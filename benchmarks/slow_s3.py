"""An S3 of one bucket that answers every call after a fixed time, in a process of its own.

It knows what emptying and reading ask for: ListObjectVersions, ListObjectsV2, GetObject, DeleteObjects, and
what commands ask first, GetCallerIdentity.
Its answers are as long as S3's, so that reading them costs what it costs on AWS.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import json
import multiprocessing
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from html import unescape
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import requests
from botocore.session import Session

from mysfits_stream.aws.account import Account
from mysfits_stream.aws.session import prepared
from mysfits_stream.aws.waiting import Interrupt
from mysfits_stream.target import Target

BUCKET = "clicks"
PAGE = 1000
START_SECONDS = 30.0
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MODIFIED = "<LastModified>2026-11-23T12:00:00.000Z</LastModified>"
ACCOUNT = "123456789012"
IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    f"<Arn>arn:aws:iam::{ACCOUNT}:user/me</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
).encode()
OWNER = f"<Owner><ID>{'75aa57f09aa0c8ca' * 4}</ID></Owner>"

Version = tuple[str, str]
"""Key and version id, in the order in which they are listed."""


@dataclass(frozen=True)
class SlowS3:
    """The stand-in, as its user sees it."""

    address: str

    def fill(self, contents: dict[str, str], *, markers: bool = False) -> None:
        """Forget what was there and hold these objects; with ``markers`` all of them deleted."""
        requests.post(
            f"{self.address}/_fill", json={"contents": contents, "markers": markers}, timeout=60
        ).raise_for_status()

    def load(self, files: dict[str, str]) -> None:
        """Forget what was there and hold the contents of these files: key -> path."""
        requests.post(f"{self.address}/_load", json=files, timeout=600).raise_for_status()

    def versions(self) -> int:
        """How many versions and markers there are."""
        return int(requests.get(f"{self.address}/_versions", timeout=60).text)

    def target(self) -> Target:
        """What our code is given to reach it."""
        core = Session()
        core.set_credentials("x", "x")
        return Target(
            name="local",
            account=Account(ACCOUNT, "us-east-1"),
            session=prepared(core),
            endpoint_url=self.address,
            invoke_url="",
            mysfits_api=None,
            interrupt=Interrupt(),
        )


@contextmanager
def slow_s3(seconds: float) -> Iterator[SlowS3]:
    """Serve on loopback until the block ends; every call takes ``seconds`` longer."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, seconds), daemon=True)
    server.start()
    try:
        if not ours.poll(START_SECONDS):
            raise TimeoutError("the stand-in for S3 did not start")
        yield SlowS3(f"http://127.0.0.1:{ours.recv()}")
    finally:
        server.terminate()
        server.join(10)


def key(hour: int, number: int) -> str:
    """A key as Firehose makes them, of a day's hour."""
    return f"firehose/2026/11/23/{hour:02d}/shop-clicks-1-2026-11-23-{hour:02d}-00-00-{uuid.UUID(int=number)}"


class Bucket:
    """What the stand-in holds, and its answers."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}
        self._keys: list[str] = []
        self._versions: list[Version] = []
        self._held: dict[Version, str] = {}
        """Version -> what a listing says of it."""

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> bytes:
        """The body of the answer to a request."""
        if path == "/_fill":
            return self._fill(**json.loads(body))
        if path == "/_load":
            return self._load(json.loads(body))
        if method == "HEAD":
            return b""
        if path == "/_versions":
            return str(len(self._held)).encode()
        if b"Action=GetCallerIdentity" in body:
            return IDENTITY
        if method == "POST" and "delete" in query:
            return self._delete(body)
        if "versions" in query:
            return self._list_versions(query)
        if "list-type" in query:
            return self._list(query)
        return self._contents[unquote(path).split("/", 2)[2]]

    def _fill(self, contents: dict[str, str], markers: bool) -> bytes:
        self._contents = {key: text.encode() for key, text in contents.items()}
        self._keys = sorted(contents)
        kinds = "mv" if markers else "v"
        self._versions = [(key, _version_id(kind, key)) for key in self._keys for kind in kinds]
        self._held = {version: _version_entry(version) for version in self._versions}
        return b""

    def _load(self, files: dict[str, str]) -> bytes:
        self._contents = {key: Path(path).read_bytes() for key, path in files.items()}
        self._keys = sorted(files)
        return b""

    def _delete(self, body: bytes) -> bytes:
        found = re.findall(r"<Key>(.*?)</Key><VersionId>(.*?)</VersionId>", body.decode())
        for key, version in found:
            self._held.pop((unescape(key), version), None)
        told = "" if b"<Quiet>true</Quiet>" in body else "".join(map(_deleted_entry, found))
        return f'<DeleteResult xmlns="{NAMESPACE}">{told}</DeleteResult>'.encode()

    def _list_versions(self, query: dict[str, str]) -> bytes:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = (query.get("key-marker", ""), query.get("version-id-marker", "~"))
        start = bisect.bisect_left(self._versions, (prefix, ""))
        if after[0]:
            start = max(start, bisect.bisect_right(self._versions, after))
        page: list[Version] = []
        prefixes: dict[str, None] = {}
        more = ""
        for version in itertools.islice(self._versions, start, None):
            key = version[0]
            if not key.startswith(prefix):
                break
            if version not in self._held:
                continue
            if len(page) + len(prefixes) == PAGE:
                more = (
                    f"<NextKeyMarker>{quote(page[-1][0])}</NextKeyMarker>"
                    f"<NextVersionIdMarker>{page[-1][1]}</NextVersionIdMarker>"
                )
                break
            head, found, _ = key[len(prefix) :].partition(delimiter or "\0")
            if found:
                prefixes[f"{prefix}{head}{delimiter}"] = None
            else:
                page.append(version)
        entries = "".join(self._held[version] for version in page)
        entries += "".join(
            f"<CommonPrefixes><Prefix>{quote(each)}</Prefix></CommonPrefixes>" for each in prefixes
        )
        return _listing("ListVersionsResult", entries, more)

    def _list(self, query: dict[str, str]) -> bytes:
        prefix = query.get("prefix", "")
        after = max(query.get("continuation-token", ""), query.get("start-after", ""))
        start = bisect.bisect_right(self._keys, max(prefix, after))
        found = [key for key in self._keys[start : start + PAGE + 1] if key.startswith(prefix)]
        page, more = found[:PAGE], ""
        if len(found) > PAGE:
            more = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>"
        return _listing(
            "ListBucketResult", "".join(_entry(key, len(self._contents[key])) for key in page), more
        )


def _version_id(kind: str, key: str) -> str:
    return kind + md5(key.encode(), usedforsecurity=False).hexdigest()[1:]


def _version_entry(version: Version) -> str:
    key, version_id = version
    about = f"<Key>{quote(key)}</Key><VersionId>{version_id}</VersionId>{MODIFIED}{OWNER}"
    if version_id.startswith("m"):
        return f"<DeleteMarker>{about}<IsLatest>true</IsLatest></DeleteMarker>"
    return (
        f"<Version>{about}<IsLatest>false</IsLatest><ETag>&quot;{'0' * 32}&quot;</ETag>"
        "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
        "<Size>100</Size><StorageClass>STANDARD</StorageClass></Version>"
    )


def _deleted_entry(version: Version) -> str:
    key, version_id = version
    marker = ""
    if version_id.startswith("m"):
        marker = (
            f"<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>{version_id}</DeleteMarkerVersionId>"
        )
    return f"<Deleted>{marker}<Key>{key}</Key><VersionId>{version_id}</VersionId></Deleted>"


def _entry(key: str, size: int) -> str:
    return (
        f"<Contents><Key>{quote(key)}</Key>{MODIFIED}"
        f"<ETag>&quot;{'0' * 32}&quot;</ETag><Size>{size}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


def _listing(name: str, entries: str, more: str) -> bytes:
    truncated = "true" if more else "false"
    return (
        f'<{name} xmlns="{NAMESPACE}"><Name>{BUCKET}</Name><EncodingType>url</EncodingType>'
        f"<IsTruncated>{truncated}</IsTruncated>{more}{entries}</{name}>"
    ).encode()


def _serve(port: Connection, seconds: float) -> None:
    """Answer requests until terminated; sends its port first."""
    bucket = Bucket()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, target, _ = head.split(" ", 2)
                if "expect: 100-continue" in head.lower():
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                length = re.search(r"(?i)\r\ncontent-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1])) if length else b""
                url = urlsplit(target)
                query: Any = parse_qs(url.query, keep_blank_values=True)
                if not url.path.startswith("/_"):
                    await asyncio.sleep(seconds)  # the simulated latency of S3
                answer = bucket.answer(
                    method, url.path, {name: values[0] for name, values in query.items()}, body
                )
                writer.write(
                    f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n".encode("latin-1") + answer
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def forever() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**20)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())
