"""Every version of every object of a bucket, unpacked, and with the records of error lines."""

from __future__ import annotations

import base64
import re
from typing import Any

from mysfits_stream.books import packing

RAW = re.compile(rb'"rawData": ?"([^"]*)"')


def every_version(s3: Any, bucket: str, *, unpack: bool = True) -> list[tuple[str, bytes]]:
    """Key and contents of each version."""
    found = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in page.get("Versions", ()):
            answer = s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
            body = answer["Body"].read()
            found.append((each["Key"], packing.contents(body, each["Key"]) if unpack else body))
    return found


def with_records(contents: bytes) -> bytes:
    """The contents, and behind them what the error lines hold in base64."""
    return b"\n".join([contents, *(base64.b64decode(raw) for raw in RAW.findall(contents))])
